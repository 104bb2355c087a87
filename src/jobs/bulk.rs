//! Bulk exports of FHIR resources that are made in the background, and their end.

use super::Stop;
use super::run::unless_it_panics;
use crate::app::bulk::BulkExport;
use crate::app::{App, Error, Result};
use crate::export::files;
use crate::fhir::bulk::{Limits, Made, make};
use std::sync::Arc;
use std::time::Duration;

/// How often it is looked whether an export waits that was asked for elsewhere.
const LOOK: Duration = Duration::from_secs(1);

/// Makes what waits, and where nothing does, waits itself until something is asked for; how many were made.
///
/// # Errors
/// As [`run_waiting_while`].
pub fn run(app: &Arc<App>, stop: &Stop) -> Result<usize> {
    let made = run_waiting_while(app, &|| !stop.is_asked())?;
    if made == 0 {
        stop.within_or_rung(LOOK, &app.bulk_asked);
    }
    Ok(made)
}

/// Makes the bulk exports that wait, the oldest first, as long as `go_on` says so; how many were made. One that was being
/// made when the service ended, or was told to stop, is made again from the beginning. One caller at a time: two would make
/// the same one.
///
/// # Errors
/// Those of the database. An export that cannot be made for another reason is marked as failed, and the next one is made.
pub fn run_waiting_while(app: &Arc<App>, go_on: &dyn Fn() -> bool) -> Result<usize> {
    let mut made = 0;
    while go_on() {
        let Some(export) = app.take_waiting_bulk()? else {
            break;
        };
        let made_of_it = unless_it_panics(|| make(app, &export, Limits::default(), go_on));
        let there = match made_of_it {
            Ok(Made::Whole(progress, files)) => {
                made += 1;
                app.finish_bulk(&export, progress, files)?
            }
            Ok(Made::Gone) => false,
            Err(_) if !go_on() => break,
            Err(error @ Error::Busy { .. }) => return Err(error),
            Err(error) => failed(app, &export, &error)?,
        };
        if !there {
            removed(app, &export);
        }
    }
    Ok(made)
}

/// Notes that an export failed, whose files are of no use then; `false`.
fn failed(app: &Arc<App>, export: &BulkExport, error: &Error) -> Result<bool> {
    let why = match error {
        Error::Internal(_) => "The export could not be written; the log says why.".to_owned(),
        other => other.to_string(),
    };
    // One that was deleted meanwhile has lost its directory, which is no failure.
    if app.fail_bulk(export, &why)? {
        tracing::error!(export = %export.id, %error, "a bulk export could not be made");
    }
    Ok(false)
}

/// Deletes the bulk exports that were kept long enough, and their files; how many there were. Files of those that are not
/// there any more are swept with those of other exports.
///
/// # Errors
/// Those of the database.
pub fn clean_up(app: &Arc<App>) -> Result<usize> {
    let forgotten = app.forget_old_bulk()?;
    for export in &forgotten {
        removed(app, export);
    }
    Ok(forgotten.len())
}

fn removed(app: &App, export: &BulkExport) {
    if let Err(error) = files::remove(app, &export.organization, export.id) {
        tracing::warn!(export = %export.id, %error, "the files of a bulk export could not be removed; the next clean-up tries again");
    }
}
