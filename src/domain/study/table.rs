//! What every figure ends in: tables with named columns, and what is kept back of small numbers.

use crate::domain::statistics::{Interval, IntervalMethod, Proportion, Rate, rounded};
use std::collections::BTreeMap;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// What the row is about.
    Key,
    /// How many.
    Count,
    /// How many of those in the next column.
    Numerator,
    /// Of how many.
    Denominator,
    /// A count that is kept back as soon as small numbers are: a curve's events.
    Detail,
    /// Percent, in hundredths.
    Percent,
    /// A number without a unit, in ten-thousandths.
    Ratio,
    /// Minutes.
    Minutes,
    /// Days.
    Days,
}

/// A column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Its stable name.
    pub name: &'static str,
    /// Its heading.
    pub label: &'static str,
    /// What it holds, in a sentence.
    pub about: &'static str,
    /// In which unit.
    pub unit: Unit,
}

impl Column {
    /// A column.
    #[must_use]
    pub const fn new(
        name: &'static str,
        label: &'static str,
        unit: Unit,
        about: &'static str,
    ) -> Column {
        Column {
            name,
            label,
            about,
            unit,
        }
    }
}

/// One value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    /// There is none; the row's note says why.
    Missing,
    /// A word.
    Text(String),
    /// A whole number, of whatever the column counts.
    Whole(i64),
    /// A percentage, in hundredths of a percent.
    Percent(i64),
    /// A number in ten-thousandths.
    Ratio(i64),
}

impl Cell {
    /// A count.
    #[must_use]
    pub fn count(count: u64) -> Cell {
        Cell::Whole(i64::try_from(count).unwrap_or(i64::MAX))
    }

    /// A whole number, if there is one.
    #[must_use]
    pub fn whole(number: Option<i64>) -> Cell {
        number.map_or(Cell::Missing, Cell::Whole)
    }

    /// A word.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Cell {
        Cell::Text(text.into())
    }

    /// A percentage in hundredths, if there is one.
    #[must_use]
    pub fn percent(hundredths: Option<i64>) -> Cell {
        hundredths.map_or(Cell::Missing, Cell::Percent)
    }

    /// The number in its smallest unit, if it is one.
    #[must_use]
    pub const fn number(&self) -> Option<i64> {
        match self {
            Cell::Whole(number) | Cell::Percent(number) | Cell::Ratio(number) => Some(*number),
            Cell::Missing | Cell::Text(_) => None,
        }
    }

    /// The word, if it is one.
    #[must_use]
    pub fn word(&self) -> Option<&str> {
        match self {
            Cell::Text(text) => Some(text),
            Cell::Missing | Cell::Whole(_) | Cell::Percent(_) | Cell::Ratio(_) => None,
        }
    }
}

/// The columns of a proportion with its interval.
pub const SHARE: [Column; 5] = [
    Column::new(
        "numerator",
        "Number",
        Unit::Numerator,
        "How many have the property.",
    ),
    Column::new(
        "denominator",
        "Of",
        Unit::Denominator,
        "Of how many; what they are is said beside the table.",
    ),
    Column::new(
        "percent",
        "Share",
        Unit::Percent,
        "The numerator in percent of the denominator.",
    ),
    Column::new(
        "percent_low",
        "95 % from",
        Unit::Percent,
        "The lower limit of the 95 % interval.",
    ),
    Column::new(
        "percent_high",
        "to",
        Unit::Percent,
        "The upper limit of the 95 % interval.",
    ),
];

/// The cells of [`SHARE`].
#[must_use]
pub fn share(proportion: Proportion, method: IntervalMethod) -> [Cell; 5] {
    of_interval(proportion, proportion.interval(method))
}

/// The cells of [`SHARE`] where one of the denominator can be in the numerator several times.
#[must_use]
pub fn rate(rate: Rate) -> [Cell; 5] {
    of_interval(Proportion::of(rate.events, rate.over), rate.interval())
}

fn of_interval(proportion: Proportion, interval: Option<Interval>) -> [Cell; 5] {
    let limit = |limit: Option<f64>| Cell::percent(limit.map(rounded));
    [
        Cell::count(proportion.numerator),
        Cell::count(proportion.denominator),
        Cell::percent(proportion.hundredths()),
        limit(interval.map(|interval| interval.low)),
        limit(interval.map(|interval| interval.high)),
    ]
}

/// One row: a cell for each column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The cells.
    pub cells: Vec<Cell>,
    /// Why something is missing in it.
    pub note: Option<String>,
}

/// Who was left out, and why.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LeftOut(BTreeMap<&'static str, u64>);

impl LeftOut {
    /// Counts one more.
    pub fn one(&mut self, reason: &'static str) {
        *self.0.entry(reason).or_default() += 1;
    }

    /// How many for each reason, by the words of the reasons.
    #[must_use]
    pub fn reasons(&self) -> Vec<(&'static str, u64)> {
        self.0
            .iter()
            .map(|(reason, count)| (*reason, *count))
            .collect()
    }
}

/// A table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Its stable name within the figure.
    pub name: &'static str,
    /// Its heading.
    pub title: &'static str,
    /// What its denominators are, in a sentence.
    pub denominator_is: &'static str,
    /// Its columns.
    pub columns: Vec<Column>,
    /// Its rows.
    pub rows: Vec<Row>,
    /// Who was left out, and why; `None` where the count is kept back.
    pub left_out: Vec<(&'static str, Option<u64>)>,
    /// The columns whose equal values make rows parts of one whole.
    pub parts_of: &'static [&'static str],
}

/// Why a share is missing.
const OF_NOTHING: &str = "a share of nothing: the denominator is 0";

impl Table {
    /// An empty table.
    #[must_use]
    pub fn new(
        name: &'static str,
        title: &'static str,
        denominator_is: &'static str,
        columns: Vec<Column>,
    ) -> Table {
        Table {
            name,
            title,
            denominator_is,
            columns,
            rows: Vec::new(),
            left_out: Vec::new(),
            parts_of: &[],
        }
    }

    /// The same, whose rows with equal values in these columns make up a whole.
    #[must_use]
    pub const fn parts_of(mut self, columns: &'static [&'static str]) -> Table {
        self.parts_of = columns;
        self
    }

    /// The same, with who was left out.
    #[must_use]
    pub fn leaving_out(mut self, left_out: &LeftOut) -> Table {
        let reasons = left_out.reasons();
        self.left_out = reasons
            .into_iter()
            .map(|(reason, count)| (reason, Some(count)))
            .collect();
        self
    }

    /// Adds a row; says so where a share is one of nothing.
    pub fn push(&mut self, cells: Vec<Cell>) {
        let mut pairs = self.columns.iter().zip(&cells);
        let of_nothing =
            pairs.any(|(column, cell)| column.unit == Unit::Denominator && *cell == Cell::Whole(0));
        self.rows.push(Row {
            cells,
            note: of_nothing.then(|| OF_NOTHING.to_owned()),
        });
    }

    /// Says of the last row why something is missing in it.
    pub fn note_last(&mut self, why: &str) {
        if let Some(row) = self.rows.last_mut() {
            row.note.get_or_insert_with(|| why.to_owned());
        }
    }

    /// The place of a column.
    #[must_use]
    pub fn place(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    /// The cell of a row in a column.
    #[must_use]
    pub fn cell<'t>(&self, row: &'t Row, column: &str) -> Option<&'t Cell> {
        row.cells.get(self.place(column)?)
    }

    /// The number of a row in a column, in its smallest unit.
    #[must_use]
    pub fn number(&self, row: &Row, column: &str) -> Option<i64> {
        self.cell(row, column).and_then(Cell::number)
    }

    /// The word of a row in a column; empty where there is none.
    #[must_use]
    pub fn word<'t>(&self, row: &'t Row, column: &str) -> &'t str {
        self.cell(row, column)
            .and_then(Cell::word)
            .unwrap_or_default()
    }

    /// Keeps rows back that rest on fewer than `below`, but on some; where that is a single part of a whole, also the next
    /// smallest, so that it cannot be told from the rest.
    pub fn keep_small_numbers_back(&mut self, below: u64) {
        if below == 0 {
            return;
        }
        let small: Vec<bool> = self
            .rows
            .iter()
            .map(|row| self.is_small(row, below))
            .collect();
        let mut kept_back = small.clone();
        for family in self.families() {
            let hidden = family
                .iter()
                .filter(|place| small.get(**place) == Some(&true))
                .count();
            if hidden != 1 {
                continue;
            }
            let next = family
                .iter()
                .filter(|place| small.get(**place) == Some(&false))
                .min_by_key(|place| self.rows.get(**place).map(|row| self.size(row)));
            if let Some(flag) = next.and_then(|place| kept_back.get_mut(*place)) {
                *flag = true;
            }
        }
        let columns = self.columns.clone();
        for (row, kept_back) in self.rows.iter_mut().zip(kept_back) {
            for (cell, column) in row.cells.iter_mut().zip(&columns) {
                let hidden = kept_back && column.unit != Unit::Key;
                if hidden || column.unit == Unit::Detail {
                    *cell = Cell::Missing;
                }
            }
            if kept_back {
                row.note = Some(format!(
                    "kept back: it, or what it can be told from, rests on fewer than {below}"
                ));
            }
        }
        for (_, count) in &mut self.left_out {
            *count = count.filter(|count| *count == 0 || *count >= below);
        }
    }

    fn is_small(&self, row: &Row, below: u64) -> bool {
        let is_small = |number: i64| number > 0 && number.unsigned_abs() < below;
        let mut numerator = None;
        self.columns.iter().zip(&row.cells).any(|(column, cell)| {
            let Some(number) = cell.number() else {
                return false;
            };
            match column.unit {
                Unit::Count => is_small(number),
                Unit::Numerator => {
                    numerator = Some(number);
                    is_small(number)
                }
                Unit::Denominator => {
                    is_small(number) || numerator.is_some_and(|part| is_small(number - part))
                }
                Unit::Key
                | Unit::Detail
                | Unit::Percent
                | Unit::Ratio
                | Unit::Minutes
                | Unit::Days => false,
            }
        })
    }

    fn size(&self, row: &Row) -> i64 {
        let is_count = |unit: Unit| matches!(unit, Unit::Count | Unit::Denominator);
        let mut counts = self.columns.iter().zip(&row.cells);
        let first = counts.find(|(column, _)| is_count(column.unit));
        first.and_then(|(_, cell)| cell.number()).unwrap_or(0)
    }

    /// The places of the rows that make up a whole together.
    fn families(&self) -> Vec<Vec<usize>> {
        if self.parts_of.is_empty() {
            return Vec::new();
        }
        let mut families: BTreeMap<Vec<String>, Vec<usize>> = BTreeMap::new();
        for (place, row) in self.rows.iter().enumerate() {
            let key = self
                .parts_of
                .iter()
                .map(|column| match self.cell(row, column) {
                    Some(Cell::Text(text)) => text.clone(),
                    other => format!("{other:?}"),
                });
            families.entry(key.collect()).or_default().push(place);
        }
        families.into_values().collect()
    }

    /// Puts numbers for the names of people and places: of rows whose `by` is one of these, in the order of the table.
    pub fn number_names(&mut self, of: &[&str]) {
        let (Some(by), Some(group)) = (self.place("by"), self.place("group")) else {
            return;
        };
        let mut known: BTreeMap<(String, String), usize> = BTreeMap::new();
        for row in &mut self.rows {
            let kind = row
                .cells
                .get(by)
                .and_then(Cell::word)
                .unwrap_or_default()
                .to_owned();
            if !of.contains(&kind.as_str()) {
                continue;
            }
            let Some(cell) = row.cells.get_mut(group) else {
                continue;
            };
            let Some(name) = cell.word().map(str::to_owned) else {
                continue;
            };
            let next = known.keys().filter(|(other, _)| *other == kind).count() + 1;
            let number = *known.entry((kind.clone(), name)).or_insert(next);
            *cell = Cell::Text(format!("{kind} {number}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: &[(&str, &str, u64, u64)]) -> Table {
        let mut columns = vec![
            Column::new("by", "By", Unit::Key, ""),
            Column::new("group", "Group", Unit::Key, ""),
        ];
        columns.extend(SHARE);
        let mut table = Table::new("t", "T", "", columns).parts_of(&["by"]);
        for (by, group, numerator, denominator) in rows {
            let mut cells = vec![Cell::text(*by), Cell::text(*group)];
            cells.extend(share(
                Proportion::of(*numerator, *denominator),
                IntervalMethod::Wilson,
            ));
            table.push(cells);
        }
        table
    }

    fn shown(table: &Table) -> Vec<Option<i64>> {
        table
            .rows
            .iter()
            .map(|row| table.number(row, "numerator"))
            .collect()
    }

    #[test]
    fn small_numbers_are_kept_back_and_with_them_the_next_smallest_part() {
        let mut table = table(&[
            ("all", "all", 60, 120),
            ("region", "cervical", 5, 30),
            ("region", "thoracic", 15, 40),
            ("region", "lumbar", 20, 50),
        ]);
        table.keep_small_numbers_back(11);
        assert_eq!(shown(&table), [Some(60), None, None, Some(20)]);
        assert!(
            table.rows[2]
                .note
                .as_ref()
                .unwrap()
                .contains("fewer than 11")
        );
    }

    #[test]
    fn what_is_left_over_is_small_too() {
        let mut table = table(&[("all", "all", 95, 100), ("all", "none", 0, 100)]);
        table.keep_small_numbers_back(11);
        assert_eq!(shown(&table), [None, None]);
    }

    #[test]
    fn without_a_limit_everything_is_shown_and_a_share_of_nothing_says_so() {
        let mut table = table(&[("all", "all", 0, 0)]);
        table.keep_small_numbers_back(0);
        assert_eq!(shown(&table), [Some(0)]);
        assert_eq!(table.number(&table.rows[0], "percent"), None);
        assert!(
            table.rows[0]
                .note
                .as_ref()
                .unwrap()
                .contains("denominator is 0")
        );
    }

    #[test]
    fn names_become_numbers() {
        let mut table = table(&[
            ("operator", "Dr. A", 1, 2),
            ("operator", "Dr. B", 1, 2),
            ("operator", "Dr. A", 1, 2),
            ("region", "lumbar", 1, 2),
        ]);
        table.number_names(&["operator"]);
        let groups: Vec<&str> = table
            .rows
            .iter()
            .map(|row| table.word(row, "group"))
            .collect();
        assert_eq!(groups, ["operator 1", "operator 2", "operator 1", "lumbar"]);
    }
}
