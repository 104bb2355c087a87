//! `medial migrate`.

use super::Failure;
use super::configuration::{ConfigurationArgs, refuse_newer};
use super::failure::say;
use crate::db::{Database, Url};

/// Brings the schema of the database up to date.
///
/// All migrations run in one transaction: one that fails leaves the schema as it was.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only says which migrations would be run.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    configuration: ConfigurationArgs,
}

/// Does it.
pub(super) fn run(arguments: &Args) -> Result<(), Failure> {
    let settings = arguments.configuration.load()?.database;
    let url = Url::parse(&settings.url)?;
    if arguments.dry_run && url.path().is_some_and(|path| !path.exists()) {
        return say("The database does not exist yet; all migrations would be run.\n");
    }
    let database = Database::open(&settings)?;
    refuse_newer(&database)?;
    let (names, done) = if arguments.dry_run {
        (database.pending_migrations()?, "to be run")
    } else {
        (database.migrate()?, "run")
    };
    if names.is_empty() {
        return say("The schema is up to date.\n");
    }
    let lines: Vec<String> = names
        .iter()
        .map(|name| format!("{done}: {name}\n"))
        .collect();
    say(&lines.concat())
}
