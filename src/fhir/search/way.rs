//! In which ways a plan can be gone through, so that what it finds comes in the order asked for.

use super::find::{Look, refused};
use super::narrow::Plan;
use super::sort::Sort;
use super::walk::Walk;
use crate::app::{Error, Result};
use crate::fhir::resource::ResourceType;

/// How to go through a plan.
pub(super) enum Way {
    /// All of it is listed, sorted, and cut into pages.
    Listed(Plan),
    /// All of it is walked, sorted, and cut into pages.
    Collected(Walk),
    /// It is walked a page at a time.
    Walked(Walk),
}

impl Look<'_> {
    /// How to go through a plan in an order.
    pub(super) fn way(&self, plan: Plan, sorts: &[Sort]) -> Result<Way> {
        let by = |names: &[&str], descending: bool| match sorts {
            [] => true,
            [only] => only.descending == descending && names.iter().any(|name| only.is(name)),
            _ => false,
        };
        match plan {
            Plan::Ids(_) | Plan::Patients(_) | Plan::Few => Ok(Way::Listed(plan)),
            Plan::Names(texts) if by(&["name", "family"], false) => {
                Ok(Way::Walked(Walk::Names(texts)))
            }
            Plan::Names(texts) => Ok(Way::Collected(Walk::Names(texts))),
            Plan::Everyone if self.kind == ResourceType::Patient => {
                if by(&["_id"], false) {
                    Ok(Way::Walked(Walk::Patients))
                } else if by(&["name", "family"], false) {
                    Ok(Way::Walked(Walk::Names(Vec::new())))
                } else {
                    Err(unsorted("All patients are sorted by _id, name or family."))
                }
            }
            Plan::Trail(filter) if by(&["date", "_lastUpdated", "_id"], true) => {
                Ok(Way::Walked(Walk::Trail(filter)))
            }
            Plan::Trail(_) => Err(unsorted("The whole trail is sorted by -date.")),
            Plan::Everyone if sorts.is_empty() => Ok(Way::Walked(Walk::Compartments)),
            Plan::Everyone => Err(unsorted(
                "The resources of all patients come patient by patient. Name the patient, and they are sorted by any parameter.",
            )),
        }
    }
}

fn unsorted(detail: &str) -> Error {
    refused("_sort", "unsupported", detail)
}
