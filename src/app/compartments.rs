//! What is recorded about many patients at once, for who takes all of it away: a few queries for a batch of patients
//! instead of a dozen for each.

use super::compartment::Judged;
use super::core::Unit;
use super::error::Result;
use super::judging::{PatientRecords, PatientRows};
use crate::auth::Action;
use crate::db::queries::adverse_events::After;
use crate::db::rows::{Determination, DeterminationVersion, NewAuditEntry};
use crate::db::{Stored, queries};
use crate::domain::ablation::{Ablation, FollowUp};
use crate::domain::adverse_event::AdverseEvent;
use crate::domain::block::Block;
use crate::domain::episode::Episode;
use crate::domain::pain::ScoreRow;
use crate::domain::patient::Patient;
use crate::domain::qualification::{History, Profile};
use chrono::{DateTime, NaiveDate, Utc};
use std::collections::HashMap;
use std::sync::Arc;
use uuid::Uuid;

/// A kind of record that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// Episodes.
    Episodes,
    /// Blocks.
    Blocks,
    /// Scores; with them their blocks.
    Scores,
    /// Ablations.
    Ablations,
    /// Follow-ups; with them their ablations.
    FollowUps,
    /// Adverse events.
    Events,
    /// Who recorded what.
    Changes,
    /// What is determined; with it all that is judged.
    Determinations,
}

impl Part {
    const fn action(self) -> Action {
        match self {
            Part::Episodes => Action::ReadEpisode,
            Part::Blocks => Action::ReadBlock,
            Part::Scores => Action::ReadScore,
            Part::Ablations | Part::FollowUps => Action::ReadAblation,
            Part::Events => Action::ReadAdverseEvent,
            Part::Changes => Action::ReadPatient,
            Part::Determinations => Action::ReadDetermination,
        }
    }
}

/// What is recorded about one patient, each kind in the order of recording; what was not asked for is left out.
#[derive(Debug)]
pub struct Compartment {
    /// The patient.
    pub patient: Stored<Patient>,
    /// Episodes.
    pub episodes: Vec<Stored<Episode>>,
    /// Blocks.
    pub blocks: Vec<Stored<Block>>,
    /// Scores, block by block.
    pub scores: Vec<Stored<ScoreRow>>,
    /// Scores that were withdrawn since the instant that was asked about.
    pub withdrawn: Vec<Stored<ScoreRow>>,
    /// Ablations.
    pub ablations: Vec<Stored<Ablation>>,
    /// Follow-ups, ablation by ablation.
    pub follow_ups: Vec<Stored<FollowUp>>,
    /// Adverse events, each with what it came after.
    pub events: Vec<(Stored<AdverseEvent>, After)>,
    /// Who recorded what, in the order in which it was done.
    pub changes: Vec<NewAuditEntry>,
    /// What is determined, as it is stored.
    pub determinations: Vec<Determination>,
    /// What was determined at the instant that was asked about and has been replaced since.
    pub replaced: Vec<DeterminationVersion>,
}

impl Compartment {
    fn of(patient: Stored<Patient>) -> Compartment {
        Compartment {
            patient,
            episodes: Vec::new(),
            blocks: Vec::new(),
            scores: Vec::new(),
            withdrawn: Vec::new(),
            ablations: Vec::new(),
            follow_ups: Vec::new(),
            events: Vec::new(),
            changes: Vec::new(),
            determinations: Vec::new(),
            replaced: Vec::new(),
        }
    }

    /// When anything of it was last recorded, corrected, withdrawn or decided, or ceased to be.
    #[must_use]
    pub fn last_change(&self) -> DateTime<Utc> {
        let events = self.events.iter().map(|(event, _)| event.updated_at);
        let changes = self.changes.iter().map(|change| change.at);
        let decided = self.determinations.iter().map(|one| one.decided_at);
        let replaced = self.replaced.iter().map(|one| one.replaced_at);
        updated(&self.episodes)
            .chain(updated(&self.blocks))
            .chain(updated(&self.scores))
            .chain(updated(&self.withdrawn))
            .chain(updated(&self.ablations))
            .chain(updated(&self.follow_ups))
            .chain(events)
            .chain(changes)
            .chain(decided)
            .chain(replaced)
            .fold(self.patient.updated_at, DateTime::max)
    }

    /// What `profiles` say about each episode: judged as of `today`, or of the day of the newest record where the patient's
    /// calendar is ahead of ours.
    #[must_use]
    pub fn judged(self, profiles: Vec<Arc<Profile>>, today: NaiveDate) -> Judged {
        let records = PatientRecords::of(PatientRows {
            episodes: self.episodes.clone(),
            blocks: self.blocks,
            scores: self.scores,
            ablations: self.ablations,
            follow_ups: self.follow_ups,
        });
        let as_of = records.day(today);
        // Both are in the order of recording.
        let histories: Vec<(Stored<Episode>, History)> = self
            .episodes
            .into_iter()
            .zip(records.episodes)
            .map(|(episode, (_, history))| (episode, history))
            .collect();
        Judged {
            profiles,
            histories,
            as_of,
            stored: self.determinations,
        }
    }
}

fn updated<T>(records: &[Stored<T>]) -> impl Iterator<Item = DateTime<Utc>> {
    records.iter().map(|record| record.updated_at)
}

/// Reads some kinds of records of batches of patients.
#[derive(Debug)]
pub struct Reader {
    parts: Vec<Part>,
    since: Option<DateTime<Utc>>,
    /// The scores that were withdrawn since then, by patient.
    withdrawn: HashMap<Uuid, Vec<Uuid>>,
}

impl Reader {
    /// A reader of `parts`. With an instant it also reads what has gone since.
    ///
    /// # Errors
    /// [`Forbidden`](super::Error::Forbidden) for who may not read one of them; those of the database.
    pub fn of(
        unit: &mut Unit<'_, '_>,
        parts: &[Part],
        since: Option<DateTime<Utc>>,
    ) -> Result<Reader> {
        unit.require(Action::ReadPatient)?;
        for part in parts {
            unit.require(part.action())?;
        }
        let mut withdrawn: HashMap<Uuid, Vec<Uuid>> = HashMap::new();
        if let Some(since) = since.filter(|_| parts.contains(&Part::Scores)) {
            let organization = &unit.principal.organization;
            for (score, patient) in queries::scores::withdrawn_since(unit.tx, organization, since)?
            {
                withdrawn.entry(patient).or_default().push(score);
            }
        }
        Ok(Reader {
            parts: parts.to_vec(),
            since,
            withdrawn,
        })
    }

    fn reads(&self, parts: &[Part]) -> bool {
        self.parts
            .iter()
            .any(|part| *part == Part::Determinations || parts.contains(part))
    }

    fn takes(&self, part: Part) -> bool {
        self.parts.contains(&part)
    }

    /// What is recorded about these patients, in their order. As many as fit in memory with all that is theirs.
    ///
    /// # Errors
    /// Those of the database.
    pub fn read(
        &self,
        unit: &mut Unit<'_, '_>,
        patients: Vec<Stored<Patient>>,
    ) -> Result<Vec<Compartment>> {
        let ids: Vec<Uuid> = patients.iter().map(|patient| patient.id).collect();
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let organization = &unit.principal.organization;
        let tx = &mut *unit.tx;
        let mut batch = Batch::of(patients);
        if self.reads(&[Part::Episodes]) {
            let found = queries::episodes::for_patients(tx, organization, &ids)?;
            batch.each(found, |to| &mut to.episodes);
        }
        if self.reads(&[Part::Blocks, Part::Scores]) {
            let found = queries::blocks::for_patients(tx, organization, &ids)?;
            let blocks: Vec<Uuid> = found.iter().map(|block| block.id).collect();
            batch.each(found, |to| &mut to.blocks);
            if self.reads(&[Part::Scores]) && !blocks.is_empty() {
                let found = queries::scores::for_blocks(tx, organization, &blocks)?;
                batch.each(found, |to| &mut to.scores);
            }
        }
        if self.reads(&[Part::Ablations, Part::FollowUps]) {
            let found = queries::ablations::for_patients(tx, organization, &ids)?;
            let ablations: Vec<Uuid> = found.iter().map(|ablation| ablation.id).collect();
            batch.each(found, |to| &mut to.ablations);
            if self.reads(&[Part::FollowUps]) && !ablations.is_empty() {
                let found = queries::follow_ups::for_ablations(tx, organization, &ablations)?;
                batch.each(found, |to| &mut to.follow_ups);
            }
        }
        self.read_rest(unit, &ids, &mut batch)?;
        Ok(batch.compartments)
    }

    fn read_rest(
        &self,
        unit: &mut Unit<'_, '_>,
        patients: &[Uuid],
        batch: &mut Batch,
    ) -> Result<()> {
        let organization = &unit.principal.organization;
        let tx = &mut *unit.tx;
        if self.takes(Part::Events) {
            for found in queries::adverse_events::for_patients(tx, organization, patients)? {
                if let Some(to) = batch.of_patient(found.0.patient) {
                    to.events.push(found);
                }
            }
        }
        if self.takes(Part::Changes) {
            for found in queries::audit::changes_about_all(tx, organization, patients)? {
                let to = found.patient.and_then(|patient| batch.of_patient(patient));
                if let Some(to) = to {
                    to.changes.push(found);
                }
            }
        }
        if self.takes(Part::Determinations) {
            let episodes = batch.episodes();
            let found = queries::determinations::for_episodes(tx, organization, &episodes)?;
            for one in found {
                if let Some(to) = batch.of_patient(one.patient) {
                    to.determinations.push(one);
                }
            }
            if let Some(since) = self.since {
                let found =
                    queries::determinations::replaced_since(tx, organization, &episodes, since)?;
                for one in found {
                    if let Some(to) = batch.of_patient(one.determination.patient) {
                        to.replaced.push(one);
                    }
                }
            }
        }
        for patient in patients {
            for score in self.withdrawn.get(patient).into_iter().flatten() {
                let found = queries::scores::get(tx, organization, *score)?;
                batch.each(vec![found], |to| &mut to.withdrawn);
            }
        }
        Ok(())
    }
}

/// Patients, and where each of them is.
struct Batch {
    compartments: Vec<Compartment>,
    places: HashMap<Uuid, usize>,
}

impl Batch {
    fn of(patients: Vec<Stored<Patient>>) -> Batch {
        let ids = patients.iter().map(|patient| patient.id);
        Batch {
            places: ids.zip(0..).collect(),
            compartments: patients.into_iter().map(Compartment::of).collect(),
        }
    }

    fn of_patient(&mut self, patient: Uuid) -> Option<&mut Compartment> {
        let place = self.places.get(&patient)?;
        self.compartments.get_mut(*place)
    }

    /// Gives each record to its patient.
    fn each<T>(
        &mut self,
        records: Vec<Stored<T>>,
        list: fn(&mut Compartment) -> &mut Vec<Stored<T>>,
    ) {
        for record in records {
            if let Some(to) = self.of_patient(record.patient) {
                list(to).push(record);
            }
        }
    }

    fn episodes(&self) -> Vec<Uuid> {
        let all = self.compartments.iter().flat_map(|one| &one.episodes);
        all.map(|episode| episode.id).collect()
    }
}
