//! What happened is handed to those who wait for it, and each is told in turn.
//!
//! One subscription is one queue: whoever takes its turn tells one thing after the other until something fails, there is
//! nothing more, or enough was told for now. A turn is a lease: whoever dies with it loses it after a minute, and what was
//! under way is told again under the same id. An endpoint at which something failed rests, ever longer, so that one that
//! never answers takes up little of anybody's time.

use super::{
    Delivery, DeliveryState, Subscription, SubscriptionReason, SubscriptionStatus, end,
    principal_of, reading,
};
use crate::app::core::{App, Unit};
use crate::app::error::Result;
use crate::app::judging::service_principal;
use crate::db::queries::deliveries::Attempted;
use crate::db::rows::Event;
use crate::db::{DbError, Tx, queries};
use crate::domain::subscription::{rest_after, wait_after};
use crate::seam::Outside;
use chrono::{DateTime, TimeDelta, Utc};
use prometheus::{IntCounterVec, Opts};
use std::collections::BTreeMap;
use std::sync::Arc;
use uuid::Uuid;

/// Why something was given up that was never tried, or not to its end.
pub(super) const NOT_TRIED: &str = "given up: the subscription was disabled";

/// So many events are handed out in one transaction.
const BATCH: u32 = 200;

/// So many subscriptions are looked at for one that is free.
const LOOKED_AT: u32 = 16;

/// A turn is lost after so long without a word: longer than any endpoint may take.
const LEASE: TimeDelta = TimeDelta::seconds(60);

/// A first request is tried so often.
const HANDSHAKES: i32 = 4;

/// What was told is kept for so long.
const KEPT: TimeDelta = TimeDelta::days(30);

/// How many notifications were taken, failed and were given up since the start of the process.
#[derive(Debug)]
pub struct Counts(Option<IntCounterVec>);

impl Default for Counts {
    fn default() -> Counts {
        let about = Opts::new(
            "medial_notifications_total",
            "Notifications to other systems: taken, failed and to be tried again, given up.",
        );
        // Name and label are valid, and a count that cannot be is no reason not to tell anybody.
        Counts(IntCounterVec::new(about, &["outcome"]).ok())
    }
}

impl Counts {
    /// The counter, for whoever shows it.
    #[must_use]
    pub fn counter(&self) -> Option<IntCounterVec> {
        self.0.clone()
    }

    fn add(&self, outcome: &str, number: usize) {
        if let Some(counter) = &self.0 {
            let number = u64::try_from(number).unwrap_or(0);
            counter.with_label_values(&[outcome]).inc_by(number);
        }
    }
}

/// The right to tell one subscription, for a while.
#[derive(Debug, Clone)]
pub struct Turn {
    organization: String,
    subscription: Uuid,
    token: Uuid,
}

/// What somebody is told in one request.
#[derive(Debug, Clone)]
pub enum Notice {
    /// Whether they listen.
    Handshake,
    /// What happened; at least one thing.
    Events(Vec<Delivery>),
    /// That all is well.
    Heartbeat,
}

/// What came of telling it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// It was taken.
    Taken,
    /// Nobody wants to hear anything there ever again.
    Gone,
    /// It was not taken, for this reason, in which there is nothing personal and no secret.
    Failed(String),
}

impl App {
    /// Hands what happened to those who wait for it, as long as `go_on` says so before each batch; how much that was.
    ///
    /// # Errors
    /// Those of the database.
    pub fn hand_out_events_while(self: &Arc<Self>, go_on: impl Fn() -> bool) -> Result<usize> {
        let mut handed = 0;
        while go_on() {
            let waits = self
                .db
                .read(|tx| queries::deliveries::oldest_events(tx, 1))?;
            if waits.is_empty() {
                break;
            }
            let app = Arc::clone(self);
            handed += self
                .db
                .write(move |tx| hand_out(tx, app.seam.as_ref(), app.seam.now()))?;
        }
        Ok(handed)
    }

    /// Takes the turn of a subscription with which there is something to do and nobody is at it. With `sound` only of one
    /// at which nothing failed lately.
    ///
    /// # Errors
    /// Those of the database.
    pub fn take_turn(self: &Arc<Self>, sound: bool) -> Result<Option<Turn>> {
        let now = self.seam.now();
        let due = self
            .db
            .read(|tx| queries::subscriptions::due(tx, now, sound, LOOKED_AT))?;
        for (organization, subscription) in due {
            let turn = Turn {
                organization,
                subscription,
                token: self.seam.new_id(),
            };
            let (principal, wanted) = (service_principal(&turn.organization), turn.clone());
            let taken = self.write(&principal, move |unit| take(unit, &wanted))?;
            if taken {
                return Ok(Some(turn));
            }
        }
        Ok(None)
    }

    /// What is to be told next in this turn, and to whom. That somebody is told of a patient is noted in the trail of
    /// reads, as theirs.
    ///
    /// # Errors
    /// Those of the database.
    pub fn next_notice(self: &Arc<Self>, turn: &Turn) -> Result<Option<(Subscription, Notice)>> {
        let service = service_principal(&turn.organization);
        let found = self.read(&service, |unit| next_notice(unit, turn))?;
        if let Some((subscription, Notice::Events(events))) = &found {
            let listener = principal_of(subscription)?;
            self.read(&listener, |unit| {
                for event in events {
                    let (topic, patient) = (event.happening.topic, event.happening.patient);
                    unit.note_read(reading(topic), "delivery", Some(event.id), Some(patient));
                }
                Ok(())
            })?;
        }
        Ok(found)
    }

    /// Writes down what came of telling something; whether the turn goes on.
    ///
    /// # Errors
    /// Those of the database.
    pub fn note_told(self: &Arc<Self>, turn: &Turn, notice: &Notice, told: &Told) -> Result<bool> {
        let service = service_principal(&turn.organization);
        let (of, what, outcome) = (turn.clone(), notice.clone(), told.clone());
        let noted = self.write(&service, move |unit| note_told(unit, &of, &what, &outcome))?;
        let Some(dead) = noted else {
            return Ok(false);
        };
        let events = match notice {
            Notice::Events(events) => events.len(),
            Notice::Handshake | Notice::Heartbeat => 0,
        };
        self.told.add("dead", dead);
        match told {
            Told::Taken => self.told.add("delivered", events),
            Told::Gone | Told::Failed(_) => {
                self.told.add("failed", events.saturating_sub(dead));
            }
        }
        Ok(*told == Told::Taken)
    }

    /// Gives a turn back and says when there is something to do next.
    ///
    /// # Errors
    /// Those of the database.
    pub fn end_turn(self: &Arc<Self>, turn: &Turn) -> Result<()> {
        let (principal, turn) = (service_principal(&turn.organization), turn.clone());
        self.write(&principal, move |unit| end_turn(unit, &turn))
    }

    /// Forgets what was told long ago; how much.
    ///
    /// # Errors
    /// Those of the database.
    pub fn forget_old_deliveries(self: &Arc<Self>) -> Result<usize> {
        let before = self.seam.now() - KEPT;
        self.db
            .write(move |tx| Ok(queries::deliveries::forget_older(tx, before)?))
    }
}

fn hand_out(tx: &mut Tx<'_>, seam: &dyn Outside, now: DateTime<Utc>) -> Result<usize> {
    let mut by_organization: BTreeMap<String, Vec<Event>> = BTreeMap::new();
    for event in queries::deliveries::oldest_events(tx, BATCH)? {
        let of = by_organization.entry(event.organization.clone());
        of.or_default().push(event);
    }
    let mut handed = 0;
    for (organization, events) in by_organization {
        for subscription in queries::subscriptions::all(tx, &organization)? {
            if subscription.listens() {
                number(tx, seam, &subscription, &events, now)?;
            }
        }
        let ids: Vec<Uuid> = events.iter().map(|event| event.id).collect();
        handed += queries::deliveries::remove_events(tx, &organization, &ids)?;
    }
    Ok(handed)
}

/// Numbers what a subscription is to be told of.
fn number(
    tx: &mut Tx<'_>,
    seam: &dyn Outside,
    one: &Subscription,
    events: &[Event],
    now: DateTime<Utc>,
) -> Result<()> {
    let is_wanted = |event: &&Event| {
        event.occurred_at >= one.created_at && one.interest.is_in(&event.happening)
    };
    let mut count = one.event_count;
    let new: Vec<Delivery> = events
        .iter()
        .filter(is_wanted)
        .map(|event| {
            count = count.saturating_add(1);
            Delivery {
                subscription: one.id,
                number: count,
                id: seam.new_id(),
                happening: event.happening.clone(),
                occurred_at: event.occurred_at,
                state: DeliveryState::Waiting,
                attempts: 0,
                next_attempt_at: Some(now),
                attempted_at: None,
                failure: None,
                created_at: now,
            }
        })
        .collect();
    if new.is_empty() {
        return Ok(());
    }
    queries::deliveries::add(tx, &one.organization, &new)?;
    // Whoever is at it looks again at the end of the turn, and an endpoint at which something failed is left to rest.
    let stays = one.turn.is_some() || (one.failures > 0 && one.due_at.is_some());
    let due = if stays { one.due_at } else { Some(now) };
    queries::subscriptions::note_events(tx, &one.organization, one.id, count, due)?;
    Ok(())
}

fn take(unit: &mut Unit<'_, '_>, turn: &Turn) -> Result<bool> {
    let found = queries::subscriptions::get(unit.tx, &turn.organization, turn.subscription);
    let mut one = match found {
        Ok(one) => one,
        Err(DbError::NotFound) => return Ok(false),
        Err(other) => return Err(other.into()),
    };
    if one.due_at.is_none_or(|due| due > unit.now) {
        return Ok(false);
    }
    one.turn = Some(turn.token);
    one.due_at = Some(unit.now + LEASE);
    queries::subscriptions::replace(unit.tx, &turn.organization, &one)?;
    Ok(true)
}

/// The subscription of a turn, unless the turn was lost.
fn held(unit: &mut Unit<'_, '_>, turn: &Turn) -> Result<Option<Subscription>> {
    match queries::subscriptions::get(unit.tx, &turn.organization, turn.subscription) {
        Ok(one) => Ok(Some(one).filter(|one| one.turn == Some(turn.token))),
        Err(DbError::NotFound) => Ok(None),
        Err(other) => Err(other.into()),
    }
}

fn is_over(one: &Subscription, now: DateTime<Utc>) -> bool {
    one.ends_at.is_some_and(|ends| ends <= now)
}

fn heartbeat_at(one: &Subscription) -> Option<DateTime<Utc>> {
    let silence = TimeDelta::seconds(i64::from(one.heartbeat_seconds?));
    Some(one.told_at.unwrap_or(one.created_at) + silence)
}

fn next_notice(unit: &mut Unit<'_, '_>, turn: &Turn) -> Result<Option<(Subscription, Notice)>> {
    let Some(one) = held(unit, turn)?.filter(|one| !is_over(one, unit.now)) else {
        return Ok(None);
    };
    let notice = match one.status {
        SubscriptionStatus::Requested => Some(Notice::Handshake),
        SubscriptionStatus::Active => {
            let most = u32::try_from(one.events_at_once).unwrap_or(1);
            let (organization, id) = (&turn.organization, turn.subscription);
            let events = queries::deliveries::due(unit.tx, organization, id, unit.now, most)?;
            let beats = heartbeat_at(&one).is_some_and(|at| at <= unit.now);
            match events.is_empty() {
                false => Some(Notice::Events(events)),
                true => beats.then_some(Notice::Heartbeat),
            }
        }
        SubscriptionStatus::Error | SubscriptionStatus::Off => None,
    };
    Ok(notice.map(|notice| (one, notice)))
}

/// Writes down what came of it; how much was given up, or `None` where the turn was lost.
fn note_told(
    unit: &mut Unit<'_, '_>,
    turn: &Turn,
    notice: &Notice,
    told: &Told,
) -> Result<Option<usize>> {
    let Some(mut one) = held(unit, turn)? else {
        return Ok(None);
    };
    one.due_at = Some(unit.now + LEASE);
    let dead = match told {
        Told::Taken => {
            taken(unit, &mut one, notice)?;
            0
        }
        Told::Gone => {
            end(&mut one, SubscriptionStatus::Off, SubscriptionReason::Gone);
            queries::deliveries::give_up(
                unit.tx,
                &turn.organization,
                one.id,
                "the endpoint answered 410: nobody is told there any more",
            )?
        }
        Told::Failed(why) => failed(unit, &mut one, notice, why)?,
    };
    keep(unit, &mut one)?;
    Ok(Some(dead))
}

/// Keeps a subscription; as another version where it is told no more, or is told from now on.
fn keep(unit: &mut Unit<'_, '_>, one: &mut Subscription) -> Result<()> {
    let before = queries::subscriptions::get(unit.tx, &one.organization, one.id)?;
    let changed = before.status != one.status;
    if changed {
        one.version = one.version.saturating_add(1);
        one.updated_at = unit.now;
    }
    queries::subscriptions::replace(unit.tx, &one.organization, one)?;
    if changed {
        queries::subscriptions::keep_topics(unit.tx, &one.organization, one)?;
    }
    Ok(())
}

fn taken(unit: &mut Unit<'_, '_>, one: &mut Subscription, notice: &Notice) -> Result<()> {
    one.failures = 0;
    one.told_at = Some(unit.now);
    match notice {
        Notice::Handshake => one.status = SubscriptionStatus::Active,
        Notice::Heartbeat => {}
        Notice::Events(events) => {
            for event in events {
                let attempted = Attempted {
                    state: DeliveryState::Delivered,
                    attempts: event.attempts.saturating_add(1),
                    next_attempt_at: None,
                    at: unit.now,
                    failure: None,
                };
                note_attempt(unit, one, event, &attempted)?;
            }
        }
    }
    Ok(())
}

fn note_attempt(
    unit: &mut Unit<'_, '_>,
    one: &Subscription,
    event: &Delivery,
    attempted: &Attempted,
) -> Result<()> {
    let organization = &one.organization;
    queries::deliveries::note_attempt(unit.tx, organization, one.id, event.number, attempted)?;
    Ok(())
}

/// How much was given up.
fn failed(
    unit: &mut Unit<'_, '_>,
    one: &mut Subscription,
    notice: &Notice,
    why: &str,
) -> Result<usize> {
    one.failures = one.failures.saturating_add(1);
    let events = match notice {
        Notice::Events(events) => events,
        Notice::Handshake => {
            if one.failures >= HANDSHAKES {
                let reason = SubscriptionReason::HandshakeFailed;
                end(one, SubscriptionStatus::Error, reason);
                let organization = &one.organization;
                return Ok(queries::deliveries::give_up(
                    unit.tx,
                    organization,
                    one.id,
                    NOT_TRIED,
                )?);
            }
            return Ok(0);
        }
        Notice::Heartbeat => return Ok(0),
    };
    let (mut dead, mut hopeless) = (0, false);
    for event in events {
        let attempts = event.attempts.saturating_add(1);
        let wait = wait_after(attempts, unit.app.seam.random());
        let state = if wait.is_some() {
            DeliveryState::Waiting
        } else {
            DeliveryState::Dead
        };
        if state == DeliveryState::Dead {
            dead += 1;
            // Nothing at all was taken in all the time in which this one was tried.
            hopeless |= one.told_at.is_none_or(|told| told < event.created_at);
        }
        let attempted = Attempted {
            state,
            attempts,
            next_attempt_at: wait.map(|wait| unit.now + wait),
            at: unit.now,
            failure: Some(why.to_owned()),
        };
        note_attempt(unit, one, event, &attempted)?;
    }
    if hopeless {
        let reason = SubscriptionReason::Failing;
        end(one, SubscriptionStatus::Error, reason);
        dead += queries::deliveries::give_up(unit.tx, &one.organization, one.id, NOT_TRIED)?;
    }
    Ok(dead)
}

fn end_turn(unit: &mut Unit<'_, '_>, turn: &Turn) -> Result<()> {
    let Some(mut one) = held(unit, turn)? else {
        return Ok(());
    };
    if one.listens() && is_over(&one, unit.now) {
        end(&mut one, SubscriptionStatus::Off, SubscriptionReason::Ended);
        queries::deliveries::give_up(unit.tx, &turn.organization, one.id, NOT_TRIED)?;
    }
    one.turn = None;
    let rested = match one.failures {
        0 => None,
        failures => Some(unit.now + rest_after(failures)),
    };
    one.due_at = match one.status {
        SubscriptionStatus::Requested => rested.or(Some(unit.now)),
        SubscriptionStatus::Active => {
            let waits = queries::deliveries::next_due(unit.tx, &turn.organization, one.id)?;
            let next = [waits, heartbeat_at(&one), one.ends_at];
            let next = next.into_iter().flatten().min();
            next.map(|next| rested.map_or(next, |rested| rested.max(next)))
        }
        SubscriptionStatus::Error | SubscriptionStatus::Off => None,
    };
    keep(unit, &mut one)
}
