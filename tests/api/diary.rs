//! The diary on a phone, over HTTP: its link, its page, and what it sends.

use crate::pages::{Browser, between};
use crate::service::{Answer, Service, id};
use crate::support::databases::{TestDatabase, on_each_database};
use medial::auth::Role;
use serde_json::{Value, json};
use uuid::Uuid;

const NOW: &str = "2026-03-02T18:00:00Z";
/// Two hours before.
const PERFORMED: &str = "2026-03-02T10:00:00-06:00";
/// When the clinic makes the links.
const MADE: &str = "2026-03-02T16:05:00Z";

fn with_block(test: &TestDatabase, side: &str) -> (Service, String) {
    let service = Service::at(test, NOW);
    let block = json!({
        "patient": {"identifiers": [{"system": "urn:example:mrn", "value": "1"}], "family_name": "<b>Synthetic</b>", "given_name": "Unshown"},
        "episode": {"region": "lumbar", "onset_date": "2025-01-01"},
        "performed_at": PERFORMED, "kind": "diagnostic", "technique": "medial_branch",
        "joints": ["L4-5"], "side": side,
        "scores": [{"taken_at": "2026-03-02T09:00:00-06:00", "scale": "nrs", "value": 8, "context": "movement"}],
    });
    let block = service.post("/v1/blocks", &block).expect(201);
    let block = id(&block).to_owned();
    (service, block)
}

fn link(service: &Service, block: &str, body: &Value) -> Value {
    service.clock.set(MADE);
    let link = service.post(&format!("/v1/blocks/{block}/diary-link"), body);
    service.clock.set(NOW);
    link.expect(201)
}

/// The path of a link's page.
fn path(link: &Value) -> String {
    let url = link["url"].as_str().unwrap();
    url.strip_prefix("http://medial.test").unwrap().to_owned()
}

fn open(service: &Service, path: &str) -> Answer {
    service.ask("GET", path).without("authorization").send()
}

fn send(service: &Service, path: &str, entries: &Value) -> Answer {
    service
        .ask("POST", &format!("{path}/entries"))
        .without("authorization")
        .json(entries)
        .send()
}

/// An answer that was taken, answered and sent at these times.
fn entry(taken: &str, answered: &str, sent: &str, side: &str, value: i64) -> Value {
    json!({
        "id": Uuid::from_u128(u128::from_be_bytes(*blake(taken, answered, side, value))).to_string(),
        "taken_at": taken, "answered_at": answered, "sent_at": sent, "value": value, "side": side,
        "stated_relief_percent": null, "analgesic_taken": false,
    })
}

/// Sixteen bytes that differ where the words do.
fn blake(taken: &str, answered: &str, side: &str, value: i64) -> Box<[u8; 16]> {
    let mut bytes = [0_u8; 16];
    for (place, byte) in format!("{taken}{answered}{side}{value}")
        .bytes()
        .enumerate()
    {
        let at = place % 16;
        bytes[at] = bytes[at].rotate_left(3) ^ byte;
    }
    Box::new(bytes)
}

fn at_once(time: &str, side: &str, value: i64) -> Value {
    entry(time, time, NOW, side, value)
}

fn scores(service: &Service, block: &str) -> Vec<Value> {
    let list = service
        .get(&format!("/v1/blocks/{block}/scores"))
        .expect(200);
    list["items"].as_array().unwrap().clone()
}

/// Those that came through a link.
fn diary(service: &Service, block: &str) -> Vec<Value> {
    let mut all = scores(service, block);
    all.retain(|score| score["reported_by"] == "patient");
    all
}

on_each_database! {
    fn a_link_opens_a_page_that_names_nobody(test: &TestDatabase) {
        let (service, block) = with_block(test, "left");
        let link = link(&service, &block, &json!({}));
        assert_eq!(link["expires_at"], "2026-03-17T16:05:00Z");
        assert_eq!(link["works"], true);
        let page = open(&service, &path(&link));
        assert_eq!(page.status, 200);
        let text = page.text();
        for hidden in ["Synthetic", "Unshown", "urn:example", "north", "L4-5", "2025-01-01", &block] {
            assert!(!text.contains(hidden), "{hidden}");
        }
        assert!(text.contains("your back, left side"));
        assert!(page.header("content-security-policy").contains("script-src 'self'"));
        assert!(!text.contains("style=") && !text.contains("onclick"));
        assert_eq!(page.header("cache-control"), "no-store");
    }

    fn the_page_speaks_the_language_of_the_address_the_link_or_the_phone(test: &TestDatabase) {
        let (service, block) = with_block(test, "bilateral");
        let open_link = link(&service, &block, &json!({}));
        let spanish = link(&service, &block, &json!({"language": "es"}));
        let language = |path: &str, accept: &str| {
            let page = service.ask("GET", path).without("authorization").header("accept-language", accept).send();
            let text = page.text().to_owned();
            text.split("<html lang=\"").nth(1).unwrap()[..2].to_owned()
        };
        assert_eq!(language(&path(&open_link), "es-MX,es;q=0.9"), "es");
        assert_eq!(language(&path(&open_link), "fr"), "en");
        assert_eq!(language(&path(&spanish), "en"), "es");
        assert_eq!(language(&format!("{}?lang=en", path(&spanish)), "es"), "en");
        assert_eq!(language(&format!("{}?lang=fr&from=messenger", path(&spanish)), "en"), "es");
    }

    fn wrong_expired_and_revoked_links_are_answered_alike(test: &TestDatabase) {
        let (service, block) = with_block(test, "left");
        let revoked = link(&service, &block, &json!({}));
        let expiring = link(&service, &block, &json!({}));
        let good = path(&expiring);
        let answer = |path: &str| {
            let page = open(&service, path);
            let sent = send(&service, path, &json!([at_once("2026-03-02T11:00:00-06:00", "left", 3)]));
            let form = service.ask("POST", path).without("authorization").body("application/x-www-form-urlencoded", b"pain_left=3".to_vec()).send();
            [page, sent, form].map(|one| (one.status, one.text().to_owned()))
        };
        let revoke = format!("/v1/diary-links/{}", id(&revoked));
        service.ask("DELETE", &revoke).send().expect(204);
        service.ask("DELETE", &revoke).send().expect(204);
        let other_letter = if good.ends_with('A') { "B" } else { "A" };
        let forged = format!("{}{other_letter}", &good[..good.len() - 1]);
        let wrong = answer(&forged);
        let of_revoked = answer(&path(&revoked));
        assert_eq!(open(&service, &good).status, 200);
        service.clock.set("2026-03-17T16:04:59Z");
        assert_eq!(open(&service, &good).status, 200);
        service.clock.set("2026-03-17T16:05:00Z");
        let of_expired = answer(&good);
        assert_eq!(wrong, of_revoked);
        assert_eq!(wrong, of_expired);
        assert_eq!(wrong, answer("/d/nothing"));
        assert!(wrong.iter().all(|(status, text)| *status == 404 && text.contains("call your clinic")));
        assert_eq!(diary(&service, &block), Vec::<Value>::new());
    }

    fn answers_become_scores_and_the_patient_is_judged_anew(test: &TestDatabase) {
        let (service, block) = with_block(test, "left");
        let path = path(&link(&service, &block, &json!({})));
        let before = service.get(&format!("/v1/blocks/{block}")).expect(200);
        let mut second = at_once("2026-03-02T10:30:00-06:00", "left", 1);
        second["stated_relief_percent"] = json!(90);
        second["analgesic_taken"] = json!(true);
        let answer = send(&service, &path, &json!([at_once("2026-03-02T10:15:00-06:00", "left", 2), second])).expect(200);
        assert_eq!(answer["answered"], json!([15, 30]));
        assert!(answer["entries"].as_array().unwrap().iter().all(|one| one["stored"] == true));
        let diary = diary(&service, &block);
        assert_eq!(diary.len(), 2);
        let last = &diary[1];
        assert_eq!(last["taken_at"], "2026-03-02T10:30:00-06:00");
        assert_eq!((&last["value"], &last["context"], &last["side"]), (&json!(1), &json!("movement"), &json!("left")));
        assert_eq!((&last["stated_relief_percent"], &last["analgesic_taken"]), (&json!(90), &json!(true)));
        let after = service.get(&format!("/v1/blocks/{block}")).expect(200);
        assert_ne!(before["relief"], after["relief"]);
        let determinations = service.get(&format!("/v1/episodes/{}/determinations", after["episode_id"].as_str().unwrap()));
        assert!(determinations.text().contains(id(&diary[0])), "the judgement rests on the answers");
        let trail = service.ask("GET", "/v1/audit?limit=500").bearer(&service.token(Role::Auditor)).send();
        assert!(trail.text().contains("write_diary") && trail.text().contains("diary-link:"));
    }

    fn an_answer_sent_again_is_stored_once(test: &TestDatabase) {
        let (service, block) = with_block(test, "left");
        let path = path(&link(&service, &block, &json!({})));
        let one = at_once("2026-03-02T10:15:00-06:00", "left", 2);
        for _ in 0..3 {
            let answer = send(&service, &path, &json!([one, one])).expect(200);
            assert_eq!(answer["entries"][0]["stored"], true);
        }
        assert_eq!(diary(&service, &block).len(), 1);
        // The id is the link's own: through another link it is another answer.
        let other = self::path(&link(&service, &block, &json!({})));
        send(&service, &other, &json!([one])).expect(200);
        assert_eq!(diary(&service, &block).len(), 2);
    }

    fn each_side_is_rated_by_itself(test: &TestDatabase) {
        let (service, block) = with_block(test, "bilateral");
        let path = path(&link(&service, &block, &json!({})));
        let page = open(&service, &path);
        assert!(page.text().contains("name=\"pain_left\"") && page.text().contains("name=\"pain_right\""));
        let time = "2026-03-02T10:15:00-06:00";
        assert_eq!(send(&service, &path, &json!([at_once(time, "left", 2)])).expect(200)["answered"], json!([]));
        assert_eq!(send(&service, &path, &json!([at_once(time, "right", 6)])).expect(200)["answered"], json!([15]));
        let mut neither = at_once("2026-03-02T10:30:00-06:00", "left", 2);
        neither["side"] = Value::Null;
        assert_eq!(send(&service, &path, &json!([neither])).expect(200)["entries"][0]["refused"], "side");
        let (service, block) = with_block(test, "right");
        let path = self::path(&link(&service, &block, &json!({})));
        let wrong = send(&service, &path, &json!([at_once(time, "left", 2), at_once(time, "right", 2)])).expect(200);
        assert_eq!(wrong["entries"][0]["refused"], "side");
        assert_eq!(wrong["entries"][1]["stored"], true);
        assert_eq!(diary(&service, &block).len(), 1);
    }

    fn what_is_from_memory_is_told_from_what_was_sent_late(test: &TestDatabase) {
        let (service, block) = with_block(test, "left");
        let path = path(&link(&service, &block, &json!({})));
        service.clock.set("2026-03-05T18:00:00Z");
        let now = "2026-03-05T12:00:00-06:00";
        let entries = json!([
            entry("2026-03-02T13:00:00-06:00", "2026-03-02T13:00:00-06:00", now, "left", 2),
            entry("2026-03-02T14:00:00-06:00", "2026-03-02T15:01:00-06:00", now, "left", 2),
            entry("2026-03-03T10:00:00-06:00", now, now, "left", 5),
        ]);
        send(&service, &path, &entries).expect(200);
        let marks: Vec<Value> = diary(&service, &block).iter().map(|score| score["retrospective"].clone()).collect();
        assert_eq!(marks, [json!(false), json!(true), json!(true)]);
        assert_eq!(diary(&service, &block)[0]["answered_at"], "2026-03-02T19:00:00Z");
        // A correction by the clinic keeps what is known of the answer.
        let mut corrected = diary(&service, &block)[0].clone();
        corrected["value"] = json!(3);
        let corrected = service.put(&format!("/v1/scores/{}", id(&corrected)), 1, &corrected).expect(200);
        assert_eq!((&corrected["value"], &corrected["retrospective"]), (&json!(3), &json!(false)));
        assert_eq!(corrected["answered_at"], "2026-03-02T19:00:00Z");
    }

    fn a_phone_with_a_wrong_clock_is_set_right(test: &TestDatabase) {
        let (service, block) = with_block(test, "left");
        let path = path(&link(&service, &block, &json!({})));
        // Seven hours and a year ahead.
        let entries = json!([entry("2027-03-02T18:15:00-06:00", "2027-03-02T18:15:00-06:00", "2027-03-02T19:00:00-06:00", "left", 2)]);
        let answer = send(&service, &path, &entries).expect(200);
        assert_eq!(answer["entries"][0]["stored"], true, "{answer}");
        assert_eq!(diary(&service, &block)[0]["taken_at"], "2026-03-02T11:15:00-06:00");
        for (taken, refused) in [("2026-03-02T10:00:00-06:00", "before_injection"), ("2026-03-02T09:59:00-06:00", "before_injection")] {
            let answer = send(&service, &path, &json!([entry(taken, NOW, NOW, "left", 1)])).expect(200);
            assert_eq!(answer["entries"][0]["refused"], refused, "{taken}");
        }
        let early = entry("2026-03-02T10:15:00-06:00", "2025-03-02T10:15:00-06:00", NOW, "left", 1);
        assert_eq!(send(&service, &path, &json!([early])).expect(200)["entries"][0]["refused"], "before_link");
    }

    fn what_is_not_an_answer_is_refused_and_bounded(test: &TestDatabase) {
        let (service, block) = with_block(test, "left");
        let path = path(&link(&service, &block, &json!({})));
        let good = at_once("2026-03-02T10:15:00-06:00", "left", 2);
        let with = |field: &str, value: Value| {
            let mut bad = good.clone();
            bad[field] = value;
            json!([bad])
        };
        for bad in [
            with("value", json!(11)), with("value", json!(-1)), with("value", json!(2.5)), with("value", json!("2-8")),
            with("id", json!("1")), with("taken_at", json!("2026-03-02T10:15:00")), with("side", json!("both")),
            with("stated_relief_percent", json!(101)), with("note", json!("<script>alert(1)</script>")), json!({}), json!("x"),
        ] {
            let answer = send(&service, &path, &bad);
            assert_eq!(answer.status, 422, "{bad}");
            assert!(!answer.text().contains("<script>alert"));
        }
        let many: Vec<Value> = (0..101).map(|_| good.clone()).collect();
        assert_eq!(send(&service, &path, &json!(many)).status, 422);
        let large = format!("[{}]", " ".repeat(70_000));
        let large = service.ask("POST", &format!("{path}/entries")).body("application/json", large.into_bytes()).send();
        assert_eq!(large.status, 413);
        let foreign = service.ask("POST", &format!("{path}/entries")).header("sec-fetch-site", "cross-site").json(&json!([good])).send();
        assert_eq!(foreign.status, 403);
        assert_eq!(diary(&service, &block), Vec::<Value>::new());
        for batch in 0..5_u128 {
            let entries: Vec<Value> = (0..100_u128).map(|place| {
                let mut one = good.clone();
                one["id"] = json!(Uuid::from_u128(batch * 100 + place + 1).to_string());
                one
            }).collect();
            let answer = send(&service, &path, &json!(entries)).expect(200);
            let expected = if batch < 4 { Value::Null } else { json!("too_many") };
            assert_eq!(answer["entries"][99]["refused"], expected, "{batch}");
        }
    }

    fn the_form_works_without_a_script(test: &TestDatabase) {
        let (service, block) = with_block(test, "bilateral");
        let path = path(&link(&service, &block, &json!({"language": "es"})));
        let page = open(&service, &path);
        let field = |name: &str| {
            let text = page.text();
            let after = text.split(&format!("name=\"{name}\" value=\"")).nth(1).unwrap();
            after.split('"').next().unwrap().to_owned()
        };
        let post = |body: String| {
            service.ask("POST", &format!("{path}?lang=es")).without("authorization").body("application/x-www-form-urlencoded", body.into_bytes()).send()
        };
        let incomplete = post("pain_left=7&relief_left=20&medicine=yes&when=15".to_owned());
        assert_eq!(incomplete.status, 422);
        let kept = incomplete.text();
        assert!(kept.contains("name=\"pain_left\" value=\"7\" required checked"), "{kept}");
        assert!(kept.contains("<option value=\"20\" selected>") && kept.contains("<option value=\"15\" selected>"));
        assert!(kept.contains("name=\"medicine\" value=\"yes\" checked"));
        let body = format!(
            "pain_left=7&pain_right=0&relief_left=20&relief_right=&medicine=yes&when=15&entry_left={}&entry_right={}",
            field("entry_left"), field("entry_right")
        );
        for _ in 0..2 {
            let done = post(body.clone());
            assert_eq!(done.status, 303);
            assert_eq!(done.header("location"), format!("{path}?saved=true&lang=es"));
        }
        let diary = diary(&service, &block);
        assert_eq!(diary.len(), 2);
        assert_eq!((&diary[0]["value"], &diary[0]["stated_relief_percent"]), (&json!(7), &json!(20)));
        assert!(diary.iter().all(|score| score["taken_at"] == "2026-03-02T10:15:00-06:00" && score["retrospective"] == true));
        assert!(open(&service, &format!("{path}?saved=true")).text().contains("guardada"));
    }

    fn html_in_a_field_of_the_form_is_text_or_nothing(test: &TestDatabase) {
        let (service, block) = with_block(test, "left");
        let path = path(&link(&service, &block, &json!({})));
        let body = "pain_left=%3Cscript%3Ealert(1)%3C%2Fscript%3E&relief_left=%22%3E%3Cb%3E&when=%3Cb%3E&medicine=%3Cb%3E&entry_left=%22%3E%3Cb%3E";
        let page = service.ask("POST", &path).without("authorization").body("application/x-www-form-urlencoded", body.into()).send();
        assert_eq!(page.status, 422);
        assert!(!page.text().contains("<b>") && !page.text().contains("alert(1)"));
    }

    fn the_clinic_makes_shows_and_revokes_a_link_on_a_page(test: &TestDatabase) {
        let (service, block) = with_block(test, "left");
        let browser = Browser::of(&service, Role::Clinician);
        let page = format!("/blocks/{block}/diary");
        assert!(browser.get(&page).text().contains("There is no link that works"));
        let made = browser.post(&page, &[("language", "es")]);
        assert_eq!((made.status, made.header("location")), (303, page.as_str()));
        let shown = browser.get(&page);
        let url = between(shown.text(), "href=\"http://medial.test", "\"").to_owned();
        assert_eq!(open(&service, &url).status, 200);
        assert!(shown.text().contains("<svg class=\"qr\" role=\"img\""));
        assert!(shown.text().contains("Diario de dolor") && shown.text().contains("hasta el 2026-03-17"));
        assert!(!shown.text().contains("style="));
        let link = between(shown.text(), "name=\"link\" value=\"", "\"").to_owned();
        let admin = Browser::of(&service, Role::Admin);
        let seen = admin.get(&page);
        assert_eq!(seen.status, 200);
        assert!(!seen.text().contains("/d/") && !seen.text().contains("Revoke"), "who may not make one is not shown it");
        assert_eq!(admin.post(&page, &[]).status, 403);
        assert_eq!(Browser::of(&service, Role::Analyst).get(&page).status, 403);
        assert_eq!(browser.post(&format!("{page}/revoke"), &[("link", &link)]).status, 303);
        assert_eq!(open(&service, &url).status, 404);
        assert!(browser.get(&page).text().contains("revoked"));
        assert_eq!(browser.post(&format!("{page}/revoke"), &[("link", "x")]).status, 404);
        service.clock.set("2026-03-17T04:00:01Z");
        let browser = Browser::signed_in(&service, "page-clinician");
        let late = browser.post(&page, &[("language", "")]);
        assert_eq!(late.status, 409);
        assert!(late.text().contains("two weeks"));
    }

    fn a_link_ends_with_its_block_and_its_two_weeks(test: &TestDatabase) {
        let (service, block) = with_block(test, "left");
        service.clock.set("2026-03-17T04:00:01Z");
        let late = service.post(&format!("/v1/blocks/{block}/diary-link"), &json!({}));
        assert_eq!(late.expect(409)["code"], "diary_over");
        service.post(&format!("/v1/blocks/{}/diary-link", Uuid::nil()), &json!({})).expect(404);
        service.clock.set(NOW);
        for _ in 0..20 {
            link(&service, &block, &json!({}));
        }
        assert_eq!(service.post(&format!("/v1/blocks/{block}/diary-link"), &json!({})).expect(409)["code"], "too_many_links");
    }

    fn a_link_is_made_read_and_revoked_over_the_api(test: &TestDatabase) {
        let (service, block) = with_block(test, "left");
        service.clock.set(MADE);
        let made = service.ask("POST", &format!("/v1/blocks/{block}/diary-link")).header("idempotency-key", "k").json(&json!({})).send();
        let again = service.ask("POST", &format!("/v1/blocks/{block}/diary-link")).header("idempotency-key", "k").json(&json!({})).send();
        assert_eq!(made.expect(201), again.expect(201));
        let made = made.json();
        service.clock.set(NOW);
        send(&service, &path(&made), &json!([at_once("2026-03-02T10:15:00-06:00", "left", 2)])).expect(200);
        let list = service.get(&format!("/v1/blocks/{block}/diary-links")).expect(200);
        assert_eq!(list["items"][0]["entries"], 1);
        assert_eq!(list["items"][0]["url"], made["url"]);
        let list = service.ask("GET", &format!("/v1/blocks/{block}/diary-links")).bearer(&service.token(Role::Admin)).send();
        assert_eq!(list.expect(200)["items"][0]["url"], Value::Null, "who may not make a link is not given one");
        service.ask("DELETE", &format!("/v1/diary-links/{}", id(&made))).send().expect(204);
        let list = service.get(&format!("/v1/blocks/{block}/diary-links")).expect(200);
        assert_eq!((&list["items"][0]["works"], &list["items"][0]["url"]), (&json!(false), &Value::Null));
        assert_eq!(diary(&service, &block).len(), 1, "what came through it stays");
        for bad in [json!({"language": "fr"}), json!({"reminders": {"by": "email", "to": "x@example.org"}}), json!({"name": "x"}), json!({"reminders": {"by": "email", "to": "x"}})] {
            service.post(&format!("/v1/blocks/{block}/diary-link"), &bad).refused(422);
        }
    }

    fn the_worker_names_files_that_are_there(test: &TestDatabase) {
        let (service, _) = with_block(test, "left");
        let worker = open(&service, "/d/sw.js");
        assert_eq!(worker.status, 200);
        assert!(worker.header("content-type").starts_with("text/javascript"));
        assert!(worker.header("content-security-policy").contains("connect-src 'self'"));
        let line = worker.text().lines().next().unwrap();
        let files: Vec<String> = serde_json::from_str(line.trim_start_matches("const FILES = ").trim_end_matches(';')).unwrap();
        assert_eq!(files.len(), 4);
        for file in files {
            assert_eq!(open(&service, &file).status, 200, "{file}");
        }
    }
}
