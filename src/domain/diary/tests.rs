use super::*;
use crate::domain::anatomy::{Joint, Side, TreatedSide};
use crate::domain::block::{BlockKind, BlockTechnique};
use crate::domain::pain::Scale;

fn at(text: &str) -> DateTime<FixedOffset> {
    text.parse().unwrap()
}

fn block(side: TreatedSide) -> Block {
    Block {
        performed_at: at("2026-03-02T10:00:00-06:00"),
        kind: BlockKind::Diagnostic,
        technique: BlockTechnique::MedialBranch,
        joints: vec![Joint::from_code("L4-5").unwrap()],
        side,
        agent: None,
        concentration_thousandths: None,
        volume_microlitres_per_nerve: None,
        steroid: None,
        guidance: None,
        sedation: None,
        stated_relief: None,
        stated_relief_minutes: None,
        duration_minutes: None,
        operator: None,
        site: None,
        corrected_nerves: None,
        same_day_return: None,
    }
}

/// An answer given at once and sent at once, `minutes` after the injection.
fn answer(minutes: i64) -> Answer {
    let taken_at = block(TreatedSide::Left).performed_at + TimeDelta::minutes(minutes);
    Answer {
        taken_at,
        answered_at: taken_at,
        sent_at: taken_at,
        score: Score::new(Scale::Nrs, 30).unwrap(),
        side: Some(Side::Left),
        stated_relief: None,
        analgesic_taken: false,
    }
}

fn heard(answer: &Answer, now: DateTime<FixedOffset>) -> Result<Heard, Refusal> {
    let block = block(TreatedSide::Left);
    let linked = block.performed_at.with_timezone(&Utc);
    hear(answer, &block, linked, now.with_timezone(&Utc))
}

fn is_from_memory(heard: &Heard, now: DateTime<FixedOffset>) -> bool {
    heard.row.is_retrospective(now.with_timezone(&Utc))
}

#[test]
fn it_asks_when_the_handbook_says() {
    let all: Vec<Slot> = slots().collect();
    assert_eq!(all.len(), 4 + 7 + 14);
    assert!(DUE_MINUTES.is_sorted());
    assert_eq!(all[3].minutes, 60);
    assert_eq!(all[10].minutes, FIRST_PART_MINUTES);
    assert_eq!(all[24].minutes, 14 * 24 * 60);
    for pair in all.windows(2) {
        assert_eq!(pair[0].to_seconds, pair[1].from_seconds);
    }
}

#[test]
fn an_answer_belongs_to_the_nearest_time() {
    let performed = block(TreatedSide::Left).performed_at;
    let of = |seconds: i64| {
        slot_of(performed, performed + TimeDelta::seconds(seconds)).map(|slot| slot.minutes)
    };
    assert_eq!(of(7 * 60), None);
    assert_eq!(of(450), Some(15));
    assert_eq!(of(22 * 60 + 29), Some(15));
    assert_eq!(of(22 * 60 + 30), Some(30));
    assert_eq!(of(90 * 60), Some(120));
    assert_eq!(of(15 * 3600), Some(480));
    assert_eq!(of(20 * 3600), Some(1440));
    assert_eq!(of((14 * 24 + 12) * 3600 - 1), Some(20_160));
    assert_eq!(of((14 * 24 + 12) * 3600), None);
}

#[test]
fn a_time_is_answered_once_each_side_is() {
    let block = block(TreatedSide::Bilateral);
    let mut left = heard(&answer(15), at("2026-03-02T10:15:00-06:00"))
        .unwrap()
        .row;
    assert_eq!(answered(&block, [&left]), []);
    let mut right = left.clone();
    right.side = Some(Side::Right);
    assert_eq!(answered(&block, [&left, &right])[0].minutes, 15);
    left.side = None;
    assert_eq!(answered(&block, [&left]).len(), 1);
}

#[test]
fn nobody_is_woken_after_the_first_hours() {
    let slot = |minutes| slots().find(|slot| slot.minutes == minutes).unwrap();
    let at_night = at("2026-03-02T22:30:10-06:00");
    assert_eq!(
        remind_at(slot(60), at_night),
        at("2026-03-02T23:30:10-06:00")
    );
    assert_eq!(
        remind_at(slot(480), at_night),
        at("2026-03-03T06:30:10-06:00")
    );
    assert_eq!(
        remind_at(slot(1440), at_night),
        at("2026-03-04T07:00:00-06:00")
    );
    let early = at("2026-03-02T06:59:59-06:00");
    assert_eq!(
        remind_at(slot(1440), early),
        at("2026-03-03T07:00:00-06:00")
    );
    let by_day = at("2026-03-02T10:00:00-06:00");
    assert_eq!(
        remind_at(slot(1440), by_day),
        at("2026-03-03T10:00:00-06:00")
    );
}

#[test]
fn an_answer_that_waited_on_the_phone_is_not_from_memory() {
    let mut given = answer(60);
    let online = at("2026-03-05T12:00:00-06:00");
    given.sent_at = online;
    let heard = heard(&given, online).unwrap();
    assert_eq!(heard.row.taken_at, given.taken_at);
    assert_eq!(heard.clock_ahead, None);
    assert!(!is_from_memory(&heard, online));
}

#[test]
fn an_answer_long_after_its_time_is_from_memory() {
    for (late, expected) in [(59, false), (60, false), (61, true), (600, true)] {
        let mut given = answer(60);
        given.answered_at += TimeDelta::minutes(late);
        given.sent_at = given.answered_at;
        let now = given.sent_at;
        let heard = heard(&given, now).unwrap();
        assert_eq!(is_from_memory(&heard, now), expected, "{late}");
    }
}

#[test]
fn a_clock_that_is_off_is_moved_by_as_much() {
    let now = at("2026-03-02T12:00:00-06:00");
    for off in [
        TimeDelta::hours(-7),
        TimeDelta::minutes(3),
        TimeDelta::days(400),
    ] {
        let mut given = answer(60);
        given.taken_at += off;
        given.answered_at += off;
        given.sent_at = now + off;
        let heard = heard(&given, now).unwrap();
        assert_eq!(heard.row.taken_at, answer(60).taken_at, "{off}");
        assert_eq!(heard.clock_ahead, Some(off));
    }
    let mut given = answer(60);
    given.sent_at = now + TimeDelta::minutes(2);
    assert_eq!(heard(&given, now).unwrap().clock_ahead, None);
}

#[test]
fn nothing_lies_in_the_future() {
    let now = at("2026-03-02T11:00:00-06:00");
    let mut given = answer(60);
    given.taken_at = now + TimeDelta::days(1);
    given.answered_at = now + TimeDelta::minutes(1);
    given.sent_at = now;
    let row = heard(&given, now).unwrap().row;
    assert_eq!(
        (row.taken_at, row.answered_at),
        (now, Some(now.with_timezone(&Utc)))
    );
}

#[test]
fn what_no_time_can_be_made_of_is_refused() {
    let now = at("2026-03-30T11:00:00-06:00");
    let mut given = answer(0);
    given.sent_at = now;
    assert_eq!(heard(&given, now), Err(Refusal::BeforeInjection));
    given = answer(-60 * 24 * 30);
    given.sent_at = now;
    assert_eq!(heard(&given, now), Err(Refusal::BeforeLink));
    given = answer(15 * 24 * 60);
    given.sent_at = now;
    assert_eq!(heard(&given, now), Err(Refusal::AfterDiary));
    given = answer(15);
    given.sent_at = now;
    given.side = Some(Side::Right);
    assert_eq!(heard(&given, now), Err(Refusal::Side));
    given.side = None;
    assert!(heard(&given, now).is_ok());
    let both = block(TreatedSide::Bilateral);
    let linked = both.performed_at.with_timezone(&Utc);
    let both = hear(&given, &both, linked, now.with_timezone(&Utc));
    assert_eq!(both, Err(Refusal::Side));
    given.sent_at = DateTime::<Utc>::MAX_UTC.fixed_offset();
    given.answered_at = DateTime::<Utc>::MIN_UTC.fixed_offset();
    assert_eq!(heard(&given, now), Err(Refusal::BeforeLink));
}
