//! The axis of time since an injection: readable from the first quarter of an hour to two weeks.

use chrono::TimeDelta;

/// Where the scale changes: minutes, and how far from the injection that is drawn, in units of the axis.
const KNOTS: [(i64, i64); 6] = [
    (0, 0),
    (60, 260),
    (480, 620),
    (1_440, 760),
    (20_160, 1_060),
    (LONGEST_MINUTES, 1_160),
];

/// Scores later than this after the injection are told in words and not drawn.
pub(super) const LONGEST_MINUTES: i64 = 40_320;

/// The ends that an axis may have, in minutes.
const ENDS: [i64; 10] = [
    60,
    120,
    240,
    480,
    720,
    1_440,
    4_320,
    10_080,
    20_160,
    LONGEST_MINUTES,
];

/// The places with a label, in minutes: those of the first row before those of the next where room is short.
const LABELS: [&[(i64, &str)]; 3] = [
    &[
        (0, "0"),
        (60, "1 h"),
        (480, "8 h"),
        (1_440, "1 d"),
        (20_160, "14 d"),
        (LONGEST_MINUTES, "28 d"),
    ],
    &[
        (30, "30 min"),
        (120, "2 h"),
        (240, "4 h"),
        (720, "12 h"),
        (4_320, "3 d"),
        (10_080, "7 d"),
    ],
    &[
        (15, "15"),
        (45, "45"),
        (180, "3 h"),
        (300, "5 h"),
        (360, "6 h"),
        (420, "7 h"),
        (2_880, "2 d"),
        (14_400, "10 d"),
    ],
];

/// The axis up to one of its ends.
#[derive(Debug, Clone, Copy)]
pub(super) struct TimeAxis {
    end: i64,
}

impl TimeAxis {
    /// The shortest axis that holds `latest`.
    pub(super) fn up_to(latest: TimeDelta) -> TimeAxis {
        let minutes = latest.num_minutes();
        let end = ENDS.into_iter().find(|end| *end >= minutes);
        TimeAxis {
            end: end.unwrap_or(LONGEST_MINUTES),
        }
    }

    /// Whether a time since the injection is drawn.
    pub(super) fn holds(self, time: TimeDelta) -> bool {
        time.num_minutes() <= self.end
    }

    /// Units from the injection to `time`; what lies beyond the axis is put at its end.
    pub(super) fn place(self, time: TimeDelta) -> i32 {
        place(time.num_minutes().clamp(0, self.end))
    }

    /// Units from the injection to the end.
    pub(super) fn length(self) -> i32 {
        place(self.end)
    }

    /// The places with a label, in units, most important first.
    pub(super) fn labels(self) -> impl Iterator<Item = (i32, &'static str)> {
        let end = self.end;
        let all = LABELS.into_iter().flatten().copied();
        let (last, others): (Vec<_>, Vec<_>) = all
            .filter(|(minutes, _)| *minutes <= end)
            .partition(|(minutes, _)| *minutes == end || *minutes == 0);
        last.into_iter()
            .chain(others)
            .map(|(minutes, label)| (place(minutes), label))
    }

    /// Where the scale changes on this axis, in words.
    pub(super) fn changes(self) -> Option<&'static str> {
        match self.end {
            ..=60 => None,
            61..=480 => Some("1 h"),
            481..=1_440 => Some("1 h and 8 h"),
            _ => Some("1 h, 8 h and 1 day"),
        }
    }
}

/// Units from the injection to `minutes`, rounded down.
fn place(minutes: i64) -> i32 {
    let pairs = KNOTS.iter().zip(KNOTS.iter().skip(1));
    let units = pairs
        .into_iter()
        .find(|(_, (to, _))| minutes <= *to)
        .map_or(0, |((from, start), (to, stop))| {
            start + (minutes - from) * (stop - start) / (to - from)
        });
    i32::try_from(units).unwrap_or(0)
}
