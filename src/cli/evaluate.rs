//! `medial evaluate`.

use super::Failure;
use super::configuration::{Configuration, ConfigurationArgs};
use crate::app::FieldError;
use crate::app::determinations::Determined;
use crate::app::profiles::WantedProfiles;
use crate::domain::qualification::{Determination, Profile, Rule, Status};
use crate::seam::{Outside, System};
use crate::wire::case::CaseBody;
use crate::wire::determination::{DeterminationFields, Naming};
use crate::wire::json;
use crate::wire::scalar::Date;
use chrono::NaiveDate;
use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Largest case file that is read, in bytes.
const LARGEST: u64 = 16 * 1024 * 1024;

/// Judges case files without a database.
///
/// A case file is a JSON object with an episode, its blocks with their scores, and its ablations. Each target of each
/// case is judged by each profile. The exit code is 0 whatever the verdicts are, and 1 when a file cannot be judged;
/// the others are judged all the same.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Case files; - is standard input.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Profiles to judge by: all, active, or names with commas between them.
    #[arg(long, default_value = "all", value_name = "NAMES")]
    profiles: String,
    /// The day to judge as of, as 2025-09-08. Default: the case's own, else today.
    #[arg(long, value_name = "DATE", value_parser = date)]
    as_of: Option<NaiveDate>,
    /// One line of JSON a file instead of tables: {"file", "determinations"}, or {"file", "errors"}.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    configuration: ConfigurationArgs,
}

fn date(text: &str) -> Result<NaiveDate, String> {
    Date::read(text)
        .map(|date| date.0)
        .ok_or_else(|| "expected a calendar date as 2025-09-08".to_owned())
}

/// Does it.
pub(super) fn run(arguments: &Args) -> Result<(), Failure> {
    let configuration = arguments.configuration.load()?;
    let profiles = chosen(&configuration, &arguments.profiles)?;
    let today = System::default()
        .now()
        .with_timezone(&configuration.app.time_zone)
        .date_naive();
    let mut out = std::io::stdout().lock();
    let mut failed = 0_usize;
    for file in &arguments.files {
        let written = match judged(file, &profiles, arguments.as_of, today) {
            Ok(determined) if arguments.json => json_line(file, &determined)?,
            Ok(determined) => tables(file, &determined),
            Err(errors) => {
                failed += 1;
                complain(file, &errors);
                if !arguments.json {
                    continue;
                }
                errors_line(file, &errors)?
            }
        };
        if let Err(error) = out.write_all(written.as_bytes()) {
            return super::failure::unless_nobody_reads(error);
        }
    }
    if failed == 0 {
        return Ok(());
    }
    let all = arguments.files.len();
    Err(Failure::new(format!(
        "{failed} of {all} files could not be judged"
    )))
}

/// The profiles that `names` asks for.
fn chosen(configuration: &Configuration, names: &str) -> Result<Vec<Arc<Profile>>, Failure> {
    let mut known = configuration.profiles()?;
    let names = match WantedProfiles::read(names) {
        WantedProfiles::All => return Ok(known.into_iter().map(Arc::new).collect()),
        WantedProfiles::Active => match &configuration.app.active_profiles {
            None => return Ok(known.into_iter().map(Arc::new).collect()),
            Some(names) => names.clone(),
        },
        WantedProfiles::These(names) => names,
    };
    let mut chosen = Vec::new();
    for name in names {
        let Some(place) = known.iter().position(|profile| profile.id == name) else {
            let all = configuration.profiles()?;
            let all: Vec<&str> = all.iter().map(|profile| profile.id.as_str()).collect();
            return Err(Failure::usage(format!(
                "there is no profile {name}, or it is named twice; known are all, active, {}",
                all.join(", ")
            )));
        };
        chosen.push(Arc::new(known.remove(place)));
    }
    Ok(chosen)
}

fn judged(
    file: &Path,
    profiles: &[Arc<Profile>],
    as_of: Option<NaiveDate>,
    today: NaiveDate,
) -> Result<Determined, Vec<FieldError>> {
    let one = |code, detail: String| vec![FieldError::new("", code, detail)];
    let bytes = contents(file).map_err(|why| one("unreadable", why))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let place = error.utf8_error().valid_up_to();
        one(
            "invalid_utf8",
            format!("Not UTF-8: byte {place} begins no character."),
        )
    })?;
    // The words of the library name a place and what was expected there, never what stood there.
    let value =
        json::read(&text).map_err(|error| one("invalid_json", format!("Not JSON: {error}.")))?;
    let case = CaseBody::read(value)?;
    let as_of = as_of.or(case.as_of.map(|date| date.0)).unwrap_or(today);
    Ok(Determined {
        profiles: profiles.to_vec(),
        history: case.into_history(),
        as_of,
    })
}

fn contents(file: &Path) -> Result<Vec<u8>, String> {
    let unreadable = |error: std::io::Error| format!("Cannot be read: {error}.");
    let source: Box<dyn Read> = if file == Path::new("-") {
        Box::new(std::io::stdin().lock())
    } else {
        Box::new(std::fs::File::open(file).map_err(unreadable)?)
    };
    let mut bytes = Vec::new();
    source
        .take(LARGEST + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > LARGEST) {
        return Err(format!("Larger than {LARGEST} bytes."));
    }
    Ok(bytes)
}

/// What is printed of a file that was judged.
#[derive(Serialize)]
struct JudgedLine {
    file: String,
    determinations: Vec<DeterminationFields>,
}

/// What is printed of a file that could not be.
#[derive(Serialize)]
struct RefusedLine<'a> {
    file: String,
    errors: Vec<ErrorFields<'a>>,
}

#[derive(Serialize)]
struct ErrorFields<'a> {
    pointer: &'a str,
    code: &'static str,
    detail: &'a str,
}

fn json_line(file: &Path, determined: &Determined) -> Result<String, Failure> {
    let determinations = determined.explained().map(|(determination, rules)| {
        DeterminationFields::full(&determination, rules, Naming::InCase)
    });
    line(&JudgedLine {
        file: file.display().to_string(),
        determinations: determinations.collect(),
    })
}

fn errors_line(file: &Path, errors: &[FieldError]) -> Result<String, Failure> {
    let errors = errors.iter().map(|error| ErrorFields {
        pointer: &error.pointer,
        code: error.code,
        detail: &error.detail,
    });
    line(&RefusedLine {
        file: file.display().to_string(),
        errors: errors.collect(),
    })
}

fn line(value: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string(value)
        .map(|text| text + "\n")
        .map_err(|error| Failure::new(error.to_string()))
}

fn complain(file: &Path, errors: &[FieldError]) {
    for error in errors {
        let place = if error.pointer.is_empty() {
            String::new()
        } else {
            format!(" {}:", error.pointer)
        };
        eprintln!("{}:{place} {}", file.display(), error.detail);
    }
}

/// A table of the determinations, as wide as the terminal.
fn tables(file: &Path, determined: &Determined) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::UTF8_FULL_CONDENSED)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header([
            "Target",
            "Profile",
            "Verdict",
            "Unmet",
            "Data missing",
            "Next step",
            "Earliest",
            "Changes on",
        ]);
    let mut rows = 0_usize;
    for (determination, _) in determined.explained() {
        table.add_row(row(&determination));
        rows += 1;
    }
    let title = format!("{} as of {}", file.display(), determined.as_of);
    if rows == 0 {
        return format!(
            "{title}: nothing to judge; no block names a target of these profiles' region.\n\n"
        );
    }
    format!("{title}\n{table}\n\n")
}

fn row(determination: &Determination<'_>) -> [String; 8] {
    let rules = |status: Status| {
        let found = determination.statuses.iter();
        let found = found.filter(|(_, found)| *found == status);
        let names: Vec<String> = found.map(|(rule, _)| name_of(rule)).collect();
        names.join(", ")
    };
    let day = |date: Option<NaiveDate>| date.map_or_else(String::new, |date| date.to_string());
    [
        determination.target.to_string(),
        determination.profile.id.clone(),
        determination.verdict.label().to_owned(),
        rules(Status::Unmet),
        rules(Status::Unknown),
        determination.next_step.label().to_owned(),
        day(determination.earliest),
        day(determination.changes_on),
    ]
}

/// A rule that the verdict does not depend on is in brackets.
fn name_of(rule: Rule) -> String {
    let name = rule.label().to_lowercase();
    if rule.required() {
        name
    } else {
        format!("({name})")
    }
}
