//! What the program is configured with: a TOML file, then the environment, then flags; each stronger than the one before.

use super::Failure;
use crate::app::{App, AppSettings};
use crate::db::{Database, DatabaseSettings};
use crate::seam::System;
use std::path::PathBuf;
use std::sync::Arc;

/// Where the configuration comes from, as flags and environment give it.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct ConfigurationArgs {
    /// Configuration file, TOML.
    #[arg(long, env = "MEDIAL_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Database: sqlite://PATH, postgres://USER@HOST/DATABASE.
    #[arg(
        long,
        env = "MEDIAL_DATABASE_URL",
        value_name = "URL",
        hide_env_values = true
    )]
    pub database_url: Option<String>,
    /// Secret that pseudonyms in de-identified exports are made with, 16 bytes or more.
    #[arg(skip = std::env::var("MEDIAL_PSEUDONYM_KEY").ok())]
    pub pseudonym_key: Option<String>,
}

/// Everything the program is configured with, checked.
#[derive(Debug, Clone)]
pub struct Configuration {
    /// How to open the database.
    pub database: DatabaseSettings,
    /// What the use cases are set to do.
    pub app: AppSettings,
    /// A directory with more profiles.
    pub profiles_directory: Option<PathBuf>,
}

impl ConfigurationArgs {
    /// Reads file, environment and flags together.
    ///
    /// # Errors
    /// Everything that is wrong with them, with the file and line where there is one.
    pub fn load(&self) -> Result<Configuration, Failure> {
        let url = self
            .database_url
            .clone()
            .unwrap_or_else(|| "sqlite://medial.sqlite".to_owned());
        Ok(Configuration {
            database: DatabaseSettings::new(url),
            app: AppSettings {
                time_zone: chrono_tz::UTC,
                active_profiles: None,
                export_directory: PathBuf::from("medial-exports"),
                pseudonym_key: self
                    .pseudonym_key
                    .clone()
                    .map(String::into_bytes)
                    .unwrap_or_default(),
            },
            profiles_directory: None,
        })
    }
}

impl Configuration {
    /// Opens the database and puts the profiles at hand.
    ///
    /// # Errors
    /// When the database cannot be opened or its schema is not this version's; when a profile cannot be read.
    pub fn open_app(&self) -> Result<Arc<App>, Failure> {
        let database = Database::open(&self.database)?;
        database.migrate()?;
        let profiles = crate::app::profiles::built_in()
            .map_err(|errors| Failure::new(lines(errors.iter())))?;
        Ok(App::new(
            database,
            System::shared(),
            self.app.clone(),
            profiles,
        ))
    }
}

fn lines<T: ToString>(errors: impl Iterator<Item = T>) -> String {
    errors
        .map(|error| error.to_string())
        .collect::<Vec<_>>()
        .join("\n")
}
