//! The parameters of an operation that searches: in an address, or as a Parameters resource.

use crate::app::{FieldError, Result};
use crate::fhir::outcome::{Severity, issue, outcome};
use crate::http::call::Call;
use crate::http::query::Query;
use crate::http::registry::Method;
use serde_json::{Value, json};

/// The parameters of a call, those of its body after those of its address.
pub(super) fn parameters(call: &Call) -> Result<Query> {
    let mut query = call.whole_query().clone();
    if call.method() == Method::Post {
        let sent = call.json().get("parameter").and_then(Value::as_array);
        for one in sent.into_iter().flatten() {
            let name = one.get("name").and_then(Value::as_str);
            let value = one.as_object().into_iter().flatten();
            let mut values = value.filter(|(field, _)| field.starts_with("value"));
            let text = values.next().and_then(|(_, value)| written(value));
            if let (Some(name), Some(text)) = (name, text) {
                query.push(name, &text);
            }
        }
    }
    Ok(query)
}

/// A value as it stands in an address.
fn written(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Object(fields) => fields
            .get("reference")
            .and_then(Value::as_str)
            .map(str::to_owned),
        Value::Null | Value::Array(_) => None,
    }
}

/// A number from 1 to `most`; more is taken as `most`.
pub(super) fn number(
    query: &Query,
    name: &'static str,
    most: u16,
    errors: &mut Vec<FieldError>,
) -> Option<u16> {
    let text = query.get(name)?;
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().unwrap_or(most).min(most);
    if !is_number || number == 0 {
        let detail = format!("A whole number from 1 to {most} is accepted.");
        errors.push(FieldError::new(
            format!("?{name}"),
            "invalid_parameter",
            detail,
        ));
        return None;
    }
    Some(number)
}

/// The parameters that were not understood, as an entry of a Bundle.
pub(super) fn passed_over(names: &[String]) -> Option<Value> {
    if names.is_empty() {
        return None;
    }
    let issues = names.iter().map(|name| {
        let text =
            format!("The parameter “{name}” is not known here, or has no value; it was ignored.");
        let place = format!("http.{name}");
        issue(Severity::Warning, "not-supported", &text, Some(&place))
    });
    let resource = outcome(issues.collect());
    Some(json!({"resource": resource, "search": {"mode": "outcome"}}))
}
