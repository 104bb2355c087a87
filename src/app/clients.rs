//! Systems that connect by SMART Backend Services: who they are, and the tokens they are given.

use super::core::App;
use super::error::{Error, FieldError, Result};
use super::subscriptions;
use crate::auth::ehr::Ehr;
use crate::auth::{
    ACCESS_SECONDS, AccessTokens, AssertionError, ClientKeys, KeySets, Once, Role, Scope, Scopes,
    check_assertion, check_client_key_address, check_client_key_set, claimed_client,
};
use crate::db::rows::{Client, KeysOfClient, NewAuditEntry};
use crate::db::{DbError, Tx, queries};
use chrono::{DateTime, Utc};
use std::sync::Arc;

/// Longest name of a client, in characters.
const LONGEST_NAME: usize = 200;

/// How the service speaks SMART.
#[derive(Debug, Clone)]
pub struct SmartSettings {
    /// Signs and checks the tokens of connected systems.
    pub access: Arc<AccessTokens>,
    /// The key sets of those systems that have theirs at an address.
    pub key_sets: Arc<KeySets>,
    /// The record systems that may launch the pages.
    pub ehrs: Vec<Arc<Ehr>>,
}

impl SmartSettings {
    /// With a secret that tokens are signed with; nobody launches the pages yet.
    #[must_use]
    pub fn new(secret: &[u8]) -> SmartSettings {
        SmartSettings {
            access: Arc::new(AccessTokens::new(secret)),
            key_sets: Arc::default(),
            ehrs: Vec::new(),
        }
    }
}

/// A client to be added.
#[derive(Debug, Clone)]
pub struct NewClient {
    /// Whose records it sees.
    pub organization: String,
    /// What it calls itself.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// What it is to the service.
    pub role: Role,
    /// The most that it may ask for.
    pub scopes: Vec<Scope>,
    /// Its public keys.
    pub keys: KeysOfClient,
}

/// A system is not a person, and signs in as none.
#[must_use]
pub const fn may_be_a_client(role: Role) -> bool {
    match role {
        Role::EhrSystem | Role::Analyst | Role::Auditor => true,
        Role::Clinician | Role::Patient | Role::Admin => false,
    }
}

/// A request for a token.
#[derive(Debug, Clone)]
pub struct TokenRequest {
    /// The assertion as it came.
    pub assertion: String,
    /// The scopes that are asked for.
    pub scope: String,
    /// Who it is from, where the request says so apart from the assertion.
    pub client_id: Option<String>,
    /// The address of the token endpoint.
    pub audience: String,
}

/// A token that was given.
#[derive(Clone)]
pub struct GivenToken {
    /// The token.
    pub token: String,
    /// What it allows.
    pub scope: String,
    /// How long it is good for, in seconds.
    pub expires_in: u16,
}

/// Why none was given: by the names of RFC 6749, section 5.2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenRefusal {
    /// `invalid_client`: in words.
    Client(String),
    /// `invalid_scope`: in words.
    Scope(&'static str),
}

/// What becomes of a request once it is known whom it claims to be from.
enum Decision {
    Given { client: Client, scope: String },
    Refused(TokenRefusal),
}

impl App {
    /// Adds a client.
    ///
    /// # Errors
    /// [`Error::Invalid`] for every field that is wrong, [`Error::Conflict`] where the id is taken.
    pub fn add_client(self: &Arc<Self>, new: &NewClient) -> Result<()> {
        let errors = problems(new);
        if !errors.is_empty() {
            return Err(Error::Invalid(errors));
        }
        let words: Vec<String> = new.scopes.iter().map(Scope::to_string).collect();
        let client = Client {
            organization: new.organization.clone(),
            id: new.id.clone(),
            name: new.name.clone(),
            role: new.role.code().to_owned(),
            scopes: words.join(" "),
            keys: new.keys.clone(),
            disabled_at: None,
            created_at: self.seam.now(),
        };
        let app = Arc::clone(self);
        self.db.write(move |tx| {
            queries::organizations::ensure(tx, &client.organization, client.created_at)?;
            queries::clients::insert(tx, &client.organization, &client).map_err(
                |error| match error {
                    DbError::UniqueViolation { .. } => Error::Conflict {
                        code: "client_taken",
                        detail: format!("There is a client {} already.", client.id),
                    },
                    other => other.into(),
                },
            )?;
            app.note_client(tx, &client, "add_client", "done", None)
        })
    }

    /// The clients of an organization, by id.
    ///
    /// # Errors
    /// Those of the database.
    pub fn clients_of(self: &Arc<Self>, organization: &str) -> Result<Vec<Client>> {
        self.db
            .read(|tx| queries::clients::of_organization(tx, organization).map_err(Error::from))
    }

    /// Gives a client no more tokens, or again.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub fn set_client_enabled(self: &Arc<Self>, id: &str, enabled: bool) -> Result<()> {
        let action = if enabled {
            "enable_client"
        } else {
            "disable_client"
        };
        self.change_client(id, action, move |tx, client, now| {
            let since = (!enabled).then_some(now);
            queries::clients::set_disabled(tx, &client.organization, &client.id, since)?;
            if enabled {
                return Ok(());
            }
            subscriptions::turn_off_of_client(tx, &client.organization, &client.id, now)
        })
    }

    /// Forgets a client. What it did stays in the audit trail.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub fn remove_client(self: &Arc<Self>, id: &str) -> Result<()> {
        self.change_client(id, "remove_client", |tx, client, now| {
            queries::clients::delete(tx, &client.organization, &client.id)?;
            subscriptions::turn_off_of_client(tx, &client.organization, &client.id, now)
        })
    }

    fn change_client(
        self: &Arc<Self>,
        id: &str,
        action: &'static str,
        change: impl Fn(&mut Tx<'_>, &Client, DateTime<Utc>) -> crate::db::Result<()>
        + Send
        + Sync
        + 'static,
    ) -> Result<()> {
        let (app, id) = (Arc::clone(self), id.to_owned());
        self.db.write(move |tx| {
            let client =
                queries::clients::by_id(tx, &id)?.ok_or(Error::NotFound { what: "client" })?;
            change(tx, &client, app.seam.now())?;
            app.note_client(tx, &client, action, "done", None)
        })
    }

    /// Gives a token to whom the assertion proves to be a client. The assertion is taken, so that it is good for one
    /// token; and whatever becomes of it is written down. May wait for the client's keys.
    ///
    /// # Errors
    /// Those of the database. That no token is given is not one of them.
    pub fn give_token(
        self: &Arc<Self>,
        request: TokenRequest,
    ) -> Result<std::result::Result<GivenToken, TokenRefusal>> {
        let unknown = || TokenRefusal::Client("the client is not known here".to_owned());
        let claimed = claimed_client(&request.assertion);
        let same = |id: &String| request.client_id.as_ref().is_none_or(|own| own == id);
        let Some(id) = claimed.filter(same) else {
            tracing::warn!("a client assertion that names no client was refused");
            return Ok(Err(unknown()));
        };
        let known = self
            .db
            .read(|tx| queries::clients::by_id(tx, &id).map_err(Error::from))?;
        let Some(client) = known else {
            // It belongs to no organization, and so to no audit trail.
            tracing::warn!("a client assertion of nobody who is known was refused");
            return Ok(Err(unknown()));
        };
        // Outside of any transaction: another machine may be asked for keys.
        let checked = self.check_assertion_of(&client, &request);
        match self.decide(client, request.scope, checked)? {
            Decision::Refused(refusal) => Ok(Err(refusal)),
            Decision::Given { client, scope } => self.signed(&client, scope).map(Ok),
        }
    }

    fn check_assertion_of(
        &self,
        client: &Client,
        request: &TokenRequest,
    ) -> std::result::Result<Once, AssertionError> {
        let keys = match &client.keys {
            KeysOfClient::Document(document) => ClientKeys::Document(document),
            KeysOfClient::Address(address) => {
                ClientKeys::Address(address, &self.settings.smart.key_sets)
            }
        };
        let now = self.seam.now();
        check_assertion(
            &request.assertion,
            &client.id,
            &keys,
            &request.audience,
            now,
        )
    }

    fn decide(
        self: &Arc<Self>,
        client: Client,
        scope: String,
        checked: std::result::Result<Once, AssertionError>,
    ) -> Result<Decision> {
        let app = Arc::clone(self);
        self.db.write(move |tx| {
            let refused = |tx: &mut Tx<'_>, why: &str, refusal: TokenRefusal| {
                app.note_client(tx, &client, "request_token", "refused", Some(why))?;
                Ok(Decision::Refused(refusal))
            };
            let once = match &checked {
                Ok(once) => once,
                Err(error) => {
                    let refusal = TokenRefusal::Client(error.to_string());
                    return refused(tx, error.code(), refusal);
                }
            };
            let organization = client.organization.as_str();
            let taken = queries::clients::take_assertion(
                tx,
                organization,
                &client.id,
                &once.id_hash,
                once.until,
            )?;
            if !taken {
                let what = "the assertion was used before: draw a new jti for each";
                return refused(tx, "replayed", TokenRefusal::Client(what.to_owned()));
            }
            // Looked up again: it may have been disabled meanwhile.
            let current = queries::clients::by_id(tx, &client.id)?;
            let Some(current) = current.filter(|it| it.disabled_at.is_none()) else {
                let what = "the client is disabled".to_owned();
                return refused(tx, "disabled", TokenRefusal::Client(what));
            };
            let granted = Scopes::parse(&current.scopes).granted(&scope);
            if granted.is_empty() {
                let what = "none of the scopes that were asked for is registered for this client";
                return refused(tx, "invalid_scope", TokenRefusal::Scope(what));
            }
            app.note_client(tx, &current, "request_token", "done", Some(&granted))?;
            Ok(Decision::Given {
                client: current,
                scope: granted,
            })
        })
    }

    fn signed(&self, client: &Client, scope: String) -> Result<GivenToken> {
        let role = Role::from_code(&client.role)
            .map_err(|_| Error::internal("the role of a client is not known"))?;
        let token = self
            .settings
            .smart
            .access
            .issue(
                &client.organization,
                &client.id,
                role,
                &Scopes::parse(&scope),
                self.seam.now(),
            )
            .map_err(|error| Error::Internal(error.into()))?;
        Ok(GivenToken {
            token,
            scope,
            expires_in: ACCESS_SECONDS,
        })
    }

    /// Forgets assertions that have ended; how many.
    ///
    /// # Errors
    /// Those of the database.
    pub fn forget_ended_assertions(self: &Arc<Self>) -> Result<usize> {
        let now = self.seam.now();
        self.db
            .write(move |tx| Ok(queries::clients::forget_ended_assertions(tx, now)?))
    }

    /// Writes down what happened to a client, in the same transaction.
    fn note_client(
        &self,
        tx: &mut Tx<'_>,
        client: &Client,
        action: &str,
        outcome: &str,
        detail: Option<&str>,
    ) -> Result<()> {
        let entry = NewAuditEntry {
            id: self.seam.new_id(),
            at: self.seam.now(),
            principal: client.id.clone(),
            role: client.role.clone(),
            action: action.to_owned(),
            resource_kind: "client".to_owned(),
            resource_id: None,
            patient: None,
            outcome: outcome.to_owned(),
            detail: detail.map(str::to_owned),
        };
        queries::audit::append(tx, &client.organization, &entry)?;
        Ok(())
    }
}

/// Everything that is wrong with a client to be added.
fn problems(new: &NewClient) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let mut wrong = |pointer: &str, code: &'static str, detail: String| {
        errors.push(FieldError::new(pointer, code, detail));
    };
    let fits = |c: char| c.is_ascii_alphanumeric() || "._-:/".contains(c);
    if !(1..=100).contains(&new.id.len()) || !new.id.chars().all(fits) {
        let what = "1 to 100 ASCII letters, digits and . _ - : / are accepted.";
        wrong("/id", "invalid_id", what.to_owned());
    }
    let length = new.name.chars().count();
    if !(1..=LONGEST_NAME).contains(&length) || new.name.contains(char::is_control) {
        let what = format!("1 to {LONGEST_NAME} characters are accepted, no control characters.");
        wrong("/name", "invalid_name", what);
    }
    if !may_be_a_client(new.role) {
        let what =
            "A system is an ehr_system, an analyst or an auditor; the other roles are people.";
        wrong("/role", "not_a_system", what.to_owned());
    }
    if new.scopes.is_empty() || !new.scopes.iter().all(Scope::is_system) {
        let what = "One system/ scope or more, as system/*.rs, is needed, and no other kind.";
        wrong("/scope", "invalid_scope", what.to_owned());
    }
    let (pointer, checked) = match &new.keys {
        KeysOfClient::Document(document) => ("/jwks", check_client_key_set(document)),
        KeysOfClient::Address(address) => ("/jwks_url", check_client_key_address(address)),
    };
    if let Err(what) = checked {
        wrong(pointer, "invalid_keys", what);
    }
    errors
}
