//! The diary on a phone, with and without a network.

use crate::driver::{Browser, Screen};
use crate::service::Service;
use chrono::{TimeDelta, Utc};
use serde_json::{Value, json};

/// A block of an hour ago; its id.
fn block(service: &Service) -> String {
    let patient = service.record_patient("Nobody-Sees-This");
    let episode = json!({"patient_id": patient["id"], "region": "lumbar"});
    let episode = service.post("/v1/episodes", &episode);
    #[expect(
        clippy::disallowed_methods,
        reason = "the program that is tested runs by the machine's clock"
    )]
    let injected = Utc::now() - TimeDelta::minutes(61);
    let at = |minutes| (injected + TimeDelta::minutes(minutes)).to_rfc3339();
    let block = json!({
        "episode_id": episode["id"], "performed_at": at(0), "kind": "diagnostic", "technique": "medial_branch",
        "joints": ["L4-5"], "side": "right", "agent": "lidocaine",
        "scores": [{"taken_at": at(-10), "scale": "nrs", "value": 8, "context": "movement"}],
    });
    let recorded = service.post("/v1/blocks", &block);
    recorded["id"].as_str().unwrap().to_owned()
}

fn link(service: &Service, block: &str) -> Value {
    service.post_as(
        "clinician",
        &format!("/v1/blocks/{block}/diary-link"),
        &json!({}),
    )
}

/// The path of a link, wherever it is to be reached from outside.
fn path(link: &Value) -> String {
    let url = link["url"].as_str().unwrap();
    url[url.find("/d/").unwrap()..].to_owned()
}

fn scores(service: &Service, block: &str) -> usize {
    let block = service.get(&format!("/v1/blocks/{block}"));
    block["scores"].as_array().unwrap().len()
}

/// Answers what the page asks.
fn answer(browser: &Browser, pain: &str) {
    browser.until("the form is open", || {
        if browser.has("button", "Change") || browser.has("button", "Answer") {
            let script = "document.querySelector('#anyway:not([hidden])')?.click()";
            browser.run(script, &[]);
        }
        browser.run(
            "return document.querySelector('#answer').getClientRects().length > 0",
            &[],
        ) == json!(true)
    });
    let choose = "for (const [name, value] of [['pain_right', arguments[0]], ['medicine', 'no']]) { \
        const it = document.querySelector(`[name=${name}][value='${value}']`); it?.labels[0].click(); }";
    browser.run(choose, &[json!(pain)]);
    browser.run(
        "document.querySelector('#answer button[type=submit]').click()",
        &[],
    );
}

#[test]
fn answers_without_a_network_are_sent_later_and_once() {
    let mut service = Service::start();
    let block = block(&service);
    let path = path(&link(&service, &block));
    let before = scores(&service, &block);
    let browser = Browser::at(&service, Screen::Phone);
    browser.open(&path);
    browser.screenshot("diary");
    browser.is_accessible("the diary");
    assert!(!browser.text().contains("Nobody-Sees-This"));
    browser.until("the diary is kept on the phone", || {
        let ready = "return navigator.serviceWorker.controller !== null";
        browser.run(ready, &[]) == json!(true)
    });
    answer(&browser, "2");
    let stored = |wanted: usize| scores(&service, &block) == before + wanted;
    browser.until("the first answer is stored", || stored(1));
    browser.screenshot("diary-answered");

    service.stop();
    browser.open(&path);
    answer(&browser, "3");
    browser.until("the answer waits", || {
        browser.run("return !document.querySelector('#waiting').hidden", &[]) == json!(true)
    });
    browser.screenshot("diary-offline");
    browser.is_accessible("the diary without a network");

    service.start_again();
    browser.open(&path);
    browser.until("the second answer is stored", || {
        scores(&service, &block) >= before + 2
    });
    browser.open(&path);
    browser.until("nothing waits", || {
        browser.run("return document.querySelector('#waiting').hidden", &[]) == json!(true)
    });
    assert_eq!(
        scores(&service, &block),
        before + 2,
        "nothing is stored twice"
    );
    assert!(browser.foreign_requests().is_empty());
}

#[test]
fn a_link_that_does_not_work_says_what_to_do() {
    let service = Service::start();
    let browser = Browser::at(&service, Screen::Phone);
    browser.open("/d/no-such-link");
    browser.screenshot("diary-gone");
    browser.is_accessible("a link that does not work");
    browser.was_calm_but(&["/d/no-such-link"]);
}
