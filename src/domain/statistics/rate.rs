//! Events over what they can happen to several times.

use super::proportion::Interval;
use statrs::distribution::{ContinuousCDF, Gamma};

/// So many events over so many chances, each of which can have more than one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How many events.
    pub events: u64,
    /// Over how many.
    pub over: u64,
}

impl Rate {
    /// The exact interval of a Poisson rate at [`super::LEVEL_PERCENT`] (Garwood 1936), as fractions that may be above 1;
    /// `None` over nothing.
    #[must_use]
    pub fn interval(self) -> Option<Interval> {
        if self.over == 0 {
            return None;
        }
        let tail = (1.0 - f64::from(super::LEVEL_PERCENT) / 100.0) / 2.0;
        let (events, over) = (self.events as f64, self.over as f64);
        let low = if self.events == 0 {
            0.0
        } else {
            Gamma::new(events, 1.0).ok()?.inverse_cdf(tail)
        };
        let high = Gamma::new(events + 1.0, 1.0).ok()?.inverse_cdf(1.0 - tail);
        Some(Interval {
            low: low / over,
            high: high / over,
        })
    }
}
