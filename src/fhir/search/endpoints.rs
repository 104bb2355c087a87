//! Where searches come in: by GET, and by POST with a form.

use super::answer::{Place, search};
use super::{everything, lastn};
use crate::app::Result;
use crate::auth::Operation;
use crate::fhir::answer::body_reply;
use crate::fhir::read::{base, kind_of};
use crate::fhir::resource::{Interaction, ResourceType, action};
use crate::http::call::Call;
use crate::http::query::Query;
use crate::http::registry::{Access, Endpoint, FORM, Method};
use crate::http::reply::Reply;
use crate::http::state::State;
use actix_web::http::StatusCode;

/// The endpoint of a search by POST.
pub(in crate::fhir) fn of_type(kind: ResourceType) -> Endpoint {
    let (path, operation_id) = kind.posted_search();
    let access = Access::Needs(action(kind, Interaction::SearchType));
    Endpoint::fhir(Method::Post, path, operation_id, access, by_post)
        .scoped(kind.code(), Operation::Search)
        .titled("fhir", "search-type")
        .takes_text(FORM, Vec::new())
        .optional_body()
}

/// The endpoints of operations that search.
pub(in crate::fhir) fn endpoints() -> Vec<Endpoint> {
    let all = everything::endpoints().into_iter();
    all.chain(lastn::endpoints()).collect()
}

/// Answers a search in an address.
pub(in crate::fhir) fn by_get(state: &State, call: &Call) -> Result<Reply> {
    answered(state, call, call.whole_query())
}

/// Answers a search in a form; what the address says counts as well.
fn by_post(state: &State, call: &Call) -> Result<Reply> {
    let mut query = call.whole_query().clone();
    for (name, value) in call.form()?.pairs() {
        query.push(name, value);
    }
    answered(state, call, &query)
}

fn answered(state: &State, call: &Call, query: &Query) -> Result<Reply> {
    let (kind, base, cursors) = (kind_of(call)?, base(call), call.cursors()?);
    let place = Place {
        base: &base,
        strict: call.prefers("handling") == Some("strict"),
        cursors: &cursors,
    };
    let principal = call.principal()?;
    let bundle = state
        .app
        .read(principal, |unit| search(unit, kind, query, &place))?;
    body_reply(StatusCode::OK, &bundle)
}
