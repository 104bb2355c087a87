//! Signing in and out.

use super::page::{Shell, page, page_with};
use crate::app::people::NewSession;
use crate::app::{Error, Result};
use crate::auth::Role;
use crate::http::{Access, Call, Endpoint, Parameter, ParameterKind, Reply, SESSION_COOKIE, State};
use actix_web::http::StatusCode;
use actix_web::http::header;
use askama::Template;

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

fn with_cookie(reply: Reply, session: &NewSession) -> Result<Reply> {
    // Without a lifetime of its own: it is gone when the browser is closed, and ends on the server in any case.
    let cookie = format!(
        "{SESSION_COOKIE}={}; Secure; HttpOnly; SameSite=Lax; Path=/",
        session.secret
    );
    reply.header(header::SET_COOKIE, &cookie)
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
