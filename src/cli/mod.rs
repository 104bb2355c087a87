//! The command line. Each command has a file of its own with its `Args` and `run`.

pub mod configuration;
mod demo;
mod export;
mod failure;
mod import;
mod logging;
mod serve;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

pub use failure::Failure;

/// Records medial branch blocks, judges the pattern of relief by each body's published criteria and lists the
/// candidates for radiofrequency ablation.
#[derive(Debug, Parser)]
#[command(name = "medial", version, about, long_about = None)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Args),
    Demo(demo::Args),
    Import(import::Args),
    Export(export::Args),
}

/// Reads the command line and does what it says.
#[must_use]
pub fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Serve(arguments) => serve::run(&arguments),
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Import(arguments) => import::run(&arguments),
        Command::Export(arguments) => export::run(&arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("medial: {failure}");
            failure.exit_code()
        }
    }
}
