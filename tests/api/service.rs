//! A running service and a client that calls it.

use crate::described::assert_described;
use crate::support::databases::TestDatabase;
use chrono::{DateTime, TimeDelta, Utc};
use medial::app::people::SignInSettings;
use medial::app::{App, AppSettings, profiles};
use medial::auth::{Callers, Issuer, Role, Scopes, Secret, Settings, Verifier};
use medial::http::authenticate::{People, Tokens};
use medial::http::{CursorKey, HttpSettings, State};
use medial::seam::{Fixed, Outside, Seam};
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

/// A service with a clock that stands still, on a port of its own.
pub struct Service {
    pub app: Arc<App>,
    pub state: State,
    pub clock: Arc<Clock>,
    address: SocketAddr,
    issuer: Issuer,
    handle: actix_web::dev::ServerHandle,
    thread: Option<JoinHandle<()>>,
}

/// A clock that is moved by hand, with ids that ascend also where it is moved back.
pub struct Clock {
    fixed: Arc<Fixed>,
    ids: medial::seam::System,
}

impl Clock {
    pub fn set(&self, now: &str) {
        self.fixed.set(instant(now));
    }

    pub fn forward(&self, by: TimeDelta) {
        self.fixed.set(self.fixed.now() + by);
    }
}

impl Outside for Clock {
    fn now(&self) -> DateTime<Utc> {
        self.fixed.now()
    }

    fn new_id(&self) -> uuid::Uuid {
        self.ids.new_id()
    }

    fn random(&self) -> u128 {
        self.ids.random()
    }
}

fn instant(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn settings() -> Settings {
    let mut settings = Settings::new("medial-tests", "medial");
    settings.secret = Some(Secret::new("a secret that only these tests know").unwrap());
    settings
}

impl Service {
    /// A service on a migrated database, on a day after all worked examples.
    pub fn on(test: &TestDatabase) -> Service {
        Service::at(test, "2030-01-02T15:00:00Z")
    }

    /// A service whose clock stands at `now`.
    pub fn at(test: &TestDatabase, now: &str) -> Service {
        Service::signing_in(test, now, SignInSettings::default())
    }

    /// The same, with another way to sign in.
    pub fn signing_in(test: &TestDatabase, now: &str, sign_in: SignInSettings) -> Service {
        Service::with_ehrs(test, now, sign_in, Vec::new())
    }

    /// The same, with record systems that may launch the pages.
    pub fn with_ehrs(
        test: &TestDatabase,
        now: &str,
        sign_in: SignInSettings,
        ehrs: Vec<Arc<medial::auth::ehr::Ehr>>,
    ) -> Service {
        Service::built(
            test,
            now,
            sign_in,
            ehrs,
            Callers::default(),
            Vec::new(),
            true,
        )
    }

    /// The same, with systems that may ask for decision support, and pages of other origins that may call.
    pub fn asked_by(test: &TestDatabase, now: &str, callers: Callers, origins: &[&str]) -> Service {
        let origins = origins.iter().map(|origin| (*origin).to_owned()).collect();
        let sign_in = SignInSettings::default();
        Service::built(test, now, sign_in, Vec::new(), callers, origins, true)
    }

    /// A service that tells nobody within its own network.
    pub fn telling_only_the_public(test: &TestDatabase, now: &str) -> Service {
        let (sign_in, callers) = (SignInSettings::default(), Callers::default());
        Service::built(test, now, sign_in, Vec::new(), callers, Vec::new(), false)
    }

    fn built(
        test: &TestDatabase,
        now: &str,
        sign_in: SignInSettings,
        ehrs: Vec<Arc<medial::auth::ehr::Ehr>>,
        callers: Callers,
        origins: Vec<String>,
        allow_private_addresses: bool,
    ) -> Service {
        let clock = Arc::new(Clock {
            fixed: Fixed::at(instant(now)),
            ids: medial::seam::System::default(),
        });
        let seam: Seam = clock.clone();
        let exports = std::env::temp_dir().join(format!("medial-exports-{:032x}", seam.random()));
        let settings_of_app = AppSettings {
            callers: Arc::new(callers),
            subscriptions: medial::app::subscriptions::SubscriptionSettings {
                allow_private_addresses,
            },
            time_zone: chrono_tz::UTC,
            active_profiles: None,
            export_directory: exports,
            pseudonym_key: b"a key that only these tests know".to_vec(),
            sign_in,
            diary: medial::app::diary::DiarySettings::new(
                medial::auth::DiaryKey::new(b"a key for links"),
                "http://medial.test",
            ),
            smart: medial::app::clients::SmartSettings {
                ehrs,
                ..medial::app::clients::SmartSettings::new(b"a secret of access tokens")
            },
        };
        let app = App::new(
            test.database.clone(),
            seam.clone(),
            settings_of_app,
            profiles::built_in().unwrap(),
        );
        let verifier = Verifier::open(&settings(), clock.now()).unwrap();
        let mut http = HttpSettings::new(CursorKey::new(b"a secret for cursors"));
        http.bind.set_port(0);
        http.workers = 1;
        http.cross_origins = origins;
        let tokens = Tokens::new(verifier, seam.clone());
        let people = Arc::new(People::new(tokens, app.clone()));
        let ready = |app: &App| app.db.ping().map_err(|error| error.to_string());
        let mut endpoints = medial::http::v1::endpoints();
        endpoints.extend(medial::http::smart::endpoints());
        endpoints.extend(medial::fhir::endpoints());
        endpoints.extend(medial::cds::endpoints());
        endpoints.extend(medial::web::endpoints());
        let state = State::new(app.clone(), people, seam, http, ready, endpoints)
            .with_error_page(medial::web::error_page)
            .with_outcomes(medial::fhir::outcome::show)
            .counting(app.told.counter());
        let (address, handle, thread) = start(state.clone());
        Service {
            app,
            state,
            clock,
            address,
            issuer: Issuer::new(&settings()).unwrap(),
            handle,
            thread: Some(thread),
        }
    }

    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// A token for somebody of the organization `north`.
    pub fn token(&self, role: Role) -> String {
        self.token_of(role, "north", None)
    }

    pub fn token_of(&self, role: Role, organization: &str, scopes: Option<&str>) -> String {
        let scopes = scopes.map(Scopes::parse);
        let (subject, now) = (format!("{}-1", role.code()), self.clock.now());
        let lifetime = TimeDelta::days(365);
        self.issuer
            .issue(role, organization, &subject, scopes.as_ref(), lifetime, now)
            .unwrap()
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// A request, as the record system of `north`.
    pub fn ask(&self, method: &str, path: &str) -> Request<'_> {
        Request {
            service: self,
            method: method.to_owned(),
            path: path.to_owned(),
            headers: vec![(
                "authorization".to_owned(),
                format!("Bearer {}", self.token(Role::EhrSystem)),
            )],
            body: None,
        }
    }

    pub fn get(&self, path: &str) -> Answer {
        self.ask("GET", path).send()
    }

    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.ask("POST", path).json(body).send()
    }

    pub fn put(&self, path: &str, version: i64, body: &Value) -> Answer {
        self.ask("PUT", path)
            .header("if-match", &format!("\"{version}\""))
            .json(body)
            .send()
    }
}

fn start(state: State) -> (SocketAddr, actix_web::dev::ServerHandle, JoinHandle<()>) {
    let (listening, listens) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let (server, addresses) = medial::http::bind(state).unwrap();
            listening.send((addresses[0], server.handle())).unwrap();
            server.await.unwrap();
        });
    });
    let (address, handle) = listens.recv().unwrap();
    (address, handle, thread)
}

impl Drop for Service {
    fn drop(&mut self) {
        // Told and not awaited: the server's own thread does the rest.
        drop(self.handle.stop(false));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        let _ = std::fs::remove_dir_all(&self.app.settings.export_directory);
    }
}

/// A request under construction.
pub struct Request<'s> {
    service: &'s Service,
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
}

impl Request<'_> {
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self
    }

    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    pub fn json(self, body: &Value) -> Self {
        self.body("application/json", body.to_string().into_bytes())
    }

    pub fn body(self, media_type: &str, body: Vec<u8>) -> Self {
        let mut request = self.header("content-type", media_type);
        request.body = Some(body);
        request
    }

    pub fn send(self) -> Answer {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .allow_non_standard_methods(true)
            .max_redirects(0)
            .build()
            .into();
        let mut request = ureq::http::Request::builder()
            .method(self.method.as_str())
            .uri(self.service.url(&self.path));
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let asked = format!("{} {}", self.method, self.path);
        let sent = match self.body {
            Some(body) => agent.run(request.body(body).unwrap()),
            None => agent.run(request.body(()).unwrap()),
        };
        let mut response = sent.unwrap_or_else(|error| panic!("{asked}: {error}"));
        let headers = response
            .headers()
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), value.to_str().unwrap().to_owned()))
            .collect();
        let status = response.status().as_u16();
        let body = response.body_mut().with_config().limit(u64::MAX);
        let answer = Answer {
            asked,
            status,
            headers,
            body: body.read_to_vec().unwrap(),
        };
        let media_type = answer.header("content-type");
        assert_described(
            &self.method,
            &self.path,
            answer.status,
            media_type,
            &answer.body,
        );
        answer
    }
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub asked: String,
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map_or("", |(_, value)| value)
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{}: {error}: {}", self.asked, self.text()))
    }

    /// The body, after a look at the status.
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}: {}", self.asked, self.text());
        if self.body.is_empty() {
            Value::Null
        } else {
            self.json()
        }
    }

    /// The pointers and codes of the errors, after a look at the status.
    pub fn refused(&self, status: u16) -> Vec<(String, String)> {
        let problem = self.expect(status);
        assert_eq!(self.header("content-type"), "application/problem+json");
        let errors = problem["errors"].as_array().cloned().unwrap_or_default();
        let part = |error: &Value, name: &str| error[name].as_str().unwrap_or_default().to_owned();
        errors
            .iter()
            .map(|error| (part(error, "pointer"), part(error, "code")))
            .collect()
    }
}

/// The id of a record that was answered.
pub fn id(record: &Value) -> &str {
    record["id"].as_str().unwrap()
}
