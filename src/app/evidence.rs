//! What a payer's reviewer is shown about one episode: its records, what one profile says, and who recorded them.

use super::core::Unit;
use super::determinations::Determined;
use super::error::{Error, Result};
use super::profiles::WantedProfiles;
use super::{episodes, judging, timeline};
use crate::auth::Action;
use crate::db::rows::NewAuditEntry;
use crate::db::{Stored, queries};
use crate::domain::ablation::{Ablation, FollowUp};
use crate::domain::block::Block;
use crate::domain::episode::Episode;
use crate::domain::pain::ScoreRow;
use crate::domain::patient::Patient;
use crate::domain::qualification::Profile;
use crate::wire::ablation::{AblationFields, FollowUpFields};
use crate::wire::block::{BlockFields, ScoreFields};
use crate::wire::episode::EpisodeFields;
use crate::wire::patient::PatientFields;
use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::sync::Arc;
use uuid::Uuid;

/// The records of one episode as of a date, and what one profile says about them.
#[derive(Debug)]
pub struct EvidenceRecords {
    /// The patient.
    pub patient: Stored<Patient>,
    /// The episode.
    pub episode: Stored<Episode>,
    /// Its blocks, the earliest first.
    pub blocks: Vec<Stored<Block>>,
    /// Their scores.
    pub scores: Vec<Stored<ScoreRow>>,
    /// Its ablations, the earliest first.
    pub ablations: Vec<Stored<Ablation>>,
    /// Their follow-ups, the earliest first.
    pub follow_ups: Vec<Stored<FollowUp>>,
    /// What the one profile says.
    pub determined: Determined,
    /// The profile.
    pub profile: Arc<Profile>,
    /// Who recorded, corrected or withdrew something about the patient.
    pub changes: Vec<NewAuditEntry>,
    /// When it was put together.
    pub made_at: DateTime<Utc>,
    /// SHA-256 over the canonical JSON of the records, in hexadecimal.
    pub records_sha256: String,
}

/// The evidence of an episode by the profile with the id `wanted`, the first active one where none is named, as of a
/// date, today where none is given.
///
/// # Errors
/// [`Error::NotFound`] where there is no such episode; [`Error::Malformed`] for a profile that nobody knows;
/// [`Error::Conflict`] where none is named and none is active.
pub fn of_episode(
    unit: &mut Unit<'_, '_>,
    episode: Uuid,
    wanted: Option<&str>,
    as_of: Option<NaiveDate>,
) -> Result<EvidenceRecords> {
    unit.require(Action::ReadDetermination)?;
    let stored = episodes::find(unit, episode)?;
    let profile = profile(unit, wanted)?;
    let everything = timeline::gather(unit, stored.patient)?;
    let mut records = judging::load(unit, stored.patient)?;
    let as_of = as_of.unwrap_or_else(|| records.day(unit.today()));
    let place = records.episodes.iter().position(|(id, _)| *id == episode);
    let place = place.ok_or(Error::NotFound { what: "episode" })?;
    let (_, history) = records.episodes.swap_remove(place);
    let organization = &unit.principal.organization;
    let changes = queries::audit::changes_about(unit.tx, organization, stored.patient)?;

    let mut blocks = everything.blocks;
    blocks.retain(|block| block.parent == episode && block.value.local_date() <= as_of);
    blocks.sort_by_key(|block| (block.value.performed_at, block.id));
    let mut scores = everything.scores;
    scores.retain(|score| {
        blocks.iter().any(|block| block.id == score.parent) && score.value.local_date() <= as_of
    });
    scores.sort_by_key(|score| (score.value.taken_at, score.id));
    let mut ablations = everything.ablations;
    ablations.retain(|one| one.parent == episode && one.value.performed_on <= as_of);
    ablations.sort_by_key(|ablation| (ablation.value.performed_on, ablation.id));
    let mut follow_ups = everything.follow_ups;
    follow_ups.retain(|one| {
        ablations.iter().any(|ablation| ablation.id == one.parent) && one.value.taken_on <= as_of
    });
    follow_ups.sort_by_key(|follow_up| (follow_up.value.taken_on, follow_up.id));

    let evidence = EvidenceRecords {
        records_sha256: String::new(),
        patient: everything.patient,
        episode: stored,
        blocks,
        scores,
        ablations,
        follow_ups,
        determined: Determined {
            profiles: vec![Arc::clone(&profile)],
            history,
            as_of,
        },
        profile,
        changes,
        made_at: unit.now,
    };
    let patient = evidence.patient.id;
    unit.note_read(
        Action::ReadDetermination,
        "evidence",
        Some(episode),
        Some(patient),
    );
    Ok(EvidenceRecords {
        records_sha256: evidence.fingerprint()?,
        ..evidence
    })
}

fn profile(unit: &mut Unit<'_, '_>, wanted: Option<&str>) -> Result<Arc<Profile>> {
    let wanted = wanted.map_or(WantedProfiles::Active, |id| {
        WantedProfiles::These(vec![id.to_owned()])
    });
    let first = unit.chosen_profiles(&wanted)?.into_iter().next();
    first.ok_or_else(|| Error::Conflict {
        code: "no_active_profile",
        detail: "No profile is active; name one in `profile`, or activate one.".to_owned(),
    })
}

impl EvidenceRecords {
    /// SHA-256 over the records with their ids and versions, as JSON with its keys in order and without white space.
    fn fingerprint(&self) -> Result<String> {
        let mut records = json!({
            "patient": record(&self.patient, &PatientFields::from(&self.patient.value))?,
            "episode": record(&self.episode, &EpisodeFields::from(&self.episode.value))?,
            "blocks": all(&self.blocks, |block| BlockFields::from(block))?,
            "scores": all(&self.scores, |score| ScoreFields::from(score))?,
            "ablations": all(&self.ablations, |ablation| AblationFields::from(ablation))?,
            "follow_ups": all(&self.follow_ups, |follow_up| FollowUpFields::from(follow_up))?,
        });
        records.sort_all_objects();
        let digest = Sha256::digest(records.to_string().as_bytes());
        Ok(digest.iter().fold(String::new(), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        }))
    }
}

fn all<T, F: Serialize>(stored: &[Stored<T>], fields: impl Fn(&T) -> F) -> Result<Vec<Value>> {
    stored
        .iter()
        .map(|one| record(one, &fields(&one.value)))
        .collect()
}

fn record<T>(stored: &Stored<T>, fields: &impl Serialize) -> Result<Value> {
    let fields = serde_json::to_value(fields).map_err(|error| Error::Internal(error.into()))?;
    Ok(json!({
        "id": stored.id.to_string(),
        "parent": stored.parent.to_string(),
        "version": stored.version,
        "fields": fields,
    }))
}
