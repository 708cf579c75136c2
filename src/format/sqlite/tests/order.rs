//! The order in which rows come.

use super::*;

#[test]
fn rows_come_by_the_primary_key_as_it_is_declared() {
    let folder = SqliteFolder::new();
    let path = folder.path("order.db");
    let mut script = String::new();
    let tables = [
        ("plain", "a TEXT PRIMARY KEY, b", "", "a"),
        ("nocase", "a TEXT COLLATE NOCASE PRIMARY KEY, b", "", "a COLLATE NOCASE"),
        ("desc_", "a TEXT, b, PRIMARY KEY(a DESC)", "", "a DESC"),
        ("two", "a TEXT, b, PRIMARY KEY(b, a COLLATE RTRIM DESC)", "", "b, a COLLATE RTRIM DESC"),
        ("numeric_", "a NUMERIC PRIMARY KEY, b", "", "a"),
        ("without", "a TEXT PRIMARY KEY, b", "WITHOUT ROWID", "a"),
        (
            "without_desc",
            "a TEXT, b, PRIMARY KEY(b DESC, a COLLATE NOCASE)",
            "WITHOUT ROWID",
            "b DESC, a COLLATE NOCASE",
        ),
        ("quirk", "a TEXT, b INTEGER PRIMARY KEY DESC", "", "b DESC"),
        ("by_rowid", "a TEXT, b INTEGER PRIMARY KEY", "", "b"),
        ("keyless", "a TEXT, b", "", "rowid"),
        ("shadowed", "a TEXT, b, rowid TEXT DEFAULT 'x', _rowid_ TEXT DEFAULT 'y'", "", "oid"),
    ];
    for (name, columns, end, _) in tables {
        script.push_str(&format!(
            "CREATE TABLE {name}({columns}) {end}; CREATE INDEX i_{name} ON {name}(b, a);"
        ));
        for (at, key) in ["m", "B", "a ", "Z", "b2", "é", "10", "9", "", "x"].iter().enumerate() {
            script.push_str(&format!("INSERT INTO {name}(a, b) VALUES('{key}', {});", (at * 7 + 3) % 10));
        }
    }
    script.push_str("ANALYZE;");
    sqlite3(&path, &script);
    for (name, _, _, order) in tables {
        let more: &[&str] = if name == "shadowed" { &["rowid", "_rowid_"] } else { &[] };
        let columns = [&["a", "b"], more].concat();
        oracle::agrees(&path, name, &columns, &format!("{name} ORDER BY {order}"));
    }
}

/// A key of a table with rowids may be NULL, in any number of rows.
#[test]
fn rows_with_equal_keys_come_by_rowid() {
    let (_folder, path) = made_by("CREATE TABLE t(a TEXT PRIMARY KEY, b); INSERT INTO t(rowid, a, b) VALUES(9, NULL, 1), (3, NULL, 2), (5, 'x', 3);
         CREATE TABLE u(rowid, oid, _rowid_, a PRIMARY KEY); INSERT INTO u VALUES(1, 1, 1, 'b'), (2, 2, 2, 'a');",
    );
    oracle::agrees(&path, "t", &["a", "b"], "t ORDER BY a, rowid");
    assert_eq!(
        rows(&open(&path), "t"),
        "{\"a\":null,\"b\":2}\n{\"a\":null,\"b\":1}\n{\"a\":\"x\",\"b\":3}\n"
    );
    oracle::agrees(&path, "u", &["rowid", "oid", "_rowid_", "a"], "u ORDER BY a");
}
