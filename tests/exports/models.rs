//! The tables of the OMOP Common Data Model.

use crate::practice::*;
use crate::support::databases::on_each_database;
use medial::jobs::exports as jobs;
use serde_json::{Value, json};
use std::collections::BTreeMap;

type Table = Vec<BTreeMap<String, String>>;

/// The tables of an export, by name, and the text of all files together.
fn tables(practice: &Practice, body: &Value) -> (BTreeMap<String, Table>, String) {
    let export = practice.request(body, "clinician@north");
    assert_eq!(jobs::run_waiting(&practice.app).unwrap(), 1);
    let done = practice.get(&export, "clinician@north").expect(200).json();
    assert_eq!(done["state"], "done", "{done}");
    let (mut tables, mut text) = (BTreeMap::new(), String::new());
    for file in done["files"].as_array().unwrap() {
        let name = file["name"].as_str().unwrap();
        let content = practice
            .get(&format!("{export}/files/{name}"), "clinician@north")
            .expect(200);
        text.push_str(content.text());
        if let Some(table) = name.strip_suffix(".csv") {
            assert_eq!(file["rows"], json!(content.csv().len()), "{table}");
            tables.insert(table.to_owned(), content.csv());
        }
    }
    (tables, text)
}

on_each_database! {
    fn the_model_holds_what_was_recorded(practice: &Practice) {
        let recorded = practice.record_patient("north");
        let (tables, _) = tables(practice, &json!({"model": "omop", "format": "csv"}));
        let names: Vec<&str> = tables.keys().map(String::as_str).collect();
        assert_eq!(names, ["cdm_source", "condition_occurrence", "drug_exposure", "episode", "measurement", "observation",
            "observation_period", "person", "procedure_occurrence", "visit_occurrence"]);
        let person = &tables["person"][0];
        assert_eq!((person["gender_concept_id"].as_str(), person["year_of_birth"].as_str(), person["person_source_value"].clone()),
            ("8532", "1930", recorded.patient.to_string()));
        let values = |table: &str, column: &str| tables[table].iter().map(|row| row[column].clone()).collect::<Vec<_>>();
        assert_eq!(values("visit_occurrence", "visit_start_date"), ["2025-09-08", "2025-09-22", "2025-11-03"]);
        assert_eq!(values("procedure_occurrence", "procedure_source_value"), ["64493", "64494", "64493", "64494", "64635", "64636"]);
        assert_eq!(values("procedure_occurrence", "procedure_datetime")[0], "2025-09-08 09:00:00");
        assert_eq!(values("condition_occurrence", "condition_source_value"), ["M47.816"]);
        assert_eq!(values("drug_exposure", "sig"), ["2 %, 0.5 mL at each nerve"; 2]);
        let of = |code: &str| tables["measurement"].iter().filter(|row| row["measurement_source_value"] == code).collect::<Vec<_>>();
        // Eight scores, one before the ablation, one at its follow-up.
        assert_eq!(of("72514-3").len(), 10);
        assert_eq!(of("stated_relief")[0]["value_as_number"], "-10.5");
        assert_eq!(of("stated_relief")[0]["unit_concept_id"], "8554");
        let period = &tables["observation_period"][0];
        assert_eq!((period["observation_period_start_date"].as_str(), period["observation_period_end_date"].as_str()), ("2025-03-01", "2026-01-03"));
        let verdicts = tables["observation"].iter().filter(|row| row["observation_source_value"].starts_with("verdict:")).count();
        let determinations = practice.get("/v1/exports/stream/determinations.ndjson", "clinician@north").expect(200).ndjson().len();
        assert_eq!(verdicts, determinations);
        assert!(values("observation", "observation_source_value").contains(&"adverse_event:soreness".to_owned()));
        for (name, table) in &tables {
            for row in table {
                assert!(name == "cdm_source" || row["person_id"] == "1", "{name}");
                for (column, value) in row.iter().filter(|(column, _)| column.ends_with("_concept_id")) {
                    let known = ["", "0", "8507", "8532", "9202", "8554", "32817", "756265"];
                    assert!(known.contains(&value.as_str()), "{name}.{column}: {value}");
                }
            }
            let ids: Vec<usize> = (1..=table.len()).collect();
            if name != "cdm_source" {
                let own: Vec<usize> = table.iter().map(|row| row[&format!("{name}_id")].parse().unwrap()).collect();
                assert_eq!(own, ids, "{name}");
            }
        }
    }

    fn the_deidentified_model_names_nobody(practice: &Practice) {
        let recorded = practice.record_patient("north");
        let (tables, text) = tables(practice, &json!({"model": "omop", "format": "csv", "deidentify": true}));
        let mut hidden: Vec<String> = IDENTIFYING.map(str::to_owned).to_vec();
        hidden.extend([recorded.patient, recorded.episode, recorded.ablation].map(|id| id.to_string()));
        hidden.extend(recorded.blocks.iter().map(|block| block.id.to_string()));
        hidden.extend(["1930", "2025-09-08", "2025-09-22", "2025-11-03", "2026-01-03", "2025-03-01"].map(str::to_owned));
        for word in &hidden {
            assert!(!text.contains(word.as_str()), "{word}");
        }
        let person = &tables["person"][0];
        assert_eq!((person["month_of_birth"].as_str(), person["birth_datetime"].as_str()), ("", ""));
        let days = |table: &str, column: &str| tables[table].iter().map(|row| date(&row[column])).collect::<Vec<_>>();
        let visits = days("visit_occurrence", "visit_start_date");
        assert_eq!((visits[1] - visits[0]).num_days(), 14);
        let shift = date("2025-09-08") - visits[0];
        assert!((1..=365).contains(&shift.num_days()));
        let end = days("observation_period", "observation_period_end_date")[0];
        assert_eq!(end, date("2026-01-03") - shift);
        // Ninety at most, by the last day that is told.
        assert_eq!(person["year_of_birth"], (chrono::Datelike::year(&end) - 90).to_string());
        let patients = practice.get("/v1/exports/stream/patients.ndjson?deidentify=true", "clinician@north").expect(200).ndjson();
        assert_eq!(json!(person["person_source_value"]), patients[0]["id"]);
    }

    fn the_command_writes_directories_and_the_dictionary(practice: &Practice) {
        practice.record_patient("north");
        let run = |arguments: &[&str]| {
            let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_medial"));
            command.args(["export", "--database-url", practice.database.url()]).args(arguments).current_dir(practice.directory.path());
            command.output().unwrap()
        };
        let said = |output: &std::process::Output| String::from_utf8(output.stderr.clone()).unwrap();
        let names = |directory: &str| {
            let entries = std::fs::read_dir(practice.directory.path().join(directory)).unwrap();
            let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            names
        };
        let output = run(&["--omop", "cdm", "--format", "parquet"]);
        assert!(output.status.success(), "{}", said(&output));
        assert_eq!(names("cdm").len(), 11);
        assert!(names("cdm").contains(&"observation_period.parquet".to_owned()));
        let output = run(&["blocks", "outcomes", "--format", "parquet", "--directory", "study"]);
        assert!(output.status.success(), "{}", said(&output));
        assert!(said(&output).contains("4 rows of blocks,outcomes"), "{}", said(&output));
        assert_eq!(names("study"), ["blocks.parquet", "manifest.json", "outcomes.parquet"]);
        assert_eq!(run(&["blocks", "--directory", "study"]).status.code(), Some(2));
        assert!(run(&["blocks", "--directory", "study", "--force"]).status.success());
        let refused = run(&["blocks", "scores"]);
        assert!(said(&refused).contains("--directory"), "{}", said(&refused));
        let refused = run(&["blocks", "--columns", "id,nose"]);
        assert!(said(&refused).contains("--columns: There is no column nose here; there are id, episode_id"), "{}", said(&refused));
        let output = run(&["blocks", "--columns", "side,kind"]);
        assert_eq!(String::from_utf8(output.stdout).unwrap(), "side,kind\r\nright,diagnostic\r\nright,diagnostic\r\n");
        let output = run(&["--dictionary", "json"]);
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(document, medial::export::dictionary::document());
    }
}
