//! Files of records of one length, each with its checksum, that outlive the process: what was found out once.
//!
//! A file only grows, by whole records. So what a crash leaves is what was there before and some of what was being added,
//! and a byte that flips on the disk costs the record that it is in. Several processes add to one file, each under the
//! file's lock. A file that holds too much of what does not count any more is written again, beside the old one, and
//! renamed over it ([`compact`]); files that no program has used for days are removed ([`stale`]).

use std::fs::{File, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use crate::model::terminal::ShowPath;
use crate::util::clock::WallClock;
use crate::util::private;

mod compact;
mod name;
mod stale;
#[cfg(test)]
mod tests;

pub(crate) use name::Kind;
pub(crate) use stale::remove_stale;

/// Length of the checksum behind each record.
const SUM: usize = 4;

/// How long another process is waited for; adding to the file takes it less than a millisecond.
const PATIENCE: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(5);

/// How often the file may be replaced by others while this process waits for its lock.
const ATTEMPTS: usize = 8;

/// How exactly a file's last use is noted, in seconds: a tenth of what makes it stale, or less.
const USE_NOTED: i64 = 12 * 60 * 60;

/// What decides which of two records about one thing counts.
pub(crate) type Rule<const N: usize> = fn(earlier: &[u8; N], later: &[u8; N]) -> Counts;

/// The record that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counts {
    /// The one that was added first.
    Earlier,
    /// The one that was added last.
    Later,
}

/// The rule where what was found out last is right.
pub(crate) fn later<const N: usize>(_: &[u8; N], _: &[u8; N]) -> Counts {
    Counts::Later
}

/// How large files become, in bytes.
#[derive(Debug, Clone, Copy)]
struct Limits {
    /// Smaller ones are never compacted.
    floor: u64,
    /// Larger ones lose their oldest records.
    most: u64,
}

/// More than a million records: as many are in memory too.
const LIMITS: Limits = Limits { floor: 1 << 20, most: 32 << 20 };

/// Records of `N` bytes in a file that several processes add to. Each begins with the id of what it is about.
#[derive(Debug, Clone)]
pub(crate) struct RecordFile<const N: usize> {
    path: PathBuf,
    rule: Rule<N>,
    limits: Limits,
    clock: WallClock,
    /// Seconds since 1970 when its use was last noted.
    noted: Arc<AtomicI64>,
}

impl<const N: usize> RecordFile<N> {
    /// The records of a kind in `folder`; the file is made when something is added. A file of one `format` is never read as
    /// one of another, nor by another version of the program.
    pub fn new(folder: &Path, kind: Kind, format: u32, rule: Rule<N>, clock: WallClock) -> Self {
        let path = folder.join(name::of_this_version(kind, format));
        Self { path, rule, limits: LIMITS, clock, noted: Arc::default() }
    }

    /// Where they are.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The sound records that count, in the order in which they were added; none where there is no file yet. Compacts the
    /// file where that is worth it.
    pub fn read(&self) -> io::Result<Vec<[u8; N]>> {
        let bytes = match std::fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        self.note_use();
        let found = compact::counting(sound(&bytes), self.rule);
        if compact::is_worth_it::<N>(bytes.len() as u64, found.len(), self.limits)
            && let Err(error) = self.compact()
        {
            // Another process has it locked, or the folder cannot be written to: the next mount may do it.
            self.not_compacted(&error);
        }
        Ok(found)
    }

    /// Adds records: what other processes add at the same time stands before or behind them.
    pub fn add(&self, records: impl IntoIterator<Item = [u8; N]>) -> io::Result<()> {
        self.check_folder()?;
        let mut file = self.locked()?;
        append(&mut file, records)?;
        if file.metadata()?.len() > self.limits.most
            && let Err(error) = compact::rewrite(&self.path, self.rule, self.limits)
        {
            // What was to be added is there.
            self.not_compacted(&error);
        }
        Ok(())
    }

    /// Keeps the file from being taken for one that nobody uses. Costs nothing where that was done not long ago.
    pub fn note_use(&self) {
        let now = self.clock.now();
        let before = self.noted.load(Ordering::Relaxed);
        if now.as_second() < before.saturating_add(USE_NOTED) {
            return;
        }
        self.noted.store(now.as_second(), Ordering::Relaxed);
        // In a folder that we may only read, nothing is removed by us either.
        let _ = File::open(&self.path).and_then(|file| file.set_modified(now.into()));
    }

    /// Makes the folder where it is missing. Nothing is written to one that another user can change.
    fn check_folder(&self) -> io::Result<()> {
        self.path.parent().map_or(Ok(()), private::make_folder)
    }

    /// Writes again what counts, unless another process has the file locked.
    fn compact(&self) -> io::Result<()> {
        self.check_folder()?;
        let file = private::append_to(&self.path)?;
        file.try_lock()?;
        if !is_at(&file, &self.path)? {
            return Ok(());
        }
        compact::rewrite(&self.path, self.rule, self.limits)
    }

    fn not_compacted(&self, error: &io::Error) {
        tracing::debug!(path = %self.path.shown(), %error, "a file of facts is not compacted");
    }

    /// The file that is at the path now, locked until it is dropped. One that another process replaces or removes while this
    /// one waits for it is not written to: nobody would read that.
    fn locked(&self) -> io::Result<File> {
        for _ in 0..ATTEMPTS {
            let file = private::append_to(&self.path)?;
            lock_soon(&file)?;
            if is_at(&file, &self.path)? {
                return Ok(file);
            }
        }
        Err(io::Error::new(io::ErrorKind::WouldBlock, "other processes replace it again and again"))
    }
}

/// Whether an open file is the one at a path.
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let open = file.metadata()?;
    match std::fs::metadata(path) {
        Ok(there) => Ok((open.dev(), open.ino()) == (there.dev(), there.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Waits for the only lock of a file, which ends with `file`.
fn lock_soon(file: &File) -> io::Result<()> {
    let begun = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) if begun.elapsed() < PATIENCE => std::thread::sleep(PAUSE),
            Err(TryLockError::WouldBlock) => {
                return Err(io::Error::new(io::ErrorKind::WouldBlock, "another process has it locked"));
            }
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}

/// Adds records to a file that is open for appending, and that this process alone writes to now.
pub(crate) fn append<const N: usize>(
    file: &mut File,
    records: impl IntoIterator<Item = [u8; N]>,
) -> io::Result<()> {
    let len = file.metadata()?.len();
    let beyond = len % (N + SUM) as u64;
    if beyond > 0 {
        // The process that wrote that was ended, or the disk was full.
        file.set_len(len - beyond)?;
    }
    let mut bytes = Vec::new();
    for record in records {
        bytes.extend_from_slice(&record);
        bytes.extend_from_slice(&sum(&record));
    }
    file.write_all(&bytes)
}

/// The sound records in the bytes of a file.
pub(crate) fn sound<const N: usize>(bytes: &[u8]) -> impl Iterator<Item = [u8; N]> {
    bytes.chunks_exact(N + SUM).filter_map(|entry| {
        let (record, rest) = entry.split_first_chunk::<N>()?;
        (rest == sum(record)).then_some(*record)
    })
}

/// Begun with the length, so that no record is one of another length.
fn sum<const N: usize>(record: &[u8; N]) -> [u8; SUM] {
    crc32c::crc32c_append(crc32c::crc32c(&(N as u64).to_le_bytes()), record).to_le_bytes()
}
