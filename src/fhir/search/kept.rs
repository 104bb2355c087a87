//! Which of what was looked at is kept: what fits alone and among the other resources of its patient, within the reach of the
//! token.

use super::conditions::{Around, Neighbours, Test};
use super::find::Look;
use super::narrow::is_few;
use super::observed::observed;
use crate::app::{Result, Unit};
use crate::auth::Reach;
use crate::fhir::reach;
use crate::fhir::resource::{Resource, ResourceType, reading};
use crate::fhir::source::{self, Observed};
use uuid::Uuid;

impl Look<'_> {
    /// Those of a patient's resources that fit and are reached. What was withdrawn is read by its id, and found by no search.
    pub(super) fn kept(
        &self,
        unit: &mut Unit<'_, '_>,
        patient: Option<Uuid>,
        mut resources: Vec<Resource>,
    ) -> Result<Vec<Resource>> {
        resources.retain(|one| {
            let stands = one
                .body
                .get("status")
                .is_none_or(|it| it != "entered-in-error");
            stands && self.conditions.hold_alone(one) && reach::holds(&self.reach, one)
        });
        if resources.is_empty() || self.neighbours.is_empty() {
            return Ok(resources);
        }
        if self.few.get().is_none() {
            let few = self.neighbours(unit, None)?;
            // Nobody else fills it.
            let _ = self.few.set(few);
        }
        let of_patient = match patient {
            Some(patient) => self.neighbours(unit, Some(patient))?,
            None => Neighbours::new(),
        };
        let none = Neighbours::new();
        let around = Around {
            patient: &of_patient,
            few: self.few.get().unwrap_or(&none),
        };
        resources.retain(|one| self.conditions.hold_among(one, around));
        Ok(resources)
    }

    /// The other resources that conditions are about, as far as the token reaches them: those of a patient, or those that there
    /// are few of.
    fn neighbours(&self, unit: &mut Unit<'_, '_>, patient: Option<Uuid>) -> Result<Neighbours> {
        let mut all = Neighbours::new();
        for (kind, reach) in &self.neighbours {
            let may = crate::auth::allows(unit.principal.role, reading(*kind));
            if !may || *reach == Reach::Nothing || is_few(*kind) != patient.is_none() {
                continue;
            }
            let mut there = match patient {
                Some(patient) => {
                    let wanted = self.wanted_of(*kind);
                    source::in_compartment(unit, *kind, patient, wanted)?
                }
                None => source::few(unit, *kind)?,
            };
            there.retain(|one| reach::holds(reach, one));
            all.insert(*kind, there);
        }
        Ok(all)
    }

    /// Which observations conditions about other resources can be about.
    fn wanted_of(&self, kind: ResourceType) -> Observed {
        if kind != ResourceType::Observation {
            return Observed::ALL;
        }
        let mut about = self
            .conditions
            .all()
            .iter()
            .filter_map(|one| match &one.test {
                Test::Refers(inner) | Test::Referred(inner) if inner.kind() == kind => {
                    Some(observed(inner))
                }
                _ => None,
            });
        match (about.next(), about.next()) {
            (Some(only), None) => only,
            _ => Observed::ALL,
        }
    }
}
