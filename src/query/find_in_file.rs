//! Searches one file, version by version.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;

use super::count::is_binary;
use super::find::{FoundLine, FoundRow, WantedText};
use super::matcher::Matcher;
use super::table::ROWS;
use crate::content::{ErrorKind, FileEntry, SourceError};
use crate::engine::{Engine, Reader, Run, differing};
use crate::memory::{Budget, Held};
use crate::model::content_id::ContentId;
use crate::model::row::{NULL, Row, trimmed};
use crate::model::secrets::TableSecrets;
use crate::source::verify::Progress;
use crate::util::common::drop_common;

/// The column that identifies rows if their source knows no key, as in `history/`; without it, their first column.
const ID: &str = "id";

/// Replaces the column of a row that is identified by its whole line. No column has this name.
const WHOLE: &str = "\n";

/// How many bytes are read to see whether a run is text.
const LOOKED_AT: u64 = 64 << 10;

/// The part of the budget that the findings in one file may take: one in this many.
const PART: u64 = 2;

/// The bytes that a searched run, and a found line, takes besides its own bytes.
const OVERHEAD: u64 = 256;

/// How many bytes of a file are held.
struct FoundBytes {
    most: u64,
    held: Held,
    runs: u64,
    rows: u64,
    is_too_much: bool,
}

impl FoundBytes {
    fn within(budget: &Arc<Budget>) -> Self {
        Self { most: budget.part(PART), held: budget.hold(0), runs: 0, rows: 0, is_too_much: false }
    }

    /// Whether this many more bytes of rows may be held.
    fn has_room(&mut self, bytes: u64) -> bool {
        self.is_too_much |= self.rows.saturating_add(bytes) > self.most;
        !self.is_too_much
    }

    /// Counts a run's lines; false if the lines of all other runs have to be dropped first.
    fn add_run(&mut self, lines: &[Bytes]) -> bool {
        let bytes = OVERHEAD + cost(lines);
        let has_room = self.runs + bytes <= self.most / 2;
        self.runs = if has_room { self.runs + bytes } else { bytes };
        self.held.resize(self.runs + self.rows);
        has_room
    }

    fn add_rows(&mut self, bytes: u64) {
        self.rows += bytes;
        self.held.resize(self.runs + self.rows);
    }
}

fn cost(lines: &[Bytes]) -> u64 {
    lines.iter().map(|line| line.len() as u64 + OVERHEAD).sum()
}

/// What identifies a row: its key, or its whole line if it has none.
type Identity = Vec<(String, String)>;

/// The search through the versions of one file.
pub(super) struct FileSearch<'s> {
    pub path: Arc<str>,
    matcher: &'s Matcher,
    secrets: Option<TableSecrets<'s>>,
    progress: &'s Progress,
    /// The previous version.
    last: Option<Reader>,
    key: Option<Vec<String>>,
    /// Matching lines, by run. Runs are needed again when the next version is compared.
    matching: HashMap<ContentId, Arc<[Bytes]>>,
    found: FoundBytes,
    pub rows: Vec<FoundRow>,
    /// The places of the rows that hold the text now.
    open: HashMap<Identity, Vec<usize>>,
}

impl<'s> FileSearch<'s> {
    pub fn new(path: Arc<str>, wanted: WantedText<'s>, progress: &'s Progress, engine: &Engine) -> Self {
        let (matcher, secrets) = (wanted.matcher, wanted.secrets.and_then(|secrets| secrets.of(&path)));
        let (matching, rows, open) = (HashMap::new(), Vec::new(), HashMap::new());
        let found = FoundBytes::within(engine.budget());
        Self { path, matcher, secrets, progress, last: None, key: None, matching, found, rows, open }
    }

    /// Whether no more may be found, as that would take too much memory.
    pub fn is_full(&self) -> bool {
        self.found.is_too_much
    }

    /// Searches what the next version has and the previous one does not. It starts at place `at` of the main line.
    pub async fn go_on(
        &mut self,
        at: usize,
        version: Option<&FileEntry>,
        engine: &Engine,
    ) -> Result<(), Arc<SourceError>> {
        let next = match version {
            Some(file) => Some(engine.open(file.id, &file.content).await?),
            None => None,
        };
        let runs = differing(self.last.as_ref(), next.as_ref()).await?;
        let last = self.last.clone();
        let mut removed = self.lines_in(last.as_ref(), &runs.before).await?;
        let mut added = self.lines_in(next.as_ref(), &runs.after).await?;
        drop_common(&mut removed, &mut added, Bytes::clone);
        self.found.add_rows(cost(&added));
        // Only found lines need an identity.
        if !(removed.is_empty() && added.is_empty()) {
            if let Some(file) = version {
                self.use_key(file.content.key().await.map_err(Arc::new)?);
            }
            self.take(at, removed, added);
        }
        self.last = next;
        Ok(())
    }

    async fn lines_in(
        &mut self,
        content: Option<&Reader>,
        runs: &[Run],
    ) -> Result<Vec<Bytes>, Arc<SourceError>> {
        let Some(content) = content else { return Ok(Vec::new()) };
        let (mut lines, mut bytes) = (Vec::new(), 0);
        for run in runs {
            if let Some(known) = self.matching.get(&run.id) {
                bytes += cost(known);
                lines.extend(known.iter().cloned());
                continue;
            }
            self.make_sure(bytes + run.len)?;
            let found: Arc<[Bytes]> = self.matching_in(content, run).await?.into();
            self.progress.read(run.len);
            bytes += cost(&found);
            self.make_sure(bytes)?;
            lines.extend(found.iter().cloned());
            if !self.found.add_run(&found) {
                self.matching.clear();
            }
            self.matching.insert(run.id, found);
        }
        Ok(lines)
    }

    /// The matching lines of a run; none if it is not text, which may be one line of any length.
    async fn matching_in(&self, content: &Reader, run: &Run) -> Result<Vec<Bytes>, Arc<SourceError>> {
        let size = |len: u64| usize::try_from(len).unwrap_or(usize::MAX);
        let mut text = content.read(run.offset, size(run.len.min(LOOKED_AT))).await?;
        if is_binary(&text) {
            return Ok(Vec::new());
        }
        if run.len > LOOKED_AT {
            text = content.read(run.offset, size(run.len)).await?;
        }
        if is_binary(&text) {
            return Ok(Vec::new());
        }
        let lines = self.matcher.lines(&self.shown(text));
        // Line ends and white space around a row are no change of it.
        Ok(match self.path.ends_with(ROWS) {
            true => lines.into_iter().map(|line| line.slice_ref(trimmed(&line))).collect(),
            false => lines,
        })
    }

    /// Fails if this many more bytes may not be held.
    fn make_sure(&mut self, bytes: u64) -> Result<(), Arc<SourceError>> {
        if self.found.has_room(bytes) {
            return Ok(());
        }
        let what = format!("it would have to hold more than {} bytes", self.found.most);
        let error = SourceError::new(ErrorKind::Unsupported, format!("looking through {}", self.path), what);
        Err(Arc::new(
            error.with_hint("Search for a text that fewer rows hold, or set a larger --cache-size."),
        ))
    }

    /// The lines of a text, with secrets masked.
    fn shown(&self, text: Bytes) -> Bytes {
        let Some(secrets) = &self.secrets else { return text };
        let lines: Vec<_> = text.split(|byte| *byte == b'\n').map(|line| secrets.mask(line)).collect();
        lines.join(&b'\n').into()
    }

    /// Identifies rows by another key from now on.
    fn use_key(&mut self, key: Option<Vec<String>>) {
        if key == self.key {
            return;
        }
        self.key = key;
        for place in std::mem::take(&mut self.open).into_values().flatten() {
            if let Some(seen) = self.rows[place].lines.last() {
                let identity = self.identity(&seen.line);
                self.open.entry(identity).or_default().push(place);
            }
        }
    }

    fn identity(&self, line: &[u8]) -> Identity {
        let owned = |(column, value): (&str, &str)| (column.to_owned(), value.to_owned());
        let row = Row::parse(line);
        let columns: Identity = match (&row, &self.key) {
            (None, _) => Vec::new(),
            (Some(row), Some(key)) => {
                key.iter().filter_map(|column| Some(owned((column, row.get(column)?)))).collect()
            }
            (Some(row), None) => {
                let id = row.get(ID).filter(|id| *id != NULL).map(|value| (ID, value));
                id.or_else(|| row.columns().next()).map(owned).into_iter().collect()
            }
        };
        if columns.is_empty() {
            vec![(WHOLE.to_owned(), String::from_utf8_lossy(line).into_owned())]
        } else {
            columns
        }
    }

    /// Records the lines that differ from the snapshot at `at` on.
    fn take(&mut self, at: usize, removed: Vec<Bytes>, added: Vec<Bytes>) {
        let mut left: HashMap<Identity, Vec<usize>> = HashMap::new();
        for line in removed {
            let identity = self.identity(&line);
            let Some(open) = self.open.get_mut(&identity) else { continue };
            let is_it = |place: &usize| self.rows[*place].lines.last().is_some_and(|seen| seen.line == line);
            let Some(which) = open.iter().position(is_it) else { continue };
            left.entry(identity).or_default().push(open.remove(which));
        }
        for line in added {
            let identity = self.identity(&line);
            let seen = FoundLine { at, line };
            let place = match left.get_mut(&identity).and_then(Vec::pop) {
                Some(place) => {
                    self.rows[place].lines.push(seen);
                    place
                }
                None => {
                    let key = if identity[0].0 == WHOLE { Vec::new() } else { identity.clone() };
                    let path = Arc::clone(&self.path);
                    self.rows.push(FoundRow { path, key, lines: vec![seen], gone: None });
                    self.rows.len() - 1
                }
            };
            self.open.entry(identity).or_default().push(place);
        }
        for place in left.into_values().flatten() {
            self.rows[place].gone = Some(at);
        }
    }
}
