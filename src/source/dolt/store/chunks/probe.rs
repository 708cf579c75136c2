//! Reads any bytes as each kind of file: see [`crate::source::dolt::store::probe`].

use std::path::Path;

use super::archive::Archive;
use super::file::StoreFile;
use super::journal::Journal;
use super::manifest::Manifest;
use super::table_file::TableFile;
use crate::files::root::{Links, SourcePath};

/// Bytes as a manifest.
pub fn manifest(bytes: &[u8]) {
    let _ = Manifest::parse(Path::new("manifest"), bytes);
}

/// A file as a journal, with all its chunks.
pub fn journal(file: &Path) {
    let Some(journal) = place(file).and_then(|file| Journal::open(&file).ok()) else { return };
    for address in journal.addresses().flatten() {
        let _ = journal.get(&address);
    }
    let _ = (journal.root(), journal.damage(), journal.extended());
}

/// A file as a table file, with all its chunks.
pub fn table_file(file: &Path) {
    // The count that the manifest would have to state.
    let Some(count) = number_before_end(file, 20) else { return };
    let Some(file) = place(file).and_then(|file| StoreFile::open(&file).ok()) else { return };
    let Ok(table) = TableFile::open(file, Some(count)) else { return };
    for address in table.addresses() {
        let _ = table.get(&address);
    }
}

/// A file as an archive, with all its chunks.
pub fn archive(file: &Path) {
    let Some(count) = number_before_end(file, 208) else { return };
    let Some(file) = place(file).and_then(|file| StoreFile::open(&file).ok()) else { return };
    let Ok(archive) = Archive::open(file, Some(count)) else { return };
    for address in archive.addresses() {
        let _ = archive.get(&address);
    }
}

/// A file beneath its folder.
fn place(file: &Path) -> Option<SourcePath> {
    Some(SourcePath::of_folder(file.parent()?, Links::Beneath).ok()?.join(file.file_name()?))
}

/// The big-endian number that begins so many bytes before the end of a file.
fn number_before_end(file: &Path, before: usize) -> Option<u32> {
    let bytes = std::fs::read(file).ok()?;
    let at = bytes.len().checked_sub(before)?;
    bytes[at..].first_chunk().map(|number| u32::from_be_bytes(*number))
}
