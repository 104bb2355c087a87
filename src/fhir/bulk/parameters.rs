//! The parameters of a request, as its address has them or as a Parameters resource does.

use crate::http::call::Call;
use serde_json::{Map, Value};

/// A parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Given {
    /// Its name.
    pub name: String,
    /// Its value as a text; that of a reference is what it refers to.
    pub value: String,
    /// Where it stands, as an OperationOutcome says it.
    pub place: String,
    /// Whether it came as a reference.
    pub is_reference: bool,
}

/// Something that is wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    /// Of the value set `issue-type`.
    pub code: &'static str,
    /// What is wrong.
    pub text: String,
    /// Where.
    pub place: String,
    /// Whether a lenient request goes on without it.
    pub can_be_passed_over: bool,
}

impl Fault {
    /// A value that means nothing.
    pub(super) fn of_value(given: &Given, text: impl Into<String>) -> Fault {
        Fault {
            code: "value",
            text: format!("{}: {}", given.name, text.into()),
            place: given.place.clone(),
            can_be_passed_over: false,
        }
    }

    /// Something that there is not here.
    pub(super) fn unsupported(given: &Given, text: impl Into<String>) -> Fault {
        Fault {
            code: "not-supported",
            can_be_passed_over: true,
            ..Fault::of_value(given, text)
        }
    }

    /// Something that is not there, or not for who asks.
    pub(super) fn out_of_reach(
        code: &'static str,
        given: &Given,
        text: impl Into<String>,
    ) -> Fault {
        Fault {
            code,
            ..Fault::unsupported(given, text)
        }
    }
}

/// What says in which form the answer comes, and nothing about the export.
const OF_THE_ANSWER: [&str; 2] = ["_format", "_pretty"];

/// The parameters of a request.
///
/// # Errors
/// What is wrong with the body.
pub(super) fn given(call: &Call) -> Result<Vec<Given>, Vec<Fault>> {
    let query = call.whole_query().without(&OF_THE_ANSWER);
    let mut all: Vec<Given> = query
        .pairs()
        .map(|(name, value)| Given {
            name: name.to_owned(),
            value: value.to_owned(),
            place: format!("http.{name}"),
            is_reference: false,
        })
        .collect();
    if let Value::Object(body) = call.json() {
        all.extend(of_body(body)?);
    } else if !call.json().is_null() {
        return Err(vec![malformed(
            "Parameters",
            "Expected a Parameters resource.",
        )]);
    }
    Ok(all)
}

fn malformed(place: &str, text: &str) -> Fault {
    Fault {
        code: "structure",
        text: text.to_owned(),
        place: place.to_owned(),
        can_be_passed_over: false,
    }
}

fn of_body(body: &Map<String, Value>) -> Result<Vec<Given>, Vec<Fault>> {
    if body.get("resourceType").and_then(Value::as_str) != Some("Parameters") {
        return Err(vec![malformed(
            "Parameters",
            "Expected a Parameters resource.",
        )]);
    }
    let parameters = match body.get("parameter") {
        None => return Ok(Vec::new()),
        Some(Value::Array(parameters)) => parameters,
        Some(_) => return Err(vec![malformed("Parameters.parameter", "Expected a list.")]),
    };
    let (mut all, mut faults) = (Vec::new(), Vec::new());
    for (number, parameter) in parameters.iter().enumerate() {
        let place = format!("Parameters.parameter[{number}]");
        match one(parameter, &place) {
            Some(given) => all.push(given),
            None => faults.push(malformed(
                &place,
                "A parameter has a name and one value: a text, an instant, a yes or no, or a reference.",
            )),
        }
    }
    if faults.is_empty() {
        Ok(all)
    } else {
        Err(faults)
    }
}

fn one(parameter: &Value, place: &str) -> Option<Given> {
    let fields = parameter.as_object()?;
    let name = fields.get("name")?.as_str()?;
    let mut values = fields
        .iter()
        .filter(|(field, _)| field.starts_with("value"));
    let ((field, value), None) = (values.next()?, values.next()) else {
        return None;
    };
    let is_reference = field == "valueReference";
    let text = match value {
        Value::Object(reference) if is_reference => {
            reference.get("reference")?.as_str()?.to_owned()
        }
        Value::String(text) if !is_reference => text.clone(),
        Value::Bool(yes) => yes.to_string(),
        _ => return None,
    };
    Some(Given {
        name: name.to_owned(),
        value: text,
        place: place.to_owned(),
        is_reference,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(body: Value) -> Result<Vec<Given>, Vec<Fault>> {
        of_body(body.as_object().unwrap())
    }

    #[test]
    fn texts_instants_and_references_are_read() {
        let all = read(json!({"resourceType": "Parameters", "parameter": [
            {"name": "_type", "valueString": "Patient"},
            {"name": "_since", "valueInstant": "2026-01-01T00:00:00Z"},
            {"name": "patient", "valueReference": {"reference": "Patient/1"}},
            {"name": "allowPartialManifests", "valueBoolean": true},
        ]}))
        .unwrap();
        let texts: Vec<&str> = all.iter().map(|one| one.value.as_str()).collect();
        assert_eq!(
            texts,
            ["Patient", "2026-01-01T00:00:00Z", "Patient/1", "true"]
        );
        assert!(all[2].is_reference && !all[0].is_reference);
        assert_eq!(all[2].place, "Parameters.parameter[2]");
    }

    #[test]
    fn every_parameter_that_cannot_be_read_is_named() {
        let faults = read(json!({"resourceType": "Parameters", "parameter": [
            {"name": "_type"},
            {"valueString": "Patient"},
            {"name": "_type", "valueString": "Patient", "valueCode": "Patient"},
            {"name": "_type", "valueString": "Patient"},
            {"name": "patient", "valueReference": {"display": "somebody"}},
            7,
        ]}))
        .unwrap_err();
        let places: Vec<&str> = faults.iter().map(|one| one.place.as_str()).collect();
        let expected = [0, 1, 2, 4, 5].map(|number| format!("Parameters.parameter[{number}]"));
        assert_eq!(places, expected);
        for other in [json!({"resourceType": "Patient"}), json!({"parameter": []})] {
            assert!(read(other).is_err());
        }
    }
}
