//! Reads a Subscription as the Backport has it: strictly, and with everything that is wrong at once.

use super::topic::{focus_type, of_canonical};
use super::{Content, PROFILE, Sent, extension_url};
use crate::app::subscriptions::{Channel, Interest, Topic, Wanted};
use crate::app::{Error, FieldError, Result};
use crate::fhir::ids::record_id;
use crate::fhir::intake::{Element, Extensions, Leaf, Text, wrong};
use crate::fhir::out::Elements;
use crate::http::dialect::FHIR_JSON;
use crate::wire::scalar::Instant;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};
use std::ops::RangeInclusive;
use uuid::Uuid;

/// Seconds of silence before a heartbeat.
const HEARTBEATS: RangeInclusive<i64> = 10..=604_800;
/// Seconds that an endpoint may take.
const TIMEOUTS: RangeInclusive<i64> = 1..=20;
/// Events in one notification.
const COUNTS: RangeInclusive<i64> = 1..=100;
/// So many headers are kept.
const MOST_HEADERS: usize = 20;
/// Longest header, in bytes.
const LONGEST_HEADER: usize = 8000;

/// Headers that the request has by itself.
const OWN_HEADERS: [&str; 11] = [
    "connection",
    "content-length",
    "content-type",
    "expect",
    "host",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
];

/// Reads what was sent; `statuses` are those that may be asked for.
///
/// # Errors
/// [`Error::Invalid`] with everything that is wrong.
pub fn read(
    value: &Value,
    base: &str,
    id: Option<&str>,
    statuses: &[&'static str],
    now: DateTime<Utc>,
) -> Result<Sent> {
    let mut errors = Vec::new();
    let sent = read_all(value, base, id, statuses, now, &mut errors);
    match sent {
        Some(sent) if errors.is_empty() => Ok(sent),
        _ => Err(Error::Invalid(errors)),
    }
}

fn read_all(
    value: &Value,
    base: &str,
    id: Option<&str>,
    statuses: &[&'static str],
    now: DateTime<Utc>,
    errors: &mut Vec<FieldError>,
) -> Option<Sent> {
    let mut element = Element::read(value, "", errors)?;
    let _ = element.any("resourceType");
    // These are ours to set: whoever sends back what was read is not refused for them.
    let _ = element.any("error");
    same_id(&mut element, id, errors);
    profiles(&mut element, errors);
    let status = required(&mut element, "status", errors);
    let status = status.and_then(|status| {
        let known = statuses.iter().find(|known| **known == status.value);
        if known.is_none() {
            let detail = format!("Accepted are {}.", statuses.join(", "));
            wrong(errors, status.at, "unknown_value", detail);
        }
        known.copied()
    });
    let _ = required(&mut element, "reason", errors);
    for contact in element.objects("contact", errors) {
        // Kept as it is.
        drop(contact);
    }
    let ends_at = ends_at(&mut element, now, errors);
    let topic = topic(&mut element, errors);
    let interest = interest(&mut element, topic, errors);
    let channel = read_channel(&mut element, errors);
    element.finish(errors);
    let (channel, interest) = (channel?, interest?);
    let document =
        json!({"base": base, "content": channel.content.code(), "resource": kept(value)});
    Some(Sent {
        off: status? == "off",
        wanted: Wanted {
            url: channel.endpoint,
            interest,
            channel: Channel::Fhir {
                document: document.to_string(),
                heartbeat_seconds: channel.heartbeat,
                timeout_seconds: channel.timeout,
                events_at_once: channel.count.unwrap_or(1),
                ends_at,
            },
        },
    })
}

/// What is given back as it was sent.
fn kept(value: &Value) -> Map<String, Value> {
    let ours = ["resourceType", "id", "meta", "status", "error"];
    let mut kept = Elements::default();
    for (name, value) in value.as_object().into_iter().flatten() {
        if !ours.contains(&name.as_str()) {
            kept.put(name, value.clone());
        }
    }
    kept.done()
}

fn required<'v>(
    element: &mut Element<'v>,
    name: &str,
    errors: &mut Vec<FieldError>,
) -> Option<Text<'v>> {
    if !element.has(name) {
        let at = element.place(name);
        wrong(errors, at, "required", "This element is required.");
    }
    element.text(name, errors)
}

fn same_id(element: &mut Element<'_>, id: Option<&str>, errors: &mut Vec<FieldError>) {
    let Some(leaf) = element.any("id") else {
        return;
    };
    if id.is_some_and(|id| leaf.value.as_str() != Some(id)) {
        let detail = "The id is another one than in the address.";
        wrong(errors, leaf.at, "unknown_value", detail);
    }
}

/// Of profiles only that of the Backport can be claimed.
fn profiles(element: &mut Element<'_>, errors: &mut Vec<FieldError>) {
    let Some(meta) = element.any("meta") else {
        return;
    };
    let claimed = meta.value.get("profile").and_then(Value::as_array);
    for (place, one) in claimed.into_iter().flatten().enumerate() {
        let url = one.as_str().unwrap_or_default();
        if url.split('|').next() != Some(PROFILE) {
            let at = format!("{}/profile/{place}", meta.at);
            wrong(
                errors,
                at,
                "unknown_value",
                format!("These claim {PROFILE}."),
            );
        }
    }
}

fn ends_at(
    element: &mut Element<'_>,
    now: DateTime<Utc>,
    errors: &mut Vec<FieldError>,
) -> Option<DateTime<Utc>> {
    let text = element.text("end", errors)?;
    match Instant::read(text.value) {
        Ok(Instant(ends)) if ends > now => Some(ends.with_timezone(&Utc)),
        Ok(_) => {
            let detail = "It must end in the future.";
            wrong(errors, text.at, "in_past", detail);
            None
        }
        Err((code, detail)) => {
            wrong(errors, text.at, code, detail);
            None
        }
    }
}

fn topic(element: &mut Element<'_>, errors: &mut Vec<FieldError>) -> Option<Topic> {
    let text = required(element, "criteria", errors)?;
    let topic = of_canonical(text.value);
    if topic.is_none() {
        let known: Vec<&str> = Topic::ALL
            .iter()
            .map(|topic| super::topic::canonical(*topic))
            .collect();
        let detail = format!("Accepted are the topics {}.", known.join(", "));
        wrong(errors, text.at, "unknown_value", detail);
    }
    topic
}

/// The topic with the filter that narrows it.
fn interest(
    element: &mut Element<'_>,
    topic: Option<Topic>,
    errors: &mut Vec<FieldError>,
) -> Option<Interest> {
    let filter = element.object("_criteria", errors).and_then(|mut element| {
        let mut extensions = Extensions::of(&mut element, errors);
        let url = extension_url("filter-criteria");
        let filter = extensions.value(&url, "valueString", errors);
        extensions.finish(errors);
        element.finish(errors);
        filter
    });
    let mut interest = Interest {
        topics: vec![topic?],
        profile: None,
        patient: None,
    };
    if let Some(leaf) = filter {
        narrow(&leaf, topic?, &mut interest, errors);
    }
    Some(interest)
}

fn narrow(leaf: &Leaf<'_>, topic: Topic, interest: &mut Interest, errors: &mut Vec<FieldError>) {
    let kind = focus_type(topic).code();
    let names = if topic.is_of_profile() {
        "patient and profile"
    } else {
        "patient"
    };
    let mut refuse = |code: &'static str| {
        let detail =
            format!("Expected {kind}?name=value, with & between several; names are {names}.");
        wrong(errors, leaf.at.clone(), code, detail);
    };
    let parts = leaf.value.as_str().and_then(|text| text.split_once('?'));
    let Some((_, parameters)) = parts.filter(|(named, _)| *named == kind) else {
        return refuse("unknown_value");
    };
    for parameter in parameters.split('&') {
        match parameter.split_once('=') {
            Some(("patient", value)) if interest.patient.is_none() => match patient(value) {
                Some(patient) => interest.patient = Some(patient),
                None => refuse("unknown_value"),
            },
            Some(("profile", value))
                if topic.is_of_profile() && interest.profile.is_none() && !value.is_empty() =>
            {
                interest.profile = Some(value.to_owned());
            }
            _ => refuse("unknown_parameter"),
        }
    }
}

fn patient(value: &str) -> Option<Uuid> {
    record_id(value.strip_prefix("Patient/").unwrap_or(value))
}

struct ReadChannel {
    endpoint: String,
    content: Content,
    heartbeat: Option<i32>,
    timeout: Option<i32>,
    count: Option<i32>,
}

fn read_channel(element: &mut Element<'_>, errors: &mut Vec<FieldError>) -> Option<ReadChannel> {
    if !element.has("channel") {
        let at = element.place("channel");
        wrong(errors, at, "required", "This element is required.");
    }
    let mut channel = element.object("channel", errors)?;
    let mut extensions = Extensions::of(&mut channel, errors);
    let mut number = |name: &str, kind: &str, within: RangeInclusive<i64>| {
        let leaf = extensions.value(&extension_url(name), kind, errors)?;
        let found = leaf.value.as_i64().filter(|found| within.contains(found));
        if found.is_none() {
            let detail = format!(
                "Expected a whole number from {} to {}.",
                within.start(),
                within.end()
            );
            wrong(errors, leaf.at, "out_of_range", detail);
        }
        found.and_then(|found| i32::try_from(found).ok())
    };
    let heartbeat = number("heartbeat-period", "valueUnsignedInt", HEARTBEATS);
    let timeout = number("timeout", "valueUnsignedInt", TIMEOUTS);
    let count = number("max-count", "valuePositiveInt", COUNTS);
    extensions.finish(errors);
    if let Some(kind) = required(&mut channel, "type", errors)
        && kind.value != "rest-hook"
    {
        wrong(errors, kind.at, "unknown_value", "Accepted is rest-hook.");
    }
    let endpoint = required(&mut channel, "endpoint", errors);
    let content = content(&mut channel, errors);
    headers(&mut channel, errors);
    channel.finish(errors);
    Some(ReadChannel {
        endpoint: endpoint?.value.to_owned(),
        content: content?,
        heartbeat,
        timeout,
        count,
    })
}

/// How much a notification tells.
fn content(channel: &mut Element<'_>, errors: &mut Vec<FieldError>) -> Option<Content> {
    let payload = channel.text("payload", errors);
    if let Some(payload) = &payload
        && payload.value != FHIR_JSON
    {
        let detail = format!("Accepted is {FHIR_JSON}.");
        wrong(errors, payload.at.clone(), "unknown_value", detail);
    }
    let said = channel.object("_payload", errors).and_then(|mut element| {
        let mut extensions = Extensions::of(&mut element, errors);
        let url = extension_url("payload-content");
        let leaf = extensions.value(&url, "valueCode", errors);
        extensions.finish(errors);
        element.finish(errors);
        leaf
    });
    let Some(leaf) = said else {
        if payload.is_some() {
            let detail = "The extension backport-payload-content is required beside a payload.";
            wrong(errors, channel.place("_payload"), "required", detail);
        }
        return Some(Content::Empty);
    };
    let content = leaf.value.as_str().and_then(Content::from_code);
    if content.is_none() {
        let detail = "Accepted are empty, id-only, full-resource.";
        wrong(errors, leaf.at, "unknown_value", detail);
    }
    if payload.is_none() && content.is_some_and(|content| content != Content::Empty) {
        let detail = format!("Expected {FHIR_JSON}: without a payload a notification is empty.");
        wrong(errors, channel.place("payload"), "required", detail);
    }
    content
}

fn headers(channel: &mut Element<'_>, errors: &mut Vec<FieldError>) {
    let headers = channel.texts("header", errors);
    if headers.len() > MOST_HEADERS {
        let detail = format!("At most {MOST_HEADERS} headers are sent.");
        wrong(errors, channel.place("header"), "too_many", detail);
    }
    for header in headers {
        if split_header(header.value).is_none() {
            // The value may be a secret and is not repeated.
            let detail =
                "Expected Name: value, in visible ASCII, and none that a request has by itself.";
            wrong(errors, header.at, "invalid_header", detail);
        }
    }
}

/// The name in lower case and the value of a header.
pub fn split_header(text: &str) -> Option<(String, String)> {
    let (name, value) = text.split_once(':')?;
    let name = name.to_ascii_lowercase();
    let value = value.trim();
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let fits = text.len() <= LONGEST_HEADER
        && !name.is_empty()
        && name.bytes().all(is_token)
        && value
            .bytes()
            .all(|byte| byte == b' ' || byte.is_ascii_graphic())
        && !name.starts_with("proxy-")
        && !OWN_HEADERS.contains(&name.as_str());
    fits.then(|| (name, value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_cannot_become_another_request() {
        let split = split_header("Authorization: Bearer a:b");
        assert_eq!(
            split,
            Some(("authorization".to_owned(), "Bearer a:b".to_owned()))
        );
        for odd in [
            "",
            "X",
            ": a",
            "A b: c",
            "X: a\r\nY: b",
            "X: ü",
            "Host: a",
            "content-LENGTH: 1",
            "Proxy-X: 1",
        ] {
            assert_eq!(split_header(odd), None, "{odd}");
        }
    }
}
