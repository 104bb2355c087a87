//! Determinations that come of age, and what follows a patient's name.

use crate::constraints::app;
use crate::samples::{OURS, THEIRS, day, principal};
use crate::support::databases::{TestDatabase, on_each_database};
use chrono::{DateTime, Days, NaiveDate, NaiveTime, Utc};
use medial::app::{App, ablations, blocks, patients};
use medial::auth::Role;
use medial::db::queries;
use medial::db::rows::Determination;
use medial::domain::patient::{Identifier, Patient};
use medial::seam::{Fixed, Outside};
use medial::wire::case::CaseBody;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use uuid::Uuid;

fn noon(day: NaiveDate) -> DateTime<Utc> {
    day.and_time(NaiveTime::from_hms_opt(12, 0, 0).unwrap())
        .and_utc()
}

fn somebody(name: &str) -> Patient {
    Patient {
        identifiers: vec![Identifier {
            system: "urn:medial:test".to_owned(),
            value: name.to_owned(),
        }],
        family_name: Some(name.to_owned()),
        given_name: Some("Synthetic".to_owned()),
        birth_date: None,
        sex: None,
    }
}

/// Records every worked example, a patient each; the patients.
fn record_examples(app: &Arc<App>, organization: &str, only: Option<&str>) -> Vec<Uuid> {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/cases");
    let mut paths: Vec<_> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    let mut recorded = Vec::new();
    for path in paths {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        if only.is_some_and(|only| only != name) {
            continue;
        }
        let case = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let history = CaseBody::read(case).unwrap().into_history();
        let who = principal(organization, Role::EhrSystem);
        let patient = app.write(&who, move |unit| {
            let patient = patients::record(unit, &somebody(&name))?.patient().id;
            let episode = medial::app::episodes::record(unit, patient, &history.episode)?.id;
            for block in &history.blocks {
                let rows: Vec<_> = block.scores.iter().map(|score| score.row.clone()).collect();
                blocks::record(unit, &blocks::Belongs::To(episode), &block.block, &rows)?;
            }
            for one in &history.ablations {
                let follow_ups: Vec<_> = one
                    .follow_ups
                    .iter()
                    .map(|one| one.follow_up.clone())
                    .collect();
                ablations::record(unit, episode, &one.ablation, &follow_ups)?;
            }
            Ok(patient)
        });
        recorded.push(patient.unwrap());
    }
    assert!(!recorded.is_empty());
    recorded
}

fn determinations(test: &TestDatabase, patients: &[Uuid]) -> Vec<Determination> {
    let of = |patient: &Uuid| {
        test.database
            .read(|tx| queries::determinations::for_patient(tx, OURS, *patient))
            .unwrap()
    };
    patients.iter().flat_map(of).collect()
}

/// What is said, without when it was said.
fn said(determinations: &[Determination]) -> Vec<(Uuid, medial::db::rows::Judgement)> {
    determinations
        .iter()
        .map(|one| (one.episode, one.judgement.clone()))
        .collect()
}

/// A clock of which every third reading is a day ahead of the others.
struct Swaying {
    readings: AtomicUsize,
    steady: Arc<Fixed>,
    ahead: DateTime<Utc>,
}

impl Outside for Swaying {
    fn now(&self) -> DateTime<Utc> {
        let reading = self.readings.fetch_add(1, Ordering::SeqCst);
        assert!(reading < 10_000, "the same patients are judged for ever");
        if reading.is_multiple_of(3) {
            self.ahead
        } else {
            self.steady.now()
        }
    }

    fn new_id(&self) -> Uuid {
        self.steady.new_id()
    }

    fn random(&self) -> u128 {
        self.steady.random()
    }
}

on_each_database! {
    fn what_came_of_age_is_judged_once_and_as_if_judged_that_day(test: &TestDatabase) {
        let clock = Fixed::at(noon(day("2025-10-06")));
        let app = app(test, clock.clone(), chrono_tz::UTC);
        let patients = record_examples(&app, OURS, None);
        let mut changed = 0;
        for months in 1..=6 {
            let today = day("2025-10-06") + Days::new(months * 120);
            clock.set(noon(today));
            let before = said(&determinations(test, &patients));
            let due = test.database.read(|tx| queries::determinations::due(tx, today, None, 10_000)).unwrap();
            let judged = app.judge_what_came_of_age().unwrap();
            assert!(judged <= patients.len() && (judged == 0) == due.is_empty(), "{judged} were judged");
            let after = determinations(test, &patients);
            assert!(after.iter().all(|one| one.judgement.changes_on.is_none_or(|due| due > today)));
            assert_eq!(app.judge_what_came_of_age().unwrap(), 0);
            changed += usize::from(said(&after) != before);
            // Judging everybody finds the same: nobody was left out. What lies beyond the horizon of three years aside.
            app.judge_everybody_while(OURS, || true).unwrap();
            let horizon = |list: &[Determination]| -> Vec<_> {
                list.iter().map(|one| (one.episode, one.judgement.target, one.judgement.profile.clone(),
                    one.judgement.verdict.clone(), one.judgement.next_step.clone(), one.since)).collect()
            };
            assert_eq!(horizon(&determinations(test, &patients)), horizon(&after));
        }
        assert!(changed > 0, "none of the examples ever came of age");
    }

    fn judging_ends_wherever_the_day_begins(test: &TestDatabase) {
        let clock = Fixed::at(noon(day("2025-10-06")));
        let east = app(test, clock.clone(), chrono_tz::Pacific::Kiritimati);
        let west = app(test, clock.clone(), chrono_tz::Pacific::Pago_Pago);
        let patients = record_examples(&east, OURS, None);
        for days in [0, 30, 60, 90, 400] {
            clock.set(noon(day("2025-10-06") + Days::new(days)));
            // West is a day behind: it judges what is due by its own day, and nothing twice.
            for app in [&west, &east, &west] {
                assert!(app.judge_what_came_of_age().unwrap() <= patients.len());
                let due = test.database.read(|tx| queries::determinations::due(tx, app.today(), None, 10_000)).unwrap();
                assert_eq!(due, []);
            }
        }
    }

    fn a_clock_that_goes_back_does_not_keep_judging_for_ever(test: &TestDatabase) {
        let clock = Fixed::at(noon(day("2025-10-06")));
        let steady = app(test, clock.clone(), chrono_tz::UTC);
        let patients = record_examples(&steady, OURS, None);
        let next = determinations(test, &patients).iter().filter_map(|one| one.judgement.changes_on).min().unwrap();
        clock.set(noon(next.pred_opt().unwrap()));
        let swaying = Swaying { readings: AtomicUsize::new(0), steady: clock, ahead: noon(next) };
        let swaying = app(test, Arc::new(swaying), chrono_tz::UTC);
        assert!(swaying.judge_what_came_of_age().unwrap() >= 1);
    }

    fn one_patient_of_each_organization_is_due(test: &TestDatabase) {
        // Two processes may draw the same ids: then two organizations have a patient of one id.
        let app_of = || app(test, Fixed::at(noon(day("2025-10-06"))), chrono_tz::UTC);
        let ours = record_examples(&app_of(), OURS, None);
        let theirs = record_examples(&app_of(), THEIRS, None);
        assert_eq!(ours, theirs);
        let due = test.database.read(|tx| queries::determinations::due(tx, day("2029-01-01"), None, 10_000)).unwrap();
        let of = |organization: &str| due.iter().filter(|one| one.organization == organization).count();
        assert!(of(OURS) > 0);
        assert_eq!(of(OURS), of(THEIRS));
    }

    fn a_judgement_that_stands_is_not_written_again(test: &TestDatabase) {
        let clock = Fixed::at(noon(day("2025-10-06")));
        let app = app(test, clock.clone(), chrono_tz::UTC);
        let patients = record_examples(&app, OURS, Some("analgesic-taken"));
        let before = determinations(test, &patients);
        clock.set(noon(day("2025-10-07")));
        app.judge_everybody_while(OURS, || true).unwrap();
        assert_eq!(determinations(test, &patients), before);
        let history = test.database.read(|tx| queries::determinations::history(tx, OURS, before[0].episode, None, 100)).unwrap();
        assert!(history.items.iter().all(|old| old.determination.judgement.profile_version >= 1
            && old.replaced_at == noon(day("2025-10-06"))));
    }

    fn a_corrected_name_moves_the_candidate(test: &TestDatabase) {
        use medial::db::queries::candidates::{Filter, Key, Sort, page};
        let app = app(test, Fixed::at(noon(day("2025-10-06"))), chrono_tz::UTC);
        let patients = record_examples(&app, OURS, None);
        let next_steps: Vec<String> = ["refer_for_ablation", "confirmatory_block", "none", "follow_up", "record_scores",
            "diagnostic_block", "complete_record", "repeat_ablation"].map(str::to_owned).to_vec();
        let filter = Filter { next_steps, ..Filter::default() };
        let list = || test.database.read(|tx| page(tx, OURS, &filter, Sort::Patient, None, 1000)).unwrap().items;
        let before = list();
        let moved = before.first().unwrap().patient.id;
        assert!(patients.contains(&moved));
        let mut value = before[0].patient.value.clone();
        value.family_name = Some("ŻŻŻ".to_owned());
        app.write(&principal(OURS, Role::EhrSystem), move |unit| {
            patients::correct(unit, moved, 1, &value, Some("misspelt")).map(|_| ())
        }).unwrap();
        let after = list();
        assert_eq!(after.len(), before.len());
        let last = after.last().unwrap();
        assert_eq!(last.patient.id, moved);
        assert_eq!(last.place.key, Key::Text("żżż synthetic".to_owned()));
        // And the next judgement keeps the new name.
        app.judge_everybody_while(OURS, || true).unwrap();
        assert_eq!(list(), after);
        let searched = Filter { q: Some("ŻŻż S".to_owned()), ..filter.clone() };
        let found = test.database.read(|tx| page(tx, OURS, &searched, Sort::Waiting, None, 10)).unwrap().items;
        assert_eq!(found.len(), 1);
    }
}
