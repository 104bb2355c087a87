//! The figures of a cohort as charts: drawn from the tables that are shown below them, so that what is kept back there
//! cannot be read off here.

mod bars;
mod lines;
mod matrix;
mod pick;

use crate::domain::study::Report;
use bars::{Bars, bars};
use lines::{Lines, lines};
use matrix::{Matrix, matrix};

/// The charts of a figure, each one `<svg>` with its text alternative; `id` begins the ids of their markup. None where
/// there is nothing to draw.
#[must_use]
pub fn figure_charts(id: &str, report: &Report) -> Vec<String> {
    let drawings = match report.figure {
        "responders" => pick::responders(report),
        "relief-duration" => pick::durations(report),
        "false-positives" => pick::false_positives(report),
        "threshold-sweep" => pick::sweep(report),
        "agreement" => pick::agreement(report),
        "funnel" => pick::funnel(report),
        "ablation-outcomes" => pick::outcomes(report),
        "quality" => pick::quality(report),
        "adverse-events" => pick::adverse_events(report),
        "what-if" => pick::what_if(report),
        _ => Vec::new(),
    };
    drawings
        .iter()
        .enumerate()
        .filter_map(|(place, drawing)| drawing.draw(&format!("{id}-{place}")))
        .collect()
}

/// What is to be drawn.
enum Drawing {
    Bars(Bars),
    Lines(Lines),
    Matrix(Matrix),
}

impl Drawing {
    fn draw(&self, id: &str) -> Option<String> {
        match self {
            Drawing::Bars(chart) => (!chart.bars.is_empty()).then(|| bars(id, chart)),
            Drawing::Lines(chart) => chart.has_points().then(|| lines(id, chart)),
            Drawing::Matrix(chart) => (chart.names.len() > 1).then(|| matrix(id, chart)),
        }
    }
}

/// Hundredths of a percent as a table shows them: `66.67 %`, `50.00 %`. They were rounded once, and that is enough.
fn share(hundredths: i64) -> String {
    let sign = if hundredths < 0 { "-" } else { "" };
    format!(
        "{sign}{}.{:02} %",
        hundredths.abs() / 100,
        hundredths.abs() % 100
    )
}

/// Hundredths of a percent as an axis shows them: `12.5 %`, `50 %`.
fn percent(hundredths: i64) -> String {
    let tenths = (hundredths + 5).div_euclid(10);
    let (whole, rest) = (tenths / 10, (tenths % 10).abs());
    if rest == 0 {
        format!("{whole} %")
    } else {
        format!("{whole}.{rest} %")
    }
}
