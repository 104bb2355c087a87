//! A form that was overtaken: what differs, field by field, and one's own changes put over what is stored.

use super::field::{Field, Kind, OFFSET, Part, Placed, Rows, numbers, typed};
use super::view::id_of;
use crate::http::query::Query;

/// What differs.
pub(super) struct Stale {
    pub(super) lines: Vec<Line>,
    /// Whether it is known what the form was opened with.
    pub(super) opened_known: bool,
    /// The form as it is stored now.
    pub(super) again: String,
}

/// One field or table that differs.
pub(super) struct Line {
    pub(super) label: &'static str,
    pub(super) id: String,
    pub(super) mine: String,
    pub(super) now: String,
    pub(super) opened: String,
    /// Whether one's own value stands in the form below, not the one that is stored.
    pub(super) mine_kept: bool,
    /// Whether both changed it, differently.
    pub(super) conflict: bool,
}

/// A field or a table of a form.
enum Unit<'f> {
    Field(&'f Field, String),
    Rows(&'f Rows, String),
}

impl Unit<'_> {
    fn name(&self) -> &str {
        match self {
            Unit::Field(_, name) | Unit::Rows(_, name) => name,
        }
    }

    fn label(&self) -> &'static str {
        match self {
            Unit::Field(field, _) => field.label,
            Unit::Rows(rows, _) => rows.label,
        }
    }

    /// Its own pairs of a form, what was left open aside.
    fn pairs<'q>(&self, query: &'q Query) -> Vec<(&'q str, &'q str)> {
        let name = self.name();
        let own = |known: &str| {
            known
                .strip_prefix(name)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || rest == OFFSET)
        };
        let mut pairs: Vec<(&str, &str)> = query
            .pairs()
            .map(|(name, value)| (name, value.trim()))
            .filter(|(name, value)| own(name) && !value.is_empty())
            .collect();
        pairs.sort_unstable();
        if let Unit::Field(field, _) = self
            && matches!(field.kind, Kind::Score)
            && typed(query, &format!("{name}/value")).is_empty()
        {
            // The scale of no score says nothing.
            pairs.clear();
        }
        pairs
    }

    fn words(&self, query: &Query) -> String {
        let words = match self {
            Unit::Field(field, name) => of_field(field, name, query),
            Unit::Rows(rows, at) => numbers(query, at)
                .into_iter()
                .map(|number| {
                    let cells = rows.fields.iter().filter_map(|field| {
                        let words = of_field(field, &format!("{at}/{number}{}", field.at), query);
                        (!words.is_empty()).then_some(words)
                    });
                    cells.collect::<Vec<_>>().join(", ")
                })
                .filter(|row| !row.is_empty())
                .collect::<Vec<_>>()
                .join("; "),
        };
        if words.is_empty() {
            "not recorded".to_owned()
        } else {
            words
        }
    }
}

/// What a field says, as one reads it.
fn of_field(field: &Field, name: &str, query: &Query) -> String {
    let text = typed(query, name);
    match field.kind {
        Kind::One(terms) | Kind::OneNumber(terms) | Kind::Many(terms) | Kind::ManyOrNone(terms) => {
            let known = terms();
            let label = |code: &str| {
                let found = known.iter().find(|(known, _)| *known == code);
                found.map_or_else(|| code.to_owned(), |(_, label)| (*label).to_owned())
            };
            let labels: Vec<String> = query
                .all(name)
                .filter(|code| !code.is_empty())
                .map(label)
                .collect();
            labels.join(", ")
        }
        Kind::Targets => query
            .all(name)
            .map(|one| one.replace(':', " "))
            .collect::<Vec<_>>()
            .join(", "),
        Kind::Score => {
            let value = typed(query, &format!("{name}/value"));
            if value.is_empty() {
                return String::new();
            }
            let scale = typed(query, &format!("{name}/scale")).to_uppercase();
            format!("{scale} {value}")
        }
        Kind::Moment => {
            let offset = typed(query, &format!("{name}{OFFSET}"));
            format!("{} {offset}", text.replace('T', " "))
                .trim()
                .to_owned()
        }
        Kind::Number(unit) if !text.is_empty() => format!("{text} {unit}").trim().to_owned(),
        Kind::Check => if text.is_empty() { "no" } else { "yes" }.to_owned(),
        Kind::Number(_) | Kind::Text | Kind::Long | Kind::Date | Kind::Flag => text.to_owned(),
    }
}

fn units(form: &[Placed]) -> Vec<Unit<'static>> {
    let unit = |under: &str, part: &'static Part| match part {
        Part::Field(field) => Unit::Field(field, format!("{under}{}", field.at)),
        Part::Rows(rows) => Unit::Rows(rows, format!("{under}{}", rows.at)),
    };
    form.iter()
        .flat_map(|placed| {
            let parts = placed.section.parts.iter();
            parts.map(move |part| unit(placed.under, part))
        })
        .collect()
}

/// What was typed, what is stored now and what was stored when the form was opened: the differences, the form in which
/// one's own changes stand over what is stored now, and a note at each field that both changed.
pub(super) fn compare(
    form: &[Placed],
    mine: &Query,
    now: &Query,
    opened: Option<&Query>,
    path: &str,
) -> (Stale, Query, Vec<(String, String)>) {
    let mut merged = Query::default();
    let mut lines = Vec::new();
    let mut notes = Vec::new();
    for unit in units(form) {
        let (typed, stored) = (unit.pairs(mine), unit.pairs(now));
        let before = opened.map(|opened| unit.pairs(opened));
        // Without knowing what was there, everything typed counts as a change.
        let changed_by_me = before.as_ref().is_none_or(|before| *before != typed);
        let changed_by_others = before.as_ref().is_none_or(|before| *before != stored);
        let differs = typed != stored;
        let mine_kept = differs && changed_by_me;
        for (name, value) in if mine_kept { &typed } else { &stored } {
            merged.push(name, value);
        }
        if !differs && !changed_by_me {
            continue;
        }
        if !differs && !changed_by_others {
            continue;
        }
        let conflict = mine_kept && changed_by_others;
        if conflict {
            let note = format!("Stored now: {}", unit.words(now));
            notes.push((unit.name().to_owned(), note));
        }
        lines.push(Line {
            label: unit.label(),
            id: id_of(unit.name()),
            mine: unit.words(mine),
            now: unit.words(now),
            opened: opened.map_or_else(String::new, |opened| unit.words(opened)),
            mine_kept,
            conflict,
        });
    }
    let stale = Stale {
        lines,
        opened_known: opened.is_some(),
        again: path.to_owned(),
    };
    (stale, merged, notes)
}

#[cfg(test)]
mod tests {
    use super::super::field::top;
    use super::super::{filled, specs};
    use super::*;

    #[test]
    fn ones_own_changes_stand_over_what_is_stored_now() {
        let form = top(specs::PATIENT);
        let opened = filled(&[
            ("/identifiers/0/system", "s"),
            ("/identifiers/0/value", "1"),
            ("/family_name", "Doe"),
            ("/given_name", "Jane"),
            ("/sex", "female"),
        ]);
        let mine = filled(&[
            ("/identifiers/0/system", "s"),
            ("/identifiers/0/value", "1"),
            ("/family_name", "Roe"),
            ("/given_name", "Janet"),
            ("/sex", "female"),
            ("/birth_date", ""),
        ]);
        let now = filled(&[
            ("/identifiers/0/system", "s"),
            ("/identifiers/0/value", "2"),
            ("/family_name", "Doe"),
            ("/given_name", "Joan"),
            ("/sex", "female"),
        ]);
        let (stale, merged, notes) = compare(&form, &mine, &now, Some(&opened), "/x");
        let told: Vec<(&str, bool, bool)> = stale
            .lines
            .iter()
            .map(|line| (line.label, line.mine_kept, line.conflict))
            .collect();
        assert_eq!(
            told,
            [
                ("Identifiers", false, false),
                ("Family name", true, false),
                ("Given name", true, true)
            ]
        );
        assert_eq!(merged.get("/family_name"), Some("Roe"));
        assert_eq!(merged.get("/given_name"), Some("Janet"));
        assert_eq!(merged.get("/identifiers/0/value"), Some("2"));
        assert_eq!(
            notes,
            [("/given_name".to_owned(), "Stored now: Joan".to_owned())]
        );
    }

    #[test]
    fn a_value_that_was_taken_out_stays_out() {
        let form = top(specs::PATIENT);
        let opened = filled(&[("/family_name", "Doe"), ("/given_name", "Jane")]);
        let mine = filled(&[("/family_name", ""), ("/given_name", "Jane")]);
        let now = filled(&[("/family_name", "Doe"), ("/given_name", "Joan")]);
        let (_, merged, _) = compare(&form, &mine, &now, Some(&opened), "/x");
        assert_eq!(merged.get("/family_name"), None);
        assert_eq!(merged.get("/given_name"), Some("Joan"));
    }
}
