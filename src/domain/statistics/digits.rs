//! Digit preference: whether last digits come equally often, by chi-square.

use statrs::distribution::{ChiSquared, ContinuousCDF};

/// How far counts are from equal ones.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Uneven {
    /// Chi-square, with one degree of freedom less than there are counts.
    pub statistic: f64,
    /// How likely so uneven counts are by chance alone.
    pub p: f64,
}

/// Chi-square of counts against equal ones; `None` where nothing was counted.
#[must_use]
pub fn uneven(counts: &[u64]) -> Option<Uneven> {
    let all: u64 = counts.iter().sum();
    if all == 0 || counts.len() < 2 {
        return None;
    }
    let expected = all as f64 / counts.len() as f64;
    let apart = |count: &u64| (*count as f64 - expected) * (*count as f64 - expected) / expected;
    let statistic = counts.iter().map(apart).sum();
    let distribution = ChiSquared::new((counts.len() - 1) as f64).ok()?;
    Some(Uneven {
        statistic,
        p: distribution.sf(statistic),
    })
}
