//! The concepts of the OMOP vocabularies that are named, and the codes that stand in source values.

use crate::domain::episode::Instrument;
use crate::domain::pain::Scale;
use crate::domain::patient::Sex;

/// Not mapped: what it is, is in the source value.
pub(super) const NONE: i64 = 0;
/// Type of a record: from an electronic health record.
pub(super) const FROM_RECORD: i64 = 32_817;
/// Outpatient visit.
pub(super) const OUTPATIENT: i64 = 9_202;
/// The unit percent.
pub(super) const PERCENT: i64 = 8_554;
/// The Common Data Model, version 5.4.
pub(super) const MODEL: i64 = 756_265;

/// Gender. The model's standard concepts are two.
pub(super) const fn gender(sex: Option<Sex>) -> i64 {
    match sex {
        Some(Sex::Male) => 8_507,
        Some(Sex::Female) => 8_532,
        Some(Sex::Other | Sex::Unknown) | None => NONE,
    }
}

/// The LOINC code of a pain scale.
pub(super) const fn of_scale(scale: Scale) -> &'static str {
    match scale {
        Scale::Nrs => "72514-3",
        Scale::Vas => "38214-3",
    }
}

/// The LOINC code of an instrument where it has one, else its own name.
pub(super) const fn of_instrument(instrument: Instrument) -> &'static str {
    match instrument {
        Instrument::Odi => "97908-8",
        Instrument::Ndi => "82237-9",
        Instrument::PromisPf => "76804-4",
        Instrument::PromisPi => "77865-4",
        Instrument::Rmdq => "rmdq",
        Instrument::Pdi => "pdi",
    }
}
