//! Client assertions: JSON Web Tokens by which a connected system proves who it is when it fetches an access token
//! (RFC 7523, as SMART Backend Services narrows it).

use super::client_keys::ClientKeys;
use super::settings::Algorithm;
use super::token::{Claims, Token, TokenError, seconds};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::fmt;
use std::fmt::Write;

/// The ways of signing that are accepted.
pub const ASSERTION_ALGORITHMS: [Algorithm; 2] = [Algorithm::Rs384, Algorithm::Es384];

/// An assertion ends so many seconds from now at the latest.
const LONGEST_AHEAD: i64 = 300;

/// Difference of clocks that is forgiven, in seconds.
const LEEWAY: i64 = 30;

/// Longest `jti` in bytes.
const LONGEST_ID: usize = 1024;

/// Why an assertion is not accepted. Safe to show: nothing of it is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AssertionError {
    /// Wrong as any token can be.
    Token(TokenError),
    /// `iss` and `sub` are not both the client.
    WrongParties,
    /// It ends too far from now.
    EndsTooLate,
    /// Its `jku` is not the registered one.
    OtherKeySet,
}

impl AssertionError {
    /// Stable code for the audit trail.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            AssertionError::Token(error) => match error {
                TokenError::TooLong | TokenError::Malformed | TokenError::NoRole => "malformed",
                TokenError::AlgorithmNotAccepted => "algorithm_not_accepted",
                TokenError::UnknownKey => "unknown_key",
                TokenError::KeyNotNamed => "key_not_named",
                TokenError::KeysUnavailable => "keys_unavailable",
                TokenError::BadSignature => "bad_signature",
                TokenError::Expired => "expired",
                TokenError::NotYetValid => "not_yet_valid",
                TokenError::WrongIssuer => "wrong_parties",
                TokenError::WrongAudience => "wrong_audience",
                TokenError::MissingClaim(_) => "missing_claim",
                TokenError::InvalidClaim(_) => "invalid_claim",
            },
            AssertionError::WrongParties => "wrong_parties",
            AssertionError::EndsTooLate => "ends_too_late",
            AssertionError::OtherKeySet => "key_set_not_registered",
        }
    }
}

impl fmt::Display for AssertionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AssertionError::Token(TokenError::AlgorithmNotAccepted) => {
                f.write_str("the assertion must be signed with RS384 or ES384 and a key for it")
            }
            AssertionError::Token(TokenError::WrongAudience) => {
                f.write_str("aud must be the address of this token endpoint, as its discovery document names it")
            }
            AssertionError::Token(TokenError::KeysUnavailable) => {
                f.write_str("the registered key set cannot be fetched at the moment")
            }
            AssertionError::Token(error) => error.fmt(f),
            AssertionError::WrongParties => f.write_str("iss and sub must both be the client id"),
            AssertionError::EndsTooLate => {
                write!(f, "exp must be at most {LONGEST_AHEAD} seconds from now")
            }
            AssertionError::OtherKeySet => {
                f.write_str("jku is not the address that is registered for this client")
            }
        }
    }
}

impl std::error::Error for AssertionError {}

impl From<TokenError> for AssertionError {
    fn from(error: TokenError) -> AssertionError {
        AssertionError::Token(error)
    }
}

/// What keeps an assertion that was accepted from being accepted again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Once {
    /// SHA-256 of its `jti`, in hexadecimal.
    pub id_hash: String,
    /// From then on it would not be accepted anyway.
    pub until: DateTime<Utc>,
}

/// Which client an assertion claims to be from. Nothing of it is believed yet: this is for looking up the client's keys,
/// and for the audit trail where the assertion is not accepted.
#[must_use]
pub fn claimed_client(assertion: &str) -> Option<String> {
    let claims = Claims::read(assertion.split('.').nth(1)?).ok()?;
    let text = |claim: Option<Value>| Some(claim?.as_str()?.to_owned());
    text(claims.iss).or_else(|| text(claims.sub))
}

/// Checks an assertion of `client`. May block while its key set is fetched.
///
/// # Errors
/// Why it is not accepted.
pub fn check_assertion(
    assertion: &str,
    client: &str,
    keys: &ClientKeys,
    audience: &str,
    now: DateTime<Utc>,
) -> Result<Once, AssertionError> {
    let token = Token::read(assertion)?;
    let algorithm = Algorithm::from_name(&token.header.alg)
        .filter(|algorithm| ASSERTION_ALGORITHMS.contains(algorithm))
        .ok_or(TokenError::AlgorithmNotAccepted)?;
    if let Some(jku) = &token.header.jku {
        let registered = keys.address();
        if registered.is_none() || jku.as_str() != registered {
            return Err(AssertionError::OtherKeySet);
        }
    }
    let key_id = token.header.kid.as_deref().ok_or(TokenError::KeyNotNamed)?;
    let key = keys.find(algorithm, key_id, now)?;
    token.check_signature(&key, algorithm)?;
    check_claims(&Claims::read(token.payload)?, client, audience, now)
}

fn check_claims(
    claims: &Claims,
    client: &str,
    audience: &str,
    now: DateTime<Utc>,
) -> Result<Once, AssertionError> {
    let issuer = claims.iss.as_ref().ok_or(TokenError::MissingClaim("iss"))?;
    let subject = claims.sub.as_ref().ok_or(TokenError::MissingClaim("sub"))?;
    if issuer.as_str() != Some(client) || subject.as_str() != Some(client) {
        return Err(AssertionError::WrongParties);
    }
    // One audience only: an assertion that is meant for others too could be used by them.
    let for_us = match claims.aud.as_ref().ok_or(TokenError::MissingClaim("aud"))? {
        Value::Array(several) => matches!(several.as_slice(), [one] if one == audience),
        one => one == audience,
    };
    if !for_us {
        return Err(TokenError::WrongAudience.into());
    }
    let ends = claims.exp.as_ref().ok_or(TokenError::MissingClaim("exp"))?;
    let until = check_times(seconds(ends, "exp")?, claims, now)?;
    let id = match claims.jti.as_ref().ok_or(TokenError::MissingClaim("jti"))? {
        Value::String(id) if (1..=LONGEST_ID).contains(&id.len()) => id,
        _ => return Err(TokenError::InvalidClaim("jti").into()),
    };
    Ok(Once {
        id_hash: hash_of(id),
        until,
    })
}

/// When an assertion is over for good.
fn check_times(
    ends: i64,
    claims: &Claims,
    now: DateTime<Utc>,
) -> Result<DateTime<Utc>, AssertionError> {
    let at = now.timestamp();
    let over = ends.saturating_add(LEEWAY);
    if at >= over {
        return Err(TokenError::Expired.into());
    }
    if ends > at.saturating_add(LONGEST_AHEAD + LEEWAY) {
        return Err(AssertionError::EndsTooLate);
    }
    if let Some(not_before) = &claims.nbf
        && at < seconds(not_before, "nbf")?.saturating_sub(LEEWAY)
    {
        return Err(TokenError::NotYetValid.into());
    }
    let over = DateTime::from_timestamp(over, 0).ok_or(TokenError::InvalidClaim("exp"))?;
    // Kept a little longer than needed: the machines of one service may differ as well.
    Ok(over + TimeDelta::seconds(LEEWAY))
}

fn hash_of(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    digest
        .iter()
        .fold(String::with_capacity(64), |mut written, byte| {
            // Writing to a string cannot fail.
            let _ = write!(written, "{byte:02x}");
            written
        })
}
