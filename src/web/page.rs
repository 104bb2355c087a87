//! What all pages share: the frame around them, the headers they are sent with, and how an error looks.

use super::assets;
use crate::app::{Error, Result};
use crate::auth::{Action, Principal};
use crate::http::{Call, Fault, Kind, Reply, Session};
use actix_web::http::StatusCode;
use actix_web::http::header;
use askama::Template;
use bytes::Bytes;

/// Only what this service serves itself, and no script or style within a page.
pub(super) const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
    connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; manifest-src 'self'; worker-src 'self'";

const HTML: &str = "text/html; charset=utf-8";

/// A place in the bar at the top.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The worklist and what it leads to.
    Worklist,
    /// Recording.
    Record,
    /// The profiles.
    Profiles,
    /// The figures of the cohort.
    Study,
    /// None of them.
    Elsewhere,
}

/// A link in the bar at the top.
pub struct Link {
    /// What it says.
    pub label: &'static str,
    /// Where it leads.
    pub href: &'static str,
    /// Whether this is where one is.
    pub current: bool,
}

/// The frame around a page.
pub struct Shell {
    /// The name of who has signed in; empty where nobody has.
    pub person: String,
    /// Their organization.
    pub organization: String,
    /// What each form carries.
    pub csrf: String,
    /// The bar.
    pub links: Vec<Link>,
    /// The style sheet.
    pub css: String,
    /// The script.
    pub script: String,
    /// The icon.
    pub icon: String,
}

impl Shell {
    /// The frame for whoever has signed in.
    ///
    /// # Errors
    /// An internal one, at a page that is open to everybody.
    pub fn of(call: &Call, place: Place) -> Result<Shell> {
        Ok(Shell::for_session(Some(call.session()?), place))
    }

    /// The frame for nobody in particular.
    #[must_use]
    pub fn open() -> Shell {
        Shell::for_session(None, Place::Elsewhere)
    }

    fn for_session(session: Option<&Session>, place: Place) -> Shell {
        Shell {
            person: session.map_or_else(String::new, |it| it.display_name.clone()),
            organization: session.map_or_else(String::new, |it| it.principal.organization.clone()),
            csrf: session.map_or_else(String::new, |it| it.csrf.clone()),
            links: session.map_or_else(Vec::new, |it| links(&it.principal, place)),
            css: assets::url("medial.css"),
            script: assets::url("medial.js"),
            icon: assets::url("icon.svg"),
        }
    }

    /// Whether somebody has signed in.
    #[must_use]
    pub fn signed_in(&self) -> bool {
        !self.csrf.is_empty()
    }
}

/// The pages that a role may see.
fn links(principal: &Principal, current: Place) -> Vec<Link> {
    let all = [
        (Place::Worklist, Action::ReadCandidate, "Worklist", "/"),
        (Place::Record, Action::WriteBlock, "Record", "/blocks/new"),
        (
            Place::Profiles,
            Action::ReadProfile,
            "Profiles",
            "/profiles",
        ),
        (Place::Study, Action::ReadAnalytics, "Study", "/study"),
    ];
    all.into_iter()
        .filter(|(_, action, _, _)| principal.allows(*action))
        .map(|(place, _, label, href)| Link {
            label,
            href,
            current: place == current,
        })
        .collect()
}

/// 200 with a page.
///
/// # Errors
/// An internal one when the template fails.
pub fn page(template: &impl Template) -> Result<Reply> {
    page_with(StatusCode::OK, template)
}

/// A page with any status.
///
/// # Errors
/// An internal one when the template fails.
pub fn page_with(status: StatusCode, template: &impl Template) -> Result<Reply> {
    let text = template
        .render()
        .map_err(|error| Error::Internal(error.into()))?;
    dressed(Reply::bytes(status, HTML, text))
}

/// The headers of every page.
fn dressed(reply: Reply) -> Result<Reply> {
    reply
        .header(header::CONTENT_SECURITY_POLICY, POLICY)?
        // With `no-referrer` a browser would send our own forms without their origin.
        .header(header::REFERRER_POLICY, "same-origin")
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorTemplate<'a> {
    shell: Shell,
    title: &'static str,
    detail: &'a str,
    errors: &'a [crate::app::FieldError],
    request_id: String,
    ended: bool,
}

/// What went wrong, as a page. It says no more than the problem does.
#[must_use]
pub fn error_page(fault: &Fault<'_>) -> Reply {
    let problem = fault.problem;
    let detail = match problem.kind {
        Kind::NotFound => {
            "There is no such page, or what it was about belongs to another organization."
        }
        Kind::Internal => {
            "Something went wrong on our side. Nothing was stored. Try again; if it happens again, tell whoever runs the service the number below."
        }
        _ => problem.detail.as_str(),
    };
    let template = ErrorTemplate {
        shell: Shell::for_session(fault.session, Place::Elsewhere),
        title: problem.kind.title(),
        detail,
        errors: &problem.errors,
        request_id: fault.request_id.to_string(),
        ended: problem.kind == Kind::Unauthorized,
    };
    let shown = page_with(problem.kind.status_code(), &template);
    shown.unwrap_or_else(|_| {
        Reply::bytes(
            problem.kind.status_code(),
            "text/plain; charset=utf-8",
            Bytes::from_static(b"Something went wrong."),
        )
    })
}
