//! How many rows differ between two contents.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;

use super::key_of::key_of;
use crate::engine::{Engine, Reader, Run, differing};
use crate::source::{FileEntry, SourceError};

/// How many lines differ.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Lines that are new.
    pub added: u64,
    /// Lines that are gone.
    pub removed: u64,
    /// Rows whose line is another one. Told where the table's key is known; elsewhere such a row is one line gone and
    /// one new.
    pub modified: u64,
}

impl Counts {
    /// How much changed in all.
    pub fn all(self) -> u64 {
        self.added + self.removed + self.modified
    }
}

/// Names a line. Two of 2^64 lines may meet.
type LineHash = [u8; 16];

/// Lines of both contents, as often as they are in the later one less as often as in the earlier one.
type Balance = HashMap<LineHash, i64>;

/// How two contents differ, line by line, whatever the order of lines; `None` for what is no text. `key` are the columns
/// that tell rows from each other. Holds a few bytes for each line of the runs that differ.
///
/// # Errors
/// What the source says when one cannot be read.
pub async fn count(
    engine: &Engine,
    before: Option<&FileEntry>,
    after: Option<&FileEntry>,
    key: Option<&[String]>,
) -> Result<Option<Counts>, Arc<SourceError>> {
    let (before, after) = (open(engine, before).await?, open(engine, after).await?);
    let runs = differing(before.as_ref(), after.as_ref()).await?;
    if runs.before.is_empty() || runs.after.is_empty() {
        let (added, removed) = (lines(&after, &runs.after).await?, lines(&before, &runs.before).await?);
        return Ok(added.zip(removed).map(|(added, removed)| Counts { added, removed, modified: 0 }));
    }
    let mut balance = Balance::new();
    let is_text = weigh(&before, &runs.before, -1, &mut balance).await?
        && weigh(&after, &runs.after, 1, &mut balance).await?;
    if !is_text {
        return Ok(None);
    }
    balance.retain(|_, weight| *weight != 0);
    let total = |of: fn(&i64) -> bool| balance.values().filter(|w| of(w)).map(|w| w.unsigned_abs()).sum();
    let (added, removed) = (total(|w| *w > 0), total(|w| *w < 0));
    let Some(key) = key else { return Ok(Some(Counts { added, removed, modified: 0 })) };
    let gone = keys(&before, &runs.before, -1, key, &mut balance).await?;
    let new = keys(&after, &runs.after, 1, key, &mut balance).await?;
    let modified = gone.iter().map(|(key, count)| new.get(key).map_or(0, |other| *count.min(other))).sum();
    Ok(Some(Counts { added: added - modified, removed: removed - modified, modified }))
}

async fn open(engine: &Engine, file: Option<&FileEntry>) -> Result<Option<Reader>, Arc<SourceError>> {
    match file {
        Some(file) => engine.open(file.id, &file.content).await.map(Some),
        None => Ok(None),
    }
}

/// The bytes of a run; none without a content.
async fn bytes(content: &Option<Reader>, run: &Run) -> Result<Bytes, Arc<SourceError>> {
    match content {
        Some(reader) => reader.read(run.offset, usize::try_from(run.len).unwrap_or(usize::MAX)).await,
        None => Ok(Bytes::new()),
    }
}

/// The number of lines; `None` for what is no text.
async fn lines(content: &Option<Reader>, runs: &[Run]) -> Result<Option<u64>, Arc<SourceError>> {
    let mut count = 0;
    for run in runs {
        let bytes = bytes(content, run).await?;
        if is_binary(&bytes) {
            return Ok(None);
        }
        count += lines_of(&bytes).count() as u64;
    }
    Ok(Some(count))
}

/// Adds `weight` for each line; `false` for what is no text.
async fn weigh(
    content: &Option<Reader>,
    runs: &[Run],
    weight: i64,
    balance: &mut Balance,
) -> Result<bool, Arc<SourceError>> {
    for run in runs {
        let bytes = bytes(content, run).await?;
        if is_binary(&bytes) {
            return Ok(false);
        }
        for line in lines_of(&bytes) {
            *balance.entry(hash(line)).or_default() += weight;
        }
    }
    Ok(true)
}

/// How often each key is in the lines that are out of balance on the side of `weight`, which are taken out of it.
async fn keys(
    content: &Option<Reader>,
    runs: &[Run],
    weight: i64,
    key: &[String],
    balance: &mut Balance,
) -> Result<HashMap<Vec<(String, String)>, u64>, Arc<SourceError>> {
    let mut keys = HashMap::new();
    for run in runs {
        for line in lines_of(&bytes(content, run).await?) {
            let Some(left) = balance.get_mut(&hash(line)).filter(|left| left.signum() == weight) else {
                continue;
            };
            *left -= weight;
            if let Some(key) = key_of(line, Some(key)) {
                *keys.entry(key).or_default() += 1;
            }
        }
    }
    Ok(keys)
}

/// Lines without their line feeds.
pub(super) fn lines_of(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split_inclusive(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\n").unwrap_or(line))
}

/// As grep has it.
pub(super) fn is_binary(bytes: &[u8]) -> bool {
    memchr::memchr(0, bytes).is_some()
}

fn hash(line: &[u8]) -> LineHash {
    let mut short = LineHash::default();
    short.copy_from_slice(&blake3::hash(line).as_bytes()[..16]);
    short
}
