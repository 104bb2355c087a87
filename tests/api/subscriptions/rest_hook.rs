//! FHIR subscriptions by topic: handshake, numbered notifications, heartbeat, `$status` and `$events`.

use super::hook::{Hook, Received};
use super::{block, tell};
use crate::service::{Answer, Service, id};
use crate::support::databases::{TestDatabase, on_each_database};
use chrono::TimeDelta;
use medial::auth::Role;
use serde_json::{Value, json};

const NOW: &str = "2025-10-06T15:00:00Z";
const FHIR: &str = "application/fhir+json";
const BACKPORT: &str =
    "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-";

fn extension(name: &str, kind: &str, value: Value) -> Value {
    json!({"url": format!("{BACKPORT}{name}"), kind: value})
}

fn subscription(url: &str, topic: &str, content: &str) -> Value {
    json!({
        "resourceType": "Subscription",
        "status": "requested",
        "reason": "Candidates for the pain clinic",
        "criteria": format!("urn:medial:fhir:SubscriptionTopic:{topic}"),
        "channel": {
            "type": "rest-hook", "endpoint": url, "payload": FHIR,
            "_payload": {"extension": [extension("payload-content", "valueCode", json!(content))]},
            "header": ["Authorization: Bearer secret-of-theirs"],
        },
    })
}

fn send(service: &Service, method: &str, path: &str, body: &Value) -> Answer {
    let bytes = body.to_string().into_bytes();
    service.ask(method, path).body(FHIR, bytes).send()
}

fn create(service: &Service, body: &Value) -> Value {
    send(service, "POST", "/fhir/R4/Subscription", body).expect(201)
}

fn path(subscription: &Value) -> String {
    format!("/fhir/R4/Subscription/{}", id(subscription))
}

/// The status within a notification.
fn status(told: &Received) -> Value {
    let bundle = told.json();
    assert_eq!(
        (&bundle["resourceType"], &bundle["type"]),
        (&json!("Bundle"), &json!("history"))
    );
    bundle["entry"][0]["resource"].clone()
}

/// The values of the parameters of a name.
fn values(status: &Value, name: &str) -> Vec<String> {
    let value = |one: &Value| {
        let fields = one.as_object().unwrap();
        let (_, value) = fields
            .iter()
            .find(|(key, _)| key.starts_with("value"))
            .unwrap();
        match value {
            Value::String(text) => text.clone(),
            other => other["reference"].as_str().unwrap().to_owned(),
        }
    };
    let parameters = status["parameter"].as_array().unwrap().iter();
    parameters
        .filter(|one| one["name"] == name)
        .map(value)
        .collect()
}

/// The parts of the events in a status, of a name.
fn parts(status: &Value, name: &str) -> Vec<String> {
    let parameters = status["parameter"].as_array().unwrap().iter();
    parameters
        .filter(|one| one["name"] == "notification-event")
        .flat_map(|one| values(&json!({"parameter": one["part"]}), name))
        .collect()
}

fn kinds(told: &[Received]) -> Vec<String> {
    told.iter()
        .flat_map(|one| values(&status(one), "type"))
        .collect()
}

on_each_database! {
    fn a_subscription_begins_with_a_handshake_and_tells_by_number(test: &TestDatabase) {
        let service = Service::at(test, NOW);
        let hook = Hook::answering(200);
        let sent = subscription(&hook.url(), "block-recorded", "id-only");
        let made = create(&service, &sent);
        for (name, value) in sent.as_object().unwrap() {
            assert_eq!(made[name], *value, "{name} is given back as it was sent");
        }
        assert_eq!(tell(&service), 1);
        let handshake = hook.take();
        assert_eq!(handshake[0].header("authorization"), "Bearer secret-of-theirs");
        assert_eq!(handshake[0].header("content-type"), FHIR);
        let first = status(&handshake[0]);
        assert_eq!(values(&first, "type"), ["handshake"]);
        assert_eq!(values(&first, "status"), ["requested"]);
        assert_eq!(values(&first, "subscription"), [service.url(&path(&made))]);
        assert_eq!(service.get(&path(&made)).expect(200)["status"], "active");

        let recorded: Vec<Value> = (1..=2).map(|number| service.post("/v1/blocks", &block(number)).expect(201)).collect();
        assert_eq!(tell(&service), 2);
        let told = hook.take();
        for (place, (told, block)) in told.iter().zip(&recorded).enumerate() {
            let status = status(told);
            let number = (place + 1).to_string();
            assert_eq!(values(&status, "type"), ["event-notification"]);
            assert_eq!(values(&status, "topic"), ["urn:medial:fhir:SubscriptionTopic:block-recorded"]);
            assert_eq!(values(&status, "events-since-subscription-start"), [number.as_str()]);
            assert_eq!(parts(&status, "event-number"), [number.as_str()]);
            let focus = service.url(&format!("/fhir/R4/Procedure/{}", id(block)));
            assert_eq!(parts(&status, "focus"), [focus.as_str()]);
            let bundle = told.json();
            let entry = &bundle["entry"][1];
            assert_eq!((&entry["fullUrl"], &entry["request"]["method"]), (&json!(focus), &json!("POST")));
            assert!(entry.get("resource").is_none() && !told.body.contains("Unshown"));
        }
    }

    fn a_notification_is_empty_or_carries_what_the_subscriber_may_read(test: &TestDatabase) {
        let service = Service::at(test, NOW);
        let (empty, full, narrow) = (Hook::answering(200), Hook::answering(200), Hook::answering(200));
        let mut bare = subscription(&empty.url(), "block-recorded", "empty");
        let channel = bare["channel"].as_object_mut().unwrap();
        channel.remove("payload");
        channel.remove("_payload");
        create(&service, &bare);
        create(&service, &subscription(&full.url(), "block-recorded", "full-resource"));
        let token = service.token_of(Role::EhrSystem, "north", Some("system/Subscription.cruds system/Procedure.rs"));
        let body = subscription(&narrow.url(), "block-recorded", "full-resource").to_string().into_bytes();
        service.ask("POST", "/fhir/R4/Subscription").bearer(&token).body(FHIR, body).send().expect(201);
        let recorded = service.post("/v1/blocks", &block(1)).expect(201);
        assert_eq!(tell(&service), 6);
        let told = |hook: &Hook| hook.take().pop().unwrap();
        let bundle = told(&empty).json();
        assert_eq!(bundle["entry"].as_array().unwrap().len(), 1);
        assert_eq!(parts(&bundle["entry"][0]["resource"], "focus"), Vec::<String>::new());
        assert_eq!(parts(&bundle["entry"][0]["resource"], "event-number"), ["1"]);
        let read = |path: &str| service.get(path).expect(200);
        let procedure = read(&format!("/fhir/R4/Procedure/{}", id(&recorded)));
        let patient = read(&format!("/fhir/R4/Patient/{}", recorded["patient_id"].as_str().unwrap()));
        let bundle = told(&full).json();
        assert_eq!((&bundle["entry"][1]["resource"], &bundle["entry"][2]["resource"]), (&procedure, &patient));
        let bundle = told(&narrow).json();
        assert_eq!(bundle["entry"].as_array().unwrap().len(), 2, "the patient is beyond the reach of the token");
        assert_eq!(bundle["entry"][1]["resource"], procedure);
    }

    fn several_events_come_in_one_notification_where_that_is_asked_for(test: &TestDatabase) {
        let service = Service::at(test, NOW);
        let hook = Hook::answering(200);
        let mut body = subscription(&hook.url(), "block-recorded", "id-only");
        body["channel"]["extension"] = json!([extension("max-count", "valuePositiveInt", json!(3))]);
        let made = create(&service, &body);
        tell(&service);
        hook.take();
        for number in 1..=4 {
            service.post("/v1/blocks", &block(number)).expect(201);
        }
        hook.answer(500);
        assert_eq!(tell(&service), 1);
        hook.answer(200);
        service.clock.forward(TimeDelta::seconds(10));
        assert_eq!(tell(&service), 2);
        let numbers: Vec<Vec<String>> = hook.take().iter().map(|told| parts(&status(told), "event-number")).collect();
        assert_eq!(numbers, [vec!["1", "2", "3"], vec!["1", "2", "3"], vec!["4"]]);

        // Whoever missed something asks for it.
        let asked = |query: &str| service.get(&format!("{}/$events{query}", path(&made))).expect(200);
        let answer = asked("?eventsSinceNumber=2&eventsUntilNumber=3");
        let found = &answer["entry"][0]["resource"];
        assert_eq!(values(found, "type"), ["query-event"]);
        assert_eq!(values(found, "events-since-subscription-start"), ["4"]);
        assert_eq!(parts(found, "event-number"), ["2", "3"]);
        assert_eq!(answer["entry"].as_array().unwrap().len(), 3);
        let whole = asked("?eventsSinceNumber=4&content=full-resource");
        assert_eq!(whole["entry"][1]["resource"]["resourceType"], "Procedure");
        assert_eq!(asked("?content=empty")["entry"].as_array().unwrap().len(), 1);
        send(&service, "GET", &format!("{}/$events?eventsSinceNumber=x", path(&made)), &Value::Null).expect(400);
    }

    fn silence_is_broken_by_a_heartbeat(test: &TestDatabase) {
        let service = Service::at(test, NOW);
        let hook = Hook::answering(200);
        let mut body = subscription(&hook.url(), "block-recorded", "id-only");
        body["channel"]["extension"] = json!([extension("heartbeat-period", "valueUnsignedInt", json!(60))]);
        create(&service, &body);
        assert_eq!(tell(&service), 1);
        service.clock.forward(TimeDelta::seconds(59));
        assert_eq!(tell(&service), 0);
        service.clock.forward(TimeDelta::seconds(1));
        assert_eq!(tell(&service), 1);
        service.clock.forward(TimeDelta::seconds(30));
        service.post("/v1/blocks", &block(1)).expect(201);
        assert_eq!(tell(&service), 1);
        service.clock.forward(TimeDelta::seconds(40));
        assert_eq!(tell(&service), 0, "it was not silent");
        service.clock.forward(TimeDelta::seconds(20));
        assert_eq!(tell(&service), 1);
        let told = hook.take();
        assert_eq!(kinds(&told), ["handshake", "heartbeat", "event-notification", "heartbeat"]);
        assert_eq!(values(&status(&told[3]), "events-since-subscription-start"), ["1"]);
    }

    fn who_does_not_answer_the_handshake_is_in_error_and_can_ask_again(test: &TestDatabase) {
        let service = Service::at(test, NOW);
        let hook = Hook::answering(404);
        let made = create(&service, &subscription(&hook.url(), "block-recorded", "id-only"));
        for _ in 0..6 {
            tell(&service);
            service.clock.forward(TimeDelta::minutes(1));
        }
        assert_eq!(hook.take().len(), 4);
        let found = service.get(&path(&made)).expect(200);
        assert_eq!((&found["status"], &found["error"]), (&json!("error"), &json!("the handshake failed")));
        let list = service.get("/fhir/R4/Subscription/$status?status=error").expect(200);
        assert_eq!((&list["type"], &list["total"]), (&json!("searchset"), &json!(1)));
        assert_eq!(values(&list["entry"][0]["resource"], "status"), ["error"]);
        assert_eq!(service.get("/fhir/R4/Subscription/$status?status=active").expect(200)["total"], 0);
        service.get("/fhir/R4/Subscription/$status?status=asleep").expect(400);

        hook.answer(200);
        let mut again = found.clone();
        again["status"] = json!("requested");
        send(&service, "PUT", &path(&made), &again).expect(200);
        assert_eq!(tell(&service), 1);
        let one = service.get(&format!("{}/$status", path(&made))).expect(200);
        assert_eq!(values(&one["entry"][0]["resource"], "status"), ["active"]);
        assert_eq!(values(&one["entry"][0]["resource"], "type"), ["query-status"]);

        again["status"] = json!("off");
        let stale = service.ask("PUT", &path(&made)).header("if-match", "W/\"1\"");
        stale.body(FHIR, again.to_string().into_bytes()).send().expect(412);
        let off = send(&service, "PUT", &path(&made), &again).expect(200);
        assert_eq!(off["status"], "off");
        service.post("/v1/blocks", &block(1)).expect(201);
        assert_eq!(tell(&service), 0);
        send(&service, "DELETE", &path(&made), &Value::Null).expect(204);
        service.get(&path(&made)).expect(404);
    }

    fn it_ends_when_it_is_to_end(test: &TestDatabase) {
        let service = Service::at(test, NOW);
        let hook = Hook::answering(200);
        let mut body = subscription(&hook.url(), "block-recorded", "id-only");
        body["end"] = json!("2025-10-06T16:00:00Z");
        let made = create(&service, &body);
        assert_eq!(tell(&service), 1);
        service.clock.set("2025-10-06T16:00:00Z");
        service.post("/v1/blocks", &block(1)).expect(201);
        assert_eq!(tell(&service), 0);
        assert_eq!(service.get(&path(&made)).expect(200)["status"], "off");
    }

    fn a_filter_narrows_it_to_a_patient(test: &TestDatabase) {
        let service = Service::at(test, NOW);
        let hook = Hook::answering(200);
        let theirs = service.post("/v1/blocks", &block(1)).expect(201);
        let mut body = subscription(&hook.url(), "block-recorded", "id-only");
        let filter = format!("Procedure?patient=Patient/{}", theirs["patient_id"].as_str().unwrap());
        body["_criteria"] = json!({"extension": [extension("filter-criteria", "valueString", json!(filter))]});
        let made = create(&service, &body);
        assert_eq!(made["_criteria"], body["_criteria"]);
        service.post("/v1/blocks", &block(2)).expect(201);
        let mut again = block(1);
        again["performed_at"] = json!("2025-10-05T09:00:00-05:00");
        let again = service.post("/v1/blocks", &again).expect(201);
        assert_eq!(tell(&service), 2);
        let focus = service.url(&format!("/fhir/R4/Procedure/{}", id(&again)));
        assert_eq!(parts(&status(&hook.take()[1]), "focus"), [focus]);
    }

    fn everything_wrong_with_a_subscription_is_an_issue(test: &TestDatabase) {
        let service = Service::telling_only_the_public(test, NOW);
        let body = json!({
            "resourceType": "Subscription", "status": "active", "criteria": "Observation?code=1", "end": "2020-01-01T00:00:00Z",
            "colour": "red", "meta": {"profile": ["http://example.org/profile"]},
            "_criteria": {"extension": [{"url": "urn:other", "valueString": "x"}]},
            "channel": {
                "type": "websocket", "payload": "application/fhir+xml", "header": ["Host: example.org", "ok: yes"],
                "extension": [extension("timeout", "valueUnsignedInt", json!(600))],
                "_payload": {"extension": [extension("payload-content", "valueCode", json!("everything"))]},
            },
        });
        let outcome = send(&service, "POST", "/fhir/R4/Subscription", &body).expect(422);
        let mut wrong: Vec<&str> = outcome["issue"].as_array().unwrap().iter()
            .map(|issue| issue["expression"][0].as_str().unwrap())
            .collect();
        wrong.sort_unstable();
        wrong.dedup();
        let expected = [
            "Subscription._criteria.extension[0].url", "Subscription._criteria.extension[0].valueString",
            "Subscription.channel._payload.extension[0].valueCode", "Subscription.channel.endpoint",
            "Subscription.channel.extension[0].valueUnsignedInt", "Subscription.channel.header[0]",
            "Subscription.channel.payload", "Subscription.channel.type", "Subscription.colour", "Subscription.criteria",
            "Subscription.end", "Subscription.meta.profile[0]", "Subscription.reason", "Subscription.status",
        ];
        let missing: Vec<&&str> = expected.iter().filter(|one| !wrong.contains(one) && !one.ends_with("[0].valueString")).collect();
        assert!(missing.is_empty(), "{missing:?} of {wrong:?}");
        let within = subscription("https://10.0.0.7/", "block-recorded", "id-only");
        let outcome = send(&service, "POST", "/fhir/R4/Subscription", &within).expect(422);
        assert_eq!(outcome["issue"][0]["expression"], json!(["Subscription.channel.endpoint"]));
        let mut elsewhere = subscription("https://example.org/", "block-recorded", "id-only");
        let filter = "Procedure?patient=01890a5d-ac96-774b-bcce-b302099a8057&code=1";
        elsewhere["_criteria"] = json!({"extension": [extension("filter-criteria", "valueString", json!(filter))]});
        send(&service, "POST", "/fhir/R4/Subscription", &elsewhere).expect(422);
        send(&service, "POST", "/fhir/R4/Subscription", &json!({"resourceType": "Patient"})).expect(422);
        // What is a webhook is no Subscription.
        let webhook = json!({"url": "https://example.org/", "topics": ["block-recorded"]});
        let webhook = service.post("/v1/subscriptions", &webhook).expect(201);
        service.get(&path(&webhook)).expect(404);
    }

    fn the_capability_statement_names_the_topics(test: &TestDatabase) {
        let service = Service::at(test, NOW);
        let statement = service.get("/fhir/R4/metadata").expect(200);
        let resources = statement["rest"][0]["resource"].as_array().unwrap();
        let found = resources.iter().find(|one| one["type"] == "Subscription").unwrap();
        let topics: Vec<&str> = found["extension"].as_array().unwrap().iter()
            .map(|one| one["valueCanonical"].as_str().unwrap().rsplit(':').next().unwrap())
            .collect();
        assert_eq!(topics, ["candidate-flagged", "verdict-changed", "diary-overdue", "block-recorded"]);
    }
}
