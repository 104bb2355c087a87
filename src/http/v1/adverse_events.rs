//! Adverse events.

use super::stored::Kept;
use super::{checked, examples, latest_day, look, once};
use crate::app::{AdverseEventFilter, After, Error, Result, Stored, ablations};
use crate::auth::Action;
use crate::domain::adverse_event::AdverseEvent;
use crate::http::call::{Call, Page};
use crate::http::problem::Kind;
use crate::http::registry::{Endpoint, Parameter, ParameterKind};
use crate::http::reply::Reply;
use crate::http::state::State;
use crate::wire::adverse_event::{AdverseEventBody, AdverseEventFields};
use crate::wire::scalar::Id;
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

/// An adverse event as answered.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "AdverseEvent")]
pub(super) struct AdverseEventView {
    #[serde(flatten)]
    kept: Kept,
    /// The patient.
    patient_id: Id,
    /// The block after which it happened.
    block_id: Option<Id>,
    /// The ablation after which it happened.
    ablation_id: Option<Id>,
    #[serde(flatten)]
    fields: AdverseEventFields,
}

impl AdverseEventView {
    pub(super) fn of(stored: &Stored<AdverseEvent>, after: After) -> AdverseEventView {
        let (block_id, ablation_id) = match after {
            After::Block(id) => (Some(Id(id)), None),
            After::Ablation(id) => (None, Some(Id(id))),
        };
        AdverseEventView {
            kept: stored.into(),
            patient_id: Id(stored.patient),
            block_id,
            ablation_id,
            fields: AdverseEventFields::from(&stored.value),
        }
    }
}

/// What there is about adverse events.
pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::post(
            "/v1/adverse-events",
            "create_adverse_event",
            Action::WriteAdverseEvent,
            create,
        )
        .titled(
            "adverse events",
            "Record an adverse event after a block or an ablation",
        )
        .takes::<AdverseEventBody>(vec![examples::request(
            "plain",
            "Soreness after a block.",
            examples::adverse_event_of_block(),
        )])
        .answers::<AdverseEventView>(201, "The adverse event is recorded.", None)
        .tagged(),
        Endpoint::get(
            "/v1/adverse-events",
            "list_adverse_events",
            Action::ReadAdverseEvent,
            list,
        )
        .titled("adverse events", "List adverse events")
        .about("In the order in which they were recorded.")
        .query(Parameter::new(
            "patient_id",
            ParameterKind::Id,
            "Those of one patient.",
        ))
        .query(Parameter::new(
            "block_id",
            ParameterKind::Id,
            "Those after one block.",
        ))
        .query(Parameter::new(
            "ablation_id",
            ParameterKind::Id,
            "Those after one ablation.",
        ))
        .paged()
        .answers::<Page<AdverseEventView>>(200, "A page of adverse events.", None),
        Endpoint::get(
            "/v1/adverse-events/{id}",
            "read_adverse_event",
            Action::ReadAdverseEvent,
            read,
        )
        .titled("adverse events", "Read an adverse event")
        .answers::<AdverseEventView>(200, "The adverse event.", None)
        .tagged()
        .fails(&[Kind::NotFound]),
    ]
}

fn create(state: &State, call: &Call) -> Result<Reply> {
    let body: AdverseEventBody = call.parse()?;
    checked(|errors| body.check(latest_day(state), errors))?;
    let after = match (body.block_id, body.ablation_id) {
        (Some(Id(block)), None) => After::Block(block),
        (None, Some(Id(ablation))) => After::Ablation(ablation),
        _ => {
            return Err(Error::internal(
                "an adverse event of none or of two procedures",
            ));
        }
    };
    let event = body.into_domain();
    once(state, call, move |unit| {
        let stored = ablations::record_event(unit, after, &event)?;
        let location = format!("/v1/adverse-events/{}", stored.id);
        Reply::created(
            &location,
            stored.version,
            &AdverseEventView::of(&stored, after),
        )
    })
}

fn read(state: &State, call: &Call) -> Result<Reply> {
    let id = call.path_id("id", "adverse event")?;
    look(state, call, |unit| {
        let (event, after) = ablations::event(unit, id)?;
        Reply::ok(event.version, &AdverseEventView::of(&event, after))
    })
}

fn list(state: &State, call: &Call) -> Result<Reply> {
    let after = match (call.query_id("block_id"), call.query_id("ablation_id")) {
        (Some(_), Some(_)) => {
            let detail = "send either block_id or ablation_id: an event comes after one of them";
            return Err(Call::invalid_parameter("ablation_id", detail));
        }
        (Some(block), None) => Some(After::Block(block)),
        (None, ablation) => ablation.map(After::Ablation),
    };
    let filter = AdverseEventFilter {
        patient: call.query_id("patient_id"),
        after,
    };
    let from: Option<Uuid> = call.cursor()?;
    look(state, call, |unit| {
        let page = ablations::events(unit, &filter, from, call.limit())?;
        let count = call
            .count()
            .then(|| ablations::count_events(unit, &filter))
            .transpose()?;
        let view =
            |(event, after): &(Stored<AdverseEvent>, After)| AdverseEventView::of(event, *after);
        super::page(call, &page, view, |(event, _)| event.id, count)
    })
}
