//! Every page of the demonstration: nothing in the way, nothing from elsewhere, nothing broken, and a picture of it.

use crate::driver::{Browser, Screen};
use crate::service::Service;
use serde_json::json;

/// The links of the page that begin so.
fn links(browser: &Browser, beginning: &str) -> Vec<String> {
    let script = "return [...document.querySelectorAll(`a[href^=\"${arguments[0]}\"]`)].map((it) => it.getAttribute('href'))";
    let found = browser.run(script, &[json!(beginning)]);
    serde_json::from_value(found).unwrap()
}

fn first_link(browser: &Browser, beginning: &str) -> String {
    let found = links(browser, beginning);
    let first = found.first();
    first
        .unwrap_or_else(|| panic!("a link {beginning} at {}", browser.path()))
        .clone()
}

/// Looks at a page in both themes, and takes its pictures.
fn look(browser: &Browser, name: &str, path: &str) -> Vec<String> {
    browser.open(path);
    let mut found = Vec::new();
    for theme in ["light", "dark"] {
        browser.theme(theme);
        browser.screenshot(name);
        let barriers = browser.barriers();
        found.extend(barriers.iter().map(|it| format!("{name}, {theme}: {it}")));
    }
    browser.theme("light");
    let wide = "return document.documentElement.scrollWidth - document.documentElement.clientWidth";
    let over = browser.run(wide, &[]).as_i64().unwrap();
    if over > 0 {
        found.push(format!("{name}: {over} px wider than the screen"));
    }
    found
}

fn signed_in(service: &Service, screen: Screen) -> Browser {
    let browser = Browser::at(service, screen);
    browser.open("/sign-in");
    browser.click("button", "Demo clinician");
    browser.sees("Worklist");
    browser
}

fn assert_none(found: &[String]) {
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn what_is_read_is_accessible_and_keeps_to_itself() {
    let service = Service::demonstration("60");
    let browser = Browser::at(&service, Screen::Desktop);
    let mut found = look(&browser, "sign-in", "/sign-in");
    browser.click("button", "Demo clinician");
    browser.sees("Worklist");
    found.extend(look(&browser, "worklist", "/"));
    let patient = first_link(&browser, "/patients/");
    found.extend(look(&browser, "patient", &patient));
    found.extend(look(&browser, "profiles", "/profiles"));
    found.extend(look(&browser, "no-such-page", "/patients/none"));
    browser.was_calm_but(&["/patients/none"]);
    assert_none(&found);
}

#[test]
fn what_is_filled_in_is_accessible_and_keeps_to_itself() {
    let service = Service::demonstration("40");
    let browser = signed_in(&service, Screen::Desktop);
    let patient = first_link(&browser, "/patients/");
    let review = first_link(&browser, "/candidates/");
    let mut found = look(&browser, "decide", &review);
    found.extend(look(&browser, "new-block", "/blocks/new"));
    browser.open(&patient);
    let forms = [
        ("block-of-episode", "/blocks/new?episode="),
        ("new-ablation", "/ablations/new"),
        ("new-episode", "/episodes/new"),
        ("correct-patient", patient.split('?').next().unwrap()),
    ];
    let mut pages: Vec<(&str, String)> = Vec::new();
    for (name, beginning) in &forms[..3] {
        pages.push((name, first_link(&browser, beginning)));
    }
    pages.push(("correct-patient", format!("{}/edit", forms[3].1)));
    let of_block = links(&browser, "/blocks/");
    for (name, ending) in [
        ("add-scores", "/scores/new"),
        ("diary-link", "/diary"),
        ("correct-block", "/edit"),
    ] {
        let path = of_block.iter().find(|path| path.ends_with(ending));
        pages.push((name, path.unwrap().clone()));
    }
    pages.push(("adverse-event", first_link(&browser, "/adverse-events/new")));
    for (name, path) in pages {
        found.extend(look(&browser, name, &path));
    }
    browser.was_calm();
    assert_none(&found);
}

#[test]
fn a_tablet_and_a_phone_show_the_same_pages_without_scrolling_sideways() {
    let service = Service::demonstration("40");
    let browser = signed_in(&service, Screen::Tablet);
    let patient = first_link(&browser, "/patients/");
    let mut found = Vec::new();
    for screen in [Screen::Tablet, Screen::Phone] {
        browser.show_on(screen);
        for (name, path) in [
            ("worklist", "/"),
            ("patient", patient.as_str()),
            ("new-block", "/blocks/new"),
            ("profiles", "/profiles"),
        ] {
            found.extend(look(&browser, name, path));
        }
    }
    browser.was_calm();
    assert_none(&found);
}

#[test]
fn the_worklist_is_light_and_whole_without_its_script() {
    let service = Service::demonstration("200");
    let browser = signed_in(&service, Screen::Desktop);
    let weight = browser.weight("/");
    println!("the worklist weighs {weight} bytes");
    assert!(weight < 150_000, "{weight} bytes");
    browser.was_calm();
}
