//! The requests of a bundle, as they are read.

use crate::app::FieldError;
use crate::fhir::intake::{Element, kept_as, wrong};
use crate::fhir::references::Addresses;
use crate::fhir::resource::ResourceType;
use serde_json::{Value, json};

/// The most requests that one bundle may hold.
const MOST: usize = 1000;

/// What a request does, in the order in which a transaction does them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verb {
    /// Withdraw.
    Delete,
    /// Record.
    Post,
    /// Put in the place of what is recorded.
    Put,
    /// Change a part of it.
    Patch,
    /// Read.
    Get,
}

impl Verb {
    fn read(method: &str) -> Option<Verb> {
        match method {
            "DELETE" => Some(Verb::Delete),
            "POST" => Some(Verb::Post),
            "PUT" => Some(Verb::Put),
            "PATCH" => Some(Verb::Patch),
            "GET" => Some(Verb::Get),
            _ => None,
        }
    }

    /// Whether it comes with a resource.
    fn carries(self) -> bool {
        matches!(self, Verb::Post | Verb::Put | Verb::Patch)
    }
}

/// One request.
#[derive(Debug, Clone)]
pub(super) struct Request {
    /// Its place in the bundle.
    pub place: usize,
    /// The address by which other entries refer to its resource.
    pub full_url: Option<String>,
    /// What it does.
    pub verb: Verb,
    /// With which type.
    pub kind: ResourceType,
    /// The id in its address.
    pub id: Option<String>,
    /// The search in its address, or that of `ifNoneExist`.
    pub criteria: Option<String>,
    /// The version that it is about.
    pub version: Option<i32>,
    /// What it carries; null where it carries nothing.
    pub resource: Value,
}

/// A bundle of requests.
#[derive(Debug, Clone)]
pub(super) struct Requests {
    /// Whether all of it is done or nothing.
    pub atomic: bool,
    /// Each request, or what is wrong with it, in its place.
    pub entries: Vec<Result<Request, Vec<FieldError>>>,
}

/// Reads a bundle.
///
/// # Errors
/// What is wrong with it as a whole.
pub(super) fn read(value: &Value, addresses: &Addresses) -> Result<Requests, Vec<FieldError>> {
    let mut errors = Vec::new();
    let Some(mut bundle) = Element::read(value, "", &mut errors) else {
        return Err(errors);
    };
    let named = bundle.text("resourceType", &mut errors);
    if named.is_none_or(|named| named.value != "Bundle") {
        wrong(
            &mut errors,
            "/resourceType",
            "unknown_value",
            "Expected a Bundle here.",
        );
    }
    let kind = bundle.text("type", &mut errors).map(|text| text.value);
    let atomic = match kind {
        Some("transaction") => true,
        Some("batch") => false,
        _ => {
            let detail = "Expected a transaction or a batch.";
            wrong(&mut errors, "/type", "unknown_value", detail);
            false
        }
    };
    // What a bundle says about itself is about the message, and nothing is recorded of it.
    for about in [
        "id",
        "meta",
        "identifier",
        "timestamp",
        "link",
        "language",
        "implicitRules",
    ] {
        let _ = bundle.any(about);
    }
    let entries = if bundle.has("entry") {
        bundle.objects("entry", &mut errors)
    } else {
        Vec::new()
    };
    bundle.finish(&mut errors);
    if entries.len() > MOST {
        let detail = format!("Expected at most {MOST} entries.");
        wrong(&mut errors, "/entry", "too_many", detail);
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let read = |(place, entry)| request(place, entry, addresses);
    Ok(Requests {
        atomic,
        entries: entries.into_iter().enumerate().map(read).collect(),
    })
}

fn request(
    place: usize,
    mut entry: Element<'_>,
    addresses: &Addresses,
) -> Result<Request, Vec<FieldError>> {
    let mut errors = Vec::new();
    let full_url = entry
        .text("fullUrl", &mut errors)
        .map(|url| url.value.to_owned());
    let resource = entry.any("resource").map(|leaf| leaf.value.clone());
    let at = entry.place("request");
    let request = entry.object("request", &mut errors);
    let carried = entry.place("resource");
    entry.finish(&mut errors);
    let Some(mut request) = request else {
        wrong(
            &mut errors,
            at,
            "required",
            "Each entry says what to do with it.",
        );
        return Err(errors);
    };
    let method = request.text("method", &mut errors);
    let verb = method.as_ref().and_then(|method| Verb::read(method.value));
    if verb.is_none() {
        let detail = "Accepted are DELETE, GET, PATCH, POST, PUT.";
        wrong(
            &mut errors,
            request.place("method"),
            "unknown_value",
            detail,
        );
    }
    let url = request.text("url", &mut errors);
    let address = url
        .as_ref()
        .and_then(|url| address(addresses.local(url.value)));
    if address.is_none() {
        let detail = "Expected the address of a type or a resource that is served here, as Patient or Patient/id.";
        wrong(&mut errors, request.place("url"), "not_found", detail);
    }
    let absent = request.text("ifNoneExist", &mut errors);
    let version = request
        .text("ifMatch", &mut errors)
        .map(|tag| version(tag.value));
    if version == Some(None) {
        wrong(
            &mut errors,
            request.place("ifMatch"),
            "invalid",
            "Expected a version as W/\"3\".",
        );
    }
    for cached in ["ifNoneMatch", "ifModifiedSince"] {
        let _ = request.any(cached);
    }
    request.finish(&mut errors);
    let carries = verb.is_some_and(Verb::carries);
    if carries && resource.is_none() {
        wrong(
            &mut errors,
            carried.clone(),
            "required",
            "This request carries a resource.",
        );
    }
    let (Some(verb), Some(address)) = (verb, address) else {
        return Err(errors);
    };
    let fits = match verb {
        Verb::Post => address.id.is_none() && address.criteria.is_none(),
        Verb::Put | Verb::Patch | Verb::Delete => {
            address.id.is_some() != address.criteria.is_some()
        }
        Verb::Get => true,
    };
    if !fits {
        let detail =
            "POST names a type; PUT, PATCH and DELETE name a resource, by its id or by a search.";
        wrong(&mut errors, format!("{at}/url"), "invalid", detail);
    }
    let names = resource
        .as_ref()
        .and_then(|resource| resource.get("resourceType"));
    if matches!(verb, Verb::Post | Verb::Put)
        && names.and_then(Value::as_str) != Some(address.name.as_str())
    {
        let detail = format!("Expected a {} here.", address.name);
        wrong(
            &mut errors,
            format!("{carried}/resourceType"),
            "unknown_value",
            detail,
        );
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    Ok(Request {
        place,
        full_url,
        verb,
        kind: address.kind,
        id: address.id,
        criteria: address
            .criteria
            .or_else(|| absent.map(|absent| absent.value.to_owned())),
        version: version.flatten(),
        resource: resource.unwrap_or(json!(null)),
    })
}

/// Where a request goes.
struct Address {
    name: String,
    kind: ResourceType,
    id: Option<String>,
    criteria: Option<String>,
}

fn address(url: &str) -> Option<Address> {
    let url = url.trim_start_matches('/');
    let (path, criteria) = match url.split_once('?') {
        Some((path, criteria)) => (path, Some(criteria.to_owned())),
        None => (url, None),
    };
    let mut parts = path.split('/').filter(|part| !part.is_empty());
    let name = parts.next()?;
    let kind = kept_as(name)?;
    let id = parts.next().map(str::to_owned);
    parts.next().is_none().then_some(Address {
        name: name.to_owned(),
        kind,
        id,
        criteria,
    })
}

/// The version in a tag.
fn version(tag: &str) -> Option<i32> {
    let tag = tag.trim();
    let tag = tag.strip_prefix("W/").unwrap_or(tag);
    let quoted = tag
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    quoted?.parse().ok().filter(|version| *version > 0)
}
