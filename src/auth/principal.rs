//! Somebody whose token has been verified.

use super::permission::{Action, Role, allows};
use super::reach::Reach;
use super::scope::{Operation, Scopes};
use std::fmt;

/// Who asks: the subject of a verified token, in the one organization the token names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The organization whose records can be seen at all. From the token, never from a request.
    pub organization: String,
    /// Who, as the issuer of the token names them.
    pub subject: String,
    /// What they are to the service.
    pub role: Role,
    /// What the token was narrowed to; `None` when it carries no `scope` and the role alone decides.
    pub scopes: Option<Scopes>,
}

impl Principal {
    /// Whether the role allows it and, where the token carries scopes, one of them does too.
    #[must_use]
    pub fn allows(&self, action: Action) -> bool {
        let scope_allows = self
            .scopes
            .as_ref()
            .is_none_or(|scopes| scopes.allow(self.role, action));
        allows(self.role, action) && scope_allows
    }

    /// What of a FHIR resource type they may take away as a whole, as far as the token reaches: scopes of a connected
    /// system alone let anybody do that.
    #[must_use]
    pub fn export_reach(&self, resource: &str) -> Reach {
        self.scopes
            .as_ref()
            .map_or(Reach::All, |scopes| scopes.export_reach(resource))
    }

    /// What of a FHIR resource type the token reaches; the role is asked apart from it.
    #[must_use]
    pub fn reach(&self, resource: &str, operation: Operation) -> Reach {
        self.scopes
            .as_ref()
            .map_or(Reach::All, |scopes| scopes.reach(resource, operation))
    }

    /// The same at an edge that holds everything it gives out or takes in against [`Principal::reach`]: there, scopes
    /// with a filter and scopes of one patient count too. Anywhere else this would widen them.
    #[must_use]
    pub fn held_to_reach(mut self) -> Principal {
        self.scopes = self.scopes.map(Scopes::applied);
        self
    }

    /// Goes on only when [`Principal::allows`] says so.
    ///
    /// # Errors
    /// [`Forbidden`] with the action.
    pub fn require(&self, action: Action) -> Result<(), Forbidden> {
        if self.allows(action) {
            Ok(())
        } else {
            Err(Forbidden { action })
        }
    }
}

/// The principal is known and may not do this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forbidden {
    /// What was asked for.
    pub action: Action,
}

impl fmt::Display for Forbidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not allowed: {}", self.action.code())
    }
}

impl std::error::Error for Forbidden {}
