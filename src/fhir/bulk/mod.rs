//! Bulk Data Access: all that a token reaches, written to files in the background and fetched from there.
//!
//! `kick_off` reads a request and writes it down as an [`order::Order`]; `make` carries an order out, on one unchanging view
//! of the database; `status` tells how far that is, and gives the files out.

mod asked;
mod deleted;
mod elements;
mod files;
mod filters;
mod kick_off;
mod make;
mod order;
mod parameters;
mod resources;
mod status;

use crate::auth::Action;
use crate::http::registry::{Access, Endpoint, Method};
use serde_json::{Value, json};

pub use files::Limits;
pub use make::{Made, make};

/// Media type of the files: a resource to a line.
pub const NDJSON: &str = "application/fhir+ndjson";

/// Names by which clients may ask for it.
const NDJSON_NAMES: [&str; 3] = [NDJSON, "application/ndjson", "ndjson"];

/// What the guide's server can do.
pub(super) const GUIDE: &str = "http://hl7.org/fhir/uv/bulkdata/CapabilityStatement/bulk-data";

/// The endpoints.
pub(super) fn endpoints() -> Vec<Endpoint> {
    let access = Access::Needs(Action::BulkExport);
    let mut endpoints = Vec::new();
    let kick_offs = [
        (
            "/fhir/R4/$export",
            ["fhir_bulk_system", "fhir_bulk_system_by_post"],
            "Export everything",
        ),
        (
            "/fhir/R4/Patient/$export",
            ["fhir_bulk_patients", "fhir_bulk_patients_by_post"],
            "Export all patients",
        ),
        (
            "/fhir/R4/Group/{id}/$export",
            ["fhir_bulk_group", "fhir_bulk_group_by_post"],
            "Export the patients of a group",
        ),
    ];
    for (path, [by_get, by_post], title) in kick_offs {
        let kick_off = |method, operation_id| {
            Endpoint::fhir(method, path, operation_id, access, kick_off::kick_off)
                .titled("fhir", title)
        };
        endpoints.push(kick_off(Method::Get, by_get));
        endpoints.push(kick_off(Method::Post, by_post).takes_fhir().optional_body());
    }
    endpoints.extend([
        Endpoint::fhir(
            Method::Get,
            "/fhir/R4/bulk/{id}",
            "fhir_bulk_status",
            access,
            status::show,
        )
        .titled("fhir", "How far a bulk export is"),
        Endpoint::fhir(
            Method::Delete,
            "/fhir/R4/bulk/{id}",
            "fhir_bulk_delete",
            access,
            status::delete,
        )
        .titled("fhir", "Delete a bulk export, or break it off"),
        Endpoint::fhir(
            Method::Get,
            "/fhir/R4/bulk/{id}/{name}",
            "fhir_bulk_file",
            access,
            status::file,
        )
        .titled("fhir", "A file of a bulk export")
        .answers_as(200, NDJSON, "A resource to a line.")
        .answers_as(200, "application/ndjson", "The same."),
    ]);
    endpoints
}

/// An operation as a CapabilityStatement lists it; `level` is that of its definition.
#[must_use]
pub(super) fn operation(level: &str) -> Value {
    json!({
        "name": "export",
        "definition": format!("http://hl7.org/fhir/uv/bulkdata/OperationDefinition/{level}"),
    })
}
