//! The shapes of exports: what is asked for, and what is answered.

use crate::app::error::FieldError;
use crate::app::exports::{
    Choice, Content, Dataset, Dates, Export, ExportFile, ExportFilter, Format, Model, Wanted,
    expires_at,
};
use crate::app::{Error, Result};
use crate::domain::anatomy::Region;
use crate::domain::qualification::Verdict;
use crate::domain::sites::Sites;
use crate::http::registry::Example;
use crate::wire::errors::FieldErrors;
use crate::wire::scalar::{Code, Date, Id, Instant, Text};
use chrono::{DateTime, Utc};
use deserr::{Deserr, IntoValue, Sequence, Value as Given, ValuePointerRef};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use serde_json::{Value, json};
use std::borrow::Cow;

/// An export as asked for.
#[derive(Debug, Clone, Deserr, JsonSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields)]
#[schemars(rename = "ExportRequest")]
pub(super) struct ExportBody {
    /// Of what; or `datasets`, or `model`.
    #[deserr(default)]
    dataset: Option<Code<Dataset>>,
    /// Of several datasets, a file each, all from one view of the records.
    #[deserr(default)]
    datasets: Option<Vec<Code<Dataset>>>,
    /// All tables of a common data model.
    #[deserr(default)]
    model: Option<Code<Model>>,
    /// How it is written.
    format: Code<Format>,
    /// The names of the columns of one dataset, in the order wanted; without them all.
    #[deserr(default)]
    columns: Option<Vec<Text<100>>>,
    /// Whether what identifies the patient is left out; without a word about it, only for those who may not have anything else.
    #[deserr(default)]
    deidentify: Option<bool>,
    /// What becomes of dates in a de-identified export; shifted without it.
    #[deserr(default)]
    dates: Option<Code<Dates>>,
    /// Of this patient.
    #[deserr(default)]
    patient_id: Option<Id>,
    /// Of this episode.
    #[deserr(default)]
    episode_id: Option<Id>,
    /// Of procedures by this operator.
    #[deserr(default)]
    operator: Option<Text<200>>,
    /// Of procedures at this site, or at any of these.
    #[deserr(default)]
    site: Option<SiteNames>,
    /// Of episodes of this region.
    #[deserr(default)]
    region: Option<Code<Region>>,
    /// Of what this profile says.
    #[deserr(default)]
    profile: Option<Text<200>>,
    /// Of targets with this verdict: by `profile`, or by any.
    #[deserr(default)]
    verdict: Option<Code<Verdict>>,
    /// Of procedures, or of adverse events that began, on this day or later.
    #[deserr(default)]
    from: Option<Date>,
    /// The same, on this day or earlier.
    #[deserr(default)]
    to: Option<Date>,
}

impl ExportBody {
    pub(super) fn choice(&self) -> Result<Choice> {
        let several = |datasets: &Vec<Code<Dataset>>| {
            let datasets: Vec<Dataset> = datasets.iter().map(|dataset| dataset.0).collect();
            Content::of(&datasets)
        };
        let named = [
            self.dataset.map(|dataset| Content::of(&[dataset.0])),
            self.datasets.as_ref().map(several),
            self.model.map(|_| Content::Omop),
        ];
        let mut named = named.into_iter().flatten();
        let (Some(content), None) = (named.next(), named.next()) else {
            return Err(Error::Invalid(vec![FieldError::new(
                "/dataset",
                "one_of",
                "Exactly one of dataset, datasets and model is needed.",
            )]));
        };
        let columns = self.columns.iter().flatten().map(|name| name.0.clone());
        Ok(Choice {
            content,
            format: self.format.0,
            filter: self.filter(),
            columns: columns.collect(),
            deidentify: self.deidentify,
            dates: self.dates.map(|dates| dates.0),
        })
    }

    fn filter(&self) -> ExportFilter {
        ExportFilter {
            patient_id: self.patient_id.map(|id| id.0),
            episode_id: self.episode_id.map(|id| id.0),
            operator: self.operator.as_ref().map(|text| text.0.clone()),
            sites: self
                .site
                .as_ref()
                .map_or_else(Sites::default, |names| names.0.clone()),
            region: self.region.map(|region| region.0),
            profile: self.profile.as_ref().map(|text| text.0.clone()),
            verdict: self.verdict.map(|verdict| verdict.0),
            from: self.from.map(|date| date.0),
            to: self.to.map(|date| date.0),
        }
    }
}

/// At most so many sites are chosen at once.
const MOST_SITES: usize = 100;

/// The name of a site, or a list of names.
#[derive(Debug, Clone)]
struct SiteNames(Sites);

impl Deserr<FieldErrors> for SiteNames {
    fn deserialize_from_value<V: IntoValue>(
        value: Given<V>,
        location: ValuePointerRef,
    ) -> std::result::Result<Self, FieldErrors> {
        let Given::Sequence(sequence) = value else {
            let Text::<200>(name) = Text::deserialize_from_value(value, location)?;
            return Ok(SiteNames(Sites::of([name])));
        };
        if !(1..=MOST_SITES).contains(&sequence.len()) {
            let detail = format!(
                "Expected 1 to {MOST_SITES} names; leave the field out where any site will do."
            );
            return Err(FieldErrors::at(location, "wrong_number", detail));
        }
        let (mut names, mut errors) = (Vec::new(), FieldErrors::default());
        for (place, name) in sequence.into_iter().enumerate() {
            let at = location.push_index(place);
            match Text::<200>::deserialize_from_value(name.into_value(), at) {
                Ok(Text(name)) => names.push(name),
                Err(error) => errors.add(error),
            }
        }
        if errors.is_empty() {
            Ok(SiteNames(Sites::of(names)))
        } else {
            Err(errors)
        }
    }
}

impl JsonSchema for SiteNames {
    fn schema_name() -> Cow<'static, str> {
        "SiteNames".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let name = generator.subschema_for::<Text<200>>();
        json_schema!({ "anyOf": [name.clone(), { "type": "array", "items": name, "minItems": 1, "maxItems": MOST_SITES }] })
    }
}

/// The filters of an export.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ExportFilters")]
struct FilterView {
    /// Of this patient.
    patient_id: Option<Id>,
    /// Of this episode.
    episode_id: Option<Id>,
    /// Of procedures by this operator.
    operator: Option<String>,
    /// Of procedures at any of these sites.
    site: Option<Vec<String>>,
    /// Of episodes of this region.
    region: Option<Code<Region>>,
    /// Of what this profile says.
    profile: Option<String>,
    /// Of targets with this verdict.
    verdict: Option<Code<Verdict>>,
    /// On this day or later.
    from: Option<Date>,
    /// On this day or earlier.
    to: Option<Date>,
}

/// A file of an export.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ExportFile")]
struct FileView {
    /// Its name, as in `/v1/exports/{id}/files/{name}`.
    name: String,
    /// Its media type.
    media_type: String,
    /// How long it is.
    bytes: i64,
    /// SHA-256 of its content, in hexadecimal digits.
    sha256: String,
    /// How many rows it has; null where it has none.
    rows: Option<i64>,
}

/// An export.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Export")]
pub(super) struct ExportView {
    /// Its id.
    id: Id,
    /// Of what: a dataset, several separated by commas, or omop.
    dataset: String,
    /// How it is written.
    format: String,
    /// The columns that were chosen; null for all.
    columns: Option<Vec<String>>,
    /// Which records.
    filters: FilterView,
    /// Whether what identifies the patient is left out.
    deidentified: bool,
    /// What becomes of dates then.
    dates: Option<Code<Dates>>,
    /// `queued`, `running`, `done`, `failed` or `cancelled`.
    state: String,
    /// How many rows it has: so far, while it is running.
    rows: Option<i64>,
    /// How many rows it will have at most; null until it is running.
    expected_rows: Option<i64>,
    /// Its files, once it is done: the rows, and what their columns say.
    files: Vec<FileView>,
    /// Why it failed.
    failure: Option<String>,
    /// Who asked for it.
    created_by: String,
    /// When.
    created_at: Instant,
    /// When it ended.
    finished_at: Option<Instant>,
    /// When it is deleted.
    expires_at: Instant,
}

fn utc(at: DateTime<Utc>) -> Instant {
    Instant(at.fixed_offset())
}

pub(super) fn view(export: &Export, files: &[ExportFile]) -> Result<ExportView> {
    let wanted = Wanted::stored(export)?;
    let filter = wanted.filter;
    let file = |file: &ExportFile| FileView {
        name: file.name.clone(),
        media_type: file.media_type.clone(),
        bytes: file.bytes,
        sha256: file.sha256.clone(),
        rows: file.rows,
    };
    Ok(ExportView {
        id: Id(export.id),
        dataset: export.dataset.clone(),
        format: export.format.clone(),
        filters: FilterView {
            patient_id: filter.patient_id.map(Id),
            episode_id: filter.episode_id.map(Id),
            operator: filter.operator,
            site: (!filter.sites.are_any()).then(|| filter.sites.names().to_vec()),
            region: filter.region.map(Code),
            profile: filter.profile,
            verdict: filter.verdict.map(Code),
            from: filter.from.map(Date),
            to: filter.to.map(Date),
        },
        columns: (!wanted.columns.is_empty()).then_some(wanted.columns),
        deidentified: export.deidentify,
        dates: export.deidentify.then_some(Code(wanted.dates)),
        state: export.state.code().to_owned(),
        rows: export.rows,
        expected_rows: export.expected_rows,
        files: files.iter().map(file).collect(),
        failure: export.failure.clone(),
        created_by: export.created_by.clone(),
        created_at: utc(export.created_at),
        finished_at: export.finished_at.map(utc),
        expires_at: utc(expires_at(export.created_at)),
    })
}

pub(super) fn request_examples() -> Vec<Example> {
    vec![
        Example {
            name: "plain",
            summary: "The blocks of a year, as they were recorded.",
            value: json!({"dataset": "blocks", "format": "csv", "from": "2025-01-01", "to": "2025-12-31", "deidentify": false}),
        },
        Example {
            name: "deidentified",
            summary: "Relief of every block without what identifies the patients.",
            value: json!({"dataset": "relief", "format": "ndjson", "deidentify": true}),
        },
        Example {
            name: "several",
            summary: "Several datasets as Parquet, all from one view of the records.",
            value: json!({"datasets": ["blocks", "scores", "outcomes"], "format": "parquet"}),
        },
    ]
}

pub(super) fn waiting_example() -> Value {
    json!({
        "id": "01890a5d-ac96-774b-bcce-b302099a8057",
        "dataset": "blocks",
        "format": "csv",
        "columns": null,
        "filters": {"patient_id": null, "episode_id": null, "operator": null, "site": null, "region": null, "profile": null, "verdict": null, "from": "2025-01-01", "to": "2025-12-31"},
        "deidentified": false,
        "dates": null,
        "state": "queued",
        "rows": null,
        "expected_rows": null,
        "files": [],
        "failure": null,
        "created_by": "ehr",
        "created_at": "2026-03-01T09:00:00Z",
        "finished_at": null,
        "expires_at": "2026-03-08T09:00:00Z",
    })
}

pub(super) fn done_example() -> Value {
    let mut example = waiting_example();
    if let Some(fields) = example.as_object_mut() {
        let file = json!({
            "name": "blocks.csv",
            "media_type": "text/csv; charset=utf-8; header=present",
            "bytes": 48213,
            "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            "rows": 214,
        });
        fields.insert("state".to_owned(), json!("done"));
        fields.insert("rows".to_owned(), json!(214));
        fields.insert("expected_rows".to_owned(), json!(214));
        fields.insert("files".to_owned(), json!([file]));
        fields.insert("finished_at".to_owned(), json!("2026-03-01T09:00:02Z"));
    }
    example
}
