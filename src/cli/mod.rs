//! The command line. Each command has a file of its own with its `Args` and `run`.

mod analyze;
mod backup;
mod client;
pub mod configuration;
mod demo;
mod doctor;
mod evaluate;
mod export;
mod failure;
mod import;
mod logging;
mod migrate;
mod restore;
mod serve;
mod token;
mod user;

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
    Doctor(doctor::Args),
    Migrate(migrate::Args),
    Token(token::Args),
    User(user::Args),
    Client(client::Args),
    Evaluate(evaluate::Args),
    Demo(demo::Args),
    Import(import::Args),
    Export(export::Args),
    Analyze(analyze::Args),
    Backup(backup::Args),
    Restore(restore::Args),
}

/// Reads the command line and does what it says.
#[must_use]
pub fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Serve(arguments) => serve::run(&arguments),
        Command::Doctor(arguments) => doctor::run(&arguments),
        Command::Migrate(arguments) => migrate::run(&arguments),
        Command::Token(arguments) => token::run(&arguments),
        Command::User(arguments) => user::run(&arguments),
        Command::Client(arguments) => client::run(&arguments),
        Command::Evaluate(arguments) => evaluate::run(&arguments),
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Import(arguments) => import::run(&arguments),
        Command::Export(arguments) => export::run(&arguments),
        Command::Analyze(arguments) => analyze::run(&arguments),
        Command::Backup(arguments) => backup::run(&arguments),
        Command::Restore(arguments) => restore::run(&arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("medial: {failure}");
            failure.exit_code()
        }
    }
}
