//! Errors as FHIR has them.

use crate::app::FieldError;
use crate::http::dialect::{FHIR_BASE, FHIR_JSON};
use crate::http::problem::{Kind, Problem};
use crate::http::reply::Reply;
use crate::http::state::Fault;
use serde_json::{Map, Value, json};

/// How grave an issue is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// It was not done.
    Error,
    /// It was done, and something is to be known about it.
    Warning,
    /// Nothing is wrong.
    Information,
}

impl Severity {
    /// Its code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Information => "information",
        }
    }
}

/// One issue.
#[must_use]
pub fn issue(severity: Severity, code: &str, text: &str, expression: Option<&str>) -> Value {
    let mut issue = json!({
        "severity": severity.code(),
        "code": code,
        "diagnostics": text,
    });
    if let (Some(issue), Some(expression)) = (issue.as_object_mut(), expression) {
        issue.insert("expression".to_owned(), json!([expression]));
    }
    issue
}

/// An OperationOutcome of some issues; at least one.
#[must_use]
pub fn outcome(issues: Vec<Value>) -> Map<String, Value> {
    let mut body = Map::new();
    body.insert("resourceType".to_owned(), json!("OperationOutcome"));
    body.insert("issue".to_owned(), Value::Array(issues));
    body
}

/// A problem as an OperationOutcome: one issue for each element that is wrong. `kind` is the type of the resource whose
/// elements are named.
#[must_use]
pub fn of_problem(problem: &Problem, kind: Option<&str>, request_id: &str) -> Map<String, Value> {
    let code = issue_code(problem);
    let mut issues: Vec<Value> = problem
        .errors
        .iter()
        .map(|error| element_issue(error, kind))
        .collect();
    if issues.is_empty() {
        let text = if problem.detail.is_empty() {
            format!("{} (request {request_id})", problem.kind.title())
        } else {
            problem.detail.clone()
        };
        let mut one = issue(Severity::Error, code, &text, None);
        if let Some(one) = one.as_object_mut() {
            one.insert("details".to_owned(), details(problem.code));
        }
        issues.push(one);
    }
    outcome(issues)
}

fn details(code: &str) -> Value {
    json!({"coding": [{"system": super::terms::ERROR, "code": code}]})
}

/// The issue about one element.
#[must_use]
pub fn element_issue(error: &FieldError, kind: Option<&str>) -> Value {
    let code = match error.code {
        "required" | "too_few" => "required",
        "unknown_field" | "unknown_element" | "not_here" => "structure",
        "unknown_value" => "code-invalid",
        "unknown_extension" => "extension",
        "not_kept" => "not-supported",
        "not_found" => "not-found",
        "duplicate" => "duplicate",
        "unknown_parameter" | "unsupported" => "not-supported",
        _ => "value",
    };
    let expression = expression(kind, &error.pointer);
    let mut one = issue(Severity::Error, code, &error.detail, expression.as_deref());
    if let Some(one) = one.as_object_mut() {
        one.insert("details".to_owned(), details(error.code));
    }
    one
}

/// A JSON pointer as a FHIRPath: `/name/0/family` in a Patient is `Patient.name[0].family`.
#[must_use]
pub fn expression(kind: Option<&str>, pointer: &str) -> Option<String> {
    if let Some(parameter) = pointer.strip_prefix('?') {
        return Some(format!("http.{parameter}"));
    }
    let mut path = kind.unwrap_or_default().to_owned();
    for step in pointer.split('/').filter(|step| !step.is_empty()) {
        if !path.is_empty() && step.bytes().all(|byte| byte.is_ascii_digit()) {
            path.push_str(&format!("[{step}]"));
            continue;
        }
        if !path.is_empty() {
            path.push('.');
        }
        path.push_str(&step.replace("~1", "/").replace("~0", "~"));
    }
    (!path.is_empty()).then_some(path)
}

/// The code of the value set `issue-type` for a problem.
fn issue_code(problem: &Problem) -> &'static str {
    match problem.kind {
        Kind::Malformed | Kind::InvalidFields => "invalid",
        Kind::Unauthorized => "login",
        Kind::Forbidden => "forbidden",
        Kind::NotFound => "not-found",
        Kind::Gone => "deleted",
        Kind::MethodNotAllowed | Kind::NotAcceptable | Kind::UnsupportedMediaType => {
            "not-supported"
        }
        Kind::RequestTimeout => "timeout",
        Kind::Conflict | Kind::PreconditionFailed => conflict_code(problem),
        Kind::IdempotencyKeyReused => "duplicate",
        Kind::DataNotAvailable => "incomplete",
        Kind::BodyTooLarge => "too-long",
        Kind::PreconditionRequired => "required",
        Kind::TooManyRequests => "throttled",
        Kind::Internal => "exception",
        Kind::Unavailable => "transient",
    }
}

fn conflict_code(problem: &Problem) -> &'static str {
    if problem.code == "several_matches" {
        "multiple-matches"
    } else {
        "conflict"
    }
}

/// Shows what went wrong with a request.
#[must_use]
pub fn show(fault: &Fault<'_>) -> Reply {
    let kind = fault
        .path
        .split('/')
        .nth(3)
        .filter(|kind| kind.starts_with(|first: char| first.is_ascii_uppercase()))
        .or((fault.path.trim_end_matches('/') == FHIR_BASE).then_some("Bundle"));
    let body = of_problem(fault.problem, kind, &fault.request_id.to_string());
    // A tree of maps and texts always serializes.
    let text = serde_json::to_vec(&body).unwrap_or_default();
    Reply::bytes(fault.problem.kind.status_code(), FHIR_JSON, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_becomes_a_path() {
        let path = |pointer| expression(Some("Patient"), pointer);
        assert_eq!(
            path("/name/0/family").as_deref(),
            Some("Patient.name[0].family")
        );
        assert_eq!(path("").as_deref(), Some("Patient"));
        assert_eq!(path("?_sort").as_deref(), Some("http._sort"));
        assert_eq!(expression(None, ""), None);
    }

    #[test]
    fn each_element_that_is_wrong_is_an_issue() {
        let errors = vec![
            FieldError::new("/birthDate", "in_future", "A birth date lies in the past."),
            FieldError::new("/identifier", "required", "This field is required."),
        ];
        let problem = Problem::new(Kind::InvalidFields, "invalid_fields", "2").with_errors(errors);
        let body = of_problem(&problem, Some("Patient"), "r");
        let issues = body["issue"].as_array().unwrap();
        assert_eq!(issues.len(), 2);
        assert_eq!(issues[1]["code"], "required");
        assert_eq!(issues[1]["expression"], json!(["Patient.identifier"]));
    }
}
