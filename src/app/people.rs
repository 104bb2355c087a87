//! People who sign in to the pages: their passwords, their lock-out, their sessions.

use super::core::App;
use super::error::{Error, FieldError, Result};
use crate::auth::oidc::{Identity, Provider};
use crate::auth::{Principal, Role, password};
use crate::db::rows::{NewAuditEntry, SessionRecord, User};
use crate::db::{DbError, Tx, queries};
use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::sync::Arc;

/// So many wrong passwords in a row lock a name.
pub const MOST_ATTEMPTS: i32 = 5;

/// For so long a name stays locked.
pub const LOCKED_FOR: TimeDelta = TimeDelta::minutes(15);

/// A session that is not used for so long has ended.
pub const IDLE_FOR: TimeDelta = TimeDelta::hours(8);

/// A session ends after so long in any case.
pub const SESSION_FOR: TimeDelta = TimeDelta::hours(12);

/// Use is noted no more often than this, so that reading a page does not write.
const NOTED_EVERY: TimeDelta = TimeDelta::minutes(1);

/// How people sign in.
#[derive(Debug, Clone, Default)]
pub struct SignInSettings {
    /// Whether anybody may sign in as one of the demonstration's people without a password. Only `medial demo` sets it.
    pub demonstration: bool,
    /// Where people sign in who have no password here.
    pub provider: Option<Arc<Provider>>,
}

/// A session that has just begun.
#[derive(Clone)]
pub struct NewSession {
    /// The secret for the cookie: it is nowhere else.
    pub secret: String,
    /// When it ends at the latest.
    pub expires_at: DateTime<Utc>,
}

/// Who holds a session.
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// Who it is to the service.
    pub principal: Principal,
    /// The name that the pages greet them with.
    pub display_name: String,
    /// What each form of theirs carries; the same for all sessions of one person.
    pub form_token: String,
}

/// Somebody to be added.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// Whose records they see.
    pub organization: String,
    /// The name they sign in with.
    pub login: String,
    /// The name that the pages greet them with.
    pub display_name: String,
    /// What they are to the service.
    pub role: Role,
}

/// What is wrong with a name to sign in with, if anything is.
fn login_problem(login: &str) -> Option<&'static str> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-@+".contains(c);
    let is_good = (1..=100).contains(&login.len()) && login.chars().all(fits);
    (!is_good).then_some("1 to 100 of the letters a-z, digits and . _ - @ + are accepted.")
}

/// The pages know everybody but systems and patients.
#[must_use]
pub const fn may_have_pages(role: Role) -> bool {
    match role {
        Role::Clinician | Role::Analyst | Role::Auditor | Role::Admin => true,
        Role::EhrSystem | Role::Patient => false,
    }
}

impl App {
    /// Signs somebody in with a password. Which of name, password and lock was wrong is not told.
    ///
    /// # Errors
    /// [`Error::Invalid`] for anything but the right password of somebody who may sign in.
    pub fn sign_in(self: &Arc<Self>, login: &str, given: &str) -> Result<NewSession> {
        let login = login.trim().to_lowercase();
        let known: Option<User> = self
            .db
            .read(|tx| queries::people::by_login(tx, &login).map_err(Error::from))?;
        // Outside of any transaction: this takes its time on purpose.
        let kept = known
            .as_ref()
            .and_then(|user| user.password_hash.as_deref());
        let is_right = password::is_right(given, kept);
        let Some(user) = known else {
            return Err(refused());
        };
        let (app, organization) = (Arc::clone(self), user.organization.clone());
        let session = self.db.write(move |tx| -> Result<Option<NewSession>> {
            let now = app.seam.now();
            // Read again: other attempts may have been made meanwhile.
            let Some(mut user) = queries::people::by_login(tx, &login)? else {
                return Ok(None);
            };
            let is_locked = user.locked_until.is_some_and(|until| until > now);
            if user.disabled_at.is_some() || is_locked {
                app.note(tx, &user, "sign_in", "refused", now)?;
                return Ok(None);
            }
            if !is_right {
                user.failed_attempts += 1;
                if user.failed_attempts >= MOST_ATTEMPTS {
                    user.failed_attempts = 0;
                    user.locked_until = Some(now + LOCKED_FOR);
                }
                queries::people::update(tx, &organization, &user)?;
                let outcome = if user.locked_until.is_some_and(|until| until > now) {
                    "locked"
                } else {
                    "refused"
                };
                app.note(tx, &user, "sign_in", outcome, now)?;
                return Ok(None);
            }
            user.failed_attempts = 0;
            user.locked_until = None;
            queries::people::update(tx, &organization, &user)?;
            app.begin(tx, &user, now).map(Some)
        })?;
        session.ok_or_else(refused)
    }

    /// Signs in one of the demonstration's people, where this is a demonstration.
    ///
    /// # Errors
    /// [`Error::NotFound`] where it is none, or has no such person.
    pub fn sign_in_to_demonstration(self: &Arc<Self>, login: &str) -> Result<NewSession> {
        let missing = || Error::NotFound { what: "person" };
        if !self.settings.sign_in.demonstration {
            return Err(missing());
        }
        let (app, login) = (Arc::clone(self), login.to_owned());
        self.db.write(move |tx| {
            let user = queries::people::by_login(tx, &login)?
                .filter(|user| user.disabled_at.is_none())
                .ok_or_else(missing)?;
            app.begin(tx, &user, app.seam.now())
        })
    }

    /// Signs in whoever the identity provider says it is: added at the first time, and brought up to date at each later one.
    ///
    /// # Errors
    /// [`Error::Conflict`] where they may not sign in here, or belong to another organization than before.
    pub fn sign_in_from(self: &Arc<Self>, issuer: &str, identity: &Identity) -> Result<NewSession> {
        if !may_have_pages(identity.role) {
            return Err(no_entry("The pages are not for this role."));
        }
        let host = issuer.split_once("://").map_or(issuer, |(_, rest)| rest);
        let login = format!("{}@{}", identity.subject, host.trim_end_matches('/'));
        let (app, identity) = (Arc::clone(self), identity.clone());
        let form_token = self.new_secret();
        self.db.write(move |tx| {
            let now = app.seam.now();
            let display_name = identity.name.clone().unwrap_or_else(|| login.clone());
            let Some(mut user) = queries::people::by_login(tx, &login)? else {
                let user = User {
                    id: app.seam.new_id(),
                    organization: identity.organization.clone(),
                    login: login.clone(),
                    display_name,
                    role: identity.role.code().to_owned(),
                    password_hash: None,
                    form_token: form_token.clone(),
                    failed_attempts: 0,
                    locked_until: None,
                    disabled_at: None,
                    created_at: now,
                };
                queries::organizations::ensure(tx, &user.organization, now)?;
                queries::people::insert(tx, &user.organization, &user)?;
                app.note(tx, &user, "add_user", "done", now)?;
                return app.begin(tx, &user, now);
            };
            if user.disabled_at.is_some() {
                app.note(tx, &user, "sign_in", "refused", now)?;
                return Err(no_entry("This account may not sign in here."));
            }
            if user.organization != identity.organization {
                return Err(no_entry(
                    "This account belonged to another organization before. Ask whoever runs the service.",
                ));
            }
            user.display_name = display_name;
            identity.role.code().clone_into(&mut user.role);
            queries::people::update(tx, &user.organization, &user)?;
            app.begin(tx, &user, now)
        })
    }

    /// A secret for an errand to the identity provider: 256 random bits in hexadecimal.
    #[must_use]
    pub fn errand_secret(&self) -> String {
        self.new_secret()
    }

    /// Who holds the session with this secret; `None` when it has ended, was not used for long, or never was.
    ///
    /// # Errors
    /// Those of the database.
    pub fn holder_of_session(self: &Arc<Self>, secret: &str) -> Result<Option<SignedIn>> {
        let hash = hash_of(secret);
        let now = self.seam.now();
        let found = self
            .db
            .read(|tx| queries::people::by_secret(tx, &hash).map_err(Error::from))?;
        let Some((session, user)) = found else {
            return Ok(None);
        };
        let has_ended = session.expires_at <= now || session.last_seen_at + IDLE_FOR <= now;
        if has_ended || user.disabled_at.is_some() {
            return Ok(None);
        }
        let Ok(role) = Role::from_code(&user.role) else {
            return Ok(None);
        };
        if session.last_seen_at + NOTED_EVERY <= now {
            let organization = user.organization.clone();
            self.db.write(move |tx| -> Result<()> {
                Ok(queries::people::touch_session(
                    tx,
                    &organization,
                    &hash,
                    now,
                )?)
            })?;
        }
        Ok(Some(SignedIn {
            principal: Principal {
                organization: user.organization,
                subject: user.login,
                role,
                scopes: None,
            },
            display_name: user.display_name,
            form_token: user.form_token,
        }))
    }

    /// Ends a session. One that has ended already is none to be worried about.
    ///
    /// # Errors
    /// Those of the database.
    pub fn sign_out(self: &Arc<Self>, secret: &str) -> Result<()> {
        let (app, hash) = (Arc::clone(self), hash_of(secret));
        self.db.write(move |tx| -> Result<()> {
            let Some((_, user)) = queries::people::by_secret(tx, &hash)? else {
                return Ok(());
            };
            queries::people::end_session(tx, &user.organization, &hash)?;
            app.note(tx, &user, "sign_out", "done", app.seam.now())
        })
    }

    /// Adds somebody who signs in with a password.
    ///
    /// # Errors
    /// [`Error::Invalid`] for every field that is wrong, [`Error::Conflict`] where the login is taken.
    pub fn add_user(self: &Arc<Self>, new: &NewUser, new_password: &str) -> Result<()> {
        let login = new.login.trim().to_lowercase();
        let mut errors = Vec::new();
        if let Some(problem) = login_problem(&login) {
            errors.push(FieldError::new("/login", "invalid_login", problem));
        }
        if !may_have_pages(new.role) {
            let detail =
                "Systems use tokens and patients use links; the pages are for the other roles.";
            errors.push(FieldError::new("/role", "no_pages", detail));
        }
        let salt = self.seam.random();
        let password_hash = match password::hash_new(&login, new_password, salt) {
            Ok(hash) => Some(hash),
            Err(error) => {
                errors.push(FieldError::new(
                    "/password",
                    "weak_password",
                    error.to_string(),
                ));
                None
            }
        };
        if !errors.is_empty() {
            return Err(Error::Invalid(errors));
        }
        let user = User {
            id: self.seam.new_id(),
            organization: new.organization.clone(),
            login,
            display_name: new.display_name.clone(),
            role: new.role.code().to_owned(),
            password_hash,
            form_token: self.new_secret(),
            failed_attempts: 0,
            locked_until: None,
            disabled_at: None,
            created_at: self.seam.now(),
        };
        let app = Arc::clone(self);
        self.db.write(move |tx| {
            queries::organizations::ensure(tx, &user.organization, user.created_at)?;
            queries::people::insert(tx, &user.organization, &user).map_err(
                |error| match error {
                    DbError::UniqueViolation { .. } => Error::Conflict {
                        code: "login_taken",
                        detail: format!("Somebody signs in as {} already.", user.login),
                    },
                    other => other.into(),
                },
            )?;
            app.note(tx, &user, "add_user", "done", user.created_at)
        })
    }

    /// Everybody of an organization, by login.
    ///
    /// # Errors
    /// Those of the database.
    pub fn users_of(self: &Arc<Self>, organization: &str) -> Result<Vec<User>> {
        self.db
            .read(|tx| queries::people::of_organization(tx, organization).map_err(Error::from))
    }

    /// Gives somebody another password, and ends their sessions.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Invalid`] for a password that is too weak.
    pub fn set_password(self: &Arc<Self>, login: &str, new_password: &str) -> Result<()> {
        let salt = self.seam.random();
        let hash = password::hash_new(login, new_password, salt)
            .map_err(|error| Error::field("/password", "weak_password", error.to_string()))?;
        self.change_user(login, "set_password", move |user, _| {
            user.password_hash = Some(hash.clone());
            user.failed_attempts = 0;
            user.locked_until = None;
        })
    }

    /// Lets somebody sign in no more, and ends their sessions; or lets them again.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub fn set_enabled(self: &Arc<Self>, login: &str, enabled: bool) -> Result<()> {
        let action = if enabled {
            "enable_user"
        } else {
            "disable_user"
        };
        self.change_user(login, action, move |user, now| {
            user.disabled_at = (!enabled).then_some(now);
            user.failed_attempts = 0;
            user.locked_until = None;
        })
    }

    fn change_user(
        self: &Arc<Self>,
        login: &str,
        action: &'static str,
        change: impl Fn(&mut User, DateTime<Utc>) + Send + Sync + 'static,
    ) -> Result<()> {
        let (app, login) = (Arc::clone(self), login.trim().to_lowercase());
        self.db.write(move |tx| {
            let mut user =
                queries::people::by_login(tx, &login)?.ok_or(Error::NotFound { what: "person" })?;
            let now = app.seam.now();
            change(&mut user, now);
            queries::people::update(tx, &user.organization, &user)?;
            queries::people::end_sessions_of(tx, &user.organization, user.id)?;
            app.note(tx, &user, action, "done", now)
        })
    }

    /// Forgets sessions that have ended; how many.
    ///
    /// # Errors
    /// Those of the database.
    pub fn forget_ended_sessions(self: &Arc<Self>) -> Result<usize> {
        let now = self.seam.now();
        self.db
            .write(move |tx| Ok(queries::people::forget_ended(tx, now, now - IDLE_FOR)?))
    }

    fn begin(&self, tx: &mut Tx<'_>, user: &User, now: DateTime<Utc>) -> Result<NewSession> {
        let secret = self.new_secret();
        let session = SessionRecord {
            secret_hash: hash_of(&secret),
            organization: user.organization.clone(),
            user: user.id,
            created_at: now,
            last_seen_at: now,
            expires_at: now + SESSION_FOR,
        };
        queries::people::begin_session(tx, &user.organization, &session)?;
        self.note(tx, user, "sign_in", "done", now)?;
        Ok(NewSession {
            secret,
            expires_at: session.expires_at,
        })
    }

    /// 256 random bits in hexadecimal.
    fn new_secret(&self) -> String {
        format!("{:032x}{:032x}", self.seam.random(), self.seam.random())
    }

    /// Writes down what happened to somebody, in the same transaction.
    fn note(
        &self,
        tx: &mut Tx<'_>,
        user: &User,
        action: &str,
        outcome: &str,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let entry = NewAuditEntry {
            id: self.seam.new_id(),
            at: now,
            principal: user.login.clone(),
            role: user.role.clone(),
            action: action.to_owned(),
            resource_kind: "user".to_owned(),
            resource_id: Some(user.id),
            patient: None,
            outcome: outcome.to_owned(),
            detail: None,
        };
        queries::audit::append(tx, &user.organization, &entry)?;
        Ok(())
    }
}

fn no_entry(detail: &str) -> Error {
    Error::Conflict {
        code: "no_entry",
        detail: detail.to_owned(),
    }
}

fn refused() -> Error {
    let minutes = LOCKED_FOR.num_minutes();
    Error::field(
        "/password",
        "sign_in_refused",
        format!(
            "Name and password do not belong together, or the name is locked. After {MOST_ATTEMPTS} wrong passwords in a row a name is locked for {minutes} minutes."
        ),
    )
}

/// What is kept of a session's secret.
fn hash_of(secret: &str) -> String {
    let digest = Sha256::digest(secret.as_bytes());
    digest
        .iter()
        .fold(String::with_capacity(64), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}
