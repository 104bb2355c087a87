//! The OpenAPI document.

use super::*;
use std::collections::BTreeSet;

fn document() -> Value {
    openapi::json(state_with(settings()).endpoints())
}

#[test]
fn every_endpoint_is_there_with_its_errors() {
    let document = document();
    let statuses = |path: &str, method: &str| -> BTreeSet<String> {
        let responses = &document["paths"][path][method]["responses"];
        responses.as_object().unwrap().keys().cloned().collect()
    };
    let set = |list: &[&str]| {
        list.iter()
            .map(|status| (*status).to_owned())
            .collect::<BTreeSet<String>>()
    };
    assert_eq!(
        statuses("/v1/notes", "post"),
        set(&[
            "201", "400", "401", "403", "408", "409", "413", "415", "422", "500", "503"
        ])
    );
    assert_eq!(
        statuses("/v1/notes", "get"),
        set(&["200", "400", "401", "403", "500", "503"])
    );
    assert_eq!(
        statuses("/v1/notes/{id}", "put"),
        set(&[
            "200", "400", "401", "403", "404", "408", "412", "413", "415", "422", "428", "500",
            "503"
        ])
    );
    assert_eq!(statuses("/health/live", "get"), set(&["200", "400", "500"]));
    for endpoint in state_with(settings()).endpoints() {
        let method = endpoint.method.name().to_ascii_lowercase();
        assert_eq!(
            document["paths"][endpoint.path][&method]["operationId"],
            endpoint.operation_id
        );
    }
}

#[test]
fn every_reference_leads_somewhere() {
    fn visit(node: &Value, document: &Value) {
        match node {
            Value::Object(map) => {
                if let Some(Value::String(reference)) = map.get("$ref") {
                    let pointer = reference.strip_prefix('#').unwrap();
                    assert!(document.pointer(pointer).is_some(), "{reference}");
                }
                map.values().for_each(|value| visit(value, document));
            }
            Value::Array(values) => values.iter().for_each(|value| visit(value, document)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let document = document();
    visit(&document, &document);
}

#[test]
fn parameters_and_headers_are_told() {
    let document = document();
    let list = &document["paths"]["/v1/notes"]["get"];
    let parameters = list["parameters"].as_array().unwrap();
    let named = |name: &str| {
        parameters
            .iter()
            .find(|parameter| parameter["name"] == name)
            .unwrap()
    };
    assert_eq!(
        named("limit")["schema"],
        json!({"type": "integer", "minimum": 1, "maximum": 500, "default": 50})
    );
    assert_eq!(named("colours")["explode"], false);
    assert_eq!(named("side")["schema"]["enum"], json!(["left", "right"]));
    assert!(list["responses"]["200"]["headers"]["Link"].is_object());
    let create = &document["paths"]["/v1/notes"]["post"];
    for header in ["ETag", "Location", "X-Request-Id", "Idempotent-Replayed"] {
        assert!(
            create["responses"]["201"]["headers"][header].is_object(),
            "{header}"
        );
    }
    assert_eq!(create["security"], json!([{"bearer": []}]));
    assert_eq!(create["x-permission"], "write_block");
    assert_eq!(
        document["paths"]["/health/live"]["get"]["security"],
        json!([])
    );
    let change = document["paths"]["/v1/notes/{id}"]["put"]["parameters"]
        .as_array()
        .unwrap()
        .clone();
    assert!(change.contains(&json!({"$ref": "#/components/parameters/IfMatch"})));
    assert!(document["components"]["responses"]["Error503"]["headers"]["Retry-After"].is_object());
}

#[test]
fn a_type_that_differs_between_request_and_answer_has_two_names() {
    #[derive(Serialize, JsonSchema)]
    struct Inner {
        #[serde(default)]
        a: u8,
    }
    #[derive(Serialize, JsonSchema)]
    struct Outer {
        inner: Inner,
        side: Same,
    }
    #[derive(Serialize, JsonSchema)]
    enum Same {
        Left,
    }
    let _ = (
        Outer {
            inner: Inner { a: 1 },
            side: Same::Left,
        },
        Inner { a: 1 }.a,
    );
    let endpoint =
        Endpoint::<()>::post(
            "/x",
            "x",
            Action::WriteBlock,
            |_, _| Ok(Reply::no_content()),
        )
        .takes::<Outer>(Vec::new())
        .answers::<Outer>(200, "X.", None);
    let document = openapi::json(&[endpoint]);
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let names: Vec<&str> = schemas.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "FieldProblem",
            "Inner",
            "InnerAnswer",
            "Outer",
            "OuterAnswer",
            "Problem",
            "Same"
        ]
    );
    assert_eq!(
        schemas["OuterAnswer"]["properties"]["inner"]["$ref"],
        "#/components/schemas/InnerAnswer"
    );
    assert_eq!(
        schemas["OuterAnswer"]["properties"]["side"]["$ref"],
        "#/components/schemas/Same"
    );
    let operation = &document["paths"]["/x"]["post"];
    assert_eq!(
        operation["requestBody"]["content"]["application/json"]["schema"]["$ref"],
        "#/components/schemas/Outer"
    );
    assert_eq!(
        operation["responses"]["200"]["content"]["application/json"]["schema"]["$ref"],
        "#/components/schemas/OuterAnswer"
    );
}

#[test]
fn the_text_is_the_same_each_time_and_reads_back() {
    let once = openapi::yaml(state_with(settings()).endpoints());
    assert_eq!(once, openapi::yaml(state_with(settings()).endpoints()));
    let back: Value = serde_norway::from_str(&once).unwrap();
    assert_eq!(back, document());
    let mut order = once
        .lines()
        .filter(|line| !line.starts_with([' ', '-']))
        .filter_map(|line| line.split_once(':'))
        .map(|(key, _)| key);
    assert_eq!(
        order.by_ref().collect::<Vec<_>>(),
        ["openapi", "info", "servers", "tags", "paths", "components"]
    );
}
