//! Orders and appointments as FHIR writes them, read for the procedures that profiles are about.

use super::reading::{Mistakes, wrong};
use crate::app::cds::{Ordered, Procedure};
use crate::domain::anatomy::{CoveredRegion, Joint, TreatedSide};
use chrono::NaiveDate;
use serde_json::Value;

/// The names of the CPT code system: its own, and the one of HL7 v3.
const CPT: [&str; 2] = [
    "http://www.ama-assn.org/go/cpt",
    "urn:oid:2.16.840.1.113883.6.12",
];

/// A resource, with the address that its bundle gives it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Resource<'v> {
    body: &'v Value,
    full_url: Option<&'v str>,
}

impl Resource<'_> {
    fn kind(&self) -> &str {
        text(self.body, "resourceType")
    }

    /// Whether a reference such as `ServiceRequest/1` means it.
    pub(super) fn is(&self, reference: &str) -> bool {
        let id = text(self.body, "id");
        let by_id =
            !id.is_empty() && (reference == id || reference == format!("{}/{id}", self.kind()));
        by_id || self.full_url == Some(reference)
    }
}

/// The resources of a Bundle, or of a bare list as older descriptions of `appointment-book` have it.
pub(super) fn resources<'v>(
    value: &'v Value,
    at: &str,
    mistakes: &mut Mistakes,
) -> Option<Vec<Resource<'v>>> {
    if let Some(list) = value.as_array() {
        let bare = list.iter().enumerate();
        return Some(
            bare.filter_map(|(place, body)| {
                let at = format!("{at}/{place}");
                resource(body, None, &at, mistakes)
            })
            .collect(),
        );
    }
    if text(value, "resourceType") != "Bundle" {
        wrong(mistakes, at, "Expected a Bundle.");
        return None;
    }
    let entries = match value.get("entry") {
        None | Some(Value::Null) => return Some(Vec::new()),
        Some(entries) => entries,
    };
    let Some(entries) = entries.as_array() else {
        wrong(mistakes, &format!("{at}/entry"), "Expected an array.");
        return None;
    };
    let mut found = Vec::new();
    for (place, entry) in entries.iter().enumerate() {
        let at = format!("{at}/entry/{place}/resource");
        let body = entry.get("resource").unwrap_or(&Value::Null);
        let full_url = entry.get("fullUrl").and_then(Value::as_str);
        found.extend(resource(body, full_url, &at, mistakes));
    }
    Some(found)
}

fn resource<'v>(
    body: &'v Value,
    full_url: Option<&'v str>,
    at: &str,
    mistakes: &mut Mistakes,
) -> Option<Resource<'v>> {
    if text(body, "resourceType").is_empty() {
        wrong(mistakes, at, "Expected a resource with its resourceType.");
        return None;
    }
    Some(Resource { body, full_url })
}

/// What is ordered by those of the resources that are orders of blocks or ablations.
pub(super) fn ordered<'v>(resources: impl Iterator<Item = Resource<'v>>) -> Vec<Ordered> {
    let orders = resources.filter(|one| one.kind() == "ServiceRequest");
    let wanted = orders.filter(|one| one.body.get("doNotPerform") != Some(&Value::Bool(true)));
    let mut all = Vec::new();
    for order in wanted {
        let body = order.body;
        let day = day(body, "occurrenceDateTime").or_else(|| {
            let period = body.get("occurrencePeriod")?;
            day(period, "start")
        });
        let places = ["bodySite", "orderDetail", "code"].map(|name| body.get(name));
        let procedures = codes(body.get("code"));
        add(&mut all, &procedures, &places, day);
    }
    all
}

/// What is booked: what an appointment says itself, or the order that it is based on.
pub(super) fn booked(appointments: &[Resource<'_>], known: &[Resource<'_>]) -> Vec<Ordered> {
    let mut all = Vec::new();
    let booked = appointments
        .iter()
        .filter(|one| one.kind() == "Appointment");
    for appointment in booked {
        let body = appointment.body;
        let on = day(body, "start");
        let mut procedures = Vec::new();
        for name in ["serviceType", "reasonCode", "appointmentType"] {
            procedures.extend(codes(body.get(name)));
        }
        let places = ["serviceType", "reasonCode", "description", "comment"];
        add(
            &mut all,
            &procedures,
            &places.map(|name| body.get(name)),
            on,
        );
        let based_on = body.get("basedOn").and_then(Value::as_array);
        for reference in based_on.into_iter().flatten() {
            let reference = text(reference, "reference");
            let of_order = known.iter().filter(|one| one.is(reference)).copied();
            for mut one in ordered(of_order) {
                one.on = on.or(one.on);
                put(&mut all, one);
            }
        }
    }
    all
}

fn add(
    all: &mut Vec<Ordered>,
    procedures: &[(Procedure, CoveredRegion)],
    places: &[Option<&Value>],
    on: Option<NaiveDate>,
) {
    let words: Vec<&str> = places
        .iter()
        .flatten()
        .flat_map(|value| texts(value))
        .collect();
    let joints: Vec<Joint> = Joint::all()
        .filter(|joint| words.iter().any(|words| names_joint(words, *joint)))
        .collect();
    let side = side(&words);
    for (procedure, region) in procedures {
        let own = joints
            .iter()
            .filter(|joint| joint.region().covered() == *region);
        put(
            all,
            Ordered {
                procedure: *procedure,
                region: *region,
                joints: own.copied().collect(),
                side,
                on,
            },
        );
    }
}

/// Two lines of one procedure are one order.
fn put(all: &mut Vec<Ordered>, one: Ordered) {
    if !all.contains(&one) {
        all.push(one);
    }
}

/// The procedures that CPT codes of a CodeableConcept, or of several, stand for.
fn codes(concepts: Option<&Value>) -> Vec<(Procedure, CoveredRegion)> {
    let Some(concepts) = concepts else {
        return Vec::new();
    };
    let concepts = concepts
        .as_array()
        .map_or(std::slice::from_ref(concepts), Vec::as_slice);
    let codings = concepts
        .iter()
        .filter_map(|concept| concept.get("coding")?.as_array())
        .flatten();
    let of_cpt = codings.filter(|coding| CPT.contains(&text(coding, "system")));
    of_cpt
        .filter_map(|coding| procedure_of(text(coding, "code")))
        .collect()
}

fn procedure_of(code: &str) -> Option<(Procedure, CoveredRegion)> {
    match code {
        "64490" | "64491" | "64492" => Some((Procedure::Block, CoveredRegion::CervicalThoracic)),
        "64493" | "64494" | "64495" => Some((Procedure::Block, CoveredRegion::LumbarSacral)),
        "64633" | "64634" => Some((Procedure::Ablation, CoveredRegion::CervicalThoracic)),
        "64635" | "64636" => Some((Procedure::Ablation, CoveredRegion::LumbarSacral)),
        _ => None,
    }
}

/// The texts of a concept, or of several: codes, displays and words.
fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(values) => values.iter().flat_map(texts).collect(),
        Value::Object(fields) => fields
            .iter()
            .filter(|(name, _)| {
                matches!(
                    name.as_str(),
                    "coding"
                        | "code"
                        | "display"
                        | "text"
                        | "extension"
                        | "valueCode"
                        | "valueString"
                )
            })
            .flat_map(|(_, value)| texts(value))
            .collect(),
        _ => Vec::new(),
    }
}

/// Whether a text names a joint, as `L4-5`, `L4/5` or `L4-L5`, alone or as the code of a joint with its side.
fn names_joint(words: &str, joint: Joint) -> bool {
    let plain: String = words
        .chars()
        .filter(|c| !c.is_whitespace() || c.is_ascii_whitespace())
        .map(|c| {
            if matches!(c, '/' | '–' | '‑') {
                '-'
            } else {
                c.to_ascii_uppercase()
            }
        })
        .collect();
    let plain = plain.replace(" - ", "-");
    let code = joint.code();
    let Some((upper, lower)) = code.split_once('-') else {
        return false;
    };
    let letter: String = upper.chars().take(1).collect();
    let spelled_out = format!("{upper}-{letter}{lower}");
    [code, spelled_out.as_str()].into_iter().any(|name| {
        plain.match_indices(name).any(|(place, _)| {
            let before = plain.get(..place).and_then(|text| text.chars().last());
            let after = plain
                .get(place + name.len()..)
                .and_then(|text| text.chars().next());
            !before.is_some_and(|c| c.is_ascii_alphanumeric())
                && !after.is_some_and(|c| c.is_ascii_digit())
        })
    })
}

/// The side that texts name: in words, as a modifier of CPT, or as a SNOMED CT qualifier.
fn side(words: &[&str]) -> Option<TreatedSide> {
    let (mut left, mut right) = (false, false);
    for words in words {
        match *words {
            "LT" | "7771000" => left = true,
            "RT" | "24028007" => right = true,
            "50" | "51440002" => (left, right) = (true, true),
            _ => {}
        }
        for word in words.split(|c: char| !c.is_ascii_alphabetic()) {
            match word.to_ascii_lowercase().as_str() {
                "left" => left = true,
                "right" => right = true,
                "bilateral" | "bilaterally" | "both" => (left, right) = (true, true),
                _ => {}
            }
        }
    }
    match (left, right) {
        (true, true) => Some(TreatedSide::Bilateral),
        (true, false) => Some(TreatedSide::Left),
        (false, true) => Some(TreatedSide::Right),
        (false, false) => None,
    }
}

/// The calendar date at the place of the procedure.
fn day(value: &Value, name: &str) -> Option<NaiveDate> {
    text(value, name).get(..10)?.parse().ok()
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(words: &str) -> Vec<&'static str> {
        Joint::all()
            .filter(|joint| names_joint(words, *joint))
            .map(Joint::code)
            .collect()
    }

    #[test]
    fn joints_are_found_in_their_spellings() {
        for words in [
            "L4-5",
            "L4/5",
            "right L4-L5 facet",
            "L4 - 5",
            "l4–l5",
            "L4-5-right",
        ] {
            assert_eq!(named(words), ["L4-5"], "{words}");
        }
        assert_eq!(named("L4-5 and L5-S1"), ["L4-5", "L5-S1"]);
        assert_eq!(named("T11-12"), ["T11-12"]);
        assert_eq!(named("C7/T1"), ["C7-T1"]);
        assert!(named("XL4-51").is_empty());
    }

    #[test]
    fn sides_are_found_in_words_and_codes() {
        assert_eq!(side(&["Right side"]), Some(TreatedSide::Right));
        assert_eq!(side(&["LT"]), Some(TreatedSide::Left));
        assert_eq!(side(&["7771000", "24028007"]), Some(TreatedSide::Bilateral));
        assert_eq!(side(&["bilateral L4-5"]), Some(TreatedSide::Bilateral));
        assert_eq!(side(&["result of a copyright dispute"]), None);
    }
}
