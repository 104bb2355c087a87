//! The rows that exports hold, what they say, and who may have them.

use crate::practice::*;
use crate::support::databases::on_each_database;
use actix_web::http::Method;
use chrono::TimeDelta;
use medial::app::exports::{Choice, Content, Dataset, Format, Wanted};
use medial::app::{Stored, Unit, blocks};
use medial::db::queries;
use medial::domain::pain::ScoreRow;
use medial::jobs::exports as jobs;
use serde_json::{Value, json};

on_each_database! {
    fn rows_are_those_that_were_recorded(practice: &Practice) {
        let recorded = practice.record_patient("north");
        let csv = practice.get("/v1/exports/stream/blocks.csv", "clinician@north").expect(200);
        assert_eq!(csv.headers["content-type"], "text/csv; charset=utf-8; header=present");
        assert_eq!(csv.headers["content-disposition"], "attachment; filename=\"blocks.csv\"");
        assert_eq!(csv.headers["medial-deidentified"], "false");
        let rows = csv.csv();
        assert_eq!(rows.len(), 2);
        for (row, block) in rows.iter().zip(&recorded.blocks) {
            assert_eq!(row["id"], block.id.to_string());
            assert_eq!(row["episode_id"], recorded.episode.to_string());
            assert_eq!(row["patient_id"], recorded.patient.to_string());
            assert_eq!(instant(&row["performed_at"]), block.value.performed_at);
            assert!(row["performed_at"].ends_with("-05:00"));
            assert_eq!(row["joints"], "L4-5|L5-S1");
            assert_eq!(row["concentration_percent"], "2");
            assert_eq!(row["volume_ml_per_nerve"], "0.5");
            assert_eq!(row["stated_relief_percent"], "-10.5");
            assert_eq!(row["steroid"], "false");
            assert_eq!(row["guidance"], "");
            assert_eq!(row["age_at_block"], "95");
        }
        let typed = practice.get("/v1/exports/stream/blocks.ndjson", "clinician@north").expect(200).ndjson();
        assert_eq!(typed.len(), 2);
        assert_eq!(typed[0]["joints"], json!(["L4-5", "L5-S1"]));
        assert_eq!(typed[0]["volume_ml_per_nerve"], json!(0.5));
        assert_eq!(typed[0]["stated_relief_percent"], json!(-10.5));
        assert_eq!(typed[0]["steroid"], json!(false));
        assert_eq!(typed[0]["guidance"], Value::Null);
        assert_eq!(typed[0]["operator"], "@Operatorname, Dr.");

        let scores = practice.get("/v1/exports/stream/scores.ndjson", "clinician@north").expect(200).ndjson();
        let ids: Vec<String> = recorded.scores.iter().map(|score| score.id.to_string()).collect();
        assert_eq!(scores.iter().map(|row| row["id"].as_str().unwrap()).collect::<Vec<_>>(), ids);
        assert_eq!(scores[0]["value"], json!(8));

        let relief = practice.get("/v1/exports/stream/relief.ndjson", "clinician@north").expect(200).ndjson();
        let at = |percent: i64| relief.iter().find(|row| row["threshold_percent"] == json!(percent)).unwrap();
        assert_eq!(relief.len() % 2, 0);
        assert_eq!(at(80)["response"], "temporary");
        assert_eq!((&at(80)["onset_minutes"], &at(80)["min_minutes"], &at(80)["max_minutes"]), (&json!(60), &json!(0), &json!(285)));
        assert_eq!(at(100)["response"], "negative");
        assert_eq!(at(80)["best_relief_percent"], json!(87.5));

        let determinations = practice.get("/v1/exports/stream/determinations.csv", "clinician@north").expect(200).csv();
        let stored = practice.write("north", {
            let episode = recorded.episode;
            move |unit| Ok(queries::determinations::for_episode(unit.tx, "north", episode)?)
        });
        assert_eq!(determinations.len(), stored.len());
        assert!(determinations.len() >= 10);
        for (row, stored) in determinations.iter().zip(&stored) {
            assert_eq!(row["verdict"], stored.judgement.verdict);
            assert_eq!(row["since"], stored.since.to_string());
            assert!(["met", "unmet", "unknown", ""].contains(&row["rule_radiculopathy"].as_str()));
        }
        let rules: Vec<&String> = determinations[0].keys().filter(|name| name.starts_with("rule_")).collect();
        assert_eq!(rules.len(), medial::domain::qualification::Rule::ALL.len());

        let episode = practice.get("/v1/exports/stream/episodes.csv", "clinician@north").expect(200).csv();
        assert_eq!(episode[0]["fused_joints"], "none");
        let follow_up = practice.get("/v1/exports/stream/follow_ups.ndjson", "clinician@north").expect(200).ndjson();
        assert_eq!(follow_up[0]["ablation_id"], recorded.ablation.to_string());
        assert_eq!(follow_up[0]["pgic"], json!(2));
    }

    fn csv_is_guarded_and_as_the_standard_has_it(practice: &Practice) {
        practice.record_patient("north");
        let blocks = practice.get("/v1/exports/stream/blocks.csv", "clinician@north").expect(200);
        assert_eq!(blocks.text().matches("\r\n").count(), 3, "{}", blocks.text());
        assert_eq!(blocks.csv()[0]["operator"], "'@Operatorname, Dr.");
        assert_eq!(blocks.csv()[0]["site"], "'-Sitename");
        let patients = practice.get("/v1/exports/stream/patients.csv", "clinician@north").expect(200).csv();
        assert_eq!(patients[0]["family_name"], "'=Familyname");
        assert_eq!(patients[0]["given_name"], "'＝Givenname");
        assert_eq!(patients[0]["identifiers"], r#"[{"system":"urn:example:records","value":"RECORD-0042"}]"#);
        let events = practice.get("/v1/exports/stream/adverse_events.csv", "clinician@north").expect(200).csv();
        assert_eq!(events[0]["note"], "'\ttyped note");
        let episodes = practice.get("/v1/exports/stream/episodes.csv", "clinician@north").expect(200).csv();
        assert_eq!(episodes[0]["assessment"], "'+typed assessment, with \"marks\"\nand lines");
    }

    fn an_export_sees_one_moment_while_others_write(practice: &Practice) {
        const BLOCKS: usize = 120;
        let recorded = practice.record_patient("north");
        let (before, block) = (recorded.scores.len(), recorded.blocks[0].clone());
        let add = move |unit: &mut Unit<'_, '_>, blocks: usize| {
            let row = scores("2025-09-08T09:00:00-05:00").remove(0);
            for _ in 0..blocks {
                let block = Stored { id: unit.new_id(), ..block.clone() };
                queries::blocks::insert(unit.tx, "north", &block)?;
                let new = |_| Stored::new(unit.new_id(), "north", block.patient, block.id, unit.now, row.clone());
                let rows: Vec<Stored<ScoreRow>> = (0..10).map(new).collect();
                queries::scores::insert_many(unit.tx, "north", &rows)?;
            }
            Ok(())
        };
        practice.write("north", {
            let add = add.clone();
            move |unit| add(unit, BLOCKS)
        });
        let principal = clinician("north");
        let wanted = Wanted::by(&principal, Choice::all_of(Content::of(&[Dataset::Scores]), Format::Csv)).unwrap();
        let mut told = Vec::new();
        let mut out = Vec::new();
        let mut progress = |rows| {
            if told.is_empty() {
                // Another thread, as another request would be: this one is in the middle of reading.
                std::thread::scope(|scope| {
                    let add = add.clone();
                    scope.spawn(|| practice.write("north", move |unit| add(unit, 70))).join().unwrap();
                });
            }
            told.push(rows);
            Ok(())
        };
        let rows = medial::export::write(&practice.app, &principal, &wanted, &mut out, &mut progress).unwrap();
        assert_eq!(rows, u64::try_from(before + 1200).unwrap());
        assert!(told.len() >= 3, "it was not written in chunks: {told:?}");
        let rows = medial::export::write(&practice.app, &principal, &wanted, &mut Vec::new(), &mut |_| Ok(())).unwrap();
        assert_eq!(rows, u64::try_from(before + 1900).unwrap());
    }

    fn a_deidentified_export_names_nobody_and_keeps_intervals(practice: &Practice) {
        let recorded = practice.record_patient("north");
        let mut hidden: Vec<String> = IDENTIFYING.map(str::to_owned).to_vec();
        hidden.extend([recorded.patient, recorded.episode, recorded.ablation].map(|id| id.to_string()));
        hidden.extend(recorded.blocks.iter().map(|block| block.id.to_string()));
        hidden.extend(recorded.scores.iter().map(|score| score.id.to_string()));
        hidden.extend(["1930-05-05", "2025-09-08", "2025-09-22", "2025-11-03", "2026-01-03", "2025-03-01", "2025-04-01", "2026-02-01"].map(str::to_owned));
        for dataset in DATASETS {
            for format in ["csv", "ndjson"] {
                let answer = practice.get(&format!("{}?deidentify=true", stream(dataset, format)), "clinician@north").expect(200);
                assert_eq!(answer.headers["medial-deidentified"], "true");
                for word in &hidden {
                    assert!(!answer.text().contains(word.as_str()), "{} {format}: {word}", dataset.code());
                }
                assert!(answer.text().lines().count() > usize::from(format == "csv"), "{} is empty", dataset.code());
            }
        }
        let rows = |dataset| practice.get(&format!("{}?deidentify=true", stream(dataset, "ndjson")), "clinician@north").expect(200).ndjson();
        let (blocks, scores) = (rows(Dataset::Blocks), rows(Dataset::Scores));
        let at = |row: &Value, name: &str| instant(row[name].as_str().unwrap());
        let shift = recorded.blocks[0].value.performed_at - at(&blocks[0], "performed_at");
        assert!((1..=365).contains(&shift.num_days()));
        assert_eq!(shift, TimeDelta::days(shift.num_days()), "the time of day is kept");
        for (row, block) in blocks.iter().zip(&recorded.blocks) {
            assert_eq!(block.value.performed_at - at(row, "performed_at"), shift);
            assert!(row["performed_at"].as_str().unwrap().ends_with("-05:00"));
            assert_eq!(row["patient_id"], blocks[0]["patient_id"]);
            assert_eq!(row["age_at_block"], json!(90));
            assert!(row["operator"].as_str().unwrap().starts_with("operator-"));
            assert!(row.get("recorded_at").is_none());
        }
        for (row, score) in scores.iter().zip(&recorded.scores) {
            assert_eq!(score.value.taken_at - at(row, "taken_at"), shift);
        }
        assert_eq!(scores[0]["block_id"], blocks[0]["id"]);
        let patients = rows(Dataset::Patients);
        assert_eq!(patients[0]["id"], blocks[0]["patient_id"]);
        assert_eq!(patients[0].as_object().unwrap().keys().collect::<Vec<_>>(), ["id", "sex", "version"]);
        let care = &rows(Dataset::Episodes)[0]["conservative_care"];
        assert_eq!(date(care[0]["start"].as_str().unwrap()), date("2025-04-01") - shift);
        assert_eq!(care[1]["kind"], "other");
        let relief = rows(Dataset::Relief);
        assert_eq!(relief[0]["block_id"], blocks[0]["id"]);

        practice.record_patient("south");
        let south = practice.get("/v1/exports/stream/patients.ndjson?deidentify=true", "clinician@south").expect(200).ndjson();
        assert_ne!(south[0]["id"], patients[0]["id"]);
    }

    fn an_analyst_has_deidentified_exports_only(practice: &Practice) {
        let recorded = practice.record_patient("north");
        let answer = practice.get("/v1/exports/stream/blocks.csv", "analyst@north").expect(200);
        assert_eq!(answer.headers["medial-deidentified"], "true");
        assert!(!answer.text().contains("Operatorname"));
        practice.get("/v1/exports/stream/blocks.csv?deidentify=false", "analyst@north").expect(403);
        practice.get("/v1/exports/stream/blocks.csv", "auditor@north").expect(403);

        let body = json!({"dataset": "blocks", "format": "csv", "deidentify": false});
        practice.ask(Method::POST, "/v1/exports", "analyst@north", Some(&body)).expect(403);
        let identified = practice.request(&body, "clinician@north");
        let own = practice.request(&json!({"dataset": "blocks", "format": "csv"}), "analyst@north");
        let body = json!({"dataset": "blocks", "format": "csv", "deidentify": true, "patient_id": recorded.patient});
        let of_one = practice.request(&body, "clinician@north");
        assert_eq!(jobs::run_waiting(&practice.app).unwrap(), 3);
        for hidden in [&identified, &of_one] {
            practice.get(hidden, "analyst@north").expect(403);
            practice.get(&format!("{hidden}/files/blocks.csv"), "analyst@north").expect(403);
            practice.ask(Method::DELETE, hidden, "analyst@north", None).expect(403);
        }
        practice.ask(Method::DELETE, &own, "analyst2@north", None).expect(403);
        let file = practice.get(&format!("{own}/files/blocks.csv"), "analyst@north").expect(200);
        assert_eq!(file.text(), answer.text());
        let listed = practice.get("/v1/exports?count=true", "analyst@north").expect(200).json();
        assert_eq!(listed["items"].as_array().unwrap().len(), 1);
        assert_eq!(listed["count"], json!(1));
        assert_eq!(practice.get("/v1/exports?count=true", "clinician@north").expect(200).json()["count"], json!(3));
    }

    fn an_analyst_cannot_ask_whose_rows_they_are_or_on_which_day(practice: &Practice) {
        let recorded = practice.record_patient("north");
        let id = recorded.patient;
        for filter in [format!("patient_id={id}"), "operator=A".into(), "site=A".into(), "from=2025-09-08".into(), "to=2025-09-08".into()] {
            let path = format!("/v1/exports/stream/blocks.csv?{filter}");
            let answer = practice.get(&path, "analyst@north").expect(422);
            assert!(answer.text().contains("whole years"), "{}", answer.text());
            practice.get(&format!("{path}&deidentify=true"), "clinician@north").expect(200);
        }
        let years = "/v1/exports/stream/blocks.csv?from=2025-01-01&to=2025-12-31";
        assert_eq!(practice.get(years, "analyst@north").expect(200).csv().len(), 2);
        let body = json!({"dataset": "blocks", "format": "csv", "patient_id": id, "from": "2025-02-01"});
        let refused = practice.ask(Method::POST, "/v1/exports", "analyst@north", Some(&body)).expect(422).json();
        let pointers: Vec<&str> = refused["errors"].as_array().unwrap().iter().map(|error| error["pointer"].as_str().unwrap()).collect();
        assert_eq!(pointers, ["/patient_id", "/from"]);
    }

    fn another_organization_has_nothing_of_it(practice: &Practice) {
        practice.record_patient("north");
        let export = practice.request(&json!({"dataset": "blocks", "format": "csv"}), "clinician@north");
        jobs::run_waiting(&practice.app).unwrap();
        for dataset in DATASETS {
            let rows = practice.get(&stream(dataset, "ndjson"), "clinician@south").expect(200);
            assert_eq!(rows.text(), "", "{}", dataset.code());
        }
        practice.get(&export, "clinician@south").expect(404);
        practice.get(&format!("{export}/files/blocks.csv"), "clinician@south").expect(404);
        practice.ask(Method::DELETE, &export, "clinician@south", None).expect(404);
        assert_eq!(practice.get("/v1/exports", "clinician@south").expect(200).json()["items"], json!([]));
        practice.get(&format!("{export}/files/blocks.csv"), "clinician@north").expect(200);
    }

    fn filters_choose_and_what_does_not_apply_is_refused(practice: &Practice) {
        let recorded = practice.record_patient("north");
        let rows = |path: &str| practice.get(path, "clinician@north").expect(200).ndjson().len();
        let second = recorded.blocks[1].value.performed_at.date_naive();
        assert_eq!(rows(&format!("/v1/exports/stream/blocks.ndjson?from={second}")), 1);
        assert_eq!(rows("/v1/exports/stream/scores.ndjson?to=2025-09-08"), 4);
        assert_eq!(rows("/v1/exports/stream/blocks.ndjson?site=-Sitename"), 2);
        assert_eq!(rows("/v1/exports/stream/blocks.ndjson?site=Elsewhere"), 0);
        assert_eq!(rows("/v1/exports/stream/ablations.ndjson?site=-Sitename"), 1);
        assert_eq!(rows("/v1/exports/stream/ablations.ndjson?site=Elsewhere"), 0);
        for (dataset, all) in [("blocks", 2), ("scores", 8), ("ablations", 1), ("outcomes", 2)] {
            let path = format!("/v1/exports/stream/{dataset}.ndjson?site=Elsewhere");
            assert_eq!((rows(&path), rows(&format!("{path}&site=-Sitename"))), (0, all), "{dataset}");
        }
        let listed = |query: &str| practice.get(&format!("/v1/blocks?limit=1&count=true{query}"), "clinician@north").expect(200).json();
        let first = listed("&site=Elsewhere&site=-Sitename");
        assert_eq!((&first["count"], &listed("&site=Elsewhere")["count"]), (&json!(2), &json!(0)));
        let cursor = first["next"].as_str().unwrap();
        let second = listed(&format!("&site=-Sitename&site=Elsewhere&cursor={cursor}"));
        assert_ne!(first["items"][0]["id"], second["items"][0]["id"]);
        assert_eq!(rows("/v1/exports/stream/follow_ups.ndjson?operator=Nobody"), 0);
        assert_eq!(rows(&format!("/v1/exports/stream/patients.ndjson?patient_id={}", recorded.patient)), 1);
        assert_eq!(rows(&format!("/v1/exports/stream/patients.ndjson?patient_id={}", recorded.episode)), 0);

        let refused = practice.get("/v1/exports/stream/patients.csv?site=A", "clinician@north").expect(422);
        assert!(refused.text().contains("site"), "{}", refused.text());
        practice.get("/v1/exports/stream/blocks.csv?colour=red", "clinician@north").expect(422);
        practice.get("/v1/exports/stream/blocks.csv?from=yesterday", "clinician@north").expect(422);
        for (path, accepted) in [("/v1/exports/stream/blocks.xlsx", "csv, ndjson, parquet, arrow"), ("/v1/exports/stream/noses.csv", "blocks, scores")] {
            let refused = practice.get(path, "clinician@north").expect(422);
            assert!(refused.text().contains(accepted), "{}", refused.text());
        }
        let body = json!({"dataset": "blocks", "format": "xlsx"});
        let refused = practice.ask(Method::POST, "/v1/exports", "clinician@north", Some(&body)).expect(422);
        assert!(refused.text().contains("csv, ndjson, parquet, arrow"), "{}", refused.text());
    }

    fn a_withdrawn_score_is_not_exported(practice: &Practice) {
        let recorded = practice.record_patient("north");
        let score = recorded.scores[3].id;
        practice.write("north", move |unit| blocks::withdraw_score(unit, score, None, "typed twice"));
        let rows = practice.get("/v1/exports/stream/scores.ndjson", "clinician@north").expect(200).ndjson();
        assert_eq!(rows.len(), 7);
        assert!(rows.iter().all(|row| row["id"] != json!(score)));
        let relief = practice.get("/v1/exports/stream/relief.ndjson", "clinician@north").expect(200).ndjson();
        assert_eq!(relief[0]["response"], "open");
    }

    fn every_export_is_in_the_audit_trail(practice: &Practice) {
        let recorded = practice.record_patient("north");
        practice.get(&format!("/v1/exports/stream/blocks.csv?patient_id={}&operator=@Operatorname,%20Dr.", recorded.patient), "clinician@north").expect(200);
        practice.get("/v1/exports/stream/scores.ndjson", "analyst@north").expect(200);
        let filters = format!("filters=patient_id={},operator", recorded.patient);
        let of = |action: &str, outcome: &str, detail: String| (action.to_owned(), outcome.to_owned(), detail);
        assert_eq!(practice.audited("north"), [
            of("export_identified", "begun", format!("dataset=blocks format=csv {filters}")),
            of("export_identified", "done", format!("dataset=blocks format=csv {filters} rows=2")),
            of("export_deidentified", "begun", "dataset=scores format=ndjson filters=none".into()),
            of("export_deidentified", "done", "dataset=scores format=ndjson filters=none rows=8".into()),
        ]);
        let principal = clinician("north");
        let wanted = Wanted::by(&principal, Choice::all_of(Content::of(&[Dataset::Blocks]), Format::Csv)).unwrap();
        let mut gone = |_| Err(medial::app::Error::internal("the client is gone"));
        medial::export::write(&practice.app, &principal, &wanted, &mut Vec::new(), &mut gone).unwrap_err();
        let last = practice.audited("north").pop().unwrap();
        assert_eq!(last, of("export_identified", "broken_off", "dataset=blocks format=csv filters=none rows=2".into()));
    }

    fn the_command_writes_the_rows_of_the_service(practice: &Practice) {
        practice.record_patient("north");
        let run = |arguments: &[&str]| {
            let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_medial"));
            command.args(["export", "--database-url", practice.database.url()]).args(arguments).current_dir(practice.directory.path());
            command.output().unwrap()
        };
        let said = |output: &std::process::Output| String::from_utf8(output.stderr.clone()).unwrap();
        for dataset in DATASETS {
            for format in ["csv", "ndjson"] {
                let output = run(&[dataset.code(), "--format", format]);
                assert!(output.status.success(), "{}", said(&output));
                let streamed = practice.get(&stream(dataset, format), "clinician@north").expect(200);
                assert_eq!(String::from_utf8(output.stdout).unwrap(), streamed.text(), "{}", dataset.code());
            }
        }
        let output = run(&["scores", "--to", "2025-09-08", "--output", "scores.csv"]);
        assert!(output.status.success(), "{}", said(&output));
        assert!(said(&output).contains("4 rows"), "{}", said(&output));
        let path = practice.directory.path().join("scores.csv");
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 5);

        let of_sites = |sites: &[&str]| {
            let output = run(&[&["blocks", "--format", "ndjson"], sites].concat());
            assert!(output.status.success(), "{}", said(&output));
            String::from_utf8(output.stdout).unwrap().lines().count()
        };
        assert_eq!(of_sites(&["--site", "Elsewhere"]), 0);
        assert_eq!(of_sites(&["--site", "Elsewhere", "--site=-Sitename"]), 2);

        let refused = run(&["scores", "--output", "scores.csv"]);
        assert_eq!(refused.status.code(), Some(2));
        assert!(said(&refused).contains("--force"), "{}", said(&refused));
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 5);
        assert!(run(&["scores", "--output", "scores.csv", "--force"]).status.success());
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 9);

        let refused = run(&["patients", "--site", "A"]);
        assert!(said(&refused).contains("--site"), "{}", said(&refused));
        assert_eq!(refused.status.code(), Some(2));
        practice.record_patient("south");
        let refused = run(&["patients"]);
        assert!(said(&refused).contains("north, south"), "{}", said(&refused));
        assert!(run(&["patients", "--organization", "south"]).status.success());
        assert!(said(&run(&["patients", "--organization", "west"])).contains("no organization west"));
    }
}
