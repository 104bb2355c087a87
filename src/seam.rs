//! The one door to the clock, to identifiers and to randomness, so that everything behind it is deterministic.

use chrono::{DateTime, Utc};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use uuid::{ContextV7, Timestamp, Uuid};

/// What the program asks of the world outside.
pub trait Outside: Send + Sync {
    /// The present instant.
    fn now(&self) -> DateTime<Utc>;
    /// A new UUID version 7, greater than every one this process drew before it.
    fn new_id(&self) -> Uuid;
    /// 128 random bits.
    fn random(&self) -> u128;
}

/// A shared handle to the world outside.
pub type Seam = Arc<dyn Outside>;

/// The real clock and the real randomness.
#[derive(Debug, Default)]
pub struct System {
    context: std::sync::Mutex<ContextV7>,
}

impl System {
    /// A shared handle.
    #[must_use]
    pub fn shared() -> Seam {
        Arc::new(System::default())
    }
}

impl Outside for System {
    #[allow(clippy::disallowed_methods, reason = "this is the seam")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }

    fn new_id(&self) -> Uuid {
        let context = self
            .context
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        Uuid::new_v7(Timestamp::now(&*context))
    }

    #[allow(clippy::disallowed_methods, reason = "this is the seam")]
    fn random(&self) -> u128 {
        Uuid::new_v4().as_u128() ^ Uuid::new_v4().as_u128().rotate_left(64)
    }
}

/// A clock that stands still until it is moved, and ids that count: for tests and for reproducible demo records.
#[derive(Debug)]
pub struct Fixed {
    micros: AtomicI64,
    counter: AtomicU64,
}

impl Fixed {
    /// A clock standing at `now`.
    #[must_use]
    pub fn at(now: DateTime<Utc>) -> Arc<Fixed> {
        Arc::new(Fixed {
            micros: AtomicI64::new(now.timestamp_micros()),
            counter: AtomicU64::new(0),
        })
    }

    /// Moves the clock to `now`.
    pub fn set(&self, now: DateTime<Utc>) {
        self.micros.store(now.timestamp_micros(), Ordering::SeqCst);
    }
}

impl Outside for Fixed {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.micros.load(Ordering::SeqCst)).unwrap_or_default()
    }

    fn new_id(&self) -> Uuid {
        let millis = u64::try_from(self.micros.load(Ordering::SeqCst) / 1000).unwrap_or(0);
        let count = self.counter.fetch_add(1, Ordering::SeqCst);
        let mut bytes = [0u8; 10];
        bytes[2..].copy_from_slice(&count.to_be_bytes());
        uuid::Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid()
    }

    fn random(&self) -> u128 {
        u128::from(self.counter.fetch_add(1, Ordering::SeqCst))
            .wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_both_worlds_ascend() {
        let worlds: [Seam; 2] = [System::shared(), Fixed::at(DateTime::default())];
        for world in worlds {
            let ids: Vec<Uuid> = (0..1000).map(|_| world.new_id()).collect();
            assert!(ids.is_sorted());
            assert!(ids.windows(2).all(|pair| pair[0] != pair[1]));
        }
    }
}
