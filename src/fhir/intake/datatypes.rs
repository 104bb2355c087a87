//! The data types that the resources are made of, as far as the records hold them.

use super::element::{Element, Leaf, wrong};
use crate::app::FieldError;
use crate::fhir::terms::UCUM;
use serde_json::Value;
use uuid::Uuid;

/// A code with the system that it belongs to.
#[derive(Debug, Clone)]
pub(in crate::fhir) struct Coding<'v> {
    /// Where it stands.
    pub at: String,
    /// Its system.
    pub system: &'v str,
    /// The code.
    pub code: &'v str,
}

/// Reads a Coding. Its `display` is the code system's word for the code, and says nothing beside it. `allowed` are the
/// extensions that it may have; what they say is compared with what is given back.
pub(in crate::fhir) fn coding<'v>(
    mut element: Element<'v>,
    allowed: &[&str],
    errors: &mut Vec<FieldError>,
) -> Option<Coding<'v>> {
    let mut extensions = Extensions::of(&mut element, errors);
    for url in allowed {
        let _ = extensions.every(url);
    }
    extensions.finish(errors);
    let system = element.text("system", errors);
    let code = element.text("code", errors);
    let _ = element.text("display", errors);
    for name in ["system", "code"] {
        if !element.has(name) {
            let detail = "A code is known by its system and its code.";
            wrong(errors, element.place(name), "required", detail);
        }
    }
    let at = element.at().to_owned();
    element.finish(errors);
    Some(Coding {
        at,
        system: system?.value,
        code: code?.value,
    })
}

/// Reads the codings of a CodeableConcept. Its `text` is compared with what is given back.
pub(in crate::fhir) fn concept<'v>(
    mut element: Element<'v>,
    allowed: &[&str],
    errors: &mut Vec<FieldError>,
) -> Vec<Coding<'v>> {
    let _ = element.text("text", errors);
    let codings: Vec<Coding<'v>> = element
        .objects("coding", errors)
        .into_iter()
        .filter_map(|one| coding(one, allowed, errors))
        .collect();
    if !element.has("coding") {
        let detail = "A code is required here; a text alone cannot be kept.";
        wrong(errors, element.place("coding"), "required", detail);
    }
    element.finish(errors);
    codings
}

/// The code of `system` in the concept `name`, where that must be one; codes of other systems have no place.
pub(in crate::fhir) fn code_in<'v>(
    element: Element<'v>,
    system: &str,
    errors: &mut Vec<FieldError>,
) -> Option<Coding<'v>> {
    let at = element.at().to_owned();
    let codings = concept(element, &[], errors);
    refuse_other_systems(&codings, &[system], errors);
    let mut fitting = codings.into_iter().filter(|one| one.system == system);
    let first = fitting.next();
    if fitting.next().is_some() {
        wrong(errors, at, "too_many", "Only one of these codes is kept.");
    }
    first
}

/// The codes of one system among `codings`; every coding of a system that is not among `known` has no place.
pub(in crate::fhir) fn refuse_other_systems(
    codings: &[Coding<'_>],
    known: &[&str],
    errors: &mut Vec<FieldError>,
) {
    for coding in codings.iter().filter(|one| !known.contains(&one.system)) {
        let detail = format!("Codes of {} are kept here.", known.join(" and "));
        wrong(
            errors,
            format!("{}/system", coding.at),
            "unknown_value",
            detail,
        );
    }
}

/// The code of `system` among `codings`.
pub(in crate::fhir) fn code_of<'c, 'v>(
    codings: &'c [Coding<'v>],
    system: &str,
) -> Option<&'c Coding<'v>> {
    codings.iter().find(|one| one.system == system)
}

/// An extension and its value.
#[derive(Debug, Clone)]
pub(in crate::fhir) struct Extension<'v> {
    at: String,
    url: &'v str,
    fields: &'v Value,
}

/// The extensions of an element, and which of them were asked for.
#[derive(Debug, Clone, Default)]
pub(in crate::fhir) struct Extensions<'v> {
    all: Vec<Extension<'v>>,
    taken: Vec<String>,
}

impl<'v> Extensions<'v> {
    /// The extensions of `element`.
    pub(in crate::fhir) fn of(
        element: &mut Element<'v>,
        errors: &mut Vec<FieldError>,
    ) -> Extensions<'v> {
        let Some(leaf) = element.any("extension") else {
            return Extensions::default();
        };
        let Some(list) = leaf.value.as_array().filter(|list| !list.is_empty()) else {
            wrong(
                errors,
                leaf.at,
                "wrong_type",
                "Expected a list that is not empty.",
            );
            return Extensions::default();
        };
        let mut all = Vec::new();
        for (place, fields) in list.iter().enumerate() {
            let at = format!("{}/{place}", leaf.at);
            match fields.get("url").and_then(Value::as_str) {
                Some(url) => all.push(Extension { at, url, fields }),
                None => wrong(
                    errors,
                    format!("{at}/url"),
                    "required",
                    "An extension has a url.",
                ),
            }
        }
        Extensions {
            all,
            taken: Vec::new(),
        }
    }

    /// Those with `url`, in their order.
    pub(in crate::fhir) fn every(&mut self, url: &str) -> Vec<Extension<'v>> {
        self.taken.push(url.to_owned());
        let found = self.all.iter().filter(|one| one.url == url);
        found.cloned().collect()
    }

    /// The one with `url`.
    pub(in crate::fhir) fn only(
        &mut self,
        url: &str,
        errors: &mut Vec<FieldError>,
    ) -> Option<Extension<'v>> {
        let mut found = self.every(url).into_iter();
        let first = found.next();
        for surplus in found {
            wrong(errors, surplus.at, "too_many", "Only one of these is kept.");
        }
        first
    }

    /// The value `value[x]` of the one with `url`, which must be of the type that `name` says, as `valueBoolean`.
    pub(in crate::fhir) fn value(
        &mut self,
        url: &str,
        name: &str,
        errors: &mut Vec<FieldError>,
    ) -> Option<Leaf<'v>> {
        self.only(url, errors)?.value(name, errors)
    }

    /// Says what was not asked for.
    pub(in crate::fhir) fn finish(self, errors: &mut Vec<FieldError>) {
        for extension in &self.all {
            if !self.taken.iter().any(|url| url == extension.url) {
                let at = format!("{}/url", extension.at);
                let detail = "There is no place for this extension here: it would be lost.";
                wrong(errors, at, "unknown_extension", detail);
            }
        }
    }
}

impl<'v> Extension<'v> {
    /// Where it stands.
    pub(in crate::fhir) fn at(&self) -> &str {
        &self.at
    }

    /// Its value, which is called `name`.
    pub(in crate::fhir) fn value(
        &self,
        name: &str,
        errors: &mut Vec<FieldError>,
    ) -> Option<Leaf<'v>> {
        let mut element = Element::read(self.fields, self.at.clone(), errors)?;
        element.any("url");
        let leaf = element.any(name);
        if leaf.is_none() {
            let detail = format!("Expected {name} here.");
            wrong(errors, element.place(name), "required", detail);
        }
        element.finish(errors);
        leaf
    }

    /// The extensions within it, where it has those instead of a value.
    pub(in crate::fhir) fn parts(&self, errors: &mut Vec<FieldError>) -> Extensions<'v> {
        let Some(mut element) = Element::read(self.fields, self.at.clone(), errors) else {
            return Extensions::default();
        };
        element.any("url");
        let parts = Extensions::of(&mut element, errors);
        element.finish(errors);
        parts
    }
}

/// The code of `system` that an extension has as its value.
pub(in crate::fhir) fn extension_code<'v>(
    extension: &Extension<'v>,
    system: &str,
    errors: &mut Vec<FieldError>,
) -> Option<Coding<'v>> {
    let leaf = extension.value("valueCoding", errors)?;
    let element = Element::read(leaf.value, leaf.at, errors)?;
    let coding = coding(element, &[], errors)?;
    refuse_other_systems(std::slice::from_ref(&coding), &[system], errors);
    (coding.system == system).then_some(coding)
}

/// The number of a quantity in the unit `code` of UCUM.
pub(in crate::fhir) fn quantity<'v>(
    leaf: &Leaf<'v>,
    code: &str,
    errors: &mut Vec<FieldError>,
) -> Option<Leaf<'v>> {
    let mut element = Element::read(leaf.value, leaf.at.clone(), errors)?;
    let value = element.any("value");
    if value.is_none() {
        wrong(
            errors,
            element.place("value"),
            "required",
            "A quantity has a value.",
        );
    }
    let _ = element.text("unit", errors);
    let expected = [("system", UCUM), ("code", code)];
    for (name, expected) in expected {
        let found = element.text(name, errors);
        if found.is_none_or(|found| found.value != expected) {
            let detail = format!("Expected the unit {code} of {UCUM}.");
            wrong(errors, element.place(name), "unknown_value", detail);
        }
    }
    element.finish(errors);
    value
}

/// A reference to a record of ours.
#[derive(Debug, Clone)]
pub(in crate::fhir) struct Reference {
    /// Where it stands.
    pub at: String,
    /// The record.
    pub id: Uuid,
}

/// Reads a reference to a `kind`, as `Patient/{id}`; other forms were resolved before.
pub(in crate::fhir) fn reference(
    mut element: Element<'_>,
    kind: &str,
    errors: &mut Vec<FieldError>,
) -> Option<Reference> {
    let text = element.text("reference", errors);
    let _ = element.text("type", errors);
    let _ = element.text("display", errors);
    let missing = !element.has("reference");
    let at = element.place("reference");
    element.finish(errors);
    if missing {
        let detail = format!("Expected a reference to a {kind}.");
        wrong(errors, at, "required", detail);
        return None;
    }
    let text = text?;
    let parts = text
        .value
        .split_once('/')
        .filter(|(named, _)| *named == kind);
    let id = parts.and_then(|(_, id)| Uuid::try_parse(id).ok().filter(|_| id.len() == 36));
    let Some(id) = id else {
        let known =
            format!("Expected a reference to a {kind} that is recorded here, as {kind}/id.");
        wrong(errors, text.at, "not_found", known);
        return None;
    };
    Some(Reference { at: text.at, id })
}
