//! The edge that speaks HTTP: one registry of endpoints, and one way for a request through it.

mod accept;
pub mod authenticate;
mod body;
mod browser;
pub mod call;
mod cross_origin;
pub mod cursor;
pub mod dialect;
mod docs;
mod headers;
mod health;
pub mod metrics;
pub mod openapi;
mod pipeline;
pub mod problem;
pub mod query;
pub mod registry;
pub mod reply;
pub mod server;
pub mod smart;
pub mod state;
pub mod stream;
pub mod v1;
mod watch;

use serde_json::json;

pub use authenticate::{AuthFailure, Authenticate, Principal, Session};
pub use browser::SESSION_COOKIE;
pub use call::{Call, Idempotency, Page};
pub use cursor::CursorKey;
pub use dialect::Dialect;
pub use problem::{Kind, Problem};
pub use registry::{Access, Endpoint, Example, Method, Parameter, ParameterKind, Runs};
pub use reply::{KeptReply, Reply};
pub use server::{bind, configure, serve};
pub use state::{ErrorPage, Fault, HttpSettings, State};

/// What the service says about itself.
fn service_endpoints<C>() -> Vec<Endpoint<C>> {
    let open = |path, operation_id, handler| {
        Endpoint::new(Method::Get, path, operation_id, Access::Public, handler)
    };
    vec![
        open("/health/live", "live", health::live)
            .titled("service", "Whether the process answers")
            .runs(Runs::Inline)
            .answers::<health::Health>(200, "It does.", Some(json!({"status": "ok", "version": env!("CARGO_PKG_VERSION")}))),
        open("/health/ready", "ready", health::ready)
            .titled("service", "Whether the service can do its work")
            .about("Asks the database.")
            .runs(Runs::Unbounded)
            .answers::<health::Health>(200, "It can.", Some(json!({"status": "ok", "version": env!("CARGO_PKG_VERSION")})))
            .answers::<health::Health>(503, "It cannot.", Some(json!({"status": "not_ready", "version": env!("CARGO_PKG_VERSION")}))),
        open("/metrics", "metrics", metrics::show)
            .titled("service", "Counters in the text format of Prometheus")
            .about("Requests by route and status, their latency, those under way, and free permits. Nothing about any patient.")
            .runs(Runs::Inline)
            .answers_as(200, "text/plain", "The counters."),
        open("/openapi.yaml", "openapi", docs::document)
            .titled("service", "This document")
            .runs(Runs::Inline)
            .answers_as(200, "application/yaml", "The document."),
        open("/docs", "docs", docs::page)
            .titled("service", "This document as a page to browse")
            .runs(Runs::Inline)
            .answers_as(200, "text/html", "The page."),
        open("/docs/{file}", "docs_file", docs::file)
            .titled("service", "A file of the page")
            .runs(Runs::Inline)
            .answers_as(200, "*/*", "The file."),
        open("/problems/{kind}", "problem", docs::problem)
            .titled("service", "What a kind of problem means")
            .about("The `type` of every problem leads here.")
            .runs(Runs::Inline)
            .answers_as(200, "text/plain", "Title, status and what to do."),
    ]
}

#[cfg(test)]
mod tests;
