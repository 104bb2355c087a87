//! Carries an order out: patient by patient on one unchanging view of the database, with the resources of one batch of
//! patients in memory.

use super::deleted::{self, Deletions};
use super::files::{Files, Limits};
use super::filters::Filters;
use super::order::{self, COMPARTMENT, Level, Order};
use super::resources::{Scene, is_derived};
use crate::app::bulk::{self, BulkExport, BulkFile, BulkPart, BulkProgress};
use crate::app::compartments::{Compartment, Reader};
use crate::app::{App, Error, Result, Stored, Unit, groups};
use crate::auth::Reach;
use crate::domain::patient::Patient;
use crate::fhir::outcome::{Severity, issue, outcome};
use crate::fhir::reach;
use crate::fhir::resource::{Resource, ResourceType};
use crate::fhir::search::Shape;
use crate::fhir::source;
use chrono::{DateTime, Utc};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// Patients to a batch.
const AT_ONCE: u32 = 50;
/// Resources to a batch of those that are about no patient.
const BESIDE_AT_ONCE: u32 = 500;
/// Progress is noted this often, because each note is a write.
const BETWEEN_NOTES: Duration = Duration::from_millis(500);

/// What became of an export.
#[derive(Debug)]
pub enum Made {
    /// It is whole.
    Whole(BulkProgress, Vec<BulkFile>),
    /// It was deleted meanwhile.
    Gone,
}

/// Makes an export from the beginning, as long as `go_on` says so.
///
/// # Errors
/// Those of the database and of the file system; an internal one when it was told to stop.
pub fn make(
    app: &Arc<App>,
    export: &BulkExport,
    limits: Limits,
    go_on: &dyn Fn() -> bool,
) -> Result<Made> {
    let order = Order::of(export)?;
    let principal = order.principal(export)?;
    let mut kinds = order.kinds();
    if order.associated && !kinds.contains(&ResourceType::Provenance) {
        kinds.push(ResourceType::Provenance);
    }
    let reaches = kinds
        .into_iter()
        .map(|kind| (kind, order::reach(&principal, kind)))
        .collect();
    let files = Files::of(app, export, limits)?;
    app.read_settled(&principal, |unit, settled| {
        let filters = Filters::of(&order.searches, &order.base, settled)?;
        // Each resource is held against the scopes here, where the use cases ask for permissions.
        reach::by_role(unit, |unit| {
            let making = Making {
                app,
                export,
                order: &order,
                reaches,
                filters,
                shape: Shape::of_elements(order.elements.clone()),
                files,
                deletions: Deletions::default(),
                go_on,
                progress: BulkProgress {
                    transaction_time: settled,
                    patients_done: 0,
                    patients_all: 0,
                },
                noted: None,
            };
            making.carried_out(unit)
        })
    })
}

/// An export that is being made.
struct Making<'m> {
    app: &'m Arc<App>,
    export: &'m BulkExport,
    order: &'m Order,
    /// The types that it holds, and what of them may be given out.
    reaches: BTreeMap<ResourceType, Reach>,
    filters: Filters,
    shape: Shape,
    files: Files,
    deletions: Deletions,
    go_on: &'m dyn Fn() -> bool,
    progress: BulkProgress,
    noted: Option<Instant>,
}

/// What came along of one patient.
#[derive(Default)]
struct Seen {
    /// What follows from records and is there, whether it is given out or not.
    derived: BTreeSet<(ResourceType, String)>,
    /// What is given out.
    given: BTreeSet<String>,
}

impl Making<'_> {
    fn carried_out(mut self, unit: &mut Unit<'_, '_>) -> Result<Made> {
        let kinds: Vec<ResourceType> = self.reaches.keys().copied().collect();
        let (about_patients, beside): (Vec<_>, Vec<_>) = kinds
            .into_iter()
            .partition(|kind| COMPARTMENT.contains(kind));
        if !about_patients.is_empty() && !self.patients(unit, about_patients)? {
            return Ok(Made::Gone);
        }
        for kind in beside {
            self.beside(unit, kind)?;
        }
        if let Some(bundle) = self.deletions.rest() {
            self.add_deletions(&bundle)?;
        }
        for text in &self.order.passed_over {
            let about = issue(Severity::Warning, "not-supported", text, None);
            let body = outcome(vec![about]);
            self.files.add(BulkPart::Error, "OperationOutcome", &body)?;
        }
        Ok(Made::Whole(self.progress, self.files.end()?))
    }

    /// All that is about patients; `false` where the export was deleted meanwhile.
    fn patients(&mut self, unit: &mut Unit<'_, '_>, kinds: Vec<ResourceType>) -> Result<bool> {
        let mut walk = Walk::of(unit, self.order)?;
        self.progress.patients_all = walk.count(unit)?;
        let scene = Scene::new(kinds, unit.active_profiles()?, unit.today());
        let reader = Reader::of(unit, &scene.parts(), self.order.since)?;
        loop {
            if !self.note()? {
                return Ok(false);
            }
            let Some(batch) = walk.next(unit)? else {
                return Ok(true);
            };
            let patients = i64::try_from(batch.len()).unwrap_or(0);
            for compartment in reader.read(unit, batch)? {
                self.patient(&scene, compartment)?;
            }
            self.progress.patients_done += patients;
        }
    }

    /// Notes how far it is, where it is time to; `false` where the export was deleted meanwhile.
    fn note(&mut self) -> Result<bool> {
        if !(self.go_on)() {
            return Err(Error::internal("told to stop"));
        }
        let is_fresh = |noted: Instant| noted.elapsed() < BETWEEN_NOTES;
        if self.noted.is_some_and(is_fresh) {
            return Ok(true);
        }
        self.noted = Some(Instant::now());
        match self.app.note_bulk_progress(self.export, self.progress) {
            // There is a next time.
            Err(Error::Busy { .. }) => Ok(true),
            noted => noted,
        }
    }

    fn patient(&mut self, scene: &Scene, of: Compartment) -> Result<()> {
        if self.is_before(of.last_change()) {
            return Ok(());
        }
        for score in deleted::scores(&of) {
            if self.is_in_time(score.updated) && self.reaches(&score) {
                self.delete(score.kind, &score.id)?;
            }
        }
        let former = deleted::determined(&of);
        let mut seen = Seen::default();
        scene.give_all(of, &mut |resource| self.give(resource, &mut seen))?;
        for one in former {
            let is_there = seen.derived.contains(&(one.kind, one.id.clone()));
            if !is_there && self.is_in_time(one.at) && self.reaches.contains_key(&one.kind) {
                self.delete(one.kind, &one.id)?;
            }
        }
        Ok(())
    }

    fn delete(&mut self, kind: ResourceType, id: &str) -> Result<()> {
        match self.deletions.add(kind, id) {
            Some(bundle) => self.add_deletions(&bundle),
            None => Ok(()),
        }
    }

    fn add_deletions(&mut self, bundle: &Value) -> Result<()> {
        self.files.add(BulkPart::Deleted, "Bundle", bundle)
    }

    /// Everything of a type that is about no patient in particular.
    fn beside(&mut self, unit: &mut Unit<'_, '_>, kind: ResourceType) -> Result<()> {
        let mut place: Option<String> = None;
        loop {
            let batch = source::after(unit, kind, place.as_deref(), BESIDE_AT_ONCE)?;
            let mut seen = Seen::default();
            for resource in batch.resources {
                self.give(resource, &mut seen)?;
            }
            place = batch.next;
            if place.is_none() {
                return Ok(());
            }
        }
    }

    /// Gives a resource out where it is what is asked for.
    fn give(&mut self, resource: Resource, seen: &mut Seen) -> Result<()> {
        if self.order.since.is_some() && is_derived(&resource) {
            seen.derived.insert((resource.kind, resource.id.clone()));
        }
        let fits = if resource.kind == ResourceType::Provenance && self.order.associated {
            targets(&resource).any(|target| seen.given.contains(target))
        } else {
            self.is_in_time(resource.updated) && self.is_new(&resource)
        };
        if !fits || !self.reaches(&resource) || !self.filters.hold(&resource) {
            return Ok(());
        }
        if self.order.associated {
            seen.given.insert(resource.reference());
        }
        let kind = resource.kind.code();
        if self.order.elements.is_empty() {
            return self.files.add(BulkPart::Output, kind, &resource.body);
        }
        let shown = self.shape.shown(&resource);
        self.files.add(BulkPart::Output, kind, &shown)
    }

    fn reaches(&self, resource: &Resource) -> bool {
        let reach = self.reaches.get(&resource.kind);
        reach.is_some_and(|reach| reach::holds(reach, resource))
    }

    /// Whether it changed after the beginning of what is asked for. Of what follows from several records only the latest
    /// decision is known: it goes along with any change of the patient's records, which led here.
    fn is_new(&self, resource: &Resource) -> bool {
        is_derived(resource) || !self.is_before(resource.updated)
    }

    fn is_before(&self, at: DateTime<Utc>) -> bool {
        self.order.since.is_some_and(|since| at <= since)
    }

    fn is_in_time(&self, at: DateTime<Utc>) -> bool {
        self.order.until.is_none_or(|until| at < until)
    }
}

fn targets(provenance: &Resource) -> impl Iterator<Item = &str> {
    let targets = provenance.body.get("target").and_then(Value::as_array);
    let targets = targets.into_iter().flatten();
    targets.filter_map(|target| target.get("reference")?.as_str())
}

/// A walk over the patients of an order.
enum Walk {
    /// All of them, from behind this one on.
    All(Option<Uuid>),
    /// Some of them.
    These(std::vec::IntoIter<Uuid>),
}

impl Walk {
    fn of(unit: &mut Unit<'_, '_>, order: &Order) -> Result<Walk> {
        let members = match &order.level {
            Level::Group(id) => Some(groups::get(unit, id)?.members),
            Level::System | Level::Patient => None,
        };
        let wanted = match (members, order.patients.clone()) {
            (Some(members), Some(named)) => {
                let named: BTreeSet<Uuid> = named.into_iter().collect();
                members
                    .into_iter()
                    .filter(|one| named.contains(one))
                    .collect()
            }
            (Some(members), None) => members,
            (None, Some(named)) => named,
            (None, None) => return Ok(Walk::All(None)),
        };
        Ok(Walk::These(wanted.into_iter()))
    }

    fn count(&self, unit: &mut Unit<'_, '_>) -> Result<i64> {
        match self {
            Walk::All(_) => bulk::count_patients(unit),
            Walk::These(wanted) => Ok(i64::try_from(wanted.len()).unwrap_or(i64::MAX)),
        }
    }

    /// The next ones; none after the last.
    fn next(&mut self, unit: &mut Unit<'_, '_>) -> Result<Option<Vec<Stored<Patient>>>> {
        match self {
            Walk::All(after) => {
                let found = bulk::patients(unit, *after, AT_ONCE)?;
                *after = found.last().map(|patient| patient.id).or(*after);
                Ok((!found.is_empty()).then_some(found))
            }
            Walk::These(wanted) => {
                let most = usize::try_from(AT_ONCE).unwrap_or(1);
                let ids: Vec<Uuid> = wanted.take(most).collect();
                if ids.is_empty() {
                    return Ok(None);
                }
                bulk::patients_of(unit, &ids).map(Some)
            }
        }
    }
}
