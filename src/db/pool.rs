//! The open database: readers, the writer, and transactions on them.

use super::conn::{Connection, Manager, Url};
use super::dialect::{self, DatabaseKind, Mode};
use super::error::DbError;
use super::tx::{Failure, Tx, panicked, spoilt};
use super::writer::Writer;
use diesel::connection::{Instrumentation, InstrumentationEvent};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How to open a database.
#[derive(Debug, Clone)]
pub struct DatabaseSettings {
    /// `sqlite://PATH`, `postgres://…` or `postgresql://…`.
    pub url: String,
    /// How many transactions run at once: readers on SQLite, all on PostgreSQL.
    pub connections: u32,
    /// How long to wait for a free connection.
    pub connection_wait: Duration,
    /// How long PostgreSQL may take for one statement.
    pub statement_timeout: Duration,
    /// How long SQLite waits for another process that holds the write lock.
    pub busy_wait: Duration,
    /// When SQLite calls a write durable.
    pub synchronous: Synchronous,
}

impl DatabaseSettings {
    /// The default settings for the database at `url`.
    pub fn new(url: impl Into<String>) -> DatabaseSettings {
        DatabaseSettings {
            url: url.into(),
            connections: 8,
            connection_wait: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(15),
            busy_wait: Duration::from_secs(5),
            synchronous: Synchronous::Full,
        }
    }
}

/// When SQLite calls a write durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Synchronous {
    /// When it is on the disk: an acknowledged record survives a loss of power.
    Full,
    /// When the operating system has it: it survives a crash of the program, but not a loss of power.
    Normal,
}

impl Synchronous {
    /// SQLite's name for it.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Synchronous::Full => "FULL",
            Synchronous::Normal => "NORMAL",
        }
    }
}

/// An open database. Clones share it.
#[derive(Clone)]
pub struct Database {
    shared: Arc<Shared>,
}

struct Shared {
    url: Url,
    pool: r2d2::Pool<Manager>,
    settings: DatabaseSettings,
    /// SQLite's one writer; PostgreSQL writes through the pool.
    writer: Option<Writer>,
    jitter: AtomicU64,
}

/// How often a transaction that met another one is run before it is given up.
const ATTEMPTS: u32 = 12;

/// How one run of the work ended.
enum Attempt<T, E> {
    Done(T),
    Failed(E),
    Again(Failure, E),
}

impl Database {
    /// Opens a database; a SQLite file that does not exist is created.
    ///
    /// # Errors
    /// [`DbError::Other`] when the URL is not understood or the database cannot be reached.
    pub fn open(settings: &DatabaseSettings) -> Result<Database, DbError> {
        let url = Url::parse(&settings.url)?;
        let manager = Manager::new(settings.clone(), url.clone());
        // Also where the pool writes: a wrong URL is told at once and not after the pool has waited.
        let connection = manager.writing()?;
        let writer = match url.kind() {
            DatabaseKind::Sqlite => Some(Writer::start(
                connection,
                Manager::new(settings.clone(), url.clone()),
            )?),
            DatabaseKind::Postgres => None,
        };
        let pool = r2d2::Pool::builder()
            .max_size(settings.connections.max(1))
            .min_idle(Some(1))
            .test_on_check_out(false)
            .connection_timeout(settings.connection_wait)
            .build(manager)
            .map_err(|error| DbError::Other(Box::new(error)))?;
        let jitter = AtomicU64::new(u64::from(std::process::id()));
        Ok(Database {
            shared: Arc::new(Shared {
                url,
                pool,
                settings: settings.clone(),
                writer,
                jitter,
            }),
        })
    }

    /// Which database it is.
    #[must_use]
    pub fn kind(&self) -> DatabaseKind {
        self.shared.url.kind()
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.shared.url
    }

    /// Runs `work` in a transaction that sees one unchanging state of the database and cannot change it.
    ///
    /// # Errors
    /// Those of `work`, and [`DbError::Busy`] when no connection is free in time.
    pub fn read<T, E: From<DbError>>(
        &self,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut connection = self.begun(Mode::Read)?;
        let mut tx = Tx::new(&mut connection.inner);
        let result = work(&mut tx);
        let disconnected = tx.failure() == Some(Failure::Disconnected);
        connection.broken |= connection.inner.rollback().is_err() || disconnected;
        result
    }

    /// Runs `work` in a transaction and keeps what it wrote, durably, when it returns `Ok`; else nothing of it.
    ///
    /// SQLite: on the one writer's thread, where waiting requests share one commit. PostgreSQL: in a serializable
    /// transaction, run again from the start when it meets another one. So `work` may run several times.
    ///
    /// # Errors
    /// Those of `work`, and [`DbError::Busy`] when it met other transactions too often or no connection is free.
    pub fn write<T, E>(
        &self,
        work: impl Fn(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        match &self.shared.writer {
            Some(writer) => writer.write(work),
            None => self.write_serializable(work),
        }
    }

    fn write_serializable<T, E: From<DbError>>(
        &self,
        work: impl Fn(&mut Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut duplicates = 0;
        for attempt in 1..=ATTEMPTS {
            match self.attempt(&work)? {
                Attempt::Done(value) => return Ok(value),
                Attempt::Failed(error) => return Err(error),
                Attempt::Again(Failure::Duplicate, error) => {
                    // Run again, work that looks first finds what the other one wrote.
                    duplicates += 1;
                    if duplicates > 1 {
                        return Err(error);
                    }
                }
                Attempt::Again(_, _) => self.back_off(attempt),
            }
        }
        Err(E::from(DbError::Busy))
    }

    /// Runs `work` once. The outer error is the connection's.
    fn attempt<T, E: From<DbError>>(
        &self,
        work: &impl Fn(&mut Tx<'_>) -> Result<T, E>,
    ) -> Result<Attempt<T, E>, E> {
        let mut connection = self.begun(Mode::Write)?;
        let mut tx = Tx::new(&mut connection.inner);
        let Ok(result) = catch_unwind(AssertUnwindSafe(|| work(&mut tx))) else {
            // Nobody knows what the work left on the connection.
            connection.broken = true;
            return Ok(Attempt::Failed(E::from(panicked())));
        };
        let failure = tx.failure();
        let value = match (result, failure) {
            (Ok(value), None) => value,
            (result, failure) => {
                connection.broken |=
                    connection.inner.rollback().is_err() || failure == Some(Failure::Disconnected);
                let error = result.err().unwrap_or_else(|| E::from(spoilt()));
                return Ok(match failure {
                    Some(again @ (Failure::Transient | Failure::Duplicate)) => {
                        Attempt::Again(again, error)
                    }
                    Some(Failure::Disconnected | Failure::Final) | None => Attempt::Failed(error),
                });
            }
        };
        let Err(error) = connection.inner.commit() else {
            return Ok(Attempt::Done(value));
        };
        let failure = Failure::of(&error);
        connection.broken |= connection.inner.depth().map_or(true, |depth| depth > 0);
        let error = E::from(error.into());
        Ok(if failure == Failure::Transient {
            Attempt::Again(failure, error)
        } else {
            Attempt::Failed(error)
        })
    }

    /// A connection with a transaction begun on it. One that has gone since it was last used is replaced.
    fn begun(&self, mode: Mode) -> Result<r2d2::PooledConnection<Manager>, DbError> {
        let mut left = self.shared.settings.connections;
        loop {
            let mut connection = self.shared.pool.get().map_err(|_| DbError::Busy)?;
            let Err(error) = connection.inner.begin(mode) else {
                return Ok(connection);
            };
            connection.broken = true;
            if left == 0 || Failure::of(&error) != Failure::Disconnected {
                return Err(error.into());
            }
            left -= 1;
        }
    }

    /// Waits 1 to 2 ms before the second attempt, twice as long before each further one, up to 128 ms.
    fn back_off(&self, attempt: u32) {
        let step = 1000u64 << attempt.saturating_sub(1).min(6);
        // A Weyl sequence: neighbours lie far apart, which is all that is asked of it.
        let draw = self
            .shared
            .jitter
            .fetch_add(1, Ordering::Relaxed)
            .wrapping_mul(0x9E37_79B9_7F4A_7C15)
            >> 32;
        std::thread::sleep(Duration::from_micros(step + draw % step));
    }

    /// A connection of its own that may write, for what does not fit into a transaction.
    pub(super) fn writing(&self) -> Result<dialect::AnyConnection, DbError> {
        Manager::new(self.shared.settings.clone(), self.shared.url.clone()).writing()
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// When it does not.
    pub fn ping(&self) -> Result<(), DbError> {
        let mut connection = self.shared.pool.get().map_err(|_| DbError::Busy)?;
        let answer = connection.inner.ping();
        connection.broken |= answer.is_err();
        answer
    }

    /// Runs `work` and tells for each statement it ran, with its text, how the database goes about it. For tests.
    ///
    /// # Errors
    /// Those of `work`, and of asking.
    pub fn plans<T, E: From<DbError>>(
        &self,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, E>,
    ) -> Result<Vec<(String, Vec<String>)>, E> {
        let statements = Arc::new(Mutex::new(Vec::new()));
        let mut connection = Connection {
            inner: self.writing()?,
            broken: false,
        };
        connection.inner.begin(Mode::Write).map_err(DbError::from)?;
        connection
            .inner
            .instrument(Recorder(Arc::clone(&statements)));
        work(&mut Tx::new(&mut connection.inner))?;
        connection
            .inner
            .instrument(|_: InstrumentationEvent<'_>| {});
        let statements =
            std::mem::take(&mut *statements.lock().unwrap_or_else(PoisonError::into_inner));
        let mut plans = Vec::new();
        for statement in statements {
            let plan = dialect::plan(&mut connection.inner, &statement).map_err(DbError::from)?;
            plans.push((statement, plan));
        }
        connection.inner.rollback().map_err(DbError::from)?;
        Ok(plans)
    }
}

/// Writes down the statements that are run.
struct Recorder(Arc<Mutex<Vec<String>>>);

impl Instrumentation for Recorder {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        if let InstrumentationEvent::StartQuery { query, .. } = event {
            let text = query.to_string();
            let statement = text
                .split(" -- binds:")
                .next()
                .unwrap_or_default()
                .to_owned();
            self.0
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(statement);
        }
    }
}
