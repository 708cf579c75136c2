//! The lines in which two contents of one table differ.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;

use super::DerivedError;
use super::diff::is_table;
use super::lines::each_line_in;
use crate::engine::{Engine, Reader, differing};
use crate::model::row::trimmed;
use crate::source::FileEntry;

/// Lines that differ are held in memory, up to so many bytes.
const MOST_BYTES: usize = 1 << 30;

/// The lines that one side has and the other one does not, in no order.
#[derive(Default)]
pub(super) struct Sides {
    /// Of the earlier side.
    pub removed: Vec<Vec<u8>>,
    /// Of the later side.
    pub added: Vec<Vec<u8>>,
}

/// Finds the lines that differ in the cheapest way that there is for both contents.
///
/// # Errors
/// Why one of them cannot be read; [`DerivedError::TooMuch`].
pub(super) async fn differing_lines(
    engine: &Engine,
    from: Option<&FileEntry>,
    to: Option<&FileEntry>,
) -> Result<Sides, DerivedError> {
    if let Some(sides) = told(from, to).await? {
        return Ok(sides);
    }
    if let Some(sides) = by_key(engine, from, to).await? {
        return Ok(sides);
    }
    by_lines(engine, from, to).await
}

/// What the source tells of two versions of one table, without reading either.
async fn told(from: Option<&FileEntry>, to: Option<&FileEntry>) -> Result<Option<Sides>, DerivedError> {
    let sides = from.and_then(|from| from.content.versioned()).zip(to.and_then(|to| to.content.versioned()));
    let Some((from, to)) = sides else { return Ok(None) };
    if from.family().await.map_err(Arc::new)?.id != to.family().await.map_err(Arc::new)?.id {
        return Ok(None);
    }
    let changes = to.changes_since(from.version(), MOST_BYTES as u64).await.map_err(Arc::new)?;
    let Some(changes) = changes else { return Ok(None) };
    let line = |line: Bytes| line.strip_suffix(b"\n").unwrap_or(&line).to_vec();
    let mut sides = Sides::default();
    for change in changes {
        sides.removed.extend(change.from.map(line));
        sides.added.extend(change.to.map(line));
    }
    Ok(Some(sides))
}

/// The rows that differ, by their keys: of trees nothing else has to be rendered.
async fn by_key(
    engine: &Engine,
    from: Option<&FileEntry>,
    to: Option<&FileEntry>,
) -> Result<Option<Sides>, DerivedError> {
    let mut bytes = 0;
    let rows =
        engine.changed_rows(from.map(|file| &file.content), to.map(|file| &file.content), move |row| {
            // One line more than fits is held, so that the rest can be told to be too much.
            if bytes > MOST_BYTES {
                return Ok(None);
            }
            let line = row.line()?;
            bytes += line.len();
            Ok(Some((row.is_later, line)))
        });
    let Some(rows) = rows.await? else { return Ok(None) };
    let (mut removed, mut added) = (Held::default(), Held::default());
    for (is_later, line) in rows {
        if is_later { &mut added } else { &mut removed }.push(line)?;
    }
    within_bounds(removed, added).map(Some)
}

/// The lines that differ, wherever they stand.
async fn by_lines(
    engine: &Engine,
    from: Option<&FileEntry>,
    to: Option<&FileEntry>,
) -> Result<Sides, DerivedError> {
    let is_table = from.or(to).is_some_and(|file| is_table(&file.path));
    // What both share is not read.
    let (old, new) = (open(engine, from).await?, open(engine, to).await?);
    let runs = differing(old.as_ref(), new.as_ref()).await?;
    let mut counts: HashMap<[u8; 16], i64> = HashMap::new();
    if let Some(old) = &old {
        each_line_in(old, &runs.before, |line| {
            if let Some(line) = counted(line, is_table) {
                *counts.entry(hash(line)).or_default() += 1;
            }
            Ok(())
        })
        .await?;
    }
    let mut added = Held::default();
    if let Some(new) = &new {
        each_line_in(new, &runs.after, |line| {
            let Some(line) = counted(line, is_table) else { return Ok(()) };
            match counts.get_mut(&hash(line)) {
                Some(count) if *count > 0 => {
                    *count -= 1;
                    Ok(())
                }
                _ => added.push(line.to_vec()),
            }
        })
        .await?;
    }
    counts.retain(|_, count| *count > 0);
    let mut removed = Held::default();
    if let Some(old) = old.as_ref().filter(|_| !counts.is_empty()) {
        each_line_in(old, &runs.before, |line| {
            let Some(line) = counted(line, is_table) else { return Ok(()) };
            match counts.get_mut(&hash(line)) {
                Some(count) if *count > 0 => {
                    *count -= 1;
                    removed.push(line.to_vec())
                }
                _ => Ok(()),
            }
        })
        .await?;
    }
    within_bounds(removed, added)
}

/// What of a line counts: of a table the row alone, and no blank line; of any other file all of it.
fn counted(line: &[u8], is_table: bool) -> Option<&[u8]> {
    match is_table {
        true => Some(trimmed(line)).filter(|row| !row.is_empty()),
        false => Some(line),
    }
}

fn within_bounds(removed: Held, added: Held) -> Result<Sides, DerivedError> {
    if removed.bytes + added.bytes > MOST_BYTES {
        Err(too_much())
    } else {
        Ok(Sides { removed: removed.lines, added: added.lines })
    }
}

fn too_much() -> DerivedError {
    DerivedError::TooMuch(format!("more than {MOST_BYTES} bytes of rows differ"))
}

async fn open(engine: &Engine, file: Option<&FileEntry>) -> Result<Option<Reader>, DerivedError> {
    match file {
        Some(file) => Ok(Some(engine.open(file.id, &file.content).await?)),
        None => Ok(None),
    }
}

/// 128 bits of BLAKE3: lines that differ have other ones.
fn hash(line: &[u8]) -> [u8; 16] {
    let mut short = [0; 16];
    short.copy_from_slice(&blake3::hash(line).as_bytes()[..16]);
    short
}

#[derive(Default)]
struct Held {
    lines: Vec<Vec<u8>>,
    bytes: usize,
}

impl Held {
    fn push(&mut self, line: Vec<u8>) -> Result<(), DerivedError> {
        self.bytes += line.len();
        if self.bytes > MOST_BYTES {
            return Err(too_much());
        }
        self.lines.push(line);
        Ok(())
    }
}
