//! From the sign-in to the decision and the paper, by mouse and keyboard alone.

use crate::driver::{Browser, Screen};
use crate::paper;
use crate::service::Service;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use thirtyfour::Key;

/// So many days ago.
fn ago(days: i64) -> DateTime<Utc> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the program that is tested runs by the machine's clock"
    )]
    let now = Utc::now();
    now - TimeDelta::days(days)
}

/// A day as it is typed into a field of the browser.
fn typed(day: DateTime<Utc>) -> String {
    day.format("%m%d%Y").to_string()
}

/// Fills in what is of one injection, and the scores down the grid: Enter goes on to the next time.
fn fill_in(browser: &Browser, day: DateTime<Utc>, scores: &[&str]) {
    browser.click("field", "left L4-5");
    browser.fill("Day and time", "");
    browser.press(typed(day) + Key::Tab + "1000AM");
    browser.fill("Kind", "diagnostic");
    browser.fill("Technique", "medial");
    browser.click("field", "Score before");
    for score in scores {
        browser.press((*score).to_owned() + Key::Enter);
    }
    assert_eq!(browser.value("Score before"), scores[0]);
}

/// Records a patient with the first block, all in one form.
fn record_patient_and_first_block(browser: &Browser) {
    browser.click("link", "Record");
    browser.fill("Issued by", "urn:example:synthetic");
    browser.fill("Number", "BY-HAND-1");
    browser.fill("Family name", "Byhand");
    browser.fill("Given name", "Robin");
    browser.fill("Date of birth", "04021961");
    browser.fill("Sex", "female");
    browser.fill("Anesthetic", "lidocaine");
    browser.fill("Concentration", "2");
    browser.fill("Volume per nerve", "0.5");
    browser.fill("Image guidance", "fluoroscopy");
    browser.fill("Sedation", "none");
    browser.choose("Corticosteroid added", "no");
    browser.fill("Operator", "Dr Example");
    fill_in(browser, ago(40), &["8", "1", "1", "1", "1", "1", "7"]);
    browser.click("button", "The pain that it was for");
    browser.fill("Region", "lumbar");
    browser.fill("Began on", &typed(ago(400)));
    browser.fill("Radiculopathy", "none");
    browser.choose("Predominantly axial", "yes");
    browser.choose("Other causes ruled out", "yes");
    browser.fill("What was tried", "physical_therapy");
    browser.fill("First day", &typed(ago(300)));
    browser.fill("Last day", &typed(ago(150)));
    browser.fill("Outcome", "failed");
    browser.fill("Instrument", "ODI");
    browser.fill("Score, row 1", "42");
    browser.fill("Out of", "100");
    browser.fill("Taken on", &typed(ago(45)));
    browser.screenshot("first-block-filled-in");
}

#[test]
fn both_blocks_are_recorded_by_hand_and_the_candidate_is_decided_about_and_printed() {
    let service = Service::start();
    service.add_user("grace", "clinician");
    // Somebody else looks at the list all the while.
    let watching = Browser::at(&service, Screen::Desktop);
    watching.open("/?profile=medicare-lcd");
    watching.sign_in("grace");
    watching.sees("Nobody is waiting here");
    watching.run("window.untouched = true", &[]);

    let browser = Browser::at(&service, Screen::Desktop);
    browser.open("/");
    browser.sign_in("ada");
    record_patient_and_first_block(&browser);
    // One thing is left out: the form comes back with everything in it and the cursor at what is to be put right.
    browser.fill("Kind", "choose");
    browser.click("button", "Record the block");
    browser.sees("One thing is to be put right");
    assert_eq!(browser.value("Family name"), "Byhand");
    assert_eq!(browser.value("Score 1 h"), "1");
    browser.is_accessible("a form with an error");
    browser.screenshot("form-with-an-error");
    browser.click("link", "Kind");
    browser.press("diagnostic");
    browser.click("button", "Record the block");
    browser.sees("Byhand, Robin");
    browser.sees("Next step: confirmatory block");

    browser.click("link", "Record a block");
    browser.sees("Which pain was it for?");
    assert_eq!(browser.value("Anesthetic"), "lidocaine", "as last time");
    assert_eq!(browser.value("Operator"), "Dr Example");
    fill_in(&browser, ago(20), &["8", "1", "0", "0", "1", "1", "8"]);
    browser.screenshot("second-block-filled-in");
    browser.click("button", "Record the block");
    browser.sees("Both blocks");
    browser.click("button", "Number of blocks");
    let shown = "return document.querySelector(':popover-open')?.innerText ?? ''";
    browser.until("the reason is shown", || {
        let shown = browser.run(shown, &[]);
        shown.as_str().unwrap().contains("2 counted")
    });
    browser.screenshot("both-blocks-recorded");

    watching.sees("Byhand, Robin");
    let untouched = watching.run("return window.untouched === true", &[]);
    assert_eq!(untouched, json!(true), "the page was not loaded anew");
    decide_and_undo(&watching);
    watching.was_calm();

    print(&service, &browser);
    browser.was_calm_but(&["/blocks/new"]);
}

fn decide_and_undo(browser: &Browser) {
    browser.click("button", "Decide about Byhand");
    browser.click("field", "Referred for ablation");
    browser.is_accessible("deciding");
    browser.click("button", "Record the decision");
    browser.sees("Byhand, Robin: referred by grace");
    browser.sees("Nobody is waiting here");
    browser.click("button", "Undo");
    browser.until("the candidate is back", || {
        browser.has("button", "Decide about Byhand")
    });
}

/// The summary, as the service sets it and as the browser prints its page: the same to read.
fn print(service: &Service, browser: &Browser) {
    browser.press(Key::Escape + "");
    let patient = browser.path();
    browser.click("link", "PDF");
    let set = paper::text_of(&browser.downloaded("evidence.pdf"));
    browser.open(&patient);
    browser.click("link", "Summary for the payer");
    browser.sees("Who recorded what");
    browser.is_accessible("the summary");
    let printed = paper::text_of(&browser.print());
    let told = service.get(&format!("/v1{}", browser.path()));
    let hash = told["records_sha256"].as_str().unwrap();
    for text in [set, printed] {
        let expected = [
            "Evidence summary",
            "Byhand, Robin",
            "BY-HAND-1",
            "physical therapy",
            "42 of 100",
            "NRS 8/10",
            "87.5 %",
            "Number of blocks: 2 counted diagnostic blocks",
            "relief of at least 80 % for 1 h 45 min to 3 h",
            "medicare-lcd",
            "64493",
            "KX, LT",
            "M47.816",
            "ada (clinician)",
        ];
        let missing = expected.iter().filter(|one| !text.contains(**one));
        let missing: Vec<_> = missing.collect();
        assert!(missing.is_empty(), "{missing:?} in {text}");
        assert!(text.replace(' ', "").contains(hash), "{hash} in {text}");
    }
}
