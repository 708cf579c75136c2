//! Which row a line is.

use std::fmt;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The values that tell a row from others, each with its column, as they stand in the line: those of the columns of
/// `key`, or the first value of all where no key is known. `None` for a line that is no object or has no such column.
pub fn key_of(line: &[u8], key: Option<&[String]>) -> Option<Vec<(String, String)>> {
    let text = std::str::from_utf8(line).ok()?;
    let mut parser = serde_json::Deserializer::from_str(text);
    let columns = parser.deserialize_map(Columns).ok()?;
    let Some(key) = key else { return columns.into_iter().next().map(|first| vec![first]) };
    let of = |name: &String| columns.iter().find(|(column, _)| column.eq_ignore_ascii_case(name)).cloned();
    key.iter().map(of).collect()
}

/// The values of an object in their order.
struct Columns;

impl<'de> Visitor<'de> for Columns {
    type Value = Vec<(String, String)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a row")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut columns = Vec::new();
        while let Some((name, value)) = map.next_entry::<String, &RawValue>()? {
            columns.push((name, value.get().to_owned()));
        }
        Ok(columns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(line: &str, key: Option<&[&str]>) -> Option<String> {
        let key: Option<Vec<String>> = key.map(|key| key.iter().map(|c| (*c).to_owned()).collect());
        let values = key_of(line.as_bytes(), key.as_deref())?;
        Some(values.into_iter().map(|(column, value)| format!("{column}={value};")).collect())
    }

    #[test]
    fn keys_are_taken_from_lines_as_they_stand_there() {
        let line = r#"{"a":1.50,"b":"x\n","C":{"d":[1]}}"#;
        for (key, found) in [
            (None, Some("a=1.50;")),
            (Some(&["b", "a"][..]), Some(r#"b="x\n";a=1.50;"#)),
            (Some(&["c"]), Some(r#"C={"d":[1]};"#)),
            (Some(&["a", "z"]), None),
        ] {
            assert_eq!(told(line, key).as_deref(), found, "{key:?}");
        }
        for line in ["", "[1]", "{}", "{\"a\":", "text"] {
            assert_eq!(told(line, None), None, "{line}");
        }
    }
}
