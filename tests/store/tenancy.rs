//! No query returns or changes a row of another organization, even to one who knows its id.

use crate::samples::{Chart, DbResult, Dice, OURS, THEIRS, day, instant, later, new_id};
use crate::support::databases::{TestDatabase, on_each_database};
use medial::db::queries::candidates::{self, Sort};
use medial::db::queries::{self, adverse_events, blocks};
use medial::db::rows::{
    BulkExport, BulkFile, BulkPart, BulkState, Export, ExportFile, ExportState, IdempotentAnswer,
    KeptVersion, NewAuditEntry, ProfileActivation, ProfileVersion,
};
use medial::db::{Database, DbError};
use medial::domain::anatomy::Side;
use medial::domain::patient::Identifier;
use medial::seam::System;
use uuid::Uuid;

/// One record of every kind in `organization`.
fn fill(database: &Database, organization: &'static str, dice: &mut Dice) -> (Chart, Uuid) {
    let mut chart = Chart::random(organization, dice);
    chart.patient.value.identifiers = vec![identifier()];
    let export = new_id();
    let (stored, seed) = (chart.clone(), dice.within(0, 1 << 40));
    database
        .write(move |tx| {
            let mut dice = Dice(u64::try_from(seed).unwrap());
            stored.insert(tx)?;
            let (patient, episode, block) = (stored.patient.id, stored.episode.id, stored.block.id);
            let mut judgement = dice.judgement("L4-5", Side::Left, "p");
            judgement.next_step = "none".into();
            judgement.changes_on = Some(day("2020-01-01"));
            let judged = vec![(episode, judgement.clone())];
            let system = System::default();
            queries::determinations::replace(
                tx,
                organization,
                &system,
                patient,
                day("2025-01-01"),
                judged,
            )?;
            judgement.statuses += 1;
            let judged = vec![(episode, judgement)];
            queries::determinations::replace(
                tx,
                organization,
                &system,
                patient,
                day("2025-01-02"),
                judged,
            )?;
            queries::reviews::insert(tx, organization, &dice.review(episode))?;
            let entry = NewAuditEntry {
                id: new_id(),
                at: instant(),
                principal: "p".into(),
                role: "clinician".into(),
                action: "read".into(),
                resource_kind: "patient".into(),
                resource_id: Some(patient),
                patient: Some(patient),
                outcome: "done".into(),
                detail: None,
            };
            queries::audit::append(tx, organization, &entry)?;
            let seal = medial::db::rows::AuditSeal {
                sequence: 1,
                previous_hash: None,
                hash: "h".into(),
            };
            queries::audit::seal(tx, organization, entry.id, &seal)?;
            let kept = KeptVersion {
                kind: "block".into(),
                id: block,
                version: 1,
                body: "{}".into(),
                valid_from: instant(),
                valid_to: instant(),
                changed_by: "p".into(),
                reason: None,
            };
            queries::versions::keep(tx, organization, &kept)?;
            let profile = ProfileVersion {
                id: "p".into(),
                version: 1,
                document: "d".into(),
                loaded_at: instant(),
                loaded_by: "p".into(),
            };
            queries::profiles::insert_version(tx, organization, &profile)?;
            let active = ProfileActivation {
                id: "p".into(),
                version: 1,
                active: true,
                changed_at: instant(),
                changed_by: "p".into(),
            };
            queries::profiles::set_activation(tx, organization, &active)?;
            let answer = IdempotentAnswer {
                fingerprint: "f".into(),
                status: 201,
                headers: "[]".into(),
                body: organization.into(),
                created_at: instant(),
            };
            queries::idempotency::put(tx, organization, "p", "key", &answer)?;
            let wanted = Export {
                organization: organization.into(),
                id: export,
                dataset: "blocks".into(),
                format: "csv".into(),
                filters: "{}".into(),
                deidentify: false,
                state: ExportState::Queued,
                rows: None,
                created_by: "p".into(),
                created_at: instant(),
                finished_at: None,
                failure: None,
                columns: None,
                dates: None,
                expected_rows: None,
            };
            queries::exports::insert(tx, organization, &wanted)?;
            let file = ExportFile {
                name: "f".into(),
                media_type: "text/csv".into(),
                content_path: "f".into(),
                bytes: 1,
                sha256: "0".repeat(64),
                rows: None,
            };
            queries::exports::add_files(tx, organization, export, &[file])?;
            // Under the same id: no query on the one may find the other.
            let bulk = BulkExport {
                organization: organization.into(),
                id: export,
                request: "https://medial.test/fhir/R4/$export".into(),
                wanted: "{}".into(),
                state: BulkState::Queued,
                created_by: "p".into(),
                created_at: instant(),
                started_at: None,
                transaction_time: None,
                patients_done: 0,
                patients_all: None,
                finished_at: None,
                failure: None,
            };
            queries::bulk::insert(tx, organization, &bulk)?;
            let file = BulkFile {
                name: "f".into(),
                part: BulkPart::Output,
                resource_type: "Patient".into(),
                content_path: "f".into(),
                bytes: 1,
                resources: 1,
            };
            queries::bulk::add_files(tx, organization, export, &[file])?;
            queries::import_progress::put(tx, organization, "source", 7, instant())
        })
        .unwrap();
    (chart, export)
}

fn identifier() -> Identifier {
    Identifier {
        system: "urn:medial:test".into(),
        value: "the same in both".into(),
    }
}

/// How much each query finds for `asking`, who knows the ids of `chart` and `export`.
fn found(
    database: &Database,
    asking: &str,
    chart: &Chart,
    export: Uuid,
) -> Vec<(&'static str, usize)> {
    let (patient, episode, block) = (chart.patient.id, chart.episode.id, chart.block.id);
    let (ablation, score, event) = (chart.ablation.id, chart.scores[0].id, chart.after_block.id);
    let ids = [patient];
    let mut found = Vec::new();
    macro_rules! one {
        ($name:literal, $tx:ident => $query:expr) => {
            found.push((
                $name,
                match database.read(|$tx| $query.map(|_| ())) {
                    Ok(()) => 1,
                    Err(DbError::NotFound) => 0,
                    Err(error) => panic!("{}: {error}", $name),
                },
            ))
        };
    }
    macro_rules! many {
        ($name:literal, $tx:ident => $query:expr) => {
            found.push((
                $name,
                database
                    .read(|$tx| -> DbResult<usize> { Ok($query?.into_iter().count()) })
                    .unwrap(),
            ))
        };
    }
    macro_rules! page {
        ($name:literal, $tx:ident => $query:expr) => {
            found.push((
                $name,
                database
                    .read(|$tx| -> DbResult<usize> { Ok($query?.items.len()) })
                    .unwrap(),
            ))
        };
    }
    macro_rules! count {
        ($name:literal, $tx:ident => $query:expr) => {
            found.push((
                $name,
                database
                    .read(|$tx| -> DbResult<usize> { Ok(usize::try_from($query?).unwrap()) })
                    .unwrap(),
            ))
        };
    }
    let filter = blocks::Filter {
        patient: Some(patient),
        ..Default::default()
    };
    let events = adverse_events::Filter {
        patient: Some(patient),
        after: None,
    };
    let trail = queries::audit::Filter {
        patient: Some(patient),
        ..Default::default()
    };
    one!("patient", tx => queries::patients::get(tx, asking, patient));
    many!("patients by id", tx => queries::patients::by_ids(tx, asking, &ids));
    one!("episode", tx => queries::episodes::get(tx, asking, episode));
    page!("episodes", tx => queries::episodes::page(tx, asking, Some(patient), None, 99));
    count!("number of episodes", tx => queries::episodes::count(tx, asking, Some(patient)));
    many!("episodes of patient", tx => queries::episodes::for_patient(tx, asking, patient));
    one!("block", tx => queries::blocks::get(tx, asking, block));
    page!("blocks", tx => queries::blocks::page(tx, asking, &filter, None, 99));
    count!("number of blocks", tx => queries::blocks::count(tx, asking, &filter));
    many!("blocks of patient", tx => queries::blocks::for_patient(tx, asking, patient));
    one!("score", tx => queries::scores::get(tx, asking, score));
    many!("scores of block", tx => queries::scores::for_block(tx, asking, block));
    many!("scores of blocks", tx => queries::scores::for_blocks(tx, asking, &[block]));
    many!("scores of patient", tx => queries::scores::for_patient(tx, asking, patient));
    one!("ablation", tx => queries::ablations::get(tx, asking, ablation));
    page!("ablations", tx => queries::ablations::page(tx, asking, None, Some(episode), None, 99));
    count!("number of ablations", tx => queries::ablations::count(tx, asking, Some(patient), None));
    many!("ablations of patient", tx => queries::ablations::for_patient(tx, asking, patient));
    one!("follow-up", tx => queries::follow_ups::get(tx, asking, chart.follow_up.id));
    page!("follow-ups", tx => queries::follow_ups::page(tx, asking, ablation, None, 99));
    count!("number of follow-ups", tx => queries::follow_ups::count(tx, asking, ablation));
    many!("follow-ups of ablations", tx => queries::follow_ups::for_ablations(tx, asking, &[ablation]));
    many!("follow-ups of patient", tx => queries::follow_ups::for_patient(tx, asking, patient));
    one!("event", tx => queries::adverse_events::get(tx, asking, event));
    page!("events", tx => queries::adverse_events::page(tx, asking, &events, None, 99));
    count!("number of events", tx => queries::adverse_events::count(tx, asking, &events));
    many!("events of patient", tx => queries::adverse_events::for_patient(tx, asking, patient));
    many!("determinations", tx => queries::determinations::for_episode(tx, asking, episode));
    many!("determinations of patient", tx => queries::determinations::for_patient(tx, asking, patient));
    page!("history", tx => queries::determinations::history(tx, asking, episode, None, 99));
    many!("reviews", tx => queries::reviews::in_force(tx, asking, &[episode]));
    page!("audit", tx => queries::audit::page(tx, asking, &trail, None, 99));
    many!("versions", tx => queries::versions::list(tx, asking, "block", block));
    many!("episodes of patients", tx => queries::episodes::for_patients(tx, asking, &ids));
    many!("blocks of patients", tx => queries::blocks::for_patients(tx, asking, &ids));
    many!("ablations of patients", tx => queries::ablations::for_patients(tx, asking, &ids));
    many!("events of patients", tx => queries::adverse_events::for_patients(tx, asking, &ids));
    many!("determinations of episodes", tx => queries::determinations::for_episodes(tx, asking, &[episode]));
    one!("export", tx => queries::exports::get(tx, asking, export));
    many!("files", tx => queries::exports::files(tx, asking, export));
    many!("members of groups", tx => queries::groups::members(tx, asking, None, &["none"]).map(|members| members.into_iter().filter(|(one, _)| *one == patient).collect::<Vec<_>>()));
    one!("bulk export", tx => queries::bulk::get(tx, asking, export));
    many!("open bulk exports", tx => queries::bulk::open(tx, asking).map(|open| open.into_iter().filter(|one| one.id == export).collect::<Vec<_>>()));
    many!("files of a bulk export", tx => queries::bulk::files(tx, asking, export));
    many!("exported patients", tx => queries::export_rows::patients(tx, asking, &filter.clone().into(), None, 99));
    many!("exported episodes", tx => queries::export_rows::episodes(tx, asking, &filter.clone().into(), None, 99));
    many!("exported blocks", tx => queries::export_rows::blocks(tx, asking, &filter.clone().into(), None, 99));
    many!("exported scores", tx => queries::export_rows::scores(tx, asking, &filter.clone().into(), None, 99).map(|chunk| chunk.records));
    many!("exported ablations", tx => queries::export_rows::ablations(tx, asking, &filter.clone().into(), None, 99));
    many!("exported follow-ups", tx => queries::export_rows::follow_ups(tx, asking, &filter.clone().into(), None, 99).map(|chunk| chunk.records));
    many!("exported events", tx => queries::export_rows::adverse_events(tx, asking, &filter.clone().into(), None, 99));
    many!("exported determinations", tx => queries::export_rows::determinations(tx, asking, &filter.clone().into(), None, 99).map(|chunk| chunk.records));
    found
}

on_each_database! {
    fn nobody_finds_what_is_anothers(test: &TestDatabase) {
        let mut dice = Dice(41);
        let (ours, export) = fill(&test.database, OURS, &mut dice);
        fill(&test.database, THEIRS, &mut dice);
        for (name, number) in found(&test.database, OURS, &ours, export) {
            assert!(number > 0, "the owner does not find its {name}");
        }
        for asking in [THEIRS, "nobody", ""] {
            for (name, number) in found(&test.database, asking, &ours, export) {
                assert_eq!(number, 0, "{asking} finds our {name}");
            }
        }
    }

    fn lists_without_a_filter_hold_only_ones_own(test: &TestDatabase) {
        let mut dice = Dice(42);
        let (ours, export) = fill(&test.database, OURS, &mut dice);
        let (theirs, _) = fill(&test.database, THEIRS, &mut dice);
        let all = blocks::Filter::default();
        test.database.read(|tx| -> DbResult<()> {
            assert_eq!(queries::patients::page(tx, OURS, None, None, 9)?.items, [ours.patient.clone()]);
            assert_eq!(queries::patients::count(tx, OURS)?, 1);
            assert_eq!(queries::patients::find_by_identifier(tx, OURS, &identifier())?, Some(ours.patient.id));
            assert_eq!(queries::patients::find_by_identifier(tx, THEIRS, &identifier())?, Some(theirs.patient.id));
            assert_eq!(queries::episodes::page(tx, OURS, None, None, 9)?.items, [ours.episode.clone()]);
            assert_eq!(queries::blocks::page(tx, OURS, &all, None, 9)?.items, [ours.block.clone()]);
            assert_eq!(queries::ablations::page(tx, OURS, None, None, None, 9)?.items, [ours.ablation.clone()]);
            assert_eq!(queries::adverse_events::page(tx, OURS, &Default::default(), None, 9)?.items.len(), 2);
            assert_eq!(queries::export_rows::scores(tx, OURS, &all.clone().into(), None, 99)?.records, ours.scores);
            assert_eq!(queries::export_rows::follow_ups(tx, OURS, &all.clone().into(), None, 99)?.records, [ours.follow_up.clone()]);
            assert_eq!(queries::audit::page(tx, OURS, &Default::default(), None, 9)?.items.len(), 1);
            assert_eq!(queries::audit::all_in_sequence(tx, OURS, 1, 9)?.len(), 1);
            assert_eq!(queries::exports::page(tx, OURS, None, 9)?.items[0].id, export);
            assert_eq!(queries::exports::page(tx, OURS, None, 9)?.items.len(), 1);
            assert_eq!(queries::profiles::versions(tx, OURS)?.len(), 1);
            assert_eq!(queries::profiles::activations(tx, "nobody")?, []);
            assert_eq!(queries::idempotency::get(tx, OURS, "p", "key")?.unwrap().body, OURS);
            assert_eq!(queries::idempotency::get(tx, "nobody", "p", "key")?, None);
            assert_eq!(queries::import_progress::get(tx, "nobody", "source")?, None);
            for sort in [Sort::Waiting, Sort::Relief, Sort::Patient] {
                for q in [None, Some("the same in both".to_owned())] {
                    let filter = candidates::Filter { next_steps: vec!["none".into()], q, ..Default::default() };
                    let groups = candidates::page(tx, OURS, &filter, sort, None, 9)?.items;
                    assert_eq!(groups.len(), 1);
                    assert_eq!(groups[0].patient, ours.patient);
                    assert_eq!(candidates::count(tx, OURS, &filter)?, 1);
                }
            }
            Ok(())
        }).unwrap();
    }

    fn nobody_changes_what_is_anothers(test: &TestDatabase) {
        let mut dice = Dice(43);
        let (ours, export) = fill(&test.database, OURS, &mut dice);
        fill(&test.database, THEIRS, &mut dice);
        macro_rules! refused {
            ($tx:ident => $query:expr) => {{
                let ours = ours.clone();
                let outcome = test.database.write(move |$tx| { let _ = &ours; $query(&ours, $tx) });
                assert!(matches!(outcome, Err(DbError::NotFound | DbError::Stale)), "{outcome:?}");
            }};
        }
        type Tx<'a> = medial::db::Tx<'a>;
        refused!(tx => |ours: &Chart, tx: &mut Tx<'_>| queries::patients::update_if_version(tx, THEIRS, &ours.patient, 1));
        refused!(tx => |ours: &Chart, tx: &mut Tx<'_>| queries::episodes::update_if_version(tx, THEIRS, &ours.episode, 1));
        refused!(tx => |ours: &Chart, tx: &mut Tx<'_>| queries::blocks::update_if_version(tx, THEIRS, &ours.block, 1));
        refused!(tx => |ours: &Chart, tx: &mut Tx<'_>| queries::blocks::withdraw(tx, THEIRS, ours.block.id, 1, later(1), "r"));
        refused!(tx => |ours: &Chart, tx: &mut Tx<'_>| queries::scores::update_if_version(tx, THEIRS, &ours.scores[0], 1));
        refused!(tx => |ours: &Chart, tx: &mut Tx<'_>| queries::scores::withdraw(tx, THEIRS, ours.scores[0].id, 1, later(1), "r"));
        refused!(tx => |ours: &Chart, tx: &mut Tx<'_>| queries::ablations::update_if_version(tx, THEIRS, &ours.ablation, 1));
        refused!(tx => |ours: &Chart, tx: &mut Tx<'_>| queries::ablations::withdraw(tx, THEIRS, ours.ablation.id, 1, later(1), "r"));
        refused!(tx => |ours: &Chart, tx: &mut Tx<'_>| queries::follow_ups::update_if_version(tx, THEIRS, &ours.follow_up, 1));
        refused!(tx => |ours: &Chart, tx: &mut Tx<'_>| queries::follow_ups::withdraw(tx, THEIRS, ours.follow_up.id, 1, later(1), "r"));
        refused!(tx => |ours: &Chart, tx: &mut Tx<'_>| queries::reviews::undo(tx, THEIRS, ours.episode.id, later(1)));
        refused!(tx => |_: &Chart, tx: &mut Tx<'_>| queries::exports::delete(tx, THEIRS, export));
        let done = queries::exports::Progress { state: ExportState::Done, rows: None, finished_at: None, failure: None };
        refused!(tx => |_: &Chart, tx: &mut Tx<'_>| queries::exports::update_state(tx, THEIRS, export, &[ExportState::Queued], &done));
        refused!(tx => |_: &Chart, tx: &mut Tx<'_>| queries::bulk::delete(tx, THEIRS, export));
        refused!(tx => |_: &Chart, tx: &mut Tx<'_>| queries::bulk::start(tx, THEIRS, export, later(1)));
        refused!(tx => |_: &Chart, tx: &mut Tx<'_>| queries::bulk::finish(tx, THEIRS, export, later(1), None));
        let far = queries::bulk::BulkProgress { transaction_time: later(1), patients_done: 1, patients_all: 1 };
        refused!(tx => |_: &Chart, tx: &mut Tx<'_>| queries::bulk::note_progress(tx, THEIRS, export, &far));
        test.database.read(|tx| -> DbResult<()> {
            assert_eq!(queries::bulk::get(tx, OURS, export)?.state, BulkState::Queued);
            assert_eq!(queries::patients::get(tx, OURS, ours.patient.id)?, ours.patient);
            assert_eq!(queries::blocks::get(tx, OURS, ours.block.id)?, ours.block);
            assert_eq!(queries::scores::for_block(tx, OURS, ours.block.id)?, ours.scores);
            assert_eq!(queries::exports::get(tx, OURS, export)?.state, ExportState::Queued);
            Ok(())
        }).unwrap();
    }
}
