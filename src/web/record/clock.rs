//! Times as they are typed, on the clock of the clinic, and as they are stored, with their offset from UTC.

use chrono::{DateTime, FixedOffset, LocalResult, NaiveDateTime, Offset, TimeZone};
use chrono_tz::Tz;

/// Why a typed time is no instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// It is no time at all.
    Unreadable,
    /// The clock was set forward over it.
    Never,
    /// The clock was set back, so that it came twice.
    Twice,
}

impl Trouble {
    /// A stable code and what to do.
    pub(super) fn words(self, zone: Tz) -> (&'static str, String) {
        match self {
            Trouble::Unreadable => (
                "invalid_time",
                "Expected a day and a time, as 2025-09-08 09:00.".to_owned(),
            ),
            Trouble::Never => (
                "no_such_time",
                format!(
                    "On that day the clock was set forward over this time in {zone}: it did not exist."
                ),
            ),
            Trouble::Twice => (
                "doubled_time",
                format!(
                    "On that day the clock was set back, and this time came twice in {zone}: choose which of the two it was."
                ),
            ),
        }
    }
}

/// The day and time in a text, as a browser sends them or as one types them.
pub(super) fn local(text: &str) -> Option<NaiveDateTime> {
    const SHAPES: [&str; 4] = [
        "%Y-%m-%dT%H:%M",
        "%Y-%m-%dT%H:%M:%S%.f",
        "%Y-%m-%d %H:%M",
        "%Y-%m-%d %H:%M:%S%.f",
    ];
    SHAPES
        .into_iter()
        .find_map(|shape| NaiveDateTime::parse_from_str(text, shape).ok())
}

/// The instants at which the clock of `zone` showed `local`, the first one first.
pub(super) fn instants(local: NaiveDateTime, zone: Tz) -> Vec<DateTime<FixedOffset>> {
    let fixed = |instant: DateTime<Tz>| instant.fixed_offset();
    match zone.from_local_datetime(&local) {
        LocalResult::None => Vec::new(),
        LocalResult::Single(one) => vec![fixed(one)],
        LocalResult::Ambiguous(first, second) => vec![fixed(first), fixed(second)],
    }
}

/// An offset as it is written, `-05:00`.
pub(super) fn offset(text: &str) -> Option<FixedOffset> {
    let sample = format!("2000-01-01T00:00:00{text}");
    DateTime::parse_from_rfc3339(&sample)
        .ok()
        .map(|instant| instant.offset().fix())
}

/// Reads a time on the clock of `zone`, or of the offset where one is given.
pub(super) fn read(text: &str, with: &str, zone: Tz) -> Result<DateTime<FixedOffset>, Trouble> {
    let local = local(text).ok_or(Trouble::Unreadable)?;
    if let Some(offset) = offset(with) {
        return local
            .and_local_timezone(offset)
            .single()
            .ok_or(Trouble::Unreadable);
    }
    match instants(local, zone).as_slice() {
        [] => Err(Trouble::Never),
        [one] => Ok(*one),
        _ => Err(Trouble::Twice),
    }
}

/// A time as it is shown in a field, and its offset where the clock of `zone` alone would not lead back to it.
pub(super) fn write(instant: DateTime<FixedOffset>, zone: Tz) -> (String, String) {
    let local = instant.naive_local();
    let whole_minute = local.and_utc().timestamp_micros() % 60_000_000 == 0;
    let shape = if whole_minute {
        "%Y-%m-%dT%H:%M"
    } else {
        "%Y-%m-%dT%H:%M:%S%.f"
    };
    let text = local.format(shape).to_string();
    let same = |found: &DateTime<FixedOffset>| found.offset() == instant.offset();
    let alone = match instants(local, zone).as_slice() {
        [one] => same(one),
        _ => false,
    };
    let offset = if alone {
        String::new()
    } else {
        instant.offset().to_string()
    };
    (text, offset)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono_tz::{America, Europe, UTC};
    use proptest::prelude::*;

    #[test]
    fn the_hour_that_came_twice_is_asked_about() {
        let typed = "2025-10-26T02:30";
        assert_eq!(read(typed, "", Europe::Berlin), Err(Trouble::Twice));
        let second = read(typed, "+01:00", Europe::Berlin).unwrap();
        assert_eq!(second.to_rfc3339(), "2025-10-26T02:30:00+01:00");
        assert_eq!(
            write(second, Europe::Berlin),
            (typed.to_owned(), "+01:00".to_owned())
        );
    }

    #[test]
    fn the_hour_that_never_was_is_refused() {
        let typed = "2025-03-30T02:30";
        assert_eq!(read(typed, "", Europe::Berlin), Err(Trouble::Never));
        assert!(Trouble::Never.words(Europe::Berlin).1.contains("forward"));
    }

    #[test]
    fn a_time_is_on_the_clock_of_the_clinic() {
        let read = |text| read(text, "", America::Chicago).map(|at| at.to_rfc3339());
        assert_eq!(
            read("2025-09-08T09:00").unwrap(),
            "2025-09-08T09:00:00-05:00"
        );
        assert_eq!(
            read("2025-12-08 09:00").unwrap(),
            "2025-12-08T09:00:00-06:00"
        );
        assert_eq!(read("yesterday"), Err(Trouble::Unreadable));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(micros in 0_i64..4_000_000_000_000_000, minutes in -840_i32..=840) {
            let offset = FixedOffset::east_opt(minutes * 60).unwrap();
            let instant = DateTime::from_timestamp_micros(micros).unwrap().with_timezone(&offset);
            for zone in [UTC, Europe::Berlin, America::Chicago] {
                for instant in [instant, instant.with_timezone(&zone).fixed_offset()] {
                    let (text, with) = write(instant, zone);
                    let again = read(&text, &with, zone).unwrap();
                    prop_assert_eq!((again, again.offset()), (instant, instant.offset()));
                }
            }
        }
    }
}
