//! Systems that are told of what happens: who they are, what happened, and what became of telling them.
//!
//! What happens is written down in the transaction that makes it happen ([`happenings`]), where somebody waits for it.
//! Jobs hand it to those who wait, numbered, and tell them ([`queue`]).

pub mod address;
mod happenings;
mod queue;

pub use crate::db::rows::{
    Delivery, DeliveryState, Subscription, SubscriptionKind, SubscriptionReason, SubscriptionStatus,
};
pub use crate::domain::subscription::{Happening, Interest, Topic};
pub use queue::{Counts, Notice, Told, Turn};

pub(super) use happenings::{of_block, of_changes};

use super::core::Unit;
use super::error::{Error, FieldError, Result};
use crate::auth::{Action, Principal, Role, Scopes};
use crate::db::{DbError, Page, queries};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use uuid::Uuid;

/// An organization may have so many subscriptions of a kind.
pub const MOST: i64 = 100;

/// How systems are told of what happens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SubscriptionSettings {
    /// Whether somebody may be told at an address that is not one of the public internet, and without TLS.
    pub allow_private_addresses: bool,
}

/// What somebody asks for.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Where they want to be told.
    pub url: String,
    /// Of what.
    pub interest: Interest,
    /// How.
    pub channel: Channel,
}

/// How somebody is told.
#[derive(Debug, Clone)]
pub enum Channel {
    /// By a signed webhook.
    Webhook,
    /// As a FHIR subscription.
    Fhir {
        /// As it was sent, as JSON.
        document: String,
        /// After so many seconds of silence they want to hear that all is well.
        heartbeat_seconds: Option<i32>,
        /// Their endpoint may take so many seconds.
        timeout_seconds: Option<i32>,
        /// They take so many events in one request.
        events_at_once: i32,
        /// From when on they do not want to be told any more.
        ends_at: Option<DateTime<Utc>>,
    },
}

/// The places of what is asked for in what was sent, for errors.
#[derive(Debug, Clone, Copy)]
pub struct Places {
    /// Of the address.
    pub url: &'static str,
    /// Of the profile.
    pub profile: &'static str,
    /// Of the patient.
    pub patient: &'static str,
}

/// Where the native API has them.
pub const NATIVE: Places = Places {
    url: "/url",
    profile: "/profile",
    patient: "/patient_id",
};

/// What a token must allow to be told of something: what it takes to read it.
const fn reading(topic: Topic) -> Action {
    match topic {
        Topic::CandidateFlagged | Topic::VerdictChanged => Action::ReadDetermination,
        Topic::DiaryOverdue | Topic::BlockRecorded => Action::ReadBlock,
    }
}

/// Everything that is wrong with what is asked for.
///
/// # Errors
/// [`Error::Invalid`]; [`Error::Forbidden`] where the token does not allow to read what it is about.
pub fn check(unit: &mut Unit<'_, '_>, wanted: &Wanted, places: Places) -> Result<()> {
    let mut errors = Vec::new();
    if let Err((code, detail)) = address::check(&wanted.url, unit.app.settings.subscriptions) {
        errors.push(FieldError::new(places.url, code, detail));
    }
    let interest = &wanted.interest;
    if let Some(profile) = &interest.profile {
        let known = unit.profiles()?;
        if !known.iter().any(|one| one.profile.id == *profile) {
            let detail = "There is no such profile.";
            errors.push(FieldError::new(places.profile, "not_found", detail));
        }
        if !interest.topics.iter().any(|topic| topic.is_of_profile()) {
            let detail = "None of these topics is about what a profile says.";
            errors.push(FieldError::new(places.profile, "not_applicable", detail));
        }
    }
    if let Some(patient) = interest.patient {
        match queries::patients::get(unit.tx, &unit.principal.organization, patient) {
            Ok(_) => {}
            Err(DbError::NotFound) => {
                let detail = "There is no such patient.";
                errors.push(FieldError::new(places.patient, "not_found", detail));
            }
            Err(other) => return Err(other.into()),
        }
    }
    for topic in &interest.topics {
        unit.require(reading(*topic))?;
    }
    if errors.is_empty() {
        Ok(())
    } else {
        Err(Error::Invalid(errors))
    }
}

/// Makes a subscription. A webhook begins at once; a FHIR subscription once its endpoint answered a first request.
///
/// # Errors
/// Those of [`check`]; [`Error::Conflict`] where there are too many.
pub fn make(unit: &mut Unit<'_, '_>, wanted: &Wanted, places: Places) -> Result<Subscription> {
    unit.require(Action::MakeSubscription)?;
    check(unit, wanted, places)?;
    let kind = match wanted.channel {
        Channel::Webhook => SubscriptionKind::Webhook,
        Channel::Fhir { .. } => SubscriptionKind::Fhir,
    };
    let organization = unit.principal.organization.clone();
    if queries::subscriptions::count(unit.tx, &organization, kind)? >= MOST {
        return Err(Error::Conflict {
            code: "too_many_subscriptions",
            detail: format!("An organization may have {MOST} of them. Delete one first."),
        });
    }
    let mut made = Subscription {
        organization: organization.clone(),
        id: unit.new_id(),
        version: 1,
        kind,
        status: SubscriptionStatus::Active,
        reason: None,
        url: String::new(),
        interest: wanted.interest.clone(),
        secret: None,
        document: None,
        heartbeat_seconds: None,
        timeout_seconds: None,
        events_at_once: 1,
        created_by: String::new(),
        role: String::new(),
        scopes: None,
        scope_patient: None,
        created_at: unit.now,
        updated_at: unit.now,
        ends_at: None,
        event_count: 0,
        failures: 0,
        told_at: None,
        due_at: None,
        turn: None,
    };
    fill(unit, &mut made, wanted);
    queries::subscriptions::insert(unit.tx, &organization, &made)?;
    unit.audit(
        Action::MakeSubscription,
        "subscription",
        made.id,
        made.interest.patient,
    )?;
    Ok(made)
}

/// Takes over what is asked for, and who asks.
fn fill(unit: &Unit<'_, '_>, one: &mut Subscription, wanted: &Wanted) {
    one.url.clone_from(&wanted.url);
    one.interest = wanted.interest.clone();
    let principal = unit.principal;
    one.created_by.clone_from(&principal.subject);
    principal.role.code().clone_into(&mut one.role);
    one.scopes = principal.scopes.as_ref().map(Scopes::to_string);
    one.scope_patient = principal.scopes.as_ref().and_then(Scopes::patient);
    match &wanted.channel {
        Channel::Webhook => {
            let seam = &unit.app.seam;
            let drawn = [seam.random(), seam.random()].map(u128::to_be_bytes);
            one.secret = Some(STANDARD.encode(drawn.concat()));
        }
        Channel::Fhir {
            document,
            heartbeat_seconds,
            timeout_seconds,
            events_at_once,
            ends_at,
        } => {
            one.document = Some(document.clone());
            one.heartbeat_seconds = *heartbeat_seconds;
            one.timeout_seconds = *timeout_seconds;
            one.events_at_once = *events_at_once;
            one.ends_at = *ends_at;
            begin(one, SubscriptionStatus::Requested, unit.now);
        }
    }
}

/// Begins to tell, or to ask whether somebody listens.
fn begin(one: &mut Subscription, status: SubscriptionStatus, now: DateTime<Utc>) {
    one.status = status;
    one.reason = None;
    one.failures = 0;
    // Whoever is at it loses the turn, and is through with what is under way before another one begins.
    let is_held = one.turn.take().is_some();
    one.due_at = one.due_at.filter(|_| is_held).or(Some(now));
}

/// Ends it: nothing is told any more, and nothing is kept to be told.
fn end(one: &mut Subscription, status: SubscriptionStatus, reason: SubscriptionReason) {
    one.status = status;
    one.reason = Some(reason);
    one.due_at = None;
    one.turn = None;
}

fn absent(error: DbError) -> Error {
    match error {
        DbError::NotFound => Error::NotFound {
            what: "subscription",
        },
        other => other.into(),
    }
}

fn find(unit: &mut Unit<'_, '_>, kind: SubscriptionKind, id: Uuid) -> Result<Subscription> {
    let found = queries::subscriptions::get(unit.tx, &unit.principal.organization, id);
    let found = found.map_err(absent)?;
    if found.kind == kind {
        Ok(found)
    } else {
        Err(absent(DbError::NotFound))
    }
}

/// One subscription.
///
/// # Errors
/// [`Error::NotFound`].
pub fn get(unit: &mut Unit<'_, '_>, kind: SubscriptionKind, id: Uuid) -> Result<Subscription> {
    unit.require(Action::ReadSubscription)?;
    let found = find(unit, kind, id)?;
    unit.note_read(Action::ReadSubscription, "subscription", Some(id), None);
    Ok(found)
}

/// A page of subscriptions, the newest first.
///
/// # Errors
/// Those of the database.
pub fn page(
    unit: &mut Unit<'_, '_>,
    kind: SubscriptionKind,
    before: Option<Uuid>,
    limit: u16,
) -> Result<Page<Subscription>> {
    unit.require(Action::ReadSubscription)?;
    let organization = &unit.principal.organization;
    let page = queries::subscriptions::page(unit.tx, organization, kind, before, u32::from(limit))?;
    unit.note_read(Action::ReadSubscription, "subscriptions", None, None);
    Ok(page)
}

/// How many there are.
///
/// # Errors
/// Those of the database.
pub fn count(unit: &mut Unit<'_, '_>, kind: SubscriptionKind) -> Result<i64> {
    unit.require(Action::ReadSubscription)?;
    let organization = &unit.principal.organization;
    Ok(queries::subscriptions::count(unit.tx, organization, kind)?)
}

/// Puts what is asked for now in the place of what was asked for; its endpoint has to answer a first request again. With
/// `off` nobody is told any more, and what was kept to be told is given up.
///
/// # Errors
/// Those of [`check`]; [`Error::NotFound`]; [`Error::PreconditionFailed`] where a version is named and is not the present
/// one.
pub fn change(
    unit: &mut Unit<'_, '_>,
    id: Uuid,
    version: Option<i32>,
    wanted: &Wanted,
    places: Places,
    off: bool,
) -> Result<Subscription> {
    unit.require(Action::ChangeSubscription)?;
    let mut found = find(unit, SubscriptionKind::Fhir, id)?;
    check_version(&found, version)?;
    check(unit, wanted, places)?;
    fill(unit, &mut found, wanted);
    if off {
        end(
            &mut found,
            SubscriptionStatus::Off,
            SubscriptionReason::Asked,
        );
        let organization = &unit.principal.organization;
        queries::deliveries::give_up(unit.tx, organization, id, queue::NOT_TRIED)?;
    }
    keep(unit, &mut found)
}

/// Tells a webhook again that is not told any more.
///
/// # Errors
/// [`Error::NotFound`].
pub fn enable(unit: &mut Unit<'_, '_>, id: Uuid) -> Result<Subscription> {
    unit.require(Action::ChangeSubscription)?;
    let mut found = find(unit, SubscriptionKind::Webhook, id)?;
    if found.status == SubscriptionStatus::Active {
        return Ok(found);
    }
    begin(&mut found, SubscriptionStatus::Active, unit.now);
    keep(unit, &mut found)
}

fn check_version(found: &Subscription, version: Option<i32>) -> Result<()> {
    match version {
        Some(version) if version != found.version => Err(Error::PreconditionFailed {
            current: found.version,
        }),
        _ => Ok(()),
    }
}

/// Keeps what was changed as another version.
fn keep(unit: &mut Unit<'_, '_>, changed: &mut Subscription) -> Result<Subscription> {
    changed.version = changed.version.saturating_add(1);
    changed.updated_at = unit.now;
    let organization = &unit.principal.organization;
    queries::subscriptions::replace(unit.tx, organization, changed)?;
    queries::subscriptions::keep_topics(unit.tx, organization, changed)?;
    unit.audit(
        Action::ChangeSubscription,
        "subscription",
        changed.id,
        changed.interest.patient,
    )?;
    Ok(changed.clone())
}

/// Forgets a subscription and everything that was told.
///
/// # Errors
/// [`Error::NotFound`].
pub fn delete(unit: &mut Unit<'_, '_>, kind: SubscriptionKind, id: Uuid) -> Result<()> {
    unit.require(Action::DeleteSubscription)?;
    let found = find(unit, kind, id)?;
    queries::subscriptions::delete(unit.tx, &unit.principal.organization, id).map_err(absent)?;
    unit.audit(
        Action::DeleteSubscription,
        "subscription",
        id,
        found.interest.patient,
    )
}

/// A page of what a webhook was told and is to be told, the newest first.
///
/// # Errors
/// [`Error::NotFound`].
pub fn deliveries(
    unit: &mut Unit<'_, '_>,
    id: Uuid,
    state: Option<DeliveryState>,
    before: Option<i64>,
    limit: u16,
) -> Result<Page<Delivery>> {
    get(unit, SubscriptionKind::Webhook, id)?;
    let organization = &unit.principal.organization;
    let limit = u32::from(limit);
    Ok(queries::deliveries::page(
        unit.tx,
        organization,
        id,
        state,
        before,
        limit,
    )?)
}

/// What a FHIR subscription was told and is to be told, from one number to another, both included, at most so many.
///
/// # Errors
/// [`Error::NotFound`].
pub fn events(
    unit: &mut Unit<'_, '_>,
    id: Uuid,
    since: i64,
    until: i64,
    most: u32,
) -> Result<(Subscription, Vec<Delivery>)> {
    let found = get(unit, SubscriptionKind::Fhir, id)?;
    let organization = &unit.principal.organization;
    let events = queries::deliveries::between(unit.tx, organization, id, since, until, most)?;
    Ok((found, events))
}

/// Tries a delivery again that was given up.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Conflict`] where it was not given up, or the webhook is not told any more.
pub fn retry(unit: &mut Unit<'_, '_>, id: Uuid, number: i64) -> Result<Delivery> {
    unit.require(Action::ChangeSubscription)?;
    let subscription = find(unit, SubscriptionKind::Webhook, id)?;
    let organization = unit.principal.organization.clone();
    let found = queries::deliveries::get(unit.tx, &organization, id, number);
    let mut delivery = found.map_err(|error| match error {
        DbError::NotFound => Error::NotFound { what: "delivery" },
        other => other.into(),
    })?;
    if delivery.state != DeliveryState::Dead {
        return Err(Error::Conflict {
            code: "not_given_up",
            detail: "Only a delivery that was given up can be tried again.".to_owned(),
        });
    }
    if subscription.status != SubscriptionStatus::Active {
        return Err(Error::Conflict {
            code: "subscription_disabled",
            detail: "The subscription is disabled. Enable it first.".to_owned(),
        });
    }
    delivery.state = DeliveryState::Waiting;
    delivery.attempts = 0;
    delivery.next_attempt_at = Some(unit.now);
    let again = queries::deliveries::Attempted {
        state: delivery.state,
        attempts: 0,
        next_attempt_at: Some(unit.now),
        at: delivery.attempted_at.unwrap_or(unit.now),
        failure: delivery.failure.clone(),
    };
    queries::deliveries::note_attempt(unit.tx, &organization, id, number, &again)?;
    // Whoever is at it looks again at the end of the turn.
    let is_held = subscription.turn.is_some();
    let due = subscription.due_at.filter(|_| is_held).or(Some(unit.now));
    let events = subscription.event_count;
    queries::subscriptions::note_events(unit.tx, &organization, id, events, due)?;
    let patient = Some(delivery.happening.patient);
    unit.audit(Action::ChangeSubscription, "delivery", delivery.id, patient)?;
    Ok(delivery)
}

/// Who is told, with what they could reach when they asked for it.
///
/// # Errors
/// An internal one where the role is not known.
pub fn principal_of(one: &Subscription) -> Result<Principal> {
    let role = Role::from_code(&one.role)
        .map_err(|_| Error::internal("the role of a subscriber is not known"))?;
    let scopes = one.scopes.as_deref().map(Scopes::parse);
    let scopes = scopes.map(|scopes| match one.scope_patient {
        Some(patient) => scopes.launched_for(patient),
        None => scopes,
    });
    Ok(Principal {
        organization: one.organization.clone(),
        subject: one.created_by.clone(),
        role,
        scopes,
    })
}

/// Tells nobody any more who was a client that is disabled or removed now.
///
/// # Errors
/// Those of the database.
pub(super) fn turn_off_of_client(
    tx: &mut crate::db::Tx<'_>,
    organization: &str,
    client: &str,
    now: DateTime<Utc>,
) -> std::result::Result<(), DbError> {
    for mut one in queries::subscriptions::all(tx, organization)? {
        if one.created_by != client || !one.listens() {
            continue;
        }
        let reason = SubscriptionReason::ClientDisabled;
        end(&mut one, SubscriptionStatus::Off, reason);
        one.version = one.version.saturating_add(1);
        one.updated_at = now;
        queries::subscriptions::replace(tx, organization, &one)?;
        queries::subscriptions::keep_topics(tx, organization, &one)?;
        queries::deliveries::give_up(tx, organization, one.id, queue::NOT_TRIED)?;
    }
    Ok(())
}
