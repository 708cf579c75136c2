//! Hostile names and schemas.

use super::*;

#[test]
fn any_name_of_a_table_and_a_column() {
    let folder = SqliteFolder::new();
    let long = "n".repeat(5000);
    let hostile = [
        "we/ird",
        "..",
        "",
        "a\"b'c`d]e[",
        "select",
        "t.x",
        "ü\u{202e}",
        "a\nb",
        "dbstat",
        "pragma_table_xinfo",
        "sqlite",
        "main",
        "%41",
        "rowid",
        &long,
    ];
    let mut script = String::new();
    for name in hostile {
        let name = name.replace('"', "\"\"");
        script.push_str(&format!("CREATE TABLE \"{name}\"(\"{name}\" PRIMARY KEY, \"x{name}\"); INSERT INTO \"{name}\" VALUES('b', 1), ('a', 2);"));
        script.push_str(&format!("CREATE VIEW \"v{name}\" AS SELECT * FROM \"{name}\";"));
    }
    let path = folder.made("names.db", &script);
    let file = open(&path);
    let shown = names(&file);
    for name in hostile {
        assert!(shown.iter().any(|shown| shown == name), "{name:?}");
        let quoted = format!("\"{}\"", name.replace('"', "\"\""));
        let columns = [name.to_owned(), format!("x{name}")];
        let columns: Vec<_> = columns.iter().map(String::as_str).collect();
        oracle::agrees(&path, name, &columns, &format!("{quoted} ORDER BY {quoted}.{quoted}"));
        assert_eq!(rows(&file, &format!("v{name}")).lines().count(), 2);
    }
    let again = folder.made("again.db", &schema_sql(&file));
    let tables = |path: &Path| sqlite3(path, "SELECT hex(name) FROM sqlite_schema ORDER BY 1;");
    assert_eq!(tables(&again), tables(&path));
}

#[test]
fn as_many_columns_as_sqlite_has() {
    let folder = SqliteFolder::new();
    let columns: Vec<_> = (0..2000).map(|number| format!("c{number}")).collect();
    let path = folder.made(
        "wide.db",
        &format!("CREATE TABLE t({}); INSERT INTO t(c0, c1999) VALUES(1, 2);", columns.join(",")),
    );
    let shown = rows(&open(&path), "t");
    assert!(shown.starts_with("{\"c0\":1,\"c1\":null,") && shown.ends_with(",\"c1999\":2}\n"));
    let script = format!("PRAGMA encoding='UTF-16le'; CREATE TABLE t({});", columns.join(","));
    let file = open(&folder.made("wide16.db", &script));
    let error = try_rows(&file, &relation(&file, "t")).expect_err("twice as many values are needed");
    assert!(error.chain().contains("2000 columns"), "{}", error.chain());
}

#[test]
fn a_table_with_a_name_that_is_no_text_is_left_out() {
    let (_folder, path) = made_by("CREATE TABLE abcd(x); INSERT INTO abcd VALUES(1); CREATE TABLE fine(x);");
    change(&path, |bytes| {
        while let Some(at) = bytes.windows(4).position(|window| window == b"abcd") {
            bytes[at + 1] = 0xff;
        }
    });
    let file = open(&path);
    assert_eq!(names(&file), ["fine"]);
    assert_eq!(reason(&file, "a\u{fffd}cd"), "has a name that is not UTF-8");
}

/// What runs when rows are read must not reach beyond the file, whatever the schema says.
#[test]
fn a_schema_cannot_reach_out_of_the_file() {
    let (folder, path) = made_by("CREATE TABLE t(a); INSERT INTO t VALUES(1);");
    let other = folder.made("other.db", "CREATE TABLE secret(a); INSERT INTO secret VALUES('s');");
    let other = other.to_str().expect("a name");
    for (table, sql) in [
        ("g1", "CREATE TABLE g1(a, b AS (load_extension('/nowhere')))".to_owned()),
        ("g2", "CREATE TABLE g2(a, b AS (readfile('/etc/passwd')))".to_owned()),
        ("g3", "CREATE TABLE g3(a, b AS (random()))".to_owned()),
        ("g4", "CREATE TABLE g4(a, b AS (datetime('now')))".to_owned()),
        ("csv", "CREATE VIRTUAL TABLE csv USING csv(filename='/etc/passwd')".to_owned()),
        ("outer", format!("CREATE VIRTUAL TABLE outer USING fts5(a, content='{other}')")),
    ] {
        let copy = folder.path(table);
        std::fs::copy(&path, &copy).expect("the folder is ours");
        let root = if sql.contains("VIRTUAL") { 0 } else { 2 };
        sqlite3(
            &copy,
            &format!(
                "PRAGMA writable_schema=ON; INSERT INTO sqlite_schema VALUES('table', '{table}', '{table}', {root}, '{}');",
                sql.replace('\'', "''")
            ),
        );
        let file = open(&copy);
        let outcome = file.listing().and_then(|listing| {
            let relation = listing.shown.iter().find(|relation| &*relation.name == table).cloned();
            relation.map_or(Ok(Vec::new()), |relation| try_rows(&file, &relation))
        });
        let shown = String::from_utf8(outcome.unwrap_or_default()).expect("JSON is UTF-8");
        assert_eq!(shown, "", "{table}");
    }
}
