//! The access tokens that the service itself gives to connected systems: short-lived, and signed with a key that is
//! for nothing else, so that they work however other tokens are issued and cannot be taken for one of those.

use super::issuer::{IssueError, Issuer};
use super::permission::Role;
use super::principal::Principal;
use super::scope::Scopes;
use super::token::{TokenError, Verifier};
use chrono::{DateTime, TimeDelta, Utc};

/// How long an access token is good for, in seconds.
pub const ACCESS_SECONDS: u16 = 290;

/// Difference between the clocks of the machines of one service that is forgiven, in seconds. With it a token is good
/// for 300 seconds at most.
const LEEWAY: i64 = 10;

const ISSUER: &str = "medial access tokens";
const AUDIENCE: &str = "medial";

/// Signs and checks access tokens.
#[derive(Debug)]
pub struct AccessTokens {
    issuer: Issuer,
    verifier: Verifier,
}

impl AccessTokens {
    /// With a secret of any length.
    #[must_use]
    pub fn new(secret: &[u8]) -> AccessTokens {
        AccessTokens {
            issuer: Issuer::with_secret(ISSUER, AUDIENCE, secret),
            verifier: Verifier::with_secret(ISSUER, AUDIENCE, LEEWAY, secret),
        }
    }

    /// A token for a client, from `now` on.
    ///
    /// # Errors
    /// When a token with these claims would not be accepted.
    pub fn issue(
        &self,
        organization: &str,
        client: &str,
        role: Role,
        scopes: &Scopes,
        now: DateTime<Utc>,
    ) -> Result<String, IssueError> {
        let good_for = TimeDelta::seconds(i64::from(ACCESS_SECONDS));
        self.issuer
            .issue(role, organization, client, Some(scopes), good_for, now)
    }

    /// Who holds a token; `None` where it is not one of these, and others may know it.
    pub fn principal(
        &self,
        token: &str,
        now: DateTime<Utc>,
    ) -> Option<Result<Principal, TokenError>> {
        match self.verifier.verify_cached(token, now)? {
            Err(TokenError::BadSignature | TokenError::AlgorithmNotAccepted) => None,
            known => Some(known),
        }
    }
}
