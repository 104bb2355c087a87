//! The CapabilityStatement: made once from the table of what is served, and given out from memory.

use super::answer::body_reply;
use super::bulk;
use super::interactions::{self, Change};
use super::read::base;
use super::resource::{Interaction, ResourceType};
use super::search::parameters::{self, SearchParameter};
use super::search::{includes, reverse_includes};
use super::subscription;
use super::table::{Served, TABLE};
use super::terms;
use crate::app::Result;
use crate::http::call::Call;
use crate::http::reply::Reply;
use crate::http::smart::token_address;
use crate::http::state::State;
use actix_web::http::StatusCode;
use serde_json::{Map, Value, json};
use std::sync::LazyLock;

/// All of the statement but where the service is.
static STATEMENT: LazyLock<Map<String, Value>> = LazyLock::new(statement);

/// Where older clients look for the token endpoint; newer ones look into `.well-known/smart-configuration`.
const OAUTH_URIS: &str = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris";

/// Gives out the statement.
pub(super) fn show(state: &State, call: &Call) -> Result<Reply> {
    let mut body = STATEMENT.clone();
    let security = body
        .get_mut("rest")
        .and_then(|rest| rest.pointer_mut("/0/security"))
        .and_then(Value::as_object_mut);
    if let Some(security) = security {
        let token = json!({"url": "token", "valueUri": token_address(state)});
        security.insert(
            "extension".to_owned(),
            json!([{"url": OAUTH_URIS, "extension": [token]}]),
        );
    }
    body.insert(
        "implementation".to_owned(),
        json!({"description": "Medial", "url": base(call)}),
    );
    body_reply(StatusCode::OK, &body)
}

fn statement() -> Map<String, Value> {
    let resources: Vec<Value> = TABLE
        .iter()
        .map(resource)
        .chain([interactions::taken_only(), subscription::capability()])
        .collect();
    let fields = json!({
        "resourceType": "CapabilityStatement",
        "id": "medial",
        "url": "urn:medial:fhir:CapabilityStatement:medial",
        "version": env!("CARGO_PKG_VERSION"),
        "name": "Medial",
        "title": "Medial: medial branch blocks and candidates for radiofrequency ablation",
        "status": "active",
        "date": terms::PUBLISHED,
        "publisher": "Medial",
        "description": "Records of medial branch blocks, the relief they gave, and what each body's criteria say about every target. Resources are computed from the records; what is not listed here is not served.",
        "kind": "instance",
        "instantiates": [bulk::GUIDE],
        "software": {"name": "Medial", "version": env!("CARGO_PKG_VERSION")},
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json", "json"],
        "patchFormat": ["application/json-patch+json"],
        "rest": [{
            "mode": "server",
            "security": {
                "cors": false,
                "service": [{"coding": [{
                    "system": "http://terminology.hl7.org/CodeSystem/restful-security-service",
                    "code": "SMART-on-FHIR",
                }]}],
                "description": "A bearer token in every request but this one.",
            },
            "resource": resources,
            "interaction": interactions::OF_ALL.map(|code| json!({ "code": code })),
            "operation": [bulk::operation("export")],
        }],
    });
    match fields {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

fn resource(served: &Served) -> Value {
    let changes: Vec<Change> = interactions::changes(served.kind).collect();
    let interactions: Vec<Value> = served
        .interactions
        .iter()
        .map(|interaction| interaction.code())
        .chain(changes.iter().filter_map(|change| change.code()))
        .map(|code| json!({ "code": code }))
        .collect();
    let keeps = served.interactions.contains(&Interaction::Vread);
    let mut body = json!({
        "type": served.kind.code(),
        "interaction": interactions,
        "versioning": if keeps { "versioned" } else { "no-version" },
        "readHistory": keeps,
    });
    let Some(fields) = body.as_object_mut() else {
        return body;
    };
    let parameter = |one: &SearchParameter| json!({"name": one.name, "type": one.kind.code()});
    conditions(fields, &changes);
    let level = match served.kind {
        ResourceType::Patient => Some("patient-export"),
        ResourceType::Group => Some("group-export"),
        _ => None,
    };
    let mut operations = interactions::operations(served.kind);
    operations.extend(level.map(bulk::operation));
    let lists = [
        ("supportedProfile", json!(served.profiles)),
        ("searchInclude", json!(includes(served.kind))),
        ("searchRevInclude", json!(reverse_includes(served.kind))),
        (
            "searchParam",
            parameters::all(served.kind).map(parameter).collect(),
        ),
        ("operation", json!(operations)),
    ];
    for (name, list) in lists {
        if list.as_array().is_some_and(|list| !list.is_empty()) {
            fields.insert(name.to_owned(), list);
        }
    }
    body
}

/// What may be changed depending on what is recorded already.
fn conditions(fields: &mut Map<String, Value>, changes: &[Change]) {
    if changes.is_empty() {
        return;
    }
    let may = |change| changes.contains(&change);
    let deletes = if may(Change::ConditionalDelete) {
        "single"
    } else {
        "not-supported"
    };
    fields.insert("updateCreate".to_owned(), json!(false));
    fields.insert("conditionalCreate".to_owned(), json!(may(Change::Create)));
    let updates = may(Change::ConditionalUpdate);
    fields.insert("conditionalUpdate".to_owned(), json!(updates));
    fields.insert("conditionalDelete".to_owned(), json!(deletes));
}
