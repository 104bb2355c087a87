//! Who may do what, made from the list of routes: a new endpoint cannot be missed.

use crate::service::{Answer, Service, id};
use crate::support::databases::{TestDatabase, on_each_database};
use medial::auth::{Action, Role, allows};
use medial::http::{Access, Endpoint, Method};
use serde_json::{Value, json};

/// Records of `north` that a path may name, and a digest of all there is.
struct Seeded {
    patient: String,
    episode: String,
    block: String,
    score: String,
    ablation: String,
    follow_up: String,
    event: String,
    export: String,
    link: String,
    webhook: String,
    subscription: String,
}

impl Seeded {
    fn new(service: &Service) -> Seeded {
        let block = json!({
            "patient": {"identifiers": [{"system": "urn:example:mrn", "value": "1"}], "family_name": "Example"},
            "episode": {"region": "lumbar"},
            "performed_at": "2025-09-08T09:00:00-05:00", "kind": "diagnostic", "technique": "medial_branch",
            "joints": ["L4-5"], "side": "left",
            "scores": [{"taken_at": "2025-09-08T08:00:00-05:00", "scale": "nrs", "value": 8}],
        });
        let block = service.post("/v1/blocks", &block).expect(201);
        let episode = block["episode_id"].as_str().unwrap().to_owned();
        let ablation = json!({
            "episode_id": episode, "performed_on": "2025-11-01", "joints": ["L4-5"], "side": "left",
            "follow_ups": [{"taken_on": "2025-12-01", "stated_relief_percent": 60}],
        });
        let ablation = service.post("/v1/ablations", &ablation).expect(201);
        let recent = json!({
            "episode_id": episode, "performed_at": "2030-01-02T09:00:00-05:00", "kind": "diagnostic",
            "technique": "medial_branch", "joints": ["L4-5"], "side": "left",
        });
        let recent = service.post("/v1/blocks", &recent).expect(201);
        let link = service
            .post(
                &format!("/v1/blocks/{}/diary-link", id(&recent)),
                &json!({}),
            )
            .expect(201);
        let event = json!({"block_id": id(&block), "category": "soreness", "grade": "minor", "onset_on": "2025-09-09"});
        let event = service.post("/v1/adverse-events", &event).expect(201);
        let export = service
            .ask("POST", "/v1/exports")
            .json(&json!({"dataset": "blocks", "format": "csv", "deidentify": true}));
        let export = export.send();
        let webhook = json!({"url": "http://127.0.0.1:9/", "topics": ["block-recorded"]});
        let webhook = service.post("/v1/subscriptions", &webhook).expect(201);
        let subscription = json!({
            "resourceType": "Subscription", "status": "requested", "reason": "Example",
            "criteria": "urn:medial:fhir:SubscriptionTopic:block-recorded",
            "channel": {"type": "rest-hook", "endpoint": "http://127.0.0.1:9/"},
        });
        let subscription = service.ask("POST", "/fhir/R4/Subscription").body(
            "application/fhir+json",
            subscription.to_string().into_bytes(),
        );
        Seeded {
            webhook: id(&webhook).to_owned(),
            subscription: id(&subscription.send().expect(201)).to_owned(),
            patient: block["patient_id"].as_str().unwrap().to_owned(),
            score: id(&block["scores"][0]).to_owned(),
            block: id(&block).to_owned(),
            follow_up: id(&ablation["follow_ups"][0]).to_owned(),
            ablation: id(&ablation).to_owned(),
            event: id(&event).to_owned(),
            export: id(&export.expect(202)).to_owned(),
            link: id(&link).to_owned(),
            episode,
        }
    }

    /// The path of an endpoint with ids of records that are there.
    fn path(&self, endpoint: &Endpoint) -> String {
        let named = endpoint
            .path
            .split('/')
            .find(|part| !matches!(*part, "" | "v1" | "fhir" | "R4"));
        let own = match named.unwrap_or_default() {
            "patients" => &self.patient,
            "episodes" | "candidates" => &self.episode,
            "blocks" => &self.block,
            "scores" => &self.score,
            "ablations" => &self.ablation,
            "adverse-events" => &self.event,
            "exports" => &self.export,
            "diary-links" => &self.link,
            "subscriptions" => &self.webhook,
            "Subscription" => &self.subscription,
            "Condition" => &self.episode,
            "Procedure" | "MedicationAdministration" => &self.block,
            "Observation" => &self.score,
            "AdverseEvent" => &self.event,
            _ => &self.patient,
        };
        let asked = match endpoint.path {
            "/fhir/R4/Observation/$lastn" => "?patient=1&category=survey",
            _ => "",
        };
        format!("{}{asked}", endpoint.path)
            .replace("{id}", own)
            .replace("{follow_up_id}", &self.follow_up)
            .replace("{version}", "1")
            .replace("{number}", "1")
            .replace("{name}", "medicare-lcd")
            .replace("{dataset}", "blocks")
            .replace("{format}", "csv")
    }
}

fn guarded(service: &Service) -> Vec<(&Endpoint, Action)> {
    let endpoints = service.state.endpoints();
    let guarded: Vec<_> = endpoints
        .iter()
        .filter_map(|endpoint| match endpoint.access {
            Access::Needs(action) => Some((endpoint, action)),
            Access::Public | Access::Identified | Access::SignedIn(_) => None,
        })
        .collect();
    assert!(guarded.len() > 30, "where are the endpoints?");
    guarded
}

/// Calls an endpoint with its own example as a body and, where one is needed, a version.
fn call(service: &Service, endpoint: &Endpoint, path: &str, token: Option<&str>) -> Answer {
    let mut request = service.ask(endpoint.method.name(), path);
    request = match token {
        Some(token) => request.bearer(token),
        None => request.without("authorization"),
    };
    // What takes its time is asked for so.
    request = request.header("prefer", "respond-async");
    if endpoint.needs_version {
        request = request.header("if-match", "\"1\"");
    }
    if let Some(body) = &endpoint.body {
        let example = body
            .examples
            .first()
            .map_or(Value::Null, |example| example.value.clone());
        let bytes = match example {
            Value::String(text) => text.into_bytes(),
            json => json.to_string().into_bytes(),
        };
        request = request.body(body.media_type, bytes);
    }
    request.send()
}

/// Everything that the organization has, as an admin and the trail see it.
fn everything(service: &Service) -> Vec<Value> {
    [
        "/v1/patients",
        "/v1/episodes",
        "/v1/blocks",
        "/v1/ablations",
        "/v1/adverse-events",
        "/v1/worklist?reviewed=true",
    ]
    .into_iter()
    .map(|path| {
        let list = service
            .ask("GET", path)
            .bearer(&service.token(Role::Admin))
            .send();
        list.expect(200)
    })
    .collect()
}

/// Whether a path names a record of an organization.
fn names_a_record(endpoint: &Endpoint) -> bool {
    endpoint.path_parameters().any(|name| name == "id")
}

on_each_database! {
    fn nothing_is_done_without_a_token(test: &TestDatabase) {
        let service = Service::on(test);
        let seeded = Seeded::new(&service);
        let before = everything(&service);
        let identified = service.state.endpoints().iter();
        let identified = identified.filter(|endpoint| endpoint.access == Access::Identified);
        for endpoint in guarded(&service).into_iter().map(|(endpoint, _)| endpoint).chain(identified) {
            let answer = call(&service, endpoint, &seeded.path(endpoint), None);
            answer.expect(401);
            assert!(answer.header("www-authenticate").starts_with("Bearer"), "{endpoint:?}");
        }
        assert_eq!(everything(&service), before);
    }

    fn nothing_is_done_with_too_narrow_a_token(test: &TestDatabase) {
        let service = Service::on(test);
        let seeded = Seeded::new(&service);
        let before = everything(&service);
        for (endpoint, action) in guarded(&service) {
            let path = seeded.path(endpoint);
            let may_not: Vec<Role> = Role::ALL.iter().copied().filter(|role| !allows(*role, action)).collect();
            assert!(!may_not.is_empty(), "everybody may {endpoint:?}");
            for role in may_not {
                call(&service, endpoint, &path, Some(&service.token(role))).expect(403);
            }
            for role in Role::ALL.iter().copied().filter(|role| allows(*role, action)) {
                let narrow = service.token_of(role, "north", Some("user/Nothing.r"));
                call(&service, endpoint, &path, Some(&narrow)).expect(403);
            }
        }
        assert_eq!(everything(&service), before);
    }

    fn another_organization_sees_nothing_and_changes_nothing(test: &TestDatabase) {
        let service = Service::on(test);
        let seeded = Seeded::new(&service);
        let before = everything(&service);
        for (endpoint, action) in guarded(&service) {
            let role = Role::ALL.iter().copied().find(|role| allows(*role, action)).unwrap();
            let strangers = service.token_of(role, "south", None);
            let answer = call(&service, endpoint, &seeded.path(endpoint), Some(&strangers));
            if names_a_record(endpoint) {
                answer.expect(404);
            } else {
                assert!(!answer.text().contains(&seeded.patient), "{endpoint:?}: {}", answer.text());
                assert!(!answer.text().contains(&seeded.episode), "{endpoint:?}: {}", answer.text());
            }
        }
        assert_eq!(everything(&service), before);
    }

    fn every_role_that_may_gets_through(test: &TestDatabase) {
        let service = Service::on(test);
        let seeded = Seeded::new(&service);
        for (endpoint, action) in guarded(&service) {
            if endpoint.method != Method::Get {
                continue;
            }
            let path = seeded.path(endpoint);
            for role in Role::ALL.iter().copied().filter(|role| allows(*role, action)) {
                let status = call(&service, endpoint, &path, Some(&service.token(role))).status;
                assert!(matches!(status, 200 | 202 | 404), "{endpoint:?} as {}: {status}", role.code());
            }
        }
    }

    fn tokens_of_other_keys_and_other_times_are_refused(test: &TestDatabase) {
        let service = Service::on(test);
        let good = service.token(Role::Clinician);
        service.ask("GET", "/v1/patients").bearer(&good).send().expect(200);
        let mut parts: Vec<String> = good.split('.').map(str::to_owned).collect();
        // {"alg":"none","typ":"JWT"}
        parts[0] = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0".to_owned();
        let unsigned = format!("{}.{}.", parts[0], parts[1]);
        let forged = format!("{}x", good);
        for bad in [unsigned.as_str(), forged.as_str(), "rubbish", ""] {
            service.ask("GET", "/v1/patients").bearer(bad).send().expect(401);
        }
        service.clock.set("2031-06-01T00:00:00Z");
        service.ask("GET", "/v1/patients").bearer(&good).send().expect(401);
    }
}
