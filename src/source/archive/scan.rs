//! Which archives a folder holds: looked for about once a second, so only what is new is read.

use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::fs::DirEntry;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::model::time::Timestamp;
use jiff::tz::TimeZone;

mod single;
mod telling;

use super::ArchiveOptions;
use super::beside::{JOURNAL, WAL, beside, settled_beside};
use super::conventions::SeriesConventions;
use super::format::Format;
use super::found::{Artefact, Found, readers_of};
use super::known::KnownZips;
use super::naming::{ArchiveName, LeftOut, parse_file_name};
use super::undated::{Undated, is_other_name};
use super::zip_directory::ZipFacts;
use super::zip_problem::{cut_off_hint, damaged_zip_hint, remedy_hint};
use crate::content::{ErrorKind, SourceError};
use crate::files::access;
use crate::files::root::Root;
use crate::format::blob::{FileStamp, FileVersion, io_kind};
use crate::format::zip::ZipError;
use crate::model::access::Audience;
use crate::model::names::shown_name;
use crate::model::terminal::ShowPath;

/// The mark of an archive that does not tell any more when it was captured.
const DAMAGED: &str = "damaged";

/// Where the archives are.
#[derive(Debug, Clone)]
pub(super) enum Place {
    /// All that lie in a folder.
    Folder(PathBuf),
    /// This one.
    File(PathBuf),
}

/// Looks for archives, and remembers what it read of them.
#[derive(Debug)]
pub(super) struct Scanner {
    /// What all files are opened beneath.
    root: Root,
    place: Place,
    /// Whether the folder need not be there yet.
    may_be_missing: bool,
    label: Arc<str>,
    /// The database of archives whose name has no prefix.
    fallback: Arc<str>,
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
    /// How many entries the folder had.
    entries: usize,
    told: HashSet<(OsString, &'static str)>,
    /// Whom the folders on the way to the archives let pass.
    way: Audience,
}

/// What a file was found to be in the state named: `None` for an archive that is left out as it has no time.
type Known = (FileStamp, Option<Found>);

/// What was read of one state of one file.
#[derive(Debug, Clone, Copy)]
enum Facts {
    Zip(ZipFacts),
    DamagedZip,
    Unreadable,
    Readable,
}

impl Scanner {
    /// `path` has to be absolute: the name of its folder may name the database.
    pub(super) fn new(
        root: Root,
        place: Place,
        label: Arc<str>,
        options: &ArchiveOptions,
        system: TimeZone,
    ) -> Self {
        let folder = match &place {
            Place::Folder(path) => Some(path.as_path()),
            Place::File(path) => path.parent(),
        };
        let fallback = folder.map_or_else(|| "archives".into(), database_of_folder);
        let (known, told) = (HashMap::new(), HashSet::new());
        let zips = KnownZips::in_folder(options.cache_dir.as_deref(), options.clock.clone());
        let zone = options.zone.clone();
        let way = Audience::Owner;
        let folder_name = folder.and_then(Path::file_name).unwrap_or_default().to_string_lossy();
        let conventions = SeriesConventions::of_folder(&folder_name);
        Self {
            root,
            place,
            zips,
            may_be_missing: false,
            label,
            fallback,
            zone,
            system,
            undated: options.undated,
            conventions,
            undated_told: 0,
            known,
            entries: 0,
            told,
            way,
        }
    }

    /// The same where the folder need not be there before the first archive is.
    #[must_use]
    pub(super) fn that_may_be_missing(self) -> Self {
        Self { may_be_missing: true, ..self }
    }

    /// The database of archives whose name has no prefix.
    pub(super) fn database(&self) -> Arc<str> {
        Arc::clone(&self.fallback)
    }

    /// The folder of the archives.
    pub(super) fn folder(&self) -> &Path {
        match &self.place {
            Place::Folder(folder) => folder,
            Place::File(file) => file.parent().unwrap_or(file),
        }
    }

    /// Looks again; tells whether anything is new, which costs one `stat` per file.
    ///
    /// # Errors
    /// When the folder, or the one file, cannot be read. One unreadable file in a folder is listed all the same.
    pub(super) fn scan(&mut self) -> Result<bool, SourceError> {
        let is_other_way = self.look_at_way();
        let has_news = match self.place.clone() {
            Place::Folder(path) => self.scan_folder(&path),
            Place::File(path) => self.scan_file(&path),
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
    pub(super) fn found(&self) -> impl Iterator<Item = &Found> {
        self.known.values().filter_map(|(_, found)| found.as_ref())
    }

    /// Brings what is known of a folder's files up to date; tells whether there was anything to do.
    fn scan_folder(&mut self, folder: &Path) -> Result<bool, SourceError> {
        let fail = |error: io::Error| {
            let kind = if io_kind(&error) == ErrorKind::Refused {
                ErrorKind::Refused
            } else {
                ErrorKind::Unavailable
            };
            SourceError::new(kind, &*self.label, format!("cannot list folder {}", folder.shown()))
                .because(error)
                .with_hint("check that the folder is there, mounted and readable")
        };
        let listed = self.root.read_dir(folder);
        let entries: Vec<DirEntry> = match listed.and_then(|open| open.entries()?.collect()) {
            // No backup was packed into an archive yet.
            Err(error)
                if error.kind() == io::ErrorKind::NotFound
                    && self.may_be_missing
                    && self.known.is_empty() =>
            {
                Vec::new()
            }
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
            && found.as_ref().is_none_or(|Found { artefact, .. }| {
                artefact.format != Format::Sqlite
                    || is_same(WAL, &artefact.wal) && is_same(JOURNAL, &artefact.journal)
            })
    }

    /// What a folder's entry is, or `None` and a log line. `former` is what it was before.
    fn folder_entry(&mut self, folder: &Path, os_name: &OsStr, former: Option<Found>) -> Option<Known> {
        let path = folder.join(os_name);
        let Some(name) = os_name.to_str() else {
            self.leave_out(os_name, "its name is not UTF-8", &"rename it to make it a snapshot");
            return None;
        };
        let parsed = match parse_file_name(name) {
            Ok(parsed) => parsed,
            Err(why)
                if matches!(why, LeftOut::Checksum | LeftOut::Beside)
                    || why == LeftOut::Latest && self.root.link_target(&path).is_ok() =>
            {
                self.tell(os_name, "by the way", || {
                    tracing::debug!("{}: left out: {why}", path.shown());
                });
                return None;
            }
            Err(why) => {
                let what =
                    if self.root.is_dir(&path) { &"it is a folder" as &dyn std::fmt::Display } else { &why };
                self.leave_out(os_name, "it is no archive", what);
                return None;
            }
        };
        let (file, facts) = match self.look_at(&path, parsed.format) {
            Ok(found) => found,
            Err(error) => match self.unreadable(&path, os_name, &error, former.is_some()) {
                Some(file) => match former {
                    Some(former) => {
                        let stamp = file.stamp;
                        let artefact = former.artefact.clone().with_file(Arc::new(file));
                        return Some((stamp, Some(Found { artefact, ..former })));
                    }
                    None => (Arc::new(file), Facts::Unreadable),
                },
                None => return None,
            },
        };
        if let (Facts::DamagedZip, Some(former)) = (facts, &former) {
            // When it was captured can no longer be read; it was read before.
            let artefact = former.artefact.clone().with_file(Arc::clone(&file));
            return Some((file.stamp, Some(Found { artefact, ..former.clone() })));
        }
        if let Some(time) = self.time_of(&parsed, facts) {
            return Some((file.stamp, Some(self.archive(file, name, &parsed, time, facts))));
        }
        let is_other_name = is_other_name(&self.root, &path, &parsed.prefix);
        if is_other_name {
            self.leave_out(os_name, "it has no time", &LeftOut::Latest);
            return None;
        }
        match self.undated {
            Undated::Mtime => {
                let time = file.stamp.modified();
                let found = self.archive(Arc::clone(&file), name, &parsed, time, facts);
                Some((file.stamp, Some(Found { is_by_mtime: true, ..found })))
            }
            Undated::Skip => {
                self.tell(os_name, "no time", || {
                    tracing::debug!(
                        "{}: neither its name nor a manifest.json inside says when it was taken",
                        path.shown()
                    );
                });
                Some((file.stamp, None))
            }
        }
    }

    /// Reads what is needed of a file, unless it was read in this state before.
    fn look_at(&mut self, path: &Path, format: Format) -> io::Result<(Arc<FileVersion>, Facts)> {
        let file = Arc::new(FileVersion::settled(&self.root, path)?);
        let open = file.open()?;
        if format == Format::Sqlite {
            self.tell_of_other_databases(path, &open, file.stamp.len)?;
        }
        if format != Format::Zip {
            return Ok((file, Facts::Readable));
        }
        let key = file.key();
        if let Some(facts) = self.zips.get(key) {
            return Ok((file, Facts::Zip(facts)));
        }
        let facts = match ZipFacts::read(&file) {
            Ok(facts) => {
                self.zips.keep(key, facts);
                Facts::Zip(facts)
            }
            Err(ZipError::Io(error)) if io_kind(&error) != ErrorKind::Damaged => return Err(error),
            Err(error) => {
                let (what, hint) = match &error {
                    ZipError::Unsupported { remedy, .. } => ("cannot be read", remedy_hint(*remedy, path)),
                    ZipError::CutOff(_) => ("damaged", cut_off_hint(path)),
                    _ => ("damaged", damaged_zip_hint(path)),
                };
                tracing::warn!("{}: {what}: {error}; {hint}", path.shown());
                Facts::DamagedZip
            }
        };
        Ok((file, facts))
    }

    fn archive(
        &self,
        file: Arc<FileVersion>,
        name: &str,
        parsed: &ArchiveName,
        time: Timestamp,
        facts: Facts,
    ) -> Found {
        // All that lies in a repository's backup is that repository's.
        let has_database = parsed.tag.is_none() && !parsed.prefix.is_empty() && !self.may_be_missing;
        // A zip with a time inside is called as its writer likes: `backup.zip`.
        let is_named = parsed.time.is_some()
            || matches!(self.place, Place::File(_))
            || !matches!(facts, Facts::Zip(ZipFacts { captured: Some(_), .. }));
        let database =
            if has_database && is_named { parsed.prefix.as_str().into() } else { Arc::clone(&self.fallback) };
        let part = if parsed.tag.is_some() { parsed.prefix.as_str() } else { "" };
        let (members, is_captured) = match facts {
            Facts::Zip(facts) => (facts.members, facts.captured.is_some()),
            Facts::DamagedZip | Facts::Unreadable | Facts::Readable => (0, false),
        };
        let (mut wal, mut journal) = (None, None);
        if parsed.format == Format::Sqlite {
            (wal, journal) = (settled_beside(&file, WAL), settled_beside(&file, JOURNAL));
        }
        let (name, format, part) = (name.into(), parsed.format, part.into());
        let audience = readers_of([&file].into_iter().chain(&wal).chain(&journal));
        let way = self.way;
        let artefact = Artefact { file, wal, journal, name, format, part, members, audience, way };
        let tag = parsed.tag.as_deref().map(Into::into);
        // The name of a repository's archive says when it was packed, which is not what it holds: it answers nothing.
        let is_untimed = self.may_be_missing && matches!(facts, Facts::DamagedZip);
        let mark = parsed.mark.or(is_untimed.then_some(DAMAGED));
        Found { artefact, database, time, is_captured, is_by_mtime: false, mark, tag }
    }

    /// When the archive's content was captured: a manifest inside wins over the name.
    fn time_of(&self, parsed: &ArchiveName, facts: Facts) -> Option<Timestamp> {
        let captured = match facts {
            Facts::Zip(facts) => facts.captured,
            Facts::DamagedZip | Facts::Unreadable | Facts::Readable => None,
        };
        let conventions = self.conventions.of(parsed);
        captured.or_else(|| parsed.time.as_ref()?.resolve(conventions, self.zone.as_ref(), &self.system))
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
