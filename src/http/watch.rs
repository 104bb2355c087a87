//! Follows one request from its beginning to its end: its id, its line in the log, its place in the counters.

use super::metrics::Metrics;
use crate::seam::Seam;
use actix_web::HttpRequest;
use std::sync::Arc;
use std::time::Instant;
use uuid::Uuid;

/// The header that carries the id of a request, both ways.
pub(super) const REQUEST_ID: &str = "x-request-id";

/// The status in the log of a request whose client went away before it was answered.
const CLIENT_GONE: u16 = 499;

/// One request that is under way.
pub(super) struct Watch {
    pub(super) request_id: Uuid,
    method: String,
    /// As in the registry: a path has ids in it, and a query may have names.
    route: &'static str,
    begun: Instant,
    metrics: Arc<Metrics>,
    status: u16,
}

impl Watch {
    pub(super) fn begin(
        request: &HttpRequest,
        route: &'static str,
        seam: &Seam,
        metrics: &Arc<Metrics>,
    ) -> Watch {
        metrics.begun();
        Watch {
            request_id: given_id(request).unwrap_or_else(|| seam.new_id()),
            method: known_method(request).to_owned(),
            route,
            begun: Instant::now(),
            metrics: metrics.clone(),
            status: CLIENT_GONE,
        }
    }

    /// It is answered.
    pub(super) fn end(mut self, status: u16) {
        self.status = status;
    }
}

/// Ends also the request whose client went away, because then the server drops what it was doing.
impl Drop for Watch {
    fn drop(&mut self) {
        let duration = self.begun.elapsed();
        self.metrics
            .ended(&self.method, self.route, self.status, duration);
        tracing::info!(
            request_id = %self.request_id,
            method = self.method,
            route = self.route,
            status = self.status,
            duration_us = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX),
            "answered"
        );
    }
}

/// The id that the client gave, so that both sides find the request in their logs. Only a UUID is taken: anything else could be a name.
fn given_id(request: &HttpRequest) -> Option<Uuid> {
    let text = request.headers().get(REQUEST_ID)?.to_str().ok()?;
    super::call::id_of(text)
}

/// A method that somebody made up would be a label that somebody made up.
fn known_method(request: &HttpRequest) -> &str {
    match request.method().as_str() {
        known @ ("GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS") => known,
        _ => "other",
    }
}
