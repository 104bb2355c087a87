//! Bad input gets a clear answer that names every field, and nothing is stored.

use crate::service::{Service, id};
use crate::support::databases::{TestDatabase, on_each_database};
use medial::auth::Role;
use serde_json::{Value, json};

fn block() -> Value {
    json!({
        "patient": {"identifiers": [{"system": "urn:example:mrn", "value": "1"}]},
        "episode": {"region": "lumbar", "onset_date": "2025-01-01"},
        "performed_at": "2025-09-08T09:00:00-05:00", "kind": "diagnostic", "technique": "medial_branch",
        "joints": ["L4-5", "L5-S1"], "side": "left",
        "scores": [
            {"taken_at": "2025-09-08T08:30:00-05:00", "scale": "nrs", "value": 8, "context": "movement"},
            {"taken_at": "2025-09-08T09:30:00-05:00", "scale": "nrs", "value": 1, "context": "movement"},
        ],
    })
}

/// The block with a value put at a pointer; null takes the field away.
fn with(pointer: &str, value: Value) -> Value {
    let mut block = block();
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    let parent = block.pointer_mut(parent).unwrap();
    match (parent, value) {
        (Value::Object(fields), Value::Null) => {
            fields.remove(field);
        }
        (Value::Object(fields), value) => {
            fields.insert(field.to_owned(), value);
        }
        (parent, value) => parent[field.parse::<usize>().unwrap()] = value,
    }
    block
}

fn nothing_is_stored(service: &Service) {
    for path in [
        "/v1/patients?count=true",
        "/v1/episodes?count=true",
        "/v1/blocks?count=true",
    ] {
        assert_eq!(service.get(path).expect(200)["count"], 0, "{path}");
    }
}

on_each_database! {
    fn each_wrong_field_of_a_block_is_named(test: &TestDatabase) {
        let service = Service::on(test);
        let value = "/scores/1/value";
        let cases = [
            (with(value, json!("2-8/10")), value, "range_not_allowed"),
            (with(value, json!(10.5)), value, "above_scale"),
            (with(value, json!(11)), value, "above_scale"),
            (with(value, json!(-1)), value, "negative"),
            (with(value, json!(2.55)), value, "too_precise"),
            (with(value, json!("NaN")), value, "wrong_type"),
            (with("/scores/1/taken_at", json!("2031-01-01T00:00:00Z")), "/scores/1/taken_at", "in_future"),
            (with("/scores/0/taken_at", json!("2024-12-30T08:00:00Z")), "/scores/0/taken_at", "before_episode"),
            (with("/scores/1/taken_at", json!("2025-09-08T09:30:00")), "/scores/1/taken_at", "offset_missing"),
            (with("/scores/1/side", json!("right")), "/scores/1/side", "side_not_treated"),
            (with("/performed_at", json!("2025-09-08T09:00:00")), "/performed_at", "offset_missing"),
            (with("/performed_at", json!("2031-09-08T09:00:00Z")), "/performed_at", "in_future"),
            (with("/joints", json!([])), "/joints", "too_few"),
            (with("/joints/0", json!("L6-7")), "/joints/0", "unknown_value"),
            (with("/joints/0", json!("C4-5")), "/joints/0", "out_of_region"),
            (with("/joints/1", json!("L4-5")), "/joints/1", "duplicate"),
            (with("/side", Value::Null), "/side", "required"),
            (with("/episode/onset_date", json!("2025-10-01")), "/episode/onset_date", "after_block"),
            (with("/colour", json!("blue")), "/colour", "unknown_field"),
            (with("/episode", Value::Null), "/episode", "exactly_one"),
            (with("/patient/identifiers", json!([])), "/patient/identifiers", "too_few"),
            (with("/patient/birth_date", json!("2035-01-01")), "/patient/birth_date", "in_future"),
        ];
        for (body, pointer, code) in cases {
            let told = service.post("/v1/blocks", &body).refused(422);
            assert!(told.contains(&(pointer.to_owned(), code.to_owned())), "{pointer} {code}: {told:?}");
        }
        nothing_is_stored(&service);
    }

    fn all_that_is_wrong_is_told_at_once(test: &TestDatabase) {
        let service = Service::on(test);
        let mut body = block();
        body["side"] = json!("middle");
        body["joints"] = json!(["L4-5", "L4-5", "L6-7"]);
        body["volume_ml_per_nerve"] = json!(-1);
        body["scores"][0]["value"] = json!("2-8/10");
        body["scores"][1]["taken_at"] = json!("2031-01-01T00:00:00Z");
        body["patient"]["identifiers"] = json!([]);
        body["colour"] = json!("blue");
        let mut told: Vec<String> =
            service.post("/v1/blocks", &body).refused(422).into_iter().map(|(pointer, _)| pointer).collect();
        told.sort();
        let expected = [
            "/colour", "/joints/1", "/joints/2", "/patient/identifiers", "/scores/0/value", "/scores/1/taken_at", "/side",
            "/volume_ml_per_nerve",
        ];
        assert_eq!(told, expected);
        nothing_is_stored(&service);
    }

    fn what_cannot_be_read_is_malformed(test: &TestDatabase) {
        let service = Service::on(test);
        let send = |body: &[u8]| service.ask("POST", "/v1/blocks").body("application/json", body.to_vec()).send().status;
        let nan = block().to_string().replace("\"value\":8", "\"value\":NaN");
        for body in [&b"{"[..], b"", b"\xff\xfe{}", nan.as_bytes(), b"{\"side\":\"left\",\"side\":\"right\"}"] {
            assert_eq!(send(body), 400, "{}", String::from_utf8_lossy(body));
        }
        let large = format!("{{\"a\":\"{}\"}}", "x".repeat(1024 * 1024));
        assert_eq!(send(large.as_bytes()), 413);
        let answer = service.ask("POST", "/v1/blocks").body("text/plain", b"{}".to_vec()).send();
        assert_eq!(answer.status, 415);
        nothing_is_stored(&service);
    }

    fn more_scores_than_fit_are_refused_with_the_limit(test: &TestDatabase) {
        let service = Service::on(test);
        let recorded = service.post("/v1/blocks", &block()).expect(201);
        let score = json!({"taken_at": "2025-09-08T10:00:00Z", "scale": "nrs", "value": 3});
        let many: Vec<Value> = vec![score; 10_000];
        let path = format!("/v1/blocks/{}/scores", id(&recorded));
        let answer = service.post(&path, &json!(many));
        assert!(matches!(answer.status, 413 | 422), "{}", answer.text());
        let fewer = &many[..1001];
        let told = service.post(&path, &json!(fewer));
        assert_eq!(told.refused(422), [(String::new(), "too_many".to_owned())]);
        assert!(told.text().contains("1000"));
        assert_eq!(service.get(&format!("{path}?count=true")).expect(200)["count"], 2);
        let fewer = &many[..1000];
        service.post(&path, &json!(fewer)).expect(201);
    }

    fn a_record_that_is_not_there_is_not_found(test: &TestDatabase) {
        let service = Service::on(test);
        let recorded = service.post("/v1/blocks", &block()).expect(201);
        let strangers = service.token_of(Role::EhrSystem, "south", None);
        for path in ["/v1/blocks", "/v1/patients", "/v1/episodes"] {
            service.get(&format!("{path}/01890a5d-ac96-774b-bcce-b302099a8057")).expect(404);
            service.get(&format!("{path}/not-an-id")).expect(404);
        }
        let path = format!("/v1/blocks/{}", id(&recorded));
        service.ask("GET", &path).bearer(&strangers).send().expect(404);
        let mut body = block();
        body.as_object_mut().unwrap().retain(|name, _| !matches!(name.as_str(), "patient" | "episode"));
        body["episode_id"] = recorded["episode_id"].clone();
        let told = service.ask("POST", "/v1/blocks").bearer(&strangers).json(&body).send().refused(422);
        assert_eq!(told, [("/episode_id".to_owned(), "not_found".to_owned())]);
    }

    fn a_version_must_be_named_and_current(test: &TestDatabase) {
        let service = Service::on(test);
        let recorded = service.post("/v1/blocks", &block()).expect(201);
        let path = format!("/v1/scores/{}", id(&recorded["scores"][0]));
        let right = json!({"taken_at": "2025-09-08T08:30:00-05:00", "scale": "nrs", "value": 7});
        service.ask("PUT", &path).json(&right).send().expect(428);
        service.put(&path, 2, &right).expect(412);
        service.put(&path, 1, &right).expect(200);
        service.put(&path, 1, &right).expect(412);
        service.ask("PUT", &path).header("if-match", "*").json(&right).send().expect(400);
    }

    fn a_key_stands_for_one_request(test: &TestDatabase) {
        let service = Service::on(test);
        let send = |key: &str, body: &Value| {
            service.ask("POST", "/v1/blocks").header("idempotency-key", key).json(body).send()
        };
        let first = send("one", &block());
        let again = send("one", &block());
        assert_eq!(first.expect(201), again.expect(201));
        assert_eq!(again.header("idempotent-replayed"), "true");
        assert_eq!(first.header("location"), again.header("location"));
        assert_eq!(first.header("etag"), again.header("etag"));
        let mut other = block();
        other["side"] = json!("right");
        send("one", &other).expect(422);
        send("two", &other).expect(201);
        assert_eq!(service.get("/v1/blocks?count=true").expect(200)["count"], 2);
    }

    fn parameters_that_do_not_fit_are_malformed(test: &TestDatabase) {
        let service = Service::on(test);
        for number in 0..3 {
            let mut one = block();
            one["patient"]["identifiers"][0]["value"] = json!(number.to_string());
            service.post("/v1/blocks", &one).expect(201);
        }
        let page = service.get("/v1/blocks?limit=1").expect(200);
        let cursor = page["next"].as_str().unwrap().to_owned();
        service.get(&format!("/v1/blocks?limit=1&cursor={cursor}")).expect(200);
        let mut tampered = cursor.clone();
        tampered.replace_range(3..4, if &tampered[3..4] == "A" { "B" } else { "A" });
        for query in [
            format!("cursor={tampered}"),
            format!("cursor={cursor}&operator=somebody"),
            "colour=blue".to_owned(),
            "limit=0".to_owned(),
            "limit=501".to_owned(),
            "from=yesterday".to_owned(),
            "patient_id=7".to_owned(),
        ] {
            service.get(&format!("/v1/blocks?{query}")).expect(400);
        }
        service.get("/v1/candidates?side=middle").expect(400);
        service.get("/v1/candidates?sort=name").expect(400);
        service.get("/v1/candidates?relief_percent_min=many").expect(400);
    }

    fn what_the_service_sets_cannot_be_set(test: &TestDatabase) {
        let service = Service::on(test);
        let recorded = service.post("/v1/blocks", &block()).expect(201);
        let path = format!("/v1/scores/{}", id(&recorded["scores"][0]));
        let mut score = service.get(&path).expect(200);
        score["value"] = json!(6);
        service.put(&path, 1, &score).expect(200);
        score["recorded_at"] = json!("2020-01-01T00:00:00Z");
        score["version"] = json!(2);
        let told = service.put(&path, 2, &score).refused(422);
        assert!(told.contains(&("/recorded_at".to_owned(), "read_only".to_owned())), "{told:?}");
    }
}
