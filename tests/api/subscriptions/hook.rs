//! The other end: an endpoint that keeps what it is told, and answers as it is set to.

#![allow(dead_code, reason = "each test file uses its part of this")]

use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// What came in one request.
#[derive(Debug, Clone)]
pub struct Received {
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Received {
    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value)
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

#[derive(Default)]
struct Kept {
    received: Mutex<Vec<Received>>,
    open: Mutex<Vec<TcpStream>>,
    /// The status to answer; 0: nothing is ever answered.
    status: AtomicU16,
    ended: AtomicBool,
}

/// An endpoint.
pub struct Hook {
    kept: Arc<Kept>,
    port: u16,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Hook {
    /// One that answers with this status; with 0, never.
    pub fn answering(status: u16) -> Hook {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let kept = Arc::new(Kept::default());
        kept.status.store(status, Ordering::SeqCst);
        let shared = Arc::clone(&kept);
        let thread = std::thread::spawn(move || {
            for connection in listener.incoming() {
                if shared.ended.load(Ordering::SeqCst) {
                    return;
                }
                let (connection, shared) = (connection.unwrap(), Arc::clone(&shared));
                std::thread::spawn(move || serve(connection, &shared));
            }
        });
        Hook {
            kept,
            port,
            thread: Some(thread),
        }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/told", self.port)
    }

    /// From now on it answers with this status.
    pub fn answer(&self, status: u16) {
        self.kept.status.store(status, Ordering::SeqCst);
    }

    pub fn received(&self) -> Vec<Received> {
        self.kept.received.lock().unwrap().clone()
    }

    /// What came so far, which is forgotten here.
    pub fn take(&self) -> Vec<Received> {
        std::mem::take(&mut self.kept.received.lock().unwrap())
    }

    /// Waits until it was told so much.
    pub fn wait_for(&self, count: usize) {
        let begun = Instant::now();
        while self.kept.received.lock().unwrap().len() < count {
            assert!(begun.elapsed() < Duration::from_secs(9), "nothing came");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Closes the connections that were never answered.
    pub fn hang_up(&self) {
        for connection in self.kept.open.lock().unwrap().drain(..) {
            let _ = connection.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for Hook {
    fn drop(&mut self) {
        self.kept.ended.store(true, Ordering::SeqCst);
        self.hang_up();
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn serve(connection: TcpStream, kept: &Kept) {
    let mut reader = BufReader::new(connection.try_clone().unwrap());
    let Some(received) = read(&mut reader) else {
        return;
    };
    kept.received.lock().unwrap().push(received);
    let status = kept.status.load(Ordering::SeqCst);
    if status == 0 {
        kept.open.lock().unwrap().push(connection);
        return;
    }
    let answer = format!(
        "HTTP/1.1 {status} X\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    );
    let mut connection = connection;
    let _ = connection.write_all(answer.as_bytes());
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Received> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        let line = line.trim_end().to_owned();
        if line.is_empty() {
            break;
        }
        lines.push(line);
    }
    let path = lines.first()?.split(' ').nth(1)?.to_owned();
    let headers: Vec<(String, String)> = lines
        .iter()
        .skip(1)
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length = length.map_or(0, |(_, value)| value.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Received {
        path,
        headers,
        body: String::from_utf8(body).unwrap(),
    })
}
