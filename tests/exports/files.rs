//! Exports that are made in the background: their files, how far they are, their end.

use crate::practice::*;
use crate::support::databases::on_each_database;
use actix_web::http::Method;
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use chrono::{DateTime, Utc};
use medial::http::configure;
use medial::jobs::exports as jobs;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use uuid::Uuid;

on_each_database! {
    fn an_export_is_made_in_the_background(practice: &Practice) {
        practice.record_patient("north");
        let export = practice.request(&json!({"dataset": "scores", "format": "ndjson"}), "clinician@north");
        let waiting = practice.get(&export, "clinician@north").expect(200).json();
        assert_eq!((&waiting["state"], &waiting["files"]), (&json!("queued"), &json!([])));
        assert_eq!(jobs::run_waiting(&practice.app).unwrap(), 1);
        assert_eq!(jobs::run_waiting(&practice.app).unwrap(), 0);

        let done = practice.get(&export, "clinician@north").expect(200).json();
        assert_eq!((&done["state"], &done["rows"]), (&json!("done"), &json!(8)));
        assert_eq!(done["expires_at"], "2026-02-08T12:00:00Z");
        let files = done["files"].as_array().unwrap();
        let names: Vec<&str> = files.iter().map(|file| file["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["manifest.json", "scores.ndjson"]);
        assert_eq!(files[1]["rows"], json!(8));
        for file in files {
            let name = file["name"].as_str().unwrap();
            let content = practice.get(&format!("{export}/files/{name}"), "clinician@north").expect(200);
            assert_eq!(json!(content.body.len()), file["bytes"]);
            let digest: String = Sha256::digest(&content.body).iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(json!(digest), file["sha256"]);
            assert_eq!(content.headers["content-type"], file["media_type"].as_str().unwrap());
            assert_eq!(content.headers["content-disposition"], format!("attachment; filename=\"{name}\""));
        }
        let streamed = practice.get("/v1/exports/stream/scores.ndjson", "clinician@north").expect(200);
        let file = practice.get(&format!("{export}/files/scores.ndjson"), "clinician@north").expect(200);
        assert_eq!(file.text(), streamed.text());
        let manifest = practice.get(&format!("{export}/files/manifest.json"), "clinician@north").expect(200).json();
        let described: Vec<&Value> = manifest["files"][0]["columns"].as_array().unwrap().iter().map(|column| &column["name"]).collect();
        let row = &streamed.ndjson()[0];
        assert_eq!(described.len(), row.as_object().unwrap().len());
        assert!(described.iter().all(|name| row.get(name.as_str().unwrap()).is_some()));
    }

    fn an_export_that_was_broken_off_is_made_again(practice: &Practice) {
        practice.record_patient("north");
        let export = practice.request(&json!({"dataset": "scores", "format": "csv"}), "clinician@north");
        let taken = practice.app.take_waiting_export().unwrap().unwrap();
        let directory = practice.directory.path().join("exports").join(medial::export::files::directory("north", taken.id));
        std::fs::create_dir_all(&directory).unwrap();
        std::fs::write(directory.join(".scores.csv.part"), "half").unwrap();
        std::fs::write(directory.join("scores.csv"), "of another attempt").unwrap();
        assert_eq!(practice.get(&export, "clinician@north").expect(200).json()["state"], "running");

        // Told to stop, it leaves it for the next time.
        let chunks = std::cell::Cell::new(0);
        let go_on = || { chunks.set(chunks.get() + 1); chunks.get() == 1 };
        assert_eq!(jobs::run_waiting_while(&practice.app, &go_on).unwrap(), 0);
        assert_eq!(practice.get(&export, "clinician@north").expect(200).json()["state"], "running");

        assert_eq!(jobs::run_waiting(&practice.app).unwrap(), 1);
        let file = practice.get(&format!("{export}/files/scores.csv"), "clinician@north").expect(200);
        assert_eq!(file.csv().len(), 8);
        let names: Vec<PathBuf> = practice.export_files().iter().map(|path| path.file_name().unwrap().into()).collect();
        assert_eq!(names, [Path::new("datapackage.json"), Path::new("manifest.json"), Path::new("scores.csv")]);
    }

    fn a_deleted_export_is_gone_with_its_files(practice: &Practice) {
        practice.record_patient("north");
        let export = practice.request(&json!({"dataset": "blocks", "format": "csv"}), "clinician@north");
        jobs::run_waiting(&practice.app).unwrap();
        assert_eq!(practice.export_files().len(), 3);
        practice.ask(Method::DELETE, &export, "clinician@north", None).expect(204);
        assert_eq!(practice.export_files(), Vec::<PathBuf>::new());
        practice.get(&export, "clinician@north").expect(404);
        practice.get(&format!("{export}/files/blocks.csv"), "clinician@north").expect(404);
        practice.ask(Method::DELETE, &export, "clinician@north", None).expect(404);

        // Deleted while it is being made: what was made is removed.
        let export = practice.request(&json!({"dataset": "blocks", "format": "csv"}), "clinician@north");
        let asked = std::cell::Cell::new(0);
        let deleting = || {
            asked.set(asked.get() + 1);
            if asked.get() == 2 {
                practice.ask(Method::DELETE, &export, "clinician@north", None).expect(204);
            }
            true
        };
        jobs::run_waiting_while(&practice.app, &deleting).unwrap();
        assert!(asked.get() >= 2);
        assert_eq!(practice.export_files(), Vec::<PathBuf>::new());
        practice.get(&export, "clinician@north").expect(404);
    }

    fn exports_are_kept_for_a_week(practice: &Practice) {
        practice.record_patient("north");
        let old = practice.request(&json!({"dataset": "blocks", "format": "csv"}), "clinician@north");
        practice.clock.set("2026-02-07T12:00:00Z".parse::<DateTime<Utc>>().unwrap());
        let new = practice.request(&json!({"dataset": "blocks", "format": "csv"}), "clinician@north");
        jobs::run_waiting(&practice.app).unwrap();
        assert_eq!(jobs::clean_up(&practice.app).unwrap(), 0);
        practice.clock.set("2026-02-09T12:00:00Z".parse::<DateTime<Utc>>().unwrap());
        let orphan = practice.directory.path().join("exports").join(medial::export::files::directory("north", Uuid::from_u128(7)));
        std::fs::create_dir_all(&orphan).unwrap();
        let other = practice.directory.path().join("exports").join("not-ours");
        std::fs::create_dir_all(&other).unwrap();
        assert_eq!(jobs::clean_up(&practice.app).unwrap(), 2);
        practice.get(&old, "clinician@north").expect(404);
        practice.get(&format!("{new}/files/blocks.csv"), "clinician@north").expect(200);
        assert_eq!(practice.export_files().len(), 3);
        assert!(!orphan.exists() && other.exists());
    }

    fn an_export_that_cannot_be_written_says_so_and_the_next_is_made(practice: &Practice) {
        practice.record_patient("north");
        let export = practice.request(&json!({"dataset": "blocks", "format": "csv"}), "clinician@north");
        // A file where the directory should be.
        std::fs::write(practice.directory.path().join("exports"), "").unwrap();
        assert_eq!(jobs::run_waiting(&practice.app).unwrap(), 0);
        let failed = practice.get(&export, "clinician@north").expect(200).json();
        assert_eq!(failed["state"], "failed");
        assert!(failed["failure"].as_str().unwrap().ends_with("the log says why."));
        std::fs::remove_file(practice.directory.path().join("exports")).unwrap();
        let next = practice.request(&json!({"dataset": "blocks", "format": "csv"}), "clinician@north");
        assert_eq!(jobs::run_waiting(&practice.app).unwrap(), 1);
        assert_eq!(practice.get(&next, "clinician@north").expect(200).json()["state"], "done");
    }

    fn an_export_that_panics_says_so_and_the_next_is_made(practice: &Practice) {
        practice.record_patient("north");
        let wanted = json!({"dataset": "blocks", "format": "csv"});
        let [first, next] = [(); 2].map(|()| practice.request(&wanted, "clinician@north"));
        // Once before an export is begun, then while its rows are written.
        let asked = std::cell::Cell::new(0);
        let go_on = || {
            asked.set(asked.get() + 1);
            assert_ne!(asked.get(), 2, "in the midst of the rows");
            true
        };
        assert_eq!(jobs::run_waiting_while(&practice.app, &go_on).unwrap(), 1);
        let failed = practice.get(&first, "clinician@north").expect(200).json();
        assert_eq!(failed["state"], "failed");
        assert!(failed["failure"].as_str().unwrap().ends_with("the log says why."));
        assert_eq!(practice.get(&next, "clinician@north").expect(200).json()["state"], "done");
        // Of the one that failed no file is left.
        assert_eq!(practice.export_files().len(), 3);
    }

    fn no_name_leads_out_of_the_directory(practice: &Practice) {
        practice.record_patient("north");
        std::fs::write(practice.directory.path().join("secret"), "secret").unwrap();
        let export = practice.request(&json!({"dataset": "blocks", "format": "csv"}), "clinician@north");
        jobs::run_waiting(&practice.app).unwrap();
        for name in ["..%2F..%2F..%2Fsecret", "%2e%2e%2fsecret", ".blocks.csv.part", "..", "blocks.csv%00"] {
            let answer = practice.get(&format!("{export}/files/{name}"), "clinician@north");
            assert!(answer.status.is_client_error(), "{name}: {}", answer.status);
            assert!(!answer.text().contains("secret\""), "{name}");
        }
    }

    fn asking_twice_with_one_key_asks_once(practice: &Practice) {
        let state = practice.state();
        let ask = || {
            let state = state.clone();
            actix_web::rt::System::new().block_on(async move {
                let service = init_service(actix_web::App::new().configure(|config| configure(config, &state))).await;
                let request = TestRequest::post().uri("/v1/exports")
                    .insert_header(("authorization", "Bearer clinician@north"))
                    .insert_header(("idempotency-key", "key-1"))
                    .set_json(json!({"dataset": "blocks", "format": "csv"}));
                let response = call_service(&service, request.to_request()).await;
                serde_json::from_slice::<Value>(&read_body(response).await).unwrap()
            })
        };
        assert_eq!(ask()["id"], ask()["id"]);
        assert_eq!(practice.get("/v1/exports", "clinician@north").expect(200).json()["items"].as_array().unwrap().len(), 1);
    }

    fn several_datasets_come_from_one_view_with_a_manifest_and_a_data_package(practice: &Practice) {
        practice.record_patient("north");
        let body = json!({"datasets": ["blocks", "scores", "outcomes", "blocks"], "format": "csv", "deidentify": true, "dates": "shifted"});
        let export = practice.request(&body, "clinician@north");
        assert_eq!(jobs::run_waiting(&practice.app).unwrap(), 1);
        let done = practice.get(&export, "clinician@north").expect(200).json();
        assert_eq!((&done["dataset"], &done["dates"], &done["rows"]), (&json!("blocks,scores,outcomes"), &json!("shifted"), &json!(12)));
        assert!(done["expected_rows"].as_i64().unwrap() >= 12);
        let names: Vec<&str> = done["files"].as_array().unwrap().iter().map(|file| file["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["blocks.csv", "datapackage.json", "manifest.json", "outcomes.csv", "scores.csv"]);
        let read = |name: &str| practice.get(&format!("{export}/files/{name}"), "clinician@north").expect(200);
        let manifest = read("manifest.json").json();
        assert_eq!(manifest["taken_at"], "2026-02-01T12:00:00.000000Z");
        assert_eq!((&manifest["deidentified"], &manifest["deidentification"]["dates"]), (&json!(true), &json!("shifted")));
        assert_eq!(manifest["dictionary_version"], json!(medial::export::DICTIONARY_VERSION));
        let package = read("datapackage.json").json();
        for (described, resource) in manifest["files"].as_array().unwrap().iter().zip(package["resources"].as_array().unwrap()) {
            let content = read(described["name"].as_str().unwrap());
            let digest: String = Sha256::digest(&content.body).iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(described["sha256"], json!(digest));
            assert_eq!(resource["hash"], json!(format!("sha256:{digest}")));
            assert_eq!(resource["path"], described["name"]);
            assert_eq!(described["rows"], json!(content.csv().len()));
            let header = content.text().lines().next().unwrap().to_owned();
            for columns in [&described["columns"], &resource["schema"]["fields"]] {
                let names: Vec<&str> = columns.as_array().unwrap().iter().map(|column| column["name"].as_str().unwrap()).collect();
                assert_eq!(names.join(","), header);
            }
        }
    }

    fn a_job_takes_several_sites_and_the_one_of_earlier_versions(practice: &Practice) {
        practice.record_patient("north");
        for (site, shown, rows) in [
            (json!("Elsewhere"), json!(["Elsewhere"]), 0),
            (json!(["-Sitename", "Elsewhere", "Elsewhere"]), json!(["-Sitename", "Elsewhere"]), 2),
        ] {
            let export = practice.request(&json!({"dataset": "blocks", "format": "csv", "site": site}), "clinician@north");
            jobs::run_waiting(&practice.app).unwrap();
            let found = practice.get(&export, "clinician@north").expect(200).json();
            assert_eq!((&found["state"], &found["rows"], &found["filters"]["site"]), (&json!("done"), &json!(rows), &shown));
        }
        let export = practice.request(&json!({"dataset": "blocks", "format": "csv"}), "clinician@north");
        let id = export.rsplit('/').next().unwrap();
        practice.database.execute(&format!("UPDATE exports SET filters = '{{\"site\":\"Elsewhere\"}}' WHERE id = '{id}'")).unwrap();
        jobs::run_waiting(&practice.app).unwrap();
        let found = practice.get(&export, "clinician@north").expect(200).json();
        assert_eq!((&found["rows"], &found["filters"]["site"]), (&json!(0), &json!(["Elsewhere"])));
    }

    fn what_cannot_be_asked_for_is_told_with_what_can(practice: &Practice) {
        practice.record_patient("north");
        let refused = |body: Value| practice.ask(Method::POST, "/v1/exports", "clinician@north", Some(&body)).expect(422).text().to_owned();
        for (body, said) in [
            (json!({"format": "csv"}), "Exactly one of"),
            (json!({"dataset": "blocks", "model": "omop", "format": "csv"}), "Exactly one of"),
            (json!({"datasets": [], "format": "csv"}), "At least one dataset"),
            (json!({"dataset": "blocks", "format": "csv", "columns": ["id", "nose", "id"]}), "no column nose here; there are id, episode_id"),
            (json!({"dataset": "blocks", "format": "csv", "columns": ["id", "id"]}), "named twice"),
            (json!({"datasets": ["blocks", "scores"], "format": "csv", "columns": ["id"]}), "where one dataset"),
            (json!({"datasets": ["blocks", "patients"], "format": "csv", "site": "A"}), "accepted are patient_id"),
            (json!({"dataset": "blocks", "format": "csv", "site": []}), "Expected 1 to 100 names"),
            (json!({"dataset": "blocks", "format": "csv", "site": ["A", " ", 7]}), "/site/2"),
            (json!({"dataset": "blocks", "format": "csv", "dates": "years"}), "de-identified export only"),
            (json!({"dataset": "outcomes", "format": "csv", "verdict": "perhaps"}), "does_not_meet"),
            (json!({"model": "omop", "format": "csv", "deidentify": true, "dates": "years"}), "can be shifted"),
            (json!({"model": "omop", "format": "csv", "site": "A"}), "accepted are patient_id"),
        ] {
            let text = refused(body.clone());
            assert!(text.contains(said), "{body}: {text}");
        }
    }
}
