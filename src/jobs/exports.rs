//! Exports that are made in the background, and their end.

use super::run::unless_it_panics;
use crate::app::exports::{Done, Export, ExportFile, Wanted};
use crate::app::judging::service_principal;
use crate::app::{App, Error, Result};
use crate::export::Written;
use crate::export::files;
use chrono::TimeDelta;
use std::sync::Arc;

/// How far an export is, is written down so often at most.
const BETWEEN_PROGRESS: TimeDelta = TimeDelta::seconds(1);

/// Makes the exports that wait, the oldest first; how many were made. One that was being made when the service ended is
/// made again from the beginning. One caller at a time: two would make the same one.
///
/// # Errors
/// Those of the database. An export that cannot be made for another reason is marked as failed, and the next one is made.
pub fn run_waiting(app: &Arc<App>) -> Result<usize> {
    run_waiting_while(app, &|| true)
}

/// As [`run_waiting`], as long as `go_on` says so: what is not finished then is made again by the next call.
///
/// # Errors
/// As [`run_waiting`].
pub fn run_waiting_while(app: &Arc<App>, go_on: &dyn Fn() -> bool) -> Result<usize> {
    let mut made = 0;
    while go_on() {
        let Some(export) = app.take_waiting_export()? else {
            break;
        };
        let there = match unless_it_panics(|| make(app, &export, go_on)) {
            Ok((rows, files)) => {
                made += 1;
                app.finish_export(&export, rows, files)?
            }
            Err(_) if !go_on() => break,
            Err(error @ Error::Busy { .. }) => return Err(error),
            Err(error) => {
                tracing::error!(export = %export.id, %error, "an export could not be made");
                app.fail_export(&export, &shown(&error))?;
                false
            }
        };
        if !there {
            removed(app, &export);
        }
    }
    Ok(made)
}

/// Deletes the exports that were kept long enough, and the files of those that are not there any more; how many there
/// were.
///
/// # Errors
/// Those of the database and of the file system.
pub fn clean_up(app: &Arc<App>) -> Result<usize> {
    let forgotten = app.forget_old_exports()?;
    for export in &forgotten {
        removed(app, export);
    }
    let organizations = app.organizations()?;
    let swept = files::sweep(app, &organizations, |organization, id| {
        app.has_export(organization, id)
    })?;
    Ok(forgotten.len() + swept)
}

fn removed(app: &App, export: &Export) {
    if let Err(error) = files::remove(app, &export.organization, export.id) {
        tracing::warn!(export = %export.id, %error, "the files of an export could not be removed; the next clean-up tries again");
    }
}

fn make(
    app: &Arc<App>,
    export: &Export,
    go_on: &dyn Fn() -> bool,
) -> Result<(u64, Vec<ExportFile>)> {
    let wanted = Wanted::stored(export)?;
    let principal = service_principal(&export.organization);
    let directory = files::make_directory(app, &export.organization, export.id)
        .map_err(|error| Error::Internal(error.into()))?;
    let mut told = None;
    let mut progress = |done: Done| {
        if !go_on() {
            return Err(Error::internal("told to stop"));
        }
        let now = app.seam.now();
        if told.is_none_or(|told| now - told >= BETWEEN_PROGRESS) {
            told = Some(now);
            // Whether it was deleted meanwhile is asked at its end.
            app.note_progress(export, done)?;
        }
        Ok(())
    };
    let id = Some(export.id);
    let written =
        crate::export::write_files(app, &principal, &wanted, id, &directory, &mut progress)?;
    let rows = written.iter().filter_map(|file| file.rows).sum();
    Ok((
        rows,
        written.iter().map(|file| entry(export, file)).collect(),
    ))
}

fn entry(export: &Export, file: &Written) -> ExportFile {
    let path = files::directory(&export.organization, export.id).join(&file.name);
    ExportFile {
        name: file.name.clone(),
        media_type: file.media_type.to_owned(),
        content_path: path.to_string_lossy().into_owned(),
        bytes: i64::try_from(file.content.bytes).unwrap_or(i64::MAX),
        sha256: file.content.sha256.clone(),
        rows: file.rows.and_then(|rows| i64::try_from(rows).ok()),
    }
}

/// What may be shown of an error: nothing of what is inside the service.
fn shown(error: &Error) -> String {
    match error {
        Error::Internal(_) => "The export could not be written; the log says why.".to_owned(),
        other => other.to_string(),
    }
}
