//! Systems that are told of what happens, what happened, and what each is to be told.

use super::{corrupt, id, instant, joined, maybe_code, maybe_instant, micros, split};
use crate::db::error::DbError;
use crate::db::schema::{deliveries, subscription_events, subscription_topics, subscriptions};
use crate::domain::anatomy::{Joint, Side, Target};
use crate::domain::subscription::{Happening, Interest, Topic};
use crate::domain::vocabulary;
use chrono::{DateTime, Utc};
use diesel::{AsChangeset, Insertable, Queryable, Selectable};
use uuid::Uuid;

vocabulary! {
    /// How somebody is told.
    SubscriptionKind {
        /// By a signed webhook.
        Webhook = "webhook", "webhook";
        /// As a FHIR subscription.
        Fhir = "fhir", "FHIR subscription";
    }
}

vocabulary! {
    /// Whether somebody is told.
    SubscriptionStatus {
        /// The endpoint is yet to answer a first request.
        Requested = "requested", "requested";
        /// It is told.
        Active = "active", "active";
        /// It could not be told, and is not any more.
        Error = "error", "in error";
        /// It is not told.
        Off = "off", "off";
    }
}

vocabulary! {
    /// Why somebody is not told any more.
    SubscriptionReason {
        /// It was asked for.
        Asked = "asked", "it was asked for";
        /// The endpoint answered 410.
        Gone = "gone", "the endpoint is gone";
        /// Every attempt failed for two days.
        Failing = "failing", "every attempt failed";
        /// The endpoint did not answer the first request.
        HandshakeFailed = "handshake_failed", "the handshake failed";
        /// The client that asked for it was disabled or removed.
        ClientDisabled = "client_disabled", "the client was disabled";
        /// Its time is over.
        Ended = "ended", "its time is over";
    }
}

vocabulary! {
    /// What became of one delivery.
    DeliveryState {
        /// It waits for its next attempt.
        Waiting = "waiting", "waiting";
        /// It was taken at the other end.
        Delivered = "delivered", "delivered";
        /// It was given up.
        Dead = "dead", "given up";
    }
}

/// A system that is told of what happens.
#[derive(Clone, PartialEq, Eq)]
pub struct Subscription {
    /// Of whose records.
    pub organization: String,
    /// Its identity.
    pub id: Uuid,
    /// 1, and one more with every change of what it is.
    pub version: i32,
    /// How it is told.
    pub kind: SubscriptionKind,
    /// Whether it is told.
    pub status: SubscriptionStatus,
    /// Why not, where it is not.
    pub reason: Option<SubscriptionReason>,
    /// Where it is told.
    pub url: String,
    /// Of what.
    pub interest: Interest,
    /// What webhooks are signed with, in base64.
    pub secret: Option<String>,
    /// A FHIR subscription as it was sent, as JSON; opaque here.
    pub document: Option<String>,
    /// After so many seconds of silence it is told that all is well.
    pub heartbeat_seconds: Option<i32>,
    /// Its endpoint may take so many seconds.
    pub timeout_seconds: Option<i32>,
    /// It takes so many events in one request.
    pub events_at_once: i32,
    /// Who asked for it.
    pub created_by: String,
    /// Their role then.
    pub role: String,
    /// The scopes of their token then; `None` where it had none.
    pub scopes: Option<String>,
    /// The patient of whom `patient/` scopes spoke.
    pub scope_patient: Option<Uuid>,
    /// When.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
    /// From when on it is not told any more.
    pub ends_at: Option<DateTime<Utc>>,
    /// How many events there were: the number of the newest.
    pub event_count: i64,
    /// Attempts that failed in a row.
    pub failures: i32,
    /// When something was last taken at the other end.
    pub told_at: Option<DateTime<Utc>>,
    /// When there is something to do next.
    pub due_at: Option<DateTime<Utc>>,
    /// Who is at it until then.
    pub turn: Option<Uuid>,
}

impl std::fmt::Debug for Subscription {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Neither the secret nor an address or a document that may carry one.
        f.debug_struct("Subscription")
            .field("id", &self.id)
            .field("kind", &self.kind)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

impl Subscription {
    /// Whether events are kept for it.
    #[must_use]
    pub const fn listens(&self) -> bool {
        matches!(
            self.status,
            SubscriptionStatus::Requested | SubscriptionStatus::Active
        )
    }
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// In whose records.
    pub organization: String,
    /// Its identity.
    pub id: Uuid,
    /// What happened.
    pub happening: Happening,
    /// When.
    pub occurred_at: DateTime<Utc>,
}

/// What one subscription is to be told, or was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Which.
    pub subscription: Uuid,
    /// From 1, without a gap.
    pub number: i64,
    /// The same with every attempt.
    pub id: Uuid,
    /// What happened.
    pub happening: Happening,
    /// When.
    pub occurred_at: DateTime<Utc>,
    /// What became of it.
    pub state: DeliveryState,
    /// How often it was tried.
    pub attempts: i32,
    /// When it is tried next, while it waits.
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// When it was last tried.
    pub attempted_at: Option<DateTime<Utc>>,
    /// What went wrong the last time.
    pub failure: Option<String>,
    /// When it was numbered.
    pub created_at: DateTime<Utc>,
}

#[derive(Debug, Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = subscriptions, primary_key(organization_id, id))]
#[diesel(treat_none_as_default_value = false, treat_none_as_null = true)]
pub(in crate::db) struct SubscriptionRow {
    organization_id: String,
    id: String,
    version: i32,
    kind: String,
    status: String,
    reason: Option<String>,
    url: String,
    topics: String,
    profile: Option<String>,
    patient_id: Option<String>,
    secret: Option<String>,
    document: Option<String>,
    heartbeat_seconds: Option<i32>,
    timeout_seconds: Option<i32>,
    events_at_once: i32,
    created_by: String,
    role: String,
    scopes: Option<String>,
    scope_patient_id: Option<String>,
    created_at: i64,
    updated_at: i64,
    ends_at: Option<i64>,
    event_count: i64,
    failures: i32,
    told_at: Option<i64>,
    due_at: Option<i64>,
    turn: Option<String>,
}

#[derive(Debug, Clone, Insertable)]
#[diesel(table_name = subscription_topics)]
pub(in crate::db) struct TopicRow {
    organization_id: String,
    subscription_id: String,
    topic: String,
}

impl TopicRow {
    pub(in crate::db) fn of(organization: &str, subscription: Uuid, topic: Topic) -> TopicRow {
        TopicRow {
            organization_id: organization.to_owned(),
            subscription_id: subscription.to_string(),
            topic: topic.code().to_owned(),
        }
    }
}

fn text(id: Option<Uuid>) -> Option<String> {
    id.map(|id| id.to_string())
}

fn maybe_id(text: Option<&str>) -> Result<Option<Uuid>, DbError> {
    text.map(id).transpose()
}

impl SubscriptionRow {
    pub(in crate::db) fn of(organization: &str, one: &Subscription) -> SubscriptionRow {
        SubscriptionRow {
            organization_id: organization.to_owned(),
            id: one.id.to_string(),
            version: one.version,
            kind: one.kind.code().to_owned(),
            status: one.status.code().to_owned(),
            reason: one.reason.map(|reason| reason.code().to_owned()),
            url: one.url.clone(),
            topics: joined(one.interest.topics.iter().map(|topic| topic.code())),
            profile: one.interest.profile.clone(),
            patient_id: text(one.interest.patient),
            secret: one.secret.clone(),
            document: one.document.clone(),
            heartbeat_seconds: one.heartbeat_seconds,
            timeout_seconds: one.timeout_seconds,
            events_at_once: one.events_at_once,
            created_by: one.created_by.clone(),
            role: one.role.clone(),
            scopes: one.scopes.clone(),
            scope_patient_id: text(one.scope_patient),
            created_at: micros(one.created_at),
            updated_at: micros(one.updated_at),
            ends_at: one.ends_at.map(micros),
            event_count: one.event_count,
            failures: one.failures,
            told_at: one.told_at.map(micros),
            due_at: one.due_at.map(micros),
            turn: text(one.turn),
        }
    }
}

impl TryFrom<SubscriptionRow> for Subscription {
    type Error = DbError;

    fn try_from(row: SubscriptionRow) -> Result<Subscription, DbError> {
        Ok(Subscription {
            organization: row.organization_id,
            id: id(&row.id)?,
            version: row.version,
            kind: super::code(&row.kind, SubscriptionKind::from_code)?,
            status: super::code(&row.status, SubscriptionStatus::from_code)?,
            reason: maybe_code(row.reason.as_deref(), SubscriptionReason::from_code)?,
            url: row.url,
            interest: Interest {
                topics: split(&row.topics, Topic::from_code)?,
                profile: row.profile,
                patient: maybe_id(row.patient_id.as_deref())?,
            },
            secret: row.secret,
            document: row.document,
            heartbeat_seconds: row.heartbeat_seconds,
            timeout_seconds: row.timeout_seconds,
            events_at_once: row.events_at_once,
            created_by: row.created_by,
            role: row.role,
            scopes: row.scopes,
            scope_patient: maybe_id(row.scope_patient_id.as_deref())?,
            created_at: instant(row.created_at)?,
            updated_at: instant(row.updated_at)?,
            ends_at: maybe_instant(row.ends_at)?,
            event_count: row.event_count,
            failures: row.failures,
            told_at: maybe_instant(row.told_at)?,
            due_at: maybe_instant(row.due_at)?,
            turn: maybe_id(row.turn.as_deref())?,
        })
    }
}

/// What the columns say that events and deliveries have in common.
struct Columns<'r> {
    topic: &'r str,
    patient: &'r str,
    episode: &'r str,
    block: Option<&'r str>,
    joint: Option<&'r str>,
    side: Option<&'r str>,
    profile: Option<String>,
}

impl Columns<'_> {
    fn happening(self) -> Result<Happening, DbError> {
        let target = match (self.joint, self.side) {
            (Some(joint), Some(side)) => Some(Target {
                joint: super::code(joint, Joint::from_code)?,
                side: super::code(side, Side::from_code)?,
            }),
            (None, None) => None,
            _ => return Err(corrupt("half a target")),
        };
        Ok(Happening {
            topic: super::code(self.topic, Topic::from_code)?,
            patient: id(self.patient)?,
            episode: id(self.episode)?,
            block: maybe_id(self.block)?,
            target,
            profile: self.profile,
        })
    }
}

fn joint(happening: &Happening) -> Option<String> {
    let target = happening.target.as_ref()?;
    Some(target.joint.code().to_owned())
}

fn side(happening: &Happening) -> Option<String> {
    let target = happening.target.as_ref()?;
    Some(target.side.code().to_owned())
}

#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = subscription_events, treat_none_as_default_value = false)]
pub(in crate::db) struct EventRow {
    organization_id: String,
    id: String,
    topic: String,
    patient_id: String,
    episode_id: String,
    block_id: Option<String>,
    joint: Option<String>,
    side: Option<String>,
    profile: Option<String>,
    occurred_at: i64,
}

impl EventRow {
    pub(in crate::db) fn of(organization: &str, event: &Event) -> EventRow {
        let happening = &event.happening;
        EventRow {
            organization_id: organization.to_owned(),
            id: event.id.to_string(),
            topic: happening.topic.code().to_owned(),
            patient_id: happening.patient.to_string(),
            episode_id: happening.episode.to_string(),
            block_id: text(happening.block),
            joint: joint(happening),
            side: side(happening),
            profile: happening.profile.clone(),
            occurred_at: micros(event.occurred_at),
        }
    }
}

impl TryFrom<EventRow> for Event {
    type Error = DbError;

    fn try_from(row: EventRow) -> Result<Event, DbError> {
        let columns = Columns {
            topic: &row.topic,
            patient: &row.patient_id,
            episode: &row.episode_id,
            block: row.block_id.as_deref(),
            joint: row.joint.as_deref(),
            side: row.side.as_deref(),
            profile: row.profile,
        };
        Ok(Event {
            happening: columns.happening()?,
            organization: row.organization_id,
            id: id(&row.id)?,
            occurred_at: instant(row.occurred_at)?,
        })
    }
}

#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = deliveries, treat_none_as_default_value = false)]
pub(in crate::db) struct DeliveryRow {
    organization_id: String,
    subscription_id: String,
    number: i64,
    id: String,
    topic: String,
    patient_id: String,
    episode_id: String,
    block_id: Option<String>,
    joint: Option<String>,
    side: Option<String>,
    profile: Option<String>,
    occurred_at: i64,
    state: String,
    attempts: i32,
    next_attempt_at: Option<i64>,
    attempted_at: Option<i64>,
    failure: Option<String>,
    created_at: i64,
}

impl DeliveryRow {
    pub(in crate::db) fn of(organization: &str, delivery: &Delivery) -> DeliveryRow {
        let happening = &delivery.happening;
        DeliveryRow {
            organization_id: organization.to_owned(),
            subscription_id: delivery.subscription.to_string(),
            number: delivery.number,
            id: delivery.id.to_string(),
            topic: happening.topic.code().to_owned(),
            patient_id: happening.patient.to_string(),
            episode_id: happening.episode.to_string(),
            block_id: text(happening.block),
            joint: joint(happening),
            side: side(happening),
            profile: happening.profile.clone(),
            occurred_at: micros(delivery.occurred_at),
            state: delivery.state.code().to_owned(),
            attempts: delivery.attempts,
            next_attempt_at: delivery.next_attempt_at.map(micros),
            attempted_at: delivery.attempted_at.map(micros),
            failure: delivery.failure.clone(),
            created_at: micros(delivery.created_at),
        }
    }
}

impl TryFrom<DeliveryRow> for Delivery {
    type Error = DbError;

    fn try_from(row: DeliveryRow) -> Result<Delivery, DbError> {
        let columns = Columns {
            topic: &row.topic,
            patient: &row.patient_id,
            episode: &row.episode_id,
            block: row.block_id.as_deref(),
            joint: row.joint.as_deref(),
            side: row.side.as_deref(),
            profile: row.profile,
        };
        Ok(Delivery {
            happening: columns.happening()?,
            subscription: id(&row.subscription_id)?,
            number: row.number,
            id: id(&row.id)?,
            occurred_at: instant(row.occurred_at)?,
            state: super::code(&row.state, DeliveryState::from_code)?,
            attempts: row.attempts,
            next_attempt_at: maybe_instant(row.next_attempt_at)?,
            attempted_at: maybe_instant(row.attempted_at)?,
            failure: row.failure,
            created_at: instant(row.created_at)?,
        })
    }
}
