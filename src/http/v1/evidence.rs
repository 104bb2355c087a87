//! What a payer's reviewer is shown about an episode: as JSON, as a page, as a PDF.

use super::look;
use crate::app::{self, Error, Result};
use crate::auth::Action;
use crate::evidence::{self, EvidenceDocument};
use crate::http::accept::preferred;
use crate::http::call::Call;
use crate::http::problem::Kind;
use crate::http::registry::{Endpoint, Parameter, ParameterKind};
use crate::http::reply::Reply;
use crate::http::state::State;
use actix_web::http::StatusCode;
use actix_web::http::header;

const HTML: &str = "text/html; charset=utf-8";
const PDF: &str = "application/pdf";

/// The page may load its one style sheet and nothing else.
const POLICY: &str = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What can be asked for, the first where the client does not mind.
const OFFERED: [(&str, Form); 3] = [
    ("application/json", Form::Json),
    ("text/html", Form::Html),
    ("application/pdf", Form::Pdf),
];

/// In which form the summary is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// The data.
    Json,
    /// A page.
    Html,
    /// A document to be printed and sent.
    Pdf,
}

/// What there is about evidence.
pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        // Whoever asks also needs what the time line needs, and determinations; reading patients is the narrowest of these.
        Endpoint::get("/v1/episodes/{id}/evidence", "read_evidence", Action::ReadPatient, read)
            .titled("determinations", "The summary of the evidence for a payer")
            .about("Indication, conservative care, blocks with their curves and the interval of relief, functional scores, every rule of one profile with values, records and source, codes, what is missing, who recorded what, and a hash of the records it was made from. `Accept` chooses JSON, a page or a PDF.")
            .query(Parameter::new("profile", ParameterKind::Text, "The id of the profile to judge by. Without it: the first active one."))
            .query(Parameter::new("as_of", ParameterKind::Date, "Judge as of this day: what is dated after it does not exist. Without it: today, or the day of the newest record if that is later."))
            .answers::<EvidenceDocument>(200, "The summary.", None)
            .answers_as(200, "text/html", "The summary as a page to be read and printed.")
            .answers_as(200, PDF, "The summary on paper.")
            .fails(&[Kind::NotFound, Kind::NotAcceptable, Kind::Conflict]),
    ]
}

fn read(state: &State, call: &Call) -> Result<Reply> {
    let form = wanted(call.accept())?;
    let episode = call.path_id("id", "episode")?;
    look(state, call, |unit| {
        let (profile, as_of) = (call.query("profile"), call.query_date("as_of"));
        let records = app::evidence::of_episode(unit, episode, profile, as_of)?;
        let document = EvidenceDocument::of(&records);
        reply(form, &document)?.header(header::VARY, "accept")
    })
}

/// The summary as an answer.
///
/// # Errors
/// An internal one when it cannot be made.
pub fn reply(form: Form, document: &EvidenceDocument) -> Result<Reply> {
    match form {
        Form::Json => Reply::json(document),
        Form::Html => {
            let page = evidence::html(document)?;
            Reply::bytes(StatusCode::OK, HTML, page).header(header::CONTENT_SECURITY_POLICY, POLICY)
        }
        Form::Pdf => {
            let pdf = evidence::pdf(document)?;
            let name = "inline; filename=\"evidence.pdf\"";
            Reply::bytes(StatusCode::OK, PDF, pdf).header(header::CONTENT_DISPOSITION, name)
        }
    }
}

/// The form that `Accept` prefers.
fn wanted(accept: Option<&str>) -> Result<Form> {
    preferred(accept, &OFFERED).ok_or(Error::NotAcceptable {
        offered: "application/json, text/html, application/pdf",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accept_chooses_the_form() {
        let form = |accept: &str| wanted(Some(accept)).ok();
        assert_eq!(wanted(None).ok(), Some(Form::Json));
        assert_eq!(form("*/*"), Some(Form::Json));
        assert_eq!(form("application/*"), Some(Form::Json));
        assert_eq!(form("text/*"), Some(Form::Html));
        assert_eq!(form("Application/PDF"), Some(Form::Pdf));
        let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
        assert_eq!(form(browser), Some(Form::Html));
        assert_eq!(
            form("application/pdf;q=0.9, text/html;q=0.8"),
            Some(Form::Pdf)
        );
        assert_eq!(form("application/json;q=0, */*;q=0.1"), Some(Form::Html));
        assert_eq!(form("image/png"), None);
        assert_eq!(form("application/pdf;q=0"), None);
    }
}
