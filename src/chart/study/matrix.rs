//! How far each pair of profiles agrees.

use crate::chart::canvas::{Canvas, Drawn, Frame, Hold};
use crate::chart::palette;

/// A square of pairs.
pub(super) struct Matrix {
    /// What it shows.
    pub(super) title: String,
    /// The names, down and across.
    pub(super) names: Vec<String>,
    /// Of two names by their places, the first the smaller: kappa in ten-thousandths, if there is one.
    pub(super) pairs: Vec<(usize, usize, Option<i64>)>,
}

const LEFT: i32 = 210;
const TOP: i32 = 52;
const TEXT: u32 = 14;

/// The chart as one `<svg>`. Below the diagonal only: the other half would say the same.
pub(super) fn matrix(id: &str, chart: &Matrix) -> String {
    let names = i32::try_from(chart.names.len()).unwrap_or(1).max(1);
    let size = (500 / names).clamp(26, 40);
    let height = TOP + size * names + 16;
    let pair = |(one, other, kappa): &(usize, usize, Option<i64>)| {
        let name = |place: &usize| chart.names.get(*place).map_or("", String::as_str);
        format!("{} and {}: {}", name(one), name(other), shown(*kappa))
    };
    let words: Vec<String> = chart.pairs.iter().map(pair).collect();
    let words = format!("Cohen's kappa. {}.", words.join("; "));
    let frame = Frame {
        size: (720, u32::try_from(height).unwrap_or(640)),
        id,
        class: "study",
        title: &chart.title,
        words: &words,
    };
    frame.around(|canvas| draw(chart, canvas, size))
}

fn draw(chart: &Matrix, canvas: &Canvas<'_>, size: i32) -> Drawn {
    canvas.text((0, 12), Hold::Left, TEXT, palette::INK, &chart.title)?;
    let at = |place: usize| i32::try_from(place).unwrap_or(0) * size;
    for (place, name) in chart.names.iter().enumerate() {
        let y = TOP + at(place) + size / 2;
        let label = format!("{name}  {}", place + 1);
        canvas.text((LEFT - 10, y), Hold::Right, TEXT, palette::INK, &label)?;
        let x = LEFT + at(place) + size / 2;
        canvas.text(
            (x, TOP - 12),
            Hold::Middle,
            TEXT,
            palette::AXIS,
            &(place + 1).to_string(),
        )?;
        let corner = (LEFT + at(place), TOP + at(place));
        canvas.bar(
            corner,
            (corner.0 + size - 2, corner.1 + size - 2),
            palette::GRID,
        )?;
    }
    for (one, other, kappa) in &chart.pairs {
        let (x, y) = (LEFT + at(*one), TOP + at(*other));
        let shade = match kappa {
            None => palette::PAPER,
            Some(..2_000) => palette::AGREE[0],
            Some(2_000..4_000) => palette::AGREE[1],
            Some(4_000..6_000) => palette::AGREE[2],
            Some(6_000..8_000) => palette::AGREE[3],
            Some(_) => palette::AGREE[4],
        };
        canvas.bar((x, y), (x + size - 2, y + size - 2), shade)?;
        let place = (x + size / 2 - 1, y + size / 2);
        canvas.text(place, Hold::Middle, 11, palette::INK, &shown(*kappa))?;
    }
    Ok(())
}

fn shown(kappa: Option<i64>) -> String {
    let Some(kappa) = kappa else {
        return "–".to_owned();
    };
    let hundredths = (kappa + 50 * kappa.signum()) / 100;
    let sign = if hundredths < 0 { "-" } else { "" };
    format!(
        "{sign}{}.{:02}",
        hundredths.abs() / 100,
        hundredths.abs() % 100
    )
}
