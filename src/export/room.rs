//! Whether there is room on the disk for an export, said before it begins.

use super::column::{Heading, Kind};
use super::files;
use crate::app::exports::Format;
use crate::app::{Error, Result};
use std::path::Path;

/// Left free whatever is exported: the database goes on writing.
const RESERVE: u64 = 64 * 1024 * 1024;

/// How many bytes so many rows take at most, as experience has it: what a value is in text, and its name in NDJSON. What
/// is compressed takes less.
pub(super) fn bytes_of(headings: &[Heading], format: Format, rows: u64) -> u64 {
    let names = match format {
        Format::Ndjson => headings
            .iter()
            .map(|heading| u64::try_from(heading.name.len()).unwrap_or(0) + 4)
            .sum(),
        Format::Csv | Format::Parquet | Format::Arrow => 0,
    };
    let values: u64 = headings.iter().map(|heading| width(heading.kind)).sum();
    rows.saturating_mul(values + names)
}

const fn width(kind: Kind) -> u64 {
    match kind {
        Kind::Id => 38,
        Kind::Text => 24,
        Kind::Code => 16,
        Kind::Codes => 40,
        Kind::Date => 12,
        Kind::Instant | Kind::LocalTime => 32,
        Kind::Integer | Kind::Number => 8,
        Kind::Boolean => 6,
        Kind::Objects => 400,
    }
}

/// Checks that `needed` bytes have room in `directory`.
///
/// # Errors
/// [`Error::Conflict`] with both figures where they have not.
pub(super) fn check(needed: u64, directory: &Path) -> Result<()> {
    held_against(needed, files::free_bytes_at(directory)?)
}

fn held_against(needed: u64, free: u64) -> Result<()> {
    if needed.saturating_add(RESERVE) <= free {
        return Ok(());
    }
    Err(Error::Conflict {
        code: "no_room",
        detail: format!(
            "The export takes up to {} and {} are to stay free, but only {} are free where it is written. Nothing was written.",
            figure(needed),
            figure(RESERVE),
            figure(free)
        ),
    })
}

/// Bytes for a reader: `12 MB`, `3.4 GB`, rounded up to the tenth.
fn figure(bytes: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];
    for (unit, name) in UNITS {
        if bytes >= unit {
            let tenths = bytes.div_ceil(unit / 10);
            return format!("{}.{} {name}", tenths / 10, tenths % 10);
        }
    }
    format!("{bytes} bytes")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::columns;

    #[test]
    fn what_does_not_fit_is_refused_with_the_figures() {
        assert!(held_against(10_000_000, 80_000_000).is_ok());
        let refused = held_against(3_400_000_001, 2_000_000_000).unwrap_err();
        let said = refused.to_string();
        assert!(said.contains("3.5 GB"), "{said}");
        assert!(said.contains("2.0 GB"), "{said}");
        assert!(matches!(
            refused,
            Error::Conflict {
                code: "no_room",
                ..
            }
        ));
        assert!(held_against(0, RESERVE - 1).is_err());
    }

    #[test]
    fn names_count_where_every_row_repeats_them() {
        let headings: Vec<Heading> = columns(crate::app::exports::Dataset::Scores)
            .into_iter()
            .map(|column| column.heading)
            .collect();
        let csv = bytes_of(&headings, Format::Csv, 1000);
        assert!(bytes_of(&headings, Format::Ndjson, 1000) > csv);
        assert!(csv > 100_000);
        assert_eq!(bytes_of(&headings, Format::Csv, u64::MAX), u64::MAX);
    }
}
