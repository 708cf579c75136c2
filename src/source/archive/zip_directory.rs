//! What a zip's central directory says: its members, their paths in the tree, the time of a Thrum manifest.

use std::collections::HashSet;
use std::sync::Arc;

use jiff::Timestamp;
use zip::ZipArchive;
use zip::result::ZipResult;

use super::thrum::{MANIFEST, Manifest};
use crate::model::names::nested_paths;
use crate::model::terminal::ShowPath;
use crate::source::stored::{FileReader, FileVersion, Opened};

/// The members of one state of one zip file. Holds no open file.
///
/// Costs about 400 bytes of memory per member.
#[derive(Debug)]
pub(super) struct ZipDirectory {
    /// The file.
    pub(super) file: Arc<FileVersion>,
    /// Never read from itself, only through clones: it stays closed.
    archive: ZipArchive<FileReader>,
    /// The members that are files, sorted by path.
    pub(super) members: Vec<ZipMember>,
}

/// A member that is a file.
#[derive(Debug, Clone)]
pub(super) struct ZipMember {
    /// Its path in the tree.
    pub(super) path: Arc<str>,
    /// Its place in the central directory.
    pub(super) index: usize,
    /// Whether its data lies within that of another one, as in bombs that unpack one piece of data many times.
    pub(super) overlaps: bool,
}

/// Length of a local header without its name and extra fields (APPNOTE.TXT, 4.3.7).
const LOCAL_HEADER: u64 = 30;

impl ZipDirectory {
    /// Reads the central directory. Of several members with one name the last one counts, as with `unzip -o`;
    /// folder entries are left out; a symbolic link is a file that holds its target's name.
    pub(super) fn read(file: &Arc<FileVersion>) -> ZipResult<Self> {
        let archive = open_archive(file)?;
        let is_file = |name: &[u8]| !name.ends_with(b"/");
        let names = || archive.file_names_raw().enumerate().filter(|(_, name)| is_file(name));
        let paths = nested_paths(names().map(|(_, name)| name));
        let overlapping = overlapping(&archive)?;
        let member = |((index, _), path): ((usize, _), String)| ZipMember {
            path: path.into(),
            index,
            overlaps: overlapping.contains(&index),
        };
        let mut members: Vec<ZipMember> = names().zip(paths).map(member).collect();
        members.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        Ok(Self { file: Arc::clone(file), archive, members })
    }

    /// A reader of the archive with an open file of its own.
    pub(super) fn reader(&self) -> ZipArchive<FileReader> {
        self.archive.clone()
    }
}

/// The members whose data lies within that of another one. Programs that pack write one after the other.
fn overlapping(archive: &ZipArchive<FileReader>) -> ZipResult<HashSet<usize>> {
    let mut spans = Vec::with_capacity(archive.len());
    for index in 0..archive.len() {
        let entry = archive.by_index_data(index)?;
        let start = entry.header_start();
        let header = LOCAL_HEADER + entry.name_raw().len() as u64;
        // At least: how long the extra fields are is said in the local header alone.
        spans.push((start, start.saturating_add(header).saturating_add(entry.compressed_size()), index));
    }
    spans.sort_unstable();
    let mut overlapping = HashSet::new();
    let mut last: Option<(u64, usize)> = None;
    for (start, end, index) in spans {
        match last {
            Some((last_end, last_index)) if start < last_end => {
                overlapping.extend([last_index, index]);
                last = Some(if end > last_end { (end, index) } else { (last_end, last_index) });
            }
            _ => last = Some((end, index)),
        }
    }
    Ok(overlapping)
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
    pub(super) fn read(file: &Arc<FileVersion>) -> ZipResult<Self> {
        let mut archive = open_archive(file)?;
        let captured = manifest_time(&mut archive).unwrap_or_else(|problem| {
            let path = file.path.shown();
            tracing::debug!("{path}: its manifest.json is not used, the time comes from the name: {problem}");
            None
        });
        let members = archive.len();
        archive.into_inner().check()?;
        Ok(Self { captured, members })
    }
}

/// An archive that is closed until it is read again.
fn open_archive(file: &Arc<FileVersion>) -> ZipResult<ZipArchive<FileReader>> {
    let archive = ZipArchive::new(FileReader::new(Arc::clone(file)))?;
    let closed = archive.clone();
    archive.into_inner().check()?;
    Ok(closed)
}

/// The `timestamp` of a `manifest.json` at the root, as Thrum writes it.
fn manifest_time(
    archive: &mut ZipArchive<FileReader>,
) -> Result<Option<Timestamp>, Box<dyn std::error::Error + Send + Sync>> {
    let Some(index) = archive.index_for_name_raw(MANIFEST.as_bytes()) else { return Ok(None) };
    Ok(Some(Manifest::read(archive.by_index(index)?)?.timestamp))
}
