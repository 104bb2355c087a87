//! The visits after an ablation at which outcomes are asked for (handbook, section 4), and what counts as one.

use crate::domain::ablation::{Ablation, FollowUp, FollowUpRelief};
use crate::domain::qualification::RecordedAblation;
use crate::domain::vocabulary::vocabulary;
use chrono::NaiveDate;

vocabulary! {
    /// A visit after an ablation.
    Visit {
        /// At 4 to 8 weeks.
        SixWeeks = "6_weeks", "6 weeks";
        /// At 3 months.
        ThreeMonths = "3_months", "3 months";
        /// At 6 months.
        SixMonths = "6_months", "6 months";
        /// At 12 months.
        TwelveMonths = "12_months", "12 months";
        /// At 24 months.
        TwentyFourMonths = "24_months", "24 months";
    }
}

impl Visit {
    /// The days after the ablation that count: the first, the one that is meant, the last. From 3 months on each window
    /// reaches half way to its neighbours.
    #[must_use]
    pub const fn days(self) -> (i64, i64, i64) {
        match self {
            Visit::SixWeeks => (28, 42, 56),
            Visit::ThreeMonths => (57, 91, 136),
            Visit::SixMonths => (137, 183, 273),
            Visit::TwelveMonths => (274, 365, 547),
            Visit::TwentyFourMonths => (548, 730, 912),
        }
    }

    /// Whether its window is over at `as_of`.
    #[must_use]
    pub fn is_over(self, ablation: &Ablation, as_of: NaiveDate) -> bool {
        let (_, _, last) = self.days();
        (as_of - ablation.performed_on).num_days() > last
    }

    /// The follow-ups within its window, the one closest to the day that is meant first.
    fn follow_ups(self, recorded: &RecordedAblation, as_of: NaiveDate) -> Vec<&FollowUp> {
        let (first, meant, last) = self.days();
        let after =
            |follow_up: &FollowUp| (follow_up.taken_on - recorded.ablation.performed_on).num_days();
        let mut within: Vec<_> = recorded
            .follow_ups
            .iter()
            .filter(|one| one.follow_up.taken_on <= as_of)
            .filter(|one| (first..=last).contains(&after(&one.follow_up)))
            .collect();
        within.sort_by_key(|one| {
            (
                (after(&one.follow_up) - meant).abs(),
                std::cmp::Reverse(one.id),
            )
        });
        within.into_iter().map(|one| &one.follow_up).collect()
    }

    /// The day of the follow-up at this visit, if there was one.
    #[must_use]
    pub fn attended(self, recorded: &RecordedAblation, as_of: NaiveDate) -> Option<NaiveDate> {
        self.follow_ups(recorded, as_of)
            .first()
            .map(|follow_up| follow_up.taken_on)
    }

    /// The relief at this visit: of the follow-up closest to the day that is meant among those that tell relief.
    #[must_use]
    pub fn relief(self, recorded: &RecordedAblation, as_of: NaiveDate) -> Option<FollowUpRelief> {
        let follow_ups = self.follow_ups(recorded, as_of);
        follow_ups
            .into_iter()
            .find_map(|follow_up| follow_up.relief(recorded.ablation.pre_score))
    }
}
