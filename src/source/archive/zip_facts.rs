//! What of a zip is asked for when its folder is listed: the time of a Thrum manifest, and how many members there are.

use std::sync::Arc;

use crate::format::blob::{Blob, FileBlob, FileVersion};
use crate::format::zip::{ZipError, ZipFile, unpacked};
use crate::model::terminal::ShowPath;
use crate::model::time::Timestamp;

use super::thrum::{MANIFEST, Manifest};

/// What is known of one state of one zip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ZipFacts {
    /// When a Thrum backup was captured: its name only says when it was archived.
    pub(super) captured: Option<Timestamp>,
    pub(super) members: usize,
}

impl ZipFacts {
    /// Reads the central directory and, where there is one, the manifest.
    pub(super) fn read(file: &Arc<FileVersion>) -> Result<Self, ZipError> {
        let blob: Arc<dyn Blob> = Arc::new(FileBlob { file: Arc::clone(file) });
        let (zip, path) = (ZipFile::read(&blob)?, file.path.shown());
        for flaw in &zip.directory.flaws {
            tracing::warn!("{path}: damaged: {flaw}; what can be read of it is shown");
        }
        let captured = manifest_time(&zip).unwrap_or_else(|problem| {
            tracing::debug!("{path}: its manifest.json is not used, the time comes from the name: {problem}");
            None
        });
        blob.check()?;
        Ok(Self { captured, members: zip.directory.members.len() })
    }
}

/// The `timestamp` of a `manifest.json` at the root, as Thrum writes it.
fn manifest_time(zip: &ZipFile) -> Result<Option<Timestamp>, Box<dyn std::error::Error + Send + Sync>> {
    let members = &zip.directory.members;
    let Ok(at) = members.binary_search_by(|member| (*member.path).cmp(MANIFEST)) else { return Ok(None) };
    let data = unpacked(&zip.directory, &members[at], zip.blob.open()?)?;
    Ok(Some(Manifest::read(data)?.timestamp.into()))
}
