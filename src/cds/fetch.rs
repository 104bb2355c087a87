//! The patient's identifiers: from what was prefetched, else from the client's FHIR server.

use super::request::{FhirAccess, Hook};
use crate::app::Result;
use crate::auth::Caller;
use crate::domain::patient::Identifier;
use serde_json::Value;
use std::time::Duration;

/// For everything from the name look-up to the last byte: a clinician waits.
const PATIENCE: Duration = Duration::from_secs(3);

/// Largest patient that is read, in bytes.
const LARGEST: u64 = 1024 * 1024;

/// The identifiers of the patient that a call is about; `None` where the patient cannot be had.
pub(super) fn identifiers(caller: &Caller, hook: &Hook) -> Result<Option<Vec<Identifier>>> {
    if let Some(patient) = &hook.prefetched {
        return Ok(Some(of_patient(patient)));
    }
    let Some(access) = &hook.access else {
        return Ok(None);
    };
    // Nothing is fetched from where a call alone says so: it could lead into our own network.
    let Some(server) = caller.fhir_server(&access.server) else {
        tracing::warn!("a call names a FHIR server that is not registered for its client");
        return Ok(None);
    };
    match fetch(server, access, &hook.patient) {
        Ok(patient) => Ok(Some(of_patient(&patient))),
        Err(why) => {
            tracing::warn!(why, "a patient was not fetched from a client's FHIR server");
            Ok(None)
        }
    }
}

fn fetch(server: &str, access: &FhirAccess, id: &str) -> std::result::Result<Value, &'static str> {
    // No redirects: they could take the token elsewhere.
    let settings = ureq::Agent::config_builder()
        .timeout_global(Some(PATIENCE))
        .max_redirects(0)
        .https_only(server.starts_with("https://"))
        .http_status_as_error(false)
        .accept("application/fhir+json, application/json");
    let agent: ureq::Agent = settings.build().new_agent();
    let mut response = agent
        .get(format!("{server}/Patient/{id}"))
        .header("Authorization", format!("Bearer {}", access.token))
        .call()
        .map_err(|_| "it did not answer in time")?;
    if response.status() != ureq::http::StatusCode::OK {
        return Err("it answered with another status than 200");
    }
    let bytes = response
        .body_mut()
        .with_config()
        .limit(LARGEST)
        .read_to_vec()
        .map_err(|_| "its answer broke off or is too large")?;
    let patient: Value = serde_json::from_slice(&bytes).map_err(|_| "its answer is not JSON")?;
    let is = |name: &str, wanted: &str| patient.get(name).and_then(Value::as_str) == Some(wanted);
    if !is("resourceType", "Patient") || !is("id", id) {
        return Err("its answer is not the patient who was asked for");
    }
    Ok(patient)
}

/// Those identifiers of a FHIR Patient that say who issued them.
fn of_patient(patient: &Value) -> Vec<Identifier> {
    let listed = patient.get("identifier").and_then(Value::as_array);
    let text = |value: &Value, name: &str| {
        let text = value.get(name)?.as_str()?.trim();
        (!text.is_empty()).then(|| text.to_owned())
    };
    listed
        .into_iter()
        .flatten()
        .filter(|one| one.get("use").and_then(Value::as_str) != Some("old"))
        .filter_map(|one| {
            Some(Identifier {
                system: text(one, "system")?,
                value: text(one, "value")?,
            })
        })
        .collect()
}
