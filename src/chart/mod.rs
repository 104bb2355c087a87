//! Charts as SVG, the same on pages and on paper: each one `<svg>` with its text alternative, without scripts and styles.
//!
//! Drawn to be about as wide as 18 cm of paper or 720 pixels; they scale with the width that they are given.

mod canvas;
mod curve;
mod follow_up;
mod pain;
pub mod palette;
mod spark;
mod study;
mod time;
mod words;

pub use curve::{CurveBlock, PainCurve};
pub use follow_up::{FollowUpCurve, follow_up_curve, follow_up_curve_words};
pub use pain::{pain_curve, pain_curve_words};
pub use spark::{Sparkline, sparkline};
pub use study::figure_charts;
pub use words::date as date_words;

#[cfg(test)]
mod tests;
