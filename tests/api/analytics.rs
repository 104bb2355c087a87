//! The figures of a cohort that is small enough to be counted by hand.

use crate::pages::{Browser, between};
use crate::service::{Answer, Service, id};
use crate::support::databases::{TestDatabase, on_each_database};
use medial::auth::Role;
use serde_json::{Value, json};

/// A patient whose record lacks nothing but blocks.
fn patient(number: u32) -> (Value, Value) {
    let patient = json!({
        "identifiers": [{"system": "urn:example:mrn", "value": format!("MRN-{number}")}], "family_name": "Example",
    });
    let episode = json!({
        "region": "lumbar", "onset_date": "2024-01-01", "axial": true, "radiculopathy": "none",
        "other_causes_excluded": true, "fused_joints": [],
        "conservative_care": [{"kind": "medication", "start": "2024-02-01", "end": "2024-12-01", "outcome": "failed"}],
    });
    (patient, episode)
}

/// Minutes after the injection and the score then.
type Diary<'a> = &'a [(u32, u8)];

/// A block of joint L4-5 on the left from a baseline of 10, unless there is to be none.
fn block(number: u32, day: &str, baseline: bool, diary: Diary<'_>) -> Value {
    let (patient, episode) = patient(number);
    let mut scores = Vec::new();
    if baseline {
        scores.push(json!({"taken_at": format!("{day}T08:30:00Z"), "scale": "nrs", "value": 10}));
    }
    for (minutes, value) in diary {
        let at = format!("{day}T{:02}:{:02}:00Z", 9 + minutes / 60, minutes % 60);
        scores.push(json!({"taken_at": at, "scale": "nrs", "value": value}));
    }
    json!({
        "patient": patient, "episode": episode, "performed_at": format!("{day}T09:00:00Z"), "kind": "diagnostic",
        "technique": "medial_branch", "joints": ["L4-5"], "side": "left", "guidance": "fluoroscopy", "scores": scores,
    })
}

/// Six patients:
///
/// 1. positive twice (90 %, 80 %) at one site, ablated, relief of 75 % at 3 months, 50 % at 6, 12.5 % at 12, sore after the ablation;
/// 2. positive (80 %), then negative (40 %);
/// 3. negative (40 %) at another site;
/// 4. complete relief, and the diary ends in it;
/// 5. no block yet;
/// 6. a block without a baseline, with 50 % as stated.
fn cohort(service: &Service) {
    let mut first = block(
        1,
        "2025-01-10",
        true,
        &[(30, 1), (60, 1), (120, 5), (180, 9)],
    );
    first["agent"] = json!("lidocaine");
    first["operator"] = json!("=Dr. A");
    first["site"] = json!("North, ward 2");
    first["stated_relief_percent"] = json!(90);
    let first = service.post("/v1/blocks", &first).expect(201);
    let mut again = block(1, "2025-02-10", true, &[(30, 2), (240, 2), (300, 8)]);
    again["agent"] = json!("bupivacaine");
    again["operator"] = json!("=Dr. A");
    again["site"] = json!("North, ward 2");
    service.post("/v1/blocks", &again).expect(201);
    let ablation = json!({
        "episode_id": first["episode_id"], "performed_on": "2025-03-10", "joints": ["L4-5"], "side": "left",
        "pre_score": {"scale": "nrs", "value": 8},
        "follow_ups": [
            {"taken_on": "2025-06-09", "score": {"scale": "nrs", "value": 2}},
            {"taken_on": "2025-09-09", "score": {"scale": "nrs", "value": 4}},
            {"taken_on": "2026-03-10", "score": {"scale": "nrs", "value": 7}},
        ],
    });
    let ablation = service.post("/v1/ablations", &ablation).expect(201);
    let event = json!({"ablation_id": id(&ablation), "category": "soreness", "grade": "minor", "onset_on": "2025-03-11"});
    service.post("/v1/adverse-events", &event).expect(201);
    let mut elsewhere = block(3, "2025-01-12", true, &[(30, 6)]);
    elsewhere["site"] = json!("South");
    for block in [
        elsewhere,
        block(2, "2025-01-11", true, &[(30, 2), (60, 9)]),
        block(2, "2025-02-11", true, &[(30, 6)]),
        block(4, "2025-01-13", true, &[(30, 0), (60, 0)]),
    ] {
        service.post("/v1/blocks", &block).expect(201);
    }
    let (patient, mut episode) = patient(5);
    let patient = service.post("/v1/patients", &patient).expect(201);
    episode["patient_id"] = patient["id"].clone();
    service.post("/v1/episodes", &episode).expect(201);
    let mut unscored = block(6, "2025-01-14", false, &[]);
    unscored["stated_relief_percent"] = json!(50);
    service.post("/v1/blocks", &unscored).expect(201);
}

fn ask(service: &Service, path: &str, role: Role) -> Answer {
    let path = format!("/v1/analytics/{path}");
    service
        .ask("GET", &path)
        .bearer(&service.token(role))
        .send()
}

fn figure(service: &Service, path: &str) -> Value {
    ask(service, path, Role::Clinician).expect(200)
}

fn table<'f>(figure: &'f Value, name: &str) -> &'f Value {
    let tables = figure["tables"].as_array().unwrap();
    tables
        .iter()
        .find(|table| table["name"] == name)
        .unwrap_or_else(|| panic!("no {name} in {figure}"))
}

/// The row whose fields are these.
#[track_caller]
fn row(figure: &Value, name: &str, key: &Value) -> Value {
    let rows = table(figure, name)["rows"].as_array().unwrap();
    let fits = |row: &&Value| {
        key.as_object()
            .unwrap()
            .iter()
            .all(|(field, value)| row[field] == *value)
    };
    rows.iter()
        .find(fits)
        .unwrap_or_else(|| panic!("no {key} in {rows:?}"))
        .clone()
}

/// Numerator and denominator of the row whose fields are these.
#[track_caller]
fn share(figure: &Value, name: &str, key: &Value) -> (i64, i64) {
    let row = row(figure, name, key);
    (
        row["numerator"].as_i64().unwrap(),
        row["denominator"].as_i64().unwrap(),
    )
}

fn left_out(figure: &Value, name: &str, reason: &str) -> Value {
    let left_out = table(figure, name)["left_out"].as_array().unwrap();
    let found = left_out
        .iter()
        .find(|one| one["reason"].as_str().unwrap().contains(reason));
    found.map_or(Value::Null, |one| one["count"].clone())
}

on_each_database! {
    fn responders_are_counted_by_scores_and_as_stated(test: &TestDatabase) {
        let service = Service::on(test);
        cohort(&service);
        let found = figure(&service, "responders");
        let of = |by: &str, group: &str, measure: &str, threshold: i64| {
            share(&found, "responders", &json!({"by": by, "group": group, "measure": measure, "threshold_percent": threshold}))
        };
        assert_eq!([50, 75, 80, 100].map(|threshold| of("all", "all", "scores", threshold)), [(4, 6), (4, 6), (4, 6), (1, 6)]);
        assert_eq!([50, 75, 80, 100].map(|threshold| of("all", "all", "stated", threshold)), [(2, 2), (1, 2), (1, 2), (0, 2)]);
        assert_eq!(of("agent", "lidocaine", "scores", 80), (1, 1));
        assert_eq!(of("agent", "not recorded", "scores", 80), (2, 4));
        assert_eq!(of("operator", "=Dr. A", "scores", 80), (2, 2));
        assert_eq!(["North, ward 2", "South", "not recorded"].map(|site| of("site", site, "scores", 80)), [(2, 2), (0, 1), (2, 3)]);
        let rows = table(&found, "responders")["rows"].as_array().unwrap();
        let mut dimensions: Vec<&str> = rows.iter().map(|row| row["by"].as_str().unwrap()).collect();
        dimensions.dedup();
        assert_eq!(dimensions, ["all", "region", "level", "agent", "guidance", "site", "operator"]);
        assert_eq!(of("level", "L4-5", "scores", 100), (1, 6));
        let all = row(&found, "responders", &json!({"by": "all", "measure": "scores", "threshold_percent": 80}));
        // Wilson's interval of 4 in 6.
        assert_eq!((&all["percent"], &all["percent_low"], &all["percent_high"]), (&json!(66.67), &json!(30), &json!(90.32)));
        assert_eq!(left_out(&found, "responders", "by scores: no baseline"), 1);
        assert_eq!(left_out(&found, "responders", "as stated"), 5);
        let wald = figure(&service, "responders?interval=wald");
        let all = row(&wald, "responders", &json!({"by": "all", "measure": "scores", "threshold_percent": 80}));
        assert_eq!((&all["percent_low"], &all["percent_high"]), (&json!(28.95), &json!(100)));
    }

    fn filters_choose_who_is_in(test: &TestDatabase) {
        let service = Service::on(test);
        cohort(&service);
        let ratings = |filter: &str| {
            let found = figure(&service, &format!("responders?{filter}"));
            share(&found, "responders", &json!({"by": "all", "measure": "scores", "threshold_percent": 50})).1
        };
        assert_eq!(ratings("from=2025-02-01"), 2);
        assert_eq!(ratings("to=2025-01-31"), 4);
        assert_eq!(ratings("operator=%3DDr.%20A"), 2);
        assert_eq!(ratings("agent=lidocaine"), 1);
        assert_eq!(ratings("site=North%2C%20ward%202"), 2);
        assert_eq!(ratings("site=North%2C%20ward%202&site=South"), 3);
        let both = figure(&service, "funnel?site=South&site=North%2C%20ward%202");
        assert_eq!(both["chosen"]["site"], json!(["North, ward 2", "South"]));
        assert_eq!(share(&both, "steps", &json!({"step": "first_block"})), (2, 2));
        assert_eq!(figure(&service, "responders?site=South")["chosen"]["site"], "South");
        ask(&service, "responders?site=", Role::Clinician).expect(422);
        let twice = ask(&service, "responders?region=lumbar&region=lumbar", Role::Clinician).expect(422);
        assert_eq!(twice["errors"][0]["code"], "repeated_parameter");
        assert_eq!(ratings("region=lumbar&level=L4-5&guidance=fluoroscopy"), 6);
        // Who meets it today: 1, whose pain came back after the ablation, and 4.
        assert_eq!(ratings("profile=lumbar-consensus-2020"), 3);
    }

    fn durations_are_intervals_and_open_diaries_are_censored(test: &TestDatabase) {
        let service = Service::on(test);
        cohort(&service);
        let found = figure(&service, "relief-duration");
        let all = row(&found, "durations", &json!({"agent": "all", "threshold_percent": 80}));
        assert_eq!((&all["ratings"], &all["ended"], &all["open"]), (&json!(4), &json!(3), &json!(1)));
        assert_eq!(left_out(&found, "durations", "did not reach 80 %"), 2);
        assert_eq!(left_out(&found, "durations", "no baseline"), 1);
        // Ends within (0, 60], (30, 120], (210, 300], and after 30: a quarter within (30, 60], and so on.
        let lidocaine = row(&found, "curve", &json!({"agent": "lidocaine", "threshold_percent": 80}));
        assert_eq!((&lidocaine["from_minutes"], &lidocaine["to_minutes"]), (&json!(30), &json!(120)));
        let last = row(&found, "curve", &json!({"agent": "all", "threshold_percent": 80, "from_minutes": 210}));
        assert_eq!(last["still_percent"], 0);
    }

    fn false_positives_have_both_denominators(test: &TestDatabase) {
        let service = Service::on(test);
        cohort(&service);
        let found = figure(&service, "false-positives");
        let of = |denominator: &str, threshold: i64| {
            share(&found, "rates", &json!({"denominator_is": denominator, "threshold_percent": threshold}))
        };
        assert_eq!(of("positive_on_first", 80), (1, 2));
        assert_eq!(of("not_dual_positive", 80), (1, 2));
        assert_eq!(of("not_dual_positive", 100), (0, 3));
        assert_eq!(left_out(&found, "rates", "positive from 80 %, no second block yet"), 1);
        assert_eq!(left_out(&found, "rates", "relief of the first block is not known"), 1);
    }

    fn each_cut_off_is_followed_to_the_outcome(test: &TestDatabase) {
        let service = Service::on(test);
        cohort(&service);
        let found = figure(&service, "threshold-sweep");
        let of = |blocks: i64, cut_off: i64| row(&found, "sweep", &json!({"blocks": blocks, "cut_off_percent": cut_off}));
        let counts = |row: &Value| ["candidates", "judged", "ablated"].map(|name| row[name].as_i64().unwrap());
        assert_eq!(counts(&of(1, 30)), [4, 4, 1]);
        assert_eq!(counts(&of(1, 80)), [3, 4, 1]);
        assert_eq!(counts(&of(1, 100)), [1, 4, 0]);
        assert_eq!(counts(&of(2, 40)), [2, 2, 1]);
        assert_eq!(counts(&of(2, 80)), [1, 2, 1]);
        assert_eq!(counts(&of(2, 85)), [0, 2, 0]);
        let two = of(2, 80);
        let outcomes = ["success_3_months", "known_3_months", "success_6_months", "known_6_months", "success_12_months", "known_12_months"];
        assert_eq!(outcomes.map(|name| two[name].as_i64().unwrap()), [1, 1, 1, 1, 0, 1]);
        assert_eq!((&two["ppv_6_months_percent"], &two["ppv_12_months_percent"]), (&json!(100), &json!(0)));
        let nobody = of(1, 100);
        assert_eq!(nobody["ppv_3_months_percent"], Value::Null);
        assert!(nobody["note"].as_str().unwrap().contains("denominator is 0"));
        assert_eq!(table(&figure(&service, "threshold-sweep?step=35"), "sweep")["rows"].as_array().unwrap().len(), 6);
    }

    fn the_funnel_tells_where_patients_are_lost(test: &TestDatabase) {
        let service = Service::on(test);
        cohort(&service);
        let found = figure(&service, "funnel");
        let steps = ["considered", "first_block", "first_positive", "second_block", "second_positive", "referred", "ablated"];
        let rows = steps.map(|step| row(&found, "steps", &json!({"step": step})));
        let column = |name: &str| rows.clone().map(|row| row[name].as_i64().unwrap());
        assert_eq!(column("numerator"), [6, 5, 3, 2, 1, 1, 1]);
        assert_eq!(column("denominator"), [6, 6, 5, 3, 2, 1, 1]);
        assert_eq!(column("lost"), [0, 0, 2, 1, 1, 0, 0]);
        assert_eq!(column("under_way"), [0, 1, 0, 0, 0, 0, 0]);
        assert_eq!(rows[3]["median_days"], 31);
        let visits = ["6_weeks", "3_months", "6_months", "12_months", "24_months"];
        let attended = visits.map(|visit| share(&found, "follow_up", &json!({"visit": visit})));
        assert_eq!(attended, [(0, 1), (1, 1), (1, 1), (1, 1), (0, 1)]);
        let at_fifty = figure(&service, "funnel?threshold=40");
        assert_eq!(share(&at_fifty, "steps", &json!({"step": "second_positive"})), (2, 2));
    }

    fn profiles_are_held_against_each_other(test: &TestDatabase) {
        let service = Service::on(test);
        cohort(&service);
        let found = figure(&service, "agreement");
        let pair = row(&found, "pairs", &json!({"first": "medicare-lcd", "second": "lumbar-consensus-2020"}));
        let counts = ["judged", "both", "first_only", "second_only", "neither"].map(|name| pair[name].as_i64().unwrap());
        assert_eq!(counts, [5, 0, 0, 2, 3]);
        assert_eq!((&pair["agree_percent"], &pair["kappa"]), (&json!(60), &json!(0)));
        let rule = row(&found, "rules", &json!({"qualifies_by": "lumbar-consensus-2020", "not_by": "medicare-lcd", "rule": "block_count"}));
        assert_eq!((&rule["targets"], &rule["of"]), (&json!(2), &json!(2)));
        let january = figure(&service, "agreement?profile=medicare-lcd&from=2025-01-13");
        let pairs = table(&january, "pairs")["rows"].as_array().unwrap().clone();
        assert!(pairs.iter().all(|pair| pair["judged"] == 2 && (pair["first"] == "medicare-lcd" || pair["second"] == "medicare-lcd")), "{pairs:?}");
    }

    fn a_profile_that_is_not_stored_is_tried_on_everybody(test: &TestDatabase) {
        let service = Service::on(test);
        cohort(&service);
        let document = "id = \"one-block\"\nversion = 1\ntitle = \"One positive block\"\nregion = \"any\"\ntrust = \"unverified\"\nsource = \"a trial\"\n\n[criteria]\nrelief_percent = { value = 50, trust = \"unverified\", source = \"a trial\" }\nblocks = { value = 1, trust = \"unverified\", source = \"a trial\" }\n";
        let try_it = |path: &str, role: Role, document: &str| {
            service.ask("POST", path).bearer(&service.token(role)).body("application/toml", document.as_bytes().to_vec()).send()
        };
        let found = try_it("/v1/analytics/what-if?against=medicare-lcd", Role::Clinician, document).expect(200);
        assert_eq!(share(&found, "summary", &json!({"group": "entering"})), (2, 5));
        assert_eq!(share(&found, "summary", &json!({"group": "leaving"})), (0, 5));
        let of_two_sites = try_it("/v1/analytics/what-if?against=medicare-lcd&site=South&site=North%2C%20ward%202", Role::Clinician, document).expect(200);
        assert_eq!(share(&of_two_sites, "summary", &json!({"group": "entering"})).1, 2);
        let entering = found["entering"].as_array().unwrap();
        assert_eq!(entering.len(), 2);
        assert!(entering.iter().all(|one| one["rules"].as_array().unwrap().contains(&json!("block_count"))));
        assert_eq!(service.get("/v1/profiles/one-block").status, 404);
        let unseen = try_it("/v1/analytics/what-if?against=medicare-lcd", Role::Analyst, document).expect(200);
        assert_eq!((&unseen["entering"], &unseen["min_cell"]), (&Value::Null, &json!(11)));
        let wrong = try_it("/v1/analytics/what-if", Role::Clinician, &document.replace("value = 50", "value = 150")).expect(422);
        assert!(wrong["errors"][0]["detail"].as_str().unwrap().starts_with("line 9:"), "{wrong}");
        try_it("/v1/analytics/what-if", Role::Clinician, "id = ").expect(422);
        let nobody = try_it("/v1/analytics/what-if?against=nobody", Role::Clinician, document).expect(422);
        assert!(nobody["errors"][0]["detail"].as_str().unwrap().contains("medicare-lcd"));
    }

    fn ablations_are_followed_to_the_return_of_pain(test: &TestDatabase) {
        let service = Service::on(test);
        cohort(&service);
        let found = figure(&service, "ablation-outcomes");
        let all = row(&found, "durations", &json!({"by": "all"}));
        assert_eq!((&all["ablations"], &all["events"], &all["median_days"]), (&json!(1), &json!(1), &json!(365)));
        assert_eq!(all["relieved_at_183_days"], 100);
        assert_eq!(share(&found, "repeats", &json!({"by": "all"})), (0, 1));
        assert_eq!(share(&figure(&service, "ablation-outcomes?agent=lidocaine"), "repeats", &json!({"by": "all"})), (0, 1));
        let none = figure(&service, "ablation-outcomes?agent=ropivacaine");
        assert_eq!(table(&none, "durations")["rows"], json!([]));
    }

    fn adverse_events_have_their_denominators(test: &TestDatabase) {
        let service = Service::on(test);
        cohort(&service);
        let found = figure(&service, "adverse-events");
        let of = |procedure: &str, events: &str, per: &str| {
            share(&found, "rates", &json!({"procedure": procedure, "events": events, "per": per}))
        };
        assert_eq!(of("ablation", "soreness", "procedure"), (1, 1));
        assert_eq!(of("ablation", "any", "lesion"), (1, 2));
        assert_eq!(of("ablation", "serious", "patient"), (0, 1));
        assert_eq!(of("diagnostic_block", "any", "procedure"), (0, 7));
        assert_eq!(of("diagnostic_block", "any", "lesion"), (0, 14));
        assert_eq!(of("diagnostic_block", "any", "patient"), (0, 5));
    }

    fn gaps_in_the_records_are_counted(test: &TestDatabase) {
        let service = Service::on(test);
        cohort(&service);
        let found = figure(&service, "quality");
        let field = |field: &str| share(&found, "completeness", &json!({"by": "all", "field": field}));
        assert_eq!(field("block.agent"), (2, 7));
        assert_eq!(field("block.guidance"), (7, 7));
        assert_eq!(field("episode.disability"), (0, 5));
        assert_eq!(field("follow_up.relief"), (3, 3));
        let finding = |finding: &str| share(&found, "series", &json!({"by": "all", "finding": finding}));
        assert_eq!(finding("no_baseline"), (1, 7));
        // The clock stands years after the diaries.
        assert_eq!(finding("retrospective_entry"), (19, 19));
        assert_eq!(share(&found, "digits", &json!({"by": "all", "finding": "nrs_whole"})), (19, 19));
    }

    fn the_page_takes_several_sites_and_says_durations_as_everywhere(test: &TestDatabase) {
        let service = Service::on(test);
        cohort(&service);
        let browser = Browser::of(&service, Role::Clinician);
        let page = browser.get("/study?figure=relief-duration&site=South&site=North%2C+ward+2&site=");
        let text = page.text();
        for value in ["South", "North, ward 2", ""] {
            assert!(text.contains(&format!("name=\"site\" value=\"{value}\"")), "{text}");
        }
        assert_eq!(text.matches("name=\"site\"").count(), 3);
        let csv = between(text, "href=\"/study/table.csv?", "\"").replace("&#38;", "&");
        let csv = browser.get(&format!("/study/table.csv?{csv}"));
        assert!(csv.text().contains("\r\nall,80,2,2,0,"), "{}", csv.text());
        for duration in ["30\u{a0}min", "2\u{a0}h<", "3\u{a0}h\u{a0}30\u{a0}min", "5\u{a0}h<"] {
            assert!(text.contains(duration), "no {duration} in {text}");
        }
        let document = "id = \"trial\"\nversion = 1\ntitle = \"A trial\"\nregion = \"any\"\ntrust = \"unverified\"\nsource = \"a trial\"\n\n[criteria]\nrelief_percent = { value = 50, trust = \"unverified\", source = \"a trial\" }\nblocks = { value = 1, trust = \"unverified\", source = \"a trial\" }\n";
        let tried = browser.post("/study/what-if", &[("document", document), ("site", "South"), ("site", "North, ward 2"), ("site", "")]);
        assert_eq!(tried.status, 200, "{}", tried.text());
        assert_eq!(tried.text().matches("name=\"site\"").count(), 3);
    }

    fn small_numbers_are_kept_back_from_who_may_not_see_records(test: &TestDatabase) {
        let service = Service::on(test);
        cohort(&service);
        let found = ask(&service, "responders", Role::Analyst).expect(200);
        assert_eq!((&found["deidentified"], &found["min_cell"]), (&json!(true), &json!(11)));
        let rows = table(&found, "responders")["rows"].as_array().unwrap();
        assert!(rows.iter().all(|row| row["numerator"].is_null() && row["note"].as_str().unwrap().contains("fewer than 11")));
        assert!(!found.to_string().contains("Dr. A"));
        let refused = ask(&service, "responders?min_cell=0", Role::Analyst).expect(422);
        assert_eq!(refused["errors"][0]["pointer"], "?min_cell");
        ask(&service, "responders?deidentify=false", Role::Analyst).expect(403);
        let clinician = figure(&service, "responders?deidentify=true&min_cell=2");
        let operators = row(&clinician, "responders", &json!({"by": "operator", "group": "operator 1", "measure": "scores", "threshold_percent": 80}));
        assert_eq!(operators["numerator"], 2);
        let sites = figure(&service, "responders?deidentify=true&min_cell=0&site=South&site=North%2C%20ward%202");
        let of = |site: &str| share(&sites, "responders", &json!({"by": "site", "group": site, "measure": "scores", "threshold_percent": 80}));
        assert_eq!([of("site 1"), of("site 2")], [(2, 2), (0, 1)]);
        assert_eq!(sites["chosen"]["site"], "2");
        assert!(!sites.to_string().contains("North"), "{sites}");
    }

    fn nobody_is_no_error_and_what_there_is_not_is_told(test: &TestDatabase) {
        let service = Service::on(test);
        for name in ["responders", "relief-duration", "false-positives", "threshold-sweep", "agreement", "funnel", "ablation-outcomes", "quality", "adverse-events"] {
            let found = figure(&service, name);
            let text = found.to_string();
            assert!(!text.contains("NaN") && !text.contains("Infinity"), "{text}");
            let csv = ask(&service, &format!("{name}?format=csv"), Role::Clinician);
            assert_eq!(csv.status, 200);
        }
        cohort(&service);
        let unknown = ask(&service, "responders?colour=red", Role::Clinician).expect(422);
        assert!(unknown["detail"].as_str().unwrap().contains("operator, region, level"), "{unknown}");
        let format = ask(&service, "responders?format=xml", Role::Clinician).expect(422);
        assert!(format["errors"][0]["detail"].as_str().unwrap().contains("json, csv"), "{format}");
        let agent = ask(&service, "responders?agent=water&profile=x", Role::Clinician).expect(422);
        assert!(agent["errors"][0]["detail"].as_str().unwrap().contains("lidocaine"), "{agent}");
        let profile = ask(&service, "responders?profile=nobody", Role::Clinician).expect(422);
        assert!(profile["errors"][0]["detail"].as_str().unwrap().contains("medicare-lcd"), "{profile}");
        let token = service.token(Role::Clinician);
        service.ask("GET", "/v1/analytics/responders").header("accept", "text/html").bearer(&token).send().expect(406);
        let csv = service.ask("GET", "/v1/analytics/responders").header("accept", "text/csv").bearer(&token).send();
        assert!(csv.header("content-type").starts_with("text/csv"));
        let text = csv.text();
        assert!(text.starts_with("by,group,measure,threshold_percent,numerator,denominator,percent,percent_low,percent_high,note\r\n"), "{text}");
        assert!(text.contains("\r\nall,all,scores,80,4,6,66.67,30.00,90.32,\r\n") && text.contains("operator,'=Dr. A,scores"), "{text}");
        service.app.write_down_reads().unwrap();
        let trail = service.ask("GET", "/v1/audit?limit=500").bearer(&service.token(Role::Auditor)).send().expect(200);
        let noted = |entry: &&Value| entry["action"] == "read_analytics" && entry["resource_kind"] == "funnel";
        assert_eq!(trail["items"].as_array().unwrap().iter().filter(noted).count(), 2, "{trail}");
    }
}
