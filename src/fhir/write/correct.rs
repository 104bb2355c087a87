//! Puts what was sent in the place of what is recorded. What says the same makes no new version.

use super::{WITHDRAWN, complete, same};
use crate::app::{Error, Result, Stored, Unit, ablations, blocks, episodes, patients};
use crate::domain::block::Block;
use crate::domain::episode::{DisabilityScore, Episode};
use crate::domain::pain::ScoreRow;
use crate::fhir::ids::ObservationId;
use crate::fhir::intake::{Intake, Reference, Sent};
use crate::fhir::out::condition::pain_code;
use uuid::Uuid;

/// Puts what was read in the place of the record `id`.
pub(super) fn correct(unit: &mut Unit<'_, '_>, id: &str, intake: &Intake) -> Result<()> {
    if let Sent::Disability {
        patient,
        episode: Some(episode),
        score,
    } = &intake.sent
    {
        return correct_disability(unit, id, intake, patient, episode, score);
    }
    let id = Uuid::try_parse(id).map_err(|_| derived())?;
    match &intake.sent {
        Sent::Patient(patient) => {
            let stored = patients::get(unit, id)?;
            if stored.value != *patient {
                patients::correct(unit, id, stored.version, patient, None)?;
            }
        }
        Sent::Episode { patient, episode } => {
            let stored = episodes::get(unit, id)?;
            same(patient, stored.patient, "patient")?;
            let episode = completed_episode(&stored.value, episode);
            if stored.value != episode {
                let corrected = episodes::correct(unit, id, stored.version, &episode, None);
                intake.placed(corrected)?;
            }
        }
        Sent::Block {
            patient,
            episode,
            block,
        } => {
            let (stored, _) = blocks::get(unit, id).map_err(another_kind)?;
            same(patient, stored.patient, "patient")?;
            same(episode, stored.parent, "episode")?;
            let block = with_anesthetic(block, &stored.value);
            if stored.value != block {
                intake.placed(blocks::correct(unit, id, stored.version, &block, None))?;
            }
        }
        Sent::Ablation {
            patient,
            episode,
            ablation,
        } => {
            let (stored, _) = ablations::get(unit, id).map_err(another_kind)?;
            same(patient, stored.patient, "patient")?;
            same(episode, stored.parent, "episode")?;
            if stored.value != **ablation {
                intake.placed(ablations::correct(unit, id, stored.version, ablation, None))?;
            }
        }
        Sent::Anesthetic {
            patient,
            block,
            anesthetic,
        } => {
            let (stored, _) = blocks::get(unit, id)?;
            same(patient, stored.patient, "patient")?;
            same(block, stored.id, "procedure")?;
            complete(unit, &stored, anesthetic)?;
        }
        Sent::Score {
            patient,
            block,
            row,
            withdrawn,
        } => {
            let stored = blocks::score(unit, id).map_err(another_kind)?;
            same(patient, stored.patient, "patient")?;
            same(block, stored.parent, "procedure")?;
            correct_score(unit, intake, &stored, row, withdrawn.as_ref())?;
        }
        Sent::FollowUp {
            patient,
            ablation,
            follow_up,
        } => {
            let stored = ablations::follow_up(unit, ablation.id, id).map_err(another_kind)?;
            same(patient, stored.patient, "patient")?;
            if stored.value != *follow_up {
                let version = stored.version;
                let corrected =
                    ablations::correct_follow_up(unit, ablation.id, id, version, follow_up, None);
                intake.placed(corrected)?;
            }
        }
        Sent::Event { .. } | Sent::Disability { .. } => return Err(derived()),
    }
    Ok(())
}

/// An episode keeps its disability scores, which are sent on their own. The code for the pain of its region does not
/// say that a diagnosis was made where none was.
fn completed_episode(stored: &Episode, sent: &Episode) -> Episode {
    let pain = pain_code(sent.region).0;
    let says_nothing = sent.diagnosis.is_some_and(|one| one.code == pain);
    Episode {
        diagnosis: sent
            .diagnosis
            .filter(|_| stored.diagnosis.is_some() || !says_nothing),
        disability: stored.disability.clone(),
        ..sent.clone()
    }
}

/// A block keeps its anesthetic, which is sent on its own.
fn with_anesthetic(sent: &Block, stored: &Block) -> Block {
    Block {
        agent: stored.agent,
        concentration_thousandths: stored.concentration_thousandths,
        volume_microlitres_per_nerve: stored.volume_microlitres_per_nerve,
        ..sent.clone()
    }
}

fn correct_score(
    unit: &mut Unit<'_, '_>,
    intake: &Intake,
    stored: &Stored<ScoreRow>,
    row: &ScoreRow,
    withdrawn: Option<&Option<String>>,
) -> Result<()> {
    let row = ScoreRow {
        answered_at: stored.value.answered_at,
        ..row.clone()
    };
    let Some(reason) = withdrawn else {
        if stored.value != row || stored.withdrawn.is_some() {
            let corrected = blocks::correct_score(unit, stored.id, stored.version, &row, None);
            intake.placed(corrected)?;
        }
        return Ok(());
    };
    if stored.value != row {
        let detail = "A score that is withdrawn is sent as it was.";
        return Err(Error::field("/status", "mismatch", detail));
    }
    if stored.withdrawn.is_some() {
        return Ok(());
    }
    let reason = reason.as_deref().unwrap_or(WITHDRAWN);
    blocks::withdraw_score(unit, stored.id, Some(stored.version), reason)
}

fn correct_disability(
    unit: &mut Unit<'_, '_>,
    id: &str,
    intake: &Intake,
    patient: &Reference,
    episode: &Reference,
    score: &DisabilityScore,
) -> Result<()> {
    let Some(ObservationId::Disability { episode: of, place }) = ObservationId::read(id) else {
        return Err(another_kind(Error::NotFound { what: "score" }));
    };
    let stored = episodes::get(unit, of)?;
    same(patient, stored.patient, "patient")?;
    same(episode, stored.id, "episode")?;
    let mut corrected = stored.value.clone();
    let Some(known) = corrected.disability.get_mut(place) else {
        return Err(Error::NotFound { what: "score" });
    };
    if known == score {
        return Ok(());
    }
    *known = score.clone();
    let corrected = episodes::correct(unit, stored.id, stored.version, &corrected, None);
    intake.placed(corrected).map(|_| ())
}

/// What was sent is not what the record is.
fn another_kind(error: Error) -> Error {
    match error {
        Error::NotFound { .. } => {
            let detail = "The record with this id is something else; its code does not change.";
            Error::field("/code", "mismatch", detail)
        }
        other => other,
    }
}

fn derived() -> Error {
    Error::Conflict {
        code: "derived",
        detail: "This follows from other records, or stays as it was recorded; it is not changed."
            .to_owned(),
    }
}
