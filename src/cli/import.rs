//! `medial import`.

use super::Failure;
use super::configuration::ConfigurationArgs;

/// Brings records in from JSON Lines or CSV.
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
