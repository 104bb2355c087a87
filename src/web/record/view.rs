//! A form as it is shown: every field with what was typed and what is wrong with it.

use super::clock;
use super::field::{Field, Kind, NONE, OFFSET, Part, Placed, Rows, numbers, typed};
use super::grid;
use super::specs::terms;
use super::spine::Spine;
use crate::app::FieldError;
use crate::domain::pain::{Context, ReportedBy, Scale};
use crate::http::query::Query;
use chrono_tz::Tz;

/// One choice.
pub(super) struct Choice {
    pub(super) value: String,
    pub(super) label: String,
    pub(super) on: bool,
    pub(super) id: String,
}

/// How a field is filled in.
pub(super) enum Control {
    /// One line: the type of the input, what a screen keyboard offers, and the unit.
    Line {
        value: String,
        kind: &'static str,
        mode: &'static str,
        unit: &'static str,
    },
    /// Several lines.
    Long { value: String },
    /// One of many.
    Select { choices: Vec<Choice> },
    /// One of a few.
    Radios { choices: Vec<Choice> },
    /// Any of them.
    Checks { choices: Vec<Choice> },
    /// So, or not.
    Check { on: bool },
    /// A day and a time, and where the clock does not tell which, the offset.
    Moment {
        value: String,
        kind: &'static str,
        offsets: Vec<Choice>,
        offset_name: String,
    },
    /// A score and its scale.
    Score { value: String, scales: Vec<Choice> },
    /// The picture.
    Spine(Box<Spine>),
}

/// A field as it is shown.
pub(super) struct FieldView {
    pub(super) name: String,
    pub(super) id: String,
    pub(super) label: &'static str,
    pub(super) hint: String,
    pub(super) required: bool,
    pub(super) errors: Vec<String>,
    /// What somebody else stored here in the meantime.
    pub(super) note: String,
    pub(super) control: Control,
}

impl FieldView {
    /// The ids of what explains the field.
    pub(super) fn described_by(&self) -> String {
        let parts = [
            (!self.hint.is_empty(), "hint"),
            (!self.errors.is_empty(), "error"),
            (!self.note.is_empty(), "note"),
        ];
        let ids: Vec<String> = parts
            .into_iter()
            .filter(|(shown, _)| *shown)
            .map(|(_, end)| format!("{}-{end}", self.id))
            .collect();
        ids.join(" ")
    }

    /// Whether it is a group of inputs, which has a legend in the place of a label.
    pub(super) fn is_group(&self) -> bool {
        matches!(
            self.control,
            Control::Radios { .. } | Control::Checks { .. } | Control::Spine(_)
        )
    }

    pub(super) fn is_wide(&self) -> bool {
        self.name == super::REASON
            || matches!(self.control, Control::Checks { .. } | Control::Long { .. })
    }
}

/// A table as it is shown.
pub(super) struct RowsView {
    pub(super) id: String,
    pub(super) at: String,
    pub(super) label: &'static str,
    pub(super) heads: Vec<(&'static str, &'static str)>,
    pub(super) rows: Vec<Vec<FieldView>>,
    pub(super) errors: Vec<String>,
    pub(super) note: String,
}

/// One row of the grid of scores.
pub(super) struct GridRow {
    pub(super) number: usize,
    /// What the time is called; empty where it is typed.
    pub(super) label: String,
    pub(super) taken_at: String,
    pub(super) cells: Vec<Cell>,
    pub(super) stated: String,
    pub(super) analgesic: bool,
    pub(super) contexts: Vec<Choice>,
    pub(super) errors: Vec<(String, String)>,
    /// Which block of rows it belongs to: they are opened one after the other.
    pub(super) late: bool,
}

impl GridRow {
    /// Whether something is wrong with a field of the row.
    pub(super) fn is_wrong(&self, field: &str) -> bool {
        let end = format!("/{field}");
        self.errors.iter().any(|(name, _)| name.ends_with(&end))
    }
}

/// One score in the grid.
pub(super) struct Cell {
    /// The end of its name, and of its id.
    pub(super) field: String,
    pub(super) id: String,
    pub(super) side: &'static str,
    pub(super) value: String,
}

/// The grid of scores.
pub(super) struct GridView {
    pub(super) rows: Vec<GridRow>,
    pub(super) late: Vec<GridRow>,
    pub(super) scales: Vec<Choice>,
    pub(super) contexts: Vec<Choice>,
    pub(super) reporters: Vec<Choice>,
    pub(super) late_open: bool,
    /// The sides treated, where they are known and cannot be chosen on the same page.
    pub(super) sides: &'static str,
    pub(super) errors: Vec<String>,
}

/// What is in a section.
pub(super) enum Item {
    Field(Box<FieldView>),
    Rows(RowsView),
}

/// A section as it is shown.
pub(super) struct SectionView {
    pub(super) title: &'static str,
    pub(super) hint: &'static str,
    pub(super) id: String,
    pub(super) items: Vec<Item>,
}

impl SectionView {
    pub(super) fn is_only_spine(&self) -> bool {
        self.items.iter().any(
            |item| matches!(item, Item::Field(field) if matches!(field.control, Control::Spine(_))),
        )
    }
}

/// A line of what is wrong with a form, with the place to put it right.
pub(super) struct Wrong {
    pub(super) label: String,
    pub(super) detail: String,
    /// Empty where the form has no field for it.
    pub(super) id: String,
}

/// What a form is shown from.
pub(super) struct Sheet<'a> {
    pub(super) query: &'a Query,
    /// By the names of the fields.
    pub(super) errors: &'a [FieldError],
    /// By the names of fields and tables: what somebody else stored there.
    pub(super) notes: &'a [(String, String)],
    pub(super) zone: Tz,
    /// Empty rows beneath those that were typed.
    pub(super) spare: usize,
}

/// The id of a field in the page.
pub(super) fn id_of(name: &str) -> String {
    let mut id: String = name
        .chars()
        .map(|one| {
            if one.is_ascii_alphanumeric() {
                one
            } else {
                '-'
            }
        })
        .collect();
    id.insert(0, 'f');
    id
}

fn choice(id: &str, value: &str, label: &str, on: bool) -> Choice {
    Choice {
        value: value.to_owned(),
        label: label.to_owned(),
        on,
        id: format!("{id}-{}", id_of(value)),
    }
}

impl Sheet<'_> {
    /// The sections of a form.
    pub(super) fn sections(&self, form: &[Placed]) -> Vec<SectionView> {
        form.iter()
            .map(|placed| SectionView {
                title: placed.section.title,
                hint: placed.section.hint,
                id: id_of(&format!("{}/{}", placed.under, placed.section.title)),
                items: placed
                    .section
                    .parts
                    .iter()
                    .map(|part| self.item(placed.under, part))
                    .collect(),
            })
            .collect()
    }

    fn item(&self, under: &str, part: &Part) -> Item {
        match part {
            Part::Field(field) => {
                Item::Field(Box::new(self.field(field, format!("{under}{}", field.at))))
            }
            Part::Rows(rows) => Item::Rows(self.rows(under, rows)),
        }
    }

    fn rows(&self, under: &str, rows: &Rows) -> RowsView {
        let at = format!("{under}{}", rows.at);
        let mut shown = numbers(self.query, &at);
        let next = shown.last().map_or(0, |last| last + 1);
        let wanted = if rows.at == "/identifiers" && next > 0 {
            self.spare.saturating_sub(1)
        } else {
            self.spare.max(1)
        };
        shown.extend(next..next + wanted);
        let row = |number: &usize| {
            rows.fields
                .iter()
                .map(|field| self.field(field, format!("{at}/{number}{}", field.at)))
                .collect()
        };
        RowsView {
            id: id_of(&at),
            label: rows.label,
            heads: rows
                .fields
                .iter()
                .map(|field| (field.label, field.hint))
                .collect(),
            rows: shown.iter().map(row).collect(),
            errors: self.errors_at(&at),
            note: self.note_at(&at),
            at,
        }
    }

    fn errors_at(&self, name: &str) -> Vec<String> {
        self.errors
            .iter()
            .filter(|error| error.pointer == name)
            .map(|error| error.detail.clone())
            .collect()
    }

    fn note_at(&self, name: &str) -> String {
        self.notes
            .iter()
            .find(|(known, _)| known == name)
            .map_or_else(String::new, |(_, note)| note.clone())
    }

    /// One field.
    pub(super) fn field(&self, field: &Field, name: String) -> FieldView {
        let id = id_of(&name);
        let hint = match field.kind {
            Kind::Moment => format!("clock of {}", self.zone),
            _ => field.hint.to_owned(),
        };
        FieldView {
            label: field.label,
            hint,
            required: field.required,
            errors: self.errors_at(&name),
            note: self.note_at(&name),
            control: self.control(field, &name, &id),
            id,
            name,
        }
    }

    fn control(&self, field: &Field, name: &str, id: &str) -> Control {
        let text = typed(self.query, name);
        let line = |kind, mode, unit| Control::Line {
            value: text.to_owned(),
            kind,
            mode,
            unit,
        };
        match field.kind {
            Kind::Text => line("text", "text", ""),
            Kind::Long => Control::Long {
                value: self.query.get(name).unwrap_or_default().to_owned(),
            },
            Kind::Number(unit) => line("text", "decimal", unit),
            Kind::Date => line(date_type(text), "text", ""),
            Kind::Moment => self.moment(name, id),
            Kind::One(terms) | Kind::OneNumber(terms) => {
                let open = if field.required {
                    "choose"
                } else {
                    "not recorded"
                };
                let mut choices = vec![choice(id, "", open, text.is_empty())];
                choices.extend(self.terms(id, name, terms));
                Control::Select { choices }
            }
            Kind::Many(terms) => Control::Checks {
                choices: self.terms(id, name, terms),
            },
            Kind::ManyOrNone(terms) => {
                let none = self.query.all(name).any(|one| one == NONE);
                let mut choices = vec![choice(id, NONE, "none", none)];
                choices.extend(self.terms(id, name, terms));
                Control::Checks { choices }
            }
            Kind::Flag => Control::Radios {
                choices: [("yes", "yes"), ("no", "no"), ("", "not recorded")]
                    .into_iter()
                    .map(|(value, label)| choice(id, value, label, text == value))
                    .collect(),
            },
            Kind::Check => Control::Check {
                on: !text.is_empty(),
            },
            Kind::Score => Control::Score {
                value: typed(self.query, &format!("{name}/value")).to_owned(),
                scales: self.scales(id, &format!("{name}/scale")),
            },
            Kind::Targets => Control::Spine(Box::new(Spine::of(name, self.query))),
        }
    }

    /// The choices of a vocabulary.
    fn terms(&self, id: &str, name: &str, terms: super::field::Terms) -> Vec<Choice> {
        terms()
            .into_iter()
            .map(|(code, label)| {
                let on = self.query.all(name).any(|one| one == code);
                choice(id, code, label, on)
            })
            .collect()
    }

    fn scales(&self, id: &str, name: &str) -> Vec<Choice> {
        self.terms(id, name, || {
            vec![
                (Scale::Nrs.code(), "NRS 0–10"),
                (Scale::Vas.code(), "VAS 0–100 mm"),
            ]
        })
    }

    fn moment(&self, name: &str, id: &str) -> Control {
        let text = typed(self.query, name);
        let offset_name = format!("{name}{OFFSET}");
        let with = typed(self.query, &offset_name);
        let local = clock::local(text);
        let twice = local.map(|local| clock::instants(local, self.zone));
        let twice = twice.filter(|instants| instants.len() == 2);
        let mut offsets = Vec::new();
        let id_of_offset = format!("{id}-offset");
        if let Some(instants) = twice {
            offsets.push(choice(&id_of_offset, "", "choose", with.is_empty()));
            for (instant, which) in instants.iter().zip(["the first time", "the second time"]) {
                let offset = instant.offset().to_string();
                let label = format!("{which} (UTC{offset})");
                offsets.push(choice(&id_of_offset, &offset, &label, with == offset));
            }
        } else if !with.is_empty() {
            let label = format!("clock of {}", self.zone);
            offsets.push(choice(&id_of_offset, "", &label, false));
            offsets.push(choice(
                &id_of_offset,
                with,
                &format!("as recorded, UTC{with}"),
                true,
            ));
        }
        // A browser shows nothing for a time finer than it knows, and for what is no time at all.
        let known = text.is_empty() || (local.is_some() && text.len() <= 23 && text.contains('T'));
        Control::Moment {
            value: text.to_owned(),
            kind: if known { "datetime-local" } else { "text" },
            offsets,
            offset_name,
        }
    }

    /// The grid of scores: the schedule, what was typed beside it, and some empty rows.
    pub(super) fn grid(&self, sides: &'static str) -> GridView {
        let mut rows = Vec::new();
        let mut late = Vec::new();
        let schedule: Vec<i64> = grid::schedule().collect();
        for (number, minutes) in schedule.iter().enumerate() {
            let row = self.grid_row(number, Some(*minutes));
            if row.late {
                late.push(row);
            } else {
                rows.push(row);
            }
        }
        let own: Vec<usize> = numbers(self.query, grid::AT)
            .into_iter()
            .filter(|number| *number >= schedule.len())
            .collect();
        let next = own.last().map_or(schedule.len(), |last| last + 1);
        let spare = next..next + self.spare.max(1);
        rows.extend(
            own.into_iter()
                .chain(spare)
                .map(|number| self.grid_row(number, None)),
        );
        let filled = |row: &GridRow| {
            !row.errors.is_empty() || row.cells.iter().any(|cell| !cell.value.is_empty())
        };
        GridView {
            late_open: late.iter().any(filled),
            rows,
            late,
            scales: self.scales("scale", grid::SCALE),
            contexts: self.terms("context", grid::CONTEXT, terms!(Context)),
            reporters: {
                let text = typed(self.query, grid::REPORTED_BY);
                let mut all = vec![choice("reported-by", "", "not recorded", text.is_empty())];
                all.extend(self.terms("reported-by", grid::REPORTED_BY, terms!(ReportedBy)));
                all
            },
            sides,
            errors: self.errors_at(grid::AT),
        }
    }

    fn grid_row(&self, number: usize, minutes: Option<i64>) -> GridRow {
        let at = format!("{}/{number}", grid::AT);
        let text = |field: &str| typed(self.query, &format!("{at}/{field}")).to_owned();
        let below = format!("{at}/");
        let mut contexts = vec![choice(
            &id_of(&format!("{at}/context")),
            "",
            "as above",
            text("context").is_empty(),
        )];
        contexts.extend(self.terms(
            &id_of(&format!("{at}/context")),
            &format!("{at}/context"),
            terms!(Context),
        ));
        GridRow {
            number,
            label: minutes.map(grid::words).unwrap_or_default(),
            taken_at: minutes.map_or_else(|| text("taken_at"), |minutes| minutes.to_string()),
            cells: grid::COLUMNS
                .into_iter()
                .map(|(suffix, side)| {
                    let field = format!("value{suffix}");
                    Cell {
                        side: side.unwrap_or("both"),
                        value: text(&field),
                        id: field.replace('@', "-"),
                        field,
                    }
                })
                .collect(),
            stated: text("stated_relief_percent"),
            analgesic: !text("analgesic_taken").is_empty(),
            contexts,
            errors: self
                .errors
                .iter()
                .filter(|error| error.pointer == at || error.pointer.starts_with(&below))
                .map(|error| (error.pointer.clone(), error.detail.clone()))
                .collect(),
            late: minutes.is_some_and(|minutes| minutes >= 1440),
        }
    }

    /// What is wrong, line by line.
    pub(super) fn wrong(&self, form: &[Placed]) -> Vec<Wrong> {
        self.errors
            .iter()
            .map(|error| {
                let label = label_of(form, &error.pointer);
                Wrong {
                    id: if label.is_empty() {
                        String::new()
                    } else {
                        id_of(&error.pointer)
                    },
                    label,
                    detail: error.detail.clone(),
                }
            })
            .collect()
    }
}

fn date_type(text: &str) -> &'static str {
    let known = text.is_empty() || text.parse::<chrono::NaiveDate>().is_ok();
    if known { "date" } else { "text" }
}

/// What the field with a name is called; empty where the form has none such.
pub(super) fn label_of(form: &[Placed], name: &str) -> String {
    match name {
        super::REASON => return "Reason".to_owned(),
        super::blocks::EPISODE => return "Which pain".to_owned(),
        _ => {}
    }
    if let Some(rest) = name
        .strip_prefix(grid::AT)
        .and_then(|rest| rest.strip_prefix('/'))
    {
        return grid_label(rest);
    }
    for placed in form {
        for part in placed.section.parts {
            match part {
                Part::Field(field) if name == format!("{}{}", placed.under, field.at) => {
                    return field.label.to_owned();
                }
                Part::Rows(rows) => {
                    let at = format!("{}{}", placed.under, rows.at);
                    if name == at {
                        return rows.label.to_owned();
                    }
                    let of_row = name
                        .strip_prefix(at.as_str())
                        .and_then(|rest| rest.strip_prefix('/'))
                        .and_then(|rest| rest.split_once('/'));
                    let field = of_row.and_then(|(_, end)| {
                        rows.fields
                            .iter()
                            .find(|field| field.at.trim_start_matches('/') == end)
                    });
                    if let Some(field) = field {
                        return format!("{}, {}", rows.label, field.label.to_lowercase());
                    }
                }
                Part::Field(_) => {}
            }
        }
    }
    String::new()
}

fn grid_label(rest: &str) -> String {
    let (number, field) = rest.split_once('/').unwrap_or((rest, ""));
    let number: Option<usize> = number.parse().ok();
    let time = number
        .and_then(|number| grid::schedule().nth(number))
        .map_or_else(|| "own row".to_owned(), grid::words);
    let what = match field {
        "taken_at" => ", time",
        "stated_relief_percent" => ", stated relief",
        "context" => ", rated",
        "value@left" => ", left",
        "value@right" => ", right",
        _ => "",
    };
    format!("Score {time}{what}")
}
