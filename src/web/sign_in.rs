//! Signing in and out.

use super::page::{Shell, page, page_with};
use crate::app::people::NewSession;
use crate::app::{Error, Result};
use crate::auth::Role;
use crate::auth::oidc::{Errand, OidcError, Provider};
use crate::http::{Access, Call, Endpoint, Parameter, ParameterKind, Reply, SESSION_COOKIE, State};
use actix_web::http::StatusCode;
use actix_web::http::header;
use askama::Template;
use serde::{Deserialize, Serialize};

/// The organization of the demonstration.
const DEMONSTRATION: &str = "demo";

/// The pages.
pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::page("/sign-in", "page_sign_in", Access::Public, show).query(Parameter::new(
            "next",
            ParameterKind::Text,
            "Where to go afterwards.",
        )),
        Endpoint::form("/sign-in", "form_sign_in", Access::Public, sign_in),
        // A link, not a form: the policy of the pages lets no form lead to another host.
        Endpoint::page("/sign-in/oidc", "page_to_provider", Access::Public, depart).query(
            Parameter::new("next", ParameterKind::Text, "Where to go afterwards."),
        ),
        Endpoint::page(
            "/sign-in/oidc/callback",
            "page_sign_in_oidc",
            Access::Public,
            arrive,
        )
        .query(Parameter::new(
            "code",
            ParameterKind::Text,
            "What the token is fetched with.",
        ))
        .query(Parameter::new(
            "state",
            ParameterKind::Text,
            "As it was sent.",
        ))
        .query(Parameter::new(
            "error",
            ParameterKind::Text,
            "What went wrong there.",
        ))
        .query(Parameter::new(
            "error_description",
            ParameterKind::Text,
            "In words.",
        ))
        .query(Parameter::new(
            "error_uri",
            ParameterKind::Text,
            "At length.",
        ))
        .query(Parameter::new(
            "iss",
            ParameterKind::Text,
            "Who answers (RFC 9207).",
        ))
        .query(Parameter::new(
            "session_state",
            ParameterKind::Text,
            "Not used here.",
        ))
        .query(Parameter::new(
            "scope",
            ParameterKind::Text,
            "Not used here.",
        )),
        Endpoint::form("/sign-out", "form_sign_out", Access::Public, sign_out),
    ]
}

/// One of the demonstration's people.
struct DemoPerson {
    login: String,
    name: String,
    role: String,
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInTemplate {
    shell: Shell,
    next: String,
    login: String,
    error: Option<String>,
    demonstration: Vec<DemoPerson>,
    provider: Option<String>,
    ehrs: Vec<EhrLink>,
}

/// A record system at which one can begin.
struct EhrLink {
    issuer: String,
    label: String,
}

fn form(state: &State, next: &str) -> Result<SignInTemplate> {
    let mut demonstration = Vec::new();
    if state.app.settings.sign_in.demonstration {
        for user in state.app.users_of(DEMONSTRATION)? {
            let role = Role::from_code(&user.role).map_or("", Role::code);
            demonstration.push(DemoPerson {
                login: user.login,
                name: user.display_name,
                role: role.replace('_', " "),
            });
        }
    }
    Ok(SignInTemplate {
        shell: Shell::open(),
        next: next.to_owned(),
        login: String::new(),
        error: None,
        demonstration,
        provider: state
            .app
            .settings
            .sign_in
            .provider
            .as_ref()
            .map(|provider| provider.label().to_owned()),
        ehrs: state
            .app
            .settings
            .smart
            .ehrs
            .iter()
            .map(|ehr| EhrLink {
                issuer: ehr.issuer().to_owned(),
                label: ehr.label().to_owned(),
            })
            .collect(),
    })
}

fn show(state: &State, call: &Call) -> Result<Reply> {
    let next = own_address(call.query("next").unwrap_or("/"));
    page(&form(state, next)?)
}

fn sign_in(state: &State, call: &Call) -> Result<Reply> {
    let form_fields = call.form()?;
    let typed = |name: &str| form_fields.get(name).unwrap_or_default();
    let next = own_address(typed("next"));
    let session = match form_fields.get("demonstration") {
        Some(login) => state.app.sign_in_to_demonstration(login),
        None => state.app.sign_in(typed("login"), typed("password")),
    };
    match session {
        Ok(session) => with_cookie(Reply::see_other(next)?, &session),
        Err(Error::Invalid(errors)) => {
            let mut template = form(state, next)?;
            template.login = typed("login").to_owned();
            template.error = errors.into_iter().next().map(|error| error.detail);
            page_with(StatusCode::UNPROCESSABLE_ENTITY, &template)
        }
        Err(other) => Err(other),
    }
}

/// With the cookie of a session.
pub(super) fn with_cookie(reply: Reply, session: &NewSession) -> Result<Reply> {
    // Without a lifetime of its own: it is gone when the browser is closed, and ends on the server in any case.
    let cookie = format!(
        "{SESSION_COOKIE}={}; Secure; HttpOnly; SameSite=Lax; Path=/",
        session.secret
    );
    reply.header(header::SET_COOKIE, &cookie)
}

/// The cookie that holds an errand to the identity provider.
const ERRAND_COOKIE: &str = "__Host-medial-sign-in";

/// An errand is given up after so many seconds.
pub(super) const ERRAND_SECONDS: i64 = 600;

/// What the browser carries there and back.
#[derive(Debug, Serialize, Deserialize)]
struct Carried {
    errand: Errand,
    next: String,
    since: i64,
}

/// What the errand is sealed for.
const SEALED_FOR: [&str; 1] = ["sign-in errand"];

fn provider_of(state: &State) -> Result<&Provider> {
    let provider = state.app.settings.sign_in.provider.as_deref();
    provider.ok_or(Error::NotFound { what: "page" })
}

/// Where the identity provider sends people back to.
fn way_back(state: &State) -> String {
    let url = state.app.settings.diary.public_url.trim_end_matches('/');
    format!("{url}/sign-in/oidc/callback")
}

/// Sends somebody to the identity provider.
fn depart(state: &State, call: &Call) -> Result<Reply> {
    let provider = provider_of(state)?;
    let now = state.seam.now();
    let carried = Carried {
        errand: Errand {
            state: state.app.errand_secret(),
            nonce: state.app.errand_secret(),
            verifier: state.app.errand_secret(),
        },
        next: own_address(call.query("next").unwrap_or("/")).to_owned(),
        since: now.timestamp(),
    };
    let address = match provider.address(&carried.errand, &way_back(state), now) {
        Ok(address) => address,
        Err(error) => return failed(state, &carried.next, &error),
    };
    let sealed = state
        .settings
        .cursor_key
        .seal(&SEALED_FOR, &carried)
        .map_err(|error| Error::Internal(error.into()))?;
    let cookie = format!(
        "{ERRAND_COOKIE}={sealed}; Secure; HttpOnly; SameSite=Lax; Path=/; Max-Age={ERRAND_SECONDS}"
    );
    Reply::see_other(&address)?.header(header::SET_COOKIE, &cookie)
}

/// Takes in somebody who comes back from there.
fn arrive(state: &State, call: &Call) -> Result<Reply> {
    let provider = provider_of(state)?;
    let now = state.seam.now();
    let carried: Option<Carried> = call
        .cookie(ERRAND_COOKIE)
        .and_then(|sealed| state.settings.cursor_key.open(&SEALED_FOR, sealed));
    let own = carried.filter(|carried| {
        let age = now.timestamp() - carried.since;
        Some(carried.errand.state.as_str()) == call.query("state")
            && (0..=ERRAND_SECONDS).contains(&age)
    });
    let Some(carried) = own else {
        let error = OidcError::Refused("it answers no errand of this browser".to_owned());
        return failed(state, "/", &error);
    };
    let Some(code) = call.query("code") else {
        let what = call.query("error").unwrap_or("no code came back");
        return failed(state, &carried.next, &OidcError::Refused(what.to_owned()));
    };
    match provider.identity(&carried.errand, code, &way_back(state), now) {
        Ok(identity) => {
            let session = state.app.sign_in_from(provider.issuer(), &identity)?;
            with_cookie(Reply::see_other(&carried.next)?, &session)
        }
        Err(error) => failed(state, &carried.next, &error),
    }
}

/// The page to sign in, with what went wrong there. What was said goes to the log: it may name somebody's account.
fn failed(state: &State, next: &str, error: &OidcError) -> Result<Reply> {
    tracing::warn!(%error, "signing in at the identity provider failed");
    let mut template = form(state, next)?;
    template.error = Some(match error {
        OidcError::NoAccess(what) => (*what).to_owned(),
        OidcError::Unavailable(_) => {
            "The identity provider does not answer as it ought to. Try again in a moment."
                .to_owned()
        }
        OidcError::Refused(_) => {
            "Signing in there did not come to its end. Begin again from this page.".to_owned()
        }
    });
    page_with(StatusCode::UNPROCESSABLE_ENTITY, &template)
}

fn sign_out(state: &State, call: &Call) -> Result<Reply> {
    if let Some(secret) = call.cookie(SESSION_COOKIE) {
        state.app.sign_out(secret)?;
    }
    let gone = format!("{SESSION_COOKIE}=; Secure; HttpOnly; SameSite=Lax; Path=/; Max-Age=0");
    Reply::see_other("/sign-in")?
        .header(header::SET_COOKIE, &gone)?
        // What a browser keeps of the pages goes with the session.
        .header(
            header::HeaderName::from_static("clear-site-data"),
            "\"cache\"",
        )
}

/// An address of our own: nobody is sent elsewhere by a link that somebody made.
fn own_address(next: &str) -> &str {
    let is_own = next.starts_with('/')
        && !next.starts_with("//")
        && !next.starts_with("/\\")
        && !next.starts_with("/sign-")
        && next.chars().all(|c| c.is_ascii_graphic());
    if is_own { next } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_sent_on_to_our_own_pages_only() {
        for own in ["/", "/patients/1?profile=a&target=left:L4-5", "/?tab=first"] {
            assert_eq!(own_address(own), own);
        }
        for other in [
            "",
            "https://elsewhere.test/",
            "//elsewhere.test",
            "/\\elsewhere.test",
            "javascript:alert(1)",
            "/a\r\nSet-Cookie: b=c",
            "/sign-out",
        ] {
            assert_eq!(own_address(other), "/", "{other}");
        }
    }
}
