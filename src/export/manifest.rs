//! What goes with the files of an export and says what they are.

use super::column::Heading;
use super::columns::DICTIONARY_VERSION;
use super::write::Written;
use super::{datapackage, files};
use crate::app::exports::{Format, Wanted};
use crate::app::{Error, Result};
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};
use std::path::Path;

/// The file that says what the others are.
const MANIFEST: &str = "manifest.json";
/// The file that describes CSV to readers of Frictionless data packages.
const DATA_PACKAGE: &str = "datapackage.json";

/// A table of an export, and the file that it is in.
pub(super) struct Described {
    /// The name of the dataset or the table.
    pub(super) name: String,
    /// What it holds.
    pub(super) title: String,
    /// Its columns as they were written.
    pub(super) headings: Vec<Heading>,
    /// Its file.
    pub(super) file: Written,
}

/// Writes what says what the files of `tables` are: beside CSV the description of a data package, and last the manifest, so
/// that whoever sees it sees all of them. All files, the tables' first.
pub(super) fn write_all(
    wanted: &Wanted,
    tables: Vec<Described>,
    taken_at: DateTime<Utc>,
    directory: &Path,
) -> Result<Vec<Written>> {
    let mut beside = Vec::new();
    if wanted.format == Format::Csv {
        let package = datapackage::package(&wanted.content.code(), &tables, taken_at);
        beside.push(write_json(directory, DATA_PACKAGE, &package)?);
    }
    let manifest = manifest(wanted, &tables, taken_at);
    beside.push(write_json(directory, MANIFEST, &manifest)?);
    Ok(tables
        .into_iter()
        .map(|table| table.file)
        .chain(beside)
        .collect())
}

fn manifest(wanted: &Wanted, tables: &[Described], taken_at: DateTime<Utc>) -> Value {
    let rows: u64 = tables.iter().filter_map(|table| table.file.rows).sum();
    json!({
        "content": wanted.content.code(),
        "format": wanted.format.code(),
        "taken_at": taken_at.to_rfc3339_opts(SecondsFormat::Micros, true),
        "filters": serde_json::to_value(&wanted.filter).unwrap_or_default(),
        "deidentified": wanted.deidentify,
        "deidentification": deidentification(wanted),
        "program": concat!("medial ", env!("CARGO_PKG_VERSION")),
        "dictionary_version": DICTIONARY_VERSION,
        "rows": rows,
        "files": tables.iter().map(file).collect::<Vec<_>>(),
    })
}

/// The choice that was made, in words that say what to expect.
fn deidentification(wanted: &Wanted) -> Value {
    if !wanted.deidentify {
        return Value::Null;
    }
    json!({
        "method": "Safe Harbor, 45 CFR 164.514(b)(2)",
        "dates": wanted.dates.code(),
        "ages": "90 and above as 90",
        "ids": "HMAC-SHA-256 with a key that the service keeps",
        "free_text": "left out",
    })
}

fn file(table: &Described) -> Value {
    json!({
        "dataset": table.name,
        "name": table.file.name,
        "media_type": table.file.media_type,
        "bytes": table.file.content.bytes,
        "sha256": table.file.content.sha256,
        "rows": table.file.rows,
        "columns": table.headings.iter().map(described).collect::<Vec<_>>(),
    })
}

/// A column for a reader.
pub(super) fn described(heading: &Heading) -> Value {
    json!({
        "name": heading.name,
        "type": heading.kind.words(),
        "unit": heading.unit,
        "description": heading.description,
    })
}

fn write_json(directory: &Path, name: &str, value: &Value) -> Result<Written> {
    let ((), content) = files::write_file(&directory.join(name), |out| {
        let mut text =
            serde_json::to_vec_pretty(value).map_err(|error| Error::Internal(error.into()))?;
        text.push(b'\n');
        out.write_all(&text)
            .map_err(|error| Error::Internal(error.into()))
    })?;
    Ok(Written {
        name: name.to_owned(),
        media_type: "application/json",
        content,
        rows: None,
    })
}
