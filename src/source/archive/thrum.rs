//! Thrum's backups: `<repo>/current/` is the newest one, `<repo>/archives/` holds those before it.
//!
//! A run of `thrum backup` packs `current/` into an archive and then fills it again, file by file, the manifest last. So
//! `current/` is a snapshot only while no run writes to it.

use std::collections::BTreeSet;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use serde::Deserialize;

use super::found::{Archive, Artefact, cannot_list, captured_id, readers_of};
use crate::content::SourceError;
use crate::files::access;
use crate::files::root::Root;
use crate::format::FileFormat;
use crate::format::blob::{FileStamp, FileVersion};
use crate::model::access::Audience;
use crate::model::names::nested_paths;
use crate::model::terminal::ShowPath;

pub(super) const MANIFEST: &str = "manifest.json";

/// A manifest has a few hundred bytes; a longer file is not one.
const LONGEST_MANIFEST: u64 = 1024 * 1024;

/// Files younger than the manifest mean a run, or a copied folder. A copied folder has been quiet for this long.
pub(super) const QUIET: Duration = Duration::from_secs(3);

/// How often to look at files that were written a moment ago.
const PATIENCE: u32 = 5;

const DEEPEST: usize = 32;

#[derive(Debug, Deserialize)]
pub(super) struct Manifest {
    /// When its content was captured.
    pub(super) timestamp: Timestamp,
}

impl Manifest {
    pub(super) fn read(from: impl Read) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let mut text = Vec::new();
        from.take(LONGEST_MANIFEST).read_to_end(&mut text)?;
        Ok(serde_json::from_slice(&text)?)
    }
}

/// The folders of a path that are backups of one repository each: the path itself, those in it, or those in its
/// `backup/` where it is a `.thrum`.
pub(super) fn repositories(root: &Root, path: &Path) -> Vec<PathBuf> {
    if is_repository(root, path) {
        return vec![path.to_owned()];
    }
    let is_thrum = path.file_name().is_some_and(|name| name == ".thrum");
    let within = if is_thrum { path.join("backup") } else { path.to_owned() };
    let entries = root.read_dir(&within).and_then(|folder| folder.paths()).unwrap_or_default();
    entries.into_iter().map(|(folder, _)| folder).filter(|folder| is_repository(root, folder)).collect()
}

fn is_repository(root: &Root, folder: &Path) -> bool {
    let has_manifest =
        || root.open(&folder.join("current").join(MANIFEST)).is_ok_and(|file| Manifest::read(file).is_ok());
    let has_archives = || {
        let archives = root.read_dir(&folder.join("archives")).and_then(|folder| folder.paths());
        archives.into_iter().flatten().any(|(path, _)| path.extension().is_some_and(|end| end == "zip"))
    };
    has_manifest() || has_archives()
}

/// The `current/` of one repository.
#[derive(Debug)]
pub(super) struct Current {
    root: Root,
    folder: PathBuf,
    label: Arc<str>,
    database: Arc<str>,
    /// The files in the state in which `archive` was made.
    seen: Vec<(PathBuf, FileStamp)>,
    /// Whom the folders on the way to them, and within, let pass.
    way: Audience,
    /// The last snapshot that was seen while no run wrote to it.
    pub(super) archive: Option<Archive>,
    told: Option<String>,
}

impl Current {
    /// That of the folder `repository`, which shows as `database`.
    pub(super) fn new(root: &Root, repository: &Path, label: Arc<str>, database: Arc<str>) -> Self {
        let folder = repository.join("current");
        let (root, seen, way) = (root.clone(), Vec::new(), Audience::Owner);
        Self { root, folder, label, database, seen, way, archive: None, told: None }
    }

    /// The folders whose changes are news.
    pub(super) fn folders(&self) -> BTreeSet<PathBuf> {
        self.folders_of(&self.seen)
    }

    /// Its own folder, and those within that hold these files.
    fn folders_of(&self, files: &[(PathBuf, FileStamp)]) -> BTreeSet<PathBuf> {
        let above = files.iter().flat_map(|(path, _)| path.ancestors().skip(1));
        let within = above.filter(|folder| !folder.as_os_str().is_empty());
        std::iter::once(self.folder.clone()).chain(within.map(|folder| self.folder.join(folder))).collect()
    }

    /// Looks again; tells whether it is another snapshot. What is being written stays what it was. Blocks.
    pub(super) fn look(&mut self) -> Result<bool, SourceError> {
        let Some(files) = self.quiet_files()? else { return Ok(false) };
        let way = self.way_to(&files);
        if self.archive.is_some() && files == self.seen && way == self.way {
            return Ok(false);
        }
        self.way = way;
        match self.snapshot(&files) {
            Ok(archive) => {
                self.seen = files;
                self.told = None;
                self.archive = Some(archive);
                Ok(true)
            }
            Err(problem) => {
                let problem = problem.to_string();
                if self.told.as_ref() != Some(&problem) {
                    tracing::warn!(
                        "{}: no snapshot: its {MANIFEST} cannot be read: {problem}; `thrum backup` makes a new one",
                        self.folder.shown()
                    );
                    self.told = Some(problem);
                }
                Ok(false)
            }
        }
    }

    /// The files, if no run writes to them; none before the first backup.
    fn quiet_files(&self) -> Result<Option<Vec<(PathBuf, FileStamp)>>, SourceError> {
        for _ in 0..PATIENCE {
            let files = match self.files() {
                Ok(files) => files,
                Err(error) if error.kind() == io::ErrorKind::NotFound && self.archive.is_none() => {
                    return Ok(None);
                }
                Err(error) => return Err(cannot_list(&self.label, &self.folder, error)),
            };
            let now = self.root.now();
            let wait = files.iter().filter_map(|(_, stamp)| stamp.unsettled_for(now)).max();
            match wait {
                None if is_being_written(&files, now) => return Ok(None),
                None => return Ok(Some(files)),
                Some(wait) => std::thread::sleep(wait),
            }
        }
        Ok(None)
    }

    /// Whom the folders on the way to the files let pass, those within the backup too: of one that is closed, all is.
    fn way_to(&self, files: &[(PathBuf, FileStamp)]) -> Audience {
        let folders = self.folders_of(files);
        folders.iter().map(|folder| access::of_way(folder)).fold(Audience::Everyone, Audience::and)
    }

    fn snapshot(
        &self,
        files: &[(PathBuf, FileStamp)],
    ) -> Result<Archive, Box<dyn std::error::Error + Send + Sync>> {
        if !files.iter().any(|(path, _)| path == Path::new(MANIFEST)) {
            return Err("there is no such file".into());
        }
        let manifest = Manifest::read(self.root.open(&self.folder.join(MANIFEST))?)?;
        let paths = nested_paths(files.iter().map(|(path, _)| path.as_os_str().as_bytes()));
        let artefacts = files.iter().zip(paths).map(|((path, stamp), name)| {
            let path = self.folder.join(path);
            let file = Arc::new(FileVersion { root: self.root.clone(), path, stamp: *stamp });
            Artefact {
                audience: readers_of([&file]),
                way: self.way,
                file,
                wal: None,
                journal: None,
                name: name.into(),
                format: FileFormat::BYTES,
                part: "".into(),
                members: 0,
            }
        });
        let time = manifest.timestamp.into();
        let (id, database, artefacts) = (captured_id(time), Arc::clone(&self.database), artefacts.collect());
        Ok(Archive { id, database, time, is_by_mtime: false, mark: None, tag: None, artefacts })
    }

    /// The files below the folder with their stamps, sorted by path. Links are none of the backup: they may lead
    /// anywhere.
    fn files(&self) -> io::Result<Vec<(PathBuf, FileStamp)>> {
        let mut files = Vec::new();
        let mut folders = vec![(self.folder.clone(), 0)];
        while let Some((folder, depth)) = folders.pop() {
            for entry in self.root.read_dir(&folder)?.entries()? {
                let entry = entry?;
                let (kind, path) = (entry.file_type()?, folder.join(entry.file_name()));
                if kind.is_dir() && depth < DEEPEST {
                    folders.push((path, depth + 1));
                } else if kind.is_file() {
                    let below = path.strip_prefix(&self.folder).unwrap_or(&path).to_owned();
                    match entry.metadata() {
                        Ok(metadata) => files.push((below, FileStamp::of(&metadata))),
                        // Removed since it was listed.
                        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                        Err(error) => return Err(error),
                    }
                }
            }
        }
        files.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        Ok(files)
    }
}

/// Whether a run of the backup seems to be under way.
fn is_being_written(files: &[(PathBuf, FileStamp)], now: SystemTime) -> bool {
    let manifest =
        files.iter().find(|(path, _)| path == Path::new(MANIFEST)).map(|(_, stamp)| stamp.mtime_ns);
    let newest = files.iter().map(|(_, stamp)| stamp.mtime_ns).max();
    let is_last = manifest.is_some() && manifest == newest;
    let quiet_for = |stamp: &FileStamp| stamp.quiet_for(now);
    !is_last && files.iter().any(|(_, stamp)| quiet_for(stamp).is_some_and(|quiet| quiet < QUIET))
}
