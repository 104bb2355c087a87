//! Statistics of a cohort: proportions with intervals, survival, agreement.
//!
//! Counts go in and fractions come out. Nothing here decides anything about a patient, so floating point numbers are
//! used, within this module only; what leaves it is rounded once, by [`rounded`]. Each estimate is held against the
//! answers of `lifelines`, `statsmodels`, `scipy` and R to the same data (`tests/fixtures/statistics`, `tests/analysis`).
#![allow(
    clippy::float_arithmetic,
    clippy::as_conversions,
    reason = "estimates over a cohort; no rule and no verdict reads them"
)]

pub mod agreement;
pub mod digits;
pub mod kaplan_meier;
pub mod proportion;
pub mod rate;
pub mod turnbull;

pub use agreement::Agreement;
pub use kaplan_meier::{Followed, KaplanMeier};
pub use proportion::{Interval, IntervalMethod, Proportion};
pub use rate::Rate;
pub use turnbull::{Observed, Turnbull};

/// The level of every interval, in percent.
pub const LEVEL_PERCENT: u8 = 95;

/// A fraction in ten-thousandths (hundredths of a percent), rounded half away from zero.
#[must_use]
pub fn rounded(fraction: f64) -> i64 {
    (fraction * 10_000.0).round() as i64
}

/// The quantile of the standard normal distribution that leaves the level's half outside on each side: 1.959964.
fn normal_quantile() -> f64 {
    use statrs::distribution::{ContinuousCDF, Normal};
    let tail = (1.0 - f64::from(LEVEL_PERCENT) / 100.0) / 2.0;
    Normal::standard().inverse_cdf(1.0 - tail)
}

/// The middle of sorted whole numbers, rounded down between two; `None` of none.
#[must_use]
pub fn median(mut values: Vec<i64>) -> Option<i64> {
    values.sort_unstable();
    let upper = *values.get(values.len() / 2)?;
    if values.len() % 2 == 1 {
        return Some(upper);
    }
    let lower = *values.get((values.len() / 2).checked_sub(1)?)?;
    Some((lower + upper).div_euclid(2))
}
