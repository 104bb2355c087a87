//! Which changes are under way: as of which instant everything is in a view of the database that is opened now.
//!
//! A change bears the instant at which it began and is there for others once it is committed. A view that is opened in
//! between does not have it, although it is older: whoever later asks for what changed since that view would never see
//! it. So a view says of itself that it is as old as the oldest change that was under way when it was opened.

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The instants at which the changes that are under way began, and how many began at each.
#[derive(Debug, Default)]
pub(super) struct UnderWay(Mutex<BTreeMap<DateTime<Utc>, u32>>);

/// A change that is under way until this is dropped.
pub(super) struct Change<'u> {
    under_way: &'u UnderWay,
    began: DateTime<Utc>,
}

impl UnderWay {
    /// A change that began at an instant.
    pub(super) fn begin(&self, began: DateTime<Utc>) -> Change<'_> {
        let mut known = self.lock();
        *known.entry(began).or_insert(0) += 1;
        Change {
            under_way: self,
            began,
        }
    }

    /// As of when a view that is opened after `now` has everything, in the milliseconds that FHIR writes.
    pub(super) fn settled(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        let oldest = self.lock().keys().next().copied();
        match oldest {
            Some(oldest) if oldest <= now => oldest.trunc_subsecs(3) - TimeDelta::milliseconds(1),
            _ => now.trunc_subsecs(3),
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<DateTime<Utc>, u32>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Change<'_> {
    fn drop(&mut self) {
        let mut known = self.under_way.lock();
        if let Some(count) = known.get_mut(&self.began) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                known.remove(&self.began);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_is_no_younger_than_the_oldest_change_under_way() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let under_way = UnderWay::default();
        let now = at("2026-03-01T12:00:05.123456Z");
        assert_eq!(under_way.settled(now), at("2026-03-01T12:00:05.123Z"));
        let first = under_way.begin(at("2026-03-01T12:00:01.500900Z"));
        let twin = under_way.begin(at("2026-03-01T12:00:01.500900Z"));
        let _later = under_way.begin(at("2026-03-01T12:00:02Z"));
        assert_eq!(under_way.settled(now), at("2026-03-01T12:00:01.499Z"));
        drop(first);
        assert_eq!(under_way.settled(now), at("2026-03-01T12:00:01.499Z"));
        drop(twin);
        assert_eq!(under_way.settled(now), at("2026-03-01T12:00:01.999Z"));
    }
}
