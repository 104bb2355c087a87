//! What is acknowledged stays, what fails takes back only itself, and transactions that meet come out right.

use crate::samples::{Chart, DbResult, Dice, OURS, instant, new_id};
use crate::support::databases::{TestDatabase, on_each_database};
use medial::db::{Database, DatabaseKind, DatabaseSettings, DbError, Stored, Tx, queries};
use medial::domain::patient::Patient;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};
use uuid::Uuid;

fn patient(id: Uuid) -> Stored<Patient> {
    let patient = Patient {
        identifiers: Vec::new(),
        family_name: Some("Synthetic".to_owned()),
        given_name: None,
        birth_date: None,
        sex: None,
    };
    Stored::new(id, OURS, id, id, instant(), patient)
}

fn insert(tx: &mut Tx<'_>, id: Uuid) -> DbResult<()> {
    queries::organizations::ensure(tx, OURS, instant())?;
    queries::patients::insert(tx, OURS, &patient(id))
}

fn is_there(database: &Database, id: Uuid) -> bool {
    match database.read(|tx| queries::patients::get(tx, OURS, id)) {
        Ok(_) => true,
        Err(DbError::NotFound) => false,
        Err(error) => panic!("{error}"),
    }
}

/// Adds one to a number in a row, by reading and writing it.
fn count_up(tx: &mut Tx<'_>) -> DbResult<i64> {
    let next = queries::import_progress::get(tx, OURS, "shared")?.unwrap_or(0) + 1;
    queries::import_progress::put(tx, OURS, "shared", next, instant())?;
    Ok(next)
}

on_each_database! {
    fn a_failure_or_a_panic_takes_back_only_itself(test: &TestDatabase) {
        const WRITERS: usize = 24;
        // Holds the writer up, so that on SQLite the requests behind it share one commit.
        let (database, busy) = (test.database.clone(), Arc::new(AtomicBool::new(false)));
        let begun = Arc::clone(&busy);
        let first = std::thread::spawn(move || database.write(move |tx| {
            begun.store(true, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(150));
            insert(tx, new_id())
        }));
        while !busy.load(Ordering::SeqCst) {
            std::thread::yield_now();
        }
        let outcomes: Vec<(usize, Uuid, DbResult<()>)> = std::thread::scope(|scope| {
            let writers: Vec<_> = (0..WRITERS).map(|number| scope.spawn(move || {
                let id = new_id();
                let written = test.database.write(move |tx| {
                    insert(tx, id)?;
                    match number % 4 {
                        0 => Err(DbError::Stale),
                        1 => panic!("a fault in one request"),
                        // A statement that fails and is passed over keeps nothing either.
                        2 => { let _ = queries::patients::insert(tx, OURS, &patient(id)); Ok(()) }
                        _ => Ok(()),
                    }
                });
                (number, id, written)
            })).collect();
            writers.into_iter().map(|writer| writer.join().unwrap()).collect()
        });
        first.join().unwrap().unwrap();
        for (number, id, outcome) in outcomes {
            assert_eq!(outcome.is_ok(), number % 4 == 3, "{number}: {outcome:?}");
            assert_eq!(is_there(&test.database, id), outcome.is_ok(), "{number}");
        }
        test.database.write(|tx| insert(tx, new_id())).unwrap();
    }

    fn counting_together_loses_nothing(test: &TestDatabase) {
        const THREADS: usize = 8;
        const EACH: usize = 12;
        test.database.write(|tx| queries::organizations::ensure(tx, OURS, instant())).unwrap();
        let start = Barrier::new(THREADS);
        let acknowledged: usize = std::thread::scope(|scope| {
            let counters: Vec<_> = (0..THREADS).map(|_| scope.spawn(|| {
                start.wait();
                (0..EACH).filter(|_| match test.database.write(count_up) {
                    Ok(_) => true,
                    Err(DbError::Busy) => false,
                    Err(error) => panic!("{error}"),
                }).count()
            })).collect();
            counters.into_iter().map(|counter| counter.join().unwrap()).sum()
        });
        let counted = test.database.read(|tx| queries::import_progress::get(tx, OURS, "shared")).unwrap();
        assert_eq!(counted, i64::try_from(acknowledged).ok());
        assert!(acknowledged * 10 >= THREADS * EACH * 9, "only {acknowledged} were not given up");
    }

    fn a_read_sees_one_state_and_cannot_write(test: &TestDatabase) {
        test.database.write(count_up).unwrap();
        let seen = test.database.read(|tx| -> DbResult<_> {
            let before = queries::import_progress::get(tx, OURS, "shared")?;
            test.database.write(count_up)?;
            Ok((before, queries::import_progress::get(tx, OURS, "shared")?))
        }).unwrap();
        assert_eq!(seen, (Some(1), Some(1)));
        let written = test.database.read(count_up);
        assert!(written.is_err());
        let counted = test.database.read(|tx| queries::import_progress::get(tx, OURS, "shared")).unwrap();
        assert_eq!(counted, Some(2));
    }

    fn what_was_acknowledged_survives_a_kill(test: &TestDatabase) {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "transactions::writes_until_it_is_killed", "--ignored", "--nocapture"])
            .env("MEDIAL_TEST_CHILD_URL", test.url())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut acknowledged = Vec::new();
        let mut killed = false;
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            let line = line.unwrap();
            // A line that the kill cut off was not acknowledged in full.
            if let Some(id) = line.strip_prefix("stored ").and_then(|id| Uuid::try_parse(id).ok()) {
                acknowledged.push(id);
            }
            if acknowledged.len() >= 150 && !killed {
                child.kill().unwrap();
                killed = true;
            }
        }
        child.wait().unwrap();
        assert!(killed, "the child ended by itself after {} writes", acknowledged.len());
        let again = Database::open(&test.settings).unwrap();
        let lost: Vec<_> = acknowledged.iter().filter(|id| !is_there(&again, **id)).collect();
        assert!(lost.is_empty(), "{} of {} were lost", lost.len(), acknowledged.len());
        again.write(|tx| insert(tx, new_id())).unwrap();
    }

    fn another_process_that_holds_the_lock_is_waited_for_and_then_told(test: &TestDatabase) {
        let mut settings = test.settings.clone();
        settings.busy_wait = Duration::from_millis(200);
        settings.statement_timeout = Duration::from_millis(200);
        let database = Database::open(&settings).unwrap();
        database.write(|tx| insert(tx, new_id())).unwrap();
        let mut holder = test.raw();
        holder.execute(match test.kind() {
            DatabaseKind::Sqlite => "BEGIN IMMEDIATE",
            DatabaseKind::Postgres => "BEGIN; LOCK TABLE patients IN ACCESS EXCLUSIVE MODE",
        }).unwrap();
        let began = Instant::now();
        let written = database.write(|tx| insert(tx, new_id()));
        assert!(matches!(written, Err(DbError::Busy)), "{written:?}");
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        holder.execute("ROLLBACK").unwrap();
        database.write(|tx| insert(tx, new_id())).unwrap();
    }
}

/// The other process of `what_was_acknowledged_survives_a_kill`.
#[test]
#[ignore = "started by what_was_acknowledged_survives_a_kill in a process of its own"]
fn writes_until_it_is_killed() {
    let url =
        std::env::var("MEDIAL_TEST_CHILD_URL").expect("the test that starts this one sets it");
    let database = Database::open(&DatabaseSettings::new(url)).unwrap();
    let end = Instant::now() + Duration::from_secs(30);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while Instant::now() < end {
                    let id = new_id();
                    database.write(move |tx| insert(tx, id)).unwrap();
                    let mut out = std::io::stdout().lock();
                    writeln!(out, "stored {id}").unwrap();
                    out.flush().unwrap();
                }
            });
        }
    });
}

#[test]
fn a_lost_connection_is_replaced() {
    let Some(test) = TestDatabase::migrated(DatabaseKind::Postgres) else {
        return;
    };
    test.database.write(|tx| insert(tx, new_id())).unwrap();
    let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
    for _ in 0..3 {
        test.execute(cut).unwrap();
        test.database.write(|tx| insert(tx, new_id())).unwrap();
        test.execute(cut).unwrap();
        assert_eq!(
            test.database
                .read(|tx| queries::patients::count(tx, OURS))
                .unwrap()
                % 2,
            0
        );
        test.execute(cut).unwrap();
        test.database.write(|tx| insert(tx, new_id())).unwrap();
    }
}

#[test]
fn a_connection_lost_in_the_middle_keeps_nothing_and_is_replaced() {
    let Some(test) = TestDatabase::migrated(DatabaseKind::Postgres) else {
        return;
    };
    let test = Arc::new(test);
    let (inner, id, runs) = (Arc::clone(&test), new_id(), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&runs);
    let written = test.database.write(move |tx| {
        insert(tx, id)?;
        counted.fetch_add(1, Ordering::SeqCst);
        inner.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
        ).unwrap();
        insert(tx, new_id())
    });
    assert!(written.is_err());
    assert_eq!(runs.load(Ordering::SeqCst), 1);
    assert!(!is_there(&test.database, id));
    test.database.write(move |tx| insert(tx, id)).unwrap();
    assert!(is_there(&test.database, id));
}

#[test]
fn the_file_keeps_its_journal_apart() {
    let test = TestDatabase::migrated(DatabaseKind::Sqlite).unwrap();
    Chart::stored(&test.database, OURS, &mut Dice(7));
    let mode = test
        .raw()
        .lines("SELECT journal_mode AS line FROM pragma_journal_mode");
    assert_eq!(mode, ["wal"]);
    let whole = test
        .raw()
        .lines("SELECT integrity_check AS line FROM pragma_integrity_check");
    assert_eq!(whole, ["ok"]);
}

#[test]
fn a_write_within_a_write_is_refused_and_does_not_wait_for_itself() {
    let test = TestDatabase::migrated(DatabaseKind::Sqlite).unwrap();
    let inner = test.database.clone();
    let written = test
        .database
        .write(move |_| inner.write(|tx| insert(tx, new_id())));
    assert!(matches!(written, Err(DbError::Other(_))), "{written:?}");
}
