//! `medial evaluate`.

use crate::{Place, Ran};
use serde_json::{Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;

fn case_files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/cases");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
}

/// A determination in the form of a case's `expect`.
fn as_expected(determination: &Value) -> Value {
    let rules = determination["rules"].as_array().unwrap().iter();
    let rules: serde_json::Map<String, Value> = rules
        .map(|rule| {
            (
                rule["rule"].as_str().unwrap().to_owned(),
                rule["status"].clone(),
            )
        })
        .collect();
    let mut found = json!({"rules": rules});
    for field in [
        "profile",
        "joint",
        "side",
        "verdict",
        "next_step",
        "earliest",
        "changes_on",
    ] {
        found[field] = determination[field].clone();
    }
    found
}

fn sorted(mut determinations: Vec<Value>) -> Vec<Value> {
    let part = |one: &Value, name: &str| one[name].as_str().unwrap().to_owned();
    determinations.sort_by_key(|one| (part(one, "profile"), part(one, "joint"), part(one, "side")));
    determinations
}

#[test]
fn evaluate_judges_every_case_as_it_is_written() {
    let place = Place::new();
    let files = case_files();
    assert!(files.len() >= 32);
    let mut arguments = vec!["evaluate", "--json"];
    arguments.extend(files.iter().map(|file| file.to_str().unwrap()));
    let out = place.run(&arguments).ends_with(0).out;
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(lines.len(), files.len());
    for (line, file) in lines.into_iter().zip(&files) {
        let line: Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["file"], json!(file.to_str().unwrap()));
        let case: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
        let found = line["determinations"].as_array().unwrap();
        for one in found {
            assert_eq!(one["evaluated_as_of"], case["as_of"]);
            assert!(one["summary"].as_str().unwrap().ends_with('.'));
        }
        let found = sorted(found.iter().map(as_expected).collect());
        let expected = sorted(case["expect"].as_array().unwrap().clone());
        assert_eq!(found, expected, "{}", file.display());
    }
}

#[test]
fn evaluate_shows_a_table_of_the_profiles_that_are_asked_for() {
    let place = Place::new();
    let file = "tests/fixtures/cases/two-positive-blocks.json";
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let file = file.to_str().unwrap();
    let ran = place
        .run(&["evaluate", "--profiles", "sis-dual-100,medicare-lcd", file])
        .ends_with(0);
    let place_of = |text: &str| {
        ran.out
            .find(text)
            .unwrap_or_else(|| panic!("{text}: {}", ran.out))
    };
    assert!(place_of("as of 2025-10-06") < place_of("sis-dual-100"));
    assert!(place_of("sis-dual-100") < place_of("medicare-lcd"));
    assert!(ran.out.contains("does not meet") && !ran.out.contains("facts-2018"));

    let active = [
        "evaluate",
        "--profiles=active",
        "--judging-active-profiles=facts-2018",
        file,
    ];
    let ran = place.run(&active).ends_with(0);
    assert!(ran.out.contains("facts-2018") && !ran.out.contains("medicare-lcd"));

    let ran = place
        .run(&["evaluate", "--profiles", "no-such", file])
        .ends_with(2);
    assert!(
        ran.err.contains("no profile no-such") && ran.err.contains("medicare-lcd"),
        "{}",
        ran.err
    );
}

#[test]
fn evaluate_takes_the_day_from_the_flag_before_the_case() {
    let place = Place::new();
    let file =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/cases/two-positive-blocks.json");
    let arguments = [
        "evaluate",
        "--json",
        "--as-of",
        "2025-09-10",
        file.to_str().unwrap(),
    ];
    let line: Value = serde_json::from_str(&place.run(&arguments).ends_with(0).out).unwrap();
    assert_eq!(line["determinations"][0]["evaluated_as_of"], "2025-09-10");
    place
        .run(&["evaluate", "--as-of", "2025-9-1", file.to_str().unwrap()])
        .ends_with(2);
}

#[test]
fn evaluate_names_what_is_wrong_and_judges_the_others() {
    let place = Place::new();
    let good = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/cases/cervical.json");
    place.write("range.json", r#"{"episode": {"region": "lumbar"}, "blocks": [{"performed_at": "2025-01-01", "joints": ["L6-7"], "side": "left", "kind": "diagnostic", "technique": "medial_branch", "scores": [{"taken_at": "x", "scale": "nrs", "value": "2-8/10", "context": "current"}]}]}"#);
    place.write("twice.json", "{\"episode\": 1,\n \"episode\": 2}");
    let mut command = place.medial(&[
        "evaluate",
        "--json",
        "range.json",
        "twice.json",
        "no.json",
        "-",
        good.to_str().unwrap(),
    ]);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"\xff").unwrap();
    let ran = Ran::of(child.wait_with_output().unwrap()).ends_with(1);
    let lines: Vec<Value> = ran
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 5, "{}", ran.out);
    let pointers: Vec<&str> = lines[0]["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["pointer"].as_str().unwrap())
        .collect();
    assert_eq!(
        pointers,
        [
            "/blocks/0/performed_at",
            "/blocks/0/joints/0",
            "/blocks/0/scores/0/taken_at",
            "/blocks/0/scores/0/value"
        ]
    );
    let code = |line: usize| lines[line]["errors"][0]["code"].as_str().unwrap();
    assert_eq!(
        [code(1), code(2), code(3)],
        ["invalid_json", "unreadable", "invalid_utf8"]
    );
    assert!(lines[4]["determinations"].is_array());
    assert!(
        ran.err.contains("range.json: /blocks/0/scores/0/value: "),
        "{}",
        ran.err
    );
    assert!(ran.err.contains("4 of 5 files"), "{}", ran.err);
    assert!(!ran.err.contains("2-8/10"), "{}", ran.err);

    let ran = place.run(&["evaluate", "twice.json"]).ends_with(1);
    assert_eq!(ran.out, "");
}
