//! The headers of a request that mean something to every endpoint.

use super::problem::{Kind, Problem};
use actix_web::http::header::{self, HeaderMap, HeaderName};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const LONGEST_KEY: usize = 255;

/// The bearer token.
///
/// # Errors
/// 401, with the challenge that RFC 6750 wants.
pub(super) fn bearer(headers: &HeaderMap) -> Result<&str, Problem> {
    let Some(value) = headers.get(header::AUTHORIZATION) else {
        return Err(unauthorized(
            "missing_token",
            None,
            "Send `Authorization: Bearer <token>`.",
        ));
    };
    let malformed = || {
        let detail = "The Authorization header must be `Bearer`, a space and a token.";
        unauthorized("malformed_authorization", Some("invalid_request"), detail)
    };
    let text = value.to_str().map_err(|_| malformed())?;
    let (scheme, token) = text.split_once(' ').ok_or_else(malformed)?;
    let token = token.trim();
    if !scheme.eq_ignore_ascii_case("bearer") || token.is_empty() {
        return Err(malformed());
    }
    Ok(token)
}

/// A token that is not good.
pub(super) fn invalid_token(reason: &str) -> Problem {
    unauthorized("invalid_token", Some("invalid_token"), reason)
}

fn unauthorized(code: &'static str, error: Option<&str>, detail: &str) -> Problem {
    let mut problem = Problem::new(Kind::Unauthorized, code, detail);
    let quotable: String = detail
        .chars()
        .filter(|c| c.is_ascii() && !c.is_ascii_control() && !matches!(c, '"' | '\\'))
        .collect();
    // RFC 6750: who sent no token at all is not told an error.
    problem.challenge = Some(match error {
        None => "Bearer realm=\"medial\"".into(),
        Some(error) => {
            format!("Bearer realm=\"medial\", error=\"{error}\", error_description=\"{quotable}\"")
                .into()
        }
    });
    problem
}

/// The version in `If-Match`.
///
/// # Errors
/// 400, when it is anything but one tag with a version in it, a strong one unless `weakly`.
pub(super) fn version(headers: &HeaderMap, weakly: bool) -> Result<Option<i32>, Problem> {
    let malformed = |detail: &str| Problem::new(Kind::Malformed, "invalid_if_match", detail);
    let Some(text) = single(headers, &header::IF_MATCH).map_err(|()| {
        malformed("`If-Match` may be given once and must name one version, as in \"3\".")
    })?
    else {
        return Ok(None);
    };
    let text = text.trim();
    let text = match text.strip_prefix("W/") {
        Some(strong) if weakly => strong,
        _ => text,
    };
    if text == "*" {
        return Err(malformed(
            "`If-Match: *` would overwrite what you have not seen. Name the version, as in \"3\".",
        ));
    }
    if text.starts_with("W/") {
        return Err(malformed(
            "`If-Match` takes no weak tag. Name the version, as in \"3\".",
        ));
    }
    let number = text
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    let version = number
        .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
        .and_then(|digits| digits.parse().ok());
    match version {
        Some(version) => Ok(Some(version)),
        None => Err(malformed(
            "`If-Match` must name one version in quotes, as in \"3\".",
        )),
    }
}

/// Headers that some endpoints read beyond those above; each as it came, where it is visible ASCII.
const FURTHER: [&str; 8] = [
    "prefer",
    "if-none-exist",
    "if-none-match",
    "if-modified-since",
    "content-type",
    "host",
    "origin",
    "authorization",
];

/// Those of [`FURTHER`] that a request has, several of one name joined with commas.
pub(super) fn further(headers: &HeaderMap) -> Vec<(&'static str, String)> {
    let found = |name: &'static str| {
        let values: Vec<&str> = headers
            .get_all(name)
            .filter_map(|value| value.to_str().ok())
            .collect();
        (!values.is_empty()).then(|| (name, values.join(", ")))
    };
    FURTHER.into_iter().filter_map(found).collect()
}

/// The `Idempotency-Key`.
///
/// # Errors
/// 400, when it is not 1 to 255 visible ASCII characters.
pub(super) fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let malformed = || {
        let detail = format!(
            "`Idempotency-Key` may be given once, as 1 to {LONGEST_KEY} visible ASCII characters."
        );
        Problem::new(Kind::Malformed, "invalid_idempotency_key", detail)
    };
    let key = single(headers, &IDEMPOTENCY_KEY).map_err(|()| malformed())?;
    let Some(key) = key else { return Ok(None) };
    let visible = key.bytes().all(|byte| byte.is_ascii_graphic());
    if key.is_empty() || key.len() > LONGEST_KEY || !visible {
        return Err(malformed());
    }
    Ok(Some(key.to_owned()))
}

/// The one value of a header; an error when there are several or it is not visible ASCII.
fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, ()> {
    let mut values = headers.get_all(name);
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| ()),
        (Some(_), Some(_)) => Err(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::HeaderValue;

    fn with(name: &'static str, values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
            headers.append(HeaderName::from_static(name), value);
        }
        headers
    }

    #[test]
    fn a_version_is_one_strong_tag() {
        assert_eq!(version(&HeaderMap::new(), false), Ok(None));
        assert_eq!(version(&with("if-match", &["\"3\""]), false), Ok(Some(3)));
        assert_eq!(version(&with("if-match", &["W/\"3\""]), true), Ok(Some(3)));
        for bad in [
            "3",
            "*",
            "W/\"3\"",
            "\"x\"",
            "\"\"",
            "\"1\", \"2\"",
            "\"-1\"",
            "\"+1\"",
            "\"99999999999\"",
        ] {
            assert!(version(&with("if-match", &[bad]), false).is_err(), "{bad}");
        }
        assert!(version(&with("if-match", &["\"3\"", "\"3\""]), false).is_err());
    }

    #[test]
    fn a_key_is_visible_ascii() {
        let long = "k".repeat(256);
        assert_eq!(
            idempotency_key(&with("idempotency-key", &["abc-1"])),
            Ok(Some("abc-1".to_owned()))
        );
        for bad in ["", "a b", "ä", long.as_str()] {
            assert!(
                idempotency_key(&with("idempotency-key", &[bad])).is_err(),
                "{bad}"
            );
        }
    }

    #[test]
    fn a_bearer_token_is_found() {
        assert_eq!(
            bearer(&with("authorization", &["bearer abc.def"])),
            Ok("abc.def")
        );
        let challenge = |headers: HeaderMap| bearer(&headers).unwrap_err().challenge.unwrap();
        assert_eq!(&*challenge(HeaderMap::new()), "Bearer realm=\"medial\"");
        for bad in ["abc", "Basic abc", "Bearer ", "Bearer"] {
            assert!(
                challenge(with("authorization", &[bad])).contains("error=\"invalid_request\""),
                "{bad}"
            );
        }
    }
}
