//! Exports: streamed at once, or made in the background and fetched as files.

use super::{change, look, once};
use crate::app::exports::{
    self, Dataset, Export, ExportFile, ExportFilter, Format, Wanted, expires_at,
};
use crate::app::{Error, Result};
use crate::auth::Action;
use crate::domain::Vocabulary;
use crate::export::{files, media_type};
use crate::http::call::{Call, Page};
use crate::http::problem::Kind;
use crate::http::registry::{Endpoint, Example, Parameter, ParameterKind};
use crate::http::reply::Reply;
use crate::http::state::State;
use crate::wire::errors::FieldErrors;
use crate::wire::scalar::{Code, Date, Id, Instant, Text};
use actix_web::http::header::HeaderName;
use chrono::{DateTime, Utc};
use deserr::Deserr;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};
use std::sync::Arc;
use uuid::Uuid;

/// Tells of a stream whether it is de-identified.
const DEIDENTIFIED: HeaderName = HeaderName::from_static("medial-deidentified");

/// An export as asked for.
#[derive(Debug, Clone, Deserr, JsonSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields)]
#[schemars(rename = "ExportRequest")]
struct ExportBody {
    /// Of what.
    dataset: Code<Dataset>,
    /// How it is written.
    format: Code<Format>,
    /// Whether what identifies the patient is left out; without a word about it, only for those who may not have anything else.
    #[deserr(default)]
    deidentify: Option<bool>,
    /// Of this patient.
    #[deserr(default)]
    patient_id: Option<Id>,
    /// Of this episode.
    #[deserr(default)]
    episode_id: Option<Id>,
    /// Of procedures by this operator.
    #[deserr(default)]
    operator: Option<Text<200>>,
    /// Of procedures at this site.
    #[deserr(default)]
    site: Option<Text<200>>,
    /// Of procedures, or of adverse events that began, on this day or later.
    #[deserr(default)]
    from: Option<Date>,
    /// The same, on this day or earlier.
    #[deserr(default)]
    to: Option<Date>,
}

impl ExportBody {
    fn filter(&self) -> ExportFilter {
        ExportFilter {
            patient_id: self.patient_id.map(|id| id.0),
            episode_id: self.episode_id.map(|id| id.0),
            operator: self.operator.as_ref().map(|text| text.0.clone()),
            site: self.site.as_ref().map(|text| text.0.clone()),
            from: self.from.map(|date| date.0),
            to: self.to.map(|date| date.0),
        }
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
    /// Of procedures at this site.
    site: Option<String>,
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
struct ExportView {
    /// Its id.
    id: Id,
    /// Of what.
    dataset: String,
    /// How it is written.
    format: String,
    /// Which records.
    filters: FilterView,
    /// Whether what identifies the patient is left out.
    deidentified: bool,
    /// `queued`, `running`, `done`, `failed` or `cancelled`.
    state: String,
    /// How many rows it has, once it is done.
    rows: Option<i64>,
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

fn view(export: &Export, files: &[ExportFile]) -> Result<ExportView> {
    let filter = Wanted::stored(export)?.filter;
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
            site: filter.site,
            from: filter.from.map(Date),
            to: filter.to.map(Date),
        },
        deidentified: export.deidentify,
        state: export.state.code().to_owned(),
        rows: export.rows,
        files: files.iter().map(file).collect(),
        failure: export.failure.clone(),
        created_by: export.created_by.clone(),
        created_at: utc(export.created_at),
        finished_at: export.finished_at.map(utc),
        expires_at: utc(expires_at(export.created_at)),
    })
}

fn parameters() -> Vec<Parameter> {
    let new = Parameter::new;
    vec![
        new("patient_id", ParameterKind::Id, "Of this patient."),
        new("episode_id", ParameterKind::Id, "Of this episode."),
        new(
            "operator",
            ParameterKind::Text,
            "Of procedures by this operator.",
        ),
        new("site", ParameterKind::Text, "Of procedures at this site."),
        new(
            "from",
            ParameterKind::Date,
            "Of procedures, or of adverse events that began, on this day or later.",
        )
        .like("2025-01-01"),
        new(
            "to",
            ParameterKind::Date,
            "The same, on this day or earlier.",
        )
        .like("2025-12-31"),
        new(
            "deidentify",
            ParameterKind::Flag,
            "Whether what identifies the patient is left out; without a word about it, only for those who may not have anything else.",
        ),
    ]
}

const ABOUT_STREAM: &str = "The rows as they come from one unchanging view of the records, as CSV (RFC 4180, UTF-8, with a header row) or as NDJSON. \
`dataset` is one of blocks, scores, relief, determinations, ablations, follow_ups, adverse_events, episodes, patients; `format` is csv or ndjson. \
A text that a spreadsheet would take for a formula gets an apostrophe in front in CSV. \
De-identified rows have pseudonyms for ids and names, dates that lie earlier by a number of days of each patient's own, and no free text. \
Whoever may not have identified exports gets de-identified ones, and can limit them to whole calendar years only: from a 1 January, to a 31 December. \
`Medial-Deidentified` says which of the two it is. A filter that the dataset does not have is refused. The body breaks off where something fails on the way.";

const ABOUT_REQUEST: &str = "The export is made in the background; ask `Location` how far it is. It is kept for 7 days and then deleted with its files. \
What goes for the stream goes for it too.";

/// What there is about exports.
pub(super) fn endpoints() -> Vec<Endpoint> {
    let deidentified = Action::ExportDeidentified;
    vec![
        Endpoint::get(
            "/v1/exports/stream/{dataset}.{format}",
            "stream_export",
            deidentified,
            stream,
        )
        .titled("exports", "Export records as a stream")
        .about(ABOUT_STREAM)
        .queries(parameters())
        .answers_as(200, "text/csv", "The rows.")
        .attached()
        .answers_as(200, "application/x-ndjson", "The rows.")
        .attached()
        .fails(&[Kind::Conflict]),
        Endpoint::post("/v1/exports", "request_export", deidentified, request)
            .titled("exports", "Ask for an export as a file")
            .about(ABOUT_REQUEST)
            .takes::<ExportBody>(request_examples())
            .answers::<ExportView>(202, "It waits to be made.", Some(waiting_example())),
        Endpoint::get("/v1/exports", "list_exports", deidentified, list)
            .titled("exports", "List the exports")
            .about("Newest first; only those that you may have.")
            .paged()
            .answers::<Page<ExportView>>(
                200,
                "A page of them.",
                Some(json!({"items": [done_example()], "next": null})),
            ),
        Endpoint::get("/v1/exports/{id}", "read_export", deidentified, read)
            .titled("exports", "How far an export is")
            .answers::<ExportView>(200, "The export.", Some(done_example())),
        Endpoint::delete("/v1/exports/{id}", "delete_export", deidentified, delete)
            .titled("exports", "Delete an export and its files")
            .about("One that is being made is broken off. Whoever may only have de-identified exports can delete only their own.")
            .answers_nothing("It is deleted."),
        Endpoint::get(
            "/v1/exports/{id}/files/{name}",
            "read_export_file",
            deidentified,
            read_file,
        )
        .titled("exports", "Fetch a file of an export")
        .answers_as(200, "text/csv", "The file: the rows, or as manifest.json what they are and what their columns say.")
        .attached()
        .answers_as(200, "application/x-ndjson", "The rows.")
        .attached()
        .answers_as(200, "application/json", "The manifest.")
        .attached(),
    ]
}

fn request_examples() -> Vec<Example> {
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
    ]
}

fn waiting_example() -> Value {
    json!({
        "id": "01890a5d-ac96-774b-bcce-b302099a8057",
        "dataset": "blocks",
        "format": "csv",
        "filters": {"patient_id": null, "episode_id": null, "operator": null, "site": null, "from": "2025-01-01", "to": "2025-12-31"},
        "deidentified": false,
        "state": "queued",
        "rows": null,
        "files": [],
        "failure": null,
        "created_by": "ehr",
        "created_at": "2026-03-01T09:00:00Z",
        "finished_at": null,
        "expires_at": "2026-03-08T09:00:00Z",
    })
}

fn done_example() -> Value {
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
        fields.insert("files".to_owned(), json!([file]));
        fields.insert("finished_at".to_owned(), json!("2026-03-01T09:00:02Z"));
    }
    example
}

/// A part of the path that is a term of a closed list.
fn term<T: Vocabulary>(call: &Call, name: &str) -> Result<T> {
    T::read(call.path(name)).map_err(|unknown| Error::Malformed {
        code: "invalid_parameter",
        detail: format!("{name}: accepted are {}.", unknown.accepted.join(", ")),
    })
}

/// In the query there are no pointers to say it with.
fn of_query(error: Error) -> Error {
    let Error::Invalid(errors) = error else {
        return error;
    };
    let lines = errors.iter().map(|error| {
        let name = error.pointer.trim_start_matches('/');
        format!("{name}: {}", error.detail)
    });
    Error::Malformed {
        code: "invalid_parameter",
        detail: lines.collect::<Vec<_>>().join(" "),
    }
}

fn stream(state: &State, call: &Call) -> Result<Reply> {
    let (dataset, format) = (term(call, "dataset")?, term(call, "format")?);
    let filter = ExportFilter {
        patient_id: call.query_id("patient_id"),
        episode_id: call.query_id("episode_id"),
        operator: call.query("operator").map(str::to_owned),
        site: call.query("site").map(str::to_owned),
        from: call.query_date("from"),
        to: call.query_date("to"),
    };
    let principal = call.principal()?.clone();
    let deidentify = call.query("deidentify").map(|value| value == "true");
    let wanted = Wanted::by(&principal, dataset, format, filter, deidentify).map_err(of_query)?;
    let (app, name) = (Arc::clone(&state.app), wanted.file_name());
    let said = if wanted.deidentify { "true" } else { "false" };
    Reply::stream(media_type(format), &name, move |out| {
        let nobody = &mut |_| Ok(());
        crate::export::write(&app, &principal, &wanted, None, out, nobody).map(|_| ())
    })?
    .header(DEIDENTIFIED, said)
}

fn request(state: &State, call: &Call) -> Result<Reply> {
    let body: ExportBody = call.parse()?;
    let wanted = Wanted::by(
        call.principal()?,
        body.dataset.0,
        body.format.0,
        body.filter(),
        body.deidentify,
    )?;
    once(state, call, move |unit| {
        let export = exports::request(unit, &wanted)?;
        Reply::accepted(&format!("/v1/exports/{}", export.id), &view(&export, &[])?)
    })
}

fn list(state: &State, call: &Call) -> Result<Reply> {
    let before: Option<Uuid> = call.cursor()?;
    look(state, call, |unit| {
        let (found, next) = exports::page(unit, before, call.limit())?;
        let count = call.count().then(|| exports::count(unit)).transpose()?;
        let items: Vec<ExportView> = found
            .iter()
            .map(|(export, files)| view(export, files))
            .collect::<Result<_>>()?;
        call.page_reply(items, next.as_ref(), count)
    })
}

fn read(state: &State, call: &Call) -> Result<Reply> {
    let id = call.path_id("id", "export")?;
    look(state, call, |unit| {
        let (export, files) = exports::get(unit, id)?;
        Reply::json(&view(&export, &files)?)
    })
}

fn delete(state: &State, call: &Call) -> Result<Reply> {
    let id = call.path_id("id", "export")?;
    let reply = change(state, call, move |unit| {
        exports::delete(unit, id)?;
        Ok(Reply::no_content())
    })?;
    if let Err(error) = files::remove(&state.app, call.organization()?, id) {
        tracing::warn!(export = %id, %error, "the files of an export could not be removed; the next clean-up tries again");
    }
    Ok(reply)
}

fn read_file(state: &State, call: &Call) -> Result<Reply> {
    let id = call.path_id("id", "export")?;
    let file = state.app.read(call.principal()?, |unit| {
        exports::file(unit, id, call.path("name"))
    })?;
    let mut content = files::open(&state.app, &file)?;
    Reply::stream(known_media_type(&file), &file.name, move |out| {
        std::io::copy(&mut content, out)
            .map(|_| ())
            .map_err(|error| Error::Internal(error.into()))
    })
}

fn known_media_type(file: &ExportFile) -> &'static str {
    let of_rows = Format::ALL.iter().map(|format| media_type(*format));
    of_rows
        .chain(["application/json"])
        .find(|known| *known == file.media_type)
        .unwrap_or("application/octet-stream")
}
