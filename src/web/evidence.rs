//! The summary for a payer, for people who have signed in.

use crate::app::{self, Result};
use crate::auth::Action;
use crate::evidence::EvidenceDocument;
use crate::http::v1::evidence::{Form, reply};
use crate::http::{Access, Call, Endpoint, Parameter, ParameterKind, Reply, State};

/// The pages.
pub(super) fn endpoints() -> Vec<Endpoint> {
    let endpoint = |path, operation_id, handler| {
        let access = Access::SignedIn(Action::ReadPatient);
        Endpoint::page(path, operation_id, access, handler)
            .query(Parameter::new(
                "profile",
                ParameterKind::Text,
                "The profile to judge by.",
            ))
            .query(Parameter::new(
                "as_of",
                ParameterKind::Date,
                "Judge as of this day.",
            ))
    };
    vec![
        endpoint("/episodes/{id}/evidence", "page_evidence", |state, call| {
            summary(state, call, Form::Html)
        }),
        endpoint(
            "/episodes/{id}/evidence.pdf",
            "page_evidence_pdf",
            |state, call| summary(state, call, Form::Pdf),
        ),
    ]
}

fn summary(state: &State, call: &Call, form: Form) -> Result<Reply> {
    let episode = call.path_id("id", "episode")?;
    state.app.read(call.principal()?, |unit| {
        let (profile, as_of) = (call.query("profile"), call.query_date("as_of"));
        let records = app::evidence::of_episode(unit, episode, profile, as_of)?;
        reply(form, &EvidenceDocument::of(&records))
    })
}
