//! The records of a dataset, read in chunks: only one of them is in memory.

use super::choice::Wanted;
use super::content::Dataset;
use super::filter::ExportFilter;
use super::outcomes::{self, Outcome};
use crate::app::core::Unit;
use crate::app::determinations::thresholds;
use crate::app::error::Result;
use crate::db::queries::adverse_events::After;
use crate::db::queries::{self, export_rows};
use crate::db::rows::{Determination, recorded};
use crate::db::{DbError, Stored};
use crate::domain::ablation::{Ablation, FollowUp};
use crate::domain::adverse_event::AdverseEvent;
use crate::domain::block::Block;
use crate::domain::episode::Episode;
use crate::domain::pain::{RecordedScore, ScoreRow, Threshold};
use crate::domain::patient::Patient;
use crate::wire::determination::ReliefFields;
use chrono::NaiveDate;
use std::collections::HashMap;
use std::sync::Arc;
use uuid::Uuid;

/// One record of a dataset.
#[derive(Debug, Clone)]
pub enum Record {
    /// A block, and how many whole years old the patient was.
    Block(Box<(Stored<Block>, Option<i64>)>),
    /// A score.
    Score(Box<Stored<ScoreRow>>),
    /// What a block did on one side at one threshold.
    Relief(Box<(Arc<Stored<Block>>, ReliefFields)>),
    /// A determination.
    Determination(Box<Determination>),
    /// An ablation, and how many whole years old the patient was.
    Ablation(Box<(Stored<Ablation>, Option<i64>)>),
    /// A follow-up.
    FollowUp(Box<Stored<FollowUp>>),
    /// An adverse event, and what it came after.
    AdverseEvent(Box<(Stored<AdverseEvent>, After)>),
    /// An episode.
    Episode(Box<Stored<Episode>>),
    /// A patient.
    Patient(Box<Stored<Patient>>),
    /// What became of a target.
    Outcome(Box<Outcome>),
}

impl Record {
    /// The patient it is about.
    #[must_use]
    pub fn patient(&self) -> Uuid {
        match self {
            Record::Block(of) => of.0.patient,
            Record::Score(of) => of.patient,
            Record::Relief(of) => of.0.patient,
            Record::Determination(of) => of.patient,
            Record::Ablation(of) => of.0.patient,
            Record::FollowUp(of) => of.patient,
            Record::AdverseEvent(of) => of.0.patient,
            Record::Episode(of) => of.patient,
            Record::Patient(of) => of.patient,
            Record::Outcome(of) => of.patient,
        }
    }
}

/// Rows to a chunk.
const CHUNK: u32 = 500;
/// Blocks to a chunk of scores or reliefs, ablations to one of follow-ups: each comes with everything that belongs to it.
const PARENTS: u32 = 50;
/// Episodes to a chunk of determinations: each has one for every target and profile.
const DETERMINED_EPISODES: u32 = 25;
/// Episodes to a chunk of outcomes: each comes with everything that was recorded about it.
const OUTCOME_EPISODES: u32 = 25;

/// The records of an export, chunk by chunk: only one of them is in memory.
#[derive(Debug)]
pub struct Chunks {
    dataset: Dataset,
    filter: export_rows::Filter,
    after: Option<Uuid>,
    over: bool,
    thresholds: Vec<Threshold>,
}

impl Chunks {
    /// The records of `dataset` as `wanted`, from the first.
    ///
    /// # Errors
    /// [`Error::Forbidden`](crate::app::Error::Forbidden); those of the database.
    pub fn of(unit: &mut Unit<'_, '_>, wanted: &Wanted, dataset: Dataset) -> Result<Chunks> {
        wanted.allowed_to(unit.principal)?;
        let thresholds = match dataset {
            Dataset::Relief => thresholds(&unit.active_profiles()?),
            _ => Vec::new(),
        };
        Ok(Chunks {
            dataset,
            filter: wanted.filter.of_rows(),
            after: None,
            over: false,
            thresholds,
        })
    }

    /// The next records, which may be none although more follow; `None` after the last.
    ///
    /// # Errors
    /// Those of the database.
    pub fn next(&mut self, unit: &mut Unit<'_, '_>) -> Result<Option<Vec<Record>>> {
        if self.over {
            return Ok(None);
        }
        let records = match self.dataset {
            Dataset::Blocks => self.blocks(unit)?,
            Dataset::Scores => self.of_parents(unit, export_rows::scores, Record::Score)?,
            Dataset::Relief => self.reliefs(unit)?,
            Dataset::Determinations => self.determinations(unit)?,
            Dataset::Ablations => self.ablations(unit)?,
            Dataset::FollowUps => {
                self.of_parents(unit, export_rows::follow_ups, Record::FollowUp)?
            }
            Dataset::AdverseEvents => self.adverse_events(unit)?,
            Dataset::Episodes => self.plain(unit, export_rows::episodes, Record::Episode)?,
            Dataset::Patients => self.plain(unit, export_rows::patients, Record::Patient)?,
            Dataset::Outcomes => self.outcomes(unit)?,
        };
        Ok(Some(records))
    }

    /// Remembers where the next chunk begins.
    fn came_to(&mut self, last: Option<Uuid>) {
        self.over = last.is_none();
        self.after = last;
    }

    fn plain<T>(
        &mut self,
        unit: &mut Unit<'_, '_>,
        load: LoadChunk<T>,
        record: fn(Box<Stored<T>>) -> Record,
    ) -> Result<Vec<Record>> {
        let organization = &unit.principal.organization;
        let found = load(unit.tx, organization, &self.filter, self.after, CHUNK)?;
        self.came_to(found.last().map(|stored| stored.id));
        Ok(found
            .into_iter()
            .map(|stored| record(Box::new(stored)))
            .collect())
    }

    fn of_parents<T>(
        &mut self,
        unit: &mut Unit<'_, '_>,
        load: LoadOfParents<T>,
        record: fn(Box<Stored<T>>) -> Record,
    ) -> Result<Vec<Record>> {
        let organization = &unit.principal.organization;
        let chunk = load(unit.tx, organization, &self.filter, self.after, PARENTS)?;
        self.came_to(chunk.next);
        Ok(chunk
            .records
            .into_iter()
            .map(|stored| record(Box::new(stored)))
            .collect())
    }

    fn blocks(&mut self, unit: &mut Unit<'_, '_>) -> Result<Vec<Record>> {
        let organization = &unit.principal.organization;
        let found = export_rows::blocks(unit.tx, organization, &self.filter, self.after, CHUNK)?;
        self.came_to(found.last().map(|stored| stored.id));
        let born = birth_dates(unit, found.iter().map(|block| block.patient))?;
        let record = |block: Stored<Block>| {
            let age = age(&born, block.patient, block.value.local_date());
            Record::Block(Box::new((block, age)))
        };
        Ok(found.into_iter().map(record).collect())
    }

    fn ablations(&mut self, unit: &mut Unit<'_, '_>) -> Result<Vec<Record>> {
        let organization = &unit.principal.organization;
        let found = export_rows::ablations(unit.tx, organization, &self.filter, self.after, CHUNK)?;
        self.came_to(found.last().map(|stored| stored.id));
        let born = birth_dates(unit, found.iter().map(|ablation| ablation.patient))?;
        let record = |ablation: Stored<Ablation>| {
            let age = age(&born, ablation.patient, ablation.value.performed_on);
            Record::Ablation(Box::new((ablation, age)))
        };
        Ok(found.into_iter().map(record).collect())
    }

    fn adverse_events(&mut self, unit: &mut Unit<'_, '_>) -> Result<Vec<Record>> {
        let organization = &unit.principal.organization;
        let found =
            export_rows::adverse_events(unit.tx, organization, &self.filter, self.after, CHUNK)?;
        self.came_to(found.last().map(|(stored, _)| stored.id));
        let record = |found| Record::AdverseEvent(Box::new(found));
        Ok(found.into_iter().map(record).collect())
    }

    fn reliefs(&mut self, unit: &mut Unit<'_, '_>) -> Result<Vec<Record>> {
        let organization = &unit.principal.organization;
        let found = export_rows::blocks(unit.tx, organization, &self.filter, self.after, PARENTS)?;
        self.came_to(found.last().map(|stored| stored.id));
        let mut scores_of = scores_of_blocks(unit, &found)?;
        let mut records = Vec::new();
        for block in found {
            let scores = scores_of.remove(&block.id).unwrap_or_default();
            let block = Arc::new(block);
            // Everything that is recorded is read: the patient's calendar may be ahead of ours.
            let reliefs =
                ReliefFields::of_block(&block.value, &scores, NaiveDate::MAX, &self.thresholds);
            let record = |relief| Record::Relief(Box::new((Arc::clone(&block), relief)));
            records.extend(reliefs.into_iter().map(record));
        }
        Ok(records)
    }

    fn outcomes(&mut self, unit: &mut Unit<'_, '_>) -> Result<Vec<Record>> {
        let organization = &unit.principal.organization;
        let filter = &self.filter;
        let found =
            export_rows::episodes(unit.tx, organization, filter, self.after, OUTCOME_EPISODES)?;
        let outcomes = outcomes::of_episodes(unit, &found, filter)?;
        self.came_to(found.last().map(|stored| stored.id));
        let record = |outcome| Record::Outcome(Box::new(outcome));
        Ok(outcomes.into_iter().map(record).collect())
    }

    fn determinations(&mut self, unit: &mut Unit<'_, '_>) -> Result<Vec<Record>> {
        let organization = &unit.principal.organization;
        let chunk = export_rows::determinations(
            unit.tx,
            organization,
            &self.filter,
            self.after,
            DETERMINED_EPISODES,
        )?;
        self.came_to(chunk.next);
        let record = |determination| Record::Determination(Box::new(determination));
        Ok(chunk.records.into_iter().map(record).collect())
    }
}

/// A query of [`export_rows`].
type LoadChunk<T> = fn(
    &mut crate::db::Tx<'_>,
    &str,
    &export_rows::Filter,
    Option<Uuid>,
    u32,
) -> std::result::Result<Vec<Stored<T>>, DbError>;

/// A query of [`export_rows`] for the records of some parents.
type LoadOfParents<T> = fn(
    &mut crate::db::Tx<'_>,
    &str,
    &export_rows::Filter,
    Option<Uuid>,
    u32,
) -> std::result::Result<export_rows::Chunk<Stored<T>>, DbError>;

/// The scores of each of some blocks.
pub(super) fn scores_of_blocks(
    unit: &mut Unit<'_, '_>,
    blocks: &[Stored<Block>],
) -> Result<HashMap<Uuid, Vec<RecordedScore>>> {
    let ids: Vec<Uuid> = blocks.iter().map(|block| block.id).collect();
    let mut scores_of: HashMap<Uuid, Vec<RecordedScore>> = HashMap::new();
    if ids.is_empty() {
        return Ok(scores_of);
    }
    for score in queries::scores::for_blocks(unit.tx, &unit.principal.organization, &ids)? {
        scores_of
            .entry(score.parent)
            .or_default()
            .push(recorded(&score));
    }
    Ok(scores_of)
}

/// Some patients, each once.
pub(super) fn patients_by_id(
    unit: &mut Unit<'_, '_>,
    patients: impl Iterator<Item = Uuid>,
) -> Result<HashMap<Uuid, Stored<Patient>>> {
    let mut ids: Vec<Uuid> = patients.collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    Ok(queries::patients::by_ids(
        unit.tx,
        &unit.principal.organization,
        &ids,
    )?)
}

fn birth_dates(
    unit: &mut Unit<'_, '_>,
    patients: impl Iterator<Item = Uuid>,
) -> Result<HashMap<Uuid, NaiveDate>> {
    let found = patients_by_id(unit, patients)?;
    Ok(found
        .into_iter()
        .filter_map(|(id, patient)| Some((id, patient.value.birth_date?)))
        .collect())
}

/// How many whole years old the patient was.
fn age(born: &HashMap<Uuid, NaiveDate>, patient: Uuid, on: NaiveDate) -> Option<i64> {
    let born = born.get(&patient)?;
    on.years_since(*born).map(i64::from)
}

/// How many rows `dataset` has at most as `filter` chooses them: enough to tell whether there is room for it.
///
/// # Errors
/// Those of the database.
pub fn expected_rows(
    unit: &mut Unit<'_, '_>,
    dataset: Dataset,
    filter: &ExportFilter,
) -> Result<u64> {
    let filter = filter.of_rows();
    let organization = &unit.principal.organization;
    let counted = match dataset {
        Dataset::Blocks => export_rows::count_blocks(unit.tx, organization, &filter)?,
        Dataset::Scores => export_rows::count_scores(unit.tx, organization, &filter)?,
        Dataset::Relief => {
            let blocks = export_rows::count_blocks(unit.tx, organization, &filter)?;
            let thresholds = thresholds(&unit.active_profiles()?).len();
            // Both sides at each threshold.
            blocks
                .saturating_mul(2)
                .saturating_mul(i64::try_from(thresholds).unwrap_or(i64::MAX))
        }
        Dataset::Determinations | Dataset::Outcomes => {
            export_rows::count_determinations(unit.tx, organization, &filter)?
        }
        Dataset::Ablations => export_rows::count_ablations(unit.tx, organization, &filter)?,
        Dataset::FollowUps => export_rows::count_follow_ups(unit.tx, organization, &filter)?,
        Dataset::AdverseEvents => {
            export_rows::count_adverse_events(unit.tx, organization, &filter)?
        }
        Dataset::Episodes => export_rows::count_episodes(unit.tx, organization, &filter)?,
        Dataset::Patients => export_rows::count_patients(unit.tx, organization, &filter)?,
    };
    Ok(u64::try_from(counted).unwrap_or(0))
}
