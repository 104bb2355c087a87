//! `medial backup`.

use super::Failure;
use super::configuration::ConfigurationArgs;
use super::failure::say;
use crate::db::{Database, Url};
use std::path::PathBuf;

/// Copies the SQLite database into a file, while the service goes on.
///
/// The copy is one state of the database, whole and compact. It holds all that the database holds: keep it as safe. For
/// PostgreSQL use pg_dump.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The file to write; it must not be there yet.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    configuration: ConfigurationArgs,
}

/// Does it.
pub(super) fn run(arguments: &Args) -> Result<(), Failure> {
    let settings = arguments.configuration.load()?.database;
    let Url::Sqlite(path) = Url::parse(&settings.url)? else {
        return Err(Failure::usage(
            "the database is PostgreSQL: back it up with its own tool, as `pg_dump --format=custom --file=FILE DATABASE`",
        ));
    };
    if !path.exists() {
        return Err(Failure::new(format!(
            "there is no database at {}",
            path.display()
        )));
    }
    let target = &arguments.file;
    if target.exists() {
        return Err(Failure::usage(format!(
            "{} is there already; name a new file",
            target.display()
        )));
    }
    let database = Database::open(&settings)?;
    if let Err(error) = database.copy_to(target) {
        // Half a copy is none; it was not there before.
        let _ = std::fs::remove_file(target);
        return Err(error.into());
    }
    let size = std::fs::metadata(target)?.len();
    say(&format!("{}: {size} bytes\n", target.display()))
}
