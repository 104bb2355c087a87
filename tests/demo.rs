//! `medial demo` as a newcomer meets it: start it, paste what it prints, stop it, start it again.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on must stop, wherever it is"
)]

mod support;

use serde_json::Value;
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use support::program::{Directory, end};

/// The demonstration while it serves. It is killed with the test.
struct Demo {
    child: Child,
    /// What it printed up to the last line to paste.
    said: String,
}

impl Demo {
    fn start(directory: &Directory, arguments: &[&str]) -> Demo {
        let own = ["demo", "--patients", "40", "--http-bind", "127.0.0.1:0"];
        let mut child = directory
            .medial(&[&own, arguments].concat())
            .env("HOME", directory.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut said = String::new();
        while !said.contains("--output determinations.csv") {
            let Some(line) = lines.next() else {
                let mut errors = String::new();
                child
                    .stderr
                    .take()
                    .unwrap()
                    .read_to_string(&mut errors)
                    .unwrap();
                panic!("it ended early:\n{said}\n{errors}");
            };
            said.push_str(&line.unwrap());
            said.push('\n');
        }
        Demo { child, said }
    }

    /// The commands to paste, as they are printed.
    fn commands(&self) -> Vec<String> {
        let paragraphs = self.said.split("\n\n").map(str::trim);
        let commands: Vec<String> = paragraphs
            .filter(|paragraph| paragraph.starts_with("curl "))
            .map(str::to_owned)
            .collect();
        assert_eq!(commands.len(), 3, "{}", self.said);
        commands
    }

    /// Stops it; what it said on its error stream.
    fn stop(mut self) -> String {
        let code = end(&mut self.child, "-TERM");
        let mut errors = String::new();
        self.child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut errors)
            .unwrap();
        assert_eq!(code, Some(0), "{errors}");
        errors
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Pastes a command into a shell; what it prints.
fn paste(directory: &Directory, command: &str) -> String {
    let output = Command::new("bash")
        .args(["-c", command])
        .current_dir(directory.path())
        .output()
        .unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command}\n{printed}\n{errors}");
    printed
}

#[test]
fn what_is_printed_works_when_pasted_and_a_second_start_reuses_what_is_there() {
    let directory = Directory::new();
    let demo = Demo::start(&directory, &[]);
    for role in ["ehr_system", "clinician", "analyst", "auditor", "admin"] {
        assert!(
            demo.said.contains(&format!("\n  {role}\n  ey")),
            "{}",
            demo.said
        );
    }
    let [record, list, export] = demo.commands().try_into().unwrap();

    let recorded: Value = serde_json::from_str(&paste(&directory, &record)).unwrap();
    assert_eq!(
        recorded["nerves"].as_array().unwrap().len(),
        3,
        "{recorded}"
    );
    let determinations = recorded["determinations"].as_array().unwrap();
    let judged_by: BTreeSet<_> = determinations
        .iter()
        .map(|one| one["profile"].to_string())
        .collect();
    assert!(judged_by.len() >= 10, "{judged_by:?}");
    assert!(
        determinations
            .iter()
            .any(|one| one["next_step"] == "confirmatory_block")
    );

    let listed: Value = serde_json::from_str(&paste(&directory, &list)).unwrap();
    let candidates = listed["items"].as_array().unwrap();
    assert!(!candidates.is_empty(), "{listed}");
    let waiting: Vec<_> = candidates
        .iter()
        .map(|one| one["waiting_days"].as_i64().unwrap())
        .collect();
    assert!(
        waiting.is_sorted_by(|longer, shorter| longer >= shorter),
        "{waiting:?}"
    );

    paste(&directory, &export);
    let exported = std::fs::read_to_string(directory.path().join("determinations.csv")).unwrap();
    assert!(exported.lines().count() > 100, "{exported}");
    assert!(!exported.contains("Synthetic-"), "names are left out");

    let errors = demo.stop();
    assert!(errors.contains("Made a synthetic cohort"), "{errors}");

    let again = Demo::start(&directory, &[]);
    let [record, list, _] = again.commands().try_into().unwrap();
    let repeated: Value = serde_json::from_str(&paste(&directory, &record)).unwrap();
    assert_eq!(
        repeated["id"], recorded["id"],
        "the same key gives the same block"
    );
    let same: Value = serde_json::from_str(&paste(&directory, &list)).unwrap();
    assert_eq!(same["items"], listed["items"]);
    let errors = again.stop();
    assert!(errors.contains("Using the cohort in"), "{errors}");
}

#[test]
fn another_cohort_is_made_only_when_that_is_asked_for() {
    let directory = Directory::new();
    Demo::start(&directory, &["--seed", "1"]).stop();
    let errors = Demo::start(&directory, &["--seed", "2"]).stop();
    assert!(errors.contains("--fresh"), "{errors}");
    let errors = Demo::start(&directory, &["--seed", "2", "--fresh"]).stop();
    assert!(errors.contains("Made a synthetic cohort"), "{errors}");
    assert!(errors.contains("seed 2"), "{errors}");
}

#[test]
fn a_database_that_is_not_the_demonstrations_is_left_alone() {
    let directory = Directory::new();
    let url = format!("sqlite://{}", directory.path().join("own.db").display());
    let migrated = directory
        .medial(&["migrate", "--database-url", &url])
        .output()
        .unwrap();
    assert!(migrated.status.success());
    let refused = directory
        .medial(&["demo", "--http-bind", "127.0.0.1:0", "--database-url", &url])
        .output()
        .unwrap();
    assert_eq!(refused.status.code(), Some(2));
    let errors = String::from_utf8(refused.stderr).unwrap();
    assert!(errors.contains("not one of the demonstration"), "{errors}");
}
