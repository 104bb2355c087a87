//! Everything recorded about one patient.

use super::core::Unit;
use super::error::Result;
use super::patients;
use crate::auth::Action;
use crate::db::queries::adverse_events::After;
use crate::db::rows::Review;
use crate::db::{Stored, queries};
use crate::domain::ablation::{Ablation, FollowUp};
use crate::domain::adverse_event::AdverseEvent;
use crate::domain::block::Block;
use crate::domain::episode::Episode;
use crate::domain::pain::ScoreRow;
use crate::domain::patient::Patient;
use uuid::Uuid;

/// Everything recorded about one patient, each kind in the order of recording; what was withdrawn is left out.
#[derive(Debug)]
pub struct Timeline {
    /// The patient.
    pub patient: Stored<Patient>,
    /// Their episodes.
    pub episodes: Vec<Stored<Episode>>,
    /// Their blocks.
    pub blocks: Vec<Stored<Block>>,
    /// The scores of their blocks.
    pub scores: Vec<Stored<ScoreRow>>,
    /// Their ablations.
    pub ablations: Vec<Stored<Ablation>>,
    /// The follow-ups of their ablations.
    pub follow_ups: Vec<Stored<FollowUp>>,
    /// Their adverse events.
    pub events: Vec<(Stored<AdverseEvent>, After)>,
    /// The decisions in force about them.
    pub reviews: Vec<Review>,
}

/// Everything recorded about a patient.
///
/// # Errors
/// [`NotFound`](super::Error::NotFound) where there is no such patient.
pub fn of_patient(unit: &mut Unit<'_, '_>, id: Uuid) -> Result<Timeline> {
    let timeline = gather(unit, id)?;
    unit.note_read(Action::ReadPatient, "timeline", Some(id), Some(id));
    Ok(timeline)
}

/// As [`of_patient`], for a use case that notes itself what was read.
pub(super) fn gather(unit: &mut Unit<'_, '_>, id: Uuid) -> Result<Timeline> {
    for action in [
        Action::ReadPatient,
        Action::ReadEpisode,
        Action::ReadBlock,
        Action::ReadScore,
        Action::ReadAblation,
        Action::ReadAdverseEvent,
    ] {
        unit.require(action)?;
    }
    let patient = patients::find(unit, id)?;
    let organization = &unit.principal.organization;
    let episodes = queries::episodes::for_patient(unit.tx, organization, id)?;
    let of_episodes: Vec<Uuid> = episodes.iter().map(|episode| episode.id).collect();
    let reviews = queries::reviews::in_force(unit.tx, organization, &of_episodes)?;
    Ok(Timeline {
        patient,
        blocks: queries::blocks::for_patient(unit.tx, organization, id)?,
        scores: queries::scores::for_patient(unit.tx, organization, id)?,
        ablations: queries::ablations::for_patient(unit.tx, organization, id)?,
        follow_ups: queries::follow_ups::for_patient(unit.tx, organization, id)?,
        events: queries::adverse_events::for_patient(unit.tx, organization, id)?,
        reviews: reviews.into_values().collect(),
        episodes,
    })
}
