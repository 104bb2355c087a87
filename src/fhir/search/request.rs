//! A whole search as it is asked for: what is demanded of the resources, and how the answer is to look.

use super::conditions::{Conditions, Reading};
use super::include::{self, Include};
use super::parameters;
use super::shape::{Shape, Summary};
use super::sort::Sort;
use super::wanted::cut;
use crate::app::FieldError;
use crate::fhir::resource::ResourceType;
use crate::http::query::Query;
use crate::http::registry::{DEFAULT_LIMIT, MAX_LIMIT};

/// The most to a page where other resources come along with each.
const MOST_WITH_OTHERS: u16 = 100;

/// A search.
#[derive(Debug)]
pub(super) struct Asked {
    /// What is demanded.
    pub(super) conditions: Conditions,
    /// The order.
    pub(super) sorts: Vec<Sort>,
    /// How many to a page; none where only their number is wanted.
    pub(super) count: Option<u16>,
    /// Whether to count all that there are, though that takes time.
    pub(super) counted: bool,
    /// Whether to tell how many there are where that is known.
    pub(super) told: bool,
    /// What of each resource is shown.
    pub(super) shape: Shape,
    /// What comes along.
    pub(super) includes: Vec<Include>,
    /// Where the page begins.
    pub(super) cursor: Option<String>,
    /// All that was understood, but for the cursor.
    pub(super) used: Query,
}

/// Names of the parameters that say how the answer is to look.
pub(super) const OF_ANSWER: [&str; 8] = [
    "_count",
    "_sort",
    "_summary",
    "_elements",
    "_total",
    "_include",
    "_revinclude",
    "_cursor",
];

/// Those that every request may have, and that are read elsewhere.
pub(in crate::fhir) const OF_EVERY_REQUEST: [&str; 2] = ["_format", "_pretty"];

impl Asked {
    /// Reads a search.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub(super) fn read(
        kind: ResourceType,
        query: &Query,
        how: &Reading<'_>,
    ) -> Result<Asked, Vec<FieldError>> {
        let mut errors = Vec::new();
        let plain = query.without(&OF_EVERY_REQUEST).without(&OF_ANSWER);
        let plain = without_modified(&plain);
        let conditions = Conditions::read(kind, &plain, how);
        let mut of_answer = OfAnswer {
            kind,
            query,
            used: Query::default(),
            errors: &mut errors,
        };
        let includes = of_answer.includes();
        let most = if includes.is_empty() {
            MAX_LIMIT
        } else {
            MOST_WITH_OTHERS
        };
        let sorts = of_answer.sorts();
        let mut summary = of_answer.summary();
        let elements = of_answer.elements();
        let count = of_answer.count(most);
        let (counted, told) = of_answer.total();
        let cursor = query.get("_cursor").map(str::to_owned);
        if count == 0 {
            summary = Summary::Count;
        }
        if summary == Summary::Text && !includes.is_empty() {
            let detail =
                "Of what comes along more than the text is shown; ask for one or the other.";
            of_answer.wrong("_summary", "unsupported", detail);
        }
        let of_answer = of_answer.used;
        let conditions = match conditions {
            Ok(conditions) => conditions,
            Err(found) => {
                errors.extend(found);
                return Err(errors);
            }
        };
        if !errors.is_empty() {
            return Err(errors);
        }
        let mut used = conditions.used().clone();
        for (name, value) in of_answer.pairs() {
            used.push(name, value);
        }
        let only_count = summary == Summary::Count;
        Ok(Asked {
            conditions,
            sorts,
            count: (!only_count).then_some(count),
            counted: counted || only_count,
            told,
            shape: Shape { summary, elements },
            includes,
            cursor,
            used,
        })
    }
}

/// `_include:iterate` and its like are read with the parameters of the answer.
fn without_modified(query: &Query) -> Query {
    let mut plain = Query::default();
    for (name, value) in query.pairs() {
        if !matches!(name.split_once(':'), Some(("_include" | "_revinclude", _))) {
            plain.push(name, value);
        }
    }
    plain
}

struct OfAnswer<'q> {
    kind: ResourceType,
    query: &'q Query,
    used: Query,
    errors: &'q mut Vec<FieldError>,
}

impl OfAnswer<'_> {
    fn wrong(&mut self, name: &str, code: &'static str, detail: impl Into<String>) {
        let error = FieldError::new(format!("?{name}"), code, detail);
        self.errors.push(error);
    }

    /// A parameter that comes once.
    fn one(&mut self, name: &'static str) -> Option<String> {
        let mut values = self.query.all(name).filter(|value| !value.is_empty());
        let first = values.next().map(str::to_owned)?;
        if values.next().is_some() {
            self.wrong(name, "repeated_parameter", "This parameter is given once.");
        }
        Some(first)
    }

    fn count(&mut self, most: u16) -> u16 {
        let count = match self.one("_count") {
            None => DEFAULT_LIMIT,
            Some(text) => {
                let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
                if !is_number {
                    let detail = format!("A whole number from 0 to {most} is accepted.");
                    self.wrong("_count", "invalid_parameter", detail);
                }
                text.parse().unwrap_or(most)
            }
        };
        let count = count.min(most);
        self.used.push("_count", &count.to_string());
        count
    }

    fn sorts(&mut self) -> Vec<Sort> {
        let Some(text) = self.one("_sort") else {
            return Vec::new();
        };
        let mut sorts = Vec::new();
        for one in text.split(',') {
            match Sort::read(self.kind, one) {
                Some(sort) => sorts.push(sort),
                None => {
                    let names: Vec<&str> = parameters::all(self.kind).map(|it| it.name).collect();
                    let detail = format!(
                        "Nothing is sorted by “{one}”. There are {}.",
                        names.join(", ")
                    );
                    self.wrong("_sort", "unsupported", detail);
                }
            }
        }
        self.used.push("_sort", &text);
        sorts
    }

    fn summary(&mut self) -> Summary {
        let Some(text) = self.one("_summary") else {
            return Summary::False;
        };
        let Some(summary) = Summary::read(&text) else {
            let detail = "Accepted are true, text, data, count, false.";
            self.wrong("_summary", "invalid_parameter", detail);
            return Summary::False;
        };
        self.used.push("_summary", &text);
        summary
    }

    fn elements(&mut self) -> Vec<String> {
        let Some(text) = self.one("_elements") else {
            return Vec::new();
        };
        self.used.push("_elements", &text);
        let elements = cut(&text, ',').into_iter();
        elements
            .filter(|one| !one.is_empty())
            .map(str::to_owned)
            .collect()
    }

    /// Whether all is counted, and whether what is known of it is told.
    fn total(&mut self) -> (bool, bool) {
        let Some(text) = self.one("_total") else {
            return (false, true);
        };
        let total = match text.as_str() {
            "none" => (false, false),
            // What there are can be told as it is, or not at all.
            "estimate" => (false, true),
            "accurate" => (true, true),
            _ => {
                let detail = "Accepted are none, estimate, accurate.";
                self.wrong("_total", "invalid_parameter", detail);
                return (false, true);
            }
        };
        self.used.push("_total", &text);
        total
    }

    fn includes(&mut self) -> Vec<Include> {
        let mut includes = Vec::new();
        let pairs: Vec<(String, String)> = self
            .query
            .pairs()
            .filter(|(name, value)| {
                let plain = name.split(':').next();
                matches!(plain, Some("_include" | "_revinclude")) && !value.is_empty()
            })
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        for (name, value) in pairs {
            match include::read(self.kind, &name, &value) {
                Ok(found) => {
                    includes.extend(found);
                    self.used.push(&name, &value);
                }
                Err(detail) => self.wrong(&name, "unsupported", detail),
            }
        }
        includes
    }
}
