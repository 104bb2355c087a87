//! `medial export`.

use super::Failure;
use super::configuration::ConfigurationArgs;
use super::failure::say;
use crate::app::exports::{Choice, Content, Dataset, Dates, Done, ExportFilter, Format, Wanted};
use crate::app::{self, App, Error};
use crate::auth::{Principal, Role};
use crate::domain::Vocabulary;
use crate::domain::anatomy::Region;
use crate::domain::qualification::Verdict;
use crate::domain::sites::Sites;
use crate::export::{check, dictionary, files};
use crate::wire::scalar::Date;
use chrono::NaiveDate;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::fs;
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
  medial export outcomes --format parquet --deidentify --output outcomes.parquet
  medial export outcomes --columns patient_id,joint,side,verdict_medicare_lcd
  medial export blocks scores outcomes --format parquet --directory study
  medial export --omop cdm --format parquet
  medial export --dictionary markdown

What every column means is in docs/data-dictionary.md. In CSV, a text that a spreadsheet would take for a formula gets \
an apostrophe in front. The export is written down in the audit trail.";

/// Writes datasets to files or to standard output: the same rows as the service gives.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(flatten)]
    configuration: ConfigurationArgs,
    /// What to export; several of them with --directory.
    #[arg(value_parser = terms::<Dataset>(), value_name = "DATASET")]
    datasets: Vec<Dataset>,
    /// Write the tables of the OMOP Common Data Model 5.4 into this directory instead.
    #[arg(long, value_name = "DIRECTORY", conflicts_with_all = ["datasets", "output", "directory"])]
    omop: Option<PathBuf>,
    /// Print what every column of every dataset means instead.
    #[arg(long, value_name = "FORMAT", value_parser = ["markdown", "json"], conflicts_with_all = ["datasets", "omop"])]
    dictionary: Option<String>,
    /// How to write it.
    #[arg(long, default_value = "csv", value_parser = terms::<Format>())]
    format: Format,
    /// Where to write one dataset; - is standard output. A file gets its name only once it is complete.
    #[arg(long, short, default_value = STANDARD_OUTPUT, value_name = "FILE")]
    output: PathBuf,
    /// Where to write the files of one or several datasets, with their manifest; all from one view of the records.
    #[arg(long, short, value_name = "DIRECTORY", conflicts_with = "output")]
    directory: Option<PathBuf>,
    /// Overwrite the files if they are there.
    #[arg(long)]
    force: bool,
    /// Only these columns of one dataset, in this order.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    columns: Vec<String>,
    /// Whose records; can be left out where there is only one organization.
    #[arg(long, value_name = "NAME")]
    organization: Option<String>,
    /// Put pseudonyms for ids and names, shift the dates of each patient, leave out what identifies.
    #[arg(long)]
    deidentify: bool,
    /// What becomes of dates in a de-identified export; shifted unless named.
    #[arg(long, value_parser = terms::<Dates>(), requires = "deidentify")]
    dates: Option<Dates>,
    #[command(flatten)]
    filters: Filters,
}

/// Which records.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Filters")]
struct Filters {
    /// Only of this patient.
    #[arg(long, value_name = "ID")]
    patient_id: Option<Uuid>,
    /// Only of this episode.
    #[arg(long, value_name = "ID")]
    episode_id: Option<Uuid>,
    /// Only of procedures by this operator.
    #[arg(long, value_name = "NAME")]
    operator: Option<String>,
    /// Only of procedures at this site; given more than once, at any of these sites.
    #[arg(long, value_name = "NAME")]
    site: Vec<String>,
    /// Only of episodes of this region.
    #[arg(long, value_parser = terms::<Region>())]
    region: Option<Region>,
    /// Only of what this profile says.
    #[arg(long, value_name = "ID")]
    profile: Option<String>,
    /// Only of targets with this verdict: by --profile, or by any.
    #[arg(long, value_parser = terms::<Verdict>())]
    verdict: Option<Verdict>,
    /// Only of procedures on this day or later, as 2025-01-01.
    #[arg(long, value_name = "DATE", value_parser = day)]
    from: Option<NaiveDate>,
    /// Only of procedures on this day or earlier.
    #[arg(long, value_name = "DATE", value_parser = day)]
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
    match arguments.dictionary.as_deref() {
        Some("json") => return say(&format!("{:#}\n", dictionary::document())),
        Some(_) => return say(&dictionary::markdown()),
        None => {}
    }
    let content = match (&arguments.omop, arguments.datasets.as_slice()) {
        (Some(_), _) => Content::Omop,
        (None, []) => {
            return Err(Failure::usage(format!(
                "name what to export: {}, or --omop",
                Dataset::CODES.join(", ")
            )));
        }
        (None, datasets) => Content::of(datasets),
    };
    let directory = arguments.omop.as_ref().or(arguments.directory.as_ref());
    if directory.is_none() && content.only().is_none() {
        return Err(Failure::usage(
            "several datasets are several files: name their --directory",
        ));
    }
    let to_file = directory.is_none() && arguments.output != Path::new(STANDARD_OUTPUT);
    if to_file && !arguments.force && arguments.output.exists() {
        return Err(Failure::usage(format!(
            "{} is there already; --force overwrites it",
            arguments.output.display()
        )));
    }
    let app = arguments.configuration.load()?.open_app()?;
    let principal = principal(&app, arguments.organization.as_deref(), "medial export")?;
    let wanted = wanted(arguments, content, &principal)?;
    let bar = progress_bar();
    let mut progress = |done: Done| {
        bar.set_position(done.rows);
        Ok(())
    };
    let written = match directory {
        Some(directory) => {
            emptied(directory, arguments.force)?;
            crate::export::write_files(&app, &principal, &wanted, None, directory, &mut progress)
                .map(|files| files.iter().filter_map(|file| file.rows).sum())
        }
        None => {
            let write = |out: &mut dyn Write| {
                crate::export::write(&app, &principal, &wanted, out, &mut progress)
            };
            if to_file {
                files::write_file(&arguments.output, write).map(|(rows, _)| rows)
            } else {
                to_standard_output(write)
            }
        }
    };
    bar.finish_and_clear();
    match written {
        Ok(rows) => {
            let rows: u64 = rows;
            eprintln!("medial: {rows} rows of {}", wanted.content.code());
            Ok(())
        }
        // Who reads only the first lines is not to be told that the rest was not written.
        Err(error) if is_closed_pipe(&error) => Ok(()),
        Err(error) => Err(shown(error)),
    }
}

fn to_standard_output(write: impl FnOnce(&mut dyn Write) -> app::Result<u64>) -> app::Result<u64> {
    let mut out = BufWriter::new(io::stdout().lock());
    let rows = write(&mut out)?;
    out.flush().map_err(|error| Error::Internal(error.into()))?;
    Ok(rows)
}

/// Makes the directory where it is not there; one with anything in it is only written to by force.
fn emptied(directory: &Path, force: bool) -> Result<(), Failure> {
    let told = |error: io::Error| Failure::new(format!("{}: {error}", directory.display()));
    fs::create_dir_all(directory).map_err(told)?;
    let taken = fs::read_dir(directory).map_err(told)?.next().is_some();
    if taken && !force {
        return Err(Failure::usage(format!(
            "{} is not empty; --force overwrites the files of the same names",
            directory.display()
        )));
    }
    Ok(())
}

fn wanted(arguments: &Args, content: Content, principal: &Principal) -> Result<Wanted, Failure> {
    let filters = &arguments.filters;
    let filter = ExportFilter {
        patient_id: filters.patient_id,
        episode_id: filters.episode_id,
        operator: filters.operator.clone(),
        sites: Sites::of(filters.site.iter().cloned()),
        region: filters.region,
        profile: filters.profile.clone(),
        verdict: filters.verdict,
        from: filters.from,
        to: filters.to,
    };
    let choice = Choice {
        content,
        format: arguments.format,
        filter,
        columns: arguments.columns.clone(),
        deidentify: Some(arguments.deidentify),
        dates: arguments.dates,
    };
    let wanted = Wanted::by(principal, choice).map_err(shown)?;
    check(&wanted).map_err(shown)?;
    Ok(wanted)
}

/// Fields of a body are flags here.
fn shown(error: Error) -> Failure {
    let Error::Invalid(errors) = error else {
        return Failure::from(error);
    };
    let lines = errors.iter().map(|error| {
        let flag = error.pointer.split('/').nth(1).unwrap_or_default();
        format!("--{}: {}", flag.replace('_', "-"), error.detail)
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
