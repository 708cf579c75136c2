//! What the zips of a folder hold: their members, the time of a Thrum manifest.

use std::sync::Arc;

use crate::model::time::Timestamp;

use super::thrum::{MANIFEST, Manifest};
use crate::format::blob::{FileReader, FileVersion, Opened};
use crate::format::zip::{Directory, Member, ZipError, unpacked};
use crate::model::terminal::ShowPath;

/// One state of one zip file. Holds no open file.
#[derive(Debug)]
pub(super) struct ZipFile {
    /// The file.
    pub(super) file: Arc<FileVersion>,
    /// What is in it.
    pub(super) directory: Directory,
}

impl ZipFile {
    /// Reads the central directory.
    pub(super) fn read(file: &Arc<FileVersion>) -> Result<Self, ZipError> {
        let mut reader = FileReader::new(Arc::clone(file));
        let directory = Directory::read(&mut reader);
        // What looks damaged may have been written to meanwhile.
        reader.check()?;
        Ok(Self { file: Arc::clone(file), directory: directory? })
    }

    /// A reader of the file with an open file of its own.
    pub(super) fn reader(&self) -> FileReader {
        FileReader::new(Arc::clone(&self.file))
    }

    /// What a member is called in messages.
    pub(super) fn describe(&self, member: &Member) -> String {
        format!("member {} of {}", member.path.escape_debug(), self.file.path.shown())
    }
}

/// What is asked of a zip when its folder is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ZipFacts {
    /// When a Thrum backup was captured: its name only says when it was archived.
    pub(super) captured: Option<Timestamp>,
    /// How many members there are.
    pub(super) members: usize,
}

impl ZipFacts {
    /// Reads the central directory and, where there is one, the manifest.
    pub(super) fn read(file: &Arc<FileVersion>) -> Result<Self, ZipError> {
        let zip = ZipFile::read(file)?;
        let path = file.path.shown();
        for flaw in &zip.directory.flaws {
            tracing::warn!("{path}: damaged: {flaw}; what can be read of it is shown");
        }
        let captured = manifest_time(&zip).unwrap_or_else(|problem| {
            tracing::debug!("{path}: its manifest.json is not used, the time comes from the name: {problem}");
            None
        });
        file.open()?;
        Ok(Self { captured, members: zip.directory.members.len() })
    }
}

/// The `timestamp` of a `manifest.json` at the root, as Thrum writes it.
fn manifest_time(zip: &ZipFile) -> Result<Option<Timestamp>, Box<dyn std::error::Error + Send + Sync>> {
    let members = &zip.directory.members;
    let Ok(at) = members.binary_search_by(|member| (*member.path).cmp(MANIFEST)) else { return Ok(None) };
    let data = unpacked(&zip.directory, &members[at], zip.reader())?;
    Ok(Some(Manifest::read(data)?.timestamp.into()))
}
