//! A subscription, its status and its notifications as the Backport has them for R4.

use super::topic::{About, about, canonical, method};
use super::{Content, Document, PROFILE};
use crate::app::subscriptions::{Delivery, Subscription, SubscriptionStatus};
use crate::app::{Error, Result, Unit};
use crate::fhir::out::Elements;
use crate::fhir::resource::instant;
use crate::fhir::source;
use crate::http::registry::Method;
use serde_json::{Map, Value, json};

/// The profile of a status.
const STATUS_PROFILE: &str = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-subscription-status-r4";
/// The profile of a notification.
const NOTIFICATION_PROFILE: &str = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-subscription-notification-r4";

/// The subscription as a resource.
pub fn resource(one: &Subscription) -> Result<Map<String, Value>> {
    let document = Document::of(one)?;
    let mut elements = Elements::default();
    elements.put("resourceType", "Subscription");
    elements.put("id", one.id.to_string());
    elements.put(
        "meta",
        json!({
            "versionId": one.version.to_string(),
            "lastUpdated": instant(one.updated_at),
            "profile": [PROFILE],
        }),
    );
    elements.put("status", one.status.code());
    let why = one.reason.filter(|_| !one.listens());
    elements.maybe("error", why.map(|reason| reason.label()));
    for (name, value) in document.resource {
        elements.put(&name, value);
    }
    Ok(elements.done())
}

/// The status of a subscription; `kind` says in which answer or notification.
pub fn status(
    one: &Subscription,
    kind: &str,
    events: &[Delivery],
    content: Content,
) -> Result<Value> {
    let document = Document::of(one)?;
    let url = format!("{}/Subscription/{}", document.base, one.id);
    let newest = events.last().filter(|_| kind == "event-notification");
    let count = newest.map_or(one.event_count, |newest| newest.number);
    let mut parameters =
        vec![json!({"name": "subscription", "valueReference": {"reference": url}})];
    for topic in &one.interest.topics {
        parameters.push(json!({"name": "topic", "valueCanonical": canonical(*topic)}));
    }
    parameters.push(json!({"name": "status", "valueCode": one.status.code()}));
    parameters.push(json!({"name": "type", "valueCode": kind}));
    parameters
        .push(json!({"name": "events-since-subscription-start", "valueString": count.to_string()}));
    for event in events {
        let part = event_part(event, &document.base, content);
        parameters.push(json!({"name": "notification-event", "part": part}));
    }
    if one.status == SubscriptionStatus::Error {
        let why = one.reason.map_or("in error", |reason| reason.label());
        parameters.push(json!({"name": "error", "valueCodeableConcept": {"text": why}}));
    }
    Ok(json!({
        "resourceType": "Parameters",
        "id": one.id.to_string(),
        "meta": {"profile": [STATUS_PROFILE]},
        "parameter": parameters,
    }))
}

fn event_part(event: &Delivery, base: &str, content: Content) -> Vec<Value> {
    let mut part = vec![
        json!({"name": "event-number", "valueString": event.number.to_string()}),
        json!({"name": "timestamp", "valueInstant": instant(event.occurred_at)}),
    ];
    let Some((focus, more)) = about(&event.happening).filter(|_| content != Content::Empty) else {
        return part;
    };
    let reference = |one: &About| json!({"reference": format!("{base}/{}", one.reference())});
    part.push(json!({"name": "focus", "valueReference": reference(&focus)}));
    for one in &more {
        part.push(json!({"name": "additional-context", "valueReference": reference(one)}));
    }
    part
}

/// A notification, or the answer to a question for events. Resources are those of now, as far as the principal reaches.
///
/// # Errors
/// Those of the database.
pub fn bundle(
    unit: &mut Unit<'_, '_>,
    one: &Subscription,
    kind: &str,
    events: &[Delivery],
    content: Content,
) -> Result<Value> {
    let document = Document::of(one)?;
    let base = document.base.as_str();
    let mut entries = vec![json!({
        "fullUrl": urn(one),
        "resource": status(one, kind, events, content)?,
        "request": {"method": "GET", "url": format!("Subscription/{}/$status", one.id)},
        "response": {"status": "200"},
    })];
    let mut told = Vec::new();
    for event in events.iter().filter(|_| content != Content::Empty) {
        let Some((focus, more)) = about(&event.happening) else {
            continue;
        };
        let mut all = vec![(focus, method(event.happening.topic))];
        if content == Content::FullResource {
            all.extend(more.into_iter().map(|one| (one, Method::Put)));
        }
        for (about, method) in all {
            if told.contains(&about) {
                continue;
            }
            entries.extend(entry(unit, &about, method, base, content)?);
            told.push(about);
        }
    }
    Ok(json!({
        "resourceType": "Bundle",
        "id": unit.new_id().to_string(),
        "meta": {"profile": [NOTIFICATION_PROFILE]},
        "type": "history",
        "timestamp": instant(unit.now),
        "entry": entries,
    }))
}

/// What a status is called within a Bundle: it has the id of its subscription.
pub fn urn(one: &Subscription) -> String {
    format!("urn:uuid:{}", one.id)
}

/// A resource within a notification. Beyond the reach of the principal, or where it is no more, it is named and not shown.
fn entry(
    unit: &mut Unit<'_, '_>,
    about: &About,
    method: Method,
    base: &str,
    content: Content,
) -> Result<Option<Value>> {
    let url = match method {
        Method::Post => about.kind.code().to_owned(),
        _ => about.reference(),
    };
    let (mut status, mut shown) = ("200", None);
    if content == Content::FullResource {
        match source::one(unit, about.kind, &about.id) {
            Ok(found) => shown = Some(Value::Object(found.body)),
            Err(Error::NotFound { .. }) => status = "404",
            Err(Error::Forbidden { .. }) => return Ok(None),
            Err(other) => return Err(other),
        }
    }
    let mut entry = Elements::default();
    entry.put("fullUrl", format!("{base}/{}", about.reference()));
    entry.maybe("resource", shown);
    entry.put("request", json!({"method": method.name(), "url": url}));
    entry.put("response", json!({"status": status}));
    Ok(Some(Value::Object(entry.done())))
}
