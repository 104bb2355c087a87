//! Who calls: a registered system that signs each call, and no call twice.

use crate::app::core::App;
use crate::app::error::{Error, Result};
use crate::auth::{Caller, Principal, Role, TokenError};
use crate::db::queries;
use crate::db::rows::NewAuditEntry;
use std::sync::Arc;

/// Who calls.
#[derive(Debug)]
pub enum Called<'a> {
    /// This system, as this principal.
    By(&'a Caller, Principal),
    /// Nobody who may; why, in words that may be shown.
    Refused(String),
    /// The keys cannot be had at the moment, so that nothing can be said.
    Unknown,
}

impl App {
    /// Who calls at one of `addresses` with a token. A call that is refused is written down in the audit trail of the
    /// organization of whoever is said to call, and of every organization with a registered system where nobody knows the
    /// issuer.
    ///
    /// # Errors
    /// Those of the database.
    pub fn called_by<'a>(
        self: &'a Arc<Self>,
        token: &str,
        addresses: &[&str],
    ) -> Result<Called<'a>> {
        let callers = &self.settings.callers;
        let call = match callers.check(token, addresses, self.seam.now()) {
            Ok(call) => call,
            Err(refused) if refused.why == TokenError::KeysUnavailable => {
                return Ok(Called::Unknown);
            }
            Err(refused) => return self.refused(refused.caller, refused.why.to_string()),
        };
        let caller = call.caller;
        let is_first = self.note_call(caller, &call.token_id, call.refused_from)?;
        if !is_first {
            return self.refused(Some(caller), "the token was used before".to_owned());
        }
        let principal = Principal {
            organization: caller.organization.clone(),
            subject: caller.issuer.clone(),
            role: Role::EhrSystem,
            scopes: None,
        };
        Ok(Called::By(caller, principal))
    }

    fn note_call(
        self: &Arc<Self>,
        caller: &Caller,
        token_id: &str,
        forget_at: chrono::DateTime<chrono::Utc>,
    ) -> Result<bool> {
        let (organization, issuer) = (caller.organization.clone(), caller.issuer.clone());
        let (token_id, now) = (token_id.to_owned(), self.seam.now());
        self.db.write(move |tx| {
            queries::organizations::ensure(tx, &organization, now)?;
            queries::cds::note_call(tx, &organization, &issuer, &token_id, forget_at)
                .map_err(Error::from)
        })
    }

    fn refused<'a>(self: &Arc<Self>, caller: Option<&Caller>, why: String) -> Result<Called<'a>> {
        let (subject, organizations) = match caller {
            Some(caller) => (caller.issuer.clone(), vec![caller.organization.clone()]),
            None => {
                let all = self.settings.callers.organizations();
                let all = all.into_iter().map(str::to_owned).collect();
                ("unknown".to_owned(), all)
            }
        };
        let (app, now, detail) = (Arc::clone(self), self.seam.now(), why.clone());
        self.db.write(move |tx| -> Result<()> {
            for organization in &organizations {
                let entry = NewAuditEntry {
                    id: app.seam.new_id(),
                    at: now,
                    principal: subject.clone(),
                    role: Role::EhrSystem.code().to_owned(),
                    action: "call_service".to_owned(),
                    resource_kind: "cds_service".to_owned(),
                    resource_id: None,
                    patient: None,
                    outcome: "refused".to_owned(),
                    detail: Some(detail.clone()),
                };
                queries::organizations::ensure(tx, organization, now)?;
                queries::audit::append(tx, organization, &entry)?;
            }
            Ok(())
        })?;
        Ok(Called::Refused(why))
    }
}
