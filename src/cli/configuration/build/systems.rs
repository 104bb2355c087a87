//! Other systems: where people sign in, record systems that launch the pages, clients that connect, and those that ask for
//! decision support.

use super::Builder;
use super::secrets::words_in;
use crate::app::clients::SmartSettings;
use crate::app::people::{SignInSettings, may_have_pages};
use crate::auth::ehr::Ehr;
use crate::auth::oidc::{OidcSettings, Provider};
use crate::auth::{Caller, Callers, Role};
use crate::cli::configuration::{Problem, ehrs};
use std::sync::Arc;

impl Builder {
    pub(super) fn sign_in(&mut self) -> SignInSettings {
        let provider = self
            .text_of("sign_in.issuer")
            .and_then(|issuer| self.provider(issuer));
        SignInSettings {
            demonstration: false,
            provider: provider.map(Arc::new),
        }
    }

    fn provider(&mut self, issuer: String) -> Option<Provider> {
        let client_secret = match self.path("sign_in.client_secret_file") {
            Some(path) => match words_in(&path) {
                Ok(secret) => Some(secret),
                Err(what) => {
                    self.problem("sign_in.client_secret_file", what);
                    return None;
                }
            },
            None => None,
        };
        Some(Provider::new(OidcSettings {
            issuer,
            label: self.words("sign_in.label"),
            client_id: self.words("sign_in.client_id"),
            client_secret,
            scopes: self.list("sign_in.scopes").unwrap_or_default(),
            role_claim: self.words("sign_in.role_claim"),
            roles: self.roles(),
            organization_claim: self.text_of("sign_in.organization_claim"),
            organization: self.text_of("sign_in.organization"),
        }))
    }

    /// Which value of the provider's claim is which role.
    fn roles(&mut self) -> Vec<(String, Role)> {
        let mut roles = Vec::new();
        for pair in self.list("sign_in.roles").unwrap_or_default() {
            let role = pair
                .split_once('=')
                .and_then(|(value, role)| Some((value.to_owned(), Role::from_code(role).ok()?)))
                .filter(|(_, role)| may_have_pages(*role));
            match role {
                Some(role) => roles.push(role),
                None => {
                    let what = format!(
                        "“{pair}” is no VALUE=ROLE with one of the roles clinician, analyst, auditor, admin"
                    );
                    self.problem("sign_in.roles", what);
                }
            }
        }
        roles
    }

    pub(super) fn smart(&mut self, token_secret: Option<&[u8]>) -> SmartSettings {
        let secret = self.access_secret(token_secret);
        SmartSettings {
            ehrs: self.ehrs(),
            ..SmartSettings::new(&secret)
        }
    }

    fn ehrs(&mut self) -> Vec<Arc<Ehr>> {
        let Some(path) = self.path("smart.ehrs_file") else {
            return Vec::new();
        };
        match ehrs::read(&path) {
            Ok(ehrs) => ehrs.into_iter().map(Arc::new).collect(),
            Err(problems) => {
                for what in problems {
                    self.problem("smart.ehrs_file", what);
                }
                Vec::new()
            }
        }
    }

    pub(super) fn callers(&mut self) -> Arc<Callers> {
        let mut callers = Vec::new();
        for given in std::mem::take(&mut self.callers) {
            match Caller::new(given.settings) {
                Ok(caller) => callers.push(caller),
                Err(error) => self.problems.push(Problem {
                    origin: given.origin,
                    name: None,
                    what: format!("cds.client: {error}"),
                }),
            }
        }
        Arc::new(Callers::new(callers))
    }
}
