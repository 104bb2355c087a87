//! The columns that an export of one dataset has, and what stands in them.

use super::cell::Cell;
use super::column::{Column, Heading, Privacy};
use super::columns::columns;
use super::deidentify::Pseudonyms;
use super::omop;
use crate::app::error::FieldError;
use crate::app::exports::{Content, Dataset, Record, Wanted};
use crate::app::{App, Error, Principal, Result};

/// The columns that are written, and what stands for their values.
pub(super) struct Table {
    pub(super) dataset: Dataset,
    columns: Vec<Column>,
    pseudonyms: Option<Pseudonyms>,
}

impl Table {
    pub(super) fn of(
        app: &App,
        principal: &Principal,
        wanted: &Wanted,
        dataset: Dataset,
    ) -> Result<Table> {
        Ok(Table {
            dataset,
            columns: written_columns(wanted, dataset)?,
            pseudonyms: pseudonyms(app, principal, wanted)?,
        })
    }

    pub(super) fn headings(&self, wanted: &Wanted) -> Vec<Heading> {
        headings(&self.columns, wanted)
    }

    pub(super) fn row(&self, record: &Record) -> Vec<Cell> {
        let cell = |column| self.cell(column, record);
        self.columns.iter().map(cell).collect()
    }

    fn cell(&self, column: &Column, record: &Record) -> Cell {
        let cell = column.value(record);
        match &self.pseudonyms {
            None => cell,
            Some(pseudonyms) => pseudonyms.cell(column, record.patient(), cell),
        }
    }
}

/// What stands for names and dates, where the export is de-identified.
pub(super) fn pseudonyms(
    app: &App,
    principal: &Principal,
    wanted: &Wanted,
) -> Result<Option<Pseudonyms>> {
    let key = &app.settings.pseudonym_key;
    wanted
        .deidentify
        .then(|| Pseudonyms::new(key, &principal.organization, wanted.dates))
        .transpose()
}

/// The headings of columns as they are written.
pub(super) fn headings(columns: &[Column], wanted: &Wanted) -> Vec<Heading> {
    let heading = |column: &Column| {
        if wanted.deidentify {
            column.deidentified(wanted.dates)
        } else {
            column.heading.clone()
        }
    };
    columns.iter().map(heading).collect()
}

/// The columns of `dataset` that there are as `wanted`: all, or those that were named, in the order in which they were.
pub(super) fn written_columns(wanted: &Wanted, dataset: Dataset) -> Result<Vec<Column>> {
    let mut all = columns(dataset);
    if wanted.deidentify {
        all.retain(|column| column.privacy != Privacy::LeftOut);
    }
    if wanted.columns.is_empty() {
        return Ok(all);
    }
    let (mut chosen, mut errors): (Vec<Column>, Vec<FieldError>) = (Vec::new(), Vec::new());
    for (index, name) in wanted.columns.iter().enumerate() {
        let pointer = format!("/columns/{index}");
        let found = all.iter().find(|column| column.name() == name);
        match found {
            None => {
                let names: Vec<&str> = all.iter().map(Column::name).collect();
                let detail = format!(
                    "There is no column {name} here; there are {}.",
                    names.join(", ")
                );
                errors.push(FieldError::new(pointer, "unknown_column", detail));
            }
            Some(column) if chosen.iter().any(|one| one.name() == column.name()) => {
                let detail = format!("The column {name} is named twice.");
                errors.push(FieldError::new(pointer, "repeated_column", detail));
            }
            Some(column) => chosen.push(column.clone()),
        }
    }
    if errors.is_empty() {
        Ok(chosen)
    } else {
        Err(Error::Invalid(errors))
    }
}

/// Checks that what is wanted can be written: that there are the columns that were named, for one.
///
/// # Errors
/// [`Error::Invalid`] with every name that there is no column of, and the names that there are.
pub fn check(wanted: &Wanted) -> Result<()> {
    match &wanted.content {
        Content::Omop => omop::check(wanted),
        Content::Datasets(datasets) => datasets
            .iter()
            .try_for_each(|dataset| written_columns(wanted, *dataset).map(|_| ())),
    }
}
