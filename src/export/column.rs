//! What a column is: its heading, what becomes of it in a de-identified export, and where its values come from.

use super::cell::Cell;
use crate::app::exports::{Dates, Record};
use crate::domain::qualification::{Rule, Statuses};
use std::borrow::Cow;

/// What the values of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The id of a record.
    Id,
    /// Text that somebody typed.
    Text,
    /// A term of a closed list.
    Code,
    /// Terms of a closed list.
    Codes,
    /// A calendar date.
    Date,
    /// An instant with its offset.
    Instant,
    /// A date and time of day by the clock of the place, without its offset.
    LocalTime,
    /// A whole number.
    Integer,
    /// A decimal number.
    Number,
    /// Yes or no.
    Boolean,
    /// A list of objects.
    Objects,
}

impl Kind {
    /// As the data dictionary says it.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Kind::Id => "id",
            Kind::Text => "text",
            Kind::Code => "code",
            Kind::Codes => "list of codes",
            Kind::Date => "date",
            Kind::Instant => "instant",
            Kind::LocalTime => "local time",
            Kind::Integer => "integer",
            Kind::Number => "number",
            Kind::Boolean => "boolean",
            Kind::Objects => "list of objects",
        }
    }
}

/// What becomes of a column in a de-identified export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Privacy {
    /// It stays as it is: it says nothing about who the patient is.
    Kept,
    /// A pseudonym of the id takes its place.
    Pseudonym,
    /// A pseudonym of the name takes its place.
    NamePseudonym,
    /// It lies earlier by the patient's number of days, or only its year is there.
    Shifted,
    /// 90 and above become 90.
    Pooled,
    /// The dates within it are treated as [`Shifted`](Privacy::Shifted), and what somebody typed becomes `other` unless it
    /// is a common word.
    Within,
    /// The column is not there.
    LeftOut,
}

impl Privacy {
    /// As the data dictionary says it.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Privacy::Kept => "kept",
            Privacy::Pseudonym | Privacy::NamePseudonym => "pseudonym",
            Privacy::Shifted => "shifted, or its year",
            Privacy::Pooled => "90 and above as 90",
            Privacy::Within => "dates within shifted or as years, free text within left out",
            Privacy::LeftOut => "left out",
        }
    }
}

/// What a reader is told of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heading {
    /// Its name: the head of the CSV column, the key in NDJSON, the field in Parquet and Arrow.
    pub name: Cow<'static, str>,
    /// What its values are.
    pub kind: Kind,
    /// The unit of its values.
    pub unit: Option<&'static str>,
    /// What it says.
    pub description: Cow<'static, str>,
}

/// Where the values of a column come from.
#[derive(Debug, Clone)]
pub(super) enum Source {
    Field(fn(&Record) -> Cell),
    RuleStatus(Rule),
    VerdictBy(String),
}

/// One column of a dataset.
#[derive(Debug, Clone)]
pub struct Column {
    /// What a reader is told.
    pub heading: Heading,
    /// What becomes of it in a de-identified export.
    pub privacy: Privacy,
    pub(super) source: Source,
}

impl Column {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.heading.name
    }

    /// Its value in a row.
    #[must_use]
    pub fn value(&self, record: &Record) -> Cell {
        match &self.source {
            Source::Field(read) => read(record),
            Source::RuleStatus(rule) => rule_status(record, *rule),
            Source::VerdictBy(profile) => verdict_by(record, profile),
        }
    }

    /// Its heading in an export that is de-identified with `dates`.
    #[must_use]
    pub fn deidentified(&self, dates: Dates) -> Heading {
        let heading = self.heading.clone();
        match (self.privacy, dates) {
            (Privacy::Shifted, Dates::Years) => Heading {
                kind: Kind::Integer,
                unit: Some("year"),
                ..heading
            },
            _ => heading,
        }
    }

    pub(super) fn of_rule(rule: Rule) -> Column {
        let weight = if rule.required() {
            "required"
        } else {
            "advisory"
        };
        let description = format!(
            "Status of the rule “{}” ({weight}); empty where the profile does not ask it.",
            rule.label()
        );
        Column {
            heading: Heading {
                name: format!("rule_{}", rule.code()).into(),
                kind: Kind::Code,
                unit: None,
                description: description.into(),
            },
            privacy: Privacy::Kept,
            source: Source::RuleStatus(rule),
        }
    }

    pub(super) fn of_verdict(profile: &str) -> Column {
        Column {
            heading: Heading {
                name: format!("verdict_{}", profile.replace('-', "_")).into(),
                kind: Kind::Code,
                unit: None,
                description: format!(
                    "The verdict by the profile {profile}; empty where it is not active."
                )
                .into(),
            },
            privacy: Privacy::Kept,
            source: Source::VerdictBy(profile.to_owned()),
        }
    }
}

fn rule_status(record: &Record, rule: Rule) -> Cell {
    match record {
        Record::Determination(of) => {
            Cell::maybe_code(Statuses::from_packed(of.judgement.statuses).get(rule))
        }
        _ => Cell::Null,
    }
}

fn verdict_by(record: &Record, profile: &str) -> Cell {
    let Record::Outcome(of) = record else {
        return Cell::Null;
    };
    of.determinations
        .iter()
        .find(|determination| determination.judgement.profile == profile)
        .map_or(Cell::Null, |determination| {
            Cell::Text(determination.judgement.verdict.clone())
        })
}

/// The columns of one kind of record: name, kind, privacy, unit, description and where the value is.
macro_rules! columns {
    ($variant:ident($record:ident): $($name:literal $kind:ident $privacy:ident $([$unit:literal])? $description:literal => $cell:expr;)+) => {
        vec![$($crate::export::column::Column {
            heading: $crate::export::column::Heading {
                name: std::borrow::Cow::Borrowed($name),
                kind: $crate::export::column::Kind::$kind,
                unit: columns!(@unit $($unit)?),
                description: std::borrow::Cow::Borrowed($description),
            },
            privacy: $crate::export::column::Privacy::$privacy,
            source: $crate::export::column::Source::Field(|record| match record {
                $crate::app::exports::Record::$variant($record) => $cell,
                _ => $crate::export::cell::Cell::Null,
            }),
        },)+]
    };
    (@unit) => { None };
    (@unit $unit:literal) => { Some($unit) };
}
pub(super) use columns;
