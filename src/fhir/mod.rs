//! FHIR R4 over the records: a translation, computed when it is asked for. Nothing of it is stored.

mod answer;
pub mod bulk;
mod bundle;
pub mod capability;
mod conditional;
pub mod ids;
mod intake;
pub mod interactions;
pub mod out;
pub mod outcome;
mod patch;
pub mod reach;
mod read;
mod references;
pub mod resource;
pub mod search;
pub mod source;
pub mod subscription;
pub mod table;
pub mod terms;
mod versions;
pub mod write;

use crate::auth::Operation;
use crate::http::registry::{Access, Endpoint, Handler, Method, Runs};
use resource::Interaction;
use table::TABLE;

pub use answer::resource_reply;

/// Every endpoint that speaks FHIR, made from the table of what is served.
#[must_use]
pub fn endpoints() -> Vec<Endpoint> {
    let mut endpoints = vec![
        Endpoint::fhir(
            Method::Get,
            "/fhir/R4/metadata",
            "fhir_metadata",
            Access::Public,
            |state, call| Ok(capability::show(state, call)),
        )
        .titled("fhir", "What is served, as a CapabilityStatement")
        .runs(Runs::Inline),
    ];
    for served in TABLE {
        for interaction in served.interactions {
            endpoints.extend(of_type(served.kind, *interaction));
        }
        endpoints.push(search::of_type(served.kind));
    }
    endpoints.extend(interactions::endpoints());
    endpoints.extend(bulk::endpoints());
    endpoints.extend(search::endpoints());
    endpoints.extend(subscription::endpoints());
    // Where two paths fit, the one that was registered first is taken: the literal ones come before `{id}`.
    endpoints.sort_by_key(|endpoint| endpoint.path_parameters().count());
    endpoints
}

/// The endpoint of one interaction with one type.
fn of_type(kind: resource::ResourceType, interaction: Interaction) -> Option<Endpoint> {
    let handler: Handler<crate::app::App> = match interaction {
        Interaction::Read => read::read,
        Interaction::Vread => read::vread,
        Interaction::HistoryInstance => read::history,
        Interaction::SearchType => search::by_get,
    };
    let operation = match interaction {
        Interaction::Read | Interaction::Vread | Interaction::HistoryInstance => Operation::Read,
        Interaction::SearchType => Operation::Search,
    };
    let access = Access::Needs(resource::action(kind, interaction));
    let (path, operation_id) = (kind.path(interaction), kind.operation_id(interaction));
    Some(
        Endpoint::fhir(interaction.method(), path, operation_id, access, handler)
            .scoped(kind.code(), operation)
            .titled("fhir", interaction.code()),
    )
}
