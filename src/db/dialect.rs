//! Every difference between SQLite and PostgreSQL.
//!
//! Queries are written once in diesel's language and expanded once for each database by [`query!`]: the code is
//! compiled against the concrete connection, so statements are prepared once and cached, rows of a batch go in one
//! statement, and nothing is looked up at run time but the variant.

use super::conn::Url;
use super::error::DbError;
use super::pool::DatabaseSettings;
use super::sql::{Bind, Sql};
use super::tx::Tx;
use diesel::connection::{
    AnsiTransactionManager, Instrumentation, SimpleConnection, TransactionManager,
};
use diesel::migration::MigrationSource;
use diesel::pg::PgConnection;
use diesel::query_builder::{BoxedSqlQuery, SqlQuery};
use diesel::result::DatabaseErrorInformation;
use diesel::sql_types::{BigInt, Integer, Text};
use diesel::sqlite::SqliteConnection;
use diesel::{Connection, QueryResult, QueryableByName, RunQueryDsl, sql_query};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use std::fmt::Write as _;

/// Which database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatabaseKind {
    /// SQLite: one file, one writer.
    Sqlite,
    /// PostgreSQL.
    Postgres,
}

/// A connection to one of the two.
pub(super) enum AnyConnection {
    Sqlite(Box<SqliteConnection>),
    Postgres(Box<PgConnection>),
}

/// What a transaction is begun for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// One unchanging view of the database.
    Read,
    /// Serializable, and on SQLite with the write lock from the start.
    Write,
}

/// Runs one expression on the connection of a transaction, whichever it is: `query!(tx, conn => expression)`.
///
/// Within the expression `Db` names the backend. A statement that fails marks the transaction as failed.
macro_rules! query {
    ($tx:expr, $conn:ident => $body:expr) => {{
        let tx: &mut $crate::db::tx::Tx<'_> = $tx;
        let result: diesel::QueryResult<_> = match tx.connection() {
            $crate::db::dialect::AnyConnection::Sqlite(boxed) => {
                #[allow(dead_code, reason = "only boxed queries name it")]
                type Db = diesel::sqlite::Sqlite;
                let $conn = &mut **boxed;
                $body
            }
            $crate::db::dialect::AnyConnection::Postgres(boxed) => {
                #[allow(dead_code, reason = "only boxed queries name it")]
                type Db = diesel::pg::Pg;
                let $conn = &mut **boxed;
                $body
            }
        };
        tx.settle(result)
    }};
}
pub(super) use query;

/// Inserts any number of rows in statements of 16, 8, 4, 2 and 1 rows, each of which is prepared once and cached:
/// `insert_all!(tx, table, rows)`, where `table` is a schema module, and with `, upsert` what follows the values.
macro_rules! insert_all {
    ($tx:expr, $table:ident, $rows:expr $(, |$values:ident| $rest:expr)?) => {{
        let tx: &mut $crate::db::tx::Tx<'_> = $tx;
        let mut rest = $rows;
        loop {
            if let Some((chunk, tail)) = rest.split_first_chunk::<16>() {
                $crate::db::dialect::insert_all!(@chunk tx, $table, chunk $(, |$values| $rest)?)?;
                rest = tail;
            } else if let Some((chunk, tail)) = rest.split_first_chunk::<8>() {
                $crate::db::dialect::insert_all!(@chunk tx, $table, chunk $(, |$values| $rest)?)?;
                rest = tail;
            } else if let Some((chunk, tail)) = rest.split_first_chunk::<4>() {
                $crate::db::dialect::insert_all!(@chunk tx, $table, chunk $(, |$values| $rest)?)?;
                rest = tail;
            } else if let Some((chunk, tail)) = rest.split_first_chunk::<2>() {
                $crate::db::dialect::insert_all!(@chunk tx, $table, chunk $(, |$values| $rest)?)?;
                rest = tail;
            } else if let Some((chunk, tail)) = rest.split_first_chunk::<1>() {
                $crate::db::dialect::insert_all!(@chunk tx, $table, chunk $(, |$values| $rest)?)?;
                rest = tail;
            } else {
                break;
            }
        }
    }};
    (@chunk $tx:ident, $table:ident, $chunk:ident) => {
        $crate::db::dialect::query!($tx, conn => diesel::insert_into($table::table).values($chunk).execute(conn))
    };
    (@chunk $tx:ident, $table:ident, $chunk:ident, |$values:ident| $rest:expr) => {
        $crate::db::dialect::query!($tx, conn => {
            let $values = diesel::insert_into($table::table).values($chunk);
            $rest.execute(conn)
        })
    };
}
pub(super) use insert_all;

/// The same expression for both variants.
macro_rules! either {
    ($connection:expr, $conn:ident => $body:expr) => {
        match $connection {
            AnyConnection::Sqlite(boxed) => {
                let $conn = &mut **boxed;
                $body
            }
            AnyConnection::Postgres(boxed) => {
                let $conn = &mut **boxed;
                $body
            }
        }
    };
}

impl AnyConnection {
    /// Opens a connection and readies it.
    pub(super) fn open(
        url: &Url,
        settings: &DatabaseSettings,
        only_reads: bool,
    ) -> Result<AnyConnection, DbError> {
        match url {
            Url::Sqlite(path) => {
                create_privately(path)?;
                let path = path
                    .to_str()
                    .ok_or_else(|| DbError::other("the path of the database is not UTF-8"))?;
                let mut connection = SqliteConnection::establish(path)
                    .map_err(|error| DbError::Other(Box::new(error)))?;
                connection.batch_execute(&sqlite_session(settings, only_reads))?;
                Ok(AnyConnection::Sqlite(Box::new(connection)))
            }
            Url::Postgres(url) => {
                let mut connection = PgConnection::establish(&impatient(url, settings))
                    .map_err(|error| DbError::Other(Box::new(error)))?;
                connection.batch_execute(&postgres_session(settings))?;
                // So that a deadlock can be told by its text; only some roles may set it.
                let _ = connection.batch_execute("SET lc_messages TO 'C'");
                Ok(AnyConnection::Postgres(Box::new(connection)))
            }
        }
    }

    pub(super) fn ping(&mut self) -> Result<(), DbError> {
        Ok(either!(self, conn => conn.batch_execute("SELECT 1"))?)
    }

    pub(super) fn begin(&mut self, mode: Mode) -> QueryResult<()> {
        match (self, mode) {
            (AnyConnection::Sqlite(conn), Mode::Read) => {
                AnsiTransactionManager::begin_transaction_sql(&mut **conn, "BEGIN")
            }
            (AnyConnection::Sqlite(conn), Mode::Write) => {
                AnsiTransactionManager::begin_transaction_sql(&mut **conn, "BEGIN IMMEDIATE")
            }
            (AnyConnection::Postgres(conn), Mode::Read) => {
                AnsiTransactionManager::begin_transaction_sql(
                    &mut **conn,
                    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
                )
            }
            (AnyConnection::Postgres(conn), Mode::Write) => {
                AnsiTransactionManager::begin_transaction_sql(
                    &mut **conn,
                    "BEGIN ISOLATION LEVEL SERIALIZABLE",
                )
            }
        }
    }

    /// Begins a savepoint within the transaction.
    pub(super) fn savepoint(&mut self) -> QueryResult<()> {
        either!(self, conn => AnsiTransactionManager::begin_transaction(conn))
    }

    /// Commits the transaction, or releases the innermost savepoint.
    pub(super) fn commit(&mut self) -> QueryResult<()> {
        either!(self, conn => AnsiTransactionManager::commit_transaction(conn))
    }

    /// Rolls the transaction back, or the innermost savepoint.
    pub(super) fn rollback(&mut self) -> QueryResult<()> {
        either!(self, conn => AnsiTransactionManager::rollback_transaction(conn))
    }

    /// How many transactions and savepoints are open.
    pub(super) fn depth(&mut self) -> QueryResult<u32> {
        let depth = either!(self, conn => AnsiTransactionManager::transaction_manager_status_mut(conn).transaction_depth());
        Ok(depth?.map_or(0, std::num::NonZeroU32::get))
    }

    pub(super) fn instrument(&mut self, instrumentation: impl Instrumentation) {
        either!(self, conn => conn.set_instrumentation(instrumentation));
    }
}

/// SQLite gives a new file the rights of the process; this one holds personal data.
fn create_privately(path: &std::path::Path) -> Result<(), DbError> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(DbError::other(format!(
            "{} cannot be created: {error}",
            path.display()
        ))),
    }
}

/// The URL with a limit on how long connecting may take, unless it has its own: by itself libpq waits for ever for a
/// server that takes the connection and then says nothing.
fn impatient(url: &str, settings: &DatabaseSettings) -> String {
    if url.contains("connect_timeout=") {
        return url.to_owned();
    }
    let separator = if url.contains('?') { '&' } else { '?' };
    let seconds = settings.connection_wait.as_secs().max(1);
    format!("{url}{separator}connect_timeout={seconds}")
}

fn sqlite_session(settings: &DatabaseSettings, only_reads: bool) -> String {
    let mut session = format!("PRAGMA busy_timeout = {};", settings.busy_wait.as_millis());
    if only_reads {
        session.push_str("PRAGMA query_only = ON;");
    } else {
        session.push_str("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 4000; PRAGMA journal_size_limit = 67108864;");
    }
    let _ = write!(
        session,
        "PRAGMA synchronous = {};",
        settings.synchronous.code()
    );
    session.push_str(
        "PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -16384; \
         PRAGMA mmap_size = 268435456;",
    );
    session
}

fn postgres_session(settings: &DatabaseSettings) -> String {
    format!(
        "SET client_min_messages = warning; SET timezone = 'UTC'; SET jit = off; SET application_name = 'medial'; \
         SET statement_timeout = {timeout}; SET lock_timeout = {timeout}; SET idle_in_transaction_session_timeout = 60000",
        timeout = settings.statement_timeout.as_millis()
    )
}

/// The table whose unique key was violated.
pub(super) fn table_of(information: &(dyn DatabaseErrorInformation + Send + Sync)) -> String {
    if let Some(table) = information.table_name().filter(|name| !name.is_empty()) {
        return table.to_owned();
    }
    // SQLite: "UNIQUE constraint failed: table.column, table.column".
    let columns = information
        .message()
        .rsplit(": ")
        .next()
        .unwrap_or_default();
    columns.split('.').next().unwrap_or_default().to_owned()
}

/// Whether the database had no time for the statement.
pub(super) fn is_busy(information: &(dyn DatabaseErrorInformation + Send + Sync)) -> bool {
    let message = super::error::message(information);
    let texts = [
        "database is locked",
        "database table is locked",
        "canceling statement due to statement timeout",
        "canceling statement due to lock timeout",
        "deadlock detected",
    ];
    texts.iter().any(|text| message.contains(text))
}

/// Whether PostgreSQL chose the statement to break a deadlock.
pub(super) fn is_deadlock(information: &(dyn DatabaseErrorInformation + Send + Sync)) -> bool {
    super::error::message(information).contains("deadlock detected")
}

const SQLITE_MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
const POSTGRES_MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/postgres");

/// What to do with the migrations.
#[derive(Clone, Copy)]
pub(super) enum Migration {
    /// Run those that have not run; their names.
    Run,
    /// Take all back; their names.
    Revert,
    /// Name those that have not run.
    Pending,
    /// Name those that have run and are not known here.
    Unknown,
}

/// Does it, in one transaction that no other process can be in at the same time.
pub(super) fn migrate(
    connection: &mut AnyConnection,
    what: Migration,
) -> Result<Vec<String>, DbError> {
    match connection {
        AnyConnection::Sqlite(conn) => {
            AnsiTransactionManager::begin_transaction_sql(&mut **conn, "BEGIN IMMEDIATE")?;
            harness(&mut **conn, SQLITE_MIGRATIONS, what)
        }
        AnyConnection::Postgres(conn) => {
            let begin = "BEGIN; SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0; \
                         SELECT pg_advisory_xact_lock(7307219843)";
            AnsiTransactionManager::begin_transaction_sql(&mut **conn, begin)?;
            harness(&mut **conn, POSTGRES_MIGRATIONS, what)
        }
    }
}

/// Within a transaction that is open and will be closed here.
fn harness<C>(
    conn: &mut C,
    source: EmbeddedMigrations,
    what: Migration,
) -> Result<Vec<String>, DbError>
where
    C: MigrationHarness<C::Backend> + Connection<TransactionManager = AnsiTransactionManager>,
    C::Backend: diesel::backend::Backend,
{
    let done = match what {
        Migration::Run => conn
            .run_pending_migrations(source)
            .map(|versions| versions.iter().map(ToString::to_string).collect()),
        Migration::Revert => conn
            .revert_all_migrations(source)
            .map(|versions| versions.iter().map(ToString::to_string).collect()),
        Migration::Pending => conn
            .pending_migrations(source)
            .map(|pending| pending.iter().map(|one| one.name().to_string()).collect()),
        Migration::Unknown => unknown(conn, source),
    };
    match done {
        Ok(names) => {
            AnsiTransactionManager::commit_transaction(conn)?;
            Ok(names)
        }
        Err(error) => {
            AnsiTransactionManager::rollback_transaction(conn)?;
            Err(DbError::Other(error))
        }
    }
}

/// The versions that have run and are not in `source`.
fn unknown<C>(conn: &mut C, source: EmbeddedMigrations) -> diesel::migration::Result<Vec<String>>
where
    C: MigrationHarness<C::Backend> + Connection,
    C::Backend: diesel::backend::Backend,
{
    let known = MigrationSource::<C::Backend>::migrations(&source)?;
    let known: Vec<String> = known
        .iter()
        .map(|one| one.name().version().to_string())
        .collect();
    let applied = conn.applied_migrations()?;
    let applied = applied.iter().map(ToString::to_string);
    Ok(applied.filter(|version| !known.contains(version)).collect())
}

/// Runs a query that was put together at run time.
pub(super) fn load<T>(tx: &mut Tx<'_>, sql: &Sql) -> Result<Vec<T>, DbError>
where
    T: QueryableByName<diesel::sqlite::Sqlite> + QueryableByName<diesel::pg::Pg> + 'static,
{
    let text = numbered(tx.kind(), sql.text());
    query!(tx, conn => {
        let mut statement: BoxedSqlQuery<'_, Db, SqlQuery> = sql_query(text).into_boxed::<Db>();
        for bind in sql.binds() {
            statement = match bind {
                Bind::Text(value) => statement.bind::<Text, _>(value),
                Bind::Int(value) => statement.bind::<Integer, _>(value),
                Bind::Big(value) => statement.bind::<BigInt, _>(value),
            };
        }
        statement.load::<T>(conn)
    })
}

/// The text with the database's own placeholders.
fn numbered(kind: DatabaseKind, text: &str) -> String {
    match kind {
        DatabaseKind::Sqlite => text.to_owned(),
        DatabaseKind::Postgres => {
            let mut numbered = String::with_capacity(text.len() + 32);
            for (place, part) in text.split('?').enumerate() {
                if place > 0 {
                    let _ = write!(numbered, "${place}");
                }
                numbered.push_str(part);
            }
            numbered
        }
    }
}

#[derive(QueryableByName)]
struct SqlitePlan {
    #[diesel(sql_type = Text)]
    detail: String,
}

/// The column `detail` of what SQLite answers to `sql`; `None` on PostgreSQL.
pub(super) fn sqlite_words(
    connection: &mut AnyConnection,
    sql: &str,
) -> QueryResult<Option<Vec<String>>> {
    match connection {
        AnyConnection::Sqlite(conn) => {
            let rows: Vec<SqlitePlan> = sql_query(sql).load(&mut **conn)?;
            Ok(Some(rows.into_iter().map(|row| row.detail).collect()))
        }
        AnyConnection::Postgres(_) => Ok(None),
    }
}

/// Writes one state of a SQLite database to a new file.
pub(super) fn copy_to(
    connection: &mut AnyConnection,
    file: &std::path::Path,
) -> Result<(), DbError> {
    let AnyConnection::Sqlite(conn) = connection else {
        return Err(DbError::other("only SQLite is copied into a file"));
    };
    let path = file
        .to_str()
        .ok_or_else(|| DbError::other("the path of the copy is not UTF-8"))?;
    // SQLite writes into an empty file as into a new one, and this one is readable to nobody else.
    create_privately(file)?;
    sql_query("VACUUM INTO ?")
        .bind::<Text, _>(path)
        .execute(&mut **conn)?;
    Ok(())
}

#[derive(QueryableByName)]
struct PostgresPlan {
    #[diesel(sql_type = Text)]
    #[diesel(column_name = "QUERY PLAN")]
    detail: String,
}

/// How the database would answer `statement`, whatever its parameters are; within a transaction.
///
/// PostgreSQL is told to avoid what we never want, so that small tables show whether there is a way around it.
pub(super) fn plan(connection: &mut AnyConnection, statement: &str) -> QueryResult<Vec<String>> {
    match connection {
        AnyConnection::Sqlite(conn) => {
            let rows: Vec<SqlitePlan> =
                sql_query(format!("EXPLAIN QUERY PLAN {statement}")).load(&mut **conn)?;
            Ok(rows.into_iter().map(|row| row.detail).collect())
        }
        AnyConnection::Postgres(conn) => {
            conn.batch_execute(
                "SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off; SET LOCAL enable_incremental_sort = off; \
                 SET LOCAL plan_cache_mode = force_generic_plan",
            )?;
            conn.batch_execute(&format!("PREPARE planned AS {statement}"))?;
            let parameters = (1..=statement.len())
                .take_while(|number| statement.contains(&format!("${number}")))
                .count();
            let nulls = vec!["NULL"; parameters].join(", ");
            let call = if nulls.is_empty() {
                "EXPLAIN EXECUTE planned".to_owned()
            } else {
                format!("EXPLAIN EXECUTE planned({nulls})")
            };
            let rows: Vec<PostgresPlan> = sql_query(call).load(&mut **conn)?;
            conn.batch_execute("DEALLOCATE planned")?;
            Ok(rows.into_iter().map(|row| row.detail).collect())
        }
    }
}

/// Which database a connection leads to.
pub(super) const fn kind(connection: &AnyConnection) -> DatabaseKind {
    match connection {
        AnyConnection::Sqlite(_) => DatabaseKind::Sqlite,
        AnyConnection::Postgres(_) => DatabaseKind::Postgres,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_urls_own_limit_on_connecting_stands() {
        let settings = DatabaseSettings::new("postgres://h/x");
        let with_limit = |url| impatient(url, &settings);
        assert_eq!(
            with_limit("postgres://h/x"),
            "postgres://h/x?connect_timeout=5"
        );
        assert_eq!(
            with_limit("postgres://h/x?sslmode=require"),
            "postgres://h/x?sslmode=require&connect_timeout=5"
        );
        let own = "postgres://h/x?connect_timeout=60";
        assert_eq!(with_limit(own), own);
    }

    #[test]
    fn a_session_of_sqlite_keeps_its_promises() {
        #[derive(QueryableByName)]
        struct Kept {
            #[diesel(sql_type = Text)]
            kept: String,
        }
        let path = std::env::temp_dir().join(format!(
            "medial-session-{:x}.db",
            crate::seam::Outside::random(&crate::seam::System::default())
        ));
        let url = Url::Sqlite(path.clone());
        let settings = DatabaseSettings::new("sqlite://unused");
        for only_reads in [false, true] {
            let AnyConnection::Sqlite(mut conn) =
                AnyConnection::open(&url, &settings, only_reads).unwrap()
            else {
                panic!("another database");
            };
            let kept: Vec<Kept> = sql_query(
                "SELECT (SELECT journal_mode FROM pragma_journal_mode) || ' ' || (SELECT synchronous FROM pragma_synchronous) \
                 || ' ' || (SELECT foreign_keys FROM pragma_foreign_keys) || ' ' || (SELECT query_only FROM pragma_query_only) \
                 || ' ' || (SELECT timeout FROM pragma_busy_timeout) AS kept",
            )
            .load(&mut *conn)
            .unwrap();
            // Synchronous 2 is FULL.
            let expected = if only_reads {
                "wal 2 1 1 5000"
            } else {
                "wal 2 1 0 5000"
            };
            assert_eq!(kept[0].kept, expected);
        }
        for end in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(format!("{}{end}", path.display()));
        }
    }

    #[test]
    fn placeholders_are_numbered_for_postgres_only() {
        assert_eq!(
            numbered(DatabaseKind::Postgres, "a = ? AND b IN (?, ?)"),
            "a = $1 AND b IN ($2, $3)"
        );
        assert_eq!(numbered(DatabaseKind::Sqlite, "a = ?"), "a = ?");
    }
}
