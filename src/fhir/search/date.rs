//! Days and instants at any precision: each stands for the time from its first to its last microsecond, and a search
//! compares two such times.

use chrono::{DateTime, Days, Months, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};
use serde_json::Value;

/// How a value is compared with what is searched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Prefix {
    /// `eq`: within what is searched for.
    Equal,
    /// `ne`: not within it.
    Other,
    /// `gt`: part of it is after.
    Greater,
    /// `lt`: part of it is before.
    Less,
    /// `ge`: within or after.
    GreaterOrEqual,
    /// `le`: within or before.
    LessOrEqual,
    /// `sa`: all of it is after.
    After,
    /// `eb`: all of it is before.
    Before,
    /// `ap`: near.
    About,
}

impl Prefix {
    /// Splits the prefix from a value; without one it is `eq`.
    pub(super) fn split(text: &str) -> (Prefix, &str) {
        let known = text.split_at_checked(2).and_then(|(prefix, rest)| {
            let prefix = match prefix {
                "eq" => Prefix::Equal,
                "ne" => Prefix::Other,
                "gt" => Prefix::Greater,
                "lt" => Prefix::Less,
                "ge" => Prefix::GreaterOrEqual,
                "le" => Prefix::LessOrEqual,
                "sa" => Prefix::After,
                "eb" => Prefix::Before,
                "ap" => Prefix::About,
                _ => return None,
            };
            Some((prefix, rest))
        });
        known.unwrap_or((Prefix::Equal, text))
    }

    /// Whether `value` is to `wanted` as the prefix says; both from their first to their last unit.
    pub(super) fn compares(self, value: (i64, i64), wanted: (i64, i64), near: i64) -> bool {
        let within = wanted.0 <= value.0 && value.1 <= wanted.1;
        match self {
            Prefix::Equal => within,
            Prefix::Other => !within,
            Prefix::Greater => value.1 > wanted.1,
            Prefix::Less => value.0 < wanted.0,
            Prefix::GreaterOrEqual => within || value.1 > wanted.1,
            Prefix::LessOrEqual => within || value.0 < wanted.0,
            Prefix::After => value.0 > wanted.1,
            Prefix::Before => value.1 < wanted.0,
            Prefix::About => {
                value.0 <= wanted.1.saturating_add(near) && value.1 >= wanted.0.saturating_sub(near)
            }
        }
    }
}

/// A day or an instant as it is written: the clock where it was, and how far that is from UTC where it says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment {
    /// First and last microsecond on the clock where it was.
    clock: (i64, i64),
    /// Microseconds that this clock is ahead of UTC.
    ahead: Option<i64>,
}

impl Moment {
    /// Reads a year, a month, a day, or an instant to the minute, the second or finer.
    pub(super) fn read(text: &str) -> Option<Moment> {
        let Some((day, rest)) = text.split_once('T') else {
            return Some(Moment {
                clock: days(text)?,
                ahead: None,
            });
        };
        let (time, ahead) = zone(rest)?;
        let (time, lasts) = time_of_day(time)?;
        let first = micros(date(day)?.and_time(time));
        Some(Moment {
            clock: (first, first.checked_add(lasts)?.checked_sub(1)?),
            ahead,
        })
    }

    /// Microseconds in UTC; a day without a zone is taken as one of UTC.
    fn in_utc(self) -> (i64, i64) {
        let ahead = self.ahead.unwrap_or(0);
        (
            self.clock.0.saturating_sub(ahead),
            self.clock.1.saturating_sub(ahead),
        )
    }
}

/// From when to when something was, on the clock where it was and in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lasting {
    clock: (i64, i64),
    utc: (i64, i64),
}

impl Lasting {
    /// Of a date, an instant or a period of a resource.
    pub(super) fn of(value: &Value) -> Option<Lasting> {
        if let Some(text) = value.as_str() {
            let moment = Moment::read(text)?;
            return Some(Lasting {
                clock: moment.clock,
                utc: moment.in_utc(),
            });
        }
        let end = |name: &str| value.get(name).and_then(Lasting::of);
        let (start, end) = (end("start"), end("end"));
        if start.is_none() && end.is_none() {
            return None;
        }
        let first = start.map_or((i64::MIN, i64::MIN), |it| (it.clock.0, it.utc.0));
        let last = end.map_or((i64::MAX, i64::MAX), |it| (it.clock.1, it.utc.1));
        Some(Lasting {
            clock: (first.0, last.0),
            utc: (first.1, last.1),
        })
    }

    /// When it began, in microseconds of UTC.
    pub(super) fn began(self) -> i64 {
        self.utc.0
    }
}

/// A time that is searched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct WantedTime {
    pub(super) prefix: Prefix,
    moment: Moment,
    /// How far off is near: a tenth of the time between then and now.
    near: i64,
}

impl WantedTime {
    /// Reads `ge2025-09`.
    pub(super) fn read(text: &str, now: DateTime<Utc>) -> Option<WantedTime> {
        let (prefix, text) = Prefix::split(text);
        // A plus sign in an address that was not encoded is read as a space.
        let moment = Moment::read(&text.replace(' ', "+"))?;
        let (first, last) = moment.in_utc();
        let now = now.timestamp_micros();
        let distance = if now < first {
            first.saturating_sub(now)
        } else {
            now.saturating_sub(last).max(0)
        };
        Some(WantedTime {
            prefix,
            moment,
            near: distance / 10,
        })
    }

    /// Whether `value` is when it is searched for. What names no zone is compared with the clock where the value was: a score of
    /// the evening of the 8th is one of the 8th, whatever the date in UTC was.
    pub(super) fn fits(&self, value: Lasting) -> bool {
        if self.moment.ahead.is_some() {
            let wanted = self.moment.in_utc();
            self.prefix.compares(value.utc, wanted, self.near)
        } else {
            self.prefix
                .compares(value.clock, self.moment.clock, self.near)
        }
    }

    /// The first and the last microsecond of UTC that may fit, for values of which the clock is that of UTC.
    pub(super) fn bounds(&self) -> (Option<i64>, Option<i64>) {
        let (first, last) = self.moment.in_utc();
        match self.prefix {
            Prefix::Equal => (Some(first), Some(last)),
            Prefix::Greater | Prefix::After => (Some(last), None),
            Prefix::GreaterOrEqual => (Some(first), None),
            Prefix::Less | Prefix::Before => (None, Some(first)),
            Prefix::LessOrEqual => (None, Some(last)),
            Prefix::Other | Prefix::About => (None, None),
        }
    }
}

fn micros(at: NaiveDateTime) -> i64 {
    at.and_utc().timestamp_micros()
}

fn number(text: &str, digits: usize) -> Option<u32> {
    let is_number = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

fn date(text: &str) -> Option<NaiveDate> {
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let year = i32::try_from(number(year, 4)?).ok()?;
    NaiveDate::from_ymd_opt(year, number(month, 2)?, number(day, 2)?)
}

/// The first and the last microsecond of a year, a month or a day.
fn days(text: &str) -> Option<(i64, i64)> {
    let midnight = |day: NaiveDate| micros(day.and_time(NaiveTime::MIN));
    let (first, next) = match text.len() {
        4 => {
            let first = date(&format!("{text}-01-01"))?;
            (first, first.checked_add_months(Months::new(12))?)
        }
        7 => {
            let first = date(&format!("{text}-01"))?;
            (first, first.checked_add_months(Months::new(1))?)
        }
        _ => {
            let first = date(text)?;
            (first, first.checked_add_days(Days::new(1))?)
        }
    };
    Some((midnight(first), midnight(next).checked_sub(1)?))
}

/// Splits the zone from a time: how many microseconds it is ahead of UTC.
fn zone(text: &str) -> Option<(&str, Option<i64>)> {
    if let Some(time) = text.strip_suffix('Z') {
        return Some((time, Some(0)));
    }
    let Some(place) = text.rfind(['+', '-']) else {
        return Some((text, None));
    };
    let (time, zone) = text.split_at_checked(place)?;
    let (sign, offset) = zone.split_at_checked(1)?;
    let (hours, minutes) = offset.split_once(':')?;
    let (hours, minutes) = (number(hours, 2)?, number(minutes, 2)?);
    if hours > 14 || minutes > 59 {
        return None;
    }
    let ahead = i64::from(hours * 60 + minutes) * 60 * 1_000_000;
    Some((time, Some(if sign == "-" { -ahead } else { ahead })))
}

/// A time of day and how many microseconds it stands for.
fn time_of_day(text: &str) -> Option<(NaiveTime, i64)> {
    const MINUTE: i64 = 60_000_000;
    const SECOND: i64 = 1_000_000;
    let (whole, fraction) = match text.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (text, None),
    };
    let mut parts = whole.split(':');
    let (hours, minutes) = (number(parts.next()?, 2)?, number(parts.next()?, 2)?);
    let seconds = match parts.next() {
        Some(seconds) => Some(number(seconds, 2)?),
        None => None,
    };
    if parts.next().is_some() {
        return None;
    }
    let time = NaiveTime::from_hms_opt(hours, minutes, seconds.unwrap_or(0))?;
    let Some(fraction) = fraction else {
        return Some((time, if seconds.is_some() { SECOND } else { MINUTE }));
    };
    seconds?;
    let is_number = !fraction.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number {
        return None;
    }
    // What is finer than a microsecond makes no difference to what is recorded.
    let kept: String = fraction.chars().take(6).collect();
    let digits = u32::try_from(kept.len()).ok()?;
    let unit = 10_i64.checked_pow(6 - digits)?;
    let micros = kept.parse::<i64>().ok()?.checked_mul(unit)?;
    let (time, _) = time.overflowing_add_signed(TimeDelta::microseconds(micros));
    Some((time, unit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn fits(wanted: &str, value: &Value) -> bool {
        let now = "2026-01-01T00:00:00Z".parse().unwrap();
        let wanted = WantedTime::read(wanted, now).unwrap_or_else(|| panic!("{wanted}"));
        wanted.fits(Lasting::of(value).unwrap_or_else(|| panic!("{value}")))
    }

    #[test]
    fn each_prefix_compares_times_by_their_precision() {
        let day = json!("2025-09-08");
        for yes in [
            "2025",
            "2025-09",
            "2025-09-08",
            "ne2025-09-08T10:00",
            "gt2025-09-07",
            "lt2025-09-09",
            "ge2025-09-08",
            "le2025-09",
            "ge2025-09",
            "sa2025-08",
            "eb2025-10",
            "gt2025-09-08T10:00",
            "lt2025-09-08T10:00",
            "ap2025-09-10",
        ] {
            assert!(fits(yes, &day), "{yes}");
        }
        for no in [
            "2024",
            "2025-08",
            "2025-09-09",
            "ne2025",
            "gt2025-09-08",
            "gt2025",
            "lt2025-09-08",
            "ge2025-09-09",
            "le2025-08",
            "sa2025-09-08",
            "eb2025",
            "sa2025-09-08T10:00",
            "2025-09-08T10:00",
            "ap2020",
            "ap2025-10",
        ] {
            assert!(!fits(no, &day), "{no}");
        }
    }

    #[test]
    fn without_a_zone_the_clock_of_the_value_counts() {
        let evening = json!("2025-09-08T23:00:00-05:00");
        for yes in [
            "2025-09-08",
            "2025-09-08T23:00",
            "2025-09-08T23:00:00",
            "2025-09-09T04:00:00Z",
            "2025-09-09T06:00:00 02:00",
            "2025-09-09T04:00Z",
            "gt2025-09-09T03:59:59Z",
            "lt2025-09-09T04:00:01.5Z",
        ] {
            assert!(fits(yes, &evening), "{yes}");
        }
        for no in [
            "2025-09-09",
            "2025-09-08T23:00:00Z",
            "ge2025-09-09",
            "2025-09-09T04:00:00.5Z",
        ] {
            assert!(!fits(no, &evening), "{no}");
        }
    }

    #[test]
    fn a_period_lasts_from_its_start_to_its_end() {
        let period = json!({"start": "2025-09-08T09:00:00Z", "end": "2025-09-08T09:20:00Z"});
        assert!(fits("2025-09-08", &period));
        assert!(fits("gt2025-09-08T09:10:00Z", &period));
        assert!(!fits("2025-09-08T09:00", &period));
        let open = json!({"start": "2025-09-08"});
        assert!(fits("gt2030", &open));
        assert!(!fits("eb2030", &open));
        assert_eq!(Lasting::of(&json!({})), None);
    }

    #[test]
    fn what_is_no_date_is_not_read() {
        for text in [
            "",
            "25",
            "2025-13",
            "2025-02-30",
            "2025-9-8",
            "2025-09-08T",
            "2025-09-08T9:00",
            "2025-09-08T09",
            "2025-09-08T09:00:00.Z",
            "2025-09-08T25:00",
            "2025-09-08T09:00+5:00",
            "xx2025",
            "2025-09-08T09:00+99:00",
            "2025-09-08-01",
            "２０２５",
        ] {
            let now = DateTime::UNIX_EPOCH;
            assert_eq!(WantedTime::read(text, now), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(eq|gt|ap)?[0-9T:.Z+-]{0,30}|.{0,12}") {
            let _ = WantedTime::read(&text, DateTime::UNIX_EPOCH);
        }
    }
}
