//! The one way that every request takes, whatever it asks for.

use super::authenticate::{AuthFailure, Principal, Session};
use super::body;
use super::browser;
use super::call::{Call, CallBody};
use super::cross_origin;
use super::dialect::{self, Dialect};
use super::headers;
use super::problem::{Kind, MEDIA_TYPE, Problem};
use super::query::Query;
use super::registry::{Access, Endpoint, JSON, Method, Runs};
use super::reply::{Reply, ReplyBody};
use super::state::{Fault, State};
use super::stream::Producer;
use super::watch::{REQUEST_ID, Watch};
use crate::app::error::Error;
use crate::auth::{Action, Reach, allows};
use actix_web::http::ConnectionType;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, web};
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout, timeout_at};
use uuid::Uuid;

/// What every answer says to a browser, unless it says something else itself.
const SAFETY: [(HeaderName, HeaderValue); 6] = [
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    ),
    (
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    ),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
];

/// The route in the log and in the counters of a path that is not ours.
const NO_ROUTE: &str = "none";

/// How far a request came: an answer that is late says why.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Arriving,
    Waiting,
    Working,
}

/// Answers a request to the endpoint at `index`.
pub(super) async fn run<C: Send + Sync + 'static>(
    state: Arc<State<C>>,
    index: usize,
    request: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    let Some(endpoint) = state.endpoints.get(index) else {
        return not_found(&state, &request);
    };
    let watch = Watch::begin(&request, endpoint.path, &state.seam, &state.metrics);
    let deadline = Instant::now() + state.settings.deadline;
    let stage = Cell::new(Stage::Arriving);
    let visit = Visit {
        state: &state,
        index,
        endpoint,
        request_id: watch.request_id,
        stage: &stage,
        session: RefCell::new(None),
    };
    let outcome = timeout_at(deadline, visit.answer(&request, payload)).await;
    let response = match outcome {
        Ok(Ok(response)) => response,
        Ok(Err(problem)) => visit.shown(&problem, &request),
        Err(_) => visit.shown(&late(stage.get(), &state), &request),
    };
    let mut response = response;
    cross_origin::admit(&state, endpoint.dialect, &request, response.headers_mut());
    finished(response, watch)
}

/// Answers a request to a path that is not ours.
pub(super) fn not_found<C: Send + Sync + 'static>(
    state: &State<C>,
    request: &HttpRequest,
) -> HttpResponse {
    let watch = Watch::begin(request, NO_ROUTE, &state.seam, &state.metrics);
    let problem = Problem::new(
        Kind::NotFound,
        "no_such_path",
        "There is no such path. /openapi.yaml lists those that there are.",
    );
    let dialect = match Dialect::of_path(request.path()) {
        Dialect::Native if browser::wants_page(request) => Dialect::Page,
        other => other,
    };
    let fault = Fault {
        problem: &problem,
        request_id: watch.request_id,
        session: None,
        path: request.path(),
    };
    finished(spoken(state, dialect, &fault), watch)
}

/// Answers a request with a method that its path does not have.
pub(super) fn method_not_allowed<C: Send + Sync + 'static>(
    state: &State<C>,
    request: &HttpRequest,
    route: &'static str,
    allow: &str,
) -> HttpResponse {
    let watch = Watch::begin(request, route, &state.seam, &state.metrics);
    let dialect = Dialect::of_path(route);
    if let Some(mut response) = cross_origin::preflight(state, dialect, request) {
        cross_origin::admit(state, dialect, request, response.headers_mut());
        return finished(response, watch);
    }
    let detail = format!("This path has {allow}.");
    let mut problem = Problem::new(Kind::MethodNotAllowed, "method_not_allowed", detail);
    problem.allow = Some(allow.into());
    let fault = Fault {
        problem: &problem,
        request_id: watch.request_id,
        session: None,
        path: request.path(),
    };
    finished(spoken(state, dialect, &fault), watch)
}

fn late<C>(stage: Stage, state: &State<C>) -> Problem {
    let seconds = state.settings.deadline.as_secs();
    match stage {
        Stage::Arriving => {
            let detail = format!("The request did not arrive as a whole within {seconds} seconds.");
            Problem::new(Kind::RequestTimeout, "request_timeout", detail).closing()
        }
        Stage::Waiting => Problem::busy(state.settings.retry_after),
        Stage::Working => {
            let detail = format!(
                "The work was not done within {seconds} seconds, and may still be done. \
                 Send the request again with the same Idempotency-Key, or read the record first."
            );
            let mut problem = Problem::new(Kind::Unavailable, "deadline_exceeded", detail);
            problem.retry_after = Some(state.settings.retry_after);
            problem
        }
    }
}

/// One request at its endpoint.
struct Visit<'a, C> {
    state: &'a Arc<State<C>>,
    index: usize,
    endpoint: &'a Endpoint<C>,
    request_id: Uuid,
    stage: &'a Cell<Stage>,
    /// Who has signed in, once that is known.
    session: RefCell<Option<Session>>,
}

impl<C: Send + Sync + 'static> Visit<'_, C> {
    async fn answer(
        &self,
        request: &HttpRequest,
        payload: web::Payload,
    ) -> Result<HttpResponse, Problem> {
        let principal = self.principal(request).await?;
        let call = self.checked(request, principal)?;
        let body = match &self.endpoint.body {
            Some(wanted) => {
                let limit = self.endpoint.body_limit(self.state.settings.body_limit);
                body::read(request.headers(), payload, wanted, limit).await?
            }
            None => CallBody::Empty,
        };
        let is_page = self.endpoint.dialect == Dialect::Page;
        if is_page && self.endpoint.method != Method::Get {
            browser::check_form(request.headers(), call.session.as_ref(), &body)?;
        }
        let reply = self.worked(call.with_body(body)).await?;
        self.sent(reply).await
    }

    /// Who is calling, and that they may.
    async fn principal(&self, request: &HttpRequest) -> Result<Option<Principal>, Problem> {
        let action = match self.endpoint.access {
            Access::Public => return Ok(None),
            Access::SignedIn(action) => return self.signed_in(request, action).await.map(Some),
            Access::Needs(action) => Some(action),
            Access::Identified => None,
        };
        let bearer = headers::bearer(request.headers())?;
        let known = match self.state.verifier.principal_at_once(bearer) {
            Some(known) => known,
            None => self.principal_after_waiting(bearer.to_owned()).await?,
        };
        let principal = known.map_err(|failure| match failure {
            AuthFailure::Refused(reason) => headers::invalid_token(&reason),
            AuthFailure::Unavailable => self.busy(),
        })?;
        let may = |action: Action| match self.endpoint.scope {
            Some((resource, operation)) => {
                let reach = principal.reach(resource, operation);
                allows(principal.role, action) && reach != Reach::Nothing
            }
            None => principal.allows(action),
        };
        if let Some(action) = action.filter(|action| !may(*action)) {
            return Err(Problem::forbidden(action));
        }
        Ok(Some(principal))
    }

    /// Who has signed in, and that they may.
    async fn signed_in(&self, request: &HttpRequest, action: Action) -> Result<Principal, Problem> {
        let cookie = browser::session_cookie(request).ok_or_else(browser::not_signed_in)?;
        let permit = self.permit().await?;
        let verifier = self.state.verifier.clone();
        let asked = web::block(move || {
            let _held = permit;
            verifier.session(&cookie)
        });
        let known = asked
            .await
            .map_err(|_| self.broken("the keeper of sessions panicked"))?;
        let session = known
            .map_err(|_| self.busy())?
            .ok_or_else(browser::not_signed_in)?;
        let principal = session.principal.clone();
        self.session.replace(Some(session));
        if !principal.allows(action) {
            return Err(browser::not_allowed(action));
        }
        Ok(principal)
    }

    async fn principal_after_waiting(
        &self,
        bearer: String,
    ) -> Result<Result<Principal, AuthFailure>, Problem> {
        let permit = self.permit().await?;
        let verifier = self.state.verifier.clone();
        let asked = web::block(move || {
            let _held = permit;
            verifier.principal(&bearer)
        });
        asked
            .await
            .map_err(|_| self.broken("the verifier of tokens panicked"))
    }

    /// All of a request but its body.
    fn checked(
        &self,
        request: &HttpRequest,
        principal: Option<Principal>,
    ) -> Result<Call, Problem> {
        let query = Query::read(request.query_string())?;
        // A form sends what was left empty too; in an address of the API that is a mistake worth telling.
        let dialect = self.endpoint.dialect;
        let query = if dialect == Dialect::Page {
            query.without_empty()
        } else {
            query
        };
        if !self.endpoint.lenient && !dialect.reads_query_itself() {
            let checked = query.check(&self.endpoint.query);
            checked.map_err(|mut problem| {
                problem.kind = self.endpoint.refuses_query;
                problem
            })?;
        }
        let headers = request.headers();
        if dialect == Dialect::Fhir {
            dialect::check_accept(headers, query.get("_format"), &self.endpoint.answers)?;
        }
        let changes = self.endpoint.method != Method::Get;
        let version = if changes {
            headers::version(headers, dialect.tags_weakly())?
        } else {
            None
        };
        let takes_key = self.endpoint.takes_idempotency_key();
        let key = if takes_key {
            headers::idempotency_key(headers)?
        } else {
            None
        };
        let parameter = |name| {
            let value = request.match_info().get(name).unwrap_or_default();
            (name, value.to_owned())
        };
        Ok(Call {
            principal,
            operation_id: self.endpoint.operation_id,
            request_id: self.request_id,
            method: self.endpoint.method,
            path: request.path().to_owned(),
            parameters: self.endpoint.path_parameters().map(parameter).collect(),
            query,
            version,
            idempotency_key: key,
            fingerprint: None,
            accept: headers
                .get(header::ACCEPT)
                .and_then(|value| value.to_str().ok())
                .map(str::to_owned),
            accept_language: headers
                .get(header::ACCEPT_LANGUAGE)
                .and_then(|value| value.to_str().ok())
                .map(str::to_owned),
            body: CallBody::Empty,
            cursor_key: self.state.settings.cursor_key.clone(),
            session: self.session.borrow().clone(),
            cookies: browser::cookies(request),
            headers: headers::further(headers),
            origin: self.origin(request),
        })
    }

    /// Where the client reaches this service.
    fn origin(&self, request: &HttpRequest) -> String {
        let settings = &self.state.settings;
        settings.public_url.clone().unwrap_or_else(|| {
            let connection = request.connection_info();
            format!("{}://{}", connection.scheme(), connection.host())
        })
    }

    /// What the handler says.
    async fn worked(&self, call: Call) -> Result<Reply, Problem> {
        let permit = match self.endpoint.runs {
            Runs::Inline => {
                let result = handled(self.state, self.endpoint, &call);
                return result.map_err(|error| self.problem(error));
            }
            Runs::Unbounded => None,
            Runs::Permitted => Some(self.permit().await?),
        };
        self.stage.set(Stage::Working);
        let (state, index) = (self.state.clone(), self.index);
        let work = web::block(move || {
            // Held by the thread, not by the request: a client that goes away must not let another thread begin.
            let _held = permit;
            match state.endpoints.get(index) {
                Some(endpoint) => handled(&state, endpoint, &call),
                None => Err(Error::internal("the registry changed")),
            }
        });
        let result = work
            .await
            .map_err(|_| self.broken("the thread of a handler ended"))?;
        result.map_err(|error| self.problem(error))
    }

    /// Waits for its turn: not for long, and not behind too many others.
    async fn permit(&self) -> Result<OwnedSemaphorePermit, Problem> {
        self.stage.set(Stage::Waiting);
        let state = self.state;
        if let Ok(permit) = state.permits.clone().try_acquire_owned() {
            return Ok(permit);
        }
        let _place = state.queue.try_acquire().map_err(|_| self.busy())?;
        match timeout(
            state.settings.patience,
            state.permits.clone().acquire_owned(),
        )
        .await
        {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) | Err(_) => Err(self.busy()),
        }
    }

    fn busy(&self) -> Problem {
        Problem::busy(self.state.settings.retry_after)
    }

    /// A reply as the server library sends it.
    async fn sent(&self, reply: Reply) -> Result<HttpResponse, Problem> {
        let (status, headers, body) = reply.into_parts();
        let mut response = HttpResponse::build(status);
        for header in headers {
            response.insert_header(header);
        }
        Ok(match body {
            ReplyBody::Empty => response.finish(),
            ReplyBody::Whole(bytes) => response.body(bytes),
            ReplyBody::Stream(producer) => self.streamed(response, producer).await?,
        })
    }

    async fn streamed(
        &self,
        mut response: HttpResponseBuilder,
        producer: Producer,
    ) -> Result<HttpResponse, Problem> {
        let permit = self
            .state
            .streams
            .clone()
            .try_acquire_owned()
            .map_err(|_| self.busy())?;
        let (request_id, operation) = (self.request_id, self.endpoint.operation_id);
        let log = move |error: &Error| {
            tracing::error!(%request_id, operation, %error, "a stream broke off");
        };
        let started = producer.start(self.state.settings.stall, permit, log).await;
        let pieces = started.map_err(|error| self.problem(error))?;
        Ok(response.streaming(pieces))
    }

    /// An error of a use case as it is shown. What is inside an internal one goes to the log here, and nowhere else.
    fn problem(&self, error: Error) -> Problem {
        if let Error::Internal(source) = &error {
            return self.broken(&source.to_string());
        }
        Problem::from(error)
    }

    /// A problem as whoever asked can read it.
    fn shown(&self, problem: &Problem, request: &HttpRequest) -> HttpResponse {
        let dialect = self.endpoint.dialect;
        let is_read_in_browser = dialect == Dialect::Page
            && self.endpoint.method == Method::Get
            && self.state.error_page.is_some();
        if is_read_in_browser && problem.kind == Kind::Unauthorized {
            return browser::to_sign_in(request);
        }
        let session = self.session.borrow();
        let fault = Fault {
            problem,
            request_id: self.request_id,
            session: session.as_ref(),
            path: request.path(),
        };
        spoken(self.state, dialect, &fault)
    }

    fn broken(&self, error: &str) -> Problem {
        let (request_id, operation) = (self.request_id, self.endpoint.operation_id);
        tracing::error!(%request_id, operation, error, "internal error");
        Problem::internal()
    }
}

/// Calls the handler. A panic in it is an error like any other; what it said is for the panic hook to log.
fn handled<C>(state: &State<C>, endpoint: &Endpoint<C>, call: &Call) -> Result<Reply, Error> {
    catch_unwind(AssertUnwindSafe(|| (endpoint.handler)(state, call)))
        .unwrap_or_else(|_| Err(Error::internal("the handler panicked")))
}

/// A reply whose body is all there.
fn whole(reply: Reply) -> HttpResponse {
    let (status, headers, body) = reply.into_parts();
    let mut response = HttpResponse::build(status);
    for header in headers {
        response.insert_header(header);
    }
    match body {
        ReplyBody::Whole(bytes) => response.body(bytes),
        ReplyBody::Empty | ReplyBody::Stream(_) => response.finish(),
    }
}

/// A problem as an answer, in the words of a dialect.
fn spoken<C>(state: &State<C>, dialect: Dialect, fault: &Fault<'_>) -> HttpResponse {
    let problem = fault.problem;
    let own = match dialect {
        Dialect::Page => state.error_page,
        Dialect::Fhir => state.outcome,
        Dialect::Native | Dialect::OAuth | Dialect::Cds => None,
    };
    let mut response = match own {
        Some(show) => whole(show(fault)),
        None if dialect == Dialect::OAuth => {
            let body = dialect::oauth_body(problem).to_string();
            HttpResponse::Ok().content_type(JSON).body(body)
        }
        None => {
            let body = problem.body(&fault.request_id.to_string());
            // A body of strings and numbers always serializes.
            let body = serde_json::to_vec(&body).unwrap_or_default();
            HttpResponse::Ok().content_type(MEDIA_TYPE).body(body)
        }
    };
    *response.status_mut() = problem.kind.status_code();
    if problem.close {
        response
            .head_mut()
            .set_connection_type(ConnectionType::Close);
    }
    let headers = response.headers_mut();
    let texts = [
        (
            header::RETRY_AFTER,
            problem
                .retry_after
                .map(|seconds| seconds.to_string().into()),
        ),
        (header::WWW_AUTHENTICATE, problem.challenge.clone()),
        (header::ALLOW, problem.allow.clone()),
    ];
    for (name, text) in texts {
        let value = text.and_then(|text: Box<str>| HeaderValue::from_str(&text).ok());
        if let Some(value) = value {
            headers.insert(name, value);
        }
    }
    response
}

/// Adds what every answer has, and ends the watch.
fn finished(mut response: HttpResponse, watch: Watch) -> HttpResponse {
    let headers = response.headers_mut();
    for (name, value) in SAFETY {
        if !headers.contains_key(&name) {
            headers.insert(name, value);
        }
    }
    if let Ok(value) = HeaderValue::from_str(&watch.request_id.to_string()) {
        headers.insert(HeaderName::from_static(REQUEST_ID), value);
    }
    let status: StatusCode = response.status();
    watch.end(status.as_u16());
    response
}
