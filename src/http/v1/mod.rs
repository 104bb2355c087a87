//! The native API, one file to a noun. Each has `endpoints()`, and here they come together.

mod ablations;
mod adverse_events;
pub mod analytics;
mod audit;
mod blocks;
pub mod candidates;
mod cds_feedback;
mod determinations;
mod diary;
mod episodes;
mod evaluate;
pub mod evidence;
mod examples;
mod exports;
mod patients;
mod profiles;
mod scores;
mod stored;
mod subscriptions;
mod timeline;

use super::call::Call;
use super::registry::Endpoint;
use super::reply::{KeptReply, Reply};
use super::state::State;
use crate::app::{Error, FieldError, KeptAnswer, OnceKey, Page, Replay, Result, Unit};
use chrono::NaiveDate;
use serde::Serialize;
use uuid::Uuid;

/// Every endpoint of the native API, in the order of the document.
#[must_use]
pub fn endpoints() -> Vec<Endpoint> {
    let nouns = [
        patients::endpoints(),
        episodes::endpoints(),
        determinations::endpoints(),
        evidence::endpoints(),
        blocks::endpoints(),
        scores::endpoints(),
        diary::endpoints(),
        ablations::endpoints(),
        adverse_events::endpoints(),
        candidates::endpoints(),
        profiles::endpoints(),
        evaluate::endpoints(),
        exports::endpoints(),
        analytics::endpoints(),
        cds_feedback::endpoints(),
        subscriptions::endpoints(),
        audit::endpoints(),
    ];
    nouns.into_iter().flatten().collect()
}

impl Replay for Reply {
    fn keep(&self) -> Option<KeptAnswer> {
        let kept = self.kept()?;
        Some(KeptAnswer {
            status: kept.status,
            headers: kept.headers,
            body: String::from_utf8(kept.body).ok()?,
        })
    }

    fn again(kept: KeptAnswer) -> Result<Reply> {
        Reply::again(KeptReply {
            status: kept.status,
            headers: kept.headers,
            body: kept.body.into_bytes(),
        })
    }
}

/// Does the work of a `POST` in one write transaction, once for each `Idempotency-Key`.
fn once(
    state: &State,
    call: &Call,
    work: impl Fn(&mut Unit<'_, '_>) -> Result<Reply> + Send + Sync + 'static,
) -> Result<Reply> {
    let key = call.idempotency().map(|idempotency| OnceKey {
        key: idempotency.key,
        fingerprint: idempotency.fingerprint,
    });
    state.app.write_once(call.principal()?, key, work)
}

/// Does the work of a `PUT` or `DELETE` in one write transaction.
fn change(
    state: &State,
    call: &Call,
    work: impl Fn(&mut Unit<'_, '_>) -> Result<Reply> + Send + Sync + 'static,
) -> Result<Reply> {
    state.app.write(call.principal()?, work)
}

/// Does the work of a `GET` on one unchanging view of the database.
fn look(
    state: &State,
    call: &Call,
    work: impl FnOnce(&mut Unit<'_, '_>) -> Result<Reply>,
) -> Result<Reply> {
    state.app.read(call.principal()?, work)
}

/// Every error that `check` finds in a body that could be read.
fn checked(check: impl FnOnce(&mut Vec<FieldError>)) -> Result<()> {
    let mut errors = Vec::new();
    check(&mut errors);
    if errors.is_empty() {
        Ok(())
    } else {
        Err(Error::Invalid(errors))
    }
}

/// The latest day that it is anywhere on earth.
fn latest_day(state: &State) -> NaiveDate {
    crate::wire::block::latest_day(state.seam.now())
}

/// A page of records that are listed by their ids.
fn page<T, V: Serialize>(
    call: &Call,
    page: &Page<T>,
    view: impl Fn(&T) -> V,
    id: impl Fn(&T) -> Uuid,
    count: Option<i64>,
) -> Result<Reply> {
    let next = page.items.last().filter(|_| page.more).map(id);
    let items = page.items.iter().map(view).collect();
    call.page_reply(items, next.as_ref(), whole(count)?)
}

/// A count as it is shown.
fn whole(count: Option<i64>) -> Result<Option<u64>> {
    count
        .map(|count| u64::try_from(count).map_err(|error| Error::Internal(error.into())))
        .transpose()
}

/// Says so where a field that this endpoint needs was left out.
fn required<T>(field: &Option<T>, pointer: &str, errors: &mut Vec<FieldError>) {
    if field.is_none() {
        errors.push(FieldError::new(
            pointer,
            "required",
            "This field is required.",
        ));
    }
}
