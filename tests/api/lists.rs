//! Lists: filters, sorts, and pages that neither lose nor repeat a row while others write.

use crate::service::{Service, id};
use crate::support::databases::{TestDatabase, on_each_database};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// A first block with this relief and operator; its patient waits for a confirmatory block.
fn block(number: usize, last_score: u8, operator: &str) -> Value {
    json!({
        "patient": {
            "identifiers": [{"system": "urn:example:mrn", "value": format!("MRN-{number}")}],
            "family_name": format!("Example-{:04}", 9999 - number), "given_name": "Robin",
        },
        "episode": {
            "region": if number.is_multiple_of(3) { "cervical" } else { "lumbar" }, "onset_date": "2025-01-01", "axial": true,
            "radiculopathy": "none", "other_causes_excluded": true, "fused_joints": [],
            "conservative_care": [{"kind": "medication", "start": "2025-02-01", "end": "2025-08-01", "outcome": "failed"}],
        },
        "performed_at": "2025-09-08T09:00:00Z", "kind": "diagnostic", "technique": "medial_branch",
        "joints": [if number.is_multiple_of(3) { "C4-5" } else { "L4-5" }], "side": if number.is_multiple_of(2) { "left" } else { "right" },
        "guidance": "fluoroscopy", "operator": operator,
        "scores": [
            {"taken_at": "2025-09-08T08:30:00Z", "scale": "nrs", "value": 10},
            {"taken_at": "2025-09-08T09:30:00Z", "scale": "nrs", "value": last_score},
        ],
    })
}

/// Every item of a list, page by page.
fn all(service: &Service, path: &str, limit: usize) -> Vec<Value> {
    let mut items = Vec::new();
    let mut next = format!("{path}limit={limit}");
    loop {
        let answer = service.get(&next);
        let page = answer.expect(200);
        let found = page["items"].as_array().unwrap().clone();
        assert!(found.len() <= limit);
        items.extend(found);
        let Some(cursor) = page["next"].as_str() else {
            assert_eq!(answer.header("link"), "");
            return items;
        };
        assert!(answer.header("link").ends_with("rel=\"next\""));
        next = format!("{path}limit={limit}&cursor={cursor}");
    }
}

fn ids(items: &[Value]) -> Vec<String> {
    items.iter().map(|item| id(item).to_owned()).collect()
}

on_each_database! {
    fn pages_of_any_size_hold_the_same(test: &TestDatabase) {
        let service = Service::on(test);
        for number in 0..23 {
            service.post("/v1/blocks", &block(number, 1, "operator-1")).expect(201);
        }
        for path in ["/v1/patients?", "/v1/episodes?", "/v1/blocks?", "/v1/worklist?", "/v1/worklist?sort=patient&", "/v1/worklist?sort=-relief_percent&"] {
            let whole = ids(&all(&service, path, 500));
            assert_eq!(whole.len(), 23, "{path}");
            for limit in [1, 5, 22, 23] {
                assert_eq!(ids(&all(&service, path, limit)), whole, "{path} by {limit}");
            }
            assert_eq!(service.get(&format!("{path}count=true&limit=2")).expect(200)["count"], 23);
        }
    }

    fn nothing_is_lost_or_repeated_while_others_write(test: &TestDatabase) {
        let service = Service::on(test);
        let there: BTreeSet<String> = (0..30)
            .map(|number| {
                let recorded = service.post("/v1/blocks", &block(number, 1, "operator-1")).expect(201);
                recorded["episode_id"].as_str().unwrap().to_owned()
            })
            .collect();
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                for number in 30..60 {
                    service.post("/v1/blocks", &block(number, 1, "operator-1")).expect(201);
                }
            });
            for path in ["/v1/worklist?", "/v1/worklist?sort=patient&", "/v1/worklist?sort=-relief_percent&", "/v1/episodes?"] {
                let seen = ids(&all(&service, path, 3));
                let once: BTreeSet<String> = seen.iter().cloned().collect();
                assert_eq!(once.len(), seen.len(), "{path} repeats");
                assert!(once.is_superset(&there), "{path} loses");
            }
            writer.join().unwrap();
        });
    }

    fn filters_and_sorts_do_what_they_say(test: &TestDatabase) {
        let service = Service::on(test);
        for number in 0..12 {
            let operator = if number < 4 { "operator-1" } else { "operator-2" };
            let score = u8::try_from(number).unwrap() / 4;
            service.post("/v1/blocks", &block(number, score, operator)).expect(201);
        }
        let count = |query: &str| all(&service, &format!("/v1/worklist?{query}&"), 500).len();
        assert_eq!(count("next_step=confirmatory_block&profile=medicare-lcd"), 12);
        assert_eq!(count("next_step=confirmatory_block&profile=sis-dual-100"), 4);
        assert_eq!(count("operator=operator-1"), 4);
        assert_eq!(count("region=cervical"), 4);
        assert_eq!(count("side=left"), 6);
        assert_eq!(count("relief_percent_min=90"), 8);
        assert_eq!(count("relief_percent_min=90.1"), 4);
        assert_eq!(count("q=mrn-7"), 1);
        assert_eq!(count("q=EXAMPLE-99"), 12);
        assert_eq!(count("q=example-9992"), 1);
        assert_eq!(count("q=nobody"), 0);
        assert_eq!(count("verdict=insufficient_data&profile=medicare-lcd"), 12);
        assert_eq!(count("since=2100-01-01"), 0);
        assert_eq!(count("region=lumbar&side=right&operator=operator-2&profile=medicare-lcd"), 3);

        let by_name: Vec<Value> = all(&service, "/v1/worklist?sort=patient&", 5);
        let names: Vec<&str> = by_name.iter().map(|one| one["patient"]["family_name"].as_str().unwrap()).collect();
        assert!(names.is_sorted() && names.len() == 12, "{names:?}");
        let by_relief = all(&service, "/v1/worklist?sort=-relief_percent&", 5);
        let reliefs: Vec<i64> = by_relief.iter().map(|one| -one["relief_percent"].as_i64().unwrap()).collect();
        assert!(reliefs.is_sorted(), "{reliefs:?}");
        // One block at 50 % is enough for some profiles.
        let candidates = all(&service, "/v1/candidates?", 500);
        assert!(candidates.iter().all(|one| one["determinations"].as_array().unwrap().iter().all(|said| said["next_step"] == "refer_for_ablation")));
        assert_eq!(candidates.len(), 12);
        let waiting: Vec<i64> = candidates.iter().map(|one| one["waiting_days"].as_i64().unwrap()).collect();
        assert!(waiting.iter().all(|days| *days == 0));
    }

    fn a_patient_is_found_by_identifier(test: &TestDatabase) {
        let service = Service::on(test);
        for number in 0..3 {
            service.post("/v1/blocks", &block(number, 1, "operator-1")).expect(201);
        }
        let found = service.get("/v1/patients?identifier=urn:example:mrn%7CMRN-1&count=true").expect(200);
        assert_eq!((found["items"].as_array().unwrap().len(), &found["count"]), (1, &json!(1)));
        let none = service.get("/v1/patients?identifier=urn:example:mrn%7CMRN-9").expect(200);
        assert_eq!(none["items"], json!([]));
        service.get("/v1/patients?identifier=MRN-1").expect(400);
    }
}
