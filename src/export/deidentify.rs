//! De-identification: pseudonyms and shifted dates from a secret key.
//!
//! The same key gives the same pseudonyms in every dataset and export of one organization, so that they can be joined; in
//! another organization, or with another key, they are others. Without the key nobody gets back from a pseudonym.

use super::cell::Cell;
use super::column::{Column, Privacy};
use crate::app::exports::Dates;
use crate::app::{Error, Result};
use crate::domain::episode::{CareEntry, DisabilityScore};
use chrono::{Datelike, NaiveDate, TimeDelta};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt::Write;
use uuid::Uuid;

/// A shorter key could be guessed.
const SHORTEST_KEY: usize = 16;
/// Dates lie earlier by 1 to so many days.
const MOST_DAYS: u64 = 365;
/// From this age on, so few people are left that the age alone could tell who it is.
const POOLED_AGE: i64 = 90;
/// The kinds of conservative care that are written as they are; whatever else somebody typed becomes `other`.
const CARE_KINDS: [&str; 18] = [
    "acupuncture",
    "activity_modification",
    "bracing",
    "chiropractic",
    "cognitive_behavioral_therapy",
    "education",
    "exercise",
    "heat",
    "home_exercise",
    "injection",
    "manual_therapy",
    "massage",
    "medication",
    "nsaid",
    "opioid",
    "physical_therapy",
    "rest",
    "tens",
];

/// The pseudonyms of one organization, and what becomes of dates.
#[derive(Clone)]
pub(super) struct Pseudonyms {
    keyed: Hmac<Sha256>,
    dates: Dates,
}

impl Pseudonyms {
    /// With `key`, for `organization`.
    pub(super) fn new(key: &[u8], organization: &str, dates: Dates) -> Result<Pseudonyms> {
        let no_key = || Error::Conflict {
            code: "no_pseudonym_key",
            detail: format!(
                "Nothing can be de-identified without a pseudonym key of at least {SHORTEST_KEY} bytes in the configuration of the service."
            ),
        };
        if key.len() < SHORTEST_KEY {
            return Err(no_key());
        }
        let keyed = Hmac::<Sha256>::new_from_slice(key).map_err(|_| no_key())?;
        let of_organization = digest(&keyed, "organization", organization.as_bytes());
        let keyed = Hmac::<Sha256>::new_from_slice(&of_organization).map_err(|_| no_key())?;
        Ok(Pseudonyms { keyed, dates })
    }

    /// What stands for an id: a UUID of version 8, which tells nothing about the time of recording.
    pub(super) fn id(&self, id: Uuid) -> Uuid {
        let digest = digest(&self.keyed, "id", id.as_bytes());
        let mut bytes = [0; 16];
        for (to, from) in bytes.iter_mut().zip(digest) {
            *to = from;
        }
        uuid::Builder::from_custom_bytes(bytes).into_uuid()
    }

    /// What stands for the name of an operator or a site.
    pub(super) fn name(&self, column: &str, name: &str) -> String {
        let digest = digest(&self.keyed, column, name.as_bytes());
        let mut text = format!("{column}-");
        for byte in digest.iter().take(8) {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
        text
    }

    /// How many days earlier everything about a patient lies.
    fn days(&self, patient: Uuid) -> TimeDelta {
        let digest = digest(&self.keyed, "days", patient.as_bytes());
        let draw = digest
            .iter()
            .take(8)
            .fold(0_u64, |draw, byte| draw << 8 | u64::from(*byte));
        let days = draw % MOST_DAYS + 1;
        TimeDelta::days(i64::try_from(days).unwrap_or(1))
    }

    /// The value that stands for `cell` of a record about `patient`.
    pub(super) fn cell(&self, column: &Column, patient: Uuid, cell: Cell) -> Cell {
        match (column.privacy, cell) {
            (_, Cell::Null) | (Privacy::LeftOut, _) => Cell::Null,
            (Privacy::Kept, cell) => cell,
            (Privacy::Pseudonym, Cell::Id(id)) => Cell::Id(self.id(id)),
            (Privacy::NamePseudonym, Cell::Text(name)) => {
                Cell::Text(self.name(name_kind(column.name()), &name))
            }
            (Privacy::Shifted, cell) => self.date(patient, cell),
            (Privacy::Pooled, Cell::Whole(age)) => Cell::Whole(age.min(POOLED_AGE)),
            (Privacy::Within, Cell::Care(care)) => {
                let care = care.into_iter().map(common_kind);
                match self.dates {
                    Dates::Shifted => Cell::Care(care.map(|one| self.care(patient, one)).collect()),
                    Dates::Years => of_years(&Cell::Care(care.collect())),
                }
            }
            (Privacy::Within, Cell::Disability(scores)) => match self.dates {
                Dates::Shifted => Cell::Disability(self.disability(patient, scores)),
                Dates::Years => of_years(&Cell::Disability(scores)),
            },
            // A column whose values are not what its privacy is about: nothing rather than too much.
            _ => Cell::Null,
        }
    }

    /// What stands for a date or a time of a patient.
    pub(super) fn date(&self, patient: Uuid, cell: Cell) -> Cell {
        match (self.dates, cell) {
            (Dates::Years, Cell::Date(date)) => date.year().into(),
            (Dates::Years, Cell::Instant(instant)) => instant.year().into(),
            (Dates::Years, Cell::LocalTime(time)) => time.year().into(),
            (Dates::Shifted, Cell::Date(date)) => self.earlier(patient, date).into(),
            (Dates::Shifted, Cell::Instant(instant)) => {
                instant.checked_sub_signed(self.days(patient)).into()
            }
            (Dates::Shifted, Cell::LocalTime(time)) => {
                time.checked_sub_signed(self.days(patient)).into()
            }
            _ => Cell::Null,
        }
    }

    fn earlier(&self, patient: Uuid, date: NaiveDate) -> Option<NaiveDate> {
        date.checked_sub_signed(self.days(patient))
    }

    fn care(&self, patient: Uuid, care: CareEntry) -> CareEntry {
        CareEntry {
            start: care.start.and_then(|day| self.earlier(patient, day)),
            end: care.end.and_then(|day| self.earlier(patient, day)),
            ..care
        }
    }

    fn disability(&self, patient: Uuid, scores: Vec<DisabilityScore>) -> Vec<DisabilityScore> {
        let shifted = |score: DisabilityScore| {
            let taken_on = self.earlier(patient, score.taken_on)?;
            Some(DisabilityScore { taken_on, ..score })
        };
        scores.into_iter().filter_map(shifted).collect()
    }
}

/// What somebody typed becomes `other`, unless it is a common word.
fn common_kind(care: CareEntry) -> CareEntry {
    let known = CARE_KINDS.contains(&care.kind.as_str());
    CareEntry {
        kind: if known { care.kind } else { "other".to_owned() },
        ..care
    }
}

/// A name has one pseudonym, whatever column it stands in: `first_block_operator` is an operator.
fn name_kind(column: &str) -> &str {
    column.rsplit_once('_').map_or(column, |(_, kind)| kind)
}

/// The objects of a cell, with the year alone of every date in them.
fn of_years(cell: &Cell) -> Cell {
    const DATES: [&str; 3] = ["start", "end", "taken_on"];
    // Lists of strings, numbers and dates always serialize.
    let Ok(serde_json::Value::Array(mut objects)) = serde_json::to_value(cell) else {
        return Cell::Null;
    };
    for object in objects
        .iter_mut()
        .filter_map(serde_json::Value::as_object_mut)
    {
        for name in DATES {
            let year = object
                .get(name)
                .and_then(serde_json::Value::as_str)
                .and_then(|date| date.parse::<NaiveDate>().ok())
                .map(|date| date.year());
            if let Some(year) = year {
                object.insert(name.to_owned(), year.into());
            }
        }
    }
    Cell::Objects(objects)
}

fn digest(keyed: &Hmac<Sha256>, purpose: &str, content: &[u8]) -> [u8; 32] {
    let mut mac = keyed.clone();
    mac.update(b"medial pseudonym 1");
    for part in [purpose.as_bytes(), content] {
        // Lengths first, so that no two pairs look the same.
        mac.update(&part.len().to_be_bytes());
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::exports::Dataset;
    use crate::export::columns;

    const KEY: &[u8] = b"a key that is long enough";

    fn column(dataset: Dataset, name: &str) -> Column {
        let found = columns(dataset)
            .into_iter()
            .find(|column| column.name() == name);
        found.unwrap()
    }

    #[test]
    fn pseudonyms_are_the_same_with_the_same_key_and_organization_only() {
        let id = Uuid::from_u128(7);
        let one = Pseudonyms::new(KEY, "north", Dates::Shifted).unwrap();
        assert_eq!(
            one.id(id),
            Pseudonyms::new(KEY, "north", Dates::Shifted)
                .unwrap()
                .id(id)
        );
        assert_ne!(
            one.id(id),
            Pseudonyms::new(KEY, "south", Dates::Shifted)
                .unwrap()
                .id(id)
        );
        let other_key =
            Pseudonyms::new(b"another key, long enough", "north", Dates::Shifted).unwrap();
        assert_ne!(one.id(id), other_key.id(id));
        assert_eq!(one.id(id).get_version_num(), 8);
        assert_ne!(one.name("operator", "A"), one.name("site", "A"));
    }

    #[test]
    fn a_short_key_is_refused() {
        assert!(Pseudonyms::new(&[], "north", Dates::Shifted).is_err());
        assert!(Pseudonyms::new(b"fifteen bytes!!", "north", Dates::Shifted).is_err());
    }

    #[test]
    fn days_lie_between_1_and_365_and_differ_between_patients() {
        let pseudonyms = Pseudonyms::new(KEY, "north", Dates::Shifted).unwrap();
        let days: std::collections::BTreeSet<i64> = (0..5000)
            .map(|id| pseudonyms.days(Uuid::from_u128(id)).num_days())
            .collect();
        assert_eq!((days.first(), days.last()), (Some(&1), Some(&365)));
        assert_eq!(days.len(), 365);
    }

    #[test]
    fn what_somebody_typed_about_care_is_left_out_and_old_age_is_pooled() {
        let pseudonyms = Pseudonyms::new(KEY, "north", Dates::Shifted).unwrap();
        let care = |kind: &str| CareEntry {
            kind: kind.to_owned(),
            start: None,
            end: None,
            outcome: None,
        };
        let care = Cell::Care(vec![
            care("physical_therapy"),
            care("Dr. Example's exercises"),
        ]);
        let column_of_care = column(Dataset::Episodes, "conservative_care");
        let written = pseudonyms.cell(&column_of_care, Uuid::nil(), care);
        let Cell::Care(written) = written else {
            panic!("{written:?}")
        };
        let kinds: Vec<&str> = written.iter().map(|one| one.kind.as_str()).collect();
        assert_eq!(kinds, ["physical_therapy", "other"]);

        let age = column(Dataset::Blocks, "age_at_block");
        let pooled = |years| pseudonyms.cell(&age, Uuid::nil(), Cell::Whole(years));
        assert_eq!((pooled(97), pooled(89)), (Cell::Whole(90), Cell::Whole(89)));
    }

    #[test]
    fn no_text_and_no_date_is_kept() {
        use crate::app::exports::Dataset;
        use crate::domain::Vocabulary;
        use crate::export::Kind;
        for name in Dataset::codes() {
            for column in columns(Dataset::read(name).unwrap()) {
                let telling = matches!(
                    column.heading.kind,
                    Kind::Text
                        | Kind::Id
                        | Kind::Date
                        | Kind::Instant
                        | Kind::LocalTime
                        | Kind::Objects
                );
                // What profiles say, in terms of closed lists.
                if telling && column.name() != "verdicts" {
                    assert_ne!(column.privacy, Privacy::Kept, "{name}.{}", column.name());
                }
            }
        }
    }
}
