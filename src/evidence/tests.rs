//! Every worked example as a document in all three forms, and text that looks like markup shown as text.

use super::*;
use crate::app::Stored;
use crate::app::determinations::Determined;
use crate::app::evidence::EvidenceRecords;
use crate::app::profiles::built_in;
use crate::domain::patient::{Identifier, Patient};
use crate::domain::qualification::Profile;
use crate::wire::case::CaseBody;
use chrono::{DateTime, Utc};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use uuid::Uuid;

fn stored<T>(id: Uuid, parent: Uuid, value: T) -> Stored<T> {
    let now: DateTime<Utc> = "2025-10-06T12:00:00Z".parse().unwrap();
    Stored::new(id, "north", Uuid::from_u128(1), parent, now, value)
}

fn case(name: &str) -> CaseBody {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/cases")
        .join(format!("{name}.json"));
    let text = std::fs::read_to_string(path).unwrap();
    CaseBody::read(serde_json::from_str(&text).unwrap()).unwrap()
}

fn case_names() -> Vec<String> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/cases");
    let mut names: Vec<String> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    names.sort();
    assert!(names.len() >= 32, "the fixtures are missing");
    names
}

fn profile(id: &str) -> Arc<Profile> {
    let all = built_in().unwrap();
    Arc::new(all.into_iter().find(|profile| profile.id == id).unwrap())
}

fn records(case: CaseBody, profile: &Arc<Profile>) -> EvidenceRecords {
    let as_of = case.as_of.unwrap().0;
    let history = case.into_history();
    let episode_id = Uuid::from_u128(2);
    let mut scores = Vec::new();
    let mut blocks = Vec::new();
    for recorded in &history.blocks {
        blocks.push(stored(recorded.id.0, episode_id, recorded.block.clone()));
        for score in &recorded.scores {
            scores.push(stored(score.id.0, recorded.id.0, score.row.clone()));
        }
    }
    let mut follow_ups = Vec::new();
    let mut ablations = Vec::new();
    for recorded in &history.ablations {
        ablations.push(stored(recorded.id.0, episode_id, recorded.ablation.clone()));
        for one in &recorded.follow_ups {
            follow_ups.push(stored(one.id.0, recorded.id.0, one.follow_up.clone()));
        }
    }
    blocks.sort_by_key(|block| block.value.performed_at);
    EvidenceRecords {
        patient: stored(
            Uuid::from_u128(1),
            Uuid::from_u128(1),
            Patient {
                identifiers: vec![Identifier {
                    system: "urn:example:mrn".to_owned(),
                    value: "SYN-0042".to_owned(),
                }],
                family_name: Some("Synthetic".to_owned()),
                given_name: Some("Paula".to_owned()),
                birth_date: "1961-04-03".parse().ok(),
                sex: Some(crate::domain::patient::Sex::Female),
            },
        ),
        episode: stored(episode_id, Uuid::from_u128(1), history.episode.clone()),
        blocks,
        scores,
        ablations,
        follow_ups,
        determined: Determined {
            profiles: vec![Arc::clone(profile)],
            history,
            as_of,
        },
        profile: Arc::clone(profile),
        changes: Vec::new(),
        made_at: "2025-10-06T12:00:00Z".parse().unwrap(),
        records_sha256: "ab".repeat(32),
    }
}

fn document(name: &str, profile_id: &str) -> EvidenceDocument {
    EvidenceDocument::of(&records(case(name), &profile(profile_id)))
}

/// The text of a PDF in the order of reading, white space made single.
fn text_of(pdf: &[u8]) -> String {
    let mut reader = Command::new("pdftotext")
        .args(["-layout", "-", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("pdftotext is installed (Debian: poppler-utils)");
    let mut input = reader.stdin.take().unwrap();
    let pdf = pdf.to_vec();
    let writer = std::thread::spawn(move || std::io::Write::write_all(&mut input, &pdf));
    let output = reader.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// The words of a text, so that where a line is broken does not matter.
fn words(text: &str) -> Vec<&str> {
    text.split_whitespace().collect()
}

/// The text of a PDF cell by cell: without the layout, in the order in which it was written.
fn flowing_text_of(pdf: &[u8]) -> String {
    let directory = std::env::temp_dir().join(format!("medial-evidence-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let file = directory.join(format!("{:?}.pdf", std::thread::current().id()));
    std::fs::write(&file, pdf).unwrap();
    let output = Command::new("pdftotext")
        .args(["-raw".as_ref(), file.as_os_str(), "-".as_ref()])
        .output()
        .expect("pdftotext is installed (Debian: poppler-utils)");
    std::fs::remove_file(&file).unwrap();
    words(&String::from_utf8(output.stdout).unwrap()).join(" ")
}

fn pages(pdf: &[u8]) -> usize {
    text_of(pdf).matches('\u{c}').count()
}

#[test]
fn every_case_is_made_in_all_three_forms() {
    for name in case_names() {
        let doc = document(&name, "medicare-lcd");
        assert!(!doc.statements.is_empty(), "{name}");
        let json = serde_json::to_value(&doc).unwrap();
        assert!(json["judgements"].is_array(), "{name}");
        let page = html(&doc).unwrap();
        let text = flowing_text_of(&pdf(&doc).unwrap());
        for statement in &doc.statements {
            assert!(page.contains(statement.as_str()), "{name}: {statement}");
            assert!(
                text.contains(statement.as_str()),
                "{name}: {statement}: {text}"
            );
        }
    }
}

#[test]
fn the_pdf_says_what_the_document_does() {
    let doc = document("two-positive-blocks", "medicare-lcd");
    let made = pdf(&doc).unwrap();
    let text = flowing_text_of(&made);
    assert_eq!(doc.statements.len(), 1, "both targets have one answer");
    let mut wanted = vec![
        "Synthetic, Paula".to_owned(),
        "3 Apr 1961".to_owned(),
        "SYN-0042".to_owned(),
        doc.statements[0].clone(),
        "8 Sep 2025: diagnostic medial branch block".to_owned(),
        "29 Sep 2025: diagnostic medial branch block".to_owned(),
        "64493".to_owned(),
        "64494".to_owned(),
        "KX, RT".to_owned(),
        "M47.816".to_owned(),
        "M47.817".to_owned(),
        "ODI".to_owned(),
        "42 of 100".to_owned(),
        "physical therapy".to_owned(),
        "The evidence is contested".to_owned(),
        doc.records_sha256.clone(),
    ];
    wanted.extend(
        doc.blocks
            .iter()
            .map(|block| block.relief[0].duration.clone()),
    );
    let rules = doc.judgements.iter().flat_map(|one| &one.rules);
    wanted.extend(rules.map(|rule| rule.sentence.clone()));
    for sentence in wanted {
        assert!(text.contains(&sentence), "missing: {sentence}\nin: {text}");
    }
    assert!(doc.statements[0].starts_with("Right L4-5 and right L5-S1: meets"));
    assert!(pages(&made) <= 2, "{} pages", pages(&made));
    assert!(made.len() < 200_000, "{} bytes", made.len());
}

#[test]
fn the_pdf_is_tagged_and_its_title_names_nobody() {
    let doc = document("two-positive-blocks", "medicare-lcd");
    let made = pdf(&doc).unwrap();
    let output = Command::new("pdfinfo")
        .arg("-")
        .stdin(Stdio::from({
            let file = std::env::temp_dir().join(format!("medial-info-{}.pdf", std::process::id()));
            std::fs::write(&file, &made).unwrap();
            std::fs::File::open(file).unwrap()
        }))
        .output()
        .expect("pdfinfo is installed (Debian: poppler-utils)");
    let info = String::from_utf8(output.stdout).unwrap();
    assert!(info.contains("Evidence summary"), "{info}");
    assert!(info.contains("Tagged:          yes"), "{info}");
    assert!(!info.contains("Synthetic"), "{info}");
}

/// What would be code in typst, in HTML or in both.
const HOSTILE: &str =
    r##"<script>alert(1)</script> #panic("x") $x^2$ \ *b* _i_ @ref `raw` </td> ]"##;

#[test]
fn text_that_looks_like_markup_is_shown_as_text() {
    let profile = profile("medicare-lcd");
    let mut records = records(case("two-positive-blocks"), &profile);
    let hostile = || Some(HOSTILE.to_owned());
    records.patient.value.family_name = hostile();
    records.patient.value.given_name = hostile();
    records.patient.value.identifiers[0].system = HOSTILE.to_owned();
    records.patient.value.identifiers[0].value = HOSTILE.to_owned();
    records.episode.value.assessment = hostile();
    records.episode.value.conservative_care[0].kind = HOSTILE.to_owned();
    for block in &mut records.blocks {
        block.value.operator = hostile();
        block.value.site = hostile();
    }
    let mut titled = (*profile).clone();
    titled.title = HOSTILE.to_owned();
    titled.provenance.source = HOSTILE.to_owned();
    for provenance in titled.provenances.values_mut() {
        provenance.source = HOSTILE.to_owned();
    }
    let titled = Arc::new(titled);
    records.determined.profiles = vec![Arc::clone(&titled)];
    records.profile = titled;
    let doc = EvidenceDocument::of(&records);
    let page = html(&doc).unwrap();
    assert!(!page.contains("<script"), "{page}");
    assert!(page.contains("&#60;script&#62;") || page.contains("&lt;script&gt;"));
    let text = flowing_text_of(&pdf(&doc).unwrap());
    for part in [
        "<script>alert(1)</script>",
        "#panic(\"x\")",
        "$x^2$",
        "\\ *b* _i_ @ref `raw` </td> ]",
    ] {
        assert!(text.matches(part).count() >= 6, "{part}: {text}");
    }
}

#[test]
fn the_page_carries_no_script_and_no_inline_style() {
    let page = html(&document("bilateral-rated-by-side", "medicare-lcd")).unwrap();
    for forbidden in [
        "<script", "<style", " style=", "http://", "https://", " onload",
    ] {
        let page = page.replace("http://www.w3.org/2000/svg", "");
        assert!(!page.contains(forbidden), "{forbidden}");
    }
    assert!(page.contains(&format!("href=\"{}\"", style_url())));
    assert!(page.matches("<svg").count() >= 2);
}

#[test]
fn what_is_missing_is_listed_with_the_sentence() {
    let doc = document("thin-record", "medicare-lcd");
    assert!(!doc.missing.is_empty());
    assert!(
        doc.missing
            .iter()
            .all(|one| one.sentence.contains("Data is missing"))
    );
    let text = flowing_text_of(&pdf(&doc).unwrap());
    for one in &doc.missing {
        assert!(text.contains(&one.sentence), "{}", one.sentence);
    }
}

#[test]
fn every_rule_names_a_source_that_is_listed() {
    for profile in built_in().unwrap() {
        let profile = Arc::new(profile);
        for name in [
            "two-positive-blocks",
            "repeat-after-four-months",
            "thin-record",
        ] {
            let doc = EvidenceDocument::of(&records(case(name), &profile));
            for rule in doc.judgements.iter().flat_map(|one| &one.rules) {
                let source = doc.sources.iter().find(|one| one.number == rule.source);
                assert!(source.is_some_and(|one| !one.source.is_empty()), "{name}");
            }
        }
    }
}

#[test]
fn blocks_that_the_profile_does_not_count_are_marked() {
    let doc = document("intra-articular-second", "medicare-lcd");
    let counted: Vec<bool> = doc.blocks.iter().map(|block| block.counted).collect();
    assert_eq!(counted, [true, false]);
    assert!(
        doc.curves.is_none(),
        "one diagnostic medial branch block only"
    );
}
