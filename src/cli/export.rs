//! `medial export`.

use super::Failure;
use super::configuration::ConfigurationArgs;

/// Writes a dataset to a file.
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
