//! From what was given to what the program works with; and what does not go together.

mod diary;
mod secrets;
mod service;
mod systems;

use super::callers::GivenCaller;
use super::kind::Value;
use super::settings::{SETTINGS, Setting};
use super::{Configuration, Given, LogSettings, Origin, Problem};
use crate::app::AppSettings;
use crate::app::subscriptions::SubscriptionSettings;
use crate::db::{DatabaseSettings, Synchronous};
use chrono_tz::Tz;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

pub(super) use secrets::words_in;

/// Brings it together. What is wrong is left at its default and listed.
pub(super) fn build(
    file: Option<PathBuf>,
    given: BTreeMap<&'static str, Given>,
    callers: Vec<GivenCaller>,
    problems: Vec<Problem>,
) -> (Configuration, Vec<Problem>) {
    let mut builder = Builder {
        callers,
        values: BTreeMap::new(),
        given,
        problems,
        warnings: Vec::new(),
    };
    builder.read_all();
    let configuration = builder.configuration(file);
    let mut problems = builder.problems;
    problems.sort_by(|a, b| a.origin.cmp(&b.origin));
    (configuration, problems)
}

struct Builder {
    callers: Vec<GivenCaller>,
    values: BTreeMap<&'static str, Value>,
    given: BTreeMap<&'static str, Given>,
    problems: Vec<Problem>,
    warnings: Vec<String>,
}

impl Builder {
    fn read_all(&mut self) {
        for setting in SETTINGS {
            if let Some(value) = self.given_value(setting).or_else(|| default_of(setting)) {
                self.values.insert(setting.name, value);
            }
        }
    }

    fn given_value(&mut self, setting: &'static Setting) -> Option<Value> {
        let given = self.given.get(setting.name)?;
        match setting.kind.read(&given.text) {
            Ok(value) => Some(value),
            Err(what) => {
                let origin = given.origin.clone();
                self.given.remove(setting.name);
                self.problems.push(Problem {
                    origin,
                    name: Some(setting.name),
                    what,
                });
                None
            }
        }
    }

    fn problem(&mut self, name: &'static str, what: impl Into<String>) {
        self.problems.push(Problem {
            origin: self.origin(name),
            name: Some(name),
            what: what.into(),
        });
    }

    fn origin(&self, name: &str) -> Origin {
        self.given
            .get(name)
            .map_or(Origin::Default, |given| given.origin.clone())
    }

    fn text(&self, name: &str) -> Option<&str> {
        match self.values.get(name)? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    fn text_of(&self, name: &str) -> Option<String> {
        self.text(name).map(str::to_owned)
    }

    fn words(&self, name: &str) -> String {
        self.text(name).unwrap_or_default().to_owned()
    }

    fn path(&self, name: &str) -> Option<PathBuf> {
        match self.values.get(name)? {
            Value::Path(path) => Some(path.clone()),
            _ => None,
        }
    }

    fn flag(&self, name: &str) -> bool {
        matches!(self.values.get(name), Some(Value::Flag(true)))
    }

    fn number(&self, name: &str) -> u64 {
        match self.values.get(name) {
            Some(Value::Number(number)) => *number,
            _ => 0,
        }
    }

    fn count(&self, name: &str) -> usize {
        usize::try_from(self.number(name)).unwrap_or(usize::MAX)
    }

    fn small(&self, name: &str) -> u32 {
        u32::try_from(self.number(name)).unwrap_or(u32::MAX)
    }

    fn duration(&self, name: &str) -> Duration {
        match self.values.get(name) {
            Some(Value::Duration(duration)) => *duration,
            _ => Duration::ZERO,
        }
    }

    fn list(&self, name: &str) -> Option<Vec<String>> {
        match self.values.get(name)? {
            Value::List(words) => Some(words.clone()),
            _ => None,
        }
    }

    fn configuration(&mut self, file: Option<PathBuf>) -> Configuration {
        self.warn_of_open_files();
        let secret = self.token_secret();
        let tokens = self.tokens(secret.as_deref());
        let database = self.database();
        let http = self.http(secret.as_deref());
        let pseudonym_key = self.pseudonym_key(secret.as_deref());
        let diary = self.diary(secret.as_deref(), http.bind);
        let sign_in = self.sign_in();
        let smart = self.smart(secret.as_deref());
        let callers = self.callers();
        Configuration {
            file,
            database,
            migrate: self.flag("database.migrate"),
            app: AppSettings {
                time_zone: self.time_zone(),
                active_profiles: self.list("judging.active_profiles"),
                export_directory: self.path("exports.directory").unwrap_or_default(),
                pseudonym_key,
                sign_in,
                diary,
                smart,
                callers,
                subscriptions: SubscriptionSettings {
                    allow_private_addresses: self.flag("subscriptions.allow_private_addresses"),
                },
            },
            profiles_directory: self.path("judging.profiles_directory"),
            http,
            tokens,
            log: LogSettings {
                filter: self.words("log.filter"),
                json: self.text("log.format") == Some("json"),
            },
            warnings: std::mem::take(&mut self.warnings),
        }
    }

    fn time_zone(&self) -> Tz {
        match self.values.get("judging.time_zone") {
            Some(Value::TimeZone(zone)) => *zone,
            _ => Tz::UTC,
        }
    }

    fn database(&self) -> DatabaseSettings {
        DatabaseSettings {
            url: self.words("database.url"),
            connections: self.small("database.connections"),
            connection_wait: self.duration("database.connection_wait"),
            statement_timeout: self.duration("database.statement_timeout"),
            busy_wait: self.duration("database.busy_wait"),
            synchronous: match self.text("database.synchronous") {
                Some("normal") => Synchronous::Normal,
                _ => Synchronous::Full,
            },
        }
    }
}

fn default_of(setting: &Setting) -> Option<Value> {
    setting.kind.read(setting.default?).ok()
}
