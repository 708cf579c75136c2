//! The rows of a table as `sqlite3` gives them, through `typeof`, `hex` and JSON values, without the renderer.

use base64::Engine;
use data_encoding::HEXLOWER_PERMISSIVE;
use serde_json::{Map, Value, json};

use super::*;

/// The rows of a query over these columns, as JSON values.
pub(super) fn rows(path: &Path, columns: &[&str], from: &str) -> Vec<Value> {
    let parts = columns.iter().map(|column| {
        let name = format!("\"{}\"", column.replace('"', "\"\""));
        format!(
            "typeof({name}) || ':' || CASE typeof({name}) WHEN 'integer' THEN {name} \
             WHEN 'real' THEN printf('%!.17g', {name}) WHEN 'null' THEN '' ELSE hex({name}) END"
        )
    });
    let query = format!("SELECT {} FROM {from};", parts.collect::<Vec<_>>().join(" || '|' || "));
    let encoding = sqlite3(path, "PRAGMA encoding;");
    let answer = sqlite3(path, &query);
    answer.lines().map(|line| row(columns, encoding.trim(), line)).collect()
}

fn row(columns: &[&str], encoding: &str, line: &str) -> Value {
    let values = line.split('|').map(|part| {
        let (kind, text) = part.split_once(':').expect("a type and a value");
        match kind {
            "null" => Value::Null,
            "integer" => json!(text.parse::<i64>().expect("an integer")),
            "real" => json!(text.parse::<f64>().expect("a real")),
            "text" => json!(text_of(&unhex(text), encoding)),
            "blob" => json!(base64::engine::general_purpose::STANDARD.encode(unhex(text))),
            other => panic!("no such type: {other}"),
        }
    });
    Value::Object(columns.iter().map(|&column| column.to_owned()).zip(values).collect::<Map<_, _>>())
}

/// The text whose bytes, in the file's encoding, `hex()` gave.
fn text_of(bytes: &[u8], encoding: &str) -> String {
    let (units, _) = bytes.as_chunks::<2>();
    let utf16 = |unit: fn([u8; 2]) -> u16| {
        String::from_utf16(&units.iter().map(|bytes| unit(*bytes)).collect::<Vec<_>>()).ok()
    };
    let decoded = match encoding {
        "UTF-8" => String::from_utf8(bytes.to_vec()).ok(),
        "UTF-16le" => utf16(u16::from_le_bytes),
        "UTF-16be" => utf16(u16::from_be_bytes),
        other => panic!("no such encoding: {other}"),
    };
    decoded.expect("a text")
}

fn unhex(text: &str) -> Vec<u8> {
    HEXLOWER_PERMISSIVE.decode(text.as_bytes()).expect("hex digits")
}

/// Checks the rows that a table is shown with against those that `sqlite3` gives for `from`.
pub(super) fn agrees(path: &Path, table: &str, columns: &[&str], from: &str) {
    let shown = super::rows(&open(path), table);
    let parsed: Vec<Value> =
        shown.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect();
    let told = rows(path, columns, from);
    assert!(!told.is_empty(), "{table}: nothing to compare");
    assert_eq!(parsed.len(), told.len(), "{table}");
    for (number, (parsed, told)) in parsed.iter().zip(&told).enumerate() {
        assert_eq!(parsed, told, "{table}, row {number}");
    }
    for line in shown.lines() {
        let mut at = 0;
        for column in columns {
            let key = format!("{}:", serde_json::to_string(column).expect("a string"));
            at += line[at..].find(&key).unwrap_or_else(|| panic!("{column} out of order in {line}"));
        }
    }
}
