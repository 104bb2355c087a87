//! How the list of candidates is read, on a cohort in which some filters leave few and others many: always by an index, and
//! what is listed is the same whichever way was taken.

use crate::samples::{DbResult, Dice, OURS, day, instant, new_id};
use crate::support::databases::{TestDatabase, on_each_database};
use chrono::Days;
use medial::db::queries::candidates::{Cursor, Filter, Group, Key, Sort};
use medial::db::queries::{self, candidates};
use medial::db::rows::{Determination, Judgement};
use medial::db::{DatabaseKind, Stored};
use medial::domain::anatomy::{Joint, Region, Side};
use medial::domain::patient::{Identifier, Patient};
use medial::seam::System;
use std::collections::{BTreeMap, HashMap};
use uuid::Uuid;

const SORTS: [Sort; 3] = [Sort::Waiting, Sort::Relief, Sort::Patient];
const WANTED: [&str; 2] = ["refer_for_ablation", "confirmatory_block"];
/// More than are read at once, in one list and by one profile.
const PATIENTS: usize = 520;
const SYSTEM: &str = "urn:medial:test";

fn wanted() -> Filter {
    Filter {
        next_steps: WANTED.map(str::to_owned).to_vec(),
        profiles: Some(vec!["p1".into()]),
        unreviewed_as_of: Some(day("2025-06-10")),
        ..Filter::default()
    }
}

/// Everything that was judged, with the patient of each.
struct Cohort {
    judged: Vec<(Patient, Determination)>,
}

impl Cohort {
    /// Patients of whom most have lumbar pain, and names that begin alike.
    fn recorded(test: &TestDatabase) -> Cohort {
        let mut dice = Dice(71);
        let charts: Vec<(Stored<Patient>, Uuid, Vec<Judgement>)> = (0..PATIENTS)
            .map(|number| {
                let id = new_id();
                let mut patient = dice.patient();
                patient.family_name = Some(format!("Synthetic {number:04}"));
                patient.given_name = None;
                patient.identifiers = vec![Identifier {
                    system: SYSTEM.into(),
                    value: format!("N-{number}"),
                }];
                let joints: &[&str] = match number % 40 {
                    0 => &["T6-7"],
                    1..=4 => &["C2-3", "C3-4"],
                    _ => &["L3-4", "L4-5", "L5-S1"],
                };
                let patient = Stored::new(id, OURS, id, id, instant(), patient);
                (patient, new_id(), judgements(&mut dice, joints, number))
            })
            .collect();
        let stored = charts.clone();
        test.database
            .write(move |tx| {
                let mut dice = Dice(72);
                queries::organizations::ensure(tx, OURS, instant())?;
                for (number, (patient, episode, judged)) in stored.iter().enumerate() {
                    queries::patients::insert(tx, OURS, patient)?;
                    let id = patient.id;
                    let episode = Stored::new(*episode, OURS, id, id, instant(), dice.episode());
                    queries::episodes::insert(tx, OURS, &episode)?;
                    let judged: Vec<(Uuid, Judgement)> =
                        judged.iter().map(|one| (episode.id, one.clone())).collect();
                    let as_of = day("2025-05-01") + Days::new(u64::try_from(number % 30).unwrap());
                    let outside = System::default();
                    queries::determinations::replace(tx, OURS, &outside, id, as_of, judged)?;
                }
                DbResult::Ok(())
            })
            .unwrap();
        let episodes: Vec<Uuid> = charts.iter().map(|(_, episode, _)| *episode).collect();
        let all = test
            .database
            .read(|tx| queries::determinations::for_episodes(tx, OURS, &episodes))
            .unwrap();
        let patients: HashMap<Uuid, Patient> = charts
            .into_iter()
            .map(|(patient, ..)| (patient.id, patient.value))
            .collect();
        let judged = all
            .into_iter()
            .map(|one| (patients[&one.patient].clone(), one))
            .collect();
        Cohort { judged }
    }

    /// The list worked out from everything that is stored, with nothing of the store's own search.
    fn expected(&self, sort: Sort, matches: &Matches) -> Vec<Cursor> {
        let mut leaders: BTreeMap<Uuid, Key> = BTreeMap::new();
        for (patient, one) in &self.judged {
            let judgement = &one.judgement;
            let is_wanted = WANTED.contains(&judgement.next_step.as_str())
                && judgement.profile == "p1"
                && matches(patient, one);
            if !is_wanted {
                continue;
            }
            let key = match sort {
                Sort::Waiting => Key::Text(one.since.to_string()),
                Sort::Patient => Key::Text(
                    patient
                        .family_name
                        .clone()
                        .unwrap_or_default()
                        .to_lowercase(),
                ),
                Sort::Relief => {
                    Key::Number(judgement.relief_tenths.map_or(i32::MAX, |relief| -relief))
                }
            };
            leaders
                .entry(one.episode)
                .and_modify(|least| *least = key.clone().min(least.clone()))
                .or_insert(key);
        }
        let mut list: Vec<Cursor> = leaders
            .into_iter()
            .map(|(episode, key)| Cursor { key, episode })
            .collect();
        list.sort();
        list
    }
}

fn judgements(dice: &mut Dice, joints: &[&str], number: usize) -> Vec<Judgement> {
    let mut judged = Vec::new();
    for joint in joints {
        for side in [Side::Left, Side::Right] {
            for profile in ["p1", "p2"] {
                let mut judgement = dice.judgement(joint, side, profile);
                // Most are on the list, and few were treated by the second operator.
                if !number.is_multiple_of(10) {
                    judgement.next_step = dice.pick(&WANTED).to_owned();
                }
                let operator = if number % 50 == 3 { "op-2" } else { "op-1" };
                judgement.operator = Some(operator.to_owned());
                judged.push(judgement);
            }
        }
    }
    judged
}

type Matches = dyn Fn(&Patient, &Determination) -> bool;

/// A filter, what it means, the index that finds what it leaves, and whether that is few.
struct Case {
    name: &'static str,
    filter: Filter,
    matches: Box<Matches>,
    index: &'static str,
    few: bool,
}

fn cases() -> Vec<Case> {
    let region = |joint: Joint| joint.region();
    let case = |name, filter, matches, index, few| Case {
        name,
        filter,
        matches,
        index,
        few,
    };
    vec![
        case(
            "a region and a side that few have",
            Filter {
                region: Some(Region::Thoracic),
                side: Some(Side::Right),
                ..wanted()
            },
            Box::new(move |_, one| {
                let target = one.judgement.target;
                region(target.joint) == Region::Thoracic && target.side == Side::Right
            }),
            "determinations_by_region",
            true,
        ),
        case(
            "a region that most have",
            Filter {
                region: Some(Region::Lumbar),
                ..wanted()
            },
            Box::new(move |_, one| region(one.judgement.target.joint) == Region::Lumbar),
            "determinations_by_region",
            false,
        ),
        case(
            "a side",
            Filter {
                side: Some(Side::Left),
                ..wanted()
            },
            Box::new(|_, one| one.judgement.target.side == Side::Left),
            "determinations_by_region",
            false,
        ),
        case(
            "much relief",
            Filter {
                relief_min_tenths: Some(900),
                ..wanted()
            },
            Box::new(|_, one| one.judgement.relief_tenths >= Some(900)),
            "determinations_by_region",
            true,
        ),
        case(
            "any relief at all, and on a day of the second half",
            Filter {
                relief_min_tenths: Some(-1000),
                since: Some(day("2025-05-10")),
                ..wanted()
            },
            Box::new(|_, one| {
                one.judgement.relief_tenths >= Some(-1000) && one.since >= day("2025-05-10")
            }),
            "determinations_by_region",
            false,
        ),
        case(
            "an operator that few had, and a verdict",
            Filter {
                operator: Some("op-2".into()),
                verdict: Some("meets".into()),
                ..wanted()
            },
            Box::new(|_, one| {
                one.judgement.operator.as_deref() == Some("op-2")
                    && one.judgement.verdict == "meets"
            }),
            "determinations_by_region",
            true,
        ),
        case(
            "an operator that most had",
            Filter {
                operator: Some("op-1".into()),
                ..wanted()
            },
            Box::new(|_, one| one.judgement.operator.as_deref() == Some("op-1")),
            "determinations_by_region",
            false,
        ),
        case(
            "a day",
            Filter {
                since: Some(day("2025-05-29")),
                ..wanted()
            },
            Box::new(|_, one| one.since >= day("2025-05-29")),
            "determinations_by_waiting",
            true,
        ),
        case(
            "a name that all have",
            Filter {
                q: Some("synth".into()),
                ..wanted()
            },
            Box::new(|_, _| true),
            "determinations_by_name",
            false,
        ),
        case(
            "a name that all have, and some relief",
            Filter {
                q: Some("synth".into()),
                relief_min_tenths: Some(-400),
                side: Some(Side::Right),
                ..wanted()
            },
            Box::new(|_, one| {
                one.judgement.relief_tenths >= Some(-400)
                    && one.judgement.target.side == Side::Right
            }),
            "determinations_by_name",
            true,
        ),
        case(
            "a name that few have",
            Filter {
                q: Some("Synthetic 001".into()),
                ..wanted()
            },
            Box::new(|patient, _| {
                let name = patient.family_name.as_deref().unwrap();
                name.starts_with("Synthetic 001")
            }),
            "determinations_by_name",
            true,
        ),
        case(
            "an identifier",
            Filter {
                q: Some("n-17".into()),
                region: Some(Region::Lumbar),
                ..wanted()
            },
            Box::new(|patient, _| patient.identifiers[0].value == "N-17"),
            "determinations_by_name",
            true,
        ),
        case(
            "nothing",
            wanted(),
            Box::new(|_, _| true),
            "determinations_by_",
            false,
        ),
    ]
}

fn walked(test: &TestDatabase, filter: &Filter, sort: Sort) -> Vec<Group> {
    let mut list: Vec<Group> = Vec::new();
    loop {
        let after = list.last().map(|group| group.place.clone());
        let page = test
            .database
            .read(|tx| candidates::page(tx, OURS, filter, sort, after.as_ref(), 90))
            .unwrap();
        list.extend(page.items);
        if !page.more {
            return list;
        }
    }
}

/// What is wrong with how the lists of a filter are read.
fn faults(test: &TestDatabase, case: &Case, analyzed: bool) -> Vec<String> {
    let mut found = Vec::new();
    let plans = |work: &dyn Fn(&mut medial::db::Tx<'_>) -> DbResult<()>| {
        test.database.plans(|tx| work(tx)).unwrap()
    };
    let counts = plans(&|tx| candidates::count_up_to(tx, OURS, &case.filter, 500).map(|_| ()));
    found.extend(walks_through_tables(test, case.name, &counts));
    // PostgreSQL counts the rows of its tables by itself, and has no reason for an index before.
    let is_told = analyzed || test.kind() == DatabaseKind::Sqlite;
    if is_told {
        found.extend(faults_by(test, case.name, case.index, &counts, "COUNT"));
    }
    for sort in SORTS {
        let pages =
            plans(&|tx| candidates::page(tx, OURS, &case.filter, sort, None, 40).map(|_| ()));
        found.extend(walks_through_tables(test, case.name, &pages));
        let order = match sort {
            Sort::Waiting => "determinations_by_waiting",
            Sort::Relief => "determinations_by_relief",
            Sort::Patient => "determinations_by_name",
        };
        let walks: Vec<_> = pages
            .into_iter()
            .filter(|(statement, _)| statement.contains("NOT EXISTS (SELECT 1 FROM determinations"))
            .collect();
        // The walk that a name or a day narrows itself is taken whatever it leaves.
        if case.few && case.index != order {
            assert!(walks.is_empty(), "{} by {sort:?} walks", case.name);
        } else {
            assert_eq!(walks.len(), WANTED.len(), "{} by {sort:?}", case.name);
        }
        if !is_told {
            continue;
        }
        found.extend(faults_by(test, case.name, order, &walks, "ORDER BY"));
        for (statement, plan) in &walks {
            let sorts = |line: &String| line.contains("TEMP B-TREE") || line.contains("Sort ");
            if plan.iter().any(sorts) {
                found.push(format!(
                    "{}: sorted\n    {statement}\n    {plan:#?}",
                    case.name
                ));
            }
        }
    }
    found
}

/// The plans in which a whole table is walked through.
fn walks_through_tables(
    test: &TestDatabase,
    name: &str,
    plans: &[(String, Vec<String>)],
) -> Vec<String> {
    let walks = |line: &String| match test.kind() {
        // What a query within the query gives is no table.
        DatabaseKind::Sqlite => line
            .strip_prefix("SCAN ")
            .is_some_and(|of| !["counted", "probed", "identified"].contains(&of)),
        DatabaseKind::Postgres => line.contains("Seq Scan"),
    };
    plans
        .iter()
        .filter(|(_, plan)| plan.iter().any(walks))
        .map(|(statement, plan)| format!("{name}: a whole table\n    {statement}\n    {plan:#?}"))
        .collect()
}

/// The statements with `part` in them that are not answered by `index`, and on SQLite by that alone as far as it goes.
fn faults_by(
    test: &TestDatabase,
    name: &str,
    index: &str,
    plans: &[(String, Vec<String>)],
    part: &str,
) -> Vec<String> {
    let by = match test.kind() {
        DatabaseKind::Sqlite => format!("SEARCH d USING COVERING INDEX {index}"),
        DatabaseKind::Postgres => index.to_owned(),
    };
    plans
        .iter()
        .filter(|(statement, _)| statement.contains(part))
        // Those whose identifier it is are found by their episodes.
        .filter(|(statement, _)| !statement.contains("AND NOT (d.sort_name"))
        .filter(|(_, plan)| !plan.iter().any(|line| line.contains(&by)))
        .map(|(statement, plan)| format!("{name}: not by {index}\n    {statement}\n    {plan:#?}"))
        .collect()
}

on_each_database! {
    fn what_is_listed_is_the_same_by_every_way(test: &TestDatabase) {
        let cohort = Cohort::recorded(test);
        for case in cases() {
            for sort in SORTS {
                let list = walked(test, &case.filter, sort);
                let places: Vec<Cursor> = list.into_iter().map(|group| group.place).collect();
                let expected = cohort.expected(sort, &case.matches);
                assert!(!expected.is_empty(), "{} proves nothing", case.name);
                assert_eq!(places, expected, "{} by {sort:?}", case.name);
            }
            let expected = cohort.expected(Sort::Waiting, &case.matches).len();
            for most in [7, 500] {
                let count = test.database.read(|tx| candidates::count_up_to(tx, OURS, &case.filter, most)).unwrap();
                let most = usize::try_from(most).unwrap();
                assert_eq!(usize::try_from(count).unwrap(), expected.min(most), "{}", case.name);
            }
            let count = test.database.read(|tx| candidates::count(tx, OURS, &case.filter)).unwrap();
            assert_eq!(usize::try_from(count).unwrap(), expected, "{}", case.name);
        }
    }

    fn every_list_is_read_by_the_index_that_narrows_it(test: &TestDatabase) {
        Cohort::recorded(test);
        let found: Vec<String> = cases().iter().flat_map(|case| faults(test, case, false)).collect();
        assert!(found.is_empty(), "{} faults:\n{}", found.len(), found.join("\n"));
        test.execute("ANALYZE").unwrap();
        let found: Vec<String> = cases().iter().flat_map(|case| faults(test, case, true)).collect();
        assert!(found.is_empty(), "{} faults once analyzed:\n{}", found.len(), found.join("\n"));
    }
}
