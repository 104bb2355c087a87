//! The pages as a browser asks for them: signing in, forms, the worklist, a patient.

use crate::service::{Answer, Service, id};
use crate::support::databases::{TestDatabase, on_each_database};
use chrono::TimeDelta;
use medial::app::people::NewUser;
use medial::auth::Role;
use medial::http::Access;
use serde_json::json;

const PASSWORD: &str = "correct horse battery staple";

/// A browser of one person.
pub struct Browser<'s> {
    service: &'s Service,
    cookie: String,
}

impl<'s> Browser<'s> {
    /// Somebody of `north`, signed in.
    pub fn of(service: &'s Service, role: Role) -> Browser<'s> {
        let login = format!("page-{}", role.code());
        let new = NewUser {
            organization: "north".to_owned(),
            login: login.clone(),
            display_name: "Page Tester".to_owned(),
            role,
        };
        service.app.add_user(&new, PASSWORD).unwrap();
        Browser::signed_in(service, &login)
    }

    pub fn signed_in(service: &'s Service, login: &str) -> Browser<'s> {
        let answer = sign_in(service, login, PASSWORD, "/");
        assert_eq!(answer.status, 303, "{}", answer.text());
        let cookie = answer.header("set-cookie").split(';').next().unwrap();
        Browser {
            service,
            cookie: cookie.to_owned(),
        }
    }

    pub fn get(&self, path: &str) -> Answer {
        self.service
            .ask("GET", path)
            .without("authorization")
            .header("cookie", &self.cookie)
            .send()
    }

    pub fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let csrf = self.token();
        let mut all = vec![("csrf", csrf.as_str())];
        all.extend_from_slice(fields);
        self.send_form(path, &all, "same-origin")
    }

    fn send_form(&self, path: &str, fields: &[(&str, &str)], site: &str) -> Answer {
        self.service
            .ask("POST", path)
            .without("authorization")
            .header("cookie", &self.cookie)
            .header("sec-fetch-site", site)
            .body("application/x-www-form-urlencoded", encoded(fields))
            .send()
    }

    /// What the forms of this person carry.
    fn token(&self) -> String {
        let page = self.get("/profiles");
        between(page.text(), "name=\"csrf\" value=\"", "\"").to_owned()
    }
}

fn encoded(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut query = medial::http::query::Query::default();
    for (name, value) in fields {
        query.push(name, value);
    }
    query.encoded().into_bytes()
}

pub fn between<'t>(text: &'t str, before: &str, after: &str) -> &'t str {
    let rest = text
        .split_once(before)
        .unwrap_or_else(|| panic!("no {before} in {text}"))
        .1;
    rest.split_once(after).unwrap().0
}

fn sign_in(service: &Service, login: &str, password: &str, next: &str) -> Answer {
    let fields = [("login", login), ("password", password), ("next", next)];
    service
        .ask("POST", "/sign-in")
        .without("authorization")
        .header("sec-fetch-site", "same-origin")
        .body("application/x-www-form-urlencoded", encoded(&fields))
        .send()
}

/// Two positive blocks of one patient, which make a candidate of the left L4-5.
fn candidate(service: &Service, name: &str) -> (String, String) {
    let block = |day: &str| {
        let score = |time: &str, value: u8| json!({"taken_at": format!("{day}T{time}:00-05:00"), "scale": "nrs", "value": value, "context": "movement"});
        json!({
            "patient": {"identifiers": [{"system": "urn:example:mrn", "value": name}], "family_name": name, "birth_date": "1960-01-03"},
            "episode": {
                "region": "lumbar", "onset_date": "2028-01-01", "axial": true, "radiculopathy": "none",
                "other_causes_excluded": true, "fused_joints": [],
                "conservative_care": [{"kind": "physical_therapy", "start": "2029-01-01", "end": "2029-06-01", "outcome": "failed"}],
                "disability": [{"instrument": "odi", "score": 40, "maximum": 100, "taken_on": "2029-10-01"}],
            },
            "performed_at": format!("{day}T09:00:00-05:00"), "kind": "diagnostic", "technique": "medial_branch",
            "joints": ["L4-5"], "side": "left", "agent": "lidocaine", "volume_ml_per_nerve": 0.5, "steroid": false,
            "guidance": "fluoroscopy", "sedation": "none", "operator": "operator-1", "stated_relief_percent": 90,
            "scores": [score("08:30", 10), score("09:30", 1), score("11:00", 1), score("13:00", 8)],
        })
    };
    let first = service.post("/v1/blocks", &block("2029-11-05")).expect(201);
    service.post("/v1/blocks", &block("2029-12-05")).expect(201);
    let text = |field: &str| first[field].as_str().unwrap().to_owned();
    (text("patient_id"), text("episode_id"))
}

on_each_database! {
    fn one_signs_in_sees_the_list_and_signs_out(test: &TestDatabase) {
        let service = Service::on(test);
        candidate(&service, "Example");
        let stranger = service
            .ask("GET", "/?tab=candidates&q=ex")
            .without("authorization")
            .send();
        assert_eq!(stranger.status, 303);
        assert_eq!(
            stranger.header("location"),
            "/sign-in?next=%2F%3Ftab%3Dcandidates%26q%3Dex"
        );

        let browser = Browser::of(&service, Role::Clinician);
        let answer = sign_in(&service, "page-clinician", PASSWORD, "/?tab=first");
        assert_eq!(answer.header("location"), "/?tab=first");
        let cookie = answer.header("set-cookie");
        for part in [
            "__Host-medial=",
            "; Secure",
            "; HttpOnly",
            "; SameSite=Lax",
            "; Path=/",
        ] {
            assert!(cookie.contains(part), "{cookie}");
        }
        let elsewhere = sign_in(&service, "page-clinician", PASSWORD, "//elsewhere.test/");
        assert_eq!(elsewhere.header("location"), "/");

        let list = browser.get("/");
        assert_eq!(list.status, 200);
        let policy = list.header("content-security-policy");
        assert!(
            policy.starts_with("default-src 'none'; script-src 'self';"),
            "{policy}"
        );
        assert!(!policy.contains("unsafe"));
        assert!(list.text().contains(">Example</a>"));
        assert!(list.text().contains("Page Tester"));

        let out = browser.send_form("/sign-out", &[], "same-origin");
        assert_eq!((out.status, out.header("location")), (303, "/sign-in"));
        assert_eq!(browser.get("/").status, 303, "the session has ended");
    }

    fn wrong_passwords_lock_a_name_and_say_the_same_each_time(test: &TestDatabase) {
        let service = Service::on(test);
        Browser::of(&service, Role::Clinician);
        let said = |login: &str, password: &str| {
            let answer = sign_in(&service, login, password, "/");
            assert_eq!(answer.status, 422);
            between(answer.text(), "role=\"alert\">", "</p>").to_owned()
        };
        let nobody = said("nobody-there", PASSWORD);
        for _ in 0..5 {
            assert_eq!(said("page-clinician", "wrong, wrong, wrong"), nobody);
        }
        assert_eq!(said("page-clinician", PASSWORD), nobody, "it is locked");
        service.clock.forward(TimeDelta::minutes(14));
        assert_eq!(
            said("page-clinician", PASSWORD),
            nobody,
            "it is locked still"
        );
        service.clock.forward(TimeDelta::minutes(2));
        Browser::signed_in(&service, "page-clinician");

        service.app.set_enabled("page-clinician", false).unwrap();
        assert_eq!(said("page-clinician", PASSWORD), nobody, "disabled");
        let trail = service
            .ask("GET", "/v1/audit?limit=500")
            .bearer(&service.token(Role::Auditor))
            .send()
            .expect(200);
        let outcomes: Vec<&str> = trail["items"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|entry| entry["action"] == "sign_in")
            .map(|entry| entry["outcome"].as_str().unwrap())
            .collect();
        let count = |wanted: &str| outcomes.iter().filter(|one| **one == wanted).count();
        assert_eq!((count("locked"), count("done")), (1, 2), "{outcomes:?}");
        assert_eq!(count("refused"), 7, "{outcomes:?}");
    }

    fn a_session_ends_unused_or_after_half_a_day(test: &TestDatabase) {
        let service = Service::on(test);
        let unused = Browser::of(&service, Role::Clinician);
        let used = Browser::signed_in(&service, "page-clinician");
        for _ in 0..5 {
            service.clock.forward(TimeDelta::minutes(115));
            assert_eq!(used.get("/").status, 200);
        }
        assert_eq!(
            unused.get("/").status,
            303,
            "not used for more than 8 hours"
        );
        service.clock.forward(TimeDelta::hours(3));
        assert_eq!(used.get("/").status, 303, "more than 12 hours old");
        assert!(service.app.forget_ended_sessions().unwrap() >= 2);

        let other = Browser::signed_in(&service, "page-clinician");
        service
            .app
            .set_password("page-clinician", "another long password")
            .unwrap();
        assert_eq!(
            other.get("/").status,
            303,
            "another password ends the sessions"
        );
    }

    fn a_form_from_elsewhere_is_refused(test: &TestDatabase) {
        let service = Service::on(test);
        let (_, episode) = candidate(&service, "Example");
        let browser = Browser::of(&service, Role::Clinician);
        let (path, token) = (format!("/candidates/{episode}/review"), browser.token());
        let fields = [("csrf", token.as_str()), ("decision", "referred")];
        for site in ["cross-site", "same-site", "none"] {
            assert_eq!(
                browser.send_form(&path, &fields, site).status,
                403,
                "{site}"
            );
        }
        let without = [("decision", "referred")];
        assert_eq!(
            browser.send_form(&path, &without, "same-origin").status,
            403
        );
        let review = format!("/v1/candidates/{episode}/review");
        let none = service
            .ask("GET", &review)
            .bearer(&service.token(Role::Clinician))
            .send();
        assert_eq!(none.status, 404, "nothing was recorded");
        assert_eq!(browser.send_form(&path, &fields, "same-origin").status, 303);

        // A form that outlived its session can be sent once the same person has signed in again.
        let later = Browser::signed_in(&service, "page-clinician");
        assert_eq!(later.send_form(&path, &fields, "same-origin").status, 303);
    }

    fn a_decision_is_recorded_in_place_and_undone(test: &TestDatabase) {
        let service = Service::on(test);
        let (_, episode) = candidate(&service, "Example");
        let browser = Browser::of(&service, Role::Clinician);
        let path = format!("/candidates/{episode}/review");
        let form = browser.get(&format!("{path}?back=q%3DEx"));
        let once = between(form.text(), "name=\"once\" value=\"", "\"").to_owned();

        let fields = [
            ("decision", "deferred"),
            ("note", "<b>after the holidays</b>"),
            ("once", &once),
            ("back", "q=Ex"),
        ];
        let refused = browser.post(&path, &fields);
        assert_eq!(refused.status, 422);
        assert!(refused.text().contains("Say until when it is deferred."));
        assert!(
            refused
                .text()
                .contains("&#60;b&#62;after the holidays&#60;/b&#62;</textarea>"),
            "{}",
            refused.text()
        );

        let fields = [
            ("decision", "deferred"),
            ("deferred_until", "2030-02-01"),
            ("note", "<b>bold</b>"),
            ("once", &once),
            ("back", "q=Ex"),
        ];
        let done = browser.post(&path, &fields);
        assert_eq!(done.status, 303, "{}", done.text());
        assert_eq!(done.header("location"), format!("/?q=Ex&done={episode}"));
        let again = browser.post(&path, &fields);
        assert_eq!(again.status, 303, "a form sent twice is recorded once");
        let list = browser.get(done.header("location"));
        assert!(
            list.text()
                .contains("deferred until 2030-02-01 by page-clinician")
        );
        assert!(list.text().contains("Nobody here matches the filters."));
        let shown = browser.get("/?reviewed=true");
        assert!(
            shown.text().contains("&#60;b&#62;bold&#60;/b&#62;"),
            "text, not markup"
        );

        let undone = browser.post(&format!("/candidates/{episode}/undo"), &[("back", "q=Ex")]);
        assert_eq!(undone.header("location"), "/?q=Ex");
        assert!(browser.get("/?q=Ex").text().contains(">Example</a>"));
    }

    fn the_list_is_filtered_counted_and_exported(test: &TestDatabase) {
        let service = Service::on(test);
        for name in ["Ahorn", "Birke", "=cmd()"] {
            candidate(&service, name);
        }
        let browser = Browser::of(&service, Role::Clinician);
        let all = browser.get("/");
        assert!(
            all.text()
                .contains("Candidates <span class=\"count\">3</span>"),
            "{}",
            all.text()
        );
        let one = browser.get("/?q=bir");
        assert!(one.text().contains("Birke") && !one.text().contains("Ahorn"));
        assert!(
            one.text()
                .contains("Candidates <span class=\"count\">1</span>")
        );

        let csv = browser.get("/worklist.csv?sort=patient");
        assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8");
        let lines: Vec<&str> = csv.text().lines().collect();
        assert_eq!(lines.len(), 4);
        assert!(lines[0].starts_with("patient_id,episode_id,family_name"));
        assert!(
            csv.text().contains(",'=cmd(),"),
            "no formula for a spreadsheet"
        );
        assert!(
            csv.text()
                .contains(",left L4-5,medicare-lcd,meets,refer_for_ablation,,90,"),
            "{}",
            csv.text()
        );

        for bad in [
            "/?profile=no-such",
            "/?tab=no-such",
            "/?colour=red",
            "/?relief_percent_min=x",
        ] {
            let answer = browser.get(bad);
            assert_eq!(answer.status, 400, "{bad}");
            assert!(
                answer.header("content-type").starts_with("text/html"),
                "{bad}"
            );
        }
    }

    fn a_reader_who_sees_the_list_already_is_sent_nothing(test: &TestDatabase) {
        let service = Service::on(test);
        candidate(&service, "Ahorn");
        let browser = Browser::of(&service, Role::Clinician);
        let list = browser.get("/");
        let seen = between(list.text(), "data-seen=\"", "\"").to_owned();
        let again = browser.get(&format!("/?seen={seen}"));
        assert_eq!((again.status, again.body.len()), (204, 0));
        candidate(&service, "Birke");
        assert_eq!(browser.get(&format!("/?seen={seen}")).status, 200);
    }

    fn a_patient_is_shown_with_reasons_and_what_is_missing(test: &TestDatabase) {
        let service = Service::on(test);
        let (patient, episode) = candidate(&service, "<script>alert(1)</script>");
        let browser = Browser::of(&service, Role::Clinician);
        let page = browser.get(&format!("/patients/{patient}"));
        assert_eq!(page.status, 200);
        let text = page.text();
        assert!(!text.contains("<script>alert"), "shown as text");
        assert!(text.contains("The left L4-5 meets profile medicare-lcd (version 1)."));
        assert!(
            text.contains("asked for is at least 80"),
            "sentences with values"
        );
        assert!(text.contains("L3, L4"), "nerves");
        assert!(text.contains(&format!(
            "/episodes/{episode}/evidence?profile=medicare-lcd"
        )));
        assert!(
            text.contains("lasted at least"),
            "the interval of relief in words"
        );
        assert!(
            text.contains("BMJ 2025;388:e079970"),
            "that the evidence is contested"
        );

        let block = json!({
            "episode_id": episode, "performed_at": "2030-01-02T09:00:00-05:00", "kind": "diagnostic",
            "technique": "medial_branch", "joints": ["L5-S1"], "side": "right",
        });
        let block = service.post("/v1/blocks", &block).expect(201);
        let missing = browser.get(&format!("/patients/{patient}?target=right:L5-S1"));
        assert!(missing.text().contains("Rules for the right L5-S1"));
        assert!(
            missing
                .text()
                .contains(&format!("/blocks/{}/scores/new", id(&block)))
        );

        let absent = browser.get("/patients/01890a5d-ac96-774b-bcce-b302099a8057");
        assert_eq!(absent.status, 404);
        assert!(absent.header("content-type").starts_with("text/html"));
    }

    fn no_page_is_for_a_role_that_may_not_see_it(test: &TestDatabase) {
        let service = Service::on(test);
        let (patient, episode) = candidate(&service, "Example");
        let paths: Vec<(&str, medial::auth::Action)> = service
            .state
            .endpoints()
            .iter()
            .filter(|endpoint| endpoint.dialect == medial::http::Dialect::Page && endpoint.method == medial::http::Method::Get)
            .filter_map(|endpoint| match endpoint.access {
                Access::SignedIn(action) => Some((endpoint.path, action)),
                Access::Public | Access::Needs(_) | Access::Identified => None,
            })
            .collect();
        assert!(paths.len() >= 5, "where are the pages?");
        for role in [Role::Clinician, Role::Analyst, Role::Auditor, Role::Admin] {
            let browser = Browser::of(&service, role);
            for (path, action) in &paths {
                let own = if path.starts_with("/patients") {
                    &patient
                } else {
                    &episode
                };
                let answer = browser.get(&path.replace("{id}", own));
                let allowed = medial::auth::allows(role, *action);
                let refused = answer.status == 403;
                assert_eq!(
                    refused,
                    !allowed,
                    "{} {path}: {}",
                    role.code(),
                    answer.status
                );
                if refused {
                    assert!(!answer.text().contains("Example"), "{path}");
                }
            }
        }
    }

    fn a_patient_of_another_organization_is_not_there(test: &TestDatabase) {
        let service = Service::on(test);
        let (patient, episode) = candidate(&service, "Example");
        let new = NewUser {
            organization: "south".to_owned(),
            login: "southerner".to_owned(),
            display_name: "South".to_owned(),
            role: Role::Clinician,
        };
        service.app.add_user(&new, PASSWORD).unwrap();
        let browser = Browser::signed_in(&service, "southerner");
        assert_eq!(browser.get(&format!("/patients/{patient}")).status, 404);
        assert_eq!(
            browser.get(&format!("/candidates/{episode}/review")).status,
            404
        );
        let decided = browser.post(
            &format!("/candidates/{episode}/review"),
            &[("decision", "referred")],
        );
        assert_eq!(decided.status, 404);
        assert!(!browser.get("/").text().contains("Example"));
    }
}
