//! Who is calling: how the edge asks, without knowing how it is found out.

use crate::auth::{Action, Role};

/// Somebody whose token was found good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// Whose records.
    pub organization: String,
    /// Who, within the organization.
    pub subject: String,
    /// As what.
    pub role: Role,
}

impl Principal {
    /// Whether the role allows an action.
    #[must_use]
    pub fn allows(&self, action: Action) -> bool {
        self.role != Role::Auditor || action == Action::ReadAudit
    }
}

/// Why nobody is known by a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthFailure {
    /// The token is not good: why, in words that may be shown.
    Refused(String),
    /// The keys cannot be had at the moment, so that nothing can be said about the token.
    Unavailable,
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
}
