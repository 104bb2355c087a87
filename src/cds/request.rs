//! A call, read: every mistake in it is told at once.

use super::orders;
use super::reading::{Fields, Mistakes, invalid, wrong};
use super::services::{HookKind, ORDERS, PATIENT, Service};
use crate::app::cds::Occasion;
use crate::app::{Error, Result};
use serde_json::Value;
use uuid::Uuid;

/// A call that was read.
#[derive(Debug)]
pub(super) struct Hook {
    /// The call's own id.
    pub(super) instance: Uuid,
    /// The id of the patient at the client's FHIR server.
    pub(super) patient: String,
    /// What the clinician is doing.
    pub(super) occasion: Occasion,
    /// The patient, where it was prefetched.
    pub(super) prefetched: Option<Value>,
    /// Where more can be read, and with what.
    pub(super) access: Option<FhirAccess>,
}

/// Where more can be read, and with what.
pub(super) struct FhirAccess {
    /// The FHIR server.
    pub(super) server: String,
    /// The access token.
    pub(super) token: String,
}

impl std::fmt::Debug for FhirAccess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FhirAccess(…)")
    }
}

/// Reads a call of `service`.
///
/// # Errors
/// [`Error::Invalid`] with every field that is wrong.
pub(super) fn read(service: &Service, body: &Value) -> Result<Hook> {
    let mut mistakes = Mistakes::new();
    let hook = read_all(service, body, &mut mistakes);
    match hook {
        Some(hook) if mistakes.is_empty() => Ok(hook),
        _ => Err(Error::Invalid(mistakes)),
    }
}

fn read_all(service: &Service, body: &Value, mistakes: &mut Mistakes) -> Option<Hook> {
    let fields = Fields::of(body, "", mistakes);
    let name = fields.needed_text("hook", mistakes);
    if name.is_some_and(|name| name != service.hook.name()) {
        let detail = format!("This service answers {}.", service.hook.name());
        invalid(mistakes, "/hook", "other_hook", &detail);
    }
    let instance = fields.needed_id("hookInstance", mistakes);
    let access = read_access(&fields, mistakes);
    let context = fields
        .needed("context", mistakes)
        .map(|context| Fields::of(context, "/context", mistakes));
    let prefetch = fields.object("prefetch", mistakes);
    let patient = context
        .as_ref()
        .and_then(|context| read_people(context, mistakes));
    let prefetched = prefetch
        .as_ref()
        .and_then(|prefetch| read_patient(prefetch, patient, mistakes));
    let occasion = context
        .as_ref()
        .and_then(|context| read_occasion(service.hook, context, prefetch.as_ref(), mistakes));
    Some(Hook {
        instance: instance?,
        patient: patient?.to_owned(),
        occasion: occasion?,
        prefetched,
        access,
    })
}

/// The id of the patient, after a look at who else is named.
fn read_people<'v>(context: &Fields<'v>, mistakes: &mut Mistakes) -> Option<&'v str> {
    let user = context.needed_text("userId", mistakes);
    let is_reference = |user: &str| {
        user.split_once('/')
            .is_some_and(|(kind, id)| !kind.is_empty() && is_fhir_id(id))
    };
    if user.is_some_and(|user| !is_reference(user)) {
        let detail = "Expected a type and an id, as Practitioner/123.";
        invalid(mistakes, context.at("userId"), "invalid_reference", detail);
    }
    let check = |name: &str, id: Option<&'v str>, mistakes: &mut Mistakes| {
        let fits = id.is_none_or(is_fhir_id);
        if !fits {
            let detail = "Expected the id of a FHIR resource: 1 to 64 letters, digits, - and .";
            invalid(mistakes, context.at(name), "invalid_id", detail);
        }
        id.filter(|_| fits)
    };
    let encounter = context.text("encounterId", mistakes);
    check("encounterId", encounter, mistakes);
    let patient = context.needed_text("patientId", mistakes);
    check("patientId", patient, mistakes)
}

fn is_fhir_id(text: &str) -> bool {
    let allowed = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'.');
    (1..=64).contains(&text.len()) && text.bytes().all(allowed)
}

fn read_access(fields: &Fields<'_>, mistakes: &mut Mistakes) -> Option<FhirAccess> {
    let server = fields.text("fhirServer", mistakes);
    let is_web = |server: &str| server.starts_with("https://") || server.starts_with("http://");
    if server.is_some_and(|server| !is_web(server)) {
        let detail = "Expected the https address of a FHIR server.";
        invalid(mistakes, "/fhirServer", "invalid_url", detail);
    }
    let authorization = fields.object("fhirAuthorization", mistakes)?;
    if fields.get("fhirServer").is_none() {
        let detail = "This field is required beside fhirAuthorization.";
        invalid(mistakes, "/fhirServer", "required", detail);
    }
    let token = authorization.needed_text("access_token", mistakes);
    let kind = authorization.needed_text("token_type", mistakes);
    if kind.is_some_and(|kind| !kind.eq_ignore_ascii_case("bearer")) {
        let at = authorization.at("token_type");
        invalid(mistakes, at, "unknown_value", "Expected Bearer.");
    }
    let expires = authorization.needed("expires_in", mistakes);
    if expires.is_some_and(|seconds| seconds.as_u64().is_none()) {
        let detail = "Expected a whole number of seconds.";
        wrong(mistakes, &authorization.at("expires_in"), detail);
    }
    authorization.needed_text("scope", mistakes);
    authorization.needed_text("subject", mistakes);
    Some(FhirAccess {
        server: server?.to_owned(),
        token: token?.to_owned(),
    })
}

/// The prefetched patient; none where the client could not prefetch it.
fn read_patient(
    prefetch: &Fields<'_>,
    patient: Option<&str>,
    mistakes: &mut Mistakes,
) -> Option<Value> {
    let value = prefetch.get(PATIENT)?;
    let kind = value.get("resourceType").and_then(Value::as_str);
    // What a client sends in the place of what it could not prefetch.
    if kind == Some("OperationOutcome") {
        return None;
    }
    if kind != Some("Patient") {
        wrong(mistakes, &prefetch.at(PATIENT), "Expected a Patient.");
        return None;
    }
    let id = value.get("id").and_then(Value::as_str);
    if id.is_some() && patient.is_some() && id != patient {
        let at = format!("{}/id", prefetch.at(PATIENT));
        let detail = "This is another patient than the one of the context.";
        invalid(mistakes, at, "other_patient", detail);
    }
    Some(value.clone())
}

fn read_occasion(
    hook: HookKind,
    context: &Fields<'_>,
    prefetch: Option<&Fields<'_>>,
    mistakes: &mut Mistakes,
) -> Option<Occasion> {
    match hook {
        HookKind::PatientView => Some(Occasion::View),
        HookKind::OrderSelect => {
            let selections = context
                .needed("selections", mistakes)
                .and_then(|_| context.list("selections", mistakes))
                .map(|list| texts(list, &context.at("selections"), mistakes));
            let resources = drafts(context, mistakes)?;
            let selections = selections?;
            let chosen = resources
                .into_iter()
                .filter(|one| selections.iter().any(|selection| one.is(selection)));
            Some(Occasion::Order(orders::ordered(chosen)))
        }
        HookKind::OrderSign => {
            let resources = drafts(context, mistakes)?;
            Some(Occasion::Order(orders::ordered(resources.into_iter())))
        }
        HookKind::AppointmentBook => {
            let booked = context.needed("appointments", mistakes)?;
            let booked = orders::resources(booked, &context.at("appointments"), mistakes)?;
            let known = prefetch
                .and_then(|prefetch| prefetch.get(ORDERS))
                .and_then(|bundle| orders::resources(bundle, "", &mut Mistakes::new()))
                .unwrap_or_default();
            Some(Occasion::Order(orders::booked(&booked, &known)))
        }
    }
}

fn drafts<'v>(context: &Fields<'v>, mistakes: &mut Mistakes) -> Option<Vec<orders::Resource<'v>>> {
    let drafts = context.needed("draftOrders", mistakes)?;
    orders::resources(drafts, &context.at("draftOrders"), mistakes)
}

fn texts<'v>(list: &'v [Value], at: &str, mistakes: &mut Mistakes) -> Vec<&'v str> {
    let mut texts = Vec::new();
    for (place, value) in list.iter().enumerate() {
        match value.as_str() {
            Some(text) => texts.push(text),
            None => wrong(mistakes, &format!("{at}/{place}"), "Expected a text."),
        }
    }
    texts
}
