//! `schema.sql`.

use super::*;

const SCRIPT: &str = "CREATE TABLE parent(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE);
    CREATE TABLE \"we\"\"ird -- 'name'\"(\"a b\" REAL DEFAULT 1.5, p REFERENCES parent(id) ON DELETE CASCADE);
    CREATE VIEW early AS SELECT * FROM parent;
    CREATE INDEX part ON parent(name) WHERE id > 3;
    CREATE TABLE later(k TEXT PRIMARY KEY, g TEXT AS (k || 'x')) WITHOUT ROWID, STRICT;
    CREATE TRIGGER tr AFTER INSERT ON parent BEGIN UPDATE parent SET name = name || ';'; SELECT 1; END;
    CREATE TRIGGER tv INSTEAD OF INSERT ON early BEGIN INSERT INTO parent(name) VALUES(new.name); END;
    CREATE VIRTUAL TABLE words USING fts5(a, b, tokenize = 'porter ascii');
    CREATE VIRTUAL TABLE box USING rtree(id, x0, x1);
    CREATE UNIQUE INDEX expression ON parent(lower(name));
    CREATE VIEW commented AS SELECT 1 AS one -- no end
;
    INSERT INTO parent(name) VALUES('x'); ANALYZE;"
    .trim_ascii_end();

/// The schema as `sqlite3` gives it.
fn told(path: &Path) -> Vec<String> {
    let query =
        "SELECT type || ' ' || name || ' ' || replace(coalesce(sql, '-'), char(10), ' ') FROM sqlite_schema;";
    let mut lines: Vec<_> = sqlite3(path, query).lines().map(str::to_owned).collect();
    lines.retain(|line| !line.contains("sqlite_stat"));
    lines.sort();
    lines
}

#[test]
fn it_makes_the_same_schema_again() {
    let (folder, path) = made_by(SCRIPT);
    let schema = schema_sql(&open(&path));
    let again = folder.made("again.db", &schema);
    assert_eq!(told(&again), told(&path));
    assert_eq!(
        schema_sql(&open(&again))
            .replace("-- The table \"sqlite_stat1\" is not shown: it is SQLite's own.\n", ""),
        schema.replace("-- The table \"sqlite_stat1\" is not shown: it is SQLite's own.\n", "")
    );
}

#[test]
fn tables_come_first_then_indexes_views_and_triggers() {
    let folder = SqliteFolder::new();
    let schema = schema_sql(&open(&folder.made("s.db", SCRIPT)));
    let order = [
        "TABLE parent",
        "TABLE \"we",
        "TABLE later",
        "TABLE words",
        "TABLE box",
        "INDEX part",
        "INDEX expression",
        "VIEW early",
        "VIEW commented",
        "TRIGGER tr",
        "TRIGGER tv",
    ];
    let places: Vec<_> =
        order.iter().map(|part| schema.find(part).unwrap_or_else(|| panic!("{part}"))).collect();
    assert!(places.is_sorted(), "{schema}");
    assert!(
        schema
            .contains("-- The table \"words_data\" is not shown: it is an inner part of a virtual table.\n")
    );
    assert!(!schema.contains("CREATE TABLE sqlite_") && !schema.contains("_segments"), "{schema}");
}
