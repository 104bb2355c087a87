//! Wrong addresses of databases are told at once and leave nothing behind.

use crate::support::databases::{TestDatabase, on_each_database};
use medial::db::{Database, DatabaseKind, DatabaseSettings};
use std::net::TcpListener;
use std::time::{Duration, Instant};

fn refusal(url: &str) -> String {
    let began = Instant::now();
    let mut settings = DatabaseSettings::new(url);
    settings.connection_wait = Duration::from_secs(1);
    let opened = Database::open(&settings);
    let refusal = opened.err().map(|error| error.to_string());
    assert!(
        began.elapsed() < Duration::from_secs(8),
        "{url} took {:?}",
        began.elapsed()
    );
    refusal.unwrap_or_else(|| panic!("{url} was opened"))
}

/// A directory that is removed in the end.
struct Directory(std::path::PathBuf);

impl Directory {
    fn new() -> Directory {
        let path = std::env::temp_dir().join(format!("medial-{}", crate::samples::new_id()));
        std::fs::create_dir(&path).unwrap();
        Directory(path)
    }

    fn is_empty(&self) -> bool {
        std::fs::read_dir(&self.0).unwrap().next().is_none()
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_mistyped_scheme_makes_no_file() {
    let directory = Directory::new();
    let path = directory.0.join("medial.db");
    for scheme in [
        "sqlit://",
        "sqlite:",
        "SQLite3://",
        "file://",
        "",
        "postgress://",
        "postgres:",
    ] {
        let error = refusal(&format!("{scheme}{}", path.display()));
        assert!(error.contains("sqlite://PATH"), "{scheme}: {error}");
        assert!(directory.is_empty(), "{scheme} made a file");
    }
}

#[test]
fn a_file_that_cannot_be_is_named() {
    let directory = Directory::new();
    let path = directory.0.join("missing").join("medial.db");
    let error = refusal(&format!("sqlite://{}", path.display()));
    assert!(error.contains("missing/medial.db"), "{error}");

    let path = directory.0.join("letter.txt");
    std::fs::write(
        &path,
        "This is a letter and no database, long enough to be one. ".repeat(20),
    )
    .unwrap();
    let error = refusal(&format!("sqlite://{}", path.display()));
    assert!(error.contains("not a database"), "{error}");
    assert!(
        std::fs::read_to_string(&path)
            .unwrap()
            .starts_with("This is a letter")
    );
}

#[cfg(unix)]
#[test]
fn the_file_is_the_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let directory = Directory::new();
    let path = directory.0.join("medial.db");
    let database = Database::open(&DatabaseSettings::new(format!(
        "sqlite://{}",
        path.display()
    )))
    .unwrap();
    database.migrate().unwrap();
    for entry in std::fs::read_dir(&directory.0).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", entry.file_name());
    }
}

#[test]
fn a_server_that_refuses_is_told_at_once() {
    // Bound and closed again, so that nothing listens there.
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let error = refusal(&format!(
        "postgres://somebody:hidden@127.0.0.1:{port}/medial"
    ));
    assert!(error.contains("refused"), "{error}");
    assert!(!error.contains("hidden"), "{error}");
}

#[test]
fn a_server_that_never_answers_is_given_up() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let error = refusal(&format!(
        "postgres://somebody:hidden@127.0.0.1:{port}/medial"
    ));
    assert!(error.contains("timeout"), "{error}");
}

on_each_database! {
    fn a_database_opens_twice_and_knows_what_it_is(test: &TestDatabase) {
        let again = Database::open(&test.settings).unwrap();
        let scheme = match again.kind() {
            DatabaseKind::Sqlite => "sqlite://",
            DatabaseKind::Postgres => "postgres",
        };
        assert!(test.url().starts_with(scheme), "{scheme}");
        assert_eq!(again.kind(), test.kind());
        again.ping().unwrap();
    }

    fn a_missing_table_is_an_error_and_not_an_empty_list(test: &TestDatabase) {
        test.database.revert_all().unwrap();
        let asked = test.database.read(medial::db::queries::organizations::all);
        assert!(asked.is_err());
        test.database.ping().unwrap();
    }
}
