//! Every page of the demonstration: nothing in the way, nothing from elsewhere, nothing broken, and a picture of it.

use crate::driver::{Browser, Screen};
use crate::service::Service;
use medial::domain::study::Figure;
use serde_json::json;
use std::collections::BTreeMap;

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
    if browser.is_wider_by() > 0 {
        found.push(format!("{name}: {} px too wide", browser.is_wider_by()));
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

/// An address without what tells one record from another, as a name for a picture.
fn name_of(path: &str) -> String {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let parts = path.split('/').filter(|part| part.len() != 36);
    let asked = query.split('&').map(|pair| pair.split('=').next().unwrap());
    let asked = asked.filter(|name| !matches!(*name, "profile" | "back"));
    let mut name: Vec<&str> = parts.chain(asked).filter(|part| !part.is_empty()).collect();
    if name.is_empty() {
        name.push("worklist");
    }
    name.join("-")
}

/// One of each page that the links lead to from the list and from two patients, with its name.
fn every_page(browser: &Browser) -> BTreeMap<String, String> {
    let mut pages = BTreeMap::new();
    let mut note = |browser: &Browser| {
        for path in links(browser, "/") {
            let is_page = !path.contains(".pdf") && !path.contains(".csv") && !path.contains('#');
            if is_page {
                pages.entry(name_of(&path)).or_insert(path);
            }
        }
    };
    for list in ["/", "/?tab=follow_up"] {
        browser.open(list);
        note(browser);
        browser.open(&first_link(browser, "/patients/"));
        note(browser);
    }
    for expected in [
        "worklist",
        "patients",
        "profiles",
        "study",
        "candidates-review",
        "blocks-new",
        "blocks-new-episode",
        "blocks-edit",
        "blocks-diary",
        "blocks-scores-new",
        "scores-edit",
        "patients-edit",
        "episodes-new-patient",
        "episodes-edit",
        "episodes-evidence",
        "ablations-new-episode",
        "ablations-edit",
        "ablations-follow-ups-new",
        "ablations-follow-ups-edit",
        "adverse-events-new-block",
        "adverse-events-new-ablation",
    ] {
        assert!(pages.contains_key(expected), "{expected}: {pages:?}");
    }
    pages
}

/// A profile with a mistake is refused at its line; with one block instead of two it lets more in.
fn what_if(browser: &Browser) -> Vec<String> {
    let mut found = look(browser, "study-what-if", "/study/what-if?base=medicare-lcd");
    let change = "const it = document.getElementById('document'); it.value = it.value.replace(arguments[0], arguments[1])";
    browser.run(change, &[json!("value = 80"), json!("value = 800")]);
    browser.click("button", "Try it");
    browser.sees("relief_percent: expected 1 to 100, found 800");
    found.extend(pictured(browser, "study-what-if-refused"));
    browser.run(change, &[json!("value = 800"), json!("value = 50")]);
    browser.run(
        change,
        &[json!("blocks = { value = 2"), json!("blocks = { value = 1")],
    );
    browser.click("button", "Try it");
    browser.sees("Who would come in");
    found.extend(pictured(browser, "study-what-if-tried"));
    found
}

/// As [`look`], at the page as it is.
fn pictured(browser: &Browser, name: &str) -> Vec<String> {
    let mut found = Vec::new();
    for theme in ["light", "dark"] {
        browser.theme(theme);
        browser.screenshot(name);
        let barriers = browser.barriers();
        found.extend(barriers.iter().map(|it| format!("{name}, {theme}: {it}")));
    }
    browser.theme("light");
    found
}

fn unfold(browser: &Browser) {
    let script = "document.querySelectorAll('details').forEach((it) => { it.open = true; })";
    browser.run(script, &[]);
}

#[test]
fn every_page_is_accessible_in_both_themes_and_keeps_to_itself() {
    let service = Service::demonstration("60");
    let browser = Browser::at(&service, Screen::Desktop);
    let mut found = look(&browser, "sign-in", "/sign-in");
    browser.click("button", "Demo clinician");
    browser.sees("Worklist");
    for (name, path) in every_page(&browser) {
        found.extend(look(&browser, &name, &path));
        unfold(&browser);
        let barriers = browser.barriers();
        found.extend(barriers.iter().map(|it| format!("{name}, unfolded: {it}")));
    }
    for figure in Figure::CODES {
        let name = format!("study-{figure}");
        found.extend(look(&browser, &name, &format!("/study?figure={figure}")));
        unfold(&browser);
        let barriers = browser.barriers();
        found.extend(barriers.iter().map(|it| format!("{name}, unfolded: {it}")));
    }
    found.extend(what_if(&browser));
    found.extend(look(&browser, "no-such-page", "/patients/none"));
    browser.was_calm_but(&["/patients/none", "/study/what-if"]);
    assert_none(&found);
}

#[test]
fn no_page_scrolls_sideways_on_a_tablet_or_a_phone() {
    let service = Service::demonstration("60");
    let browser = signed_in(&service, Screen::Tablet);
    let pages = every_page(&browser);
    let mut found = Vec::new();
    for screen in [Screen::Tablet, Screen::Phone] {
        browser.show_on(screen);
        for (name, path) in &pages {
            browser.open(path);
            browser.screenshot(name);
            unfold(&browser);
            // Both sides have columns of their own where both are treated.
            for place in ["left", "right"] {
                let choose = "const joint = document.getElementById(`joint-${arguments[0]}-L4-5`); if (joint) joint.checked = true";
                browser.run(choose, &[json!(place)]);
            }
            if browser.is_wider_by() > 0 {
                found.push(format!(
                    "{screen:?}, {name}: {} px too wide",
                    browser.is_wider_by()
                ));
            }
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
