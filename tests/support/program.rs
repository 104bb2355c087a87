//! The program as somebody types it, in a directory of its own.

#![allow(dead_code, reason = "each test file uses its part of this")]
#![allow(
    clippy::unwrap_used,
    reason = "only tests call this: what cannot be set up fails the test"
)]

use medial::seam::{Outside, System};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A temporary directory that goes with the test.
pub struct Directory(PathBuf);

impl Directory {
    /// A new, empty one.
    pub fn new() -> Directory {
        let name = format!("medial-test-{:032x}", System::default().random());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap();
        Directory(path)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file in it.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// The program here, with nothing of this process's environment that configures it.
    pub fn medial(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_medial"));
        command
            .current_dir(&self.0)
            .args(arguments)
            .stdin(Stdio::null());
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("MEDIAL_") {
                command.env_remove(name);
            }
        }
        command
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Sends a signal (`-TERM`) to a running program and waits for its end, at most 20 seconds; its exit code.
pub fn end(child: &mut Child, signal: &str) -> Option<i32> {
    let sent = Command::new("kill")
        .args([signal, &child.id().to_string()])
        .status();
    assert!(sent.unwrap().success());
    let asked = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        assert!(
            asked.elapsed() < Duration::from_secs(20),
            "it does not stop"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}
