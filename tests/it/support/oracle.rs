//! The expected content of a snapshot: the server's answers to `SELECT ... AS OF`, written by the rendering contract.
//! Independent of the program's renderer and queries: types come from DESCRIBE, key order from SHOW CREATE TABLE.

use std::collections::BTreeMap;

use base64::Engine as _;

use super::sql::{Cell, Client, ident, quote};

#[derive(Debug, Clone, Copy)]
pub enum Moment<'a> {
    /// A time, `2026-01-05 12:00:00.123`, UTC.
    Time(&'a str),
    /// A commit's hash, a branch, a tag.
    Ref(&'a str),
    /// The uncommitted working set.
    Working,
}

impl Moment<'_> {
    fn clause(self) -> String {
        match self {
            Self::Time(t) => format!("AS OF TIMESTAMP({})", quote(t)),
            Self::Ref(r) => format!("AS OF {}", quote(r)),
            Self::Working => "AS OF 'WORKING'".into(),
        }
    }
}

/// Every table and view of the database in use at that state, by the file that shows it.
#[track_caller]
pub fn files(client: &mut Client, moment: Moment) -> BTreeMap<String, Vec<u8>> {
    let clause = moment.clause();
    let listed = client.texts(&format!("SHOW FULL TABLES {clause}"));
    let tables = listed.into_iter().filter(|row| row[1] == "BASE TABLE").map(|mut row| row.remove(0));
    let mut files: BTreeMap<String, Vec<u8>> =
        tables.map(|table| (file_name(&table), render(client, &table, moment))).collect();
    // SHOW TABLES always lists the present views; dolt_schemas lists those of the time, but may not exist then.
    let views = client.query(&format!("SELECT name FROM dolt_schemas {clause} WHERE type = 'view'"));
    for view in views.unwrap_or_default() {
        let view = String::from_utf8(view[0].clone().expect("views have names")).expect("names are UTF-8");
        files.insert(file_name(&view), render_view(client, &view, moment));
    }
    files
}

/// A view at that state of the database. A view has no key and no order, so its lines are sorted by their bytes.
fn render_view(client: &mut Client, view: &str, moment: Moment) -> Vec<u8> {
    let database = client.one("SELECT DATABASE()");
    let then = match moment {
        Moment::Working => database.clone(),
        Moment::Ref(r) => format!("{database}/{r}"),
        Moment::Time(t) => {
            let log = client.texts("SELECT commit_hash, date FROM dolt_log");
            let at =
                log.iter().find(|row| row[1].as_str() <= t).expect("there is a commit at or before then");
            format!("{database}/{}", at[0])
        }
    };
    client.use_database(&then);
    let bytes = select(client, view, "", "");
    client.use_database(&database);
    let mut lines: Vec<&[u8]> = bytes.split_inclusive(|&b| b == b'\n').collect();
    lines.sort_unstable();
    lines.concat()
}

/// The file that shows a table: its name made safe, and `.jsonl`.
pub fn file_name(table: &str) -> String {
    let mut name = String::new();
    for (at, c) in table.char_indices() {
        let dot = at == 0 && (table == "." || table == "..");
        if dot || c == '/' || c == '%' || c.is_control() {
            let mut utf8 = [0; 4];
            name.extend(c.encode_utf8(&mut utf8).bytes().map(|b| format!("%{b:02X}")));
        } else {
            name.push(c);
        }
    }
    name + ".jsonl"
}

#[track_caller]
pub fn render(client: &mut Client, table: &str, moment: Moment) -> Vec<u8> {
    let clause = moment.clause();
    let order = key_columns(client, table, &clause).map_or(String::new(), |key| format!("ORDER BY {key}"));
    select(client, table, &clause, &order)
}

fn select(client: &mut Client, table: &str, clause: &str, order: &str) -> Vec<u8> {
    let described = client.texts(&format!("DESCRIBE {} {clause}", ident(table)));
    let columns: Vec<(String, Form)> =
        described.iter().map(|row| (json_string(&row[0]), Form::of_type(&row[1]))).collect();
    let selected: Vec<String> = described.iter().map(|row| ident(&row[0])).collect();
    // Without a LIMIT, Dolt 2.2.0 sends nothing for out-of-line JSON and geometry.
    let limit = "LIMIT 9223372036854775807";
    let rows =
        client.rows(&format!("SELECT {} FROM {} {clause} {order} {limit}", selected.join(","), ident(table)));
    let mut out = Vec::new();
    for row in rows {
        for (at, ((name, form), cell)) in columns.iter().zip(row).enumerate() {
            out.push(if at == 0 { b'{' } else { b',' });
            out.extend_from_slice(name.as_bytes());
            out.push(b':');
            out.extend_from_slice(form.json(cell).as_bytes());
        }
        out.extend_from_slice(b"}\n");
    }
    out
}

/// The list in `PRIMARY KEY (...)` of SHOW CREATE TABLE.
fn key_columns(client: &mut Client, table: &str, clause: &str) -> Option<String> {
    let shown = client.query(&format!("SHOW CREATE TABLE {} {clause}", ident(table))).ok()?;
    let text = String::from_utf8(shown.first()?.get(1)?.clone()?).expect("DDL is UTF-8");
    let line = text.lines().find_map(|line| line.trim_start().strip_prefix("PRIMARY KEY ("))?;
    Some(line.trim_end_matches(',').strip_suffix(')').expect("the list of a key ends in )").to_owned())
}

/// How cells of one column are written.
#[derive(Debug, Clone, Copy)]
enum Form {
    Digits,
    Bits,
    Float32,
    Float64,
    Text,
    Json,
    Moment,
    TimeOfDay,
    Base64,
}

impl Form {
    fn of_type(declared: &str) -> Self {
        let word = declared.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
        match word.to_ascii_lowercase().as_str() {
            "tinyint" | "smallint" | "mediumint" | "int" | "integer" | "bigint" | "year" | "decimal"
            | "boolean" => Self::Digits,
            "bit" => Self::Bits,
            "float" => Self::Float32,
            "double" | "real" => Self::Float64,
            "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" | "enum" | "set"
            | "date" => Self::Text,
            "json" => Self::Json,
            "datetime" | "timestamp" => Self::Moment,
            "time" => Self::TimeOfDay,
            "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" | "geometry"
            | "point" | "linestring" | "polygon" | "multipoint" | "multilinestring" | "multipolygon"
            | "geometrycollection" => Self::Base64,
            other => panic!("the oracle does not know the type {other:?} of {declared:?}"),
        }
    }

    fn json(self, cell: Cell) -> String {
        let Some(bytes) = cell else { return "null".into() };
        if let Self::Base64 = self {
            return format!("\"{}\"", base64::engine::general_purpose::STANDARD.encode(bytes));
        }
        if let Self::Bits = self {
            return bytes.iter().fold(0_u64, |n, &b| n << 8 | u64::from(b)).to_string();
        }
        let text = String::from_utf8(bytes).expect("the server sends text as UTF-8");
        match self {
            Self::Digits if matches!(&*text, "NaN" | "Infinity" | "-Infinity") => json_string(&text),
            Self::Digits => text,
            Self::Float32 => {
                shortest(&format!("{:e}", text.parse::<f32>().expect("a FLOAT is a number")), -6..13)
            }
            Self::Float64 => {
                shortest(&format!("{:e}", text.parse::<f64>().expect("a DOUBLE is a number")), -5..16)
            }
            Self::Text => json_string(&text),
            Self::Json => compact_json(&text),
            Self::Moment => format!("\"{}Z\"", without_idle_zeros(&text.replacen(' ', "T", 1))),
            Self::TimeOfDay => format!("\"{}\"", without_idle_zeros(&text)),
            Self::Bits | Self::Base64 => unreachable!("answered above"),
        }
    }
}

/// `12:34:56.120000` as `12:34:56.12`, `12:34:56.000` as `12:34:56`.
fn without_idle_zeros(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

/// The shortest digits that parse to the same bits (`1.2e3` as Rust writes them), spelt like a float in serde_json:
/// plain and with a fraction while the exponent is in `plain`, otherwise with a signed exponent.
fn shortest(scientific: &str, plain: std::ops::Range<i32>) -> String {
    let (mantissa, exponent) = scientific.split_once('e').expect("LowerExp always writes an exponent");
    let exponent: i32 = exponent.parse().expect("the exponent is an integer");
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |m| ("-", m));
    let digits = mantissa.replace('.', "");
    if !plain.contains(&exponent) {
        return format!("{sign}{mantissa}e{exponent:+}");
    }
    if exponent < 0 {
        return format!("{sign}0.{}{digits}", "0".repeat((-exponent - 1).unsigned_abs() as usize));
    }
    let whole = exponent.unsigned_abs() as usize + 1;
    let padded = format!("{digits:0<whole$}");
    let (before, after) = padded.split_at(whole);
    format!("{sign}{before}.{}", if after.is_empty() { "0" } else { after })
}

/// A JSON string with only the escapes that JSON requires, the short ones where they exist.
pub fn json_string(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            c if (c as u32) < 0x20 => out.push_str(&format!("\\u{:04x}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// JSON text without blanks outside strings, strings as in [`json_string`]; digits and the order of keys stay.
fn compact_json(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => out.push_str(&json_string(&string_value(&mut chars))),
            c if c.is_ascii_whitespace() => {}
            c => out.push(c),
        }
    }
    out
}

/// Reads the rest of a JSON string whose opening quote is gone.
fn string_value(chars: &mut std::str::Chars) -> String {
    let mut units: Vec<u16> = Vec::new();
    let mut plain = [0_u16; 2];
    loop {
        let c = chars.next().expect("the server sends well-formed JSON");
        let unit = match c {
            '"' => return String::from_utf16(&units).expect("the server's JSON has no lone surrogates"),
            '\\' => match chars.next().expect("an escape has a second character") {
                'n' => u16::from(b'\n'),
                'r' => u16::from(b'\r'),
                't' => u16::from(b'\t'),
                'b' => 8,
                'f' => 12,
                'u' => {
                    let digits: String = chars.take(4).collect();
                    u16::from_str_radix(&digits, 16).expect("four hex digits follow")
                }
                other => other as u16,
            },
            c => {
                units.extend_from_slice(c.encode_utf16(&mut plain));
                continue;
            }
        };
        units.push(unit);
    }
}

#[test]
fn the_oracle_knows_its_rules() {
    assert_eq!(shortest("1e0", -5..16), "1.0");
    assert_eq!(shortest("1.25e2", -5..16), "125.0");
    assert_eq!(shortest("-1.25e1", -5..16), "-12.5");
    assert_eq!(shortest("1e-3", -5..16), "0.001");
    assert_eq!(shortest("1e20", -5..16), "1e+20");
    assert_eq!(shortest("5e-324", -5..16), "5e-324");
    assert_eq!(without_idle_zeros("12:34:56.120000"), "12:34:56.12");
    assert_eq!(without_idle_zeros("12:34:50"), "12:34:50");
    assert_eq!(compact_json("{\"a\\u00e9\": [1.50, \"\\ud83d\\ude00 \\/\"]}"), "{\"aé\":[1.50,\"😀 /\"]}");
    assert_eq!(file_name(".."), "%2E..jsonl");
    assert_eq!(file_name("we/ird"), "we%2Fird.jsonl");
}
