//! `medial backup` and `medial restore`, and databases of a newer program.

use crate::{Place, Service};
use std::path::Path;

/// Runs a statement on the SQLite database of a place.
fn sqlite(path: &Path, statement: &str) {
    use diesel::connection::SimpleConnection;
    use diesel::{Connection, SqliteConnection};
    let mut connection = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    connection.batch_execute(statement).unwrap();
}

const NEWER: &str = "INSERT INTO __diesel_schema_migrations (version, run_on) VALUES ('29990101000000', CURRENT_TIMESTAMP)";

#[test]
fn a_database_of_a_newer_program_is_left_alone() {
    let place = Place::new();
    place.run(&["migrate"]).ends_with(0);
    sqlite(&place.0.path().join("medial.sqlite"), NEWER);
    for command in [
        &["serve", "--http-bind", "127.0.0.1:0"][..],
        &["migrate"],
        &["migrate", "--dry-run"],
    ] {
        let ran = place.run(command).ends_with(1);
        assert!(
            ran.err.contains("newer version") && ran.err.contains("29990101000000"),
            "{}",
            ran.err
        );
    }
    let ran = place
        .run(&["doctor", "--http-bind", "127.0.0.1:0"])
        .ends_with(1);
    assert!(
        ran.out
            .contains("problem  schema: the database was written by a newer version"),
        "{}",
        ran.out
    );
}

#[test]
fn a_backup_is_taken_from_the_running_service_and_restored() {
    let place = Place::new();
    let ran = place.run(&["backup", "a.backup"]).ends_with(1);
    assert!(ran.err.contains("there is no database"), "{}", ran.err);
    let service = Service::start(&place, &[]);
    place.run(&["backup", "a.backup"]).ends_with(0);
    let ran = place.run(&["backup", "a.backup"]).ends_with(2);
    assert!(ran.err.contains("is there already"), "{}", ran.err);
    assert_eq!(service.stop("-TERM").0, Some(0));

    let database = place.0.path().join("medial.sqlite");
    sqlite(
        &database,
        "INSERT INTO organizations (id, created_at) VALUES ('later', 0)",
    );
    let ran = place.run(&["restore", "a.backup"]).ends_with(2);
    assert!(ran.err.contains("--force"), "{}", ran.err);
    let ran = place.run(&["restore", "--force", "a.backup"]).ends_with(0);
    let kept = ran
        .out
        .lines()
        .find_map(|line| line.strip_prefix("What was there before is kept as "));
    let kept = place.0.path().join(kept.unwrap());
    let has_later = "CREATE TEMP TABLE t (x CHECK (x = 1)); INSERT INTO t SELECT count(*) FROM organizations WHERE id = 'later'";
    let has_none = "CREATE TEMP TABLE t (x CHECK (x = 0)); INSERT INTO t SELECT count(*) FROM organizations WHERE id = 'later'";
    sqlite(&kept, has_later);
    sqlite(&database, has_none);
    place
        .run(&["doctor", "--http-bind", "127.0.0.1:0"])
        .ends_with(0);
}

#[test]
fn what_is_no_good_backup_is_not_restored() {
    let place = Place::new();
    place.run(&["migrate"]).ends_with(0);
    place.run(&["backup", "good"]).ends_with(0);
    let good = std::fs::read(place.0.path().join("good")).unwrap();

    place.write("text", "not a database, however long it may be");
    sqlite(&place.0.path().join("other"), "CREATE TABLE other (x)");
    std::fs::write(place.0.path().join("newer"), &good).unwrap();
    sqlite(&place.0.path().join("newer"), NEWER);
    let mut cut = good.clone();
    cut.truncate(good.len() / 2);
    std::fs::write(place.0.path().join("cut"), &cut).unwrap();

    std::fs::remove_file(place.0.path().join("medial.sqlite")).unwrap();
    let refusals = [
        ("text", ""),
        ("other", "not a database of this program"),
        ("newer", "newer version"),
        ("cut", ""),
        ("no-such", "cannot be read"),
    ];
    for (file, why) in refusals {
        let ran = place.run(&["restore", file]).ends_with(1);
        assert!(
            ran.err.contains(file) && ran.err.contains(why),
            "{}",
            ran.err
        );
        assert!(!place.0.path().join("medial.sqlite").exists(), "{file}");
        assert!(
            !place.0.path().join("medial.sqlite.restoring").exists(),
            "{file}"
        );
    }
    place.run(&["restore", "good"]).ends_with(0);
    assert_eq!(
        std::fs::read(place.0.path().join("good")).unwrap(),
        good,
        "the backup must stay as it is"
    );
}
