//! Chance that comes out the same for the same seed, on every machine.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A generator with a seed.
pub(super) struct Dice(ChaCha8Rng);

impl Dice {
    /// Of one patient: another patient more, or one fewer, leaves the others as they are.
    pub(super) fn of(seed: u64, number: u32) -> Dice {
        let mut generator = ChaCha8Rng::seed_from_u64(seed);
        generator.set_stream(u64::from(number));
        Dice(generator)
    }

    /// True in so many of a hundred throws.
    pub(super) fn chance(&mut self, percent: u32) -> bool {
        self.0.random_range(0..100) < percent
    }

    /// True in `these` of `all` throws.
    pub(super) fn share(&mut self, these: u32, all: u32) -> bool {
        self.0.random_range(0..all) < these
    }

    /// A whole number, both ends included.
    pub(super) fn between(&mut self, least: i64, most: i64) -> i64 {
        self.0.random_range(least..=most.max(least))
    }

    /// One of several; the first where there is none to choose from.
    pub(super) fn pick<T: Copy>(&mut self, first: T, others: &[T]) -> T {
        let place = self.0.random_range(0..=others.len());
        place
            .checked_sub(1)
            .and_then(|place| others.get(place))
            .copied()
            .unwrap_or(first)
    }
}
