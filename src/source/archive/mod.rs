//! A folder of archives, or one archive, as databases with a history.
//!
//! One archive file is one snapshot of one database; what it is, is told by its name (see `naming`). Zips
//! show their members, JSONL exports show one table `issues.jsonl`, SQLite files are shown as they are.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use jiff::tz::TimeZone;

use super::watch::{Events, FolderWatch, Watched};
use super::{Database, ErrorKind, POLL_INTERVAL, Source, SourceError};

mod database;
mod naming;
mod runs;
mod scan;
mod selection;
#[cfg(test)]
mod tests;
mod zip_content;
mod zip_directory;
mod zip_problem;

use crate::source::blocking::on_blocking_thread;
use crate::source::stored::io_kind;
use database::ArchiveDatabase;
use runs::{BlockMemo, lock};
use scan::{Archive, Place, Scanner};
use selection::Selection;

/// What the user chose about an archive source.
#[derive(Debug, Clone, Default)]
pub struct ArchiveOptions {
    /// The name of the one database to show (`NAME=PATH`).
    pub name: Option<String>,
    /// The zone of archive names that name none (`--timezone`). Without it such a name is read as its writer
    /// meant it: dolt-archive writes local time, everybody else UTC.
    pub zone: Option<TimeZone>,
}

/// A folder of archives, or one archive.
pub struct ArchiveSource {
    label: Arc<str>,
    watch: Arc<FolderWatch>,
    /// The folder of the archives.
    folder: PathBuf,
    state: Arc<Mutex<State>>,
}

struct State {
    scanner: Scanner,
    selection: Selection,
    blocks: Arc<BlockMemo>,
    /// The last view of each database.
    views: BTreeMap<Arc<str>, Arc<ArchiveDatabase>>,
    /// The archives whose databases a poll has handed out.
    delivered: Option<Arc<Vec<Archive>>>,
}

impl ArchiveSource {
    /// Opens a folder of archives or one archive file. Reads each zip's directory: blocks.
    ///
    /// # Errors
    /// [`ErrorKind::Missing`] where there is nothing at `path`; [`ErrorKind::Invalid`] where it holds no
    /// archive, or several databases of which none is called [`ArchiveOptions::name`]; others where it cannot
    /// be read.
    pub fn open(path: &Path, options: ArchiveOptions) -> Result<Self, SourceError> {
        let label: Arc<str> = format!("archive {}", path.display()).into();
        let place = place_of(path, &label)?;
        let folder = match &place {
            Place::Folder(folder) => folder.clone(),
            Place::File(file) => file.parent().map(Path::to_owned).unwrap_or_default(),
        };
        let mut scanner = Scanner::new(place.clone(), Arc::clone(&label), options.zone, TimeZone::system());
        let archives = scanner.scan()?;
        if archives.is_empty() {
            return Err(nothing_found(&place, &label));
        }
        let selection = Selection::new(options.name, &archives, &label)?;
        let (blocks, views) = (Arc::new(BlockMemo::new()), BTreeMap::new());
        let state = State { scanner, selection, blocks, views, delivered: None };
        let watch = Arc::new(FolderWatch::new(Arc::clone(&label)));
        Ok(Self { label, watch, folder, state: Arc::new(Mutex::new(state)) })
    }
}

/// The absolute path: the name of a folder given as `.` may name a database.
fn place_of(path: &Path, label: &str) -> Result<Place, SourceError> {
    let fail = |error: std::io::Error| {
        let kind = io_kind(&error);
        let result = SourceError::new(kind, label, format!("cannot open {}", path.display())).because(error);
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
        Ok(Place::Folder(absolute))
    } else if metadata.is_file() {
        Ok(Place::File(absolute))
    } else {
        Err(SourceError::new(ErrorKind::Invalid, label, format!("cannot open {}", path.display()))
            .because("it is neither a folder nor a regular file")
            .with_hint("give a folder of archives or one archive file"))
    }
}

fn nothing_found(place: &Place, label: &str) -> SourceError {
    let (Place::Folder(path) | Place::File(path)) = place;
    let expected = "expected are zips named <time>.zip, exports named <db>-<time>.jsonl \
                    or SQLite files named <name>-<time>.db, \
                    with a time such as 20260121-2000 or 2026-01-21T200000Z";
    let nested: Option<PathBuf> =
        ["archives", "jsonl"].iter().map(|name| path.join(name)).find(|folder| folder.is_dir());
    let hint = match nested {
        Some(folder) => format!("did you mean {}? {expected}", folder.display()),
        None => expected.to_owned(),
    };
    SourceError::new(ErrorKind::Invalid, label, format!("found no archive in {}", path.display()))
        .with_hint(hint)
}

#[async_trait]
impl Source for ArchiveSource {
    fn label(&self) -> &str {
        &self.label
    }

    async fn poll(&self) -> Result<Option<Vec<Arc<dyn Database>>>, SourceError> {
        let (label, state) = (Arc::clone(&self.label), Arc::clone(&self.state));
        let (watch, folders) =
            (Arc::clone(&self.watch), Watched::from([(self.folder.clone(), Events::Complete)]));
        let look = move || {
            watch.renew(|| folders.clone());
            lock(&state).look(&label)
        };
        let found = on_blocking_thread(&self.label, look).await?;
        // Only now: news of a poll that was given up half-way are news for the next one.
        Ok(found.map(|(archives, databases)| {
            lock(&self.state).delivered = Some(archives);
            databases
        }))
    }

    async fn news(&self) {
        // Archives may be symlinks to files elsewhere, of whose changes nothing is told: it is looked as
        // often as without.
        self.watch.next(POLL_INTERVAL).await;
    }
}

type News = (Arc<Vec<Archive>>, Vec<Arc<dyn Database>>);

impl State {
    /// The archives and their databases, where they are not those last delivered. Blocks.
    fn look(&mut self, label: &Arc<str>) -> Result<Option<News>, SourceError> {
        let archives = self.scanner.scan()?;
        if self.delivered.as_ref() == Some(&archives) {
            return Ok(None);
        }
        let mut before = std::mem::take(&mut self.views);
        for (name, archives) in self.selection.databases(&archives, label) {
            let view = match before.remove(&name) {
                Some(view) if view.shows(&archives) => view,
                _ => {
                    let blocks = Arc::clone(&self.blocks);
                    Arc::new(ArchiveDatabase::new(Arc::clone(&name), Arc::clone(label), archives, blocks))
                }
            };
            self.views.insert(name, view);
        }
        let databases = self.views.values().map(|view| Arc::clone(view) as Arc<dyn Database>).collect();
        Ok(Some((archives, databases)))
    }
}
