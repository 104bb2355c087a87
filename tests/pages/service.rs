//! A running service whose pages somebody has signed in to.

use crate::support::databases::TestDatabase;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use medial::app::{App, AppSettings, profiles};
use medial::auth::{Principal, Role};
use medial::http::query::Query;
use medial::http::{
    AuthFailure, Authenticate, CursorKey, HttpSettings, SESSION_COOKIE, Session, State,
};
use medial::seam::{Fixed, Outside, Seam};
use std::net::SocketAddr;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

/// What every form carries.
pub const CSRF: &str = "a-token-of-the-form";

/// Who asks is in the cookie, or in the token: the role, and the organization where it is not `north`.
struct Trusting;

fn principal(text: &str) -> Principal {
    let (role, organization) = text.split_once('@').unwrap_or((text, "north"));
    Principal {
        organization: organization.to_owned(),
        subject: format!("{role}-1"),
        role: Role::from_code(role).unwrap(),
        scopes: None,
    }
}

impl Authenticate for Trusting {
    fn principal(&self, bearer: &str) -> Result<Principal, AuthFailure> {
        Ok(principal(bearer))
    }

    fn session(&self, cookie: &str) -> Result<Option<Session>, AuthFailure> {
        Ok(Some(Session {
            principal: principal(cookie),
            display_name: "Robin Example".to_owned(),
            csrf: CSRF.to_owned(),
        }))
    }
}

/// A clock that stands still, with ids that ascend.
struct Clock {
    fixed: Arc<Fixed>,
    ids: medial::seam::System,
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

/// A service on a port of its own.
pub struct Service {
    address: SocketAddr,
    handle: actix_web::dev::ServerHandle,
    thread: Option<JoinHandle<()>>,
}

impl Service {
    /// A service whose clock stands at `now`, in the time zone of a clinic.
    pub fn at(test: &TestDatabase, now: &str, zone: Tz) -> Service {
        let seam: Seam = Arc::new(Clock {
            fixed: Fixed::at(now.parse().unwrap()),
            ids: medial::seam::System::default(),
        });
        let settings = AppSettings {
            callers: std::sync::Arc::default(),
            subscriptions: medial::app::subscriptions::SubscriptionSettings::default(),
            time_zone: zone,
            active_profiles: None,
            export_directory: std::env::temp_dir(),
            pseudonym_key: b"a key that only these tests know".to_vec(),
            sign_in: medial::app::people::SignInSettings::default(),
            diary: medial::app::diary::DiarySettings::new(
                medial::auth::DiaryKey::new(b"a key for links"),
                "https://medial.test",
            ),
            smart: medial::app::clients::SmartSettings::new(
                b"a secret that only these tests know of",
            ),
        };
        let app = App::new(
            test.database.clone(),
            seam.clone(),
            settings,
            profiles::built_in().unwrap(),
        );
        let mut http = HttpSettings::new(CursorKey::new(b"a secret for cursors"));
        http.bind.set_port(0);
        http.workers = 1;
        let ready = |app: &App| app.db.ping().map_err(|error| error.to_string());
        let mut endpoints = medial::http::v1::endpoints();
        endpoints.extend(medial::http::smart::endpoints());
        endpoints.extend(medial::fhir::endpoints());
        endpoints.extend(medial::web::endpoints());
        let state = State::new(app, Arc::new(Trusting), seam, http, ready, endpoints)
            .with_error_page(medial::web::error_page)
            .with_outcomes(medial::fhir::outcome::show);
        let (listening, listens) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let (server, addresses) = medial::http::bind(state).unwrap();
                listening.send((addresses[0], server.handle())).unwrap();
                server.await.unwrap();
            });
        });
        let (address, handle) = listens.recv().unwrap();
        Service {
            address,
            handle,
            thread: Some(thread),
        }
    }

    fn send(&self, method: &str, path: &str, role: &str, body: Option<String>) -> Answer {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .build()
            .into();
        let request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", self.address))
            .header("authorization", format!("Bearer {role}"))
            .header("cookie", format!("{SESSION_COOKIE}={role}"))
            .header("accept", "text/html,application/json")
            .header("content-type", "application/x-www-form-urlencoded");
        let sent = match body {
            Some(body) => agent.run(request.body(body).unwrap()),
            None => agent.run(request.body(()).unwrap()),
        };
        let mut response = sent.unwrap();
        let location = response.headers().get("location");
        Answer {
            status: response.status().as_u16(),
            location: location.map_or(String::new(), |value| value.to_str().unwrap().to_owned()),
            text: response.body_mut().read_to_string().unwrap(),
        }
    }

    /// A page, or an answer of the API, for a clinician.
    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, "clinician", None)
    }

    /// The same for somebody else.
    pub fn get_as(&self, role: &str, path: &str) -> Answer {
        self.send("GET", path, role, None)
    }

    /// Sends a form.
    pub fn post(&self, path: &str, form: &Form) -> Answer {
        self.send("POST", path, "clinician", Some(form.0.encoded()))
    }

    /// An answer of the API.
    pub fn api(&self, path: &str) -> serde_json::Value {
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        serde_json::from_str(&answer.text).unwrap()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub location: String,
    pub text: String,
}

impl Answer {
    /// The answer, after a look at its status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Answer {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }

    /// Everything from where `from` stands to where `to` comes next.
    #[track_caller]
    pub fn between(&self, from: &str, to: &str) -> &str {
        let (_, rest) = self
            .text
            .split_once(from)
            .unwrap_or_else(|| panic!("no {from}: {}", self.text));
        rest.split_once(to).map_or(rest, |(found, _)| found)
    }

    /// The tag with this name of a field.
    #[track_caller]
    pub fn field(&self, name: &str) -> String {
        let at = format!("name=\"{name}\"");
        let place = self
            .text
            .find(&at)
            .unwrap_or_else(|| panic!("no field {name}: {}", self.text));
        let start = self.text[..place].rfind('<').unwrap();
        let end = place + self.text[place..].find('>').unwrap();
        self.text[start..=end].to_owned()
    }

    /// What a hidden or a text field holds.
    #[track_caller]
    pub fn value(&self, name: &str) -> String {
        let tag = self.field(name);
        let value = tag.split_once("value=\"").map_or("", |(_, rest)| rest);
        value.split('"').next().unwrap().to_owned()
    }

    /// The id at the end of the address it leads to.
    #[track_caller]
    pub fn id(&self) -> String {
        assert_eq!(self.status, 303, "{}", self.text);
        self.location.rsplit('/').next().unwrap().to_owned()
    }
}

/// A form as a browser sends it.
#[derive(Debug, Clone, Default)]
pub struct Form(Query);

impl Form {
    /// A form with these fields.
    pub fn of(pairs: &[(&str, &str)]) -> Form {
        let mut form = Form::default();
        form.0.push("csrf", CSRF);
        form.and(pairs)
    }

    /// The same, with other values for these fields.
    pub fn with(&self, pairs: &[(&str, &str)]) -> Form {
        let names: Vec<&str> = pairs.iter().map(|(name, _)| *name).collect();
        Form(self.0.without(&names)).and(pairs)
    }

    fn and(mut self, pairs: &[(&str, &str)]) -> Form {
        for (name, value) in pairs {
            self.0.push(name, value);
        }
        self
    }
}
