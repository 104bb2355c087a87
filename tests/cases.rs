//! Every worked example comes out as written: verdict, next step, dates and each rule's status.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what cannot be read fails the test"
)]

use medial::app::profiles::built_in;
use medial::domain::Vocabulary;
use medial::domain::qualification::{Profile, evaluate, explain};
use medial::wire::case::CaseBody;
use medial::wire::scalar::Date;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

fn case_files(directory: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(directory)
        .unwrap_or_else(|error| panic!("{}: {error}", directory.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "json")
        })
        .collect();
    files.sort();
    files
}

/// The determinations of a case in the form of its `expect`.
fn determined(case: &Value, profiles: &[&Profile]) -> Vec<Value> {
    let body = CaseBody::read(case.clone()).unwrap_or_else(|errors| panic!("{errors:#?}"));
    let as_of = body.as_of.unwrap().0;
    let history = body.into_history();
    let determinations = evaluate(profiles, &history, as_of);
    determinations
        .into_iter()
        .map(|determination| {
            let explained = explain(determination.profile, &history, determination.target, as_of);
            let rules: serde_json::Map<String, Value> = explained
                .iter()
                .map(|rule| (rule.rule.code_of().to_owned(), json!(rule.status.code_of())))
                .collect();
            assert!(explained.iter().all(|rule| rule.detail.ends_with('.')));
            json!({
                "profile": determination.profile.id,
                "joint": determination.target.joint.code(),
                "side": determination.target.side.code(),
                "verdict": determination.verdict.code(),
                "next_step": determination.next_step.code(),
                "earliest": determination.earliest.map(Date),
                "changes_on": determination.changes_on.map(Date),
                "rules": rules,
            })
        })
        .collect()
}

fn key(determination: &Value) -> (String, String, String) {
    let part = |name: &str| determination[name].as_str().unwrap().to_owned();
    (part("profile"), part("joint"), part("side"))
}

#[test]
fn every_case_comes_out_as_written() {
    let profiles = built_in().unwrap();
    let profiles: Vec<&Profile> = profiles.iter().collect();
    let files = case_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/cases"));
    assert!(files.len() >= 32, "the fixtures are missing");
    let mut differences = Vec::new();
    for file in &files {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        let case: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
        let mut found = determined(&case, &profiles);
        let mut expected = case["expect"].as_array().unwrap().clone();
        found.sort_by_key(key);
        expected.sort_by_key(key);
        let keys = |list: &[Value]| list.iter().map(key).collect::<Vec<_>>();
        if keys(&found) != keys(&expected) {
            differences.push(format!("{name}: other targets or profiles are judged"));
            continue;
        }
        for (found, expected) in found.iter().zip(&expected) {
            if found != expected {
                differences.push(format!("{name}: found {found}\n  expected {expected}"));
            }
        }
    }
    assert!(
        differences.is_empty(),
        "{} differences:\n{}",
        differences.len(),
        differences.join("\n")
    );
}
