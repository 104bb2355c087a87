//! The candidate list: its order, its filters, and its pages while others write.

use crate::samples::{Chart, Dice, OURS, THEIRS, day, new_id};
use crate::support::databases::{TestDatabase, on_each_database};
use chrono::{Days, NaiveDate};
use medial::db::queries;
use medial::db::queries::candidates::{self, Cursor, Filter, Group, Key, Sort};
use medial::db::rows::{Determination, Judgement, Review, ReviewDecision};
use medial::domain::anatomy::{Region, Side};
use medial::seam::System;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use uuid::Uuid;

const SORTS: [Sort; 3] = [Sort::Waiting, Sort::Relief, Sort::Patient];
const WANTED: [&str; 2] = ["refer_for_ablation", "confirmatory_block"];

fn wanted() -> Filter {
    Filter {
        next_steps: WANTED.map(str::to_owned).to_vec(),
        ..Filter::default()
    }
}

/// Judgements of a few targets by a few profiles, some of them of no list.
fn judgements(dice: &mut Dice, episode: Uuid) -> Vec<(Uuid, Judgement)> {
    let mut judged = Vec::new();
    for joint in ["C2-3", "L4-5", "T12-L1"] {
        for side in [Side::Left, Side::Right] {
            for profile in ["p1", "p2"] {
                let mut judgement = dice.judgement(joint, side, profile);
                judgement.operator = dice.maybe(|dice| dice.pick(&["op-1", "op-2"]).to_owned());
                if dice.within(0, 1) == 0 {
                    judged.push((episode, judgement));
                }
            }
        }
    }
    judged
}

fn judge(
    test: &TestDatabase,
    organization: &'static str,
    chart: &Chart,
    as_of: NaiveDate,
    judged: Vec<(Uuid, Judgement)>,
) {
    let patient = chart.patient.id;
    test.database
        .write(move |tx| {
            queries::determinations::replace(
                tx,
                organization,
                &System::default(),
                patient,
                as_of,
                judged.clone(),
            )
        })
        .unwrap();
}

/// Stored charts with determinations that began on few days, so that many keys are equal.
fn fill(
    test: &TestDatabase,
    organization: &'static str,
    many: usize,
    dice: &mut Dice,
) -> Vec<Chart> {
    (0..many)
        .map(|_| {
            let mut chart = Chart::random(organization, dice);
            chart.scores.clear();
            chart.patient.value.family_name = dice.maybe(|dice| {
                dice.pick(&["Adam", "ádám", "ADAM", "Zoe", "zoe"])
                    .to_owned()
            });
            chart.patient.value.given_name = None;
            let stored = chart.clone();
            test.database.write(move |tx| stored.insert(tx)).unwrap();
            let as_of = day("2025-06-01") + Days::new(u64::try_from(dice.within(0, 4)).unwrap());
            let judged = judgements(dice, chart.episode.id);
            judge(test, organization, &chart, as_of, judged);
            chart
        })
        .collect()
}

fn page(
    test: &TestDatabase,
    filter: &Filter,
    sort: Sort,
    after: Option<&Cursor>,
    limit: u32,
) -> medial::db::Page<Group> {
    test.database
        .read(|tx| candidates::page(tx, OURS, filter, sort, after, limit))
        .unwrap()
}

/// The whole list, `limit` at a time, with `between` done after every page.
fn walk(
    test: &TestDatabase,
    filter: &Filter,
    sort: Sort,
    limit: u32,
    mut between: impl FnMut(),
) -> Vec<Group> {
    let mut list: Vec<Group> = Vec::new();
    loop {
        let after = list.last().map(|group| group.place.clone());
        let found = page(test, filter, sort, after.as_ref(), limit);
        list.extend(found.items);
        between();
        if !found.more {
            return list;
        }
    }
}

/// The key of a determination in an order, worked out anew.
fn key(sort: Sort, determination: &Determination, name: &str) -> Key {
    match sort {
        Sort::Waiting => Key::Text(determination.since.to_string()),
        Sort::Patient => Key::Text(name.to_owned()),
        Sort::Relief => Key::Number(
            determination
                .judgement
                .relief_tenths
                .map_or(i32::MAX, |relief| -relief),
        ),
    }
}

/// The list worked out from everything that is stored, with nothing of the store's own search.
fn expected(
    test: &TestDatabase,
    charts: &[Chart],
    sort: Sort,
    matches: impl Fn(&Chart, &Determination) -> bool,
) -> Vec<(Key, Uuid, usize)> {
    let mut list = Vec::new();
    for chart in charts {
        let name = chart
            .patient
            .value
            .family_name
            .as_deref()
            .unwrap_or("")
            .to_lowercase();
        let all = test
            .database
            .read(|tx| queries::determinations::for_episode(tx, OURS, chart.episode.id))
            .unwrap();
        let of_list: Vec<Key> = all
            .iter()
            .filter(|one| WANTED.contains(&one.judgement.next_step.as_str()) && matches(chart, one))
            .map(|one| key(sort, one, &name))
            .collect();
        if let Some(first) = of_list.iter().min() {
            list.push((first.clone(), chart.episode.id, of_list.len()));
        }
    }
    list.sort();
    list
}

fn summary(list: &[Group]) -> Vec<(Key, Uuid, usize)> {
    list.iter()
        .map(|group| {
            (
                group.place.key.clone(),
                group.place.episode,
                group.determinations.len(),
            )
        })
        .collect()
}

fn review(
    test: &TestDatabase,
    episode: Uuid,
    decision: ReviewDecision,
    deferred_until: Option<NaiveDate>,
) {
    let review = Review {
        id: new_id(),
        episode,
        decision,
        deferred_until,
        note: None,
        decided_by: "tester".into(),
        decided_at: crate::samples::instant(),
        undone_at: None,
    };
    test.database
        .write(move |tx| queries::reviews::insert(tx, OURS, &review))
        .unwrap();
}

on_each_database! {
    fn every_order_is_right_at_every_length_of_page(test: &TestDatabase) {
        let mut dice = Dice(51);
        let charts = fill(test, OURS, 40, &mut dice);
        fill(test, THEIRS, 10, &mut dice);
        for sort in SORTS {
            let expected = expected(test, &charts, sort, |_, _| true);
            assert!(expected.len() > 25);
            for limit in [1, 7, 1000] {
                assert_eq!(summary(&walk(test, &wanted(), sort, limit, || ())), expected, "{sort:?} by {limit}");
            }
        }
        let count = test.database.read(|tx| candidates::count(tx, OURS, &wanted())).unwrap();
        assert_eq!(usize::try_from(count).unwrap(), expected(test, &charts, Sort::Waiting, |_, _| true).len());
        let nothing = Filter::default();
        assert_eq!(page(test, &nothing, Sort::Waiting, None, 10).items, []);
        assert_eq!(test.database.read(|tx| candidates::count(tx, OURS, &nothing)).unwrap(), 0);
        let wrong = Cursor { key: Key::Number(1), episode: Uuid::nil() };
        let refused = test.database.read(|tx| candidates::page(tx, OURS, &wanted(), Sort::Waiting, Some(&wrong), 10));
        assert!(refused.is_err());
    }

    fn every_filter_means_what_it_says(test: &TestDatabase) {
        let mut dice = Dice(52);
        let charts = fill(test, OURS, 40, &mut dice);
        let identified = charts.iter().find(|chart| !chart.patient.value.identifiers.is_empty()).unwrap();
        let identifier = identified.patient.value.identifiers[0].value.clone();
        type Matches = Box<dyn Fn(&Chart, &Determination) -> bool>;
        let cases: Vec<(&str, Filter, Matches)> = vec![
            ("profile", Filter { profiles: Some(vec!["p1".into(), "p9".into()]), ..wanted() },
                Box::new(|_, one| one.judgement.profile == "p1")),
            ("no profile", Filter { profiles: Some(Vec::new()), ..wanted() }, Box::new(|_, _| false)),
            ("verdict", Filter { verdict: Some("meets".into()), ..wanted() },
                Box::new(|_, one| one.judgement.verdict == "meets")),
            ("region", Filter { region: Some(Region::Thoracic), ..wanted() },
                Box::new(|_, one| one.judgement.target.joint.code() == "T12-L1")),
            ("side", Filter { side: Some(Side::Left), ..wanted() },
                Box::new(|_, one| one.judgement.target.side == Side::Left)),
            ("operator", Filter { operator: Some("op-1".into()), ..wanted() },
                Box::new(|_, one| one.judgement.operator.as_deref() == Some("op-1"))),
            ("since", Filter { since: Some(day("2025-06-03")), ..wanted() },
                Box::new(|_, one| one.since >= day("2025-06-03"))),
            ("relief", Filter { relief_min_tenths: Some(500), ..wanted() },
                Box::new(|_, one| one.judgement.relief_tenths.is_some_and(|relief| relief >= 500))),
            ("name", Filter { q: Some(" aDa".into()), ..wanted() },
                Box::new(|chart, _| chart.patient.value.family_name.as_deref().is_some_and(|name| name.eq_ignore_ascii_case("adam")))),
            ("accents", Filter { q: Some("ÁDÁM".into()), ..wanted() },
                Box::new(|chart, _| chart.patient.value.family_name.as_deref() == Some("ádám"))),
            ("a wildcard is a letter", Filter { q: Some("%".into()), ..wanted() }, Box::new(|_, _| false)),
            ("identifier", Filter { q: Some(identifier.to_uppercase()), ..wanted() }, {
                let folded = identifier.to_uppercase().trim().to_lowercase();
                Box::new(move |chart, _| chart.patient.value.identifiers.iter().any(|one| one.value.to_lowercase() == folded))
            }),
            ("several", Filter { side: Some(Side::Right), profiles: Some(vec!["p2".into()]), ..wanted() },
                Box::new(|_, one| one.judgement.target.side == Side::Right && one.judgement.profile == "p2")),
        ];
        for (name, filter, matches) in cases {
            for sort in SORTS {
                let expected = expected(test, &charts, sort, &matches);
                assert_eq!(summary(&walk(test, &filter, sort, 4, || ())), expected, "{name} by {sort:?}");
                let count = test.database.read(|tx| candidates::count(tx, OURS, &filter)).unwrap();
                assert_eq!(usize::try_from(count).unwrap(), expected.len(), "{name}");
                let count = test.database.read(|tx| candidates::count_up_to(tx, OURS, &filter, 3)).unwrap();
                assert_eq!(usize::try_from(count).unwrap(), expected.len().min(3), "{name}");
            }
        }
    }

    fn a_decision_takes_an_episode_off_the_open_list_until_it_is_undone(test: &TestDatabase) {
        let mut dice = Dice(53);
        fill(test, OURS, 12, &mut dice);
        let open_on = |text: &str| -> BTreeSet<Uuid> {
            let filter = Filter { unreviewed_as_of: Some(day(text)), ..wanted() };
            let list = walk(test, &filter, Sort::Waiting, 3, || ());
            let count = test.database.read(|tx| candidates::count(tx, OURS, &filter)).unwrap();
            assert_eq!(usize::try_from(count).unwrap(), list.len());
            list.iter().map(|group| group.place.episode).collect()
        };
        let all = open_on("2025-06-10");
        let [referred, declined, deferred] = all.iter().copied().take(3).collect::<Vec<_>>().try_into().unwrap();
        review(test, referred, ReviewDecision::Referred, None);
        review(test, declined, ReviewDecision::Declined, None);
        review(test, deferred, ReviewDecision::Deferred, Some(day("2025-07-01")));
        let without = |gone: &[Uuid]| -> BTreeSet<Uuid> { all.iter().copied().filter(|one| !gone.contains(one)).collect() };
        assert_eq!(open_on("2025-06-30"), without(&[referred, declined, deferred]));
        assert_eq!(open_on("2025-07-01"), without(&[referred, declined]));
        // A later decision takes the place of an earlier one, and gives it back when it is undone.
        review(test, referred, ReviewDecision::Deferred, Some(day("2025-06-15")));
        assert_eq!(open_on("2025-07-01"), without(&[declined]));
        for _ in 0..2 {
            test.database.write(move |tx| queries::reviews::undo(tx, OURS, referred, crate::samples::later(1))).unwrap();
        }
        assert_eq!(open_on("2025-06-30"), without(&[declined, deferred]));
        let everything = walk(test, &wanted(), Sort::Waiting, 5, || ());
        assert_eq!(everything.len(), all.len());
        let decided = everything.iter().filter(|group| group.review.is_some()).count();
        assert_eq!(decided, 2);
    }

    fn pages_lose_and_repeat_nothing_while_others_write(test: &TestDatabase) {
        let mut dice = Dice(54);
        let charts = fill(test, OURS, 60, &mut dice);
        // Half of them are judged anew again and again while the list is read; new ones come too.
        let (still, moving) = charts.split_at(30);
        let still_there: Vec<BTreeSet<Uuid>> = SORTS.iter().map(|sort| {
            expected(test, still, *sort, |_, _| true).iter().map(|one| one.1).collect()
        }).collect();
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                let mut dice = Dice(55);
                let mut written = 0;
                while !done.load(Ordering::SeqCst) {
                    let chart = &moving[usize::try_from(dice.within(0, 29)).unwrap()];
                    let as_of = day("2025-06-01") + Days::new(u64::try_from(dice.within(0, 30)).unwrap());
                    let judged = judgements(&mut dice, chart.episode.id);
                    judge(test, OURS, chart, as_of, judged);
                    if written % 5 == 0 {
                        fill(test, OURS, 1, &mut dice);
                    }
                    written += 1;
                }
                written
            });
            for _ in 0..4 {
                for (sort, still_there) in SORTS.into_iter().zip(&still_there) {
                    let list = walk(test, &wanted(), sort, 3, || std::thread::sleep(std::time::Duration::from_millis(2)));
                    let places: Vec<&Cursor> = list.iter().map(|group| &group.place).collect();
                    assert!(places.windows(2).all(|pair| pair[0] < pair[1]), "{sort:?} went back");
                    let mut times: BTreeMap<Uuid, usize> = BTreeMap::new();
                    for place in places {
                        *times.entry(place.episode).or_default() += 1;
                    }
                    for episode in still_there {
                        assert_eq!(times.get(episode), Some(&1), "{sort:?} lost or repeated an episode that did not move");
                    }
                    // A page never shows a determination of another next step, nor an empty episode.
                    assert!(list.iter().all(|group| !group.determinations.is_empty()
                        && group.determinations.iter().all(|one| WANTED.contains(&one.judgement.next_step.as_str()))));
                }
            }
            done.store(true, Ordering::SeqCst);
            assert!(writer.join().unwrap() > 10, "nobody wrote meanwhile");
        });
    }
}
