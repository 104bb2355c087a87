//! What is counted. Labels are routes as they stand in the registry, never paths: a path has ids in it.

use super::call::Call;
use super::reply::Reply;
use super::state::State;
use crate::app::error::Error;
use actix_web::http::StatusCode;
use prometheus::core::Collector;
use prometheus::{
    HistogramOpts, HistogramVec, IntCounterVec, IntGauge, Opts, Registry, TextEncoder,
};
use std::time::Duration;

/// Media type of the text format.
pub const MEDIA_TYPE: &str = "text/plain; version=0.0.4";

/// Upper bounds of the latency buckets, in seconds.
const BUCKETS: [f64; 12] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0,
];

/// The counters of one server.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: Option<IntCounterVec>,
    latency: Option<HistogramVec>,
    in_flight: Option<IntGauge>,
    permits: Option<IntGauge>,
    streams: Option<IntGauge>,
}

impl Default for Metrics {
    fn default() -> Metrics {
        Metrics::new()
    }
}

impl Metrics {
    /// Counters at zero.
    #[must_use]
    pub fn new() -> Metrics {
        let registry = Registry::new();
        let requests = IntCounterVec::new(
            Opts::new("medial_http_requests_total", "Requests answered."),
            &["method", "route", "status"],
        );
        let latency = HistogramOpts::new(
            "medial_http_request_duration_seconds",
            "From the request to the head of the answer.",
        )
        .buckets(BUCKETS.to_vec());
        let latency = HistogramVec::new(latency, &["method", "route"]);
        let gauge = |name, help| registered(&registry, IntGauge::new(name, help));
        Metrics {
            requests: registered(&registry, requests),
            latency: registered(&registry, latency),
            in_flight: gauge(
                "medial_http_requests_in_flight",
                "Requests that are being worked on.",
            ),
            permits: gauge(
                "medial_http_permits_available",
                "Requests that could begin their work at once.",
            ),
            streams: gauge(
                "medial_http_streams_available",
                "Streams that could begin at once.",
            ),
            registry,
        }
    }

    pub(super) fn begun(&self) {
        if let Some(gauge) = &self.in_flight {
            gauge.inc();
        }
    }

    pub(super) fn ended(&self, method: &str, route: &str, status: u16, duration: Duration) {
        if let Some(gauge) = &self.in_flight {
            gauge.dec();
        }
        if let Some(requests) = &self.requests {
            requests
                .with_label_values(&[method, route, &status.to_string()])
                .inc();
        }
        if let Some(latency) = &self.latency {
            latency
                .with_label_values(&[method, route])
                .observe(duration.as_secs_f64());
        }
    }

    /// Shows what another room counts too.
    pub(super) fn show_also(&self, counter: IntCounterVec) {
        registered(&self.registry, Ok(counter));
    }
}

/// The names above are valid and different, so that nothing is ever lost here; a counter that cannot be is no reason not to start.
fn registered<T: Collector + Clone + 'static>(
    registry: &Registry,
    collector: prometheus::Result<T>,
) -> Option<T> {
    let result = collector.and_then(|collector| {
        registry
            .register(Box::new(collector.clone()))
            .map(|()| collector)
    });
    result
        .inspect_err(|error| tracing::error!(%error, "a counter is missing"))
        .ok()
}

pub(super) fn show<C>(state: &State<C>, _: &Call) -> Result<Reply, Error> {
    let metrics = &state.metrics;
    for (gauge, semaphore) in [
        (&metrics.permits, &state.permits),
        (&metrics.streams, &state.streams),
    ] {
        if let Some(gauge) = gauge {
            gauge.set(i64::try_from(semaphore.available_permits()).unwrap_or(i64::MAX));
        }
    }
    let text = TextEncoder::new().encode_to_string(&metrics.registry.gather());
    let text = text.map_err(|error| Error::Internal(error.into()))?;
    Ok(Reply::bytes(StatusCode::OK, MEDIA_TYPE, text))
}
