//! What became of the pain after an ablation.

use super::canvas::{Canvas, Drawn, Frame, Hold, Marker, Plot};
use super::{palette, words};
use crate::domain::ablation::{Ablation, FollowUp, FollowUpRelief};
use crate::domain::pain::Tenths;
use chrono::NaiveDate;

/// Relief against the time since an ablation.
#[derive(Debug, Clone)]
pub struct FollowUpCurve {
    /// The prefix of the markup's ids; unique on its page.
    pub id: String,
    performed_on: NaiveDate,
    points: Vec<FollowUpPoint>,
}

/// One follow-up that tells relief.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FollowUpPoint {
    days: i64,
    /// Relief in tenths of a percent, rounded down.
    relief_tenths: i32,
    /// As the patient states it, where no scores tell it.
    stated: bool,
}

impl FollowUpCurve {
    /// The follow-ups of `ablation` as far as they were taken by `as_of`.
    #[must_use]
    pub fn of<'f>(
        id: impl Into<String>,
        ablation: &Ablation,
        follow_ups: impl IntoIterator<Item = &'f FollowUp>,
        as_of: NaiveDate,
    ) -> FollowUpCurve {
        let mut points: Vec<FollowUpPoint> = follow_ups
            .into_iter()
            .filter(|follow_up| follow_up.taken_on <= as_of)
            .filter_map(|follow_up| {
                let relief = follow_up.relief(ablation.pre_score)?;
                Some(FollowUpPoint {
                    days: (follow_up.taken_on - ablation.performed_on).num_days(),
                    relief_tenths: relief.floor_tenths(),
                    stated: matches!(relief, FollowUpRelief::Stated(_)),
                })
            })
            .collect();
        points.sort_by_key(|point| point.days);
        FollowUpCurve {
            id: id.into(),
            performed_on: ablation.performed_on,
            points,
        }
    }
}

/// The visits of the handbook: days after the ablation.
const VISITS: [(i32, &str); 5] = [
    (42, "6 wk"),
    (91, "3 mo"),
    (183, "6 mo"),
    (365, "12 mo"),
    (730, "24 mo"),
];

const WIDTH: i32 = 720;
const LEFT: i32 = 52;
const RIGHT: i32 = 622;
const TOP: i32 = 34;
const BOTTOM: i32 = 214;
const TEXT: u32 = 14;

/// Relief after an ablation at each follow-up, with the 50 % line, as one `<svg>`.
#[must_use]
pub fn follow_up_curve(curve: &FollowUpCurve) -> String {
    let title = format!(
        "Relief after the ablation of {}",
        words::date(curve.performed_on)
    );
    let frame = Frame {
        size: (720, 262),
        id: &curve.id,
        class: "curve",
        title: &title,
        words: &follow_up_curve_words(curve),
    };
    frame.around(|canvas| draw(curve, canvas))
}

/// What a follow-up curve shows, in words: its text alternative.
#[must_use]
pub fn follow_up_curve_words(curve: &FollowUpCurve) -> String {
    if curve.points.is_empty() {
        return "No follow-up tells relief yet.".to_owned();
    }
    let point = |point: &FollowUpPoint| {
        let stated = if point.stated { " (stated)" } else { "" };
        format!("{} d {} %{stated}", point.days, Tenths(point.relief_tenths))
    };
    let points: Vec<String> = curve.points.iter().map(point).collect();
    let below = curve.points.iter().find(|point| point.relief_tenths < 500);
    let below = below.map_or_else(
        || "At no follow-up was it below 50 %.".to_owned(),
        |point| format!("It was below 50 % on day {}.", point.days),
    );
    format!(
        "Relief by days since the ablation: {}. {below}",
        points.join(", ")
    )
}

fn draw(curve: &FollowUpCurve, canvas: &Canvas<'_>) -> Drawn {
    let last = curve.points.last().map_or(0, |point| point.days);
    let visits = VISITS.map(|(day, _)| i64::from(day));
    let end = visits.into_iter().find(|day| *day >= last.max(365));
    let end = i32::try_from(end.unwrap_or(last)).unwrap_or(i32::MAX);
    let worst = curve.points.iter().map(|point| point.relief_tenths).min();
    // Pain that got worse is drawn down to a doubled score; what is worse still lies on the edge.
    let lowest = if worst.unwrap_or(0) < 0 { -1_000 } else { 0 };
    let plot = canvas.plot((0..end, LEFT..RIGHT), (lowest..1_000, (BOTTOM, TOP)));
    draw_axes(canvas, &plot, lowest, end)?;
    let place = |point: &FollowUpPoint| {
        let day = i32::try_from(point.days).unwrap_or(0).clamp(0, end);
        plot.at((day, point.relief_tenths.max(lowest)))
    };
    if curve.points.len() > 1 {
        canvas.line(curve.points.iter().map(place).collect(), palette::NEWEST, 2)?;
    }
    for point in &curve.points {
        let marker = if point.stated {
            Marker::Ring
        } else {
            Marker::Disc
        };
        canvas.marker(place(point), marker, palette::NEWEST)?;
    }
    if curve.points.is_empty() {
        let middle = ((LEFT + RIGHT) / 2, (TOP + BOTTOM) / 2);
        let words = "no follow-up tells relief yet";
        canvas.text(middle, Hold::Middle, TEXT, palette::AXIS, words)?;
    }
    draw_legend(canvas, curve)
}

fn draw_axes(canvas: &Canvas<'_>, plot: &Plot<'_>, lowest: i32, end: i32) -> Drawn {
    let step = if lowest < 0 { 500 } else { 250 };
    for relief in (lowest..=1_000).step_by(step) {
        let (_, y) = plot.at((0, relief));
        canvas.line(vec![(LEFT, y), (RIGHT, y)], palette::GRID, 1)?;
        let label = format!("{} %", relief / 10);
        canvas.text((LEFT - 6, y), Hold::Right, TEXT, palette::AXIS, &label)?;
    }
    let (_, fifty) = plot.at((0, 500));
    canvas.line(vec![(LEFT, fifty), (RIGHT, fifty)], palette::THRESHOLD, 1)?;
    canvas.text(
        (RIGHT + 8, fifty),
        Hold::Left,
        TEXT,
        palette::THRESHOLD,
        "50 % relief",
    )?;
    canvas.line(vec![(LEFT, BOTTOM), (RIGHT, BOTTOM)], palette::AXIS, 1)?;
    for (day, label) in VISITS.into_iter().filter(|(day, _)| *day <= end) {
        let (x, _) = plot.at((day, lowest));
        canvas.line(vec![(x, BOTTOM), (x, BOTTOM + 5)], palette::AXIS, 1)?;
        canvas.text((x, BOTTOM + 16), Hold::Middle, TEXT, palette::AXIS, label)?;
    }
    let title = "time since the ablation";
    canvas.text((LEFT, BOTTOM + 38), Hold::Left, TEXT, palette::AXIS, title)
}

fn draw_legend(canvas: &Canvas<'_>, curve: &FollowUpCurve) -> Drawn {
    canvas.text((0, 11), Hold::Left, TEXT, palette::AXIS, "relief")?;
    let entries = [
        (false, Marker::Disc, "from scores"),
        (true, Marker::Ring, "as stated"),
    ];
    let mut x = WIDTH - 240;
    for (stated, marker, words) in entries {
        if curve.points.iter().any(|point| point.stated == stated) {
            canvas.marker((x, 11), marker, palette::NEWEST)?;
            canvas.text((x + 12, 11), Hold::Left, TEXT, palette::INK, words)?;
            x += 120;
        }
    }
    Ok(())
}
