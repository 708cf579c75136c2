//! The source that is one file.

use std::path::Path;

use super::super::found::FoundArchive;
use super::Scanner;
use crate::content::{ErrorKind, SourceError};
use crate::format::blob::{FileVersion, blob_error};
use crate::format::{EXPORT, FileFormat};
use crate::model::terminal::ShowPath;
use crate::source::dated_names::{ArchiveName, LeftOut, parse_file_name, without_latest};

impl Scanner {
    /// The same as [`Scanner::scan_folder`] for the source that is one file.
    pub(super) fn scan_file(&mut self, path: &Path) -> Result<bool, SourceError> {
        let name = path.file_name().unwrap_or_default();
        let stamp = || FileVersion::current(&self.root, path).map(|file| file.stamp);
        if self.is_known(name, stamp, &|| path.to_owned()) {
            return Ok(false);
        }
        self.known.remove(name);
        let archive = self.single_file(path)?;
        self.known.insert(name.to_owned(), (archive.artefact.file.stamp, Some(archive)));
        Ok(true)
    }

    /// The source that is one file: it needs no time in its name, since the user named it.
    fn single_file(&mut self, path: &Path) -> Result<FoundArchive, SourceError> {
        let operation = || format!("cannot use {} as an archive", path.shown());
        let os_name = path.file_name().unwrap_or_default();
        let invalid = |why: &dyn std::fmt::Display| {
            SourceError::new(ErrorKind::Invalid, &*self.label, operation())
                .because(why.to_string())
                .with_hint(format!("give a {} file, or a folder of such files", FileFormat::known_endings()))
        };
        let name = os_name.to_str().ok_or_else(|| invalid(&"its name is not UTF-8"))?;
        let parsed = match parse_file_name(name) {
            Ok(parsed) => parsed,
            Err(LeftOut::Latest) => latest_file(name),
            Err(why) => return Err(invalid(&why)),
        };
        let (file, facts) = self
            .look_at(path, parsed.format)
            .map_err(|error| blob_error(&self.label, operation(), &path.shown(), error))?;
        let time = self.time_of(&parsed, facts);
        if time.is_none() {
            self.tell(os_name, "modification time", || {
                tracing::info!("{}: no time in its name: its modification time is taken", path.shown());
            });
        }
        let taken = time.unwrap_or_else(|| file.stamp.modified());
        let found = self.archive(file, name, &parsed, taken, facts);
        Ok(FoundArchive { is_by_mtime: time.is_none(), ..found })
    }
}

/// `<db>-latest.jsonl`, named by the user: a snapshot after all.
fn latest_file(name: &str) -> ArchiveName {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let prefix = without_latest(stem).unwrap_or(stem).to_owned();
    ArchiveName { format: FileFormat::plain(EXPORT), prefix, tag: None, time: None, mark: None }
}
