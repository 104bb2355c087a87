//! The program, serving one test, and a client of its API.

use crate::support::program::{Directory, end};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Stdio};
use std::sync::mpsc;
use std::time::Duration;

const SECRET: &str = "a secret that only these tests of pages know";
/// What everybody here signs in with.
pub const PASSWORD: &str = "correct horse battery staple";

/// The running program on a database of its own.
pub struct Service {
    directory: Directory,
    running: Option<Child>,
    address: String,
}

impl Service {
    /// An empty one of the organization `north`, with the clinician `ada`.
    pub fn start() -> Service {
        let service = Service::stopped();
        service.add_user("ada", "clinician");
        service.started(&["serve"])
    }

    /// The demonstration with its synthetic cohort.
    pub fn demonstration(patients: &str) -> Service {
        Service::stopped().started(&["demo", "--patients", patients])
    }

    fn stopped() -> Service {
        Service {
            directory: Directory::new(),
            running: None,
            address: "127.0.0.1:0".to_owned(),
        }
    }

    fn started(mut self, arguments: &[&str]) -> Service {
        self.run(arguments);
        self
    }

    /// Starts it where it was before.
    pub fn start_again(&mut self) {
        self.run(&["serve"]);
    }

    fn run(&mut self, arguments: &[&str]) {
        let bind = ["--http-bind", &self.address, "--log-format", "json"];
        let mut child = self
            .directory
            .medial(&[arguments, &bind].concat())
            .env("MEDIAL_TOKENS_SECRET", SECRET)
            .env("HOME", self.directory.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (said, errors) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        // The demonstration says where it is on the one, the service on the other.
        let (address, found) = mpsc::channel();
        let also = address.clone();
        std::thread::spawn(move || read(said, &also));
        std::thread::spawn(move || read(errors, &address));
        let found = found.recv_timeout(Duration::from_secs(60));
        self.address = found.unwrap_or_else(|_| {
            let _ = child.kill();
            panic!("it does not start: {arguments:?}")
        });
        self.running = Some(child);
    }

    /// Stops it, as if the network were gone.
    pub fn stop(&mut self) {
        let mut running = self.running.take().expect("it runs");
        assert_eq!(end(&mut running, "-TERM"), Some(0));
    }

    /// Lets somebody sign in.
    pub fn add_user(&self, login: &str, role: &str) {
        let password = self.directory.write("password", PASSWORD);
        let mut command = self.directory.medial(&[
            "user",
            "add",
            login,
            "--role",
            role,
            "--organization",
            "north",
            "--password-file",
            password.to_str().unwrap(),
        ]);
        let output = command.env("MEDIAL_TOKENS_SECRET", SECRET).output();
        let output = output.unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{errors}");
    }

    /// The address of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn token(&self, role: &str) -> String {
        let arguments = [
            "token",
            "--role",
            role,
            "--organization",
            "north",
            "--subject",
            "tests",
        ];
        let mut command = self.directory.medial(&arguments);
        let output = command.env("MEDIAL_TOKENS_SECRET", SECRET).output();
        let output = output.unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// An answer of the API, to the record system of `north`.
    pub fn get(&self, path: &str) -> Value {
        let bearer = format!("Bearer {}", self.token("ehr_system"));
        let mut answer = ureq::get(self.url(path))
            .header("authorization", bearer)
            .call()
            .unwrap_or_else(|error| panic!("GET {path}: {error}"));
        serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap()
    }

    /// What the API answers to a body of the record system of `north`.
    pub fn post(&self, path: &str, body: &Value) -> Value {
        self.post_as("ehr_system", path, body)
    }

    /// What the API answers to a body of somebody of `north`.
    pub fn post_as(&self, role: &str, path: &str, body: &Value) -> Value {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .build()
            .into();
        let mut answer = agent
            .post(self.url(path))
            .header("authorization", format!("Bearer {}", self.token(role)))
            .header("content-type", "application/json")
            .send(body.to_string())
            .unwrap();
        let text = answer.body_mut().read_to_string().unwrap();
        assert!(answer.status().is_success(), "POST {path}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    /// Records a patient with this family name.
    pub fn record_patient(&self, family: &str) -> Value {
        let body = json!({
            "identifiers": [{"system": "urn:example:synthetic", "value": "SYNTHETIC-1"}],
            "birth_date": "1970-01-01",
            "family_name": family,
            "given_name": "Test",
        });
        self.post("/v1/patients", &body)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if let Some(mut running) = self.running.take() {
            let _ = running.kill();
            let _ = running.wait();
        }
    }
}

/// Reads to the end, so that the program never waits for a reader; tells the address in it.
fn read(from: impl Read, address: &mpsc::Sender<String>) {
    for line in BufReader::new(from).lines().map_while(Result::ok) {
        let Some((_, behind)) = line.split_once("127.0.0.1:") else {
            continue;
        };
        let port: String = behind.chars().take_while(char::is_ascii_digit).collect();
        // Only the first is waited for.
        let _ = address.send(format!("127.0.0.1:{port}"));
    }
}
