//! What the parameters of a request ask for, each value by its kind.

use super::super::resource::ResourceType;
use super::NDJSON_NAMES;
use super::elements;
use super::filters;
use super::order::Level;
use super::parameters::{Fault, Given};
use crate::fhir::ids::record_id;
use chrono::{DateTime, Utc};
use uuid::Uuid;

/// How parameters are read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading<'r> {
    /// Whose records are asked for.
    pub level: &'r Level,
    /// Where the client reaches FHIR.
    pub base: &'r str,
    /// The present instant.
    pub now: DateTime<Utc>,
    /// Whether they may name patients.
    pub in_body: bool,
}

/// What is asked for, and what is wrong with that.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// The types that are named, each with the parameter that names it; none where none is.
    pub types: Option<Vec<(ResourceType, Given)>>,
    /// Only what changed after this.
    pub since: Option<DateTime<Utc>>,
    /// Only what changed before this.
    pub until: Option<DateTime<Utc>>,
    /// Only these elements.
    pub elements: Vec<String>,
    /// Only these patients, each with the parameter that names it.
    pub patients: Option<Vec<(Uuid, Given)>>,
    /// Searches of which a resource of their type has to meet one.
    pub searches: Vec<String>,
    /// The parameter that asks for who recorded what is given out.
    pub associated: Option<Given>,
    /// What is wrong.
    pub faults: Vec<Fault>,
}

impl Asked {
    /// Reads parameters.
    pub(super) fn of(given: Vec<Given>, how: &Reading<'_>) -> Asked {
        let mut asked = Asked::default();
        for one in given {
            match one.name.as_str() {
                "_outputFormat" => asked.format(&one),
                "_since" => asked.since = asked.instant(&one, asked.since.is_some()),
                "_until" => asked.until = asked.instant(&one, asked.until.is_some()),
                "_type" => asked.kinds(how.level, &one),
                "_elements" => asked.elements(&one),
                "patient" => asked.patient(one, how),
                "includeAssociatedData" => asked.associated_data(&one),
                "allowPartialManifests" => asked.partial_manifests(&one),
                "_typeFilter" => asked.searches(&one, how),
                "organizeOutputBy" => asked.refuse(&one, "Files are by type of resource."),
                _ => asked.refuse(&one, "There is no such parameter."),
            }
        }
        if let (Some(since), Some(until)) = (asked.since, asked.until)
            && since >= until
        {
            asked.faults.push(Fault {
                code: "value",
                text: "_until: It must lie after _since.".to_owned(),
                place: "http._until".to_owned(),
                can_be_passed_over: false,
            });
        }
        asked
    }

    fn refuse(&mut self, given: &Given, text: &str) {
        self.faults.push(Fault::unsupported(given, text));
    }

    fn format(&mut self, given: &Given) {
        // A plus sign in an address that was not encoded is read as a space.
        let name = given.value.replace(' ', "+");
        if !NDJSON_NAMES.contains(&name.as_str()) {
            let text = format!("Accepted are {}.", NDJSON_NAMES.join(", "));
            self.faults.push(Fault::of_value(given, text));
        }
    }

    fn instant(&mut self, given: &Given, again: bool) -> Option<DateTime<Utc>> {
        let text = given.value.replace(' ', "+");
        let read = DateTime::parse_from_rfc3339(&text);
        if again {
            self.faults
                .push(Fault::of_value(given, "It may be given once."));
        } else if read.is_err() {
            let text = "An instant as 2026-03-01T09:00:00Z is accepted.";
            self.faults.push(Fault::of_value(given, text));
        }
        read.ok().map(|at| at.to_utc())
    }

    fn kinds(&mut self, level: &Level, given: &Given) {
        let mut kinds = self.types.take().unwrap_or_default();
        for name in listed(&given.value) {
            match ResourceType::from_code(name) {
                Some(kind) if kinds.iter().any(|(known, _)| *known == kind) => {}
                Some(kind) if level.offers(kind) => kinds.push((kind, given.clone())),
                Some(_) => {
                    let text = format!("{name} is not part of such an export.");
                    self.faults.push(Fault::unsupported(given, text));
                }
                None => {
                    let text = format!("{name} is no type of resource that there is here.");
                    self.faults.push(Fault::unsupported(given, text));
                }
            }
        }
        self.types = Some(kinds);
    }

    fn elements(&mut self, given: &Given) {
        for name in listed(&given.value) {
            if elements::is_one(name) {
                self.elements.push(name.to_owned());
            } else {
                let text = format!(
                    "{name} is no element at the root of a resource; as Patient.birthDate or birthDate."
                );
                self.faults.push(Fault::unsupported(given, text));
            }
        }
    }

    fn searches(&mut self, given: &Given, how: &Reading<'_>) {
        for text in filters::separated(&given.value) {
            let faults = filters::faults(given, text, how.base, how.now);
            if faults.is_empty() {
                self.searches.push(text.to_owned());
            }
            self.faults.extend(faults);
        }
    }

    fn patient(&mut self, given: Given, how: &Reading<'_>) {
        if *how.level == Level::System {
            return self.refuse(
                &given,
                "An export of everything is not limited to patients.",
            );
        }
        if !how.in_body {
            return self.refuse(&given, "Patients are named in the body of a POST.");
        }
        let patients = self.patients.get_or_insert_default();
        let local = given.value.strip_prefix(how.base);
        let local = local.and_then(|rest| rest.strip_prefix('/'));
        let id = local.unwrap_or(&given.value).strip_prefix("Patient/");
        match id.and_then(record_id).filter(|_| given.is_reference) {
            Some(id) => patients.push((id, given)),
            None => self.faults.push(Fault::of_value(
                &given,
                "A reference as Patient/01890a5d-ac96-774b-bcce-b302099a8057 is accepted.",
            )),
        }
    }

    fn associated_data(&mut self, given: &Given) {
        for name in listed(&given.value) {
            // Of each record its present provenance is kept, so that both are the same.
            if matches!(
                name,
                "LatestProvenanceResources" | "RelevantProvenanceResources"
            ) {
                self.associated = Some(given.clone());
            } else {
                let text = format!(
                    "{name} is not known; accepted are LatestProvenanceResources, RelevantProvenanceResources."
                );
                self.faults.push(Fault::unsupported(given, text));
            }
        }
    }

    /// It allows several manifests and demands nothing: there is one, when all files are there.
    fn partial_manifests(&mut self, given: &Given) {
        if !matches!(given.value.as_str(), "true" | "false") {
            self.faults
                .push(Fault::of_value(given, "Accepted are true, false."));
        }
    }
}

fn listed(value: &str) -> impl Iterator<Item = &str> {
    value
        .split(',')
        .map(str::trim)
        .filter(|one| !one.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(name: &str, value: &str) -> Given {
        Given {
            name: name.to_owned(),
            value: value.to_owned(),
            place: format!("http.{name}"),
            is_reference: name == "patient",
        }
    }

    fn asked(given: Vec<Given>) -> Asked {
        let how = Reading {
            level: &Level::Patient,
            base: "https://m.test/fhir/R4",
            now: DateTime::UNIX_EPOCH,
            in_body: true,
        };
        Asked::of(given, &how)
    }

    #[test]
    fn repeated_types_are_as_if_separated_by_commas() {
        let asked = asked(vec![
            given("_type", "Patient, Observation"),
            given("_type", "Observation,Task"),
        ]);
        let kinds: Vec<&str> = asked
            .types
            .unwrap()
            .iter()
            .map(|(kind, _)| kind.code())
            .collect();
        assert_eq!(kinds, ["Patient", "Observation", "Task"]);
        assert_eq!(asked.faults, []);
    }

    #[test]
    fn what_is_wrong_is_told_of_each_parameter_and_only_some_of_it_can_be_passed_over() {
        let asked = asked(vec![
            given("_outputFormat", "text/csv"),
            given("_since", "yesterday"),
            given("_until", "2026-03-01"),
            given("_type", "Encounter"),
            given("_type", "PlanDefinition"),
            given("_elements", "Patient.name.family"),
            given("patient", "Patient/1"),
            given("includeAssociatedData", "_everything"),
            given("allowPartialManifests", "perhaps"),
            given("organizeOutputBy", "Patient"),
            given("_typeFilter", "Task?status=requested,Task?colour=red"),
            given(
                "patient",
                "https://other.test/fhir/R4/Patient/01890a5d-ac96-774b-bcce-b302099a8057",
            ),
            given("_colour", "red"),
        ]);
        let found: Vec<(&str, bool)> = asked
            .faults
            .iter()
            .map(|fault| (fault.place.as_str(), fault.can_be_passed_over))
            .collect();
        let expected = [
            ("http._outputFormat", false),
            ("http._since", false),
            ("http._until", false),
            ("http._type", true),
            ("http._type", true),
            ("http._elements", true),
            ("http.patient", false),
            ("http.includeAssociatedData", true),
            ("http.allowPartialManifests", false),
            ("http.organizeOutputBy", true),
            ("http._typeFilter", true),
            ("http.patient", false),
            ("http._colour", true),
        ];
        assert_eq!(found, expected);
        // Nobody is asked for, and not everybody.
        assert!(asked.patients.is_some_and(|patients| patients.is_empty()));
    }

    #[test]
    fn a_plus_sign_that_was_read_as_a_space_is_one() {
        let asked = asked(vec![
            given("_outputFormat", "application/fhir ndjson"),
            given("_since", "2026-03-01T09:00:00 01:00"),
        ]);
        assert_eq!(asked.faults, []);
        let since = "2026-03-01T08:00:00Z".parse().unwrap();
        assert_eq!(asked.since, Some(since));
    }

    #[test]
    fn an_end_before_the_beginning_is_refused() {
        let asked = asked(vec![
            given("_since", "2026-03-02T09:00:00Z"),
            given("_until", "2026-03-01T09:00:00Z"),
        ]);
        assert_eq!(asked.faults.len(), 1);
    }
}
