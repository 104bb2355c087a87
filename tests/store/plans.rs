//! No list reads a whole table: every query of a list or of a job finds its rows through an index, in their order.

use crate::samples::{Chart, DbResult, Dice, OURS, THEIRS, day, instant, new_id};
use crate::support::databases::{TestDatabase, on_each_database};
use medial::db::queries::{
    self, adverse_events, analytics, audit, blocks, deliveries, subscriptions,
};
use medial::db::rows::{
    AuditSeal, BulkState, DeliveryState, ExportState, NewAuditEntry, SubscriptionKind,
};
use medial::db::{Database, DatabaseKind, Tx};
use medial::domain::anatomy::{Region, Side};
use medial::domain::patient::Identifier;
use medial::domain::sites::Sites;
use medial::domain::subscription::Topic;
use medial::seam::System;
use uuid::Uuid;

/// Some hundreds of rows in two organizations, and the planner's knowledge of them.
fn fill(test: &TestDatabase) -> Chart {
    let mut dice = Dice(21);
    let charts: Vec<Chart> = (0..120)
        .map(|number| Chart::random(if number % 2 == 0 { OURS } else { THEIRS }, &mut dice))
        .collect();
    let first = charts[0].clone();
    test.database
        .write(move |tx| {
            let mut dice = Dice(22);
            for chart in &charts {
                chart.insert(tx)?;
                let organization = chart.patient.organization.as_str();
                let entry = NewAuditEntry {
                    id: new_id(),
                    at: instant(),
                    principal: "p".into(),
                    role: "clinician".into(),
                    action: "read".into(),
                    resource_kind: "patient".into(),
                    resource_id: Some(chart.patient.id),
                    patient: Some(chart.patient.id),
                    outcome: "done".into(),
                    detail: None,
                };
                queries::audit::append(tx, organization, &entry)?;
                let sequence = i64::try_from(
                    charts
                        .iter()
                        .position(|one| one.patient.id == chart.patient.id)
                        .unwrap(),
                );
                let seal = AuditSeal {
                    sequence: sequence.unwrap() + 1,
                    previous_hash: None,
                    hash: "h".into(),
                };
                queries::audit::seal(tx, organization, entry.id, &seal)?;
                queries::reviews::insert(tx, organization, &dice.review(chart.episode.id))?;
                queries::diary::insert(tx, organization, &crate::diary::link_of(chart))?;
                for _ in 0..2 {
                    let judged = (0..6).map(|profile| {
                        let profile = format!("profile-{profile}");
                        (
                            chart.episode.id,
                            dice.judgement("L4-5", Side::Left, &profile),
                        )
                    });
                    let judged = judged.collect();
                    let today = instant().date_naive();
                    queries::determinations::replace(
                        tx,
                        organization,
                        &System::default(),
                        chart.patient.id,
                        today,
                        judged,
                    )?;
                }
            }
            DbResult::Ok(())
        })
        .unwrap();
    first
}

/// What in the plans is a walk through a whole table, or a sort of what an index could have given in order.
fn faults(
    test: &TestDatabase,
    name: &str,
    may_sort: bool,
    work: impl FnOnce(&mut Tx<'_>) -> DbResult<()>,
) -> Vec<String> {
    let plans = test.database.plans(work).unwrap();
    assert!(!plans.is_empty(), "{name} ran no statement");
    faults_in(test, name, may_sort, &plans)
}

fn faults_in(
    test: &TestDatabase,
    name: &str,
    may_sort: bool,
    plans: &[(String, Vec<String>)],
) -> Vec<String> {
    let mut faults = Vec::new();
    for (statement, plan) in plans {
        for line in plan {
            let (walks, sorts) = match test.kind() {
                DatabaseKind::Sqlite => (
                    // An index with a condition holds nothing but what is looked for.
                    line.starts_with("SCAN")
                        && !line.ends_with("USING INDEX audit_entries_unsealed"),
                    line.contains("TEMP B-TREE"),
                ),
                DatabaseKind::Postgres => (line.contains("Seq Scan"), line.contains("Sort")),
            };
            if walks || (sorts && !may_sort) {
                faults.push(format!("{name}: {line}\n    {statement}\n    {plan:#?}"));
            }
        }
    }
    faults
}

fn faults_of_all(test: &TestDatabase, chart: &Chart) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    macro_rules! check {
            ($name:expr, $tx:ident => $query:expr) => { check!($name, false, $tx => $query) };
            ($name:expr, $may_sort:expr, $tx:ident => $query:expr) => {
                found.extend(faults(test, &$name, $may_sort, |$tx| { $query?; Ok(()) }))
            };
        }
    let (patient, episode) = (chart.patient.id, chart.episode.id);
    let (block, ablation) = (chart.block.id, chart.ablation.id);
    let identifier = Identifier {
        system: "s".into(),
        value: "v".into(),
    };
    let link = chart.block.id;
    check!("diary link of a token", tx => queries::diary::by_token(tx, link));
    check!("diary links", tx => queries::diary::for_block(tx, OURS, block));
    check!("diary entries", tx => queries::diary::entries(tx, OURS, link));
    check!("number of diary entries", tx => queries::diary::count_entries(tx, OURS, link));
    check!("reminders", tx => queries::diary::to_remind(tx, instant(), 10));
    check!("addresses to forget", tx => queries::diary::forget_addresses(tx, instant()));
    for after in [None, Some(Uuid::nil())] {
        let everything = blocks::Filter::default();
        check!("exported patients", tx => queries::export_rows::patients(tx, OURS, &everything.clone().into(), after, 50));
        check!("patients", tx => queries::patients::page(tx, OURS, None, after, 50));
        check!("patients by words", tx => queries::patients::search(tx, OURS, "x", 12));
        let name = after.map(|after| ("m".to_owned(), after));
        check!("names of patients", tx => queries::patients::names(tx, OURS, name.as_ref(), 50));
        check!("patients with a value", tx => queries::patients::with_identifier_value(tx, OURS, "v"));
        check!("newest system", tx => queries::patients::newest_system(tx, OURS));
        check!("newest block", tx => queries::blocks::newest(tx, OURS));
        for patient in [None, Some(patient)] {
            check!("episodes", tx => queries::episodes::page(tx, OURS, patient, after, 50));
            for episode in [None, Some(episode)] {
                check!("ablations", tx => queries::ablations::page(tx, OURS, patient, episode, after, 50));
            }
        }
        let filters = [
            blocks::Filter::default(),
            blocks::Filter {
                patient: Some(patient),
                ..blocks::Filter::default()
            },
            blocks::Filter {
                episode: Some(episode),
                ..blocks::Filter::default()
            },
            blocks::Filter {
                operator: Some("x".into()),
                ..blocks::Filter::default()
            },
            blocks::Filter {
                operator: Some("x".into()),
                sites: Sites::of(["x", "y"]),
                ..blocks::Filter::default()
            },
            blocks::Filter {
                sites: Sites::of(["x", "y"]),
                ..blocks::Filter::default()
            },
        ];
        for filter in &filters {
            let exported = queries::export_rows::Filter::from(filter.clone());
            check!("in order", tx => {
                queries::blocks::page(tx, OURS, filter, after, 50)?;
                queries::export_rows::episodes(tx, OURS, &exported, after, 50)?;
                queries::export_rows::blocks(tx, OURS, &exported, after, 50)?;
                queries::export_rows::ablations(tx, OURS, &exported, after, 50)?;
                queries::export_rows::adverse_events(tx, OURS, &exported, after, 50)?;
                queries::export_rows::scores(tx, OURS, &exported, after, 50)?;
                queries::export_rows::follow_ups(tx, OURS, &exported, after, 50)?;
                DbResult::Ok(())
            });
            check!("sorted a little", true, tx => {
                queries::export_rows::determinations(tx, OURS, &exported, after, 50)?;
                DbResult::Ok(())
            });
        }
        let region = queries::export_rows::Filter {
            region: Some(Region::Lumbar),
            ..Default::default()
        };
        check!("of a region", true, tx => {
            queries::export_rows::episodes(tx, OURS, &region, after, 50)?;
            queries::export_rows::scores(tx, OURS, &region, after, 50)?;
            queries::export_rows::follow_ups(tx, OURS, &region, after, 50)?;
            queries::export_rows::blocks(tx, OURS, &region, after, 50)?;
            queries::export_rows::ablations(tx, OURS, &region, after, 50)?;
            DbResult::Ok(())
        });
        // A period is a range of one index or the order of another: sorting a page's worth is allowed.
        let period = blocks::Filter {
            from: Some(day("2025-01-01")),
            to: Some(day("2025-02-01")),
            ..blocks::Filter::default()
        };
        check!("blocks of a period", true, tx => queries::blocks::page(tx, OURS, &period, after, 50));
        check!("follow-ups", tx => queries::follow_ups::page(tx, OURS, ablation, after, 50));
        for filter in [
            adverse_events::Filter::default(),
            adverse_events::Filter {
                patient: Some(patient),
                after: None,
            },
            adverse_events::Filter {
                patient: None,
                after: Some(adverse_events::After::Block(block)),
            },
            adverse_events::Filter {
                patient: None,
                after: Some(adverse_events::After::Ablation(ablation)),
            },
        ] {
            check!("adverse events", tx => queries::adverse_events::page(tx, OURS, &filter, after, 50));
            check!("number of adverse events", tx => queries::adverse_events::count(tx, OURS, &filter));
        }
        check!("history", tx => queries::determinations::history(tx, OURS, episode, after, 50));
        for filter in [
            audit::Filter::default(),
            audit::Filter {
                patient: Some(patient),
                ..audit::Filter::default()
            },
            audit::Filter {
                principal: Some("p".into()),
                from: Some(instant()),
                ..audit::Filter::default()
            },
        ] {
            check!("audit", tx => queries::audit::page(tx, OURS, &filter, after, 50));
        }
        check!("exports", tx => queries::exports::page(tx, OURS, after, 50));
    }
    check!("in order", tx => {
        queries::patients::page(tx, OURS, Some(&identifier), None, 50)?;
        queries::patients::get(tx, OURS, patient)?;
        queries::episodes::for_patient(tx, OURS, patient)?;
        queries::blocks::for_patient(tx, OURS, patient)?;
        queries::ablations::for_patient(tx, OURS, patient)?;
        queries::adverse_events::for_patient(tx, OURS, patient)?;
        queries::determinations::for_episode(tx, OURS, episode)?;
        queries::scores::for_block(tx, OURS, block)?;
        queries::versions::list(tx, OURS, "block", block)?;
        queries::profiles::versions(tx, OURS)?;
        queries::profiles::activations(tx, OURS)?;
        DbResult::Ok(())
    });
    check!("sorted a little", true, tx => {
        queries::scores::for_patient(tx, OURS, patient)?;
        queries::follow_ups::for_patient(tx, OURS, patient)?;
        queries::determinations::for_patient(tx, OURS, patient)?;
        queries::scores::for_blocks(tx, OURS, &[block])?;
        queries::follow_ups::for_ablations(tx, OURS, &[ablation])?;
        queries::reviews::in_force(tx, OURS, &[episode])?;
        DbResult::Ok(())
    });
    check!("due", tx => queries::determinations::due(tx, day("2025-01-01"), None, 50));
    let after = queries::determinations::Due {
        changes_on: day("1950-01-01"),
        organization: OURS.into(),
        patient,
    };
    check!("due, further", tx => queries::determinations::due(tx, day("2025-01-01"), Some(&after), 50));
    check!("unsealed", tx => queries::audit::unsealed(tx, 50));
    check!("last seal", tx => queries::audit::last_seal(tx, OURS));
    check!("chain", tx => queries::audit::all_in_sequence(tx, OURS, 1, 50));
    check!("open exports", tx => queries::exports::in_state(tx, ExportState::Queued, 50));
    check!("withdrawn scores", tx => queries::scores::withdrawn_since(tx, OURS, instant()));
    let (patients, episodes) = ([patient, block], [episode, block]);
    check!("of many patients", true, tx => {
        queries::episodes::for_patients(tx, OURS, &patients)?;
        queries::blocks::for_patients(tx, OURS, &patients)?;
        queries::ablations::for_patients(tx, OURS, &patients)?;
        queries::adverse_events::for_patients(tx, OURS, &patients)?;
        queries::audit::changes_about_all(tx, OURS, &patients)?;
        queries::determinations::for_episodes(tx, OURS, &episodes)?;
        queries::determinations::replaced_since(tx, OURS, &episodes, instant())?;
        DbResult::Ok(())
    });
    check!("open bulk exports", tx => queries::bulk::in_state(tx, BulkState::Queued, 50));
    check!("due subscriptions", true, tx => subscriptions::due(tx, instant(), true, 9));
    check!("webhooks", tx => subscriptions::page(tx, OURS, SubscriptionKind::Webhook, Some(patient), 9));
    check!("wanted topics", tx => subscriptions::wanted(tx, OURS, Topic::ALL));
    check!("who wants a topic", true, tx => subscriptions::organizations_that_want(tx, Topic::DiaryOverdue));
    check!("due deliveries", tx => deliveries::due(tx, OURS, patient, instant(), 9));
    check!("the next delivery", tx => deliveries::next_due(tx, OURS, patient));
    check!("deliveries", tx => deliveries::page(tx, OURS, patient, None, Some(7), 9));
    check!("dead letters", tx => deliveries::page(tx, OURS, patient, Some(DeliveryState::Dead), None, 9));
    check!("numbered deliveries", tx => deliveries::between(tx, OURS, patient, 1, 9, 9));
    check!("overdue diaries", true, tx => deliveries::overdue_diaries(tx, OURS, instant(), instant(), 9));
    check!("old answers", tx => queries::idempotency::delete_older_than(tx, instant()));
    found
}

on_each_database! {
    fn no_list_reads_a_whole_table(test: &TestDatabase) {
        let chart = fill(test);
        // A planner decides otherwise when it knows how many rows there are; a new database does not.
        let found = faults_of_all(test, &chart);
        assert!(found.is_empty(), "{} faults:\n{}", found.len(), found.join("\n"));
        test.execute("ANALYZE").unwrap();
        let found = faults_of_all(test, &chart);
        assert!(found.is_empty(), "{} faults once analyzed:\n{}", found.len(), found.join("\n"));
    }
}

/// An organization that has nearly everything in its database to itself, as a clinic has; one of its patients.
fn fill_a_clinic(test: &TestDatabase) -> Uuid {
    let mut dice = Dice(23);
    let charts: Vec<Chart> = (0..400)
        .map(|number| Chart::random(if number < 395 { OURS } else { THEIRS }, &mut dice))
        .collect();
    let patient = charts[200].patient.id;
    test.database
        .write(move |tx| {
            let mut dice = Dice(24);
            for chart in &charts {
                chart.insert(tx)?;
                let organization = chart.patient.organization.as_str();
                queries::reviews::insert(tx, organization, &dice.review(chart.episode.id))?;
                let mut judged = Vec::new();
                for joint in ["L3-4", "L4-5"] {
                    for profile in 0..6 {
                        let profile = format!("profile-{profile}");
                        let judgement = dice.judgement(joint, Side::Left, &profile);
                        judged.push((chart.episode.id, judgement));
                    }
                }
                queries::determinations::replace(
                    tx,
                    organization,
                    &System::default(),
                    chart.patient.id,
                    instant().date_naive(),
                    judged,
                )?;
            }
            DbResult::Ok(())
        })
        .unwrap();
    patient
}

/// Everything that a figure asks of the database, held against what no figure may do.
fn faults_of_figures(test: &TestDatabase, patient: Uuid) -> Vec<String> {
    // Opened anew: a connection of SQLite keeps the statistics that it began with.
    let database = Database::open(&test.settings).unwrap();
    let mut found = Vec::new();
    let mut check = |name: &str, work: &dyn Fn(&mut Tx<'_>) -> DbResult<()>| {
        let plans = database.plans(work).unwrap();
        assert!(!plans.is_empty(), "{name} ran no statement");
        let (decisions, others): (Vec<_>, Vec<_>) = plans
            .into_iter()
            .partition(|(statement, _)| statement.contains("deferred_until"));
        // The decisions about the episodes of one chunk are sorted; nothing else is.
        found.extend(faults_in(test, name, true, &decisions));
        found.extend(faults_in(test, name, false, &others));
    };
    let patient = patient.to_string();
    for after in [None, Some(patient.as_str())] {
        for number in 0..8 {
            let wanted = analytics::Wanted {
                scores: number & 1 > 0,
                events: number & 2 > 0,
                referrals: number & 4 > 0,
            };
            let name = format!("cohort, {wanted:?}");
            check(&name, &|tx| {
                let chunk = analytics::cohort(tx, OURS, wanted, after, 100)?;
                assert!(chunk.len() > 1, "{name}");
                Ok(())
            });
        }
        check("verdicts", &|tx| {
            analytics::verdicts(tx, OURS, after, 100).map(|_| ())
        });
    }
    check("targets that meet a profile", &|tx| {
        analytics::targets_meeting(tx, OURS, "profile-1").map(|_| ())
    });
    found
}

on_each_database! {
    fn no_figure_reads_a_whole_table(test: &TestDatabase) {
        let patient = fill_a_clinic(test);
        let states: &[(&str, &str)] = match test.kind() {
            DatabaseKind::Sqlite => &[
                ("as migrated", "SELECT 1"),
                ("once optimized", "PRAGMA analysis_limit = 400; PRAGMA optimize = 0x10002"),
                ("once analyzed", "PRAGMA analysis_limit = 0; ANALYZE"),
            ],
            DatabaseKind::Postgres => &[("as migrated", "SELECT 1"), ("once analyzed", "ANALYZE")],
        };
        for (state, change) in states {
            test.execute(change).unwrap();
            let found = faults_of_figures(test, patient);
            assert!(found.is_empty(), "{} faults {state}:\n{}", found.len(), found.join("\n"));
        }
    }
}
