//! Calls that another system signs one by one, as CDS Hooks 2.0 has it ("Trusting CDS Clients"): who may call, and
//! whether a call is theirs.
//!
//! A key set is first read when somebody calls, so that a configuration can be looked at without the network.

use super::jwks::{Found, KeySet};
use super::key_source::{KeySource, Limits};
use super::settings::{Algorithm, ConfigurationError, JwksLocation, check_url};
use super::token::{LONGEST_ORGANIZATION, Token, TokenError, decode, is_name, present, seconds};
use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::Value;
use std::fmt;

/// What a call may be signed with: the two that the standard names, and their shorter kin.
const ALGORITHMS: [Algorithm; 4] = [
    Algorithm::Rs384,
    Algorithm::Es384,
    Algorithm::Rs256,
    Algorithm::Es256,
];

/// How far ahead the end of a token may lie: until then it must be remembered that it was used.
const LONGEST_LIFE: TimeDelta = TimeDelta::hours(1);

/// Difference of clocks that is forgiven.
const LEEWAY: TimeDelta = TimeDelta::seconds(30);

/// Longest issuer, id of a token and tenant, in bytes.
const LONGEST_NAME: usize = 255;

/// A system that may call, as configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallerSettings {
    /// The `iss` of its tokens.
    pub issuer: String,
    /// The organization whose records it sees.
    pub organization: String,
    /// The `tenant` that its tokens must carry; `None`: any or none.
    pub tenant: Option<String>,
    /// Its public keys.
    pub keys: CallerKeys,
    /// FHIR servers of which it may hand on the address and an access token.
    pub fhir_servers: Vec<String>,
}

/// Where a caller's public keys are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallerKeys {
    /// A file or an address with a JSON Web Key Set; a token may name the address in `jku`.
    At(JwksLocation),
    /// The key set itself, as JSON.
    Inline(String),
}

/// A system that may call.
pub struct Caller {
    /// The `iss` of its tokens.
    pub issuer: String,
    /// The organization whose records it sees.
    pub organization: String,
    tenant: Option<String>,
    jku: Option<String>,
    keys: Keys,
    fhir_servers: Vec<String>,
}

enum Keys {
    Fixed(KeySet),
    Fetched(KeySource),
}

/// The keys of a caller that are on this machine.
#[derive(Debug, Default)]
pub struct CallerKeyReport {
    /// Those that a call can be signed with: their `kid`, and one algorithm.
    pub usable: Vec<(String, Algorithm)>,
    /// Those that are of no use, and why.
    pub unfit: Vec<(Option<String>, &'static str)>,
}

/// The systems that may call.
#[derive(Debug, Default)]
pub struct Callers(Vec<Caller>);

/// A call that is theirs. Whether it came before is for whoever remembers them.
#[derive(Debug)]
pub struct SignedCall<'c> {
    /// Who calls.
    pub caller: &'c Caller,
    /// The id of the token, which no other of the same issuer may have.
    pub token_id: String,
    /// From then on the token is refused for its age.
    pub refused_from: DateTime<Utc>,
}

/// A call that is not accepted.
#[derive(Debug)]
pub struct RefusedCall<'c> {
    /// Who is said to call, where that is a system that may.
    pub caller: Option<&'c Caller>,
    /// Why.
    pub why: TokenError,
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller")
            .field("issuer", &self.issuer)
            .field("organization", &self.organization)
            .finish_non_exhaustive()
    }
}

impl Caller {
    /// Takes the settings. Of a key set at an address nothing is fetched yet.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn new(settings: CallerSettings) -> Result<Caller, ConfigurationError> {
        for (setting, name, longest) in [
            ("issuer", &settings.issuer, LONGEST_NAME),
            ("organization", &settings.organization, LONGEST_ORGANIZATION),
        ] {
            if !is_name(name, longest) {
                return Err(ConfigurationError::Empty { setting });
            }
        }
        let mut fhir_servers = Vec::new();
        for server in &settings.fhir_servers {
            check_url(server)?;
            fhir_servers.push(server.trim_end_matches('/').to_owned());
        }
        let jku = match &settings.keys {
            CallerKeys::At(JwksLocation::Url(url)) => Some(url.clone()),
            CallerKeys::At(JwksLocation::File(_)) | CallerKeys::Inline(_) => None,
        };
        let keys = match settings.keys {
            CallerKeys::At(location) => {
                Keys::Fetched(KeySource::unread(location, Limits::default())?)
            }
            CallerKeys::Inline(text) => {
                let set = KeySet::parse(text.as_bytes());
                Keys::Fixed(set.map_err(|why| ConfigurationError::JwksFile { why })?)
            }
        };
        Ok(Caller {
            issuer: settings.issuer,
            organization: settings.organization,
            tenant: settings.tenant,
            jku,
            keys,
            fhir_servers,
        })
    }

    /// The address of one of its FHIR servers as it is configured, if it is one.
    #[must_use]
    pub fn fhir_server(&self, address: &str) -> Option<&str> {
        let address = address.trim_end_matches('/');
        let known = self.fhir_servers.iter().find(|known| *known == address);
        known.map(String::as_str)
    }

    /// The `tenant` that its tokens must carry; `None`: any or none.
    #[must_use]
    pub fn tenant(&self) -> Option<&str> {
        self.tenant.as_deref()
    }

    /// Where its key set is fetched, where that is at an address.
    #[must_use]
    pub fn keys_address(&self) -> Option<&str> {
        self.jku.as_deref()
    }

    /// Its FHIR servers.
    pub fn fhir_servers(&self) -> impl Iterator<Item = &str> {
        self.fhir_servers.iter().map(String::as_str)
    }

    /// Its keys and the trouble with them, for a check of the configuration.
    ///
    /// # Errors
    /// The address where they are, which is not asked.
    pub fn keys_here(&self, now: DateTime<Utc>) -> Result<CallerKeyReport, &str> {
        if let Some(address) = self.keys_address() {
            return Err(address);
        }
        Ok(match &self.keys {
            Keys::Fixed(set) => reported(set),
            Keys::Fetched(source) => {
                source.refresh(now);
                source.keys().map(|set| reported(&set)).unwrap_or_default()
            }
        })
    }

    fn check_signature(&self, token: &Token<'_>, now: DateTime<Utc>) -> Result<(), TokenError> {
        let algorithm = Algorithm::from_name(&token.header.alg)
            .filter(|algorithm| ALGORITHMS.contains(algorithm))
            .ok_or(TokenError::AlgorithmNotAccepted)?;
        let is_registered = |jku: &Value| {
            jku.as_str()
                .is_some_and(|jku| self.jku.as_deref() == Some(jku))
        };
        if token
            .header
            .jku
            .as_ref()
            .is_some_and(|jku| !is_registered(jku))
        {
            return Err(TokenError::UnknownKey);
        }
        let id = token.header.kid.as_deref().ok_or(TokenError::KeyNotNamed)?;
        let source = match &self.keys {
            Keys::Fixed(set) => return check_with(set, token, algorithm, id),
            Keys::Fetched(source) => source,
        };
        if source.is_old(now) {
            source.refresh(now);
        }
        let keys = source.keys().ok_or(TokenError::KeysUnavailable)?;
        match check_with(&keys, token, algorithm, id) {
            // A key that is new there.
            Err(TokenError::UnknownKey) if source.may_fetch(now) => {
                source.refresh(now);
                let keys = source.keys().ok_or(TokenError::KeysUnavailable)?;
                check_with(&keys, token, algorithm, id)
            }
            answer => answer,
        }
    }
}

fn reported(set: &KeySet) -> CallerKeyReport {
    let mut reported = CallerKeyReport::default();
    for key in &set.keys {
        let algorithm = key.algorithms.iter().find(|one| ALGORITHMS.contains(one));
        match (&key.id, algorithm) {
            (Some(id), Some(algorithm)) => reported.usable.push((id.clone(), *algorithm)),
            (None, _) => reported.unfit.push((None, "a call names its key by a kid")),
            (Some(id), None) => {
                let why = "no call is signed with its algorithm";
                reported.unfit.push((Some(id.clone()), why));
            }
        }
    }
    let refused = set.refused.iter();
    reported
        .unfit
        .extend(refused.map(|key| (key.id.clone(), key.why)));
    reported
}

fn check_with(
    set: &KeySet,
    token: &Token<'_>,
    algorithm: Algorithm,
    id: &str,
) -> Result<(), TokenError> {
    match set.find(algorithm, Some(id)) {
        Found::Key(key) => token.check_signature(&key.decoding, algorithm),
        Found::OtherAlgorithm => Err(TokenError::AlgorithmNotAccepted),
        Found::Ambiguous => Err(TokenError::KeyNotNamed),
        Found::Nothing => Err(TokenError::UnknownKey),
    }
}

/// The claims as they come; one that is `null` is kept apart from one that is absent.
#[derive(Deserialize)]
struct Claims {
    #[serde(default, deserialize_with = "present")]
    iss: Option<Value>,
    #[serde(default, deserialize_with = "present")]
    aud: Option<Value>,
    #[serde(default, deserialize_with = "present")]
    exp: Option<Value>,
    #[serde(default, deserialize_with = "present")]
    iat: Option<Value>,
    #[serde(default, deserialize_with = "present")]
    nbf: Option<Value>,
    #[serde(default, deserialize_with = "present")]
    jti: Option<Value>,
    #[serde(default, deserialize_with = "present")]
    tenant: Option<Value>,
}

impl Callers {
    /// These.
    #[must_use]
    pub fn new(callers: Vec<Caller>) -> Callers {
        Callers(callers)
    }

    /// Each of them, in the order in which they are configured.
    pub fn iter(&self) -> impl Iterator<Item = &Caller> {
        self.0.iter()
    }

    /// The organizations whose records any of them sees, each once.
    #[must_use]
    pub fn organizations(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self
            .0
            .iter()
            .map(|caller| caller.organization.as_str())
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Checks that `token` was signed by one of them, for a call at one of `addresses`. May block for seconds while a key
    /// set is fetched.
    ///
    /// # Errors
    /// Why it is not accepted, and by whom it claims to be where that is one of them.
    pub fn check(
        &self,
        token: &str,
        addresses: &[&str],
        now: DateTime<Utc>,
    ) -> Result<SignedCall<'_>, RefusedCall<'_>> {
        let unknown = |why| RefusedCall { caller: None, why };
        let token = Token::read(token).map_err(unknown)?;
        // Not believed yet: it says whose key is to be tried.
        let claims: Claims = decode(token.payload).map_err(unknown)?;
        let caller = self.caller_of(&claims).map_err(unknown)?;
        let refused = |why| RefusedCall {
            caller: Some(caller),
            why,
        };
        caller.check_signature(&token, now).map_err(refused)?;
        check_audience(&claims, addresses).map_err(refused)?;
        let refused_from = check_times(&claims, now).map_err(refused)?;
        let token_id = text(claims.jti.as_ref(), "jti").map_err(refused)?;
        Ok(SignedCall {
            caller,
            token_id: token_id.to_owned(),
            refused_from,
        })
    }

    fn caller_of(&self, claims: &Claims) -> Result<&Caller, TokenError> {
        let issuer = text(claims.iss.as_ref(), "iss")?;
        let tenant = match &claims.tenant {
            Some(_) => Some(text(claims.tenant.as_ref(), "tenant")?),
            None => None,
        };
        let mut of_issuer = self.0.iter().filter(|caller| caller.issuer == issuer);
        // One that names the tenant stands before one for any.
        let exact = of_issuer
            .clone()
            .find(|caller| caller.tenant.is_some() && caller.tenant.as_deref() == tenant);
        exact
            .or_else(|| of_issuer.find(|caller| caller.tenant.is_none()))
            .ok_or(TokenError::WrongIssuer)
    }
}

fn text<'v>(claim: Option<&'v Value>, name: &'static str) -> Result<&'v str, TokenError> {
    match claim {
        Some(Value::String(text)) if is_name(text, LONGEST_NAME) => Ok(text),
        Some(_) => Err(TokenError::InvalidClaim(name)),
        None => Err(TokenError::MissingClaim(name)),
    }
}

fn check_audience(claims: &Claims, addresses: &[&str]) -> Result<(), TokenError> {
    let is_ours = |one: &Value| one.as_str().is_some_and(|one| addresses.contains(&one));
    let for_us = match claims.aud.as_ref().ok_or(TokenError::MissingClaim("aud"))? {
        Value::Array(several) => several.iter().any(is_ours),
        one => is_ours(one),
    };
    if for_us {
        Ok(())
    } else {
        Err(TokenError::WrongAudience)
    }
}

/// From when on the token is too old.
fn check_times(claims: &Claims, now: DateTime<Utc>) -> Result<DateTime<Utc>, TokenError> {
    let exp = claims.exp.as_ref().ok_or(TokenError::MissingClaim("exp"))?;
    let refused_from = instant(exp, "exp")? + LEEWAY;
    if now >= refused_from {
        return Err(TokenError::Expired);
    }
    if refused_from > now + LONGEST_LIFE + LEEWAY {
        return Err(TokenError::InvalidClaim("exp"));
    }
    let iat = claims.iat.as_ref().ok_or(TokenError::MissingClaim("iat"))?;
    if instant(iat, "iat")? > now + LEEWAY {
        return Err(TokenError::NotYetValid);
    }
    if let Some(nbf) = &claims.nbf
        && instant(nbf, "nbf")? > now + LEEWAY
    {
        return Err(TokenError::NotYetValid);
    }
    Ok(refused_from)
}

fn instant(value: &Value, claim: &'static str) -> Result<DateTime<Utc>, TokenError> {
    let seconds = seconds(value, claim)?;
    // Far enough from the ends of time that something can be added.
    let within = (0..=i64::from(u32::MAX)).contains(&seconds);
    let instant = DateTime::from_timestamp(seconds, 0).filter(|_| within);
    instant.ok_or(TokenError::InvalidClaim(claim))
}
