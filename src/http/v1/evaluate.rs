//! A what-if: what the profiles would say about a case that is not stored.

use super::determinations::{DeterminationsView, profiles_parameter, wanted_profiles};
use super::{examples, look};
use crate::app::{Error, Result, determinations};
use crate::auth::Action;
use crate::http::call::Call;
use crate::http::registry::{Endpoint, Parameter, ParameterKind};
use crate::http::reply::Reply;
use crate::http::state::State;
use crate::wire::case::CaseBody;
use crate::wire::determination::Naming;

/// What there is about cases.
pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::post("/v1/evaluate", "evaluate", Action::Evaluate, evaluate)
            .titled("determinations", "Judge a case without storing anything")
            .about("The case is one episode with its blocks and ablations; dates may lie in the future. Evidence is named by JSON pointer into the case.")
            .query(Parameter::new("as_of", ParameterKind::Date, "Judge as of this day. Without it: the case's own `as_of`, or today."))
            .query(profiles_parameter())
            .takes::<CaseBody>(vec![examples::request("plain", "One positive block.", examples::case())])
            .answers::<DeterminationsView>(200, "What the profiles would say.", None),
    ]
}

fn evaluate(state: &State, call: &Call) -> Result<Reply> {
    let case = CaseBody::read(call.json().clone()).map_err(Error::Invalid)?;
    let as_of = call
        .query_date("as_of")
        .or_else(|| case.as_of.map(|date| date.0));
    let history = case.into_history();
    let wanted = wanted_profiles(call);
    look(state, call, |unit| {
        let determined = determinations::what_if(unit, history, as_of, &wanted)?;
        Reply::json(&DeterminationsView::of(&determined, Naming::InCase))
    })
}
