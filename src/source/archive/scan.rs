//! Which archives a folder holds: looked for about once a second, so only what is new is read.

use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::fs::DirEntry;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::tz::TimeZone;

mod entry;
mod single;
mod telling;

use super::beside::{JOURNAL, WAL, beside};
use super::found::{FoundArchive, cannot_list};
use super::known::KnownZips;
use super::options::ArchiveOptions;
use super::undated::Undated;
use crate::content::SourceError;
use crate::files::access;
use crate::files::root::Root;
use crate::format::SQLITE;
use crate::format::blob::{FileStamp, FileVersion};
use crate::model::access::Audience;
use crate::model::names::shown_name;
use crate::source::dated_names::{SeriesConventions, parse_file_name};

#[derive(Debug, Clone)]
pub(super) enum ArchivePlace {
    Folder(PathBuf),
    File(PathBuf),
}

/// Looks for archives, and remembers what it read of them.
#[derive(Debug)]
pub(super) struct Scanner {
    root: Root,
    place: ArchivePlace,
    /// Whether the folder need not be there before the first archive is.
    pub(super) may_be_missing: bool,
    label: Arc<str>,
    /// The database of archives whose name has no prefix.
    pub(super) fallback: Arc<str>,
    /// The zone of names that name none, where the user chose one.
    zone: Option<TimeZone>,
    system: TimeZone,
    undated: Undated,
    /// What the names found so far show together.
    conventions: SeriesConventions,
    /// How many archives without a time the log was told of.
    undated_told: usize,
    known: HashMap<OsString, Known>,
    zips: KnownZips,
    entries: usize,
    told: HashSet<(OsString, &'static str)>,
    /// Whom the folders on the way to the archives let pass.
    way: Audience,
}

/// What a file was found to be in the state named: `None` for an archive that is left out as it has no time.
type Known = (FileStamp, Option<FoundArchive>);

impl Scanner {
    /// `path` has to be absolute: the name of its folder may name the database.
    pub(super) fn new(root: Root, place: ArchivePlace, label: Arc<str>, options: &ArchiveOptions) -> Self {
        let folder = match &place {
            ArchivePlace::Folder(path) => Some(path.as_path()),
            ArchivePlace::File(path) => path.parent(),
        };
        let folder_name = folder.and_then(Path::file_name).unwrap_or_default().to_string_lossy();
        Self {
            zips: KnownZips::in_folder(options.cache_dir.as_deref(), options.clock.clone()),
            may_be_missing: false,
            fallback: folder.map_or_else(|| "archives".into(), database_of_folder),
            zone: options.zone.clone(),
            undated: options.undated,
            conventions: SeriesConventions::of_folder(&folder_name),
            undated_told: 0,
            known: HashMap::new(),
            entries: 0,
            told: HashSet::new(),
            way: Audience::Owner,
            system: TimeZone::system(),
            root,
            place,
            label,
        }
    }

    pub(super) fn folder(&self) -> &Path {
        match &self.place {
            ArchivePlace::Folder(folder) => folder,
            ArchivePlace::File(file) => file.parent().unwrap_or(file),
        }
    }

    /// Looks again; tells whether anything is new, which costs one `stat` per file. One unreadable file in a folder is
    /// listed all the same.
    pub(super) fn scan(&mut self) -> Result<bool, SourceError> {
        let is_other_way = self.look_at_way();
        let has_news = match self.place.clone() {
            ArchivePlace::Folder(path) => self.scan_folder(&path),
            ArchivePlace::File(path) => self.scan_file(&path),
        };
        self.zips.save();
        has_news.map(|has_news| has_news || is_other_way)
    }

    /// Looks whom the folders let pass; tells whether that is new to what is known.
    fn look_at_way(&mut self) -> bool {
        let way = access::of_way(self.folder());
        if std::mem::replace(&mut self.way, way) == way {
            return false;
        }
        let known = self.known.values_mut().filter_map(|(_, found)| found.as_mut());
        known.map(|found| found.artefact.way = way).count() > 0
    }

    /// The archives that the last scan found, in no order.
    pub(super) fn found(&self) -> impl Iterator<Item = &FoundArchive> {
        self.known.values().filter_map(|(_, found)| found.as_ref())
    }

    /// Brings what is known of a folder's files up to date; tells whether there was anything to do.
    fn scan_folder(&mut self, folder: &Path) -> Result<bool, SourceError> {
        let fail = |error| cannot_list(&self.label, folder, error);
        let may_be_missing = self.may_be_missing && self.known.is_empty();
        let listed = self.root.read_dir(folder);
        let entries: Vec<DirEntry> = match listed.and_then(|open| open.entries()?.collect()) {
            // No backup was packed into an archive yet.
            Err(error) if error.kind() == io::ErrorKind::NotFound && may_be_missing => Vec::new(),
            entries => entries.map_err(fail)?,
        };
        let (mut has_news, mut known_entries) = (self.learn_conventions(&entries), 0);
        for entry in &entries {
            let name = entry.file_name();
            let path = || folder.join(&name);
            if !self.is_known(&name, || stamp_of_entry(&self.root, entry, path), &path) {
                let former = self.known.remove(&name);
                has_news |= former.is_some();
                let former = former.and_then(|(_, found)| found);
                let Some(found) = self.folder_entry(folder, &name, former) else { continue };
                if !is_of_entry(entry, &found) {
                    // The folder was swapped for another one since it was listed.
                    continue;
                }
                self.known.insert(name, found);
                has_news = true;
            }
            known_entries += 1;
        }
        let some_are_gone = self.known.len() > known_entries;
        if some_are_gone || self.entries != entries.len() {
            let present: HashSet<OsString> = entries.iter().map(DirEntry::file_name).collect();
            self.known.retain(|name, _| present.contains(name));
            self.told.retain(|(name, _)| present.contains(name));
            self.entries = entries.len();
        }
        self.count_undated();
        Ok(has_news || some_are_gone)
    }

    /// Looks what new names show of their series. What was known of names that mean something else now is forgotten; tells
    /// whether any are.
    fn learn_conventions(&mut self, entries: &[DirEntry]) -> bool {
        let mut is_new = false;
        for entry in entries {
            let name = entry.file_name();
            if !self.known.contains_key(&name)
                && let Some(parsed) = name.to_str().and_then(|name| parse_file_name(name).ok())
            {
                is_new |= self.conventions.learn(&parsed);
            }
        }
        if !is_new {
            return false;
        }
        let before = self.known.len();
        self.known.retain(|name, _| {
            let time = name.to_str().and_then(|name| parse_file_name(name).ok()?.time);
            time.is_none_or(|time| !time.depends_on_its_series())
        });
        self.known.len() != before
    }

    /// Whether a file, with what belongs to it, is still in the state in which it was read.
    fn is_known(
        &self,
        name: &OsStr,
        stamp: impl FnOnce() -> io::Result<FileStamp>,
        path: &dyn Fn() -> PathBuf,
    ) -> bool {
        let Some((known, found)) = self.known.get(name) else { return false };
        let is_same = |end, then: &Option<Arc<FileVersion>>| {
            let now = FileVersion::current(&self.root, &beside(&path(), end)).ok().map(|file| file.stamp);
            now == then.as_ref().map(|file| file.stamp)
        };
        stamp().is_ok_and(|stamp| stamp == *known)
            && found.as_ref().is_none_or(|FoundArchive { artefact, .. }| {
                !artefact.format.is_plain(SQLITE)
                    || is_same(WAL, &artefact.wal) && is_same(JOURNAL, &artefact.journal)
            })
    }
}

/// The present stamp of the file that a folder's entry is or leads to. Asks relative to the open folder where it
/// can: looking the whole path up for each of many files costs more than the rest.
fn stamp_of_entry(root: &Root, entry: &DirEntry, path: impl FnOnce() -> PathBuf) -> io::Result<FileStamp> {
    if entry.file_type()?.is_file() {
        let metadata = entry.metadata()?;
        if metadata.is_file() {
            return Ok(FileStamp::of(&metadata));
        }
    }
    Ok(FileVersion::current(root, &path())?.stamp)
}

/// Whether what was found by its path is the file that the open folder lists; a link is looked at by its path alone.
fn is_of_entry(entry: &DirEntry, (stamp, _): &Known) -> bool {
    *stamp == FileStamp::UNKNOWN
        || entry.metadata().is_ok_and(|found| !found.is_file() || FileStamp::of(&found).inode == stamp.inode)
}

/// The folder's own name; for Thrum's `<repo>/archives` that of the folder above.
fn database_of_folder(folder: &Path) -> Arc<str> {
    let name_of = |folder: &Path| folder.file_name().map(shown_name).filter(|name| !name.is_empty());
    match name_of(folder) {
        Some(name) if name == "archives" => folder.parent().and_then(name_of).unwrap_or(name).into(),
        Some(name) => name.into(),
        None => "archives".into(),
    }
}
