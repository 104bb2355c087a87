//! Published figures computed anew from their counts, beside what the papers print.

use crate::domain::statistics::{Interval, IntervalMethod, Proportion};
use crate::domain::study::{Cell, Column, Report, Table, Unit};
use chrono::NaiveDate;
use csv::StringRecord;
use std::collections::BTreeMap;

/// The figures that the program carries: raw counts and what was printed.
pub const PUBLISHED: &str = include_str!("../../../assets/published.csv");

/// The columns of such a table, in any order; the last may be left out.
const COLUMNS: [&str; 10] = [
    "key",
    "study",
    "figure",
    "numerator",
    "denominator",
    "printed_percent",
    "printed_ci_low",
    "printed_ci_high",
    "denominator_is",
    NOTE,
];
const NOTE: &str = "note";

/// One mistake in a table of published figures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineError {
    /// The line, from 1.
    pub line: u64,
    /// What is wrong and what would be accepted.
    pub detail: String,
}

impl std::fmt::Display for LineError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}: {}", self.line, self.detail)
    }
}

/// A percentage as it is printed: with as many digits as the paper gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Printed {
    /// In hundredths of a percent.
    hundredths: i64,
    /// Digits after the point.
    places: u32,
}

/// One published figure.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Figure {
    key: String,
    study: String,
    figure: String,
    counts: Proportion,
    percent: Option<Printed>,
    interval: Option<(Printed, Printed)>,
    denominator_is: String,
    note: String,
}

/// Computes every figure of a table anew.
///
/// # Errors
/// Every mistake, with its line.
pub fn recomputed(text: &str, as_of: NaiveDate) -> Result<Report, Vec<LineError>> {
    let figures = read(text)?;
    let key = |name, label, about| Column::new(name, label, Unit::Key, about);
    let percent = |name, label, about| Column::new(name, label, Unit::Percent, about);
    let mut table = Table::new(
        "published",
        "Published figures",
        "said of each figure in its own row",
        vec![
            key("key", "Key", "The figure's name."),
            key("study", "Study", "The paper."),
            key("figure", "Figure", "What is counted."),
            Column::new("numerator", "Number", Unit::Numerator, "How many."),
            Column::new("denominator", "Of", Unit::Denominator, "Of how many."),
            key("denominator_is", "who are", "What the denominator is."),
            percent("printed_percent", "Printed", "The percentage in the paper."),
            percent(
                "computed_percent",
                "Computed",
                "The percentage computed from the counts.",
            ),
            percent(
                "difference_points",
                "Difference",
                "Computed less printed, in percentage points.",
            ),
            key(
                "agrees",
                "Agrees",
                "Whether the computed figure, rounded as the paper rounds, is the printed one, its interval included.",
            ),
            percent(
                "printed_low",
                "Printed from",
                "The lower limit of the interval in the paper.",
            ),
            percent("printed_high", "to", "The upper limit in the paper."),
            percent(
                "wald_low",
                "Wald from",
                "The lower limit of Wald's interval, which papers of the field print.",
            ),
            percent("wald_high", "to", "The upper limit of Wald's interval."),
            percent(
                "difference_low_points",
                "Difference from",
                "The lower limit computed by Wald less the printed one, in percentage points.",
            ),
            percent(
                "difference_high_points",
                "to",
                "The same of the upper limit.",
            ),
            percent(
                "wilson_low",
                "Wilson from",
                "The lower limit of Wilson's interval.",
            ),
            percent("wilson_high", "to", "The upper limit of Wilson's interval."),
            key(
                "interval_is",
                "Printed interval is",
                "The method by which the printed interval comes out: `wald`, `wilson`, `clopper_pearson` or `none of them`.",
            ),
            key("remark", "Remark", "What the table says beside it."),
        ],
    );
    for figure in &figures {
        table.push(cells(figure));
    }
    Ok(Report {
        figure: "published",
        title: "Published figures",
        about: "Each figure computed anew from its counts, beside what the paper prints. Papers print Wald intervals; Wilson's is shown beside them.",
        as_of,
        interval: IntervalMethod::Wald,
        chosen: Vec::new(),
        min_cell: 0,
        deidentified: false,
        tables: vec![table],
        notes: Vec::new(),
    })
}

fn cells(figure: &Figure) -> Vec<Cell> {
    let counts = figure.counts;
    let interval = |method| limits(counts.interval(method));
    let (wald, wilson) = (
        interval(IntervalMethod::Wald),
        interval(IntervalMethod::Wilson),
    );
    let computed = counts.hundredths();
    let apart = |computed: Option<i64>, printed: Option<Printed>| {
        Cell::percent(
            computed
                .zip(printed)
                .map(|(computed, printed)| computed - printed.hundredths),
        )
    };
    let low = figure.interval.map(|(low, _)| low);
    let high = figure.interval.map(|(_, high)| high);
    let of = |printed: Option<Printed>| Cell::percent(printed.map(|printed| printed.hundredths));
    let text = |text: &str| {
        if text.is_empty() {
            Cell::Missing
        } else {
            Cell::text(text)
        }
    };
    vec![
        Cell::text(figure.key.as_str()),
        Cell::text(figure.study.as_str()),
        Cell::text(figure.figure.as_str()),
        Cell::count(counts.numerator),
        Cell::count(counts.denominator),
        Cell::text(figure.denominator_is.as_str()),
        of(figure.percent),
        Cell::percent(computed),
        apart(computed, figure.percent),
        Cell::text(agreement(figure)),
        of(low),
        of(high),
        Cell::percent(wald.map(|(low, _)| low)),
        Cell::percent(wald.map(|(_, high)| high)),
        apart(wald.map(|(low, _)| low), low),
        apart(wald.map(|(_, high)| high), high),
        Cell::percent(wilson.map(|(low, _)| low)),
        Cell::percent(wilson.map(|(_, high)| high)),
        method_of(figure).map_or(Cell::Missing, Cell::text),
        text(&figure.note),
    ]
}

fn limits(interval: Option<Interval>) -> Option<(i64, i64)> {
    let rounded = crate::domain::statistics::rounded;
    interval.map(|interval| (rounded(interval.low), rounded(interval.high)))
}

/// Whether what was computed is what was printed, as far as the paper gives digits.
fn agreement(figure: &Figure) -> &'static str {
    let percent = figure
        .percent
        .is_none_or(|printed| printed.is(figure.counts.rounded_to(printed.places)));
    let interval = method_of(figure).is_none_or(|method| method == IntervalMethod::Wald.code());
    match (percent, interval) {
        (true, true) => "yes",
        (false, true) => "no: the percentage",
        (true, false) => "no: the interval",
        (false, false) => "no: percentage and interval",
    }
}

/// The method by which the printed interval comes out; `None` where none is printed.
fn method_of(figure: &Figure) -> Option<&'static str> {
    let (low, high) = figure.interval?;
    let methods = [
        IntervalMethod::Wald,
        IntervalMethod::Wilson,
        IntervalMethod::ClopperPearson,
    ];
    let gives = |method: &&IntervalMethod| {
        figure.counts.interval(**method).is_some_and(|interval| {
            low.is(interval.low_rounded_to(low.places))
                && high.is(interval.high_rounded_to(high.places))
        })
    };
    Some(
        methods
            .iter()
            .find(gives)
            .map_or("none of them", |method| method.code()),
    )
}

impl Printed {
    /// Whether a percentage, in units of its last digit, is this one.
    fn is(self, units: Option<i64>) -> bool {
        let parts = 10_i64.pow(2_u32.saturating_sub(self.places));
        units.is_some_and(|units| units * parts == self.hundredths)
    }

    /// Reads `27`, `8.7` or `27 %`; `None` for `-` and for nothing.
    fn read(text: &str) -> Result<Option<Printed>, String> {
        let text = text.trim().trim_end_matches('%').trim_end();
        if text.is_empty() || text == "-" {
            return Ok(None);
        }
        let expected = || {
            format!(
                "expected a percentage from 0 to 100 with at most two digits after the point, or -, found “{text}”"
            )
        };
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let places = u32::try_from(fraction.len()).unwrap_or(u32::MAX);
        if whole.is_empty() || whole.len() > 3 || places > 2 || !digits(whole) || !digits(fraction)
        {
            return Err(expected());
        }
        let number = |part: &str| part.parse::<i64>().unwrap_or(0);
        let hundredths = number(whole) * 100 + number(fraction) * 10_i64.pow(2 - places);
        if hundredths > 10_000 {
            return Err(expected());
        }
        Ok(Some(Printed { hundredths, places }))
    }
}

fn read(text: &str) -> Result<Vec<Figure>, Vec<LineError>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .from_reader(text.as_bytes());
    let places = match reader.headers() {
        Ok(headers) => places(headers)?,
        Err(error) => return Err(vec![unreadable(&error)]),
    };
    let (mut figures, mut errors) = (Vec::new(), Vec::new());
    let mut keys: BTreeMap<String, u64> = BTreeMap::new();
    for record in reader.records() {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                errors.push(unreadable(&error));
                continue;
            }
        };
        let line = record
            .position()
            .map_or(1, |position| line_at(text, position.byte()));
        let found = figure(&record, &places);
        let mut refuse = |details: Vec<String>| {
            errors.extend(details.into_iter().map(|detail| LineError { line, detail }));
        };
        match found {
            Ok(figure) => {
                if let Some(before) = keys.insert(figure.key.clone(), line) {
                    refuse(vec![format!(
                        "key: “{}” is on line {before} already",
                        figure.key
                    )]);
                }
                figures.push(figure);
            }
            Err(details) => refuse(details),
        }
    }
    if errors.is_empty() {
        Ok(figures)
    } else {
        Err(errors)
    }
}

/// The line of what begins at a byte. The reader's own count lags behind where lines end in CR LF.
fn line_at(text: &str, byte: u64) -> u64 {
    let byte = usize::try_from(byte).unwrap_or(usize::MAX).min(text.len());
    let (before, from) = text.as_bytes().split_at(byte);
    let ends = from.iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
    let ended = before.iter().chain(ends).filter(|byte| **byte == b'\n');
    u64::try_from(ended.count()).unwrap_or(0) + 1
}

fn unreadable(error: &csv::Error) -> LineError {
    LineError {
        line: error.position().map_or(1, csv::Position::line),
        detail: "it is not CSV in UTF-8".to_owned(),
    }
}

/// Where each column is.
fn places(headers: &StringRecord) -> Result<BTreeMap<&'static str, usize>, Vec<LineError>> {
    let find = |name: &str| headers.iter().position(|header| header.trim() == name);
    let found: BTreeMap<&'static str, usize> = COLUMNS
        .iter()
        .filter_map(|name| Some((*name, find(name)?)))
        .collect();
    let missing = COLUMNS
        .iter()
        .filter(|name| **name != NOTE && !found.contains_key(*name));
    let missing: Vec<&str> = missing.copied().collect();
    let unknown = headers
        .iter()
        .filter(|header| !COLUMNS.contains(&header.trim()));
    let unknown: Vec<&str> = unknown.collect();
    let mut errors = Vec::new();
    let mut refuse = |detail: String| errors.push(LineError { line: 1, detail });
    if !missing.is_empty() {
        refuse(format!("columns are missing: {}", missing.join(", ")));
    }
    if !unknown.is_empty() {
        refuse(format!(
            "columns are not known: {}; known are {}",
            unknown.join(", "),
            COLUMNS.join(", ")
        ));
    }
    if errors.is_empty() {
        Ok(found)
    } else {
        Err(errors)
    }
}

fn figure(
    record: &StringRecord,
    places: &BTreeMap<&'static str, usize>,
) -> Result<Figure, Vec<String>> {
    if record.len() > places.len() {
        return Err(vec![format!(
            "{} values for {} columns; a value with a comma belongs in quotation marks",
            record.len(),
            places.len()
        )]);
    }
    let value = |name: &str| {
        let place = places.get(name)?;
        record.get(*place).map(str::trim)
    };
    let mut errors = Vec::new();
    let mut required = |name: &str| {
        let found = value(name).filter(|text| !text.is_empty());
        if found.is_none() {
            errors.push(format!("{name}: it is required"));
        }
        found.unwrap_or_default().to_owned()
    };
    let (key, study, of) = (required("key"), required("study"), required("figure"));
    let denominator_is = required("denominator_is");
    let counts = ["numerator", "denominator"].map(&mut required);
    let count = |name: &str, text: &str, errors: &mut Vec<String>| {
        let read = text
            .parse::<u64>()
            .ok()
            .filter(|count| *count <= 1_000_000_000_000);
        if read.is_none() && !text.is_empty() {
            errors.push(format!("{name}: expected a whole number, found “{text}”"));
        }
        read
    };
    let [numerator, denominator] = &counts;
    let numerator = count("numerator", numerator, &mut errors);
    let denominator = count("denominator", denominator, &mut errors);
    if denominator == Some(0) {
        errors.push("denominator: a share of nothing cannot be computed".to_owned());
    }
    if numerator
        .zip(denominator)
        .is_some_and(|(part, whole)| part > whole && whole > 0)
    {
        errors.push("numerator: it is larger than the denominator".to_owned());
    }
    let mut printed = |name: &str| match Printed::read(value(name).unwrap_or_default()) {
        Ok(printed) => printed,
        Err(detail) => {
            errors.push(format!("{name}: {detail}"));
            None
        }
    };
    let percent = printed("printed_percent");
    let (low, high) = (printed("printed_ci_low"), printed("printed_ci_high"));
    let given = |name: &str| value(name).is_some_and(|text| !text.is_empty() && text != "-");
    if given("printed_ci_low") != given("printed_ci_high") {
        errors.push(
            "printed_ci_low, printed_ci_high: an interval has both limits, or neither".to_owned(),
        );
    }
    if low
        .zip(high)
        .is_some_and(|(low, high)| low.hundredths > high.hundredths)
    {
        errors.push("printed_ci_low: it is above printed_ci_high".to_owned());
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    Ok(Figure {
        key,
        study,
        figure: of,
        counts: Proportion::of(numerator.unwrap_or(0), denominator.unwrap_or(0)),
        percent,
        interval: low.zip(high),
        denominator_is,
        note: value(NOTE).unwrap_or_default().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day() -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 1, 1).unwrap()
    }

    #[test]
    fn every_figure_that_the_program_carries_comes_out_as_printed() {
        let report = recomputed(PUBLISHED, day()).unwrap();
        let [table] = report.tables.as_slice() else {
            panic!("one table");
        };
        assert_eq!(table.rows.len(), 6);
        for row in &table.rows {
            assert_eq!(table.word(row, "agrees"), "yes", "{row:?}");
        }
        let barnsley = &table.rows[0];
        let number = |name| table.number(barnsley, name);
        assert_eq!(number("computed_percent"), Some(2667));
        assert_eq!(number("difference_points"), Some(-33));
        assert_eq!(
            (number("wald_low"), number("wald_high")),
            (Some(1548), Some(3786))
        );
        assert_eq!(table.word(barnsley, "interval_is"), "wald");
    }

    #[test]
    fn what_was_printed_wrongly_or_by_another_method_is_told() {
        let text = "denominator_is,key,study,figure,numerator,denominator,printed_percent,printed_ci_low,printed_ci_high\n\
            patients,a,A,x,16,60,28,15,38\n\
            patients,b,B,x,16,60,26.7,17,39\n\
            patients,c,C,x,16,60,26.67,-,-\n";
        let report = recomputed(text, day()).unwrap();
        let table = &report.tables[0];
        let said: Vec<&str> = table
            .rows
            .iter()
            .map(|row| table.word(row, "agrees"))
            .collect();
        assert_eq!(said, ["no: the percentage", "no: the interval", "yes"]);
        assert_eq!(table.word(&table.rows[1], "interval_is"), "wilson");
    }

    #[test]
    fn every_mistake_is_told_with_its_line() {
        let text = "\u{feff}key,study,figure,numerator,denominator,printed_percent,printed_ci_low,printed_ci_high,denominator_is,note\r\n\
            a,A,x,16,60,27,15,38,patients,\r\n\
            a,B,x,sixteen,0,270,15,-,patients,\r\n\
            c,\"C, and others\",x,70,60,27,38,15,,fine\r\n\
            d,D, and others,x,1,2,50,-,-,patients,\r\n";
        let errors = recomputed(text, day()).unwrap_err();
        let said: Vec<String> = errors.iter().map(ToString::to_string).collect();
        for expected in [
            "line 3: numerator: expected a whole number, found “sixteen”",
            "line 3: denominator: a share of nothing cannot be computed",
            "line 3: printed_percent: expected",
            "line 3: printed_ci_low, printed_ci_high: an interval has both",
            "line 4: denominator_is: it is required",
            "line 4: numerator: it is larger",
            "line 4: printed_ci_low: it is above",
            "line 5: 11 values for 10 columns",
        ] {
            assert!(
                said.iter().any(|line| line.starts_with(expected)),
                "{expected}: {said:#?}"
            );
        }
        let header = recomputed("key,colour\n", day()).unwrap_err();
        assert_eq!(header.len(), 2);
        assert!(header[0].detail.contains("numerator, denominator"));
        assert!(recomputed("", day()).is_err());
    }
}
