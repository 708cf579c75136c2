//! Reads the rows of a version of a table from one key to another.
//!
//! Dolt reads `a = x AND b >= y AND b < z` as one range of an index that begins with (a, b), row by row in its order.
//! For several such ranges, `(a = x AND b >= y) OR a > x`, it gathers and sorts all rows before it sends the first; for
//! `(a, b) >= (x, y)` it checks every row of the table (`EXPLAIN PLAN` of 1.88.1). So a range of keys of several columns is
//! queried in pieces, each of which is one range of the index.

use data_encoding::HEXLOWER;

use super::fault::{Fault, QueryError};
use super::lease::Lease;
use super::lines::{CopyEnd, CopyLines, LineWriter};
use super::row_reader::RowReader;
use super::sql::{ALL_ROWS, literal};
use crate::model::jsonl::line_key::{KeyOrder, KeyValue, LineKey};
use crate::source::dolt::common::ident;

/// The lines of a range of keys.
pub struct KeyRange<'r> {
    order: &'r KeyOrder,
    from: &'r LineKey,
    to: Option<&'r LineKey>,
    /// The queries, in the order of the keys.
    queries: Vec<String>,
}

impl CopyLines for KeyRange<'_> {
    /// [`Fault::Answer`] where the rows are not in order.
    async fn copy(&self, lease: &mut Lease, lines: &mut LineWriter<'_>) -> Result<CopyEnd, QueryError> {
        let mut last = Vec::new();
        for query in &self.queries {
            if self.copy_piece(lease, query, lines, &mut last).await? == CopyEnd::Closed {
                return Ok(CopyEnd::Closed);
            }
        }
        Ok(lines.push().await)
    }
}

impl<'r> KeyRange<'r> {
    /// The rows of `place` from `from` up to but not including `to`, or to the end.
    pub fn new(
        order: &'r KeyOrder,
        columns: &[String],
        place: &str,
        from: &'r LineKey,
        to: Option<&'r LineKey>,
    ) -> Result<Self, QueryError> {
        let values = |key: &LineKey| {
            let values = order.values(key).filter(|values| values.len() == columns.len());
            let values = values.ok_or_else(|| Fault::Answer("a key of another table".to_owned()))?;
            Ok::<_, QueryError>(values.into_iter().map(sql_value).collect::<Vec<_>>())
        };
        let columns: Vec<_> = columns.iter().map(|name| ident(name)).collect();
        let conditions = match to {
            Some(to) if to <= from => Vec::new(),
            Some(to) => conditions(&columns, &values(from)?, Some(&values(to)?)),
            None => conditions(&columns, &values(from)?, None),
        };
        // The order has to be stated: with a condition, the server may read by another index that begins with the same
        // column. Where it reads by the key, it sorts nothing.
        let by = columns.join(", ");
        let query = |condition| format!("SELECT * FROM {place} WHERE {condition} ORDER BY {by}{ALL_ROWS}");
        Ok(Self { order, from, to, queries: conditions.into_iter().map(query).collect() })
    }

    async fn copy_piece(
        &self,
        lease: &mut Lease,
        query: &str,
        lines: &mut LineWriter<'_>,
        last: &mut Vec<u8>,
    ) -> Result<CopyEnd, QueryError> {
        let mut answer = lease.start(query).await?;
        let reader = RowReader::new(answer.columns()).map_err(Fault::from)?;
        let (mut key, mut line) = (Vec::new(), Vec::new());
        while let Some(row) = answer.next().await? {
            line.clear();
            reader.line(&row, &mut line).map_err(Fault::from)?;
            let told = self.order.write_key(&line, &mut key);
            told.ok_or_else(|| Fault::Answer("a row whose key cannot be read".to_owned()))?;
            if key[..] <= last[..] {
                return Err(Fault::Answer("rows in another order than that of their key".to_owned()).into());
            }
            // The server has to compare as the key does: a row too many would be a wrong byte.
            if key[..] < *self.from.as_bytes() || self.to.is_some_and(|to| key[..] >= *to.as_bytes()) {
                return Err(Fault::Answer("a row beyond the keys that were asked for".to_owned()).into());
            }
            lines.add(&line);
            if lines.is_full() && lines.push().await == CopyEnd::Closed {
                return Ok(CopyEnd::Closed);
            }
            std::mem::swap(&mut key, last);
        }
        Ok(CopyEnd::Whole)
    }
}

/// Conditions for the keys from `from` up to but not including `to`, in order and without overlap. Each fixes the first
/// columns and bounds the next one. `to` is above `from`.
fn conditions(columns: &[String], from: &[String], to: Option<&[String]>) -> Vec<String> {
    let condition = |equal: &[String], bounds: &[String]| {
        let equal = columns.iter().zip(equal).map(|(column, value)| format!("{column} = {value}"));
        equal.chain(bounds.iter().cloned()).collect::<Vec<_>>().join(" AND ")
    };
    let bound = |at: usize, sign: &str, value: &String| format!("{} {sign} {value}", columns[at]);
    let last = columns.len() - 1;
    // The first column in which both ends differ; the first of all without an end.
    let parting =
        to.map_or(0, |to| from.iter().zip(to).take_while(|(from, to)| from == to).count().min(last));
    let from_bound = |at| bound(at, if at == last { ">=" } else { ">" }, &from[at]);
    let mut conditions = Vec::new();
    for at in (parting + 1..=last).rev() {
        conditions.push(condition(&from[..at], &[from_bound(at)]));
    }
    let mut bounds = vec![from_bound(parting)];
    bounds.extend(to.map(|to| bound(parting, "<", &to[parting])));
    conditions.push(condition(&from[..parting], &bounds));
    if let Some(to) = to {
        let ends = (parting + 1..=last).map(|at| condition(&to[..at], &[bound(at, "<", &to[at])]));
        conditions.extend(ends);
    }
    conditions
}

/// A value as SQL writes it.
pub fn sql_value(value: KeyValue) -> String {
    match value {
        KeyValue::Number(number) => number,
        KeyValue::Text(text) | KeyValue::Time(text) => literal(&text),
        KeyValue::Bytes(bytes) => format!("x'{}'", HEXLOWER.encode(&bytes)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn pieces_follow_one_another() {
        let columns = texts(&["a", "b", "c"]);
        let pieces = |from: &[&str], to: Option<&[&str]>| {
            conditions(&columns[..from.len()], &texts(from), to.map(texts).as_deref())
        };
        assert_eq!(pieces(&["1"], None), ["a >= 1"]);
        assert_eq!(pieces(&["1"], Some(&["2"])), ["a >= 1 AND a < 2"]);
        assert_eq!(pieces(&["1", "2"], None), ["a = 1 AND b >= 2", "a > 1"]);
        assert_eq!(pieces(&["1", "2"], Some(&["1", "5"])), ["a = 1 AND b >= 2 AND b < 5"]);
        assert_eq!(
            pieces(&["1", "2", "3"], Some(&["4", "5", "6"])),
            [
                "a = 1 AND b = 2 AND c >= 3",
                "a = 1 AND b > 2",
                "a > 1 AND a < 4",
                "a = 4 AND b < 5",
                "a = 4 AND b = 5 AND c < 6",
            ]
        );
        assert_eq!(
            pieces(&["1", "2", "3"], Some(&["1", "5", "6"])),
            ["a = 1 AND b = 2 AND c >= 3", "a = 1 AND b > 2 AND b < 5", "a = 1 AND b = 5 AND c < 6"]
        );
    }
}
