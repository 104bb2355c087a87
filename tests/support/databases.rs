//! A fresh database for every test, on SQLite and on PostgreSQL.
//!
//! ```ignore
//! mod support;
//! use support::databases::{TestDatabase, on_each_database};
//!
//! on_each_database! {
//!     fn answers(test: &TestDatabase) {
//!         test.database.ping().unwrap();
//!     }
//! }
//! ```
//!
//! makes the tests `answers::on_sqlite` and `answers::on_postgres`. The PostgreSQL server is the one of
//! `MEDIAL_TEST_POSTGRES_URL`, which `scripts/test` starts; its role must be allowed to create databases.

#![allow(
    dead_code,
    unused_imports,
    unused_macros,
    reason = "each test file uses its part of this"
)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "only tests call this: what cannot be set up fails the test"
)]

use diesel::connection::SimpleConnection;
use diesel::sql_types::Text;
use diesel::{Connection, PgConnection, QueryableByName, RunQueryDsl, SqliteConnection, sql_query};
use medial::db::{Database, DatabaseKind, DatabaseSettings};
use medial::seam::{Outside, System};
use std::path::PathBuf;
use std::time::Duration;

/// Where the PostgreSQL server for tests is.
const POSTGRES_URL: &str = "MEDIAL_TEST_POSTGRES_URL";
/// Set to 1, it lets tests without a PostgreSQL server be left out.
const SQLITE_ONLY: &str = "MEDIAL_TEST_SQLITE_ONLY";

/// A database of one test: made for it, and removed with it.
pub struct TestDatabase {
    /// The open database.
    pub database: Database,
    /// How it was opened; `Database::open(&test.settings)` opens it once more.
    pub settings: DatabaseSettings,
    /// Last, so that it is removed after the database is closed.
    place: Place,
}

/// What has to be removed in the end.
enum Place {
    Directory(PathBuf),
    Server { url: String, name: String },
}

impl TestDatabase {
    /// A migrated database; `None` where there is no PostgreSQL server and that is allowed.
    pub fn migrated(kind: DatabaseKind) -> Option<TestDatabase> {
        let test = TestDatabase::empty(kind)?;
        test.database.migrate().expect("the migrations run");
        Some(test)
    }

    /// A database without any table; `None` as for [`TestDatabase::migrated`].
    pub fn empty(kind: DatabaseKind) -> Option<TestDatabase> {
        let (place, url) = Place::new(kind)?;
        let settings = DatabaseSettings::new(url);
        let database = Database::open(&settings).expect("the database opens");
        Some(TestDatabase {
            database,
            settings,
            place,
        })
    }

    /// Which database it is.
    pub fn kind(&self) -> DatabaseKind {
        self.database.kind()
    }

    /// Its URL.
    pub fn url(&self) -> &str {
        &self.settings.url
    }

    /// A plain connection to it beside the store's own, for what the store has no function for.
    pub fn raw(&self) -> Raw {
        match &self.place {
            Place::Directory(directory) => {
                let path = directory.join("medial.db");
                let mut connection = SqliteConnection::establish(path.to_str().unwrap())
                    .expect("the database opens");
                connection
                    .batch_execute("PRAGMA busy_timeout = 5000; PRAGMA foreign_keys = ON")
                    .expect("the session is set up");
                Raw::Sqlite(connection)
            }
            Place::Server { .. } => Raw::Postgres(
                PgConnection::establish(self.url()).expect("the database can be reached"),
            ),
        }
    }

    /// Runs SQL that is the same on both databases.
    pub fn execute(&self, sql: &str) -> diesel::QueryResult<()> {
        self.raw().execute(sql)
    }
}

/// A plain connection.
pub enum Raw {
    /// To SQLite.
    Sqlite(SqliteConnection),
    /// To PostgreSQL.
    Postgres(PgConnection),
}

impl Raw {
    /// Runs SQL.
    pub fn execute(&mut self, sql: &str) -> diesel::QueryResult<()> {
        match self {
            Raw::Sqlite(connection) => connection.batch_execute(sql),
            Raw::Postgres(connection) => connection.batch_execute(sql),
        }
    }

    /// The answers to a query of one text column that is named `line`.
    pub fn lines(&mut self, sql: &str) -> Vec<String> {
        let lines = self.try_lines(sql);
        lines.unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// As [`Raw::lines`], where the query may fail.
    pub fn try_lines(&mut self, sql: &str) -> diesel::QueryResult<Vec<String>> {
        let lines: Vec<Line> = match self {
            Raw::Sqlite(connection) => sql_query(sql).load(connection)?,
            Raw::Postgres(connection) => sql_query(sql).load(connection)?,
        };
        Ok(lines.into_iter().map(|line| line.line).collect())
    }
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

impl Place {
    /// An unused place and the URL of the database in it.
    fn new(kind: DatabaseKind) -> Option<(Place, String)> {
        let name = format!("medial_test_{:032x}", System::default().random());
        match kind {
            DatabaseKind::Sqlite => {
                let directory = std::env::temp_dir().join(name);
                std::fs::create_dir(&directory).expect("a temporary directory can be made");
                let url = format!("sqlite://{}/medial.db", directory.display());
                Some((Place::Directory(directory), url))
            }
            DatabaseKind::Postgres => {
                let url = postgres_url()?;
                on_server(&url, &format!("CREATE DATABASE {name}"));
                let own = with_database(&url, &name);
                Some((Place::Server { url, name }, own))
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        match self {
            Place::Directory(directory) => {
                let _ = std::fs::remove_dir_all(directory);
            }
            Place::Server { url, name } => {
                if let Ok(mut connection) = PgConnection::establish(url) {
                    let _ = connection
                        .batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
                }
            }
        }
    }
}

fn on_server(url: &str, sql: &str) {
    let mut connection = PgConnection::establish(url)
        .unwrap_or_else(|error| panic!("the server of {POSTGRES_URL} cannot be reached: {error}"));
    connection
        .batch_execute(sql)
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// The URL of the server for tests. Without one the test fails, so that nobody takes half a run for a whole one.
fn postgres_url() -> Option<String> {
    match std::env::var(POSTGRES_URL) {
        Ok(url) if !url.is_empty() => Some(url),
        _ if std::env::var(SQLITE_ONLY).is_ok_and(|value| value == "1") => {
            eprintln!("LEFT OUT: {POSTGRES_URL} is not set and {SQLITE_ONLY} is 1");
            None
        }
        _ => panic!(
            "{POSTGRES_URL} is not set: run scripts/test, which starts a PostgreSQL server, or set {SQLITE_ONLY}=1 to \
             leave the tests on PostgreSQL out"
        ),
    }
}

/// The URL with another database in the place of its own.
fn with_database(url: &str, name: &str) -> String {
    let (address, parameters) = match url.split_once('?') {
        Some((address, parameters)) => (address, format!("?{parameters}")),
        None => (url, String::new()),
    };
    let authority = address.find("://").map_or(0, |place| place + 3);
    let (start, rest) = address.split_at(authority);
    let host = rest.split('/').next().unwrap_or_default();
    format!("{start}{host}/{name}{parameters}")
}

/// What a test can be given on either database.
pub trait OnDatabase: Sized {
    /// One on this database; `None` where there is no PostgreSQL server and that is allowed.
    fn on(kind: DatabaseKind) -> Option<Self>;
}

impl OnDatabase for TestDatabase {
    fn on(kind: DatabaseKind) -> Option<TestDatabase> {
        TestDatabase::migrated(kind)
    }
}

/// Runs a test on this database.
pub fn on<T: OnDatabase>(kind: DatabaseKind, test: impl Fn(&T)) {
    if let Some(given) = T::on(kind) {
        test(&given);
    }
}

/// Runs a test on both databases, one after the other.
pub fn each_database(test: impl Fn(&TestDatabase)) {
    on(DatabaseKind::Sqlite, &test);
    on(DatabaseKind::Postgres, &test);
}

/// Makes of each function a test `…::on_sqlite` and a test `…::on_postgres`, so that a run shows both.
macro_rules! on_each_database {
    ($($(#[$meta:meta])* fn $name:ident($test:ident: &$given:ty) $body:block)+) => {$(
        $(#[$meta])*
        mod $name {
            #[allow(unused_imports, reason = "a short test may need nothing of it")]
            use super::*;

            fn run($test: &$given) $body

            #[test]
            fn on_sqlite() {
                $crate::support::databases::on(medial::db::DatabaseKind::Sqlite, run);
            }

            #[test]
            fn on_postgres() {
                $crate::support::databases::on(medial::db::DatabaseKind::Postgres, run);
            }
        }
    )+};
}
pub(crate) use on_each_database;
