//! FHIR: what is read is what is recorded, in the shape that FHIR has for it.

use crate::service::{Answer, Service, id};
use crate::support::databases::{TestDatabase, on_each_database};
use medial::auth::{Principal, Role};
use medial::fhir::resource::{Interaction, Resource, ResourceType};
use medial::fhir::source;
use medial::fhir::table::TABLE;
use medial::http::{Dialect, Method};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// A patient with everything that can be recorded.
pub struct Recorded {
    pub patient: String,
    pub episode: String,
    /// The first of two positive blocks.
    pub block: String,
    /// Its baseline.
    pub score: String,
    pub withdrawn: String,
    pub ablation: String,
    pub follow_up: String,
    pub event: String,
}

fn score(taken_at: &str, value: f64) -> Value {
    json!({"taken_at": taken_at, "scale": "nrs", "value": value, "reported_by": "patient"})
}

fn block(day: &str, agent: &str) -> Value {
    let at = |time: &str| format!("{day}T{time}:00-05:00");
    json!({
        "performed_at": at("09:00"), "kind": "diagnostic", "technique": "medial_branch",
        "joints": ["L4-5", "L5-S1"], "side": "right", "agent": agent, "concentration_percent": 0.5,
        "volume_ml_per_nerve": 0.5, "steroid": false, "guidance": "fluoroscopy", "sedation": "none",
        "stated_relief_percent": 85, "stated_relief_minutes": 240, "duration_minutes": 20,
        "operator": "Dr. Example", "site": "Room 2", "same_day_return": true,
        "scores": [
            score(&at("08:30"), 8.0), score(&at("09:30"), 1.0), score(&at("11:00"), 1.5), score(&at("13:00"), 6.0),
        ],
    })
}

impl Recorded {
    pub fn on(service: &Service) -> Recorded {
        let mut first = block("2025-09-08", "lidocaine");
        first["patient"] = json!({
            "identifiers": [{"system": "urn:example:mrn", "value": "1"}],
            "family_name": "Example", "given_name": "Erika", "birth_date": "1970-01-02", "sex": "female",
        });
        first["episode"] = json!({
            "region": "lumbar", "diagnosis": "M47.816", "onset_date": "2025-03-01", "causes": ["degeneration"],
            "axial": true, "radiculopathy": "none", "other_causes_excluded": true,
            "worse_with_extension_or_rotation": true, "imaging_suggests_facet": false, "fused_joints": [],
            "conservative_care": [{"kind": "physical_therapy", "start": "2025-04-01", "end": "2025-08-01", "outcome": "failed"}],
            "disability": [{"instrument": "odi", "score": 42, "maximum": 100, "taken_on": "2025-09-01"}],
            "assessment": "Pain on extension.",
        });
        let first = service.post("/v1/blocks", &first).expect(201);
        let episode = first["episode_id"].as_str().unwrap().to_owned();
        let mut second = block("2025-09-29", "bupivacaine");
        second["episode_id"] = json!(episode);
        second["nerves"] = json!(["L3", "L4"]);
        let second = service.post("/v1/blocks", &second).expect(201);
        let wrong = score("2025-09-29T14:00:00-05:00", 9.5);
        let wrong = service
            .post(&format!("/v1/blocks/{}/scores", id(&second)), &wrong)
            .expect(201);
        let reason = json!({"reason": "another patient's"});
        let withdrawal = service.ask("DELETE", &format!("/v1/scores/{}", id(&wrong)));
        withdrawal.json(&reason).send().expect(204);
        let ablation = json!({
            "episode_id": episode, "performed_on": "2025-10-01", "joints": ["L4-5", "L5-S1"], "side": "left",
            "technique": "thermal", "temperature_c": 80.5, "pre_score": {"scale": "nrs", "value": 7.5},
            "operator": "Dr. Example", "site": "Room 2",
            "follow_ups": [{
                "taken_on": "2025-10-05", "score": {"scale": "nrs", "value": 3}, "stated_relief_percent": 60,
                "function_improvement_percent": 50, "pgic": 2,
            }],
        });
        let ablation = service.post("/v1/ablations", &ablation).expect(201);
        // Little is known about another pain.
        let thin = json!({
            "patient": {"identifiers": [{"system": "urn:example:mrn", "value": "1"}]},
            "episode": {"region": "cervical"}, "performed_at": "2025-10-05T09:00:00-05:00", "kind": "diagnostic",
            "technique": "medial_branch", "joints": ["C2-3"], "side": "bilateral",
        });
        service.post("/v1/blocks", &thin).expect(201);
        let event = json!({
            "block_id": id(&first), "category": "soreness", "grade": "minor", "onset_on": "2025-09-09",
            "relation": "possible", "resolved_on": "2025-09-11", "note": "Two days.",
        });
        let event = service.post("/v1/adverse-events", &event).expect(201);
        Recorded {
            patient: first["patient_id"].as_str().unwrap().to_owned(),
            score: id(&first["scores"][0]).to_owned(),
            block: id(&first).to_owned(),
            withdrawn: id(&wrong).to_owned(),
            follow_up: id(&ablation["follow_ups"][0]).to_owned(),
            ablation: id(&ablation).to_owned(),
            event: id(&event).to_owned(),
            episode,
        }
    }
}

pub fn service(test: &TestDatabase) -> Service {
    Service::at(test, "2025-10-06T15:00:00Z")
}

/// Reads a resource as an admin, who may read everything.
pub fn read(service: &Service, path: &str) -> Answer {
    let admin = service.token(Role::Admin);
    service
        .ask("GET", &format!("/fhir/R4/{path}"))
        .bearer(&admin)
        .send()
}

pub fn admin() -> Principal {
    Principal {
        organization: "north".to_owned(),
        subject: "admin-1".to_owned(),
        role: Role::Admin,
        scopes: None,
    }
}

/// All resources of a type, in steps of a few.
pub fn walked(service: &Service, kind: ResourceType) -> Vec<Resource> {
    let mut all = Vec::new();
    let mut place: Option<String> = None;
    loop {
        let batch = service
            .app
            .read(&admin(), |unit| {
                source::after(unit, kind, place.as_deref(), 2)
            })
            .unwrap();
        all.extend(batch.resources);
        place = batch.next;
        if place.is_none() {
            return all;
        }
    }
}

/// Ids and fingerprints in the order in which they come, so that each run gives the same.
fn settled(value: &Value) -> String {
    let mut text = serde_json::to_string_pretty(value).unwrap();
    let mut known: Vec<String> = Vec::new();
    let is_id = |part: &str| uuid::Uuid::try_parse(part).is_ok() && part.len() == 36;
    let places: Vec<usize> = text.char_indices().map(|(place, _)| place).collect();
    for place in places {
        if let Some(part) = text.get(place..place + 36)
            && is_id(part)
            && !known.iter().any(|known| known == part)
        {
            known.push(part.to_owned());
        }
    }
    for (number, id) in known.iter().enumerate() {
        text = text.replace(id, &format!("id-{}", number + 1));
    }
    let mut value: Value = serde_json::from_str(&text).unwrap();
    let version = value["meta"]["versionId"].as_str().unwrap_or_default();
    if version.len() > 3 {
        value["meta"]["versionId"] = json!("a fingerprint");
    }
    serde_json::to_string_pretty(&value).unwrap()
}

on_each_database! {
    fn each_resource_says_what_is_recorded(test: &TestDatabase) {
        let service = service(test);
        let recorded = Recorded::on(&service);
        let determination = |verdict: &str| {
            let all = walked(&service, ResourceType::GuidanceResponse);
            let fits = |one: &&Resource| {
                let text = Value::Object(one.body.clone());
                text["moduleCanonical"] == "urn:medial:fhir:PlanDefinition:medicare-lcd|1"
                    && text["contained"][0]["parameter"][0]["valueCoding"]["code"] == verdict
            };
            all.iter().find(fits).unwrap_or_else(|| panic!("nobody {verdict}")).id.clone()
        };
        let (meets, lacks) = (determination("meets"), determination("insufficient_data"));
        let paths = [
            ("patient", format!("Patient/{}", recorded.patient)),
            ("condition", format!("Condition/{}", recorded.episode)),
            ("block", format!("Procedure/{}", recorded.block)),
            ("ablation", format!("Procedure/{}", recorded.ablation)),
            ("anesthetic", format!("MedicationAdministration/{}", recorded.block)),
            ("score", format!("Observation/{}", recorded.score)),
            ("withdrawn_score", format!("Observation/{}", recorded.withdrawn)),
            ("relief", format!("Observation/{}.relief.right.80", recorded.block)),
            ("disability", format!("Observation/{}.disability.0", recorded.episode)),
            ("follow_up", format!("Observation/{}", recorded.follow_up)),
            ("determination", format!("GuidanceResponse/{meets}")),
            ("determination_without_data", format!("GuidanceResponse/{lacks}")),
            ("next_step", format!("Task/{meets}")),
            ("candidate", format!("ServiceRequest/{meets}")),
            ("adverse_event", format!("AdverseEvent/{}", recorded.event)),
            ("provenance", format!("Provenance/{}.provenance", recorded.block)),
            ("plan", "PlanDefinition/medicare-lcd".to_owned()),
            ("code_system", "CodeSystem/procedure".to_owned()),
            ("extension", "StructureDefinition/conservative-care".to_owned()),
        ];
        for (name, path) in paths {
            let answer = read(&service, &path);
            let body = answer.expect(200);
            assert_eq!(answer.header("content-type"), "application/fhir+json");
            insta::assert_snapshot!(name, settled(&body));
        }
        let trail = walked(&service, ResourceType::AuditEvent);
        let recording = trail.iter().rev().find(|one| one.body["action"] == "C").unwrap();
        insta::assert_snapshot!("audit_entry", settled(&Value::Object(recording.body.clone())));
    }

    fn every_resource_that_is_walked_is_read_again(test: &TestDatabase) {
        let service = service(test);
        let recorded = Recorded::on(&service);
        let patient = recorded.patient.parse().unwrap();
        for served in TABLE {
            let kind = served.kind;
            let all = walked(&service, kind);
            assert!(!all.is_empty(), "{kind:?}");
            let ids: BTreeSet<&String> = all.iter().map(|one| &one.id).collect();
            assert_eq!(ids.len(), all.len(), "{kind:?}");
            for one in &all {
                assert!(one.id.len() <= 64, "{}", one.id);
                let answer = read(&service, &one.reference());
                assert_eq!(answer.expect(200), Value::Object(one.body.clone()));
                assert_eq!(answer.header("etag"), format!("W/\"{}\"", one.version));
                assert!(answer.header("last-modified").ends_with("GMT"));
            }
            let of_patient = service.app.read(&admin(), |unit| source::of_patient(unit, kind, patient)).unwrap();
            let of_nobody = all.iter().all(|one| one.patient.is_none());
            assert!(of_nobody || kind == ResourceType::AuditEvent || of_patient == all, "{kind:?}");
        }
    }

    fn what_follows_is_what_the_native_api_says(test: &TestDatabase) {
        let service = service(test);
        let recorded = Recorded::on(&service);
        let native = service.get(&format!("/v1/blocks/{}", recorded.block)).expect(200);
        for relief in native["relief"].as_array().unwrap() {
            let path = format!("Observation/{}.relief.right.{}", recorded.block, relief["threshold_percent"]);
            let body = read(&service, &path).expect(200);
            let component = |code: &str| {
                let components = body["component"].as_array().unwrap();
                components.iter().find(|one| one["code"]["coding"][0]["code"] == code).cloned().unwrap_or_default()
            };
            assert_eq!(component("peak-relief")["valueQuantity"]["value"], relief["best_relief_percent"]);
            assert_eq!(component("least-duration")["valueQuantity"]["value"], relief["min_minutes"]);
            assert_eq!(component("greatest-duration")["valueQuantity"]["value"], relief["max_minutes"]);
            assert_eq!(component("response")["valueCodeableConcept"]["coding"][0]["code"], relief["response"]);
            assert_eq!(body["derivedFrom"].as_array().unwrap().len(), 4);
        }
        let native = service.get(&format!("/v1/episodes/{}/determinations", recorded.episode)).expect(200);
        let of_native: BTreeMap<String, u32> = counted(native["determinations"].as_array().unwrap(), |one| {
            format!("{} {}", one["profile"].as_str().unwrap(), one["verdict"].as_str().unwrap())
        });
        let ours: Vec<Value> = walked(&service, ResourceType::GuidanceResponse)
            .into_iter()
            .filter(|one| one.id.starts_with(&recorded.episode))
            .map(|one| Value::Object(one.body))
            .collect();
        let of_ours = counted(&ours, |one| {
            let canonical = one["moduleCanonical"].as_str().unwrap();
            let profile = canonical.rsplit(':').next().unwrap().split('|').next().unwrap();
            let verdict = &one["contained"][0]["parameter"][0]["valueCoding"]["code"];
            format!("{profile} {}", verdict.as_str().unwrap())
        });
        assert_eq!(of_ours, of_native);
    }

    fn a_correction_keeps_what_was_there(test: &TestDatabase) {
        let service = service(test);
        let recorded = Recorded::on(&service);
        let path = format!("/v1/scores/{}", recorded.score);
        let reference = format!("Observation/{}", recorded.score);
        let first = read(&service, &reference).expect(200);
        service.clock.forward(chrono::TimeDelta::minutes(1));
        service.put(&path, 1, &score("2025-09-08T08:30:00-05:00", 7.5)).expect(200);
        let second = read(&service, &reference).expect(200);
        assert_eq!(second["valueQuantity"]["value"], 7.5);
        assert_eq!(read(&service, &format!("{reference}/_history/1")).expect(200), first);
        assert_eq!(read(&service, &format!("{reference}/_history/2")).expect(200), second);
        read(&service, &format!("{reference}/_history/3")).expect(404);
        let history = read(&service, &format!("{reference}/_history")).expect(200);
        assert_eq!(history["type"], "history");
        let entries = history["entry"].as_array().unwrap();
        let versions: Vec<&Value> = entries.iter().map(|entry| &entry["resource"]).collect();
        assert_eq!(versions, [&second, &first]);
        assert_eq!(entries[0]["fullUrl"], service.url(&format!("/fhir/R4/{reference}")));
        for (kind, id) in [
            ("Patient", &recorded.patient), ("Condition", &recorded.episode), ("Procedure", &recorded.block),
            ("Procedure", &recorded.ablation), ("MedicationAdministration", &recorded.block),
            ("Observation", &recorded.follow_up),
        ] {
            let now = read(&service, &format!("{kind}/{id}")).expect(200);
            assert_eq!(read(&service, &format!("{kind}/{id}/_history/1")).expect(200), now);
        }
    }

    fn a_corrected_block_is_given_out_as_it_was(test: &TestDatabase) {
        let service = service(test);
        let recorded = Recorded::on(&service);
        let paths = [format!("Procedure/{}", recorded.block), format!("MedicationAdministration/{}", recorded.block)];
        let before: Vec<Value> = paths.iter().map(|path| read(&service, path).expect(200)).collect();
        let mut corrected = block("2025-09-08", "ropivacaine");
        corrected.as_object_mut().unwrap().remove("scores");
        service.put(&format!("/v1/blocks/{}", recorded.block), 1, &corrected).expect(200);
        for (path, before) in paths.iter().zip(before) {
            assert_ne!(read(&service, path).expect(200), before);
            assert_eq!(read(&service, &format!("{path}/_history/1")).expect(200), before);
        }
        let condition = format!("Condition/{}", recorded.episode);
        let before = read(&service, &condition).expect(200);
        service.put(&format!("/v1/episodes/{}", recorded.episode), 1, &json!({"region": "lumbar"})).expect(200);
        assert_eq!(read(&service, &format!("{condition}/_history/1")).expect(200), before);
    }

    fn who_has_a_version_is_not_sent_it_again(test: &TestDatabase) {
        let service = service(test);
        let recorded = Recorded::on(&service);
        let path = format!("/fhir/R4/Patient/{}", recorded.patient);
        let first = service.get(&path);
        let tag = first.header("etag").to_owned();
        assert_eq!(tag, "W/\"1\"");
        let since = first.header("last-modified").to_owned();
        for (name, value) in [("if-none-match", tag.as_str()), ("if-none-match", "\"1\""), ("if-modified-since", &since)] {
            let again = service.ask("GET", &path).header(name, value).send();
            assert_eq!((again.status, again.body.len()), (304, 0), "{name}: {value}");
            assert_eq!(again.header("etag"), tag);
        }
        service.ask("GET", &path).header("if-none-match", "W/\"2\"").send().expect(200);
        let head = service.ask("HEAD", &path).header("accept-encoding", "identity").send();
        assert_eq!((head.status, head.body.len(), head.header("etag")), (200, 0, tag.as_str()));
    }

    fn errors_are_outcomes(test: &TestDatabase) {
        let service = service(test);
        let recorded = Recorded::on(&service);
        let patient = format!("/fhir/R4/Patient/{}", recorded.patient);
        let nobody = "/fhir/R4/Patient/01890a5d-ac96-774b-bcce-b302099a8057";
        let analyst = service.token(Role::Analyst);
        let cases = [
            (service.ask("GET", &patient).without("authorization"), 401, "login"),
            (service.ask("GET", &patient).bearer("rubbish"), 401, "login"),
            (service.ask("GET", &patient).bearer(&analyst), 403, "forbidden"),
            (service.ask("GET", nobody), 404, "not-found"),
            (service.ask("GET", "/fhir/R4/Patient/not-an-id"), 404, "not-found"),
            (service.ask("GET", "/fhir/R4/Nonsense/1"), 404, "not-found"),
            (service.ask("GET", "/fhir/R4/Observation/1.relief.left.80"), 404, "not-found"),
            (service.ask("PATCH", "/fhir/R4/metadata"), 405, "not-supported"),
            (service.ask("GET", &patient).header("accept", "application/fhir+xml"), 406, "not-supported"),
            (service.ask("GET", &format!("{patient}?_format=xml")), 406, "not-supported"),
            (service.ask("GET", &format!("{patient}/_history/9")), 404, "not-found"),
        ];
        for (request, status, code) in cases {
            let answer = request.send();
            let body = answer.expect(status);
            assert_eq!(answer.header("content-type"), "application/fhir+json", "{}", answer.asked);
            assert_eq!(body["resourceType"], "OperationOutcome", "{}", answer.asked);
            assert_eq!(body["issue"][0]["severity"], "error");
            assert_eq!(body["issue"][0]["code"], code, "{}", answer.asked);
        }
        let refused = service.ask("GET", &patient).without("authorization").send();
        assert!(refused.header("www-authenticate").starts_with("Bearer"));
        let refused = service.ask("PATCH", "/fhir/R4/metadata").send();
        assert_eq!(refused.header("allow"), "GET, HEAD");
        service.ask("GET", &format!("{patient}?_format=application/fhir%2Bjson&_pretty=true&x:y=1&x:y=2")).send().expect(200);
    }

    fn a_scope_speaks_of_a_type_and_of_its_categories(test: &TestDatabase) {
        let service = service(test);
        let recorded = Recorded::on(&service);
        let score = format!("Observation/{}", recorded.score);
        let relief = format!("Observation/{}.relief.right.80", recorded.block);
        let anesthetic = format!("MedicationAdministration/{}", recorded.block);
        let survey = "user/Observation.r?category=http://terminology.hl7.org/CodeSystem/observation-category|survey";
        let cases = [
            ("user/Observation.r", [200, 200, 403]),
            (survey, [200, 404, 403]),
            ("user/Observation.r?category=procedure", [404, 200, 403]),
            ("user/Observation.s", [403, 403, 403]),
            ("user/MedicationAdministration.r", [403, 403, 200]),
            ("user/Procedure.r", [403, 403, 403]),
            ("user/*.read", [200, 200, 200]),
            ("patient/*.r", [403, 403, 403]),
        ];
        for (scope, expected) in cases {
            let token = service.token_of(Role::Clinician, "north", Some(scope));
            let statuses = [&score, &relief, &anesthetic].map(|path| {
                let request = service.ask("GET", &format!("/fhir/R4/{path}"));
                request.bearer(&token).send().status
            });
            assert_eq!(statuses, expected, "{scope}");
            let history = service.ask("GET", &format!("/fhir/R4/{score}/_history")).bearer(&token).send();
            assert_eq!(history.status, expected[0], "{scope}");
        }
    }

    fn the_statement_says_what_there_is(test: &TestDatabase) {
        let service = service(test);
        let answer = service.ask("GET", "/fhir/R4/metadata").without("authorization").send();
        let statement = answer.expect(200);
        assert_eq!(statement["fhirVersion"], "4.0.1");
        assert_eq!(statement["implementation"]["url"], service.url("/fhir/R4"));
        let told = &statement["rest"][0]["security"]["extension"][0]["extension"][0]["valueUri"];
        let found = service.get("/fhir/R4/.well-known/smart-configuration").expect(200);
        assert_eq!(told, &found["token_endpoint"]);
        let endpoints = service.state.endpoints().iter();
        let there: BTreeSet<(Method, &str)> = endpoints
            .filter(|endpoint| endpoint.dialect == Dialect::Fhir)
            .map(|endpoint| (endpoint.method, endpoint.path))
            .collect();
        let said = statement["rest"][0]["resource"].as_array().unwrap();
        for served in TABLE {
            let said = said.iter().find(|said| said["type"] == served.kind.code()).unwrap();
            let codes: Vec<&str> = said["interaction"].as_array().unwrap().iter().map(|one| one["code"].as_str().unwrap()).collect();
            let has = |interaction: &Interaction| codes.contains(&interaction.code());
            assert!(served.interactions.iter().all(has), "{said}");
            for code in codes {
                let place = place(served.kind.code(), code);
                assert!(there.contains(&(place.0, place.1.as_str())), "{code} of {}", said["type"]);
            }
        }
    }
}

/// Where the endpoint of an interaction is.
fn place(kind: &str, interaction: &str) -> (Method, String) {
    let of_type = format!("/fhir/R4/{kind}");
    let of_one = format!("{of_type}/{{id}}");
    match interaction {
        "read" => (Method::Get, of_one),
        "vread" => (Method::Get, format!("{of_one}/_history/{{version}}")),
        "history-instance" => (Method::Get, format!("{of_one}/_history")),
        "history-type" => (Method::Get, format!("{of_type}/_history")),
        "search-type" => (Method::Get, of_type),
        "create" => (Method::Post, of_type),
        "update" => (Method::Put, of_one),
        "patch" => (Method::Patch, of_one),
        "delete" => (Method::Delete, of_one),
        other => panic!("what is {other}?"),
    }
}

fn counted(all: &[Value], name: impl Fn(&Value) -> String) -> BTreeMap<String, u32> {
    let mut counts = BTreeMap::new();
    for one in all {
        *counts.entry(name(one)).or_default() += 1;
    }
    counts
}
