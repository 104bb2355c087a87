//! What a search demands of each resource: read from its parameters, all that is wrong with them at once.

use super::parameters::{self, PATIENT, SearchParameter, SearchType};
use super::wanted::{Target, Token, Wanted, Words, cut, unescaped};
use crate::app::FieldError;
use crate::fhir::resource::{Resource, ResourceType};
use crate::http::query::Query;
use chrono::{DateTime, Utc};
use serde_json::Value;
use std::collections::BTreeMap;

/// How parameters are read.
#[derive(Debug, Clone, Copy)]
pub struct Reading<'a> {
    /// Where the client reaches FHIR, as `https://host/fhir/R4`.
    pub base: &'a str,
    /// The present instant, which `ap` is about.
    pub now: DateTime<Utc>,
    /// Whether what is not known is refused; else it is passed over and named.
    pub strict: bool,
    /// Whether conditions about other resources of the same patient are read: chains and `_has`.
    pub linked: bool,
}

/// What a search demands of each resource: every one of these conditions.
#[derive(Debug, Clone)]
pub struct Conditions {
    kind: ResourceType,
    all: Vec<Condition>,
    ignored: Vec<String>,
    used: Query,
}

/// One condition.
#[derive(Debug, Clone)]
pub(super) struct Condition {
    pub(super) parameter: &'static SearchParameter,
    pub(super) test: Test,
}

/// What is demanded.
#[derive(Debug, Clone)]
pub(super) enum Test {
    /// One of these values is there.
    Any(Vec<Wanted>),
    /// None of these values is there.
    Not(Vec<Wanted>),
    /// There is no value, or there is one.
    Missing(bool),
    /// What the parameter refers to meets conditions of its own.
    Refers(Box<Conditions>),
    /// A resource that refers to this one by the parameter meets conditions of its own.
    Referred(Box<Conditions>),
}

/// Resources by their types: those that conditions are about.
pub(super) type Neighbours = BTreeMap<ResourceType, Vec<Resource>>;

/// What conditions about other resources look at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Around<'n> {
    /// What is recorded about the same patient.
    pub(super) patient: &'n Neighbours,
    /// What there are few of, recorded about nobody.
    pub(super) few: &'n Neighbours,
}

/// The level of a chain, beyond which none is read.
const ONE_LEVEL: &str =
    "Conditions about another resource go one level deep, as patient.identifier.";

impl Conditions {
    /// Reads the parameters of a search of `kind`, those that say how the answer is to look left aside.
    ///
    /// # Errors
    /// Every parameter that is wrong; in strict reading those that are not known as well.
    pub fn read(
        kind: ResourceType,
        query: &Query,
        how: &Reading<'_>,
    ) -> Result<Conditions, Vec<FieldError>> {
        let mut conditions = Conditions {
            kind,
            all: Vec::new(),
            ignored: Vec::new(),
            used: Query::default(),
        };
        let mut errors = Vec::new();
        for (name, value) in query.pairs() {
            match condition(kind, name, value, how) {
                Ok(Some(condition)) => {
                    conditions.all.push(condition);
                    conditions.used.push(name, value);
                }
                Ok(None) if how.strict => errors.push(unknown(kind, name)),
                Ok(None) => conditions.ignored.push(name.to_owned()),
                Err(error) => errors.push(error),
            }
        }
        if errors.is_empty() {
            Ok(conditions)
        } else {
            Err(errors)
        }
    }

    /// The type that is searched.
    #[must_use]
    pub fn kind(&self) -> ResourceType {
        self.kind
    }

    /// Whether nothing is demanded.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The parameters that were passed over.
    #[must_use]
    pub fn ignored(&self) -> &[String] {
        &self.ignored
    }

    /// The parameters that were read, as they came.
    #[must_use]
    pub fn used(&self) -> &Query {
        &self.used
    }

    /// Whether a resource of the type meets them all by itself. One about other resources is not met here.
    #[must_use]
    pub fn hold(&self, resource: &Resource) -> bool {
        let none = Neighbours::new();
        self.hold_among(
            resource,
            Around {
                patient: &none,
                few: &none,
            },
        )
    }

    /// Whether a resource meets them all among those of the same patient.
    pub(super) fn hold_among(&self, resource: &Resource, around: Around<'_>) -> bool {
        self.all.iter().all(|one| one.holds(resource, around))
    }

    /// Whether a resource meets those that are about it alone.
    pub(super) fn hold_alone(&self, resource: &Resource) -> bool {
        let alone = self.all.iter().filter(|one| one.about().is_none());
        let none = Neighbours::new();
        let around = Around {
            patient: &none,
            few: &none,
        };
        alone.into_iter().all(|one| one.holds(resource, around))
    }

    /// The types of other resources that they are about.
    pub(super) fn about(&self) -> impl Iterator<Item = ResourceType> {
        self.all.iter().filter_map(Condition::about)
    }

    pub(super) fn all(&self) -> &[Condition] {
        &self.all
    }

    /// The conditions with a parameter that want one of some values.
    pub(super) fn wanting<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [Wanted]> {
        let named = move |one: &&Condition| one.parameter.name == name;
        self.all.iter().filter(named).filter_map(Condition::any)
    }
}

impl Condition {
    /// The values of which one is wanted.
    pub(super) fn any(&self) -> Option<&[Wanted]> {
        match &self.test {
            Test::Any(wanted) => Some(wanted),
            Test::Not(_) | Test::Missing(_) | Test::Refers(_) | Test::Referred(_) => None,
        }
    }

    /// The type of other resources that it is about.
    fn about(&self) -> Option<ResourceType> {
        match &self.test {
            Test::Refers(conditions) | Test::Referred(conditions) => Some(conditions.kind),
            Test::Any(_) | Test::Not(_) | Test::Missing(_) => None,
        }
    }

    fn holds(&self, resource: &Resource, around: Around<'_>) -> bool {
        let any = |wanted: &[Wanted]| wanted.iter().any(|one| self.parameter.is(one, resource));
        match &self.test {
            Test::Any(wanted) => any(wanted),
            Test::Not(wanted) => !any(wanted),
            Test::Missing(missing) => self.parameter.has_value(resource) != *missing,
            Test::Refers(conditions) => fitting(conditions, around)
                .any(|one| self.parameter.refers(resource, one.kind, &one.id)),
            Test::Referred(conditions) => fitting(conditions, around)
                .any(|one| self.parameter.refers(one, resource.kind, &resource.id)),
        }
    }
}

/// Those neighbours that meet conditions of their own.
fn fitting<'n>(
    conditions: &'n Conditions,
    around: Around<'n>,
) -> impl Iterator<Item = &'n Resource> {
    let there = [around.patient, around.few].into_iter();
    let there = there.filter_map(|there| there.get(&conditions.kind));
    there.flatten().filter(|one| conditions.hold(one))
}

impl SearchParameter {
    /// Whether a resource has the value that is wanted.
    fn is(&self, wanted: &Wanted, resource: &Resource) -> bool {
        self.places.iter().any(|place| {
            if *place == PATIENT {
                return is_patient(wanted, resource);
            }
            any_at(resource, place, &mut |value| wanted.is_at(self, value))
        })
    }

    /// Whether a resource has any value.
    fn has_value(&self, resource: &Resource) -> bool {
        self.places.iter().any(|place| {
            if *place == PATIENT {
                return resource.patient.is_some();
            }
            any_at(resource, place, &mut |_| true)
        })
    }

    /// Whether a resource refers to another one by this parameter.
    pub(super) fn refers(&self, resource: &Resource, kind: ResourceType, id: &str) -> bool {
        let target = Target {
            kind: Some(kind),
            id: id.to_owned(),
        };
        self.is(&Wanted::Reference(target), resource)
    }

    /// Every value that a resource has, but for the patient.
    pub(super) fn values<'r>(&self, resource: &'r Resource) -> Vec<&'r Value> {
        let mut found = Vec::new();
        for place in self.places {
            collect_at(resource, place, &mut found);
        }
        found
    }
}

fn is_patient(wanted: &Wanted, resource: &Resource) -> bool {
    let Wanted::Reference(target) = wanted else {
        return false;
    };
    let own = resource.patient;
    own.is_some_and(|own| target.is(ResourceType::Patient, &own.to_string()))
}

/// Whether any value at a place is as it should be.
fn any_at(resource: &Resource, place: &str, is_it: &mut impl FnMut(&Value) -> bool) -> bool {
    let mut found = Vec::new();
    collect_at(resource, place, &mut found);
    found.into_iter().any(is_it)
}

fn collect_at<'r>(resource: &'r Resource, place: &str, found: &mut Vec<&'r Value>) {
    let mut steps = place.split('.');
    let first = steps.next().and_then(|name| resource.body.get(name));
    if let Some(value) = first {
        let steps: Vec<&str> = steps.collect();
        descend(value, &steps, found);
    }
}

/// What is found below a value by the names of elements that are left; lists are looked through.
fn descend<'r>(value: &'r Value, steps: &[&str], found: &mut Vec<&'r Value>) {
    match (value, steps.split_first()) {
        (Value::Array(values), _) => {
            for one in values {
                descend(one, steps, found);
            }
        }
        (_, None) => found.push(value),
        (_, Some((name, rest))) => {
            if let Some(inner) = value.get(*name) {
                descend(inner, rest, found);
            }
        }
    }
}

fn unknown(kind: ResourceType, name: &str) -> FieldError {
    let known: Vec<&str> = parameters::all(kind).map(|one| one.name).collect();
    let detail = format!(
        "A {} is not searched by this. There are {}.",
        kind.code(),
        known.join(", ")
    );
    FieldError::new(format!("?{name}"), "unknown_parameter", detail)
}

fn wrong(name: &str, code: &'static str, detail: impl Into<String>) -> FieldError {
    FieldError::new(format!("?{name}"), code, detail)
}

/// Reads one parameter; none where it is not known.
fn condition(
    kind: ResourceType,
    name: &str,
    value: &str,
    how: &Reading<'_>,
) -> Result<Option<Condition>, FieldError> {
    if value.is_empty() {
        return Ok(None);
    }
    if let Some(rest) = name.strip_prefix("_has:") {
        return referred(kind, name, rest, value, how);
    }
    if let Some((reference, rest)) = name.split_once('.') {
        return refers(kind, name, (reference, rest), value, how);
    }
    let (plain, modifier) = match name.split_once(':') {
        Some((plain, modifier)) => (plain, Some(modifier)),
        None => (name, None),
    };
    let Some(parameter) = parameters::named(kind, plain) else {
        return Ok(None);
    };
    let test = match modifier {
        Some("missing") => match value {
            "true" => Test::Missing(true),
            "false" => Test::Missing(false),
            _ => {
                return Err(wrong(
                    name,
                    "invalid_parameter",
                    "Accepted are true, false.",
                ));
            }
        },
        Some("not") if parameter.kind == SearchType::Token => {
            Test::Not(values(parameter, name, value, how, None)?)
        }
        other => Test::Any(values(parameter, name, value, how, other)?),
    };
    Ok(Some(Condition { parameter, test }))
}

/// The values of a parameter, one of which is wanted.
fn values(
    parameter: &'static SearchParameter,
    name: &str,
    value: &str,
    how: &Reading<'_>,
    modifier: Option<&str>,
) -> Result<Vec<Wanted>, FieldError> {
    let read = |text: &str| -> Result<Wanted, FieldError> {
        let invalid = |detail: &str| wrong(name, "invalid_parameter", detail);
        if text.is_empty() {
            return Err(invalid("One of the values is empty."));
        }
        let plain = |text: &str| Wanted::read(parameter.kind, text, how.base, how.now);
        match (modifier, parameter.kind) {
            (None, _) => plain(text).map_err(invalid),
            (Some("exact"), SearchType::Text) => Ok(Wanted::Text(Words::Exact, unescaped(text))),
            (Some("contains"), SearchType::Text) => match plain(text).map_err(invalid)? {
                Wanted::Text(_, words) => Ok(Wanted::Text(Words::Contain, words)),
                other => Ok(other),
            },
            (Some("identifier"), SearchType::Reference) => Token::read(text)
                .map(Wanted::ReferenceBy)
                .ok_or_else(|| invalid("Expected an identifier as system|value.")),
            (Some(kind), SearchType::Reference) if target(parameter, kind).is_some() => {
                let Target { id, .. } = Target::read(text, how.base);
                let kind = target(parameter, kind);
                Ok(Wanted::Reference(Target { kind, id }))
            }
            (Some(other), _) => {
                let detail = format!("There is no modifier “{other}” of this parameter.");
                Err(wrong(name, "unsupported", detail))
            }
        }
    };
    cut(value, ',').into_iter().map(read).collect()
}

/// A type that a parameter can refer to, by its name.
fn target(parameter: &SearchParameter, name: &str) -> Option<ResourceType> {
    let mut targets = parameter.targets.iter().copied();
    targets.find(|target| target.code() == name)
}

/// The conditions of a chain or of `_has`: of one parameter of the other type. None where that is not known.
fn inner(
    kind: ResourceType,
    name: &str,
    value: &str,
    how: &Reading<'_>,
    whole: &str,
) -> Result<Option<Box<Conditions>>, FieldError> {
    if name.contains('.') || name.starts_with("_has:") {
        return Err(wrong(whole, "unsupported", ONE_LEVEL));
    }
    let mut query = Query::default();
    query.push(name, value);
    let lenient = Reading {
        strict: false,
        ..*how
    };
    let conditions = Conditions::read(kind, &query, &lenient).map_err(|errors| {
        let details: Vec<String> = errors.into_iter().map(|error| error.detail).collect();
        wrong(whole, "invalid_parameter", details.join(" "))
    })?;
    Ok(Some(conditions)
        .filter(|read| !read.is_empty())
        .map(Box::new))
}

/// Whether conditions about other resources are read at all.
fn check_linked(name: &str, how: &Reading<'_>) -> Result<(), FieldError> {
    if how.linked {
        return Ok(());
    }
    let detail = "Conditions about other resources are not read here.";
    Err(wrong(name, "unsupported", detail))
}

/// Reads `patient.identifier` and `part-of:Procedure.code`.
fn refers(
    kind: ResourceType,
    whole: &str,
    (reference, rest): (&str, &str),
    value: &str,
    how: &Reading<'_>,
) -> Result<Option<Condition>, FieldError> {
    let (plain, said) = match reference.split_once(':') {
        Some((plain, said)) => (plain, Some(said)),
        None => (reference, None),
    };
    let Some(parameter) = parameters::named(kind, plain) else {
        return Ok(None);
    };
    check_linked(whole, how)?;
    let names: Vec<&str> = parameter.targets.iter().map(|one| one.code()).collect();
    let to = match (said, parameter.targets) {
        (Some(said), _) => target(parameter, said),
        (None, [only]) => Some(*only),
        (None, _) => None,
    };
    let Some(to) = to else {
        let detail = if names.is_empty() {
            "This parameter refers to nothing that is searched.".to_owned()
        } else {
            format!("Say of which type, as {plain}:{}.", names.join(" or "))
        };
        return Err(wrong(whole, "unsupported", detail));
    };
    let conditions = inner(to, rest, value, how, whole)?;
    Ok(conditions.map(|conditions| Condition {
        parameter,
        test: Test::Refers(conditions),
    }))
}

/// Reads `Observation:patient:code` behind `_has:`.
fn referred(
    kind: ResourceType,
    whole: &str,
    rest: &str,
    value: &str,
    how: &Reading<'_>,
) -> Result<Option<Condition>, FieldError> {
    check_linked(whole, how)?;
    let malformed = || {
        let detail = "Expected _has:Type:reference:parameter, as _has:Observation:patient:code.";
        wrong(whole, "invalid_parameter", detail)
    };
    let mut parts = rest.splitn(3, ':');
    let (Some(from), Some(reference), Some(name)) = (parts.next(), parts.next(), parts.next())
    else {
        return Err(malformed());
    };
    let from = ResourceType::from_code(from).ok_or_else(malformed)?;
    let parameter = parameters::named(from, reference)
        .filter(|parameter| parameter.targets.contains(&kind))
        .ok_or_else(|| {
            let detail = format!(
                "A {} does not refer to a {} by {reference}.",
                from.code(),
                kind.code()
            );
            wrong(whole, "invalid_parameter", detail)
        })?;
    let conditions = inner(from, name, value, how, whole)?;
    Ok(conditions.map(|conditions| Condition {
        parameter,
        test: Test::Referred(conditions),
    }))
}
