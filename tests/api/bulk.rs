//! Bulk Data: asked for, made in the background, fetched, and forgotten.

use crate::fhir::{Recorded, read, walked};
use crate::service::{Answer, Service, id};
use crate::support::databases::{TestDatabase, on_each_database};
use chrono::TimeDelta;
use medial::auth::Role;
use medial::fhir::resource::ResourceType;
use medial::jobs::bulk::{clean_up, run_waiting_while};
use medial::jobs::{JOBS, Jobs};
use serde_json::{Value, json};
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const EVERYTHING: &str = "/fhir/R4/$export";
const PATIENTS: &str = "/fhir/R4/Patient/$export";
const CANDIDATES: &str = "/fhir/R4/Group/candidates-medicare-lcd/$export";

fn service(test: &TestDatabase) -> Service {
    Service::at(test, "2025-10-06T15:00:00Z")
}

/// Asks for an export; the answer.
fn asked(service: &Service, path: &str) -> Answer {
    service
        .ask("GET", path)
        .header("prefer", "respond-async")
        .send()
}

/// The path of the status of an export that was asked for.
fn status_of(service: &Service, answer: &Answer) -> String {
    answer.expect(202);
    let location = answer.header("content-location");
    let path = location.strip_prefix(&service.url("")).unwrap();
    assert!(path.starts_with("/fhir/R4/bulk/"), "{path}");
    path.to_owned()
}

/// Makes everything that waits; how many exports that were.
fn make(service: &Service) -> usize {
    run_waiting_while(&service.app, &|| true).unwrap()
}

/// An export that is made.
struct Made {
    status: String,
    manifest: Value,
    /// The resources of each type.
    output: BTreeMap<String, Vec<Value>>,
    /// What is deleted, as `Type/id`.
    deleted: BTreeSet<String>,
    /// What is said beside it.
    errors: Vec<Value>,
}

impl Made {
    fn of(service: &Service, answer: &Answer) -> Made {
        let status = status_of(service, answer);
        assert_eq!(make(service), 1);
        let manifest = service.get(&status).expect(200);
        let lines = |part: &str| -> Vec<(String, Vec<Value>)> {
            let files = manifest[part].as_array().unwrap().iter();
            files.map(|file| lines_of(service, file)).collect()
        };
        let mut output: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for (kind, resources) in lines("output") {
            output.entry(kind).or_default().extend(resources);
        }
        let bundles = lines("deleted").into_iter().flat_map(|(kind, bundles)| {
            assert_eq!(kind, "Bundle");
            bundles
        });
        let mut deleted = BTreeSet::new();
        for bundle in bundles {
            assert_eq!(bundle["type"], "transaction");
            for entry in bundle["entry"].as_array().unwrap() {
                assert_eq!(entry["request"]["method"], "DELETE");
                assert!(deleted.insert(entry["request"]["url"].as_str().unwrap().to_owned()));
            }
        }
        let errors = lines("error").into_iter().flat_map(|(kind, outcomes)| {
            assert_eq!(kind, "OperationOutcome");
            outcomes
        });
        Made {
            errors: errors.collect(),
            status,
            output,
            deleted,
            manifest,
        }
    }

    fn by_get(service: &Service, path: &str) -> Made {
        Made::of(service, &asked(service, path))
    }

    fn types(&self) -> Vec<&str> {
        self.output.keys().map(String::as_str).collect()
    }

    /// The ids of a type.
    fn ids(&self, kind: &str) -> BTreeSet<&str> {
        let all = self.output.get(kind).into_iter().flatten();
        all.map(id).collect()
    }

    fn all(&self) -> impl Iterator<Item = &Value> {
        self.output.values().flatten()
    }
}

fn lines_of(service: &Service, file: &Value) -> (String, Vec<Value>) {
    let path = file["url"].as_str().unwrap();
    let path = path.strip_prefix(&service.url("")).unwrap();
    let answer = service
        .ask("GET", path)
        .header("accept", "application/fhir+ndjson")
        .send();
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("content-type"), "application/fhir+ndjson");
    let kind = file["type"].as_str().unwrap();
    let lines: Vec<Value> = answer
        .text()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(
        lines.iter().all(|line| line["resourceType"] == kind),
        "{kind}"
    );
    assert_eq!(file["count"], lines.len());
    (kind.to_owned(), lines)
}

/// Codes and places of the issues, after a look at the status.
fn issues(answer: &Answer, status: u16) -> Vec<(String, String)> {
    let body = answer.expect(status);
    assert_eq!(answer.header("content-type"), "application/fhir+json");
    assert_eq!(body["resourceType"], "OperationOutcome");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let all = body["issue"].as_array().unwrap().iter();
    all.map(|issue| (text(&issue["code"]), text(&issue["expression"][0])))
        .collect()
}

fn parameters(of: &[(&str, &str, Value)]) -> Value {
    let all: Vec<Value> = of
        .iter()
        .map(|(name, kind, value)| {
            let mut one = json!({"name": name});
            one[kind] = value.clone();
            one
        })
        .collect();
    json!({"resourceType": "Parameters", "parameter": all})
}

fn posted(service: &Service, path: &str, body: &Value) -> Answer {
    let request = service.ask("POST", path).header("prefer", "respond-async");
    request
        .body("application/fhir+json", body.to_string().into_bytes())
        .send()
}

/// Another patient, of whom there is one block with one score.
fn another_patient(service: &Service, number: u32) -> Value {
    let block = json!({
        "patient": {"identifiers": [{"system": "urn:example:mrn", "value": format!("another-{number}")}]},
        "episode": {"region": "lumbar"}, "performed_at": "2025-10-05T09:00:00-05:00", "kind": "diagnostic",
        "technique": "medial_branch", "joints": ["L4-5"], "side": "left",
        "scores": [{"taken_at": "2025-10-05T08:30:00-05:00", "scale": "nrs", "value": 8}],
    });
    service.post("/v1/blocks", &block).expect(201)
}

fn patient_of(block: &Value) -> &str {
    block["patient_id"].as_str().unwrap()
}

/// All that comes over the wire for a path.
fn raw(service: &Service, path: &str, encoding: &str) -> Vec<u8> {
    let host = service.url("").trim_start_matches("http://").to_owned();
    let mut wire = TcpStream::connect(&host).unwrap();
    let token = service.token(Role::EhrSystem);
    write!(
        wire,
        "GET {path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {token}\r\naccept-encoding: {encoding}\r\nconnection: close\r\n\r\n"
    )
    .unwrap();
    let mut all = Vec::new();
    wire.read_to_end(&mut all).unwrap();
    all
}

/// Every file of exports that there is.
fn files_of(service: &Service) -> Vec<String> {
    fn walk(directory: &Path, found: &mut Vec<PathBuf>) {
        let Ok(entries) = std::fs::read_dir(directory) else {
            return;
        };
        for entry in entries {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&service.app.settings.export_directory, &mut found);
    let name = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
    found.iter().map(name).collect()
}

on_each_database! {
    fn everything_is_given_out_as_it_is_read_one_by_one(test: &TestDatabase) {
        let service = service(test);
        Recorded::on(&service);
        another_patient(&service, 1);
        let answer = asked(&service, EVERYTHING);
        let status = status_of(&service, &answer);
        assert_eq!(answer.expect(202)["resourceType"], "OperationOutcome");
        assert_eq!(answer.header("preference-applied"), "respond-async");
        let waiting = service.get(&status);
        assert_eq!((waiting.status, waiting.body.len()), (202, 0));
        assert_eq!(waiting.header("x-progress"), "waiting");
        assert_eq!(waiting.header("retry-after"), "1");

        let made = Made::of(&service, &answer);
        assert_eq!(made.manifest["request"], service.url(EVERYTHING));
        assert_eq!(made.manifest["requiresAccessToken"], true);
        assert_eq!(made.manifest["transactionTime"], "2025-10-06T15:00:00Z");
        assert_eq!((&made.manifest["error"], &made.manifest["deleted"]), (&json!([]), &json!([])));
        let done = service.get(&status);
        assert_eq!(done.header("content-type"), "application/json");
        assert_eq!(done.header("expires"), "Tue, 07 Oct 2025 15:00:00 GMT");

        for kind in ResourceType::ALL.iter().filter(|kind| **kind != ResourceType::AuditEvent) {
            let there = walked(&service, *kind);
            assert!(!there.is_empty(), "{kind:?}");
            assert_eq!(made.ids(kind.code()).len(), there.len(), "{kind:?}");
            for one in &there {
                let given = made.output[kind.code()].iter().find(|given| given["id"] == one.id);
                assert_eq!(given, Some(&Value::Object(one.body.clone())), "{}", one.reference());
            }
        }
        // The trail only where it is named, for who may read it.
        assert!(!made.types().contains(&"AuditEvent"));
        let admin = service.token(Role::Admin);
        let path = format!("{EVERYTHING}?_type=AuditEvent");
        let request = service.ask("GET", &path).bearer(&admin).header("prefer", "respond-async");
        let status = status_of(&service, &request.send());
        assert_eq!(make(&service), 1);
        let manifest = service.ask("GET", &status).bearer(&admin).send().expect(200);
        assert!(manifest["output"][0]["count"].as_u64().unwrap() > 5, "{manifest}");
        assert_eq!(issues(&asked(&service, &path), 403), [
            ("forbidden".to_owned(), "http._type".to_owned()), ("forbidden".to_owned(), "http._type".to_owned()),
        ]);
    }

    fn the_service_makes_an_export_by_itself_and_goes_on_with_one_that_was_broken_off(test: &TestDatabase) {
        let service = service(test);
        another_patient(&service, 1);
        let broken_off = status_of(&service, &asked(&service, PATIENTS));
        // Taken, and then the process ended.
        service.app.take_waiting_bulk().unwrap().unwrap();
        let waits = status_of(&service, &asked(&service, EVERYTHING));
        let jobs = Jobs::start(&service.app, JOBS).unwrap();
        let begun = Instant::now();
        let done = |status: &str| service.get(status).status == 200;
        while !(done(&broken_off) && done(&waits)) {
            assert!(begun.elapsed() < Duration::from_secs(30), "nothing was made");
            std::thread::sleep(Duration::from_millis(20));
        }
        jobs.stop();
    }

    fn what_is_not_whole_has_no_name_and_is_made_again(test: &TestDatabase) {
        let service = service(test);
        for number in 0..60 {
            another_patient(&service, number);
        }
        let path = format!("{PATIENTS}?_type=Patient,Observation");
        let status = status_of(&service, &asked(&service, &path));
        // It is asked between two batches of patients whether to go on.
        let asked_for = Cell::new(0);
        let seen = Cell::new(Vec::new());
        let go_on = || {
            asked_for.set(asked_for.get() + 1);
            if asked_for.get() == 3 {
                seen.set(files_of(&service));
            }
            asked_for.get() < 3
        };
        assert_eq!(run_waiting_while(&service.app, &go_on).unwrap(), 0);
        let seen = seen.into_inner();
        assert_eq!(seen.len(), 2, "{seen:?}");
        assert!(seen.iter().all(|name| name.ends_with(".part")), "{seen:?}");
        assert_eq!(files_of(&service), Vec::<String>::new());
        let running = service.get(&status);
        assert_eq!(running.status, 202);
        assert_eq!(running.header("x-progress"), "0 of 60 patients");

        assert_eq!(make(&service), 1);
        let manifest = service.get(&status).expect(200);
        assert_eq!(manifest["output"][1]["type"], "Patient");
        assert_eq!(manifest["output"][1]["count"], 60);
        assert!(files_of(&service).iter().all(|name| name.ends_with(".ndjson")));
    }

    fn one_that_panics_is_marked_as_failed_and_the_next_is_made(test: &TestDatabase) {
        let service = service(test);
        another_patient(&service, 1);
        let [first, next] = [(); 2].map(|()| status_of(&service, &asked(&service, PATIENTS)));
        // Once before an export is begun, then before its first batch of patients.
        let times = Cell::new(0);
        let go_on = || {
            times.set(times.get() + 1);
            assert_ne!(times.get(), 2, "in the midst of the patients");
            true
        };
        assert_eq!(run_waiting_while(&service.app, &go_on).unwrap(), 1);
        issues(&service.get(&first), 500);
        let manifest = service.get(&next).expect(200);
        let named: usize = manifest["output"].as_array().unwrap().len();
        // Of the one that failed no file is left.
        assert_eq!(files_of(&service).len(), named);
    }

    fn what_is_recorded_meanwhile_is_not_in_it_and_in_the_next_one(test: &TestDatabase) {
        let service = service(test);
        let first = another_patient(&service, 1);
        let answer = asked(&service, PATIENTS);
        service.clock.forward(TimeDelta::minutes(1));
        let (times, meanwhile) = (Cell::new(0), Cell::new(None));
        let go_on = || {
            times.set(times.get() + 1);
            // Before the view is opened it is asked once.
            if times.get() == 2 {
                service.clock.forward(TimeDelta::minutes(1));
                meanwhile.set(Some(another_patient(&service, 2)));
            }
            true
        };
        assert_eq!(run_waiting_while(&service.app, &go_on).unwrap(), 1);
        let second = meanwhile.into_inner().expect("it was recorded");
        let manifest = service.get(&status_of(&service, &answer)).expect(200);
        let at = manifest["transactionTime"].as_str().unwrap().to_owned();
        assert_eq!(at, "2025-10-06T15:01:00Z");
        let patients = manifest["output"].as_array().unwrap().iter().find(|file| file["type"] == "Patient").unwrap();
        let (_, patients) = lines_of(&service, patients);
        let ids: Vec<&str> = patients.iter().map(id).collect();
        assert_eq!(ids, [patient_of(&first)]);

        let next = Made::by_get(&service, &format!("{PATIENTS}?_since={at}"));
        assert_eq!(next.ids("Patient"), BTreeSet::from([patient_of(&second)]));
        assert!(next.all().all(|one| one["subject"]["reference"] != format!("Patient/{}", patient_of(&first))));
    }

    fn since_and_until_leave_out_what_did_not_change_and_name_what_is_gone(test: &TestDatabase) {
        let service = service(test);
        let recorded = Recorded::on(&service);
        let other = another_patient(&service, 1);
        let first = Made::by_get(&service, EVERYTHING);
        let requests = first.ids("ServiceRequest").len();
        assert!(requests > 0, "nobody is a candidate");
        let at = first.manifest["transactionTime"].as_str().unwrap();

        let unchanged = Made::by_get(&service, &format!("{PATIENTS}?_since={at}"));
        assert_eq!((unchanged.types(), unchanged.deleted.len()), (Vec::new(), 0));

        service.clock.forward(TimeDelta::hours(1));
        // Without the scores that told of relief nobody is a candidate any more.
        let block = service.get(&format!("/v1/blocks/{}", recorded.block)).expect(200);
        let scores: Vec<&str> = block["scores"].as_array().unwrap().iter().map(id).collect();
        for score in &scores[1..] {
            let withdrawal = service.ask("DELETE", &format!("/v1/scores/{score}"));
            withdrawal.json(&json!({"reason": "of somebody else"})).send().expect(204);
        }
        let next = Made::by_get(&service, &format!("{PATIENTS}?_since={at}"));
        for score in &scores[1..] {
            assert!(next.deleted.contains(&format!("Observation/{score}")), "{:?}", next.deleted);
        }
        let gone = next.deleted.iter().filter(|one| one.starts_with("ServiceRequest/")).count();
        assert_eq!(gone, requests - next.ids("ServiceRequest").len());
        assert!(gone > 0, "{:?}", next.deleted);
        // What is left is not deleted, and what follows from the scores has changed with them.
        for one in next.all() {
            let reference = format!("{}/{}", one["resourceType"].as_str().unwrap(), id(one));
            assert!(!next.deleted.contains(&reference), "{reference}");
        }
        let relief = format!("{}.relief.right.80", recorded.block);
        assert!(next.ids("Observation").contains(relief.as_str()));
        assert!(!next.ids("Observation").contains(recorded.score.as_str()));
        let others = format!("Patient/{}", patient_of(&other));
        assert!(next.all().all(|one| one["subject"]["reference"] != others && one["for"]["reference"] != others));

        let before = Made::by_get(&service, &format!("{PATIENTS}?_until={at}"));
        assert_eq!(before.types(), Vec::<&str>::new());
        let until = "2025-10-06T15:30:00%2B00:00";
        let before = Made::by_get(&service, &format!("{PATIENTS}?_since=2025-01-01T00:00:00Z&_until={until}"));
        assert!(before.ids("Observation").contains(recorded.score.as_str()));
        assert!(before.deleted.iter().all(|one| !scores.iter().any(|score| one.ends_with(score))), "{:?}", before.deleted);
    }

    fn only_the_types_and_elements_that_are_named_are_given_out(test: &TestDatabase) {
        let service = service(test);
        let recorded = Recorded::on(&service);
        let path = format!("{PATIENTS}?_type=Patient,Condition&_type=Observation&_elements=Patient.birthDate,subject&_outputFormat=ndjson");
        let made = Made::by_get(&service, &path);
        assert_eq!(made.types(), ["Condition", "Observation", "Patient"]);
        let keys = |one: &Value| -> Vec<String> { one.as_object().unwrap().keys().cloned().collect() };
        let patient = &made.output["Patient"][0];
        assert_eq!(keys(patient), ["resourceType", "id", "meta", "birthDate"]);
        assert_eq!(patient["meta"]["tag"][0]["code"], "SUBSETTED");
        assert_eq!(keys(&made.output["Observation"][0]), ["resourceType", "id", "meta", "status", "code", "subject"]);
        assert_eq!(keys(&made.output["Condition"][0]), ["resourceType", "id", "meta", "subject"]);
        let searches = "_typeFilter=Observation?category=procedure,Patient?birthdate=lt1960&_typeFilter=Observation?_id=";
        let some = Made::by_get(&service, &format!("{PATIENTS}?_type=Patient,Condition,Observation&{searches}{}", recorded.score));
        assert_eq!(some.types(), ["Condition", "Observation"]);
        let is_wanted = |one: &Value| id(one) == recorded.score || one["category"][0]["coding"][0]["code"] == "procedure";
        assert!(some.output["Observation"].iter().all(is_wanted) && some.ids("Observation").len() > 1);
        assert!(some.ids("Observation").contains(recorded.score.as_str()));
        let packed = Made::by_get(&service, &format!("{PATIENTS}?_type=Observation&_typeFilter=Observation%3Fcategory%3Dimaging%252Csurvey"));
        assert!(packed.output["Observation"].iter().all(|one| one["category"][0]["coding"][0]["code"] == "survey"));

        let one = Made::by_get(&service, &format!("{EVERYTHING}?_type=CodeSystem,Group,PlanDefinition"));
        assert_eq!(one.types(), ["CodeSystem", "Group", "PlanDefinition"]);

        let with = Made::by_get(&service, &format!("{PATIENTS}?_type=Procedure&includeAssociatedData=LatestProvenanceResources"));
        assert_eq!(with.types(), ["Procedure", "Provenance"]);
        let targets: BTreeSet<String> = with.output["Provenance"]
            .iter()
            .map(|one| one["target"][0]["reference"].as_str().unwrap().to_owned())
            .collect();
        let procedures: BTreeSet<String> = with.ids("Procedure").iter().map(|id| format!("Procedure/{id}")).collect();
        assert_eq!(targets, procedures);
        assert!(targets.contains(&format!("Procedure/{}", recorded.ablation)));
    }

    fn a_group_is_its_members_and_a_body_names_patients(test: &TestDatabase) {
        let service = service(test);
        let recorded = Recorded::on(&service);
        let other = another_patient(&service, 1);
        let made = Made::by_get(&service, CANDIDATES);
        assert_eq!(made.ids("Patient"), BTreeSet::from([recorded.patient.as_str()]));
        assert!(!made.ids("ServiceRequest").is_empty() && !made.types().contains(&"Group"));
        issues(&asked(&service, "/fhir/R4/Group/nobodys/$export"), 404);

        let reference = |id: &str| json!({"reference": format!("Patient/{id}")});
        let one = |id: &str| parameters(&[
            ("patient", "valueReference", reference(id)),
            ("patient", "valueReference", json!({"reference": format!("{}/Patient/{id}", service.url("/fhir/R4"))})),
            ("_type", "valueString", json!("Patient,Procedure")),
            ("_since", "valueInstant", json!("2020-01-01T00:00:00Z")),
        ]);
        let made = Made::of(&service, &posted(&service, PATIENTS, &one(patient_of(&other))));
        assert_eq!(made.ids("Patient"), BTreeSet::from([patient_of(&other)]));
        assert_eq!(made.ids("Procedure"), BTreeSet::from([id(&other)]));
        assert_eq!(made.manifest["request"], service.url(PATIENTS));

        // Not a member; not there; not of ours.
        let absent = [("not-found".to_owned(), "Parameters.parameter[0]".to_owned()), ("not-found".to_owned(), "Parameters.parameter[1]".to_owned())];
        assert_eq!(issues(&posted(&service, CANDIDATES, &one(patient_of(&other))), 404), absent);
        let nobody = "01890a5d-ac96-774b-bcce-b302099a8057";
        assert_eq!(issues(&posted(&service, PATIENTS, &one(nobody)), 404), absent);
        let request = service.ask("POST", PATIENTS).header("prefer", "respond-async, handling=lenient");
        let answer = request.body("application/fhir+json", one(nobody).to_string().into_bytes()).send();
        let nobodys = Made::of(&service, &answer);
        assert_eq!((nobodys.types(), nobodys.errors.len()), (Vec::new(), 2));
        let empty = service.ask("POST", PATIENTS).header("prefer", "respond-async");
        let empty = empty.body("application/fhir+json", Vec::new()).send();
        assert_eq!(Made::of(&service, &empty).ids("Patient").len(), 2);
    }

    fn every_parameter_that_is_wrong_is_named(test: &TestDatabase) {
        let service = service(test);
        another_patient(&service, 1);
        let wrong = [
            ("_outputFormat=text/csv", vec![("value", "http._outputFormat")]),
            ("_since=yesterday", vec![("value", "http._since")]),
            ("_since=2026-01-01", vec![("value", "http._since")]),
            ("_since=2025-01-02T00:00:00Z&_until=2025-01-01T00:00:00Z", vec![("value", "http._until")]),
            ("_type=Encounter,Patient", vec![("not-supported", "http._type")]),
            ("_type=PlanDefinition", vec![("not-supported", "http._type"), ("invalid", "http._type")]),
            ("_type=", vec![("invalid", "http._type")]),
            ("_elements=Patient.name.family", vec![("not-supported", "http._elements")]),
            ("patient=Patient/1", vec![("not-supported", "http.patient")]),
            ("includeAssociatedData=_all", vec![("not-supported", "http.includeAssociatedData")]),
            ("_typeFilter=Observation?_sort=date", vec![("not-supported", "http._typeFilter")]),
            ("_typeFilter=Observation", vec![("not-supported", "http._typeFilter")]),
            ("organizeOutputBy=Patient", vec![("not-supported", "http.organizeOutputBy")]),
            ("allowPartialManifests=perhaps", vec![("value", "http.allowPartialManifests")]),
            ("_colour=red&_size=9", vec![("not-supported", "http._colour"), ("not-supported", "http._size")]),
        ];
        for (query, expected) in wrong {
            let found = issues(&asked(&service, &format!("{PATIENTS}?{query}")), 400);
            let found: Vec<(&str, &str)> = found.iter().map(|(code, place)| (code.as_str(), place.as_str())).collect();
            assert_eq!(found, expected, "{query}");
        }
        let plain = service.ask("GET", PATIENTS).send();
        assert_eq!(issues(&plain, 400), [("required".to_owned(), "http.Prefer".to_owned())]);
        let xml = service.ask("GET", PATIENTS).header("prefer", "respond-async").header("accept", "application/fhir+xml");
        issues(&xml.send(), 406);
        for body in [json!({"resourceType": "Patient"}), json!([]), json!({"resourceType": "Parameters", "parameter": {}})] {
            issues(&posted(&service, PATIENTS, &body), 400);
        }
        assert_eq!(issues(&posted(&service, PATIENTS, &parameters(&[
            ("patient", "valueString", json!("Patient/1")), ("_type", "valueInteger", json!(7)),
        ])), 400), [("structure".to_owned(), "Parameters.parameter[1]".to_owned())]);
        assert_eq!(issues(&posted(&service, EVERYTHING, &parameters(&[
            ("patient", "valueReference", json!({"reference": "Patient/1"})),
        ])), 400), [("not-supported".to_owned(), "Parameters.parameter[0]".to_owned())]);
        let not_json = service.ask("POST", PATIENTS).header("prefer", "respond-async");
        issues(&not_json.body("application/fhir+json", b"{".to_vec()).send(), 400);
        let xml = service.ask("POST", PATIENTS).header("prefer", "respond-async");
        issues(&xml.body("application/fhir+xml", b"<Parameters/>".to_vec()).send(), 415);
        assert_eq!(make(&service), 0, "nothing of it is made");
    }

    fn a_lenient_request_goes_on_and_is_told_what_was_passed_over(test: &TestDatabase) {
        let service = service(test);
        another_patient(&service, 1);
        let path = format!("{PATIENTS}?_type=Encounter,Patient&_colour=red&organizeOutputBy=Patient&allowPartialManifests=true");
        let answer = service.ask("GET", &path).header("prefer", "respond-async, handling=lenient").send();
        let made = Made::of(&service, &answer);
        assert_eq!(made.types(), ["Patient"]);
        let told: Vec<&str> = made.errors.iter().map(|one| one["issue"][0]["diagnostics"].as_str().unwrap()).collect();
        let names: Vec<&str> = told.iter().map(|text| text.split(':').next().unwrap()).collect();
        assert_eq!(names, ["_type", "_colour", "organizeOutputBy"], "{told:?}");
        assert!(made.errors.iter().all(|one| one["issue"][0]["severity"] == "warning"));
        // What would turn one export into another is refused all the same.
        for query in ["_outputFormat=text/csv", "_since=yesterday", "_type=Encounter"] {
            let request = service.ask("GET", &format!("{PATIENTS}?{query}"));
            let answer = request.header("prefer", "respond-async; handling=lenient").send();
            assert_eq!(answer.status, 400, "{query}");
        }
    }

    fn an_export_holds_what_the_scopes_of_its_token_reach(test: &TestDatabase) {
        let service = service(test);
        let recorded = Recorded::on(&service);
        let by = |scopes: &str| service.token_of(Role::EhrSystem, "north", Some(scopes));
        let narrow = by("system/Observation.rs?category=survey system/Patient.rs");
        let ask = |token: &str, path: &str, prefer: &str| {
            service.ask("GET", path).bearer(token).header("prefer", prefer).send()
        };
        let made = Made::of(&service, &ask(&narrow, PATIENTS, "respond-async"));
        assert_eq!(made.types(), ["Observation", "Patient"]);
        let surveys = made.output["Observation"].iter().all(|one| one["category"][0]["coding"][0]["code"] == "survey");
        assert!(surveys && made.ids("Observation").contains(recorded.score.as_str()));

        let beyond = format!("{PATIENTS}?_type=Patient,Condition");
        assert_eq!(issues(&ask(&narrow, &beyond, "respond-async"), 403), [("forbidden".to_owned(), "http._type".to_owned())]);
        let answer = ask(&narrow, &beyond, "respond-async, handling=lenient");
        let lenient = Made::of(&service, &answer);
        assert_eq!((lenient.types(), lenient.errors.len()), (vec!["Patient"], 1));
        for none in ["user/*.rs", "patient/*.rs", "system/*.s", "system/Encounter.rs"] {
            assert_eq!(ask(&by(none), PATIENTS, "respond-async").status, 403, "{none}");
        }

        // What was asked for with more is not fetched with less, nor by anybody else.
        let status = &made.status;
        let file = made.manifest["output"][0]["url"].as_str().unwrap().strip_prefix(&service.url("")).unwrap();
        for path in [status.as_str(), file] {
            let get = |token: &str| service.ask("GET", path).bearer(token).send().status;
            assert_eq!(get(&narrow), 200);
            assert_eq!(get(&by("system/*.rs")), 200);
            assert_eq!(get(&by("system/Observation.rs?category=procedure system/Patient.rs")), 403);
            assert_eq!(get(&by("system/Patient.rs")), 403);
            assert_eq!(get(&service.token(Role::Clinician)), 404);
            assert_eq!(get(&service.token_of(Role::EhrSystem, "south", None)), 404);
        }
        let strangers = service.ask("DELETE", status).bearer(&service.token(Role::Clinician)).send();
        issues(&strangers, 404);
        service.get(&format!("{status}/nothing.ndjson")).expect(404);
    }

    fn what_is_deleted_is_gone_with_its_files(test: &TestDatabase) {
        let service = service(test);
        another_patient(&service, 1);
        let waiting = status_of(&service, &asked(&service, PATIENTS));
        let deleted = service.ask("DELETE", &waiting).send();
        assert_eq!(deleted.expect(202)["resourceType"], "OperationOutcome");
        issues(&service.get(&waiting), 404);
        issues(&service.ask("DELETE", &waiting).send(), 404);
        assert_eq!(make(&service), 0);

        let made = Made::by_get(&service, PATIENTS);
        let file = made.manifest["output"][0]["url"].as_str().unwrap().strip_prefix(&service.url("")).unwrap();
        assert!(!files_of(&service).is_empty());
        service.ask("DELETE", &made.status).send().expect(202);
        issues(&service.get(file), 404);
        assert_eq!(files_of(&service), Vec::<String>::new());

        // While it is being made: it is broken off, and is no failure.
        let running = status_of(&service, &asked(&service, PATIENTS));
        let times = Cell::new(0);
        let go_on = || {
            times.set(times.get() + 1);
            if times.get() == 2 {
                service.ask("DELETE", &running).send().expect(202);
            }
            true
        };
        assert_eq!(run_waiting_while(&service.app, &go_on).unwrap(), 0);
        issues(&service.get(&running), 404);
        assert_eq!(files_of(&service), Vec::<String>::new());

        // And what is not fetched is forgotten after a day.
        let old = Made::by_get(&service, PATIENTS);
        service.clock.forward(TimeDelta::hours(25));
        assert_eq!(clean_up(&service.app).unwrap(), 1);
        issues(&service.get(&old.status), 404);
        assert_eq!(files_of(&service), Vec::<String>::new());
    }

    fn too_many_at_once_are_told_to_wait(test: &TestDatabase) {
        let service = service(test);
        another_patient(&service, 1);
        let waiting: Vec<String> = (0..4).map(|_| status_of(&service, &asked(&service, PATIENTS))).collect();
        let refused = asked(&service, PATIENTS);
        assert_eq!(issues(&refused, 429), [("throttled".to_owned(), String::new())]);
        assert_eq!(refused.header("retry-after"), "5");
        service.ask("DELETE", &waiting[0]).send().expect(202);
        status_of(&service, &asked(&service, PATIENTS));
        assert_eq!(make(&service), 4);
        // The same request with the same key is one export.
        let once = || {
            let request = service.ask("POST", PATIENTS).header("prefer", "respond-async").header("idempotency-key", "k");
            status_of(&service, &request.body("application/fhir+json", b"{\"resourceType\":\"Parameters\"}".to_vec()).send())
        };
        assert_eq!(once(), once());
        assert_eq!(make(&service), 1);
    }

    fn a_failure_is_an_outcome(test: &TestDatabase) {
        let service = service(test);
        another_patient(&service, 1);
        // Where the files would be there is a file.
        std::fs::write(&service.app.settings.export_directory, "").unwrap();
        let separate = service.ask("GET", PATIENTS).header("prefer", "respond-async, separate-export-status").send();
        let separate = (separate.header("preference-applied").to_owned(), status_of(&service, &separate));
        assert_eq!(separate.0, "respond-async, separate-export-status");
        let told = |path: &str| {
            let answer = service.get(path);
            (answer.status, answer.header("x-export-status").to_owned())
        };
        assert_eq!(told(&separate.1), (200, "202".to_owned()));
        let status = status_of(&service, &asked(&service, PATIENTS));
        assert_eq!(make(&service), 0);
        assert_eq!(issues(&service.get(&status), 500), [("exception".to_owned(), String::new())]);
        assert_eq!(told(&separate.1), (200, "500".to_owned()));
        std::fs::remove_file(&service.app.settings.export_directory).unwrap();
    }

    fn files_come_compressed_for_who_takes_them_so(test: &TestDatabase) {
        let service = service(test);
        Recorded::on(&service);
        let made = Made::by_get(&service, PATIENTS);
        let file = &made.manifest["output"].as_array().unwrap().iter().find(|file| file["type"] == "Observation").unwrap();
        let path = file["url"].as_str().unwrap().strip_prefix(&service.url("")).unwrap();
        let plain = service.ask("GET", path).header("accept-encoding", "identity").send();
        assert_eq!((plain.status, plain.header("content-encoding")), (200, ""));
        // A client that does not unpack what it gets.
        let packed = raw(&service, path, "gzip");
        let head = packed.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
        let headers = String::from_utf8(packed[..head].to_vec()).unwrap().to_lowercase();
        assert!(headers.contains("content-encoding: gzip"), "{headers}");
        assert!(packed.len() * 3 < plain.body.len(), "{} of {}", packed.len(), plain.body.len());
        assert_eq!(plain.header("content-disposition"), "attachment; filename=\"Observation.001.ndjson\"");
    }

    fn the_statement_lists_the_three_operations(test: &TestDatabase) {
        let service = service(test);
        let statement = service.get("/fhir/R4/metadata").expect(200);
        let guide = "http://hl7.org/fhir/uv/bulkdata";
        assert_eq!(statement["instantiates"], json!([format!("{guide}/CapabilityStatement/bulk-data")]));
        let operation = |level: &str| json!({"name": "export", "definition": format!("{guide}/OperationDefinition/{level}")});
        let rest = &statement["rest"][0];
        assert_eq!(rest["operation"], json!([operation("export")]));
        for (kind, level) in [("Patient", "patient-export"), ("Group", "group-export")] {
            let said = rest["resource"].as_array().unwrap().iter().find(|one| one["type"] == kind).unwrap();
            assert!(said["operation"].as_array().unwrap().contains(&operation(level)), "{said}");
        }
        let patient = another_patient(&service, 1);
        read(&service, &format!("Patient/{}", patient_of(&patient))).expect(200);
    }
}
