//! A file pinned to the state in which it was listed, so that bytes of another state never pass for it.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;

/// Bytes that one piece of content holds at most.
pub(super) const PIECE: usize = 256 * 1024;

/// Bytes fetched at once while small structures are read.
const BUFFER: usize = 64 * 1024;

/// What tells one state of a file from the next without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct FileStamp {
    /// Length in bytes.
    pub(super) len: u64,
    /// Modification time, in nanoseconds since 1970.
    pub(super) mtime_ns: i128,
    pub(super) inode: u64,
}

impl FileStamp {
    pub(super) fn of(metadata: &Metadata) -> Self {
        let mtime_ns = i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec());
        Self { len: metadata.len(), mtime_ns, inode: metadata.ino() }
    }

    /// The modification time; the nearest end of the calendar for one beyond it.
    pub(super) fn modified(&self) -> Timestamp {
        let end = if self.mtime_ns < 0 { Timestamp::MIN } else { Timestamp::MAX };
        Timestamp::from_nanosecond(self.mtime_ns).unwrap_or(end)
    }
}

/// The file at the path is no longer the one that was listed.
#[derive(Debug, thiserror::Error)]
#[error("the file was replaced or written to since it was listed")]
pub(super) struct Replaced;

/// One state of one file.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct FileVersion {
    pub(super) path: PathBuf,
    pub(super) stamp: FileStamp,
}

impl FileVersion {
    /// The state in which the file is now.
    ///
    /// # Errors
    /// When it cannot be looked at, or is no regular file.
    pub(super) fn current(path: &Path) -> io::Result<Self> {
        let metadata = path.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::other("not a regular file"));
        }
        Ok(Self { path: path.to_owned(), stamp: FileStamp::of(&metadata) })
    }

    /// Opens the file.
    ///
    /// # Errors
    /// [`Replaced`] (inside the I/O error) when it is in another state by now.
    pub(super) fn open(&self) -> io::Result<File> {
        // A pipe that took the file's place must not block the open; regular files ignore the flag.
        let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(&self.path)?;
        self.check(&file)?;
        Ok(file)
    }

    /// Checks that an open handle still shows this very state.
    ///
    /// # Errors
    /// [`Replaced`] (inside the I/O error) when it does not.
    pub(super) fn check(&self, file: &File) -> io::Result<()> {
        let metadata = file.metadata()?;
        if metadata.is_file() && FileStamp::of(&metadata) == self.stamp {
            Ok(())
        } else {
            Err(io::Error::other(Replaced))
        }
    }
}

/// A seekable, buffered reader of a [`FileVersion`] that opens the file when it is first read.
///
/// A clone starts closed. So a parsed zip directory can be kept without holding a descriptor, and each read
/// of a member has a handle of its own, checked anew.
#[derive(Debug)]
pub(super) struct FileReader {
    version: Arc<FileVersion>,
    file: Option<File>,
    position: u64,
    buffer: Vec<u8>,
    buffer_start: u64,
}

impl FileReader {
    pub(super) fn new(version: Arc<FileVersion>) -> Self {
        Self { version, file: None, position: 0, buffer: Vec::new(), buffer_start: 0 }
    }

    fn buffered(&self) -> &[u8] {
        self.position
            .checked_sub(self.buffer_start)
            .and_then(|skip| self.buffer.get(usize::try_from(skip).ok()?..))
            .unwrap_or_default()
    }

    fn opened(&mut self) -> io::Result<&File> {
        if self.file.is_none() {
            self.file = Some(self.version.open()?);
        }
        Ok(self.file.as_ref().expect("just opened"))
    }
}

impl Clone for FileReader {
    fn clone(&self) -> Self {
        Self::new(Arc::clone(&self.version))
    }
}

impl Read for FileReader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.buffered().is_empty() {
            let position = self.position;
            if out.len() >= BUFFER {
                let count = self.opened()?.read_at(out, position)?;
                self.position += count as u64;
                return Ok(count);
            }
            let mut buffer = std::mem::take(&mut self.buffer);
            buffer.resize(BUFFER, 0);
            let count = self.opened()?.read_at(&mut buffer, position)?;
            buffer.truncate(count);
            self.buffer = buffer;
            self.buffer_start = position;
        }
        let available = self.buffered();
        let count = available.len().min(out.len());
        out[..count].copy_from_slice(&available[..count]);
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for FileReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::End(offset) => self.version.stamp.len.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = target.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.position)
    }
}

/// Reads until `out` is full or the data ends; gives the count.
pub(super) fn read_full(reader: &mut impl Read, out: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < out.len() {
        match reader.read(&mut out[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_seeks_like_the_file_itself() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        let bytes: Vec<u8> = (0..300_000_u32).flat_map(|i| i.to_le_bytes()).collect();
        std::fs::write(&path, &bytes).unwrap();
        let mut reader = FileReader::new(Arc::new(FileVersion::current(&path).unwrap()));
        for (offset, len) in
            [(0, 10), (5, 70_000), (65_530, 20), (0, 1_200_000), (1_199_999, 5), (2_000_000, 5)]
        {
            reader.seek(SeekFrom::Start(offset as u64)).unwrap();
            let mut out = vec![0; len];
            let count = read_full(&mut reader, &mut out).unwrap();
            let expected = bytes.get(offset..(offset + len).min(bytes.len())).unwrap_or_default();
            assert_eq!(&out[..count], expected, "{len} bytes at {offset}");
        }
        assert!(reader.seek(SeekFrom::Current(-3_000_000)).is_err());
    }

    #[test]
    fn another_state_of_the_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        std::fs::write(&path, "one").unwrap();
        let version = FileVersion::current(&path).unwrap();
        assert!(version.open().is_ok());
        std::fs::write(&path, "three").unwrap();
        let error = version.open().unwrap_err();
        assert!(error.get_ref().is_some_and(|cause| cause.is::<Replaced>()));
    }
}
