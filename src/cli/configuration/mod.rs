//! What the program is configured with: a TOML file, then the environment, then flags; each stronger than the one before.

mod build;
mod callers;
#[cfg(test)]
mod documentation;
mod ehrs;
mod file;
mod kind;
mod settings;

use super::Failure;
use crate::app::{App, AppSettings};
use crate::auth;
use crate::db::{Database, DatabaseKind, DatabaseSettings};
use crate::domain::qualification::Profile;
use crate::http::HttpSettings;
use crate::seam::System;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command};
use settings::SETTINGS;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(super) use kind::duration;

/// The file that is read where none is named and it is there.
const USUAL_FILE: &str = "medial.toml";

/// Where the configuration comes from, as flags and environment give it. Flattened into the arguments of a command.
#[derive(Debug, Clone, Default)]
pub struct ConfigurationArgs {
    /// The configuration file that was named.
    pub config: Option<PathBuf>,
    given: BTreeMap<&'static str, Given>,
    fallbacks: BTreeMap<&'static str, Given>,
}

/// A setting's value as it was written, with where that was.
#[derive(Debug, Clone)]
struct Given {
    text: String,
    origin: Origin,
}

/// Where a setting was given.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Origin {
    /// Nowhere: it is the default, the program's or the command's.
    Default,
    /// In a file, at this line.
    File(PathBuf, Option<usize>),
    /// In the environment, in this variable.
    Environment(&'static str),
    /// On the command line, by this flag.
    Flag(&'static str),
}

impl Origin {
    /// How strong it is: a stronger one is taken.
    const fn strength(&self) -> u8 {
        match self {
            Origin::Default => 0,
            Origin::File(..) => 1,
            Origin::Environment(_) => 2,
            Origin::Flag(_) => 3,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::File(path, None) => write!(f, "{}", path.display()),
            Origin::File(path, Some(line)) => write!(f, "{}:{line}", path.display()),
            Origin::Environment(variable) => f.write_str(variable),
            Origin::Flag(flag) => write!(f, "--{flag}"),
        }
    }
}

/// One thing that is wrong with the configuration. No value is repeated: it may be a secret in the wrong place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    origin: Origin,
    name: Option<&'static str>,
    what: String,
}

impl Problem {
    /// Whether it is about a setting of this section, or about no setting that is known.
    pub(super) fn is_about(&self, section: &str) -> bool {
        self.name
            .and_then(|name| name.split_once('.'))
            .is_some_and(|(of, _)| of == section)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name {
            Some(name) => write!(f, "{}: {name}: {}", self.origin, self.what),
            None => write!(f, "{}: {}", self.origin, self.what),
        }
    }
}

/// How the program logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSettings {
    /// What is logged, as a filter directive.
    pub filter: String,
    /// One JSON object a line, instead of text.
    pub json: bool,
}

/// Everything the program is configured with, checked.
#[derive(Debug, Clone)]
pub struct Configuration {
    /// The file that was read.
    pub file: Option<PathBuf>,
    /// How to open the database.
    pub database: DatabaseSettings,
    /// Whether the schema of PostgreSQL is brought up to date at the start.
    pub migrate: bool,
    /// What the use cases are set to do.
    pub app: AppSettings,
    /// A directory with more profiles.
    pub profiles_directory: Option<PathBuf>,
    /// How the HTTP server behaves.
    pub http: HttpSettings,
    /// What tokens are accepted. There may be no key at all: what needs one says so.
    pub tokens: auth::Settings,
    /// How the program logs.
    pub log: LogSettings,
    /// What works, but may not be what was meant.
    pub warnings: Vec<String>,
}

impl ConfigurationArgs {
    /// Sets what a setting is where neither the file, nor the environment, nor a flag says. For a command whose usual
    /// way differs from the program's. A name that no setting has does nothing.
    pub fn set_default(&mut self, name: &str, value: impl Into<String>) {
        if let Some(setting) = settings::Setting::find(name) {
            let text = value.into();
            let origin = Origin::Default;
            self.fallbacks.insert(setting.name, Given { text, origin });
        }
    }

    /// Reads file, environment and flags together.
    ///
    /// # Errors
    /// Everything that is wrong with them, with the file and line where there is one.
    pub fn load(&self) -> Result<Configuration, Failure> {
        let (configuration, problems) = self.read();
        if problems.is_empty() {
            return Ok(configuration);
        }
        Err(Failure::usage(format!(
            "the configuration cannot be used:\n{}",
            lines(problems.iter().map(|problem| format!("  {problem}")))
        )))
    }

    /// Reads file, environment and flags together. What is wrong is left at its default and listed.
    pub(super) fn read(&self) -> (Configuration, Vec<Problem>) {
        let file = self.file();
        let from_file = file.as_deref().map(file::read).unwrap_or_default();
        let mut given = self.fallbacks.clone();
        given.extend(from_file.given);
        given.extend(self.given.clone());
        build::build(file, given, from_file.callers, from_file.problems)
    }

    fn file(&self) -> Option<PathBuf> {
        let usual = || Some(PathBuf::from(USUAL_FILE)).filter(|path| path.exists());
        self.config.clone().or_else(usual)
    }
}

impl clap::FromArgMatches for ConfigurationArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut arguments = ConfigurationArgs::default();
        arguments.update_from_arg_matches(matches)?;
        Ok(arguments)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        if let Some(path) = matches.get_one::<PathBuf>("config")
            && !path.as_os_str().is_empty()
        {
            self.config = Some(path.clone());
        }
        for setting in SETTINGS {
            if let Some(given) = setting.in_environment() {
                self.given.insert(setting.name, given);
                continue;
            }
            if setting.flag.is_none() {
                continue;
            }
            let Some(text) = matches.get_one::<String>(setting.name) else {
                continue;
            };
            let origin = match (matches.value_source(setting.name), setting.flag) {
                (Some(ValueSource::CommandLine), Some(flag)) => Origin::Flag(flag),
                // An empty variable is how many tools write one that is not set.
                _ if text.is_empty() => continue,
                _ => Origin::Environment(setting.variable),
            };
            let text = text.clone();
            self.given.insert(setting.name, Given { text, origin });
        }
        Ok(())
    }
}

impl clap::Args for ConfigurationArgs {
    fn augment_args(command: Command) -> Command {
        let config = Arg::new("config")
            .long("config")
            .env("MEDIAL_CONFIG")
            .value_name("FILE")
            .value_parser(clap::value_parser!(PathBuf))
            .help_heading("Configuration")
            .help("Configuration file, TOML. A variable of the environment is stronger than the file, and a flag is stronger than both. Default: medial.toml in the working directory, if it is there.");
        let command = command
            .arg(config)
            .args(SETTINGS.iter().filter_map(settings::Setting::argument));
        if command.get_after_long_help().is_some() {
            return command;
        }
        command.after_long_help(secrets())
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

/// What cannot be a flag, explained where the flags are.
fn secrets() -> String {
    let mut text = "Secrets, in the environment or in the file:".to_owned();
    for setting in SETTINGS.iter().filter(|setting| setting.flag.is_none()) {
        text.push_str(&format!(
            "\n  {}\n          {}",
            setting.variable, setting.help
        ));
    }
    text
}

impl settings::Setting {
    /// The flag, with its variable.
    fn argument(&self) -> Option<Arg> {
        let help = match self.default {
            Some(default) => format!("{} [default: {default}]", self.help),
            None => self.help.to_owned(),
        };
        let argument = Arg::new(self.name)
            .long(self.flag?)
            .env(self.variable)
            .hide_env_values(true)
            .value_name(self.kind.placeholder())
            .help_heading("Configuration")
            .hide_short_help(self.rare)
            .help(help);
        Some(match self.kind {
            kind::Kind::Flag => argument
                .num_args(0..=1)
                .require_equals(true)
                .default_missing_value("true"),
            _ => argument,
        })
    }

    /// The variable of a secret, which clap does not know.
    fn in_environment(&self) -> Option<Given> {
        if self.flag.is_some() {
            return None;
        }
        let text = std::env::var(self.variable).ok()?;
        let origin = Origin::Environment(self.variable);
        (!text.is_empty()).then_some(Given { text, origin })
    }
}

impl Configuration {
    /// The profiles at hand: the built-in ones and those of the configured directory.
    ///
    /// # Errors
    /// Every mistake in a document, with its file and line; two documents for the same version of a profile; a profile
    /// that is configured as active and is not there.
    pub fn profiles(&self) -> Result<Vec<Profile>, Failure> {
        self.profiles_or_problems()
            .map_err(|problems| Failure::usage(problems.join("\n")))
    }

    /// As [`Self::profiles`], the mistakes as a list.
    pub(super) fn profiles_or_problems(&self) -> Result<Vec<Profile>, Vec<String>> {
        let texts = |errors: Vec<crate::app::profiles::document::DocumentError>| {
            errors.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        let mut profiles = crate::app::profiles::built_in().map_err(texts)?;
        let mut problems = Vec::new();
        if let Some(directory) = &self.profiles_directory {
            let more = crate::app::profiles::from_directory(directory).map_err(texts)?;
            for profile in more {
                problems.extend(put(&mut profiles, profile, directory));
            }
        }
        for name in self.app.active_profiles.iter().flatten() {
            if !profiles.iter().any(|profile| profile.id == *name) {
                let known: Vec<&str> = profiles.iter().map(|one| one.id.as_str()).collect();
                let known = known.join(", ");
                problems.push(format!(
                    "judging.active_profiles: there is no profile {name}; known are {known}"
                ));
            }
        }
        if problems.is_empty() {
            Ok(profiles)
        } else {
            Err(problems)
        }
    }

    /// Opens the database and puts the profiles at hand. SQLite, and PostgreSQL where it is configured so, is brought up
    /// to date.
    ///
    /// # Errors
    /// When the database cannot be opened or its schema is not this version's; when a profile cannot be read.
    pub fn open_app(&self) -> Result<Arc<App>, Failure> {
        let profiles = self.profiles()?;
        let database = Database::open(&self.database)?;
        self.ready_schema(&database)?;
        Ok(App::new(
            database,
            System::shared(),
            self.app.clone(),
            profiles,
        ))
    }

    fn ready_schema(&self, database: &Database) -> Result<(), Failure> {
        refuse_newer(database)?;
        if database.kind() == DatabaseKind::Sqlite || self.migrate {
            database.migrate()?;
            return Ok(());
        }
        let pending = database.pending_migrations()?;
        if pending.is_empty() {
            return Ok(());
        }
        Err(Failure::new(format!(
            "the schema of the database is older than this program; {} to be run: {}. Run `medial migrate` first, or start with --database-migrate",
            if pending.len() == 1 {
                "one migration is"
            } else {
                "migrations are"
            },
            pending.join(", ")
        )))
    }
}

/// Refuses a database whose schema this program does not know.
pub(super) fn refuse_newer(database: &Database) -> Result<(), Failure> {
    let unknown = database.unknown_migrations()?;
    if unknown.is_empty() {
        return Ok(());
    }
    Err(Failure::new(newer(&unknown)))
}

/// What to say of migrations that only a newer program knows.
pub(super) fn newer(unknown: &[String]) -> String {
    format!(
        "the database was written by a newer version of this program, with migrations that this one does not know: {}. Use that version, or restore an earlier backup",
        unknown.join(", ")
    )
}

/// Adds a profile of the directory, in the place of an older one of that name.
fn put(profiles: &mut Vec<Profile>, profile: Profile, directory: &Path) -> Option<String> {
    let Some(other) = profiles.iter_mut().find(|other| other.id == profile.id) else {
        profiles.push(profile);
        return None;
    };
    if other.version < profile.version {
        *other = profile;
        return None;
    }
    Some(format!(
        "{}: profile {} is there already in version {}; give yours a higher version or another id",
        directory.display(),
        other.id,
        other.version
    ))
}

fn lines(texts: impl Iterator<Item = String>) -> String {
    texts.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests;
