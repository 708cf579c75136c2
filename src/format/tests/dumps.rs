//! Archives of `pg_dump -Fc` against the server that they were made from, and against `pg_restore`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use super::super::pg_dump::{Compression, PgDump};
use super::super::shown::ShownFile;
use super::server::Server;
use super::{check_paths, find, in_file, is_error, json_lines, read_at, sound, stdout_of, stored};
use crate::content::ErrorKind;

const FIXTURE: &str = include_str!("fixture.sql");

pub(super) fn archives_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/format/tests/archives")
}

pub(super) fn open(path: &Path) -> PgDump {
    sound("the dump", PgDump::open(&Arc::from("archive /dumps"), stored(path)))
}

/// A server with the database of the fixture.
fn shop() -> Server {
    let server = Server::start();
    server.create("shop", FIXTURE);
    server
}

/// An archive in a file of its own, opened.
pub(super) fn written(bytes: &[u8]) -> (tempfile::NamedTempFile, PgDump) {
    let file = in_file(bytes);
    let dump = open(file.path());
    (file, dump)
}

/// The path under which a table is shown, computed without `model::names`.
fn path(schema: &str, table: &str) -> String {
    let escape = |name: &str| match name {
        ".." => "%2E.".to_owned(),
        "schema.sql" => "%73chema.sql".to_owned(),
        name => name.replace('/', "%2F"),
    };
    format!("{}/{}.jsonl", escape(schema), escape(table))
}

/// The rows as PostgreSQL renders them by the rules of this program: a query that builds each line, column by column.
fn rows_by_the_server(server: &Server, database: &str, schema: &str, table: &str) -> Vec<String> {
    let literal = |text: &str| format!("'{}'", text.replace('\'', "''"));
    let identifier = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let columns = server.query(
        database,
        &format!(
            "SELECT attname || chr(1) || format_type(atttypid, NULL) FROM pg_attribute JOIN pg_class ON attrelid = \
             pg_class.oid JOIN pg_namespace ON relnamespace = pg_namespace.oid WHERE nspname = {} AND relname = {} \
             AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum",
            literal(schema),
            literal(table)
        ),
    );
    let clock = "trim(trailing '.' FROM trim(trailing '0' FROM to_char(%, 'YYYY-MM-DD\"T\"HH24:MI:SS.US')))";
    let is_ordinary = "isfinite(%) AND % >= '0001-01-01' AND % < '10000-01-01'";
    let value = |(name, type_name): (&str, &str)| {
        // Not a cast to text, which gives some types another form.
        let text = "to_json(format(chr(37) || 's', %))::text".to_owned();
        let expression = match type_name {
            "smallint" | "integer" | "bigint" | "boolean" | "json" | "jsonb" => "%::text".to_owned(),
            "numeric" | "real" | "double precision" => {
                "CASE WHEN %::text IN ('NaN', 'Infinity', '-Infinity') THEN to_json(%::text)::text \
                 ELSE %::text END"
                    .to_owned()
            }
            "bytea" => r#"'"' || replace(encode(%, 'base64'), E'\n', '') || '"'"#.to_owned(),
            "timestamp without time zone" => {
                format!("CASE WHEN {is_ordinary} THEN '\"' || {clock} || 'Z\"' ELSE {text} END")
            }
            "timestamp with time zone" => {
                let utc = clock.replace('%', "(% AT TIME ZONE 'UTC')");
                format!("CASE WHEN {is_ordinary} THEN '\"' || {utc} || 'Z\"' ELSE {text} END")
            }
            _ => text,
        };
        // IS NULL is true for a row of NULLs, too.
        let expression = format!("CASE WHEN num_nulls(%) = 0 THEN {expression} END");
        let expression = expression.replace('%', &identifier(name));
        format!("{} || coalesce({expression}, 'null')", literal(&format!("{}:", serde_json::json!(name))))
    };
    let columns: Vec<_> = columns.iter().map(|row| row.split_once('\u{1}').expect("two parts")).collect();
    let values: Vec<String> = columns.into_iter().map(value).collect();
    let line = if values.is_empty() {
        "'{}'".to_owned()
    } else {
        format!("'{{' || {} || '}}'", values.join(" || ',' || "))
    };
    server.query(database, &format!("SELECT {line} FROM ONLY {}.{}", identifier(schema), identifier(table)))
}

/// Lines with their JSON values compact: without white space outside of strings.
fn compact(line: &str) -> String {
    let mut in_string = false;
    let mut before = ' ';
    let keep = |c: &char| {
        if *c == '"' && before != '\\' {
            in_string = !in_string;
        }
        before = if before == '\\' { ' ' } else { *c };
        in_string || *c != ' '
    };
    line.chars().filter(keep).collect::<String>().replace("\\u00e9", "é")
}

/// Every table of a database: schema and name.
fn tables(server: &Server, database: &str) -> Vec<(String, String)> {
    let rows = server.query(
        database,
        "SELECT schemaname || chr(1) || tablename FROM pg_tables WHERE schemaname NOT IN \
         ('pg_catalog', 'information_schema') AND NOT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON \
         n.oid = c.relnamespace WHERE n.nspname = schemaname AND relname = tablename AND relkind = 'p')",
    );
    let pair = |row: &String| row.split_once('\u{1}').map(|(a, b)| (a.to_owned(), b.to_owned()));
    rows.iter().map(|row| pair(row).expect("two parts")).collect()
}

/// Compares every table of an archive with the server.
fn check_rows(server: &Server, database: &str, files: &[ShownFile], what: &str) {
    check_paths(files);
    let tables = tables(server, database);
    let mut expected: BTreeSet<String> = tables.iter().map(|(schema, table)| path(schema, table)).collect();
    expected.extend(["schema.sql".to_owned(), "toc.jsonl".to_owned()]);
    let paths: BTreeSet<String> = files.iter().map(|file| file.path.to_string()).collect();
    assert_eq!(paths, expected, "{what}");
    for (schema, table) in tables {
        let bytes = sound(what, read_at(files, &path(&schema, &table)));
        json_lines(&bytes);
        let text = String::from_utf8(bytes).expect("JSON is UTF-8");
        assert!(text.is_empty() || text.ends_with('\n'));
        let found: Vec<&str> = text.lines().collect();
        let rows = rows_by_the_server(server, database, &schema, &table);
        let rows: Vec<String> = rows.iter().map(|line| compact(line)).collect();
        assert_eq!(found, rows, "{what}: {schema}.{table}");
    }
}

#[test]
fn every_table_reads_as_the_server_has_it() {
    let server = shop();
    let plain = server.dump("shop", &["--compress=0"]);
    let packed = server.dump("shop", &["--compress=9"]);
    let piped = stdout_of(server.client("pg_dump").args(["-Fc", "shop"]).stdout(Stdio::piped()));
    let (_file, dump) = written(&plain);
    assert_eq!(dump.header().compression, Compression::None);
    assert_eq!(&*dump.header().database, b"shop");
    check_rows(&server, "shop", &dump.files(), "uncompressed");
    for (bytes, what) in [(packed, "gzip"), (piped, "through a pipe")] {
        let (_file, dump) = written(&bytes);
        assert_eq!(dump.header().compression, Compression::Gzip, "{what}");
        check_rows(&server, "shop", &dump.files(), what);
    }
    // Dumps by other versions, made from the same statements.
    let mut versions = BTreeSet::new();
    for archive in ["pg16-gzip.dump", "pg17-lz4.dump", "pg17-zstd-pipe.dump", "pg18-gzip.dump"] {
        let dump = open(&archives_folder().join(archive));
        versions.insert((dump.header().minor, format!("{:?}", dump.header().compression)));
        check_rows(&server, "shop", &dump.files(), archive);
    }
    let expected = [(15, "Gzip"), (16, "Gzip"), (16, "Lz4"), (16, "Zstd")];
    assert_eq!(versions, expected.map(|(minor, name)| (minor, name.to_owned())).into());
}

/// A database made from `schema.sql` is dumped with the same definitions as the original.
#[test]
fn the_schema_loads_into_an_empty_database() {
    let server = shop();
    let schema_of = |database: &str| {
        let script = stdout_of(server.client("pg_dump").args(["-s", "--no-owner", "--no-acl", database]));
        let script = String::from_utf8(script).expect("it is UTF-8");
        // Newer versions guard psql with a random word.
        script.lines().filter(|line| !line.contains("restrict ")).map(str::to_owned).collect::<Vec<_>>()
    };
    let (_file, dump) = written(&server.dump("shop", &[]));
    let mut archives: Vec<(String, Vec<ShownFile>)> = vec![("this server".to_owned(), dump.files())];
    for archive in ["pg16-gzip.dump", "pg17-lz4.dump"] {
        archives.push((archive.to_owned(), open(&archives_folder().join(archive)).files()));
    }
    for (number, (what, files)) in archives.iter().enumerate() {
        let script = sound(what, read_at(files, "schema.sql"));
        let script = String::from_utf8(script).expect("it is UTF-8");
        let database = format!("copy{number}");
        server.create(&database, &script);
        assert_eq!(schema_of(&database), schema_of("shop"), "{what}");
        let state = "SELECT last_value || ' ' || is_called FROM app.counter";
        assert_eq!(server.query(&database, state), server.query("shop", state), "{what}");
        let rows = server.query(&database, "SELECT count(*) FROM app.types");
        assert_eq!(rows, ["0"], "{what}: definitions only");
    }
}

/// Rows as INSERT statements, large objects and rows in an unsupported encoding are not shown, and a note or an error
/// says so.
#[test]
fn what_is_not_shown_is_named() {
    let server = shop();
    let note = |files: &[ShownFile], kind: &str| -> (serde_json::Value, serde_json::Value) {
        let entries = json_lines(&read_at(files, "toc.jsonl").expect("it can be made"));
        let entry = entries.iter().find(|entry| entry["type"] == kind);
        let entry = entry.unwrap_or_else(|| panic!("no {kind} in {entries:?}"));
        (entry["file"].clone(), entry["note"].clone())
    };
    let (_file, dump) = written(&server.dump("shop", &["--inserts"]));
    let files = dump.files();
    let paths: Vec<&str> = files.iter().map(|file| &*file.path).collect();
    assert_eq!(paths, ["schema.sql", "toc.jsonl"]);
    let (file, text) = note(&files, "TABLE DATA");
    assert!(file.is_null() && text.as_str().is_some_and(|text| text.contains("raw file")), "{text}");

    let (_file, dump) = written(&server.dump("shop", &[]));
    let (file, text) = note(&dump.files(), "BLOBS");
    assert!(file.is_null() && text.as_str().is_some_and(|text| text.contains("large objects")), "{text}");
    let (file, text) = note(&dump.files(), "TABLE DATA");
    assert!(file.is_string() && text.is_null());

    server
        .create("old", "CREATE TABLE t (v text); INSERT INTO t VALUES ('größe'); CREATE VIEW ä AS SELECT 1;");
    let (_file, dump) = written(&server.dump("old", &["--encoding=GB18030"]));
    let files = dump.files();
    let error = read_at(&files, "public/t.jsonl").expect_err("it is not UTF-8");
    is_error(&error, ErrorKind::Unsupported, "GB18030");
    let script = read_at(&files, "schema.sql").expect("it names its encoding");
    assert!(script.windows(4).any(|bytes| bytes == b"VIEW") && std::str::from_utf8(&script).is_err());
    assert!(find(&files, "toc.jsonl").stated_len().is_none());
    assert!(read_at(&files, "toc.jsonl").is_err_and(|error| error.chain().contains("UTF-8")));
}

/// The table of contents says what `pg_restore -l` says, in its order.
#[test]
fn the_table_of_contents_is_that_of_pg_restore() {
    let server = shop();
    let (file, dump) = written(&server.dump("shop", &[]));
    let list = stdout_of(server.client("pg_restore").arg("-l").arg(file.path()));
    let list = String::from_utf8(list).expect("it is UTF-8");
    let expected: Vec<String> =
        list.lines().filter(|line| !line.starts_with(';')).map(str::to_owned).collect();
    let entries = json_lines(&read_at(&dump.files(), "toc.jsonl").expect("it can be made"));
    let found: Vec<String> = entries
        .iter()
        .filter(|entry| {
            // Entries that pg_restore reads but does not list.
            !["ENCODING", "STDSTRINGS", "SEARCHPATH", "DATABASE"]
                .contains(&entry["type"].as_str().expect("text"))
        })
        .map(|entry| {
            let text = |key: &str| entry[key].as_str().unwrap_or("-").to_owned();
            let owner = entry["owner"].as_str().unwrap_or_default();
            let tag = format!("{} {} {} {owner}", text("type"), text("schema"), text("name"));
            format!("{}; {}", entry["dump_id"], tag)
        })
        .collect();
    let without_oids = |line: &String| {
        let (id, rest) = line.split_once("; ").expect("an id");
        let rest = rest.splitn(3, ' ').nth(2).expect("two oids");
        format!("{id}; {rest}")
    };
    assert_eq!(found, expected.iter().map(without_oids).collect::<Vec<_>>());
}

/// The same rows give the same digest in any dump; other rows and other types give another.
#[test]
fn a_digest_is_of_what_decides_the_bytes() {
    let server = shop();
    let identity = |path: &str| {
        let (_file, dump) = written(&server.dump("shop", &[]));
        let files = dump.files();
        let file = files.iter().find(|file| &*file.path == path).unwrap_or_else(|| panic!("no {path}"));
        let fingerprint = file.fingerprint.as_ref().expect("a part of the dump decides it");
        (fingerprint.likeness(), fingerprint.digest().unwrap_or_else(|kind| panic!("{path}: {kind:?}")))
    };
    let (plain, dropped, schema) =
        (identity("app/plain.jsonl"), identity("app/dropped.jsonl"), identity("schema.sql"));
    server.load("shop", "UPDATE app.types SET int = 1; INSERT INTO app.parent VALUES (5)");
    assert_eq!(identity("app/plain.jsonl"), plain, "another table changed");
    assert_eq!(identity("schema.sql"), schema, "only data changed");
    server.load("shop", "UPDATE app.plain SET word = 'WORD 7' WHERE id = 7");
    assert_ne!(identity("app/plain.jsonl").1, plain.1);
    server.load("shop", "ALTER TABLE app.dropped ALTER a TYPE bigint");
    assert_eq!(identity("app/dropped.jsonl"), dropped, "the same numbers");
    assert_ne!(identity("schema.sql").1, schema.1);
    server.load("shop", "ALTER TABLE app.dropped ALTER a TYPE text");
    let strings = identity("app/dropped.jsonl");
    assert!(strings.0 != dropped.0 && strings.1 != dropped.1, "numbers became strings");
}
