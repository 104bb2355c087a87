//! CDS Hooks as a record system meets it: discovery, signed calls, cards, and feedback about them.

use crate::service::{Answer, Service};
use crate::support::databases::{TestDatabase, on_each_database};
use chrono::TimeDelta;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use medial::auth::{Caller, CallerKeys, CallerSettings, Callers, Role};
use medial::seam::Outside;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

/// A week after the first block of the examples.
const NOW: &str = "2025-09-15T15:00:00Z";
const ISSUER: &str = "https://ehr.example.org";
const BASE: &str = "http://medial.test/cds-services";
const KEYS: &str = include_str!("../fixtures/keys/jwks-client.json");
const RSA: &[u8] = include_bytes!("../fixtures/keys/rsa.pem");
const OTHER_RSA: &[u8] = include_bytes!("../fixtures/keys/rsa-other.pem");
const EC: &[u8] = include_bytes!("../fixtures/keys/ec384.pem");
const SANDBOX: &str = "https://sandbox.example.org";

fn caller(tenant: Option<&str>, organization: &str, fhir: &str) -> Caller {
    Caller::new(CallerSettings {
        issuer: ISSUER.to_owned(),
        organization: organization.to_owned(),
        tenant: tenant.map(str::to_owned),
        keys: CallerKeys::Inline(KEYS.to_owned()),
        fhir_servers: vec![fhir.to_owned()],
    })
    .unwrap()
}

fn service(test: &TestDatabase) -> Service {
    service_with(test, "https://fhir.example.org/r4")
}

fn service_with(test: &TestDatabase, fhir: &str) -> Service {
    let callers = Callers::new(vec![
        caller(None, "north", fhir),
        caller(Some("southern"), "south", fhir),
    ]);
    Service::asked_by(test, NOW, callers, &[SANDBOX])
}

/// Claims of a token for a call at `address` that is like no other.
fn claims(service: &Service, address: &str) -> Value {
    let now = service.clock.now().timestamp();
    json!({
        "iss": ISSUER, "aud": address, "iat": now, "exp": now + 300,
        "jti": format!("{:032x}", service.clock.random()),
    })
}

fn signed(algorithm: Algorithm, kid: &str, key: &[u8], claims: &Value) -> String {
    let mut header = Header::new(algorithm);
    header.kid = Some(kid.to_owned());
    let key = match algorithm {
        Algorithm::ES384 => EncodingKey::from_ec_pem(key).unwrap(),
        _ => EncodingKey::from_rsa_pem(key).unwrap(),
    };
    jsonwebtoken::encode(&header, claims, &key).unwrap()
}

fn token(service: &Service, address: &str) -> String {
    signed(
        Algorithm::RS384,
        "client-rsa",
        RSA,
        &claims(service, address),
    )
}

fn send(service: &Service, path: &str, token: &str, body: &Value) -> Answer {
    service.ask("POST", path).bearer(token).json(body).send()
}

/// A call that is signed as it must be.
fn call(service: &Service, id: &str, body: &Value) -> Answer {
    let token = token(service, &format!("{BASE}/{id}"));
    send(service, &format!("/cds-services/{id}"), &token, body)
}

fn cards(service: &Service, id: &str, body: &Value) -> Vec<Value> {
    let answer = call(service, id, body).expect(200);
    let cards = answer["cards"].as_array().unwrap().clone();
    cards.iter().for_each(assert_card);
    cards
}

/// What CDS Hooks 2.0 asks of every card.
fn assert_card(card: &Value) {
    let text = |pointer: &str| card.pointer(pointer).and_then(Value::as_str).unwrap_or("");
    let summary = text("/summary");
    assert!(
        !summary.is_empty() && summary.chars().count() < 140,
        "{summary}"
    );
    assert!(["info", "warning", "critical"].contains(&text("/indicator")));
    assert!(uuid::Uuid::parse_str(text("/uuid")).is_ok());
    assert!(!text("/source/label").is_empty());
    assert!(text("/source/url").starts_with("http://medial.test/profiles"));
    for part in ["/source/topic/system", "/source/topic/code"] {
        assert!(!text(part).is_empty(), "{part}");
    }
    assert!(text("/detail").contains("contested"));
    assert!(!card.to_string().contains("should"), "{card:#}");
    for reason in card["overrideReasons"].as_array().unwrap() {
        assert!(reason["display"].is_string() && reason["system"].is_string());
    }
    for link in card["links"].as_array().unwrap() {
        assert_eq!(link["type"], "absolute");
        assert!(
            link["url"]
                .as_str()
                .unwrap()
                .starts_with("http://medial.test/")
        );
    }
    let suggestions = card["suggestions"].as_array().cloned().unwrap_or_default();
    assert_eq!(
        card["selectionBehavior"].is_string(),
        !suggestions.is_empty()
    );
    for suggestion in &suggestions {
        assert!(uuid::Uuid::parse_str(suggestion["uuid"].as_str().unwrap()).is_ok());
        for action in suggestion["actions"].as_array().unwrap() {
            assert_eq!(action["type"], "create");
            assert!(action["description"].is_string());
            let resource = &action["resource"];
            assert_eq!(resource["intent"], "proposal");
            let subject = match resource["resourceType"].as_str().unwrap() {
                "Task" => &resource["for"]["reference"],
                "ServiceRequest" => &resource["subject"]["reference"],
                other => panic!("{other} is suggested"),
            };
            assert_eq!(*subject, "Patient/ehr-1");
        }
    }
}

fn patient() -> Value {
    json!({
        "resourceType": "Patient", "id": "ehr-1",
        "identifier": [{"value": "no system"}, {"system": "urn:example:mrn", "value": "SYN-0042"}],
    })
}

fn hook(name: &str, context: &Value) -> Value {
    let mut whole = json!({"userId": "Practitioner/7", "patientId": "ehr-1", "encounterId": "e-1"});
    for (key, value) in context.as_object().unwrap() {
        whole[key] = value.clone();
    }
    json!({
        "hook": name, "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "context": whole, "prefetch": {"patient": patient()},
    })
}

fn view() -> Value {
    hook("patient-view", &json!({}))
}

fn order(id: &str, code: &str, place: &str) -> Value {
    json!({"resource": {
        "resourceType": "ServiceRequest", "id": id, "status": "draft", "intent": "order",
        "code": {"coding": [{"system": "http://www.ama-assn.org/go/cpt", "code": code}]},
        "bodySite": [{"text": place}], "subject": {"reference": "Patient/ehr-1"},
    }})
}

fn signing(orders: &[Value]) -> Value {
    let drafts = json!({"resourceType": "Bundle", "type": "collection", "entry": orders});
    hook("order-sign", &json!({"draftOrders": drafts}))
}

/// The patient with the first `blocks` blocks of a worked example; the ids of the blocks.
fn record(service: &Service, case: &str, blocks: usize) -> Vec<Value> {
    let path = format!(
        "{}/tests/fixtures/cases/{case}.json",
        env!("CARGO_MANIFEST_DIR")
    );
    let case: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let patient = json!({
        "identifiers": [{"system": "urn:example:mrn", "value": "SYN-0042"}], "family_name": "Synthetic",
    });
    let patient = service.post("/v1/patients", &patient).expect(201);
    let mut episode = case["episode"].clone();
    episode["patient_id"] = patient["id"].clone();
    let episode = service.post("/v1/episodes", &episode).expect(201);
    let blocks = case["blocks"].as_array().unwrap().iter().take(blocks);
    blocks
        .map(|block| {
            let mut block = block.clone();
            block["episode_id"] = episode["id"].clone();
            service.post("/v1/blocks", &block).expect(201)
        })
        .collect()
}

fn summary(card: &Value) -> &str {
    card["summary"].as_str().unwrap()
}

/// A FHIR server with one patient; what it was asked, with which authorization.
fn fhir_server(answers: &'static str) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/r4", listener.local_addr().unwrap());
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = asked.clone();
    // Ends with the process of the test.
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut lines = String::new();
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                if line.trim().is_empty() {
                    break;
                }
                lines.push_str(&line);
            }
            seen.lock().unwrap().push(lines);
            let body = patient().to_string();
            let head =
                format!("{answers}\r\ncontent-type: application/fhir+json\r\nconnection: close");
            let length = body.len();
            write!(stream, "{head}\r\ncontent-length: {length}\r\n\r\n{body}").unwrap();
        }
    });
    (url, asked)
}

fn without_prefetch(server: &str) -> Value {
    let mut body = view();
    body.as_object_mut().unwrap().remove("prefetch");
    body["fhirServer"] = server.into();
    body["fhirAuthorization"] = json!({
        "access_token": "an-access-token", "token_type": "Bearer", "expires_in": 300,
        "scope": "patient/Patient.read", "subject": "medial",
    });
    body
}

fn feedback(service: &Service, id: &str, entry: &Value) -> Answer {
    let path = format!("/cds-services/{id}/feedback");
    let token = token(service, &format!("{BASE}/{id}/feedback"));
    send(service, &path, &token, &json!({"feedback": [entry]}))
}

fn overridden(card: &Value, at: &str) -> Value {
    json!({
        "card": card["uuid"], "outcome": "overridden", "outcomeTimestamp": at,
        "overrideReason": {"reason": card["overrideReasons"][0], "userComment": "seen elsewhere"},
    })
}

on_each_database! {
    fn discovery_lists_the_services_to_everybody(test: &TestDatabase) {
        let service = service(test);
        let answer = service.ask("GET", "/cds-services").without("authorization").send().expect(200);
        let services = answer["services"].as_array().unwrap();
        let hooks: BTreeSet<&str> = services.iter().map(|one| one["hook"].as_str().unwrap()).collect();
        assert_eq!(hooks, BTreeSet::from(["appointment-book", "order-select", "order-sign", "patient-view"]));
        for one in services {
            assert_eq!(one["prefetch"]["patient"], "Patient/{{context.patientId}}");
            for name in ["id", "title", "description", "usageRequirements"] {
                assert!(!one[name].as_str().unwrap().is_empty(), "{name}");
            }
        }
    }

    fn a_view_says_from_when_a_confirmatory_block_counts(test: &TestDatabase) {
        let service = service(test);
        record(&service, "first-block-only", 1);
        let cards = cards(&service, "medial-patient-view", &view());
        assert_eq!(cards.len(), 1, "{cards:#?}");
        let text = summary(&cards[0]);
        assert!(text.starts_with("Right L4-5, L5-S1: confirmatory block possible from 22 September; block 1 gave 87 % for at least"), "{text}");
        assert_eq!(cards[0]["indicator"], "info");
        assert_eq!(cards[0]["suggestions"][0]["actions"][0]["resource"]["restriction"]["period"]["start"], "2025-09-22");
        let detail = cards[0]["detail"].as_str().unwrap();
        assert!(detail.contains("| medicare-lcd (version 1) | data is missing | confirmatory block from 2025-09-22 |"), "{detail}");
        let links: Vec<&str> = cards[0]["links"].as_array().unwrap().iter().map(|link| link["url"].as_str().unwrap()).collect();
        assert!(links[0].contains("/patients/") && links[1].contains("/evidence?profile=medicare-lcd"), "{links:?}");
        service.app.write_down_reads().unwrap();
        let auditor = service.token(Role::Auditor);
        let trail = service.ask("GET", "/v1/audit").bearer(&auditor).send().expect(200);
        assert!(trail["items"].as_array().unwrap().iter().any(|one| one["resource_kind"] == "cards" && one["principal"] == ISSUER));
    }

    fn a_candidate_comes_with_a_review_and_a_proposal_until_somebody_decided(test: &TestDatabase) {
        let service = service(test);
        service.clock.set("2025-10-06T15:00:00Z");
        let blocks = record(&service, "two-positive-blocks", 2);
        let seen = cards(&service, "medial-patient-view", &view());
        assert_eq!(seen.len(), 1, "{seen:#?}");
        assert!(summary(&seen[0]).starts_with("Right L4-5, L5-S1: meets profile medicare-lcd for ablation"), "{}", summary(&seen[0]));
        let proposal = &seen[0]["suggestions"][1]["actions"];
        let codes: Vec<&Value> = proposal.as_array().unwrap().iter().map(|action| &action["resource"]["code"]["coding"][0]["code"]).collect();
        assert_eq!(codes, [&json!("64635"), &json!("64636")]);
        let path = format!("/v1/candidates/{}/review", blocks[0]["episode_id"].as_str().unwrap());
        let clinician = service.token(Role::Clinician);
        service.ask("POST", &path).bearer(&clinician).json(&json!({"decision": "referred"})).send().expect(201);
        assert!(cards(&service, "medial-patient-view", &view()).is_empty(), "it is decided");
    }

    fn a_patient_who_is_not_known_gets_no_card(test: &TestDatabase) {
        let service = service(test);
        assert!(cards(&service, "medial-patient-view", &view()).is_empty());
        record(&service, "first-block-only", 1);
        let mut claims = claims(&service, &format!("{BASE}/medial-patient-view"));
        claims["tenant"] = "southern".into();
        let token = signed(Algorithm::RS384, "client-rsa", RSA, &claims);
        let answer = send(&service, "/cds-services/medial-patient-view", &token, &view()).expect(200);
        assert_eq!(answer, json!({"cards": []}), "the tenant is another organization");
    }

    fn an_ordered_ablation_is_held_against_the_profile(test: &TestDatabase) {
        let service = service(test);
        record(&service, "two-positive-blocks", 1);
        let ablation = signing(&[order("o-1", "64635", "right L4/5"), order("o-2", "64636", "right L5-S1")]);
        let seen = cards(&service, "medial-order-sign", &ablation);
        assert_eq!(seen.len(), 1, "two lines of one procedure are one matter: {seen:#?}");
        assert_eq!(seen[0]["indicator"], "warning");
        assert!(summary(&seen[0]).contains("data is missing for profile medicare-lcd: number of blocks"), "{}", summary(&seen[0]));
        let left = cards(&service, "medial-order-sign", &signing(&[order("o-1", "64635", "left L4-5")]));
        assert_eq!(summary(&left[0]), "Left L4-5: no block is recorded before this ablation; profile medicare-lcd asks for 2");
        for other in [order("o", "64633", "C4-5"), order("o", "99213", "L4-5")] {
            let seen = cards(&service, "medial-order-sign", &signing(&[other]));
            assert!(seen.iter().all(|card| !summary(card).contains("L4-5")), "{seen:#?}");
        }
    }

    fn an_ordered_ablation_that_meets_is_told_so(test: &TestDatabase) {
        let service = service(test);
        service.clock.set("2025-10-06T15:00:00Z");
        record(&service, "two-positive-blocks", 2);
        let seen = cards(&service, "medial-order-sign", &signing(&[order("o-1", "64635", "")]));
        assert_eq!((seen.len(), &seen[0]["indicator"]), (1, &json!("info")), "{seen:#?}");
        assert!(summary(&seen[0]).contains("meets profile medicare-lcd for ablation"));
    }

    fn an_ordered_ablation_that_does_not_meet_names_the_rule(test: &TestDatabase) {
        let service = service(test);
        service.clock.set("2025-12-06T15:00:00Z");
        record(&service, "positive-then-negative", 2);
        let seen = cards(&service, "medial-order-sign", &signing(&[order("o-1", "64635", "right")]));
        assert_eq!((seen.len(), &seen[0]["indicator"]), (1, &json!("warning")), "{seen:#?}");
        assert!(summary(&seen[0]).contains("does not meet profile medicare-lcd for ablation: relief"), "{}", summary(&seen[0]));
    }

    fn only_selected_orders_make_cards(test: &TestDatabase) {
        let service = service(test);
        record(&service, "first-block-only", 1);
        let drafts = json!({"resourceType": "Bundle", "entry": [order("a", "64635", "right L4-5"), order("b", "99213", "")]});
        let select = |id: &str| hook("order-select", &json!({"draftOrders": drafts, "selections": [format!("ServiceRequest/{id}")]}));
        assert!(cards(&service, "medial-order-select", &select("b")).is_empty());
        assert_eq!(cards(&service, "medial-order-select", &select("a")).len(), 1);
    }

    fn a_block_that_is_booked_too_early_is_told(test: &TestDatabase) {
        let service = service(test);
        record(&service, "first-block-only", 1);
        let book = |start: &str| {
            let appointment = json!({
                "resourceType": "Appointment", "id": "x", "status": "proposed", "start": start,
                "serviceType": [{"coding": [{"system": "http://www.ama-assn.org/go/cpt", "code": "64493"}], "text": "right L4-5"}],
            });
            hook("appointment-book", &json!({"appointments": [appointment]}))
        };
        let early = cards(&service, "medial-appointment-book", &book("2025-09-18T09:00:00-05:00"));
        assert_eq!(early[0]["indicator"], "warning");
        assert!(summary(&early[0]).contains("the day is before 22 September, from which a confirmatory block counts for medicare-lcd"), "{}", summary(&early[0]));
        let later = cards(&service, "medial-appointment-book", &book("2025-09-22T09:00:00-05:00"));
        assert_eq!(later[0]["indicator"], "info");
        let mut based = hook("appointment-book", &json!({"appointments": {"resourceType": "Bundle", "entry": [{"resource": {
            "resourceType": "Appointment", "status": "proposed", "start": "2025-09-18T09:00:00-05:00", "basedOn": [{"reference": "ServiceRequest/o"}],
        }}]}}));
        assert!(cards(&service, "medial-appointment-book", &based).is_empty(), "nobody says what is booked");
        based["prefetch"]["orders"] = json!({"resourceType": "Bundle", "entry": [order("o", "64493", "right L4-5")]});
        assert_eq!(cards(&service, "medial-appointment-book", &based)[0]["indicator"], "warning");
    }

    fn calls_are_signed_by_who_may_call_and_once(test: &TestDatabase) {
        let service = service(test);
        let path = "/cds-services/medial-patient-view";
        let address = format!("{BASE}/medial-patient-view");
        let good = claims(&service, &address);
        let now = service.clock.now().timestamp();
        let changed = |name: &str, value: Value| {
            let mut claims = claims(&service, &address);
            claims[name] = value;
            signed(Algorithm::RS384, "client-rsa", RSA, &claims)
        };
        let hs256 = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &good, &EncodingKey::from_secret(b"x")).unwrap();
        let none = format!("eyJhbGciOiJub25lIiwia2lkIjoiY2xpZW50LXJzYSJ9.{}.", changed("iss", ISSUER.into()).split('.').nth(1).unwrap());
        let mut elsewhere = Header::new(Algorithm::RS384);
        elsewhere.kid = Some("client-rsa".to_owned());
        elsewhere.jku = Some("https://attacker.example.org/keys".to_owned());
        let elsewhere = jsonwebtoken::encode(&elsewhere, &good, &EncodingKey::from_rsa_pem(RSA).unwrap()).unwrap();
        let bad = [
            ("aud of another service", changed("aud", format!("{BASE}/medial-order-sign").into())),
            ("aud of the feedback", changed("aud", format!("{address}/feedback").into())),
            ("issuer", changed("iss", "https://other.example.org".into())),
            ("expired", changed("exp", (now - 60).into())),
            ("expires in a year", changed("exp", (now + 31_536_000).into())),
            ("issued later", changed("iat", (now + 600).into())),
            ("no iat", changed("iat", Value::Null)),
            ("no jti", changed("jti", "".into())),
            ("key of somebody else", signed(Algorithm::RS384, "client-rsa", OTHER_RSA, &good)),
            ("unknown key", signed(Algorithm::RS384, "client-9", RSA, &good)),
            ("HS256", hs256),
            ("none", none),
            ("jku that is not registered", elsewhere),
            ("rubbish", "rubbish".to_owned()),
        ];
        for (why, token) in &bad {
            let answer = send(&service, path, token, &view());
            assert_eq!(answer.status, 401, "{why}: {}", answer.text());
            assert!(answer.header("www-authenticate").contains("invalid_token"), "{why}");
        }
        let nobody = service.ask("POST", path).without("authorization").json(&view()).send();
        assert_eq!(nobody.status, 401);
        let once = signed(Algorithm::ES384, "client-ec", EC, &good);
        send(&service, path, &once, &view()).expect(200);
        send(&service, path, &once, &view()).expect(401);
        let any = signed(Algorithm::RS256, "client-any", RSA, &claims(&service, &address));
        send(&service, path, &any, &view()).expect(200);
        let auditor = service.token(Role::Auditor);
        let trail = service.ask("GET", "/v1/audit?limit=100").bearer(&auditor).send().expect(200);
        let refused = trail["items"].as_array().unwrap().iter().filter(|one| one["outcome"] == "refused").count();
        assert_eq!(refused, bad.len() + 1, "each refusal and the replay are written down");
    }

    fn the_patient_is_fetched_where_not_prefetched(test: &TestDatabase) {
        let (url, asked) = fhir_server("HTTP/1.1 200 OK");
        let service = service_with(test, &url);
        record(&service, "first-block-only", 1);
        assert_eq!(cards(&service, "medial-patient-view", &without_prefetch(&url)).len(), 1);
        let asked = asked.lock().unwrap().clone();
        assert!(asked[0].starts_with("GET /r4/Patient/ehr-1 "), "{asked:?}");
        assert!(asked[0].to_lowercase().contains("authorization: bearer an-access-token"), "{asked:?}");
    }

    fn a_patient_who_cannot_be_had_is_412(test: &TestDatabase) {
        let (url, asked) = fhir_server("HTTP/1.1 403 Forbidden");
        let service = service_with(test, &url);
        let mut nothing = view();
        nothing["prefetch"] = json!({"patient": Value::Null});
        let mut failed = view();
        failed["prefetch"] = json!({"patient": {"resourceType": "OperationOutcome"}});
        let (elsewhere, not_asked) = fhir_server("HTTP/1.1 200 OK");
        for body in [nothing, failed, without_prefetch(&url), without_prefetch(&elsewhere)] {
            let answer = call(&service, "medial-patient-view", &body).expect(412);
            assert_eq!(answer["code"], "patient_not_available");
        }
        assert_eq!(asked.lock().unwrap().len(), 1);
        assert!(not_asked.lock().unwrap().is_empty(), "it is not registered for the client");
    }

    fn everything_that_is_wrong_with_a_call_is_told_at_once(test: &TestDatabase) {
        let service = service(test);
        let body = json!({
            "hook": "order-sign", "hookInstance": "not-a-uuid",
            "fhirAuthorization": {"access_token": "x", "token_type": "MAC", "expires_in": "soon"},
            "context": {"userId": "somebody", "selections": "all", "draftOrders": {"resourceType": "List"}},
            "prefetch": {"patient": {"resourceType": "Group"}},
        });
        let found = call(&service, "medial-order-select", &body).refused(422);
        let pointers: BTreeSet<&str> = found.iter().map(|(pointer, _)| pointer.as_str()).collect();
        let expected = BTreeSet::from([
            "/hook", "/hookInstance", "/fhirServer", "/fhirAuthorization/token_type", "/fhirAuthorization/expires_in",
            "/fhirAuthorization/scope", "/fhirAuthorization/subject", "/context/userId", "/context/patientId",
            "/context/selections", "/context/draftOrders", "/prefetch/patient",
        ]);
        assert_eq!(pointers, expected);
        let mut other = view();
        other["prefetch"]["patient"]["id"] = "somebody-else".into();
        let found = call(&service, "medial-patient-view", &other).refused(422);
        assert_eq!(found, [("/prefetch/patient/id".to_owned(), "other_patient".to_owned())]);
        call(&service, "medial-nothing", &view()).expect(404);
    }

    fn what_was_put_aside_is_not_said_again_until_the_facts_change(test: &TestDatabase) {
        let service = service(test);
        record(&service, "two-positive-blocks", 1);
        let id = "medial-patient-view";
        let first = cards(&service, id, &view());
        service.clock.forward(TimeDelta::minutes(1));
        feedback(&service, id, &overridden(&first[0], "2025-09-15T15:00:30Z")).expect(200);
        assert!(cards(&service, id, &view()).is_empty());
        service.clock.forward(TimeDelta::days(3));
        assert!(cards(&service, id, &view()).is_empty(), "a day that passes is no new fact");
        let ordered = cards(&service, "medial-order-sign", &signing(&[order("o", "64635", "right")]));
        assert_eq!(ordered.len(), 1, "an order is another matter");
        let path = format!("{}/tests/fixtures/cases/two-positive-blocks.json", env!("CARGO_MANIFEST_DIR"));
        let case: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let mut block = case["blocks"][1].clone();
        block["patient"] = json!({"identifiers": [{"system": "urn:example:mrn", "value": "SYN-0042"}]});
        block["episode"] = json!({"region": "lumbar"});
        service.clock.set("2025-10-06T15:00:00Z");
        service.post("/v1/blocks", &block).expect(201);
        assert_eq!(cards(&service, id, &view()).len(), 1, "there is a second block");
    }

    fn feedback_is_kept_once_and_counted(test: &TestDatabase) {
        let service = service(test);
        record(&service, "first-block-only", 1);
        let id = "medial-patient-view";
        let first = cards(&service, id, &view()).remove(0);
        let aside = overridden(&first, "2025-09-15T14:00:00Z");
        feedback(&service, id, &aside).expect(200);
        feedback(&service, id, &aside).expect(200);
        assert!(cards(&service, id, &view()).is_empty());
        let taken = json!({
            "card": first["uuid"], "outcome": "accepted", "outcomeTimestamp": "2025-09-15T14:30:00Z",
            "acceptedSuggestions": [{"id": first["suggestions"][0]["uuid"]}],
        });
        feedback(&service, id, &taken).expect(200);
        assert_eq!(cards(&service, id, &view()).len(), 1, "it was taken up again");
        let analyst = service.token(Role::Analyst);
        let count = |query: &str| {
            let path = format!("/v1/analytics/cds-feedback{query}");
            service.ask("GET", &path).bearer(&analyst).send().expect(200)["counts"].clone()
        };
        let reason = json!({"system": "urn:medial:fhir:CodeSystem:card-override-reason", "code": "clinical-judgment"});
        assert_eq!(count(""), json!([
            {"service": id, "outcome": "accepted", "reason": null, "count": 1},
            {"service": id, "outcome": "overridden", "reason": reason, "count": 1},
        ]));
        assert_eq!(count("?from=2025-09-16"), json!([]));
        assert_eq!(count("?until=2025-09-15").as_array().unwrap().len(), 2);
        let auditor = service.token(Role::Auditor);
        service.ask("GET", "/v1/analytics/cds-feedback").bearer(&auditor).send().expect(403);
    }

    fn feedback_that_fits_no_card_is_refused(test: &TestDatabase) {
        let service = service(test);
        record(&service, "first-block-only", 1);
        let id = "medial-patient-view";
        let card = cards(&service, id, &view()).remove(0);
        let refused = |id: &str, entry: Value| {
            let found = feedback(&service, id, &entry).refused(422);
            found.into_iter().map(|(pointer, code)| format!("{pointer} {code}")).collect::<Vec<_>>()
        };
        let unknown = json!({"card": "4e0a3a1e-3283-4575-ab82-028d55fe2719", "outcome": "overridden", "outcomeTimestamp": "2025-09-15T14:00:00Z"});
        assert_eq!(refused(id, unknown), ["/feedback/0/card unknown_card"]);
        assert_eq!(refused("medial-order-sign", overridden(&card, "2025-09-15T14:00:00Z")), ["/feedback/0/card unknown_card"]);
        let other = json!({
            "card": card["uuid"], "outcome": "accepted", "outcomeTimestamp": "2025-09-15T14:00:00Z",
            "acceptedSuggestions": [{"id": "4e0a3a1e-3283-4575-ab82-028d55fe2719"}],
        });
        assert_eq!(refused(id, other), ["/feedback/0/acceptedSuggestions/0/id unknown_suggestion"]);
        let wrong = json!({"card": "x", "outcome": "ignored", "outcomeTimestamp": "yesterday", "overrideReason": {"reason": {"code": "c"}}});
        let found: BTreeSet<String> = refused(id, wrong).into_iter().collect();
        assert_eq!(found, BTreeSet::from([
            "/feedback/0/card invalid_uuid".to_owned(),
            "/feedback/0/outcome unknown_value".to_owned(),
            "/feedback/0/outcomeTimestamp invalid_instant".to_owned(),
            "/feedback/0/overrideReason/reason/system required".to_owned(),
        ]));
        let forgotten = service.clock.now() + TimeDelta::days(91);
        service.clock.set(&forgotten.to_rfc3339());
        assert!(service.app.forget_old_cards().unwrap() >= 1);
        assert_eq!(refused(id, overridden(&card, "2025-09-15T14:00:00Z")), ["/feedback/0/card unknown_card"]);
    }

    fn only_a_configured_origin_may_call_from_a_browser(test: &TestDatabase) {
        let service = service(test);
        let ask = |method: &str, path: &str, origin: &str| {
            let request = service.ask(method, path).header("origin", origin);
            request.header("access-control-request-method", "POST").without("authorization").send()
        };
        let path = "/cds-services/medial-patient-view";
        let preflight = ask("OPTIONS", path, SANDBOX);
        assert_eq!(preflight.status, 204);
        assert_eq!(preflight.header("access-control-allow-origin"), SANDBOX);
        assert!(preflight.header("access-control-allow-headers").contains("authorization"));
        assert_eq!(ask("GET", "/cds-services", SANDBOX).header("access-control-allow-origin"), SANDBOX);
        assert_eq!(ask("OPTIONS", path, "https://evil.example.org").status, 405);
        assert_eq!(ask("GET", "/cds-services", "https://evil.example.org").header("access-control-allow-origin"), "");
        assert_eq!(ask("OPTIONS", "/v1/patients", SANDBOX).status, 405);
        assert_eq!(ask("GET", "/v1/patients", SANDBOX).header("access-control-allow-origin"), "");
        let refused = service.ask("POST", path).header("origin", SANDBOX).bearer("x").json(&view()).send();
        assert_eq!((refused.status, refused.header("access-control-allow-origin")), (401, SANDBOX));
    }
}

/// Prints how long cards take on a database of some size: `scripts/test --test api --run-ignored only card_latency`.
#[test]
#[ignore = "it measures, and asserts nothing about time"]
fn card_latency() {
    const PATIENTS: usize = 2000;
    const CALLS: usize = 500;
    let Some(test) = TestDatabase::migrated(medial::db::DatabaseKind::Sqlite) else {
        return;
    };
    let service = service(&test);
    let path = format!(
        "{}/tests/fixtures/cases/first-block-only.json",
        env!("CARGO_MANIFEST_DIR")
    );
    let case: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    for number in 0..PATIENTS {
        let mut block = case["blocks"][0].clone();
        let value = format!("SYN-{number}");
        block["patient"] = json!({"identifiers": [{"system": "urn:example:mrn", "value": value}]});
        block["episode"] = case["episode"].clone();
        service.post("/v1/blocks", &block).expect(201);
    }
    let mut times: Vec<std::time::Duration> = (0..CALLS)
        .map(|number| {
            let mut body = view();
            let value = format!("SYN-{}", (number * 7919) % PATIENTS);
            body["prefetch"]["patient"]["identifier"][1]["value"] = value.into();
            let token = token(&service, &format!("{BASE}/medial-patient-view"));
            let begun = std::time::Instant::now();
            let answer = send(&service, "/cds-services/medial-patient-view", &token, &body);
            let took = begun.elapsed();
            assert_eq!(answer.expect(200)["cards"].as_array().unwrap().len(), 1);
            took
        })
        .collect();
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() * percent / 100).min(times.len() - 1)];
    println!(
        "{CALLS} calls, {PATIENTS} patients: p50 {:?}, p99 {:?}",
        at(50),
        at(99)
    );
}
