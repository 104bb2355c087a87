//! `medial token`.

use super::Failure;
use super::configuration::{ConfigurationArgs, duration};
use super::failure::say;
use crate::auth::{Issuer, Role, Scope, Scopes};
use crate::seam::{Outside, System};
use chrono::TimeDelta;

/// Prints a token signed with the configured secret.
///
/// For a single machine, a trial, or a script; where people sign in, their identity provider issues the tokens.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Who the bearer is to the service.
    #[arg(long, value_parser = Role::ALL.iter().map(|role| role.code()).collect::<Vec<_>>())]
    role: String,
    /// The organization whose records the bearer sees.
    #[arg(long, default_value = "default", value_name = "NAME")]
    organization: String,
    /// Who the bearer is in the audit trail. Default: the role.
    #[arg(long, value_name = "NAME")]
    subject: Option<String>,
    /// How long the token is good for, as 30m, 8h or 7d.
    #[arg(long, default_value = "8h", value_name = "TIME", value_parser = time_to_live)]
    expires: TimeDelta,
    /// Narrows what the role allows: a SMART scope such as system/Procedure.rs; may be given several times.
    #[arg(long, value_name = "SCOPE", value_parser = scope)]
    scope: Vec<Scope>,
    #[command(flatten)]
    configuration: ConfigurationArgs,
}

fn time_to_live(text: &str) -> Result<TimeDelta, String> {
    duration(text)
        .and_then(|time| TimeDelta::from_std(time).ok())
        .filter(|time| *time >= TimeDelta::seconds(1))
        .ok_or_else(|| "expected a time of a second or more, as 30m, 8h or 7d".to_owned())
}

fn scope(text: &str) -> Result<Scope, String> {
    Scope::parse(text).ok_or_else(|| {
        "expected a SMART scope such as system/Procedure.rs or user/Patient.r, letters in the order cruds"
            .to_owned()
    })
}

/// Does it.
pub(super) fn run(arguments: &Args) -> Result<(), Failure> {
    let configuration = arguments.configuration.load()?;
    let issuer = Issuer::new(&configuration.tokens).map_err(|error| {
        Failure::usage(format!(
            "{error}: set MEDIAL_TOKENS_SECRET, or tokens.secret or tokens.secret_file in the configuration"
        ))
    })?;
    let role = Role::from_code(&arguments.role).map_err(|error| {
        Failure::usage(format!(
            "--role: accepted are {}",
            error.accepted.join(", ")
        ))
    })?;
    let subject = arguments.subject.as_deref().unwrap_or(role.code());
    let words: Vec<String> = arguments.scope.iter().map(Scope::to_string).collect();
    let scopes = (!words.is_empty()).then(|| Scopes::parse(&words.join(" ")));
    let token = issuer
        .issue(
            role,
            &arguments.organization,
            subject,
            scopes.as_ref(),
            arguments.expires,
            System::default().now(),
        )
        .map_err(|error| Failure::usage(error.to_string()))?;
    say(&format!("{token}\n"))
}
