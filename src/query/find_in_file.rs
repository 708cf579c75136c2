//! Searches one file, version by version.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;

use super::count::is_binary;
use super::find::{FoundLine, FoundRow, WantedText};
use super::matcher::Matcher;
use super::table::ROWS;
use crate::content::{ErrorKind, FileEntry, SourceError};
use crate::engine::{ContentStep, Engine, Piece, Pieces};
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

/// How many versions are compared at once if they are trees: all cores read the new leaves.
const AHEAD: usize = 8;

/// How many pieces of trees are searched at once, and the length up to which their lines are kept. A longer piece is
/// read again with the version that has it.
const TOGETHER: usize = 64;
const LONG: u64 = 256 << 10;

/// The part of the budget that the findings in one file may take: one in this many.
const PART: u64 = 2;

/// The bytes that a searched piece, and a found line, takes besides its own bytes.
const OVERHEAD: u64 = 256;

/// How many bytes of findings in a file are held.
struct FoundBytes {
    most: u64,
    held: Held,
    pieces: u64,
    rows: u64,
    is_too_much: bool,
}

impl FoundBytes {
    fn within(budget: &Arc<Budget>) -> Self {
        Self { most: budget.part(PART), held: budget.hold(0), pieces: 0, rows: 0, is_too_much: false }
    }

    /// Whether this many more bytes of rows may be held.
    fn has_room(&mut self, bytes: u64) -> bool {
        self.is_too_much |= self.rows.saturating_add(bytes) > self.most;
        !self.is_too_much
    }

    /// Counts a piece's lines; false if the lines of all other pieces have to be dropped first.
    fn add_piece(&mut self, lines: &[Bytes]) -> bool {
        let bytes = OVERHEAD + cost(lines);
        let has_room = self.pieces + bytes <= self.most / 2;
        self.pieces = if has_room { self.pieces + bytes } else { bytes };
        self.held.resize(self.pieces + self.rows);
        has_room
    }

    fn add_rows(&mut self, bytes: u64) {
        self.rows += bytes;
        self.held.resize(self.pieces + self.rows);
    }
}

fn cost(lines: &[Bytes]) -> u64 {
    lines.iter().map(|line| line.len() as u64 + OVERHEAD).sum()
}

/// What identifies a row: its key, or its whole line if it has none.
type Identity = Vec<(String, String)>;

/// What was found in a piece.
struct SearchedPiece {
    /// The matching lines.
    lines: Arc<[Bytes]>,
    /// Its length in bytes, if it was searched ahead and no version that has it was searched yet.
    ahead: Option<u64>,
}

/// The search through the versions of one file.
pub(super) struct FileSearch<'s> {
    pub path: Arc<str>,
    matcher: &'s Matcher,
    secrets: Option<TableSecrets<'s>>,
    progress: &'s Progress,
    /// The previous version.
    last: Option<Pieces>,
    key: Option<Vec<String>>,
    /// What was found in each piece. Pieces are needed again when the next version is compared.
    searched: HashMap<ContentId, SearchedPiece>,
    found: FoundBytes,
    pub rows: Vec<FoundRow>,
    /// The places of the rows that hold the text now.
    open: HashMap<Identity, Vec<usize>>,
}

impl<'s> FileSearch<'s> {
    pub fn new(path: Arc<str>, wanted: WantedText<'s>, progress: &'s Progress, engine: &Engine) -> Self {
        let (matcher, secrets) = (wanted.matcher, wanted.secrets.and_then(|secrets| secrets.of(&path)));
        let (searched, rows, open) = (HashMap::new(), Vec::new(), HashMap::new());
        let found = FoundBytes::within(engine.budget());
        Self { path, matcher, secrets, progress, last: None, key: None, searched, found, rows, open }
    }

    /// Whether the search has to stop, because more findings would take too much memory.
    pub fn is_full(&self) -> bool {
        self.found.is_too_much
    }

    /// Searches the next versions, one or several, each with the place of the main line at which it starts. Returns how
    /// many were searched. If there is an error, the last of them failed.
    pub async fn go_on(
        &mut self,
        versions: &[(usize, Option<FileEntry>)],
        engine: &Engine,
    ) -> (usize, Result<(), Arc<SourceError>>) {
        let next: Vec<_> = versions.iter().take(AHEAD).map(|(_, version)| version.as_ref()).collect();
        let contents: Vec<_> =
            next.iter().map(|file| file.map(|file| (file.id, file.content.clone()))).collect();
        let steps = match engine.steps(self.last.as_ref(), &contents).await {
            Ok(steps) => steps,
            Err(error) => return (1, Err(error)),
        };
        if let Err(error) = self.search_ahead(&steps, engine).await {
            return (1, Err(error));
        }
        let mut count = 0;
        for ((step, version), (at, _)) in steps.into_iter().zip(next).zip(versions) {
            count += 1;
            if let Err(error) = self.take_step(*at, step, version).await {
                return (count, Err(error));
            }
            if self.is_full() {
                break;
            }
        }
        (count, Ok(()))
    }

    async fn take_step(
        &mut self,
        at: usize,
        step: ContentStep,
        version: Option<&FileEntry>,
    ) -> Result<(), Arc<SourceError>> {
        let last = self.last.clone();
        let mut removed = self.lines_in(last.as_ref(), &step.removed).await?;
        let mut added = self.lines_in(step.pieces.as_ref(), &step.added).await?;
        drop_common(&mut removed, &mut added, Bytes::clone);
        self.found.add_rows(cost(&added));
        // Only found lines need an identity.
        if !(removed.is_empty() && added.is_empty()) {
            if let Some(file) = version {
                self.use_key(file.content.key().await.map_err(Arc::new)?);
            }
            self.take(at, removed, added);
        }
        self.last = step.pieces;
        Ok(())
    }

    /// Searches the pieces of trees that are new in some of the next versions, as long as there is room for what is found.
    async fn search_ahead(&mut self, steps: &[ContentStep], engine: &Engine) -> Result<(), Arc<SourceError>> {
        let mut seen = HashSet::new();
        let added = |step| {
            let ContentStep { pieces, added, .. }: &ContentStep = step;
            added.iter().filter_map(|piece| Some((pieces.as_ref()?, piece)))
        };
        let is_new = |(_, piece): &(&Pieces, &Piece)| {
            piece.known_len().is_none() && !self.searched.contains_key(&piece.id) && seen.insert(piece.id)
        };
        let new: Vec<_> = steps.iter().flat_map(added).filter(is_new).collect();
        for some in new.chunks(TOGETHER) {
            let take = |(len, lines): &mut (u64, Vec<Bytes>), text: Bytes| {
                *len += text.len() as u64;
                match *len <= LONG {
                    true => lines.extend(self.matching_in(text)),
                    false => lines.clear(),
                }
            };
            let found = engine.each_piece(some, take).await?;
            for ((_, piece), found) in some.iter().zip(found) {
                let Some((len, lines)) = found.filter(|(len, _)| *len <= LONG) else { continue };
                if !self.keep(piece.id, SearchedPiece { lines: lines.into(), ahead: Some(len) }) {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Keeps what was found in a piece. False if the findings in all other pieces were dropped to make room.
    fn keep(&mut self, id: ContentId, piece: SearchedPiece) -> bool {
        let has_room = self.found.add_piece(&piece.lines);
        if !has_room {
            self.searched.clear();
        }
        self.searched.insert(id, piece);
        has_room
    }

    async fn lines_in(
        &mut self,
        content: Option<&Pieces>,
        pieces: &[Piece],
    ) -> Result<Vec<Bytes>, Arc<SourceError>> {
        let Some(content) = content else { return Ok(Vec::new()) };
        let (mut lines, mut bytes) = (Vec::new(), 0);
        for piece in pieces {
            if let Some(known) = self.searched.get_mut(&piece.id) {
                let (ahead, found) = (known.ahead.take(), Arc::clone(&known.lines));
                if let Some(len) = ahead {
                    self.make_sure(bytes + len)?;
                    self.progress.read(len);
                }
                bytes += cost(&found);
                if ahead.is_some() {
                    self.make_sure(bytes)?;
                }
                lines.extend(found.iter().cloned());
                continue;
            }
            self.make_sure(bytes + piece.known_len().unwrap_or(0))?;
            let (mut found, mut held, mut len, mut most) = (Vec::new(), bytes, 0, bytes);
            let room = self.found.most.saturating_sub(self.found.rows);
            let take = |text: Bytes| {
                len += text.len() as u64;
                most = most.max(held + text.len() as u64);
                // Once it takes more, the search fails.
                if most <= room {
                    let lines = self.matching_in(text);
                    held += cost(&lines);
                    found.extend(lines);
                }
            };
            content.read(piece, |text| !is_binary(text), take).await?;
            self.make_sure(most)?;
            self.progress.read(piece.known_len().unwrap_or(len));
            bytes = held;
            self.make_sure(bytes)?;
            lines.extend(found.iter().cloned());
            self.keep(piece.id, SearchedPiece { lines: found.into(), ahead: None });
        }
        Ok(lines)
    }

    /// The matching lines of some lines.
    fn matching_in(&self, text: Bytes) -> Vec<Bytes> {
        let lines = self.matcher.lines(&self.shown(text));
        // A different line end or other white space around a row does not change the row.
        match self.path.ends_with(ROWS) {
            true => lines.into_iter().map(|line| line.slice_ref(trimmed(&line))).collect(),
            false => lines,
        }
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

    /// Records the matching lines that the snapshot at `at` removes and adds.
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
