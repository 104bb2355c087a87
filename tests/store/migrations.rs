//! Both databases get the same schema, and it is the one that the queries are written against.

use crate::support::databases::{TestDatabase, on_each_database};
use medial::db::{Database, DatabaseKind};
use std::collections::{BTreeMap, BTreeSet};

/// Each migration as it is written for SQLite and for PostgreSQL.
const MIGRATIONS: [(&str, &str); 11] = [
    (
        include_str!("../../migrations/sqlite/2025-11-01-000000_initial/up.sql"),
        include_str!("../../migrations/postgres/2025-11-01-000000_initial/up.sql"),
    ),
    (
        include_str!("../../migrations/sqlite/2026-11-24-000001_people/up.sql"),
        include_str!("../../migrations/postgres/2026-11-24-000001_people/up.sql"),
    ),
    (
        include_str!("../../migrations/sqlite/2026-11-24-000002_diary/up.sql"),
        include_str!("../../migrations/postgres/2026-11-24-000002_diary/up.sql"),
    ),
    (
        include_str!("../../migrations/sqlite/2026-11-25-000003_diagnosis/up.sql"),
        include_str!("../../migrations/postgres/2026-11-25-000003_diagnosis/up.sql"),
    ),
    (
        include_str!("../../migrations/sqlite/2026-11-25-000004_clients/up.sql"),
        include_str!("../../migrations/postgres/2026-11-25-000004_clients/up.sql"),
    ),
    (
        include_str!("../../migrations/sqlite/2026-11-25-000005_bulk_exports/up.sql"),
        include_str!("../../migrations/postgres/2026-11-25-000005_bulk_exports/up.sql"),
    ),
    (
        include_str!("../../migrations/sqlite/2026-11-25-000007_cds/up.sql"),
        include_str!("../../migrations/postgres/2026-11-25-000007_cds/up.sql"),
    ),
    (
        include_str!("../../migrations/sqlite/2026-11-27-000008_subscriptions/up.sql"),
        include_str!("../../migrations/postgres/2026-11-27-000008_subscriptions/up.sql"),
    ),
    (
        include_str!("../../migrations/sqlite/2026-11-27-000010_export_choices/up.sql"),
        include_str!("../../migrations/postgres/2026-11-27-000010_export_choices/up.sql"),
    ),
    (
        include_str!("../../migrations/sqlite/2026-11-27-000019_views/up.sql"),
        include_str!("../../migrations/postgres/2026-11-27-000019_views/up.sql"),
    ),
    (
        include_str!("../../migrations/sqlite/2026-11-28-000020_candidates_by_region/up.sql"),
        include_str!("../../migrations/postgres/2026-11-28-000020_candidates_by_region/up.sql"),
    ),
];

const OF_THE_HARNESS: &str = "__diesel_schema_migrations";

/// Everything there is, as the database itself writes it down.
fn dump(test: &TestDatabase) -> Vec<String> {
    let mut raw = test.raw();
    match test.kind() {
        DatabaseKind::Sqlite => raw.lines(
            "SELECT type || ' ' || name || ' ' || tbl_name || ' ' || coalesce(sql, '') AS line FROM sqlite_master \
             WHERE name NOT LIKE '\\_\\_diesel%' ESCAPE '\\' AND tbl_name NOT LIKE '\\_\\_diesel%' ESCAPE '\\' ORDER BY 1",
        ),
        DatabaseKind::Postgres => raw.lines(
            "SELECT line FROM (
               SELECT format('column %s.%s %s %s %s %s', table_name, column_name, data_type, is_nullable, collation_name, column_default) AS line
                 FROM information_schema.columns WHERE table_schema = 'public'
               UNION ALL SELECT format('constraint %s %s %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
                 FROM pg_constraint WHERE connamespace = 'public'::regnamespace
               UNION ALL SELECT 'index ' || indexdef FROM pg_indexes WHERE schemaname = 'public'
               UNION ALL SELECT 'trigger ' || pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
               UNION ALL SELECT 'function ' || pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
             ) AS everything WHERE line NOT LIKE '%__diesel_schema_migrations%' ORDER BY 1",
        ),
    }
}

/// Table, column, type, whether it may be null, and its place in the primary key.
type Column = (String, String, String, bool, usize);

/// The columns as the database has them; `INTEGER` for every number and truth value of SQLite, which has one type.
fn columns(test: &TestDatabase) -> BTreeSet<Column> {
    let mut raw = test.raw();
    let lines = match test.kind() {
        DatabaseKind::Sqlite => raw.lines(
            "SELECT t.name || '|' || c.name || '|' || c.type || '|' || (c.\"notnull\" = 0) || '|' || c.pk AS line \
             FROM sqlite_master t, pragma_table_info(t.name) c WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_stat%'",
        ),
        DatabaseKind::Postgres => raw.lines(
            "SELECT c.table_name || '|' || c.column_name || '|' || c.data_type || '|' || (c.is_nullable = 'YES')::int || '|' || \
               coalesce(array_position(i.indkey::int2[], a.attnum) + 1, 0) AS line \
             FROM information_schema.columns c \
             JOIN pg_attribute a ON a.attrelid = c.table_name::regclass AND a.attname = c.column_name \
             LEFT JOIN pg_index i ON i.indrelid = a.attrelid AND i.indisprimary \
             WHERE c.table_schema = 'public' AND c.table_name NOT IN (SELECT viewname FROM pg_views WHERE schemaname = 'public')",
        ),
    };
    let column = |line: &String| {
        let parts: Vec<&str> = line.split('|').collect();
        let place = parts[4].parse().unwrap();
        (
            parts[0].into(),
            parts[1].into(),
            parts[2].to_uppercase(),
            parts[3] == "1",
            place,
        )
    };
    lines
        .iter()
        .map(column)
        .filter(|column: &Column| column.0 != OF_THE_HARNESS)
        .collect()
}

/// What `src/db/schema.rs` says, with the type that `kind` has for each of diesel's.
fn expected_columns(kind: DatabaseKind) -> BTreeSet<Column> {
    let source =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/src/db/schema.rs")).unwrap();
    let mut columns = BTreeSet::new();
    for table in source.split("diesel::table! {").skip(1) {
        let body = table.split("\n}").next().unwrap();
        let (head, rest) = body.split_once(") {").unwrap();
        let (name, keys) = head.trim().split_once(" (").unwrap();
        let keys: Vec<&str> = keys.split(", ").collect();
        for line in rest.lines().filter(|line| line.contains("->")) {
            let (column, sql_type) = line
                .trim()
                .trim_end_matches(',')
                .split_once(" -> ")
                .unwrap();
            let inner = sql_type
                .strip_prefix("Nullable<")
                .map(|rest| rest.trim_end_matches('>'));
            let place = keys
                .iter()
                .position(|key| *key == column)
                .map_or(0, |place| place + 1);
            let of_kind = match (kind, inner.unwrap_or(sql_type)) {
                (_, "Text") => "TEXT",
                (DatabaseKind::Sqlite, "Integer" | "BigInt" | "Bool")
                | (DatabaseKind::Postgres, "Integer") => "INTEGER",
                (DatabaseKind::Postgres, "BigInt") => "BIGINT",
                (DatabaseKind::Postgres, "Bool") => "BOOLEAN",
                other => panic!("{other:?}"),
            };
            columns.insert((
                name.to_owned(),
                column.to_owned(),
                of_kind.to_owned(),
                inner.is_some(),
                place,
            ));
        }
    }
    columns
}

/// Every index that is not a primary key: table, whether it is unique, its columns, whether it has a condition.
fn indexes(test: &TestDatabase) -> BTreeSet<String> {
    let sql = match test.kind() {
        DatabaseKind::Sqlite => {
            "SELECT t.name || ' ' || i.\"unique\" || ' ' || i.partial || ' ' || \
               (SELECT group_concat(name, ',') FROM (SELECT name FROM pragma_index_info(i.name) ORDER BY seqno)) AS line \
             FROM sqlite_master t, pragma_index_list(t.name) i WHERE t.type = 'table' AND i.origin <> 'pk'"
        }
        DatabaseKind::Postgres => {
            "SELECT i.indrelid::regclass || ' ' || i.indisunique::int || ' ' || (i.indpred IS NOT NULL)::int || ' ' || \
               (SELECT string_agg(a.attname, ',' ORDER BY k.place) FROM unnest(i.indkey::int2[]) WITH ORDINALITY k (attnum, place) \
                JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum) AS line \
             FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid \
             WHERE c.relnamespace = 'public'::regnamespace AND NOT i.indisprimary"
        }
    };
    let lines = test.raw().lines(sql).into_iter();
    lines
        .filter(|line| !line.starts_with(OF_THE_HARNESS))
        .collect()
}

/// Every foreign key: table, columns, what they refer to, what a deletion does.
fn foreign_keys(test: &TestDatabase) -> BTreeSet<String> {
    let sql = match test.kind() {
        DatabaseKind::Sqlite => {
            "SELECT t.name || ' ' || (SELECT group_concat(\"from\" || '>' || \"to\", ',') FROM \
               (SELECT * FROM pragma_foreign_key_list(t.name) g WHERE g.id = f.id ORDER BY g.seq)) || ' ' || f.\"table\" || ' ' || f.on_delete AS line \
             FROM sqlite_master t, pragma_foreign_key_list(t.name) f WHERE t.type = 'table' AND f.seq = 0"
        }
        DatabaseKind::Postgres => {
            "SELECT k.conrelid::regclass || ' ' || (SELECT string_agg(a.attname || '>' || b.attname, ',' ORDER BY p.place) \
               FROM unnest(k.conkey, k.confkey) WITH ORDINALITY p (own, other, place) \
               JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = p.own \
               JOIN pg_attribute b ON b.attrelid = k.confrelid AND b.attnum = p.other) || ' ' || k.confrelid::regclass || ' ' || \
               CASE k.confdeltype WHEN 'a' THEN 'NO ACTION' WHEN 'c' THEN 'CASCADE' ELSE 'other' END AS line \
             FROM pg_constraint k WHERE k.contype = 'f' AND k.connamespace = 'public'::regnamespace"
        }
    };
    test.raw().lines(sql).into_iter().collect()
}

/// The checks of each table as its migration writes them, but for those that make a truth value of SQLite's integer.
fn checks(migration: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut checks: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for table in migration.split("CREATE TABLE ").skip(1) {
        let body = table.split("\nCREATE ").next().unwrap();
        let name = body.split_whitespace().next().unwrap();
        let of_table = checks.entry(name.to_owned()).or_default();
        for rest in body.split("CHECK ").skip(1) {
            let mut depth = 0;
            let end = rest.char_indices().find_map(|(place, character)| {
                depth += match character {
                    '(' => 1,
                    ')' => -1,
                    _ => 0,
                };
                (depth == 0).then_some(place)
            });
            let check = &rest[..=end.unwrap()];
            if !check.ends_with("IN (0, 1))") {
                of_table.insert(check.to_owned());
            }
        }
    }
    checks
}

on_each_database! {
    fn run_revert_run_gives_the_same_schema(test: &TestDatabase) {
        let first = dump(test);
        assert!(first.len() > 45, "{first:#?}");
        let reverted = test.database.revert_all().unwrap();
        assert_eq!(reverted.len(), MIGRATIONS.len());
        assert_eq!(dump(test), Vec::<String>::new());
        assert_eq!(test.database.pending_migrations().unwrap().len(), MIGRATIONS.len());
        let run = test.database.migrate().unwrap();
        assert!(run.iter().eq(reverted.iter().rev()), "{run:?} {reverted:?}");
        assert_eq!(dump(test), first);
        assert!(test.database.pending_migrations().unwrap().is_empty());
        assert!(test.database.migrate().unwrap().is_empty());
    }

    fn the_tables_are_those_that_the_queries_know(test: &TestDatabase) {
        let (found, expected) = (columns(test), expected_columns(test.kind()));
        assert!(expected.len() > 200, "schema.rs was not understood");
        let missing: Vec<_> = expected.difference(&found).collect();
        let unknown: Vec<_> = found.difference(&expected).collect();
        assert!(missing.is_empty() && unknown.is_empty(), "missing {missing:#?} unknown {unknown:#?}");
    }

    fn processes_that_start_together_migrate_once(test: &TestDatabase) {
        test.database.revert_all().unwrap();
        let run: usize = std::thread::scope(|scope| {
            let started: Vec<_> = (0..4)
                .map(|_| scope.spawn(|| Database::open(&test.settings).unwrap().migrate().unwrap().len()))
                .collect();
            started.into_iter().map(|one| one.join().unwrap()).sum()
        });
        assert_eq!(run, MIGRATIONS.len());
    }
}

#[test]
fn both_databases_have_the_same_keys_and_indexes() {
    let Some(postgres) = TestDatabase::migrated(DatabaseKind::Postgres) else {
        return;
    };
    let sqlite = TestDatabase::migrated(DatabaseKind::Sqlite).unwrap();
    let (ours, theirs) = (indexes(&sqlite), indexes(&postgres));
    assert!(ours.len() > 20, "{ours:#?}");
    assert_eq!(ours, theirs);
    let (ours, theirs) = (foreign_keys(&sqlite), foreign_keys(&postgres));
    assert!(ours.len() > 12, "{ours:#?}");
    assert_eq!(ours, theirs);
}

#[test]
fn both_migrations_check_the_same() {
    let mut count = 0;
    for (sqlite, postgres) in MIGRATIONS {
        let found = checks(sqlite);
        count += found.values().map(BTreeSet::len).sum::<usize>();
        assert_eq!(found, checks(postgres));
    }
    assert!(count > 50);
}

/// A truth value in SQLite is an integer that nothing but a check keeps to 0 and 1.
#[test]
fn every_truth_value_of_sqlite_is_checked() {
    let sqlite = MIGRATIONS.map(|(sqlite, _)| sqlite).join("\n");
    let truth_values: Vec<Column> = expected_columns(DatabaseKind::Postgres)
        .into_iter()
        .filter(|column| column.2 == "BOOLEAN")
        .collect();
    assert!(truth_values.len() > 8);
    for (table, column, ..) in truth_values {
        let body = sqlite
            .split(&format!("CREATE TABLE {table} ("))
            .nth(1)
            .unwrap();
        let body = body.split(") STRICT").next().unwrap();
        assert!(
            body.contains(&format!("CHECK ({column} IN (0, 1))")),
            "{table}.{column}"
        );
    }
}
