//! The data dictionary as it is answered.

use crate::app::exports::Dataset;
use crate::domain::Vocabulary;
use crate::export::{Column, DICTIONARY_VERSION, columns, dictionary};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

/// What each column of each dataset says.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "DataDictionary")]
pub(super) struct DictionaryView {
    /// Counts the changes of the columns.
    version: u32,
    /// Changes with whatever a column is called, is, or says.
    fingerprint: String,
    /// The datasets.
    datasets: Vec<DatasetView>,
}

/// A dataset.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "DescribedDataset")]
struct DatasetView {
    /// Its name.
    name: String,
    /// The filters that it has.
    filters: Vec<String>,
    /// Its columns in their order.
    columns: Vec<ColumnView>,
}

/// A column.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "DescribedColumn")]
struct ColumnView {
    /// Its name.
    name: String,
    /// What its values are.
    #[serde(rename = "type")]
    kind: String,
    /// The unit of its values.
    unit: Option<String>,
    /// What it says.
    description: String,
    /// What becomes of it in a de-identified export.
    deidentified: String,
}

/// The dictionary as it is.
pub(super) fn view() -> DictionaryView {
    DictionaryView {
        version: DICTIONARY_VERSION,
        fingerprint: dictionary::fingerprint(),
        datasets: Dataset::ALL.iter().map(|dataset| of(*dataset)).collect(),
    }
}

fn of(dataset: Dataset) -> DatasetView {
    DatasetView {
        name: dataset.code_of().to_owned(),
        filters: dataset
            .filters()
            .iter()
            .map(|name| (*name).to_owned())
            .collect(),
        columns: columns(dataset).iter().map(column).collect(),
    }
}

fn column(column: &Column) -> ColumnView {
    ColumnView {
        name: column.name().to_owned(),
        kind: column.heading.kind.words().to_owned(),
        unit: column.heading.unit.map(str::to_owned),
        description: column.heading.description.to_string(),
        deidentified: column.privacy.words().to_owned(),
    }
}

/// One column of one dataset.
pub(super) fn example() -> Value {
    json!({
        "version": 2,
        "fingerprint": "0f3c5a9be1d2",
        "datasets": [{
            "name": "blocks",
            "filters": ["patient_id", "site"],
            "columns": [{
                "name": "volume_ml_per_nerve",
                "type": "number",
                "unit": "mL",
                "description": "The volume at each nerve.",
                "deidentified": "kept",
            }],
        }],
    })
}
