//! Finds what a search wants, a page at a time. What is found in one patient's compartment is sorted as a whole; what is
//! found in the whole organization comes in the order in which it is walked.

use super::conditions::{Conditions, Neighbours};
pub(super) use super::narrow::is_few;
use super::narrow::{self, Plan};
use super::observed::observed;
use super::sort::{self, Key, Sort};
use super::walk::{Walk, Walked};
pub(super) use super::walk::{named, no_such_place};
use super::way::Way;
use crate::app::{Error, FieldError, Result, Unit, compartment};
use crate::auth::{Operation, Reach};
use crate::fhir::reach;
use crate::fhir::resource::{Resource, ResourceType, reading};
use crate::fhir::source::{self, Observed};
use serde::{Deserialize, Serialize};
use std::cell::OnceCell;
use std::collections::BTreeMap;
use uuid::Uuid;

/// So many patients one search may be about by name, so that all of what is found is sorted and counted.
pub(super) const MOST_PATIENTS: usize = 50;

/// So many patients by name are sorted otherwise than by name.
const MOST_SORTED: usize = 1000;

/// So many patients are read by their ids with one query.
pub(super) const AT_ONCE: usize = 500;

/// Where a page begins: after this.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Position {
    /// After this place of a list that is sorted as a whole.
    Listed(Vec<Option<Key>>, String),
    /// After this resource of a patient, or after all of the patient's.
    Walked(Uuid, Option<String>),
    /// After this name and patient.
    Named(String, Uuid),
    /// Before this entry of the trail.
    Before(Uuid),
}

/// A search.
#[derive(Debug, Clone, Copy)]
pub(super) struct Search<'s> {
    /// What is demanded, and of which type.
    pub(super) conditions: &'s Conditions,
    /// The order.
    pub(super) sorts: &'s [Sort],
    /// How many to a page.
    pub(super) count: usize,
    /// Where the page begins.
    pub(super) after: Option<&'s Position>,
    /// Whether to count all that there are, though that takes time.
    pub(super) counted: bool,
}

/// A page of what was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// What fits.
    pub(super) matches: Vec<Resource>,
    /// Where the next page begins.
    pub(super) next: Option<Position>,
    /// How many there are on all pages, where that is known.
    pub(super) total: Option<usize>,
}

/// An error about a parameter.
pub(super) fn refused(name: &str, code: &'static str, detail: impl Into<String>) -> Error {
    let error = FieldError::new(format!("?{name}"), code, detail);
    Error::InvalidParameters(vec![error])
}

/// A page of what a search finds within the reach of the token.
///
/// # Errors
/// [`Error::Forbidden`] where the token reaches nothing of the type; [`Error::InvalidParameters`] for an order that is not to be
/// had; those of the use cases.
pub(super) fn page(unit: &mut Unit<'_, '_>, search: &Search<'_>) -> Result<Found> {
    let look = Look::of(unit, search.conditions)?;
    reach::by_role(unit, |unit| {
        let plan = narrow::plan(unit, search.conditions, &look.reach)?;
        look.page(unit, plan, search)
    })
}

/// What fits conditions, at most `cap`, where they narrow enough that all of it is looked at; none where they do not.
///
/// # Errors
/// As [`page`].
pub(super) fn all(
    unit: &mut Unit<'_, '_>,
    conditions: &Conditions,
    cap: usize,
) -> Result<Option<Vec<Resource>>> {
    let look = Look::of(unit, conditions)?;
    reach::by_role(unit, |unit| {
        let mut found = match narrow::plan(unit, conditions, &look.reach)? {
            Plan::Everyone | Plan::Trail(_) => return Ok(None),
            Plan::Names(texts) => {
                look.walk(unit, &Walk::Names(texts), cap, None, usize::MAX)?
                    .found
            }
            listed => look.listed(unit, &listed)?,
        };
        found.truncate(cap);
        Ok(Some(found))
    })
}

/// What is looked for, and how far the token reaches.
pub(super) struct Look<'s> {
    pub(super) kind: ResourceType,
    pub(super) conditions: &'s Conditions,
    pub(super) reach: Reach,
    /// How far it reaches of the other types that conditions are about.
    pub(super) neighbours: BTreeMap<ResourceType, Reach>,
    /// What there are few of and conditions are about, once it was read.
    pub(super) few: OnceCell<Neighbours>,
    pub(super) observed: Observed,
}

impl Look<'_> {
    fn of<'s>(unit: &Unit<'_, '_>, conditions: &'s Conditions) -> Result<Look<'s>> {
        let kind = conditions.kind();
        let reach = reach::of(unit, kind, Operation::Search)?;
        let reached = |kind: ResourceType| {
            let reach = unit.principal.reach(kind.code(), Operation::Search);
            (kind, reach)
        };
        Ok(Look {
            kind,
            conditions,
            reach,
            neighbours: conditions.about().map(reached).collect(),
            few: OnceCell::new(),
            observed: observed(conditions),
        })
    }

    fn page(&self, unit: &mut Unit<'_, '_>, plan: Plan, search: &Search<'_>) -> Result<Found> {
        match self.way(plan, search.sorts)? {
            Way::Listed(plan) => {
                let found = self.listed(unit, &plan)?;
                Ok(self.cut(found, search))
            }
            Way::Collected(walk) => {
                let walked = self.walk(unit, &walk, MOST_SORTED, None, usize::MAX)?;
                if walked.next.is_some() {
                    let detail = format!(
                        "More than {MOST_SORTED} fit, which are sorted by name or _id alone. Narrow the search."
                    );
                    return Err(refused("_sort", "unsupported", detail));
                }
                Ok(self.cut(walked.found, search))
            }
            Way::Walked(walk) => {
                compartment::note(unit, reading(self.kind), source::noted_as(self.kind), None);
                let budget = walk.budget();
                let walked = self.walk(unit, &walk, search.count, search.after.cloned(), budget)?;
                let total = self.total(unit, &walk, search, &walked)?;
                Ok(Found {
                    matches: walked.found,
                    next: walked.next,
                    total,
                })
            }
        }
    }

    /// How many there are, where that is asked for or plain to see.
    fn total(
        &self,
        unit: &mut Unit<'_, '_>,
        walk: &Walk,
        search: &Search<'_>,
        walked: &Walked,
    ) -> Result<Option<usize>> {
        // A page of nothing does not tell how many there are.
        if search.count > 0 && search.after.is_none() && walked.next.is_none() {
            return Ok(Some(walked.found.len()));
        }
        if !search.counted {
            return Ok(None);
        }
        if matches!(walk, Walk::Patients) && self.conditions.is_empty() && self.reach == Reach::All
        {
            return Ok(usize::try_from(compartment::count(unit)?).ok());
        }
        let mut total = 0_usize;
        let mut position = None;
        loop {
            let step = self.step(unit, walk, position, usize::MAX)?;
            total = total.saturating_add(step.found.len());
            position = step.rest;
            if position.is_none() {
                return Ok(Some(total));
            }
        }
    }

    /// Everything that fits where it can be listed as a whole.
    fn listed(&self, unit: &mut Unit<'_, '_>, plan: &Plan) -> Result<Vec<Resource>> {
        let mut all = Vec::new();
        match plan {
            Plan::Ids(ids) => {
                for id in ids {
                    match source::found(unit, self.kind, id) {
                        Ok(one) => all.extend(self.kept(unit, one.patient, vec![one])?),
                        Err(Error::NotFound { .. }) => {}
                        Err(other) => return Err(other),
                    }
                }
            }
            Plan::Patients(patients) => {
                for patient in patients {
                    all.extend(self.of_patient(unit, *patient)?);
                }
            }
            Plan::Few => {
                let few = source::few(unit, self.kind)?;
                all = self.kept(unit, None, few)?;
            }
            Plan::Names(_) | Plan::Trail(_) | Plan::Everyone => {}
        }
        Ok(all)
    }

    fn of_patient(&self, unit: &mut Unit<'_, '_>, patient: Uuid) -> Result<Vec<Resource>> {
        let there = source::in_compartment(unit, self.kind, patient, self.observed)?;
        if there.is_empty() {
            match compartment::check(unit, patient) {
                Ok(()) => {}
                Err(Error::NotFound { .. }) => return Ok(Vec::new()),
                Err(other) => return Err(other),
            }
        }
        let (action, noted) = (reading(self.kind), source::noted_as(self.kind));
        compartment::note(unit, action, noted, Some(patient));
        self.kept(unit, Some(patient), there)
    }

    /// A page of a list that is all there.
    fn cut(&self, found: Vec<Resource>, search: &Search<'_>) -> Found {
        let total = found.len();
        let mut placed: Vec<(sort::Place, Resource)> = found
            .into_iter()
            .map(|one| (sort::place(search.sorts, &one), one))
            .collect();
        let order = |one: &sort::Place, other: &sort::Place| {
            sort::compare(self.kind, search.sorts, one, other)
        };
        placed.sort_by(|(one, _), (other, _)| order(one, other));
        if let Some(Position::Listed(keys, id)) = search.after {
            let after = (keys.clone(), id.clone());
            placed.retain(|(place, _)| order(place, &after).is_gt());
        }
        let more = placed.len() > search.count;
        placed.truncate(search.count);
        let last = placed.last().filter(|_| more);
        let next = last.map(|((keys, id), _)| Position::Listed(keys.clone(), id.clone()));
        Found {
            matches: placed.into_iter().map(|(_, one)| one).collect(),
            next,
            total: Some(total),
        }
    }
}
