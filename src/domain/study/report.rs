//! One figure, ready to be shown: its tables and what they were made from.

use super::table::Table;
use crate::domain::statistics::IntervalMethod;
use chrono::NaiveDate;

/// One figure.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Its stable name.
    pub figure: &'static str,
    /// Its heading.
    pub title: &'static str,
    /// What it tells, in a sentence.
    pub about: &'static str,
    /// As of which day: nothing dated later exists for it.
    pub as_of: NaiveDate,
    /// How its intervals are computed.
    pub interval: IntervalMethod,
    /// The filters and options that were chosen, by their names: one value, or each of those that were chosen.
    pub chosen: Vec<(&'static str, Vec<String>)>,
    /// Numbers from 1 up to below this are kept back; 0 for none.
    pub min_cell: u64,
    /// Whether names of people and places are numbers in it.
    pub deidentified: bool,
    /// Its tables, the main one first.
    pub tables: Vec<Table>,
    /// What has to be known to read it.
    pub notes: Vec<&'static str>,
}

impl Report {
    /// A table by its name.
    #[must_use]
    pub fn table(&self, name: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.name == name)
    }

    /// Keeps back what is not to be seen.
    #[must_use]
    pub fn guarded(mut self) -> Report {
        for table in &mut self.tables {
            if self.deidentified {
                table.number_names(&["operator", "site"]);
            }
            table.keep_small_numbers_back(self.min_cell);
        }
        if self.deidentified {
            for (name, values) in &mut self.chosen {
                if matches!(*name, "operator" | "site") {
                    let how_many = match values.len() {
                        1 => "one".to_owned(),
                        more => more.to_string(),
                    };
                    *values = vec![how_many];
                }
            }
        }
        self
    }
}
