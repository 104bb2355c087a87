//! `[[cds.client]]` in the configuration file: the systems that may ask for decision support. There may be several, each
//! with keys of its own, so that neither a flag nor a variable could hold them.

use super::{Origin, Problem};
use crate::auth::{CallerKeys, CallerSettings, JwksLocation};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The table of the file, and the key in it.
pub(super) const SECTION: &str = "cds";
pub(super) const KEY: &str = "client";

const KNOWN: [&str; 7] = [
    "issuer",
    "organization",
    "tenant",
    "jwks_url",
    "jwks_file",
    "jwks",
    "fhir_servers",
];

/// One of them as it was written.
#[derive(Debug, Clone)]
pub(super) struct GivenCaller {
    pub(super) settings: CallerSettings,
    pub(super) origin: Origin,
}

/// Reads them all, and what is wrong with them.
pub(super) fn read(
    value: &Spanned<DeValue<'_>>,
    origin: &impl Fn(usize) -> Origin,
) -> (Vec<GivenCaller>, Vec<Problem>) {
    let mut reader = Reader {
        origin,
        problems: Vec::new(),
    };
    let mut callers = Vec::new();
    let DeValue::Array(tables) = value.get_ref() else {
        reader.problem(value.span().start, "expected [[cds.client]], once for each");
        return (callers, reader.problems);
    };
    for table in tables {
        let start = table.span().start;
        let DeValue::Table(fields) = table.get_ref() else {
            reader.problem(start, "expected [[cds.client]], once for each");
            continue;
        };
        if let Some(settings) = reader.caller(start, fields) {
            callers.push(GivenCaller {
                settings,
                origin: origin(start),
            });
        }
    }
    (callers, reader.problems)
}

struct Reader<'o, O> {
    origin: &'o O,
    problems: Vec<Problem>,
}

impl<O: Fn(usize) -> Origin> Reader<'_, O> {
    fn problem(&mut self, place: usize, what: impl Into<String>) {
        self.problems.push(Problem {
            origin: (self.origin)(place),
            name: None,
            what: format!("cds.client: {}", what.into()),
        });
    }

    fn caller(&mut self, start: usize, fields: &DeTable<'_>) -> Option<CallerSettings> {
        for (key, _) in fields {
            let name = key.get_ref();
            if !KNOWN.contains(&name.as_ref()) {
                let shown: String = name.chars().take(64).collect();
                let what = format!("there is no key `{shown}`; known are {}", KNOWN.join(", "));
                self.problem(key.span().start, what);
            }
        }
        let issuer = self.needed(start, fields, "issuer");
        let organization = self.needed(start, fields, "organization");
        let tenant = self.text(fields, "tenant");
        let keys = self.keys(start, fields);
        let fhir_servers = self.texts(fields, "fhir_servers");
        Some(CallerSettings {
            issuer: issuer?,
            organization: organization?,
            tenant,
            keys: keys?,
            fhir_servers,
        })
    }

    fn keys(&mut self, start: usize, fields: &DeTable<'_>) -> Option<CallerKeys> {
        let url = self.text(fields, "jwks_url");
        let file = self.text(fields, "jwks_file");
        let inline = self.text(fields, "jwks");
        match (url, file, inline) {
            (Some(url), None, None) => Some(CallerKeys::At(JwksLocation::Url(url))),
            (None, Some(file), None) => Some(CallerKeys::At(JwksLocation::File(file.into()))),
            (None, None, Some(text)) => Some(CallerKeys::Inline(text)),
            _ => {
                self.problem(start, "needs one of jwks_url, jwks_file and jwks");
                None
            }
        }
    }

    fn needed(&mut self, start: usize, fields: &DeTable<'_>, name: &str) -> Option<String> {
        let found = self.text(fields, name);
        if found.is_none() && !fields.contains_key(name) {
            self.problem(start, format!("needs {name}"));
        }
        found
    }

    fn text(&mut self, fields: &DeTable<'_>, name: &str) -> Option<String> {
        let value = fields.get(name)?;
        match value.get_ref() {
            DeValue::String(text) if !text.is_empty() => Some(text.to_string()),
            _ => {
                let what = format!("{name}: expected a text in quotes");
                self.problem(value.span().start, what);
                None
            }
        }
    }

    fn texts(&mut self, fields: &DeTable<'_>, name: &str) -> Vec<String> {
        let Some(value) = fields.get(name) else {
            return Vec::new();
        };
        let list = match value.get_ref() {
            DeValue::Array(list) => list.iter().map(|one| match one.get_ref() {
                DeValue::String(text) => Some(text.to_string()),
                _ => None,
            }),
            _ => {
                let what = format!("{name}: expected a list of texts in quotes");
                self.problem(value.span().start, what);
                return Vec::new();
            }
        };
        let texts: Option<Vec<String>> = list.collect();
        texts.unwrap_or_else(|| {
            let what = format!("{name}: expected a list of texts in quotes");
            self.problem(value.span().start, what);
            Vec::new()
        })
    }
}
