//! Earlier versions of resources, made from what their records said.

use super::out;
use super::resource::Resource;
use crate::app::versions::{self, Earlier};
use crate::app::{Error, Result, Stored, Unit};
use crate::auth::Action;
use crate::domain::ablation::{Ablation, FollowUp};
use crate::domain::anatomy::nerves_of;
use crate::domain::block::Block;
use crate::domain::episode::Episode;
use crate::domain::pain::ScoreRow;
use crate::domain::patient::Patient;
use crate::wire::ablation::{AblationBody, FollowUpBody};
use crate::wire::block::{BlockBody, ScoreBody};
use crate::wire::episode::EpisodeBody;
use crate::wire::errors::{FieldErrors, parse};
use crate::wire::patient::PatientBody;
use deserr::Deserr;
use serde_json::Value;

/// Every version of a record before the present one, as it was, the newest first.
fn before<T: Clone>(
    unit: &mut Unit<'_, '_>,
    (reading, kind): (Action, &str),
    current: &Stored<T>,
    read: impl Fn(Value) -> Result<T>,
) -> Result<Vec<Stored<T>>> {
    let kept = versions::all_earlier(unit, reading, kind, current.id)?;
    let was = |one: Earlier| {
        Ok(Stored {
            version: one.version,
            updated_at: one.since,
            withdrawn: None,
            value: read(one.fields)?,
            ..current.clone()
        })
    };
    kept.into_iter().rev().map(was).collect()
}

/// What was kept is what was once accepted.
fn body<B: Deserr<FieldErrors>>(fields: Value) -> Result<B> {
    parse(fields).map_err(|errors| {
        let fields: Vec<&str> = errors.iter().map(|error| error.pointer.as_str()).collect();
        Error::internal(format!("a kept version cannot be read: {fields:?}"))
    })
}

fn patient(fields: Value) -> Result<Patient> {
    body::<PatientBody>(fields).map(PatientBody::into_domain)
}

fn episode(fields: Value) -> Result<Episode> {
    body::<EpisodeBody>(fields).map(EpisodeBody::into_domain)
}

fn block(fields: Value) -> Result<Block> {
    let (mut block, _) = body::<BlockBody>(fields)?.into_domain();
    // The nerves are kept whether they were corrected or followed from the joints.
    if block.corrected_nerves.as_deref() == Some(&*nerves_of(&block.joints)) {
        block.corrected_nerves = None;
    }
    Ok(block)
}

fn ablation(fields: Value) -> Result<Ablation> {
    body::<AblationBody>(fields).map(|body| body.into_domain().0)
}

fn follow_up(fields: Value) -> Result<FollowUp> {
    body::<FollowUpBody>(fields).map(FollowUpBody::into_domain)
}

/// A patient's versions, the newest first.
pub(super) fn of_patient(
    unit: &mut Unit<'_, '_>,
    current: &Stored<Patient>,
) -> Result<Vec<Resource>> {
    let earlier = before(unit, (Action::ReadPatient, "patient"), current, patient)?;
    Ok(shown(current, &earlier, out::patient::resource))
}

/// An episode's versions, the newest first.
pub(super) fn of_episode(
    unit: &mut Unit<'_, '_>,
    current: &Stored<Episode>,
) -> Result<Vec<Resource>> {
    let earlier = before(unit, (Action::ReadEpisode, "episode"), current, episode)?;
    Ok(shown(current, &earlier, out::condition::resource))
}

/// A block's versions, the newest first.
pub(super) fn of_block(
    unit: &mut Unit<'_, '_>,
    current: &Stored<Block>,
) -> Result<Vec<Stored<Block>>> {
    let earlier = before(unit, (Action::ReadBlock, "block"), current, block)?;
    let current = std::iter::once(current.clone());
    Ok(current.chain(earlier).collect())
}

/// An ablation's versions, the newest first.
pub(super) fn of_ablation(
    unit: &mut Unit<'_, '_>,
    current: &Stored<Ablation>,
) -> Result<Vec<Resource>> {
    let earlier = before(unit, (Action::ReadAblation, "ablation"), current, ablation)?;
    Ok(shown(current, &earlier, out::procedure::of_ablation))
}

/// A score's versions, the newest first.
pub(super) fn of_score(
    unit: &mut Unit<'_, '_>,
    current: &Stored<ScoreRow>,
) -> Result<Vec<Resource>> {
    let answered_at = current.value.answered_at;
    let read = |fields: Value| {
        let row = body::<ScoreBody>(fields)?.into_domain();
        let row = row.ok_or_else(|| Error::internal("a kept score is not on its scale"))?;
        Ok(ScoreRow { answered_at, ..row })
    };
    let earlier = before(unit, (Action::ReadScore, "score"), current, read)?;
    Ok(shown(current, &earlier, out::observation::of_score))
}

/// A follow-up's versions, the newest first.
pub(super) fn of_follow_up(
    unit: &mut Unit<'_, '_>,
    current: &Stored<FollowUp>,
) -> Result<Vec<Resource>> {
    let kept = (Action::ReadAblation, "follow_up");
    let earlier = before(unit, kept, current, follow_up)?;
    Ok(shown(current, &earlier, out::observation::of_follow_up))
}

fn shown<T>(
    current: &Stored<T>,
    earlier: &[Stored<T>],
    show: impl Fn(&Stored<T>) -> Resource,
) -> Vec<Resource> {
    std::iter::once(current).chain(earlier).map(show).collect()
}
