//! Bearer tokens: JSON Web Tokens in compact form, checked in the order format, algorithm, key, signature, claims.
//!
//! Format and claims are read here and not by the library, whose checks use the clock and let claims be left out; of the
//! library, the signature is used. Each key belongs to one algorithm, so that a header cannot choose how a key is used.

use super::jwks::{Found, LONGEST_KEY_ID, RefusedKey};
use super::key_source::{KeySource, Limits};
use super::permission::Role;
use super::principal::Principal;
use super::scope::Scopes;
use super::settings::{Algorithm, ConfigurationError, Settings};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use jsonwebtoken::DecodingKey;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::fmt;
use std::time::Duration;
use uuid::Uuid;

/// Longest token in bytes.
const LONGEST_TOKEN: usize = 8 * 1024;
/// Longest `scope`.
const LONGEST_SCOPE: usize = 4 * 1024;
/// Longest `org` in bytes.
pub(super) const LONGEST_ORGANIZATION: usize = 128;
/// Longest `sub` in bytes.
pub(super) const LONGEST_SUBJECT: usize = 255;

/// Why a token is not accepted. Safe to show: nothing of the token is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenError {
    /// Longer than any token of ours.
    TooLong,
    /// Not a signed JSON Web Token in compact form.
    Malformed,
    /// Its `alg` is not accepted here, or does not fit the key.
    AlgorithmNotAccepted,
    /// Its `kid` names no key of the issuer.
    UnknownKey,
    /// It names no key, and several would do.
    KeyNotNamed,
    /// The issuer's keys have not been fetched yet: a fault on this side (503, not 401).
    KeysUnavailable,
    /// The signature is not of the key.
    BadSignature,
    /// Past its `exp`.
    Expired,
    /// Before its `nbf`.
    NotYetValid,
    /// From another issuer.
    WrongIssuer,
    /// Meant for another audience.
    WrongAudience,
    /// A claim that must be there is not.
    MissingClaim(&'static str),
    /// A claim has a value that cannot be used.
    InvalidClaim(&'static str),
    /// Neither a role nor a `system/` scope.
    NoRole,
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TokenError::TooLong => f.write_str("the token is too long"),
            TokenError::Malformed => f.write_str("the token is not a signed JSON Web Token"),
            TokenError::AlgorithmNotAccepted => {
                f.write_str("the token is signed in a way that is not accepted")
            }
            TokenError::UnknownKey => f.write_str("the token is signed with an unknown key"),
            TokenError::KeyNotNamed => f.write_str("the token does not name its key (kid)"),
            TokenError::KeysUnavailable => {
                f.write_str("the issuer's keys are not available at the moment")
            }
            TokenError::BadSignature => f.write_str("the token's signature is wrong"),
            TokenError::Expired => f.write_str("token expired"),
            TokenError::NotYetValid => f.write_str("the token is not valid yet"),
            TokenError::WrongIssuer => f.write_str("the token is from another issuer"),
            TokenError::WrongAudience => f.write_str("the token is meant for another audience"),
            TokenError::MissingClaim(name) => write!(f, "the token lacks the claim {name}"),
            TokenError::InvalidClaim(name) => write!(f, "the token's claim {name} cannot be used"),
            TokenError::NoRole => {
                f.write_str("the token carries neither a role nor a system/ scope")
            }
        }
    }
}

impl std::error::Error for TokenError {}

/// What a configuration check tells about the issuer's keys.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyReport {
    /// The keys in use: `kid` and algorithm.
    pub keys: Vec<(Option<String>, Algorithm)>,
    /// Keys of the set that are not used, and why.
    pub refused: Vec<RefusedKey>,
    /// Why the last fetch failed.
    pub failure: Option<String>,
}

/// Checks bearer tokens. Shared between threads.
pub struct Verifier {
    issuer: String,
    audience: String,
    leeway_seconds: i64,
    algorithms: Vec<Algorithm>,
    secret: Option<DecodingKey>,
    public_keys: Option<KeySource>,
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier")
            .field("issuer", &self.issuer)
            .field("audience", &self.audience)
            .finish_non_exhaustive()
    }
}

impl Verifier {
    /// Takes the settings and reads the key set. Blocks while an address is asked, for seconds at most; one that does not
    /// answer is asked again later and shows in [`Verifier::report`].
    ///
    /// # Errors
    /// Everything wrong with the configuration.
    pub fn open(settings: &Settings, now: DateTime<Utc>) -> Result<Verifier, ConfigurationError> {
        Verifier::open_within(settings, Limits::default(), now)
    }

    pub(super) fn open_within(
        settings: &Settings,
        limits: Limits,
        now: DateTime<Utc>,
    ) -> Result<Verifier, ConfigurationError> {
        settings.check()?;
        let algorithms = settings.allowed_algorithms()?;
        let public_keys = match &settings.jwks {
            Some(location) => Some(KeySource::open(location.clone(), limits, now)?),
            None => None,
        };
        Ok(Verifier {
            issuer: settings.issuer.clone(),
            audience: settings.audience.clone(),
            leeway_seconds: i64::from(settings.leeway_seconds),
            algorithms,
            secret: settings
                .secret
                .as_ref()
                .map(|secret| DecodingKey::from_secret(secret.bytes())),
            public_keys,
        })
    }

    /// For tokens of the service's own, which nobody configures.
    pub(super) fn with_secret(
        issuer: &str,
        audience: &str,
        leeway_seconds: i64,
        secret: &[u8],
    ) -> Verifier {
        Verifier {
            issuer: issuer.to_owned(),
            audience: audience.to_owned(),
            leeway_seconds,
            algorithms: vec![Algorithm::Hs256],
            secret: Some(DecodingKey::from_secret(secret)),
            public_keys: None,
        }
    }

    /// Checks a token, fetching the issuer's keys again when that can help and is allowed. May block for seconds.
    ///
    /// # Errors
    /// Why it is not accepted.
    pub fn verify(&self, token: &str, now: DateTime<Utc>) -> Result<Principal, TokenError> {
        if let Some(answer) = self.verify_cached(token, now) {
            return answer;
        }
        if let Some(source) = &self.public_keys {
            source.refresh(now);
        }
        self.check(&Token::read(token)?, now)
    }

    /// Checks a token without waiting for anything. `None` means that keys must be fetched first: call
    /// [`Verifier::verify`] where blocking is allowed.
    pub fn verify_cached(
        &self,
        token: &str,
        now: DateTime<Utc>,
    ) -> Option<Result<Principal, TokenError>> {
        let token = match Token::read(token) {
            Ok(token) => token,
            Err(error) => return Some(Err(error)),
        };
        if self.public_key_is_old(&token, now) {
            return None;
        }
        let answer = self.check(&token, now);
        let key_is_missing = matches!(
            answer,
            Err(TokenError::UnknownKey | TokenError::KeysUnavailable)
        );
        if key_is_missing && self.may_fetch(now) {
            None
        } else {
            Some(answer)
        }
    }

    /// The issuer's keys and the trouble with them, for a check of the configuration.
    #[must_use]
    pub fn report(&self) -> KeyReport {
        let Some(source) = &self.public_keys else {
            return KeyReport::default();
        };
        let set = source.keys().unwrap_or_default();
        let keys = set
            .keys
            .iter()
            .filter_map(|key| Some((key.id.clone(), *key.algorithms.first()?)))
            .collect();
        KeyReport {
            keys,
            refused: set.refused.clone(),
            failure: source.failure(),
        }
    }

    fn may_fetch(&self, now: DateTime<Utc>) -> bool {
        self.public_keys
            .as_ref()
            .is_some_and(|source| source.may_fetch(now))
    }

    fn public_key_is_old(&self, token: &Token<'_>, now: DateTime<Utc>) -> bool {
        let needs_public_key = self
            .algorithm_of(token)
            .is_ok_and(|algorithm| algorithm != Algorithm::Hs256);
        let old = |source: &KeySource| source.is_old(now) && source.may_fetch(now);
        needs_public_key && self.public_keys.as_ref().is_some_and(old)
    }

    fn check(&self, token: &Token<'_>, now: DateTime<Utc>) -> Result<Principal, TokenError> {
        self.check_signature(token)?;
        let claims = Claims::read(token.payload)?;
        self.check_parties(&claims)?;
        self.check_times(&claims, now)?;
        principal(claims)
    }

    fn algorithm_of(&self, token: &Token<'_>) -> Result<Algorithm, TokenError> {
        Algorithm::from_name(&token.header.alg)
            .filter(|algorithm| self.algorithms.contains(algorithm))
            .ok_or(TokenError::AlgorithmNotAccepted)
    }

    fn check_signature(&self, token: &Token<'_>) -> Result<(), TokenError> {
        let algorithm = self.algorithm_of(token)?;
        match algorithm {
            Algorithm::Hs256 => {
                let secret = self
                    .secret
                    .as_ref()
                    .ok_or(TokenError::AlgorithmNotAccepted)?;
                token.check_signature(secret, algorithm)
            }
            Algorithm::Rs256
            | Algorithm::Rs384
            | Algorithm::Es256
            | Algorithm::Es384
            | Algorithm::EdDsa => self.check_with_public_key(token, algorithm),
        }
    }

    fn check_with_public_key(
        &self,
        token: &Token<'_>,
        algorithm: Algorithm,
    ) -> Result<(), TokenError> {
        let source = self
            .public_keys
            .as_ref()
            .ok_or(TokenError::AlgorithmNotAccepted)?;
        let keys = source.keys().ok_or(TokenError::KeysUnavailable)?;
        match keys.find(algorithm, token.header.kid.as_deref()) {
            Found::Key(key) => token.check_signature(&key.decoding, algorithm),
            Found::OtherAlgorithm => Err(TokenError::AlgorithmNotAccepted),
            Found::Ambiguous => Err(TokenError::KeyNotNamed),
            Found::Nothing => Err(TokenError::UnknownKey),
        }
    }

    fn check_parties(&self, claims: &Claims) -> Result<(), TokenError> {
        let issuer = claims.iss.as_ref().ok_or(TokenError::MissingClaim("iss"))?;
        if issuer.as_str() != Some(&self.issuer) {
            return Err(TokenError::WrongIssuer);
        }
        let is_ours = |one: &Value| one.as_str() == Some(&self.audience);
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

    fn check_times(&self, claims: &Claims, now: DateTime<Utc>) -> Result<(), TokenError> {
        let now = now.timestamp();
        let expires = seconds(
            claims.exp.as_ref().ok_or(TokenError::MissingClaim("exp"))?,
            "exp",
        )?;
        if now >= expires.saturating_add(self.leeway_seconds) {
            return Err(TokenError::Expired);
        }
        let Some(not_before) = &claims.nbf else {
            return Ok(());
        };
        let not_before = seconds(not_before, "nbf")?;
        if now < not_before.saturating_sub(self.leeway_seconds) {
            return Err(TokenError::NotYetValid);
        }
        Ok(())
    }
}

/// A token taken apart; nothing of it is believed yet.
pub(super) struct Token<'a> {
    pub(super) header: Header,
    pub(super) payload: &'a str,
    /// Header and payload as they were signed.
    message: &'a str,
    signature: &'a str,
}

#[derive(Deserialize)]
pub(super) struct Header {
    pub(super) alg: String,
    typ: Option<String>,
    pub(super) kid: Option<String>,
    /// Where its key set is said to be. Nothing is ever fetched from there for its sake.
    #[serde(default, deserialize_with = "present")]
    pub(super) jku: Option<Value>,
    #[serde(default, deserialize_with = "present")]
    crit: Option<Value>,
}

impl<'a> Token<'a> {
    pub(super) fn read(token: &'a str) -> Result<Token<'a>, TokenError> {
        if token.len() > LONGEST_TOKEN {
            return Err(TokenError::TooLong);
        }
        let (message, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
        let (header, payload) = message.split_once('.').ok_or(TokenError::Malformed)?;
        if payload.contains('.') {
            return Err(TokenError::Malformed);
        }
        let header: Header = decode(header)?;
        let type_fits = header.typ.as_deref().is_none_or(is_token_type);
        let key_id_fits = header
            .kid
            .as_ref()
            .is_none_or(|id| id.len() <= LONGEST_KEY_ID);
        // An extension that must be understood is none that we understand (RFC 7515, 4.1.11).
        if !type_fits || !key_id_fits || header.crit.is_some() {
            return Err(TokenError::Malformed);
        }
        Ok(Token {
            header,
            payload,
            message,
            signature,
        })
    }

    pub(super) fn check_signature(
        &self,
        key: &DecodingKey,
        algorithm: Algorithm,
    ) -> Result<(), TokenError> {
        let answer = jsonwebtoken::crypto::verify(
            self.signature,
            self.message.as_bytes(),
            key,
            algorithm.library(),
        );
        if answer == Ok(true) {
            Ok(())
        } else {
            Err(TokenError::BadSignature)
        }
    }
}

/// `JWT` or an access token of RFC 9068; any other kind of JWT is not for us, even if well signed.
fn is_token_type(typ: &str) -> bool {
    let typ = typ.to_ascii_lowercase();
    matches!(typ.trim_start_matches("application/"), "jwt" | "at+jwt")
}

/// The claims as they come. A claim that is `null` is kept apart from one that is absent: `"scope": null` must not be read
/// as a token without restriction.
#[derive(Deserialize)]
pub(super) struct Claims {
    #[serde(default, deserialize_with = "present")]
    pub(super) iss: Option<Value>,
    #[serde(default, deserialize_with = "present")]
    pub(super) aud: Option<Value>,
    #[serde(default, deserialize_with = "present")]
    pub(super) exp: Option<Value>,
    #[serde(default, deserialize_with = "present")]
    pub(super) nbf: Option<Value>,
    #[serde(default, deserialize_with = "present")]
    pub(super) sub: Option<Value>,
    #[serde(default, deserialize_with = "present")]
    org: Option<Value>,
    #[serde(default, deserialize_with = "present")]
    role: Option<Value>,
    #[serde(default, deserialize_with = "present")]
    scope: Option<Value>,
    #[serde(default, deserialize_with = "present")]
    patient: Option<Value>,
    #[serde(default, deserialize_with = "present")]
    pub(super) jti: Option<Value>,
}

impl Claims {
    pub(super) fn read(payload: &str) -> Result<Claims, TokenError> {
        decode(payload)
    }
}

pub(super) fn present<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

pub(super) fn decode<T: for<'de> Deserialize<'de>>(part: &str) -> Result<T, TokenError> {
    let json = URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|_| TokenError::Malformed)?;
    // A JSON array would be read into a struct as well, member by member.
    if json.trim_ascii_start().first() != Some(&b'{') {
        return Err(TokenError::Malformed);
    }
    serde_json::from_slice(&json).map_err(|_| TokenError::Malformed)
}

fn principal(claims: Claims) -> Result<Principal, TokenError> {
    let subject = name(claims.sub, "sub", LONGEST_SUBJECT)?;
    let organization = name(claims.org, "org", LONGEST_ORGANIZATION)?;
    let scopes = match claims.scope {
        Some(Value::String(text)) if text.len() <= LONGEST_SCOPE => {
            let scopes = Scopes::parse(&text);
            // Anybody but one of our patients is nobody here, and `patient/` scopes then grant nothing.
            let patient = claims.patient.as_ref().and_then(Value::as_str);
            Some(match patient.and_then(|id| Uuid::try_parse(id).ok()) {
                Some(patient) => scopes.launched_for(patient),
                None => scopes,
            })
        }
        Some(_) => return Err(TokenError::InvalidClaim("scope")),
        None => None,
    };
    let role = match claims.role {
        Some(Value::String(code)) => {
            Role::from_code(&code).map_err(|_| TokenError::InvalidClaim("role"))?
        }
        Some(_) => return Err(TokenError::InvalidClaim("role")),
        None if scopes.as_ref().is_some_and(Scopes::has_system) => Role::EhrSystem,
        None => return Err(TokenError::NoRole),
    };
    Ok(Principal {
        organization,
        subject,
        role,
        scopes,
    })
}

fn name(
    claim: Option<Value>,
    claim_name: &'static str,
    longest: usize,
) -> Result<String, TokenError> {
    match claim {
        Some(Value::String(text)) if is_name(&text, longest) => Ok(text),
        Some(_) => Err(TokenError::InvalidClaim(claim_name)),
        None => Err(TokenError::MissingClaim(claim_name)),
    }
}

/// What can name an organization or a subject: not empty, bounded, without control characters or space around it.
pub(super) fn is_name(text: &str, longest: usize) -> bool {
    !text.is_empty()
        && text.len() <= longest
        && text.trim() == text
        && !text.contains(char::is_control)
}

/// A NumericDate (RFC 7519, 2) in whole seconds; it may have a fraction, which is dropped.
pub(super) fn seconds(value: &Value, claim_name: &'static str) -> Result<i64, TokenError> {
    let invalid = TokenError::InvalidClaim(claim_name);
    if let Some(whole) = value.as_i64() {
        return if whole >= 0 { Ok(whole) } else { Err(invalid) };
    }
    let with_fraction = value.as_f64().ok_or(invalid)?;
    let since_epoch = Duration::try_from_secs_f64(with_fraction).map_err(|_| invalid)?;
    i64::try_from(since_epoch.as_secs()).map_err(|_| invalid)
}
