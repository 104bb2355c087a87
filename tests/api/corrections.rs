//! Corrections keep what was there, and everything that follows from a record follows its correction.

use crate::service::{Service, id};
use crate::support::databases::{TestDatabase, on_each_database};
use medial::auth::Role;
use serde_json::{Value, json};

fn positive_block(number: usize, performed_at: &str) -> Value {
    let day = performed_at.get(..10).unwrap();
    json!({
        "patient": {
            "identifiers": [{"system": "urn:example:mrn", "value": number.to_string()}],
            "family_name": format!("Example-{number:04}"), "given_name": "Robin", "birth_date": "1961-04-02",
        },
        "episode": {
            "region": "lumbar", "onset_date": "2025-01-01", "axial": true, "radiculopathy": "none", "other_causes_excluded": true,
            "fused_joints": [],
            "conservative_care": [{"kind": "physical_therapy", "start": "2025-02-01", "end": "2025-08-01", "outcome": "failed"}],
            "disability": [{"instrument": "odi", "score": 42, "maximum": 100, "taken_on": "2025-08-01"}],
        },
        "performed_at": performed_at, "kind": "diagnostic", "technique": "medial_branch", "joints": ["L4-5"], "side": "left",
        "agent": "lidocaine", "volume_ml_per_nerve": 0.5, "steroid": false, "guidance": "fluoroscopy", "sedation": "none",
        "stated_relief_percent": 90,
        "scores": [
            {"taken_at": format!("{day}T08:30:00Z"), "scale": "nrs", "value": 8, "context": "movement"},
            {"taken_at": format!("{day}T09:30:00Z"), "scale": "nrs", "value": 1, "context": "movement"},
            {"taken_at": format!("{day}T11:30:00Z"), "scale": "nrs", "value": 1, "context": "movement"},
            {"taken_at": format!("{day}T13:30:00Z"), "scale": "nrs", "value": 7, "context": "movement"},
        ],
    })
}

fn verdict(service: &Service, episode: &str) -> (String, String) {
    let path = format!("/v1/episodes/{episode}/determinations?profiles=medicare-lcd");
    let answer = service.get(&path).expect(200);
    let part = |name: &str| {
        answer["determinations"][0][name]
            .as_str()
            .unwrap()
            .to_owned()
    };
    (part("verdict"), part("next_step"))
}

fn listed(service: &Service) -> Vec<Value> {
    let list = service
        .get("/v1/candidates?profile=medicare-lcd")
        .expect(200);
    list["items"].as_array().unwrap().clone()
}

on_each_database! {
    fn a_diagnosis_is_kept_and_fits_its_region(test: &TestDatabase) {
        let service = Service::at(test, "2025-10-20T15:00:00Z");
        let patient = service.post("/v1/patients", &json!({"identifiers": [{"system": "urn:example:mrn", "value": "1"}]})).expect(201);
        let mut episode = json!({"patient_id": id(&patient), "region": "lumbar", "diagnosis": "M47.816"});
        let recorded = service.post("/v1/episodes", &episode).expect(201);
        assert_eq!(recorded["diagnosis"], "M47.816");
        let path = format!("/v1/episodes/{}", id(&recorded));
        assert_eq!(service.get(&path).expect(200)["diagnosis"], "M47.816");

        episode["diagnosis"] = json!("M54.2");
        let refused = service.put(&path, 1, &episode).expect(422);
        assert_eq!((&refused["errors"][0]["pointer"], &refused["errors"][0]["code"]), (&json!("/diagnosis"), &json!("out_of_region")));
        episode["diagnosis"] = json!("M54.59");
        assert_eq!(service.put(&path, 1, &episode).expect(200)["diagnosis"], "M54.59");
    }

    fn a_candidate_comes_goes_and_comes_back(test: &TestDatabase) {
        let service = Service::at(test, "2025-10-20T15:00:00Z");
        service.post("/v1/blocks", &positive_block(1, "2025-09-08T09:00:00Z")).expect(201);
        assert_eq!(listed(&service).len(), 0);
        let second = service.post("/v1/blocks", &positive_block(1, "2025-09-22T09:00:00Z")).expect(201);
        let episode = second["episode_id"].as_str().unwrap().to_owned();
        assert_eq!(verdict(&service, &episode), ("meets".to_owned(), "refer_for_ablation".to_owned()));
        let candidates = listed(&service);
        assert_eq!(candidates.len(), 1);
        assert_eq!(candidates[0]["patient"]["family_name"], "Example-0001");
        assert_eq!(candidates[0]["determinations"][0]["unmet"], json!([]));
        let summary = candidates[0]["determinations"][0]["summary"].as_str().unwrap();
        assert_eq!(summary, "The left L4-5 meets profile medicare-lcd (version 1).");

        let path = format!("/v1/blocks/{}/scores", id(&second));
        let scores = service.get(&path).expect(200);
        for score in scores["items"].as_array().unwrap().iter().filter(|score| score["value"] == 1) {
            let mut wrong = score.clone();
            wrong["value"] = json!(4);
            wrong["reason"] = json!("read from the wrong line");
            service.put(&format!("/v1/scores/{}", id(score)), 1, &wrong).expect(200);
        }
        assert_eq!(verdict(&service, &episode), ("does_not_meet".to_owned(), "none".to_owned()));
        assert_eq!(listed(&service).len(), 0);

        let corrected = service.get(&path).expect(200);
        for score in corrected["items"].as_array().unwrap().iter().filter(|score| score["value"] == 4) {
            let mut right = score.clone();
            right["value"] = json!(1);
            service.put(&format!("/v1/scores/{}", id(score)), 2, &right).expect(200);
        }
        assert_eq!(verdict(&service, &episode), ("meets".to_owned(), "refer_for_ablation".to_owned()));
        assert_eq!(listed(&service).len(), 1);

        let path = format!("/v1/episodes/{episode}/determinations?history=true&profiles=medicare-lcd&limit=500");
        let history = service.get(&path).expect(200);
        let steps: Vec<&str> = history["history"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|replaced| replaced["profile"] == "medicare-lcd")
            .map(|replaced| replaced["next_step"].as_str().unwrap())
            .collect();
        assert!(steps.contains(&"confirmatory_block") && steps.contains(&"refer_for_ablation") && steps.contains(&"none"), "{steps:?}");
    }

    fn a_withdrawn_score_is_kept_and_no_longer_counts(test: &TestDatabase) {
        let service = Service::on(test);
        let block = service.post("/v1/blocks", &positive_block(1, "2025-09-08T09:00:00Z")).expect(201);
        let score = format!("/v1/scores/{}", id(&block["scores"][1]));
        service.ask("DELETE", &score).send().expect(422);
        service.ask("DELETE", &format!("{score}?reason=entered%20twice")).send().expect(204);
        let withdrawn = service.get(&score).expect(200);
        assert_eq!(withdrawn["withdrawn"]["reason"], "entered twice");
        service.ask("DELETE", &format!("{score}?reason=again")).send().expect(409);
        let body = json!({"taken_at": "2025-09-08T09:30:00Z", "scale": "nrs", "value": 2});
        service.put(&score, 2, &body).expect(409);
        let left = service.get(&format!("/v1/blocks/{}/scores", id(&block))).expect(200);
        assert_eq!(left["items"].as_array().unwrap().len(), 3);
    }

    fn each_kind_of_record_is_corrected_and_judged_anew(test: &TestDatabase) {
        let service = Service::at(test, "2026-12-01T15:00:00Z");
        service.post("/v1/blocks", &positive_block(1, "2025-09-08T09:00:00Z")).expect(201);
        let block = service.post("/v1/blocks", &positive_block(1, "2025-09-22T09:00:00Z")).expect(201);
        let episode = block["episode_id"].as_str().unwrap().to_owned();
        let meets = || verdict(&service, &episode).0;
        assert_eq!(meets(), "meets");

        let path = format!("/v1/episodes/{episode}");
        let mut body = service.get(&path).expect(200);
        body["radiculopathy"] = json!("untreated");
        let version = body["version"].as_i64().unwrap();
        service.put(&path, version, &body).expect(200);
        assert_eq!(meets(), "does_not_meet");
        let mut body = service.get(&path).expect(200);
        body["radiculopathy"] = json!("none");
        service.put(&path, version + 1, &body).expect(200);
        assert_eq!(meets(), "meets");

        let path = format!("/v1/blocks/{}", id(&block));
        let mut body = service.get(&path).expect(200);
        body["guidance"] = json!("ultrasound");
        let corrected = service.put(&path, 1, &body).expect(200);
        assert_eq!(corrected["nerves"], json!(["L3", "L4"]));
        assert_eq!(meets(), "does_not_meet");
        let mut body = service.get(&path).expect(200);
        body["guidance"] = json!("ct");
        body["joints"] = json!(["L4-5", "L5-S1"]);
        let corrected = service.put(&path, 2, &body).expect(200);
        assert_eq!(corrected["nerves"], json!(["L3", "L4", "L5 dorsal ramus"]));
        assert_eq!(meets(), "meets");

        let ablation = json!({
            "episode_id": episode, "performed_on": "2025-11-01", "joints": ["L4-5"], "side": "left",
            "pre_score": {"scale": "nrs", "value": 8},
            "follow_ups": [{"taken_on": "2026-05-20", "score": {"scale": "nrs", "value": 2}}, {"taken_on": "2026-08-01", "score": {"scale": "nrs", "value": 7}}],
        });
        let ablation = service.post("/v1/ablations", &ablation).expect(201);
        let step = || verdict(&service, &episode).1;
        assert_eq!(step(), "repeat_ablation");
        let last = &ablation["follow_ups"][1];
        let path = format!("/v1/ablations/{}/follow-ups/{}", id(&ablation), id(last));
        let mut body = service.get(&path).expect(200);
        assert_eq!(body["relief_percent"], 12.5);
        body["score"]["value"] = json!(3);
        service.put(&path, 1, &body).expect(200);
        assert_eq!(step(), "follow_up");
        let path = format!("/v1/ablations/{}", id(&ablation));
        let mut body = service.get(&path).expect(200);
        body["side"] = json!("right");
        service.put(&path, 1, &body).expect(200);
        assert_eq!(step(), "refer_for_ablation");
    }

    fn an_inline_episode_is_brought_up_to_date(test: &TestDatabase) {
        let service = Service::on(test);
        let mut first = positive_block(1, "2025-09-08T09:00:00Z");
        first["episode"] = json!({"region": "lumbar"});
        let first = service.post("/v1/blocks", &first).expect(201);
        let second = service.post("/v1/blocks", &positive_block(1, "2025-09-22T09:00:00Z")).expect(201);
        assert_eq!(first["episode_id"], second["episode_id"]);
        let mut third = positive_block(1, "2025-10-08T09:00:00Z");
        third["episode"] = json!({"region": "lumbar"});
        let third = service.post("/v1/blocks", &third).expect(201);
        let episode = service.get(&format!("/v1/episodes/{}", third["episode_id"].as_str().unwrap())).expect(200);
        assert_eq!((&episode["onset_date"], &episode["version"]), (&json!("2025-01-01"), &json!(2)));
        let mut elsewhere = positive_block(1, "2025-10-09T09:00:00Z");
        elsewhere["episode"] = json!({"region": "cervical"});
        elsewhere["joints"] = json!(["C4-5"]);
        let elsewhere = service.post("/v1/blocks", &elsewhere).expect(201);
        assert_ne!(elsewhere["episode_id"], third["episode_id"]);
    }

    fn a_decision_takes_a_candidate_off_the_list_and_undo_brings_it_back(test: &TestDatabase) {
        let service = Service::at(test, "2025-10-20T15:00:00Z");
        service.post("/v1/blocks", &positive_block(1, "2025-09-08T09:00:00Z")).expect(201);
        let block = service.post("/v1/blocks", &positive_block(1, "2025-09-22T09:00:00Z")).expect(201);
        let review = format!("/v1/candidates/{}/review", block["episode_id"].as_str().unwrap());
        let clinician = service.token(Role::Clinician);
        let decide = |body: Value| service.ask("POST", &review).bearer(&clinician).json(&body).send();
        decide(json!({"decision": "deferred"})).expect(422);
        decide(json!({"decision": "deferred", "deferred_until": "2025-10-25"})).expect(201);
        assert_eq!(listed(&service).len(), 0);
        service.clock.set("2025-10-26T15:00:00Z");
        assert_eq!(listed(&service).len(), 1);
        decide(json!({"decision": "referred", "note": "seen today"})).expect(201);
        assert_eq!(listed(&service).len(), 0);
        let all = service.get("/v1/candidates?profile=medicare-lcd&reviewed=true").expect(200);
        assert_eq!(all["items"][0]["review"]["decision"], "referred");
        service.ask("DELETE", &review).bearer(&clinician).send().expect(200);
        assert_eq!(listed(&service).len(), 1);
    }

    fn the_timeline_and_the_trail_tell_what_happened(test: &TestDatabase) {
        let service = Service::on(test);
        let block = service.post("/v1/blocks", &positive_block(1, "2025-09-08T09:00:00Z")).expect(201);
        let patient = block["patient_id"].as_str().unwrap();
        let timeline = service.get(&format!("/v1/patients/{patient}/timeline")).expect(200);
        let kinds: Vec<&str> = timeline["items"].as_array().unwrap().iter().map(|one| one["kind"].as_str().unwrap()).collect();
        assert_eq!(kinds, ["episode", "score", "block", "score", "score", "score"]);
        service.app.write_down_reads().unwrap();
        service.app.seal_audit().unwrap();
        let auditor = service.token(Role::Auditor);
        let trail = |path: &str| service.ask("GET", path).bearer(&auditor).send().expect(200);
        let entries = trail(&format!("/v1/audit?patient_id={patient}&count=true"));
        let actions: Vec<&str> = entries["items"].as_array().unwrap().iter().map(|one| one["action"].as_str().unwrap()).collect();
        for action in ["write_patient", "write_episode", "write_block", "read_patient"] {
            assert!(actions.contains(&action), "{action}: {actions:?}");
        }
        assert_eq!(trail("/v1/audit?verify=true")["holds"], true);
    }
}
