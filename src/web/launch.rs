//! Coming from a record system: launched from there with a patient open, or from the page to sign in (SMART App Launch).

use super::page::{Shell, page_with};
use super::sign_in::{ERRAND_SECONDS, with_cookie};
use crate::app::{Result, patients};
use crate::auth::ehr::{Arrival, Ehr};
use crate::auth::oidc::{Errand, OidcError};
use crate::domain::patient::Identifier;
use crate::http::{Access, Call, Endpoint, Parameter, ParameterKind, Reply, State};
use actix_web::http::{StatusCode, header};
use askama::Template;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The pages. Record systems hand on more than SMART names, which is passed over.
pub(super) fn endpoints() -> Vec<Endpoint> {
    let text = |name, about| Parameter::new(name, ParameterKind::Text, about);
    vec![
        Endpoint::page("/launch", "page_launch", Access::Public, depart)
            .query(text("iss", "The record system."))
            .query(text("launch", "What it calls this launch."))
            .lenient(),
        Endpoint::page("/launch/callback", "page_launched", Access::Public, arrive)
            .query(text("code", "What the token is fetched with."))
            .query(text("state", "As it was sent."))
            .query(text("error", "What went wrong there."))
            .lenient(),
    ]
}

/// The cookie that holds an errand to a record system.
const COOKIE: &str = "__Host-medial-launch";

/// What an errand is sealed for.
const SEALED_FOR: [&str; 1] = ["launch errand"];

/// What the browser carries there and back.
#[derive(Debug, Serialize, Deserialize)]
struct Carried {
    errand: Errand,
    issuer: String,
    since: i64,
}

#[derive(Template)]
#[template(path = "launch.html")]
struct LaunchTemplate {
    shell: Shell,
    title: &'static str,
    detail: &'static str,
    to_worklist: bool,
}

fn told(
    status: StatusCode,
    title: &'static str,
    detail: &'static str,
    to_worklist: bool,
) -> Result<Reply> {
    page_with(
        status,
        &LaunchTemplate {
            shell: Shell::open(),
            title,
            detail,
            to_worklist,
        },
    )
}

/// The record system that calls itself so, where it is one of those that are configured.
fn ehr_of<'s>(state: &'s State, issuer: &str) -> Option<&'s Ehr> {
    let ehrs = &state.app.settings.smart.ehrs;
    ehrs.iter()
        .find(|ehr| ehr.is_called(issuer))
        .map(AsRef::as_ref)
}

fn way_back(state: &State) -> String {
    let url = state.app.settings.diary.public_url.trim_end_matches('/');
    format!("{url}/launch/callback")
}

/// Sends somebody to the record system.
fn depart(state: &State, call: &Call) -> Result<Reply> {
    let Some(ehr) = call.query("iss").and_then(|issuer| ehr_of(state, issuer)) else {
        return told(
            StatusCode::UNPROCESSABLE_ENTITY,
            "This record system is not known here",
            "Only record systems that whoever runs the service has configured can open these pages.",
            false,
        );
    };
    let now = state.seam.now();
    let carried = Carried {
        errand: Errand {
            state: state.app.errand_secret(),
            nonce: state.app.errand_secret(),
            verifier: state.app.errand_secret(),
        },
        issuer: ehr.issuer().to_owned(),
        since: now.timestamp(),
    };
    let address = match ehr.address(&carried.errand, call.query("launch"), &way_back(state), now) {
        Ok(address) => address,
        Err(error) => return failed(&error),
    };
    let sealed = state
        .settings
        .cursor_key
        .seal(&SEALED_FOR, &carried)
        .map_err(|error| crate::app::Error::Internal(error.into()))?;
    let cookie = format!(
        "{COOKIE}={sealed}; Secure; HttpOnly; SameSite=Lax; Path=/; Max-Age={ERRAND_SECONDS}"
    );
    Reply::see_other(&address)?.header(header::SET_COOKIE, &cookie)
}

/// Takes in somebody who comes back from there.
fn arrive(state: &State, call: &Call) -> Result<Reply> {
    let now = state.seam.now();
    let carried: Option<Carried> = call
        .cookie(COOKIE)
        .and_then(|sealed| state.settings.cursor_key.open(&SEALED_FOR, sealed));
    let own = carried.filter(|carried| {
        let age = now.timestamp().saturating_sub(carried.since);
        Some(carried.errand.state.as_str()) == call.query("state")
            && (0..=ERRAND_SECONDS).contains(&age)
    });
    let Some((carried, ehr)) =
        own.and_then(|carried| ehr_of(state, &carried.issuer).map(|ehr| (carried, ehr)))
    else {
        let what = "it answers no errand of this browser".to_owned();
        return failed(&OidcError::Refused(what));
    };
    let Some(code) = call.query("code") else {
        let what = call.query("error").unwrap_or("no code came back");
        return failed(&OidcError::Refused(what.to_owned()));
    };
    match ehr.arrival(&carried.errand, code, &way_back(state), now) {
        Ok(arrival) => admitted(state, ehr, &arrival),
        Err(error) => failed(&error),
    }
}

/// Signs in who came, and shows the patient who is open there.
fn admitted(state: &State, ehr: &Ehr, arrival: &Arrival) -> Result<Reply> {
    let session = state.app.sign_in_from(ehr.issuer(), &arrival.identity)?;
    let Some(identifiers) = &arrival.patient else {
        return with_cookie(Reply::see_other("/")?, &session);
    };
    let reply = match patient_of(state, &session.secret, identifiers)? {
        Some(patient) => Reply::see_other(&format!("/patients/{patient}"))?,
        None => told(
            StatusCode::NOT_FOUND,
            "This patient is not recorded here",
            "None of the identifiers that the record system has for the patient who is open there belongs to anybody in Medial. You are signed in.",
            true,
        )?,
    };
    with_cookie(reply, &session)
}

/// Our patient with one of these identifiers.
fn patient_of(
    state: &State,
    secret: &str,
    identifiers: &[(String, String)],
) -> Result<Option<Uuid>> {
    let Some(holder) = state.app.holder_of_session(secret)? else {
        return Ok(None);
    };
    let identifiers: Vec<Identifier> = identifiers
        .iter()
        .map(|(system, value)| Identifier {
            system: system.clone(),
            value: value.clone(),
        })
        .collect();
    let found = state.app.read(&holder.principal, |unit| {
        patients::find_by_identifiers(unit, &identifiers)
    })?;
    Ok(found.map(|patient| patient.id))
}

/// What went wrong. What was said goes to the log: it may name somebody's account.
fn failed(error: &OidcError) -> Result<Reply> {
    tracing::warn!(%error, "coming from a record system failed");
    let detail = match error {
        OidcError::NoAccess(what) => what,
        OidcError::Unavailable(_) => {
            "The record system does not answer as it ought to. Try again in a moment."
        }
        OidcError::Refused(_) => {
            "Signing in there did not come to its end. Open these pages again from the record system."
        }
    };
    told(
        StatusCode::UNPROCESSABLE_ENTITY,
        "You are not signed in",
        detail,
        false,
    )
}
