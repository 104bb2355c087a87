//! Signed webhooks: what is sent, when again, and what becomes of an endpoint that does not take it.

use super::hook::Hook;
use super::{block, tell};
use crate::cases::cases;
use crate::concurrency::at_once;
use crate::service::{Answer, Service, id};
use crate::support::databases::{TestDatabase, on_each_database};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::TimeDelta;
use hmac::{Hmac, KeyInit, Mac};
use medial::auth::Role;
use serde_json::{Value, json};
use sha2::Sha256;
use std::collections::BTreeSet;

const NOW: &str = "2025-10-06T15:00:00Z";

fn subscribe(service: &Service, url: &str, topics: &[&str]) -> Value {
    let body = json!({"url": url, "topics": topics});
    service.post("/v1/subscriptions", &body).expect(201)
}

fn deliveries(service: &Service, subscription: &Value, state: &str) -> Vec<Value> {
    let path = format!("/v1/subscriptions/{}/deliveries{state}", id(subscription));
    let page = service.get(&path).expect(200);
    page["items"].as_array().unwrap().clone()
}

fn read(service: &Service, subscription: &Value) -> Value {
    let path = format!("/v1/subscriptions/{}", id(subscription));
    service.get(&path).expect(200)
}

fn post(service: &Service, subscription: &Value, rest: &str) -> Answer {
    let path = format!("/v1/subscriptions/{}/{rest}", id(subscription));
    service.ask("POST", &path).send()
}

fn signature(secret: &str, signed: &str) -> String {
    let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap());
    let mut mac = Hmac::<Sha256>::new_from_slice(&key.unwrap()).unwrap();
    mac.update(signed.as_bytes());
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

on_each_database! {
    fn a_webhook_is_told_by_ids_alone_and_can_check_the_signature(test: &TestDatabase) {
        let service = Service::at(test, NOW);
        let hook = Hook::answering(204);
        let made = subscribe(&service, &hook.url(), &["block-recorded"]);
        let recorded = service.post("/v1/blocks", &block(1)).expect(201);
        assert_eq!(tell(&service), 1);
        let received = hook.take();
        let [told] = received.as_slice() else { panic!("{received:?}") };
        let signed = format!("{}.{}.{}", told.header("webhook-id"), told.header("webhook-timestamp"), told.body);
        assert_eq!(told.header("webhook-signature"), signature(made["secret"].as_str().unwrap(), &signed));
        assert_eq!(told.header("webhook-timestamp"), service.now().timestamp().to_string());
        assert_eq!(told.header("content-type"), "application/json");
        assert_eq!(told.path, "/told");
        assert_eq!(told.json(), json!({
            "type": "block-recorded", "timestamp": "2025-10-06T15:00:00Z",
            "data": {
                "subscription_id": made["id"], "number": 1, "patient_id": recorded["patient_id"],
                "episode_id": recorded["episode_id"], "block_id": recorded["id"],
            },
        }));
        assert_eq!(tell(&service), 0, "it was told");
        let after = read(&service, &made);
        assert_eq!((&after["events"], &after["status"]), (&json!(1), &json!("active")));
        assert!(after.get("secret").is_none(), "the secret is shown once");
        let told = deliveries(&service, &made, "");
        assert_eq!((&told[0]["state"], &told[0]["attempts"]), (&json!("delivered"), &json!(1)));
    }

    fn candidates_and_changed_verdicts_are_told_by_the_profile_asked_for(test: &TestDatabase) {
        let (_, case) = cases().into_iter().find(|(name, _)| name == "two-positive-blocks").unwrap();
        let service = Service::at(test, &format!("{}T12:00:00Z", case["as_of"].as_str().unwrap()));
        let hook = Hook::answering(200);
        let body = json!({"url": hook.url(), "topics": ["candidate-flagged", "verdict-changed"], "profile": "medicare-lcd"});
        service.post("/v1/subscriptions", &body).expect(201);
        let mut episode = None;
        for block in case["blocks"].as_array().unwrap() {
            let mut block = block.clone();
            match &episode {
                None => {
                    block["patient"] = json!({"identifiers": [{"system": "urn:example:mrn", "value": "1"}]});
                    block["episode"] = case["episode"].clone();
                }
                Some(episode) => block["episode_id"] = json!(episode),
            }
            let recorded = service.post("/v1/blocks", &block).expect(201);
            episode = recorded["episode_id"].as_str().map(str::to_owned);
        }
        tell(&service);
        let path = format!("/v1/episodes/{}/determinations?profiles=medicare-lcd", episode.unwrap());
        let said = service.get(&path).expect(200);
        let candidates: BTreeSet<String> = said["determinations"].as_array().unwrap().iter()
            .filter(|one| one["next_step"] == "refer_for_ablation")
            .map(|one| format!("{} {}", one["joint"], one["side"]))
            .collect();
        assert!(!candidates.is_empty());
        let mut flagged = BTreeSet::new();
        let mut changed = 0;
        for (place, told) in hook.take().iter().map(crate::subscriptions::hook::Received::json).enumerate() {
            let of = &told["data"];
            assert_eq!(of["number"], place + 1, "numbers have no gap");
            assert_eq!(of["profile"], "medicare-lcd");
            if told["type"] == "candidate-flagged" {
                assert!(flagged.insert(format!("{} {}", of["joint"], of["side"])), "flagged once: {told}");
            } else {
                changed += 1;
            }
        }
        assert_eq!(flagged, candidates);
        assert!(changed > 0);
    }

    fn what_was_not_taken_is_tried_again_under_the_same_id(test: &TestDatabase) {
        let service = Service::at(test, NOW);
        let hook = Hook::answering(500);
        let made = subscribe(&service, &hook.url(), &["block-recorded"]);
        service.post("/v1/blocks", &block(1)).expect(201);
        assert_eq!(tell(&service), 1);
        let waits = deliveries(&service, &made, "?state=waiting");
        assert_eq!((&waits[0]["failure"], &waits[0]["attempts"]), (&json!("it answered 500"), &json!(1)));
        // What happens meanwhile does not wake an endpoint that rests.
        service.post("/v1/blocks", &block(2)).expect(201);
        service.clock.forward(TimeDelta::seconds(4));
        assert_eq!(tell(&service), 0, "not before its time");
        hook.answer(302);
        service.clock.forward(TimeDelta::seconds(2));
        assert_eq!(tell(&service), 1, "a redirect is not followed and takes nothing");
        hook.answer(200);
        service.clock.forward(TimeDelta::seconds(70));
        // After a restart.
        let service = Service::at(test, &service.now().to_rfc3339());
        assert_eq!(tell(&service), 2);
        let received = hook.take();
        let told: Vec<(Value, &str)> = received.iter()
            .map(|one| (one.json()["data"]["number"].clone(), one.header("webhook-id")))
            .collect();
        let numbers: Vec<&Value> = told.iter().map(|(number, _)| number).collect();
        assert_eq!(numbers, [1, 1, 1, 2]);
        assert_eq!(told[0].1, told[2].1);
        assert_ne!(told[2].1, told[3].1);
        let times: BTreeSet<&str> = received.iter().map(|one| one.header("webhook-timestamp")).collect();
        assert_eq!(times.len(), 3, "each attempt is signed anew");
        assert_eq!(read(&service, &made)["failures"], 0);
    }

    fn what_is_given_up_is_seen_and_can_be_tried_again(test: &TestDatabase) {
        let service = Service::at(test, NOW);
        let hook = Hook::answering(503);
        let made = subscribe(&service, &hook.url(), &["block-recorded"]);
        service.post("/v1/blocks", &block(1)).expect(201);
        let begun = service.now();
        while read(&service, &made)["status"] == "active" {
            tell(&service);
            service.clock.forward(TimeDelta::minutes(30));
            assert!(service.now() - begun < TimeDelta::hours(60), "it is never given up");
        }
        assert_eq!(hook.take().len(), 9);
        assert_eq!(read(&service, &made)["reason"], "failing");
        let dead = deliveries(&service, &made, "?state=dead");
        assert_eq!((&dead[0]["failure"], &dead[0]["attempts"]), (&json!("it answered 503"), &json!(9)));
        // Nothing is kept for one that is disabled.
        service.post("/v1/blocks", &block(2)).expect(201);
        assert_eq!(tell(&service), 0);
        assert_eq!(post(&service, &made, "deliveries/1/retry").expect(409)["code"], "subscription_disabled");
        assert_eq!(post(&service, &made, "enable").expect(200)["status"], "active");
        assert_eq!(post(&service, &made, "deliveries/1/retry").expect(200)["state"], "waiting");
        post(&service, &made, "deliveries/2/retry").expect(404);
        post(&service, &made, "deliveries/x/retry").expect(404);
        hook.answer(200);
        assert_eq!(tell(&service), 1);
        let told = hook.take();
        assert_eq!(json!(told[0].header("webhook-id")), dead[0]["webhook_id"]);
        assert_eq!(post(&service, &made, "deliveries/1/retry").expect(409)["code"], "not_given_up");
        service.clock.forward(TimeDelta::days(31));
        assert_eq!(service.app.forget_old_deliveries().unwrap(), 1);
        assert_eq!(deliveries(&service, &made, ""), Vec::<Value>::new());
    }

    fn an_endpoint_that_is_gone_is_told_no_more(test: &TestDatabase) {
        let service = Service::at(test, NOW);
        let hook = Hook::answering(410);
        let made = subscribe(&service, &hook.url(), &["block-recorded"]);
        for number in 1..=3 {
            service.post("/v1/blocks", &block(number)).expect(201);
        }
        assert_eq!(tell(&service), 1);
        let after = read(&service, &made);
        assert_eq!((&after["status"], &after["reason"]), (&json!("disabled"), &json!("gone")));
        assert_eq!(deliveries(&service, &made, "?state=dead").len(), 3);
        let metrics = service.ask("GET", "/metrics").send();
        assert!(metrics.text().contains("medial_notifications_total{outcome=\"dead\"} 3"), "{}", metrics.text());
        service.clock.forward(TimeDelta::days(1));
        assert_eq!(tell(&service), 0);
    }

    fn an_endpoint_that_never_answers_keeps_nobody_waiting(test: &TestDatabase) {
        let service = Service::at(test, NOW);
        let (silent, good) = (Hook::answering(0), Hook::answering(200));
        let never = subscribe(&service, &silent.url(), &["block-recorded"]);
        service.post("/v1/blocks", &block(1)).expect(201);
        service.app.hand_out_events_while(|| true).unwrap();
        std::thread::scope(|scope| {
            let app = &service.app;
            let held = scope.spawn(|| medial::jobs::subscriptions::tell(app, false, &|| true).unwrap());
            silent.wait_for(1);
            // While somebody waits for it, others are told, and the service answers.
            subscribe(&service, &good.url(), &["block-recorded"]);
            service.post("/v1/blocks", &block(2)).expect(201);
            assert_eq!(tell(&service), 1);
            assert_eq!(good.take().len(), 1);
            assert_eq!(silent.received().len(), 1, "nobody else is at it");
            silent.hang_up();
            assert_eq!(held.join().unwrap(), 1);
        });
        assert_eq!(read(&service, &never)["failures"], 1);
        // Whoever stays away from what failed lately does not meet it again.
        service.clock.forward(TimeDelta::minutes(5));
        let sound = medial::jobs::subscriptions::tell(&service.app, true, &|| true).unwrap();
        assert_eq!((sound, silent.received().len()), (0, 1));
    }

    fn nothing_is_sent_into_the_network_of_the_service(test: &TestDatabase) {
        let service = Service::telling_only_the_public(test, NOW);
        let hook = Hook::answering(200);
        let refused = |body: Value| service.post("/v1/subscriptions", &body).refused(422);
        let wrong = |url: &str| refused(json!({"url": url, "topics": ["block-recorded"]}));
        let at = |code: &str| vec![("/url".to_owned(), code.to_owned())];
        assert_eq!(wrong(&hook.url()), at("https_required"));
        assert_eq!(wrong("https://127.0.0.1/"), at("private_address"));
        assert_eq!(wrong("https://[::ffff:169.254.169.254]/"), at("private_address"));
        assert_eq!(wrong("https://localhost/"), at("private_address"));
        // What a name stands for is seen when it is looked up: this is 127.0.0.1.
        let port = hook.url().rsplit(':').next().unwrap().to_owned();
        let made = subscribe(&service, &format!("https://2130706433:{port}"), &["block-recorded"]);
        service.post("/v1/blocks", &block(1)).expect(201);
        assert_eq!(tell(&service), 1);
        let waits = deliveries(&service, &made, "?state=waiting");
        assert_eq!(waits[0]["failure"], "its name stands for an address that is not of the public internet");
        assert_eq!(hook.received().len(), 0);
    }

    fn several_who_tell_never_tell_the_same_at_once(test: &TestDatabase) {
        let service = Service::at(test, NOW);
        let hooks: Vec<Hook> = (0..3).map(|_| Hook::answering(200)).collect();
        for hook in &hooks {
            subscribe(&service, &hook.url(), &["block-recorded"]);
        }
        for number in 1..=6 {
            service.post("/v1/blocks", &block(number)).expect(201);
        }
        let told: usize = at_once(4, |_| {
            service.app.hand_out_events_while(|| true).unwrap();
            medial::jobs::subscriptions::tell(&service.app, false, &|| true).unwrap()
        }).into_iter().sum();
        // Some may have looked before everything was handed out.
        let rest = tell(&service);
        assert_eq!(told + rest, 18);
        for hook in &hooks {
            let numbers: Vec<Value> = hook.take().iter().map(|one| one.json()["data"]["number"].clone()).collect();
            assert_eq!(numbers, [1, 2, 3, 4, 5, 6]);
        }
    }

    fn what_was_under_way_in_a_crash_is_told_after_it(test: &TestDatabase) {
        let service = Service::at(test, NOW);
        let hook = Hook::answering(200);
        subscribe(&service, &hook.url(), &["block-recorded"]);
        service.post("/v1/blocks", &block(1)).expect(201);
        service.app.hand_out_events_while(|| true).unwrap();
        let turn = service.app.take_turn(false).unwrap().unwrap();
        let (_, notice) = service.app.next_notice(&turn).unwrap().unwrap();
        let service = Service::at(test, NOW);
        service.clock.forward(TimeDelta::seconds(59));
        assert_eq!(tell(&service), 0, "it may still be under way");
        service.clock.forward(TimeDelta::seconds(2));
        assert_eq!(tell(&service), 1);
        // Whoever lost the turn changes nothing any more.
        let late = medial::app::subscriptions::Told::Failed("late".to_owned());
        assert!(!service.app.note_told(&turn, &notice, &late).unwrap());
        service.app.end_turn(&turn).unwrap();
        let list = service.get("/v1/subscriptions").expect(200);
        assert_eq!(list["items"][0]["failures"], 0);
    }

    fn an_overdue_diary_is_told_of_once(test: &TestDatabase) {
        let service = Service::at(test, "2025-10-01T14:05:00Z");
        let hook = Hook::answering(200);
        subscribe(&service, &hook.url(), &["diary-overdue"]);
        let late = service.post("/v1/blocks", &block(1)).expect(201);
        let answered = service.post("/v1/blocks", &block(2)).expect(201);
        let without_link = service.post("/v1/blocks", &block(3)).expect(201);
        for block in [&late, &answered] {
            let path = format!("/v1/blocks/{}/diary-link", id(block));
            service.post(&path, &json!({})).expect(201);
        }
        service.clock.forward(TimeDelta::minutes(89));
        assert_eq!(service.app.note_overdue_diaries().unwrap(), 0);
        let score = json!({"taken_at": "2025-10-01T10:00:00-05:00", "scale": "nrs", "value": 2});
        service.post(&format!("/v1/blocks/{}/scores", id(&answered)), &score).expect(201);
        service.clock.forward(TimeDelta::minutes(2));
        assert_eq!(service.app.note_overdue_diaries().unwrap(), 1);
        assert_eq!(service.app.note_overdue_diaries().unwrap(), 0);
        assert_eq!(tell(&service), 1);
        let told = hook.take()[0].json();
        assert_eq!(told["type"], "diary-overdue");
        assert_eq!(told["data"]["block_id"], late["id"]);
        assert_ne!(told["data"]["block_id"], without_link["id"]);
    }

    fn everything_wrong_with_a_webhook_is_told_at_once(test: &TestDatabase) {
        let service = Service::telling_only_the_public(test, NOW);
        let body = json!({"url": 7, "topics": ["weather", "block-recorded"], "colour": "red", "patient_id": "x"});
        let mut errors = service.post("/v1/subscriptions", &body).refused(422);
        errors.sort();
        let expected = [("/colour", "unknown_field"), ("/patient_id", "invalid_id"), ("/topics/0", "unknown_value"), ("/url", "wrong_type")];
        let expected: Vec<_> = expected.map(|(at, code)| (at.to_owned(), code.to_owned())).to_vec();
        assert_eq!(errors, expected);
        let body = json!({
            "url": "http://example.org/", "topics": ["block-recorded"], "profile": "nobodys",
            "patient_id": "01890a5d-ac96-774b-bcce-b302099a8057",
        });
        let codes: Vec<String> = service.post("/v1/subscriptions", &body).refused(422).into_iter().map(|(at, code)| format!("{at} {code}")).collect();
        assert_eq!(codes, ["/url https_required", "/profile not_found", "/profile not_applicable", "/patient_id not_found"]);
        let none = json!({"url": "https://example.org/", "topics": []});
        assert_eq!(service.post("/v1/subscriptions", &none).refused(422)[0].0, "/topics");
    }

    fn who_may_not_read_something_is_not_told_of_it_and_all_of_it_is_in_the_trail(test: &TestDatabase) {
        let service = Service::at(test, NOW);
        let hook = Hook::answering(200);
        let body = json!({"url": hook.url(), "topics": ["block-recorded"]});
        let make = |token: &str| service.ask("POST", "/v1/subscriptions").bearer(token).json(&body).send();
        make(&service.token(Role::Clinician)).expect(403);
        let narrow = service.token_of(Role::EhrSystem, "north", Some("system/Subscription.cruds system/GuidanceResponse.rs"));
        make(&narrow).expect(403);
        let fitting = service.token_of(Role::EhrSystem, "north", Some("system/Subscription.cruds system/Procedure.rs"));
        let made = make(&fitting).expect(201);
        // What happens to others is nothing to them.
        let strangers = service.token_of(Role::EhrSystem, "south", None);
        let theirs = service.ask("POST", "/v1/blocks").bearer(&strangers).json(&block(7)).send();
        theirs.expect(201);
        let own = service.post("/v1/blocks", &block(1)).expect(201);
        assert_eq!(tell(&service), 1);
        assert_eq!(hook.take()[0].json()["data"]["patient_id"], own["patient_id"]);
        service.ask("DELETE", &format!("/v1/subscriptions/{}", id(&made))).send().expect(204);
        service.get(&format!("/v1/subscriptions/{}", id(&made))).expect(404);
        service.app.write_down_reads().unwrap();
        let trail = service.ask("GET", "/v1/audit?limit=100").bearer(&service.token(Role::Auditor)).send().expect(200);
        let of_kind = |kind: &str| -> Vec<String> {
            trail["items"].as_array().unwrap().iter()
                .filter(|entry| entry["resource_kind"] == kind)
                .map(|entry| format!("{} {}", entry["action"].as_str().unwrap(), entry["principal"].as_str().unwrap()))
                .collect()
        };
        assert_eq!(of_kind("subscription").last().unwrap(), "make_subscription ehr_system-1");
        assert!(of_kind("subscription").contains(&"delete_subscription ehr_system-1".to_owned()));
        assert_eq!(of_kind("delivery"), ["read_block ehr_system-1"]);
        assert!(!trail.to_string().contains("127.0.0.1"), "an address may carry a secret");
    }

    fn where_nobody_waits_nothing_is_written(test: &TestDatabase) {
        let service = Service::at(test, NOW);
        let hook = Hook::answering(200);
        let events = || test.raw().lines("SELECT topic AS line FROM subscription_events ORDER BY id");
        service.post("/v1/blocks", &block(1)).expect(201);
        assert_eq!(events(), Vec::<String>::new());
        let made = subscribe(&service, &hook.url(), &["verdict-changed"]);
        service.post("/v1/blocks", &block(2)).expect(201);
        assert_eq!(events(), Vec::<String>::new());
        subscribe(&service, &hook.url(), &["block-recorded"]);
        service.post("/v1/blocks", &block(3)).expect(201);
        assert_eq!(events(), ["block-recorded"]);
        // What is refused as a whole tells nothing.
        let mut wrong = block(4);
        wrong["joints"] = json!(["C2-3"]);
        service.post("/v1/blocks", &wrong).expect(422);
        assert_eq!(events().len(), 1);
        service.ask("DELETE", &format!("/v1/subscriptions/{}", id(&made))).send().expect(204);
        assert_eq!(tell(&service), 1);
        assert_eq!(events(), Vec::<String>::new());
    }

    fn a_client_that_is_disabled_is_told_no_more(test: &TestDatabase) {
        let service = Service::at(test, NOW);
        let hook = Hook::answering(200);
        let client = medial::app::clients::NewClient {
            organization: "north".to_owned(),
            id: "ehr_system-1".to_owned(),
            name: "EHR".to_owned(),
            role: Role::EhrSystem,
            scopes: vec![medial::auth::Scope::parse("system/*.cruds").unwrap()],
            keys: medial::app::KeysOfClient::Document(include_str!("../../fixtures/keys/jwks-client.json").to_owned()),
        };
        service.app.add_client(&client).unwrap();
        let made = subscribe(&service, &hook.url(), &["block-recorded"]);
        service.post("/v1/blocks", &block(1)).expect(201);
        service.app.set_client_enabled("ehr_system-1", false).unwrap();
        assert_eq!(tell(&service), 0);
        assert_eq!(read(&service, &made)["reason"], "client_disabled");
    }
}
