//! Writes the rows of an export, and writes down in the audit trail that it did.

use super::columnar::Labels;
use super::columns::DICTIONARY_VERSION;
use super::files::{Begun, Content as FileContent};
use super::manifest::Described;
use super::sheet::{Sheet, media_type};
use super::table::{self, Table};
use super::{manifest, omop, room};
use crate::app::exports::{Chunks, Content, Done, Record, Wanted, expected_rows};
use crate::app::{App, Error, Principal, Result, Unit};
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, mpsc};
use uuid::Uuid;

/// Chunks that wait to be written.
const WAITING: usize = 2;

/// Is told after each chunk how far it is; its error breaks the export off.
pub type Progress<'p> = &'p mut dyn FnMut(Done) -> Result<()>;

/// A file that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Its name.
    pub name: String,
    /// Its media type.
    pub media_type: &'static str,
    /// Its length and digest.
    pub content: FileContent,
    /// How many rows it has, where it has rows.
    pub rows: Option<u64>,
}

/// Writes the one dataset of `wanted` as `principal` may have it; how many rows it has.
///
/// The audit trail has an entry before the first row and one after the last, or after the row where it broke off.
///
/// # Errors
/// [`Error::Forbidden`]; those of the database, of `out` and of `progress`.
pub fn write(
    app: &Arc<App>,
    principal: &Principal,
    wanted: &Wanted,
    out: &mut dyn Write,
    progress: Progress<'_>,
) -> Result<u64> {
    let dataset = wanted
        .content
        .only()
        .ok_or_else(|| Error::internal("a stream is of one dataset"))?;
    let table = Table::of(app, principal, wanted, dataset)?;
    let mut done = Done {
        rows: 0,
        expected: 0,
    };
    noted(app, principal, wanted, None, &mut done, |done| {
        app.read(principal, |unit| {
            rows(unit, wanted, &table, out, done, progress).map(|_| ())
        })
    })?;
    Ok(done.rows)
}

/// Writes every file of `wanted` into `directory`, all from one view of the records, with a manifest and, beside CSV, the
/// description of a data package. `export` is its id where it is made in the background.
///
/// # Errors
/// As [`write()`]; [`Error::Conflict`] where there is no room for it.
pub fn write_files(
    app: &Arc<App>,
    principal: &Principal,
    wanted: &Wanted,
    export: Option<Uuid>,
    directory: &Path,
    progress: Progress<'_>,
) -> Result<Vec<Written>> {
    let mut done = Done {
        rows: 0,
        expected: 0,
    };
    noted(
        app,
        principal,
        wanted,
        export,
        &mut done,
        |done| match &wanted.content {
            Content::Datasets(datasets) => {
                let tables: Vec<Table> = datasets
                    .iter()
                    .map(|dataset| Table::of(app, principal, wanted, *dataset))
                    .collect::<Result<_>>()?;
                app.read(principal, |unit| {
                    let (expected, needed) = expected_of(unit, wanted, &tables)?;
                    begin(done, expected, needed, directory, progress)?;
                    let described = tables
                        .iter()
                        .map(|table| file_of(unit, wanted, table, directory, done, progress))
                        .collect::<Result<Vec<Described>>>()?;
                    manifest::write_all(wanted, described, unit.now, directory)
                })
            }
            Content::Omop => {
                omop::check(wanted)?;
                let pseudonyms = table::pseudonyms(app, principal, wanted)?;
                app.read(principal, |unit| {
                    let (expected, needed) = omop::expected(unit, wanted)?;
                    begin(done, expected, needed, directory, progress)?;
                    let described =
                        omop::write(unit, wanted, pseudonyms, directory, done, progress)?;
                    manifest::write_all(wanted, described, unit.now, directory)
                })
            }
        },
    )
}

/// Says how much is to come, if there is room for it.
fn begin(
    done: &mut Done,
    expected: u64,
    needed: u64,
    directory: &Path,
    progress: Progress<'_>,
) -> Result<()> {
    room::check(needed, directory)?;
    done.expected = expected;
    progress(*done)
}

/// Does `work` between two entries of the audit trail.
fn noted<T>(
    app: &Arc<App>,
    principal: &Principal,
    wanted: &Wanted,
    export: Option<Uuid>,
    done: &mut Done,
    work: impl FnOnce(&mut Done) -> Result<T>,
) -> Result<T> {
    app.note_export(principal, wanted, export, "begun", None)?;
    let worked = work(done);
    let outcome = match worked {
        Ok(_) => "done",
        Err(_) => "broken_off",
    };
    let noted = app.note_export(principal, wanted, export, outcome, Some(done.rows));
    worked.and_then(|result| noted.map(|()| result))
}

/// How many rows there will be at most, and how many bytes they take.
fn expected_of(unit: &mut Unit<'_, '_>, wanted: &Wanted, tables: &[Table]) -> Result<(u64, u64)> {
    let (mut expected, mut needed) = (0_u64, 0_u64);
    for table in tables {
        let rows = expected_rows(unit, table.dataset, &wanted.filter)?;
        expected = expected.saturating_add(rows);
        let bytes = room::bytes_of(&table.headings(wanted), wanted.format, rows);
        needed = needed.saturating_add(bytes);
    }
    Ok((expected, needed))
}

fn file_of(
    unit: &mut Unit<'_, '_>,
    wanted: &Wanted,
    table: &Table,
    directory: &Path,
    done: &mut Done,
    progress: Progress<'_>,
) -> Result<Described> {
    let name = format!("{}.{}", table.dataset.code(), wanted.format.code());
    let before = done.rows;
    let begun = Begun::at(&directory.join(&name))?;
    let begun = rows(unit, wanted, table, begun, done, progress)?;
    let file = Written {
        name,
        media_type: media_type(wanted.format),
        content: begun.end()?,
        rows: Some(done.rows - before),
    };
    Ok(Described {
        name: table.dataset.code().to_owned(),
        title: table.dataset.label().to_owned(),
        headings: table.headings(wanted),
        file,
    })
}

/// The rows of one table, to their end. One thread reads the next chunks while this one writes.
fn rows<W: Write>(
    unit: &mut Unit<'_, '_>,
    wanted: &Wanted,
    table: &Table,
    out: W,
    done: &mut Done,
    progress: Progress<'_>,
) -> Result<W> {
    let headings = table.headings(wanted);
    let mut sheet = Sheet::begin(wanted.format, headings, &labels(wanted, table), out)?;
    let mut chunks = Chunks::of(unit, wanted, table.dataset)?;
    std::thread::scope(|scope| {
        let (give, take) = mpsc::sync_channel(WAITING);
        let reader = scope.spawn(move || read_all(&mut chunks, unit, &give));
        for records in take {
            for record in &records {
                sheet.row(&table.row(record))?;
                done.rows += 1;
            }
            progress(*done)?;
        }
        let ended = |_| Err(Error::internal("the thread that reads an export ended"));
        reader.join().unwrap_or_else(ended)?;
        sheet.end()
    })
}

/// Gives every chunk on, until the last or until nobody takes them any more.
fn read_all(
    chunks: &mut Chunks,
    unit: &mut Unit<'_, '_>,
    give: &mpsc::SyncSender<Vec<Record>>,
) -> Result<()> {
    while let Some(records) = chunks.next(unit)? {
        if give.send(records).is_err() {
            return Ok(());
        }
    }
    Ok(())
}

/// What a file says of itself where its format has room for it.
fn labels(wanted: &Wanted, table: &Table) -> Labels {
    let label = |name: &str, value: String| (format!("medial.{name}"), value);
    vec![
        label("dataset", table.dataset.code().to_owned()),
        label("dictionary_version", DICTIONARY_VERSION.to_string()),
        label("deidentified", wanted.deidentify.to_string()),
    ]
}
