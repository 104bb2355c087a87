//! `medial user`: who may sign in to the pages, and that they may, or may no more.

use crate::{Place, Ran, SECRET, Service};
use std::io::Write;
use std::process::Stdio;

const PASSWORD: &str = "correct horse battery staple";
const OTHER: &str = "a quite different pass phrase";

impl Place {
    /// Runs `medial user …` with something on its standard input.
    fn user_with(&self, arguments: &[&str], input: &str) -> Ran {
        let mut child = self
            .medial(&[&["user"], arguments].concat())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // Refused before it is read, it meets a closed pipe.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        Ran::of(child.wait_with_output().unwrap())
    }

    fn user(&self, arguments: &[&str]) -> Ran {
        self.run(&[&["user"], arguments].concat())
    }

    /// Adds `ada`, a clinician of `north`.
    fn add_ada(&self) {
        let add = [
            "add",
            "ada",
            "--organization",
            "north",
            "--password-file",
            "-",
        ];
        let said = self
            .user_with(&add, &format!("{PASSWORD}\n"))
            .ends_with(0)
            .out;
        assert_eq!(said, "ada may sign in as clinician of north.\n");
    }

    /// The line of `medial user list` about somebody of `north`, its parts apart.
    fn listed(&self, login: &str) -> Option<Vec<String>> {
        let list = self
            .user(&["list", "--organization", "north"])
            .ends_with(0)
            .out;
        let parts = |line: &str| -> Vec<String> {
            let apart = line.split("  ").map(str::trim);
            apart
                .filter(|part| !part.is_empty())
                .map(str::to_owned)
                .collect()
        };
        let mut lines = list.lines().map(parts);
        lines.find(|parts| parts.first().is_some_and(|first| first == login))
    }
}

impl Service {
    /// Signs in by the form of the pages; the cookie of the session, where it was let in.
    fn sign_in(&self, login: &str, password: &str) -> Option<String> {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .max_redirects(0)
            .http_status_as_error(false)
            .build()
            .into();
        let origin = format!("http://{}", self.address);
        let answer = agent
            .post(format!("{origin}/sign-in"))
            .header("origin", &origin)
            .send_form([("login", login), ("password", password)])
            .unwrap();
        let cookie = answer.headers().get("set-cookie")?.to_str().unwrap();
        assert_eq!(answer.status().as_u16(), 303);
        Some(cookie.split(';').next().unwrap().to_owned())
    }

    /// Whether a session still opens the worklist.
    fn is_let_in(&self, cookie: &str) -> bool {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .max_redirects(0)
            .http_status_as_error(false)
            .build()
            .into();
        let page = format!("http://{}/", self.address);
        let answer = agent.get(page).header("cookie", cookie).call().unwrap();
        answer.status().as_u16() == 200
    }
}

#[test]
fn somebody_who_was_added_signs_in_until_the_password_is_another_or_they_are_disabled() {
    let place = Place::new();
    place.add_ada();
    let service = Service::start(&place, &[]);
    assert_eq!(service.sign_in("ada", OTHER), None);
    let session = service.sign_in("ada", PASSWORD).unwrap();
    assert!(service.is_let_in(&session));

    place.write("password", &format!("{OTHER}\r\n"));
    let change = ["password", "ada", "--password-file", "password"];
    let said = place.user(&change).ends_with(0).out;
    assert_eq!(said, "ada has another password.\n");
    assert!(!service.is_let_in(&session), "earlier sessions have ended");
    assert_eq!(service.sign_in("ada", PASSWORD), None);
    let session = service.sign_in("ada", OTHER).unwrap();

    let said = place.user(&["disable", "ada"]).ends_with(0).out;
    assert_eq!(said, "ada may sign in no more.\n");
    assert!(!service.is_let_in(&session), "sessions end with it");
    assert_eq!(service.sign_in("ada", OTHER), None);

    let said = place.user(&["enable", "ada"]).ends_with(0).out;
    assert_eq!(said, "ada may sign in.\n");
    assert!(!service.is_let_in(&session), "what has ended stays so");
    assert!(service.sign_in("ada", OTHER).is_some());
    let (_, log) = service.stop("-TERM");
    assert!(!log.contains(OTHER) && !log.contains(PASSWORD), "{log}");
}

#[test]
fn the_list_tells_who_signs_in_and_who_may_not() {
    let place = Place::new();
    place.add_ada();
    let add = [
        "add",
        "B.Ob",
        "--role",
        "auditor",
        "--organization",
        "north",
        "--display-name",
        "Bob Example",
        "--password-file",
        "-",
    ];
    place.user_with(&add, PASSWORD).ends_with(0);
    let ada = place.listed("ada").unwrap();
    assert_eq!(
        (ada[1].as_str(), ada[2].as_str(), ada[4].as_str()),
        ("ada", "clinician", "active")
    );
    let bob = place.listed("b.ob").unwrap();
    assert_eq!(
        (bob[1].as_str(), bob[2].as_str()),
        ("Bob Example", "auditor")
    );
    place.user(&["disable", "b.ob"]).ends_with(0);
    assert_eq!(place.listed("b.ob").unwrap()[4], "disabled");
    let other = place.user(&["list"]).ends_with(0).out;
    assert!(!other.contains("ada"), "another organization: {other}");

    let service = Service::start(&place, &[]);
    for _ in 0..5 {
        assert_eq!(service.sign_in("ada", OTHER), None);
    }
    assert_eq!(place.listed("ada").unwrap()[4], "locked");
    assert_eq!(service.sign_in("ada", PASSWORD), None);
    place.user(&["enable", "ada"]).ends_with(0);
    assert_eq!(place.listed("ada").unwrap()[4], "active");
    assert!(service.sign_in("ada", PASSWORD).is_some());
}

#[test]
fn what_is_wrong_is_told_and_changes_nothing() {
    let place = Place::new();
    place.add_ada();
    let add = |login: &'static str, more: &[&'static str]| {
        [
            &[
                "add",
                login,
                "--organization",
                "north",
                "--password-file",
                "-",
            ],
            more,
        ]
        .concat()
    };
    let refused = |arguments: &[&str], input: &str, why: &str| {
        let ran = place.user_with(arguments, input).ends_with(2);
        assert!(ran.err.contains(why), "{arguments:?}: {}", ran.err);
        assert!(
            !ran.err.contains("pass phrase") && !ran.err.contains(SECRET),
            "{}",
            ran.err
        );
        assert_eq!(ran.out, "");
    };
    refused(&add("ada", &[]), OTHER, "ada");
    refused(&add("carl", &[]), "short", "password: ");
    refused(&add("carl", &[]), "", "password: ");
    refused(&add("Carl Example", &[]), "short", "login: ");
    refused(&add("Carl Example", &[]), "short", "password: ");
    refused(
        &add("carl", &["--role", "ehr_system"]),
        OTHER,
        "clinician, analyst, auditor, admin",
    );
    refused(&["add", "carl", "--password-file", "none"], "", "none: ");
    // There is no terminal here to be asked at.
    refused(&["add", "carl"], OTHER, "--password-file");
    for arguments in [
        &["password", "carl", "--password-file", "-"][..],
        &["disable", "carl"],
        &["enable", "carl"],
    ] {
        refused(arguments, OTHER, "medial user list");
    }
    refused(
        &["password", "ada", "--password-file", "-"],
        "short",
        "password: ",
    );
    place
        .user(&["add", "carl", "--password", PASSWORD])
        .ends_with(2);
    assert_eq!(place.listed("carl"), None);
    let service = Service::start(&place, &[]);
    assert!(service.sign_in("ada", PASSWORD).is_some());
}
