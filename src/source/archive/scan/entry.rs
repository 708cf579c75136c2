//! What one file of a folder is.

use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::super::beside::{JOURNAL, WAL, settled_beside};
use super::super::found::{Artefact, FoundArchive, readers_of};
use super::super::undated::{Undated, is_other_name};
use super::super::zip_facts::ZipFacts;
use super::{ArchivePlace, Known, Scanner};
use crate::content::ErrorKind;
use crate::format::blob::{FileBlob, FileVersion, io_kind};
use crate::format::zip::ZipError;
use crate::format::zip::problem::{cut_off_hint, damaged_zip_hint, remedy_hint};
use crate::format::{FileFormat, SQLITE, ZIP};
use crate::model::terminal::ShowPath;
use crate::model::time::Timestamp;
use crate::source::dated_names::{ArchiveName, LeftOut, parse_file_name};

/// The mark of an archive that does not tell any more when it was captured.
const DAMAGED: &str = "damaged";

/// What was read of one state of one file.
#[derive(Debug, Clone, Copy)]
pub(super) enum FileFacts {
    Zip(ZipFacts),
    DamagedZip,
    Other,
}

impl FileFacts {
    fn captured(self) -> Option<Timestamp> {
        if let Self::Zip(facts) = self { facts.captured } else { None }
    }
}

/// The same archive in another state.
fn again(former: &FoundArchive, file: Arc<FileVersion>) -> Known {
    let (stamp, artefact) = (file.stamp, former.artefact.clone().with_file(file));
    (stamp, Some(FoundArchive { artefact, ..former.clone() }))
}

impl Scanner {
    /// What a folder's entry is, or `None` and a log line. `former` is what it was before.
    pub(super) fn folder_entry(
        &mut self,
        folder: &Path,
        os_name: &OsStr,
        former: Option<FoundArchive>,
    ) -> Option<Known> {
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
            Err(error) => {
                let file = Arc::new(self.unreadable(&path, os_name, &error, former.is_some())?);
                if let Some(former) = &former {
                    return Some(again(former, file));
                }
                (file, FileFacts::Other)
            }
        };
        if let (FileFacts::DamagedZip, Some(former)) = (facts, &former) {
            // When it was captured can no longer be read; it was read before.
            return Some(again(former, file));
        }
        if let Some(time) = self.time_of(&parsed, facts) {
            return Some((file.stamp, Some(self.archive(file, name, &parsed, time, facts))));
        }
        if is_other_name(&self.root, &path, &parsed.prefix) {
            self.leave_out(os_name, "it has no time", &LeftOut::Latest);
            return None;
        }
        match self.undated {
            Undated::Mtime => {
                let time = file.stamp.modified();
                let found = self.archive(Arc::clone(&file), name, &parsed, time, facts);
                Some((file.stamp, Some(FoundArchive { is_by_mtime: true, ..found })))
            }
            Undated::Skip => {
                let path = path.shown();
                self.tell(os_name, "no time", || {
                    tracing::debug!(
                        "{path}: neither its name nor a manifest.json inside says when it was taken"
                    );
                });
                Some((file.stamp, None))
            }
        }
    }

    /// Reads what is needed of a file, unless it was read in this state before.
    pub(super) fn look_at(
        &mut self,
        path: &Path,
        format: FileFormat,
    ) -> io::Result<(Arc<FileVersion>, FileFacts)> {
        let file = Arc::new(FileVersion::settled(&self.root, path)?);
        let open = file.open()?;
        if format.is_plain(SQLITE) {
            self.tell_of_other_databases(path, &open, file.stamp.len)?;
        }
        if !format.is(ZIP) {
            return Ok((file, FileFacts::Other));
        }
        let key = file.key();
        if let Some(facts) = self.zips.get(key) {
            return Ok((file, FileFacts::Zip(facts)));
        }
        let facts = match ZipFacts::read(&file) {
            Ok(facts) => {
                self.zips.keep(key, facts);
                FileFacts::Zip(facts)
            }
            Err(ZipError::Io(error)) if io_kind(&error) != ErrorKind::Damaged => return Err(error),
            Err(error) => {
                let blob = FileBlob { file: Arc::clone(&file) };
                let (what, hint) = match &error {
                    ZipError::Unsupported { remedy, .. } => ("cannot be read", remedy_hint(*remedy, &blob)),
                    ZipError::CutOff(_) => ("damaged", cut_off_hint(&blob)),
                    _ => ("damaged", damaged_zip_hint(&blob)),
                };
                tracing::warn!("{}: {what}: {error}; {hint}", path.shown());
                FileFacts::DamagedZip
            }
        };
        Ok((file, facts))
    }

    pub(super) fn archive(
        &self,
        file: Arc<FileVersion>,
        name: &str,
        parsed: &ArchiveName,
        time: Timestamp,
        facts: FileFacts,
    ) -> FoundArchive {
        // All archives of a repository's backup belong to that repository.
        let has_database = parsed.tag.is_none() && !parsed.prefix.is_empty() && !self.may_be_missing;
        // A zip with a time inside is called as its writer likes: `backup.zip`.
        let is_named = parsed.time.is_some()
            || matches!(self.place, ArchivePlace::File(_))
            || facts.captured().is_none();
        let database =
            if has_database && is_named { parsed.prefix.as_str().into() } else { Arc::clone(&self.fallback) };
        let part = if parsed.tag.is_some() { parsed.prefix.as_str() } else { "" };
        let members = if let FileFacts::Zip(facts) = facts { facts.members } else { 0 };
        let (mut wal, mut journal) = (None, None);
        if parsed.format.is_plain(SQLITE) {
            (wal, journal) = (settled_beside(&file, WAL), settled_beside(&file, JOURNAL));
        }
        let (name, format, part) = (name.into(), parsed.format, part.into());
        let audience = readers_of([&file].into_iter().chain(&wal).chain(&journal));
        let artefact = Artefact { file, wal, journal, name, format, part, members, audience, way: self.way };
        let tag = parsed.tag.as_deref().map(Into::into);
        // The name of a repository's archive says when it was packed, which is not what it holds: it answers nothing.
        let is_untimed = self.may_be_missing && matches!(facts, FileFacts::DamagedZip);
        let mark = parsed.mark.or(is_untimed.then_some(DAMAGED));
        let is_captured = facts.captured().is_some();
        FoundArchive { artefact, database, time, is_captured, is_by_mtime: false, mark, tag }
    }

    /// When the archive's content was captured: a manifest inside wins over the name.
    pub(super) fn time_of(&self, parsed: &ArchiveName, facts: FileFacts) -> Option<Timestamp> {
        facts.captured().or_else(|| {
            let conventions = self.conventions.of(parsed);
            parsed.time.as_ref()?.resolve(conventions, self.zone.as_ref(), &self.system)
        })
    }
}
