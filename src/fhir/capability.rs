//! The CapabilityStatement: made and written once from the table of what is served, and given out from memory.

use super::bulk;
use super::interactions::{self, Change};
use super::read::base;
use super::resource::{Interaction, ResourceType};
use super::search::parameters::{self, SearchParameter};
use super::search::{includes, reverse_includes};
use super::subscription;
use super::table::{Served, TABLE};
use super::terms;
use crate::http::call::Call;
use crate::http::dialect::FHIR_JSON;
use crate::http::reply::Reply;
use crate::http::smart::token_address;
use crate::http::state::State;
use actix_web::http::StatusCode;
use serde_json::{Map, Value, json};
use std::sync::LazyLock;

/// The statement as it is sent, in pieces around what is not known before somebody asks.
static STATEMENT: LazyLock<Vec<Piece>> = LazyLock::new(|| in_pieces(&statement().to_string()));

/// What stands in the statement where the address of the token endpoint belongs, and the base address of FHIR.
const TOKEN: &str = "@token";
const BASE: &str = "@base";

/// A piece of the statement as it is sent.
enum Piece {
    /// The same for everybody.
    Text(String),
    /// The address of the token endpoint, as configured.
    Token,
    /// The base address of FHIR, as the client reaches it.
    Base,
}

/// Where older clients look for the token endpoint; newer ones look into `.well-known/smart-configuration`.
const OAUTH_URIS: &str = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris";

/// Gives out the statement.
pub(super) fn show(state: &State, call: &Call) -> Reply {
    let body = put_together(&STATEMENT, token_address(state), base(call));
    Reply::bytes(StatusCode::OK, FHIR_JSON, body)
}

/// The pieces of a text around the strings that stand for addresses.
fn in_pieces(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for (place, part) in text.split(&quoted(TOKEN)).enumerate() {
        if place > 0 {
            pieces.push(Piece::Token);
        }
        for (place, part) in part.split(&quoted(BASE)).enumerate() {
            if place > 0 {
                pieces.push(Piece::Base);
            }
            pieces.push(Piece::Text(part.to_owned()));
        }
    }
    pieces
}

fn put_together(pieces: &[Piece], token: String, base: String) -> String {
    let (token, base) = (quoted(token), quoted(base));
    let texts: Vec<&str> = pieces
        .iter()
        .map(|piece| match piece {
            Piece::Text(text) => text.as_str(),
            Piece::Token => token.as_str(),
            Piece::Base => base.as_str(),
        })
        .collect();
    texts.concat()
}

/// As a string of JSON.
fn quoted(text: impl Into<String>) -> String {
    Value::String(text.into()).to_string()
}

fn statement() -> Value {
    let resources: Vec<Value> = TABLE
        .iter()
        .map(resource)
        .chain([interactions::taken_only(), subscription::capability()])
        .collect();
    json!({
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
                "extension": [{
                    "url": OAUTH_URIS,
                    "extension": [{"url": "token", "valueUri": TOKEN}],
                }],
            },
            "resource": resources,
            "interaction": interactions::OF_ALL.map(|code| json!({ "code": code })),
            "operation": [bulk::operation("export")],
        }],
        "implementation": {"description": "Medial", "url": BASE},
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_stands_once_and_as_it_is_asked_for() {
        let count = |wanted: fn(&Piece) -> bool| STATEMENT.iter().filter(|one| wanted(one)).count();
        assert_eq!(count(|one| matches!(one, Piece::Token)), 1);
        assert_eq!(count(|one| matches!(one, Piece::Base)), 1);
        for host in ["https://one.test", "https://\"two\".test"] {
            let text = put_together(&STATEMENT, format!("{host}/token"), host.to_owned());
            let body: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(body["implementation"]["url"], host);
            let extension = &body["rest"][0]["security"]["extension"][0];
            assert_eq!(extension["url"], OAUTH_URIS);
            assert_eq!(
                extension["extension"][0]["valueUri"],
                format!("{host}/token")
            );
        }
    }
}
