//! Files that need collations and functions of the program that made them: Anki's, Android's, mORMot's.
//!
//! `sqlite3` cannot make them, so `rusqlite` does, with collations of its own. The tests expect the values that they
//! inserted.

use rusqlite::functions::{Context, FunctionFlags};

use super::*;
use crate::content::ErrorKind;

/// A database made by a program with a collation `unicase` and a function `sound`.
fn made(folder: &SqliteFolder, name: &str, script: &str) -> Arc<SqliteFile> {
    let path = folder.path(name);
    let connection = rusqlite::Connection::open(&path).expect("the folder is ours");
    for collation in ["unicase", "LOCALIZED", "WIN32CASE"] {
        let by_letters = |a: &str, b: &str| a.to_lowercase().cmp(&b.to_lowercase());
        connection.create_collation(collation, by_letters).expect("a collation");
    }
    let sound =
        |context: &Context<'_>| -> rusqlite::Result<i64> { Ok(context.get::<String>(0)?.len() as i64) };
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function("sound", 1, flags, sound).expect("a function");
    connection.execute_batch(script).expect("SQL");
    drop(connection);
    open(&path)
}

const ANKI: &str = "CREATE TABLE tags(tag TEXT NOT NULL PRIMARY KEY COLLATE unicase, usn INTEGER) WITHOUT ROWID;
    CREATE TABLE fields(ntid INTEGER, ord INTEGER, name TEXT NOT NULL COLLATE unicase, PRIMARY KEY(ntid, ord)) WITHOUT ROWID;
    CREATE UNIQUE INDEX by_name ON fields(name, ntid);
    CREATE TABLE win(k TEXT PRIMARY KEY COLLATE WIN32CASE, v);
    CREATE TABLE channel(id INTEGER PRIMARY KEY, name TEXT COLLATE LOCALIZED, UNIQUE(name));
    CREATE VIEW sorted AS SELECT tag FROM tags ORDER BY tag;
    INSERT INTO tags VALUES('zeta', 1), ('Alpha', 2), ('beta', 3);
    INSERT INTO fields VALUES(1, 1, 'Back'), (1, 0, 'Front');
    INSERT INTO win VALUES('zeta', 1), ('Alpha', 2), ('beta', 3);
    INSERT INTO channel(name) VALUES('zeta'), ('Alpha');";

#[test]
fn rows_come_as_they_are_stored_where_only_the_program_knows_their_order() {
    let folder = SqliteFolder::new();
    let file = made(&folder, "anki.db", ANKI);
    // The order of the key, as the program sorts.
    assert_eq!(
        rows(&file, "tags"),
        "{\"tag\":\"Alpha\",\"usn\":2}\n{\"tag\":\"beta\",\"usn\":3}\n{\"tag\":\"zeta\",\"usn\":1}\n"
    );
    // A key that SQLite can sort.
    assert_eq!(
        rows(&file, "fields"),
        "{\"ntid\":1,\"ord\":0,\"name\":\"Front\"}\n{\"ntid\":1,\"ord\":1,\"name\":\"Back\"}\n"
    );
    // By rowid, as `sqlite3` prints them.
    assert_eq!(
        rows(&file, "win"),
        "{\"k\":\"zeta\",\"v\":1}\n{\"k\":\"Alpha\",\"v\":2}\n{\"k\":\"beta\",\"v\":3}\n"
    );
    assert_eq!(rows(&file, "channel").lines().count(), 2);
    let printed = sqlite3(&folder.path("anki.db"), "SELECT json_object('k', k, 'v', v) FROM win;");
    assert_eq!(rows(&file, "win"), printed);
    // What would have to be sorted by the unknown collation is not shown at all.
    assert!(reason(&file, "sorted").contains("no such collation sequence: unicase"));
    assert!(schema_sql(&file).contains("CREATE TABLE tags(tag TEXT NOT NULL PRIMARY KEY COLLATE unicase"));
}

#[test]
fn a_dump_has_the_rows_that_sqlite3_cannot_read() {
    let folder = SqliteFolder::new();
    let file = made(&folder, "anki.db", ANKI);
    let dump = dump(&file);
    assert_eq!(dump.matches("INSERT INTO").count(), 10, "{dump}");
    // The program that has the collations loads it.
    let again = made(&folder, "again.db", &dump);
    for table in ["tags", "fields", "win", "channel"] {
        assert_eq!(rows(&again, table), rows(&file, table), "{table}");
    }
}

#[test]
fn what_a_check_cannot_know_is_not_checked_and_all_else_is() {
    let folder = SqliteFolder::new();
    let file = made(&folder, "anki.db", ANKI);
    let check = file.quick_check().expect("it can be read");
    assert_eq!(check.wrong, Vec::<String>::new());
    let said = check.unchecked.join("\n");
    for (index, collation) in [
        ("a key of tags", "unicase"),
        ("by_name", "unicase"),
        ("a key of win", "WIN32CASE"),
        ("a key of channel", "LOCALIZED"),
    ] {
        let is_said = |line: &&String| line.contains(index) && line.contains(collation);
        assert!(check.unchecked.iter().any(|line| is_said(&line)), "{index}: {said}");
    }
    // Damage beside it is found all the same.
    let path = folder.path("anki.db");
    break_first_page(&path, "win", 4096);
    assert!(!open(&path).quick_check().expect("it can be read").wrong.is_empty());
}

#[test]
fn constraints_that_call_the_programs_functions_are_not_called_broken() {
    let folder = SqliteFolder::new();
    let file = made(
        &folder,
        "f.db",
        "CREATE TABLE t(a TEXT CHECK(sound(a) > 0), b TEXT NOT NULL); INSERT INTO t VALUES('x', 'y');
         CREATE TABLE g(a TEXT, len INTEGER NOT NULL AS (sound(a)) VIRTUAL); INSERT INTO g(a) VALUES('xyz');
         CREATE TABLE c(a INTEGER CHECK(a > 0)); INSERT INTO c VALUES(1);
         CREATE TABLE l(a TEXT CHECK(a = 'X' COLLATE unicase)); INSERT INTO l VALUES('x');
         CREATE INDEX by_sound ON t(sound(a)); CREATE TABLE p(a TEXT); CREATE INDEX part ON p(a) WHERE sound(a) > 1;
         INSERT INTO p VALUES('xx');",
    );
    let check = file.quick_check().expect("it can be read");
    assert_eq!(check.wrong, Vec::<String>::new());
    for table in ["t", "g", "l"] {
        let what = format!("what table {table} computes or demands");
        assert!(check.unchecked.iter().any(|line| line.contains(&what)), "{table}: {:?}", check.unchecked);
    }
    assert!(!check.unchecked.iter().any(|line| line.contains("table c ")), "{:?}", check.unchecked);
    assert_eq!(rows(&file, "t"), "{\"a\":\"x\",\"b\":\"y\"}\n");
    assert_eq!(rows(&file, "l"), "{\"a\":\"x\"}\n");
    assert_eq!(rows(&file, "p"), "{\"a\":\"xx\"}\n");
    // What has to be computed cannot be read, but is not called damaged.
    let error = try_rows(&file, &relation(&file, "g")).expect_err("only the program can compute it");
    assert_eq!(error.kind, ErrorKind::Unsupported, "{}", error.chain());
}

#[test]
fn texts_in_utf16_have_stand_ins_too() {
    let folder = SqliteFolder::new();
    let file = made(
        &folder,
        "u.db",
        "PRAGMA encoding='UTF-16le'; CREATE TABLE t(k TEXT PRIMARY KEY COLLATE unicase) WITHOUT ROWID;
         INSERT INTO t VALUES('é'), ('B'), ('a');",
    );
    assert_eq!(rows(&file, "t"), "{\"k\":\"a\"}\n{\"k\":\"B\"}\n{\"k\":\"é\"}\n");
    assert_eq!(file.quick_check().expect("it can be read").wrong, Vec::<String>::new());
}
