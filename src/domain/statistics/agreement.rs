//! How far two judges agree beyond chance: Cohen's kappa.

use super::normal_quantile;
use super::proportion::Interval;

/// What two judges said about the same.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Agreement {
    /// Both said yes.
    pub both: u64,
    /// Only the first did.
    pub first_only: u64,
    /// Only the second did.
    pub second_only: u64,
    /// Neither did.
    pub neither: u64,
}

impl Agreement {
    /// Counts one more.
    pub fn count(&mut self, first: bool, second: bool) {
        let cell = match (first, second) {
            (true, true) => &mut self.both,
            (true, false) => &mut self.first_only,
            (false, true) => &mut self.second_only,
            (false, false) => &mut self.neither,
        };
        *cell += 1;
    }

    /// About how many they spoke.
    #[must_use]
    pub const fn judged(&self) -> u64 {
        self.both + self.first_only + self.second_only + self.neither
    }

    /// Shares of the four cells: both, first only, second only, neither.
    fn shares(&self) -> Option<[f64; 4]> {
        let all = self.judged();
        if all == 0 {
            return None;
        }
        let cells = [self.both, self.first_only, self.second_only, self.neither];
        Some(cells.map(|cell| cell as f64 / all as f64))
    }

    /// Kappa, from -1 to 1; `None` where chance alone would have them agree about all.
    #[must_use]
    pub fn kappa(&self) -> Option<f64> {
        let [both, first, second, neither] = self.shares()?;
        let expected = expected(both, first, second, neither);
        if expected >= 1.0 {
            return None;
        }
        Some((both + neither - expected) / (1.0 - expected))
    }

    /// The standard error of kappa (Fleiss, Cohen and Everitt 1969).
    #[must_use]
    pub fn standard_error(&self) -> Option<f64> {
        let [both, first, second, neither] = self.shares()?;
        let kappa = self.kappa()?;
        let expected = expected(both, first, second, neither);
        let (first_yes, second_yes) = (both + first, both + second);
        let (first_no, second_no) = (second + neither, first + neither);
        let left = 1.0 - kappa;
        let square = |value: f64| value * value;
        let agreed = both * square(1.0 - (first_yes + second_yes) * left)
            + neither * square(1.0 - (first_no + second_no) * left);
        let differed = square(left)
            * (first * square(second_yes + first_no) + second * square(second_no + first_yes));
        let chance = square(kappa - expected * left);
        let variance =
            (agreed + differed - chance) / (square(1.0 - expected) * self.judged() as f64);
        Some(variance.max(0.0).sqrt())
    }

    /// The interval of kappa by the normal approximation, within -1 and 1.
    #[must_use]
    pub fn interval(&self) -> Option<Interval> {
        let (kappa, half) = (self.kappa()?, normal_quantile() * self.standard_error()?);
        Some(Interval {
            low: (kappa - half).max(-1.0),
            high: (kappa + half).min(1.0),
        })
    }
}

/// The agreement that chance alone gives.
fn expected(both: f64, first: f64, second: f64, neither: f64) -> f64 {
    (both + first) * (both + second) + (second + neither) * (first + neither)
}
