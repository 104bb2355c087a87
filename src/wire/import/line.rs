//! A case with its patient, as JSON.

use crate::wire::block::{CLOCK_TOLERANCE, ordered};
use crate::wire::case::CaseBody;
use crate::wire::errors::FieldError;
use chrono::{DateTime, Utc};
use serde_json::Value;

/// Why a line is no record.
pub type LineError = Vec<FieldError>;

/// Reads one line of JSON as a case that is to be recorded.
///
/// # Errors
/// Everything that is wrong with it.
pub fn read_line(line: &[u8], now: DateTime<Utc>) -> Result<CaseBody, LineError> {
    let text = std::str::from_utf8(line).map_err(|error| not_utf8(error.valid_up_to()))?;
    let value: Value = serde_json::from_str(text).map_err(|error| not_json(&error))?;
    read_case(value, now)
}

/// What to say of bytes that are no UTF-8; `valid` bytes before them are.
pub(super) fn not_utf8(valid: usize) -> LineError {
    let place = valid + 1;
    let detail = format!("Byte {place} of this line is not UTF-8; save the file as UTF-8.");
    vec![FieldError::new("", "not_utf8", detail)]
}

fn not_json(error: &serde_json::Error) -> LineError {
    let (code, detail) = if error.is_eof() {
        let detail = "The line ends in the middle of a JSON value: it was cut off, or its record goes on in the next line. \
                      Write each record in one line.";
        ("truncated", detail.to_owned())
    } else {
        let column = error.column();
        (
            "not_json",
            format!("This is not JSON, from column {column} on."),
        )
    };
    vec![FieldError::new("", code, detail)]
}

/// Reads a case that is to be recorded: with its patient, and with nothing in the future.
///
/// # Errors
/// Every invalid field.
pub fn read_case(value: Value, now: DateTime<Utc>) -> Result<CaseBody, LineError> {
    let names_a_patient = value
        .get("patient")
        .is_some_and(|patient| !patient.is_null());
    let is_an_object = value.is_object();
    let mut errors = Vec::new();
    if is_an_object && !names_a_patient {
        let detail = "An import needs the patient.";
        errors.push(FieldError::new("/patient", "required", detail));
    }
    let body = match CaseBody::read(value) {
        Ok(body) => body,
        Err(malformed) => {
            errors.extend(malformed);
            return Err(ordered(errors));
        }
    };
    check_patient(&body, now, &mut errors);
    check_times(&body, now, &mut errors);
    if errors.is_empty() {
        Ok(body)
    } else {
        Err(ordered(errors))
    }
}

fn check_patient(body: &CaseBody, now: DateTime<Utc>, errors: &mut Vec<FieldError>) {
    let Some(patient) = &body.patient else { return };
    patient.check("/patient", latest_day(now), errors);
}

/// The last day that is not in the future somewhere on the globe.
fn latest_day(now: DateTime<Utc>) -> chrono::NaiveDate {
    now.date_naive().succ_opt().unwrap_or(now.date_naive())
}

/// A case to be judged may lie in the future, as a what-if; one to be recorded may not.
fn check_times(body: &CaseBody, now: DateTime<Utc>, errors: &mut Vec<FieldError>) {
    let (latest, today) = (now + CLOCK_TOLERANCE, latest_day(now));
    body.episode.check("/episode", today, errors);
    for (place, block) in body.blocks.iter().flatten().enumerate() {
        if block.performed_at.0 > latest {
            let pointer = format!("/blocks/{place}/performed_at");
            let detail = "The block lies in the future.";
            errors.push(FieldError::new(pointer, "in_future", detail));
        }
        for (row, score) in block.scores.iter().flatten().enumerate() {
            if score.taken_at.0 > latest {
                let pointer = format!("/blocks/{place}/scores/{row}/taken_at");
                let detail = "The score lies in the future.";
                errors.push(FieldError::new(pointer, "in_future", detail));
            }
        }
    }
    for (place, ablation) in body.ablations.iter().flatten().enumerate() {
        ablation.check(&format!("/ablations/{place}"), today, errors);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn now() -> DateTime<Utc> {
        "2025-10-06T12:00:00Z".parse().unwrap()
    }

    fn found(line: &[u8]) -> Vec<(String, &'static str)> {
        let errors = read_line(line, now()).expect_err("is refused");
        errors
            .into_iter()
            .map(|error| (error.pointer, error.code))
            .collect()
    }

    #[test]
    fn what_is_no_record_is_told_in_one_word() {
        let at_root = |code| [(String::new(), code)];
        assert_eq!(found(b"{\"patient\": {"), at_root("truncated"));
        assert_eq!(found(b"nonsense"), at_root("not_json"));
        assert_eq!(found(b"{\"a\": \"\xff\"}"), at_root("not_utf8"));
        assert_eq!(found(b"[]"), at_root("wrong_type"));
    }

    #[test]
    fn the_patient_is_needed_and_nothing_lies_in_the_future() {
        let episode = json!({"region": "lumbar", "onset_date": "2025-10-08"});
        let without = json!({"episode": episode});
        assert_eq!(
            found(without.to_string().as_bytes()),
            [
                ("/patient".to_owned(), "required"),
                ("/episode/onset_date".to_owned(), "in_future")
            ]
        );
        let future = json!({
            "patient": {"identifiers": [{"system": "urn:synthetic", "value": "1"}], "birth_date": "2030-01-01"},
            "episode": {"region": "lumbar"},
            "blocks": [{
                "performed_at": "2025-10-07T09:00:00Z", "kind": "diagnostic", "technique": "medial_branch",
                "joints": ["L4-5"], "side": "left",
                "scores": [{"taken_at": "2025-10-07T09:10:00Z", "scale": "nrs", "value": 3}]
            }],
            "ablations": [{"performed_on": "2025-11-01", "joints": ["L4-5"], "side": "left"}]
        });
        let pointers: Vec<String> = found(future.to_string().as_bytes())
            .into_iter()
            .map(|(pointer, _)| pointer)
            .collect();
        assert_eq!(
            pointers,
            [
                "/patient/birth_date",
                "/blocks/0/performed_at",
                "/blocks/0/scores/0/taken_at",
                "/ablations/0/performed_on"
            ]
        );
    }
}
