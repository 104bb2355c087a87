//! The ways through the records: the cohort patient by patient, and the verdicts target by target.

use super::super::core::Unit;
use super::super::error::{Error, Result};
use super::{Asked, Progress};
use crate::db::queries::analytics::{self, CohortChunk, Wanted};
use crate::domain::anatomy::Target;
use crate::domain::ids::EpisodeId;
use crate::domain::study::agreement::{Judged, ProfilesAgreement};
use crate::domain::study::cohort::{readings, targets};
use crate::domain::study::{CohortPatient, Selection, Table};
use chrono::NaiveDate;
use std::collections::{HashMap, HashSet};
use std::sync::mpsc;

/// Patients to a chunk: each comes with all of its records.
const PATIENTS: u32 = 500;
/// Verdicts to a chunk.
const VERDICTS: u32 = 20_000;
/// Chunks that wait to be counted.
const WAITING: usize = 2;

/// Counts every patient of the organization: `counting` is given each of them, and comes back in the end.
pub(super) fn cohort<C: Send>(
    unit: &mut Unit<'_, '_>,
    wanted: Wanted,
    counting: C,
    progress: &mut Progress<'_>,
    add: impl Fn(&mut C, &CohortPatient) + Send,
) -> Result<C> {
    let zone = unit.app.settings.time_zone;
    std::thread::scope(|scope| {
        let (give, take) = mpsc::sync_channel::<CohortChunk>(WAITING);
        let counter = scope.spawn(move || {
            let mut counting = counting;
            for chunk in take {
                for patient in &chunk.read(zone)? {
                    add(&mut counting, patient);
                }
            }
            Ok(counting)
        });
        let read = read_cohort(unit, wanted, progress, &give);
        drop(give);
        let counted: Result<C> = counter
            .join()
            .unwrap_or_else(|_| Err(Error::internal("the thread that counts a figure ended")));
        read.and(counted)
    })
}

fn read_cohort(
    unit: &mut Unit<'_, '_>,
    wanted: Wanted,
    progress: &mut Progress<'_>,
    give: &mpsc::SyncSender<CohortChunk>,
) -> Result<()> {
    let organization = &unit.principal.organization;
    let mut after: Option<String> = None;
    let mut patients = 0_u64;
    loop {
        let chunk = analytics::cohort(unit.tx, organization, wanted, after.as_deref(), PATIENTS)?;
        let Some(last) = chunk.last().map(str::to_owned) else {
            return Ok(());
        };
        patients += u64::try_from(chunk.len()).unwrap_or(0);
        after = Some(last);
        // The counter is gone only where it failed, and then says why itself.
        if give.send(chunk).is_err() {
            return Ok(());
        }
        progress(patients)?;
    }
}

/// The agreement of the profiles in use, from the verdicts as they are stored.
pub(super) fn agreement(
    unit: &mut Unit<'_, '_>,
    asked: &Asked,
    selection: &Selection,
    as_of: NaiveDate,
    progress: &mut Progress<'_>,
) -> Result<Vec<Table>> {
    let profiles: Vec<String> = unit
        .active_profiles()?
        .iter()
        .map(|profile| profile.id.clone())
        .collect();
    let places: HashMap<&str, usize> = profiles
        .iter()
        .enumerate()
        .map(|(place, id)| (id.as_str(), place))
        .collect();
    // Which profile the pairs must have; who meets it is not what the filter is about here.
    let with = asked
        .filter
        .profile
        .as_deref()
        .and_then(|id| places.get(id).copied());
    let selection = Selection {
        meeting: None,
        ..selection.clone()
    };
    let chosen = if asked.filter.takes_every_procedure() {
        None
    } else {
        Some(selected_targets(unit, &selection, as_of, progress)?)
    };
    let mut counting = ProfilesAgreement::new(profiles.clone(), with);
    let organization = &unit.principal.organization;
    let mut after: Option<String> = None;
    loop {
        let (verdicts, next) =
            analytics::verdicts(unit.tx, organization, after.as_deref(), VERDICTS)?;
        for of_target in
            verdicts.chunk_by(|one, next| (one.episode, one.target) == (next.episode, next.target))
        {
            let Some(first) = of_target.first() else {
                continue;
            };
            let key = (first.episode, first.target);
            let is_chosen = chosen.as_ref().is_none_or(|chosen| chosen.contains(&key));
            if !is_chosen || !selection.target(first.episode, first.target) {
                continue;
            }
            let mut judged: Vec<Judged> = of_target
                .iter()
                .filter_map(|one| {
                    Some(Judged {
                        profile: *places.get(one.profile.as_str())?,
                        verdict: one.verdict,
                        statuses: one.statuses,
                    })
                })
                .collect();
            judged.sort_by_key(|one| one.profile);
            counting.add(&judged);
        }
        let Some(next) = next else {
            return Ok(counting.tables());
        };
        after = Some(next);
    }
}

/// The targets whose first block, or whose first ablation where there is no block, is selected.
fn selected_targets(
    unit: &mut Unit<'_, '_>,
    selection: &Selection,
    as_of: NaiveDate,
    progress: &mut Progress<'_>,
) -> Result<HashSet<(EpisodeId, Target)>> {
    let wanted = Wanted {
        scores: false,
        events: false,
        referrals: false,
    };
    cohort(unit, wanted, HashSet::new(), progress, |chosen, patient| {
        for episode in &patient.episodes {
            let readings = readings(&episode.history, as_of);
            for view in targets(&episode.history, &readings, as_of) {
                if selection.view(episode, &view) {
                    chosen.insert((episode.id, view.target));
                }
            }
        }
    })
}
