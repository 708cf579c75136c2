//! A folder of archives, or one archive, as databases with a history.
//!
//! One archive file is one snapshot of one database; its name says which (see `dated_names`). Zips
//! show their members, JSONL exports show one table `issues.jsonl`. Files of one tag and time are one snapshot. A
//! Thrum backup is a folder of zips and what the next one will be made of (see `thrum`).

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;

use super::{Database, POLL_INTERVAL, Source};
use crate::content::{ErrorKind, SourceError};
use crate::files::watch::{Events, FolderWatch, Watched};

mod beside;
mod checks;
mod counts;
mod database;
mod found;
mod known;
mod options;
mod pieces;
pub mod probe;
mod runs;
mod scan;
mod selection;
#[cfg(test)]
mod tests;
mod thrum;
mod undated;
mod zip_facts;

use crate::content::blocking::on_blocking_thread;
use crate::files::root::{Links, Root};
use crate::format::blob::{Spools, io_kind};
use crate::format::input::FormatContext;
use crate::model::terminal::ShowPath;
use crate::source::dated_names::{NameTime, parse_file_name};
use crate::util::locks::lock;
use database::ArchiveDatabase;
use found::{Archive, snapshots};
pub use options::ArchiveOptions;
use runs::BlockMemo;
use scan::{ArchivePlace, Scanner};
use selection::Selection;
use thrum::Current;
pub use undated::Undated;

/// How long the first backup of a repository is waited for that is being written.
const LONGEST_RUN: Duration = Duration::from_secs(10);

/// A folder of archives, or one archive.
pub struct ArchiveSource {
    label: Arc<str>,
    watch: Arc<FolderWatch>,
    state: Arc<Mutex<ArchiveState>>,
}

struct ArchiveState {
    finds: Finds,
    selection: Selection,
    blocks: Arc<BlockMemo>,
    spools: Arc<Spools>,
    views: BTreeMap<Arc<str>, Arc<ArchiveDatabase>>,
    /// The archives whose databases a poll has handed out.
    delivered: Option<Arc<Vec<Archive>>>,
}

impl ArchiveSource {
    /// Whether there is an archive in a folder, by the names of its files.
    pub fn is_at(folder: &Path) -> bool {
        has_archive(folder, |time| time.is_some())
    }

    /// The same for a folder that is a repository as well: only names that end in a time count.
    pub fn is_clearly_at(folder: &Path) -> bool {
        has_archive(folder, |time| time.is_some_and(|time| time.ends_the_name))
    }

    /// Opens a folder of archives or one archive file. Reads each zip's directory: blocks.
    ///
    /// # Errors
    /// [`ErrorKind::Missing`] where there is nothing at `path`; [`ErrorKind::Invalid`] where it holds no
    /// archive, or several databases of which none is called [`ArchiveOptions::name`]; others where it cannot
    /// be read.
    pub fn open(path: &Path, options: ArchiveOptions) -> Result<Self, SourceError> {
        let label: Arc<str> = format!("archive {}", path.shown()).into();
        let (root, place) = place_of(path, &label, options.links)?;
        let root = root.with_clock(options.clock.clone());
        let mut finds = Finds::new(root, &place, &label, &options);
        finds.first_look()?;
        let archives = Arc::clone(&finds.archives);
        if archives.is_empty() {
            let undated = finds.scanners.iter().map(Scanner::undated_count).sum();
            return Err(nothing_found(&place, &label, undated));
        }
        let selection = Selection::new(options.name, &archives, &label)?;
        let (blocks, spools, views) = (Arc::default(), Arc::default(), BTreeMap::new());
        let state = ArchiveState { finds, selection, blocks, spools, views, delivered: None };
        let watch = Arc::new(FolderWatch::new(Arc::clone(&label)));
        Ok(Self { label, watch, state: Arc::new(Mutex::new(state)) })
    }
}

/// Where archives are looked for, and what was found there.
struct Finds {
    label: Arc<str>,
    options: ArchiveOptions,
    root: Root,
    /// The folder in which repositories of Thrum's backups come and go, where it is one.
    backups: Option<PathBuf>,
    repositories: BTreeSet<PathBuf>,
    scanners: Vec<Scanner>,
    /// The present state of Thrum backups.
    present: Vec<Current>,
    /// The snapshots, sorted by time.
    archives: Arc<Vec<Archive>>,
    /// What the log was told of places that cannot be read.
    told: BTreeSet<String>,
}

impl Finds {
    fn new(root: Root, place: &ArchivePlace, label: &Arc<str>, options: &ArchiveOptions) -> Self {
        let mut finds = Self {
            label: Arc::clone(label),
            options: options.clone(),
            root,
            backups: None,
            repositories: BTreeSet::new(),
            scanners: Vec::new(),
            present: Vec::new(),
            archives: Arc::default(),
            told: BTreeSet::new(),
        };
        if let ArchivePlace::Folder(path) = place
            && !thrum::repositories(&finds.root, path).is_empty()
        {
            finds.backups = Some(path.clone());
            finds.find_repositories();
        } else {
            finds.scanners.push(finds.scanner(place.clone()));
        }
        finds
    }

    fn scanner(&self, place: ArchivePlace) -> Scanner {
        Scanner::new(self.root.clone(), place, Arc::clone(&self.label), &self.options)
    }

    /// Adds repositories that were not there before. Reading one that is gone fails.
    fn find_repositories(&mut self) {
        let Some(backups) = &self.backups else { return };
        for repository in thrum::repositories(&self.root, backups) {
            if self.repositories.insert(repository.clone()) {
                let place = ArchivePlace::Folder(repository.join("archives"));
                let mut scanner = self.scanner(place);
                scanner.may_be_missing = true;
                let (label, database) = (Arc::clone(&self.label), Arc::clone(&scanner.fallback));
                self.present.push(Current::new(&self.root, &repository, label, database));
                self.scanners.push(scanner);
            }
        }
    }

    /// Looks for the first time. Where there is nothing but a backup that is being written, waits for it for a
    /// while. Blocks.
    fn first_look(&mut self) -> Result<(), SourceError> {
        let begun = Instant::now();
        loop {
            self.look()?;
            if !self.archives.is_empty() || self.present.is_empty() || begun.elapsed() > LONGEST_RUN {
                return Ok(());
            }
            std::thread::sleep(POLL_INTERVAL / 4);
        }
    }

    /// Looks again, which costs one `stat` per file where nothing is new. A place that cannot be read keeps what was found
    /// there, and fails nothing but itself, as long as another one can be read. Blocks.
    fn look(&mut self) -> Result<(), SourceError> {
        self.find_repositories();
        // A run packs `current/` before it fills it again: in this order, its snapshot is seen in one of the two.
        let looked: Vec<Result<bool, SourceError>> = self
            .present
            .iter_mut()
            .map(Current::look)
            .chain(self.scanners.iter_mut().map(Scanner::scan))
            .collect();
        let places = looked.len();
        let has_news = looked.iter().any(|outcome| matches!(outcome, Ok(true)));
        let mut failures: Vec<SourceError> = looked.into_iter().filter_map(Result::err).collect();
        if failures.len() == places
            && let Some(first) = failures.pop()
        {
            return Err(first);
        }
        let told = failures.iter().map(SourceError::chain).collect();
        let before = std::mem::replace(&mut self.told, told);
        for reason in self.told.difference(&before) {
            tracing::warn!(source = &*self.label, %reason, "what was found there stays as it was");
        }
        if has_news {
            let found = self.scanners.iter().flat_map(Scanner::found);
            let present = self.present.iter().filter_map(|current| current.archive.clone());
            self.archives = Arc::new(snapshots(found, present));
        }
        Ok(())
    }

    /// The folders in which archives come and go.
    fn folders(&self) -> Watched {
        let archives = self.scanners.iter().map(|scanner| scanner.folder().to_owned());
        let present = self.present.iter().flat_map(Current::folders);
        let backups = self.backups.iter().cloned();
        archives.chain(present).chain(backups).map(|folder| (folder, Events::Complete)).collect()
    }
}

/// The absolute path, and the folder that everything is opened beneath: the name of a folder given as `.` may name a
/// database.
fn place_of(path: &Path, label: &str, links: Links) -> Result<(Root, ArchivePlace), SourceError> {
    let fail = |error: std::io::Error| {
        let kind = io_kind(&error);
        let result = SourceError::new(kind, label, format!("cannot open {}", path.shown())).because(error);
        match kind {
            ErrorKind::Missing => {
                result.with_hint("check the path; a folder of archives or one archive file is meant")
            }
            ErrorKind::Refused => result.with_hint("make it readable for the user who runs the mount"),
            _ => result,
        }
    };
    let absolute = path.canonicalize().map_err(fail)?;
    let metadata = absolute.metadata().map_err(fail)?;
    if metadata.is_dir() {
        Ok((Root::new(&absolute, links).map_err(fail)?, ArchivePlace::Folder(absolute)))
    } else if metadata.is_file() {
        let folder = absolute.parent().unwrap_or(&absolute);
        Ok((Root::new(folder, links).map_err(fail)?, ArchivePlace::File(absolute)))
    } else {
        Err(SourceError::new(ErrorKind::Invalid, label, format!("cannot open {}", path.shown()))
            .because("it is neither a folder nor a regular file")
            .with_hint("give a folder of archives or one archive file"))
    }
}

/// Whether one of a folder's files is an archive by its name, with such a time.
fn has_archive(folder: &Path, is_meant: impl Fn(Option<&NameTime>) -> bool) -> bool {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let is_archive = |name: &str| parse_file_name(name).is_ok_and(|name| is_meant(name.time.as_ref()));
    entries.into_iter().any(|entry| entry.file_name().to_str().is_some_and(is_archive))
}

/// The folders below that hold archives, by name.
pub(crate) fn folders_with_archives(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut folders: Vec<String> = entries
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .filter(|entry| ArchiveSource::is_at(&entry.path()))
        .map(|entry| entry.file_name().shown().to_string())
        .collect();
    folders.sort();
    folders
}

fn nothing_found(place: &ArchivePlace, label: &str, undated: usize) -> SourceError {
    let (ArchivePlace::Folder(path) | ArchivePlace::File(path)) = place;
    let expected = "expected are zips named <time>.zip, exports named <db>-<time>.jsonl, SQLite files named \
                    <name>-<time>.db, dumps and tars named <name>_<time>.dump, .sql or .tar, with a time such as \
                    20260121-2000 or 2026-01-21T200000Z; or the files of a Dolt database, or a git repository";
    let nested: Option<PathBuf> =
        ["archives", "jsonl", "backup"].iter().map(|name| path.join(name)).find(|folder| folder.is_dir());
    let hint = match (undated, nested) {
        (0, Some(folder)) => format!("did you mean {}? {expected}", folder.shown()),
        (0, None) => expected.to_owned(),
        _ => undated::left_out(undated),
    };
    SourceError::new(ErrorKind::Invalid, label, format!("found no archive in {}", path.shown()))
        .because("there is no Dolt database in it either")
        .with_hint(hint)
}

#[async_trait]
impl Source for ArchiveSource {
    fn label(&self) -> &str {
        &self.label
    }

    async fn poll(&self) -> Result<Option<Vec<Arc<dyn Database>>>, SourceError> {
        let (label, state) = (Arc::clone(&self.label), Arc::clone(&self.state));
        let watch = Arc::clone(&self.watch);
        let look = move || {
            let mut state = lock(&state);
            watch.renew(|| state.finds.folders());
            state.look(&label)
        };
        let found = on_blocking_thread(&self.label, look).await?;
        // Only now: the news of a cancelled poll are news for the next one.
        Ok(found.map(|(archives, databases)| {
            lock(&self.state).delivered = Some(archives);
            databases
        }))
    }

    fn is_watched(&self) -> bool {
        true
    }

    async fn news(&self) {
        // Archives may be symlinks to files elsewhere, whose changes inotify does not report.
        self.watch.next(POLL_INTERVAL).await;
    }
}

type News = (Arc<Vec<Archive>>, Vec<Arc<dyn Database>>);

impl ArchiveState {
    /// The archives and their databases, where they are not those last delivered. Blocks.
    fn look(&mut self, label: &Arc<str>) -> Result<Option<News>, SourceError> {
        self.finds.look()?;
        let archives = Arc::clone(&self.finds.archives);
        if self.delivered.as_ref() == Some(&archives) {
            return Ok(None);
        }
        let mut before = std::mem::take(&mut self.views);
        for (name, archives) in self.selection.databases(&archives, label) {
            let view = match before.remove(&name) {
                Some(view) if view.shows(&archives) => view,
                _ => {
                    let blocks = Arc::clone(&self.blocks);
                    let context = FormatContext::new(label, &self.spools);
                    Arc::new(ArchiveDatabase::new(Arc::clone(&name), context, archives, blocks))
                }
            };
            self.views.insert(name, view);
        }
        let databases = self.views.values().map(|view| Arc::clone(view) as Arc<dyn Database>).collect();
        Ok(Some((archives, databases)))
    }
}
