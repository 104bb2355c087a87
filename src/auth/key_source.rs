//! Keeps the issuer's key set, and fetches it again when it must: on a key id that is not known, and once an hour so that a
//! key the issuer has withdrawn does not live on here. Never more than once a minute, whatever tokens come in.

use super::jwks::KeySet;
use super::settings::{ConfigurationError, JwksLocation, check_url};
use chrono::{DateTime, TimeDelta, Utc};
use std::io::Read;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

/// Least time between two fetches.
const BETWEEN_FETCHES: TimeDelta = TimeDelta::seconds(60);
/// Longest time that a set is used without asking again.
const LONGEST_USE: TimeDelta = TimeDelta::hours(1);

/// Bounds of one fetch.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// For everything from the name look-up to the last byte.
    pub(super) timeout: Duration,
    /// Size of the document, unpacked.
    pub(super) bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            timeout: Duration::from_secs(5),
            bytes: 256 * 1024,
        }
    }
}

#[derive(Default)]
struct State {
    keys: Option<Arc<KeySet>>,
    fetched_at: Option<DateTime<Utc>>,
    tried_at: Option<DateTime<Utc>>,
    failure: Option<String>,
}

/// The issuer's public keys, from a file or an address.
pub(super) struct KeySource {
    location: JwksLocation,
    limits: Limits,
    state: RwLock<State>,
    /// Held while fetching, so that those who need the same new key wait for the one fetch.
    fetching: Mutex<()>,
}

impl KeySource {
    /// Reads the set for the first time. An address that does not answer yet is no reason not to start; a bad file is.
    pub(super) fn open(
        location: JwksLocation,
        limits: Limits,
        now: DateTime<Utc>,
    ) -> Result<KeySource, ConfigurationError> {
        if let JwksLocation::Url(url) = &location {
            check_url(url)?;
        }
        let is_file = matches!(location, JwksLocation::File(_));
        let source = KeySource {
            location,
            limits,
            state: RwLock::default(),
            fetching: Mutex::default(),
        };
        source.refresh(now);
        match source.failure() {
            Some(why) if is_file => Err(ConfigurationError::JwksFile { why }),
            _ => Ok(source),
        }
    }

    /// A set of which nothing is fetched before it is needed; a file is read at once, because it can be bad.
    pub(super) fn unread(
        location: JwksLocation,
        limits: Limits,
    ) -> Result<KeySource, ConfigurationError> {
        match &location {
            JwksLocation::Url(url) => {
                check_url(url)?;
            }
            JwksLocation::File(path) => {
                let why = |why| ConfigurationError::JwksFile { why };
                KeySet::parse(&read_file(path, limits).map_err(why)?).map_err(why)?;
            }
        }
        Ok(KeySource {
            location,
            limits,
            state: RwLock::default(),
            fetching: Mutex::default(),
        })
    }

    /// The keys as last fetched; `None` when there never were any.
    pub(super) fn keys(&self) -> Option<Arc<KeySet>> {
        self.read(|state| state.keys.clone())
    }

    /// Why the last fetch failed.
    pub(super) fn failure(&self) -> Option<String> {
        self.read(|state| state.failure.clone())
    }

    /// Whether the set is so old that it should be fetched again.
    pub(super) fn is_old(&self, now: DateTime<Utc>) -> bool {
        self.read(|state| is_past(state.fetched_at, now, LONGEST_USE))
    }

    /// Whether a fetch is allowed again.
    pub(super) fn may_fetch(&self, now: DateTime<Utc>) -> bool {
        self.read(|state| is_past(state.tried_at, now, BETWEEN_FETCHES))
    }

    /// Fetches the set unless one was tried within the last minute. Blocks, within the limits. A failure keeps the old keys.
    pub(super) fn refresh(&self, now: DateTime<Utc>) {
        let _one_at_a_time = self.fetching.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.may_fetch(now) {
            return;
        }
        let fetched = self.fetch();
        // Noted only now: a token that comes in meanwhile shall wait for this fetch, and not be refused.
        self.write(|state| {
            state.tried_at = Some(now);
            match fetched {
                Ok(keys) => {
                    state.keys = Some(Arc::new(keys));
                    state.fetched_at = Some(now);
                    state.failure = None;
                }
                Err(why) => {
                    tracing::warn!(%why, "the key set was not fetched; the keys at hand stay in use");
                    state.failure = Some(why);
                }
            }
        });
    }

    fn fetch(&self) -> Result<KeySet, String> {
        let document = match &self.location {
            JwksLocation::File(path) => read_file(path, self.limits)?,
            JwksLocation::Url(url) => fetch_url(url, self.limits)?,
        };
        KeySet::parse(&document)
    }

    fn read<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.write().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Whether `then` is at least `span` from now, in either direction: a clock that was set back must not stop fetching for long.
fn is_past(then: Option<DateTime<Utc>>, now: DateTime<Utc>, span: TimeDelta) -> bool {
    then.is_none_or(|then| now.signed_duration_since(then).abs() >= span)
}

fn read_file(path: &Path, limits: Limits) -> Result<Vec<u8>, String> {
    let unreadable = |error: std::io::Error| format!("{} cannot be read: {error}", path.display());
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let mut document = Vec::new();
    file.take(limits.bytes.saturating_add(1))
        .read_to_end(&mut document)
        .map_err(unreadable)?;
    let length = u64::try_from(document.len()).unwrap_or(u64::MAX);
    if length > limits.bytes {
        return Err(format!(
            "{} is larger than {} bytes",
            path.display(),
            limits.bytes
        ));
    }
    Ok(document)
}

fn fetch_url(url: &str, limits: Limits) -> Result<Vec<u8>, String> {
    let uri = check_url(url).map_err(|error| error.to_string())?;
    // No redirects: they could lead from https to http, or into the network of this host.
    let mut settings = ureq::Agent::config_builder()
        .timeout_global(Some(limits.timeout))
        .max_redirects(0)
        .https_only(uri.scheme_str() == Some("https"))
        .http_status_as_error(false)
        .accept("application/jwk-set+json, application/json");
    if is_this_machine(uri.host().unwrap_or_default()) {
        settings = settings.proxy(None);
    }
    let agent: ureq::Agent = settings.build().new_agent();
    let mut response = agent.get(uri).call().map_err(describe)?;
    if response.status() != ureq::http::StatusCode::OK {
        return Err(format!(
            "the address answered {}",
            response.status().as_u16()
        ));
    }
    response
        .body_mut()
        .with_config()
        .limit(limits.bytes)
        .read_to_vec()
        .map_err(describe)
}

/// Whether a host is this machine itself.
pub(super) fn is_this_machine(host: &str) -> bool {
    let address = host
        .trim_start_matches('[')
        .trim_end_matches(']')
        .parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

fn describe(error: ureq::Error) -> String {
    match error {
        ureq::Error::Timeout(_) => "the address did not answer in time".to_owned(),
        ureq::Error::BodyExceedsLimit(limit) => format!("the answer is larger than {limit} bytes"),
        other => format!("the address did not answer: {other}"),
    }
}
