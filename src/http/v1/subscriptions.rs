//! Webhooks: other systems are told of what happens.

use super::stored::utc;
use super::{change, look, once};
use crate::app::subscriptions::{
    self, Channel, Delivery, DeliveryState, Interest, NATIVE, Subscription, SubscriptionKind,
    SubscriptionReason, SubscriptionStatus, Topic, Wanted,
};
use crate::app::{Error, Result};
use crate::auth::Action;
use crate::http::call::{Call, Page};
use crate::http::problem::Kind;
use crate::http::registry::{Endpoint, Example, Parameter, ParameterKind};
use crate::http::reply::Reply;
use crate::http::state::State;
use crate::wire::errors::FieldErrors;
use crate::wire::scalar::{Code, Id, Instant, Terms, Text};
use deserr::Deserr;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

/// A webhook as asked for.
#[derive(Debug, Clone, Deserr, JsonSchema)]
#[schemars(rename = "NewSubscription")]
#[deserr(error = FieldErrors, deny_unknown_fields)]
struct SubscriptionBody {
    /// Where to send notifications: an address that begins with https.
    url: Text<2000>,
    /// Of what.
    topics: Terms<Topic, 1>,
    /// Of what profiles say, only what this one says; left out, what any says.
    #[deserr(default)]
    profile: Option<Text<200>>,
    /// Only of this patient; left out, of all.
    #[deserr(default)]
    patient_id: Option<Id>,
}

impl SubscriptionBody {
    fn into_wanted(self) -> Wanted {
        Wanted {
            url: self.url.0,
            interest: Interest {
                topics: self.topics.0,
                profile: self.profile.map(|profile| profile.0),
                patient: self.patient_id.map(|id| id.0),
            },
            channel: Channel::Webhook,
        }
    }
}

/// A webhook.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Subscription")]
struct SubscriptionView {
    /// Its id.
    id: Id,
    /// Where notifications are sent.
    url: String,
    /// Of what.
    topics: Vec<Code<Topic>>,
    /// Of what profiles say, only what this one says; null: what any says.
    profile: Option<String>,
    /// Only of this patient; null: of all.
    patient_id: Option<Id>,
    /// `active`, or `disabled`: nothing is sent, and what happens meanwhile is not kept to be sent.
    status: &'static str,
    /// Why it is disabled; null where it is not.
    reason: Option<Code<SubscriptionReason>>,
    /// How many events there were so far: the number of the newest.
    events: i64,
    /// Attempts that failed in a row.
    failures: i32,
    /// When a notification was last taken.
    delivered_at: Option<Instant>,
    /// Who asked for it.
    created_by: String,
    /// When.
    created_at: Instant,
}

/// A webhook with the secret that its notifications are signed with.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "MadeSubscription")]
struct MadeView {
    /// The webhook.
    #[serde(flatten)]
    subscription: SubscriptionView,
    /// The secret, as Standard Webhooks writes it. It is shown this once.
    secret: String,
}

impl From<&Subscription> for SubscriptionView {
    fn from(one: &Subscription) -> SubscriptionView {
        let status = match one.status {
            SubscriptionStatus::Active | SubscriptionStatus::Requested => "active",
            SubscriptionStatus::Error | SubscriptionStatus::Off => "disabled",
        };
        SubscriptionView {
            id: Id(one.id),
            url: one.url.clone(),
            topics: one.interest.topics.iter().copied().map(Code).collect(),
            profile: one.interest.profile.clone(),
            patient_id: one.interest.patient.map(Id),
            status,
            reason: one.reason.map(Code),
            events: one.event_count,
            failures: one.failures,
            delivered_at: one.told_at.map(utc),
            created_by: one.created_by.clone(),
            created_at: utc(one.created_at),
        }
    }
}

/// One notification.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Delivery")]
struct DeliveryView {
    /// Its number within the subscription, from 1 without a gap.
    number: i64,
    /// The same with every attempt: the header `webhook-id`.
    webhook_id: String,
    /// Of what.
    topic: Code<Topic>,
    /// The patient.
    patient_id: Id,
    /// The episode.
    episode_id: Id,
    /// The block, where it is about one.
    block_id: Option<Id>,
    /// The joint, where it is about what a profile says.
    joint: Option<&'static str>,
    /// The side.
    side: Option<&'static str>,
    /// The profile.
    profile: Option<String>,
    /// When it happened.
    occurred_at: Instant,
    /// `waiting`, `delivered`, or `dead`: it was given up.
    state: Code<DeliveryState>,
    /// How often it was tried.
    attempts: i32,
    /// When it is tried next; null where it is not.
    next_attempt_at: Option<Instant>,
    /// When it was last tried; null where it was not yet.
    attempted_at: Option<Instant>,
    /// What went wrong the last time; null where nothing did.
    failure: Option<String>,
}

impl From<&Delivery> for DeliveryView {
    fn from(one: &Delivery) -> DeliveryView {
        let happening = &one.happening;
        DeliveryView {
            number: one.number,
            webhook_id: format!("msg_{}", one.id.simple()),
            topic: Code(happening.topic),
            patient_id: Id(happening.patient),
            episode_id: Id(happening.episode),
            block_id: happening.block.map(Id),
            joint: happening.target.map(|target| target.joint.code()),
            side: happening.target.map(|target| target.side.code()),
            profile: happening.profile.clone(),
            occurred_at: utc(one.occurred_at),
            state: Code(one.state),
            attempts: one.attempts,
            next_attempt_at: one.next_attempt_at.map(utc),
            attempted_at: one.attempted_at.map(utc),
            failure: one.failure.clone(),
        }
    }
}

const ABOUT: &str = "Notifications are posted as JSON, `{\"type\", \"timestamp\", \"data\"}`: the topic, when it happened, and ids of the records, \
never a name. They are signed as Standard Webhooks has it: `webhook-id`, `webhook-timestamp`, and in `webhook-signature` `v1,` with the base64 of the \
HMAC-SHA-256 of id, timestamp and body with points between them, by the bytes that the secret is the base64 of, `whsec_` left aside. \
An answer of 2xx takes a notification; everything else, and none within 10 seconds, is tried again: nine times within two days, ever more rarely. \
A notification may come twice, then with the same `webhook-id`; `data.number` goes up by one, so that a gap is seen. \
410 disables the webhook, and so does a notification that was given up where nothing else was taken meanwhile. Redirects are not followed, and nothing is \
sent to addresses that are not of the public internet, unless the service is configured to. To be told of something, a token must allow to read it.";

/// What there is about webhooks.
pub(super) fn endpoints() -> Vec<Endpoint> {
    let (read, alter) = (Action::ReadSubscription, Action::ChangeSubscription);
    vec![
        Endpoint::post("/v1/subscriptions", "make_subscription", Action::MakeSubscription, make)
            .titled("subscriptions", "Be told of what happens")
            .about(ABOUT)
            .takes::<SubscriptionBody>(vec![
                Example {
                    name: "plain",
                    summary: "New candidates by one profile.",
                    value: json!({"url": "https://ehr.example.org/medial", "topics": ["candidate-flagged"], "profile": "medicare-lcd"}),
                },
                Example {
                    name: "everything",
                    summary: "Everything there is.",
                    value: json!({"url": "https://ehr.example.org/medial", "topics": ["candidate-flagged", "verdict-changed", "diary-overdue", "block-recorded"]}),
                },
            ])
            .answers::<MadeView>(201, "It is made. The secret is shown this once.", Some(made_example()))
            .tagged()
            .fails(&[Kind::Conflict]),
        Endpoint::get("/v1/subscriptions", "list_subscriptions", read, list)
            .titled("subscriptions", "List the webhooks")
            .about("Newest first.")
            .paged()
            .answers::<Page<SubscriptionView>>(
                200,
                "A page of them.",
                Some(json!({"items": [example()], "next": null})),
            ),
        Endpoint::get("/v1/subscriptions/{id}", "read_subscription", read, read_one)
            .titled("subscriptions", "Whether a webhook is told, and what came of it")
            .answers::<SubscriptionView>(200, "The webhook.", Some(example()))
            .tagged(),
        Endpoint::delete(
            "/v1/subscriptions/{id}",
            "delete_subscription",
            Action::DeleteSubscription,
            delete,
        )
        .titled("subscriptions", "Be told no more")
        .about("What it was told is forgotten with it.")
        .answers_nothing("It is deleted."),
        Endpoint::post("/v1/subscriptions/{id}/enable", "enable_subscription", alter, enable)
            .titled("subscriptions", "Tell a webhook again that is disabled")
            .about("What happened meanwhile is not told. Enabling one that is active does nothing.")
            .answers::<SubscriptionView>(200, "It is active.", Some(example()))
            .tagged(),
        Endpoint::get("/v1/subscriptions/{id}/deliveries", "list_deliveries", read, deliveries)
            .titled("subscriptions", "What a webhook was told and is to be told")
            .about("Newest first; what was told is kept for 30 days. `state=dead` lists what was given up, each with what went wrong the last time.")
            .query(
                Parameter::new("state", ParameterKind::Choice(DeliveryState::CODES), "Only those in this state.")
                    .like("dead"),
            )
            .query(
                Parameter::new("limit", ParameterKind::Integer { min: 1, max: 500 }, "How many to a page.")
                    .or(50),
            )
            .query(Parameter::new(
                "cursor",
                ParameterKind::Text,
                "Where the page begins: `next` of the page before, with the same state.",
            ))
            .answers::<Page<DeliveryView>>(
                200,
                "A page of them.",
                Some(json!({"items": [dead_example()], "next": null})),
            ),
        Endpoint::post(
            "/v1/subscriptions/{id}/deliveries/{number}/retry",
            "retry_delivery",
            alter,
            retry,
        )
        .titled("subscriptions", "Try a notification again that was given up")
        .about("It keeps its number and its `webhook-id`, and is tried as often as a new one.")
        .answers::<DeliveryView>(200, "It waits to be sent.", Some(waiting_example()))
        .fails(&[Kind::Conflict]),
    ]
}

fn example() -> Value {
    json!({
        "id": "01890a5d-ac96-774b-bcce-b302099a8057",
        "url": "https://ehr.example.org/medial",
        "topics": ["candidate-flagged"],
        "profile": "medicare-lcd",
        "patient_id": null,
        "status": "active",
        "reason": null,
        "events": 14,
        "failures": 0,
        "delivered_at": "2026-03-01T09:00:01Z",
        "created_by": "ehr",
        "created_at": "2026-02-01T09:00:00Z",
    })
}

fn made_example() -> Value {
    let mut example = example();
    if let Some(fields) = example.as_object_mut() {
        fields.insert("events".to_owned(), json!(0));
        fields.insert("delivered_at".to_owned(), Value::Null);
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=";
        fields.insert("secret".to_owned(), json!(secret));
    }
    example
}

fn dead_example() -> Value {
    json!({
        "number": 14,
        "webhook_id": "msg_01890a5dac96774bbcceb302099a8059",
        "topic": "candidate-flagged",
        "patient_id": "01890a5d-ac96-774b-bcce-b302099a8060",
        "episode_id": "01890a5d-ac96-774b-bcce-b302099a8061",
        "block_id": null,
        "joint": "L4-5",
        "side": "left",
        "profile": "medicare-lcd",
        "occurred_at": "2026-03-01T09:00:00Z",
        "state": "dead",
        "attempts": 9,
        "next_attempt_at": null,
        "attempted_at": "2026-03-03T03:11:00Z",
        "failure": "it answered 500",
    })
}

fn waiting_example() -> Value {
    let mut example = dead_example();
    if let Some(fields) = example.as_object_mut() {
        fields.insert("state".to_owned(), json!("waiting"));
        fields.insert("attempts".to_owned(), json!(0));
        let now = json!("2026-03-03T10:00:00Z");
        fields.insert("next_attempt_at".to_owned(), now);
    }
    example
}

const WEBHOOK: SubscriptionKind = SubscriptionKind::Webhook;

fn path_id(call: &Call) -> Result<Uuid> {
    call.path_id("id", "subscription")
}

fn make(state: &State, call: &Call) -> Result<Reply> {
    let body: SubscriptionBody = call.parse()?;
    let wanted = body.into_wanted();
    once(state, call, move |unit| {
        let made = subscriptions::make(unit, &wanted, NATIVE)?;
        let secret = made.secret.as_deref().unwrap_or_default();
        let view = MadeView {
            secret: format!("whsec_{secret}"),
            subscription: SubscriptionView::from(&made),
        };
        Reply::created(
            &format!("/v1/subscriptions/{}", made.id),
            made.version,
            &view,
        )
    })
}

fn list(state: &State, call: &Call) -> Result<Reply> {
    let before: Option<Uuid> = call.cursor()?;
    look(state, call, |unit| {
        let page = subscriptions::page(unit, WEBHOOK, before, call.limit())?;
        let count = call
            .count()
            .then(|| subscriptions::count(unit, WEBHOOK))
            .transpose()?;
        super::page(
            call,
            &page,
            |one| SubscriptionView::from(one),
            |one| one.id,
            count,
        )
    })
}

fn read_one(state: &State, call: &Call) -> Result<Reply> {
    let id = path_id(call)?;
    look(state, call, |unit| {
        let found = subscriptions::get(unit, WEBHOOK, id)?;
        Reply::ok(found.version, &SubscriptionView::from(&found))
    })
}

fn delete(state: &State, call: &Call) -> Result<Reply> {
    let id = path_id(call)?;
    change(state, call, move |unit| {
        subscriptions::delete(unit, WEBHOOK, id)?;
        Ok(Reply::no_content())
    })
}

fn enable(state: &State, call: &Call) -> Result<Reply> {
    let id = path_id(call)?;
    once(state, call, move |unit| {
        let found = subscriptions::enable(unit, id)?;
        Reply::ok(found.version, &SubscriptionView::from(&found))
    })
}

fn deliveries(state: &State, call: &Call) -> Result<Reply> {
    let id = path_id(call)?;
    let before: Option<i64> = call.cursor()?;
    let wanted = call
        .query("state")
        .and_then(|code| DeliveryState::from_code(code).ok());
    look(state, call, |unit| {
        let page = subscriptions::deliveries(unit, id, wanted, before, call.limit())?;
        let next = page
            .items
            .last()
            .filter(|_| page.more)
            .map(|one| one.number);
        let items: Vec<DeliveryView> = page.items.iter().map(DeliveryView::from).collect();
        call.page_reply(items, next.as_ref(), None)
    })
}

fn retry(state: &State, call: &Call) -> Result<Reply> {
    let id = path_id(call)?;
    let number: Option<i64> = call.path("number").parse().ok();
    let number = number.ok_or(Error::NotFound { what: "delivery" })?;
    once(state, call, move |unit| {
        Reply::json(&DeliveryView::from(&subscriptions::retry(
            unit, id, number,
        )?))
    })
}
