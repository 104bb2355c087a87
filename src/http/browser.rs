//! What is particular to requests that a browser makes for a person: the session cookie, forms, and the way to sign in.

use super::authenticate::Session;
use super::call::CallBody;
use super::problem::{Kind, Problem};
use super::query::Query;
use crate::auth::Action;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap, HeaderName};
use actix_web::{HttpRequest, HttpResponse};
use sha2::{Digest, Sha256};

/// The cookie with the secret of a session. Its prefix binds it to this host, to TLS and to no narrower path.
pub const SESSION_COOKIE: &str = "__Host-medial";

/// The field of a form that no other site can know.
const TOKEN_FIELD: &str = "csrf";

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Every cookie of a request.
pub(super) fn cookies(request: &HttpRequest) -> Vec<(String, String)> {
    let Ok(cookies) = request.cookies() else {
        return Vec::new();
    };
    cookies
        .iter()
        .map(|cookie| (cookie.name().to_owned(), cookie.value().to_owned()))
        .collect()
}

/// The secret of the session.
pub(super) fn session_cookie(request: &HttpRequest) -> Option<String> {
    let cookie = request.cookie(SESSION_COOKIE)?;
    Some(cookie.value().to_owned()).filter(|value| !value.is_empty())
}

/// Whether a person asks, with a browser.
pub(super) fn wants_page(request: &HttpRequest) -> bool {
    let accept = request.headers().get(header::ACCEPT);
    accept
        .and_then(|value| value.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"))
}

/// Nobody has signed in, or not for long enough.
pub(super) fn not_signed_in() -> Problem {
    let detail = "Your session has ended, and nothing was stored. Sign in in another window, come back to this one and \
                  load it again: your browser then offers to send the form once more.";
    Problem::new(Kind::Unauthorized, "session_ended", detail)
}

/// Signed in, and may not.
pub(super) fn not_allowed(action: Action) -> Problem {
    let detail = format!(
        "Your role does not allow this ({}).",
        action.code().replace('_', " ")
    );
    Problem::new(Kind::Forbidden, "forbidden", detail)
}

/// To the page where one signs in, and back here afterwards.
pub(super) fn to_sign_in(request: &HttpRequest) -> HttpResponse {
    let here = request.uri().path_and_query().map_or("/", |it| it.as_str());
    let mut query = Query::default();
    if here != "/" {
        query.push("next", here);
    }
    let encoded = query.encoded();
    let location = if encoded.is_empty() {
        "/sign-in".to_owned()
    } else {
        format!("/sign-in?{encoded}")
    };
    HttpResponse::build(StatusCode::SEE_OTHER)
        .insert_header((header::LOCATION, location))
        .finish()
}

/// Refuses a form that another site sent in somebody's name: by what the browser says about its origin, and by the
/// token that every form of ours carries.
///
/// # Errors
/// 403.
pub(super) fn check_form(
    headers: &HeaderMap,
    session: Option<&Session>,
    body: &CallBody,
) -> Result<(), Problem> {
    if !is_of_our_site(headers) {
        return Err(foreign());
    }
    let Some(session) = session else {
        return Ok(());
    };
    let CallBody::Text(text) = body else {
        return Err(foreign());
    };
    let fields = Query::read(text)?;
    let token = fields.get(TOKEN_FIELD).unwrap_or_default();
    // Digests are compared, so that the time taken says nothing about the token.
    if Sha256::digest(token) == Sha256::digest(&session.csrf) {
        return Ok(());
    }
    Err(foreign())
}

fn is_of_our_site(headers: &HeaderMap) -> bool {
    let text = |name: &HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or(""));
    if let Some(site) = text(&FETCH_SITE) {
        return site == "same-origin";
    }
    // Browsers that do not say so name the origin.
    let Some(origin) = text(&header::ORIGIN) else {
        return true;
    };
    let host = text(&header::HOST).unwrap_or_default();
    origin
        .split_once("://")
        .is_some_and(|(_, authority)| authority.eq_ignore_ascii_case(host))
}

fn foreign() -> Problem {
    let detail = "This form did not come from a page of this service, or the page is of an earlier sign-in. Nothing was \
                  stored. Open the page again and send the form from there.";
    Problem::new(Kind::Forbidden, "foreign_form", detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::{Principal, Role};
    use actix_web::http::header::HeaderValue;

    fn headers(pairs: &[(HeaderName, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.clone(), HeaderValue::from_static(value)))
            .collect()
    }

    fn session() -> Session {
        Session {
            principal: Principal {
                organization: "clinic".into(),
                subject: "someone".into(),
                role: Role::Clinician,
                scopes: None,
            },
            display_name: "Someone".into(),
            csrf: "right".into(),
        }
    }

    #[test]
    fn a_form_needs_the_token_and_our_origin() {
        let form = |text: &str| CallBody::Text(text.to_owned());
        let ours = headers(&[(FETCH_SITE, "same-origin")]);
        let session = session();
        let check = |headers: &HeaderMap, text: &str| {
            check_form(headers, Some(&session), &form(text)).map_err(|problem| problem.code)
        };
        assert_eq!(check(&ours, "a=1&csrf=right"), Ok(()));
        assert_eq!(check(&ours, "a=1&csrf=wrong"), Err("foreign_form"));
        assert_eq!(check(&ours, "a=1"), Err("foreign_form"));
        for site in ["cross-site", "same-site", "none", ""] {
            let theirs = headers(&[(FETCH_SITE, site)]);
            assert_eq!(check(&theirs, "csrf=right"), Err("foreign_form"), "{site}");
        }
        assert!(check_form(&ours, None, &CallBody::Empty).is_ok());
    }

    #[test]
    fn without_fetch_metadata_the_origin_decides() {
        let with = |origin: &'static str| {
            headers(&[(header::ORIGIN, origin), (header::HOST, "medial.test:8080")])
        };
        assert!(is_of_our_site(&with("https://medial.test:8080")));
        assert!(is_of_our_site(&HeaderMap::new()));
        for origin in ["https://other.test", "null", "https://medial.test"] {
            assert!(!is_of_our_site(&with(origin)), "{origin}");
        }
    }
}
