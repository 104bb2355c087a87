//! `medial analyze`.

use super::Failure;
use super::configuration::ConfigurationArgs;
use super::export::principal;
use crate::app::analytics::{self, Asked, Filter, WhatIfReport, published};
use crate::app::{App, Error, Principal, Result as AppResult};
use crate::chart::figure_charts;
use crate::domain::Vocabulary;
use crate::domain::anatomy::{Joint, Region};
use crate::domain::block::{Agent, Guidance};
use crate::domain::pain::Threshold;
use crate::domain::sites::Sites;
use crate::domain::statistics::IntervalMethod;
use crate::domain::study::{Figure, Options, Report, Table, Unit as Measure};
use crate::export::{figure_csv, files};
use crate::seam::{Outside, System};
use crate::wire::figure::{FigureFields, written};
use crate::wire::scalar::Date;
use chrono::NaiveDate;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use comfy_table::{CellAlignment, ContentArrangement, presets};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Standard output.
const STANDARD_OUTPUT: &str = "-";

/// Largest document or table that is read, in bytes.
const LARGEST: u64 = 16 * 1024 * 1024;

/// How a figure is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// Tables on the terminal.
    Table,
    /// One table as CSV.
    Csv,
    /// All tables as JSON.
    Json,
    /// One chart.
    Svg,
}

const EXAMPLES: &str = "Examples:
  medial analyze responders --region lumbar --from 2025-01-01
  medial analyze threshold-sweep --step 10 --format csv --output sweep.csv
  medial analyze relief-duration --format svg --chart 2 --output by-agent.svg
  medial analyze what-if stricter.toml --against medicare-lcd
  medial analyze published
  medial analyze published further-figures.csv --format json

Every table names its denominator and who was left out, and why. What each figure is, with its formula and source, is in \
docs/analytics.md. Reading the cohort is written down in the audit trail.";

/// Answers the questions that the field argues about from the organization's own records.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(subcommand)]
    figure: Wanted,
}

#[derive(Debug, clap::Subcommand)]
enum Wanted {
    /// The share of blocks after which relief reached 50, 75, 80 and 100 %, by scores and as stated.
    Responders(FigureArgs),
    /// How long relief lasted: survival from intervals, with open diaries censored.
    ReliefDuration(FigureArgs),
    /// First blocks that a second one did not confirm, by both denominators of the literature.
    FalsePositives(FigureArgs),
    /// What each cut-off of relief would have meant: candidates, ablated, and how many of them had relief later.
    ThresholdSweep(FigureArgs),
    /// Who qualifies by one profile and not by another, and by which rules.
    Agreement(FigureArgs),
    /// From being considered to the last follow-up: how many came how far, and where they were lost.
    Funnel(FigureArgs),
    /// The time from an ablation to relief below 50 %, and repeats.
    AblationOutcomes(FigureArgs),
    /// What is missing in the records, and what looks impossible or suspicious.
    Quality(FigureArgs),
    /// Adverse events per procedure, per lesion and per patient.
    AdverseEvents(FigureArgs),
    /// What a profile would change that is not stored: who would come in, who would go out, by which rules.
    WhatIf(WhatIfArgs),
    /// Published figures computed anew from their counts, beside what the papers print. Needs no database.
    Published(PublishedArgs),
}

/// How it is written, and where.
#[derive(Debug, clap::Args)]
struct OutputArgs {
    /// How to write it.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Where to write it; - is standard output. A file gets its name only once it is complete.
    #[arg(long, short, default_value = STANDARD_OUTPUT, value_name = "FILE")]
    output: PathBuf,
    /// Overwrite the file if it is there.
    #[arg(long)]
    force: bool,
    /// Which table, in CSV and on the terminal. Default: the first in CSV, all on the terminal.
    #[arg(long, value_name = "NAME")]
    table: Option<String>,
    /// Which chart, in SVG: 1 is the first.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    chart: usize,
}

#[derive(Debug, clap::Args)]
struct FigureArgs {
    #[command(flatten)]
    configuration: ConfigurationArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    asked: AskedArgs,
}

#[derive(Debug, clap::Args)]
struct WhatIfArgs {
    /// The profile as TOML, as those in profiles/; - is standard input.
    #[arg(value_name = "FILE")]
    document: PathBuf,
    /// The profile to hold it against. Default: the one in use with the same id, else the first active one.
    #[arg(long, value_name = "NAME")]
    against: Option<String>,
    #[command(flatten)]
    configuration: ConfigurationArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    asked: AskedArgs,
}

#[derive(Debug, clap::Args)]
struct PublishedArgs {
    /// A table with the columns key, study, figure, numerator, denominator, printed_percent, printed_ci_low,
    /// printed_ci_high, denominator_is, note; - is standard input. Default: the table that the program carries.
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, clap::Args)]
struct AskedArgs {
    /// Whose records; can be left out where there is only one organization.
    #[arg(long, value_name = "NAME")]
    organization: Option<String>,
    /// How the intervals of proportions are computed.
    #[arg(long, default_value = "wilson", value_parser = terms::<IntervalMethod>())]
    interval: IntervalMethod,
    /// From which relief on a block counts as positive, in percent: of the funnel.
    #[arg(long, default_value_t = 80, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(1..=100))]
    threshold: u8,
    /// From one cut-off to the next, in percent: of the threshold sweep.
    #[arg(long, default_value_t = 5, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(1..=35))]
    step: u8,
    /// Put numbers for the names of people and places, and keep small numbers back.
    #[arg(long)]
    deidentify: bool,
    /// Keep numbers from 1 up to below this back. Default: 11 with --deidentify, else 0.
    #[arg(long, value_name = "NUMBER")]
    min_cell: Option<u64>,
    /// Only procedures on this day or later, as 2025-01-01.
    #[arg(long, value_name = "DATE", value_parser = day, help_heading = "Filters")]
    from: Option<NaiveDate>,
    /// Only procedures on this day or earlier.
    #[arg(long, value_name = "DATE", value_parser = day, help_heading = "Filters")]
    to: Option<NaiveDate>,
    /// Only procedures at this site; given more than once, at any of these sites.
    #[arg(long, value_name = "NAME", help_heading = "Filters")]
    site: Vec<String>,
    /// Only procedures by this operator.
    #[arg(long, value_name = "NAME", help_heading = "Filters")]
    operator: Option<String>,
    /// Only in this region.
    #[arg(long, value_parser = terms::<Region>(), help_heading = "Filters")]
    region: Option<Region>,
    /// Only at this joint, as L4-5.
    #[arg(long, value_name = "JOINT", value_parser = terms::<Joint>(), help_heading = "Filters")]
    level: Option<Joint>,
    /// Only blocks with this agent.
    #[arg(long, value_parser = terms::<Agent>(), help_heading = "Filters")]
    agent: Option<Agent>,
    /// Only blocks under this guidance.
    #[arg(long, value_parser = terms::<Guidance>(), help_heading = "Filters")]
    guidance: Option<Guidance>,
    /// Only targets that meet this profile today; of the agreement, the pairs with it.
    #[arg(long, value_name = "NAME", help_heading = "Filters")]
    profile: Option<String>,
}

impl AskedArgs {
    fn asked(&self) -> Asked {
        Asked {
            filter: Filter {
                from: self.from,
                to: self.to,
                sites: Sites::of(self.site.iter().cloned()),
                operator: self.operator.clone(),
                region: self.region,
                level: self.level,
                agent: self.agent,
                guidance: self.guidance,
                profile: self.profile.clone(),
            },
            options: Options {
                interval: self.interval,
                threshold: Threshold::new(self.threshold).unwrap_or(Threshold::EIGHTY),
                step: self.step,
            },
            deidentify: Some(self.deidentify),
            min_cell: self.min_cell,
        }
    }
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
    let (figure, arguments) = match &arguments.figure {
        Wanted::WhatIf(arguments) => return what_if(arguments),
        Wanted::Published(arguments) => return run_published(arguments),
        Wanted::Responders(arguments) => (Figure::Responders, arguments),
        Wanted::ReliefDuration(arguments) => (Figure::ReliefDuration, arguments),
        Wanted::FalsePositives(arguments) => (Figure::FalsePositives, arguments),
        Wanted::ThresholdSweep(arguments) => (Figure::ThresholdSweep, arguments),
        Wanted::Agreement(arguments) => (Figure::Agreement, arguments),
        Wanted::Funnel(arguments) => (Figure::Funnel, arguments),
        Wanted::AblationOutcomes(arguments) => (Figure::AblationOutcomes, arguments),
        Wanted::Quality(arguments) => (Figure::Quality, arguments),
        Wanted::AdverseEvents(arguments) => (Figure::AdverseEvents, arguments),
    };
    arguments.output.refuse_what_is_there()?;
    let (app, principal) = opened(&arguments.configuration, &arguments.asked)?;
    let asked = arguments.asked.asked();
    let report = counted(|progress| {
        app.read(&principal, |unit| {
            analytics::report(unit, figure, &asked, progress)
        })
    });
    app.write_down_reads()?;
    arguments.output.write(&report?)
}

fn what_if(arguments: &WhatIfArgs) -> Result<(), Failure> {
    arguments.output.refuse_what_is_there()?;
    let document = contents(&arguments.document)?;
    let (app, principal) = opened(&arguments.configuration, &arguments.asked)?;
    let asked = arguments.asked.asked();
    let found = counted(|progress| {
        app.read(&principal, |unit| {
            analytics::what_if(
                unit,
                &document,
                arguments.against.as_deref(),
                &asked,
                progress,
            )
        })
    });
    app.write_down_reads()?;
    let found = found?;
    arguments.output.write(&found.report)?;
    if arguments.output.format == Format::Table && arguments.output.table.is_none() {
        super::failure::say(&moved(&found))?;
    }
    Ok(())
}

fn run_published(arguments: &PublishedArgs) -> Result<(), Failure> {
    arguments.output.refuse_what_is_there()?;
    let text = match &arguments.file {
        Some(file) => contents(file)?,
        None => published::PUBLISHED.to_owned(),
    };
    let today = System::default().now().date_naive();
    let report = published::recomputed(&text, today).map_err(|errors| {
        let name = arguments
            .file
            .as_ref()
            .map_or_else(String::new, |file| format!("{}: ", file.display()));
        let lines = errors.iter().map(|error| format!("{name}{error}"));
        Failure::new(format!(
            "the table cannot be read:\n{}",
            lines.collect::<Vec<_>>().join("\n")
        ))
    })?;
    if arguments.output.format == Format::Svg {
        return Err(Failure::usage(
            "published figures have no chart; there are table, csv, json",
        ));
    }
    arguments.output.write(&report)
}

fn opened(
    configuration: &ConfigurationArgs,
    asked: &AskedArgs,
) -> Result<(Arc<App>, Principal), Failure> {
    let app = configuration.load()?.open_app()?;
    let principal = principal(&app, asked.organization.as_deref(), "medial analyze")?;
    Ok((app, principal))
}

/// Does the work with a bar that tells how many patients were counted, on standard error where that is a terminal.
fn counted<T>(
    work: impl FnOnce(&mut analytics::Progress<'_>) -> AppResult<T>,
) -> Result<T, Failure> {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    if let Ok(style) =
        ProgressStyle::with_template("{spinner} {human_pos} patients, {per_sec}, {elapsed}")
    {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    let found = work(&mut |patients| {
        bar.set_position(patients);
        Ok(())
    });
    bar.finish_and_clear();
    found.map_err(shown)
}

/// Parameters of the API are flags here.
fn shown(error: Error) -> Failure {
    let Error::Invalid(errors) = error else {
        return Failure::from(error);
    };
    let lines = errors
        .iter()
        .map(|error| match error.pointer.strip_prefix('/') {
            Some(name) => format!("--{}: {}", name.replace('_', "-"), error.detail),
            None => error.detail.clone(),
        });
    Failure::usage(lines.collect::<Vec<_>>().join("\n"))
}

fn contents(file: &Path) -> Result<String, Failure> {
    let unreadable =
        |error: std::io::Error| Failure::new(format!("{} cannot be read: {error}", file.display()));
    let source: Box<dyn Read> = if file == Path::new(STANDARD_OUTPUT) {
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
        return Err(Failure::new(format!(
            "{} is larger than {LARGEST} bytes",
            file.display()
        )));
    }
    String::from_utf8(bytes).map_err(|_| Failure::new(format!("{} is not UTF-8", file.display())))
}

impl OutputArgs {
    fn is_file(&self) -> bool {
        self.output != Path::new(STANDARD_OUTPUT)
    }

    fn refuse_what_is_there(&self) -> Result<(), Failure> {
        if self.is_file() && !self.force && self.output.exists() {
            return Err(Failure::usage(format!(
                "{} is there already; --force overwrites it",
                self.output.display()
            )));
        }
        Ok(())
    }

    fn write(&self, report: &Report) -> Result<(), Failure> {
        let text = self.rendered(report)?;
        if !self.is_file() {
            return super::failure::say(&text);
        }
        files::write_file(&self.output, |out| {
            out.write_all(text.as_bytes())
                .map_err(|error| Error::Internal(error.into()))
        })?;
        Ok(())
    }

    fn rendered(&self, report: &Report) -> Result<String, Failure> {
        match self.format {
            Format::Table => Ok(tables(report, self.table(report)?)),
            Format::Csv => {
                let table = self.table(report)?.or_else(|| report.tables.first());
                let table = table.ok_or_else(|| Failure::new("the figure has no table"))?;
                let bytes = figure_csv(table)?;
                String::from_utf8(bytes).map_err(|error| Failure::new(error.to_string()))
            }
            Format::Json => {
                let text = serde_json::to_string_pretty(&FigureFields::from(report));
                text.map(|text| text + "\n")
                    .map_err(|error| Failure::new(error.to_string()))
            }
            Format::Svg => self.chart(report),
        }
    }

    fn table<'r>(&self, report: &'r Report) -> Result<Option<&'r Table>, Failure> {
        let Some(name) = &self.table else {
            return Ok(None);
        };
        report.table(name).map(Some).ok_or_else(|| {
            let names: Vec<&str> = report.tables.iter().map(|table| table.name).collect();
            Failure::usage(format!(
                "--table: there is no {name}; there are {}",
                names.join(", ")
            ))
        })
    }

    fn chart(&self, report: &Report) -> Result<String, Failure> {
        let charts = figure_charts("chart", report);
        let chart = self
            .chart
            .checked_sub(1)
            .and_then(|place| charts.get(place));
        chart.map(|chart| format!("{chart}\n")).ok_or_else(|| {
            Failure::usage(format!(
                "--chart: there are {} charts of this figure with these records",
                charts.len()
            ))
        })
    }
}

/// The tables of a report, as wide as the terminal.
fn tables(report: &Report, only: Option<&Table>) -> String {
    let chosen: Vec<String> = report
        .chosen
        .iter()
        .map(|(name, values)| format!("{name} {}", values.join(" or ")))
        .collect();
    let chosen = match chosen.as_slice() {
        [] => String::new(),
        chosen => format!(" ({})", chosen.join(", ")),
    };
    let mut text = format!(
        "{} as of {}{chosen}\n{}\n",
        report.title, report.as_of, report.about
    );
    if report.min_cell > 0 {
        text.push_str(&format!(
            "Numbers below {} are kept back.\n",
            report.min_cell
        ));
    }
    let shown = report
        .tables
        .iter()
        .filter(|table| only.is_none_or(|only| only.name == table.name));
    for table in shown {
        text.push_str(&format!(
            "\n{}\n{}\nDenominator: {}.\n",
            table.title,
            drawn(table),
            table.denominator_is
        ));
        for (reason, count) in &table.left_out {
            let count =
                count.map_or_else(|| "few, kept back".to_owned(), |count| count.to_string());
            text.push_str(&format!("Left out: {reason}: {count}\n"));
        }
    }
    for note in &report.notes {
        text.push_str(&format!("\nNote: {note}\n"));
    }
    text
}

fn drawn(table: &Table) -> String {
    let mut drawn = comfy_table::Table::new();
    let noted = table.rows.iter().any(|row| row.note.is_some());
    let labels = table.columns.iter().map(|column| column.label.to_owned());
    drawn
        .load_style(presets::UTF8_FULL_CONDENSED)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(labels.chain(noted.then(|| "Note".to_owned())));
    for row in &table.rows {
        let note = noted.then(|| row.note.clone().unwrap_or_default());
        drawn.add_row(row.cells.iter().map(written).chain(note));
    }
    for (place, column) in table.columns.iter().enumerate() {
        if column.unit != Measure::Key
            && let Some(column) = drawn.column_mut(place)
        {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    drawn.to_string()
}

/// Who comes in and who goes out.
fn moved(found: &WhatIfReport) -> String {
    let mut text = String::new();
    for (way, moved) in [("comes in", &found.entering), ("goes out", &found.leaving)] {
        for one in moved.iter().flatten() {
            let rules: Vec<&str> = one.rules.iter().map(|rule| rule.code()).collect();
            text.push_str(&format!(
                "{way}: episode {} {}: {}\n",
                one.episode,
                one.target,
                rules.join(", ")
            ));
        }
    }
    text
}
