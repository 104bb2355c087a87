//! Which other sites may call from a browser: only the configured ones, only where CDS Hooks is spoken, and never with
//! cookies. A client there still signs each call.

use super::dialect::Dialect;
use super::state::State;
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::{HttpRequest, HttpResponse};

/// Methods and headers of the calls that such a client makes.
const METHODS: HeaderValue = HeaderValue::from_static("GET, POST");
const HEADERS: HeaderValue = HeaderValue::from_static("authorization, content-type");
/// For so many seconds a browser need not ask again.
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");

/// The origin of a request, where it is one that may call here.
fn allowed<C>(state: &State<C>, dialect: Dialect, request: &HttpRequest) -> Option<HeaderValue> {
    if dialect != Dialect::Cds {
        return None;
    }
    let origin = request.headers().get(header::ORIGIN)?;
    let known = state.settings.cross_origins.iter();
    known
        .into_iter()
        .any(|known| known.as_bytes() == origin.as_bytes())
        .then(|| origin.clone())
}

/// The answer to a browser that asks whether it may call; none where it may not, or does not ask that.
pub(super) fn preflight<C>(
    state: &State<C>,
    dialect: Dialect,
    request: &HttpRequest,
) -> Option<HttpResponse> {
    let asks = request.method() == Method::OPTIONS
        && request
            .headers()
            .contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    allowed(state, dialect, request).filter(|_| asks)?;
    let mut response = HttpResponse::NoContent().finish();
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HEADERS);
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE);
    Some(response)
}

/// Lets a page of an allowed origin read the answer.
pub(super) fn admit<C>(
    state: &State<C>,
    dialect: Dialect,
    request: &HttpRequest,
    headers: &mut HeaderMap,
) {
    if dialect != Dialect::Cds {
        return;
    }
    headers.insert(header::VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = allowed(state, dialect, request) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    }
}
