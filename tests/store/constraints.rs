//! What the database itself refuses, whatever the program thinks.

use crate::samples::{Chart, Dice, OURS, THEIRS, instant, new_id, principal};
use crate::support::databases::{TestDatabase, on_each_database};
use medial::app::core::AppSettings;
use medial::app::{App, patients, profiles};
use medial::auth::Role;
use medial::db::{DbError, Stored, queries};
use medial::domain::patient::{Identifier, Patient};
use medial::seam::System;
use std::collections::BTreeSet;
use std::sync::{Arc, Barrier};

/// The program over a test's database.
pub fn app(test: &TestDatabase, seam: medial::seam::Seam, time_zone: chrono_tz::Tz) -> Arc<App> {
    let settings = AppSettings {
        callers: std::sync::Arc::default(),
        subscriptions: medial::app::subscriptions::SubscriptionSettings::default(),
        time_zone,
        active_profiles: None,
        export_directory: std::env::temp_dir(),
        pseudonym_key: b"a key that only these tests know".to_vec(),
        sign_in: medial::app::people::SignInSettings::default(),
        diary: medial::app::diary::DiarySettings::new(
            medial::auth::DiaryKey::new(b"a key for links"),
            "http://medial.test",
        ),
        smart: medial::app::clients::SmartSettings::new(b"a secret that only these tests know of"),
    };
    App::new(
        test.database.clone(),
        seam,
        settings,
        profiles::built_in().unwrap(),
    )
}

fn named(value: &str) -> Patient {
    Patient {
        identifiers: vec![Identifier {
            system: "urn:medial:test".to_owned(),
            value: value.to_owned(),
        }],
        family_name: Some("Synthetic".to_owned()),
        given_name: None,
        birth_date: None,
        sex: None,
    }
}

/// Statements that must fail on a chart's rows, each for the reason in its name.
fn forbidden(chart: &Chart) -> Vec<(&'static str, String)> {
    let (score, block, ablation) = (chart.scores[0].id, chart.block.id, chart.ablation.id);
    let (episode, patient, event) = (chart.episode.id, chart.patient.id, chart.after_block.id);
    let of = |table: &str, id: uuid::Uuid, change: &str| {
        format!("UPDATE {table} SET {change} WHERE organization_id = '{OURS}' AND id = '{id}'")
    };
    vec![
        (
            "an NRS above 10",
            of("scores", score, "scale = 'nrs', value_tenths = 101"),
        ),
        (
            "a VAS above 100",
            of("scores", score, "scale = 'vas', value_tenths = 1001"),
        ),
        ("a score below 0", of("scores", score, "value_tenths = -1")),
        ("an unknown scale", of("scores", score, "scale = 'bps'")),
        (
            "an unknown context",
            of("scores", score, "context = 'sleeping'"),
        ),
        (
            "relief above 100 %",
            of("scores", score, "stated_relief_tenths = 1001"),
        ),
        (
            "an offset of a day",
            of("scores", score, "taken_offset = 1440"),
        ),
        (
            "both sides of a score",
            of("scores", score, "side = 'bilateral'"),
        ),
        (
            "withdrawn without a reason",
            of("scores", score, "withdrawn_at = 1"),
        ),
        (
            "a reason without withdrawal",
            of("blocks", block, "withdrawn_reason = 'x'"),
        ),
        ("version 0", of("blocks", block, "version = 0")),
        ("no joints", of("blocks", block, "joints = ''")),
        ("an unknown agent", of("blocks", block, "agent = 'water'")),
        (
            "negative volume",
            of("blocks", block, "volume_microlitres = -1"),
        ),
        ("half a date", of("blocks", block, "performed_on = '2025'")),
        (
            "no performed_at",
            of("blocks", block, "performed_at = NULL"),
        ),
        (
            "a block of nobody",
            of("blocks", block, &format!("patient_id = '{}'", new_id())),
        ),
        (
            "a block of no episode",
            of("blocks", block, &format!("episode_id = '{}'", new_id())),
        ),
        (
            "a scale without a score",
            of(
                "ablations",
                ablation,
                "pre_score_scale = 'nrs', pre_score_tenths = NULL",
            ),
        ),
        (
            "a score above its scale",
            of(
                "ablations",
                ablation,
                "pre_score_scale = 'nrs', pre_score_tenths = 200",
            ),
        ),
        (
            "an eighth grade of change",
            of("follow_ups", chart.follow_up.id, "pgic = 8"),
        ),
        (
            "an unknown region",
            of("episodes", episode, "region = 'sacral'"),
        ),
        (
            "a patient that still has episodes",
            format!("DELETE FROM patients WHERE id = '{patient}'"),
        ),
        ("an unknown sex", of("patients", patient, "sex = 'yes'")),
        (
            "an event after two things",
            of(
                "adverse_events",
                event,
                &format!("ablation_id = '{ablation}'"),
            ),
        ),
        (
            "an event after nothing",
            of("adverse_events", event, "block_id = NULL"),
        ),
        (
            "an unknown verdict",
            "UPDATE determinations SET verdict = 'approved'".to_owned(),
        ),
        (
            "an unknown next step",
            "UPDATE determinations SET next_step = 'surgery'".to_owned(),
        ),
        (
            "deferred without a day",
            "UPDATE reviews SET decision = 'deferred', deferred_until = NULL".to_owned(),
        ),
        (
            "an unknown decision",
            "UPDATE reviews SET decision = 'approved'".to_owned(),
        ),
        ("an id that is none", of("blocks", block, "id = 'x'")),
    ]
}

on_each_database! {
    fn impossible_values_are_refused(test: &TestDatabase) {
        let chart = Chart::stored(&test.database, OURS, &mut Dice(1));
        let inserted = chart.clone();
        test.database.write(move |tx| {
            let mut dice = Dice(2);
            let judged = vec![(inserted.episode.id, dice.judgement("L4-5", medial::domain::anatomy::Side::Left, "p"))];
            let today = instant().date_naive();
            queries::determinations::replace(tx, OURS, &System::default(), inserted.patient.id, today, judged)?;
            queries::reviews::insert(tx, OURS, &dice.review(inserted.episode.id))
        }).unwrap();
        for (why, sql) in forbidden(&chart) {
            assert!(test.execute(&sql).is_err(), "the database took {why}");
        }
        // The same rows do take a change that is in order, so that each refusal above has its own reason.
        for sql in [
            "UPDATE scores SET scale = 'vas', value_tenths = 1000, withdrawn_at = 1, withdrawn_reason = 'x'",
            "UPDATE blocks SET version = 2, joints = 'L4-5', performed_on = '2025-01-01', volume_microlitres = 0",
            "UPDATE determinations SET verdict = 'meets', next_step = 'none'",
            "UPDATE reviews SET decision = 'deferred', deferred_until = '2025-01-01'",
        ] {
            test.execute(sql).unwrap();
        }
    }

    fn a_child_of_another_patient_or_organization_is_refused(test: &TestDatabase) {
        let ours = Chart::stored(&test.database, OURS, &mut Dice(3));
        let theirs = Chart::stored(&test.database, THEIRS, &mut Dice(4));
        let mut foreign = Chart::random(OURS, &mut Dice(5));
        // Of our patient, but in their episode.
        foreign.block.patient = ours.patient.id;
        foreign.block.parent = theirs.episode.id;
        let block = foreign.block.clone();
        let stored = test.database.write(move |tx| queries::blocks::insert(tx, OURS, &block));
        assert!(matches!(stored, Err(DbError::ForeignKeyViolation)), "{stored:?}");
        // A score of one patient on the block of another.
        let other = Chart::stored(&test.database, OURS, &mut Dice(6));
        let mut score = foreign.scores[0].clone();
        score.patient = ours.patient.id;
        score.parent = other.block.id;
        let stored = test.database.write(move |tx| queries::scores::insert_many(tx, OURS, std::slice::from_ref(&score)));
        assert!(matches!(stored, Err(DbError::ForeignKeyViolation)), "{stored:?}");
        // A record that says it is theirs is not stored as ours.
        let episode = Stored { id: new_id(), ..theirs.episode.clone() };
        let stored = test.database.write(move |tx| queries::episodes::insert(tx, OURS, &episode));
        assert!(matches!(stored, Err(DbError::Other(_))), "{stored:?}");
    }

    fn an_audit_entry_can_be_sealed_once_and_never_changed(test: &TestDatabase) {
        use medial::db::rows::{AuditSeal, NewAuditEntry};
        let id = new_id();
        test.database.write(move |tx| queries::audit::append(tx, OURS, &NewAuditEntry {
            id,
            at: instant(),
            principal: "p".into(),
            role: "clinician".into(),
            action: "read".into(),
            resource_kind: "block".into(),
            resource_id: None,
            patient: None,
            outcome: "done".into(),
            detail: None,
        })).unwrap();
        assert!(test.execute("UPDATE audit_entries SET outcome = 'x'").is_err());
        let seal = AuditSeal { sequence: 1, previous_hash: None, hash: "h".into() };
        let sealed = test.database.write(move |tx| queries::audit::seal(tx, OURS, id, &seal));
        sealed.unwrap();
        let again = AuditSeal { sequence: 2, previous_hash: None, hash: "i".into() };
        let sealed = test.database.write(move |tx| queries::audit::seal(tx, OURS, id, &again));
        assert!(matches!(sealed, Err(DbError::NotFound)), "{sealed:?}");
        for sql in ["UPDATE audit_entries SET hash = 'x'", "UPDATE audit_entries SET sequence = NULL, hash = NULL", "DELETE FROM audit_entries"] {
            assert!(test.execute(sql).is_err(), "{sql}");
        }
    }

    fn an_identifier_is_one_patients_within_an_organization_and_free_in_another(test: &TestDatabase) {
        let app = app(test, System::shared(), chrono_tz::UTC);
        let record = |organization: &str| {
            let recorded = app.write(&principal(organization, Role::EhrSystem), |unit| patients::record(unit, &named("A-1")));
            recorded.unwrap().patient().id
        };
        let first = record(OURS);
        assert_eq!(record(OURS), first);
        assert_ne!(record(THEIRS), first);
        let patient = named("A-1");
        let id = new_id();
        let second = Stored::new(id, OURS, id, id, instant(), patient);
        let stored = test.database.write(move |tx| queries::patients::insert(tx, OURS, &second));
        assert!(matches!(&stored, Err(DbError::UniqueViolation { constraint }) if constraint == "patient_identifiers"), "{stored:?}");
        let there = test.database.read(|tx| queries::patients::count(tx, OURS));
        assert_eq!(there.unwrap(), 1, "the patient without its identifier was left behind");
    }

    fn thirty_two_writers_of_one_identifier_make_one_patient(test: &TestDatabase) {
        const WRITERS: usize = 32;
        let app = app(test, System::shared(), chrono_tz::UTC);
        for round in 0..3 {
            let (start, value) = (Barrier::new(WRITERS), format!("B-{round}"));
            let answers: Vec<patients::Recorded> = std::thread::scope(|scope| {
                let writers: Vec<_> = (0..WRITERS).map(|_| scope.spawn(|| {
                    let patient = named(&value);
                    start.wait();
                    app.write(&principal(OURS, Role::EhrSystem), move |unit| patients::record(unit, &patient)).unwrap()
                })).collect();
                writers.into_iter().map(|writer| writer.join().unwrap()).collect()
            });
            let anew = answers.iter().filter(|answer| matches!(answer, patients::Recorded::Anew(_))).count();
            let ids: BTreeSet<_> = answers.iter().map(|answer| answer.patient().id).collect();
            assert_eq!((anew, ids.len()), (1, 1));
        }
        let there = test.database.read(|tx| queries::patients::count(tx, OURS));
        assert_eq!(there.unwrap(), 3);
    }
}
