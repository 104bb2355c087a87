//! The tables of the OMOP Common Data Model 5.4, made from one patient after the other.
//!
//! Concepts are named only where their ids are certain; everything else has concept 0, as the model asks for what is not
//! mapped, and says in its source value what it is. Ids of rows are counted within one export: what stays the same from
//! one to the next is the person's source value.

mod concepts;
mod records;
mod tables;

use super::cell::Cell;
use super::columns::DICTIONARY_VERSION;
use super::deidentify::Pseudonyms;
use super::files::Begun;
use super::manifest::Described;
use super::room;
use super::sheet::{Sheet, media_type};
use super::write::{Progress, Written};
use crate::app::error::FieldError;
use crate::app::exports::{Dataset, Dates, Done, Format, People, Wanted, expected_rows};
use crate::app::{Error, Result, Unit};
use std::path::{Path, PathBuf};
use tables::Table;

/// Checks what cannot be said in this model.
///
/// # Errors
/// [`Error::Invalid`] for dates that are years alone: its dates are whole ones.
pub(super) fn check(wanted: &Wanted) -> Result<()> {
    if wanted.deidentify && wanted.dates == Dates::Years {
        return Err(Error::Invalid(vec![FieldError::new(
            "/dates",
            "whole_dates_needed",
            "The dates of this model are whole ones: they can be shifted.",
        )]));
    }
    Ok(())
}

/// How many rows there will be at most, and how many bytes they take.
pub(super) fn expected(unit: &mut Unit<'_, '_>, wanted: &Wanted) -> Result<(u64, u64)> {
    let mut count = |dataset| expected_rows(unit, dataset, &wanted.filter);
    let (patients, episodes) = (count(Dataset::Patients)?, count(Dataset::Episodes)?);
    let (blocks, ablations) = (count(Dataset::Blocks)?, count(Dataset::Ablations)?);
    let (scores, follow_ups) = (count(Dataset::Scores)?, count(Dataset::FollowUps)?);
    let (events, verdicts) = (
        count(Dataset::AdverseEvents)?,
        count(Dataset::Determinations)?,
    );
    let rows = [
        (Table::Person, patients),
        (Table::ObservationPeriod, patients),
        (Table::VisitOccurrence, blocks + ablations),
        (Table::ConditionOccurrence, episodes),
        (Table::ProcedureOccurrence, 3 * (blocks + ablations)),
        (Table::DrugExposure, 2 * blocks),
        // A score with the relief stated beside it; the stated relief of a block; a few disability scores of an episode.
        (
            Table::Measurement,
            2 * scores + blocks + ablations + 3 * follow_ups + 4 * episodes,
        ),
        (Table::Observation, verdicts + events + follow_ups),
        (Table::Episode, episodes),
        (Table::CdmSource, 1),
    ];
    let (mut all, mut bytes) = (0_u64, 0_u64);
    for (table, rows) in rows {
        all = all.saturating_add(rows);
        bytes = bytes.saturating_add(room::bytes_of(&table.headings(), wanted.format, rows));
    }
    Ok((all, bytes))
}

/// Writes every table into `directory`, all at once: a patient is read once.
pub(super) fn write(
    unit: &mut Unit<'_, '_>,
    wanted: &Wanted,
    pseudonyms: Option<Pseudonyms>,
    directory: &Path,
    done: &mut Done,
    progress: Progress<'_>,
) -> Result<Vec<Described>> {
    let mut model = Model::begin(wanted.format, pseudonyms, directory)?;
    let mut people = People::of(unit, wanted)?;
    while let Some(chunk) = people.next(unit)? {
        for person in &chunk {
            records::add(&mut model, person)?;
        }
        done.rows = model.rows();
        progress(*done)?;
    }
    records::add_source(&mut model, unit.now.date_naive())?;
    done.rows = model.rows();
    model.end()
}

/// The tables on their way.
struct Model {
    format: Format,
    pseudonyms: Option<Pseudonyms>,
    sheets: Vec<Filling>,
}

/// One table on its way.
struct Filling {
    table: Table,
    name: String,
    sheet: Sheet<Begun>,
    rows: u64,
}

impl Model {
    fn begin(format: Format, pseudonyms: Option<Pseudonyms>, directory: &Path) -> Result<Model> {
        let begin = |table: &Table| {
            let name = format!("{}.{}", table.name(), format.code());
            let path: PathBuf = directory.join(&name);
            let labels = vec![
                ("omop.table".to_owned(), table.name().to_owned()),
                (
                    "medial.dictionary_version".to_owned(),
                    DICTIONARY_VERSION.to_string(),
                ),
            ];
            Ok(Filling {
                table: *table,
                name,
                sheet: Sheet::begin(format, table.headings(), &labels, Begun::at(&path)?)?,
                rows: 0,
            })
        };
        Ok(Model {
            format,
            pseudonyms,
            sheets: Table::ALL.iter().map(begin).collect::<Result<_>>()?,
        })
    }

    /// Adds a row to a table and gives it its id, which is the first column of every table but the last. What is not
    /// named among `cells` is empty.
    fn add(&mut self, table: Table, cells: Vec<(&'static str, Cell)>) -> Result<i64> {
        let filling = self
            .sheets
            .iter_mut()
            .find(|filling| filling.table == table)
            .ok_or_else(|| Error::internal("a table was not begun"))?;
        filling.rows += 1;
        let id = i64::try_from(filling.rows).unwrap_or(i64::MAX);
        let mut row = vec![Cell::Null; table.fields().len()];
        if let (true, Some(first)) = (table != Table::CdmSource, row.first_mut()) {
            *first = Cell::Whole(id);
        }
        for (name, cell) in cells {
            let place = table.fields().iter().position(|(field, _)| *field == name);
            let place = place.and_then(|place| row.get_mut(place));
            *place.ok_or_else(|| Error::internal("a table has no such column"))? = cell;
        }
        filling.sheet.row(&row)?;
        Ok(id)
    }

    fn rows(&self) -> u64 {
        self.sheets.iter().map(|filling| filling.rows).sum()
    }

    fn end(self) -> Result<Vec<Described>> {
        let format = self.format;
        let end = |filling: Filling| {
            Ok(Described {
                name: filling.table.name().to_owned(),
                title: filling.table.title().to_owned(),
                headings: filling.table.headings(),
                file: Written {
                    name: filling.name,
                    media_type: media_type(format),
                    content: filling.sheet.end()?.end()?,
                    rows: Some(filling.rows),
                },
            })
        };
        self.sheets.into_iter().map(end).collect()
    }
}
