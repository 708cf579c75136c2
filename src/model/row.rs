//! A line of a table taken apart, and the name of its key.

use std::borrow::Cow;
use std::cmp::Ordering;

use serde::Deserializer as _;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;

use super::names;

/// A line's columns in their order, each with its value as JSON text.
#[derive(Debug, Clone)]
pub struct Row<'l>(Vec<(Cow<'l, str>, &'l str)>);

/// JSON's word for no value. A column that one side of a comparison does not have counts as this.
pub const NULL: &str = "null";

impl<'l> Row<'l> {
    /// Takes a line apart; `None` for one that is no JSON object.
    pub fn parse(line: &'l [u8]) -> Option<Self> {
        let mut json = serde_json::Deserializer::from_slice(line);
        let columns = json.deserialize_map(Columns).ok()?;
        json.end().ok()?;
        Some(Self(columns))
    }

    /// The columns, in order.
    pub fn columns(&self) -> impl Iterator<Item = (&str, &'l str)> {
        self.0.iter().map(|(name, value)| (&**name, *value))
    }

    /// The value of a column, as JSON text.
    pub fn get(&self, column: &str) -> Option<&'l str> {
        self.0.iter().find(|(name, _)| name == column).map(|(_, value)| *value)
    }

    /// The values of some columns; [`NULL`] for one that there is not.
    pub fn values(&self, columns: &[String]) -> Vec<&'l str> {
        columns.iter().map(|column| self.get(column).unwrap_or(NULL)).collect()
    }
}

struct Columns;

impl<'de> Visitor<'de> for Columns {
    type Value = Vec<(Cow<'de, str>, &'de str)>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a row as an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut columns = Vec::new();
        while let Some((name, value)) = map.next_entry::<Name<'de>, &'de RawValue>()? {
            columns.push((name.0, value.get()));
        }
        Ok(columns)
    }
}

/// A column's name, borrowed where it has no escapes.
#[derive(serde::Deserialize)]
struct Name<'l>(#[serde(borrow)] Cow<'l, str>);

/// The name under which a key is found in `history/`: its values, texts without their quotes and anything else as JSON
/// has it, each escaped as names are and with `,` as `%2C`, joined by commas. One that would be too long for a file's
/// name ends in a hash, as all such names do.
pub fn key_name(values: &[&str]) -> String {
    let texts: Vec<String> = values.iter().map(|value| text_of(value)).collect();
    let name = texts.iter().map(|text| names::escape(text).replace(',', "%2C")).collect::<Vec<_>>().join(",");
    if name.len() + SUFFIX.len() <= names::MAX_COMPONENT {
        return name;
    }
    let long = names::escape_with_suffix(&texts.join(","), SUFFIX);
    long.strip_suffix(SUFFIX).unwrap_or(&long).to_owned()
}

/// The texts that a key's name is made of, one for each column; `None` for one that was shortened, and for what is the
/// name of no key.
pub fn key_texts(name: &str) -> Option<Vec<String>> {
    // No other escape holds this one: a percent sign is `%25` itself.
    let unescape = |text: &str| names::unescape(&text.replace("%2C", ","));
    let texts = name.split(',').map(|text| String::from_utf8(unescape(text)?).ok());
    texts.collect()
}

/// What the name of a key's file ends in.
const SUFFIX: &str = ".jsonl";

/// A value as people write it: a text without its quotes.
pub fn text_of(value: &str) -> String {
    if value.starts_with('"') {
        return serde_json::from_str(value).unwrap_or_else(|_| value.to_owned());
    }
    value.to_owned()
}

/// The order of keys: whole numbers as numbers, everything else by its bytes.
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
