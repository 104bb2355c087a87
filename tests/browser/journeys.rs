//! What people come for, from the first page to the last.

use crate::driver::{Browser, Screen};
use crate::service::Service;
use serde_json::{Value, json};

/// The worked example of two blocks that meet the criteria, as an EHR sends it; its patient.
fn recorded_case(service: &Service, family: &str) -> Value {
    let case: Value =
        serde_json::from_str(include_str!("../fixtures/cases/ten-to-two.json")).unwrap();
    let patient = service.record_patient(family);
    let mut episode = case["episode"].clone();
    episode["patient_id"] = patient["id"].clone();
    let episode = service.post("/v1/episodes", &episode);
    for block in case["blocks"].as_array().unwrap() {
        let mut block = block.clone();
        block["episode_id"] = episode["id"].clone();
        service.post("/v1/blocks", &block);
    }
    patient
}

#[test]
fn a_session_that_ended_leads_to_the_sign_in_and_back() {
    let service = Service::start();
    let patient = service.record_patient("Example");
    let browser = Browser::at(&service, Screen::Desktop);
    let page = format!("/patients/{}", patient["id"].as_str().unwrap());
    browser.open(&page);
    browser.sees("Password");
    browser.sign_in("ada");
    assert_eq!(browser.path(), page);
    browser.sees("Example");

    browser.forget();
    browser.open("/profiles");
    browser.sign_in("ada");
    assert_eq!(browser.path(), "/profiles");
    browser.click("button", "Sign out");
    browser.sees("Password");
    browser.open(&page);
    browser.sees("Password");

    browser.fill("Name", "ada");
    browser.fill("Password", "not it");
    browser.click("button", "Sign in");
    browser.until("the name is kept", || browser.value("Name") == "ada");
    browser.is_accessible("a sign-in that failed");
    browser.was_calm_but(&["/sign-in"]);
}

#[test]
fn html_in_a_field_is_shown_as_text() {
    let service = Service::start();
    let family = "<b id=injected>Example</b><script>document.title='x'</script>";
    let patient = recorded_case(&service, family);
    let browser = Browser::at(&service, Screen::Desktop);
    browser.open("/?profile=medicare-lcd&since=");
    browser.sign_in("ada");
    let page = format!("/patients/{}", patient["id"].as_str().unwrap());
    for path in ["/", page.as_str(), &format!("{page}/edit")] {
        browser.open(path);
        let there = browser.run("return document.getElementById('injected') !== null", &[]);
        assert_eq!(there, json!(false), "{path}");
    }
    browser.open(&page);
    browser.sees("<b id=injected>");
    browser.was_calm();
}

#[test]
fn a_candidate_is_found_read_decided_about_and_taken_back() {
    let service = Service::start();
    recorded_case(&service, "Sample");
    let browser = Browser::at(&service, Screen::Desktop);
    browser.open("/");
    browser.sign_in("ada");
    browser.open("/?q=Sample&profile=medicare-lcd");
    browser.sees("Sample");
    browser.click("link", "Sample");
    browser.sees("What ");
    browser.sees("L4-5");
    browser.click("button", "Relief");
    browser.until("the reason is shown", || {
        let shown = browser.run(
            "return document.querySelector(':popover-open')?.innerText ?? ''",
            &[],
        );
        shown.as_str().unwrap().contains('%')
    });
    browser.screenshot("why");

    browser.open("/?q=Sample&profile=medicare-lcd");
    browser.click("button", "Decide about Sample");
    browser.click("field", "Referred for ablation");
    browser.fill("Note", "Asked by <i>telephone</i>");
    browser.screenshot("deciding");
    browser.click("button", "Record the decision");
    browser.until("the list says so", || browser.has("button", "Undo"));
    browser.screenshot("decided");
    browser.click("button", "Undo");
    browser.until("the candidate is back", || {
        browser.has("button", "Decide about Sample")
    });
    browser.was_calm();
}
