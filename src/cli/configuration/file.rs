//! The configuration file: TOML, read with every mistake told by its line.

use super::callers::{self, GivenCaller};
use super::settings::{SETTINGS, Setting};
use super::{Given, Origin, Problem};
use std::collections::BTreeMap;
use std::path::Path;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Largest file that is read, in bytes.
const LARGEST: u64 = 1024 * 1024;

/// What a file gives, by the name of the setting, and what is wrong with it.
#[derive(Debug, Default)]
pub(super) struct FromFile {
    pub(super) given: BTreeMap<&'static str, Given>,
    pub(super) problems: Vec<Problem>,
    pub(super) callers: Vec<GivenCaller>,
}

/// Reads the file at `path`.
pub(super) fn read(path: &Path) -> FromFile {
    let mut found = FromFile::default();
    match text_of(path) {
        Ok(text) => found.take(path, &text),
        Err(why) => found.problems.push(Problem {
            origin: Origin::File(path.to_owned(), None),
            name: None,
            what: why,
        }),
    }
    found
}

fn text_of(path: &Path) -> Result<String, String> {
    let unreadable = |error: std::io::Error| format!("cannot be read: {error}");
    let size = std::fs::metadata(path).map_err(unreadable)?.len();
    if size > LARGEST {
        return Err(format!("is larger than {LARGEST} bytes"));
    }
    std::fs::read_to_string(path).map_err(unreadable)
}

impl FromFile {
    fn take(&mut self, path: &Path, text: &str) {
        let (document, errors) = DeTable::parse_recoverable(text);
        let origin = |offset: usize| Origin::File(path.to_owned(), Some(line_of(text, offset)));
        for error in errors {
            self.problems.push(Problem {
                origin: origin(error.span().map_or(0, |span| span.start)),
                name: None,
                what: error.message().to_owned(),
            });
        }
        for (section, content) in document.get_ref() {
            let DeValue::Table(table) = content.get_ref() else {
                self.unknown(origin(section.span().start), section.get_ref(), "");
                continue;
            };
            if !sections().any(|known| known == section.get_ref().as_ref()) {
                self.unknown(origin(section.span().start), section.get_ref(), "");
                continue;
            }
            for (key, value) in table {
                if section.get_ref() == callers::SECTION && key.get_ref() == callers::KEY {
                    let (found, problems) = callers::read(value, &origin);
                    self.callers.extend(found);
                    self.problems.extend(problems);
                    continue;
                }
                self.take_one(section.get_ref(), key, value, &origin);
            }
        }
    }

    fn take_one(
        &mut self,
        section: &str,
        key: &Spanned<toml::de::DeString<'_>>,
        value: &Spanned<DeValue<'_>>,
        origin: &impl Fn(usize) -> Origin,
    ) {
        let Some(setting) = Setting::find(&format!("{section}.{}", key.get_ref())) else {
            self.unknown(origin(key.span().start), key.get_ref(), section);
            return;
        };
        let origin = origin(value.span().start);
        match setting.kind.text_of(value.get_ref()) {
            Ok(text) => {
                self.given.insert(setting.name, Given { text, origin });
            }
            Err(what) => self.problems.push(Problem {
                origin,
                name: Some(setting.name),
                what,
            }),
        }
    }

    fn unknown(&mut self, origin: Origin, key: &str, section: &str) {
        let shown: String = key.chars().take(64).collect();
        let (what, accepted): (_, Vec<&str>) = if section.is_empty() {
            ("section", sections().collect())
        } else {
            let keys = SETTINGS.iter().map(Setting::place);
            (
                "key",
                keys.filter(|(of, _)| *of == section)
                    .map(|(_, key)| key)
                    .collect(),
            )
        };
        let place = if section.is_empty() {
            String::new()
        } else {
            format!(" in [{section}]")
        };
        self.problems.push(Problem {
            origin,
            name: None,
            what: format!(
                "there is no {what} `{shown}`{place}; known are {}",
                accepted.join(", ")
            ),
        });
    }
}

/// The sections, each once, in order.
fn sections() -> impl Iterator<Item = &'static str> {
    let mut last = "";
    SETTINGS.iter().filter_map(move |setting| {
        let (section, _) = setting.place();
        let is_new = section != last;
        last = section;
        is_new.then_some(section)
    })
}

fn line_of(text: &str, offset: usize) -> usize {
    let before = text.get(..offset).unwrap_or(text);
    before.matches('\n').count() + 1
}
