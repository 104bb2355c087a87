//! Each worked example, recorded over the API, comes out as written: at once, in another order, score by score, and
//! after a correction.

use crate::service::{Service, id};
use crate::support::databases::{TestDatabase, on_each_database};
use serde_json::{Value, json};
use std::path::Path;

/// The worked examples by name.
pub fn cases() -> Vec<(String, Value)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/cases");
    let mut cases: Vec<(String, Value)> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let text = std::fs::read_to_string(path).unwrap();
            (name, serde_json::from_str(&text).unwrap())
        })
        .collect();
    cases.sort_by(|(one, _), (other, _)| one.cmp(other));
    assert!(cases.len() >= 32, "the fixtures are missing");
    cases
}

fn patient(name: &str) -> Value {
    json!({"identifiers": [{"system": "urn:example:case", "value": name}]})
}

/// Without what the API does not take from a case.
fn without(value: &Value, names: &[&str]) -> Value {
    let mut value = value.clone();
    for name in names {
        value.as_object_mut().unwrap().remove(*name);
    }
    value
}

pub fn list<'v>(case: &'v Value, name: &str) -> Vec<&'v Value> {
    case.get(name)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .collect()
}

/// Records the patient and the episode of a case; the episode's id.
fn record_episode(service: &Service, name: &str, case: &Value) -> String {
    let patient = service.post("/v1/patients", &patient(name)).expect(201);
    let mut episode = case["episode"].clone();
    episode["patient_id"] = patient["id"].clone();
    let episode = service.post("/v1/episodes", &episode).expect(201);
    id(&episode).to_owned()
}

fn block_of(episode: &str, block: &Value) -> Value {
    let mut block = block.clone();
    block["episode_id"] = json!(episode);
    block
}

fn ablation_of(episode: &str, ablation: &Value) -> Value {
    block_of(episode, ablation)
}

/// What is said about the episode as of the case's day, in the form of its `expect`, in a fixed order.
pub fn said(service: &Service, episode: &str, case: &Value) -> Vec<Value> {
    let as_of = case["as_of"].as_str().unwrap();
    let path = format!("/v1/episodes/{episode}/determinations?as_of={as_of}&profiles=all");
    shaped(&service.get(&path).expect(200))
}

fn shaped(answer: &Value) -> Vec<Value> {
    let mut found: Vec<Value> = list(answer, "determinations")
        .into_iter()
        .map(|one| {
            let rules: serde_json::Map<String, Value> = list(one, "rules")
                .into_iter()
                .map(|rule| (rule["rule"].as_str().unwrap().to_owned(), rule["status"].clone()))
                .collect();
            json!({
                "profile": one["profile"], "joint": one["joint"], "side": one["side"], "verdict": one["verdict"],
                "next_step": one["next_step"], "earliest": one["earliest"], "changes_on": one["changes_on"], "rules": rules,
            })
        })
        .collect();
    found.sort_by_key(key);
    found
}

pub fn expected(case: &Value) -> Vec<Value> {
    let mut expected = case["expect"].as_array().unwrap().clone();
    expected.sort_by_key(key);
    expected
}

fn key(determination: &Value) -> String {
    format!(
        "{} {} {}",
        determination["profile"], determination["joint"], determination["side"]
    )
}

fn record_in_order(service: &Service, name: &str, case: &Value) -> String {
    let episode = record_episode(service, name, case);
    for block in list(case, "blocks") {
        service
            .post("/v1/blocks", &block_of(&episode, block))
            .expect(201);
    }
    for ablation in list(case, "ablations") {
        service
            .post("/v1/ablations", &ablation_of(&episode, ablation))
            .expect(201);
    }
    episode
}

on_each_database! {
    fn every_case_comes_out_as_written(test: &TestDatabase) {
        let service = Service::on(test);
        for (name, case) in cases() {
            let episode = record_in_order(&service, &name, &case);
            assert_eq!(said(&service, &episode, &case), expected(&case), "{name}");
        }
    }

    fn the_order_of_the_requests_does_not_matter(test: &TestDatabase) {
        let service = Service::on(test);
        for (name, case) in cases() {
            let episode = record_episode(&service, &name, &case);
            for ablation in list(&case, "ablations").into_iter().rev() {
                let bare = without(&ablation_of(&episode, ablation), &["follow_ups"]);
                let recorded = service.post("/v1/ablations", &bare).expect(201);
                for follow_up in list(ablation, "follow_ups").into_iter().rev() {
                    let path = format!("/v1/ablations/{}/follow-ups", id(&recorded));
                    service.post(&path, follow_up).expect(201);
                }
            }
            for block in list(&case, "blocks").into_iter().rev() {
                let bare = without(&block_of(&episode, block), &["scores"]);
                let recorded = service.post("/v1/blocks", &bare).expect(201);
                let scores: Vec<&Value> = list(block, "scores").into_iter().rev().collect();
                if !scores.is_empty() {
                    let path = format!("/v1/blocks/{}/scores", id(&recorded));
                    service.post(&path, &json!(scores)).expect(201);
                }
            }
            assert_eq!(said(&service, &episode, &case), expected(&case), "{name}");
        }
    }

    fn scores_may_come_one_by_one(test: &TestDatabase) {
        let service = Service::on(test);
        for (name, case) in cases() {
            let episode = record_episode(&service, &name, &case);
            for block in list(&case, "blocks") {
                let bare = without(&block_of(&episode, block), &["scores"]);
                let recorded = service.post("/v1/blocks", &bare).expect(201);
                let path = format!("/v1/blocks/{}/scores", id(&recorded));
                for score in list(block, "scores") {
                    service.post(&path, score).expect(201);
                }
            }
            for ablation in list(&case, "ablations") {
                service.post("/v1/ablations", &ablation_of(&episode, ablation)).expect(201);
            }
            assert_eq!(said(&service, &episode, &case), expected(&case), "{name}");
        }
    }

    fn a_what_if_says_the_same_and_stores_nothing(test: &TestDatabase) {
        let service = Service::on(test);
        for (name, case) in cases() {
            let answer = service.post("/v1/evaluate?profiles=all", &case).expect(200);
            assert_eq!(shaped(&answer), expected(&case), "{name}");
        }
        assert_eq!(service.get("/v1/patients?count=true").expect(200)["count"], 0);
        assert_eq!(service.get("/v1/blocks?count=true").expect(200)["count"], 0);
    }

    fn a_corrected_case_comes_out_as_the_case_that_was_right(test: &TestDatabase) {
        let service = Service::on(test);
        for (name, case) in cases() {
            let episode = record_episode(&service, &name, &case);
            for block in list(&case, "blocks") {
                record_with_slips(&service, &episode, block);
            }
            for ablation in list(&case, "ablations") {
                service.post("/v1/ablations", &ablation_of(&episode, ablation)).expect(201);
            }
            assert_eq!(said(&service, &episode, &case), expected(&case), "{name}");
        }
    }
}

/// Records a block with a wrong value in each score and one score too many, and then puts all of it right.
fn record_with_slips(service: &Service, episode: &str, block: &Value) {
    let mut wrong = block_of(episode, block);
    for score in wrong["scores"].as_array_mut().into_iter().flatten() {
        score["value"] = json!(1);
    }
    let recorded = service.post("/v1/blocks", &wrong).expect(201);
    let Some(first) = list(block, "scores").first().map(|score| (*score).clone()) else {
        return;
    };
    let path = format!("/v1/blocks/{}/scores", id(&recorded));
    let surplus = service.post(&path, &first).expect(201);
    let withdrawal = service
        .ask("DELETE", &format!("/v1/scores/{}", id(&surplus)))
        .json(&json!({"reason": "entered twice"}));
    withdrawal.send().expect(204);
    let stored = service.get(&format!("{path}?limit=500")).expect(200);
    let wanted = list(block, "scores");
    assert_eq!(list(&stored, "items").len(), wanted.len());
    for slip in list(&stored, "items") {
        let same = |score: &&&Value| {
            let instant = |value: &Value| -> chrono::DateTime<chrono::FixedOffset> {
                value["taken_at"].as_str().unwrap().parse().unwrap()
            };
            let field = |value: &Value, name: &str| value.get(name).cloned().unwrap_or(Value::Null);
            instant(score) == instant(slip)
                && ["scale", "side"]
                    .iter()
                    .all(|name| field(score, name) == field(slip, name))
                && score
                    .get("context")
                    .is_none_or(|context| *context == slip["context"])
        };
        let right = wanted.iter().find(same).unwrap();
        let path = format!("/v1/scores/{}", id(slip));
        let corrected = service.put(&path, 1, right).expect(200);
        assert_eq!(
            (&corrected["version"], &corrected["value"]),
            (&json!(2), &right["value"])
        );
    }
}
