//! Subscriptions by topic, as the Subscriptions R5 Backport (1.1.0) has them for R4: over a rest-hook. What happens, the
//! numbers, the attempts and the rests are those of webhooks; only the words are others.

mod intake;
mod out;
mod topic;

use super::answer::body_reply;
use super::interactions::{of_type, once_key};
use super::read::base;
use crate::app::subscriptions::{
    self, Notice, Places, Subscription, SubscriptionKind, SubscriptionStatus, Topic, Wanted,
    principal_of,
};
use crate::app::{App, Error, Result};
use crate::auth::Action;
use crate::http::call::Call;
use crate::http::dialect::FHIR_JSON;
use crate::http::registry::{Access, Endpoint, Method};
use crate::http::reply::Reply;
use crate::http::state::State;
use actix_web::http::{StatusCode, header};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use uuid::Uuid;

/// The profile that subscriptions claim.
const PROFILE: &str =
    "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-subscription";

/// The extension of a CapabilityStatement that names a topic.
const TOPIC_EXTENSION: &str = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/capabilitystatement-subscriptiontopic-canonical";

/// So many events are given out at once.
const MOST_EVENTS: u32 = 500;

/// The URL of one of the Backport's extensions.
fn extension_url(name: &str) -> String {
    format!("http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-{name}")
}

/// Where what is asked for stands in a Subscription.
const PLACES: Places = Places {
    url: "/channel/endpoint",
    profile: "/_criteria/extension/0/valueString",
    patient: "/_criteria/extension/0/valueString",
};

/// How much a notification tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Content {
    /// That something happened.
    Empty,
    /// Of which resources.
    IdOnly,
    /// And what these say now.
    FullResource,
}

impl Content {
    const CODES: &'static [&'static str] = &["empty", "id-only", "full-resource"];

    const fn code(self) -> &'static str {
        match self {
            Content::Empty => "empty",
            Content::IdOnly => "id-only",
            Content::FullResource => "full-resource",
        }
    }

    fn from_code(code: &str) -> Option<Content> {
        match code {
            "empty" => Some(Content::Empty),
            "id-only" => Some(Content::IdOnly),
            "full-resource" => Some(Content::FullResource),
            _ => None,
        }
    }
}

/// A subscription that was sent.
struct Sent {
    wanted: Wanted,
    /// Whether it asks to be told no more.
    off: bool,
}

/// What is kept of a subscription as it was sent.
#[derive(Debug, Serialize, Deserialize)]
struct Document {
    /// Where the client reaches FHIR.
    base: String,
    /// How much a notification tells.
    content: String,
    /// The elements that are given back as they were sent.
    resource: Map<String, Value>,
}

impl Document {
    fn of(one: &Subscription) -> Result<Document> {
        let text = one.document.as_deref().unwrap_or_default();
        // The library's own words may quote the text.
        serde_json::from_str(text)
            .map_err(|_| Error::internal("a stored subscription cannot be read"))
    }

    fn content(&self) -> Content {
        Content::from_code(&self.content).unwrap_or(Content::Empty)
    }
}

/// A notification as it is sent.
pub struct Notification {
    /// Headers; names in lower case.
    pub headers: Vec<(String, String)>,
    /// The bundle.
    pub body: String,
}

impl std::fmt::Debug for Notification {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Notification(…)")
    }
}

/// What is sent to the endpoint of a subscription, by whoever asked for it, within what they reach.
///
/// # Errors
/// Those of the database.
pub fn notification(app: &Arc<App>, one: &Subscription, notice: &Notice) -> Result<Notification> {
    let document = Document::of(one)?;
    let (kind, events) = match notice {
        Notice::Handshake => ("handshake", [].as_slice()),
        Notice::Heartbeat => ("heartbeat", [].as_slice()),
        Notice::Events(events) => ("event-notification", events.as_slice()),
    };
    let bundle = app.read(&principal_of(one)?, |unit| {
        out::bundle(unit, one, kind, events, document.content())
    })?;
    let channel = document.resource.get("channel");
    let headers = channel.and_then(|channel| channel.get("header")?.as_array());
    let own = headers.into_iter().flatten();
    let mut headers = vec![("content-type".to_owned(), FHIR_JSON.to_owned())];
    headers.extend(own.filter_map(|header| intake::split_header(header.as_str()?)));
    Ok(Notification {
        headers,
        body: bundle.to_string(),
    })
}

/// The endpoints of subscriptions.
#[must_use]
pub(super) fn endpoints() -> Vec<Endpoint> {
    let (read_it, change) = (Action::ReadSubscription, Action::ChangeSubscription);
    let endpoint = |method, path, operation_id, action, handler| {
        Endpoint::fhir(method, path, operation_id, Access::Needs(action), handler)
            .titled("fhir", "Subscription")
    };
    vec![
        endpoint(
            Method::Post,
            "/fhir/R4/Subscription",
            "fhir_create_subscription",
            Action::MakeSubscription,
            create,
        )
        .takes_fhir(),
        endpoint(
            Method::Get,
            "/fhir/R4/Subscription/{id}",
            "fhir_read_subscription",
            read_it,
            read,
        ),
        endpoint(
            Method::Put,
            "/fhir/R4/Subscription/{id}",
            "fhir_update_subscription",
            change,
            update,
        )
        .takes_fhir(),
        endpoint(
            Method::Delete,
            "/fhir/R4/Subscription/{id}",
            "fhir_delete_subscription",
            Action::DeleteSubscription,
            delete,
        ),
        endpoint(
            Method::Get,
            "/fhir/R4/Subscription/$status",
            "fhir_status_of_subscriptions",
            read_it,
            status_of_all,
        ),
        endpoint(
            Method::Get,
            "/fhir/R4/Subscription/{id}/$status",
            "fhir_status_of_subscription",
            read_it,
            status_of_one,
        ),
        endpoint(
            Method::Get,
            "/fhir/R4/Subscription/{id}/$events",
            "fhir_events_of_subscription",
            read_it,
            events,
        ),
    ]
}

/// What a CapabilityStatement says of it.
#[must_use]
pub(super) fn capability() -> Value {
    let topics: Vec<Value> = Topic::ALL
        .iter()
        .map(|topic| json!({"url": TOPIC_EXTENSION, "valueCanonical": topic::canonical(*topic)}))
        .collect();
    let operation = |name: &str| {
        json!({
            "name": name,
            "definition": format!("http://hl7.org/fhir/uv/subscriptions-backport/OperationDefinition/backport-subscription-{name}"),
        })
    };
    let operations = ["status", "events"].map(operation);
    let codes = ["create", "read", "update", "delete"];
    json!({
        "extension": topics,
        "type": "Subscription",
        "supportedProfile": [PROFILE],
        "documentation": "By topic, over a rest-hook. Read by the id; $status without an id lists them.",
        "interaction": codes.map(|code| json!({ "code": code })),
        "versioning": "versioned-update",
        "readHistory": false,
        "updateCreate": false,
        "conditionalCreate": false,
        "conditionalUpdate": false,
        "conditionalDelete": "not-supported",
        "operation": operations,
    })
}

const FHIR: SubscriptionKind = SubscriptionKind::Fhir;

fn path_id(call: &Call) -> Result<Uuid> {
    call.path_id("id", "Subscription")
}

fn reply(status: StatusCode, one: &Subscription) -> Result<Reply> {
    let reply = body_reply(status, &out::resource(one)?)?;
    reply
        .header(header::ETAG, &format!("W/\"{}\"", one.version))?
        .header(
            header::LAST_MODIFIED,
            &super::answer::http_date(one.updated_at),
        )
}

fn create(state: &State, call: &Call) -> Result<Reply> {
    of_type(call.json(), "Subscription")?;
    if call.header("if-none-exist").is_some() {
        return Err(Error::Malformed {
            code: "unsupported",
            detail: "A subscription cannot be made on a condition.".to_owned(),
        });
    }
    let (base, value) = (base(call), call.json().clone());
    state
        .app
        .write_once(call.principal()?, once_key(call), move |unit| {
            let sent = intake::read(&value, &base, None, &["requested"], unit.now)?;
            let made = subscriptions::make(unit, &sent.wanted, PLACES)?;
            let location = format!("{base}/Subscription/{}/_history/1", made.id);
            reply(StatusCode::CREATED, &made)?.header(header::LOCATION, &location)
        })
}

fn read(state: &State, call: &Call) -> Result<Reply> {
    let id = path_id(call)?;
    let found = state
        .app
        .read(call.principal()?, |unit| subscriptions::get(unit, FHIR, id))?;
    reply(StatusCode::OK, &found)
}

fn update(state: &State, call: &Call) -> Result<Reply> {
    let (id, version) = (path_id(call)?, call.version());
    let (base, value) = (base(call), call.json().clone());
    state
        .app
        .write_once(call.principal()?, once_key(call), move |unit| {
            // Whether it is there comes before what is wrong with what was sent.
            subscriptions::get(unit, FHIR, id)?;
            of_type(&value, "Subscription")?;
            let (own, statuses) = (id.to_string(), ["requested", "off"]);
            let sent = intake::read(&value, &base, Some(&own), &statuses, unit.now)?;
            let changed = subscriptions::change(unit, id, version, &sent.wanted, PLACES, sent.off)?;
            reply(StatusCode::OK, &changed)
        })
}

fn delete(state: &State, call: &Call) -> Result<Reply> {
    let id = path_id(call)?;
    state.app.write(call.principal()?, move |unit| {
        subscriptions::delete(unit, FHIR, id)?;
        Ok(Reply::no_content())
    })
}

/// A list of statuses, as a search answers.
fn statuses(found: &[Subscription]) -> Result<Reply> {
    let entry = |one: &Subscription| {
        Ok(json!({
            "fullUrl": out::urn(one),
            "resource": out::status(one, "query-status", &[], Content::Empty)?,
            "search": {"mode": "match"},
        }))
    };
    let entries: Vec<Value> = found.iter().map(entry).collect::<Result<_>>()?;
    let mut bundle = json!({"resourceType": "Bundle", "type": "searchset", "total": entries.len()});
    if let (Some(fields), false) = (bundle.as_object_mut(), entries.is_empty()) {
        fields.insert("entry".to_owned(), Value::Array(entries));
    }
    body_reply(StatusCode::OK, &bundle)
}

fn status_of_one(state: &State, call: &Call) -> Result<Reply> {
    let id = path_id(call)?;
    let found = state
        .app
        .read(call.principal()?, |unit| subscriptions::get(unit, FHIR, id))?;
    statuses(&[found])
}

fn status_of_all(state: &State, call: &Call) -> Result<Reply> {
    let most = u16::try_from(subscriptions::MOST).unwrap_or(u16::MAX);
    let page = state.app.read(call.principal()?, |unit| {
        subscriptions::page(unit, FHIR, None, most)
    })?;
    let read = |code: &str| SubscriptionStatus::from_code(code).ok();
    let status = word(call, "status", SubscriptionStatus::CODES, read)?;
    let ids = call.query_list("id");
    let wanted = |one: &Subscription| {
        (ids.is_empty() || ids.contains(&one.id.to_string().as_str()))
            && status.is_none_or(|status| status == one.status)
    };
    let found: Vec<Subscription> = page.items.into_iter().filter(wanted).collect();
    statuses(&found)
}

/// A number of an event in the query.
fn number(call: &Call, name: &'static str) -> Result<Option<i64>> {
    let read = |text: &str| text.parse::<u32>();
    Ok(call.query_as(name, read)?.map(i64::from))
}

/// One of a few words in the query.
fn word<T>(
    call: &Call,
    name: &'static str,
    accepted: &[&str],
    read: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>> {
    let refused = || format!("accepted are {}", accepted.join(", "));
    call.query_as(name, |text| read(text).ok_or_else(refused))
}

fn events(state: &State, call: &Call) -> Result<Reply> {
    let id = path_id(call)?;
    let since = number(call, "eventsSinceNumber")?.unwrap_or(0);
    let until = number(call, "eventsUntilNumber")?.unwrap_or(i64::MAX);
    let content = word(call, "content", Content::CODES, Content::from_code)?;
    let bundle = state.app.read(call.principal()?, |unit| {
        let (one, events) = subscriptions::events(unit, id, since, until, MOST_EVENTS)?;
        let content = match content {
            Some(content) => content,
            None => Document::of(&one)?.content(),
        };
        out::bundle(unit, &one, "query-event", &events, content)
    })?;
    body_reply(StatusCode::OK, &bundle)
}
