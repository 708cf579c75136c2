//! Since when a text is in which rows, and until when.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bytes::Bytes;

use super::count::is_binary;
use super::matcher::Matcher;
use crate::catalog::View;
use crate::content::{ErrorKind, FileEntry, FileKind, SourceError};
use crate::engine::{Engine, Listings, Reader, Run, differing};
use crate::memory::{Budget, Held};
use crate::model::content_id::ContentId;
use crate::model::history::SnapshotMeta;
use crate::model::row::{NULL, Row, trimmed};
use crate::model::secrets::{Secrets, TableSecrets};
use crate::source::verify::Progress;

/// The column that rows go by where their source knows of no key, as in `history/`; without it, their first.
const ID: &str = "id";

/// Stands for the column of a row that is known by its whole line. No column of a row is called so.
const WHOLE: &str = "\n";

/// As much is read to see whether a run is text, in bytes.
const LOOKED_AT: u64 = 64 << 10;

/// A snapshot on the main line of a source.
pub type Step = Arc<SnapshotMeta>;

/// A line of a row, from a step on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The step at which it first is so.
    pub at: usize,
    /// The line, without its line feed.
    pub line: Bytes,
}

/// A row that holds the text for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The file, by its path below the snapshot's folder.
    pub path: Arc<str>,
    /// What tells it from other rows: values by column; empty where its line is no row.
    pub key: Vec<(String, String)>,
    /// Its lines, the oldest first. The text is in all of them.
    pub lines: Vec<Seen>,
    /// The step at which the text is no longer in it, if there is one.
    pub gone: Option<usize>,
}

/// A version that could not be looked at: what comes before and after it counts as if it were not there.
#[derive(Debug)]
pub struct Unread {
    /// The step that first has it.
    pub at: usize,
    /// The file; none where the snapshot could not be listed.
    pub path: Option<Arc<str>>,
    /// Why.
    pub error: Arc<SourceError>,
}

/// The main line of a source, oldest first: from its newest snapshot on back by first parents where there are commits,
/// or else all that were not made aside.
pub fn main_line(view: &View) -> Vec<Step> {
    let timeline = &view.database.history().timeline;
    let mut line = match timeline.first() {
        Some(newest) if newest.commit.is_some() => {
            let parent = |meta: &Step| view.snapshot(meta.parents.first()?).cloned();
            std::iter::successors(Some(newest.clone()), parent).collect::<Vec<_>>()
        }
        _ => timeline.iter().filter(|meta| meta.mark.is_none()).cloned().collect(),
    };
    line.reverse();
    line
}

/// The versions of a file: from which step on which one, or none.
type Versions = Vec<(usize, Option<FileEntry>)>;

/// What is looked for.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'w> {
    /// Finds lines.
    pub matcher: &'w Matcher,
    /// What of them is secret: it is masked before it is looked at, so that no answer depends on it. None to look at all.
    pub secrets: Option<&'w Secrets>,
}

/// Looks for a text in every version of the files that `wants` names. What versions share is read once.
pub async fn search(
    view: &Arc<View>,
    line: &[Step],
    wants: impl Fn(&str) -> bool,
    wanted: Wanted<'_>,
    engine: &Engine,
    progress: &Progress,
) -> (Vec<Found>, Vec<Unread>) {
    let mut unread = Vec::new();
    let listings = Listings::new(Arc::default(), engine.budget());
    let by_path = versions(view, line, wants, progress, &listings, &mut unread).await;
    progress.expect(by_path.values().map(|versions| versions.len() as u64).sum());
    let mut found = Vec::new();
    for (path, versions) in by_path {
        let mut file = FileSearch::new(path, wanted, progress, engine);
        for (at, version) in versions {
            // One that found too much finds no more.
            if !file.found.is_too_much
                && let Err(error) = file.go_on(at, version.as_ref(), engine).await
            {
                unread.push(Unread { at, path: Some(Arc::clone(&file.path)), error });
            }
            progress.advance(1);
        }
        found.extend(file.rows);
    }
    (found, unread)
}

async fn versions(
    view: &Arc<View>,
    line: &[Step],
    wants: impl Fn(&str) -> bool,
    progress: &Progress,
    listings: &Listings,
    unread: &mut Vec<Unread>,
) -> BTreeMap<Arc<str>, Versions> {
    let mut by_path: BTreeMap<Arc<str>, Versions> = BTreeMap::new();
    progress.expect(line.len() as u64);
    for (at, step) in line.iter().enumerate() {
        progress.advance(1);
        let files = match listings.files(view, &step.id).await {
            Ok(files) => files,
            Err(error) => {
                unread.push(Unread { at, path: None, error });
                continue;
            }
        };
        for (path, versions) in &mut by_path {
            let is_open = versions.last().is_some_and(|(_, version)| version.is_some());
            if is_open && super::file(&files, path).is_none() {
                versions.push((at, None));
            }
        }
        for file in files.iter().filter(|file| file.kind != FileKind::Symlink && wants(&file.path)) {
            let versions = by_path.entry(Arc::clone(&file.path)).or_default();
            let last = versions.last().and_then(|(_, version)| version.as_ref());
            if last.is_none_or(|last| last.id != file.id) {
                versions.push((at, Some(file.clone())));
            }
        }
    }
    by_path
}

/// What is found in a file takes up to one part in so many of the budget.
const PART: u64 = 2;

/// What a run that was looked at takes, and a line that was found, beside its bytes.
const OVERHEAD: u64 = 256;

/// How much of a file is held, in bytes.
struct FoundBytes {
    most: u64,
    held: Held,
    /// Of runs that were looked at.
    runs: u64,
    /// Of rows that were found.
    rows: u64,
    is_too_much: bool,
}

impl FoundBytes {
    fn within(budget: &Arc<Budget>) -> Self {
        Self { most: budget.part(PART), held: budget.hold(0), runs: 0, rows: 0, is_too_much: false }
    }

    /// Whether so many bytes of rows more may be held.
    fn has_room(&mut self, bytes: u64) -> bool {
        self.is_too_much |= self.rows.saturating_add(bytes) > self.most;
        !self.is_too_much
    }

    /// Counts a run's lines; false where those of all runs have to be forgotten first.
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

/// What tells a row from others: its key, or its whole line where it has none.
type Identity = Vec<(String, String)>;

/// One file on its way through its versions.
struct FileSearch<'s> {
    path: Arc<str>,
    matcher: &'s Matcher,
    secrets: Option<TableSecrets<'s>>,
    progress: &'s Progress,
    /// The version looked at last.
    last: Option<Reader>,
    key: Option<Vec<String>>,
    /// Lines that match, by run; runs come again where a version is told from the next one.
    matching: HashMap<ContentId, Arc<[Bytes]>>,
    found: FoundBytes,
    rows: Vec<Found>,
    /// The rows that hold the text now, by their places.
    open: HashMap<Identity, Vec<usize>>,
}

impl<'s> FileSearch<'s> {
    fn new(path: Arc<str>, wanted: Wanted<'s>, progress: &'s Progress, engine: &Engine) -> Self {
        let (matcher, secrets) = (wanted.matcher, wanted.secrets.and_then(|secrets| secrets.of(&path)));
        let (matching, rows, open) = (HashMap::new(), Vec::new(), HashMap::new());
        let found = FoundBytes::within(engine.budget());
        Self { path, matcher, secrets, progress, last: None, key: None, matching, found, rows, open }
    }

    async fn go_on(
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
        let removed = self.lines_in(last.as_ref(), &runs.before).await?;
        let added = self.lines_in(next.as_ref(), &runs.after).await?;
        let (removed, added) = without_common(removed, added);
        self.found.add_rows(cost(&added));
        // Only what is found has to be told apart.
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

    /// The lines of a run that match; none of what is no text, which may be one line of any length.
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
        // Where a line ends, and what stands around a row, is no change of it.
        Ok(match self.path.ends_with(super::ROWS) {
            true => lines.into_iter().map(|line| line.slice_ref(trimmed(&line))).collect(),
            false => lines,
        })
    }

    /// Makes sure that so many bytes more may be held.
    fn make_sure(&mut self, bytes: u64) -> Result<(), Arc<SourceError>> {
        if self.found.has_room(bytes) {
            return Ok(());
        }
        let what = format!("more than {} bytes of it would have to be held", self.found.most);
        let error = SourceError::new(ErrorKind::Unsupported, format!("looking through {}", self.path), what);
        Err(Arc::new(error.with_hint("Look for a text that fewer rows hold, or give a larger --cache-size.")))
    }

    /// The lines of a text as they may be shown.
    fn shown(&self, text: Bytes) -> Bytes {
        let Some(secrets) = &self.secrets else { return text };
        let lines: Vec<_> = text.split(|byte| *byte == b'\n').map(|line| secrets.mask(line)).collect();
        lines.join(&b'\n').into()
    }

    /// From now on rows are told apart by another key.
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

    /// Takes over what is different from step `at` on.
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
            let seen = Seen { at, line };
            let place = match left.get_mut(&identity).and_then(Vec::pop) {
                Some(place) => {
                    self.rows[place].lines.push(seen);
                    place
                }
                None => {
                    let key = if identity[0].0 == WHOLE { Vec::new() } else { identity.clone() };
                    let path = Arc::clone(&self.path);
                    self.rows.push(Found { path, key, lines: vec![seen], gone: None });
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

/// Both lists without the lines that they have in common.
fn without_common(before: Vec<Bytes>, mut after: Vec<Bytes>) -> (Vec<Bytes>, Vec<Bytes>) {
    let mut common: HashMap<Bytes, usize> = HashMap::new();
    for line in &after {
        *common.entry(line.clone()).or_default() += 1;
    }
    let mut met: HashMap<Bytes, usize> = HashMap::new();
    let removed = before.into_iter().filter(|line| match common.get_mut(line).filter(|left| **left > 0) {
        Some(left) => {
            *left -= 1;
            *met.entry(line.clone()).or_default() += 1;
            false
        }
        None => true,
    });
    let removed = removed.collect();
    after.retain(|line| match met.get_mut(line).filter(|left| **left > 0) {
        Some(left) => {
            *left -= 1;
            false
        }
        None => true,
    });
    (removed, after)
}
