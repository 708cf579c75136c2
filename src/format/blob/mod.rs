//! Blobs: bytes that are stored somewhere, in a file, as a member of a zip, as a blob of git.
//!
//! Formats (SQLite, a dump, a tar) read a [`Blob`] and do not know where it is stored.

use std::io::{self, Read};
use std::sync::Arc;

use crate::model::content_id::ContentId;
use crate::model::terminal::ShowPath;

mod file;
mod memory;
mod opened;
mod problem;
mod spool;
mod temporary;

pub(crate) use file::{FileReader, FileStamp, FileVersion, PIECE, Replaced, read_full};
pub(crate) use memory::InMemory;
pub(crate) use opened::{Opened, seek_position};
pub(crate) use problem::{blob_error, io_kind};
pub(crate) use spool::{Spool, Spools};
pub(crate) use temporary::{Filling, TemporaryFolder, explained, has_no_room, lacks_room, sweep};

/// Bytes on their way, from the first to the last one.
pub(crate) type Reading = Box<dyn Read + Send>;

/// Immutable bytes. Every call may block.
pub(crate) trait Blob: Send + Sync {
    /// What it is and where it is stored, for messages: `/x/y`, `member a of /x.zip`.
    fn describe(&self) -> String;

    /// Names the bytes: equal keys, equal bytes.
    fn key(&self) -> ContentId;

    /// Length in bytes. It is a promise: reading fails rather than give another length.
    fn len(&self) -> u64;

    /// Reads it from the start. Damage, or a change since it was listed, is an error, at the latest where the end would
    /// be.
    fn read(&self) -> io::Result<Reading>;

    /// Opens it for reading in any order. A packed blob is unpacked into a temporary file for that, and checked.
    fn open(&self) -> io::Result<Box<dyn Opened>>;

    /// Checks that it is still there as it was listed: [`Replaced`] (inside the I/O error) when it has changed.
    fn check(&self) -> io::Result<()> {
        Ok(())
    }

    /// The blob in a temporary file, if reading it unpacks it into one anyway.
    fn unpacked(&self) -> Option<io::Result<Arc<Spool>>> {
        None
    }

    /// The file that this blob is, if it is one.
    fn as_file(&self) -> Option<&Arc<FileVersion>> {
        None
    }
}

/// A file of a folder.
#[derive(Debug)]
pub(crate) struct FileBlob {
    pub(crate) file: Arc<FileVersion>,
}

impl Blob for FileBlob {
    fn describe(&self) -> String {
        self.file.path.shown().to_string()
    }

    fn key(&self) -> ContentId {
        self.file.key()
    }

    fn len(&self) -> u64 {
        self.file.stamp.len
    }

    fn read(&self) -> io::Result<Reading> {
        Ok(Box::new(CheckedFile {
            version: Arc::clone(&self.file),
            file: self.file.open()?,
            left: self.len(),
        }))
    }

    fn open(&self) -> io::Result<Box<dyn Opened>> {
        Ok(Box::new(FileReader::new(Arc::clone(&self.file))))
    }

    fn check(&self) -> io::Result<()> {
        self.file.open().map(drop)
    }

    fn as_file(&self) -> Option<&Arc<FileVersion>> {
        Some(&self.file)
    }
}

/// Reads a file once, and checks at the end that it has not changed.
struct CheckedFile {
    version: Arc<FileVersion>,
    file: std::fs::File,
    left: u64,
}

impl Read for CheckedFile {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let room = out.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        if room == 0 {
            if !out.is_empty() {
                self.version.check(&self.file)?;
            }
            return Ok(0);
        }
        let count = self.file.read(&mut out[..room])?;
        if count == 0 {
            // The file was truncated meanwhile.
            return Err(io::Error::other(Replaced));
        }
        self.left -= count as u64;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(bytes: &[u8]) -> (tempfile::TempDir, FileBlob) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("f");
        std::fs::write(&path, bytes).expect("the folder is ours");
        let file = Arc::new(FileVersion::named(&path).expect("the file is there"));
        (folder, FileBlob { file })
    }

    #[test]
    fn a_change_while_it_is_read_is_an_error_and_never_a_short_file() {
        for (change, what) in [(&b"longer than before"[..], "longer"), (b"", "cut"), (b"0123456789", "equal")]
        {
            let (_folder, stored) = stored(b"0123456789");
            let mut reader = stored.read().expect("it opens");
            let mut head = [0; 4];
            reader.read_exact(&mut head).expect("it has ten bytes");
            std::fs::write(&stored.file.path, change).expect("the folder is ours");
            let error = reader.read_to_end(&mut Vec::new()).expect_err(what);
            assert!(error.get_ref().is_some_and(|cause| cause.is::<Replaced>()), "{what}: {error}");
        }
    }
}
