//! Somebody who subscribed is told by the running service, and what was not taken before it was killed is told after it.

use super::hook::Hook;
use super::{Place, Service};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

fn post(service: &Service, token: &str, path: &str, body: &Value) -> Value {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .build()
        .into();
    let url = format!("http://{}{path}", service.address);
    let mut answer = agent
        .post(url)
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", "application/json")
        .send(body.to_string())
        .unwrap();
    let text = answer.body_mut().read_to_string().unwrap();
    assert_eq!(answer.status().as_u16(), 201, "{text}");
    serde_json::from_str(&text).unwrap()
}

/// What is due is told within seconds.
const SOON: Duration = Duration::from_secs(30);
/// Who is killed after it told and before it wrote down what was answered keeps the turn for a minute.
const AFTER_A_KILL: Duration = Duration::from_secs(100);

fn wait_for(hook: &Hook, count: usize, patience: Duration) {
    let begun = Instant::now();
    while hook.received().len() < count {
        assert!(begun.elapsed() < patience, "nothing was told");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn what_was_not_taken_before_a_kill_is_told_after_it() {
    let place = Place::new();
    let token = place
        .run(&["token", "--role", "ehr_system"])
        .ends_with(0)
        .out;
    let token = token.trim_end();
    let arguments = ["--subscriptions-allow-private-addresses"];
    let hook = Hook::answering(500);
    let service = Service::start(&place, &arguments);
    let subscription = json!({"url": hook.url(), "topics": ["block-recorded"]});
    post(&service, token, "/v1/subscriptions", &subscription);
    let block = json!({
        "patient": {"identifiers": [{"system": "urn:example:mrn", "value": "1"}]}, "episode": {"region": "lumbar"},
        "performed_at": "2025-10-01T09:00:00-05:00", "kind": "diagnostic", "technique": "medial_branch",
        "joints": ["L4-5"], "side": "left",
    });
    let block = post(&service, token, "/v1/blocks", &block);
    wait_for(&hook, 1, SOON);
    let (_, log) = service.stop("-KILL");
    assert!(
        !log.contains("/told"),
        "an address may carry a secret: {log}"
    );

    hook.answer(200);
    let told = hook.received().len();
    let service = Service::start(&place, &arguments);
    wait_for(&hook, told + 1, AFTER_A_KILL);
    let received = hook.received();
    let (first, last) = (&received[0], &received[told]);
    assert_eq!(last.json()["data"]["block_id"], block["id"]);
    assert_eq!(first.header("webhook-id"), last.header("webhook-id"));
    assert_eq!(service.stop("-TERM").0, Some(0));
    assert_eq!(hook.received().len(), told + 1, "it was taken");
}
