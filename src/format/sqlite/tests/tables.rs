//! Each kind of table.

use super::*;

#[test]
fn generated_columns_are_shown_and_hidden_ones_not() {
    let (_folder, path) = made_by(
        "CREATE TABLE t(a INTEGER, v AS (a * 2) VIRTUAL, b TEXT, s TEXT AS (b || '!') STORED);
         INSERT INTO t(a, b) VALUES(1, 'x'), (2, NULL);
         CREATE VIRTUAL TABLE f USING fts5(title, body);
         INSERT INTO f VALUES('one', 'two'), ('three', NULL);",
    );
    oracle::agrees(&path, "t", &["a", "v", "b", "s"], "t ORDER BY rowid");
    oracle::agrees(&path, "f", &["title", "body"], "f ORDER BY rowid");
    assert_eq!(rows(&open(&path), "t").lines().next(), Some(r#"{"a":1,"v":2,"b":"x","s":"x!"}"#));
}

#[test]
fn strict_tables_and_columns_added_later() {
    let (_folder, path) = made_by(
        "CREATE TABLE t(i INT, r REAL, x TEXT, b BLOB, y ANY) STRICT;
         INSERT INTO t VALUES(1, 2, 'x', x'01', '007'), (NULL, NULL, NULL, NULL, 7);
         ALTER TABLE t ADD COLUMN later TEXT DEFAULT 'was not there';
         INSERT INTO t VALUES(3, 3.5, '', x'', x'02', 'now');",
    );
    oracle::agrees(&path, "t", &["i", "r", "x", "b", "y", "later"], "t ORDER BY rowid");
}

#[test]
fn virtual_tables_are_shown_by_their_rows_and_their_inner_tables_not() {
    let (_folder, path) = made_by("CREATE VIRTUAL TABLE f3 USING fts3(a, b); INSERT INTO f3 VALUES('x y', 1);
         CREATE VIRTUAL TABLE f4 USING fts4(a, b, tokenize=porter); INSERT INTO f4 VALUES('running', NULL);
         CREATE VIRTUAL TABLE f5 USING fts5(a, b UNINDEXED); INSERT INTO f5 VALUES('x', 2), ('y', 3);
         CREATE VIRTUAL TABLE v5 USING fts5vocab('f5', 'row');
         CREATE VIRTUAL TABLE box USING rtree(id, x0, x1, +note); INSERT INTO box VALUES(9, 0.5, 1.5, 'n'), (3, 0, 2, 'm');
         CREATE TABLE t(a, b); INSERT INTO t VALUES('from t', 1);
         CREATE VIRTUAL TABLE external USING fts5(a, b, content='t', content_rowid='rowid');",
    );
    let file = open(&path);
    assert_eq!(names(&file), ["f3", "f4", "f5", "v5", "box", "t", "external"]);
    for name in ["f3", "f4", "f5", "external"] {
        oracle::agrees(&path, name, &["a", "b"], &format!("{name} ORDER BY rowid"));
    }
    oracle::agrees(&path, "v5", &["term", "doc", "cnt"], "v5 ORDER BY rowid");
    oracle::agrees(&path, "box", &["id", "x0", "x1", "note"], "box ORDER BY id");
    for inner in ["f3_content", "f4_segments", "f5_data", "f5_config", "box_node", "box_rowid"] {
        assert_eq!(reason(&file, inner), "is an inner part of a virtual table");
    }
}

#[test]
fn a_virtual_table_of_an_unknown_module_is_left_out_and_named() {
    let (folder, path) = made_by(
        "CREATE TABLE t(a); INSERT INTO t VALUES(1);
         PRAGMA writable_schema=ON;
         INSERT INTO sqlite_schema VALUES('table', 'strange', 'strange', 0,
            'CREATE VIRTUAL TABLE strange USING nobody_has_this(a,
 b)');
         INSERT INTO sqlite_schema VALUES('table', 'words', 'words', 0,
            'CREATE VIRTUAL TABLE words USING fts4(a, tokenize=nobody_has_this)');",
    );
    let file = open(&path);
    assert_eq!(names(&file), ["t"]);
    assert_eq!(reason(&file, "strange"), "cannot be read: no such module: nobody_has_this");
    assert_eq!(reason(&file, "words"), "cannot be read: unknown tokenizer: nobody_has_this");
    let schema = schema_sql(&file);
    assert!(
        schema.contains("-- CREATE VIRTUAL TABLE strange USING nobody_has_this(a,\n--  b)\n"),
        "{schema}"
    );
    assert_eq!(sqlite3(&folder.path("again"), &format!("{schema} SELECT name FROM sqlite_schema;")), "t\n");
}

#[test]
fn what_sqlite_keeps_for_itself_is_left_out() {
    let (_folder, path) = made_by(
        "CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT, a); CREATE INDEX i ON t(a);
         INSERT INTO t(a) VALUES(1), (2); ANALYZE;",
    );
    let file = open(&path);
    assert_eq!(names(&file), ["t"]);
    for own in ["sqlite_sequence", "sqlite_stat1"] {
        assert_eq!(reason(&file, own), "is SQLite's own");
        assert!(
            schema_sql(&file)
                .contains(&format!("-- The table \"{own}\" is not shown: it is SQLite's own.\n"))
        );
    }
}

#[test]
fn every_page_size_and_vacuum_mode() {
    let folder = SqliteFolder::new();
    for size in [512, 1024, 2048, 4096, 8192, 16384, 32768, 65536] {
        for vacuum in ["NONE", "FULL", "INCREMENTAL"] {
            let script = format!(
                "PRAGMA page_size={size}; PRAGMA auto_vacuum={vacuum}; CREATE TABLE t(k TEXT PRIMARY KEY, b);
                 WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300)
                 INSERT INTO t SELECT 'k' || (i * 7919 % 1000), randomblob(i * 13) FROM n; DELETE FROM t WHERE rowid % 3 = 0;"
            );
            let path = folder.made(&format!("{size}-{vacuum}"), &script);
            oracle::agrees(&path, "t", &["k", "b"], "t ORDER BY k");
        }
    }
}

#[test]
fn an_empty_file_is_an_empty_database() {
    let folder = SqliteFolder::new();
    let path = folder.path("empty.db");
    std::fs::write(&path, "").expect("the folder is ours");
    let file = open(&path);
    assert!(is_sqlite(b"", 0));
    assert!(names(&file).is_empty());
    assert_eq!(schema_sql(&file), "");
    assert_eq!(file.quick_check().expect("it is sound"), Check::default());
    let made = folder.made("made.db", "CREATE TABLE t(a); DROP TABLE t;");
    assert!(names(&open(&made)).is_empty());
    let rowless = folder.made("rowless.db", "CREATE TABLE t(a);");
    assert_eq!(rows(&open(&rowless), "t"), "");
}
