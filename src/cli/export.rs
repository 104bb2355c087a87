//! `medial export`.

use super::Failure;
use super::configuration::ConfigurationArgs;
use crate::app::exports::{Dataset, ExportFilter, Format, Wanted};
use crate::app::{App, Error};
use crate::auth::{Principal, Role};
use crate::domain::Vocabulary;
use crate::export::files;
use crate::wire::scalar::Date;
use chrono::NaiveDate;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

/// Standard output.
const STANDARD_OUTPUT: &str = "-";

const EXAMPLES: &str = "Examples:
  medial export blocks --output blocks.csv
  medial export relief --format ndjson --from 2025-01-01 --to 2025-12-31 | head -3
  medial export determinations --deidentify --output determinations.csv

The columns of every dataset are described in docs/exports.md. In CSV, a text that a spreadsheet would take for a \
formula gets an apostrophe in front. The export is written down in the audit trail.";

/// Writes a dataset to a file or to standard output: the same rows as the service gives.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(flatten)]
    configuration: ConfigurationArgs,
    /// What to export.
    #[arg(value_parser = terms::<Dataset>())]
    dataset: Dataset,
    /// How to write it.
    #[arg(long, default_value = "csv", value_parser = terms::<Format>())]
    format: Format,
    /// Where to write it; - is standard output. A file gets its name only once it is complete.
    #[arg(long, short, default_value = STANDARD_OUTPUT, value_name = "FILE")]
    output: PathBuf,
    /// Overwrite the file if it is there.
    #[arg(long)]
    force: bool,
    /// Whose records; can be left out where there is only one organization.
    #[arg(long, value_name = "NAME")]
    organization: Option<String>,
    /// Put pseudonyms for ids and names, shift the dates of each patient, leave out what identifies.
    #[arg(long)]
    deidentify: bool,
    /// Only of this patient.
    #[arg(long, value_name = "ID", help_heading = "Filters")]
    patient_id: Option<Uuid>,
    /// Only of this episode.
    #[arg(long, value_name = "ID", help_heading = "Filters")]
    episode_id: Option<Uuid>,
    /// Only of procedures by this operator.
    #[arg(long, value_name = "NAME", help_heading = "Filters")]
    operator: Option<String>,
    /// Only of procedures at this site.
    #[arg(long, value_name = "NAME", help_heading = "Filters")]
    site: Option<String>,
    /// Only of procedures on this day or later, as 2025-01-01.
    #[arg(long, value_name = "DATE", value_parser = day, help_heading = "Filters")]
    from: Option<NaiveDate>,
    /// Only of procedures on this day or earlier.
    #[arg(long, value_name = "DATE", value_parser = day, help_heading = "Filters")]
    to: Option<NaiveDate>,
}

/// A term of a closed list; the help names all of them.
fn terms<T: Vocabulary + Send + Sync>() -> impl TypedValueParser<Value = T> {
    PossibleValuesParser::new(T::codes()).try_map(|code| T::read(&code))
}

fn day(text: &str) -> Result<NaiveDate, &'static str> {
    Date::read(text)
        .map(|date| date.0)
        .ok_or("expected a date as 2025-01-01")
}

/// Does it.
pub(super) fn run(arguments: &Args) -> Result<(), Failure> {
    let to_file = arguments.output != Path::new(STANDARD_OUTPUT);
    if to_file && !arguments.force && arguments.output.exists() {
        return Err(Failure::usage(format!(
            "{} is there already; --force overwrites it",
            arguments.output.display()
        )));
    }
    let app = arguments.configuration.load()?.open_app()?;
    let principal = principal(&app, arguments.organization.as_deref(), "medial export")?;
    let wanted = wanted(arguments, &principal)?;
    let bar = progress_bar();
    let mut progress = |rows| {
        bar.set_position(rows);
        Ok(())
    };
    let mut write = |out: &mut dyn Write| {
        crate::export::write(&app, &principal, &wanted, None, out, &mut progress)
    };
    let written = if to_file {
        files::write_file(&arguments.output, write).map(|(rows, _)| rows)
    } else {
        write(&mut BufWriter::new(io::stdout().lock()))
    };
    bar.finish_and_clear();
    match written {
        Ok(rows) => {
            eprintln!("medial: {rows} rows of {}", wanted.dataset.code());
            Ok(())
        }
        // Who reads only the first lines is not to be told that the rest was not written.
        Err(error) if is_closed_pipe(&error) => Ok(()),
        Err(error) => Err(shown(error)),
    }
}

fn wanted(arguments: &Args, principal: &Principal) -> Result<Wanted, Failure> {
    let filter = ExportFilter {
        patient_id: arguments.patient_id,
        episode_id: arguments.episode_id,
        operator: arguments.operator.clone(),
        site: arguments.site.clone(),
        from: arguments.from,
        to: arguments.to,
    };
    let deidentify = Some(arguments.deidentify);
    Wanted::by(
        principal,
        arguments.dataset,
        arguments.format,
        filter,
        deidentify,
    )
    .map_err(shown)
}

/// Fields of a body are flags here.
fn shown(error: Error) -> Failure {
    let Error::Invalid(errors) = error else {
        return Failure::from(error);
    };
    let lines = errors.iter().map(|error| {
        let flag = error.pointer.trim_start_matches('/').replace('_', "-");
        format!("--{flag}: {}", error.detail)
    });
    Failure::usage(lines.collect::<Vec<_>>().join("\n"))
}

/// Who runs the command, for the audit trail: somebody who has the database may do everything with it.
pub(super) fn principal(
    app: &Arc<App>,
    named: Option<&str>,
    subject: &str,
) -> Result<Principal, Failure> {
    let organizations = app.organizations()?;
    let organization = match (named, organizations.as_slice()) {
        (Some(named), there) if there.iter().any(|one| one == named) => named.to_owned(),
        (None, [only]) => only.clone(),
        (_, []) => return Err(Failure::new("the database has no records yet")),
        (Some(named), there) => {
            return Err(Failure::usage(format!(
                "there is no organization {named}; there are {}",
                there.join(", ")
            )));
        }
        (None, there) => {
            return Err(Failure::usage(format!(
                "name the organization with --organization; there are {}",
                there.join(", ")
            )));
        }
    };
    Ok(Principal {
        organization,
        subject: subject.to_owned(),
        role: Role::Admin,
        scopes: None,
    })
}

/// On standard error, and only where that is a terminal.
fn progress_bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    if let Ok(style) =
        ProgressStyle::with_template("{spinner} {human_pos} rows, {per_sec}, {elapsed}")
    {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

fn is_closed_pipe(error: &Error) -> bool {
    let Error::Internal(source) = error else {
        return false;
    };
    source
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
