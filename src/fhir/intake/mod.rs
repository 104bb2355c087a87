//! What clients send as FHIR, read into the values of the native API: strictly, and with everything that is wrong at
//! once. An element that no record holds is refused.

mod adverse_event;
mod condition;
mod datatypes;
mod draft;
mod element;
mod follow_up;
pub(super) mod kept;
mod medication;
mod observation;
mod patient;
mod procedure;
mod questionnaire;

pub(super) use datatypes::{Extensions, Reference};
pub(super) use element::{Element, Leaf, Text, wrong};

use super::resource::ResourceType;
use crate::app::{Error, FieldError, Result};
use crate::domain::ablation::{Ablation, FollowUp};
use crate::domain::adverse_event::AdverseEvent;
use crate::domain::block::{Agent, Block};
use crate::domain::episode::{DisabilityScore, Episode};
use crate::domain::pain::ScoreRow;
use crate::domain::patient::Patient;
use crate::wire::block::{latest_day, ordered};
use chrono::{DateTime, NaiveDate, Utc};
use draft::Draft;
use serde_json::Value;

/// The type that is kept as an Observation.
pub(super) const QUESTIONNAIRE: &str = "QuestionnaireResponse";

/// The type that resources named so are kept as.
pub(super) fn kept_as(name: &str) -> Option<ResourceType> {
    if name == QUESTIONNAIRE {
        return Some(ResourceType::Observation);
    }
    ResourceType::from_code(name)
}

/// What was sent, in the words of the domain.
#[derive(Debug)]
pub(super) enum Sent {
    /// A patient.
    Patient(Patient),
    /// An episode of a patient.
    Episode {
        /// Whose.
        patient: Reference,
        /// The episode; its disability scores are sent on their own.
        episode: Box<Episode>,
    },
    /// A block in an episode.
    Block {
        /// Whose.
        patient: Reference,
        /// In which episode.
        episode: Reference,
        /// The block; its anesthetic is sent on its own.
        block: Box<Block>,
    },
    /// An ablation in an episode.
    Ablation {
        /// Whose.
        patient: Reference,
        /// In which episode.
        episode: Reference,
        /// The ablation.
        ablation: Box<Ablation>,
    },
    /// The anesthetic of a block.
    Anesthetic {
        /// Whose.
        patient: Reference,
        /// Of which block.
        block: Reference,
        /// What was given.
        anesthetic: Anesthetic,
    },
    /// A pain score of a block, or of a follow-up where it is part of an ablation.
    Score {
        /// Whose.
        patient: Reference,
        /// Of which block.
        block: Reference,
        /// The score.
        row: Box<ScoreRow>,
        /// The reason of its withdrawal, where it says that it was entered in error.
        withdrawn: Option<Option<String>>,
    },
    /// A disability score of an episode.
    Disability {
        /// Whose.
        patient: Reference,
        /// Of which episode; left out, it is the only one that the patient has.
        episode: Option<Reference>,
        /// The score.
        score: DisabilityScore,
    },
    /// A follow-up of an ablation.
    FollowUp {
        /// Whose.
        patient: Reference,
        /// Of which ablation.
        ablation: Reference,
        /// The follow-up.
        follow_up: FollowUp,
    },
    /// An adverse event after a procedure.
    Event {
        /// Whose.
        patient: Reference,
        /// After which procedure.
        after: Reference,
        /// The event.
        event: AdverseEvent,
    },
}

/// The anesthetic of a block.
#[derive(Debug, Clone)]
pub(super) struct Anesthetic {
    /// Which.
    pub agent: Agent,
    /// Its concentration, in thousandths of a percent.
    pub concentration_thousandths: Option<i32>,
    /// The volume at each nerve, in microlitres.
    pub volume_microlitres_per_nerve: Option<i32>,
}

/// A resource that was read.
#[derive(Debug)]
pub(super) struct Intake {
    /// What it says.
    pub sent: Sent,
    /// The type that it is kept as.
    pub kept_as: ResourceType,
    /// Whether it is given back as a resource of another type.
    pub restated: bool,
    /// The places of codes that are kept as another code with the same meaning.
    pub translated: Vec<String>,
    draft: Draft,
}

impl Intake {
    /// What was read from a resource and is given back as one of the same type.
    fn of(kept_as: ResourceType, sent: Sent, draft: Draft) -> Intake {
        Intake {
            sent,
            kept_as,
            restated: false,
            translated: Vec::new(),
            draft,
        }
    }

    /// What a use case says about fields, said about the elements that they came from.
    ///
    /// # Errors
    /// That of the use case.
    pub(super) fn placed<T>(&self, outcome: Result<T>) -> Result<T> {
        outcome.map_err(|error| match error {
            Error::Invalid(errors) => Error::Invalid(self.draft.in_resource(errors)),
            other => other,
        })
    }
}

/// What holds for every resource of a request.
#[derive(Debug, Clone, Copy)]
struct Limits {
    now: DateTime<Utc>,
    latest: NaiveDate,
}

/// Reads a resource that was sent where a `kind` belongs. References must be in the form `Type/id`.
///
/// # Errors
/// Everything that is wrong with it.
pub(super) fn read(kind: ResourceType, value: &Value, now: DateTime<Utc>) -> Result<Intake> {
    let mut errors = Vec::new();
    let Some(mut element) = Element::read(value, "", &mut errors) else {
        return Err(Error::Invalid(errors));
    };
    let named = element
        .text("resourceType", &mut errors)
        .map(|text| text.value);
    let questionnaire = named == Some(QUESTIONNAIRE) && kind == ResourceType::Observation;
    if named != Some(kind.code()) && !questionnaire {
        let detail = format!("Expected a {} here.", kind.code());
        wrong(&mut errors, "/resourceType", "unknown_value", detail);
        return Err(Error::Invalid(errors));
    }
    // An id is ours to give, and on an update was compared with the address before.
    let _ = element.text("id", &mut errors);
    meta(&mut element, &mut errors);
    let limits = Limits {
        now,
        latest: latest_day(now),
    };
    let intake = match kind {
        _ if questionnaire => questionnaire::read(element, limits, &mut errors),
        ResourceType::Patient => patient::read(element, limits, &mut errors),
        ResourceType::Condition => condition::read(element, limits, &mut errors),
        ResourceType::Procedure => procedure::read(element, limits, &mut errors),
        ResourceType::MedicationAdministration => medication::read(element, &mut errors),
        ResourceType::Observation => observation::read(element, limits, &mut errors),
        ResourceType::AdverseEvent => adverse_event::read(element, limits, &mut errors),
        other => {
            return Err(Error::Conflict {
                code: "derived",
                detail: format!(
                    "A {} follows from what is recorded, and is not written itself.",
                    other.code()
                ),
            });
        }
    };
    match intake {
        Some(intake) if errors.is_empty() => Ok(intake),
        _ => Err(Error::Invalid(ordered(errors))),
    }
}

/// A version and an instant are ours to give; a profile is compared with what is given back by who asked for it.
fn meta(element: &mut Element<'_>, errors: &mut Vec<FieldError>) {
    let Some(mut meta) = element.object("meta", errors) else {
        return;
    };
    for ours in ["versionId", "lastUpdated", "profile"] {
        let _ = meta.any(ours);
    }
    meta.finish(errors);
}

/// What a body of the native API says about fields that were read one by one.
fn checked<T>(
    draft: &Draft,
    read: std::result::Result<T, Vec<FieldError>>,
    errors: &mut Vec<FieldError>,
    check: impl FnOnce(&T, &mut Vec<FieldError>),
) -> Option<T> {
    match read {
        Ok(body) => {
            let mut found = Vec::new();
            check(&body, &mut found);
            errors.extend(draft.in_resource(found));
            Some(body)
        }
        Err(found) => {
            errors.extend(found);
            None
        }
    }
}
