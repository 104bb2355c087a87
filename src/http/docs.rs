//! The document and a page to browse it, which needs nothing from anywhere else.

use super::call::Call;
use super::problem::Kind;
use super::reply::Reply;
use super::state::State;
use crate::app::error::Error;
use actix_web::http::StatusCode;
use actix_web::http::header;
use bytes::Bytes;
use std::borrow::Cow;
use std::sync::Arc;
use utoipa_swagger_ui::Config;

/// Only scripts and styles of our own, and no other machine.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const PAGE: &str = include_str!("docs.html");
const START: &str = include_str!("docs.js");

/// The files of the page that come from its library, with their media types.
const FILES: [(&str, &str); 3] = [
    ("swagger-ui.css", "text/css; charset=utf-8"),
    ("swagger-ui-bundle.js", "text/javascript; charset=utf-8"),
    ("favicon-32x32.png", "image/png"),
];

/// The OpenAPI document.
pub(super) fn document<C>(state: &State<C>, _: &Call) -> Result<Reply, Error> {
    let text = Bytes::copy_from_slice(state.document.as_bytes());
    Ok(Reply::bytes(StatusCode::OK, "application/yaml", text))
}

/// The page.
pub(super) fn page<C>(_: &State<C>, _: &Call) -> Result<Reply, Error> {
    let reply = Reply::bytes(StatusCode::OK, "text/html; charset=utf-8", PAGE);
    reply.header(header::CONTENT_SECURITY_POLICY, POLICY)
}

/// A file of the page.
pub(super) fn file<C>(_: &State<C>, call: &Call) -> Result<Reply, Error> {
    let name = call.path("file");
    if name == "start.js" {
        return lasting(Reply::bytes(
            StatusCode::OK,
            "text/javascript; charset=utf-8",
            START,
        ));
    }
    let missing = Error::NotFound { what: "file" };
    let Some((_, media_type)) = FILES.iter().find(|(known, _)| *known == name) else {
        return Err(missing);
    };
    let config: Arc<Config<'static>> = Arc::new(Config::from("/openapi.yaml"));
    let found = utoipa_swagger_ui::serve(name, config);
    let file = found
        .map_err(|error| Error::internal(error.to_string()))?
        .ok_or(missing)?;
    let bytes = match file.bytes {
        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        Cow::Owned(bytes) => Bytes::from(bytes),
    };
    lasting(Reply::bytes(StatusCode::OK, media_type, bytes))
}

/// The files are the same until the program is another.
fn lasting(reply: Reply) -> Result<Reply, Error> {
    reply.header(header::CACHE_CONTROL, "public, max-age=3600")
}

/// What a kind of problem means.
pub(super) fn problem<C>(_: &State<C>, call: &Call) -> Result<Reply, Error> {
    let slug = call.path("kind");
    let kind = Kind::ALL.iter().find(|kind| kind.slug() == slug);
    let kind = kind.ok_or(Error::NotFound {
        what: "kind of problem",
    })?;
    let text = format!("{} ({})\n\n{}\n", kind.title(), kind.status(), kind.about());
    Ok(Reply::bytes(
        StatusCode::OK,
        "text/plain; charset=utf-8",
        text,
    ))
}
