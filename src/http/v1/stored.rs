//! What every answered record has beside its own fields, and what may come back with it when it is corrected.

use crate::app::{Error, FieldError, Result, Stored};
use crate::wire::scalar::{Id, Instant};
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

/// What the service keeps about every record.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(super) struct Kept {
    /// The record's id.
    pub id: Id,
    /// 1, and one more with every correction; also in `ETag`.
    pub version: i32,
    /// When it was first recorded.
    pub recorded_at: Instant,
    /// When it was last changed.
    pub updated_at: Instant,
}

impl<T> From<&Stored<T>> for Kept {
    fn from(stored: &Stored<T>) -> Kept {
        Kept {
            id: Id(stored.id),
            version: stored.version,
            recorded_at: utc(stored.recorded_at),
            updated_at: utc(stored.updated_at),
        }
    }
}

/// An instant of ours: in UTC.
pub(super) fn utc(instant: DateTime<Utc>) -> Instant {
    Instant(instant.fixed_offset())
}

/// A corrected body without the fields that the service sets, where they are as they were: who reads a record, changes
/// a field and sends it all back is not refused for what came with it.
///
/// # Errors
/// [`Error::Invalid`] for each of those fields that is not as it was.
fn without_read_only(body: &Value, current: &impl Serialize, read_only: &[&str]) -> Result<Value> {
    let Value::Object(sent) = body else {
        return Ok(body.clone());
    };
    let current = serde_json::to_value(current).map_err(|error| Error::Internal(error.into()))?;
    let mut writable = sent.clone();
    let mut errors = Vec::new();
    for name in read_only {
        let Some(value) = writable.remove(*name) else {
            continue;
        };
        if current.get(*name) != Some(&value) {
            let detail = "This field is set by the service; leave it out, or as it was.";
            errors.push(FieldError::new(format!("/{name}"), "read_only", detail));
        }
    }
    if errors.is_empty() {
        Ok(Value::Object(writable))
    } else {
        Err(Error::Invalid(errors))
    }
}

/// A correction as sent: the body to be read, and why.
#[derive(Debug)]
pub(super) struct Correction {
    /// The body without what the service sets.
    pub body: Value,
    /// Why it is corrected.
    pub reason: Option<String>,
}

/// Takes apart what was sent to correct `stored`, which is shown as `view`.
///
/// # Errors
/// [`Error::PreconditionFailed`] for another version than the current one; [`Error::Invalid`] for a field of the
/// service's that was changed, or a reason that is none.
pub(super) fn correction<T>(
    stored: &Stored<T>,
    version: i32,
    view: &impl Serialize,
    sent: &Value,
    read_only: &[&str],
) -> Result<Correction> {
    if stored.version != version {
        return Err(Error::PreconditionFailed {
            current: stored.version,
        });
    }
    let mut body = without_read_only(sent, view, read_only)?;
    let reason = reason(&mut body)?;
    Ok(Correction { body, reason })
}

/// The reason of a correction, taken out of its body.
///
/// # Errors
/// [`Error::Invalid`] where it is no text of 1 to 500 characters.
fn reason(body: &mut Value) -> Result<Option<String>> {
    let Some(value) = body
        .as_object_mut()
        .and_then(|fields| fields.remove("reason"))
    else {
        return Ok(None);
    };
    let text = match &value {
        Value::Null => return Ok(None),
        Value::String(text) => text.trim(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => "",
    };
    if (1..=500).contains(&text.chars().count()) {
        return Ok(Some(text.to_owned()));
    }
    Err(Error::field(
        "/reason",
        "invalid_reason",
        "Expected a text of 1 to 500 characters.",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_the_service_sets_may_come_back_as_it_was() {
        let current = json!({"id": "a", "version": 2, "value": 7});
        let sent = json!({"id": "a", "version": 2, "value": 3});
        let writable = without_read_only(&sent, &current, &["id", "version"]).unwrap();
        assert_eq!(writable, json!({"value": 3}));
    }

    #[test]
    fn what_the_service_sets_cannot_be_changed() {
        let current = json!({"id": "a", "version": 2});
        let sent = json!({"id": "b", "version": 3});
        let Err(Error::Invalid(errors)) = without_read_only(&sent, &current, &["id", "version"])
        else {
            panic!("accepted");
        };
        let told: Vec<&str> = errors.iter().map(|error| error.pointer.as_str()).collect();
        assert_eq!(told, ["/id", "/version"]);
    }

    #[test]
    fn a_reason_is_a_short_text() {
        let mut body = json!({"reason": " a slip of the keyboard ", "value": 3});
        assert_eq!(
            reason(&mut body).unwrap().as_deref(),
            Some("a slip of the keyboard")
        );
        assert_eq!(body, json!({"value": 3}));
        assert!(reason(&mut json!({"reason": ""})).is_err());
        assert!(reason(&mut json!({"reason": 5})).is_err());
    }
}
