//! Who is calling: how the edge asks, without knowing how it is found out.

use crate::app::App;
pub use crate::auth::Principal;
use crate::auth::{TokenError, Verifier};
use crate::seam::Seam;
use std::sync::Arc;

/// Why nobody is known by a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthFailure {
    /// The token is not good: why, in words that may be shown.
    Refused(String),
    /// The keys cannot be had at the moment, so that nothing can be said about the token.
    Unavailable,
}

/// Somebody who has signed in to the pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Who it is to the service.
    pub principal: Principal,
    /// The name that the pages greet them with.
    pub display_name: String,
    /// What each form of theirs carries, so that no other site can send one in their name. The same for all sessions of
    /// one person: a form that outlived its session can still be sent once they have signed in again.
    pub csrf: String,
}

/// Tells from a bearer token who is calling.
pub trait Authenticate: Send + Sync {
    /// The principal of a token. It may wait for something outside, such as keys on another machine.
    ///
    /// # Errors
    /// Why nobody is known by the token.
    fn principal(&self, bearer: &str) -> Result<Principal, AuthFailure>;

    /// The same without waiting; none when it would have to.
    fn principal_at_once(&self, bearer: &str) -> Option<Result<Principal, AuthFailure>> {
        Some(self.principal(bearer))
    }

    /// Who holds the session whose secret is in the cookie; none when it has ended or there never was one.
    ///
    /// # Errors
    /// That nothing can be said at the moment.
    fn session(&self, cookie: &str) -> Result<Option<Session>, AuthFailure> {
        let _ = cookie;
        Ok(None)
    }
}

/// Tokens checked against the configured keys.
pub struct Tokens {
    verifier: Verifier,
    seam: Seam,
}

impl Tokens {
    /// Tokens checked by `verifier` at the time that `seam` tells.
    #[must_use]
    pub fn new(verifier: Verifier, seam: Seam) -> Tokens {
        Tokens { verifier, seam }
    }
}

impl Authenticate for Tokens {
    fn principal(&self, bearer: &str) -> Result<Principal, AuthFailure> {
        self.verifier
            .verify(bearer, self.seam.now())
            .map_err(failure)
    }

    fn principal_at_once(&self, bearer: &str) -> Option<Result<Principal, AuthFailure>> {
        let known = self.verifier.verify_cached(bearer, self.seam.now())?;
        Some(known.map_err(failure))
    }
}

/// Tokens, those that the service gave itself, and the sessions of people who sign in to the pages.
pub struct People {
    tokens: Tokens,
    app: Arc<App>,
}

impl People {
    /// Sessions are those that `app` keeps.
    #[must_use]
    pub fn new(tokens: Tokens, app: Arc<App>) -> People {
        People { tokens, app }
    }
}

impl People {
    /// Who holds a token that the service gave itself.
    fn connected(&self, bearer: &str) -> Option<Result<Principal, AuthFailure>> {
        let access = &self.app.settings.smart.access;
        let known = access.principal(bearer, self.app.seam.now())?;
        Some(known.map_err(failure))
    }
}

impl Authenticate for People {
    fn principal(&self, bearer: &str) -> Result<Principal, AuthFailure> {
        self.connected(bearer)
            .unwrap_or_else(|| self.tokens.principal(bearer))
    }

    fn principal_at_once(&self, bearer: &str) -> Option<Result<Principal, AuthFailure>> {
        self.connected(bearer)
            .or_else(|| self.tokens.principal_at_once(bearer))
    }

    fn session(&self, cookie: &str) -> Result<Option<Session>, AuthFailure> {
        let holder = self.app.holder_of_session(cookie).map_err(|error| {
            tracing::error!(%error, "a session could not be looked up");
            AuthFailure::Unavailable
        })?;
        Ok(holder.map(|holder| Session {
            principal: holder.principal,
            display_name: holder.display_name,
            csrf: holder.form_token,
        }))
    }
}

fn failure(error: TokenError) -> AuthFailure {
    match error {
        TokenError::KeysUnavailable => AuthFailure::Unavailable,
        refused => AuthFailure::Refused(refused.to_string()),
    }
}
