//! Dumps against the shell's own: a database made from ours has the same `.dump` as the original.

use super::*;

/// Loads the dump of a database into a new file as a user would, and compares what `sqlite3` says of both.
fn comes_back(folder: &SqliteFolder, name: &str, script: &str) -> (PathBuf, PathBuf) {
    let path = folder.made(name, script);
    let text = dump(&open(&path));
    let new = folder.made(&format!("{name}.new"), &text);
    assert_eq!(shells_dump(&new), shells_dump(&path), "{text}");
    assert_eq!(sqlite3(&new, "PRAGMA integrity_check"), "ok\n");
    for pragma in ["encoding", "user_version", "application_id"] {
        let asked = format!("PRAGMA {pragma}");
        assert_eq!(sqlite3(&new, &asked), sqlite3(&path, &asked), "{pragma}");
    }
    (path, new)
}

/// The shell's own dump, whatever bytes it holds.
fn shells_dump(path: &Path) -> Vec<u8> {
    let output = Command::new("sqlite3").arg(path).arg(".dump").output().expect("sqlite3 is installed");
    assert!(output.status.success() && output.stderr.is_empty());
    output.stdout
}

const EVERYTHING: &str = r#"
    CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT, a, b TEXT, c REAL, d BLOB, g AS (id + 1) STORED, h AS (id * 2));
    INSERT INTO t(a,b,c,d) VALUES (1,'it''s',1.5,x'00ff'),(NULL,char(10,13,10)||'\n \r \(n0)',9e999,''),
      (9223372036854775807,'é',-9e999,zeroblob(3)),(-9223372036854775808,'--;',1e100,x''),(1e100,'',0.1,NULL);
    DELETE FROM t WHERE id = 5;
    CREATE TABLE w(a TEXT, b, PRIMARY KEY (b, a)) WITHOUT ROWID;
    INSERT INTO w VALUES ('x',1),('a',2),('b',1);
    CREATE TABLE "we""ird ` table"("a b", 'x', [c]);
    INSERT INTO "we""ird ` table" VALUES (1,2,3);
    CREATE TABLE rowid_taken(rowid TEXT, _rowid_ TEXT, oid TEXT);
    INSERT INTO rowid_taken VALUES ('z','y','x'),('a','b','c');
    CREATE TABLE strict1(a INTEGER, b ANY) STRICT;
    INSERT INTO strict1 VALUES (1, 'x'), (2, x'00'), (3, 1.0);
    CREATE TABLE empty(a);
    CREATE TABLE children(id REFERENCES parents(id) DEFERRABLE INITIALLY DEFERRED, CHECK (id > 0));
    INSERT INTO children VALUES (77);
    CREATE TABLE parents(id PRIMARY KEY);
    CREATE INDEX partly ON t(a, lower(b)) WHERE a > 1;
    CREATE VIEW v AS SELECT * FROM t -- a note
    ;
    CREATE TRIGGER r AFTER INSERT ON t BEGIN INSERT INTO w VALUES (new.id, 2); SELECT CASE 1 WHEN 1 THEN 2 END; END;
    CREATE VIRTUAL TABLE texts USING fts5(x, y);
    INSERT INTO texts VALUES ('hello','world'),('line
break','it''s');
    CREATE VIRTUAL TABLE boxes USING rtree(id, x0, x1);
    INSERT INTO boxes VALUES (1,2,3);
    ANALYZE;
    PRAGMA user_version = 7;
    PRAGMA application_id = 77;
"#;

#[test]
fn everything_comes_back() {
    let folder = SqliteFolder::new();
    let (_, new) = comes_back(&folder, "everything.db", EVERYTHING);
    assert_eq!(sqlite3(&new, "SELECT x FROM texts WHERE texts MATCH 'world'"), "hello\n");
    assert_eq!(sqlite3(&new, "SELECT seq FROM sqlite_sequence"), "5\n");
    assert_eq!(sqlite3(&new, "PRAGMA foreign_key_check").lines().count(), 1, "what was broken stays so");
}

#[test]
fn an_empty_database_comes_back() {
    let folder = SqliteFolder::new();
    comes_back(&folder, "empty.db", "CREATE TABLE t(a); DROP TABLE t;");
}

#[test]
fn texts_in_utf_16_come_back() {
    let folder = SqliteFolder::new();
    for encoding in ["UTF-16le", "UTF-16be"] {
        let script = format!(
            "PRAGMA encoding = '{encoding}'; CREATE TABLE t(a TEXT, \"ü\"); INSERT INTO t VALUES ('é😀''', x'00'),
             (char(10), 1.5), ('a'||char(0)||'b', NULL);"
        );
        let (path, new) = comes_back(&folder, &format!("{encoding}.db"), &script);
        let bytes = "SELECT hex(CAST(a AS BLOB)) FROM t";
        assert_eq!(sqlite3(&path, bytes), sqlite3(&new, bytes));
    }
}

/// What `.dump` itself loses or changes.
#[test]
fn texts_that_no_literal_holds_and_numbers_come_back_to_the_bit() {
    let folder = SqliteFolder::new();
    let script = "CREATE TABLE t(a); INSERT INTO t VALUES (CAST(x'ff41' AS TEXT)),('a'||char(0)||'b'),(CAST(x'0d00' AS TEXT));
        CREATE TABLE r(x); INSERT INTO r VALUES (0.1+0.2),(5e-324),(1.7976931348623157e308),(2.2250738585072014e-308),
          (1.0/3),(123456789012345680.0),(9007199254740993.0),(1e23),(-1e-7),(0.0*-1);
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
          INSERT INTO r SELECT (random() / 3.7) * exp(i % 600 - 300) FROM n;";
    let (path, new) = comes_back(&folder, "odd.db", script);
    let bytes = "SELECT typeof(a), hex(CAST(a AS BLOB)) FROM t";
    assert_eq!(sqlite3(&path, bytes), sqlite3(&new, bytes));
    let reals = |path: &Path| -> Vec<u64> {
        let connection = rusqlite::Connection::open(path).expect("it is a database");
        let mut statement = connection.prepare("SELECT x FROM r ORDER BY rowid").expect("a query");
        let reals = statement.query_map([], |row| row.get::<_, f64>(0)).expect("rows");
        reals.map(|real| real.expect("a REAL").to_bits()).collect()
    };
    assert_eq!(reals(&path).len(), 2010);
    assert_eq!(reals(&path), reals(&new));
}

#[test]
fn rows_of_a_large_table_all_come_back() {
    let folder = SqliteFolder::new();
    let script = "CREATE TABLE t(id INTEGER PRIMARY KEY, a);
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
        INSERT INTO t SELECT i * 3, hex(randomblob(i % 100)) FROM n;";
    comes_back(&folder, "large.db", script);
}

/// In a schema made by hand, text may follow the first statement, and the shell would run it. SQLite refuses some of
/// it.
#[test]
fn what_stands_behind_a_definition_never_gets_out() {
    let folder = SqliteFolder::new();
    for name in ["t", "v", "r"] {
        let script = format!(
            "CREATE TABLE t(a); CREATE VIEW v AS SELECT 1 AS x; CREATE TRIGGER r AFTER INSERT ON t BEGIN SELECT 1; END;
             PRAGMA writable_schema = ON;
             UPDATE sqlite_schema SET sql = sql || ';' || char(10) || '.print LOADED' WHERE name = '{name}';"
        );
        let file = open(&folder.made(&format!("{name}.db"), &script));
        let (text, written) = try_dump(&file);
        match written {
            Ok(()) => assert!(text.contains(&format!("-- \"{name}\" is not here")), "{text}"),
            Err(error) => assert_eq!(error.kind, ErrorKind::Damaged, "{}", error.chain()),
        }
        assert!(!text.contains(".print"), "{text}");
    }
}

#[test]
fn a_damaged_table_is_an_error() {
    let (_folder, path) = made_by("CREATE TABLE t(a); INSERT INTO t VALUES (zeroblob(100000));");
    change(&path, |bytes| bytes[4096..8192].fill(0xff));
    let error = try_dump(&open(&path)).1.expect_err("its page is broken");
    assert_eq!(error.kind, ErrorKind::Damaged, "{}", error.chain());
}
