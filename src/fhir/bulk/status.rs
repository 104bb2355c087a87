//! How far an export is, its manifest, its files and its end.

use super::NDJSON;
use super::order::{Order, reach};
use crate::app::bulk::{self, BulkExport, BulkFile, BulkPart, BulkState, expires_at};
use crate::app::{Error, Principal, Result};
use crate::auth::{Action, Reach};
use crate::export::files;
use crate::fhir::answer::{body_reply, http_date};
use crate::fhir::outcome::{Severity, issue, outcome};
use crate::fhir::read::base;
use crate::fhir::resource::{ResourceType, instant};
use crate::http::call::Call;
use crate::http::registry::JSON;
use crate::http::reply::Reply;
use crate::http::state::State;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName};
use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

/// Seconds to wait before asking again, at most.
const LONGEST_WAIT: i64 = 30;

/// Tells how far an export is; the manifest once it is there.
pub(super) fn show(state: &State, call: &Call) -> Result<Reply> {
    let id = call.path_id("id", "bulk export")?;
    let principal = call.principal()?;
    let (export, files) = state.app.read(principal, |unit| bulk::get(unit, id))?;
    let order = Order::of(&export)?;
    covers(principal, &order, &export)?;
    let (status, reply) = match export.state {
        BulkState::Queued | BulkState::Running => {
            let reply = Reply::no_content()
                .header(HeaderName::from_static("x-progress"), &progress(&export))?
                .header(
                    header::RETRY_AFTER,
                    &wait(&export, state.seam.now()).to_string(),
                )?;
            (StatusCode::ACCEPTED, reply)
        }
        BulkState::Done => {
            let manifest = manifest(&base(call), &export, &files);
            let text =
                serde_json::to_vec(&manifest).map_err(|error| Error::Internal(error.into()))?;
            let expires = http_date(expires_at(export.created_at));
            let reply =
                Reply::bytes(StatusCode::OK, JSON, text).header(header::EXPIRES, &expires)?;
            (StatusCode::OK, reply)
        }
        BulkState::Failed => {
            let why = export.failure.as_deref().unwrap_or("The export failed.");
            let body = outcome(vec![issue(Severity::Error, "exception", why, None)]);
            let status = StatusCode::INTERNAL_SERVER_ERROR;
            (status, body_reply(status, &body)?)
        }
    };
    if !order.separate_status {
        return Ok(reply.with_status(status));
    }
    reply
        .with_status(StatusCode::OK)
        .header(HeaderName::from_static("x-export-status"), status.as_str())
}

/// Refuses a token that reaches less than the one by which the export was asked for.
fn covers(principal: &Principal, order: &Order, export: &BulkExport) -> Result<()> {
    let asked_by = order.principal(export)?;
    let narrower = |kind: &ResourceType| {
        let now = reach(principal, *kind);
        now != Reach::All && now != reach(&asked_by, *kind)
    };
    if order.kinds().iter().any(narrower) {
        return Err(Error::Forbidden {
            action: Action::BulkExport,
        });
    }
    Ok(())
}

/// In words, less than 100 characters.
fn progress(export: &BulkExport) -> String {
    match export.patients_all {
        Some(all) => format!("{} of {all} patients", export.patients_done),
        None => "waiting".to_owned(),
    }
}

/// Seconds until it is worth asking again: as long as the rest will take, by what was done so far.
fn wait(export: &BulkExport, now: DateTime<Utc>) -> i64 {
    let begun = export.started_at.unwrap_or(export.created_at);
    let elapsed = (now - begun).num_seconds().max(0);
    let done = export.patients_done;
    let left = match export.patients_all {
        Some(all) if done > 0 => elapsed.saturating_mul(all - done) / done,
        // Nothing is known of it yet.
        Some(_) | None => elapsed / 2,
    };
    left.clamp(1, LONGEST_WAIT)
}

fn manifest(base: &str, export: &BulkExport, files: &[BulkFile]) -> Map<String, Value> {
    let list = |part: BulkPart| -> Vec<Value> {
        let of_part = files.iter().filter(|file| file.part == part);
        of_part
            .map(|file| {
                json!({
                    "type": file.resource_type,
                    "url": format!("{base}/bulk/{}/{}", export.id, file.name),
                    "count": file.resources,
                })
            })
            .collect()
    };
    let mut manifest = Map::new();
    let at = export.transaction_time.unwrap_or(export.created_at);
    let fields = [
        ("transactionTime", json!(instant(at))),
        ("request", json!(export.request)),
        ("requiresAccessToken", json!(true)),
        ("outputFormat", json!(NDJSON)),
        ("output", json!(list(BulkPart::Output))),
        ("deleted", json!(list(BulkPart::Deleted))),
        ("error", json!(list(BulkPart::Error))),
    ];
    manifest.extend(fields.map(|(name, value)| (name.to_owned(), value)));
    manifest
}

/// Deletes an export with its files; one that is being made is broken off.
pub(super) fn delete(state: &State, call: &Call) -> Result<Reply> {
    let id = call.path_id("id", "bulk export")?;
    let principal = call.principal()?;
    state
        .app
        .write(principal, move |unit| bulk::delete(unit, id))?;
    if let Err(error) = files::remove(&state.app, &principal.organization, id) {
        tracing::warn!(export = %id, %error, "the files of an export could not be removed; the next clean-up tries again");
    }
    let text = "The export is deleted.";
    let body = outcome(vec![issue(
        Severity::Information,
        "informational",
        text,
        None,
    )]);
    body_reply(StatusCode::ACCEPTED, &body)
}

/// Gives out a file.
pub(super) fn file(state: &State, call: &Call) -> Result<Reply> {
    let id = call.path_id("id", "bulk export")?;
    let principal = call.principal()?;
    let file = state.app.read(principal, |unit| {
        let (export, _) = bulk::get(unit, id)?;
        covers(principal, &Order::of(&export)?, &export)?;
        bulk::file(unit, id, call.path("name"))
    })?;
    let mut content = files::open_at(&state.app, &file.content_path)?;
    Reply::stream(NDJSON, &file.name, move |out| {
        std::io::copy(&mut content, out)
            .map(|_| ())
            .map_err(|error| Error::Internal(error.into()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn running(done: i64, all: i64) -> BulkExport {
        let at: DateTime<Utc> = "2026-03-01T09:00:00Z".parse().unwrap();
        BulkExport {
            organization: "north".to_owned(),
            id: Uuid::nil(),
            request: String::new(),
            wanted: String::new(),
            state: BulkState::Running,
            created_by: "nightly".to_owned(),
            created_at: at,
            started_at: Some(at),
            transaction_time: Some(at),
            patients_done: done,
            patients_all: Some(all),
            finished_at: None,
            failure: None,
        }
    }

    #[test]
    fn who_asks_is_told_to_wait_as_long_as_the_rest_will_take() {
        let after = |done: i64, all: i64, seconds: i64| {
            let export = running(done, all);
            let now = export.created_at + chrono::TimeDelta::seconds(seconds);
            wait(&export, now)
        };
        assert_eq!(after(0, 0, 0), 1);
        assert_eq!(after(0, 100_000, 0), 1);
        assert_eq!(after(50, 60, 10), 2);
        assert_eq!(after(10, 60, 2), 10);
        assert_eq!(after(10, 100_000, 2), 30);
        assert_eq!(after(60, 60, 2), 1);
        assert_eq!(progress(&running(37, 500)), "37 of 500 patients");
    }

    #[test]
    fn a_manifest_has_every_list_even_where_it_is_empty() {
        let export = running(1, 1);
        let file = BulkFile {
            name: "Patient.001.ndjson".to_owned(),
            part: BulkPart::Output,
            resource_type: "Patient".to_owned(),
            content_path: String::new(),
            bytes: 1,
            resources: 3,
        };
        let manifest = manifest("https://m.test/fhir/R4", &export, &[file]);
        assert_eq!(manifest["transactionTime"], "2026-03-01T09:00:00Z");
        let url = format!(
            "https://m.test/fhir/R4/bulk/{}/Patient.001.ndjson",
            export.id
        );
        let output = json!([{"type": "Patient", "url": url, "count": 3}]);
        assert_eq!(manifest["output"], output);
        assert_eq!(manifest["deleted"], json!([]));
        assert_eq!(manifest["error"], json!([]));
    }
}
