//! Which sorts of observations a search can find at all, so that only those are read and computed.

use super::conditions::Conditions;
use super::wanted::Wanted;
use crate::domain::Vocabulary;
use crate::domain::episode::Instrument;
use crate::fhir::out::observation::instrument_code;
use crate::fhir::resource::ResourceType;
use crate::fhir::source::Observed;
use crate::fhir::terms;

/// What all observations of a sort have in common.
struct Traits {
    category: &'static str,
    /// The codes of which each has some.
    codes: Vec<(&'static str, &'static str)>,
    /// The references that they have.
    references: &'static [&'static str],
}

fn scores() -> Traits {
    Traits {
        category: "survey",
        codes: vec![
            (terms::LOINC, terms::LOINC_NRS),
            (terms::LOINC, terms::LOINC_VAS),
        ],
        references: &["part-of"],
    }
}

fn reliefs() -> Traits {
    Traits {
        category: "procedure",
        codes: vec![(terms::OBSERVATION, "relief")],
        references: &["part-of", "derived-from"],
    }
}

fn disability() -> Traits {
    let instruments = Instrument::codes().iter();
    let instruments = instruments.filter_map(|code| Instrument::read(code).ok());
    Traits {
        category: "survey",
        codes: instruments.map(instrument_code).collect(),
        references: &["focus"],
    }
}

fn follow_ups() -> Traits {
    let mut traits = scores();
    traits.codes.push((terms::OBSERVATION, "follow-up"));
    traits
}

/// Those that may be found.
pub(super) fn observed(conditions: &Conditions) -> Observed {
    if conditions.kind() != ResourceType::Observation {
        return Observed::ALL;
    }
    Observed {
        scores: may(conditions, &scores()),
        reliefs: may(conditions, &reliefs()),
        disability: may(conditions, &disability()),
        follow_ups: may(conditions, &follow_ups()),
    }
}

fn may(conditions: &Conditions, traits: &Traits) -> bool {
    conditions.all().iter().all(|one| {
        let Some(wanted) = one.any() else {
            return true;
        };
        let coded = |system: &str, code: &str| {
            wanted
                .iter()
                .any(|one| matches!(one, Wanted::Token(token) if token.is(system, code)))
        };
        match one.parameter.name {
            "code" => traits
                .codes
                .iter()
                .any(|(system, code)| coded(system, code)),
            "category" => coded(terms::OBSERVATION_CATEGORY, traits.category),
            name @ ("part-of" | "focus" | "derived-from") => traits.references.contains(&name),
            _ => true,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fhir::search::conditions::Reading;
    use crate::http::query::Query;
    use chrono::DateTime;

    fn found_by(query: &str) -> [bool; 4] {
        let how = Reading {
            base: "https://here.example/fhir/R4",
            now: DateTime::UNIX_EPOCH,
            strict: true,
            linked: true,
        };
        let query = Query::read(query).unwrap();
        let conditions = Conditions::read(ResourceType::Observation, &query, &how).unwrap();
        let found = observed(&conditions);
        [
            found.scores,
            found.reliefs,
            found.disability,
            found.follow_ups,
        ]
    }

    #[test]
    fn only_what_can_be_found_is_computed() {
        for (query, expected) in [
            ("patient=1", [true, true, true, true]),
            ("code=72514-3", [true, false, false, true]),
            ("code=http://loinc.org|97908-8", [false, false, true, false]),
            ("code=relief", [false, true, false, false]),
            (
                "code=urn:medial:fhir:CodeSystem:observation|",
                [false, true, true, true],
            ),
            ("code=relief,38214-3", [true, true, false, true]),
            ("category=survey", [true, false, true, true]),
            (
                "category=procedure&code=72514-3",
                [false, false, false, false],
            ),
            ("derived-from=Observation/1", [false, true, false, false]),
            ("focus=Condition/1", [false, false, true, false]),
            ("code:not=relief", [true, true, true, true]),
        ] {
            assert_eq!(found_by(query), expected, "{query}");
        }
    }
}
