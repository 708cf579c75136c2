//! Which views are shown, and how.

use super::*;

const TABLES: &str = "CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT, d TEXT); CREATE TABLE u(a, c);
    INSERT INTO t VALUES(1, 'z', '2024-01-02'), (2, 'y', '2024-01-03'), (3, 'y', 'now');
    INSERT INTO u VALUES(1, '[1,2]'), (3, '[]');";

#[test]
fn what_the_file_decides_is_shown() {
    let folder = SqliteFolder::new();
    let queries = [
        "SELECT * FROM t",
        "SELECT b, count(*) AS n, group_concat(a) AS g FROM t LEFT JOIN u USING (a) GROUP BY b",
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5) SELECT i FROM n",
        "SELECT upper(b) AS x, substr(b, 1) || 'x' AS y, a IN (SELECT a FROM u) AS z FROM t",
        "SELECT row_number() OVER (ORDER BY b, a) AS r, a FROM t",
        "SELECT value FROM u, json_each(u.c)",
        "SELECT c -> '$[0]' AS x, c ->> 0 AS y FROM u",
        "SELECT 1 AS a, 2 AS a",
        "SELECT b FROM t WHERE b LIKE '%now()%' OR b GLOB '[yz]'",
        "SELECT CASE WHEN a > 1 THEN round(a / 2.0, 1) END AS \"we\"\"ird\" FROM t",
        "SELECT a FROM t LIMIT 2",
    ];
    let mut script = TABLES.to_owned();
    for (number, query) in queries.iter().enumerate() {
        script.push_str(&format!("CREATE VIEW v{number} AS {query};"));
    }
    let path = folder.made("v.db", &script);
    let file = open(&path);
    for number in 0..queries.len() {
        let name = format!("v{number}");
        let columns = sqlite3(&path, &format!("SELECT name FROM pragma_table_info('{name}') ORDER BY cid;"));
        let columns: Vec<_> = columns.lines().collect();
        // Rows come by the bytes of their lines, as the view states no order.
        let mut told = oracle::rows(&path, &columns, &name);
        let mut shown: Vec<serde_json::Value> =
            rows(&file, &name).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        assert!(rows(&file, &name).lines().is_sorted(), "{name}");
        assert!(!told.is_empty() && told.len() == shown.len(), "{name}");
        told.sort_by_key(ToString::to_string);
        shown.sort_by_key(ToString::to_string);
        assert_eq!(told, shown, "{name}");
    }
}

#[test]
fn what_anything_else_decides_is_left_out_and_named() {
    let folder = SqliteFolder::new();
    for (query, reason) in [
        ("SELECT random() AS r", "calls random"),
        ("SELECT a FROM t ORDER BY RANDOM()", "calls random"),
        ("SELECT datetime('now') AS x", "calls datetime"),
        ("SELECT a FROM t WHERE d < date()", "calls date"),
        ("SELECT date(d) AS x FROM t", "calls date"),
        ("SELECT CURRENT_TIMESTAMP AS x", "calls current_timestamp"),
        ("SELECT a FROM t WHERE d < strftime('%Y', 'now')", "calls strftime"),
        ("SELECT julianday('now') - julianday(d) AS x FROM t", "calls julianday"),
        ("SELECT changes() AS x", "calls changes"),
        ("SELECT last_insert_rowid() AS x", "calls last_insert_rowid"),
        ("SELECT randomblob(4) AS x", "calls randomblob"),
        ("SELECT sqlite_version() AS x", "calls sqlite_version"),
        ("SELECT load_extension('x') AS x", "cannot be read: unsafe use of load_extension()"),
        ("SELECT * FROM sqlite_schema", "reads sqlite_master, which is not shown"),
        ("SELECT * FROM pragma_table_info('t')", "cannot be read: unsafe use of virtual table"),
        ("SELECT * FROM missing", "cannot be read: no such table: main.missing"),
        ("SELECT nobody_knows(a) AS x FROM t", "cannot be read: no such function: nobody_knows"),
        (
            "SELECT a COLLATE nobody_knows AS x FROM t ORDER BY 1",
            "cannot be read: no such collation sequence: nobody_knows",
        ),
    ] {
        let path = folder.path("v.db");
        let _ = std::fs::remove_file(&path);
        sqlite3(&path, &format!("{TABLES} CREATE VIEW v AS {query}; CREATE VIEW over AS SELECT * FROM v;"));
        let file = open(&path);
        assert_eq!(names(&file), ["t", "u"], "{query}");
        let told = super::reason(&file, "v");
        assert!(told.starts_with(reason), "{query}: {told}");
        super::reason(&file, "over");
        let schema = schema_sql(&file);
        assert!(schema.contains("-- The view \"v\" is not shown: it "), "{schema}");
        assert!(schema.contains("CREATE VIEW v AS "), "{schema}");
    }
}

#[test]
fn a_view_with_an_order_keeps_it() {
    let (_folder, file) = opened(&format!(
        "{TABLES} CREATE VIEW v AS SELECT a, b FROM t ORDER BY b DESC, a DESC;
            CREATE VIEW w AS SELECT a FROM v;"
    ));
    let lines = |name: &str| rows(&file, name).lines().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(lines("v"), [r#"{"a":1,"b":"z"}"#, r#"{"a":3,"b":"y"}"#, r#"{"a":2,"b":"y"}"#]);
    assert_eq!(lines("w"), [r#"{"a":1}"#, r#"{"a":2}"#, r#"{"a":3}"#], "no order of its own");
}

#[test]
fn a_view_without_end_ends() {
    let (_folder, file) = opened(
        "CREATE VIEW v AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(i) AS c FROM n;",
    );
    let error = try_rows(&file, &relation(&file, "v")).expect_err("it never comes to an end");
    is_error(&error, ErrorKind::Unsupported, "interrupted");
}
