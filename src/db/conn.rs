//! Which database a URL means, and how a connection to it is made and kept.

use super::dialect::{AnyConnection, DatabaseKind};
use super::error::DbError;
use super::pool::DatabaseSettings;
use std::fmt;
use std::path::{Path, PathBuf};

/// A database's address. The scheme alone decides which database it is; nothing is tried out.
#[derive(Clone, PartialEq, Eq)]
pub enum Url {
    /// A file of this machine: `sqlite://medial.db`, `sqlite:///var/lib/medial/medial.db`.
    Sqlite(PathBuf),
    /// A server: `postgres://user@host/database` or `postgresql://…`.
    Postgres(String),
}

impl Url {
    /// Reads a URL.
    ///
    /// # Errors
    /// [`DbError::Other`] with what is accepted; the URL itself, which may hold a password, is not repeated.
    pub fn parse(url: &str) -> Result<Url, DbError> {
        if let Some(path) = url.strip_prefix("sqlite://") {
            return sqlite_path(path);
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Ok(Url::Postgres(url.to_owned()));
        }
        Err(DbError::other(
            "the database URL is not understood; accepted are sqlite://PATH, postgres://USER@HOST/DATABASE and \
             postgresql://USER@HOST/DATABASE",
        ))
    }

    /// Which database it is.
    #[must_use]
    pub const fn kind(&self) -> DatabaseKind {
        match self {
            Url::Sqlite(_) => DatabaseKind::Sqlite,
            Url::Postgres(_) => DatabaseKind::Postgres,
        }
    }

    /// The file, where the database is one.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match self {
            Url::Sqlite(path) => Some(path),
            Url::Postgres(_) => None,
        }
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A server's URL may hold a password.
        match self {
            Url::Sqlite(path) => write!(f, "sqlite://{}", path.display()),
            Url::Postgres(_) => f.write_str("postgres://…"),
        }
    }
}

fn sqlite_path(path: &str) -> Result<Url, DbError> {
    let refused = path.is_empty()
        || path.contains(":memory:")
        || path.starts_with("file:")
        || path.contains(['?', '#']);
    if refused {
        return Err(DbError::other(
            "the SQLite URL names no file; accepted is sqlite://PATH with a plain path: a database in memory cannot be \
             shared by several connections",
        ));
    }
    Ok(Url::Sqlite(PathBuf::from(path)))
}

/// A connection with what the pool must know about it.
pub(super) struct Connection {
    pub(super) inner: AnyConnection,
    /// Set when it is of no more use.
    pub(super) broken: bool,
}

/// Makes connections for the pool: readers of SQLite, or connections to PostgreSQL.
pub(super) struct Manager {
    settings: DatabaseSettings,
    url: Url,
}

impl Manager {
    pub(super) fn new(settings: DatabaseSettings, url: Url) -> Manager {
        Manager { settings, url }
    }

    /// A connection that may write.
    pub(super) fn writing(&self) -> Result<AnyConnection, DbError> {
        AnyConnection::open(&self.url, &self.settings, false)
    }
}

impl r2d2::ManageConnection for Manager {
    type Connection = Connection;
    type Error = DbError;

    fn connect(&self) -> Result<Connection, DbError> {
        let only_reads = self.url.kind() == DatabaseKind::Sqlite;
        let inner = AnyConnection::open(&self.url, &self.settings, only_reads)?;
        Ok(Connection {
            inner,
            broken: false,
        })
    }

    fn is_valid(&self, connection: &mut Connection) -> Result<(), DbError> {
        connection.inner.ping()
    }

    fn has_broken(&self, connection: &mut Connection) -> bool {
        connection.broken || std::thread::panicking()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_decides() {
        assert_eq!(
            Url::parse("sqlite://a/b.db").unwrap().path(),
            Some(Path::new("a/b.db"))
        );
        assert_eq!(
            Url::parse("sqlite:///a/b.db").unwrap().path(),
            Some(Path::new("/a/b.db"))
        );
        assert_eq!(
            Url::parse("postgres://localhost/x").unwrap().kind(),
            DatabaseKind::Postgres
        );
        assert_eq!(
            Url::parse("postgresql://localhost/x").unwrap().kind(),
            DatabaseKind::Postgres
        );
    }

    #[test]
    fn anything_else_is_refused_with_what_is_accepted() {
        let refused = [
            "",
            "medial.db",
            "sqlite:medial.db",
            "sqlite://",
            "sqlite://:memory:",
            "sqlite://file:x",
            "postgre://h/x",
            "mysql://h/x",
            "sqlite://x?mode=memory",
        ];
        for url in refused {
            let error = Url::parse(url).unwrap_err().to_string();
            assert!(error.contains("sqlite://PATH"), "{url}: {error}");
        }
    }

    #[test]
    fn a_password_is_not_shown() {
        let url = Url::parse("postgres://me:secret@localhost/x").unwrap();
        assert!(!format!("{url:?}").contains("secret"));
        assert!(
            !Url::parse("postgrs://me:secret@localhost/x")
                .unwrap_err()
                .to_string()
                .contains("secret")
        );
    }
}
