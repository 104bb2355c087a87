//! Many clients at once.

use crate::service::{Service, id};
use crate::support::databases::{TestDatabase, on_each_database};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// What each of `clients` got, all of them asking at the same time.
pub fn at_once<T: Send>(clients: usize, ask: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let barrier = std::sync::Barrier::new(clients);
    std::thread::scope(|scope| {
        let waiting: Vec<_> = (0..clients)
            .map(|number| {
                let (barrier, ask) = (&barrier, &ask);
                scope.spawn(move || {
                    barrier.wait();
                    ask(number)
                })
            })
            .collect();
        waiting
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    })
}

on_each_database! {
    fn one_patient_is_created_however_many_create_it(test: &TestDatabase) {
        let service = Service::on(test);
        let patient = json!({"identifiers": [{"system": "urn:example:mrn", "value": "12345"}], "family_name": "Example"});
        let answers = at_once(32, |_| {
            let answer = service.post("/v1/patients", &patient);
            (answer.status, id(&answer.json()).to_owned())
        });
        let ids: BTreeSet<&str> = answers.iter().map(|(_, id)| id.as_str()).collect();
        assert_eq!(ids.len(), 1, "{answers:?}");
        let created = answers.iter().filter(|(status, _)| *status == 201).count();
        assert_eq!(created, 1, "{answers:?}");
        assert!(answers.iter().all(|(status, _)| matches!(status, 200 | 201)), "{answers:?}");
        assert_eq!(service.get("/v1/patients?count=true").expect(200)["count"], 1);
    }

    fn one_key_does_its_work_once_however_many_send_it(test: &TestDatabase) {
        let service = Service::on(test);
        let patient = json!({"identifiers": [{"system": "urn:example:mrn", "value": "1"}]});
        let patient = service.post("/v1/patients", &patient).expect(201);
        let episode = json!({"patient_id": id(&patient), "region": "lumbar"});
        let answers = at_once(16, |_| {
            let request = service.ask("POST", "/v1/episodes").header("idempotency-key", "the-one");
            request.json(&episode).send().expect(201)
        });
        let ids: BTreeSet<&str> = answers.iter().map(id).collect();
        assert_eq!(ids.len(), 1);
        assert_eq!(service.get("/v1/episodes?count=true").expect(200)["count"], 1);
    }

    fn of_corrections_of_one_version_one_holds(test: &TestDatabase) {
        let service = Service::on(test);
        let patient = json!({"identifiers": [{"system": "urn:example:mrn", "value": "1"}]});
        let patient = service.post("/v1/patients", &patient).expect(201);
        let path = format!("/v1/patients/{}", id(&patient));
        let statuses = at_once(8, |number| {
            let body = json!({
                "identifiers": [{"system": "urn:example:mrn", "value": "1"}], "family_name": format!("Example-{number}"),
            });
            service.put(&path, 1, &body).status
        });
        assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
        assert_eq!(statuses.iter().filter(|status| **status == 412).count(), 7, "{statuses:?}");
        assert_eq!(service.get(&path).expect(200)["version"], 2);
    }

    fn scores_of_one_diary_that_come_together_all_count(test: &TestDatabase) {
        let service = Service::on(test);
        let block: Value = json!({
            "patient": {"identifiers": [{"system": "urn:example:mrn", "value": "1"}]}, "episode": {"region": "lumbar"},
            "performed_at": "2025-09-08T09:00:00Z", "kind": "diagnostic", "technique": "medial_branch",
            "joints": ["L4-5"], "side": "left",
        });
        let block = service.post("/v1/blocks", &block).expect(201);
        let path = format!("/v1/blocks/{}/scores", id(&block));
        at_once(20, |number| {
            let taken_at = format!("2025-09-08T{:02}:{:02}:00Z", 9 + number / 10, (number % 10) * 5);
            service.post(&path, &json!({"taken_at": taken_at, "scale": "nrs", "value": 3})).expect(201)
        });
        let stored = service.get(&format!("{path}?count=true")).expect(200);
        assert_eq!(stored["count"], 20);
        let times: Vec<&str> = stored["items"].as_array().unwrap().iter().map(|score| score["taken_at"].as_str().unwrap()).collect();
        assert!(times.is_sorted());
    }
}
