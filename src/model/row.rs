//! Parses a line of a table and names its key.

use std::borrow::Cow;
use std::cmp::Ordering;

use serde::Deserializer as _;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use super::jsonl::json_string;
use super::names;

mod scan;

/// The columns of a line as it spells them: a name may repeat.
type LineColumns<'l> = Vec<(Cow<'l, str>, &'l str)>;

/// The columns of a line in order, each with its value as JSON text. The last value of a repeated name counts.
#[derive(Debug, Clone)]
pub struct Row<'l> {
    columns: LineColumns<'l>,
    /// The columns' positions in the order of their names; empty for a few columns, which are searched linearly.
    by_name: Vec<usize>,
    has_repeats: bool,
}

/// JSON's null. A column that only one side of a comparison has counts as null on the other side.
pub const NULL: &str = "null";

/// Up to this many columns are searched linearly.
const FEW: usize = 64;

/// Some programs write this before UTF-8 text.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Strips what is not part of a row: a leading byte order mark, and JSON white space at both ends, such as the
/// carriage return of CR LF. A blank line becomes empty and is no row.
pub fn trimmed(line: &[u8]) -> &[u8] {
    let line = line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line);
    let is_text = |byte: &u8| !matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
    let Some(start) = line.iter().position(is_text) else { return &[] };
    let end = line.iter().rposition(is_text).map_or(start, |last| last + 1);
    &line[start..end]
}

impl<'l> Row<'l> {
    /// Parses a line after [`trimmed`]; `None` if it is not a JSON object.
    pub fn parse(line: &'l [u8]) -> Option<Self> {
        let line = trimmed(line);
        scan::columns(line).or_else(|| any_columns(line)).map(Self::of)
    }

    fn of(columns: LineColumns<'l>) -> Self {
        let is_repeated = |at: usize| columns[..at].iter().any(|(name, _)| *name == columns[at].0);
        if columns.len() <= FEW && !(0..columns.len()).any(is_repeated) {
            return Self { columns, by_name: Vec::new(), has_repeats: false };
        }
        let mut by_name: Vec<usize> = (0..columns.len()).collect();
        by_name.sort_by(|a, b| columns[*a].0.cmp(&columns[*b].0));
        let is_same = |a: &usize, b: &usize| columns[*a].0 == columns[*b].0;
        if by_name.is_sorted_by(|a, b| !is_same(a, b)) {
            return Self { columns, by_name, has_repeats: false };
        }
        // The sort is stable: the first of several equal names keeps its position, the last one gives the value.
        let mut values: Vec<Option<&'l str>> = vec![None; columns.len()];
        for same in by_name.chunk_by(is_same) {
            values[same[0]] = same.last().map(|last| columns[*last].1);
        }
        let kept = columns.into_iter().zip(values).filter_map(|((name, _), value)| Some((name, value?)));
        Self { has_repeats: true, ..Self::of(kept.collect()) }
    }

    /// The columns in order.
    pub fn columns(&self) -> impl Iterator<Item = (&str, &'l str)> {
        self.columns.iter().map(|(name, value)| (&**name, *value))
    }

    /// Whether the line repeats a name. Then it holds more values than the columns show.
    pub fn has_repeats(&self) -> bool {
        self.has_repeats
    }

    /// The value of a column as JSON text.
    pub fn get(&self, column: &str) -> Option<&'l str> {
        let found = match &*self.by_name {
            [] => self.columns.iter().position(|(name, _)| name == column),
            by_name => {
                let found = by_name.binary_search_by(|at| (*self.columns[*at].0).cmp(column));
                found.ok().map(|found| by_name[found])
            }
        };
        found.map(|at| self.columns[at].1)
    }

    /// Like [`Self::get`], but first looks at position `at`, where another row of the table had the column.
    pub fn get_near(&self, at: usize, column: &str) -> Option<&'l str> {
        self.columns
            .get(at)
            .filter(|(name, _)| name == column)
            .map(|(_, value)| *value)
            .or_else(|| self.get(column))
    }

    /// The values of some columns; [`NULL`] for a missing column.
    pub fn values(&self, columns: &[String]) -> Vec<&'l str> {
        columns.iter().map(|column| self.get(column).unwrap_or(NULL)).collect()
    }
}

/// The columns of a line of any JSON; `None` if it is not an object.
fn any_columns(line: &[u8]) -> Option<LineColumns<'_>> {
    let mut json = serde_json::Deserializer::from_slice(line);
    let columns = json.deserialize_map(Columns).ok()?;
    json.end().ok()?;
    Some(columns)
}

struct Columns;

impl<'de> Visitor<'de> for Columns {
    type Value = LineColumns<'de>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a row as an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut columns = Vec::new();
        while let Some((name, value)) = map.next_entry::<&'de RawValue, &'de RawValue>()? {
            columns.push((name_of(name.get()), value.get()));
        }
        Ok(columns)
    }
}

/// Decodes a column's name; one with half a surrogate pair stays as JSON writes it: a `str` cannot hold it.
fn name_of(raw: &str) -> Cow<'_, str> {
    match raw.strip_prefix('"').and_then(|raw| raw.strip_suffix('"')) {
        Some(plain) if !plain.contains('\\') => Cow::Borrowed(plain),
        _ => serde_json::from_str(raw).map_or(Cow::Borrowed(raw), Cow::Owned),
    }
}

/// A column's name as JSON.
pub fn json_name(name: &str) -> String {
    let is_raw = name.starts_with('"')
        && serde_json::from_str::<IgnoredAny>(name).is_ok()
        && serde_json::from_str::<String>(name).is_err();
    if is_raw { name.to_owned() } else { Value::from(name).to_string() }
}

/// Appends a column's name as JSON.
pub fn write_json_name(name: &str, out: &mut Vec<u8>) {
    match name.starts_with('"') {
        true => out.extend_from_slice(json_name(name).as_bytes()),
        false => json_string(name, out),
    }
}

/// Whether two values are equal: strings by their characters, however escaped; all else by its spelling.
pub fn is_same_value(a: &str, b: &str) -> bool {
    if a == b {
        return true;
    }
    let is_text = |value: &str| value.starts_with('"');
    let is_escaped = a.contains('\\') || b.contains('\\');
    let text = |value| serde_json::from_str::<Cow<'_, str>>(value).ok();
    is_text(a) && is_text(b) && is_escaped && text(a).is_some_and(|a| Some(a) == text(b))
}

/// The name of a key in `history/`: its values, joined by commas. Strings lose their quotes, other values stay JSON;
/// each is escaped like a name, and `,` becomes `%2C`. Like all names, a name too long for a file ends in a hash.
pub fn key_name(values: &[&str]) -> String {
    let texts: Vec<String> = values.iter().map(|value| text_of(value)).collect();
    let name = texts.iter().map(|text| names::escape(text).replace(',', "%2C")).collect::<Vec<_>>().join(",");
    if is_short(&name) { name } else { shortened(&texts) }
}

/// The file name for a key's full name: a shorter one if the full name exceeds the limit.
pub fn short_name(name: &str) -> Cow<'_, str> {
    let long = if is_short(name) { None } else { texts_of(name, names::unescape_any_length) };
    long.map_or(Cow::Borrowed(name), |texts| Cow::Owned(shortened(&texts)))
}

/// Whether a key's name was shortened, so that it does not say what the key is.
pub fn is_shortened(name: &str) -> bool {
    name.contains(names::SHORTENED)
}

fn is_short(name: &str) -> bool {
    name.len() + SUFFIX.len() <= names::MAX_COMPONENT
}

fn shortened(texts: &[String]) -> String {
    let long = names::escape_with_suffix(&texts.join(","), SUFFIX);
    long.strip_suffix(SUFFIX).unwrap_or(&long).to_owned()
}

/// The texts in a key's name, one per column; `None` if the name was shortened or names no key.
pub fn key_texts(name: &str) -> Option<Vec<String>> {
    texts_of(name, names::unescape)
}

fn texts_of(name: &str, unescape: fn(&str) -> Option<Vec<u8>>) -> Option<Vec<String>> {
    // No other escape contains this one: a percent sign is `%25`.
    let text = |escaped: &str| String::from_utf8(unescape(&escaped.replace("%2C", ","))?).ok();
    name.split(',').map(text).collect()
}

/// The suffix of a key's file.
const SUFFIX: &str = ".jsonl";

/// A value as people write it: strings without quotes.
pub fn text_of(value: &str) -> String {
    if value.starts_with('"') {
        return serde_json::from_str(value).unwrap_or_else(|_| value.to_owned());
    }
    value.to_owned()
}

/// Compares keys: whole numbers as numbers, everything else by its bytes.
pub fn compare_keys(a: &[&str], b: &[&str]) -> Ordering {
    let one = |(a, b): (&&str, &&str)| match (a.parse::<i128>(), b.parse::<i128>()) {
        (Ok(a), Ok(b)) => a.cmp(&b),
        _ => a.cmp(b),
    };
    a.iter().zip(b).map(one).find(|order| order.is_ne()).unwrap_or_else(|| a.len().cmp(&b.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_taken_apart_as_it_is() {
        let row =
            Row::parse(b"{\"id\":12345678901234567890,\"a\\\"b\":[1, {\"x\":null}],\"s\":\"\\u00e9\"}\n")
                .expect("a row");
        let columns: Vec<_> = row.columns().collect();
        assert_eq!(
            columns,
            [("id", "12345678901234567890"), ("a\"b", "[1, {\"x\":null}]"), ("s", "\"\\u00e9\"")]
        );
        assert_eq!(row.values(&["s".into(), "none".into()]), ["\"\\u00e9\"", NULL]);
        for wrong in [&b""[..], b"[]", b"{\"a\":}", b"{} {}", b"1"] {
            assert!(Row::parse(wrong).is_none(), "{wrong:?}");
        }
    }

    #[test]
    fn what_stands_around_a_row_is_no_part_of_it() {
        for line in [&b"{\"a\":1}"[..], b"{\"a\":1}\r", b"\xef\xbb\xbf{\"a\":1}\r\n", b" \t{\"a\":1} "] {
            assert_eq!(trimmed(line), b"{\"a\":1}");
            assert_eq!(Row::parse(line).expect("a row").get("a"), Some("1"));
        }
        for blank in [&b""[..], b"\r", b" \t \r\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf \r"] {
            assert_eq!(trimmed(blank), b"");
        }
        assert_eq!(trimmed(b"\x0b"), b"\x0b");
    }

    #[test]
    fn of_a_name_that_is_repeated_the_last_value_counts() {
        let row = Row::parse(br#"{"a":1,"b":2,"\u0061":3,"a":4}"#).expect("a row");
        assert_eq!(row.columns().collect::<Vec<_>>(), [("a", "4"), ("b", "2")]);
        assert!(row.has_repeats() && row.get("a") == Some("4"));
        // Too many for a linear search.
        let many: Vec<String> = (0..50_000).map(|at| format!("\"c{}\":{at}", at % 40_000)).collect();
        let line = format!("{{{}}}", many.join(","));
        let row = Row::parse(line.as_bytes()).expect("a row");
        assert_eq!((row.columns().count(), row.has_repeats()), (40_000, true));
        assert_eq!((row.get("c7"), row.get("c39999"), row.get("none")), (Some("40007"), Some("39999"), None));
        assert!(row.columns().all(|(name, value)| row.get(name) == Some(value)));
    }

    #[test]
    fn a_name_with_half_a_surrogate_pair_is_written_as_it_was() {
        let row = Row::parse(br#"{"\ud83d":1,"\ud83e":2,"\ud83d\ude00":3}"#).expect("a row");
        let names: Vec<_> = row.columns().map(|(name, _)| json_name(name)).collect();
        assert_eq!(names, [r#""\ud83d""#, r#""\ud83e""#, "\"😀\""]);
        assert_eq!(json_name("\"a"), "\"\\\"a\"");
    }

    #[test]
    fn texts_are_the_same_however_they_are_escaped() {
        assert!(is_same_value(r#""\u00e9\/""#, "\"é/\""));
        for (a, b) in [("1", "1.0"), ("\"1\"", "1"), (r#""\ud83d""#, r#""\ud83e""#), ("[1]", "[ 1]")] {
            assert!(!is_same_value(a, b) && is_same_value(a, a), "{a} {b}");
        }
    }

    #[test]
    fn a_long_key_has_its_short_name_by_its_long_one() {
        let (a, b) = (format!("\"{}\"", "x".repeat(400)), "\"y,z\"");
        let long = format!("{},y%2Cz", "x".repeat(400));
        assert_eq!(short_name(&long), key_name(&[&a, b]));
        assert_eq!(short_name("y%2Cz"), "y%2Cz");
    }

    #[test]
    fn names_of_keys_are_distinct_and_safe() {
        for (values, name) in [
            (&["\"bd-1\""][..], "bd-1"),
            (&["17"], "17"),
            (&["\"a,b\"", "\"c\""], "a%2Cb,c"),
            (&["\"a\"", "\"b,c\""], "a,b%2Cc"),
            (&["\"../x\""], "..%2Fx"),
            (&["\"..\""], "%2E."),
            (&["\"\""], "%"),
            (&["\"\"", "\"\""], "%,%"),
            (&["\"\\u00e9\""], "é"),
        ] {
            assert_eq!(key_name(values), name);
            let texts: Vec<_> = values.iter().map(|value| text_of(value)).collect();
            assert_eq!(key_texts(name), Some(texts));
        }
        let long = format!("\"{}\"", "x".repeat(400));
        let name = key_name(&[&long]);
        assert!(name.len() + SUFFIX.len() <= 255 && name.contains("%~"), "{name}");
        assert_eq!(key_texts(&name), None);
    }

    #[test]
    fn keys_compare_as_numbers_where_they_are() {
        assert_eq!(compare_keys(&["9"], &["10"]), Ordering::Less);
        assert_eq!(compare_keys(&["-1"], &["0"]), Ordering::Less);
        assert_eq!(compare_keys(&["\"b\"", "1"], &["\"b\"", "2"]), Ordering::Less);
        assert_eq!(compare_keys(&["\"a10\""], &["\"a9\""]), Ordering::Less);
    }
}
