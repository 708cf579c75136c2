//! A file in the state in which it was listed: bytes of another state are an error.

use std::fs::{File, Metadata};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::model::time::Timestamp;

use super::opened::{Opened, seek_position};
use crate::files::access;
use crate::files::root::Root;
use crate::model::access::Audience;
use crate::model::content_id::ContentId;

/// Bytes that one piece of content holds at most.
pub(crate) const PIECE: usize = 256 * 1024;

/// Bytes fetched at once while small structures are read.
const BUFFER: usize = 64 * 1024;

/// Longer than the steps of the clock that the times of local files come from: 10 ms at 100 Hz. Linux 6.13 and
/// later tell states apart within one step, on most file systems.
const CLOCK_TICK: Duration = Duration::from_millis(20);

/// How many ticks to wait for a file that changes again and again.
const PATIENCE: u32 = 5;

/// What distinguishes one state of a file from the next without reading it.
///
/// Length and modification time alone would not do: `cp -p`, `rsync -t` and `touch -r` give them to other
/// bytes. No program can set the change time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct FileStamp {
    pub(crate) len: u64,
    /// Modification time, in nanoseconds since 1970.
    pub(crate) mtime_ns: i128,
    /// Change time, in nanoseconds since 1970: of the last write, or of the last change to its names or its mode.
    pub(crate) ctime_ns: i128,
    pub(crate) inode: u64,
    /// Who may read the file by its mode. Whatever changes the mode changes the change time, too.
    pub(crate) audience: Audience,
}

impl FileStamp {
    /// The stamp of a file whose metadata cannot be read. It equals no stamp of a readable file.
    pub(crate) const UNKNOWN: Self =
        Self { len: 0, mtime_ns: i128::MIN, ctime_ns: i128::MIN, inode: 0, audience: Audience::Owner };

    pub(crate) fn of(metadata: &Metadata) -> Self {
        let nanoseconds = |whole, rest| i128::from(whole) * 1_000_000_000 + i128::from(rest);
        Self {
            len: metadata.len(),
            mtime_ns: nanoseconds(metadata.mtime(), metadata.mtime_nsec()),
            ctime_ns: nanoseconds(metadata.ctime(), metadata.ctime_nsec()),
            inode: metadata.ino(),
            audience: access::of_file(metadata),
        }
    }

    /// How long to wait from `now` until any further write is certain to give another stamp; `None` if it is certain
    /// already.
    pub(crate) fn unsettled_for(&self, now: SystemTime) -> Option<Duration> {
        CLOCK_TICK.checked_sub(self.quiet_for(now)?).filter(|wait| !wait.is_zero())
    }

    /// How long it has been unchanged; `None` if unknown.
    pub(crate) fn quiet_for(&self, now: SystemTime) -> Option<Duration> {
        let changed = Duration::from_nanos(u64::try_from(self.ctime_ns).ok()?);
        // A change time ahead of the clock comes from another machine, whose clock is unknown.
        now.duration_since(SystemTime::UNIX_EPOCH.checked_add(changed)?).ok()
    }

    pub(crate) fn modified(&self) -> Timestamp {
        Timestamp::from_nanosecond(self.mtime_ns)
    }
}

/// The file at the path is no longer the one that was listed.
#[derive(Debug, thiserror::Error)]
#[error("the file was replaced or written to since it was listed")]
pub(crate) struct Replaced;

/// The file changes all the time, so no stamp tells its states apart.
#[derive(Debug, thiserror::Error)]
#[error("the file is being written to")]
pub(crate) struct BeingWritten;

/// One state of one file.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct FileVersion {
    /// The folder that it is opened beneath.
    pub(crate) root: Root,
    pub(crate) path: PathBuf,
    pub(crate) stamp: FileStamp,
}

impl FileVersion {
    /// The state in which the file is now.
    pub(crate) fn current(root: &Root, path: &Path) -> io::Result<Self> {
        let metadata = root.metadata(path)?;
        if !metadata.is_file() {
            return Err(io::Error::other("not a regular file"));
        }
        Ok(Self { root: root.clone(), path: path.to_owned(), stamp: FileStamp::of(&metadata) })
    }

    /// Waits until the file's next state is certain to have another stamp, and returns its state: the clock that change
    /// times come from moves in steps, and two writes within one step leave one stamp. Blocks. Fails with
    /// [`BeingWritten`] (inside the I/O error) for a file that keeps changing. Holds for local file systems that keep
    /// times at least as fine as the step.
    pub(crate) fn settled(root: &Root, path: &Path) -> io::Result<Self> {
        for _ in 0..PATIENCE {
            let version = Self::current(root, path)?;
            match version.stamp.unsettled_for(root.now()) {
                None => return Ok(version),
                Some(wait) => std::thread::sleep(wait),
            }
        }
        Err(io::Error::other(BeingWritten))
    }

    /// The state of a file that was just made, for tests.
    #[cfg(test)]
    pub(crate) fn named(path: &Path) -> io::Result<Self> {
        let folder = path.parent().unwrap_or(path).canonicalize()?;
        let path = folder.join(path.file_name().unwrap_or_default());
        Self::settled(&Root::new(&folder, crate::files::root::Links::Beneath)?, &path)
    }

    /// The content id of this state of this file.
    pub(crate) fn key(&self) -> ContentId {
        let FileStamp { len, mtime_ns, ctime_ns, inode, .. } = self.stamp;
        ContentId::of(&[
            b"file",
            self.path.as_os_str().as_bytes(),
            &len.to_le_bytes(),
            &mtime_ns.to_le_bytes(),
            &ctime_ns.to_le_bytes(),
            &inode.to_le_bytes(),
        ])
    }

    /// Opens the file, or fails with [`Replaced`] (inside the I/O error) if it is in another state by now.
    pub(crate) fn open(&self) -> io::Result<File> {
        let file = self.root.open(&self.path)?;
        self.check(&file)?;
        Ok(file)
    }

    /// Checks that an open handle still shows this very state.
    pub(crate) fn check(&self, file: &File) -> io::Result<()> {
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
/// A clone starts closed: a reader that is kept holds no descriptor, and each read opens and checks the file.
#[derive(Debug)]
pub(crate) struct FileReader {
    version: Arc<FileVersion>,
    file: Option<File>,
    position: u64,
    buffer: Vec<u8>,
    buffer_start: u64,
}

impl FileReader {
    pub(crate) fn new(version: Arc<FileVersion>) -> Self {
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

impl Opened for FileReader {
    fn check(&self) -> io::Result<()> {
        self.file.as_ref().map_or(Ok(()), |file| self.version.check(file))
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
        self.position = seek_position(to, self.version.stamp.len, self.position)?;
        Ok(self.position)
    }
}

/// Reads until `out` is full or the data ends; returns the count.
pub(crate) fn read_full(reader: &mut impl Read, out: &mut [u8]) -> io::Result<usize> {
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
    use std::fs::OpenOptions;

    use super::*;
    use crate::files::root::Links;

    fn written(bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        std::fs::write(&path, bytes).unwrap();
        (folder, path)
    }

    #[test]
    fn reads_and_seeks_like_the_file_itself() {
        let bytes: Vec<u8> = (0..300_000_u32).flat_map(|i| i.to_le_bytes()).collect();
        let (_folder, path) = written(&bytes);
        let mut reader = FileReader::new(Arc::new(FileVersion::named(&path).unwrap()));
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
        let (_folder, path) = written(b"one");
        let version = FileVersion::named(&path).unwrap();
        assert!(version.open().is_ok());
        std::fs::write(&path, "three").unwrap();
        let error = version.open().unwrap_err();
        assert!(error.get_ref().is_some_and(|cause| cause.is::<Replaced>()));
    }

    /// A reader that is done is asked whether everything it gave came from one state.
    #[test]
    fn a_change_behind_a_reader_is_noticed_whatever_its_times_say() {
        let (folder, path) = written(b"one");
        let version =
            FileVersion::settled(&Root::new(folder.path(), Links::Beneath).unwrap(), &path).unwrap();
        let mut reader = FileReader::new(Arc::new(version.clone()));
        assert!(reader.check().is_ok(), "nothing is read yet");
        reader.read_exact(&mut [0; 3]).unwrap();
        assert!(reader.check().is_ok());

        let modified = path.metadata().unwrap().modified().unwrap();
        let file = OpenOptions::new().write(true).open(&path).unwrap();
        file.write_all_at(b"two", 0).unwrap();
        file.set_modified(modified).unwrap();
        let now = FileVersion::named(&path).unwrap().stamp;
        assert_eq!((now.len, now.mtime_ns), (version.stamp.len, version.stamp.mtime_ns));
        assert!(reader.check().unwrap_err().get_ref().is_some_and(|cause| cause.is::<Replaced>()));
    }

    #[test]
    fn a_file_is_settled_once_the_clock_has_moved_on() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_769_025_600);
        let stamp = FileStamp { len: 0, mtime_ns: 0, inode: 1, ..FileStamp::UNKNOWN };
        let wait = |ctime_ns| FileStamp { ctime_ns, ..stamp }.unsettled_for(now);
        let now_ns = 1_769_025_600_000_000_000;
        assert_eq!(wait(now_ns), Some(CLOCK_TICK));
        assert_eq!(wait(now_ns - 15_000_000), Some(Duration::from_millis(5)));
        for long_ago_or_ahead in [now_ns - 20_000_000, now_ns + 1, 0, -1, i128::MAX, i128::MIN] {
            assert_eq!(wait(long_ago_or_ahead), None, "{long_ago_or_ahead}");
        }
    }
}
