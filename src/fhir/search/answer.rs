//! A search as it is answered: a Bundle with what fits, what comes along, what was passed over, and where the next page is.

use super::conditions::Reading;
use super::find::{self, Found, Position, Search};
use super::include;
use super::operation::passed_over;
use super::request::Asked;
use super::shape::Shape;
use crate::app::{Error, Result, Unit};
use crate::fhir::resource::{Resource, ResourceType};
use crate::http::cursor::Cursors;
use crate::http::query::Query;
use serde_json::{Map, Value, json};

/// What a search needs beside its parameters.
#[derive(Debug, Clone, Copy)]
pub(in crate::fhir) struct Place<'a> {
    /// Where the client reaches FHIR.
    pub(in crate::fhir) base: &'a str,
    /// Whether what is not known is refused.
    pub(in crate::fhir) strict: bool,
    /// Seals where pages begin.
    pub(in crate::fhir) cursors: &'a Cursors,
}

/// What of a query changes how the pages look and not what is on them: a cursor is good with others.
const UNBOUND: [&str; 6] = [
    "_count",
    "_total",
    "_summary",
    "_elements",
    "_include",
    "_revinclude",
];

/// Answers a search.
///
/// # Errors
/// [`Error::InvalidParameters`] with everything that is wrong with it; those of the use cases.
pub(in crate::fhir) fn search(
    unit: &mut Unit<'_, '_>,
    kind: ResourceType,
    query: &Query,
    place: &Place<'_>,
) -> Result<Map<String, Value>> {
    let how = Reading {
        base: place.base,
        now: unit.now,
        strict: place.strict,
        linked: true,
    };
    let asked = Asked::read(kind, query, &how).map_err(Error::InvalidParameters)?;
    let bound = asked.used.without(&UNBOUND).sorted();
    let context = ["fhir search", kind.code(), bound.as_str()];
    let after: Option<Position> = match &asked.cursor {
        Some(cursor) => {
            let position = place.cursors.open(&context, cursor);
            Some(position.ok_or_else(find::no_such_place)?)
        }
        None => None,
    };
    let search = Search {
        conditions: &asked.conditions,
        sorts: &asked.sorts,
        count: asked.count.map_or(0, usize::from),
        after: after.as_ref(),
        counted: asked.counted,
    };
    let found = find::page(unit, &search)?;
    let along = include::along(unit, &asked.includes, &found.matches)?;
    let next = found.next.as_ref().filter(|_| asked.count.is_some());
    let next = next
        .map(|position| place.cursors.seal(&context, position))
        .transpose()?;
    let mut links = Links {
        address: format!("{}/{}", place.base, kind.code()),
        used: asked.used.clone(),
        cursor: asked.cursor.clone(),
        next,
    };
    Ok(bundle(place.base, &asked, &found, &along, &mut links))
}

/// The addresses of this page and of the next one.
pub(super) struct Links {
    pub(super) address: String,
    /// The parameters that were understood, without the cursor.
    pub(super) used: Query,
    pub(super) cursor: Option<String>,
    pub(super) next: Option<String>,
}

impl Links {
    /// As a Bundle has them.
    pub(super) fn written(&self) -> Value {
        let link = |relation: &str, cursor: Option<&String>| {
            let mut query = self.used.clone();
            if let Some(cursor) = cursor {
                query.push("_cursor", cursor);
            }
            let query = query.encoded();
            let url = if query.is_empty() {
                self.address.clone()
            } else {
                format!("{}?{query}", self.address)
            };
            json!({"relation": relation, "url": url})
        };
        let mut links = vec![link("self", self.cursor.as_ref())];
        links.extend(self.next.as_ref().map(|next| link("next", Some(next))));
        Value::Array(links)
    }
}

/// A resource as an entry.
pub(super) fn entry(base: &str, resource: &Resource, shape: &Shape, mode: &str) -> Value {
    json!({
        "fullUrl": format!("{base}/{}", resource.reference()),
        "resource": shape.shown(resource),
        "search": {"mode": mode},
    })
}

/// A Bundle of entries.
pub(super) fn searchset(
    total: Option<usize>,
    links: &Links,
    entries: Vec<Value>,
) -> Map<String, Value> {
    let mut bundle = Map::new();
    bundle.insert("resourceType".to_owned(), json!("Bundle"));
    bundle.insert("type".to_owned(), json!("searchset"));
    if let Some(total) = total {
        bundle.insert("total".to_owned(), json!(total));
    }
    bundle.insert("link".to_owned(), links.written());
    if !entries.is_empty() {
        bundle.insert("entry".to_owned(), Value::Array(entries));
    }
    bundle
}

fn bundle(
    base: &str,
    asked: &Asked,
    found: &Found,
    along: &[Resource],
    links: &mut Links,
) -> Map<String, Value> {
    let total = found.total.filter(|_| asked.told || asked.count.is_none());
    if asked.count.is_none() {
        return searchset(total, links, Vec::new());
    }
    let matches = found.matches.iter();
    let mut entries: Vec<Value> = matches
        .map(|one| entry(base, one, &asked.shape, "match"))
        .collect();
    let others = along.iter();
    entries.extend(others.map(|one| entry(base, one, &Shape::WHOLE, "include")));
    entries.extend(passed_over(asked.conditions.ignored()));
    searchset(total, links, entries)
}
