//! A file of the store: opened once, read at offsets, never written.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use crate::files::root::SourcePath;
use crate::source::dolt::store::error::StoreError;

/// How long a file has to be left alone until its time of change can be trusted to tell the next change apart: file
/// systems keep times in ticks of some milliseconds.
const SETTLED: Duration = Duration::from_millis(100);

/// An open file and its length when it was opened; or a part of a file, which is then all that is seen of it.
///
/// It stays readable after it was removed from its folder, which is what keeps old views alive while garbage
/// collection replaces files.
#[derive(Debug)]
pub struct StoreFile {
    /// Tells it from all others that were ever open.
    id: u64,
    file: Arc<File>,
    path: PathBuf,
    /// Where it begins in `file`.
    start: u64,
    len: u64,
    /// What was known of the file when it was opened; none of a part.
    opened: Option<Stamp>,
}

impl StoreFile {
    /// Opens a file for reading.
    ///
    /// # Errors
    /// What the operating system said.
    pub fn open(place: &SourcePath) -> Result<Self, StoreError> {
        let path = place.path();
        let file = place.open().map_err(|error| StoreError::io(path, "open", error))?;
        let metadata = file.metadata().map_err(|error| StoreError::io(path, "look at", error))?;
        if !metadata.is_file() {
            return Err(StoreError::damaged(path, "it is not a regular file"));
        }
        let opened = Some(Stamp::of(&metadata));
        Ok(Self { opened, ..Self::part(Arc::new(file), path.to_owned(), 0, metadata.len()) })
    }

    /// Opens a file beneath its folder, for tests.
    ///
    /// # Errors
    /// As [`Self::open`].
    #[cfg(test)]
    pub fn named(path: &Path) -> Result<Self, StoreError> {
        let folder = SourcePath::of_folder(path.parent().unwrap_or(path), crate::files::root::Links::Beneath);
        let folder = folder.map_err(|error| StoreError::io(path, "open", error))?;
        Self::open(&folder.join(path.file_name().unwrap_or_default()))
    }

    /// A part of a file, which was unpacked from `path`.
    pub fn part(file: Arc<File>, path: PathBuf, start: u64, len: u64) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self { id: NEXT.fetch_add(1, Ordering::Relaxed), file, path, start, len, opened: None }
    }

    /// A number that no other open file has, nor had.
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

    /// Whether a file that never changes is another one than it was when it was opened; `None` for a part of a file.
    pub fn differs_from(&self, now: &Stamp) -> Option<bool> {
        self.opened.map(|opened| !opened.is_same_state(now))
    }

    /// Length and identity as of now.
    ///
    /// # Errors
    /// What the operating system said.
    pub fn stamp(&self) -> Result<Stamp, StoreError> {
        let metadata = self.file.metadata().map_err(|error| StoreError::io(&self.path, "look at", error))?;
        Ok(Stamp::of(&metadata))
    }

    /// Reads `len` bytes at `offset`.
    ///
    /// # Errors
    /// [`StoreError::DamagedFile`] where the file is too short for that; what the operating system said.
    pub fn read(&self, offset: u64, len: u64) -> Result<Vec<u8>, StoreError> {
        // Checked first, so that a damaged length does not ask for memory that there is not.
        if offset.checked_add(len).is_none_or(|end| end > self.len) {
            let problem = format!("it ends at {}, before {len} bytes at {offset} do", self.len);
            return Err(StoreError::damaged(&self.path, problem));
        }
        let mut bytes = vec![0; usize::try_from(len).map_err(|_| self.too_large())?];
        let read = self.file.read_exact_at(&mut bytes, self.start + offset);
        read.map_err(|error| self.read_error(error))?;
        Ok(bytes)
    }

    /// Reads up to the length of `buffer` at `offset`, also what was appended since the file was opened; gives how many
    /// bytes there were.
    ///
    /// # Errors
    /// What the operating system said.
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

    /// Reads exactly `len` bytes at `offset`, which may lie in what was appended since the file was opened.
    ///
    /// # Errors
    /// What the operating system said; an unexpected end counts as damage.
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

    fn too_large(&self) -> StoreError {
        StoreError::damaged(&self.path, "it states a length beyond all memory")
    }
}

/// What tells that a file changed, without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    device: u64,
    inode: u64,
    len: u64,
    modified: (i64, i64),
    /// When anything of it changed: a program that copies a file may set the time above back, but not this one.
    changed: (i64, i64),
    is_settled: bool,
}

impl Stamp {
    /// One that does not tell whether the file is settled: then it is not.
    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            len: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
            is_settled: false,
        }
    }

    /// The same for a file that was looked at at `now`.
    fn looked_at(self, metadata: &Metadata, now: SystemTime) -> Self {
        let age = metadata.modified().ok().and_then(|time| now.duration_since(time).ok());
        Self { is_settled: age.is_some_and(|age| age > SETTLED), ..self }
    }

    /// The stamp of a file by path; `None` where there is none.
    ///
    /// # Errors
    /// What the operating system said.
    pub fn of_path(place: &SourcePath) -> Result<Option<Self>, StoreError> {
        match place.metadata() {
            Ok(metadata) => Ok(Some(Self::of(&metadata).looked_at(&metadata, place.root().now()))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StoreError::io(place.path(), "look at", error)),
        }
    }

    /// Length of the file in bytes.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether both are of one file, which may have grown.
    pub fn is_same_file(&self, other: &Self) -> bool {
        (self.device, self.inode) == (other.device, other.inode)
    }

    /// Whether the file is as it was at `other`, as far as its length and the time of its content tell.
    fn is_same_state(&self, other: &Self) -> bool {
        self.is_same_file(other) && (self.len, self.modified) == (other.len, other.modified)
    }

    /// Whether the file is certainly as it was at `earlier`.
    pub fn is_unchanged_since(&self, earlier: &Self) -> bool {
        earlier.is_settled && self.is_same_state(earlier) && self.changed == earlier.changed
    }

    /// Whether the file was left alone for a while.
    pub fn is_settled(&self) -> bool {
        self.is_settled
    }
}

/// Whether what is at a path is certainly as it was, be it nothing.
pub fn is_unchanged(now: Option<Stamp>, then: Option<Stamp>) -> bool {
    match (now, then) {
        (Some(now), Some(then)) => now.is_unchanged_since(&then),
        (None, None) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::root::{Links, Root};
    use crate::util::clock::testing::TestClock;

    #[test]
    fn a_file_is_unchanged_only_if_it_was_left_alone_for_a_while_before_it_was_looked_at() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("manifest");
        std::fs::write(&path, "one").expect("the folder is ours");
        let clock = TestClock::of_now();
        let root = Root::new(folder.path(), Links::Beneath).expect("it is there").with_clock(clock.clock());
        let place = SourcePath::new(&root, root.folder().join("manifest"));
        let stamp = || Stamp::of_path(&place).expect("it can be looked at").expect("it is there");
        let written = path.metadata().and_then(|found| found.modified()).expect("it is there");
        clock.show(written + SETTLED / 2);
        let young = stamp();
        clock.show(written + SETTLED * 2);
        let old = stamp();
        assert!(!young.is_settled() && old.is_settled());
        assert!(!stamp().is_unchanged_since(&young), "it may have been written to within the same tick");
        assert!(stamp().is_unchanged_since(&old));
        clock.show(written - SETTLED);
        assert!(!stamp().is_settled(), "another machine's clock tells nothing");
    }
}
