//! Walks through the whole organization: in keyset order, so that nothing is lost or comes twice while more is recorded, and with
//! so much work to a page and no more.

use super::find::{Look, Position, refused};
use super::wanted::folded;
use crate::app::{AuditFilter, Error, Result, Unit, audit, compartment};
use crate::fhir::out;
use crate::fhir::resource::{Resource, reading};
use crate::fhir::source;
use uuid::Uuid;

/// So much is looked at for one page before it is given out as it is: compartments, patients, names, entries of the trail.
const COMPARTMENTS: usize = 300;
const PATIENTS: usize = 5000;
const NAMES: usize = 20_000;
const ENTRIES: usize = 5000;

/// A way through the organization that is walked a page at a time.
pub(super) enum Walk {
    Compartments,
    Patients,
    Names(Vec<String>),
    Trail(AuditFilter),
}

/// What a walk found, and where it goes on.
pub(super) struct Walked {
    pub(super) found: Vec<Resource>,
    pub(super) next: Option<Position>,
}

/// A step of a walk.
#[derive(Default)]
pub(super) struct Step {
    /// What fits, each with the position after it.
    pub(super) found: Vec<(Position, Resource)>,
    /// How much was looked at.
    seen: usize,
    /// Where the walk goes on; none at its end.
    pub(super) rest: Option<Position>,
}

impl Walk {
    /// How much is looked at for one page.
    pub(super) const fn budget(&self) -> usize {
        match self {
            Walk::Compartments => COMPARTMENTS,
            Walk::Patients => PATIENTS,
            Walk::Names(_) => NAMES,
            Walk::Trail(_) => ENTRIES,
        }
    }
}

/// The patients of whose names one of these folded texts is a part, at most one more than `most`.
pub(super) fn named(unit: &mut Unit<'_, '_>, texts: &[String], most: usize) -> Result<Vec<Uuid>> {
    const AT_ONCE: u32 = 1000;
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let page = compartment::names(unit, after.as_ref(), AT_ONCE)?;
        let fits = |(name, _): &&(String, Uuid)| is_called(name, texts);
        found.extend(page.items.iter().filter(fits).map(|(_, id)| *id));
        after = page.items.last().cloned();
        if found.len() > most || !page.more {
            found.truncate(most.saturating_add(1));
            return Ok(found);
        }
    }
}

fn is_called(name: &str, texts: &[String]) -> bool {
    texts.is_empty() || {
        let name = folded(name);
        texts.iter().any(|text| name.contains(text.as_str()))
    }
}

impl Look<'_> {
    /// Goes on with a walk until so much is found or looked at.
    pub(super) fn walk(
        &self,
        unit: &mut Unit<'_, '_>,
        walk: &Walk,
        count: usize,
        mut position: Option<Position>,
        budget: usize,
    ) -> Result<Walked> {
        let mut found: Vec<(Position, Resource)> = Vec::new();
        let mut seen = 0_usize;
        loop {
            let enough = count.saturating_sub(found.len());
            let step = self.step(unit, walk, position, enough)?;
            found.extend(step.found);
            seen = seen.saturating_add(step.seen);
            position = step.rest;
            if found.len() > count {
                found.truncate(count);
                position = found.last().map(|(position, _)| position.clone());
                break;
            }
            if position.is_none() || seen >= budget {
                break;
            }
        }
        Ok(Walked {
            found: found.into_iter().map(|(_, one)| one).collect(),
            next: position,
        })
    }

    /// One step of a walk, with no more than is needed for more than is `enough`.
    pub(super) fn step(
        &self,
        unit: &mut Unit<'_, '_>,
        walk: &Walk,
        position: Option<Position>,
        enough: usize,
    ) -> Result<Step> {
        match (walk, position) {
            (Walk::Compartments, None) => self.compartments(unit, None, enough),
            (Walk::Compartments, Some(Position::Walked(patient, None))) => {
                self.compartments(unit, Some(patient), enough)
            }
            (Walk::Compartments, Some(Position::Walked(patient, Some(id)))) => {
                self.rest_of(unit, patient, &id)
            }
            (Walk::Patients, None) => self.patients(unit, None),
            (Walk::Patients, Some(Position::Walked(patient, _))) => {
                self.patients(unit, Some(patient))
            }
            (Walk::Names(texts), None) => self.names(unit, texts, None),
            (Walk::Names(texts), Some(Position::Named(name, patient))) => {
                self.names(unit, texts, Some((name, patient)))
            }
            (Walk::Trail(filter), None) => self.trail(unit, filter, None),
            (Walk::Trail(filter), Some(Position::Before(entry))) => {
                self.trail(unit, filter, Some(entry))
            }
            _ => Err(no_such_place()),
        }
    }

    fn in_compartment(
        &self,
        unit: &mut Unit<'_, '_>,
        patient: Uuid,
    ) -> Result<Vec<(Position, Resource)>> {
        let there = source::in_compartment(unit, self.kind, patient, self.observed)?;
        let mut kept = self.kept(unit, Some(patient), there)?;
        kept.sort_by(|one, other| one.id.cmp(&other.id));
        let placed = |one: Resource| (Position::Walked(patient, Some(one.id.clone())), one);
        Ok(kept.into_iter().map(placed).collect())
    }

    /// Some compartments; no more of them than are needed for more than is `enough`.
    fn compartments(
        &self,
        unit: &mut Unit<'_, '_>,
        after: Option<Uuid>,
        enough: usize,
    ) -> Result<Step> {
        const AT_ONCE: u32 = 20;
        let (patients, more) = compartment::patients(unit, reading(self.kind), after, AT_ONCE)?;
        let last = patients.last().copied();
        let mut step = Step::default();
        for patient in patients {
            step.found.extend(self.in_compartment(unit, patient)?);
            step.seen = step.seen.saturating_add(1);
            let is_last = !more && Some(patient) == last;
            step.rest = (!is_last).then_some(Position::Walked(patient, None));
            if step.found.len() > enough {
                break;
            }
        }
        Ok(step)
    }

    /// What is left of a patient's resources after one of them.
    fn rest_of(&self, unit: &mut Unit<'_, '_>, patient: Uuid, after: &str) -> Result<Step> {
        let mut found = self.in_compartment(unit, patient)?;
        found.retain(|(_, one)| one.id.as_str() > after);
        Ok(Step {
            found,
            seen: 1,
            rest: Some(Position::Walked(patient, None)),
        })
    }

    fn patients(&self, unit: &mut Unit<'_, '_>, after: Option<Uuid>) -> Result<Step> {
        const AT_ONCE: u32 = 200;
        let page = compartment::page(unit, after, AT_ONCE)?;
        let mut step = Step {
            seen: page.items.len(),
            rest: page
                .items
                .last()
                .filter(|_| page.more)
                .map(|last| Position::Walked(last.id, None)),
            found: Vec::new(),
        };
        for patient in &page.items {
            let kept = self.kept(
                unit,
                Some(patient.id),
                vec![out::patient::resource(patient)],
            )?;
            let place = Position::Walked(patient.id, None);
            step.found
                .extend(kept.into_iter().map(|one| (place.clone(), one)));
        }
        Ok(step)
    }

    fn names(
        &self,
        unit: &mut Unit<'_, '_>,
        texts: &[String],
        after: Option<(String, Uuid)>,
    ) -> Result<Step> {
        const AT_ONCE: u32 = 500;
        let page = compartment::names(unit, after.as_ref(), AT_ONCE)?;
        let place = |(name, id): &(String, Uuid)| Position::Named(name.clone(), *id);
        let mut step = Step {
            seen: page.items.len(),
            rest: page.items.last().filter(|_| page.more).map(place),
            found: Vec::new(),
        };
        let called: Vec<&(String, Uuid)> = page
            .items
            .iter()
            .filter(|(name, _)| is_called(name, texts))
            .collect();
        let ids: Vec<Uuid> = called.iter().map(|(_, id)| *id).collect();
        let known = compartment::known(unit, &ids)?;
        for (named, patient) in called.into_iter().zip(&known) {
            let kept = self.kept(
                unit,
                Some(patient.id),
                vec![out::patient::resource(patient)],
            )?;
            step.found
                .extend(kept.into_iter().map(|one| (place(named), one)));
        }
        Ok(step)
    }

    fn trail(
        &self,
        unit: &mut Unit<'_, '_>,
        filter: &AuditFilter,
        before: Option<Uuid>,
    ) -> Result<Step> {
        const AT_ONCE: u16 = 200;
        let page = audit::page(unit, filter, before, AT_ONCE)?;
        let entries: Vec<Uuid> = page.items.iter().map(|one| one.entry.id).collect();
        let mut step = Step {
            seen: entries.len(),
            rest: entries
                .last()
                .filter(|_| page.more)
                .map(|last| Position::Before(*last)),
            found: Vec::new(),
        };
        for (entry, id) in page.items.iter().zip(entries) {
            let patient = entry.entry.patient;
            let kept = self.kept(unit, patient, vec![out::event::audit(entry)])?;
            step.found
                .extend(kept.into_iter().map(|one| (Position::Before(id), one)));
        }
        Ok(step)
    }
}

/// A cursor that leads nowhere.
pub(super) fn no_such_place() -> Error {
    refused(
        "_cursor",
        "invalid_cursor",
        "This cursor was not given out for this search. Follow the link “next” as it is, or begin without a cursor.",
    )
}
