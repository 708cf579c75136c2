//! The values of a row by column name, in any version of the schema.
//!
//! A missing column counts as NULL. Archives write numbers and JSON as strings, and booleans as numbers; all of these
//! are understood.

use std::borrow::Cow;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::model::jsonl::compact_json;
use crate::model::row::{NULL, Row, text_of};
use crate::views::error::DerivedError;

/// 0001-01-01T00:00:00Z, which is Go's unset time, in seconds.
const GO_ZERO: i64 = -62_135_596_800;

/// The start of an unset date of MySQL.
const ZERO_DATE: &str = "0000-00-00";

pub struct Cells<'l> {
    table: &'static str,
    row: Row<'l>,
}

impl<'l> Cells<'l> {
    pub fn parse(table: &'static str, line: &'l [u8]) -> Result<Self, DerivedError> {
        match Row::parse(line) {
            Some(row) => Ok(Self { table, row }),
            None => {
                let begin = String::from_utf8_lossy(&line[..line.len().min(60)]).into_owned();
                Err(DerivedError::Unfit(format!("{table} has a line that is no row: {begin:?}")))
            }
        }
    }

    /// Whether the row has a column, even without a value.
    pub fn has(&self, column: &str) -> bool {
        self.row.get(column).is_some()
    }

    fn get(&self, column: &str) -> Option<&'l str> {
        self.row.get(column).filter(|value| *value != NULL)
    }

    pub fn raw(&self, column: &str) -> &'l str {
        self.row.get(column).unwrap_or(NULL)
    }

    pub fn text(&self, column: &str) -> Option<Cow<'l, str>> {
        self.get(column).map(text)
    }

    pub fn must(&self, column: &str) -> Result<Cow<'l, str>, DerivedError> {
        self.text(column).ok_or_else(|| DerivedError::Unfit(format!("{} has no {column}", self.name())))
    }

    pub fn whole(&self, column: &str) -> Result<Option<i64>, DerivedError> {
        let Some(value) = self.text(column) else { return Ok(None) };
        value.trim().parse().map(Some).map_err(|_| self.wrong(column, "a whole number"))
    }

    pub fn flag(&self, column: &str) -> Result<bool, DerivedError> {
        match self.text(column).as_deref() {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Ok(self.whole(column)?.is_some_and(|number| number != 0)),
        }
    }

    /// A time, in a form of MySQL or RFC 3339. An unset one is returned as Go's unset time.
    pub fn time(&self, column: &str) -> Result<Option<Timestamp>, DerivedError> {
        let Some(value) = self.text(column) else { return Ok(None) };
        if value.starts_with(ZERO_DATE) {
            return Ok(Some(unset_time()));
        }
        if let Ok(time) = value.parse::<Timestamp>() {
            return Ok(Some(time));
        }
        let civil = value.parse::<DateTime>().ok().and_then(|time| time.to_zoned(TimeZone::UTC).ok());
        civil.map(|time| Some(time.timestamp())).ok_or_else(|| self.wrong(column, "a time"))
    }

    /// A JSON value as compact text. A string that holds an object or a list, as in archives, counts as that.
    pub fn json(&self, column: &str) -> Option<Cow<'l, str>> {
        let value = self.get(column)?;
        let text = if value.starts_with('"') { text_of(value) } else { String::new() };
        let holds_json = text.trim_start().starts_with(['{', '[']);
        let compact = |json: &str| {
            let mut compact = Vec::new();
            compact_json(json, &mut compact).ok().and_then(|()| String::from_utf8(compact).ok())
        };
        let nested = holds_json.then(|| compact(&text)).flatten();
        Some(nested.or_else(|| compact(value)).map_or(Cow::Borrowed(value), Cow::Owned))
    }

    /// A list of texts from a text that holds it as JSON; empty for anything else, as in `bd`.
    pub fn texts(&self, column: &str) -> Vec<String> {
        self.json(column).and_then(|list| serde_json::from_str(&list).ok()).unwrap_or_default()
    }

    fn name(&self) -> String {
        let key = ["id", "issue_id", "key"].into_iter().find_map(|column| self.text(column));
        format!("{} {}", self.table, key.as_deref().unwrap_or("(a row without an id)"))
    }

    fn wrong(&self, column: &str, wanted: &str) -> DerivedError {
        let value = self.get(column).unwrap_or(NULL);
        DerivedError::Unfit(format!("{}: {column} is {value}, and not {wanted}", self.name()))
    }
}

pub fn unset_time() -> Timestamp {
    Timestamp::from_second(GO_ZERO).expect("the year 1 is within range")
}

/// A value as text: strings without quotes.
fn text(value: &str) -> Cow<'_, str> {
    match value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(plain) if !plain.contains('\\') => Cow::Borrowed(plain),
        Some(_) => Cow::Owned(text_of(value)),
        None => Cow::Borrowed(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(line: &str) -> Cells<'_> {
        Cells::parse("issues", line.as_bytes()).expect("it is a row")
    }

    #[test]
    fn values_are_understood_as_databases_and_archives_write_them() {
        let row = cells(r#"{"id":"bd-1","a":7,"b":"7","c":1,"d":true,"e":"0","f":null,"g":false,"h":"t\n"}"#);
        assert_eq!((row.whole("a").unwrap(), row.whole("b").unwrap()), (Some(7), Some(7)));
        let flags = ["c", "d", "e", "f", "g", "none"].map(|column| row.flag(column).unwrap());
        assert_eq!(flags, [true, true, false, false, false, false]);
        assert_eq!((row.text("h").as_deref(), row.text("f"), row.text("none")), (Some("t\n"), None, None));
        assert!(row.has("f") && !row.has("none"));
    }

    #[test]
    fn times_are_read_in_every_form() {
        let row = cells(
            r#"{"a":"2026-01-02T03:04:05Z","b":"2026-01-02 03:04:05.5","c":"2026-01-02T05:04:05+02:00",
                "d":"0000-00-00","e":"2026-01-02"}"#,
        );
        let time = |column| row.time(column).unwrap().map(|time| time.to_string());
        assert_eq!(time("a").as_deref(), Some("2026-01-02T03:04:05Z"));
        assert_eq!(time("b").as_deref(), Some("2026-01-02T03:04:05.5Z"));
        assert_eq!(time("c"), time("a"));
        assert_eq!(time("d").as_deref(), Some("0001-01-01T00:00:00Z"));
        assert_eq!(time("e").as_deref(), Some("2026-01-02T00:00:00Z"));
        assert_eq!(time("none"), None);
    }

    #[test]
    fn json_may_be_nested_or_a_string() {
        let row =
            cells(r#"{"a":{"x": 1},"b":"{\"x\": 1}","c":"plain","d":null,"e":"[\"p\",\"q\"]","f":"{"}"#);
        let json = |column| row.json(column).map(Cow::into_owned);
        assert_eq!(json("a").as_deref(), Some(r#"{"x":1}"#));
        assert_eq!(json("b"), json("a"));
        assert_eq!(json("c").as_deref(), Some(r#""plain""#));
        assert_eq!(json("d"), None);
        assert_eq!(json("f").as_deref(), Some(r#""{""#));
        assert_eq!(row.texts("e"), ["p", "q"]);
        assert!(row.texts("c").is_empty() && row.texts("d").is_empty());
    }
}
