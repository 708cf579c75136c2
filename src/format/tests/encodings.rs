//! Dumps in the encodings of PostgreSQL, against the server that converts them.

use data_encoding::HEXLOWER_PERMISSIVE;

use super::super::pg_dump::DumpEncoding;
use super::dumps::written;
use super::server::Server;
use super::{is_error, read_at, sound};
use crate::content::ErrorKind;

/// The text that the server reads from bytes; NULL if it has no characters for them.
const CONVERT: &str =
    "CREATE FUNCTION text_of(bytes bytea, encoding text) RETURNS text LANGUAGE plpgsql AS $$
    BEGIN RETURN encode(convert_to(convert_from(bytes, encoding), 'UTF8'), 'hex');
    EXCEPTION WHEN OTHERS THEN RETURN '-'; END $$;
    CREATE FUNCTION bytes_of(number int, length int) RETURNS bytea LANGUAGE sql AS $$
    SELECT substr(decode(lpad(to_hex(number), 8, '0'), 'hex'), 5 - length) $$;";

/// The encodings with one byte per character.
const SINGLE: &str = "LATIN1 LATIN2 LATIN3 LATIN4 LATIN5 LATIN6 LATIN7 LATIN8 LATIN9 LATIN10 ISO_8859_5 ISO_8859_6 \
                      ISO_8859_7 ISO_8859_8 WIN866 WIN874 WIN1250 WIN1251 WIN1252 WIN1253 WIN1254 WIN1255 WIN1256 \
                      WIN1257 WIN1258 KOI8R KOI8U";

fn hex(text: &str) -> Vec<u8> {
    HEXLOWER_PERMISSIVE.decode(text.as_bytes()).expect("it is hex")
}

/// What the server and what asof read from the bytes of these numbers.
fn compared(server: &Server, name: &str, len: usize, numbers: &str) -> Vec<(Vec<u8>, [Option<String>; 2])> {
    let query =
        format!("SELECT text_of(bytes_of(n, {len}), '{name}'), n FROM ({numbers}) AS numbers(n) ORDER BY n");
    let encoding = DumpEncoding::named(name).unwrap_or_else(|| panic!("{name} is decoded"));
    let row = |row: String| {
        let (text, number) = row.split_once('|').expect("two columns");
        let bytes = number.parse::<u32>().expect("a number").to_be_bytes()[4 - len..].to_vec();
        let theirs = (text != "-").then(|| String::from_utf8(hex(text)).expect("it is UTF-8"));
        let ours = encoding.decode(&bytes).map(|text| text.into_owned());
        (bytes, [theirs, ours])
    };
    server.query("convert", &query).into_iter().map(row).collect()
}

#[test]
fn bytes_are_what_the_server_takes_them_for() {
    let server = Server::start();
    server.create("convert", CONVERT);
    for name in SINGLE.split(' ') {
        let all = compared(&server, name, 1, "SELECT generate_series(1, 255)");
        assert_eq!(all.len(), 255);
        for (bytes, [theirs, ours]) in all {
            assert_eq!(ours, theirs, "{} in {name}", bytes.escape_ascii());
        }
    }
    let pairs = "SELECT i * 256 + j FROM generate_series(128, 255) i, generate_series(1, 255) j";
    let threes =
        "SELECT (143 * 256 + i) * 256 + j FROM generate_series(160, 255) i, generate_series(160, 255) j";
    for (name, len, numbers, most_refused) in [
        ("EUC_JP", 2, pairs, 0),
        ("EUC_JP", 3, threes, 200),
        ("EUC_KR", 2, pairs, 1),
        ("EUC_CN", 2, pairs, 0),
        ("SJIS", 2, pairs, 0),
        ("UHC", 2, pairs, 200),
    ] {
        let (mut same, mut refused) = (0, 0);
        for (bytes, [theirs, ours]) in compared(&server, name, len, numbers) {
            match ours {
                None => refused += usize::from(theirs.is_some()),
                _ => {
                    same += 1;
                    assert_eq!(ours, theirs, "{} in {name}", bytes.escape_ascii());
                }
            }
        }
        assert!(same > 5000 && refused <= most_refused, "{name}: {same} the same, {refused} refused");
    }
}

/// Names, definitions and rows of a dump in another encoding are those that the server has, in UTF-8.
#[test]
fn dumps_in_other_encodings_are_shown_in_utf_8() {
    let server = Server::start();
    let fixture = |text: &str| {
        format!(
            "SET client_encoding = 'UTF8'; CREATE TABLE \"{text}\" (id int, \"{text}_c\" text); \
             INSERT INTO \"{text}\" VALUES (1, '{text}'), (2, E'tab\\t\\\\ {text}\\n'), (3, NULL), (4, 'plain');"
        )
    };
    for (encoding, text, is_of_servers) in [
        ("LATIN1", "größe", true),
        ("LATIN9", "€uro", true),
        ("WIN1252", "“Ž”", true),
        ("WIN1251", "Привет", true),
        ("KOI8R", "Привет", true),
        ("EUC_JP", "表ソ能", true),
        ("EUC_KR", "한글", true),
        ("EUC_CN", "中文―・", true),
        ("SJIS", "表ソ能", false),
        ("UHC", "갂한글", false),
        ("SQL_ASCII", "größe", true),
    ] {
        let database = format!("db_{}", encoding.to_lowercase());
        let of = if is_of_servers { encoding } else { "UTF8" };
        server.load(
            "postgres",
            &format!(
                "CREATE DATABASE {database} ENCODING '{of}' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'"
            ),
        );
        server.load(&database, &fixture(text));
        let option = format!("--encoding={encoding}");
        let (_file, dump) = written(&server.dump(&database, &[&option]));
        let files = dump.files();
        let rows = String::from_utf8(sound(encoding, read_at(&files, &format!("public/{text}.jsonl"))));
        let expected: String = [Some(text), Some(&*format!("tab\t\\ {text}\n")), None, Some("plain")]
            .into_iter()
            .zip(1..)
            .map(|(value, id)| {
                let value = serde_json::to_string(&value).expect("it is text");
                format!("{{\"id\":{id},\"{text}_c\":{value}}}\n")
            })
            .collect();
        assert_eq!(rows.expect("JSON is UTF-8"), expected, "{encoding}");
        let schema = String::from_utf8(read_at(&files, "schema.sql").expect("it can be made"));
        let schema = schema.unwrap_or_else(|_| panic!("{encoding}: it is UTF-8"));
        let is_named = schema.contains("SET client_encoding = 'UTF8'");
        assert!(schema.contains(text) && (is_named || encoding == "SQL_ASCII"), "{encoding}: {schema}");
        let toc = String::from_utf8(read_at(&files, "toc.jsonl").expect("it can be made"));
        assert!(toc.expect("JSON is UTF-8").contains(text), "{encoding}");
    }
}

/// If nobody knows the encoding of bytes, only UTF-8 can be shown.
#[test]
fn bytes_of_no_known_encoding_name_their_column() {
    let server = Server::start();
    server.load(
        "postgres",
        "CREATE DATABASE ascii ENCODING 'SQL_ASCII' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'",
    );
    server.load(
        "ascii",
        "CREATE TABLE t (id int, v text); INSERT INTO t VALUES (1, 'fine'), (2, E'gr\\366\\337e');",
    );
    let (_file, dump) = written(&server.dump("ascii", &[]));
    let error = read_at(&dump.files(), "public/t.jsonl").expect_err("it is LATIN1, which nothing says");
    for part in ["line 2", "column \"v\"", "SQL_ASCII", "--encoding=UTF8"] {
        is_error(&error, ErrorKind::Unsupported, part);
    }
}
