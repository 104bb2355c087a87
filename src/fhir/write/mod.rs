//! Writes what was sent as FHIR by the use cases of the native API, and gives it back as it is kept then.

mod correct;

use super::ids::ObservationId;
use super::intake::{self, Anesthetic, Intake, Reference, Sent, kept};
use super::interactions::Change;
use super::resource::{Resource, ResourceType};
use super::{reach, source, terms};
use crate::app::blocks::Belongs;
use crate::app::{
    After, Error, FieldError, Result, Stored, Unit, ablations, blocks, episodes, patients,
};
use crate::auth::{Operation, Reach};
use crate::domain::block::Block;
use crate::domain::episode::{DisabilityScore, Episode};
use crate::domain::patient::Patient;
use correct::correct;
use serde_json::Value;
use uuid::Uuid;

/// What the native API calls a correction that came this way.
const REASON: &str = "sent over FHIR";
/// What a withdrawal says whose client gave no reason.
const WITHDRAWN: &str = "withdrawn over FHIR";
/// The most disability scores of one episode.
const MOST_DISABILITY: usize = 200;

/// Records a new resource, as far as the token reaches.
///
/// # Errors
/// [`Error::Invalid`] with everything that is wrong with it; [`Error::Forbidden`] for what lies beyond the reach; those of the
/// use cases.
pub fn create(unit: &mut Unit<'_, '_>, kind: ResourceType, value: &Value) -> Result<Resource> {
    let named = value.get("resourceType").and_then(Value::as_str);
    let name = named.filter(|name| intake::kept_as(name) == Some(kind));
    let action = Change::Create.action(kind);
    let name = name.unwrap_or(kind.code());
    let reach = reach::to_write(unit, name, Operation::Create, action)?;
    let resource = reach::by_role(unit, |unit| {
        let intake = intake::read(kind, value, unit.now)?;
        let id = record(unit, &intake)?;
        let resource = source::written(unit, intake.kept_as, &id)?;
        given_back(value, &resource, &intake)?;
        Ok(resource)
    })?;
    reach::check(&reach, &resource, action)?;
    Ok(resource)
}

/// The resource that is to be changed, as far as the token may change it.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Forbidden`] where it lies beyond the reach.
pub fn changeable(
    unit: &mut Unit<'_, '_>,
    kind: ResourceType,
    id: &str,
    change: Change,
) -> Result<(Reach, Resource)> {
    let action = change.action(kind);
    let reach = reach::to_write(unit, kind.code(), change.operation(), action)?;
    let current = source::written(unit, kind, id)?;
    reach::check(&reach, &current, action)?;
    Ok((reach, current))
}

/// Puts what was sent in the place of what is recorded. What says the same makes no new version.
///
/// # Errors
/// [`Error::NotFound`], [`Error::PreconditionFailed`], and as [`create`].
pub fn update(
    unit: &mut Unit<'_, '_>,
    kind: ResourceType,
    id: &str,
    version: Option<i32>,
    value: &Value,
) -> Result<Resource> {
    let (reach, current) = changeable(unit, kind, id, Change::Update)?;
    check_version(&current, version)?;
    check_id(value, id)?;
    let resource = reach::by_role(unit, |unit| {
        let intake = intake::read(kind, value, unit.now)?;
        correct(unit, id, &intake)?;
        let resource = source::written(unit, kind, id)?;
        given_back(value, &resource, &intake)?;
        Ok(resource)
    })?;
    reach::check(&reach, &resource, Change::Update.action(kind))?;
    Ok(resource)
}

/// Withdraws a pain score; nothing else is ever deleted. One that was withdrawn before stays so.
///
/// # Errors
/// [`Error::NotFound`], [`Error::PreconditionFailed`], [`Error::Conflict`] for everything but a pain score.
pub fn delete(
    unit: &mut Unit<'_, '_>,
    kind: ResourceType,
    id: &str,
    version: Option<i32>,
) -> Result<()> {
    let (_, current) = changeable(unit, kind, id, Change::Delete)?;
    check_version(&current, version)?;
    let stays = || {
        Error::Conflict {
        code: "not_deleted",
        detail:
            "Only pain scores are withdrawn. Everything else stays as it was recorded, or follows from that; correct it instead."
                .to_owned(),
    }
    };
    let score = Uuid::try_parse(id).ok();
    let score = score
        .filter(|_| kind == ResourceType::Observation)
        .ok_or_else(stays)?;
    reach::by_role(unit, |unit| {
        let stored = match blocks::score(unit, score) {
            Ok(stored) => stored,
            Err(Error::NotFound { .. }) => return Err(stays()),
            Err(other) => return Err(other),
        };
        if stored.withdrawn.is_some() {
            return Ok(());
        }
        blocks::withdraw_score(unit, score, None, WITHDRAWN)
    })
}

/// Says what is wrong with a resource: it is written as [`create`] or, with an id, [`update`] would, and then all of it is
/// undone.
///
/// # Errors
/// Everything that they would refuse. Where nothing is wrong the caller must undo the transaction.
pub fn validate(
    unit: &mut Unit<'_, '_>,
    kind: ResourceType,
    id: Option<&str>,
    value: &Value,
) -> Result<()> {
    match id {
        Some(id) => update(unit, kind, id, None, value).map(|_| ()),
        None => create(unit, kind, value).map(|_| ()),
    }
}

fn check_version(current: &Resource, version: Option<i32>) -> Result<()> {
    match version {
        Some(version) if version != current.version => Err(Error::PreconditionFailed {
            current: current.version,
        }),
        _ => Ok(()),
    }
}

/// A resource that is put somewhere says the id of that place.
fn check_id(value: &Value, id: &str) -> Result<()> {
    match value.get("id") {
        Some(Value::String(said)) if said == id => Ok(()),
        None => Err(Error::field(
            "/id",
            "required",
            "Name the id that the address has.",
        )),
        Some(_) => Err(Error::field(
            "/id",
            "mismatch",
            "The address has another id.",
        )),
    }
}

/// Refuses what is not given back as it was sent; nothing is stored then.
fn given_back(value: &Value, resource: &Resource, intake: &Intake) -> Result<()> {
    let Some(sent) = value.as_object().filter(|_| !intake.restated) else {
        return Ok(());
    };
    let mut errors = Vec::new();
    kept::profiles(sent, &resource.body, &mut errors);
    kept::compare(sent, &resource.body, &intake.translated, &mut errors);
    checked(errors)
}

fn checked(errors: Vec<FieldError>) -> Result<()> {
    if errors.is_empty() {
        Ok(())
    } else {
        Err(Error::Invalid(errors))
    }
}

/// Refuses a reference to another record than the one that it must be.
fn same(reference: &Reference, id: Uuid, what: &str) -> Result<()> {
    if reference.id == id {
        return Ok(());
    }
    let detail = format!("This is another {what} than the one that the record belongs to.");
    Err(Error::field(reference.at.clone(), "mismatch", detail))
}

/// What a reference refers to and is not there.
fn absent(error: Error, reference: &Reference) -> Error {
    match error {
        Error::NotFound { what } => {
            let detail = format!("There is no such {what}.");
            Error::field(reference.at.clone(), "not_found", detail)
        }
        other => other,
    }
}

/// Records what was read; the id that it has as a resource.
fn record(unit: &mut Unit<'_, '_>, intake: &Intake) -> Result<String> {
    match &intake.sent {
        Sent::Patient(patient) => record_patient(unit, patient),
        Sent::Episode { patient, episode } => {
            let stored = intake.placed(episodes::record(unit, patient.id, episode))?;
            Ok(stored.id.to_string())
        }
        Sent::Block {
            patient,
            episode,
            block,
        } => {
            let belongs = Belongs::To(episode.id);
            let recorded = intake.placed(blocks::record(unit, &belongs, block, &[]))?;
            same(patient, recorded.block.patient, "patient")?;
            Ok(recorded.block.id.to_string())
        }
        Sent::Ablation {
            patient,
            episode,
            ablation,
        } => {
            let (stored, _) = intake.placed(ablations::record(unit, episode.id, ablation, &[]))?;
            same(patient, stored.patient, "patient")?;
            Ok(stored.id.to_string())
        }
        Sent::Anesthetic {
            patient,
            block,
            anesthetic,
        } => record_anesthetic(unit, patient, block, anesthetic),
        Sent::Score {
            patient,
            block,
            row,
            withdrawn,
        } => {
            if withdrawn.is_some() {
                let detail = "A new score is final; what was never recorded cannot be withdrawn.";
                return Err(Error::field("/status", "unknown_value", detail));
            }
            let one = std::slice::from_ref(row.as_ref());
            let added = blocks::add_scores(unit, block.id, one, |_| String::new());
            let added = intake.placed(added).map_err(|error| absent(error, block))?;
            let score = added
                .first()
                .ok_or_else(|| Error::internal("a score was added and is not there"))?;
            same(patient, score.patient, "patient")?;
            Ok(score.id.to_string())
        }
        Sent::Disability {
            patient,
            episode,
            score,
        } => record_disability(unit, intake, patient, episode.as_ref(), score),
        Sent::FollowUp {
            patient,
            ablation,
            follow_up,
        } => {
            let added = ablations::add_follow_up(unit, ablation.id, follow_up);
            let added = intake
                .placed(added)
                .map_err(|error| absent(error, ablation))?;
            same(patient, added.patient, "patient")?;
            Ok(added.id.to_string())
        }
        Sent::Event {
            patient,
            after,
            event,
        } => {
            let procedure = procedure(unit, after)?;
            let stored = intake.placed(ablations::record_event(unit, procedure, event))?;
            same(patient, stored.patient, "patient")?;
            Ok(stored.id.to_string())
        }
    }
}

/// A patient is recorded once: one of whose identifiers somebody has already is refused, and the other one named.
fn record_patient(unit: &mut Unit<'_, '_>, patient: &Patient) -> Result<String> {
    match patients::record(unit, patient)? {
        patients::Recorded::Anew(stored) => Ok(stored.id.to_string()),
        patients::Recorded::Before(stored) => Err(Error::Conflict {
            code: "duplicate",
            detail: format!(
                "A patient with such an identifier is recorded: Patient/{}.",
                stored.id
            ),
        }),
    }
}

fn record_anesthetic(
    unit: &mut Unit<'_, '_>,
    patient: &Reference,
    block: &Reference,
    anesthetic: &Anesthetic,
) -> Result<String> {
    let (stored, _) = blocks::get(unit, block.id).map_err(|error| absent(error, block))?;
    same(patient, stored.patient, "patient")?;
    if stored.value.agent.is_some() {
        return Err(Error::Conflict {
            code: "duplicate",
            detail: format!(
                "The anesthetic of this procedure is recorded: MedicationAdministration/{}.",
                stored.id
            ),
        });
    }
    complete(unit, &stored, anesthetic)?;
    Ok(stored.id.to_string())
}

/// Puts what is known of the anesthetic into its block.
fn complete(
    unit: &mut Unit<'_, '_>,
    stored: &Stored<Block>,
    anesthetic: &Anesthetic,
) -> Result<()> {
    let completed = Block {
        agent: Some(anesthetic.agent),
        concentration_thousandths: anesthetic.concentration_thousandths,
        volume_microlitres_per_nerve: anesthetic.volume_microlitres_per_nerve,
        ..stored.value.clone()
    };
    if completed != stored.value {
        blocks::correct(unit, stored.id, stored.version, &completed, Some(REASON))?;
    }
    Ok(())
}

fn record_disability(
    unit: &mut Unit<'_, '_>,
    intake: &Intake,
    patient: &Reference,
    episode: Option<&Reference>,
    score: &DisabilityScore,
) -> Result<String> {
    let stored = match episode {
        Some(episode) => episodes::get(unit, episode.id).map_err(|error| absent(error, episode))?,
        None => only_episode(unit, patient)?,
    };
    same(patient, stored.patient, "patient")?;
    let mut completed = stored.value.clone();
    let place = completed.disability.len();
    if place >= MOST_DISABILITY {
        let detail = format!("An episode has at most {MOST_DISABILITY} disability scores.");
        return Err(Error::field("", "too_many", detail));
    }
    completed.disability.push(score.clone());
    let corrected = episodes::correct(unit, stored.id, stored.version, &completed, Some(REASON));
    let corrected = intake.placed(corrected)?;
    let id = ObservationId::Disability {
        episode: corrected.id,
        place,
    };
    Ok(id.to_string())
}

/// The one episode of a patient.
fn only_episode(unit: &mut Unit<'_, '_>, patient: &Reference) -> Result<Stored<Episode>> {
    let page = episodes::page(unit, Some(patient.id), None, 2)?;
    let mut found = page.items.into_iter();
    match (found.next(), found.next()) {
        (Some(one), None) => Ok(one),
        (None, _) => {
            let detail = "This patient has no episode that it could be about.";
            Err(Error::field(patient.at.clone(), "not_found", detail))
        }
        (Some(_), Some(_)) => {
            let detail = format!(
                "This patient has several episodes: name the one with the extension {}.",
                terms::EXT_EPISODE
            );
            Err(Error::field("/extension", "required", detail))
        }
    }
}

/// The procedure that something came after.
fn procedure(unit: &mut Unit<'_, '_>, reference: &Reference) -> Result<After> {
    match blocks::get(unit, reference.id) {
        Ok(_) => Ok(After::Block(reference.id)),
        Err(Error::NotFound { .. }) => {
            let found = ablations::get(unit, reference.id);
            found.map_err(|error| absent(error, reference))?;
            Ok(After::Ablation(reference.id))
        }
        Err(other) => Err(other),
    }
}
