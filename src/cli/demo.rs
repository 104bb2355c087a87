//! `medial demo`.

use super::Failure;
use super::configuration::ConfigurationArgs;

/// A synthetic cohort in SQLite, and the service on it.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    configuration: ConfigurationArgs,
}

/// Does it.
pub(super) fn run(arguments: &Args) -> Result<(), Failure> {
    arguments.configuration.load()?.open_app()?;
    Ok(())
}
