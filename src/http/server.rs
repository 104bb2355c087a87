//! The server: its routes, its listening, and its end.

use super::dialect::FHIR_BASE;
use super::pipeline;
use super::registry::{Endpoint, Method};
use super::state::State;
use actix_web::dev::Server;
use actix_web::middleware::Compress;
use actix_web::{App, HttpRequest, HttpServer, Route, guard, web};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};

/// Puts every endpoint of the registry in its place.
pub fn configure<C: Send + Sync + 'static>(config: &mut web::ServiceConfig, state: &State<C>) {
    let state = Arc::new(state.clone());
    for (path, indices) in paths(&state.endpoints) {
        let mut resource = web::resource(spellings(path));
        let mut allowed: Vec<&str> = Vec::new();
        for index in indices {
            let Some(endpoint) = state.endpoints.get(index) else {
                continue;
            };
            allowed.push(endpoint.method.name());
            if endpoint.method == Method::Get {
                allowed.push("HEAD");
            }
            let state = state.clone();
            let run = move |request: HttpRequest, payload: web::Payload| {
                pipeline::run(state.clone(), index, request, payload)
            };
            resource = resource.route(route(endpoint.method).to(run));
        }
        let (state, allow) = (state.clone(), allowed.join(", "));
        let other = move |request: HttpRequest| {
            let response = pipeline::method_not_allowed(&state, &request, path, &allow);
            std::future::ready(response)
        };
        config.service(resource.default_service(web::to(other)));
    }
    let not_found =
        move |request: HttpRequest| std::future::ready(pipeline::not_found(&state, &request));
    config.default_service(web::to(not_found));
}

/// How a path may be written: many clients write the base address of FHIR with a slash at its end.
fn spellings(path: &'static str) -> Vec<&'static str> {
    match path {
        FHIR_BASE => vec![path, "/fhir/R4/"],
        _ => vec![path],
    }
}

/// The endpoints by path, in the order in which the paths were registered.
fn paths<C>(endpoints: &[Endpoint<C>]) -> Vec<(&'static str, Vec<usize>)> {
    let mut paths: Vec<(&'static str, Vec<usize>)> = Vec::new();
    for (index, endpoint) in endpoints.iter().enumerate() {
        match paths.iter_mut().find(|(path, _)| *path == endpoint.path) {
            Some((_, indices)) => indices.push(index),
            None => paths.push((endpoint.path, vec![index])),
        }
    }
    paths
}

fn route(method: Method) -> Route {
    match method {
        Method::Get => web::route().guard(guard::Any(guard::Get()).or(guard::Head())),
        Method::Post => web::post(),
        Method::Put => web::put(),
        Method::Patch => web::patch(),
        Method::Delete => web::delete(),
    }
}

/// A server that listens already and works once it is awaited, with the addresses it listens at.
///
/// # Errors
/// When it cannot listen there.
pub fn bind<C: Send + Sync + 'static>(state: State<C>) -> io::Result<(Server, Vec<SocketAddr>)> {
    let settings = state.settings.clone();
    let server = HttpServer::new(move || {
        App::new()
            .wrap(Compress::default())
            .configure(|config| configure(config, &state))
    })
    .workers(settings.workers)
    .keep_alive(settings.keep_alive)
    .client_request_timeout(settings.head_timeout)
    .shutdown_timeout(settings.grace.as_secs())
    .disable_signals()
    .bind(settings.bind)?;
    let addresses = server.addrs();
    Ok((server.run(), addresses))
}

/// Serves until the process is told to stop (SIGTERM or SIGINT), and then finishes what is under way.
/// `listening` is told the addresses.
///
/// # Errors
/// When it cannot listen, or cannot hear the signals.
pub async fn serve<C: Send + Sync + 'static>(
    state: State<C>,
    listening: impl FnOnce(&[SocketAddr]),
) -> io::Result<()> {
    let (server, addresses) = bind(state)?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let handle = server.handle();
    actix_web::rt::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping: what is under way is finished first");
        handle.stop(true).await;
    });
    listening(&addresses);
    server.await
}
