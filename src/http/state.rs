//! What every endpoint has at hand.

use super::authenticate::{Authenticate, Session};
use super::cursor::CursorKey;
use super::metrics::Metrics;
use super::openapi;
use super::problem::Problem;
use super::registry::Endpoint;
use super::reply::Reply;
use crate::app::App;
use crate::seam::Seam;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use uuid::Uuid;

/// How the server behaves.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// Where it listens.
    pub bind: SocketAddr,
    /// Threads that read requests and write answers.
    pub workers: usize,
    /// Requests that do their work at the same time. More of them than the database has connections would only wait there.
    pub permits: usize,
    /// Requests that wait for their turn. One more is told to come again.
    pub queue: usize,
    /// How long a request waits for its turn.
    pub patience: Duration,
    /// Streams that are sent at the same time. Each holds a connection to the database for as long as the client reads.
    pub streams: usize,
    /// From the request line to the answer, the body of the request included.
    pub deadline: Duration,
    /// A stream whose client takes nothing for so long is given up.
    pub stall: Duration,
    /// The largest body of a request, in bytes.
    pub body_limit: usize,
    /// How long an idle connection stays open.
    pub keep_alive: Duration,
    /// How long the head of a request may take.
    pub head_timeout: Duration,
    /// How long requests that are under way may take once the server was told to stop.
    pub grace: Duration,
    /// Seconds to wait that a busy server tells its clients.
    pub retry_after: u32,
    /// Seals cursors.
    pub cursor_key: CursorKey,
    /// Where others reach this service: scheme, host and perhaps a path, without a slash at the end; `None`: where the
    /// request says that it came to.
    pub public_url: Option<String>,
    /// The origins from which a browser may call the services of CDS Hooks.
    pub cross_origins: Vec<String>,
}

impl HttpSettings {
    /// The settings that suit a small machine, with the key that seals cursors.
    #[must_use]
    pub fn new(cursor_key: CursorKey) -> HttpSettings {
        HttpSettings {
            bind: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            workers: 2,
            permits: 32,
            queue: 512,
            patience: Duration::from_secs(5),
            streams: 4,
            deadline: Duration::from_secs(30),
            stall: Duration::from_secs(60),
            body_limit: 1024 * 1024,
            keep_alive: Duration::from_secs(75),
            head_timeout: Duration::from_secs(10),
            grace: Duration::from_secs(30),
            retry_after: 1,
            cursor_key,
            public_url: None,
            cross_origins: Vec::new(),
        }
    }
}

/// Asks the application whether it can work: what it says otherwise goes to the log, not to the client.
pub type Readiness<C> = fn(&C) -> Result<(), String>;

/// What went wrong with a request.
#[derive(Debug)]
pub struct Fault<'a> {
    /// What it is.
    pub problem: &'a Problem,
    /// The id of the request, as in the log.
    pub request_id: Uuid,
    /// Who asked, where that is known.
    pub session: Option<&'a Session>,
    /// The path that was asked for.
    pub path: &'a str,
}

/// Shows it.
pub type ErrorPage = fn(&Fault<'_>) -> Reply;

/// What every endpoint has at hand. Cheap to clone.
pub struct State<C = App> {
    /// The use cases.
    pub app: Arc<C>,
    /// Clock, ids and randomness.
    pub seam: Seam,
    /// How the server behaves.
    pub settings: Arc<HttpSettings>,
    /// Tells who is calling.
    pub verifier: Arc<dyn Authenticate>,
    pub(super) readiness: Readiness<C>,
    pub(super) error_page: Option<ErrorPage>,
    pub(super) outcome: Option<ErrorPage>,
    pub(super) endpoints: Arc<[Endpoint<C>]>,
    pub(super) document: Arc<str>,
    pub(super) permits: Arc<Semaphore>,
    pub(super) queue: Arc<Semaphore>,
    pub(super) streams: Arc<Semaphore>,
    pub(super) metrics: Arc<Metrics>,
}

impl<C> Clone for State<C> {
    fn clone(&self) -> State<C> {
        State {
            app: self.app.clone(),
            seam: self.seam.clone(),
            settings: self.settings.clone(),
            verifier: self.verifier.clone(),
            readiness: self.readiness,
            error_page: self.error_page,
            outcome: self.outcome,
            endpoints: self.endpoints.clone(),
            document: self.document.clone(),
            permits: self.permits.clone(),
            queue: self.queue.clone(),
            streams: self.streams.clone(),
            metrics: self.metrics.clone(),
        }
    }
}

impl<C: Send + Sync + 'static> State<C> {
    /// Brings together what the edge needs. The endpoints of the service itself (health, metrics, the document) are added to `endpoints`.
    pub fn new(
        app: Arc<C>,
        verifier: Arc<dyn Authenticate>,
        seam: Seam,
        settings: HttpSettings,
        readiness: Readiness<C>,
        endpoints: Vec<Endpoint<C>>,
    ) -> State<C> {
        let mut endpoints = endpoints;
        endpoints.extend(super::service_endpoints());
        let document = openapi::yaml(&endpoints).into();
        State {
            app,
            seam,
            verifier,
            readiness,
            error_page: None,
            outcome: None,
            endpoints: endpoints.into(),
            document,
            permits: Arc::new(Semaphore::new(settings.permits)),
            queue: Arc::new(Semaphore::new(settings.queue)),
            streams: Arc::new(Semaphore::new(settings.streams)),
            metrics: Arc::new(Metrics::new()),
            settings: Arc::new(settings),
        }
    }

    /// The same, showing what another room counts among the metrics.
    #[must_use]
    pub fn counting(self, counter: Option<prometheus::IntCounterVec>) -> Self {
        if let Some(counter) = counter {
            self.metrics.show_also(counter);
        }
        self
    }

    /// The same, with the errors of pages shown as pages.
    #[must_use]
    pub fn with_error_page(mut self, show: ErrorPage) -> State<C> {
        self.error_page = Some(show);
        self
    }

    /// The same, with the errors of FHIR shown as OperationOutcomes.
    #[must_use]
    pub fn with_outcomes(mut self, show: ErrorPage) -> State<C> {
        self.outcome = Some(show);
        self
    }

    /// All that the service answers to.
    #[must_use]
    pub fn endpoints(&self) -> &[Endpoint<C>] {
        &self.endpoints
    }
}
