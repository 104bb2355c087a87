//! `medial client`.

use super::Failure;
use super::configuration::ConfigurationArgs;
use super::failure::say;
use crate::app::clients::{NewClient, may_be_a_client};
use crate::app::{App, Client, Error, KeysOfClient};
use crate::auth::{Role, Scope};
use clap::Subcommand;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Largest key set that is read, in bytes.
const LARGEST_KEY_SET: u64 = 256 * 1024;

/// How it is done, shown by `--help`.
const EXAMPLE: &str = "\
Example: a record system that has its public keys in keys.json, as a JSON Web Key Set with an RS384 or ES384 key.

  medial client add ehr-nightly --name 'Nightly export' --scope 'system/*.rs' --jwks keys.json

It proves who it is with its private key, and fetches a token for five minutes:

  POST /auth/token
  Content-Type: application/x-www-form-urlencoded

  grant_type=client_credentials
  &client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer
  &client_assertion=JWT&scope=system/*.rs

where JWT has iss and sub = ehr-nightly, aud = the address of /auth/token as clients reach it (http.public_url), exp within
five minutes, a new jti each time, and kid in its header. docs/smart.md has all of it to copy.";

/// Adds systems that fetch tokens with a private key of theirs (SMART Backend Services), lists them, and takes them away.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE, after_long_help = EXAMPLE)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Adds a system.
    #[command(after_help = EXAMPLE, after_long_help = EXAMPLE)]
    Add {
        /// What it calls itself: the iss and sub of its assertions.
        id: String,
        /// What people call it. Default: the id.
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
        /// The organization whose records it sees.
        #[arg(long, default_value = "default", value_name = "NAME")]
        organization: String,
        /// What it is to the service.
        #[arg(long, default_value = "ehr_system", value_parser = roles())]
        role: String,
        /// The most that it may ask for: a SMART scope such as system/*.rs or system/Observation.rs?category=survey; may be
        /// given several times.
        #[arg(long, value_name = "SCOPE", required = true, value_parser = scope)]
        scope: Vec<Scope>,
        #[command(flatten)]
        keys: KeyArgs,
        #[command(flatten)]
        configuration: Box<ConfigurationArgs>,
    },
    /// Lists the systems of an organization.
    List {
        /// The organization.
        #[arg(long, default_value = "default", value_name = "NAME")]
        organization: String,
        #[command(flatten)]
        configuration: Box<ConfigurationArgs>,
    },
    /// Gives a system no more tokens. One that it has is good for five minutes at most.
    Disable {
        /// What it calls itself.
        id: String,
        #[command(flatten)]
        configuration: Box<ConfigurationArgs>,
    },
    /// Gives a system tokens again.
    Enable {
        /// What it calls itself.
        id: String,
        #[command(flatten)]
        configuration: Box<ConfigurationArgs>,
    },
    /// Forgets a system. What it did stays in the audit trail.
    Remove {
        /// What it calls itself.
        id: String,
        #[command(flatten)]
        configuration: Box<ConfigurationArgs>,
    },
}

/// Where its public keys are.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct KeyArgs {
    /// A file with its public keys, as a JSON Web Key Set.
    #[arg(long, value_name = "FILE")]
    jwks: Option<PathBuf>,
    /// The https address of its public keys, which is also the only jku that its assertions may name. They are fetched when
    /// they are needed, and again for a kid that is not known, once a minute at most.
    #[arg(long, value_name = "URL")]
    jwks_url: Option<String>,
}

fn roles() -> Vec<&'static str> {
    Role::ALL
        .iter()
        .filter(|role| may_be_a_client(**role))
        .map(|role| role.code())
        .collect()
}

fn scope(text: &str) -> Result<Scope, String> {
    Scope::parse(text).filter(Scope::is_system).ok_or_else(|| {
        "expected a SMART scope of a system such as system/*.rs, system/Procedure.cruds or system/Patient.read"
            .to_owned()
    })
}

/// Does it.
pub(super) fn run(arguments: &Args) -> Result<(), Failure> {
    match &arguments.action {
        Action::Add {
            id,
            name,
            organization,
            role,
            scope,
            keys,
            configuration,
        } => {
            let role = Role::from_code(role).map_err(|error| {
                Failure::usage(format!(
                    "--role: accepted are {}",
                    error.accepted.join(", ")
                ))
            })?;
            let new = NewClient {
                organization: organization.clone(),
                id: id.clone(),
                name: name.clone().unwrap_or_else(|| id.clone()),
                role,
                scopes: scope.clone(),
                keys: keys.read()?,
            };
            open(configuration)?.add_client(&new).map_err(told)?;
            say(&format!(
                "{id} may fetch tokens as {} of {organization}.\n",
                role.code()
            ))
        }
        Action::List {
            organization,
            configuration,
        } => list(&open(configuration)?, organization),
        Action::Disable { id, configuration } => {
            open(configuration)?
                .set_client_enabled(id, false)
                .map_err(told)?;
            say(&format!("{id} gets no more tokens.\n"))
        }
        Action::Enable { id, configuration } => {
            open(configuration)?
                .set_client_enabled(id, true)
                .map_err(told)?;
            say(&format!("{id} may fetch tokens.\n"))
        }
        Action::Remove { id, configuration } => {
            open(configuration)?.remove_client(id).map_err(told)?;
            say(&format!("{id} is not known any more.\n"))
        }
    }
}

fn open(configuration: &ConfigurationArgs) -> Result<Arc<App>, Failure> {
    configuration.load()?.open_app()
}

fn list(app: &Arc<App>, organization: &str) -> Result<(), Failure> {
    let clients = app
        .clients_of(organization)
        .map_err(|error| Failure::new(error.to_string()))?;
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header(["id", "name", "role", "scopes", "keys", "since", "state"]);
    for client in clients {
        let Client {
            keys, disabled_at, ..
        } = &client;
        let keys = match keys {
            KeysOfClient::Document(_) => "registered",
            KeysOfClient::Address(address) => address,
        };
        let state = if disabled_at.is_some() {
            "disabled"
        } else {
            "active"
        };
        table.add_row([
            client.id.as_str(),
            &client.name,
            &client.role,
            &client.scopes,
            keys,
            &client.created_at.date_naive().to_string(),
            state,
        ]);
    }
    say(&format!("{table}\n"))
}

impl KeyArgs {
    fn read(&self) -> Result<KeysOfClient, Failure> {
        match (&self.jwks, &self.jwks_url) {
            (Some(path), None) => text_in(path).map(KeysOfClient::Document),
            (None, Some(address)) => Ok(KeysOfClient::Address(address.clone())),
            (Some(_), Some(_)) | (None, None) => {
                Err(Failure::usage("give either --jwks or --jwks-url"))
            }
        }
    }
}

fn text_in(path: &Path) -> Result<String, Failure> {
    let unreadable = |error: std::io::Error| Failure::usage(format!("{}: {error}", path.display()));
    if std::fs::metadata(path).map_err(unreadable)?.len() > LARGEST_KEY_SET {
        return Err(Failure::usage(format!(
            "{} is larger than {LARGEST_KEY_SET} bytes",
            path.display()
        )));
    }
    std::fs::read_to_string(path).map_err(unreadable)
}

fn told(error: Error) -> Failure {
    match error {
        Error::Invalid(errors) => {
            let line = |error: &crate::app::FieldError| {
                let field = error.pointer.trim_start_matches('/').replace('_', "-");
                format!("{field}: {}", error.detail)
            };
            let lines: Vec<String> = errors.iter().map(line).collect();
            Failure::usage(lines.join("\n"))
        }
        Error::NotFound { .. } => {
            Failure::usage("there is no such client; `medial client list` shows who is known")
        }
        Error::Conflict { detail, .. } => Failure::usage(detail),
        other => Failure::new(other.to_string()),
    }
}
