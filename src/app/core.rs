//! What every use case runs in: one transaction, the principal, the present instant, the profiles and the audit trail.

use super::bell::Bell;
use super::clients::SmartSettings;
use super::diary::DiarySettings;
use super::error::{Error, Result};
use super::people::SignInSettings;
use super::profiles::ProfileShelf;
use super::reading::ReadTrail;
use super::subscriptions::{Counts, SubscriptionSettings};
use super::under_way::UnderWay;
use crate::auth::{Action, Callers, Principal};
use crate::db::rows::{IdempotentAnswer, NewAuditEntry};
use crate::db::{Database, DbError, Tx, queries};
use crate::domain::qualification::Profile;
use crate::seam::Seam;
use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use std::path::PathBuf;
use std::sync::Arc;
use uuid::Uuid;

/// What the program is set to do.
#[derive(Clone)]
pub struct AppSettings {
    /// Decides which day it is.
    pub time_zone: Tz,
    /// The profiles that are active in an organization that has not chosen; `None`: all of them.
    pub active_profiles: Option<Vec<String>>,
    /// Where exports are kept until they are fetched or deleted.
    pub export_directory: PathBuf,
    /// The secret that pseudonyms and shifted dates of de-identified exports are made with. Whoever has it can tell
    /// whose a pseudonym is; with another one every pseudonym is another. At least 16 bytes, else nothing is de-identified.
    pub pseudonym_key: Vec<u8>,
    /// How people sign in to the pages.
    pub sign_in: SignInSettings,
    /// How patients' diaries are set up.
    pub diary: DiarySettings,
    /// How the service speaks SMART with connected systems.
    pub smart: SmartSettings,
    /// The systems that may ask for decision support.
    pub callers: Arc<Callers>,
    /// How systems are told of what happens.
    pub subscriptions: SubscriptionSettings,
}

impl std::fmt::Debug for AppSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AppSettings")
            .field("time_zone", &self.time_zone)
            .field("active_profiles", &self.active_profiles)
            .field("export_directory", &self.export_directory)
            .field("pseudonym_key", &"…")
            .field("diary", &self.diary)
            .finish()
    }
}

/// The program's one state: shared by every edge and by the jobs.
pub struct App {
    /// The database.
    pub db: Database,
    /// The clock, identifiers and randomness.
    pub seam: Seam,
    /// What the program is set to do.
    pub settings: AppSettings,
    /// The profiles at hand.
    pub shelf: ProfileShelf,
    /// Rung when a bulk export was asked for.
    pub bulk_asked: Bell,
    /// What came of telling other systems.
    pub told: Counts,
    /// Who read what, until it is written down.
    pub(super) trail: ReadTrail,
    under_way: UnderWay,
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// A key by which a client makes sure that a request sent twice is done once.
#[derive(Debug, Clone)]
pub struct OnceKey {
    /// As the client drew it.
    pub key: String,
    /// What the key stands for: a hash of the request.
    pub fingerprint: String,
}

/// An answer as it is kept to be given again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptAnswer {
    /// HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: String,
}

/// An answer that can be kept and given again.
pub trait Replay: Sized + Send + 'static {
    /// The form in which it is kept; `None` where it cannot be.
    fn keep(&self) -> Option<KeptAnswer>;
    /// The answer made anew from what was kept.
    ///
    /// # Errors
    /// An internal one when what was kept is no answer.
    fn again(kept: KeptAnswer) -> Result<Self>;
}

/// How often a transaction is tried again that met a row which another one wrote at the same moment.
const ATTEMPTS: usize = 8;

impl App {
    /// The program over `db` with the profiles at hand.
    #[must_use]
    pub fn new(
        db: Database,
        seam: Seam,
        settings: AppSettings,
        profiles: Vec<Profile>,
    ) -> Arc<App> {
        let shelf = ProfileShelf::new(profiles, settings.active_profiles.clone());
        Arc::new(App {
            db,
            seam,
            settings,
            shelf,
            bulk_asked: Bell::default(),
            told: Counts::default(),
            trail: ReadTrail::default(),
            under_way: UnderWay::default(),
        })
    }

    /// Today in the configured time zone.
    #[must_use]
    pub fn today(&self) -> NaiveDate {
        self.seam
            .now()
            .with_timezone(&self.settings.time_zone)
            .date_naive()
    }

    /// Runs `work` in one write transaction for `principal`. It may run more than once, each time from the beginning.
    ///
    /// # Errors
    /// Those of `work`; nothing is stored then.
    pub fn write<T: Send + 'static>(
        self: &Arc<Self>,
        principal: &Principal,
        work: impl Fn(&mut Unit<'_, '_>) -> Result<T> + Send + Sync + 'static,
    ) -> Result<T> {
        let work = Arc::new(work);
        for _ in 1..ATTEMPTS {
            match self.attempt(principal, &work) {
                Err(Error::Collision) => {}
                outcome => return outcome,
            }
        }
        self.attempt(principal, &work).map_err(|error| match error {
            Error::Collision => Error::Busy { retry_after: 1 },
            other => other,
        })
    }

    fn attempt<T: Send + 'static>(
        self: &Arc<Self>,
        principal: &Principal,
        work: &Arc<impl Fn(&mut Unit<'_, '_>) -> Result<T> + Send + Sync + 'static>,
    ) -> Result<T> {
        let _under_way = self.under_way.begin(self.seam.now());
        let (app, principal, work) = (Arc::clone(self), principal.clone(), Arc::clone(work));
        self.db.write(move |tx| {
            let now = app.seam.now();
            queries::organizations::ensure(tx, &principal.organization, now)?;
            work(&mut Unit {
                tx,
                app: &app,
                principal: &principal,
                now,
            })
        })
    }

    /// As [`Self::write`], once for each key: the same key gives the first answer again.
    ///
    /// # Errors
    /// [`Error::IdempotencyKeyReused`] where the key stands for another request; else those of `work`.
    pub fn write_once<R: Replay>(
        self: &Arc<Self>,
        principal: &Principal,
        once: Option<OnceKey>,
        work: impl Fn(&mut Unit<'_, '_>) -> Result<R> + Send + Sync + 'static,
    ) -> Result<R> {
        let Some(once) = once else {
            return self.write(principal, work);
        };
        self.write(principal, move |unit| {
            if let Some(earlier) = unit.answered_before(&once)? {
                return R::again(earlier);
            }
            let answer = work(unit)?;
            if let Some(kept) = answer.keep() {
                unit.keep_answer(&once, kept)?;
            }
            Ok(answer)
        })
    }

    /// As [`Self::read`]; `work` is also told as of which instant the view holds everything that was recorded.
    ///
    /// # Errors
    /// Those of `work`.
    pub fn read_settled<T>(
        self: &Arc<Self>,
        principal: &Principal,
        work: impl FnOnce(&mut Unit<'_, '_>, DateTime<Utc>) -> Result<T>,
    ) -> Result<T> {
        // Before the view is opened: a change that begins in between is younger.
        let settled = self.under_way.settled(self.seam.now());
        self.read(principal, |unit| work(unit, settled))
    }

    /// Runs `work` on one unchanging view of the database.
    ///
    /// # Errors
    /// Those of `work`.
    pub fn read<T>(
        self: &Arc<Self>,
        principal: &Principal,
        work: impl FnOnce(&mut Unit<'_, '_>) -> Result<T>,
    ) -> Result<T> {
        let now = self.seam.now();
        self.db.read(|tx| {
            work(&mut Unit {
                tx,
                app: self,
                principal,
                now,
            })
        })
    }
}

/// One transaction of one principal.
pub struct Unit<'u, 't> {
    /// The transaction.
    pub tx: &'u mut Tx<'t>,
    /// The program.
    pub app: &'u App,
    /// Who asks.
    pub principal: &'u Principal,
    /// The instant at which the transaction began.
    pub now: DateTime<Utc>,
}

impl std::fmt::Debug for Unit<'_, '_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Unit")
            .field("now", &self.now)
            .finish_non_exhaustive()
    }
}

impl Unit<'_, '_> {
    /// The organization whose records this transaction sees.
    #[must_use]
    pub fn organization(&self) -> &str {
        &self.principal.organization
    }

    /// Today in the configured time zone.
    #[must_use]
    pub fn today(&self) -> NaiveDate {
        self.now
            .with_timezone(&self.app.settings.time_zone)
            .date_naive()
    }

    /// A new id.
    #[must_use]
    pub fn new_id(&self) -> Uuid {
        self.app.seam.new_id()
    }

    /// Refuses what the principal may not do.
    ///
    /// # Errors
    /// [`Error::Forbidden`].
    pub fn require(&self, action: Action) -> Result<()> {
        if self.principal.allows(action) {
            Ok(())
        } else {
            Err(Error::Forbidden { action })
        }
    }

    /// Writes down, in this transaction, that the principal changed a record.
    ///
    /// # Errors
    /// Those of the database.
    pub fn audit(
        &mut self,
        action: Action,
        kind: &'static str,
        id: Uuid,
        patient: Option<Uuid>,
    ) -> Result<()> {
        let entry = NewAuditEntry {
            id: self.new_id(),
            at: self.now,
            principal: self.principal.subject.clone(),
            role: self.principal.role.code().to_owned(),
            action: action.code().to_owned(),
            resource_kind: kind.to_owned(),
            resource_id: Some(id),
            patient,
            outcome: "done".to_owned(),
            detail: None,
        };
        queries::audit::append(self.tx, &self.principal.organization, &entry)?;
        Ok(())
    }

    /// Writes down that the principal changed something that has a name and no id, such as a profile.
    ///
    /// # Errors
    /// Those of the database.
    pub fn audit_named(&mut self, action: Action, kind: &'static str, name: &str) -> Result<()> {
        let entry = NewAuditEntry {
            id: self.new_id(),
            at: self.now,
            principal: self.principal.subject.clone(),
            role: self.principal.role.code().to_owned(),
            action: action.code().to_owned(),
            resource_kind: kind.to_owned(),
            resource_id: None,
            patient: None,
            outcome: "done".to_owned(),
            detail: Some(name.to_owned()),
        };
        queries::audit::append(self.tx, &self.principal.organization, &entry)?;
        Ok(())
    }

    /// Notes that the principal read a record; written down within a moment, outside this transaction.
    pub fn note_read(
        &self,
        action: Action,
        kind: &'static str,
        id: Option<Uuid>,
        patient: Option<Uuid>,
    ) {
        self.app.trail.note(self, action, kind, id, patient);
    }

    fn answered_before(&mut self, once: &OnceKey) -> Result<Option<KeptAnswer>> {
        let (organization, subject) = (&self.principal.organization, &self.principal.subject);
        let Some(earlier) = queries::idempotency::get(self.tx, organization, subject, &once.key)?
        else {
            return Ok(None);
        };
        if earlier.fingerprint != once.fingerprint {
            return Err(Error::IdempotencyKeyReused);
        }
        let headers = serde_json::from_str(&earlier.headers)
            .map_err(|error| Error::Internal(error.into()))?;
        let status =
            u16::try_from(earlier.status).map_err(|error| Error::Internal(error.into()))?;
        Ok(Some(KeptAnswer {
            status,
            headers,
            body: earlier.body,
        }))
    }

    fn keep_answer(&mut self, once: &OnceKey, kept: KeptAnswer) -> Result<()> {
        let headers =
            serde_json::to_string(&kept.headers).map_err(|error| Error::Internal(error.into()))?;
        let answer = IdempotentAnswer {
            fingerprint: once.fingerprint.clone(),
            status: i32::from(kept.status),
            headers,
            body: kept.body,
            created_at: self.now,
        };
        let (organization, subject) = (&self.principal.organization, &self.principal.subject);
        queries::idempotency::put(self.tx, organization, subject, &once.key, &answer)?;
        Ok(())
    }
}

impl From<DbError> for Error {
    fn from(error: DbError) -> Error {
        match error {
            DbError::NotFound => Error::NotFound { what: "record" },
            DbError::UniqueViolation { .. } | DbError::Stale => Error::Collision,
            DbError::ForeignKeyViolation => Error::Conflict {
                code: "refers_to_nothing",
                detail: "What the record refers to no longer exists.".to_owned(),
            },
            DbError::Busy => Error::Busy { retry_after: 1 },
            DbError::Other(source) => Error::Internal(source),
        }
    }
}
