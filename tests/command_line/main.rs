//! The program as it is typed: its commands, their exit codes, the service from start to stop.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on must stop, wherever it is"
)]

#[path = "../support/mod.rs"]
mod support;

mod analyze;
mod backup;
mod callers;
mod evaluate;
#[path = "../api/subscriptions/hook.rs"]
mod hook;
mod subscriptions;
mod users;

use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;
use support::program::{Directory, end};

const SECRET: &str = "a secret of the tests, thirty-two bytes or more";

/// A working directory that goes with the test, and what is configured there.
struct Place(Directory);

impl Place {
    fn new() -> Place {
        Place(Directory::new())
    }

    fn write(&self, name: &str, text: &str) {
        self.0.write(name, text);
    }

    fn medial(&self, arguments: &[&str]) -> Command {
        let mut command = self.0.medial(arguments);
        command.env("MEDIAL_TOKENS_SECRET", SECRET);
        command
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(self.medial(arguments).output().unwrap())
    }
}

struct Ran {
    code: i32,
    out: String,
    err: String,
}

impl Ran {
    fn of(output: Output) -> Ran {
        Ran {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    #[track_caller]
    fn ends_with(self, code: i32) -> Ran {
        assert_eq!(self.code, code, "out:\n{}\nerr:\n{}", self.out, self.err);
        self
    }
}

#[test]
fn every_command_explains_itself() {
    let place = Place::new();
    let help = place.run(&["--help"]).ends_with(0).out;
    let commands = [
        "serve", "doctor", "migrate", "token", "user", "client", "evaluate", "demo", "import",
        "export", "analyze", "backup", "restore",
    ];
    for command in commands {
        assert!(
            help.lines()
                .any(|line| line.trim_start().starts_with(&format!("{command} "))),
            "{command}"
        );
        for flag in ["-h", "--help"] {
            let help = place.run(&[command, flag]).ends_with(0).out;
            assert!(help.contains(&format!("Usage: medial {command}")), "{help}");
            assert!(!help.contains(SECRET), "{help}");
        }
    }
    place.run(&[]).ends_with(2);
    place.run(&["no-such-command"]).ends_with(2);
}

#[test]
fn help_names_every_setting_with_its_variable_and_default() {
    let place = Place::new();
    let help = place.run(&["serve", "--help"]).ends_with(0).out;
    let document = include_str!("../../docs/configuration.md");
    let variables = document
        .lines()
        .filter_map(|line| line.strip_prefix("- Environment: `"));
    let mut count = 0;
    for variable in variables.filter_map(|line| line.strip_suffix('`')) {
        assert!(help.contains(variable), "{variable}");
        count += 1;
    }
    assert!(count >= 35, "{count}");
    // Wrapped as wide as the terminal, so only short ones are looked for.
    for default in [
        "[default: 127.0.0.1:8080]",
        "[default: text]",
        "[default: full]",
    ] {
        assert!(help.contains(default), "{default}");
    }
    let short = place.run(&["serve", "-h"]).ends_with(0).out;
    assert!(short.contains("--http-bind") && !short.contains("--http-queue"));
}

#[test]
fn flags_are_stronger_than_the_environment_and_that_is_stronger_than_the_file() {
    let place = Place::new();
    place.write("medial.toml", "[http]\nbind = \"127.0.0.1:41\"\n");
    let address = |command: &mut Command| {
        let ran = Ran::of(command.output().unwrap());
        let checks: Value = serde_json::from_str(&ran.out).unwrap();
        let mut checks = checks["checks"].as_array().unwrap().iter();
        let check = checks.find(|check| check["check"] == "address").unwrap();
        check["detail"]
            .as_str()
            .unwrap()
            .split(' ')
            .next()
            .unwrap()
            .to_owned()
    };
    let doctor = ["doctor", "--json"];
    assert_eq!(address(&mut place.medial(&doctor)), "127.0.0.1:41");
    assert_eq!(
        address(
            place
                .medial(&doctor)
                .env("MEDIAL_HTTP_BIND", "127.0.0.1:42")
        ),
        "127.0.0.1:42"
    );
    // One that is empty counts as not set.
    assert_eq!(
        address(place.medial(&doctor).env("MEDIAL_HTTP_BIND", "")),
        "127.0.0.1:41"
    );
    let flag = ["doctor", "--json", "--http-bind", "127.0.0.1:43"];
    assert_eq!(
        address(place.medial(&flag).env("MEDIAL_HTTP_BIND", "127.0.0.1:42")),
        "127.0.0.1:43"
    );
    place.write("other.toml", "[http]\nbind = \"127.0.0.1:44\"\n");
    assert_eq!(
        address(place.medial(&doctor).env("MEDIAL_CONFIG", "other.toml")),
        "127.0.0.1:44"
    );
    assert_eq!(
        address(
            place
                .medial(&["doctor", "--json", "--config=medial.toml"])
                .env("MEDIAL_CONFIG", "other.toml")
        ),
        "127.0.0.1:41"
    );
}

#[test]
fn doctor_finds_nothing_wrong_with_a_good_configuration() {
    let place = Place::new();
    place.write("medial.toml", "[http]\nbind = \"127.0.0.1:0\"\n");
    let ran = place.run(&["doctor"]).ends_with(0);
    assert!(
        !ran.out.contains("problem") && !ran.out.contains("warning"),
        "{}",
        ran.out
    );
    assert!(
        ran.out
            .contains("ok       database: medial.sqlite is not there yet and will be made"),
        "{}",
        ran.out
    );
    assert!(
        !place.0.path().join("medial.sqlite").exists(),
        "looking must not make a database"
    );
    place.run(&["migrate"]).ends_with(0);
    let ran = place.run(&["doctor"]).ends_with(0);
    assert!(
        ran.out.contains("ok       schema: up to date")
            && ran.out.contains("ok       journal: wal"),
        "{}",
        ran.out
    );
}

#[test]
fn doctor_names_everything_that_is_wrong_at_once() {
    let place = Place::new();
    let occupied = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = occupied.local_addr().unwrap();
    place.write("file", "");
    std::fs::create_dir(place.0.path().join("more")).unwrap();
    place.write("more/own.toml", "id = \"own\"\nversion = 1\nrelief = 80\n");
    place.write(
        "medial.toml",
        &format!(
            "[database]\nurl = \"sqlite://no/such/folder/medial.sqlite\"\n[http]\nbind = \"{address}\"\n[tokens]\njwks = \"no-keys.json\"\n[judging]\nprofiles_directory = \"more\"\n[exports]\ndirectory = \"file/exports\"\n[log]\nformat = \"xml\"\ncolour = 1\n"
        ),
    );
    let mut command = place.medial(&["doctor", "--json"]);
    let ran = Ran::of(
        command
            .env("MEDIAL_TOKENS_SECRET", "short")
            .output()
            .unwrap(),
    )
    .ends_with(1);
    let found: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(found["ok"], false);
    let problems: Vec<(String, String)> = found["checks"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|check| check["status"] == "problem")
        .map(|check| {
            let part = |name: &str| check[name].as_str().unwrap().to_owned();
            assert!(!part("advice").is_empty());
            (part("check"), part("detail"))
        })
        .collect();
    let expected = [
        (
            "setting",
            "medial.toml:12: log.format: expected text or json",
        ),
        (
            "setting",
            "medial.toml:13: there is no key `colour` in [log]; known are filter, format",
        ),
        (
            "setting",
            "MEDIAL_TOKENS_SECRET: tokens.secret: the secret has 5 bytes and needs 32 or more",
        ),
        ("profiles", "more/own.toml:"),
        ("address", "cannot be listened at"),
        ("exports", "file/exports cannot be written to"),
        ("database", "the directory no/such/folder is not there"),
    ];
    assert_eq!(problems.len(), expected.len(), "{problems:#?}");
    for ((check, detail), (expected_check, expected)) in problems.iter().zip(expected) {
        assert_eq!(check, expected_check);
        assert!(
            detail.contains(expected),
            "{detail}\nshould contain\n{expected}"
        );
    }

    // With the section of tokens in order, the key set is tried out.
    let ran = place.run(&["doctor"]).ends_with(1);
    assert!(
        ran.out
            .lines()
            .any(|line| line.starts_with("problem  tokens: ") && line.contains("no-keys.json")),
        "{}",
        ran.out
    );
}

#[test]
fn a_configuration_that_is_wrong_starts_nothing() {
    let place = Place::new();
    place.write("medial.toml", "[http]\nbind = 8080\nworker = 2\n");
    for command in [
        &["serve"][..],
        &["migrate"],
        &["token", "--role", "admin"],
        &["backup", "x"],
    ] {
        let ran = place.run(command).ends_with(2);
        assert!(
            ran.err.contains("medial.toml:2: http.bind: ")
                && ran.err.contains("medial.toml:3: there is no key `worker`"),
            "{}",
            ran.err
        );
    }
    assert!(!place.0.path().join("medial.sqlite").exists());
}

#[test]
fn serve_needs_a_key() {
    let place = Place::new();
    let mut command = place.medial(&["serve", "--http-bind", "127.0.0.1:0"]);
    let ran = Ran::of(command.env_remove("MEDIAL_TOKENS_SECRET").output().unwrap()).ends_with(2);
    assert!(ran.err.contains("configure a secret"), "{}", ran.err);
}

#[test]
fn a_client_is_added_listed_disabled_and_removed() {
    let place = Place::new();
    let keys = include_str!("../fixtures/keys/jwks-client.json");
    place.write("keys.json", keys);
    place.write("other.json", include_str!("../fixtures/keys/jwks.json"));
    let add = |id: &str, more: &[&str]| place.run(&[&["client", "add", id], more].concat());
    let scope = [
        "--scope",
        "system/*.rs",
        "--scope",
        "system/Observation.read",
    ];
    let with_file = [&scope[..], &["--jwks", "keys.json"]].concat();
    let said = add("nightly", &with_file).ends_with(0).out;
    assert_eq!(said, "nightly may fetch tokens as ehr_system of default.\n");
    assert!(
        add("nightly", &with_file)
            .ends_with(2)
            .err
            .contains("already")
    );
    let url = "https://keys.example.org/jwks.json";
    let more = ["--jwks-url", url, "--role", "analyst", "--name", "Study"];
    add("study", &[&scope[..], &more].concat()).ends_with(0);
    let list = place.run(&["client", "list"]).ends_with(0).out;
    for word in [
        "nightly",
        "system/*.rs system/Observation.rs",
        url,
        "Study",
        "analyst",
        "active",
    ] {
        assert!(list.contains(word), "{word}: {list}");
    }
    place.run(&["client", "disable", "nightly"]).ends_with(0);
    assert!(place.run(&["client", "list"]).out.contains("disabled"));
    place.run(&["client", "enable", "nightly"]).ends_with(0);
    place.run(&["client", "remove", "nightly"]).ends_with(0);
    let gone = place.run(&["client", "remove", "nightly"]).ends_with(2).err;
    assert!(gone.contains("medial client list"), "{gone}");

    let refused: [(&[&str], &str); 6] = [
        (&["--jwks", "keys.json"], "--scope"),
        (
            &["--scope", "user/*.rs", "--jwks", "keys.json"],
            "system/*.rs",
        ),
        (&["--scope", "system/*.rs"], "--jwks"),
        (
            &["--scope", "system/*.rs", "--jwks", "missing.json"],
            "missing.json",
        ),
        (&["--scope", "system/*.rs", "--jwks", "other.json"], "RS384"),
        (
            &[
                "--scope",
                "system/*.rs",
                "--jwks-url",
                "http://keys.example.org",
            ],
            "https",
        ),
    ];
    for (arguments, word) in refused {
        let said = add("another", arguments).ends_with(2).err;
        assert!(said.contains(word), "{arguments:?}: {said}");
    }
    let help = place.run(&["client", "add", "--help"]).ends_with(0).out;
    assert!(help.contains("client_assertion_type=urn:ietf"), "{help}");
}

#[test]
fn a_token_says_what_was_asked_for() {
    use base64::Engine;
    let place = Place::new();
    let ran = place.run(&[
        "token",
        "--role",
        "clinician",
        "--organization",
        "north",
        "--subject",
        "clinician-1",
        "--expires",
        "30m",
        "--scope",
        "user/Patient.r",
        "--scope",
        "user/Procedure.cr",
    ]);
    let token = ran.ends_with(0).out;
    let claims = token.trim_end().split('.').nth(1).unwrap();
    let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(claims)
        .unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    let expected = json!({"iss": "medial", "aud": "medial", "sub": "clinician-1", "org": "north", "role": "clinician", "scope": "user/Patient.r user/Procedure.cr"});
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&claims[name], value, "{name}");
    }
    assert_eq!(
        claims["exp"].as_i64().unwrap() - claims["nbf"].as_i64().unwrap(),
        1800
    );

    place.run(&["token"]).ends_with(2);
    place.run(&["token", "--role", "root"]).ends_with(2);
    place
        .run(&["token", "--role", "admin", "--expires", "0s"])
        .ends_with(2);
    place
        .run(&["token", "--role", "admin", "--scope", "everything"])
        .ends_with(2);
    place
        .run(&["token", "--role", "admin", "--organization", ""])
        .ends_with(2);
    let mut command = place.medial(&["token", "--role", "admin"]);
    let ran = Ran::of(command.env_remove("MEDIAL_TOKENS_SECRET").output().unwrap()).ends_with(2);
    assert!(ran.err.contains("MEDIAL_TOKENS_SECRET"), "{}", ran.err);
}

/// The service while it runs. It is killed with the test.
struct Service {
    child: Child,
    address: String,
    /// Reads its log to the end, so that it never waits for a reader.
    log: Option<std::thread::JoinHandle<String>>,
}

impl Service {
    fn start(place: &Place, arguments: &[&str]) -> Service {
        let all = [
            &[
                "serve",
                "--http-bind",
                "127.0.0.1:0",
                "--log-format",
                "json",
            ],
            arguments,
        ]
        .concat();
        let mut child = place.medial(&all).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut log = String::new();
        let address = loop {
            let Some(line) = lines.next() else {
                panic!("it ended with {:?}:\n{log}", child.wait());
            };
            let line = line.unwrap();
            log.push_str(&line);
            log.push('\n');
            let entry: Value =
                serde_json::from_str(&line).unwrap_or_else(|_| panic!("no JSON: {line}"));
            if entry["message"] == "listening" {
                break entry["address"].as_str().unwrap().to_owned();
            }
        };
        let log = std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                log.push_str(&line);
                log.push('\n');
            }
            log
        });
        Service {
            child,
            address,
            log: Some(log),
        }
    }

    /// The status of the answer, and the answer.
    fn get(&self, path: &str, token: Option<&str>) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        let authorization = token
            .map(|token| format!("Authorization: Bearer {token}\r\n"))
            .unwrap_or_default();
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: medial\r\n{authorization}Connection: close\r\n\r\n"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        (status, answer)
    }

    /// Sends a signal; how it ended, and its log.
    fn stop(mut self, signal: &str) -> (Option<i32>, String) {
        let code = end(&mut self.child, signal);
        let log = self.log.take().unwrap().join().unwrap();
        (code, log)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts the service on a database, asks it, stops it, and starts it again.
fn serves(place: &Place, database: &[&str]) {
    let token = place
        .run(&["token", "--role", "clinician"])
        .ends_with(0)
        .out;
    let token = token.trim_end();
    for signal in ["-TERM", "-INT"] {
        let service = Service::start(place, database);
        let (status, answer) = service.get("/health/ready", Some(token));
        assert_eq!(status, 200, "{answer}");
        assert!(answer.contains("\"ok\""), "{answer}");
        let (status, answer) = service.get("/v1/profiles", Some(token));
        assert_eq!(status, 200, "{answer}");
        assert!(answer.contains("medicare-lcd"), "{answer}");
        assert_eq!(service.get("/v1/profiles", None).0, 401);
        assert_eq!(service.get("/v1/profiles", Some("no.such.token")).0, 401);
        let (code, log) = service.stop(signal);
        assert_eq!(code, Some(0), "{log}");
        assert!(log.contains("\"stopped\""), "{log}");
        assert!(!log.contains(token) && !log.contains(SECRET), "{log}");
    }
    let doctor = [&["doctor", "--http-bind", "127.0.0.1:0"], database].concat();
    let ran = place.run(&doctor).ends_with(0);
    assert!(
        ran.out
            .contains("ok       job: judge_what_came_of_age last ran at "),
        "{}",
        ran.out
    );
}

#[test]
fn the_service_starts_answers_stops_and_starts_again() {
    let place = Place::new();
    serves(&place, &[]);
}

#[test]
fn an_address_in_use_is_told_with_what_to_do() {
    let place = Place::new();
    let occupied = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = occupied.local_addr().unwrap().to_string();
    let ran = place.run(&["serve", "--http-bind", &address]).ends_with(1);
    assert!(
        ran.err.contains(&format!("cannot listen at {address}")) && ran.err.contains("--http-bind"),
        "{}",
        ran.err
    );
}

#[test]
fn migrate_says_what_it_would_do_and_does_it_once() {
    let place = Place::new();
    let ran = place.run(&["migrate", "--dry-run"]).ends_with(0);
    assert!(ran.out.contains("does not exist yet"), "{}", ran.out);
    assert!(!place.0.path().join("medial.sqlite").exists());
    let ran = place.run(&["migrate"]).ends_with(0);
    assert!(ran.out.starts_with("run: "), "{}", ran.out);
    assert_eq!(
        place.run(&["migrate"]).ends_with(0).out,
        "The schema is up to date.\n"
    );
    assert_eq!(
        place.run(&["migrate", "--dry-run"]).ends_with(0).out,
        "The schema is up to date.\n"
    );
}

/// A database on the server of the tests, dropped with the test; `None` where PostgreSQL is left out on purpose.
struct Postgres {
    server: String,
    name: String,
}

impl Postgres {
    fn new() -> Option<Postgres> {
        let Ok(server) = std::env::var("MEDIAL_TEST_POSTGRES_URL") else {
            assert!(
                std::env::var_os("MEDIAL_TEST_SQLITE_ONLY").is_some(),
                "MEDIAL_TEST_POSTGRES_URL is not set: run scripts/test, or set MEDIAL_TEST_SQLITE_ONLY=1 to leave PostgreSQL out"
            );
            eprintln!("left out: PostgreSQL, because MEDIAL_TEST_SQLITE_ONLY is set");
            return None;
        };
        let name = format!("medial_command_line_{}", std::process::id());
        let database = Postgres { server, name };
        database.sql(&format!("CREATE DATABASE {}", database.name));
        Some(database)
    }

    fn sql(&self, statement: &str) {
        use diesel::connection::SimpleConnection;
        use diesel::{Connection, PgConnection};
        let mut connection = PgConnection::establish(&self.server).unwrap();
        connection.batch_execute(statement).unwrap();
    }

    fn url(&self) -> String {
        let (address, query) = self
            .server
            .split_once('?')
            .map_or((self.server.as_str(), ""), |parts| parts);
        let (host, _) = address.rsplit_once('/').unwrap();
        let query = if query.is_empty() {
            String::new()
        } else {
            format!("?{query}")
        };
        format!("{host}/{}{query}", self.name)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.sql(&format!(
            "DROP DATABASE IF EXISTS {} WITH (FORCE)",
            self.name
        ));
    }
}

#[test]
fn postgresql_is_migrated_only_when_that_is_asked_for() {
    let Some(database) = Postgres::new() else {
        return;
    };
    let place = Place::new();
    let url = database.url();
    let at = ["--database-url", url.as_str()];
    let with = |arguments: &[&'static str]| place.run(&[arguments, &at[..]].concat());

    let ran = with(&["serve", "--http-bind", "127.0.0.1:0"]).ends_with(1);
    assert!(
        ran.err.contains("medial migrate") && ran.err.contains("--database-migrate"),
        "{}",
        ran.err
    );
    let ran = with(&["doctor", "--http-bind", "127.0.0.1:0"]).ends_with(1);
    assert!(
        ran.out.contains("problem  schema: not up to date"),
        "{}",
        ran.out
    );
    let ran = with(&["migrate", "--dry-run"]).ends_with(0);
    assert!(ran.out.starts_with("to be run: "), "{}", ran.out);
    let ran = with(&["migrate"]).ends_with(0);
    assert!(ran.out.starts_with("run: "), "{}", ran.out);
    assert_eq!(
        with(&["migrate"]).ends_with(0).out,
        "The schema is up to date.\n"
    );
    serves(&place, &at);
    let ran = with(&["backup", "x"]).ends_with(2);
    assert!(ran.err.contains("pg_dump"), "{}", ran.err);
    let ran = with(&["restore", "x"]).ends_with(2);
    assert!(ran.err.contains("pg_restore"), "{}", ran.err);
}
