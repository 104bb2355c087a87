//! Ids of what follows from records: the id of a record and a suffix, from which both are found again.

use crate::domain::anatomy::{Joint, Side, Target};
use crate::domain::pain::Threshold;
use sha2::{Digest, Sha256};
use std::fmt;
use uuid::Uuid;

/// The id of a record; only the hyphenated form is one.
#[must_use]
pub fn record_id(id: &str) -> Option<Uuid> {
    Uuid::try_parse(id)
        .ok()
        .filter(|_| id.len() == uuid::fmt::Hyphenated::LENGTH)
}

/// What an observation is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObservationId {
    /// A pain score, or a follow-up: a record of its own.
    Record(Uuid),
    /// Relief after a block on one side at one threshold: `<block>.relief.<side>.<percent>`.
    Relief {
        /// The block.
        block: Uuid,
        /// The side.
        side: Side,
        /// The threshold.
        threshold: Threshold,
    },
    /// A disability score by its place in an episode: `<episode>.disability.<place>`.
    Disability {
        /// The episode.
        episode: Uuid,
        /// The place in the episode's list, from 0.
        place: usize,
    },
}

impl ObservationId {
    /// Reads an id; nothing but what is written is read.
    #[must_use]
    pub fn read(text: &str) -> Option<ObservationId> {
        let mut parts = text.split('.');
        let record = record_id(parts.next()?)?;
        let id = match (parts.next(), parts.next(), parts.next()) {
            (None, None, None) => ObservationId::Record(record),
            (Some("relief"), Some(side), Some(percent)) => ObservationId::Relief {
                block: record,
                side: Side::from_code(side).ok()?,
                threshold: Threshold::new(percent.parse().ok()?)?,
            },
            (Some("disability"), Some(place), None) => ObservationId::Disability {
                episode: record,
                place: place.parse().ok()?,
            },
            _ => return None,
        };
        (id.to_string() == text).then_some(id)
    }
}

impl fmt::Display for ObservationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ObservationId::Record(id) => write!(f, "{id}"),
            ObservationId::Relief {
                block,
                side,
                threshold,
            } => write!(f, "{block}.relief.{}.{}", side.code(), threshold.percent()),
            ObservationId::Disability { episode, place } => {
                write!(f, "{episode}.disability.{place}")
            }
        }
    }
}

/// A determination: `<episode>.<joint>.<l or r>.<mark of the profile>`. A profile's name may be too long for an id, so a
/// mark of eight digits stands for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeterminationId {
    /// The episode.
    pub episode: Uuid,
    /// The target.
    pub target: Target,
    /// The mark of the profile.
    pub mark: String,
}

impl DeterminationId {
    /// The id of what a profile says about a target of an episode.
    #[must_use]
    pub fn new(episode: Uuid, target: Target, profile: &str) -> DeterminationId {
        DeterminationId {
            episode,
            target,
            mark: mark(profile),
        }
    }

    /// Reads an id; nothing but what is written is read.
    #[must_use]
    pub fn read(text: &str) -> Option<DeterminationId> {
        let mut parts = text.split('.');
        let id = DeterminationId {
            episode: record_id(parts.next()?)?,
            target: Target {
                joint: Joint::from_code(parts.next()?).ok()?,
                side: match parts.next()? {
                    "l" => Side::Left,
                    "r" => Side::Right,
                    _ => return None,
                },
            },
            mark: parts.next()?.to_owned(),
        };
        (id.to_string() == text).then_some(id)
    }
}

impl fmt::Display for DeterminationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = match self.target.side {
            Side::Left => 'l',
            Side::Right => 'r',
        };
        let joint = self.target.joint.code();
        write!(f, "{}.{joint}.{side}.{}", self.episode, self.mark)
    }
}

/// Eight digits that stand for the name of a profile.
fn mark(profile: &str) -> String {
    let digest = Sha256::digest(profile);
    digest
        .iter()
        .take(4)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Who recorded a record: `<record>.provenance`.
#[must_use]
pub fn provenance(record: Uuid) -> String {
    format!("{record}.provenance")
}

/// The record of the id of a provenance.
#[must_use]
pub fn of_provenance(text: &str) -> Option<Uuid> {
    text.strip_suffix(".provenance").and_then(record_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

    #[test]
    fn ids_are_short_enough_and_read_back() {
        let record = record_id(RECORD).unwrap();
        let observations = [
            ObservationId::Record(record),
            ObservationId::Relief {
                block: record,
                side: Side::Right,
                threshold: Threshold::new(100).unwrap(),
            },
            ObservationId::Disability {
                episode: record,
                place: 199,
            },
        ];
        for id in observations {
            let text = id.to_string();
            assert!(text.len() <= 64, "{text}");
            assert_eq!(ObservationId::read(&text), Some(id));
        }
        let target = Target {
            joint: Joint::from_code("T12-L1").unwrap(),
            side: Side::Left,
        };
        let id = DeterminationId::new(record, target, "a-profile-with-a-rather-long-name");
        assert!(id.to_string().len() <= 64, "{id}");
        assert_eq!(DeterminationId::read(&id.to_string()), Some(id));
        assert_eq!(of_provenance(&provenance(record)), Some(record));
    }

    #[test]
    fn what_is_no_id_is_not_read() {
        for text in ["", "x", ".relief.left.80", "1.2.3.4"] {
            assert_eq!(ObservationId::read(text), None, "{text}");
            assert_eq!(DeterminationId::read(text), None, "{text}");
        }
        for suffix in [
            ".relief.left.080",
            ".relief.up.80",
            ".disability.01",
            ".relief.left.80.x",
        ] {
            assert_eq!(ObservationId::read(&format!("{RECORD}{suffix}")), None);
        }
    }
}
