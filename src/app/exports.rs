//! Exports: who may have which records, read in chunks; and the exports that are made in the background.

use super::core::{App, Unit};
use super::determinations::thresholds;
use super::error::{Error, FieldError, Result};
use crate::auth::{Action, Principal};
use crate::db::queries::exports::Progress;
use crate::db::queries::{self, export_rows};
use crate::db::rows::{ExportState, NewAuditEntry, recorded};
use crate::db::{DbError, Stored};
use crate::domain::ablation::{Ablation, FollowUp};
use crate::domain::adverse_event::AdverseEvent;
use crate::domain::block::Block;
use crate::domain::episode::Episode;
use crate::domain::pain::{ScoreRow, Threshold};
use crate::domain::patient::Patient;
use crate::domain::vocabulary;
use crate::wire::determination::ReliefFields;
use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::Arc;
use uuid::Uuid;

pub use crate::db::queries::adverse_events::After;
pub use crate::db::rows::{Determination, Export, ExportFile};

vocabulary! {
    /// What can be exported.
    Dataset {
        /// Blocks.
        Blocks = "blocks", "blocks";
        /// Scores.
        Scores = "scores", "scores";
        /// Relief of each block on each side at each threshold.
        Relief = "relief", "relief";
        /// What each profile says about each target.
        Determinations = "determinations", "determinations";
        /// Ablations.
        Ablations = "ablations", "ablations";
        /// Follow-ups after ablations.
        FollowUps = "follow_ups", "follow-ups";
        /// Adverse events.
        AdverseEvents = "adverse_events", "adverse events";
        /// Episodes.
        Episodes = "episodes", "episodes";
        /// Patients.
        Patients = "patients", "patients";
    }
}

vocabulary! {
    /// How an export is written.
    Format {
        /// Comma-separated values.
        Csv = "csv", "CSV";
        /// One JSON object a line.
        Ndjson = "ndjson", "NDJSON";
    }
}

/// Exports are kept for so many days.
pub const KEPT_DAYS: i64 = 7;

/// Which records. `None` does not restrict.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportFilter {
    /// Of this patient.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patient_id: Option<Uuid>,
    /// Of this episode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub episode_id: Option<Uuid>,
    /// Of procedures by this operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<String>,
    /// Of procedures at this site.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
    /// Of procedures, or of adverse events that began, on this day or later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<NaiveDate>,
    /// The same, on this day or earlier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<NaiveDate>,
}

impl Dataset {
    /// The filters that it has.
    #[must_use]
    pub const fn filters(self) -> &'static [&'static str] {
        match self {
            Dataset::Blocks
            | Dataset::Scores
            | Dataset::Relief
            | Dataset::Ablations
            | Dataset::FollowUps => &["patient_id", "episode_id", "operator", "site", "from", "to"],
            Dataset::Determinations => &["patient_id", "episode_id", "operator"],
            Dataset::AdverseEvents => &["patient_id", "from", "to"],
            Dataset::Episodes => &["patient_id", "episode_id"],
            Dataset::Patients => &["patient_id"],
        }
    }
}

impl ExportFilter {
    /// The names of the filters that are set.
    #[must_use]
    pub fn names(&self) -> Vec<&'static str> {
        let set = [
            ("patient_id", self.patient_id.is_some()),
            ("episode_id", self.episode_id.is_some()),
            ("operator", self.operator.is_some()),
            ("site", self.site.is_some()),
            ("from", self.from.is_some()),
            ("to", self.to.is_some()),
        ];
        set.into_iter()
            .filter_map(|(name, set)| set.then_some(name))
            .collect()
    }

    /// The filters that tell, of a de-identified export, whose rows these are or on which day something was: everything
    /// but whole calendar years.
    fn telling(&self) -> Vec<&'static str> {
        let whole_years = |name: &str| match name {
            "from" => self.from.is_some_and(|day| day.ordinal() == 1),
            "to" => self
                .to
                .is_some_and(|day| (day.month(), day.day()) == (12, 31)),
            _ => false,
        };
        let mut names = self.names();
        names.retain(|name| !whole_years(name));
        names
    }

    /// As the audit trail says it: names of people and places are not repeated there.
    fn noted(&self) -> String {
        let day = |name: &str, day: Option<NaiveDate>| day.map(|day| format!("{name}={day}"));
        let id = |name: &str, id: Option<Uuid>| id.map(|id| format!("{name}={id}"));
        let parts = [
            id("patient_id", self.patient_id),
            id("episode_id", self.episode_id),
            self.operator.as_ref().map(|_| "operator".to_owned()),
            self.site.as_ref().map(|_| "site".to_owned()),
            day("from", self.from),
            day("to", self.to),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        if parts.is_empty() {
            "none".to_owned()
        } else {
            parts.join(",")
        }
    }

    fn of_rows(&self) -> export_rows::Filter {
        export_rows::Filter {
            patient: self.patient_id,
            episode: self.episode_id,
            operator: self.operator.clone(),
            site: self.site.clone(),
            from: self.from,
            to: self.to,
        }
    }
}

/// An export that somebody may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Of what.
    pub dataset: Dataset,
    /// How it is written.
    pub format: Format,
    /// Which records.
    pub filter: ExportFilter,
    /// Whether what identifies the patient is left out.
    pub deidentify: bool,
}

impl Wanted {
    /// What `principal` asks for. Without a word about it, whoever may have identified exports gets those, and everybody
    /// else de-identified ones.
    ///
    /// # Errors
    /// [`Error::Forbidden`] where they may not have it; [`Error::Invalid`] where the dataset has no such filter, or where
    /// the filter would tell, of a de-identified export, whose rows these are.
    pub fn by(
        principal: &Principal,
        dataset: Dataset,
        format: Format,
        filter: ExportFilter,
        deidentify: Option<bool>,
    ) -> Result<Wanted> {
        let identified_allowed = principal.allows(Action::ExportIdentified);
        let wanted = Wanted {
            dataset,
            format,
            filter,
            deidentify: deidentify.unwrap_or(!identified_allowed),
        };
        wanted.allowed_to(principal)?;
        let mut errors = wanted.foreign_filters();
        if !identified_allowed {
            errors.extend(wanted.telling_filters());
        }
        if errors.is_empty() {
            Ok(wanted)
        } else {
            Err(Error::Invalid(errors))
        }
    }

    /// What was asked for when `export` was.
    ///
    /// # Errors
    /// An internal one when the stored words are not known.
    pub fn stored(export: &Export) -> Result<Wanted> {
        let unknown = |error: crate::domain::UnknownCode| Error::Internal(Box::new(error));
        Ok(Wanted {
            dataset: Dataset::from_code(&export.dataset).map_err(unknown)?,
            format: Format::from_code(&export.format).map_err(unknown)?,
            filter: serde_json::from_str(&export.filters)
                .map_err(|_| Error::internal("the filters of an export cannot be read"))?,
            deidentify: export.deidentify,
        })
    }

    /// The name of the file: `blocks.csv`.
    #[must_use]
    pub fn file_name(&self) -> String {
        format!("{}.{}", self.dataset.code(), self.format.code())
    }

    const fn action(&self) -> Action {
        if self.deidentify {
            Action::ExportDeidentified
        } else {
            Action::ExportIdentified
        }
    }

    fn allowed_to(&self, principal: &Principal) -> Result<()> {
        let action = self.action();
        principal
            .require(action)
            .map_err(|_| Error::Forbidden { action })
    }

    /// Whether `principal` may see that it was asked for, and have it.
    fn open_to(&self, principal: &Principal) -> bool {
        principal.allows(Action::ExportIdentified)
            || (self.allowed_to(principal).is_ok() && self.filter.telling().is_empty())
    }

    fn foreign_filters(&self) -> Vec<FieldError> {
        let known = self.dataset.filters();
        let foreign = self
            .filter
            .names()
            .into_iter()
            .filter(|name| !known.contains(name));
        let error = |name: &str| {
            let dataset = self.dataset.code();
            FieldError::new(
                format!("/{name}"),
                "filter_does_not_apply",
                format!(
                    "{dataset} cannot be chosen by it; accepted are {}.",
                    known.join(", ")
                ),
            )
        };
        foreign.map(error).collect()
    }

    fn telling_filters(&self) -> Vec<FieldError> {
        let error = |name: &str| {
            let detail = "It would tell whose rows these are, or on which day. A de-identified export can be limited to whole years: \
                from a 1 January, to a 31 December.";
            FieldError::new(format!("/{name}"), "filter_identifies", detail)
        };
        self.filter.telling().into_iter().map(error).collect()
    }
}

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
        }
    }
}

/// Rows to a chunk.
const CHUNK: u32 = 500;
/// Blocks to a chunk of reliefs: each comes with all of its scores.
const RELIEF_BLOCKS: u32 = 50;
/// Episodes to a chunk of determinations: each has one for every target and profile.
const DETERMINED_EPISODES: u32 = 25;

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
    /// The records of `wanted` from the first.
    ///
    /// # Errors
    /// [`Error::Forbidden`]; those of the database.
    pub fn of(unit: &mut Unit<'_, '_>, wanted: &Wanted) -> Result<Chunks> {
        wanted.allowed_to(unit.principal)?;
        let thresholds = match wanted.dataset {
            Dataset::Relief => thresholds(&unit.active_profiles()?),
            _ => Vec::new(),
        };
        Ok(Chunks {
            dataset: wanted.dataset,
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
            Dataset::Scores => self.plain(unit, export_rows::scores, Record::Score)?,
            Dataset::Relief => self.reliefs(unit)?,
            Dataset::Determinations => self.determinations(unit)?,
            Dataset::Ablations => self.ablations(unit)?,
            Dataset::FollowUps => self.plain(unit, export_rows::follow_ups, Record::FollowUp)?,
            Dataset::AdverseEvents => self.adverse_events(unit)?,
            Dataset::Episodes => self.plain(unit, export_rows::episodes, Record::Episode)?,
            Dataset::Patients => self.plain(unit, export_rows::patients, Record::Patient)?,
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
        let found = export_rows::blocks(
            unit.tx,
            organization,
            &self.filter,
            self.after,
            RELIEF_BLOCKS,
        )?;
        self.came_to(found.last().map(|stored| stored.id));
        let ids: Vec<Uuid> = found.iter().map(|block| block.id).collect();
        let mut scores_of: HashMap<Uuid, Vec<_>> = HashMap::new();
        if !ids.is_empty() {
            for score in queries::scores::for_blocks(unit.tx, organization, &ids)? {
                scores_of
                    .entry(score.parent)
                    .or_default()
                    .push(recorded(&score));
            }
        }
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
        Ok(chunk.determinations.into_iter().map(record).collect())
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

fn birth_dates(
    unit: &mut Unit<'_, '_>,
    patients: impl Iterator<Item = Uuid>,
) -> Result<HashMap<Uuid, NaiveDate>> {
    let mut ids: Vec<Uuid> = patients.collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let found = queries::patients::by_ids(unit.tx, &unit.principal.organization, &ids)?;
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

/// Asks for an export to be made in the background.
///
/// # Errors
/// [`Error::Forbidden`]; those of the database.
pub fn request(unit: &mut Unit<'_, '_>, wanted: &Wanted) -> Result<Export> {
    wanted.allowed_to(unit.principal)?;
    let filters =
        serde_json::to_string(&wanted.filter).map_err(|error| Error::Internal(error.into()))?;
    let export = Export {
        organization: unit.principal.organization.clone(),
        id: unit.new_id(),
        dataset: wanted.dataset.code().to_owned(),
        format: wanted.format.code().to_owned(),
        filters,
        deidentify: wanted.deidentify,
        state: ExportState::Queued,
        rows: None,
        created_by: unit.principal.subject.clone(),
        created_at: unit.now,
        finished_at: None,
        failure: None,
    };
    queries::exports::insert(unit.tx, &unit.principal.organization, &export)?;
    note(unit, wanted, Some(export.id), "requested", None)?;
    Ok(export)
}

/// An export and its files, of which there are some once it is done.
pub type WithFiles = (Export, Vec<ExportFile>);

/// The exports of a page that the principal may have, newest first, and after which one the next page begins.
///
/// # Errors
/// Those of the database.
pub fn page(
    unit: &mut Unit<'_, '_>,
    before: Option<Uuid>,
    limit: u16,
) -> Result<(Vec<WithFiles>, Option<Uuid>)> {
    unit.require(Action::ExportDeidentified)?;
    let organization = &unit.principal.organization;
    let page = queries::exports::page(unit.tx, organization, before, u32::from(limit))?;
    let last = page.items.last().map(|export| export.id);
    let next = last.filter(|_| page.more);
    let mut exports = Vec::new();
    for export in page.items {
        if !Wanted::stored(&export)?.open_to(unit.principal) {
            continue;
        }
        let files = queries::exports::files(unit.tx, organization, export.id)?;
        exports.push((export, files));
    }
    Ok((exports, next))
}

/// How many exports [`page`] leads through.
///
/// # Errors
/// Those of the database.
pub fn count(unit: &mut Unit<'_, '_>) -> Result<u64> {
    const PAGE: u32 = 500;
    let (mut before, mut count) = (None, 0);
    // What was asked for in a week; whether somebody may have an export is in its filters, which the database cannot read.
    loop {
        let page = queries::exports::page(unit.tx, &unit.principal.organization, before, PAGE)?;
        for export in &page.items {
            if Wanted::stored(export)?.open_to(unit.principal) {
                count += 1;
            }
        }
        before = page.items.last().map(|export| export.id);
        if !page.more {
            return Ok(count);
        }
    }
}

/// One export and its files.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Forbidden`] for an identified one, where the principal may only have de-identified ones.
pub fn get(unit: &mut Unit<'_, '_>, id: Uuid) -> Result<WithFiles> {
    unit.require(Action::ExportDeidentified)?;
    let organization = &unit.principal.organization;
    let export = queries::exports::get(unit.tx, organization, id).map_err(no_such_export)?;
    if !Wanted::stored(&export)?.open_to(unit.principal) {
        return Err(Error::Forbidden {
            action: Action::ExportIdentified,
        });
    }
    let files = queries::exports::files(unit.tx, organization, id)?;
    Ok((export, files))
}

/// The file `name` of an export, which is read now.
///
/// # Errors
/// As [`get`]; [`Error::NotFound`] where it has no such file.
pub fn file(unit: &mut Unit<'_, '_>, id: Uuid, name: &str) -> Result<ExportFile> {
    let (export, files) = get(unit, id)?;
    let file = files
        .into_iter()
        .find(|file| file.name == name)
        .ok_or(Error::NotFound { what: "file" })?;
    let wanted = Wanted::stored(&export)?;
    let patient = wanted.filter.patient_id;
    unit.note_read(wanted.action(), "export_file", Some(id), patient);
    Ok(file)
}

/// Deletes an export; its files are to be removed once this is committed.
///
/// # Errors
/// As [`get`]; [`Error::Forbidden`] where somebody else asked for it and the principal may only have de-identified ones.
pub fn delete(unit: &mut Unit<'_, '_>, id: Uuid) -> Result<()> {
    let (export, _) = get(unit, id)?;
    if export.created_by != unit.principal.subject {
        unit.require(Action::ExportIdentified)?;
    }
    queries::exports::delete(unit.tx, &unit.principal.organization, id).map_err(no_such_export)?;
    note(unit, &Wanted::stored(&export)?, Some(id), "deleted", None)
}

fn no_such_export(error: DbError) -> Error {
    match error {
        DbError::NotFound => Error::NotFound { what: "export" },
        other => other.into(),
    }
}

/// Writes down what became of an export.
fn note(
    unit: &mut Unit<'_, '_>,
    wanted: &Wanted,
    export: Option<Uuid>,
    outcome: &str,
    rows: Option<u64>,
) -> Result<()> {
    let mut detail = format!(
        "dataset={} format={} filters={}",
        wanted.dataset.code(),
        wanted.format.code(),
        wanted.filter.noted()
    );
    if let Some(rows) = rows {
        detail.push_str(&format!(" rows={rows}"));
    }
    let entry = NewAuditEntry {
        id: unit.new_id(),
        at: unit.now,
        principal: unit.principal.subject.clone(),
        role: unit.principal.role.code().to_owned(),
        action: wanted.action().code().to_owned(),
        resource_kind: "export".to_owned(),
        resource_id: export,
        patient: wanted.filter.patient_id,
        outcome: outcome.to_owned(),
        detail: Some(detail),
    };
    queries::audit::append(unit.tx, &unit.principal.organization, &entry)?;
    Ok(())
}

impl App {
    /// Writes in the audit trail what became of an export: `begun`, `done` or `broken_off`, after so many rows.
    ///
    /// # Errors
    /// Those of the database.
    pub fn note_export(
        self: &Arc<Self>,
        principal: &Principal,
        wanted: &Wanted,
        export: Option<Uuid>,
        outcome: &'static str,
        rows: Option<u64>,
    ) -> Result<()> {
        let wanted = wanted.clone();
        self.write(principal, move |unit| {
            note(unit, &wanted, export, outcome, rows)
        })
    }

    /// Takes the export that is to be made next: one that was being made when the service ended, else the oldest that waits.
    ///
    /// # Errors
    /// Those of the database.
    pub fn take_waiting_export(self: &Arc<Self>) -> Result<Option<Export>> {
        self.db.write(|tx| {
            let mut found = queries::exports::in_state(tx, ExportState::Running, 1)?;
            found.extend(queries::exports::in_state(tx, ExportState::Queued, 1)?);
            let Some(export) = found.into_iter().next() else {
                return Ok(None);
            };
            let from = [ExportState::Running, ExportState::Queued];
            let running = progress(ExportState::Running);
            queries::exports::update_state(tx, &export.organization, export.id, &from, &running)?;
            Ok(Some(export))
        })
    }

    /// Puts the files of an export down; `false` where it was deleted meanwhile.
    ///
    /// # Errors
    /// Those of the database.
    pub fn finish_export(
        self: &Arc<Self>,
        export: &Export,
        rows: u64,
        files: Vec<ExportFile>,
    ) -> Result<bool> {
        let to = Progress {
            state: ExportState::Done,
            rows: i64::try_from(rows).ok(),
            finished_at: Some(self.seam.now()),
            failure: None,
        };
        self.end_export(export, to, files)
    }

    /// Says that an export could not be made, and why in words that may be shown; `false` where it was deleted meanwhile.
    ///
    /// # Errors
    /// Those of the database.
    pub fn fail_export(self: &Arc<Self>, export: &Export, why: &str) -> Result<bool> {
        let to = Progress {
            state: ExportState::Failed,
            rows: None,
            finished_at: Some(self.seam.now()),
            failure: Some(why.to_owned()),
        };
        self.end_export(export, to, Vec::new())
    }

    fn end_export(
        self: &Arc<Self>,
        export: &Export,
        to: Progress,
        files: Vec<ExportFile>,
    ) -> Result<bool> {
        let (organization, id) = (export.organization.clone(), export.id);
        self.db.write(move |tx| {
            let running = [ExportState::Running];
            match queries::exports::update_state(tx, &organization, id, &running, &to) {
                Ok(()) => {}
                Err(DbError::Stale) => return Ok(false),
                Err(error) => return Err(Error::from(error)),
            }
            queries::exports::add_files(tx, &organization, id, &files)?;
            Ok(true)
        })
    }

    /// Deletes the exports that were asked for more than [`KEPT_DAYS`] days ago, and names them.
    ///
    /// # Errors
    /// Those of the database.
    pub fn forget_old_exports(self: &Arc<Self>) -> Result<Vec<Export>> {
        const BATCH: u32 = 200;
        let oldest = self.seam.now() - TimeDelta::days(KEPT_DAYS);
        let mut forgotten = Vec::new();
        loop {
            let batch: Vec<Export> = self.db.write(move |tx| {
                let old = queries::exports::created_before(tx, oldest, BATCH)?;
                for export in &old {
                    queries::exports::delete(tx, &export.organization, export.id)?;
                }
                Ok::<_, Error>(old)
            })?;
            if batch.is_empty() {
                return Ok(forgotten);
            }
            forgotten.extend(batch);
        }
    }

    /// Whether the organization has an export with this id, a bulk export included: their files lie side by side.
    ///
    /// # Errors
    /// Those of the database.
    pub fn has_export(self: &Arc<Self>, organization: &str, id: Uuid) -> Result<bool> {
        self.db
            .read(|tx| match queries::exports::get(tx, organization, id) {
                Ok(_) => Ok(true),
                Err(DbError::NotFound) => match queries::bulk::get(tx, organization, id) {
                    Ok(_) => Ok(true),
                    Err(DbError::NotFound) => Ok(false),
                    Err(error) => Err(Error::from(error)),
                },
                Err(error) => Err(Error::from(error)),
            })
    }

    /// Every organization, by name.
    ///
    /// # Errors
    /// Those of the database.
    pub fn organizations(self: &Arc<Self>) -> Result<Vec<String>> {
        self.db
            .read(|tx| queries::organizations::all(tx).map_err(Error::from))
    }
}

fn progress(state: ExportState) -> Progress {
    Progress {
        state,
        rows: None,
        finished_at: None,
        failure: None,
    }
}

/// When an export that was asked for at `created_at` is deleted.
#[must_use]
pub fn expires_at(created_at: DateTime<Utc>) -> DateTime<Utc> {
    created_at + TimeDelta::days(KEPT_DAYS)
}
