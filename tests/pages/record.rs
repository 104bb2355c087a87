//! Recording and correcting by forms.

use crate::service::{Answer, Form, Service};
use crate::support::databases::{TestDatabase, on_each_database};
use chrono_tz::{America, Europe};

const NOW: &str = "2025-12-01T15:00:00Z";

fn service(test: &TestDatabase) -> Service {
    Service::at(test, NOW, America::Chicago)
}

/// A first block of somebody new, as a clinician types it.
fn first_block() -> Form {
    Form::of(&[
        ("once", "1"),
        ("/patient/identifiers/0/system", "urn:example:mrn"),
        ("/patient/identifiers/0/value", "M-1001"),
        ("/patient/family_name", "Example"),
        ("/patient/given_name", "Alex"),
        ("/patient/birth_date", "1961-05-02"),
        ("/patient/sex", "female"),
        ("/targets", "left:L4-5"),
        ("/targets", "left:L5-S1"),
        ("/performed_at", "2025-09-08T09:00"),
        ("/kind", "diagnostic"),
        ("/technique", "medial_branch"),
        ("/agent", "lidocaine"),
        ("/concentration_percent", "2"),
        ("/volume_ml_per_nerve", "0.5"),
        ("/guidance", "fluoroscopy"),
        ("/sedation", "none"),
        ("/steroid", "no"),
        ("/operator", "Dr. Example"),
        ("/site", "Room 2"),
        ("/stated_relief_percent", "90"),
        ("scale", "nrs"),
        ("context", "movement"),
        ("reported_by", "patient"),
        ("/scores/0/taken_at", "0"),
        ("/scores/0/value", "8"),
        ("/scores/1/taken_at", "15"),
        ("/scores/1/value", ""),
        ("/scores/2/taken_at", "30"),
        ("/scores/2/value", "1"),
        ("/scores/4/taken_at", "60"),
        ("/scores/4/value", "1"),
        ("/scores/5/taken_at", "120"),
        ("/scores/5/value", "1.5"),
        ("/scores/6/taken_at", "180"),
        ("/scores/6/value", "4"),
        ("/scores/26/taken_at", "8 h"),
        ("/scores/26/value", "8"),
        ("/episode/onset_date", "2025-01-10"),
        ("/episode/axial", "yes"),
        ("/episode/radiculopathy", "none"),
        ("/episode/other_causes_excluded", "yes"),
        ("/episode/worse_with_extension_or_rotation", "yes"),
        ("/episode/conservative_care/0/kind", "physical_therapy"),
        ("/episode/conservative_care/0/start", "2025-02-01"),
        ("/episode/conservative_care/0/end", "2025-08-01"),
        ("/episode/conservative_care/0/outcome", "failed"),
        ("/episode/fused_joints", "none"),
        ("/episode/disability/0/instrument", "odi"),
        ("/episode/disability/0/score", "40"),
        ("/episode/disability/0/maximum", "100"),
        ("/episode/disability/0/taken_on", "2025-09-01"),
    ])
}

/// A second block of the same episode, five weeks later and with a longer-acting agent.
fn second_block(patient: &str, episode: &str) -> Form {
    let again = first_block().with(&[
        ("once", "2"),
        ("patient", patient),
        ("/episode_id", episode),
        ("/performed_at", "2025-10-13T10:30"),
        ("/agent", "bupivacaine"),
        ("/concentration_percent", "0.5"),
    ]);
    again.with(&[("/scores/7/taken_at", "240"), ("/scores/7/value", "1")])
}

fn only(service: &Service, path: &str) -> serde_json::Value {
    let mut page = service.api(path);
    let items = page["items"].as_array_mut().unwrap();
    assert_eq!(items.len(), 1, "{path}");
    items.remove(0)
}

/// The first block, recorded: the patient, the episode and the block.
fn recorded(service: &Service) -> (String, String, String) {
    let patient = service.post("/blocks/new", &first_block()).id();
    let block = only(service, &format!("/v1/blocks?patient_id={patient}"));
    let text = |name: &str| block[name].as_str().unwrap().to_owned();
    (patient, text("episode_id"), text("id"))
}

fn scores(service: &Service, block: &str) -> Vec<serde_json::Value> {
    let page = service.api(&format!("/v1/blocks/{block}/scores?limit=500"));
    page["items"].as_array().unwrap().clone()
}

/// What is wrong, as the list at the top has it: field and words.
fn problems(answer: &Answer) -> Vec<(String, String)> {
    let list = answer.between("id=\"problems\"", "</div>");
    let list = list.split_once("<ul>").unwrap().1;
    list.split("<li>")
        .skip(1)
        .map(|line| {
            let id = line
                .split_once("href=\"#")
                .map_or("", |(_, rest)| rest.split('"').next().unwrap());
            let words = line.split_once("</a>: ").map_or(line, |(_, words)| words);
            let words = words.split("</li>").next().unwrap();
            (id.to_owned(), words.to_owned())
        })
        .collect()
}

fn places(answer: &Answer) -> Vec<String> {
    problems(answer).into_iter().map(|(id, _)| id).collect()
}

on_each_database! {
    fn both_blocks_are_recorded_by_forms_and_the_patient_meets(test: &TestDatabase) {
        let service = service(test);
        let (patient, episode, block) = recorded(&service);
        let stored = service.api(&format!("/v1/blocks/{block}"));
        assert_eq!(stored["performed_at"], "2025-09-08T09:00:00-05:00");
        assert_eq!(stored["nerves"], serde_json::json!(["L3", "L4", "L5 dorsal ramus"]));
        assert_eq!(stored["volume_ml_per_nerve"], 0.5);
        assert_eq!(stored["steroid"], false);
        assert_eq!(stored["same_day_return"], serde_json::Value::Null);
        let taken: Vec<_> = scores(&service, &block).iter().map(|one| (one["taken_at"].clone(), one["value"].clone())).collect();
        assert_eq!(taken.len(), 6);
        assert_eq!(taken[5], ("2025-09-08T17:00:00-05:00".into(), 8.into()));
        let of_episode = service.api(&format!("/v1/episodes/{episode}"));
        assert_eq!(of_episode["region"], "lumbar", "it follows from the joints");
        assert_eq!(of_episode["fused_joints"], serde_json::json!([]));
        assert_eq!(of_episode["imaging_suggests_facet"], serde_json::Value::Null);

        // The form for the second one knows the patient, the episode, and what the last one was done with.
        let form = service.get(&format!("/blocks/new?episode={episode}")).expect(200);
        assert!(form.text.contains("Example, Alex"));
        assert_eq!(form.value("/operator"), "Dr. Example");
        assert_eq!(form.value("/volume_ml_per_nerve"), "0.5");
        assert_eq!(form.value("/performed_at"), "2025-12-01T09:00");
        assert!(form.text.contains("<option value=\"lidocaine\" selected>"));
        assert_eq!(form.value("patient"), patient);
        assert_eq!(service.post("/blocks/new", &second_block(&patient, &episode)).id(), patient);

        let judged = service.api(&format!("/v1/episodes/{episode}/determinations"));
        let meets = judged["determinations"].as_array().unwrap().iter().any(|one| {
            one["verdict"] == "meets" && one["joint"] == "L4-5" && one["side"] == "left"
        });
        assert!(meets, "{judged:#}");
        assert!(service.get(&format!("/patients/{patient}")).expect(200).text.contains("meets"));
    }

    fn errors_land_at_their_fields_and_what_was_typed_is_kept(test: &TestDatabase) {
        let service = service(test);
        let form = first_block().with(&[
            ("/performed_at", "2026-05-01T09:00"),
            ("/volume_ml_per_nerve", "lots"),
            ("/concentration_percent", "200"),
            ("/patient/identifiers/0/value", ""),
            ("/scores/2/value", "2-8"),
            ("/scores/4/value", "11"),
            ("/scores/26/taken_at", "soon"),
            ("/episode/conservative_care/0/end", "2024-01-01"),
            ("/scores/3/taken_at", "45"),
            ("/scores/3/stated_relief_percent", "80"),
        ]);
        let answer = service.post("/blocks/new", &form).expect(422);
        let mut places = places(&answer);
        places.sort();
        let expected = [
            "f-concentration-percent",
            "f-episode-conservative-care-0-end",
            "f-patient-identifiers-0-value",
            "f-performed-at",
            "f-scores-2-value",
            "f-scores-26-taken-at",
            "f-scores-3-value",
            "f-scores-4-value",
            "f-volume-ml-per-nerve",
        ];
        let in_future: Vec<&str> = places.iter().map(String::as_str).filter(|one| one.starts_with("f-scores") && one.ends_with("taken-at")).collect();
        assert!(in_future.contains(&"f-scores-26-taken-at"));
        let rest: Vec<&str> = places.iter().map(String::as_str).filter(|one| expected.contains(one)).collect();
        assert_eq!(rest, expected);
        for place in &places {
            assert!(answer.text.contains(&format!("id=\"{place}\"")), "{place} leads nowhere");
        }
        for (name, typed) in [("/volume_ml_per_nerve", "lots"), ("/scores/2/value", "2-8"), ("/scores/26/taken_at", "soon"), ("/patient/family_name", "Example"), ("/episode/conservative_care/0/kind", "physical_therapy")] {
            assert_eq!(answer.value(name), typed);
        }
        let wrong = answer.field("/volume_ml_per_nerve");
        assert!(wrong.contains("aria-invalid=\"true\"") && wrong.contains("aria-describedby=\"f-volume-ml-per-nerve-error\""), "{wrong}");
        assert!(!answer.field("/operator").contains("aria-invalid"));
        assert!(answer.text.contains("A range is no score"));
        assert!(answer.field("/targets").contains("checkbox"));
        assert!(answer.text.contains("value=\"left:L4-5\" data-nerves=\"L3, L4\" data-side=\"left\" checked"));
        assert!(answer.text.contains("L3, L4, L5 dorsal ramus"), "the nerves are shown without a script");
        assert_eq!(service.api("/v1/patients")["items"], serde_json::json!([]), "nothing was stored");
    }

    fn nothing_typed_says_what_is_needed_and_no_more(test: &TestDatabase) {
        let service = service(test);
        let answer = service.post("/blocks/new", &Form::of(&[])).expect(422);
        let mut places = places(&answer);
        places.sort();
        assert_eq!(places, ["f-kind", "f-patient-identifiers", "f-performed-at", "f-targets", "f-technique"]);
        let (patient, _, _) = recorded(&service);
        let for_nothing = second_block(&patient, "");
        let answer = service.post("/blocks/new", &for_nothing).expect(422);
        assert_eq!(problems(&answer), [("f-episode-id".to_owned(), "Choose the pain that the block was for.".to_owned())]);
        let elsewhere = second_block(&patient, &patient);
        let answer = service.post("/blocks/new", &elsewhere).expect(422);
        assert_eq!(self::places(&answer), ["f-episode-id"]);
        let another = second_block(&patient, "new").with(&[("/targets", "right:C3-4")]);
        service.post("/blocks/new", &another).expect(303);
        let episodes = service.api(&format!("/v1/episodes?patient_id={patient}"));
        assert_eq!(episodes["items"].as_array().unwrap().len(), 2);
    }

    fn a_form_that_is_sent_twice_is_stored_once(test: &TestDatabase) {
        let service = service(test);
        let first = service.post("/blocks/new", &first_block()).expect(303);
        let again = service.post("/blocks/new", &first_block()).expect(303);
        assert_eq!(first.location, again.location);
        only(&service, "/v1/blocks");
        let other = first_block().with(&[("/operator", "Somebody else")]);
        let answer = service.post("/blocks/new", &other).expect(409);
        assert!(answer.text.contains("This form was sent before"));
        assert_eq!(answer.value("/operator"), "Somebody else");
        assert_ne!(answer.value("once"), "1");
        only(&service, "/v1/blocks");
    }

    fn a_stale_correction_shows_what_changed_side_by_side(test: &TestDatabase) {
        let service = service(test);
        let (patient, _, block) = recorded(&service);
        let path = format!("/blocks/{block}/edit");
        let opened = service.get(&path).expect(200);
        assert_eq!(opened.value("version"), "1");
        let form = |version: &str, changes: &[(&str, &str)]| Form::of(&[
            ("version", version), ("/reason", "a slip"), ("/targets", "left:L4-5"), ("/targets", "left:L5-S1"),
            ("/performed_at", "2025-09-08T09:00"), ("/kind", "diagnostic"), ("/technique", "medial_branch"),
            ("/agent", "lidocaine"), ("/concentration_percent", "2"), ("/volume_ml_per_nerve", "0.5"),
            ("/guidance", "fluoroscopy"), ("/sedation", "none"), ("/steroid", "no"), ("/operator", "Dr. Example"),
            ("/site", "Room 2"), ("/stated_relief_percent", "90"),
        ]).with(changes);
        let others = form("1", &[("once", "a"), ("/operator", "Dr. Other"), ("/site", "Room 3")]);
        assert_eq!(service.post(&path, &others).id(), patient);

        let mine = form("1", &[("once", "b"), ("/operator", "Dr. Mine"), ("/volume_ml_per_nerve", "0.3")]);
        let stale = service.post(&path, &mine).expect(412);
        let table = stale.between("What differs", "</table>");
        let rows: Vec<Vec<String>> = table.split("<tr>").skip(2).map(cells).collect();
        let row = |name: &str| rows.iter().find(|row| row[0].starts_with(name)).unwrap_or_else(|| panic!("{name}: {rows:?}"));
        assert_eq!(row("Volume per nerve")[1..], ["0.3 mL", "0.5 mL", "0.5 mL"]);
        assert_eq!(row("Operator")[1..], ["Dr. Mine", "Dr. Other", "Dr. Example"]);
        assert!(row("Operator")[0].contains("changed by both"));
        assert_eq!(row("Site")[1..], ["Room 2", "Room 3", "Room 2"]);
        assert_eq!(rows.len(), 3);
        // The form below holds one's own changes over what is stored, with the version that they now stand on.
        assert_eq!(stale.value("version"), "2");
        assert_eq!(stale.value("/operator"), "Dr. Mine");
        assert_eq!(stale.value("/site"), "Room 3");
        assert_eq!(stale.value("/volume_ml_per_nerve"), "0.3");
        assert_eq!(stale.value("/reason"), "a slip");
        let going_on = form("2", &[("once", "c"), ("/operator", "Dr. Mine"), ("/site", "Room 3"), ("/volume_ml_per_nerve", "0.3")]);
        service.post(&path, &going_on).expect(303);
        let stored = service.api(&format!("/v1/blocks/{block}"));
        assert_eq!((&stored["operator"], &stored["site"], &stored["version"]), (&"Dr. Mine".into(), &"Room 3".into(), &3.into()));
        assert_eq!(stored["nerves"], serde_json::json!(["L3", "L4", "L5 dorsal ramus"]));
    }

    fn what_a_correction_does_not_touch_stays_to_the_letter(test: &TestDatabase) {
        let service = service(test);
        let (_, episode, block) = recorded(&service);
        let score = scores(&service, &block)[1]["id"].as_str().unwrap().to_owned();
        for (kind, id, page) in [("blocks", &block, "blocks"), ("episodes", &episode, "episodes"), ("scores", &score, "scores")] {
            let before = service.api(&format!("/v1/{kind}/{id}"));
            let shown = service.get(&format!("/{page}/{id}/edit")).expect(200);
            let form = as_shown(&shown).with(&[("/reason", "to see whether anything changes")]);
            service.post(&format!("/{page}/{id}/edit"), &form).expect(303);
            let mut after = service.api(&format!("/v1/{kind}/{id}"));
            assert_eq!(after["version"], 2);
            for field in ["version", "updated_at"] {
                after[field] = before[field].clone();
            }
            assert_eq!(after, before);
        }
    }

    fn a_correction_needs_a_reason_and_tells_everything_at_once(test: &TestDatabase) {
        let service = service(test);
        let (_, _, block) = recorded(&service);
        let path = format!("/blocks/{block}/edit");
        let form = as_shown(&service.get(&path).expect(200)).with(&[("/reason", " "), ("/volume_ml_per_nerve", "-1")]);
        let answer = service.post(&path, &form).expect(422);
        let mut places = places(&answer);
        places.sort();
        assert_eq!(places, ["f-reason", "f-volume-ml-per-nerve"]);
    }

    fn html_in_a_field_is_shown_as_text(test: &TestDatabase) {
        let service = service(test);
        let evil = "<script>alert(1)</script>\"'><b>x";
        let form = first_block().with(&[("/operator", evil), ("/patient/family_name", evil), ("/episode/assessment", evil), ("/volume_ml_per_nerve", evil)]);
        let answer = service.post("/blocks/new", &form).expect(422);
        let patient = service.post("/blocks/new", &form.with(&[("/volume_ml_per_nerve", "0.5")])).id();
        let block = only(&service, "/v1/blocks");
        let id = block["id"].as_str().unwrap();
        assert_eq!(block["operator"], evil);
        let episode = block["episode_id"].as_str().unwrap();
        let found = service.post("/blocks/find", &Form::of(&[("q", "<script")])).expect(200);
        assert!(found.text.contains(&format!("/blocks/new?patient={patient}")));
        let pages = [
            answer,
            found,
            service.get(&format!("/blocks/{id}/edit")).expect(200),
            service.get(&format!("/blocks/new?copy={id}")).expect(200),
            service.get(&format!("/episodes/{episode}/edit")).expect(200),
            service.get(&format!("/patients/{patient}/edit")).expect(200),
            service.get(&format!("/blocks/{id}/scores/new")).expect(200),
        ];
        for page in pages {
            assert!(!page.text.contains("<script>alert"), "{}", page.text);
            assert!(!page.text.contains("<b>x"), "{}", page.text);
            assert!(page.text.contains("&lt;script&gt;") || page.text.contains("&#60;script&#62;"), "{}", page.text);
        }
    }

    fn a_score_is_corrected_and_withdrawn_with_a_reason(test: &TestDatabase) {
        let service = service(test);
        let (patient, _, block) = recorded(&service);
        let score = scores(&service, &block)[1]["id"].as_str().unwrap().to_owned();
        let page = service.get(&format!("/scores/{score}/edit")).expect(200);
        assert_eq!((page.value("/value"), page.value("/taken_at")), ("1".to_owned(), "2025-09-08T09:30".to_owned()));
        let corrected = as_shown(&page).with(&[("/value", "2"), ("/reason", "misread"), ("/analgesic_taken", "yes")]);
        service.post(&format!("/scores/{score}/edit"), &corrected).expect(303);
        let stored = service.api(&format!("/v1/scores/{score}"));
        assert_eq!((&stored["value"], &stored["analgesic_taken"]), (&2.into(), &true.into()));

        let path = format!("/scores/{score}/withdraw");
        let answer = service.post(&path, &Form::of(&[("version", "2"), ("/reason", "")])).expect(422);
        assert!(answer.text.contains("Say why it is withdrawn"));
        service.post(&path, &Form::of(&[("version", "1"), ("/reason", "late")])).expect(412);
        let sent = Form::of(&[("version", "2"), ("/reason", "of another patient"), ("once", "w")]);
        assert_eq!(service.post(&path, &sent).id(), patient);
        service.post(&path, &sent).expect(303);
        let stored = service.api(&format!("/v1/scores/{score}"));
        assert_eq!(stored["withdrawn"]["reason"], "of another patient");
        assert_eq!(scores(&service, &block).len(), 5);
        let gone = service.get(&format!("/scores/{score}/edit")).expect(409);
        assert!(gone.text.contains("withdrawn"));
    }

    fn scores_are_added_to_each_side_by_itself(test: &TestDatabase) {
        let service = service(test);
        let form = first_block().with(&[
            ("/targets", "left:L4-5"), ("/targets", "right:L4-5"),
            ("/scores/0/value@left", "7"), ("/scores/0/value@right", "5"),
        ]);
        service.post("/blocks/new", &form).expect(303);
        let block = only(&service, "/v1/blocks");
        assert_eq!((&block["side"], &block["joints"]), (&"bilateral".into(), &serde_json::json!(["L4-5"])));
        let block = block["id"].as_str().unwrap().to_owned();
        assert_eq!(scores(&service, &block).len(), 8);
        let path = format!("/blocks/{block}/scores/new");
        assert!(service.get(&path).expect(200).text.contains("data-sides=\"bilateral\""));
        let later = Form::of(&[
            ("once", "x"), ("scale", "nrs"), ("context", "movement"),
            ("/scores/13/taken_at", "2880"), ("/scores/13/value@left", "6"), ("/scores/13/value@right", "12"),
            ("/scores/30/taken_at", "14:30"), ("/scores/30/value", "3"), ("/scores/30/context", "rest"),
        ]);
        let answer = service.post(&path, &later).expect(422);
        assert_eq!(places(&answer), ["f-scores-13-value-right"]);
        assert!(answer.text.contains("<details open><summary>Day 1 to day 14"));
        service.post(&path, &later.with(&[("/scores/13/value@right", "4")])).expect(303);
        let all = scores(&service, &block);
        assert_eq!(all.len(), 11);
        let last = &all[10];
        assert_eq!((&last["taken_at"], &last["side"], &last["value"]), (&"2025-09-10T09:00:00-05:00".into(), &"right".into(), &4.into()));
        let rest = all.iter().find(|one| one["context"] == "rest").unwrap();
        assert_eq!(rest["taken_at"], "2025-09-08T14:30:00-05:00");
        assert_eq!(places(&service.post(&path, &Form::of(&[])).expect(422)).len(), 1);
    }

    fn sides_with_different_joints_are_refused_at_the_picture(test: &TestDatabase) {
        let service = service(test);
        let form = first_block().with(&[("/targets", "left:L4-5"), ("/targets", "right:L5-S1")]);
        let answer = service.post("/blocks/new", &form).expect(422);
        assert_eq!(places(&answer), ["f-targets"]);
        let other_region = first_block().with(&[("/targets", "left:C3-4"), ("/episode/region", "lumbar")]);
        let answer = service.post("/blocks/new", &other_region).expect(422);
        assert_eq!(places(&answer), ["f-targets"]);
        assert!(answer.text.contains("C3-4 is a cervical joint"));
    }

    fn the_doubled_and_the_missing_hour_are_asked_about(test: &TestDatabase) {
        let service = Service::at(test, NOW, Europe::Berlin);
        let doubled = first_block().with(&[("/performed_at", "2025-10-26T02:30"), ("/episode/onset_date", "")]);
        let answer = service.post("/blocks/new", &doubled).expect(422);
        assert_eq!(places(&answer), ["f-performed-at"]);
        assert!(answer.text.contains("came twice"));
        assert!(answer.text.contains("<option value=\"+01:00\">the second time"));
        let missing = doubled.with(&[("/performed_at", "2025-03-30T02:30")]);
        let answer = service.post("/blocks/new", &missing).expect(422);
        assert!(answer.text.contains("was set forward"));
        service.post("/blocks/new", &doubled.with(&[("/performed_at~offset", "+01:00")])).expect(303);
        let block = only(&service, "/v1/blocks");
        assert_eq!(block["performed_at"], "2025-10-26T02:30:00+01:00");
        let shown = service.get(&format!("/blocks/{}/edit", block["id"].as_str().unwrap())).expect(200);
        assert!(shown.text.contains("<option value=\"+01:00\" selected>the second time"));
    }

    fn more_rows_and_the_nerves_come_without_a_script(test: &TestDatabase) {
        let service = service(test);
        let rows = |answer: &Answer| answer.text.matches("/system\"").count();
        let form = first_block();
        let more = service.post("/blocks/new", &form.with(&[("act", "rows")])).expect(200);
        assert_eq!(more.value("/patient/family_name"), "Example");
        assert_eq!(more.value("spare"), "4");
        assert!(rows(&more) >= 4);
        let again = service.post("/blocks/new", &form.with(&[("act", "rows"), ("spare", "4")])).expect(200);
        assert_eq!(rows(&again), rows(&more) + 3);
        let nerves = service.post("/blocks/new", &form.with(&[("act", "preview"), ("/targets", "left:L4-5")])).expect(200);
        assert!(nerves.between("data-nerves-shown>", "<").contains("L3, L4"));
        assert_eq!(service.api("/v1/blocks")["items"], serde_json::json!([]));
    }

    fn patients_are_found_and_known_identifiers_are_not_recorded_again(test: &TestDatabase) {
        let service = service(test);
        let (patient, _, _) = recorded(&service);
        for words in ["exam", "EXAMPLE alex", "m-10"] {
            let found = service.post("/blocks/find", &Form::of(&[("q", words)])).expect(200);
            assert!(found.text.contains(&format!("/blocks/new?patient={patient}")), "{words}");
            assert_eq!(found.value("/patient/identifiers/0/system"), "urn:example:mrn");
        }
        let nobody = service.post("/blocks/find", &Form::of(&[("q", "nobody")])).expect(200);
        assert!(nobody.text.contains("Nobody’s name"));
        let again = service.post("/blocks/new", &first_block().with(&[("once", "9")])).expect(422);
        assert_eq!(places(&again), ["f-patient-identifiers-0-value"]);
        assert_eq!(service.get("/patients/new").expect(200).value("/identifiers/0/system"), "urn:example:mrn");
        let as_patient = Form::of(&[("/identifiers/0/system", "urn:example:mrn"), ("/identifiers/0/value", "M-1001")]);
        let answer = service.post("/patients/new", &as_patient).expect(422);
        assert_eq!(places(&answer), ["f-identifiers-0-value"]);
        let other = service.post("/patients/new", &as_patient.with(&[("/identifiers/0/value", "M-2"), ("/family_name", "Second")])).id();
        let edit = format!("/patients/{other}/edit");
        let taken = as_shown(&service.get(&edit).expect(200)).with(&[("/identifiers/0/value", "M-1001"), ("/reason", "x")]);
        let answer = service.post(&edit, &taken).expect(409);
        assert!(answer.text.contains("belongs to another patient"));
        assert_eq!(answer.value("/family_name"), "Second");
    }

    fn what_follows_a_block_is_recorded_too(test: &TestDatabase) {
        let service = service(test);
        let (patient, episode, block) = recorded(&service);
        let event = Form::of(&[("once", "e"), ("/block_id", &block), ("/category", "soreness"), ("/grade", "minor"), ("/onset_on", "2025-09-01")]);
        let page = service.get(&format!("/adverse-events/new?block={block}")).expect(200);
        assert_eq!(page.value("/block_id"), block);
        let answer = service.post("/adverse-events/new", &event).expect(422);
        assert_eq!(places(&answer), ["f-onset-on"]);
        assert_eq!(service.post("/adverse-events/new", &event.with(&[("/onset_on", "2025-09-08")])).id(), patient);
        assert_eq!(only(&service, "/v1/adverse-events")["category"], "soreness");

        let ablation = Form::of(&[
            ("once", "r"), ("/episode_id", &episode), ("/performed_on", "2025-10-20"), ("/targets", "left:L4-5"),
            ("/technique", "thermal"), ("/temperature_c", "80"), ("/pre_score/value", "12"), ("/pre_score/scale", "nrs"),
        ]);
        service.get(&format!("/ablations/new?episode={episode}")).expect(200);
        let answer = service.post("/ablations/new", &ablation).expect(422);
        assert_eq!(places(&answer), ["f-pre-score"]);
        service.post("/ablations/new", &ablation.with(&[("/pre_score/value", "7.5")])).expect(303);
        let stored = only(&service, "/v1/ablations");
        assert_eq!(stored["pre_score"], serde_json::json!({"scale": "nrs", "value": 7.5}));
        let id = stored["id"].as_str().unwrap();
        let edit = format!("/ablations/{id}/edit");
        let form = as_shown(&service.get(&edit).expect(200)).with(&[("/temperature_c", "85"), ("/reason", "read from the log")]);
        service.post(&edit, &form).expect(303);
        assert_eq!(service.api(&format!("/v1/ablations/{id}"))["temperature_c"], 85);

        let path = format!("/ablations/{id}/follow-ups/new");
        service.get(&path).expect(200);
        let follow_up = Form::of(&[("once", "f"), ("/taken_on", "2025-11-25"), ("/score/value", "2"), ("/score/scale", "nrs"), ("/pgic", "2")]);
        service.post(&path, &follow_up).expect(303);
        let stored = only(&service, &format!("/v1/ablations/{id}/follow-ups"));
        assert_eq!((&stored["pgic"], &stored["score"]["value"]), (&2.into(), &2.into()));
        let edit = format!("/ablations/{id}/follow-ups/{}/edit", stored["id"].as_str().unwrap());
        let form = as_shown(&service.get(&edit).expect(200)).with(&[("/function_improvement_percent", "60"), ("/reason", "asked again")]);
        service.post(&edit, &form).expect(303);

        let another = Form::of(&[("once", "n"), ("patient", &patient), ("/region", "cervical")]);
        service.get(&format!("/episodes/new?patient={patient}")).expect(200);
        service.post("/episodes/new", &another).expect(303);
        let wrong = service.post("/episodes/new", &another.with(&[("/region", ""), ("once", "m")])).expect(422);
        assert_eq!(places(&wrong), ["f-region"]);
    }

    fn only_who_records_gets_the_forms_and_only_of_their_own(test: &TestDatabase) {
        let service = service(test);
        let (patient, _, block) = recorded(&service);
        for path in ["/blocks/new".to_owned(), format!("/blocks/{block}/edit"), format!("/patients/{patient}/edit")] {
            assert_eq!(service.get_as("admin", &path).status, 403, "{path}");
            assert_eq!(service.get_as("clinician", &path).status, 200, "{path}");
        }
        for path in [format!("/blocks/new?patient={patient}"), format!("/blocks/{block}/edit"), format!("/blocks/{block}/scores/new")] {
            assert_eq!(service.get_as("clinician@south", &path).status, 404, "{path}");
        }
        let strange = service.get_as("clinician@south", "/blocks/new").expect(200);
        assert!(!strange.text.contains("Dr. Example"), "another organization's last block");
    }
}

/// The words of the cells of a table's row.
fn cells(row: &str) -> Vec<String> {
    row.split("<t")
        .filter(|cell| cell.starts_with('h') || cell.starts_with('d'))
        .map(|cell| {
            let mut words = String::new();
            let mut inside = true;
            for one in cell.chars() {
                match one {
                    '<' => inside = true,
                    '>' => inside = false,
                    _ if !inside => words.push(one),
                    _ => {}
                }
            }
            words.trim().to_owned()
        })
        .collect()
}

/// A form as a browser would send it without anybody touching it.
fn as_shown(page: &Answer) -> Form {
    let form = page.between("class=\"record", "</form>");
    let mut fields: Vec<(String, String)> = Vec::new();
    for tag in form.split('<').skip(1) {
        let attribute = |name: &str| {
            let at = format!(" {name}=\"");
            tag.split_once(&at)
                .map(|(_, rest)| decoded(rest.split('"').next().unwrap()))
        };
        let kind = attribute("type").unwrap_or_default();
        if tag.starts_with("input") {
            let chosen = !matches!(kind.as_str(), "checkbox" | "radio") || tag.contains(" checked");
            if let (true, Some(name)) = (chosen, attribute("name")) {
                fields.push((name, attribute("value").unwrap_or_default()));
            }
        }
        if tag.starts_with("select") || tag.starts_with("textarea") {
            let (_, text) = tag.split_once('>').unwrap();
            fields.push((
                attribute("name").unwrap(),
                decoded(text.trim_start_matches('\n')),
            ));
        }
        if tag.starts_with("option") && tag.contains(" selected") {
            fields.last_mut().unwrap().1 = attribute("value").unwrap();
        }
    }
    fields.retain(|(name, _)| name != "csrf");
    let pairs: Vec<(&str, &str)> = fields
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    Form::of(&pairs)
}

fn decoded(text: &str) -> String {
    text.replace("&quot;", "\"")
        .replace("&#34;", "\"")
        .replace("&#39;", "'")
        .replace("&lt;", "<")
        .replace("&#60;", "<")
        .replace("&gt;", ">")
        .replace("&#62;", ">")
        .replace("&#38;", "&")
        .replace("&amp;", "&")
}
