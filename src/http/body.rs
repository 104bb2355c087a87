//! Reads the body of a request: its media type, its size, its encoding, its JSON.

use super::call::CallBody;
use super::problem::{Kind, Problem};
use super::registry::Body;
use crate::wire::json;
use actix_web::http::header::{self, HeaderMap};
use actix_web::web;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;

/// So much of a body that is too large is read and thrown away, times the limit, so that the client
/// is through with sending when the answer comes and does not lose it to a reset connection.
const DRAINED: usize = 64;

/// Reads a body as the endpoint wants it.
///
/// # Errors
/// 400, 413 or 415.
pub(super) async fn read(
    headers: &HeaderMap,
    payload: web::Payload,
    body: &Body,
    limit: usize,
) -> Result<CallBody, Problem> {
    if !is_there(headers) {
        return empty(body);
    }
    check_media_type(headers, body)?;
    let bytes = collect(headers, payload, limit).await?;
    if bytes.is_empty() {
        return empty(body);
    }
    let text = String::from_utf8(bytes.into()).map_err(|error| {
        let place = error.utf8_error().valid_up_to();
        let detail = format!("The body is not UTF-8: byte {place} begins no character.");
        Problem::new(Kind::Malformed, "invalid_utf8", detail)
    })?;
    if !body.is_json() {
        return Ok(CallBody::Text(text));
    }
    // The words of the library name a place and what was expected there, never what stood there.
    let value = json::read(&text).map_err(|error| {
        Problem::new(
            Kind::Malformed,
            "invalid_json",
            format!("The body is not JSON: {error}."),
        )
    })?;
    Ok(CallBody::Json(value))
}

fn is_there(headers: &HeaderMap) -> bool {
    headers.contains_key(header::TRANSFER_ENCODING) || length(headers).is_some_and(|it| it > 0)
}

fn length(headers: &HeaderMap) -> Option<usize> {
    let value = headers.get(header::CONTENT_LENGTH)?;
    value.to_str().ok()?.parse().ok()
}

fn empty(body: &Body) -> Result<CallBody, Problem> {
    if !body.required {
        return Ok(CallBody::Empty);
    }
    let detail = format!("A body of {} is required.", body.media_type);
    Err(Problem::new(Kind::Malformed, "missing_body", detail))
}

fn check_media_type(headers: &HeaderMap, body: &Body) -> Result<(), Problem> {
    let unsupported = |code, detail| Err(Problem::new(Kind::UnsupportedMediaType, code, detail));
    if let Some(encoding) = headers.get(header::CONTENT_ENCODING)
        && !encoding.as_bytes().eq_ignore_ascii_case(b"identity")
    {
        return unsupported(
            "unsupported_content_encoding",
            "The body must be sent without Content-Encoding.".to_owned(),
        );
    }
    let text = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let mut parts = text.split(';').map(str::trim);
    let is_right = parts.next().is_some_and(|it| {
        let mut known = std::iter::once(&body.media_type).chain(body.also);
        known.any(|known| it.eq_ignore_ascii_case(known))
    });
    let is_utf8 = parts
        .filter_map(|parameter| parameter.split_once('='))
        .filter(|(name, _)| name.eq_ignore_ascii_case("charset"))
        .all(|(_, charset)| charset.trim_matches('"').eq_ignore_ascii_case("utf-8"));
    if is_right && is_utf8 {
        return Ok(());
    }
    let detail = format!(
        "Send `Content-Type: {}`; the text is in UTF-8.",
        body.media_type
    );
    unsupported("unsupported_media_type", detail)
}

async fn collect(
    headers: &HeaderMap,
    mut payload: web::Payload,
    limit: usize,
) -> Result<Bytes, Problem> {
    let too_large = || {
        let detail = format!("A body may have {limit} bytes.");
        Problem::new(Kind::BodyTooLarge, "body_too_large", detail)
    };
    let announced = length(headers).unwrap_or(0);
    if announced > limit.saturating_mul(DRAINED) {
        return Err(too_large().closing());
    }
    let mut read = BytesMut::with_capacity(announced.min(limit));
    let mut thrown_away = 0_usize;
    while let Some(piece) = payload.next().await {
        let piece = piece.map_err(|_| {
            Problem::new(
                Kind::Malformed,
                "broken_body",
                "The body broke off or is not framed as HTTP wants it.",
            )
            .closing()
        })?;
        if thrown_away == 0 && read.len().saturating_add(piece.len()) <= limit {
            read.extend_from_slice(&piece);
            continue;
        }
        thrown_away = thrown_away.saturating_add(piece.len());
        if thrown_away > limit.saturating_mul(DRAINED) {
            return Err(too_large().closing());
        }
    }
    if thrown_away > 0 {
        return Err(too_large());
    }
    Ok(read.freeze())
}
