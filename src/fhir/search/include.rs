//! What comes along with what is found: what it refers to, and what refers to it.

use super::conditions::Neighbours;
use super::find;
use super::parameters::{self, PATIENT, SearchParameter, SearchType};
use crate::app::{Result, Unit, compartment};
use crate::auth::{Operation, Reach, allows};
use crate::fhir::ids::record_id;
use crate::fhir::resource::{Resource, ResourceType, reading};
use crate::fhir::source::{self, Observed};
use crate::fhir::{out, reach};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// What is to come along.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Include {
    /// The type that refers.
    from: ResourceType,
    /// By what.
    parameter: &'static SearchParameter,
    /// Only what is of this type.
    only: Option<ResourceType>,
    /// Whether what refers comes along, else what is referred to.
    reverse: bool,
}

/// A type and an id.
type Named = (ResourceType, String);

/// The references of a type that can be followed.
fn followed(kind: ResourceType) -> impl Iterator<Item = &'static SearchParameter> {
    parameters::of(kind)
        .iter()
        .filter(|one| one.kind == SearchType::Reference && !one.targets.is_empty())
}

/// Values of `_include` for a search of a type.
#[must_use]
pub fn includes(kind: ResourceType) -> Vec<String> {
    let value = |one: &SearchParameter| format!("{}:{}", kind.code(), one.name);
    followed(kind).map(value).collect()
}

/// Values of `_revinclude` for a search of a type.
#[must_use]
pub fn reverse_includes(kind: ResourceType) -> Vec<String> {
    ResourceType::ALL
        .iter()
        .flat_map(|from| followed(*from).map(|one| (*from, one)))
        .filter(|(_, one)| one.targets.contains(&kind))
        .map(|(from, one)| format!("{}:{}", from.code(), one.name))
        .collect()
}

/// Reads `_include=Observation:part-of` and `_revinclude=Provenance:target`.
///
/// # Errors
/// What is wrong, and what would be accepted.
pub(super) fn read(
    kind: ResourceType,
    name: &str,
    value: &str,
) -> std::result::Result<Vec<Include>, String> {
    let (name, modifier) = name.split_once(':').unwrap_or((name, ""));
    if !modifier.is_empty() {
        return Err("What comes along brings nothing along itself.".to_owned());
    }
    let reverse = name == "_revinclude";
    let accepted = if reverse {
        reverse_includes(kind)
    } else {
        includes(kind)
    };
    let refused = || match accepted.as_slice() {
        [] => "Nothing comes along with this type.".to_owned(),
        some => format!("Accepted are {}.", some.join(", ")),
    };
    let any = format!("{}:*", kind.code());
    if !reverse && (value == "*" || value == any) {
        let all = followed(kind).map(|parameter| Include {
            from: kind,
            parameter,
            only: None,
            reverse,
        });
        return Ok(all.collect());
    }
    let mut parts = value.splitn(3, ':');
    let (from, reference, only) = (parts.next(), parts.next(), parts.next());
    let (Some(from), Some(reference)) = (from.and_then(ResourceType::from_code), reference) else {
        return Err(refused());
    };
    let is_known = accepted.contains(&format!("{}:{reference}", from.code()));
    let parameter = parameters::named(from, reference).filter(|_| is_known);
    let parameter = parameter.ok_or_else(refused)?;
    let only = match only {
        None => None,
        Some(only) => Some(
            ResourceType::from_code(only)
                .filter(|only| parameter.targets.contains(only))
                .ok_or_else(refused)?,
        ),
    };
    Ok(vec![Include {
        from,
        parameter,
        only,
        reverse,
    }])
}

/// What comes along with `matches`, as far as the token reaches; each once, and none of the matches.
///
/// # Errors
/// Those of the use cases.
pub(super) fn along(
    unit: &mut Unit<'_, '_>,
    includes: &[Include],
    matches: &[Resource],
) -> Result<Vec<Resource>> {
    if includes.is_empty() || matches.is_empty() {
        return Ok(Vec::new());
    }
    let reach_of = |kind: &ResourceType| {
        let reach = unit.principal.reach(kind.code(), Operation::Search);
        let may = allows(unit.principal.role, reading(*kind));
        (*kind, if may { reach } else { Reach::Nothing })
    };
    let reaches = ResourceType::ALL.iter().map(reach_of).collect();
    let mut company = Company {
        reaches,
        there: BTreeMap::new(),
        found: Vec::new(),
        seen: matches.iter().map(named).collect(),
    };
    reach::by_role(unit, |unit| {
        for include in includes {
            if include.reverse {
                company.referring(unit, include, matches)?;
            } else {
                company.referred(unit, include, matches)?;
            }
        }
        Ok(())
    })?;
    Ok(company.found)
}

fn named(resource: &Resource) -> Named {
    (resource.kind, resource.id.clone())
}

/// What a parameter of a resource refers to.
fn references(parameter: &SearchParameter, resource: &Resource) -> Vec<Named> {
    if parameter.places == [PATIENT] {
        let patient = resource.patient.into_iter();
        return patient
            .map(|patient| (ResourceType::Patient, patient.to_string()))
            .collect();
    }
    let values = parameter.values(resource).into_iter();
    let texts = values.filter_map(|value| value.get("reference").and_then(Value::as_str));
    texts
        .filter_map(|text| {
            let (kind, id) = text.split_once('/')?;
            Some((ResourceType::from_code(kind)?, id.to_owned()))
        })
        .collect()
}

/// Whatever comes along, under way.
struct Company {
    reaches: BTreeMap<ResourceType, Reach>,
    /// What was read of each patient; of nobody what there are few of.
    there: BTreeMap<Option<Uuid>, Neighbours>,
    found: Vec<Resource>,
    seen: BTreeSet<Named>,
}

impl Company {
    fn reach(&self, kind: ResourceType) -> &Reach {
        self.reaches.get(&kind).unwrap_or(&Reach::Nothing)
    }

    fn add(&mut self, resource: &Resource) {
        if reach::holds(self.reach(resource.kind), resource) && self.seen.insert(named(resource)) {
            self.found.push(resource.clone());
        }
    }

    /// Everything of a type that is recorded about a patient, or that there are few of.
    fn read(
        &mut self,
        unit: &mut Unit<'_, '_>,
        patient: Option<Uuid>,
        kind: ResourceType,
    ) -> Result<Vec<Resource>> {
        if *self.reach(kind) == Reach::Nothing {
            return Ok(Vec::new());
        }
        let known = self.there.get(&patient).and_then(|there| there.get(&kind));
        if let Some(known) = known {
            return Ok(known.clone());
        }
        let all = match patient {
            Some(patient) => {
                compartment::note(unit, reading(kind), source::noted_as(kind), Some(patient));
                source::in_compartment(unit, kind, patient, Observed::ALL)?
            }
            None => source::few(unit, kind)?,
        };
        let there = self.there.entry(patient).or_default();
        there.insert(kind, all.clone());
        Ok(all)
    }

    /// What the matches refer to.
    fn referred(
        &mut self,
        unit: &mut Unit<'_, '_>,
        include: &Include,
        matches: &[Resource],
    ) -> Result<()> {
        let mut wanted: BTreeMap<(Option<Uuid>, ResourceType), BTreeSet<String>> = BTreeMap::new();
        for one in matches {
            for (kind, id) in references(include.parameter, one) {
                if include.only.is_none_or(|only| only == kind) {
                    let of = wanted.entry((one.patient, kind)).or_default();
                    of.insert(id);
                }
            }
        }
        for ((patient, kind), ids) in wanted {
            if kind == ResourceType::Patient {
                self.patients(unit, &ids)?;
            } else if patient.is_some() {
                for one in self.read(unit, patient, kind)? {
                    if ids.contains(&one.id) {
                        self.add(&one);
                    }
                }
            }
        }
        Ok(())
    }

    fn patients(&mut self, unit: &mut Unit<'_, '_>, ids: &BTreeSet<String>) -> Result<()> {
        let kind = ResourceType::Patient;
        if *self.reach(kind) == Reach::Nothing {
            return Ok(());
        }
        let ids: Vec<Uuid> = ids.iter().filter_map(|id| record_id(id)).collect();
        for ids in ids.chunks(find::AT_ONCE) {
            for patient in compartment::known(unit, ids)? {
                let noted = source::noted_as(kind);
                compartment::note(unit, reading(kind), noted, Some(patient.id));
                self.add(&out::patient::resource(&patient));
            }
        }
        Ok(())
    }

    /// What refers to the matches.
    fn referring(
        &mut self,
        unit: &mut Unit<'_, '_>,
        include: &Include,
        matches: &[Resource],
    ) -> Result<()> {
        let wanted: BTreeSet<Named> = matches.iter().map(named).collect();
        let patients: BTreeSet<Option<Uuid>> = if find::is_few(include.from) {
            BTreeSet::from([None])
        } else {
            matches
                .iter()
                .map(|one| one.patient)
                .filter(Option::is_some)
                .collect()
        };
        for patient in patients {
            for one in self.read(unit, patient, include.from)? {
                let refers = references(include.parameter, &one)
                    .iter()
                    .any(|target| wanted.contains(target));
                if refers {
                    self.add(&one);
                }
            }
        }
        Ok(())
    }
}
