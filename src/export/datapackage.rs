//! The description of CSV files as a Frictionless data package (Tabular Data Package, version 1).

use super::column::{Heading, Kind};
use super::columns::DICTIONARY_VERSION;
use super::manifest::Described;
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

/// The package of `tables`; `content` names it.
pub(super) fn package(content: &str, tables: &[Described], created: DateTime<Utc>) -> Value {
    json!({
        "profile": "tabular-data-package",
        "name": format!("medial-{}", content.replace([',', '_'], "-")),
        "title": "Medial branch blocks and what followed them",
        "version": DICTIONARY_VERSION.to_string(),
        "created": created.to_rfc3339_opts(SecondsFormat::Secs, true),
        "resources": tables.iter().map(resource).collect::<Vec<_>>(),
    })
}

fn resource(table: &Described) -> Value {
    json!({
        "profile": "tabular-data-resource",
        "name": table.name.replace('_', "-"),
        "title": table.title,
        "path": table.file.name,
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8",
        "bytes": table.file.content.bytes,
        "hash": format!("sha256:{}", table.file.content.sha256),
        "dialect": {
            "delimiter": ",",
            "lineTerminator": "\r\n",
            "quoteChar": "\"",
            "doubleQuote": true,
            "header": true,
        },
        "schema": {
            "fields": table.headings.iter().map(field).collect::<Vec<_>>(),
            "missingValues": [""],
        },
    })
}

fn field(heading: &Heading) -> Value {
    let (kind, format) = match heading.kind {
        Kind::Id => ("string", Some("uuid")),
        Kind::Text | Kind::Code | Kind::Codes => ("string", None),
        Kind::Date => ("date", None),
        // Any form of ISO 8601: with an offset here.
        Kind::Instant => ("datetime", Some("any")),
        Kind::LocalTime => ("datetime", Some("%Y-%m-%d %H:%M:%S")),
        Kind::Integer => ("integer", None),
        Kind::Number => ("number", None),
        Kind::Boolean => ("boolean", None),
        Kind::Objects => ("array", None),
    };
    let mut field = json!({
        "name": heading.name,
        "type": kind,
        "description": heading.description,
    });
    if let Some(fields) = field.as_object_mut() {
        if let Some(format) = format {
            fields.insert("format".to_owned(), json!(format));
        }
        if let Some(unit) = heading.unit {
            fields.insert("unit".to_owned(), json!(unit));
        }
    }
    field
}
