//! In whose words an endpoint speaks: how its errors look, and which forms of an answer a client may ask for.

use super::problem::{Kind, Problem};
use super::registry::{Answer, JSON};
use crate::app::error::Error;
use actix_web::http::header::{self, HeaderMap};
use serde_json::{Value, json};

/// Media type of FHIR resources in JSON.
pub const FHIR_JSON: &str = "application/fhir+json";

/// Media type of a JSON Patch.
pub const JSON_PATCH: &str = "application/json-patch+json";

/// Media types that a body with FHIR resources may also name: the general one, and those of older clients.
pub const ALSO_FHIR: &[&str] = &[JSON, "text/json", "application/json+fhir"];

/// Where the FHIR endpoints are.
pub const FHIR_BASE: &str = "/fhir/R4";

/// Where the CDS Hooks services are.
pub const CDS_BASE: &str = "/cds-services";

/// In whose words an endpoint speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// The native API: errors are RFC 9457 problems, and the OpenAPI document has it.
    Native,
    /// A page for a browser: its errors are pages too.
    Page,
    /// FHIR R4: errors are OperationOutcomes.
    Fhir,
    /// OAuth 2.0: errors are `error` and `error_description` of RFC 6749, section 5.2.
    OAuth,
    /// CDS Hooks, which leaves the body of an error open: problems, as the native API.
    Cds,
}

impl Dialect {
    /// In whose words a path is answered that is not ours.
    #[must_use]
    pub(super) fn of_path(path: &str) -> Dialect {
        let below = |base: &str| {
            path.strip_prefix(base)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        if below(FHIR_BASE) {
            Dialect::Fhir
        } else if below(CDS_BASE) {
            Dialect::Cds
        } else if below("/auth") {
            Dialect::OAuth
        } else {
            Dialect::Native
        }
    }

    /// Whether the query holds search parameters, which the search reads itself: they come repeated, with modifiers, and
    /// unknown ones are passed over.
    #[must_use]
    pub(super) const fn reads_query_itself(self) -> bool {
        matches!(self, Dialect::Fhir)
    }

    /// Whether versions are weak tags, `W/"3"`.
    #[must_use]
    pub(super) const fn tags_weakly(self) -> bool {
        matches!(self, Dialect::Fhir)
    }
}

/// Refuses a request whose client takes none of the forms there are: JSON, or one that the endpoint names.
///
/// `_format` stands before `Accept`, as FHIR has it for clients that cannot set a header.
///
/// # Errors
/// 406.
pub(super) fn check_accept(
    headers: &HeaderMap,
    format: Option<&str>,
    answers: &[Answer],
) -> Result<(), Problem> {
    let offered = |kind: &str| {
        answers
            .iter()
            .filter_map(|answer| answer.media_type)
            .any(|media_type| media_type.eq_ignore_ascii_case(kind))
    };
    let accept = headers
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok());
    let acceptable = match (format, accept) {
        // A plus sign in an address that was not encoded is read as a space.
        (Some(format), _) => {
            let kind = essence(&format.replace(' ', "+")).to_ascii_lowercase();
            kind == "json" || is_json(&kind) || offered(&kind)
        }
        (None, None) => true,
        (None, Some(accept)) => accept.split(',').any(|one| takes(one, &offered)),
    };
    if acceptable {
        return Ok(());
    }
    Err(Problem::from(Error::NotAcceptable { offered: FHIR_JSON }))
}

/// Whether one range of an `Accept` header lets in what there is.
fn takes(range: &str, offered: &impl Fn(&str) -> bool) -> bool {
    let mut parameters = range
        .split(';')
        .skip(1)
        .filter_map(|part| part.split_once('='));
    let refused = parameters.any(|(name, value)| {
        let value = value.trim().trim_matches('"');
        match name.trim().to_ascii_lowercase().as_str() {
            "q" => value.bytes().all(|byte| matches!(byte, b'0' | b'.')),
            "fhirversion" => !matches!(value, "4.0" | "4.0.1"),
            _ => false,
        }
    });
    let kind = essence(range).to_ascii_lowercase();
    let fits = matches!(kind.as_str(), "*/*" | "application/*" | "" | "json");
    !refused && (fits || is_json(&kind) || offered(&kind))
}

fn essence(media_type: &str) -> &str {
    media_type.split(';').next().unwrap_or_default().trim()
}

fn is_json(kind: &str) -> bool {
    kind == FHIR_JSON || ALSO_FHIR.contains(&kind)
}

/// The body of an error of OAuth 2.0.
pub(super) fn oauth_body(problem: &Problem) -> Value {
    const CODES: [&str; 6] = [
        "invalid_request",
        "invalid_client",
        "invalid_grant",
        "unauthorized_client",
        "unsupported_grant_type",
        "invalid_scope",
    ];
    let error = if CODES.contains(&problem.code) {
        problem.code
    } else {
        match problem.kind {
            Kind::Unauthorized => "invalid_client",
            Kind::Internal => "server_error",
            Kind::Unavailable | Kind::TooManyRequests => "temporarily_unavailable",
            _ => "invalid_request",
        }
    };
    // RFC 6749 allows neither quotes nor backslashes, and ASCII only.
    let description: String = problem
        .detail
        .chars()
        .filter(|c| matches!(c, ' '..='~') && !matches!(c, '"' | '\\'))
        .collect();
    json!({"error": error, "error_description": description})
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::HeaderValue;

    fn status(accept: Option<&'static str>, format: Option<&str>) -> u16 {
        let mut headers = HeaderMap::new();
        if let Some(accept) = accept {
            headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
        }
        check_accept(&headers, format, &[]).map_or_else(|problem| problem.kind.status(), |()| 200)
    }

    #[test]
    fn json_in_its_many_names_is_accepted_and_nothing_else() {
        for accept in [
            "application/fhir+json",
            "application/json",
            "*/*",
            "text/html, application/xml;q=0.9, */*;q=0.8",
            "application/fhir+xml, application/fhir+json;q=0.5",
            "application/fhir+json; fhirVersion=4.0",
        ] {
            assert_eq!(status(Some(accept), None), 200, "{accept}");
        }
        for accept in [
            "application/fhir+xml",
            "text/turtle",
            "application/fhir+json;q=0",
            "application/fhir+json; fhirVersion=5.0",
        ] {
            assert_eq!(status(Some(accept), None), 406, "{accept}");
        }
        assert_eq!(status(None, None), 200);
    }

    #[test]
    fn format_stands_before_accept() {
        for format in ["json", "application/json", "application/fhir json"] {
            assert_eq!(status(Some("application/fhir+xml"), Some(format)), 200);
        }
        for format in ["xml", "application/fhir+xml", "ttl", "html"] {
            assert_eq!(status(Some("*/*"), Some(format)), 406, "{format}");
        }
    }

    #[test]
    fn a_path_below_a_base_is_answered_in_its_words() {
        assert_eq!(Dialect::of_path("/fhir/R4/Nonsense/1"), Dialect::Fhir);
        assert_eq!(Dialect::of_path("/fhir/R4"), Dialect::Fhir);
        assert_eq!(Dialect::of_path("/fhir/R4B"), Dialect::Native);
        assert_eq!(Dialect::of_path("/cds-services/x"), Dialect::Cds);
    }
}
