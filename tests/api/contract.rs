//! The contract: the document is the one of this program, complete, and its examples work.

use crate::described::unfit_examples;
use crate::service::{Service, id};
use crate::support::databases::{TestDatabase, on_each_database};
use medial::auth::Role;
use medial::http::openapi;
use serde_json::{Value, json};
use std::path::Path;

const WRITE: &str = "MEDIAL_WRITE_CONTRACT";

#[test]
fn the_committed_document_is_that_of_the_program() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.yaml");
    let document = openapi::contract();
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(&path, &document).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == document,
        "openapi.yaml is not that of the program; look at what changes and write it with {WRITE}=1"
    );
}

#[test]
fn everything_is_described() {
    let document = openapi::contract_json();
    let mut lacking = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let summary = operation["summary"].as_str().unwrap_or_default();
            let responses = operation["responses"].as_object().unwrap();
            let well_described = !summary.is_empty()
                && responses.keys().any(|status| status.starts_with('2'))
                && responses.contains_key("500")
                && (operation["security"] == json!([]) || responses.contains_key("401"));
            let examples = &operation["requestBody"]["content"];
            let has_examples = examples.as_object().is_none_or(|kinds| {
                kinds.values().all(|kind| {
                    kind["examples"]
                        .as_object()
                        .is_some_and(|all| !all.is_empty())
                })
            });
            if !(well_described && has_examples) {
                lacking.push(format!("{method} {path}"));
            }
        }
    }
    assert!(lacking.is_empty(), "{lacking:#?}");
}

#[test]
fn every_example_fits_its_schema() {
    let unfit = unfit_examples();
    assert!(unfit.is_empty(), "{unfit:#?}");
}

/// The example of a request, its ids replaced by those of records that are there.
fn example(document: &Value, path: &str, method: &str, name: &str, ids: &[(&str, &str)]) -> Value {
    let content = &document["paths"][path][method]["requestBody"]["content"];
    let kind = content.as_object().unwrap().values().next().unwrap();
    let mut body = kind["examples"][name]["value"].clone();
    for (field, id) in ids {
        if body.get(*field).is_some() {
            body[*field] = json!(id);
        }
    }
    body
}

on_each_database! {
    fn the_examples_of_the_document_work(test: &TestDatabase) {
        let service = Service::on(test);
        let document = openapi::json(service.state.endpoints());
        let take = |path: &str, method: &str, name: &str, ids: &[(&str, &str)]| {
            example(&document, path, method, name, ids)
        };
        let plain = |path: &str, method: &str| take(path, method, "plain", &[]);

        let patient = service.post("/v1/patients", &plain("/v1/patients", "post")).expect(201);
        let body = plain("/v1/patients/{id}", "put");
        service.put(&format!("/v1/patients/{}", id(&patient)), 1, &body).expect(200);

        let body = take("/v1/episodes", "post", "plain", &[("patient_id", id(&patient))]);
        let episode = service.post("/v1/episodes", &body).expect(201);
        let body = plain("/v1/episodes/{id}", "put");
        service.put(&format!("/v1/episodes/{}", id(&episode)), 1, &body).expect(200);

        let block = service.post("/v1/blocks", &take("/v1/blocks", "post", "inline", &[])).expect(201);
        let body = plain("/v1/blocks/{id}", "put");
        service.put(&format!("/v1/blocks/{}", id(&block)), 1, &body).expect(200);
        let scores = format!("/v1/blocks/{}/scores", id(&block));
        let score = service.post(&scores, &take("/v1/blocks/{id}/scores", "post", "one", &[])).expect(201);
        service.post(&scores, &take("/v1/blocks/{id}/scores", "post", "many", &[])).expect(201);
        let score = format!("/v1/scores/{}", id(&score));
        service.put(&score, 1, &plain("/v1/scores/{id}", "put")).expect(200);
        let reason = plain("/v1/scores/{id}", "delete");
        service.ask("DELETE", &score).json(&reason).send().expect(204);

        let body = take("/v1/ablations", "post", "plain", &[("episode_id", id(&episode))]);
        let ablation = service.post("/v1/ablations", &body).expect(201);
        let ablation = format!("/v1/ablations/{}", id(&ablation));
        service.put(&ablation, 1, &plain("/v1/ablations/{id}", "put")).expect(200);
        let path = "/v1/ablations/{id}/follow-ups";
        let follow_up = service.post(&format!("{ablation}/follow-ups"), &plain(path, "post")).expect(201);
        let body = plain("/v1/ablations/{id}/follow-ups/{follow_up_id}", "put");
        service.put(&format!("{ablation}/follow-ups/{}", id(&follow_up)), 1, &body).expect(200);

        let body = take("/v1/adverse-events", "post", "plain", &[("block_id", id(&block))]);
        service.post("/v1/adverse-events", &body).expect(201);

        let body = take("/v1/candidates/{id}/review", "post", "referred", &[]);
        let review = format!("/v1/candidates/{}/review", id(&episode));
        service.ask("POST", &review).bearer(&service.token(Role::Clinician)).json(&body).send().expect(201);

        let admin = service.token(Role::Admin);
        let document_of_profile = plain("/v1/profiles", "post").as_str().unwrap().as_bytes().to_vec();
        let loaded = service.ask("POST", "/v1/profiles").bearer(&admin).body("application/toml", document_of_profile).send();
        loaded.expect(201);
        let tag = service.get("/v1/profiles/medicare-lcd").header("etag").to_owned();
        let body = plain("/v1/profiles/{name}", "put");
        service.ask("PUT", "/v1/profiles/medicare-lcd").bearer(&admin).header("if-match", &tag).json(&body).send().expect(200);

        service.post("/v1/evaluate", &plain("/v1/evaluate", "post")).expect(200);
    }
}
