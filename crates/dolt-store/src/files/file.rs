//! A file of the store: opened once, read at offsets, never written.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{FileAccess, Stamp};
use crate::error::StoreError;

/// An open file, or a part of one, with its length when it was opened.
///
/// It stays readable after it was removed from its folder, so that an open store works while garbage
/// collection replaces files.
#[derive(Debug)]
pub struct StoreFile {
    /// Differs from that of every other file that was ever open.
    id: u64,
    file: Arc<File>,
    path: PathBuf,
    /// Where it begins in `file`.
    start: u64,
    len: u64,
    /// The state of the file when it was opened; `None` for a part.
    opened: Option<Stamp>,
}

impl StoreFile {
    /// Opens a file for reading.
    pub fn open(access: &dyn FileAccess, path: &Path) -> Result<Self, StoreError> {
        let file = access.open(path).map_err(|error| StoreError::io(path, "open", error))?;
        let metadata = file.metadata().map_err(|error| StoreError::io(path, "look at", error))?;
        if !metadata.is_file() {
            return Err(StoreError::damaged(path, "it is not a regular file"));
        }
        let opened = Some(Stamp::of(&metadata));
        Ok(Self { opened, ..Self::part(Arc::new(file), path.to_owned(), 0, metadata.len()) })
    }

    /// A part of a file that was unpacked from `path`.
    pub fn part(file: Arc<File>, path: PathBuf, start: u64, len: u64) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self { id: NEXT.fetch_add(1, Ordering::Relaxed), file, path, start, len, opened: None }
    }

    /// A number that no other file of this process has or had.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Where it is, or was.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Length in bytes when it was opened.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether it has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether `now` is of another file than was opened, or of the same file changed; `None` for a part of a file.
    pub fn differs_from(&self, now: &Stamp) -> Option<bool> {
        self.opened.map(|opened| !opened.is_same_state(now))
    }

    /// Length and identity as of now.
    pub fn stamp(&self) -> Result<Stamp, StoreError> {
        let metadata = self.file.metadata().map_err(|error| StoreError::io(&self.path, "look at", error))?;
        Ok(Stamp::of(&metadata))
    }

    /// Reads `len` bytes at `offset`; a file that is too short for them is damaged.
    pub fn read(&self, offset: u64, len: u64) -> Result<Vec<u8>, StoreError> {
        // Checked first, so that a damaged length does not ask for too much memory.
        if offset.checked_add(len).is_none_or(|end| end > self.len) {
            let problem = format!("it ends at {}, before {len} bytes at {offset} do", self.len);
            return Err(StoreError::damaged(&self.path, problem));
        }
        let too_large = |_| StoreError::damaged(&self.path, "it states a length beyond all memory");
        let mut bytes = vec![0; usize::try_from(len).map_err(too_large)?];
        let read = self.file.read_exact_at(&mut bytes, self.start + offset);
        read.map_err(|error| self.read_error(error))?;
        Ok(bytes)
    }

    /// Reads up to the length of `buffer` at `offset`, including what was appended since the file was opened. Returns
    /// how many bytes there were.
    pub fn read_some(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, StoreError> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.file.read_at(&mut buffer[filled..], self.start + offset + filled as u64) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.read_error(error)),
            }
        }
        Ok(filled)
    }

    /// Reads exactly `len` bytes at `offset`, including what was appended since the file was opened. An unexpected end
    /// counts as damage.
    pub fn read_appended(&self, offset: u64, len: u32) -> Result<Vec<u8>, StoreError> {
        let mut bytes = vec![0; len as usize];
        self.file.read_exact_at(&mut bytes, self.start + offset).map_err(|error| self.read_error(error))?;
        Ok(bytes)
    }

    fn read_error(&self, error: io::Error) -> StoreError {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => StoreError::damaged(&self.path, "it was cut short"),
            _ => StoreError::io(&self.path, "read", error),
        }
    }
}
