//! What goes in comes out equal, another version than the current one is refused, and what was withdrawn is kept.

use crate::samples::{Chart, DbResult, Dice, OURS, day, instant, later, new_id};
use crate::support::databases::{TestDatabase, on_each_database};
use medial::db::queries::{self, adverse_events::After};
use medial::db::rows::{
    AuditSeal, BulkExport, BulkFile, BulkPart, BulkState, Export, ExportFile, ExportState,
    IdempotentAnswer, JobRun, KeptVersion, NewAuditEntry, ProfileActivation, ProfileVersion,
};
use medial::db::{DbError, Stored, Withdrawal};
use medial::domain::anatomy::Side;
use medial::seam::System;

on_each_database! {
    fn charts_come_out_as_they_went_in(test: &TestDatabase) {
        let mut dice = Dice(31);
        for _ in 0..25 {
            let chart = Chart::stored(&test.database, OURS, &mut dice);
            test.database.read(|tx| -> DbResult<()> {
                let patient = chart.patient.id;
                assert_eq!(queries::patients::get(tx, OURS, patient)?, chart.patient);
                assert_eq!(queries::patients::by_ids(tx, OURS, &[patient])?.get(&patient), Some(&chart.patient));
                for identifier in &chart.patient.value.identifiers {
                    assert_eq!(queries::patients::find_by_identifier(tx, OURS, identifier)?, Some(patient));
                    assert_eq!(queries::patients::page(tx, OURS, Some(identifier), None, 9)?.items, [chart.patient.clone()]);
                }
                assert_eq!(queries::episodes::get(tx, OURS, chart.episode.id)?, chart.episode);
                assert_eq!(queries::episodes::for_patient(tx, OURS, patient)?, [chart.episode.clone()]);
                let block = queries::blocks::get(tx, OURS, chart.block.id)?;
                assert_eq!(block, chart.block);
                // Two instants are equal whatever their offsets are; the recorded one is kept.
                assert_eq!(block.value.performed_at.offset(), chart.block.value.performed_at.offset());
                assert_eq!(queries::blocks::for_patient(tx, OURS, patient)?, [block]);
                let scores = queries::scores::for_block(tx, OURS, chart.block.id)?;
                assert_eq!(scores, chart.scores);
                for (found, stored) in scores.iter().zip(&chart.scores) {
                    assert_eq!(found.value.taken_at.offset(), stored.value.taken_at.offset());
                }
                assert_eq!(queries::scores::for_blocks(tx, OURS, &[chart.block.id])?, chart.scores);
                assert_eq!(queries::scores::for_patient(tx, OURS, patient)?, chart.scores);
                assert_eq!(queries::scores::get(tx, OURS, chart.scores[0].id)?, chart.scores[0]);
                assert_eq!(queries::ablations::get(tx, OURS, chart.ablation.id)?, chart.ablation);
                assert_eq!(queries::ablations::for_patient(tx, OURS, patient)?, [chart.ablation.clone()]);
                assert_eq!(queries::follow_ups::get(tx, OURS, chart.follow_up.id)?, chart.follow_up);
                assert_eq!(queries::follow_ups::for_patient(tx, OURS, patient)?, [chart.follow_up.clone()]);
                let events = [
                    (chart.after_block.clone(), After::Block(chart.block.id)),
                    (chart.after_ablation.clone(), After::Ablation(chart.ablation.id)),
                ];
                assert_eq!(queries::adverse_events::for_patient(tx, OURS, patient)?, events);
                assert_eq!(queries::adverse_events::get(tx, OURS, events[0].0.id)?, events[0]);
                Ok(())
            }).unwrap();
        }
        let pages = test.database.read(|tx| -> DbResult<_> {
            let (mut seen, mut after) = (Vec::new(), None);
            loop {
                let page = queries::patients::page(tx, OURS, None, after, 7)?;
                after = page.items.last().map(|patient| patient.id);
                seen.extend(page.items.into_iter().map(|patient| patient.id));
                if !page.more {
                    return Ok(seen);
                }
            }
        }).unwrap();
        assert_eq!(pages.len(), 25);
        assert!(pages.is_sorted());
    }

    fn corrections_replace_everything_and_need_the_current_version(test: &TestDatabase) {
        let mut dice = Dice(32);
        for _ in 0..6 {
            let old = Chart::stored(&test.database, OURS, &mut dice);
            macro_rules! correct {
                ($module:ident, $stored:expr, $value:expr) => {{
                    let record = Stored { version: 2, updated_at: later(5), value: $value, ..$stored.clone() };
                    let (first, again) = (record.clone(), record.clone());
                    let version = test.database.write(move |tx| queries::$module::update_if_version(tx, OURS, &first, 1));
                    assert_eq!(version.unwrap(), 2);
                    let stale = test.database.write(move |tx| queries::$module::update_if_version(tx, OURS, &again, 1));
                    assert!(matches!(stale, Err(DbError::Stale)), "{stale:?}");
                    let nobody = Stored { id: new_id(), ..record.clone() };
                    let missing = test.database.write(move |tx| queries::$module::update_if_version(tx, OURS, &nobody, 1));
                    assert!(matches!(missing, Err(DbError::NotFound)), "{missing:?}");
                    assert_eq!(test.database.read(|tx| queries::$module::get(tx, OURS, record.id)).unwrap(), record);
                    record
                }};
            }
            correct!(patients, old.patient, dice.patient());
            correct!(episodes, old.episode, dice.episode());
            let block = correct!(blocks, old.block, dice.block());
            correct!(ablations, old.ablation, dice.ablation());
            correct!(follow_ups, old.follow_up, dice.follow_up());
            correct!(scores, old.scores[0], dice.score_row());

            macro_rules! withdraw {
                ($module:ident, $id:expr, $version:expr) => {{
                    let id = $id;
                    let stale = test.database.write(move |tx| queries::$module::withdraw(tx, OURS, id, $version + 1, later(9), "r"));
                    assert!(matches!(stale, Err(DbError::Stale)), "{stale:?}");
                    test.database.write(move |tx| queries::$module::withdraw(tx, OURS, id, $version, later(9), "wrong ❌")).unwrap();
                    let stored = test.database.read(|tx| queries::$module::get(tx, OURS, id)).unwrap();
                    assert_eq!(stored.withdrawn, Some(Withdrawal { at: later(9), reason: "wrong ❌".into() }));
                    assert_eq!((stored.version, stored.updated_at), ($version + 1, later(9)));
                }};
            }
            let (patient, ablation) = (old.patient.id, old.ablation.id);
            withdraw!(scores, old.scores[0].id, 2);
            withdraw!(follow_ups, old.follow_up.id, 2);
            test.database.read(|tx| -> DbResult<()> {
                assert_eq!(queries::scores::for_block(tx, OURS, block.id)?, old.scores[1..]);
                assert_eq!(queries::follow_ups::page(tx, OURS, ablation, None, 9)?.items, []);
                assert_eq!(queries::follow_ups::count(tx, OURS, ablation)?, 0);
                Ok(())
            }).unwrap();
            withdraw!(blocks, block.id, 2);
            withdraw!(ablations, ablation, 2);
            test.database.read(|tx| -> DbResult<()> {
                assert_eq!(queries::blocks::for_patient(tx, OURS, patient)?, []);
                // Nothing that belongs to what was withdrawn counts.
                assert_eq!(queries::scores::for_patient(tx, OURS, patient)?, []);
                assert_eq!(queries::ablations::for_patient(tx, OURS, patient)?, []);
                assert_eq!(queries::ablations::page(tx, OURS, Some(patient), None, None, 9)?.items, []);
                let filter = queries::blocks::Filter { patient: Some(patient), ..Default::default() };
                assert_eq!(queries::blocks::page(tx, OURS, &filter, None, 9)?.items, []);
                assert_eq!(queries::export_rows::scores(tx, OURS, &filter.into(), None, 9)?.records, []);
                Ok(())
            }).unwrap();
        }
    }

    fn determinations_keep_their_history_and_reviews_their_order(test: &TestDatabase) {
        let mut dice = Dice(33);
        let chart = Chart::stored(&test.database, OURS, &mut dice);
        let (patient, episode) = (chart.patient.id, chart.episode.id);
        let judgements = |dice: &mut Dice| -> Vec<_> {
            ["p1", "p2", "p3"].iter().map(|profile| (episode, dice.judgement("C2-3", Side::Right, profile))).collect()
        };
        let rounds: Vec<Vec<_>> = (0..4).map(|_| judgements(&mut dice)).collect();
        let mut days = Vec::new();
        for (number, round) in rounds.iter().enumerate() {
            let as_of = day("2025-06-01") + chrono::Days::new(u64::try_from(number).unwrap());
            let judged = round.clone();
            let changes = test.database.write(move |tx| {
                queries::determinations::replace(tx, OURS, &System::default(), patient, as_of, judged.clone())
            }).unwrap();
            assert_eq!(changes.len(), 3);
            let judged = round.clone();
            let again = test.database.write(move |tx| {
                queries::determinations::replace(tx, OURS, &System::default(), patient, as_of, judged.clone())
            }).unwrap();
            assert_eq!(again, []);
            let stored = test.database.read(|tx| queries::determinations::for_episode(tx, OURS, episode)).unwrap();
            let found: Vec<_> = stored.iter().map(|one| (one.episode, one.judgement.clone())).collect();
            assert_eq!(&found, round);
            assert!(stored.iter().all(|one| one.patient == patient && one.evaluated_as_of == as_of));
            days.push(as_of);
        }
        // A profile that is no longer judged by leaves the list and stays in the history.
        let last = rounds[3][..2].to_vec();
        test.database.write(move |tx| {
            queries::determinations::replace(tx, OURS, &System::default(), patient, day("2025-07-01"), last.clone())
        }).unwrap();
        let mut history = Vec::new();
        loop {
            let after = history.last().map(|one: &medial::db::rows::DeterminationVersion| one.id);
            let page = test.database.read(|tx| queries::determinations::history(tx, OURS, episode, after, 2)).unwrap();
            history.extend(page.items);
            if !page.more {
                break;
            }
        }
        assert_eq!(history.len(), 3 * 3 + 1);
        for (number, old) in history.iter().enumerate() {
            let round = number / 3;
            let mut judgement = rounds[round].iter().find(|one| one.1.profile == old.determination.judgement.profile).unwrap().1.clone();
            // What only the lists need is not kept.
            (judgement.relief_tenths, judgement.operator, judgement.last_block_on) = (None, None, None);
            assert_eq!(old.determination.judgement, judgement);
            assert_eq!(old.determination.evaluated_as_of, days[round]);
        }

        let first = dice.review(episode);
        let second = dice.review(episode);
        let (one, two) = (first.clone(), second.clone());
        let in_force = || test.database.read(|tx| queries::reviews::in_force(tx, OURS, &[episode])).unwrap().remove(&episode);
        assert_eq!(in_force(), None);
        test.database.write(move |tx| queries::reviews::insert(tx, OURS, &one)).unwrap();
        test.database.write(move |tx| queries::reviews::insert(tx, OURS, &two)).unwrap();
        assert_eq!(in_force(), Some(second.clone()));
        let undone = test.database.write(move |tx| queries::reviews::undo(tx, OURS, episode, later(3))).unwrap();
        assert_eq!((undone.id, undone.undone_at), (second.id, Some(later(3))));
        assert_eq!(in_force(), Some(first));
        test.database.write(move |tx| queries::reviews::undo(tx, OURS, episode, later(4))).unwrap();
        let nothing = test.database.write(move |tx| queries::reviews::undo(tx, OURS, episode, later(5)));
        assert!(matches!(nothing, Err(DbError::NotFound)), "{nothing:?}");
    }

    fn the_records_around_come_out_as_they_went_in(test: &TestDatabase) {
        let mut dice = Dice(34);
        let entry = NewAuditEntry {
            id: new_id(), at: dice.at(), principal: dice.text(), role: "clinician".into(), action: "read".into(),
            resource_kind: "block".into(), resource_id: Some(new_id()), patient: Some(new_id()), outcome: "done".into(),
            detail: Some(dice.text()),
        };
        let seal = AuditSeal { sequence: 1, previous_hash: Some("p".into()), hash: "h".into() };
        let kept = KeptVersion {
            kind: "block".into(), id: new_id(), version: 1, body: format!("{{\"x\":{:?}}}", "ü"), valid_from: dice.at(),
            valid_to: dice.at(), changed_by: dice.text(), reason: Some(dice.text()),
        };
        let profile = ProfileVersion { id: "p".into(), version: 3, document: dice.text(), loaded_at: dice.at(), loaded_by: dice.text() };
        let active = ProfileActivation { id: "p".into(), version: 3, active: true, changed_at: dice.at(), changed_by: dice.text() };
        let inactive = ProfileActivation { active: false, changed_by: dice.text(), ..active.clone() };
        let answer = IdempotentAnswer { fingerprint: "f".into(), status: 201, headers: "[]".into(), body: dice.text(), created_at: instant() };
        let export = Export {
            organization: OURS.into(), id: new_id(), dataset: "blocks".into(), format: "csv".into(), filters: "{}".into(),
            deidentify: true, state: ExportState::Queued, rows: None, created_by: dice.text(), created_at: dice.at(),
            finished_at: None, failure: None, columns: Some("id,kind".into()), dates: Some("years".into()), expected_rows: None,
        };
        let files: Vec<_> = (0..3).map(|number| ExportFile {
            name: format!("{number}.csv"), media_type: "text/csv".into(), content_path: dice.text(), bytes: number,
            sha256: "0".repeat(64), rows: Some(number),
        }).collect();
        let job = JobRun { name: "daily".into(), last_run_at: dice.at(), last_as_of: Some(dice.date()), detail: None };
        test.database.write(move |tx| -> DbResult<()> {
            queries::organizations::ensure(tx, OURS, instant())?;
            queries::organizations::ensure(tx, OURS, instant())?;
            assert_eq!(queries::organizations::all(tx)?, [OURS]);

            queries::audit::append(tx, OURS, &entry)?;
            assert_eq!(queries::audit::unsealed(tx, 9)?.len(), 1);
            assert_eq!(queries::audit::last_seal(tx, OURS)?, None);
            queries::audit::seal(tx, OURS, entry.id, &seal)?;
            assert_eq!(queries::audit::unsealed(tx, 9)?, []);
            assert_eq!(queries::audit::last_seal(tx, OURS)?, Some(seal.clone()));
            let page = queries::audit::page(tx, OURS, &Default::default(), None, 9)?;
            assert_eq!((&page.items[0].entry, &page.items[0].seal), (&entry, &Some(seal.clone())));
            assert_eq!(queries::audit::all_in_sequence(tx, OURS, 1, 9)?, page.items);

            queries::versions::keep(tx, OURS, &kept)?;
            assert_eq!(queries::versions::list(tx, OURS, "block", kept.id)?, [kept.clone()]);
            queries::profiles::insert_version(tx, OURS, &profile)?;
            assert_eq!(queries::profiles::versions(tx, OURS)?, [profile.clone()]);
            for activation in [&active, &inactive] {
                queries::profiles::set_activation(tx, OURS, activation)?;
                assert_eq!(queries::profiles::activations(tx, OURS)?, [activation.clone()]);
            }

            queries::idempotency::put(tx, OURS, "somebody", "key", &answer)?;
            assert_eq!(queries::idempotency::get(tx, OURS, "somebody", "key")?, Some(answer.clone()));
            assert_eq!(queries::idempotency::get(tx, OURS, "somebody else", "key")?, None);
            assert_eq!(queries::idempotency::delete_older_than(tx, instant())?, 0);
            assert_eq!(queries::idempotency::delete_older_than(tx, later(1))?, 1);

            queries::exports::insert(tx, OURS, &export)?;
            queries::exports::add_files(tx, OURS, export.id, &files)?;
            assert_eq!(queries::exports::in_state(tx, ExportState::Queued, 9)?, [export.clone()]);
            assert_eq!(queries::exports::in_state(tx, ExportState::Running, 9)?, []);
            assert_eq!(queries::exports::files(tx, OURS, export.id)?, files);
            assert!(matches!(queries::exports::update_rows(tx, OURS, export.id, 1, Some(2)), Err(DbError::Stale)));
            let done = queries::exports::Progress { state: ExportState::Done, rows: Some(1 << 40), finished_at: Some(later(1)), failure: None };
            queries::exports::update_state(tx, OURS, export.id, &[ExportState::Queued], &done)?;
            let again = queries::exports::update_state(tx, OURS, export.id, &[ExportState::Queued], &done);
            assert!(matches!(again, Err(DbError::Stale)), "{again:?}");
            let finished = Export { state: ExportState::Done, rows: Some(1 << 40), finished_at: Some(later(1)), ..export.clone() };
            assert_eq!(queries::exports::get(tx, OURS, export.id)?, finished);
            assert_eq!(queries::exports::page(tx, OURS, None, 9)?.items, [finished]);
            queries::exports::delete(tx, OURS, export.id)?;
            assert_eq!(queries::exports::files(tx, OURS, export.id)?, []);

            for line in [7, i64::from(i32::MAX) + 1] {
                queries::import_progress::put(tx, OURS, "source", line, instant())?;
                assert_eq!(queries::import_progress::get(tx, OURS, "source")?, Some(line));
            }
            queries::jobs::put(tx, &job)?;
            let again = JobRun { last_as_of: None, detail: Some("✓".into()), ..job.clone() };
            assert_eq!(queries::jobs::get(tx, "daily")?, Some(job.clone()));
            queries::jobs::put(tx, &again)?;
            assert_eq!(queries::jobs::get(tx, "daily")?, Some(again));
            Ok(())
        }).unwrap();
    }

    fn a_bulk_export_goes_its_way_once(test: &TestDatabase) {
        let mut dice = Dice(35);
        let export = BulkExport {
            organization: OURS.into(), id: new_id(), request: dice.text(), wanted: "{}".into(), state: BulkState::Queued,
            created_by: dice.text(), created_at: instant(), started_at: None, transaction_time: None, patients_done: 0,
            patients_all: None, finished_at: None, failure: None,
        };
        let files: Vec<_> = (0..3).map(|number| BulkFile {
            name: format!("{number}.ndjson"), part: BulkPart::ALL[usize::try_from(number).unwrap()], resource_type: "Patient".into(),
            content_path: dice.text(), bytes: number, resources: number << 40,
        }).collect();
        test.database.write(move |tx| -> DbResult<()> {
            queries::organizations::ensure(tx, OURS, instant())?;
            queries::bulk::insert(tx, OURS, &export)?;
            assert_eq!(queries::bulk::open(tx, OURS)?, [export.clone()]);
            assert_eq!(queries::bulk::in_state(tx, BulkState::Queued, 9)?, [export.clone()]);
            let far = queries::bulk::BulkProgress { transaction_time: later(2), patients_done: 3, patients_all: 7 };
            let early = queries::bulk::note_progress(tx, OURS, export.id, &far);
            assert!(matches!(early, Err(DbError::Stale)), "{early:?}");
            queries::bulk::start(tx, OURS, export.id, later(1))?;
            queries::bulk::note_progress(tx, OURS, export.id, &far)?;
            // Begun anew, as after a restart of the service.
            queries::bulk::start(tx, OURS, export.id, later(3))?;
            assert_eq!(queries::bulk::get(tx, OURS, export.id)?.patients_done, 0);
            queries::bulk::note_progress(tx, OURS, export.id, &far)?;
            queries::bulk::add_files(tx, OURS, export.id, &files)?;
            assert_eq!(queries::bulk::files(tx, OURS, export.id)?, files);
            queries::bulk::finish(tx, OURS, export.id, later(4), None)?;
            let again = queries::bulk::finish(tx, OURS, export.id, later(5), Some("why"));
            assert!(matches!(again, Err(DbError::Stale)), "{again:?}");
            let finished = BulkExport {
                state: BulkState::Done, started_at: Some(later(3)), transaction_time: Some(later(2)), patients_done: 3,
                patients_all: Some(7), finished_at: Some(later(4)), ..export.clone()
            };
            assert_eq!(queries::bulk::get(tx, OURS, export.id)?, finished);
            assert_eq!(queries::bulk::open(tx, OURS)?, []);
            assert_eq!(queries::bulk::created_before(tx, instant(), 9)?, []);
            assert_eq!(queries::bulk::created_before(tx, later(1), 9)?, [finished]);
            queries::bulk::delete(tx, OURS, export.id)?;
            assert_eq!(queries::bulk::files(tx, OURS, export.id)?, []);
            Ok(())
        }).unwrap();
    }
}
