//! Other systems are told of what happens. Several threads do it, so that an endpoint that lets one of them wait keeps
//! nobody else waiting; half of them stay away from endpoints at which something failed lately.

mod send;
mod webhook;

use super::Stop;
use crate::app::subscriptions::{Notice, Subscription, SubscriptionKind, Told, Turn};
use crate::app::{App, Error, Result};
use crate::fhir;
use send::{Outgoing, Sender};
use std::sync::Arc;
use std::time::Duration;

/// So many requests are sent in one turn; then others have theirs.
const IN_ONE_TURN: usize = 50;

/// Seconds that the endpoint of a FHIR subscription may take where it does not say.
const PATIENCE: i32 = 10;

/// Tells whoever is to be told something; how many requests that were.
///
/// # Errors
/// Those of the database.
pub fn run(app: &Arc<App>, stop: &Stop) -> Result<usize> {
    tell(app, false, &|| !stop.is_asked())
}

/// As [`run`], where nothing failed lately.
///
/// # Errors
/// Those of the database.
pub fn run_sound(app: &Arc<App>, stop: &Stop) -> Result<usize> {
    tell(app, true, &|| !stop.is_asked())
}

/// Tells whoever is to be told something, with `sound` only where nothing failed lately, as long as `go_on` says so; how
/// many requests that were.
///
/// # Errors
/// Those of the database.
pub fn tell(app: &Arc<App>, sound: bool, go_on: &dyn Fn() -> bool) -> Result<usize> {
    let mut told = 0;
    while go_on() {
        let Some(turn) = app.take_turn(sound)? else {
            break;
        };
        told += serve(app, &turn, go_on)?;
        app.end_turn(&turn)?;
    }
    Ok(told)
}

fn serve(app: &Arc<App>, turn: &Turn, go_on: &dyn Fn() -> bool) -> Result<usize> {
    let sender = Sender::new(app.settings.subscriptions);
    let mut told = 0;
    while told < IN_ONE_TURN && go_on() {
        let Some((subscription, notice)) = app.next_notice(turn)? else {
            break;
        };
        let outcome = match outgoing(app, &subscription, &notice) {
            Ok(outgoing) => sender.post(&outgoing),
            // A fault of ours, which must not keep others from being told.
            Err(error) => {
                tracing::error!(subscription = %subscription.id, %error, "a notification could not be written");
                Told::Failed("it could not be written".to_owned())
            }
        };
        if let Told::Failed(why) = &outcome {
            tracing::debug!(subscription = %subscription.id, why, "a notification was not taken");
        }
        told += 1;
        if !app.note_told(turn, &notice, &outcome)? {
            break;
        }
    }
    Ok(told)
}

fn outgoing(app: &Arc<App>, subscription: &Subscription, notice: &Notice) -> Result<Outgoing> {
    match (subscription.kind, notice) {
        (SubscriptionKind::Webhook, Notice::Events(events)) => {
            let [event] = events.as_slice() else {
                return Err(Error::internal("a webhook is told one thing at a time"));
            };
            webhook::outgoing(subscription, event, app.seam.now())
        }
        (SubscriptionKind::Webhook, Notice::Handshake | Notice::Heartbeat) => Err(Error::internal(
            "a webhook knows neither handshake nor heartbeat",
        )),
        (SubscriptionKind::Fhir, notice) => {
            let notification = fhir::subscription::notification(app, subscription, notice)?;
            let seconds = subscription.timeout_seconds.unwrap_or(PATIENCE);
            Ok(Outgoing {
                url: subscription.url.clone(),
                headers: notification.headers,
                body: notification.body,
                patience: Duration::from_secs(seconds.unsigned_abs().into()),
            })
        }
    }
}
