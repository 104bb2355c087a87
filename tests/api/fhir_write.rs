//! What is sent as FHIR: recorded whole and judged as if it had come by the native API, or refused with every reason.

use crate::cases::{cases, expected, list, said};
use crate::concurrency::at_once;
use crate::service::{Answer, Service};
use crate::support::databases::{TestDatabase, on_each_database};
use medial::auth::Role;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

const OWN: &str = "urn:medial:fhir:CodeSystem:";
const EXTENSION: &str = "urn:medial:fhir:StructureDefinition:";
const LOINC: &str = "http://loinc.org";

fn concept(system: &str, code: &str) -> Value {
    json!({"coding": [{"system": system, "code": code}]})
}

fn own(system: &str, code: &str) -> Value {
    concept(&format!("{OWN}{system}"), code)
}

fn quantity(value: &Value, unit: &str) -> Value {
    json!({"value": value, "system": "http://unitsofmeasure.org", "code": unit})
}

fn extension(name: &str, field: &str, value: Value) -> Value {
    json!({"url": format!("{EXTENSION}{name}"), field: value})
}

fn coded(name: &str, system: &str, code: &str) -> Value {
    extension(
        name,
        "valueCoding",
        json!({"system": format!("{OWN}{system}"), "code": code}),
    )
}

fn entry(url: &str, resource: &Value) -> Value {
    let kind = &resource["resourceType"];
    json!({"fullUrl": url, "resource": resource, "request": {"method": "POST", "url": kind}})
}

fn urn(number: usize) -> String {
    format!("urn:uuid:00000000-0000-4000-8000-{number:012}")
}

fn patient(name: &str) -> Value {
    json!({
        "resourceType": "Patient",
        "identifier": [{"system": "urn:example:case", "value": name}],
        "name": [{"family": "Example", "given": ["Robin"]}], "gender": "female", "birthDate": "1961-04-02",
    })
}

fn code_of<'v>(value: &'v Value, name: &str) -> Option<&'v str> {
    value.get(name).and_then(Value::as_str)
}

fn condition(patient: &str, episode: &Value) -> Value {
    let mut extensions = Vec::new();
    for (field, name) in [
        ("axial", "axial"),
        ("other_causes_excluded", "other-causes-excluded"),
        (
            "worse_with_extension_or_rotation",
            "worse-with-extension-or-rotation",
        ),
        ("imaging_suggests_facet", "imaging-suggests-facet"),
    ] {
        if episode[field].is_boolean() {
            extensions.push(extension(name, "valueBoolean", episode[field].clone()));
        }
    }
    if let Some(code) = code_of(episode, "radiculopathy") {
        extensions.push(coded("radiculopathy", "radiculopathy", code));
    }
    if let Some(fused) = episode["fused_joints"].as_array() {
        if fused.is_empty() {
            extensions.push(extension("no-fused-joints", "valueBoolean", json!(true)));
        }
        extensions.extend(
            fused
                .iter()
                .map(|joint| coded("fused-joint", "facet-joint", joint.as_str().unwrap())),
        );
    }
    for care in list(episode, "conservative_care") {
        let mut parts = vec![json!({"url": "kind", "valueString": care["kind"]})];
        let period: Map<String, Value> = ["start", "end"]
            .into_iter()
            .filter(|name| care[*name].is_string())
            .map(|name| (name.to_owned(), care[name].clone()))
            .collect();
        if !period.is_empty() {
            parts.push(json!({"url": "period", "valuePeriod": period}));
        }
        if let Some(code) = code_of(care, "outcome") {
            let outcome = json!({"system": format!("{OWN}care-outcome"), "code": code});
            parts.push(json!({"url": "outcome", "valueCoding": outcome}));
        }
        extensions
            .push(json!({"url": format!("{EXTENSION}conservative-care"), "extension": parts}));
    }
    let region = episode["region"].as_str().unwrap();
    let icd = match region {
        "cervical" => "M47.812",
        "thoracic" => "M47.814",
        _ => "M47.816",
    };
    let mut condition = json!({
        "resourceType": "Condition",
        "clinicalStatus": concept("http://terminology.hl7.org/CodeSystem/condition-clinical", "active"),
        "category": [concept("http://terminology.hl7.org/CodeSystem/condition-category", "problem-list-item")],
        "code": {"coding": [
            {"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": icd, "display": "any words for the code"},
            {"system": format!("{OWN}region"), "code": region},
        ]},
        "subject": {"reference": patient},
    });
    if !extensions.is_empty() {
        condition["extension"] = json!(extensions);
    }
    if let Some(day) = code_of(episode, "onset_date") {
        condition["onsetDateTime"] = json!(day);
    }
    condition
}

fn sites(procedure: &Value) -> Value {
    let side = procedure["side"].as_str().unwrap();
    let joints = procedure["joints"].as_array().unwrap().iter();
    joints
        .map(|joint| {
            own(
                "facet-joint",
                &format!("{}-{side}", joint.as_str().unwrap()),
            )
        })
        .collect()
}

fn block(patient: &str, condition: &str, block: &Value) -> Value {
    let mut extensions = Vec::new();
    for (field, name) in [
        ("steroid", "steroid"),
        ("same_day_return", "same-day-return"),
    ] {
        if block[field].is_boolean() {
            extensions.push(extension(name, "valueBoolean", block[field].clone()));
        }
    }
    for name in ["guidance", "sedation"] {
        extensions.extend(code_of(block, name).map(|code| coded(name, name, code)));
    }
    for (field, name, unit) in [
        ("stated_relief_percent", "stated-relief", "%"),
        ("stated_relief_minutes", "stated-relief-duration", "min"),
    ] {
        if block[field].is_number() {
            extensions.push(extension(
                name,
                "valueQuantity",
                quantity(&block[field], unit),
            ));
        }
    }
    let technique = match block["technique"].as_str().unwrap() {
        "medial_branch" => "medial-branch-block",
        _ => "intra-articular-injection",
    };
    let category = match block["kind"].as_str().unwrap() {
        "diagnostic" => "103693007",
        _ => "277132007",
    };
    let mut procedure = json!({
        "resourceType": "Procedure", "status": "completed",
        "category": concept("http://snomed.info/sct", category),
        "code": own("procedure", technique),
        "subject": {"reference": patient}, "reasonReference": [{"reference": condition}],
        "performedDateTime": block["performed_at"], "bodySite": sites(block),
    });
    if !extensions.is_empty() {
        procedure["extension"] = json!(extensions);
    }
    procedure
}

fn anesthetic(patient: &str, procedure: &str, block: &Value) -> Option<Value> {
    let agent = code_of(block, "agent")?;
    let mut given = json!({
        "resourceType": "MedicationAdministration", "status": "completed", "partOf": [{"reference": procedure}],
        "medicationCodeableConcept": own("agent", agent), "subject": {"reference": patient},
        "effectiveDateTime": block["performed_at"],
    });
    if block["concentration_percent"].is_number() {
        given["extension"] = json!([extension(
            "concentration",
            "valueQuantity",
            quantity(&block["concentration_percent"], "%")
        )]);
    }
    if block["volume_ml_per_nerve"].is_number() {
        given["dosage"] =
            json!({"text": "at each nerve", "dose": quantity(&block["volume_ml_per_nerve"], "mL")});
    }
    Some(given)
}

fn scale(code: &Value) -> Value {
    let loinc = if code == "vas" { "38214-3" } else { "72514-3" };
    json!({"system": LOINC, "code": loinc})
}

fn survey() -> Value {
    json!([concept(
        "http://terminology.hl7.org/CodeSystem/observation-category",
        "survey"
    )])
}

fn score(patient: &str, procedure: &str, score: &Value) -> Value {
    let mut observation = json!({
        "resourceType": "Observation", "status": "final", "category": survey(),
        "code": {"coding": [scale(&score["scale"])]},
        "subject": {"reference": patient}, "partOf": [{"reference": procedure}],
        "effectiveDateTime": score["taken_at"], "valueQuantity": quantity(&score["value"], "{score}"),
    });
    if let Some(code) = code_of(score, "context") {
        observation["extension"] = json!([coded("context", "context", code)]);
    }
    if let Some(code) = code_of(score, "side") {
        observation["bodySite"] = own("side", code);
    }
    let mut components = Vec::new();
    if score["analgesic_taken"].is_boolean() {
        components.push(json!({"code": own("observation", "analgesic-taken"), "valueBoolean": score["analgesic_taken"]}));
    }
    if score["stated_relief_percent"].is_number() {
        let percent = quantity(&score["stated_relief_percent"], "%");
        components
            .push(json!({"code": own("observation", "stated-relief"), "valueQuantity": percent}));
    }
    if !components.is_empty() {
        observation["component"] = json!(components);
    }
    observation
}

fn disability(patient: &str, condition: &str, score: &Value) -> Value {
    let code = match score["instrument"].as_str().unwrap() {
        "odi" => concept(LOINC, "97908-8"),
        "ndi" => concept(LOINC, "82237-9"),
        other => own("observation", other),
    };
    json!({
        "resourceType": "Observation", "status": "final", "category": survey(), "code": code,
        "subject": {"reference": patient}, "focus": [{"reference": condition}],
        "effectiveDateTime": score["taken_on"], "valueQuantity": quantity(&score["score"], "{score}"),
        "component": [{"code": own("observation", "maximum"), "valueQuantity": quantity(&score["maximum"], "{score}")}],
    })
}

fn ablation(patient: &str, condition: &str, ablation: &Value) -> Value {
    let mut procedure = json!({
        "resourceType": "Procedure", "status": "completed", "code": own("procedure", "radiofrequency-ablation"),
        "subject": {"reference": patient}, "reasonReference": [{"reference": condition}],
        "performedDateTime": ablation["performed_on"], "bodySite": sites(ablation),
    });
    let mut extensions = Vec::new();
    extensions.extend(
        code_of(ablation, "technique")
            .map(|code| coded("ablation-technique", "ablation-technique", code)),
    );
    if ablation["pre_score"].is_object() {
        let before = &ablation["pre_score"];
        extensions.push(
            json!({"url": format!("{EXTENSION}pre-score"), "extension": [
                {"url": "scale", "valueCoding": scale(&before["scale"])},
                {"url": "value", "valueQuantity": quantity(&before["value"], "{score}")},
            ]}),
        );
    }
    if !extensions.is_empty() {
        procedure["extension"] = json!(extensions);
    }
    procedure
}

fn follow_up(patient: &str, procedure: &str, follow_up: &Value) -> Value {
    let mut codings = vec![json!({"system": format!("{OWN}observation"), "code": "follow-up"})];
    let mut observation = json!({
        "resourceType": "Observation", "status": "final", "category": survey(),
        "subject": {"reference": patient}, "partOf": [{"reference": procedure}], "effectiveDateTime": follow_up["taken_on"],
    });
    if follow_up["score"].is_object() {
        codings.push(scale(&follow_up["score"]["scale"]));
        observation["valueQuantity"] = quantity(&follow_up["score"]["value"], "{score}");
    }
    observation["code"] = json!({"coding": codings});
    let mut components = Vec::new();
    for (field, code) in [
        ("stated_relief_percent", "stated-relief"),
        ("function_improvement_percent", "function-improvement"),
    ] {
        if follow_up[field].is_number() {
            components.push(json!({"code": own("observation", code), "valueQuantity": quantity(&follow_up[field], "%")}));
        }
    }
    if follow_up["pgic"].is_number() {
        components
            .push(json!({"code": own("observation", "pgic"), "valueInteger": follow_up["pgic"]}));
    }
    if !components.is_empty() {
        observation["component"] = json!(components);
    }
    observation
}

/// A worked case as a transaction, what refers before what it refers to.
fn transaction(name: &str, case: &Value) -> Value {
    let (person, pain) = (urn(1), urn(2));
    let mut entries = vec![
        entry(&person, &patient(name)),
        entry(&pain, &condition(&person, &case["episode"])),
    ];
    let mut number = 2;
    let mut next = || {
        number += 1;
        urn(number)
    };
    for one in list(&case["episode"], "disability") {
        entries.push(entry(&next(), &disability(&person, &pain, one)));
    }
    for one in list(case, "blocks") {
        let procedure = next();
        entries.push(entry(&procedure, &block(&person, &pain, one)));
        entries.extend(anesthetic(&person, &procedure, one).map(|given| entry(&next(), &given)));
        entries.extend(
            list(one, "scores")
                .iter()
                .map(|row| entry(&next(), &score(&person, &procedure, row))),
        );
    }
    for one in list(case, "ablations") {
        let procedure = next();
        entries.push(entry(&procedure, &ablation(&person, &pain, one)));
        entries.extend(
            list(one, "follow_ups")
                .iter()
                .map(|row| entry(&next(), &follow_up(&person, &procedure, row))),
        );
    }
    entries.reverse();
    json!({"resourceType": "Bundle", "type": "transaction", "entry": entries})
}

/// The ids of what a transaction recorded of a type.
fn recorded<'v>(answer: &'v Value, kind: &str) -> Vec<&'v str> {
    list(answer, "entry")
        .into_iter()
        .filter_map(|entry| {
            entry["response"]["location"]
                .as_str()?
                .strip_prefix(kind)?
                .split('/')
                .nth(1)
        })
        .collect()
}

fn expressions(answer: &Answer, status: u16) -> Vec<String> {
    let outcome = answer.expect(status);
    assert_eq!(outcome["resourceType"], "OperationOutcome");
    let issues = list(&outcome, "issue").into_iter();
    issues
        .map(|issue| {
            issue["expression"][0]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        })
        .collect()
}

fn case(name: &str) -> Value {
    cases()
        .into_iter()
        .find(|(known, _)| known == name)
        .unwrap()
        .1
}

/// A case that is recorded, and what its transaction answered.
fn record(service: &Service, name: &str) -> Value {
    service
        .post("/fhir/R4", &transaction(name, &case(name)))
        .expect(200)
}

on_each_database! {
    fn a_case_sent_as_fhir_is_judged_as_one_sent_natively(test: &TestDatabase) {
        let service = Service::on(test);
        for (name, case) in cases() {
            let answer = service.post("/fhir/R4", &transaction(&name, &case)).expect(200);
            assert_eq!(answer["type"], "transaction-response");
            let episode = recorded(&answer, "Condition")[0];
            assert_eq!(said(&service, episode, &case), expected(&case), "{name}");
        }
    }

    fn what_is_given_back_is_taken_again_and_changes_nothing(test: &TestDatabase) {
        let service = Service::on(test);
        for name in ["bilateral-rated-by-side", "repeat-by-function", "vas", "thin-record"] {
            let answer = record(&service, name);
            for kind in ["Patient", "Condition", "Procedure", "MedicationAdministration", "Observation"] {
                for id in recorded(&answer, kind) {
                    let path = format!("/fhir/R4/{kind}/{id}");
                    let before = service.get(&path).expect(200);
                    let again = service.ask("PUT", &path).json(&before).send().expect(200);
                    assert_eq!(again, before, "{path}");
                }
            }
        }
    }

    fn a_score_that_is_corrected_or_withdrawn_moves_the_verdict(test: &TestDatabase) {
        let service = Service::on(test);
        let case = case("eight-to-two");
        let answer = record(&service, "eight-to-two");
        let episode = recorded(&answer, "Condition")[0];
        let before = said(&service, episode, &case);
        let scores: Vec<String> = recorded(&answer, "Observation").into_iter().filter(|id| !id.contains('.')).map(str::to_owned).collect();
        let low = scores.iter().find(|id| service.get(&format!("/fhir/R4/Observation/{id}")).expect(200)["valueQuantity"]["value"] == 2).unwrap();
        let path = format!("/fhir/R4/Observation/{low}");

        let patch = json!([{"op": "replace", "path": "/valueQuantity/value", "value": 7}]);
        let patched = service.ask("PATCH", &path).header("if-match", "W/\"1\"").json(&patch).header("content-type", "application/json-patch+json").send();
        assert_eq!(patched.header("etag"), "W/\"2\"");
        assert_eq!(patched.expect(200)["valueQuantity"]["value"], 7);
        let stale = service.ask("PATCH", &path).header("if-match", "W/\"1\"").json(&patch).header("content-type", "application/json-patch+json");
        stale.send().expect(412);
        assert_ne!(said(&service, episode, &case), before, "a corrected score is judged");

        let back = json!([{"op": "replace", "path": "/valueQuantity/value", "value": 2}]);
        service.ask("PATCH", &path).json(&back).header("content-type", "application/json-patch+json").send().expect(200);
        assert_eq!(said(&service, episode, &case), before);

        for id in &scores {
            service.ask("DELETE", &format!("/fhir/R4/Observation/{id}")).send().expect(204);
        }
        assert_eq!(service.get(&path).expect(200)["status"], "entered-in-error");
        assert_ne!(said(&service, episode, &case), before, "withdrawn scores do not count");
        service.ask("DELETE", &path).send().expect(204);
        let relief = format!("{}.disability.0", episode);
        service.ask("DELETE", &format!("/fhir/R4/Observation/{relief}")).send().expect(409);
        service.ask("DELETE", &format!("/fhir/R4/Patient/{}", recorded(&answer, "Patient")[0])).send().expect(405);
    }

    fn everything_that_cannot_be_kept_is_named_and_nothing_is_stored(test: &TestDatabase) {
        let service = Service::on(test);
        let mut wrong = patient("1");
        wrong["telecom"] = json!([{"system": "phone", "value": "555"}]);
        wrong["birthDate"] = json!("1961");
        wrong["gender"] = json!("f");
        wrong["name"][0]["use"] = json!("official");
        wrong["extension"] = json!([{"url": "http://hl7.org/fhir/us/core/StructureDefinition/us-core-birthsex", "valueCode": "F"}]);
        let mut found = expressions(&service.post("/fhir/R4/Patient", &wrong), 422);
        found.sort();
        let named = ["Patient.birthDate", "Patient.extension", "Patient.gender", "Patient.name[0].use", "Patient.telecom"];
        assert_eq!(found, named);

        let mut tagged = patient("1");
        tagged["meta"] = json!({"profile": ["urn:example:another-profile"]});
        assert_eq!(expressions(&service.post("/fhir/R4/Patient", &tagged), 422), ["Patient.meta.profile[0]"]);
        service.post("/fhir/R4/Condition", &patient("1")).expect(422);
        assert_eq!(service.get("/v1/patients?count=true").expect(200)["count"], 0);

        let answer = record(&service, "eight-to-two");
        let (person, pain) = (recorded(&answer, "Patient")[0], recorded(&answer, "Condition")[0]);
        let procedure = recorded(&answer, "Procedure")[0];
        let (person, pain, procedure) = (format!("Patient/{person}"), format!("Condition/{pain}"), format!("Procedure/{procedure}"));
        let given = json!({"taken_at": "2025-09-08T10:00:00-05:00", "scale": "nrs", "value": 3});
        let fine = score(&person, &procedure, &given);
        let with = |path: &str, value: Value| {
            let mut changed = fine.clone();
            let (parent, name) = path.rsplit_once('/').unwrap();
            changed.pointer_mut(parent).unwrap()[name] = value;
            changed
        };
        for (path, value, expression) in [
            ("/valueQuantity/value", json!(11), "Observation.valueQuantity.value"),
            ("/valueQuantity/value", json!(3.25), "Observation.valueQuantity.value"),
            ("/valueQuantity/comparator", json!("<"), "Observation.valueQuantity.comparator"),
            ("/effectiveDateTime", json!("2025-09-08"), "Observation.effectiveDateTime"),
            ("/code/text", json!("words of my own"), "Observation.code.text"),
            ("/status", json!("preliminary"), "Observation.status"),
            ("/note", json!([{"text": "aside"}]), "Observation.note"),
            ("/category", json!([concept("http://terminology.hl7.org/CodeSystem/observation-category", "vital-signs")]), "Observation.category[0].coding[0].code"),
            ("/bodySite", own("side", "left"), "Observation.bodySite.coding[0].code"),
            ("/code", own("observation", "relief"), "Observation.code.coding[0].code"),
            ("/subject", json!({"reference": "Patient/00000000-0000-4000-8000-000000000000"}), "Observation.subject.reference"),
            ("/partOf", json!([{"reference": pain}]), "Observation.partOf[0].reference"),
            ("/partOf", json!([{"reference": "https://elsewhere.example/fhir/Procedure/1"}]), "Observation.partOf[0].reference"),
        ] {
            let found = expressions(&service.post("/fhir/R4/Observation", &with(path, value.clone())), 422);
            assert_eq!(found, [expression], "{path} {value}");
        }
        let worded = with("/subject", json!({"reference": person, "type": "Patient", "display": "Robin Example"}));
        let kept = service.post("/fhir/R4/Observation/$validate", &worded).expect(200);
        assert_eq!(kept["issue"][0]["severity"], "information", "words for what is referred to are not what is recorded");

        let reported = with("/code", concept(LOINC, "38208-5"));
        assert_eq!(service.post("/fhir/R4/Observation", &reported).expect(201)["code"]["coding"][0]["code"], "72514-3");

        let elsewhere = service.ask("POST", "/fhir/R4/Observation").json(&fine);
        let south = format!("Bearer {}", service.token_of(Role::EhrSystem, "south", None));
        let found = expressions(&elsewhere.header("authorization", &south).send(), 422);
        assert!(found.iter().any(|one| one.contains("reference")), "{found:?}");

        let mut coded = block(&person, &pain, &case("eight-to-two")["blocks"][0]);
        coded["code"]["coding"].as_array_mut().unwrap().push(json!({"system": "http://www.ama-assn.org/go/cpt", "code": "64490"}));
        assert_eq!(expressions(&service.post("/fhir/R4/Procedure", &coded), 422), ["Procedure.code.coding[1].code"]);
    }

    fn what_would_be_wrong_is_said_and_nothing_is_stored(test: &TestDatabase) {
        let service = Service::on(test);
        let fine = service.post("/fhir/R4/Patient/$validate", &patient("1")).expect(200);
        assert_eq!(fine["issue"][0]["severity"], "information");
        let mut wrong = patient("1");
        wrong["active"] = json!(false);
        let parameters = json!({"resourceType": "Parameters", "parameter": [{"name": "resource", "resource": wrong}]});
        let found = service.post("/fhir/R4/Patient/$validate", &parameters).expect(200);
        assert_eq!(found["issue"][0]["expression"][0], "Patient.active");
        assert_eq!(service.get("/v1/patients?count=true").expect(200)["count"], 0);
    }

    fn a_transaction_is_done_as_a_whole_or_not_at_all(test: &TestDatabase) {
        let service = Service::on(test);
        let good = transaction("1", &case("eight-to-two"));
        let place = |kind: &str| list(&good, "entry").iter().position(|entry| entry["resource"]["resourceType"] == kind).unwrap();
        let (given, of_score) = (place("MedicationAdministration"), place("Observation"));
        let mut bad = good.clone();
        bad["entry"][given]["resource"]["note"] = json!([{"text": "aside"}]);
        bad["entry"][of_score]["resource"]["valueQuantity"]["value"] = json!(11);
        let mut found = expressions(&service.post("/fhir/R4/", &bad), 422);
        found.sort();
        let mut named = vec![format!("Bundle.entry[{given}].resource.note"), format!("Bundle.entry[{of_score}].resource.valueQuantity.value")];
        named.sort();
        assert_eq!(found, named);
        assert_eq!(service.get("/v1/patients?count=true").expect(200)["count"], 0);

        let answer = service.post("/fhir/R4", &good).expect(200);
        assert!(list(&answer, "entry").iter().all(|entry| entry["response"]["status"] == "201 Created"));
        let person = recorded(&answer, "Patient")[0];
        let put = |name: &str| {
            let mut resource = service.get(&format!("/fhir/R4/Patient/{person}")).expect(200);
            resource["name"] = json!([{"family": name}]);
            json!({"resource": resource, "request": {"method": "PUT", "url": format!("Patient/{person}")}})
        };
        let twice = json!({"resourceType": "Bundle", "type": "transaction", "entry": [put("One"), put("Two")]});
        assert_eq!(expressions(&service.post("/fhir/R4", &twice), 422), ["Bundle.entry[1].resource"]);
        assert_eq!(service.get(&format!("/fhir/R4/Patient/{person}")).expect(200)["name"][0]["family"], "Example");
    }

    fn each_request_of_a_batch_stands_for_itself(test: &TestDatabase) {
        let service = Service::on(test);
        let mut bad = patient("2");
        bad["active"] = json!(false);
        let read = json!({"request": {"method": "GET", "url": "Patient/00000000-0000-4000-8000-000000000000"}});
        let batch = json!({"resourceType": "Bundle", "type": "batch", "entry": [entry(&urn(1), &patient("1")), entry(&urn(2), &bad), read]});
        let answer = service.post("/fhir/R4/", &batch).expect(200);
        let statuses: Vec<&str> = list(&answer, "entry").iter().map(|entry| &entry["response"]["status"].as_str().unwrap()[..3]).collect();
        assert_eq!(statuses, ["201", "422", "404"]);
        assert_eq!(answer["entry"][1]["response"]["outcome"]["issue"][0]["expression"][0], "Bundle.entry[1].resource.active");
        assert_eq!(service.get("/v1/patients?count=true").expect(200)["count"], 1);
    }

    fn what_is_there_is_not_created_again(test: &TestDatabase) {
        let service = Service::on(test);
        let create = || service.ask("POST", "/fhir/R4/Patient").header("if-none-exist", "identifier=urn:example:case|1").json(&patient("1")).send();
        let first = create();
        assert!(first.header("location").ends_with("/_history/1"), "{:?}", first.headers);
        let id = first.expect(201)["id"].clone();
        assert_eq!(create().expect(200)["id"], id);
        service.post("/fhir/R4/Patient", &patient("1")).expect(409);

        let mut named = patient("3");
        named["name"][0]["given"] = json!(["Robin Lee", "Kim"]);
        let named = service.post("/fhir/R4/Patient", &named).expect(201);
        assert_eq!(named["name"][0]["given"], json!(["Robin", "Lee", "Kim"]));

        let mut renamed = patient("1");
        renamed["name"] = json!([{"family": "Other"}]);
        let put = |body: &Value| service.ask("PUT", "/fhir/R4/Patient?identifier=urn:example:case|1").json(body).send();
        assert_eq!(put(&renamed).expect(200)["id"], id);
        assert_eq!(put(&renamed).header("etag"), "W/\"2\"", "the same again is no new version");
        let another = service.ask("PUT", "/fhir/R4/Patient?identifier=urn:example:case|2").json(&patient("2")).send();
        another.expect(201);
        let by_search = condition("Patient?identifier=urn:example:case|1", &json!({"region": "lumbar"}));
        let found = service.post("/fhir/R4/Condition", &by_search).expect(201);
        assert_eq!(found["subject"]["reference"], format!("Patient/{}", id.as_str().unwrap()));
    }

    fn of_many_that_create_at_once_one_does(test: &TestDatabase) {
        let service = Service::on(test);
        let answer = record(&service, "eight-to-two");
        let person = format!("Patient/{}", recorded(&answer, "Patient")[0]);
        let procedure = format!("Procedure/{}", recorded(&answer, "Procedure")[0]);
        for round in 0..10 {
            let name = format!("round-{round}");
            let taken_at = format!("2025-09-08T1{round}:07:00-05:00");
            let row = score(&person, &procedure, &json!({"taken_at": taken_at, "scale": "nrs", "value": 3}));
            let criteria = format!("patient={person}&code={LOINC}|72514-3&date={taken_at}");
            for (path, body, criteria) in [
                ("/fhir/R4/Patient", patient(&name), format!("identifier=urn:example:case|{name}")),
                ("/fhir/R4/Observation", row, criteria),
            ] {
                let answers = at_once(12, |_| {
                    let answer = service.ask("POST", path).header("if-none-exist", &criteria).json(&body).send();
                    assert!(matches!(answer.status, 200 | 201), "{}", answer.text());
                    (answer.status, answer.json()["id"].as_str().unwrap().to_owned())
                });
                let ids: BTreeSet<&str> = answers.iter().map(|(_, id)| id.as_str()).collect();
                assert_eq!(ids.len(), 1, "{path} {answers:?}");
                assert_eq!(answers.iter().filter(|(status, _)| *status == 201).count(), 1, "{path} {answers:?}");
            }
        }
        assert_eq!(service.get("/v1/patients?count=true").expect(200)["count"], 11);
    }

    fn events_and_questionnaires_are_kept_as_what_they_say(test: &TestDatabase) {
        let service = Service::on(test);
        let answer = record(&service, "eight-to-two");
        let person = format!("Patient/{}", recorded(&answer, "Patient")[0]);
        let event = json!({
            "resourceType": "AdverseEvent", "actuality": "actual", "event": own("adverse-event", "soreness"),
            "seriousness": own("grade", "minor"), "subject": {"reference": person}, "date": "2025-10-01",
            "suspectEntity": [{
                "instance": {"reference": format!("Procedure/{}", recorded(&answer, "Procedure")[0])},
                "causality": [{"assessment": own("relation", "possible")}],
            }],
        });
        let kept = service.post("/fhir/R4/AdverseEvent", &event).expect(201);
        assert_eq!(kept["suspectEntity"][0]["causality"][0]["assessment"]["coding"][0]["code"], "possible");

        let total = |link: &str, value: i64| json!({"linkId": link, "answer": [{"valueInteger": value}]});
        let answers = json!({
            "resourceType": "QuestionnaireResponse", "status": "completed", "subject": {"reference": person},
            "authored": "2025-10-01", "item": [total("97908-8", 30)],
        });
        let kept = service.post("/fhir/R4/QuestionnaireResponse", &answers).expect(201);
        assert_eq!((&kept["resourceType"], &kept["valueQuantity"]["value"]), (&json!("Observation"), &json!(30)));
        let mut more = answers.clone();
        more["item"].as_array_mut().unwrap().push(total("question-1", 3));
        assert_eq!(expressions(&service.post("/fhir/R4/QuestionnaireResponse", &more), 422), ["QuestionnaireResponse.item[1].linkId"]);
    }
}
