//! `medial serve`.

use super::configuration::{Configuration, ConfigurationArgs};
use super::{Failure, logging};
use crate::app::App;
use crate::auth::Verifier;
use crate::cds;
use crate::fhir;
use crate::http::authenticate::{People, Tokens};
use crate::http::{Endpoint, State, smart, v1};
use crate::jobs::{JOBS, Jobs};
use crate::web;
use std::net::SocketAddr;
use std::sync::Arc;

/// Runs the service until it is told to stop (SIGTERM or Ctrl-C).
///
/// What is under way then is finished first.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    configuration: ConfigurationArgs,
}

/// Does it.
pub(super) fn run(arguments: &Args) -> Result<(), Failure> {
    let configuration = arguments.configuration.load()?;
    logging::start(&configuration.log)?;
    for warning in &configuration.warnings {
        tracing::warn!("{warning}");
    }
    let app = configuration.open_app()?;
    serve_until_stopped(&configuration, app, |addresses| {
        for address in addresses {
            tracing::info!(%address, version = env!("CARGO_PKG_VERSION"), "listening");
        }
    })
}

/// Runs jobs and HTTP server on `app` until the process is told to stop; `listening` is told the addresses once the
/// server takes requests.
///
/// # Errors
/// When tokens cannot be checked as configured, or the address cannot be listened at.
pub(super) fn serve_until_stopped(
    configuration: &Configuration,
    app: Arc<App>,
    listening: impl FnOnce(&[SocketAddr]),
) -> Result<(), Failure> {
    let seam = Arc::clone(&app.seam);
    let verifier = Verifier::open(&configuration.tokens, seam.now())
        .map_err(|error| Failure::usage(format!("tokens: {error}")))?;
    if let Some(why) = verifier.report().failure {
        tracing::warn!(
            why,
            "the key set cannot be read yet; tokens are answered 503 until it can"
        );
    }
    let state = State::new(
        Arc::clone(&app),
        Arc::new(People::new(
            Tokens::new(verifier, Arc::clone(&seam)),
            Arc::clone(&app),
        )),
        seam,
        configuration.http.clone(),
        ready,
        served_endpoints(),
    )
    .with_error_page(web::error_page)
    .with_outcomes(fhir::outcome::show)
    .counting(app.told.counter());
    let address = configuration.http.bind;
    let jobs = Jobs::start(&app, JOBS)?;
    let served = actix_web::rt::System::new().block_on(crate::http::serve(state, listening));
    jobs.stop();
    served.map_err(|error| {
        Failure::new(format!(
            "cannot listen at {address}: {error}. Stop what listens there, or choose another address with --http-bind"
        ))
    })?;
    tracing::info!("stopped");
    Ok(())
}

/// Everything that the service answers to, what it says about itself apart.
fn served_endpoints() -> Vec<Endpoint> {
    let mut endpoints = v1::endpoints();
    // Before those of FHIR, one of whose paths fits `.well-known` too.
    endpoints.extend(smart::endpoints());
    endpoints.extend(fhir::endpoints());
    endpoints.extend(cds::endpoints());
    endpoints.extend(web::endpoints());
    endpoints
}

/// Whether the service can do its work: for `/health/ready`.
fn ready(app: &App) -> Result<(), String> {
    app.db.ping().map_err(|error| error.to_string())
}
