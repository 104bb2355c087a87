//! Signing tokens with the configured secret, for a single machine, the demonstration and tests.

use super::permission::Role;
use super::scope::Scopes;
use super::settings::{ConfigurationError, Settings};
use super::token::{LONGEST_ORGANIZATION, LONGEST_SUBJECT, is_name};
use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{EncodingKey, Header};
use serde::Serialize;
use std::fmt;

/// Why a token was not signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IssueError {
    /// The organization cannot be one.
    Organization,
    /// The subject cannot be one.
    Subject,
    /// The time to live is not positive, or ends beyond the calendar.
    TimeToLive,
    /// The signature could not be made.
    Signature,
}

impl fmt::Display for IssueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            IssueError::Organization => write!(
                f,
                "an organization has 1 to {LONGEST_ORGANIZATION} bytes, no control characters and no space around it"
            ),
            IssueError::Subject => write!(
                f,
                "a subject has 1 to {LONGEST_SUBJECT} bytes, no control characters and no space around it"
            ),
            IssueError::TimeToLive => f.write_str(
                "the time to live must be at least a second and end within the calendar",
            ),
            IssueError::Signature => f.write_str("the token could not be signed"),
        }
    }
}

impl std::error::Error for IssueError {}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    aud: &'a str,
    sub: &'a str,
    org: &'a str,
    role: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    iat: i64,
    nbf: i64,
    exp: i64,
}

/// Signs HS256 tokens that a [`super::Verifier`] of the same settings accepts.
pub struct Issuer {
    issuer: String,
    audience: String,
    key: EncodingKey,
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issuer")
            .field("issuer", &self.issuer)
            .field("audience", &self.audience)
            .finish_non_exhaustive()
    }
}

impl Issuer {
    /// Takes issuer, audience and secret from the settings.
    ///
    /// # Errors
    /// When there is no secret, or issuer or audience is empty.
    pub fn new(settings: &Settings) -> Result<Issuer, ConfigurationError> {
        settings.check()?;
        let secret = settings
            .secret
            .as_ref()
            .ok_or(ConfigurationError::NoSecret)?;
        Ok(Issuer {
            issuer: settings.issuer.clone(),
            audience: settings.audience.clone(),
            key: EncodingKey::from_secret(secret.bytes()),
        })
    }

    /// For tokens of the service's own, which nobody configures.
    pub(super) fn with_secret(issuer: &str, audience: &str, secret: &[u8]) -> Issuer {
        Issuer {
            issuer: issuer.to_owned(),
            audience: audience.to_owned(),
            key: EncodingKey::from_secret(secret),
        }
    }

    /// Signs a token that is valid from `now` for `time_to_live`.
    ///
    /// # Errors
    /// When a token with these claims would not be accepted.
    pub fn issue(
        &self,
        role: Role,
        organization: &str,
        subject: &str,
        scopes: Option<&Scopes>,
        time_to_live: TimeDelta,
        now: DateTime<Utc>,
    ) -> Result<String, IssueError> {
        if !is_name(organization, LONGEST_ORGANIZATION) {
            return Err(IssueError::Organization);
        }
        if !is_name(subject, LONGEST_SUBJECT) {
            return Err(IssueError::Subject);
        }
        if time_to_live < TimeDelta::seconds(1) {
            return Err(IssueError::TimeToLive);
        }
        let expires = now
            .checked_add_signed(time_to_live)
            .ok_or(IssueError::TimeToLive)?;
        let claims = Claims {
            iss: &self.issuer,
            aud: &self.audience,
            sub: subject,
            org: organization,
            role: role.code(),
            scope: scopes.map(Scopes::to_string),
            iat: now.timestamp(),
            nbf: now.timestamp(),
            exp: expires.timestamp(),
        };
        jsonwebtoken::encode(&Header::default(), &claims, &self.key)
            .map_err(|_| IssueError::Signature)
    }
}
