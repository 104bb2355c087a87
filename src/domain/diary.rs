//! The pain diary after a block: when it asks (handbook, section 3), which answer belongs to which time, and how an
//! answer's times are read that a phone wrote down.

use super::block::Block;
use super::pain::{Context, Percent, ReportedBy, Score, ScoreRow};
use super::vocabulary::vocabulary;
use chrono::{DateTime, FixedOffset, TimeDelta, Timelike, Utc};

/// Minutes after the injection at which the diary asks: every 15 minutes for an hour, hourly to 8 hours, daily for two
/// weeks.
pub const DUE_MINUTES: [i64; 25] = [
    15, 30, 45, 60, 120, 180, 240, 300, 360, 420, 480, 1440, 2880, 4320, 5760, 7200, 8640, 10_080,
    11_520, 12_960, 14_400, 15_840, 17_280, 18_720, 20_160,
];

/// The last minute of the first, close part of the diary, in which medicine for pain is best left out and reminders
/// come at any hour.
pub const FIRST_PART_MINUTES: i64 = 480;

/// The first hour of the diary is over so many minutes after the injection: who has answered none of its times by then is
/// late, and can still be reminded of the rest.
pub const OVERDUE_MINUTES: i64 = 90;

/// A link to a diary works for so long: the two weeks of the diary and a day for what is sent late.
pub const LINK_LIFETIME: TimeDelta = TimeDelta::days(15);

/// How far a phone's clock may be off before its times are moved by the difference.
pub const CLOCK_FORGIVEN: TimeDelta = TimeDelta::minutes(2);

vocabulary! {
    /// A language that the diary speaks.
    Language {
        /// English.
        English = "en", "English";
        /// Spanish.
        Spanish = "es", "Español";
    }
}

vocabulary! {
    /// How a patient is reminded.
    RemindBy {
        /// The clinic's own system is told by a web request, and tells the patient in its own way.
        Webhook = "webhook", "a webhook";
        /// By e-mail.
        Email = "email", "e-mail";
    }
}

/// One time at which the diary asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    /// Minutes after the injection.
    pub minutes: i64,
    /// An answer from this instant on, in seconds after the injection, is nearer to this time than to the one before.
    pub from_seconds: i64,
    /// An answer before this instant is nearer to this time than to the next one.
    pub to_seconds: i64,
}

impl Slot {
    /// The instant at which it asks, after a block.
    #[must_use]
    pub fn due_at(self, performed_at: DateTime<FixedOffset>) -> DateTime<FixedOffset> {
        performed_at + TimeDelta::minutes(self.minutes)
    }

    /// The instant after which it is too late for it.
    #[must_use]
    pub fn ends_at(self, performed_at: DateTime<FixedOffset>) -> DateTime<FixedOffset> {
        performed_at + TimeDelta::seconds(self.to_seconds)
    }
}

/// Every time at which the diary asks, in order. Each reaches half way to its neighbours.
pub fn slots() -> impl Iterator<Item = Slot> {
    DUE_MINUTES.iter().enumerate().map(|(place, minutes)| {
        let before = place
            .checked_sub(1)
            .and_then(|place| DUE_MINUTES.get(place))
            .copied()
            .unwrap_or(0);
        let after = DUE_MINUTES
            .get(place.saturating_add(1))
            .copied()
            .unwrap_or(minutes + (minutes - before));
        Slot {
            minutes: *minutes,
            from_seconds: (before + minutes) * 30,
            to_seconds: (minutes + after) * 30,
        }
    })
}

/// The time that an answer belongs to; `None` before the first and after the last.
#[must_use]
pub fn slot_of(
    performed_at: DateTime<FixedOffset>,
    taken_at: DateTime<FixedOffset>,
) -> Option<Slot> {
    let seconds = (taken_at - performed_at).num_seconds();
    slots().find(|slot| (slot.from_seconds..slot.to_seconds).contains(&seconds))
}

/// The times of a block that are answered: on each treated side.
#[must_use]
pub fn answered<'s>(block: &Block, rows: impl IntoIterator<Item = &'s ScoreRow>) -> Vec<Slot> {
    let rows: Vec<&ScoreRow> = rows.into_iter().collect();
    let is_answered = |slot: &Slot| {
        let in_slot = |row: &&&ScoreRow| slot_of(block.performed_at, row.taken_at) == Some(*slot);
        let sides: Vec<_> = rows.iter().filter(in_slot).map(|row| row.side).collect();
        block
            .sides()
            .iter()
            .all(|side| sides.contains(&Some(*side)) || sides.contains(&None))
    };
    slots().filter(is_answered).collect()
}

/// The instant at which to remind of a time: at that time; at night, once the close part is over, in the morning after
/// it. Night is from 22 to 7 o'clock by the clock of the block.
#[must_use]
pub fn remind_at(slot: Slot, performed_at: DateTime<FixedOffset>) -> DateTime<FixedOffset> {
    let due = slot.due_at(performed_at);
    let hour = due.hour();
    if slot.minutes <= FIRST_PART_MINUTES || (7..22).contains(&hour) {
        return due;
    }
    let hours_to_morning = if hour >= 22 { 31 - hour } else { 7 - hour };
    let full_hour = due - TimeDelta::seconds(i64::from(due.num_seconds_from_midnight() % 3600));
    full_hour + TimeDelta::hours(i64::from(hours_to_morning))
}

/// An answer as a phone sent it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The time that is rated.
    pub taken_at: DateTime<FixedOffset>,
    /// When the patient answered, by the phone's clock.
    pub answered_at: DateTime<FixedOffset>,
    /// When the phone sent it, by the same clock.
    pub sent_at: DateTime<FixedOffset>,
    /// The score.
    pub score: Score,
    /// The side that was rated.
    pub side: Option<super::anatomy::Side>,
    /// Relief as the patient states it.
    pub stated_relief: Option<Percent>,
    /// Whether medicine for pain was taken.
    pub analgesic_taken: bool,
}

vocabulary! {
    /// Why an answer is not kept. Sending it again will not help.
    Refusal {
        /// Its time lies before the injection: it would be taken for the pain before the block.
        BeforeInjection = "before_injection", "before the injection";
        /// It was answered before the link was made, by a clock that is off in a way that cannot be mended.
        BeforeLink = "before_link", "before the link was made";
        /// Its time lies after the two weeks.
        AfterDiary = "after_diary", "after the diary's end";
        /// The side was not treated, or the sides are to be told apart.
        Side = "side", "the wrong side";
        /// It lies before the onset of the pain.
        BeforeEpisode = "before_episode", "before the onset of the pain";
        /// The diary holds as many answers as it may.
        TooMany = "too_many", "too many answers";
    }
}

/// An answer whose times are ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// The row to record.
    pub row: ScoreRow,
    /// How far the phone's clock was ahead of ours, where that was more than is forgiven; the times were moved by it.
    pub clock_ahead: Option<TimeDelta>,
}

/// Reads an answer that arrived at `now`, through a link made at `linked_at`.
///
/// A phone is believed as far as it can be checked. The moment of sending tells how far its clock is off, and the other
/// two times are moved by as much; what then still lies in the future is taken to be now, and nobody rates a time
/// that had not come. A score that waited on the phone until it was online is as good as one sent at once: what
/// makes an answer one from memory is the time between what it rates and when it was answered.
///
/// # Errors
/// [`Refusal`] where no time can be made of it that may be recorded.
pub fn hear(
    answer: &Answer,
    block: &Block,
    linked_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Heard, Refusal> {
    let ahead = answer.sent_at.with_timezone(&Utc) - now;
    let clock_ahead = (ahead.abs() > CLOCK_FORGIVEN).then_some(ahead);
    let moved = |at: DateTime<FixedOffset>| {
        let moved = clock_ahead.map_or(Some(at), |ahead| at.checked_sub_signed(ahead));
        moved.map(|at| at.min(now.with_timezone(at.offset())))
    };
    let answered_at = moved(answer.answered_at).ok_or(Refusal::BeforeLink)?;
    let taken_at = moved(answer.taken_at)
        .ok_or(Refusal::BeforeInjection)?
        .min(answered_at.with_timezone(answer.taken_at.offset()));
    if answered_at < linked_at - CLOCK_FORGIVEN {
        return Err(Refusal::BeforeLink);
    }
    // At the instant of the injection a score would count as the one before it.
    if taken_at <= block.performed_at {
        return Err(Refusal::BeforeInjection);
    }
    let last = slots().last().map_or(0, |slot| slot.to_seconds);
    if (taken_at - block.performed_at).num_seconds() > last {
        return Err(Refusal::AfterDiary);
    }
    let several = block.sides().len() > 1;
    let fits = match answer.side {
        Some(side) => block.side.covers(side),
        None => !several,
    };
    if !fits {
        return Err(Refusal::Side);
    }
    let row = ScoreRow {
        taken_at,
        score: answer.score,
        context: Context::Movement,
        side: answer.side,
        stated_relief: answer.stated_relief,
        analgesic_taken: answer.analgesic_taken,
        reported_by: Some(ReportedBy::Patient),
        answered_at: Some(answered_at.with_timezone(&Utc)),
    };
    Ok(Heard { row, clock_ahead })
}

#[cfg(test)]
mod tests;
