//! `medial user`.

use super::Failure;
use super::configuration::ConfigurationArgs;
use super::failure::say;
use crate::app::people::{NewUser, may_have_pages};
use crate::app::{App, Error};
use crate::auth::Role;
use clap::Subcommand;
use std::io::{IsTerminal, Read};
use std::path::PathBuf;
use std::sync::Arc;

/// Adds people who sign in to the pages, lists them, and changes what they may.
///
/// For a clinic without an identity provider. A password is never an argument, because everybody on the machine can read
/// a command line: it is asked for, or read from a file or from standard input.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Adds somebody.
    Add {
        /// The name to sign in with: letters a-z, digits and . _ - @ +
        login: String,
        /// What they are to the service.
        #[arg(long, default_value = "clinician", value_parser = roles())]
        role: String,
        /// The organization whose records they see.
        #[arg(long, default_value = "default", value_name = "NAME")]
        organization: String,
        /// The name that the pages show. Default: the name to sign in with.
        #[arg(long, value_name = "NAME")]
        display_name: Option<String>,
        #[command(flatten)]
        password: PasswordArgs,
        #[command(flatten)]
        configuration: Box<ConfigurationArgs>,
    },
    /// Lists everybody of an organization.
    List {
        /// The organization.
        #[arg(long, default_value = "default", value_name = "NAME")]
        organization: String,
        #[command(flatten)]
        configuration: Box<ConfigurationArgs>,
    },
    /// Gives somebody another password and ends their sessions.
    Password {
        /// The name they sign in with.
        login: String,
        #[command(flatten)]
        password: PasswordArgs,
        #[command(flatten)]
        configuration: Box<ConfigurationArgs>,
    },
    /// Lets somebody sign in no more and ends their sessions.
    Disable {
        /// The name they sign in with.
        login: String,
        #[command(flatten)]
        configuration: Box<ConfigurationArgs>,
    },
    /// Lets somebody sign in again, also after too many wrong passwords.
    Enable {
        /// The name they sign in with.
        login: String,
        #[command(flatten)]
        configuration: Box<ConfigurationArgs>,
    },
}

/// Where the password comes from.
#[derive(Debug, clap::Args)]
struct PasswordArgs {
    /// A file with the password; `-` is standard input. A line end after it does not count. Default: it is asked for.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

fn roles() -> Vec<&'static str> {
    Role::ALL
        .iter()
        .filter(|role| may_have_pages(**role))
        .map(|role| role.code())
        .collect()
}

/// Does it.
pub(super) fn run(arguments: &Args) -> Result<(), Failure> {
    match &arguments.action {
        Action::Add {
            login,
            role,
            organization,
            display_name,
            password,
            configuration,
        } => {
            let role = Role::from_code(role).map_err(|error| {
                Failure::usage(format!(
                    "--role: accepted are {}",
                    error.accepted.join(", ")
                ))
            })?;
            let app = open(configuration)?;
            let new = NewUser {
                organization: organization.clone(),
                login: login.clone(),
                display_name: display_name.clone().unwrap_or_else(|| login.clone()),
                role,
            };
            app.add_user(&new, &password.read()?).map_err(told)?;
            say(&format!(
                "{login} may sign in as {} of {organization}.\n",
                role.code()
            ))
        }
        Action::List {
            organization,
            configuration,
        } => list(&open(configuration)?, organization),
        Action::Password {
            login,
            password,
            configuration,
        } => {
            let app = open(configuration)?;
            app.set_password(login, &password.read()?).map_err(told)?;
            say(&format!("{login} has another password.\n"))
        }
        Action::Disable {
            login,
            configuration,
        } => {
            open(configuration)?
                .set_enabled(login, false)
                .map_err(told)?;
            say(&format!("{login} may sign in no more.\n"))
        }
        Action::Enable {
            login,
            configuration,
        } => {
            open(configuration)?
                .set_enabled(login, true)
                .map_err(told)?;
            say(&format!("{login} may sign in.\n"))
        }
    }
}

fn open(configuration: &ConfigurationArgs) -> Result<Arc<App>, Failure> {
    configuration.load()?.open_app()
}

fn list(app: &Arc<App>, organization: &str) -> Result<(), Failure> {
    let users = app
        .users_of(organization)
        .map_err(|error| Failure::new(error.to_string()))?;
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header(["signs in as", "name", "role", "since", "state"]);
    let now = app.seam.now();
    for user in users {
        let state = if user.disabled_at.is_some() {
            "disabled"
        } else if user.locked_until.is_some_and(|until| until > now) {
            "locked"
        } else {
            "active"
        };
        table.add_row([
            user.login.as_str(),
            &user.display_name,
            &user.role,
            &user.created_at.date_naive().to_string(),
            state,
        ]);
    }
    say(&format!("{table}\n"))
}

impl PasswordArgs {
    fn read(&self) -> Result<String, Failure> {
        let from_file = |path: &PathBuf| -> std::io::Result<String> {
            if path.as_os_str() == "-" {
                let mut text = String::new();
                std::io::stdin().read_to_string(&mut text)?;
                return Ok(text);
            }
            std::fs::read_to_string(path)
        };
        if let Some(path) = &self.password_file {
            let text = from_file(path)
                .map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
            return Ok(text.trim_end_matches(['\r', '\n']).to_owned());
        }
        if !std::io::stdin().is_terminal() {
            return Err(Failure::usage(
                "there is no terminal to ask for the password: name a file with --password-file, or send it with --password-file -",
            ));
        }
        let ask = |prompt: &str| {
            rpassword::prompt_password(prompt).map_err(|error| Failure::new(error.to_string()))
        };
        let first = ask("Password: ")?;
        if ask("Again: ")? != first {
            return Err(Failure::usage(
                "the two passwords are not the same; nothing was changed",
            ));
        }
        Ok(first)
    }
}

fn told(error: Error) -> Failure {
    match error {
        Error::Invalid(errors) => {
            let lines: Vec<String> = errors
                .iter()
                .map(|error| {
                    format!(
                        "{}: {}",
                        error.pointer.trim_start_matches('/'),
                        error.detail
                    )
                })
                .collect();
            Failure::usage(lines.join("\n"))
        }
        Error::NotFound { .. } => {
            Failure::usage("nobody signs in with that name; `medial user list` shows who does")
        }
        Error::Conflict { detail, .. } => Failure::usage(detail),
        other => Failure::new(other.to_string()),
    }
}
