//! The rows of a table or view as JSON lines.

use bytes::Bytes;
use rusqlite::Row;
use rusqlite::types::ValueRef;

use super::connection::{Connected, TextEncoding};
use super::listing::list;
use super::problem::{LONGEST_ROW, MOST_SORTED_ON_DISK, Result, RowProblem, SqliteProblem};
use super::relation::{Relation, RelationKind};
use super::schema::Schema;
use super::select::Select;
use crate::content::Closed;
use crate::format::blob::PIECE;
use crate::model::jsonl::Value;

/// The most bytes of a view without an order that are held to be sorted.
const MOST_SORTED: usize = 256 * 1024 * 1024;

/// The fewest bytes that a row takes in a file: two for its place in a page, and two of its own.
pub(super) const SHORTEST_ROW: u64 = 4;

pub(super) type Take<'t> = &'t mut dyn FnMut(Bytes) -> Result<(), Closed>;

pub(super) fn render(connected: &mut Connected, relation: &Relation, take: Take<'_>) -> Result<()> {
    let is_sorted = matches!(relation.kind, RelationKind::View { is_ordered: false });
    if matches!(relation.kind, RelationKind::View { .. }) {
        still_fine(connected, relation)?;
    }
    let select = Select::new(connected, relation)?;
    if select.is_computed && !relation.is_computed {
        // The caller listed another file.
        return Err(SqliteProblem::NoSuchTable);
    }
    if let Some(rowids) = &select.rowids {
        check_order(connected, rowids)?;
    }
    let mut lines = RowLines { text: Vec::new(), ends: is_sorted.then(Vec::new), take };
    let most = match relation.kind {
        // A tree whose pages refer to each other has no end.
        RelationKind::Table => connected.len / SHORTEST_ROW,
        RelationKind::VirtualTable | RelationKind::View { .. } => u64::MAX,
    };
    let mut statement = connected.connection.prepare(&select.sql)?;
    let mut rows = statement.query([])?;
    let mut number = 0;
    while let Some(row) = rows.next()? {
        number += 1;
        if number > most {
            return Err(SqliteProblem::TooManyRows { len: connected.len });
        }
        line(row, &select, connected.encoding, &mut lines.text)
            .map_err(|problem| SqliteProblem::Row { row: number, problem })?;
        lines.ended()?;
    }
    lines.end()
}

/// Checks that a table is stored by ascending rowids, which SQLite takes for granted. So each row is there once: pages
/// that refer to each other in a circle would otherwise have no end, and fill the disk where rows are sorted. The
/// columns after the rowid are the lengths of the values: rows may share the pages of long values, or take them from
/// the schema, so that all of them are much longer than the file.
pub(super) fn check_order(connected: &Connected, rowids: &str) -> Result<()> {
    let mut statement = connected.connection.prepare(rowids)?;
    let lengths = statement.column_count();
    let mut rows = statement.query([])?;
    let (mut last, mut total) = (None, 0_u64);
    while let Some(row) = rows.next()? {
        let rowid = Some(row.get::<_, i64>(0)?);
        if rowid <= last {
            return Err(SqliteProblem::OutOfOrder);
        }
        last = rowid;
        for column in 1..lengths {
            if let ValueRef::Integer(len) = row.get_ref(column)? {
                total = total.saturating_add_signed(len);
            }
        }
    }
    if total > MOST_SORTED_ON_DISK.max(connected.len) {
        return Err(SqliteProblem::TooMuchToSortOnDisk(total));
    }
    Ok(())
}

/// Checks again whether a view may be shown: the caller may have listed another file.
fn still_fine(connected: &mut Connected, view: &Relation) -> Result<()> {
    let schema = Schema::read(&connected.connection)?;
    let listing = list(connected, &schema)?;
    if listing.shown.contains(view) {
        return Ok(());
    }
    let left_out = listing.left_out.into_iter().find(|left_out| left_out.name == *view.name);
    Err(left_out.map_or(SqliteProblem::NoSuchTable, |left_out| SqliteProblem::View(left_out.reason)))
}

/// Collects rendered lines and hands them on in pieces.
struct RowLines<'t> {
    text: Vec<u8>,
    /// Where the lines of `text` end, if they are to be sorted.
    ends: Option<Vec<usize>>,
    take: Take<'t>,
}

impl RowLines<'_> {
    /// Notes that a line was added to the text.
    fn ended(&mut self) -> Result<()> {
        match &mut self.ends {
            Some(_) if self.text.len() > MOST_SORTED => Err(SqliteProblem::TooMuchToSort(MOST_SORTED)),
            Some(ends) => {
                ends.push(self.text.len());
                Ok(())
            }
            None if self.text.len() >= PIECE => self.push(),
            None => Ok(()),
        }
    }

    fn end(mut self) -> Result<()> {
        if let Some(ends) = self.ends.take() {
            let text = std::mem::take(&mut self.text);
            let starts = std::iter::once(0).chain(ends.iter().copied());
            let mut sorted: Vec<_> = starts.zip(&ends).map(|(start, &end)| &text[start..end]).collect();
            sorted.sort_unstable();
            for line in sorted {
                self.text.extend_from_slice(line);
                self.ended()?;
            }
        }
        if self.text.is_empty() { Ok(()) } else { self.push() }
    }

    fn push(&mut self) -> Result<()> {
        push(&mut self.text, self.take)
    }
}

/// Passes on what was written, and empties it.
pub(super) fn push(text: &mut Vec<u8>, take: Take<'_>) -> Result<()> {
    // Copied, so that a piece takes the memory that its length says: the cache counts lengths.
    let piece = Bytes::copy_from_slice(text);
    text.clear();
    if text.capacity() > 2 * PIECE {
        // The memory that a long row needed is not kept.
        *text = Vec::new();
    }
    take(piece).map_err(|Closed| SqliteProblem::Closed)
}

fn line(row: &Row<'_>, select: &Select, encoding: TextEncoding, out: &mut Vec<u8>) -> Result<(), RowProblem> {
    let mut line = select.layout.line(out);
    for (name, stored) in select.columns.iter().zip(values(row, select.columns.len(), encoding)) {
        match stored? {
            (ValueRef::Blob(bytes), true) => {
                let text = utf16(bytes, encoding).ok_or_else(|| RowProblem::NotUtf16(name.clone()))?;
                line.value(&Value::Text(&text))?;
            }
            (ValueRef::Text(bytes), _) => {
                let text = std::str::from_utf8(bytes).map_err(|_| RowProblem::NotUtf8(name.clone()))?;
                line.value(&Value::Text(text))?;
            }
            (ValueRef::Null, _) => line.value(&Value::Null)?,
            (ValueRef::Integer(number), _) => line.value(&Value::Int(number))?,
            (ValueRef::Real(number), _) => line.value(&real(number))?,
            (ValueRef::Blob(bytes), false) => line.value(&Value::Bytes(bytes))?,
        }
    }
    Ok(line.end()?)
}

/// The values of a row of `columns` columns, and whether each is the bytes of a text that is not in UTF-8.
pub(super) fn values<'r>(
    row: &'r Row<'_>,
    columns: usize,
    encoding: TextEncoding,
) -> impl Iterator<Item = Result<(ValueRef<'r>, bool), RowProblem>> {
    let get = |at| row.get_ref(at).expect("the query names as many values as are asked for");
    let mut len = 0;
    (0..columns).map(move |at| {
        let (value, is_text) = match encoding {
            TextEncoding::Utf8 => (get(at), false),
            _ => (get(2 * at + 1), get(2 * at) == ValueRef::Text(b"text")),
        };
        if let ValueRef::Text(bytes) | ValueRef::Blob(bytes) = value {
            len += bytes.len();
        }
        if len > LONGEST_ROW as usize { Err(RowProblem::TooLong) } else { Ok((value, is_text)) }
    })
}

/// A text as the file has it.
pub(super) fn utf16(bytes: &[u8], encoding: TextEncoding) -> Option<String> {
    let (units, rest) = bytes.as_chunks::<2>();
    let unit = if encoding == TextEncoding::Utf16Be { u16::from_be_bytes } else { u16::from_le_bytes };
    let text: Result<String, _> = char::decode_utf16(units.iter().map(|bytes| unit(*bytes))).collect();
    text.ok().filter(|_| rest.is_empty())
}

/// JSON has no infinity. A number that is too large for 64 bits reads back as infinity; SQLite's own JSON writes it so,
/// too. SQLite has no NaN: it is NULL.
fn real(number: f64) -> Value<'static> {
    if number == f64::INFINITY {
        Value::Decimal("9e999")
    } else if number == f64::NEG_INFINITY {
        Value::Decimal("-9e999")
    } else {
        Value::F64(number)
    }
}
