//! Rules that show only on a real connection.

use super::*;
use actix_web::dev::ServerHandle;
use actix_web::rt::System as Runtime;
use std::io::{self, Read};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

/// A server on a free port, stopped when the test is over.
struct Running {
    address: SocketAddr,
    handle: ServerHandle,
    thread: Option<thread::JoinHandle<()>>,
}

impl Running {
    fn start(state: State<Toy>) -> Running {
        let (tell, told) = mpsc::channel();
        let thread = thread::spawn(move || {
            Runtime::new().block_on(async {
                let (server, addresses) = bind(state).unwrap();
                tell.send((addresses[0], server.handle())).unwrap();
                server.await.unwrap();
            });
        });
        let (address, handle) = told.recv().unwrap();
        Running {
            address,
            handle,
            thread: Some(thread),
        }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        stream
    }

    fn ask(&self, head: &str, body: &[u8]) -> String {
        String::from_utf8_lossy(&self.ask_for_bytes(head, body)).into_owned()
    }

    fn ask_for_bytes(&self, head: &str, body: &[u8]) -> Vec<u8> {
        let mut stream = self.connect();
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body).unwrap();
        let mut answer = Vec::new();
        // A connection that is reset after its answer is an end like any other.
        let _ = stream.read_to_end(&mut answer);
        answer
    }

    fn stop(&mut self) {
        if let Some(thread) = self.thread.take() {
            drop(self.handle.stop(true));
            thread.join().unwrap();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take() {
            drop(self.handle.stop(false));
            drop(thread);
        }
    }
}

fn all(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    // A connection that is reset after its answer is an end like any other.
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn head(method: &str, path: &str, rest: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ann@north\r\n{rest}\r\n")
}

fn until(what: &str, condition: impl Fn() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < Duration::from_secs(20), "{what}");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_body_that_drips_is_cut_off() {
    let mut settings = settings();
    settings.deadline = Duration::from_millis(300);
    let server = Running::start(state_with(settings));
    let mut stream = server.connect();
    let json = "Content-Type: application/json\r\nContent-Length: 1000\r\n";
    stream
        .write_all(head("POST", "/v1/notes", json).as_bytes())
        .unwrap();
    let mut dripping = stream.try_clone().unwrap();
    thread::spawn(move || {
        while dripping.write_all(b" ").is_ok() {
            thread::sleep(Duration::from_millis(20))
        }
    });
    let begun = Instant::now();
    let answer = all(&mut stream);
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.contains("request_timeout"));
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[test]
fn too_large_a_body_gets_its_answer_even_from_a_client_that_only_writes_first() {
    let server = Running::start(state_with(settings()));
    for size in [2_000_000, 40_000_000] {
        let json = format!(
            "Content-Type: application/json\r\nConnection: close\r\nContent-Length: {size}\r\n"
        );
        let answer = server.ask(&head("POST", "/v1/notes", &json), &vec![b' '; size]);
        assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    }
}

#[test]
fn a_panic_does_not_end_the_server() {
    let server = Running::start(state_with(settings()));
    for _ in 0..50 {
        let answer = server.ask(&head("GET", "/v1/fail/panic", "Connection: close\r\n"), b"");
        assert!(answer.starts_with("HTTP/1.1 500 "), "{answer}");
    }
    assert!(
        server
            .ask(&head("GET", "/v1/notes", "Connection: close\r\n"), b"")
            .starts_with("HTTP/1.1 200 ")
    );
}

#[test]
fn a_stream_is_held_back_by_a_slow_client_and_stops_without_one() {
    let state = state_with(settings());
    let app = state.app.clone();
    let server = Running::start(state.clone());
    let mut stream = server.connect();
    stream
        .write_all(head("GET", "/v1/stream/endless.csv", "").as_bytes())
        .unwrap();
    let mut piece = [0; 100_000];
    stream.read_exact(&mut piece).unwrap();
    // Nobody reads: once the buffers between are full nothing more is written.
    until("it is held back", || {
        let before = app.written.load(Ordering::SeqCst);
        thread::sleep(Duration::from_millis(300));
        before == app.written.load(Ordering::SeqCst)
    });
    let before = app.written.load(Ordering::SeqCst);
    assert!(
        before < 64 * 1024 * 1024,
        "{before} bytes are waiting somewhere"
    );
    assert_eq!(app.stopped.load(Ordering::SeqCst), 0);
    assert_eq!(
        state.streams.available_permits(),
        state.settings.streams - 1
    );
    drop(stream);
    until("it stops", || app.stopped.load(Ordering::SeqCst) == 1);
    until("its permit is back", || {
        state.streams.available_permits() == state.settings.streams
    });
}

#[test]
fn a_client_that_reads_nothing_is_given_up() {
    let mut settings = settings();
    settings.stall = Duration::from_millis(200);
    let state = state_with(settings);
    let server = Running::start(state.clone());
    let mut stream = server.connect();
    stream
        .write_all(head("GET", "/v1/stream/endless.csv", "").as_bytes())
        .unwrap();
    until("it is given up", || {
        state.app.stopped.load(Ordering::SeqCst) == 1
    });
}

#[test]
fn a_stream_that_fails_breaks_off() {
    let server = Running::start(state_with(settings()));
    let answer = server.ask(
        &head("GET", "/v1/stream/breaks.csv", "Connection: close\r\n"),
        b"",
    );
    assert!(answer.starts_with("HTTP/1.1 200 "));
    assert!(
        !answer.ends_with("0\r\n\r\n"),
        "a client must see that something is missing"
    );
    let whole = server.ask(
        &head("GET", "/v1/stream/short.csv", "Connection: close\r\n"),
        b"",
    );
    assert!(whole.ends_with("0\r\n\r\n"));
}

#[test]
fn answers_are_compressed_for_those_who_want_it() {
    let server = Running::start(state_with(settings()));
    let plain = server.ask(&head("GET", "/openapi.yaml", "Connection: close\r\n"), b"");
    assert!(plain.contains("openapi: 3.1.0"));
    let wants = "Connection: close\r\nAccept-Encoding: gzip\r\n";
    let packed = server.ask_for_bytes(&head("GET", "/openapi.yaml", wants), b"");
    assert!(String::from_utf8_lossy(&packed).contains("content-encoding: gzip"));
    assert!(packed.len() * 3 < plain.len());
}

#[test]
fn stopping_finishes_what_is_under_way() {
    let state = state_with(settings());
    let app = state.app.clone();
    let mut server = Running::start(state);
    let mut stream = server.connect();
    stream
        .write_all(head("GET", "/v1/wait", "Connection: close\r\n").as_bytes())
        .unwrap();
    until("it is under way", || {
        app.handled.load(Ordering::SeqCst) == 1
    });
    let address = server.address;
    let opener = thread::spawn(move || {
        until("nobody else is let in", || {
            TcpStream::connect(address).is_err()
        });
        app.gate.open();
    });
    server.stop();
    opener.join().unwrap();
    assert!(all(&mut stream).starts_with("HTTP/1.1 200 "));
}

#[test]
fn an_idle_connection_and_a_slow_head_are_closed() {
    let mut settings = settings();
    settings.head_timeout = Duration::from_millis(200);
    let server = Running::start(state_with(settings));
    let mut stream = server.connect();
    stream.write_all(b"GET /v1/notes HT").unwrap();
    let answer = all(&mut stream);
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 408 "),
        "{answer}"
    );
    assert!(matches!(
        stream.read(&mut [0]),
        Ok(0) | Err(io::Error { .. })
    ));
}

#[test]
fn stopping_does_not_wait_for_idle_connections() {
    let mut server = Running::start(state_with(settings()));
    let mut idle = server.connect();
    idle.write_all(head("GET", "/health/live", "").as_bytes())
        .unwrap();
    let mut first = [0; 12];
    idle.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    let _silent = server.connect();
    let begun = Instant::now();
    server.stop();
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
}
