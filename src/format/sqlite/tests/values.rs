//! Each type of value.

use rusqlite::Connection;

use super::*;

#[test]
fn the_value_decides_how_it_is_shown_and_not_the_column() {
    let folder = SqliteFolder::new();
    let mut script = "CREATE TABLE t(i INTEGER, r REAL, x TEXT, n NUMERIC, b BLOB, u);".to_owned();
    for value in [
        "1",
        "-9223372036854775808",
        "9223372036854775807",
        "0",
        "1.5",
        "'1'",
        "'1.50'",
        "'abc'",
        "x'00ff'",
        "x''",
        "NULL",
        "''",
        "1e300",
        "1e15",
        "'{\"a\": 1}'",
        "'é𝄞\"\\/' || char(10, 1, 127)",
        "'a' || char(0) || 'b'",
        "9007199254740993",
        "'9223372036854775808'",
        "0.1",
        "-0.0",
        "'true'",
        "TRUE",
    ] {
        script.push_str(&format!("INSERT INTO t VALUES({0},{0},{0},{0},{0},{0});", value));
    }
    let path = folder.made("t.db", &script);
    oracle::agrees(&path, "t", &["i", "r", "x", "n", "b", "u"], "t ORDER BY rowid");
    let shown = rows(&open(&path), "t");
    let line = |number: usize| shown.lines().nth(number).expect("a row");
    assert_eq!(line(0), r#"{"i":1,"r":1.0,"x":"1","n":1,"b":1,"u":1}"#);
    assert!(line(1).starts_with(r#"{"i":-9223372036854775808,"#));
    assert!(line(8).ends_with(r#""b":"AP8=","u":"AP8="}"#));
    assert!(line(14).ends_with(r#""u":"{\"a\": 1}"}"#), "JSON in a text stays a text");
    assert!(line(16).ends_with(r#""u":"a\u0000b"}"#), "what follows a NUL is there");
}

#[test]
fn a_real_reads_back_to_the_same_bits() {
    let folder = SqliteFolder::new();
    let path = folder.path("r.db");
    let mut reals = vec![0.1, -0.0, 1.0, 5e-324, f64::MAX, f64::MIN_POSITIVE, 1e15, 1e16, 1e21, 0.1 + 0.2];
    let mut state = 7_u64;
    for _ in 0..2000 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        reals.push(f64::from_bits(state ^ state >> 31));
    }
    reals.retain(|real| real.is_finite());
    let writer = Connection::open(&path).expect("it can be made");
    writer.execute_batch("CREATE TABLE t(r); BEGIN").expect("it is new");
    for real in &reals {
        writer.execute("INSERT INTO t VALUES(?1)", [real]).expect("a row");
    }
    writer.execute_batch("COMMIT").expect("they fit");
    drop(writer);
    let shown = rows(&open(&path), "t");
    assert_eq!(shown.lines().count(), reals.len());
    for (line, real) in shown.lines().zip(&reals) {
        let number = line.strip_prefix("{\"r\":").and_then(|line| line.strip_suffix("}")).expect("a row");
        let read: f64 = number.parse().expect("a number");
        assert_eq!(read.to_bits(), real.to_bits(), "{number}");
        assert!(number.contains(['.', 'e']), "{number} would be an integer");
    }
}

#[test]
fn an_infinity_is_a_number_too_large_for_64_bits() {
    let (_folder, path) =
        made_by("CREATE TABLE t(a, b, c); INSERT INTO t VALUES(9e999, -9e999, 9e999 - 9e999);");
    assert_eq!(rows(&open(&path), "t"), "{\"a\":9e999,\"b\":-9e999,\"c\":null}\n");
}

#[test]
fn text_that_is_no_text_fails_the_file_and_no_other() {
    let (_folder, path) = made_by(
        "CREATE TABLE fine(a); INSERT INTO fine VALUES('x');
         CREATE TABLE t(a, b); INSERT INTO t VALUES('x', 1), (CAST(x'41ff' AS TEXT), 2);",
    );
    let file = open(&path);
    let error = try_rows(&file, &relation(&file, "t")).expect_err("0xff is in no text");
    is_error(&error, ErrorKind::Unsupported, "row 2: the text in column \"a\" is not UTF-8");
    assert!(error.hint.expect("a hint").contains("hex(column)"));
    assert_eq!(rows(&file, "fine"), "{\"a\":\"x\"}\n");
}

#[test]
fn utf16_files_show_the_same_rows() {
    let folder = SqliteFolder::new();
    for encoding in ["UTF-16le", "UTF-16be"] {
        let script = format!(
            "PRAGMA encoding='{encoding}'; CREATE TABLE \"täble\"(\"kéy\" TEXT PRIMARY KEY, b, c);
             INSERT INTO \"täble\" VALUES('é𝄞' || char(0) || 'z', x'00ff', 1.5), ('', NULL, -3), ('a', x'', 'd');"
        );
        let path = folder.made(encoding, &script);
        oracle::agrees(&path, "täble", &["kéy", "b", "c"], "\"täble\" ORDER BY \"kéy\"");
        assert!(
            schema_sql(&open(&path)).contains("CREATE TABLE \"täble\"(\"kéy\" TEXT PRIMARY KEY, b, c);\n")
        );
    }
}

#[test]
fn half_a_surrogate_pair_is_an_error() {
    let folder = SqliteFolder::new();
    for (encoding, bytes) in [("UTF-16le", "00d84100"), ("UTF-16be", "d8000041"), ("UTF-16le", "00dc")] {
        let path = folder.path("half");
        let _ = std::fs::remove_file(&path);
        sqlite3(
            &path,
            &format!(
                "PRAGMA encoding='{encoding}'; CREATE TABLE t(a);
                 INSERT INTO t VALUES(CAST(x'{bytes}' AS TEXT));"
            ),
        );
        let file = open(&path);
        let error = try_rows(&file, &relation(&file, "t")).expect_err("it is half a pair");
        assert!(error.chain().contains("not UTF-16"), "{}", error.chain());
    }
}

#[test]
fn a_long_blob_is_shown_and_a_longer_one_refused() {
    let folder = SqliteFolder::new();
    let path = folder.path("long.db");
    let writer = Connection::open(&path).expect("it can be made");
    writer
        .execute_batch(
            "CREATE TABLE t(a); INSERT INTO t VALUES(zeroblob(100000000));
             CREATE TABLE u(a); INSERT INTO u VALUES(zeroblob(140000000));",
        )
        .expect("it is new");
    drop(writer);
    let file = open(&path);
    let rows = try_rows(&file, &relation(&file, "t")).expect("100 MB is not too long");
    assert_eq!(rows.len(), 133_333_336 + "{\"a\":\"\"}\n".len());
    let error = file.digest(&relation(&file, "u")).expect_err("140 MB is");
    is_error(&error, ErrorKind::Unsupported, "too big");
}
