//! Webhooks as Standard Webhooks has them: signed, with an id that stays the same with every attempt.

use super::send::Outgoing;
use crate::app::subscriptions::{Delivery, Subscription};
use crate::app::{Error, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, SecondsFormat, Utc};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Map, Value, json};
use sha2::Sha256;
use std::time::Duration;

/// How long an endpoint may take.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) fn outgoing(
    subscription: &Subscription,
    event: &Delivery,
    now: DateTime<Utc>,
) -> Result<Outgoing> {
    let secret = subscription
        .secret
        .as_deref()
        .and_then(|secret| STANDARD.decode(secret).ok())
        .ok_or_else(|| Error::internal("a webhook has no secret"))?;
    let body = body(subscription, event).to_string();
    let (id, seconds) = (format!("msg_{}", event.id.simple()), now.timestamp());
    let signature = signature(&secret, &id, seconds, &body);
    let headers = [
        ("content-type", "application/json".to_owned()),
        ("webhook-id", id),
        ("webhook-timestamp", seconds.to_string()),
        ("webhook-signature", format!("v1,{signature}")),
    ];
    Ok(Outgoing {
        url: subscription.url.clone(),
        headers: headers
            .map(|(name, value)| (name.to_owned(), value))
            .to_vec(),
        body,
        patience: PATIENCE,
    })
}

/// What happened, by ids alone.
fn body(subscription: &Subscription, event: &Delivery) -> Value {
    let happening = &event.happening;
    let mut data = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            data.insert(name.to_owned(), value);
        }
    };
    put("subscription_id", Some(json!(subscription.id)));
    put("number", Some(json!(event.number)));
    put("patient_id", Some(json!(happening.patient)));
    put("episode_id", Some(json!(happening.episode)));
    put("block_id", happening.block.map(|block| json!(block)));
    let target = happening.target;
    put("joint", target.map(|target| json!(target.joint.code())));
    put("side", target.map(|target| json!(target.side.code())));
    put(
        "profile",
        happening.profile.as_ref().map(|profile| json!(profile)),
    );
    json!({
        "type": happening.topic.code(),
        "timestamp": event.occurred_at.to_rfc3339_opts(SecondsFormat::AutoSi, true),
        "data": data,
    })
}

/// HMAC-SHA-256 of the id, the time and the body with points between them, in base64.
fn signature(secret: &[u8], id: &str, seconds: i64, body: &str) -> String {
    // The code takes keys of every length, so the other branch is never taken.
    let mut mac = Hmac::<Sha256>::new_from_slice(secret)
        .unwrap_or_else(|_| Hmac::<Sha256>::new(&Default::default()));
    mac.update(format!("{id}.{seconds}.{body}").as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_one_that_others_can_check() {
        // printf 'msg_1.1700000000.{}' | openssl dgst -sha256 -hmac Jefe -binary | base64
        let found = signature(b"Jefe", "msg_1", 1_700_000_000, "{}");
        assert_eq!(found, "/znRf2NDj89CWInaD6lrZNuat1XrfqqxwHGR//lzzVM=");
    }
}
