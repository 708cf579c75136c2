//! Record files: records of one length, each with its checksum, that keep facts across restarts.
//!
//! A file only grows, by whole records. So a crash leaves the earlier records and some of the new ones, and a flipped
//! byte on disk costs one record. Several processes add to one file under its lock. A file with too few records that
//! count is rewritten next to the old one and renamed over it ([`compact`]). [`stale`] removes files unused for days.

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

/// The length of the checksum after each record.
const SUM: usize = 4;

/// How long to wait for another process; adding records takes it less than a millisecond.
const PATIENCE: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(5);

/// How often others may replace the file while this process waits for its lock.
const ATTEMPTS: usize = 8;

/// The precision of a file's last use, in seconds: at most a tenth of the time that makes it stale.
const USE_NOTED: i64 = 12 * 60 * 60;

/// Chooses which of two records with one id counts.
pub(crate) type Rule<const N: usize> = fn(earlier: &[u8; N], later: &[u8; N]) -> RecordInForce;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RecordInForce {
    Earlier,
    Later,
}

/// The rule for facts whose latest record is right.
pub(crate) fn later<const N: usize>(_: &[u8; N], _: &[u8; N]) -> RecordInForce {
    RecordInForce::Later
}

#[derive(Debug, Clone, Copy)]
struct Limits {
    /// Smaller files are never compacted.
    floor: u64,
    /// Larger files lose their oldest records.
    most: u64,
}

/// More than a million records, as many as in memory.
const LIMITS: Limits = Limits { floor: 1 << 20, most: 32 << 20 };

/// A file of `N`-byte records that several processes add to. Each record begins with the id of its subject.
#[derive(Debug, Clone)]
pub(crate) struct RecordFile<const N: usize> {
    path: PathBuf,
    rule: Rule<N>,
    limits: Limits,
    clock: WallClock,
    /// When its use was last noted, in seconds since 1970.
    noted: Arc<AtomicI64>,
}

impl<const N: usize> RecordFile<N> {
    /// The records of a kind in `folder`. The first addition creates the file. A file is never read in another
    /// `format` or by another version of the program.
    pub fn new(folder: &Path, kind: Kind, format: u32, rule: Rule<N>, clock: WallClock) -> Self {
        let path = folder.join(name::of_this_version(kind, format));
        Self { path, rule, limits: LIMITS, clock, noted: Arc::default() }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the valid records that count, oldest first; none without a file. Compacts the file if worthwhile.
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
            // Another process has it locked, or the folder is not writable; the next mount may compact it.
            self.not_compacted(&error);
        }
        Ok(found)
    }

    /// Adds records, before or after those that other processes add at the same time.
    pub fn add(&self, records: impl IntoIterator<Item = [u8; N]>) -> io::Result<()> {
        self.check_folder()?;
        let mut file = self.locked()?;
        append(&mut file, records)?;
        if file.metadata()?.len() > self.limits.most
            && let Err(error) = compact::rewrite(&self.path, self.rule, self.limits)
        {
            // The records were added anyway.
            self.not_compacted(&error);
        }
        Ok(())
    }

    /// Marks the file as used. Costs nothing if that was done recently.
    pub fn note_use(&self) {
        let now = self.clock.now();
        let before = self.noted.load(Ordering::Relaxed);
        if now.as_second() < before.saturating_add(USE_NOTED) {
            return;
        }
        self.noted.store(now.as_second(), Ordering::Relaxed);
        // We also remove nothing in a folder that we may only read.
        let _ = File::open(&self.path).and_then(|file| file.set_modified(now.into()));
    }

    /// Creates the folder if it is missing. Refuses a folder that another user can change.
    fn check_folder(&self) -> io::Result<()> {
        self.path.parent().map_or(Ok(()), private::make_folder)
    }

    /// Compacts the file, unless another process has it locked.
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

    /// Opens and locks the current file. Retries if another process replaces it meanwhile: nobody reads the old one.
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

/// Waits for the exclusive lock of a file, held until `file` is dropped.
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

/// Adds records to a file that is open for appending and locked by this process.
fn append<const N: usize>(file: &mut File, records: impl IntoIterator<Item = [u8; N]>) -> io::Result<()> {
    let len = file.metadata()?.len();
    let beyond = len % (N + SUM) as u64;
    if beyond > 0 {
        // Removes part of a record, left by a process that was killed or by a full disk.
        file.set_len(len - beyond)?;
    }
    let mut bytes = Vec::new();
    for record in records {
        bytes.extend_from_slice(&record);
        bytes.extend_from_slice(&sum(&record));
    }
    file.write_all(&bytes)
}

/// The valid records in a file's bytes.
fn sound<const N: usize>(bytes: &[u8]) -> impl Iterator<Item = [u8; N]> {
    bytes.chunks_exact(N + SUM).filter_map(|entry| {
        let (record, rest) = entry.split_first_chunk::<N>()?;
        (rest == sum(record)).then_some(*record)
    })
}

/// Starts with the length, so that no record is valid at another length.
fn sum<const N: usize>(record: &[u8; N]) -> [u8; SUM] {
    crc32c::crc32c_append(crc32c::crc32c(&(N as u64).to_le_bytes()), record).to_le_bytes()
}
