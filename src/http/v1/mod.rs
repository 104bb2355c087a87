//! The native API, one file to a noun. Each has `endpoints()`, and here they come together.

mod exports;

use super::call::Call;
use super::registry::Endpoint;
use super::reply::{KeptReply, Reply};
use super::state::State;
use crate::app::{KeptAnswer, OnceKey, Replay, Result, Unit};

/// Every endpoint of the native API, in the order of the document.
#[must_use]
pub fn endpoints() -> Vec<Endpoint> {
    let nouns = [exports::endpoints()];
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
