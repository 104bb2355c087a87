//! Determinations: what every profile says about every target of an episode, with reasons.

use super::core::Unit;
use super::episodes;
use super::error::Result;
use super::judging;
use super::profiles::WantedProfiles;
use crate::auth::Action;
use crate::db::rows::DeterminationVersion;
use crate::db::{Page, queries};
use crate::domain::pain::Threshold;
use crate::domain::qualification::history::Records;
use crate::domain::qualification::{
    Determination, History, Profile, RuleExplanation, evaluate, explain,
};
use crate::domain::relief::Comparison;
use chrono::NaiveDate;
use std::sync::Arc;
use uuid::Uuid;

/// What was determined about one history.
#[derive(Debug)]
pub struct Determined {
    /// The profiles that were asked for.
    pub profiles: Vec<Arc<Profile>>,
    /// The history.
    pub history: History,
    /// The date it was judged as of.
    pub as_of: NaiveDate,
}

impl Determined {
    /// Every determination with every rule explained.
    pub fn explained(
        &self,
    ) -> impl Iterator<Item = (Determination<'_>, Vec<RuleExplanation>)> + '_ {
        let profiles: Vec<&Profile> = self.profiles.iter().map(Arc::as_ref).collect();
        evaluate(&profiles, &self.history, self.as_of)
            .into_iter()
            .map(|determination| {
                let rules = explain(
                    determination.profile,
                    &self.history,
                    determination.target,
                    self.as_of,
                );
                (determination, rules)
            })
    }

    /// The newest two blocks of each target held against each other at each threshold in use.
    #[must_use]
    pub fn comparisons(&self) -> Vec<Comparison> {
        let records = Records::as_of(&self.history, self.as_of);
        thresholds(&self.profiles)
            .into_iter()
            .flat_map(|threshold| records.comparisons(threshold))
            .collect()
    }
}

/// The relief thresholds that `profiles` use, each once, ascending.
#[must_use]
pub fn thresholds(profiles: &[Arc<Profile>]) -> Vec<Threshold> {
    let mut thresholds: Vec<Threshold> = profiles
        .iter()
        .map(|profile| profile.criteria.relief)
        .collect();
    thresholds.sort_unstable();
    thresholds.dedup();
    thresholds
}

/// What the wanted profiles say about an episode as of a date, today where none is given.
///
/// # Errors
/// [`NotFound`](super::Error::NotFound) where there is no such episode.
pub fn of_episode(
    unit: &mut Unit<'_, '_>,
    episode: Uuid,
    as_of: Option<NaiveDate>,
    wanted: &WantedProfiles,
) -> Result<Determined> {
    unit.require(Action::ReadDetermination)?;
    let stored = episodes::find(unit, episode)?;
    let profiles = unit.chosen_profiles(wanted)?;
    let mut records = judging::load(unit, stored.patient)?;
    let as_of = as_of.unwrap_or_else(|| records.day(unit.today()));
    let place = records.episodes.iter().position(|(id, _)| *id == episode);
    let (_, history) = match place {
        Some(place) => records.episodes.swap_remove(place),
        None => return Err(super::Error::NotFound { what: "episode" }),
    };
    unit.note_read(
        Action::ReadDetermination,
        "determinations",
        Some(episode),
        Some(stored.patient),
    );
    Ok(Determined {
        profiles,
        history,
        as_of,
    })
}

/// A page of the determinations of an episode that were replaced, in the order in which they were.
///
/// # Errors
/// [`NotFound`](super::Error::NotFound) where there is no such episode.
pub fn history(
    unit: &mut Unit<'_, '_>,
    episode: Uuid,
    after: Option<Uuid>,
    limit: u16,
) -> Result<Page<DeterminationVersion>> {
    unit.require(Action::ReadDetermination)?;
    let stored = episodes::find(unit, episode)?;
    let organization = &unit.principal.organization;
    let page =
        queries::determinations::history(unit.tx, organization, episode, after, u32::from(limit))?;
    unit.note_read(
        Action::ReadDetermination,
        "determinations",
        Some(episode),
        Some(stored.patient),
    );
    Ok(page)
}

/// What the wanted profiles would say about a case that is not stored.
///
/// # Errors
/// [`Malformed`](super::Error::Malformed) for a profile that nobody knows.
pub fn what_if(
    unit: &mut Unit<'_, '_>,
    history: History,
    as_of: Option<NaiveDate>,
    wanted: &WantedProfiles,
) -> Result<Determined> {
    unit.require(Action::Evaluate)?;
    let profiles = unit.chosen_profiles(wanted)?;
    let as_of = as_of.unwrap_or_else(|| unit.today());
    Ok(Determined {
        profiles,
        history,
        as_of,
    })
}
