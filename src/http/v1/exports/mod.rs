//! Exports: streamed at once, or made in the background and fetched as files.

mod dictionary;
mod shapes;

use super::{change, look, once};
use crate::app::exports::{self, Choice, Content, Dates, ExportFile, ExportFilter, Format, Wanted};
use crate::app::{Error, Result};
use crate::auth::Action;
use crate::domain::Vocabulary;
use crate::domain::anatomy::Region;
use crate::domain::qualification::Verdict;
use crate::domain::sites::Sites;
use crate::export::dictionary::markdown;
use crate::export::{check, files, media_type};
use crate::http::call::{Call, Page};
use crate::http::problem::Kind;
use crate::http::registry::{Endpoint, Parameter, ParameterKind};
use crate::http::reply::Reply;
use crate::http::state::State;
use actix_web::http::StatusCode;
use actix_web::http::header::HeaderName;
use serde_json::json;
use shapes::{ExportBody, ExportView, done_example, request_examples, view, waiting_example};
use std::sync::Arc;
use uuid::Uuid;

/// Tells of a stream whether it is de-identified.
const DEIDENTIFIED: HeaderName = HeaderName::from_static("medial-deidentified");

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
        new(
            "site",
            ParameterKind::Text,
            "Of procedures at this site; repeated, at any of these sites.",
        )
        .repeated(),
        new(
            "region",
            ParameterKind::Choice(Region::CODES),
            "Of episodes of this region.",
        ),
        new("profile", ParameterKind::Text, "Of what this profile says."),
        new(
            "verdict",
            ParameterKind::Choice(Verdict::CODES),
            "Of targets with this verdict: by `profile`, or by any.",
        ),
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
        new(
            "dates",
            ParameterKind::Choice(Dates::CODES),
            "What becomes of dates in a de-identified export.",
        )
        .or("shifted"),
        new(
            "columns",
            ParameterKind::Texts,
            "The names of the columns, in the order wanted; without them all.",
        ),
    ]
}

const ABOUT_STREAM: &str = "The rows as they come from one unchanging view of the records: as CSV (RFC 4180, UTF-8, with a header row), as NDJSON, \
as Parquet (Zstandard, typed, with units and descriptions in the metadata of its fields) or as an Arrow file (IPC). \
`dataset` is one of blocks, scores, relief, determinations, ablations, follow_ups, adverse_events, episodes, patients, outcomes; \
`format` is csv, ndjson, parquet or arrow. `/v1/data-dictionary` says what each column means. \
A text that a spreadsheet would take for a formula gets an apostrophe in front in CSV, and stays as it is elsewhere. \
De-identified rows have pseudonyms for ids and names, dates that lie earlier by a number of days of each patient's own (or, with `dates=years`, only their year), and no free text. \
Whoever may not have identified exports gets de-identified ones, and can limit them to whole calendar years only: from a 1 January, to a 31 December. \
`Medial-Deidentified` says which of the two it is. A filter or a column that the dataset does not have is refused with the list of those that it has. \
The body breaks off where something fails on the way.";

const ABOUT_REQUEST: &str = "The export is made in the background; ask `Location` how far it is. It is kept for 7 days and then deleted with its files. \
Several datasets come from one view of the records, a file each, with manifest.json and, beside CSV, datapackage.json. What goes for the stream goes for it too. \
One that has no room on the disk fails before it begins, and says so with the figures.";

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
        .refusing_unknown_values()
        .answers_as(200, "text/csv", "The rows.")
        .attached()
        .answers_as(200, "application/x-ndjson", "The rows.")
        .attached()
        .answers_as(200, "application/vnd.apache.parquet", "The rows.")
        .attached()
        .answers_as(200, "application/vnd.apache.arrow.file", "The rows.")
        .attached()
        .fails(&[Kind::Conflict]),
        Endpoint::get(
            "/v1/data-dictionary",
            "read_data_dictionary",
            deidentified,
            |_, _| Reply::json(&dictionary::view()),
        )
        .titled("exports", "What each column of each dataset says")
        .answers::<dictionary::DictionaryView>(200, "Every dataset with its filters and columns, and the version of them all.", Some(dictionary::example())),
        Endpoint::get(
            "/v1/data-dictionary.md",
            "read_data_dictionary_as_markdown",
            deidentified,
            |_, _| {
                let text = markdown();
                Ok(Reply::bytes(StatusCode::OK, "text/markdown; charset=utf-8", text))
            },
        )
        .titled("exports", "The data dictionary for a reader")
        .answers_as(200, "text/markdown", "Markdown."),
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
        .answers_as(200, "application/vnd.apache.parquet", "The rows.")
        .attached()
        .answers_as(200, "application/vnd.apache.arrow.file", "The rows.")
        .attached()
        .answers_as(200, "application/json", "The manifest, or the description of a data package.")
        .attached(),
    ]
}

/// A part of the path that is a term of a closed list.
fn term<T: Vocabulary>(call: &Call, name: &str) -> Result<T> {
    T::read(call.path(name)).map_err(|unknown| {
        let detail = format!("Accepted are {}.", unknown.accepted.join(", "));
        Error::field(format!("/{name}"), "unknown_value", detail)
    })
}

/// A parameter of the query that is a term of a closed list, as the registry has checked.
fn term_of_query<T: Vocabulary>(call: &Call, name: &str) -> Option<T> {
    call.query(name).and_then(|code| T::read(code).ok())
}

fn stream(state: &State, call: &Call) -> Result<Reply> {
    let (dataset, format) = (term(call, "dataset")?, term(call, "format")?);
    let filter = ExportFilter {
        patient_id: call.query_id("patient_id"),
        episode_id: call.query_id("episode_id"),
        operator: call.query("operator").map(str::to_owned),
        sites: Sites::of(call.query_all("site")),
        region: term_of_query(call, "region"),
        profile: call.query("profile").map(str::to_owned),
        verdict: term_of_query(call, "verdict"),
        from: call.query_date("from"),
        to: call.query_date("to"),
    };
    let columns = call.query_list("columns").into_iter().map(str::to_owned);
    let choice = Choice {
        content: Content::of(&[dataset]),
        format,
        filter,
        columns: columns.collect(),
        deidentify: call.query("deidentify").map(|value| value == "true"),
        dates: term_of_query(call, "dates"),
    };
    let principal = call.principal()?.clone();
    let wanted = Wanted::by(&principal, choice)?;
    check(&wanted)?;
    let (app, name) = (Arc::clone(&state.app), wanted.file_name());
    let said = if wanted.deidentify { "true" } else { "false" };
    Reply::stream(media_type(format), &name, move |out| {
        let nobody = &mut |_| Ok(());
        crate::export::write(&app, &principal, &wanted, out, nobody).map(|_| ())
    })?
    .header(DEIDENTIFIED, said)
}

fn request(state: &State, call: &Call) -> Result<Reply> {
    let body: ExportBody = call.parse()?;
    let wanted = Wanted::by(call.principal()?, body.choice()?)?;
    check(&wanted)?;
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
