//! Where to look for what a search wants: by the condition that leaves least to read.

use super::conditions::{Conditions, Test};
use super::date::WantedTime;
use super::find::{self, MOST_PATIENTS};
use super::wanted::{Target, Wanted, folded};
use crate::app::{AuditFilter, Result, Unit, compartment};
use crate::auth::Reach;
use crate::fhir::ids::record_id;
use crate::fhir::resource::ResourceType;
use chrono::{DateTime, Utc};
use uuid::Uuid;

/// Where to look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Plan {
    /// At these.
    Ids(Vec<String>),
    /// In the compartments of these patients.
    Patients(Vec<Uuid>),
    /// At all of a type of which there are few.
    Few,
    /// At patients by their names, of which one of these texts is a part; at all of them where there is none.
    Names(Vec<String>),
    /// In the audit trail.
    Trail(AuditFilter),
    /// In the compartment of every patient.
    Everyone,
}

/// The plan for a search.
///
/// # Errors
/// What names too many; those of the database.
pub(super) fn plan(
    unit: &mut Unit<'_, '_>,
    conditions: &Conditions,
    reach: &Reach,
) -> Result<Plan> {
    let kind = conditions.kind();
    if let Some(ids) = ids(conditions) {
        return Ok(Plan::Ids(ids));
    }
    if is_few(kind) {
        return Ok(Plan::Few);
    }
    if let Some(patients) = patients(unit, conditions)? {
        return Ok(Plan::Patients(patients));
    }
    if let Some(patients) = reached(reach) {
        return Ok(Plan::Patients(patients));
    }
    match kind {
        ResourceType::Patient => Ok(texts(conditions).map_or(Plan::Everyone, Plan::Names)),
        ResourceType::AuditEvent => Ok(Plan::Trail(trail(conditions))),
        _ => Ok(Plan::Everyone),
    }
}

/// Whether there are few of a type, recorded about nobody.
pub(super) const fn is_few(kind: ResourceType) -> bool {
    matches!(
        kind,
        ResourceType::PlanDefinition
            | ResourceType::Group
            | ResourceType::CodeSystem
            | ResourceType::StructureDefinition
    )
}

fn ids(conditions: &Conditions) -> Option<Vec<String>> {
    let wanted = conditions.wanting("_id").next()?;
    let code = |one: &Wanted| match one {
        Wanted::Token(token) => token.code.clone(),
        _ => None,
    };
    let mut ids = wanted.iter().map(code).collect::<Option<Vec<String>>>()?;
    ids.sort_unstable();
    ids.dedup();
    Some(ids)
}

/// The patients whom every resource that is found must be about; none where no condition says so.
fn patients(unit: &mut Unit<'_, '_>, conditions: &Conditions) -> Result<Option<Vec<Uuid>>> {
    let of_patient = |name: &str| matches!(name, "patient" | "subject" | "identifier");
    // Those that name a patient cost nothing, and are asked first.
    for direct in [true, false] {
        for one in conditions.all() {
            if of_patient(one.parameter.name) != direct {
                continue;
            }
            let found = match &one.test {
                Test::Any(wanted) => owners(unit, one.parameter.name, wanted)?,
                Test::Refers(inner) if inner.kind() == ResourceType::Patient => {
                    whom(unit, inner, one.parameter.name)?
                }
                Test::Not(_) | Test::Missing(_) | Test::Refers(_) | Test::Referred(_) => None,
            };
            if let Some(mut found) = found {
                found.sort_unstable();
                found.dedup();
                check_few(one.parameter.name, found.len())?;
                return Ok(Some(found));
            }
        }
    }
    Ok(None)
}

fn check_few(name: &str, count: usize) -> Result<()> {
    if count <= MOST_PATIENTS {
        return Ok(());
    }
    let detail = format!(
        "This is about {count} patients; a search is about at most {MOST_PATIENTS}. Narrow it."
    );
    Err(find::refused(name, "too_many", detail))
}

/// Whose the resources are that have one of these values; none where values do not tell.
fn owners(unit: &mut Unit<'_, '_>, name: &str, wanted: &[Wanted]) -> Result<Option<Vec<Uuid>>> {
    let mut owners = Vec::new();
    for one in wanted {
        match one {
            Wanted::Reference(target) => owners.extend(owner(unit, name, target)?),
            Wanted::Token(token) if name == "identifier" => {
                let Some(value) = &token.code else {
                    return Ok(None);
                };
                let system = token.system.as_deref().filter(|system| !system.is_empty());
                owners.extend(compartment::identified(unit, system, value)?);
            }
            _ => return Ok(None),
        }
    }
    Ok(Some(owners))
}

/// The patient in whose compartment a resource is, and with it everything that refers to it.
fn owner(unit: &mut Unit<'_, '_>, name: &str, target: &Target) -> Result<Option<Uuid>> {
    let id = target.id.split('.').next().and_then(record_id);
    let Some(id) = id else {
        return Ok(None);
    };
    match (name, target.kind) {
        ("patient" | "subject", _) | (_, Some(ResourceType::Patient)) => Ok(Some(id)),
        _ => compartment::patient_of_record(unit, id),
    }
}

/// The patients who meet conditions of their own; none where they are found only by looking at everyone.
fn whom(unit: &mut Unit<'_, '_>, conditions: &Conditions, name: &str) -> Result<Option<Vec<Uuid>>> {
    match plan(unit, conditions, &Reach::All)? {
        Plan::Ids(ids) => Ok(Some(ids.iter().filter_map(|id| record_id(id)).collect())),
        Plan::Patients(patients) => Ok(Some(patients)),
        Plan::Names(texts) => {
            let found = find::named(unit, &texts, MOST_PATIENTS)?;
            check_few(name, found.len())?;
            Ok(Some(found))
        }
        Plan::Few | Plan::Trail(_) | Plan::Everyone => Ok(None),
    }
}

/// The patients of whom a token reaches anything, where those are few.
fn reached(reach: &Reach) -> Option<Vec<Uuid>> {
    let Reach::Within(shares) = reach else {
        return None;
    };
    let patients = shares.iter().map(|share| share.patient);
    let mut patients = patients.collect::<Option<Vec<Uuid>>>()?;
    patients.sort_unstable();
    patients.dedup();
    Some(patients)
}

/// What the name of each patient that is found holds, folded: one of these.
fn texts(conditions: &Conditions) -> Option<Vec<String>> {
    let text = |one: &Wanted| match one {
        Wanted::Text(_, words) => Some(folded(words)),
        _ => None,
    };
    let mut named = ["family", "name", "given"]
        .into_iter()
        .filter_map(|name| conditions.wanting(name).next());
    named.next()?.iter().map(text).collect()
}

/// What of the trail is read.
fn trail(conditions: &Conditions) -> AuditFilter {
    let mut filter = AuditFilter::default();
    for one in conditions.all() {
        let Some([wanted]) = one.any() else {
            continue;
        };
        match (one.parameter.name, wanted) {
            ("date" | "_lastUpdated", Wanted::Time(time)) => within(&mut filter, time),
            ("agent", Wanted::ReferenceBy(token)) => filter.principal = token.code.clone(),
            _ => {}
        }
    }
    filter
}

/// Restricts the trail to a time; to the whole microsecond, since the conditions are looked at again.
fn within(filter: &mut AuditFilter, time: &WantedTime) {
    let (from, until) = time.bounds();
    let instant = |micros: i64| DateTime::<Utc>::from_timestamp_micros(micros);
    if let Some(from) = from.and_then(instant) {
        filter.from = Some(filter.from.map_or(from, |known| known.max(from)));
    }
    let until = until.and_then(|until| instant(until.saturating_add(1)));
    if let Some(until) = until {
        filter.until = Some(filter.until.map_or(until, |known| known.min(until)));
    }
}
