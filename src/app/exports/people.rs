//! Everything about one patient after the other, for models that keep it together: a few of them are in memory.

use super::choice::Wanted;
use crate::app::core::Unit;
use crate::app::error::Result;
use crate::app::timeline::{self, Timeline};
use crate::db::queries::{self, export_rows};
use crate::db::rows::Determination;
use uuid::Uuid;

/// Patients to a chunk.
const CHUNK: u32 = 50;

/// A patient with everything recorded and judged.
#[derive(Debug)]
pub struct Person {
    /// What was recorded.
    pub timeline: Timeline,
    /// What profiles say about it.
    pub determinations: Vec<Determination>,
}

/// The patients of an export, in the order of their ids.
#[derive(Debug)]
pub struct People {
    filter: export_rows::Filter,
    after: Option<Uuid>,
    over: bool,
}

impl People {
    /// Those of `wanted` from the first.
    ///
    /// # Errors
    /// [`Error::Forbidden`](crate::app::Error::Forbidden).
    pub fn of(unit: &Unit<'_, '_>, wanted: &Wanted) -> Result<People> {
        wanted.allowed_to(unit.principal)?;
        Ok(People {
            filter: wanted.filter.of_rows(),
            after: None,
            over: false,
        })
    }

    /// The next ones; `None` after the last.
    ///
    /// # Errors
    /// Those of the database.
    pub fn next(&mut self, unit: &mut Unit<'_, '_>) -> Result<Option<Vec<Person>>> {
        if self.over {
            return Ok(None);
        }
        let organization = &unit.principal.organization;
        let found = export_rows::patients(unit.tx, organization, &self.filter, self.after, CHUNK)?;
        self.after = found.last().map(|patient| patient.id);
        self.over = self.after.is_none();
        let mut people = Vec::with_capacity(found.len());
        for patient in found {
            let timeline = timeline::gather(unit, patient.id)?;
            let organization = &unit.principal.organization;
            people.push(Person {
                determinations: queries::determinations::for_patient(
                    unit.tx,
                    organization,
                    patient.id,
                )?,
                timeline,
            });
        }
        Ok(Some(people))
    }
}
