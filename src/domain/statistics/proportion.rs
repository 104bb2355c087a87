//! A share of a whole, with a confidence interval.

use super::normal_quantile;
use crate::domain::vocabulary::vocabulary;
use statrs::distribution::{Beta, ContinuousCDF};

vocabulary! {
    /// How the confidence interval of a proportion is computed.
    IntervalMethod {
        /// Wilson's score interval: holds its level also near 0 and 100 % and for small numbers.
        Wilson = "wilson", "Wilson score";
        /// The normal approximation, as papers of the field print it; cut off at 0 and 100 %.
        Wald = "wald", "Wald (normal approximation)";
        /// Clopper and Pearson's exact interval: never below its level, and wider for it.
        ClopperPearson = "clopper_pearson", "Clopper-Pearson (exact)";
    }
}

/// So many of so many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Proportion {
    /// How many of them.
    pub numerator: u64,
    /// Of how many.
    pub denominator: u64,
}

/// A confidence interval, as fractions; of a proportion they are from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The lower limit.
    pub low: f64,
    /// The upper limit.
    pub high: f64,
}

impl Interval {
    /// The lower limit in percent with so many digits after the point, in units of the last digit.
    #[must_use]
    pub fn low_rounded_to(self, places: u32) -> Option<i64> {
        in_units(self.low, places)
    }

    /// The same of the upper limit.
    #[must_use]
    pub fn high_rounded_to(self, places: u32) -> Option<i64> {
        in_units(self.high, places)
    }
}

fn in_units(fraction: f64, places: u32) -> Option<i64> {
    let units = 100 * 10_i64.checked_pow(places)?;
    Some((fraction * units as f64).round() as i64)
}

impl Proportion {
    /// `numerator` of `denominator`.
    #[must_use]
    pub const fn of(numerator: u64, denominator: u64) -> Proportion {
        Proportion {
            numerator,
            denominator,
        }
    }

    /// Counts one more, which has the property or has not.
    pub fn count(&mut self, has: bool) {
        self.numerator += u64::from(has);
        self.denominator += 1;
    }

    /// The share in hundredths of a percent, rounded half up, computed in whole numbers; `None` of nothing.
    #[must_use]
    pub fn hundredths(self) -> Option<i64> {
        if self.denominator == 0 {
            return None;
        }
        let (numerator, denominator) = (u128::from(self.numerator), u128::from(self.denominator));
        let hundredths = (numerator * 20_000 + denominator) / (2 * denominator);
        i64::try_from(hundredths).ok()
    }

    /// The share in percent with so many digits after the point, in units of the last digit, rounded half up; `None` of
    /// nothing.
    #[must_use]
    pub fn rounded_to(self, places: u32) -> Option<i64> {
        if self.denominator == 0 {
            return None;
        }
        let units = 200 * 10_u128.checked_pow(places)?;
        let (numerator, denominator) = (u128::from(self.numerator), u128::from(self.denominator));
        i64::try_from((numerator * units + denominator) / (2 * denominator)).ok()
    }

    /// The interval at [`super::LEVEL_PERCENT`]; `None` of nothing, and where the numerator is larger than the whole.
    #[must_use]
    pub fn interval(self, method: IntervalMethod) -> Option<Interval> {
        if self.denominator == 0 || self.numerator > self.denominator {
            return None;
        }
        match method {
            IntervalMethod::Wilson => Some(self.wilson()),
            IntervalMethod::Wald => Some(self.wald()),
            IntervalMethod::ClopperPearson => self.clopper_pearson(),
        }
    }

    fn parts(self) -> (f64, f64) {
        let whole = self.denominator as f64;
        (self.numerator as f64 / whole, whole)
    }

    fn wilson(self) -> Interval {
        let (share, whole) = self.parts();
        let z = normal_quantile();
        let shrink = 1.0 + z * z / whole;
        let middle = (share + z * z / (2.0 * whole)) / shrink;
        let half =
            z * (share * (1.0 - share) / whole + z * z / (4.0 * whole * whole)).sqrt() / shrink;
        // At 0 and at 100 % the limit is exact, and not what rounding leaves of it.
        Interval {
            low: if self.numerator == 0 {
                0.0
            } else {
                (middle - half).max(0.0)
            },
            high: if self.numerator == self.denominator {
                1.0
            } else {
                (middle + half).min(1.0)
            },
        }
    }

    fn wald(self) -> Interval {
        let (share, whole) = self.parts();
        let half = normal_quantile() * (share * (1.0 - share) / whole).sqrt();
        Interval {
            low: (share - half).max(0.0),
            high: (share + half).min(1.0),
        }
    }

    fn clopper_pearson(self) -> Option<Interval> {
        let tail = (1.0 - f64::from(super::LEVEL_PERCENT) / 100.0) / 2.0;
        let (has, has_not) = (
            self.numerator as f64,
            (self.denominator - self.numerator) as f64,
        );
        let low = if self.numerator == 0 {
            0.0
        } else {
            Beta::new(has, has_not + 1.0).ok()?.inverse_cdf(tail)
        };
        let high = if self.numerator == self.denominator {
            1.0
        } else {
            Beta::new(has + 1.0, has_not).ok()?.inverse_cdf(1.0 - tail)
        };
        Some(Interval { low, high })
    }
}
