//! FHIR: searches find what is recorded, all of it, once, and nothing that the token does not reach.

use crate::fhir::{Recorded, service, walked};
use crate::service::{Answer, Service, id};
use crate::support::databases::{TestDatabase, on_each_database};
use medial::auth::Role;
use medial::fhir::resource::{Resource, ResourceType};
use medial::fhir::search::parameters::{self, SearchParameter, SearchType};
use medial::fhir::table::TABLE;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const OWN: &str = "urn:medial:fhir:CodeSystem:";

/// A search as an admin, who may read everything.
fn ask(service: &Service, query: &str) -> Answer {
    let admin = service.token(Role::Admin);
    let path = format!("/fhir/R4/{}", encoded(query, b"|\" "));
    service.ask("GET", &path).bearer(&admin).send()
}

/// A text with those letters encoded that cannot stand in an address, or are not to.
fn encoded(text: &str, also: &[u8]) -> String {
    let mut written = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_graphic() && !also.contains(&byte) {
            written.push(char::from(byte));
        } else {
            written.push_str(&format!("%{byte:02X}"));
        }
    }
    written
}

fn found(service: &Service, query: &str) -> Value {
    let bundle = ask(service, query).expect(200);
    assert_eq!(bundle["type"], "searchset");
    bundle
}

/// The ids of what fits, on one page.
fn ids_of(bundle: &Value) -> Vec<String> {
    with_mode(bundle, "match")
        .iter()
        .map(|one| one["id"].as_str().unwrap().to_owned())
        .collect()
}

fn with_mode<'v>(bundle: &'v Value, mode: &str) -> Vec<&'v Value> {
    let entries = bundle["entry"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let of_mode = entries
        .iter()
        .filter(|entry| entry["search"]["mode"] == mode);
    of_mode.map(|entry| &entry["resource"]).collect()
}

/// What comes with a mode, as `Type/id`.
fn names_of(bundle: &Value, mode: &str) -> Vec<String> {
    let name = |one: &&Value| format!("{}/{}", one["resourceType"].as_str().unwrap(), id(one));
    with_mode(bundle, mode).iter().map(name).collect()
}

fn link<'v>(bundle: &'v Value, relation: &str) -> Option<&'v str> {
    let links = bundle["link"].as_array().unwrap();
    let found = links.iter().find(|link| link["relation"] == relation);
    found.map(|link| link["url"].as_str().unwrap())
}

/// The path of an address of the service, below the base of FHIR.
fn below<'a>(service: &Service, url: &'a str) -> &'a str {
    url.strip_prefix(&service.url("/fhir/R4/")).unwrap()
}

/// The ids of what fits, page after page.
fn every(service: &Service, query: &str) -> Vec<String> {
    let named = every_named(service, query).into_iter();
    named
        .map(|name| name.split('/').nth(1).unwrap().to_owned())
        .collect()
}

/// What fits as `Type/id`, page after page.
fn every_named(service: &Service, query: &str) -> Vec<String> {
    let mut ids = Vec::new();
    let mut query = query.to_owned();
    loop {
        let bundle = found(service, &query);
        ids.extend(names_of(&bundle, "match"));
        match link(&bundle, "next") {
            Some(next) => query = below(service, next).to_owned(),
            None => return ids,
        }
    }
}

fn set(ids: Vec<String>) -> BTreeSet<String> {
    let count = ids.len();
    let set: BTreeSet<String> = ids.into_iter().collect();
    assert_eq!(set.len(), count, "nothing comes twice");
    set
}

fn expressions(answer: &Answer, status: u16) -> Vec<String> {
    let outcome = answer.expect(status);
    assert_eq!(outcome["resourceType"], "OperationOutcome");
    let issues = outcome["issue"].as_array().unwrap().iter();
    issues
        .map(|issue| {
            issue["expression"][0]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        })
        .collect()
}

/// What a parameter finds a resource by, made from the resource as it is given out.
fn sample(parameter: &SearchParameter, resource: &Resource) -> Option<String> {
    if parameter.places == ["@patient"] {
        return resource.patient.map(|patient| format!("Patient/{patient}"));
    }
    let values = parameter.places.iter().flat_map(|place| {
        let mut values = vec![Value::Object(resource.body.clone())];
        for step in place.split('.') {
            values = values.iter().flat_map(|value| flat(&value[step])).collect();
        }
        values
    });
    let text = |value: &Value, name: &str| value[name].as_str().map(str::to_owned);
    values.into_iter().find_map(|value| match parameter.kind {
        SearchType::Token => {
            let coded = value["coding"].get(0).cloned().unwrap_or(value.clone());
            let code = text(&coded, "code").or_else(|| text(&coded, "value"));
            match (text(&coded, "system"), code) {
                (Some(system), Some(code)) => Some(format!("{system}|{code}")),
                (None, Some(code)) => Some(code),
                _ => value
                    .as_str()
                    .map(str::to_owned)
                    .or_else(|| value.as_bool().map(|flag| flag.to_string())),
            }
        }
        SearchType::Reference => text(&value, "reference"),
        SearchType::Date => text(&value, "start")
            .or_else(|| value.as_str().map(str::to_owned))
            .map(|at| {
                if value.is_object() {
                    format!("ap{at}")
                } else {
                    at
                }
                .replace('+', "%2B")
            }),
        SearchType::Text => {
            text(&value, "family").or_else(|| value.as_str().map(|text| text.to_uppercase()))
        }
        SearchType::Quantity => Some(format!("{}||{}", value["value"], text(&value, "code")?)),
        SearchType::Uri => value.as_str().map(str::to_owned),
    })
}

fn flat(value: &Value) -> Vec<Value> {
    match value {
        Value::Array(values) => values.clone(),
        Value::Null => Vec::new(),
        other => vec![other.clone()],
    }
}

fn kind_is_judged(kind: ResourceType) -> bool {
    matches!(
        kind,
        ResourceType::GuidanceResponse | ResourceType::Task | ResourceType::ServiceRequest
    )
}

/// How many reliefs there are after a block.
fn reliefs(service: &Service, block: &str) -> usize {
    let block = service.get(&format!("/v1/blocks/{block}")).expect(200);
    block["relief"].as_array().unwrap().len()
}

fn score(taken_at: &str, value: f64) -> Value {
    json!({"taken_at": taken_at, "scale": "nrs", "value": value})
}

fn patient(number: usize, family: &str, given: &str) -> Value {
    json!({
        "identifiers": [{"system": "urn:example:mrn", "value": format!("P-{number}")}],
        "family_name": family, "given_name": given, "birth_date": format!("19{:02}-03-0{}", 50 + number % 40, 1 + number % 9),
        "sex": if number.is_multiple_of(2) { "female" } else { "male" },
    })
}

on_each_database! {
    fn every_parameter_finds_what_has_its_value_and_what_lacks_it(test: &TestDatabase) {
        let service = service(test);
        Recorded::on(&service);
        let statement = service.get("/fhir/R4/metadata").expect(200);
        for served in TABLE {
            let kind = served.kind;
            let all = walked(&service, kind);
            // The trail grows by what is asked, so that nothing of it can be counted twice.
            let is_trail = kind == ResourceType::AuditEvent;
            let standing: BTreeSet<String> = all.iter().filter(|one| one.body.get("status").is_none_or(|it| it != "entered-in-error")).map(|one| one.id.clone()).collect();
            let said = statement["rest"][0]["resource"].as_array().unwrap().iter().find(|said| said["type"] == kind.code()).unwrap();
            let said: BTreeSet<&str> = said["searchParam"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
            for parameter in parameters::all(kind) {
                assert!(said.contains(parameter.name), "{} of {kind:?}", parameter.name);
                let sampled = all.iter().find_map(|one| Some((one, sample(parameter, one)?)));
                let (name, kind) = (parameter.name, kind.code());
                if let Some((one, value)) = sampled {
                    let value = encoded(&value, b"%&+#|");
                    let fits = set(every(&service, &format!("{kind}?{name}={value}&_count=500")));
                    assert!(fits.contains(&one.id), "{kind}?{name}={value} finds {fits:?}");
                    assert!(is_trail || fits.is_subset(&standing), "{kind}?{name}={value}");
                } else {
                    assert!(["agent", "period"].contains(&name), "there is no {name} of a {kind} to look for");
                }
                // To judge everybody again for each of them would take minutes.
                if kind_is_judged(served.kind) {
                    continue;
                }
                let has = set(every(&service, &format!("{kind}?{name}:missing=false&_count=500")));
                let lacks = set(every(&service, &format!("{kind}?{name}:missing=true&_count=500")));
                assert!(has.is_disjoint(&lacks), "{kind}?{name}");
                if !is_trail {
                    let both: BTreeSet<String> = has.union(&lacks).cloned().collect();
                    assert_eq!(both, standing, "{kind}?{name}:missing");
                }
                if name != "_id" && parameter.kind == SearchType::Token && !is_trail {
                    let Some(code) = all.iter().find_map(|one| sample(parameter, one)) else {
                        continue;
                    };
                    let is = set(every(&service, &format!("{kind}?{name}={code}&_count=500")));
                    let not = set(every(&service, &format!("{kind}?{name}:not={code}&_count=500")));
                    assert!(is.is_disjoint(&not) && is.len() + not.len() == standing.len(), "{kind}?{name}:not={code}");
                }
            }
        }
    }

    fn what_us_core_asks_for_is_found(test: &TestDatabase) {
        let service = service(test);
        let recorded = Recorded::on(&service);
        let (patient, block) = (&recorded.patient, &recorded.block);
        let reliefs = reliefs(&service, block);
        let survey = "http://terminology.hl7.org/CodeSystem/observation-category|survey";
        for (query, count) in [
            (format!("Patient?_id={patient}"), 1),
            ("Patient?identifier=urn:example:mrn|1".to_owned(), 1),
            ("Patient?identifier=1".to_owned(), 1),
            ("Patient?identifier=urn:example:other|1".to_owned(), 0),
            ("Patient?name=eri".to_owned(), 1),
            ("Patient?family=EXAMPLE&birthdate=1970-01-02".to_owned(), 1),
            ("Patient?birthdate=lt1970&name=example".to_owned(), 0),
            ("Patient?gender=female&name=erika".to_owned(), 1),
            ("Patient?family:exact=example".to_owned(), 0),
            ("Patient?family:contains=amp".to_owned(), 1),
            ("Patient?family=nobody,exam&given=erika".to_owned(), 1),
            (format!("Observation?patient={patient}&code=72514-3"), 9),
            (format!("Observation?patient=Patient/{patient}&code=http://loinc.org|72514-3&date=2025-09-08"), 4),
            (format!("Observation?patient={patient}&category={survey}&date=ge2025-09-08&date=lt2025-09-29"), 4),
            (format!("Observation?patient={patient}&category=survey&status=final,amended"), 10),
            (format!("Observation?patient={patient}&code={OWN}observation|relief&part-of=Procedure/{block}"), reliefs),
            (format!("Observation?part-of=Procedure/{block}&code=72514-3"), 4),
            (format!("Observation?subject:Patient={patient}&value-quantity=gt7"), 3),
            (format!("Observation?patient={patient}&code:not=72514-3,relief"), 1),
            (format!("Condition?patient={patient}&clinical-status=active&code=M47.816"), 1),
            (format!("Condition?patient={patient}&category=problem-list-item&onset-date=2025-03"), 1),
            (format!("Procedure?patient={patient}&date=ge2025-10&code=radiofrequency-ablation"), 1),
            (format!("Procedure?patient={patient}&status=completed&category=103693007"), 3),
            (format!("MedicationAdministration?patient={patient}&effective-time=2025-09-08&code=lidocaine"), 1),
            (format!("AdverseEvent?subject={patient}&substance=Procedure/{block}"), 1),
            (format!("Provenance?target=Procedure/{block}"), 1),
            ("PlanDefinition?name=medicare&status=active".to_owned(), 1),
            (format!("Group?member=Patient/{patient}&_summary=count"), 0),
        ] {
            let bundle = found(&service, &query);
            assert_eq!(ids_of(&bundle).len(), count, "{query}: {:?}", ids_of(&bundle));
        }
        let base = service.url("/fhir/R4");
        assert_eq!(ids_of(&found(&service, &format!("Condition?patient={base}/Patient/{patient}"))).len(), 2);
        let withdrawn = format!("Observation?_id={}", recorded.withdrawn);
        assert!(ids_of(&found(&service, &withdrawn)).is_empty(), "what is withdrawn is found by no search");
        assert!(ids_of(&found(&service, "Observation?patient=01890a5d-ac96-774b-bcce-b302099a8057")).is_empty());
        assert!(ids_of(&found(&service, "Observation?patient=nonsense")).is_empty());
        let accented = json!({"identifiers": [{"system": "urn:example:mrn", "value": "2"}], "family_name": "Öztürk-Müller", "given_name": "Zoë"});
        service.post("/v1/patients", &accented).expect(201);
        for name in ["family=ozturk", "name=zoe", "family=ÖZTÜRK", "name:contains=mull"] {
            assert_eq!(ids_of(&found(&service, &format!("Patient?{name}"))).len(), 1, "{name}");
        }
    }

    fn a_bundle_says_what_was_asked_and_shows_as_much_as_was_asked_for(test: &TestDatabase) {
        let service = service(test);
        let recorded = Recorded::on(&service);
        let of_patient = format!("Observation?patient={}", recorded.patient);
        let bundle = found(&service, &format!("{of_patient}&code=72514-3&_format=json&colour=red&date="));
        let address = format!("/fhir/R4/{of_patient}&code=72514-3&_count=50");
        assert_eq!(link(&bundle, "self").unwrap(), service.url(&address));
        assert_eq!(bundle["total"], 9);
        let first = &bundle["entry"][0];
        assert_eq!(first["fullUrl"], service.url(&format!("/fhir/R4/Observation/{}", id(&first["resource"]))));
        let outcome = with_mode(&bundle, "outcome")[0];
        assert_eq!(outcome["issue"][0]["severity"], "warning");
        assert_eq!(outcome["issue"][0]["expression"], json!(["http.colour"]));
        assert_eq!(outcome["issue"][1]["expression"], json!(["http.date"]));

        let sorted = |sort: &str, name: &str| -> Vec<Value> {
            let bundle = found(&service, &format!("{of_patient}&code=72514-3&_sort={sort}"));
            with_mode(&bundle, "match").iter().map(|one| one[name].clone()).collect()
        };
        let mut ascending = sorted("date", "effectiveDateTime");
        assert_eq!(ascending.len(), 9);
        assert_eq!(ascending[0], "2025-09-08T08:30:00-05:00");
        ascending.reverse();
        assert_eq!(sorted("-date", "effectiveDateTime"), ascending);
        let values = sorted("value-quantity,-date", "valueQuantity");
        assert_eq!((&values[0]["value"], &values[8]["value"]), (&json!(1), &json!(8)));

        let count = found(&service, &format!("{of_patient}&code=72514-3&_summary=count"));
        assert_eq!((&count["total"], &count["entry"]), (&json!(9), &Value::Null));
        assert_eq!(found(&service, &format!("{of_patient}&code=72514-3&_count=0"))["total"], 9);
        assert_eq!(found(&service, &format!("{of_patient}&_total=none"))["total"], Value::Null);
        assert_eq!(found(&service, "Observation?code=72514-3&_count=2")["total"], Value::Null);
        assert_eq!(found(&service, "Observation?code=72514-3&_count=2&_total=accurate")["total"], 9);
        assert_eq!(found(&service, "Observation?code=72514-3&_summary=count")["total"], 9);
        assert_eq!(found(&service, "Observation?code=72514-3&_count=0")["total"], 9);
        assert_eq!(found(&service, "Patient?_total=accurate")["total"], 1);
        let large = found(&service, "Patient?_count=100000");
        assert!(link(&large, "self").unwrap().ends_with("_count=500"));

        let names = |query: &str| -> BTreeSet<String> {
            let bundle = found(&service, query);
            with_mode(&bundle, "match")[0].as_object().unwrap().keys().cloned().collect()
        };
        let some = names(&format!("{of_patient}&code=72514-3&_elements=value,Observation.issued"));
        assert_eq!(some, ["code", "id", "issued", "meta", "resourceType", "status", "valueQuantity"].map(str::to_owned).into());
        let summary = names(&format!("{of_patient}&code=72514-3&_summary=true"));
        assert!(summary.contains("valueQuantity") && !summary.contains("extension") && !summary.contains("category"));
        assert!(names(&format!("{of_patient}&code=72514-3&_summary=data")).contains("extension"));
        assert!(!names(&format!("{of_patient}&code=72514-3&_summary=text")).contains("valueQuantity"));
        let bundle = found(&service, &format!("{of_patient}&_elements=code"));
        assert_eq!(with_mode(&bundle, "match")[0]["meta"]["tag"][0]["code"], "SUBSETTED");
    }

    fn everything_wrong_with_a_search_is_named_at_once(test: &TestDatabase) {
        let service = service(test);
        Recorded::on(&service);
        let wrong = "Observation?date=2025-13&code:above=x&_count=many&_sort=colour&_total=perhaps&value-quantity=high&patient:Group=1&_summary=all&_include=Observation:colour&status:missing=no&code=a,,b";
        let mut named = expressions(&ask(&service, wrong), 400);
        named.sort();
        let expected = [
            "http._count", "http._include", "http._sort", "http._summary", "http._total", "http.code", "http.code:above", "http.date",
            "http.patient:Group", "http.status:missing", "http.value-quantity",
        ];
        assert_eq!(named, expected);
        let path = "/fhir/R4/Observation?colour=red&size=1&code=72514-3";
        service.get(path).expect(200);
        let strict = service.ask("GET", path).header("prefer", "handling=strict").send();
        assert_eq!(expressions(&strict, 400), ["http.colour", "http.size"]);
        assert_eq!(expressions(&ask(&service, "Observation?_sort=date"), 400), ["http._sort"]);
        assert_eq!(expressions(&ask(&service, "Patient?_sort=birthdate"), 400), ["http._sort"]);
        assert_eq!(ids_of(&found(&service, "Patient?name=example&_sort=-birthdate")).len(), 1);
        let invalid = ask(&service, "Observation?code=%FF").expect(400);
        assert_eq!(invalid["resourceType"], "OperationOutcome");
    }

    fn pages_hold_everything_once_while_more_is_recorded(test: &TestDatabase) {
        let service = service(test);
        let recorded = Recorded::on(&service);
        for number in 1..=7 {
            service.post("/v1/patients", &patient(number, &format!("Person {}", 9 - number), "Kim")).expect(201);
        }
        let scores = format!("Observation?patient={}&code=72514-3", recorded.patient);
        let queries = [
            (format!("{scores}&_count=2&_sort=-date"), "scores"), (format!("{scores}&_count=2"), "scores"),
            ("Observation?code=72514-3&_count=2".to_owned(), "scores"), ("Patient?_count=2".to_owned(), "patients"),
            ("Patient?name=person&_count=2".to_owned(), "patients"), ("Patient?_sort=family&_count=3".to_owned(), "patients"),
            ("AuditEvent?_count=5".to_owned(), "trail"), ("Task?_count=1".to_owned(), "tasks"),
        ];
        for (round, (query, what)) in queries.iter().enumerate() {
            let before = set(every(&service, query));
            assert!(before.len() > 4, "{query}");
            let mut seen = Vec::new();
            let mut query = query.clone();
            let mut number = 0;
            loop {
                let bundle = found(&service, &query);
                seen.extend(ids_of(&bundle));
                let Some(next) = link(&bundle, "next") else { break };
                below(&service, next).clone_into(&mut query);
                number += 1;
                if number < 3 && *what == "scores" {
                    let at = format!("2025-09-08T1{round}:0{number}:00-05:00");
                    service.post(&format!("/v1/blocks/{}/scores", recorded.block), &score(&at, 5.0)).expect(201);
                } else if number < 3 && *what == "patients" {
                    service.post("/v1/patients", &patient(10 * round + number, "Aaron", "Person")).expect(201);
                }
            }
            let seen = set(seen);
            assert!(before.is_subset(&seen), "{query}: {before:?} {seen:?}");
        }
    }

    fn a_cursor_works_for_its_search_and_for_no_other(test: &TestDatabase) {
        let service = service(test);
        let recorded = Recorded::on(&service);
        let first = found(&service, &format!("Observation?patient={}&_count=2", recorded.patient));
        let next = below(&service, link(&first, "next").unwrap());
        let cursor = next.split("_cursor=").nth(1).unwrap();
        assert_eq!(ids_of(&found(&service, next)).len(), 2);
        assert_eq!(ids_of(&found(&service, &next.replace("_count=2", "_count=1"))).len(), 1);
        let changed = format!("{}x", &cursor[..cursor.len() - 1]);
        for bad in [
            format!("Observation?patient={}&_cursor={changed}", recorded.patient),
            format!("Observation?patient={}&code=72514-3&_cursor={cursor}", recorded.patient),
            format!("Observation?_cursor={cursor}"),
            format!("Condition?patient={}&_cursor={cursor}", recorded.patient),
            format!("Observation?patient={}&_cursor=nonsense", recorded.patient),
        ] {
            assert_eq!(expressions(&ask(&service, &bad), 400), ["http._cursor"], "{bad}");
        }
        let south = service.token_of(Role::Admin, "south", None);
        let elsewhere = service.ask("GET", &format!("/fhir/R4/{next}")).bearer(&south).send();
        assert_eq!(expressions(&elsewhere, 400), ["http._cursor"]);
    }

    fn a_form_is_searched_as_an_address_is(test: &TestDatabase) {
        let service = service(test);
        let recorded = Recorded::on(&service);
        let query = format!("patient={}&code=http%3A%2F%2Floinc.org%7C72514-3&_sort=date&_count=3", recorded.patient);
        let by_get = service.get(&format!("/fhir/R4/Observation?{query}")).expect(200);
        let form = "application/x-www-form-urlencoded";
        let by_post = service.ask("POST", "/fhir/R4/Observation/_search").body(form, query.clone().into_bytes()).send().expect(200);
        assert_eq!(by_get["entry"], by_post["entry"]);
        assert_eq!(by_get["total"], 9);
        let next = below(&service, link(&by_post, "next").unwrap());
        assert_eq!(ids_of(&found(&service, next)).len(), 3);
        let (half, rest) = query.split_once('&').unwrap();
        let path = format!("/fhir/R4/Observation/_search?{half}");
        let both = service.ask("POST", &path).body(form, rest.as_bytes().to_vec()).send().expect(200);
        assert_eq!(by_get["entry"], both["entry"]);
        service.ask("POST", "/fhir/R4/Patient/_search").body(form, Vec::new()).send().expect(200);
        service.ask("POST", "/fhir/R4/Patient/_search").json(&json!({})).send().expect(415);
    }

    fn what_is_referred_to_and_what_refers_comes_along(test: &TestDatabase) {
        let service = service(test);
        let recorded = Recorded::on(&service);
        let along = |query: &str| names_of(&found(&service, query), "include");
        let Recorded { patient, block, episode, .. } = &recorded;
        let relief = format!("Observation?_id={block}.relief.right.80");
        assert_eq!(along(&format!("Observation?patient={patient}&_include=Observation:patient")), [format!("Patient/{patient}")]);
        assert_eq!(along(&format!("{relief}&_include=Observation:part-of:Procedure")), [format!("Procedure/{block}")]);
        assert_eq!(along(&format!("{relief}&_include=Observation:derived-from")).len(), 4);
        assert_eq!(along(&format!("{relief}&_include=*")).len(), 6);
        assert_eq!(along(&format!("Observation?_id={episode}.disability.0&_include=Observation:focus")), [format!("Condition/{episode}")]);
        assert_eq!(along(&format!("Procedure?_id={block}&_revinclude=Provenance:target")), [format!("Provenance/{block}.provenance")]);
        let all = along(&format!("Procedure?_id={block}&_revinclude=Observation:part-of&_revinclude=MedicationAdministration:part-of&_revinclude=AdverseEvent:substance&_include=Procedure:patient"));
        assert_eq!(all.len(), 4 + reliefs(&service, block) + 1 + 1 + 1, "{all:?}");
        let guidance = along(&format!("GuidanceResponse?patient={patient}&_include=GuidanceResponse:reason-reference&_revinclude=Task:focus"));
        assert!(guidance.contains(&format!("Condition/{episode}")) && guidance.iter().any(|one| one.starts_with("Task/")));
        for wrong in ["_include=Procedure:patient", "_include:iterate=Observation:patient", "_revinclude=Group:member", "_include=Observation:part-of:Patient"] {
            ask(&service, &format!("Observation?patient={patient}&{wrong}")).expect(400);
        }
        for served in TABLE {
            let kind = served.kind;
            for value in medial::fhir::search::includes(kind) {
                found(&service, &format!("{}?_include={value}&_count=5", kind.code()));
            }
            for value in medial::fhir::search::reverse_includes(kind) {
                found(&service, &format!("{}?_revinclude={value}&_count=5", kind.code()));
            }
        }
    }

    fn conditions_reach_one_level_into_other_resources(test: &TestDatabase) {
        let service = service(test);
        let recorded = Recorded::on(&service);
        service.post("/v1/patients", &patient(1, "Other", "Kim")).expect(201);
        let Recorded { patient, block, .. } = &recorded;
        for (query, count) in [
            ("Observation?patient.identifier=urn:example:mrn|1&code=72514-3".to_owned(), 9),
            ("Observation?subject:Patient.family=exam&code=72514-3".to_owned(), 9),
            ("Observation?patient.gender=male".to_owned(), 0),
            (format!("Observation?patient={patient}&part-of:Procedure.code=radiofrequency-ablation"), 1),
            (format!("Observation?patient={patient}&code=72514-3&part-of.date=2025-09-08"), 4),
            ("Observation?code=72514-3&part-of.date=2025-09-08".to_owned(), 4),
            (format!("Provenance?patient={patient}&target:Procedure.category=277132007"), 1),
            ("Patient?_has:Observation:patient:code=72514-3".to_owned(), 1),
            ("Patient?_has:Observation:patient:value-quantity=gt90".to_owned(), 0),
            ("Patient?_has:Task:patient:code=none-such".to_owned(), 0),
            ("Patient?_has:Group:member:_id=candidates-medicare-lcd".to_owned(), 1),
            ("Patient?_has:Group:member:_id=in-follow-up".to_owned(), 1),
            ("Patient?_has:Group:member:actual=false".to_owned(), 0),
            ("Procedure?_has:AdverseEvent:substance:seriousness=minor".to_owned(), 1),
            (format!("Procedure?patient={patient}&_has:Observation:part-of:code=relief"), 3),
        ] {
            let bundle = found(&service, &query);
            assert_eq!(ids_of(&bundle).len(), count, "{query}: {:?}", ids_of(&bundle));
        }
        assert_eq!(ids_of(&found(&service, "Procedure?_has:AdverseEvent:substance:event=soreness")), std::slice::from_ref(block));
        let module = format!("GuidanceResponse?patient={patient}&module=urn:medial:fhir:PlanDefinition:medicare-lcd");
        let of_any_version = ids_of(&found(&service, &module));
        assert!(!of_any_version.is_empty() && of_any_version == ids_of(&found(&service, &format!("{module}|1"))));
        for (wrong, named) in [
            ("Observation?patient.link.identifier=1", "http.patient.link.identifier"),
            ("GuidanceResponse?reason-reference.code=1", "http.reason-reference.code"),
            ("Patient?_has:Observation:code", "http._has:Observation:code"),
            ("Patient?_has:Observation:part-of:code=1", "http._has:Observation:part-of:code"),
            ("Patient?_has:Observation:patient:_has:Provenance:target:agent=1", "http._has:Observation:patient:_has:Provenance:target:agent"),
            ("Observation?patient.birthdate=soon", "http.patient.birthdate"),
        ] {
            let wrong = if wrong.contains('=') { wrong.to_owned() } else { format!("{wrong}=1") };
            assert_eq!(expressions(&ask(&service, &wrong), 400), [named]);
        }
        let bundle = found(&service, "Observation?patient.colour=red&code=72514-3");
        assert_eq!(with_mode(&bundle, "outcome").len(), 1);
    }

    fn everything_about_a_patient_comes_page_by_page(test: &TestDatabase) {
        let service = service(test);
        let recorded = Recorded::on(&service);
        service.post("/v1/patients", &patient(1, "Other", "Kim")).expect(201);
        let whole = format!("Patient/{}/$everything", recorded.patient);
        let all = set(every_named(&service, &whole));
        let small = set(every_named(&service, &format!("{whole}?_count=40")));
        let bundle = found(&service, &whole);
        let kinds: BTreeSet<&str> = with_mode(&bundle, "match").iter().map(|one| one["resourceType"].as_str().unwrap()).collect();
        let expected = [
            "AdverseEvent", "Condition", "GuidanceResponse", "MedicationAdministration", "Observation", "Patient", "Procedure", "Provenance",
            "ServiceRequest", "Task",
        ];
        assert_eq!(kinds, expected.into());
        assert!(all.len() > 100 && small == all);
        let some = found(&service, &format!("{whole}?_type=Procedure,Condition&end=2025-09-08&colour=red"));
        assert_eq!(ids_of(&some).len(), 2 + 1, "both conditions, and the first block");
        assert_eq!(with_mode(&some, "outcome").len(), 1);
        service.clock.forward(chrono::TimeDelta::hours(1));
        let since = service.now().to_rfc3339().replace('+', "%2B");
        service.put(&format!("/v1/scores/{}", recorded.score), 1, &score("2025-09-08T08:30:00-05:00", 7.5)).expect(200);
        let changed = every(&service, &format!("{whole}?_since={since}&_type=Observation"));
        assert!(changed.contains(&recorded.score) && changed.len() < 10, "{changed:?}");
        let parameters = json!({"resourceType": "Parameters", "parameter": [
            {"name": "_type", "valueCode": "Procedure"}, {"name": "_count", "valueInteger": 2},
        ]});
        let posted = service.post(&format!("/fhir/R4/{whole}"), &parameters).expect(200);
        assert_eq!(ids_of(&posted).len(), 2);
        assert_eq!(ids_of(&found(&service, below(&service, link(&posted, "next").unwrap()))).len(), 2);
        let wrong = format!("{whole}?_since=soon&_type=Nonsense&_count=0");
        assert_eq!(expressions(&ask(&service, &wrong), 400), ["http._since", "http._type", "http._count"]);
        assert_eq!(expressions(&ask(&service, &format!("{whole}?_cursor=x")), 400), ["http._cursor"]);
        ask(&service, "Patient/01890a5d-ac96-774b-bcce-b302099a8057/$everything").expect(404);
        let narrow = service.token_of(Role::EhrSystem, "north", Some("system/Patient.rs system/Observation.rs?category=survey"));
        let reached = service.ask("GET", &format!("/fhir/R4/{whole}")).bearer(&narrow).send().expect(200);
        assert_eq!(ids_of(&reached).len(), 1 + 10, "the patient with scores, disability score and follow-up; not what was withdrawn");
    }

    fn the_newest_observations_of_each_code_are_told(test: &TestDatabase) {
        let service = service(test);
        let recorded = Recorded::on(&service);
        let of_patient = format!("Observation/$lastn?patient={}&category=survey", recorded.patient);
        let newest = found(&service, &of_patient);
        let codes: Vec<&Value> = with_mode(&newest, "match").iter().map(|one| &one["code"]["coding"][0]["code"]).collect();
        assert_eq!(codes.len(), 3, "a score, a disability score, a follow-up: {codes:?}");
        let two = found(&service, &format!("{of_patient}&code=http://loinc.org|72514-3&max=2"));
        let at: Vec<&Value> = with_mode(&two, "match").iter().map(|one| &one["effectiveDateTime"]).collect();
        assert!(at.contains(&&json!("2025-09-29T13:00:00-05:00")) && at.contains(&&json!("2025-09-29T11:00:00-05:00")), "{at:?}");
        let parameters = json!({"resourceType": "Parameters", "parameter": [
            {"name": "patient", "valueReference": {"reference": format!("Patient/{}", recorded.patient)}},
            {"name": "category", "valueString": "survey"},
        ]});
        let posted = service.post("/fhir/R4/Observation/$lastn", &parameters).expect(200);
        assert_eq!(posted["entry"], newest["entry"]);
        for (wrong, named) in [("code=72514-3", "http.patient"), ("patient=1", "http.code"), ("patient=1&code=1&max=0", "http.max")] {
            assert_eq!(expressions(&ask(&service, &format!("Observation/$lastn?{wrong}")), 400), [named]);
        }
    }

    fn nothing_beyond_the_scopes_is_found_counted_or_comes_along(test: &TestDatabase) {
        let service = service(test);
        let recorded = Recorded::on(&service);
        let Recorded { patient, block, .. } = &recorded;
        let all = format!("Observation?patient={patient}&_include=Observation:part-of&_include=Observation:patient&_revinclude=Provenance:target");
        let asked = |scopes: &str, query: &str| {
            let token = service.token_of(Role::EhrSystem, "north", Some(scopes));
            service.ask("GET", &format!("/fhir/R4/{query}")).bearer(&token).send()
        };
        let survey = asked("system/Observation.s?category=survey system/Patient.rs", &all).expect(200);
        assert_eq!(survey["total"], 10);
        assert_eq!(with_mode(&survey, "include").len(), 1, "the patient, and nothing else");
        let reliefs = asked("system/Observation.rs?category=procedure", &all).expect(200);
        let some = reliefs["total"].as_u64().unwrap();
        assert!(some > 0 && ids_of(&reliefs).iter().all(|id| id.contains(".relief.")), "{some}");
        assert_eq!(with_mode(&reliefs, "include").len(), 0);
        asked("system/Observation.r", &all).expect(403);
        asked("system/Procedure.rs", &all).expect(403);
        let one = asked("system/Observation.s?category=survey", &format!("Observation?_id={block}.relief.right.80")).expect(200);
        assert_eq!(one["total"], 0);
        let chained = format!("Observation?patient={patient}&part-of.status=completed");
        assert_eq!(asked("system/Observation.rs", &chained).expect(200)["total"], 0);
        assert_ne!(asked("system/Observation.rs system/Procedure.rs", &chained).expect(200)["total"], 0);
        let has = "Patient?_has:Observation:patient:code=relief";
        assert_eq!(asked("system/Patient.rs system/Observation.rs?category=survey", has).expect(200)["total"], 0);
        let analyst = service.token(Role::Analyst);
        let determined = service.ask("GET", &format!("/fhir/R4/GuidanceResponse?patient={patient}&_include=GuidanceResponse:patient")).bearer(&analyst).send().expect(200);
        assert!(!ids_of(&determined).is_empty() && with_mode(&determined, "include").is_empty(), "an analyst learns no name");
        let south = service.token_of(Role::EhrSystem, "south", None);
        for query in [format!("Observation?patient={patient}"), "Observation".to_owned(), format!("Patient?_id={patient}"), "Patient?name=example".to_owned()] {
            let found = service.ask("GET", &format!("/fhir/R4/{query}")).bearer(&south).send().expect(200);
            assert!(ids_of(&found).is_empty(), "{query}");
        }
    }

    fn nothing_beyond_the_scopes_is_written(test: &TestDatabase) {
        let service = service(test);
        let recorded = Recorded::on(&service);
        let path = format!("/fhir/R4/Observation/{}", recorded.score);
        let mut fresh = service.get(&path).expect(200);
        fresh["effectiveDateTime"] = json!("2025-09-08T08:45:00-05:00");
        for name in ["id", "meta", "issued"] {
            fresh.as_object_mut().unwrap().remove(name);
        }
        let token = |scopes: &str| service.token_of(Role::EhrSystem, "north", Some(scopes));
        let create = |scopes: &str| service.ask("POST", "/fhir/R4/Observation").json(&fresh).bearer(&token(scopes)).send();
        let count = || found(&service, &format!("Observation?patient={}&code=72514-3", recorded.patient))["total"].clone();
        let before = count();
        for narrow in ["system/Observation.c?category=procedure", "system/Observation.rus", "system/Procedure.c", "patient/Observation.c"] {
            create(narrow).expect(403);
        }
        assert_eq!(count(), before, "nothing was stored");
        create("system/Observation.c?category=survey").expect(201);

        let current = service.get(&path).expect(200);
        let put = |scopes: &str| service.ask("PUT", &path).json(&current).bearer(&token(scopes)).send();
        let patch = |scopes: &str| {
            let patch = json!([{"op": "replace", "path": "/valueQuantity/value", "value": 7}]);
            service.ask("PATCH", &path).json(&patch).header("content-type", "application/json-patch+json").bearer(&token(scopes)).send()
        };
        let delete = |scopes: &str| service.ask("DELETE", &path).bearer(&token(scopes)).send();
        for narrow in ["system/Observation.cud?category=procedure", "system/Observation.rs", "patient/Observation.cruds"] {
            assert_eq!([put(narrow).status, patch(narrow).status, delete(narrow).status], [403, 403, 403], "{narrow}");
        }
        assert_eq!(service.get(&path).expect(200), current);
        patch("system/Observation.u?category=survey").expect(200);
        delete("system/Observation.d?category=survey").expect(204);
        let entry = json!({"resource": fresh, "request": {"method": "POST", "url": "Observation"}});
        for kind in ["transaction", "batch"] {
            let bundle = json!({"resourceType": "Bundle", "type": kind, "entry": [entry]});
            let answer = service.ask("POST", "/fhir/R4").json(&bundle).bearer(&token("system/Observation.c?category=procedure")).send();
            match kind {
                "transaction" => { answer.expect(403); }
                _ => assert!(answer.expect(200)["entry"][0]["response"]["status"].as_str().unwrap().starts_with("403")),
            }
        }
    }

    fn changes_and_bundles_search_as_everybody_does(test: &TestDatabase) {
        let service = service(test);
        let recorded = Recorded::on(&service);
        let Recorded { patient, block, .. } = &recorded;
        let read = |url: &str| json!({"request": {"method": "GET", "url": url}});
        for kind in ["batch", "transaction"] {
            let bundle = json!({"resourceType": "Bundle", "type": kind, "entry": [
                read(&format!("Observation?patient={patient}&code=72514-3&_sort=-date&_count=2")),
                read("Patient?identifier=urn:example:mrn%7C1&_revinclude=Provenance:target"),
            ]});
            let answer = service.post("/fhir/R4", &bundle).expect(200);
            let first = &answer["entry"][0]["resource"];
            assert_eq!((&first["total"], ids_of(first).len()), (&json!(9), 2));
            assert_eq!(ids_of(&found(&service, below(&service, link(first, "next").unwrap()))).len(), 2);
            assert_eq!(with_mode(&answer["entry"][1]["resource"], "include").len(), 1);
        }
        let wrong = json!({"resourceType": "Bundle", "type": "batch", "entry": [
            read("Observation?date=soon"), read("Patient/01890a5d-ac96-774b-bcce-b302099a8057"),
        ]});
        let answer = service.post("/fhir/R4", &wrong).expect(200);
        let statuses: Vec<&str> = answer["entry"].as_array().unwrap().iter().map(|entry| entry["response"]["status"].as_str().unwrap()).collect();
        assert_eq!(statuses, ["400", "404"]);

        let mut score = service.get(&format!("/fhir/R4/Observation/{}", recorded.score)).expect(200);
        let there = score["id"].clone();
        for name in ["id", "meta", "issued"] {
            score.as_object_mut().unwrap().remove(name);
        }
        let create = |criteria: &str| service.ask("POST", "/fhir/R4/Observation").header("if-none-exist", criteria).json(&score).send();
        let known = "patient.identifier=urn:example:mrn|1&code=72514-3&date=2025-09-08T08:30:00-05:00";
        assert_eq!(create(known).expect(200)["id"], there);
        create(&format!("part-of=Procedure/{block}&code=72514-3")).expect(412);
        for vague in ["code=72514-3", "", "patient=1&colour=red", "patient=1&date=soon"] {
            create(vague).expect(400);
        }
        let base = service.url("/fhir/R4");
        let by_address = format!("/fhir/R4/Observation?patient={base}/Patient/{patient}&date=2025-09-08T08:30:00-05:00&category=survey");
        service.ask("DELETE", &by_address).send().expect(204);
        assert_eq!(service.get(&format!("/fhir/R4/Observation/{}", there.as_str().unwrap())).expect(200)["status"], "entered-in-error");
    }
}
