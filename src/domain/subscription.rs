//! What other systems can be told of, and how often that is tried.

use super::anatomy::Target;
use super::vocabulary::vocabulary;
use chrono::TimeDelta;
use uuid::Uuid;

vocabulary! {
    /// What other systems can be told of.
    Topic {
        /// The next step of a target became an ablation, by one profile.
        CandidateFlagged = "candidate-flagged", "a target became a candidate";
        /// What a profile says about a target is another verdict than before.
        VerdictChanged = "verdict-changed", "a verdict changed";
        /// The first times of a block's diary are over, and nothing was answered.
        DiaryOverdue = "diary-overdue", "a diary is overdue";
        /// A block was recorded.
        BlockRecorded = "block-recorded", "a block was recorded";
    }
}

impl Topic {
    /// Whether it is about what one profile says.
    #[must_use]
    pub const fn is_of_profile(self) -> bool {
        matches!(self, Topic::CandidateFlagged | Topic::VerdictChanged)
    }
}

/// What happened, by the ids of the records: nothing in it names anybody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happening {
    /// What kind of thing.
    pub topic: Topic,
    /// The patient.
    pub patient: Uuid,
    /// The episode.
    pub episode: Uuid,
    /// The block, where it is about one.
    pub block: Option<Uuid>,
    /// The target, where it is about what a profile says.
    pub target: Option<Target>,
    /// That profile.
    pub profile: Option<String>,
}

/// What somebody wants to be told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interest {
    /// Of which kinds of things; each once.
    pub topics: Vec<Topic>,
    /// Of what profiles say, only what this one says.
    pub profile: Option<String>,
    /// Only of this patient.
    pub patient: Option<Uuid>,
}

impl Interest {
    /// Whether it is in what happened.
    #[must_use]
    pub fn is_in(&self, happening: &Happening) -> bool {
        let of_profile = |wanted: &String| {
            !happening.topic.is_of_profile() || happening.profile.as_ref() == Some(wanted)
        };
        self.topics.contains(&happening.topic)
            && self.profile.as_ref().is_none_or(of_profile)
            && self
                .patient
                .is_none_or(|patient| patient == happening.patient)
    }
}

/// Seconds from each failed attempt to the next one: nine attempts in two days.
const WAITS: [i64; 8] = [5, 60, 600, 3_600, 18_000, 43_200, 43_200, 43_200];

/// The first rest of an endpoint at which an attempt failed, in seconds.
const FIRST_REST: i64 = 5;

/// The longest one.
const LONGEST_REST: i64 = 600;

/// How long to wait after so many failed attempts to tell of one thing, a tenth more or less as the dice fall, so that
/// not everybody comes back at once. `None`: that was the last one.
#[must_use]
pub fn wait_after(attempts: i32, dice: u128) -> Option<TimeDelta> {
    let place = usize::try_from(attempts).ok()?.checked_sub(1)?;
    let seconds = *WAITS.get(place)?;
    let thousandths = 900 + i64::try_from(dice % 201).unwrap_or(100);
    Some(TimeDelta::milliseconds(seconds * thousandths))
}

/// How long an endpoint is left alone after so many failures in a row, whatever it was to be told.
#[must_use]
pub fn rest_after(failures: i32) -> TimeDelta {
    let doublings = u32::try_from(failures.saturating_sub(1))
        .unwrap_or(0)
        .min(16);
    TimeDelta::seconds((FIRST_REST << doublings).min(LONGEST_REST))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn happening(topic: Topic, profile: Option<&str>) -> Happening {
        Happening {
            topic,
            patient: Uuid::from_u128(1),
            episode: Uuid::from_u128(2),
            block: None,
            target: None,
            profile: profile.map(str::to_owned),
        }
    }

    #[test]
    fn a_profile_narrows_what_profiles_say_and_nothing_else() {
        let interest = Interest {
            topics: vec![Topic::CandidateFlagged, Topic::BlockRecorded],
            profile: Some("a".to_owned()),
            patient: None,
        };
        assert!(interest.is_in(&happening(Topic::CandidateFlagged, Some("a"))));
        assert!(!interest.is_in(&happening(Topic::CandidateFlagged, Some("b"))));
        assert!(interest.is_in(&happening(Topic::BlockRecorded, None)));
        assert!(!interest.is_in(&happening(Topic::VerdictChanged, Some("a"))));
        let of_another = Interest {
            patient: Some(Uuid::from_u128(9)),
            ..interest
        };
        assert!(!of_another.is_in(&happening(Topic::BlockRecorded, None)));
    }

    #[test]
    fn nine_attempts_take_two_days() {
        let longest: i64 = (1..9)
            .map(|attempts| wait_after(attempts, 200).unwrap().num_seconds())
            .sum();
        let shortest: i64 = (1..9)
            .map(|attempts| wait_after(attempts, 0).unwrap().num_seconds())
            .sum();
        assert!(
            longest <= 48 * 3600 && shortest >= 36 * 3600,
            "{longest} {shortest}"
        );
        assert_eq!(wait_after(9, 0), None);
        assert_eq!(wait_after(0, 0), None);
        assert_eq!(wait_after(1, 100), Some(TimeDelta::seconds(5)));
    }

    #[test]
    fn an_endpoint_rests_ever_longer() {
        let rests: Vec<i64> = [1, 2, 3, 7, 8, 1000]
            .map(|failures| rest_after(failures).num_seconds())
            .into();
        assert_eq!(rests, [5, 10, 20, 320, 600, 600]);
    }
}
