//! The evidence summary over HTTP: its three forms, who may read it, and what is said where it cannot be given.

use crate::service::{Answer, Service, id};
use crate::support::databases::{TestDatabase, on_each_database};
use medial::auth::Role;
use serde_json::{Value, json};

/// The first worked example with a patient who has a name; the id of its episode.
fn seeded(service: &Service) -> String {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/fixtures/cases/two-positive-blocks.json"
    );
    let case: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let patient = json!({
        "identifiers": [{"system": "urn:example:mrn", "value": "SYN-0042"}],
        "family_name": "Synthetic", "given_name": "Paula", "birth_date": "1961-04-03", "sex": "female",
    });
    let patient = service.post("/v1/patients", &patient).expect(201);
    let mut episode = case["episode"].clone();
    episode["patient_id"] = patient["id"].clone();
    let episode = service.post("/v1/episodes", &episode).expect(201);
    for block in case["blocks"].as_array().unwrap() {
        let mut block = block.clone();
        block["episode_id"] = episode["id"].clone();
        service.post("/v1/blocks", &block).expect(201);
    }
    id(&episode).to_owned()
}

fn ask(service: &Service, path: &str, accept: &str) -> Answer {
    service.ask("GET", path).header("accept", accept).send()
}

on_each_database! {
    fn the_evidence_comes_in_three_forms(test: &TestDatabase) {
        let service = Service::on(test);
        let path = format!("/v1/episodes/{}/evidence?as_of=2025-10-06", seeded(&service));
        let data = service.get(&path).expect(200);
        assert_eq!(data["profile"]["id"], "medicare-lcd");
        assert_eq!(data["statements"].as_array().unwrap().len(), 1);
        assert_eq!(data["judgements"][0]["verdict"], "meets");
        assert_eq!(data["codes"]["procedures"][0]["lines"][1]["cpt"], "64494");
        assert!(data["recorded"].as_array().unwrap().iter().all(|one| one["recorded_by"].is_string()));
        let page = ask(&service, &path, "text/html");
        assert_eq!(page.status, 200);
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
        assert!(page.header("content-security-policy").starts_with("default-src 'none'; style-src 'self'"));
        assert!(page.text().contains("Synthetic, Paula") && page.text().contains("<svg"));
        let pdf = ask(&service, &path, "application/pdf");
        assert_eq!(pdf.status, 200);
        assert_eq!(pdf.header("content-type"), "application/pdf");
        assert!(pdf.body.starts_with(b"%PDF-"));
    }

    fn what_is_dated_later_is_not_there_and_the_hash_tells(test: &TestDatabase) {
        let service = Service::on(test);
        let path = format!("/v1/episodes/{}/evidence", seeded(&service));
        let early = service.get(&format!("{path}?as_of=2025-09-20")).expect(200);
        let late = service.get(&format!("{path}?as_of=2025-10-06")).expect(200);
        let again = service.get(&format!("{path}?as_of=2025-10-06&profile=aetna-cpb-0016")).expect(200);
        assert_eq!(early["blocks"].as_array().unwrap().len(), 1);
        assert_eq!(late["blocks"].as_array().unwrap().len(), 2);
        assert_ne!(early["records_sha256"], late["records_sha256"]);
        assert_eq!(again["records_sha256"], late["records_sha256"], "the same records");
        assert_eq!(again["profile"]["id"], "aetna-cpb-0016");
    }

    fn evidence_that_cannot_be_given_is_explained(test: &TestDatabase) {
        let service = Service::on(test);
        let episode = seeded(&service);
        let path = format!("/v1/episodes/{episode}/evidence");
        let unknown = service.get(&format!("{path}?profile=nobody")).expect(400);
        assert_eq!(unknown["code"], "unknown_profile");
        let image = ask(&service, &path, "image/png").expect(406);
        assert_eq!(image["code"], "not_acceptable");
        assert!(image["detail"].as_str().unwrap().contains("application/pdf"));
        service.get("/v1/episodes/0199f6a4-0000-7000-8000-000000000001/evidence").expect(404);
        let analyst = service.token(Role::Analyst);
        service.ask("GET", &path).bearer(&analyst).send().expect(403);
    }

    fn reading_the_evidence_is_written_down(test: &TestDatabase) {
        let service = Service::on(test);
        let episode = seeded(&service);
        service.get(&format!("/v1/episodes/{episode}/evidence")).expect(200);
        service.app.write_down_reads().unwrap();
        let auditor = service.token(Role::Auditor);
        let trail = service.ask("GET", "/v1/audit").bearer(&auditor).send().expect(200);
        let read = trail["items"].as_array().unwrap().iter();
        let read: Vec<&Value> = read.filter(|entry| entry["resource_kind"] == "evidence").collect();
        assert_eq!(read.len(), 1, "{trail}");
        assert_eq!(read[0]["resource_id"], json!(episode));
    }
}
