//! What somebody asks to have exported, and whether they may have it.

use super::content::{Content, Format};
use super::filter::ExportFilter;
use crate::app::error::{Error, FieldError, Result};
use crate::auth::{Action, Principal};
use crate::db::rows::Export;
use crate::domain::{UnknownCode, vocabulary};

vocabulary! {
    /// What becomes of a patient's dates in a de-identified export.
    Dates {
        /// They lie earlier by the patient's own number of days.
        Shifted = "shifted", "shifted";
        /// Only their year is there.
        Years = "years", "years";
    }
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// Of what.
    pub content: Content,
    /// How it is written.
    pub format: Format,
    /// Which records.
    pub filter: ExportFilter,
    /// The names of the columns, in the order wanted; none for all.
    pub columns: Vec<String>,
    /// Whether what identifies the patient is left out; whatever the asker may have without a word about it.
    pub deidentify: Option<bool>,
    /// What becomes of dates then.
    pub dates: Option<Dates>,
}

impl Choice {
    /// All records and columns of `content`.
    #[must_use]
    pub fn all_of(content: Content, format: Format) -> Choice {
        Choice {
            content,
            format,
            filter: ExportFilter::default(),
            columns: Vec::new(),
            deidentify: None,
            dates: None,
        }
    }
}

/// An export that somebody may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Of what.
    pub content: Content,
    /// How it is written.
    pub format: Format,
    /// Which records.
    pub filter: ExportFilter,
    /// The names of the columns, in their order; none for all.
    pub columns: Vec<String>,
    /// Whether what identifies the patient is left out.
    pub deidentify: bool,
    /// What becomes of dates then.
    pub dates: Dates,
}

impl Wanted {
    /// What `principal` asks for. Without a word about it, whoever may have identified exports gets those, and everybody
    /// else de-identified ones.
    ///
    /// # Errors
    /// [`Error::Forbidden`] where they may not have it; [`Error::Invalid`] where a filter does not fit what is asked for,
    /// or would tell, of a de-identified export, whose rows these are.
    pub fn by(principal: &Principal, choice: Choice) -> Result<Wanted> {
        let identified_allowed = principal.allows(Action::ExportIdentified);
        let mut errors = Vec::new();
        let deidentify = choice.deidentify.unwrap_or(!identified_allowed);
        if choice.dates.is_some() && !deidentify {
            errors.push(FieldError::new(
                "/dates",
                "identified_dates",
                "What becomes of dates can be chosen for a de-identified export only.",
            ));
        }
        if choice.content == Content::Datasets(Vec::new()) {
            errors.push(FieldError::new(
                "/datasets",
                "required",
                "At least one dataset is needed.",
            ));
        }
        if !choice.columns.is_empty() && choice.content.only().is_none() {
            errors.push(FieldError::new(
                "/columns",
                "several_datasets",
                "Columns can be chosen where one dataset is exported.",
            ));
        }
        let wanted = Wanted {
            content: choice.content,
            format: choice.format,
            filter: choice.filter,
            columns: choice.columns,
            deidentify,
            dates: choice.dates.unwrap_or(Dates::Shifted),
        };
        wanted.allowed_to(principal)?;
        errors.extend(wanted.foreign_filters());
        if !identified_allowed {
            errors.extend(wanted.telling_filters());
        }
        if errors.is_empty() {
            Ok(wanted)
        } else {
            Err(Error::Invalid(errors))
        }
    }

    /// What was asked for when `export` was.
    ///
    /// # Errors
    /// An internal one when the stored words are not known.
    pub fn stored(export: &Export) -> Result<Wanted> {
        let unknown = |error: UnknownCode| Error::Internal(Box::new(error));
        let columns = export.columns.as_deref().unwrap_or_default();
        Ok(Wanted {
            content: Content::read(&export.dataset).map_err(unknown)?,
            format: Format::from_code(&export.format).map_err(unknown)?,
            filter: serde_json::from_str(&export.filters)
                .map_err(|_| Error::internal("the filters of an export cannot be read"))?,
            columns: columns
                .split(',')
                .filter(|name| !name.is_empty())
                .map(str::to_owned)
                .collect(),
            deidentify: export.deidentify,
            dates: match &export.dates {
                Some(code) => Dates::from_code(code).map_err(unknown)?,
                None => Dates::Shifted,
            },
        })
    }

    /// The name of the file where there is one, else of all of them together: `blocks.csv`, `omop.parquet`.
    #[must_use]
    pub fn file_name(&self) -> String {
        format!("{}.{}", self.content.code(), self.format.code())
    }

    pub(super) const fn action(&self) -> Action {
        if self.deidentify {
            Action::ExportDeidentified
        } else {
            Action::ExportIdentified
        }
    }

    pub(super) fn allowed_to(&self, principal: &Principal) -> Result<()> {
        let action = self.action();
        principal
            .require(action)
            .map_err(|_| Error::Forbidden { action })
    }

    /// Whether `principal` may see that it was asked for, and have it.
    pub(super) fn open_to(&self, principal: &Principal) -> bool {
        principal.allows(Action::ExportIdentified)
            || (self.allowed_to(principal).is_ok() && self.filter.telling().is_empty())
    }

    fn foreign_filters(&self) -> Vec<FieldError> {
        let known = self.content.filters();
        let foreign = self
            .filter
            .names()
            .into_iter()
            .filter(|name| !known.contains(name));
        let error = |name: &str| {
            FieldError::new(
                format!("/{name}"),
                "filter_does_not_apply",
                format!(
                    "{} cannot be chosen by it; accepted are {}.",
                    self.content.code(),
                    known.join(", ")
                ),
            )
        };
        foreign.map(error).collect()
    }

    fn telling_filters(&self) -> Vec<FieldError> {
        let error = |name: &str| {
            let detail = "It would tell whose rows these are, or on which day. A de-identified export can be limited to whole years: \
                from a 1 January, to a 31 December.";
            FieldError::new(format!("/{name}"), "filter_identifies", detail)
        };
        self.filter.telling().into_iter().map(error).collect()
    }
}
