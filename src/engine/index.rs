//! Lengths on disk: what one mount has measured, the next one knows.
//!
//! One file per version of the program, as another may render otherwise. Several mounts share it: each has it
//! open only for the moment that it takes to read or to add to it, and what one writes is there as a whole or
//! not at all, also after a crash.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use redb::{Database, DatabaseError, ReadableDatabase, ReadableTable, TableDefinition, TableError};

use crate::model::content_id::ContentId;
use crate::model::jsonl::RENDER_VERSION;

/// By content id: length in bytes, then the checksum of both, each little-endian. The library checks its
/// pages only after a crash, and a bit that flips on a disk must never become a size.
const LENGTHS: TableDefinition<&[u8; 16], &[u8; ENTRY_LEN]> = TableDefinition::new("lengths");
const ENTRY_LEN: usize = 12;

/// How long another mount is waited for; adding to the file takes it some milliseconds.
const PATIENCE: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(10);

/// Memory that the library may use while the file is open, in bytes.
const LIBRARY_CACHE: usize = 8 << 20;

/// Lengths of contents in a file.
#[derive(Debug, Clone)]
pub struct LengthIndex {
    path: PathBuf,
}

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {path}")]
pub struct IndexError {
    action: &'static str,
    path: String,
    source: Box<redb::Error>,
}

impl LengthIndex {
    /// The index in a folder, which is made when something is added.
    pub fn in_folder(folder: &Path) -> Self {
        let version = env!("CARGO_PKG_VERSION");
        Self { path: folder.join(format!("lengths-{version}-{RENDER_VERSION}.redb")) }
    }

    /// All lengths in it; none where there is no file yet. An entry that is damaged is left out, and a file
    /// that is damaged is removed: all that is in it can be measured anew.
    ///
    /// # Errors
    /// [`IndexError`] where the file cannot be read.
    pub fn read(&self) -> Result<Vec<(ContentId, u64)>, IndexError> {
        if !self.path.exists() {
            return Ok(Vec::new());
        }
        // The library panics on some pages that it did not write.
        let read = std::panic::catch_unwind(|| self.try_read());
        let damage = match read {
            Ok(Ok(lengths)) => return Ok(lengths),
            Ok(Err(error)) if !is_damage(&error) => return Err(self.failed("read", error)),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "a page makes no sense".to_owned(),
        };
        tracing::warn!(file = %self.path.display(), %damage, "the index of lengths is damaged; it is made anew");
        // Who has it open goes on with what is no longer there, and loses no more than what was measured
        // since.
        std::fs::remove_file(&self.path).map_err(|error| self.failed("remove", redb::Error::Io(error)))?;
        Ok(Vec::new())
    }

    fn try_read(&self) -> Result<Vec<(ContentId, u64)>, redb::Error> {
        let database = self.open()?;
        let reading = database.begin_read()?;
        let table = match reading.open_table(LENGTHS) {
            Ok(table) => table,
            Err(TableError::TableDoesNotExist(_)) => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        };
        let mut lengths = Vec::new();
        for entry in table.iter()? {
            let (id, value) = entry?;
            lengths.extend(decoded(id.value(), value.value()));
        }
        Ok(lengths)
    }

    /// Adds lengths. All of them are on disk when this returns.
    ///
    /// # Errors
    /// [`IndexError`] where the file cannot be written; nothing was added then.
    pub fn add(&self, lengths: &[(ContentId, u64)]) -> Result<(), IndexError> {
        self.try_add(lengths).map_err(|error| self.failed("write", error))
    }

    fn try_add(&self, lengths: &[(ContentId, u64)]) -> Result<(), redb::Error> {
        if let Some(folder) = self.path.parent() {
            std::fs::create_dir_all(folder).map_err(redb::Error::Io)?;
        }
        let database = self.open()?;
        let writing = database.begin_write()?;
        {
            let mut table = writing.open_table(LENGTHS)?;
            for (id, len) in lengths {
                table.insert(id.as_bytes(), &encoded(id, *len))?;
            }
        }
        writing.commit()?;
        Ok(())
    }

    /// Opens the file, which one process at a time may.
    fn open(&self) -> Result<Database, redb::Error> {
        let begun = Instant::now();
        loop {
            match Database::builder().set_cache_size(LIBRARY_CACHE).create(&self.path) {
                Err(DatabaseError::DatabaseAlreadyOpen) if begun.elapsed() < PATIENCE => {
                    std::thread::sleep(PAUSE);
                }
                other => return Ok(other?),
            }
        }
    }

    fn failed(&self, action: &'static str, error: redb::Error) -> IndexError {
        IndexError { action, path: self.path.display().to_string(), source: Box::new(error) }
    }
}

/// Whether the file is not as the library wrote it, rather than out of reach.
fn is_damage(error: &redb::Error) -> bool {
    match error {
        redb::Error::DatabaseAlreadyOpen => false,
        redb::Error::Io(error) => {
            matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof)
        }
        _ => true,
    }
}

fn encoded(id: &ContentId, len: u64) -> [u8; ENTRY_LEN] {
    let mut value = [0; ENTRY_LEN];
    value[..8].copy_from_slice(&len.to_le_bytes());
    value[8..].copy_from_slice(&checksum(id.as_bytes(), len).to_le_bytes());
    value
}

fn decoded(id: &[u8; 16], value: &[u8; ENTRY_LEN]) -> Option<(ContentId, u64)> {
    let (len, sum) = value.split_first_chunk::<8>()?;
    let len = u64::from_le_bytes(*len);
    (sum == checksum(id, len).to_le_bytes()).then(|| (ContentId::from_bytes(*id), len))
}

fn checksum(id: &[u8; 16], len: u64) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(id), &len.to_le_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u64) -> ContentId {
        ContentId::of(&[&number.to_le_bytes()])
    }

    fn sorted(mut lengths: Vec<(ContentId, u64)>) -> Vec<(ContentId, u64)> {
        lengths.sort();
        lengths
    }

    #[test]
    fn what_was_added_is_there_the_next_time() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let index = LengthIndex::in_folder(&folder.path().join("not/there/yet"));
        assert_eq!(index.read().expect("there is nothing"), []);
        index.add(&[(id(1), 10), (id(2), 0)]).expect("the folder is ours");
        index.add(&[(id(3), u64::MAX)]).expect("the folder is ours");
        let expected = sorted(vec![(id(1), 10), (id(2), 0), (id(3), u64::MAX)]);
        assert_eq!(sorted(index.read().expect("it is whole")), expected);
    }

    #[test]
    fn mounts_that_write_at_once_lose_nothing() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let index = LengthIndex::in_folder(folder.path());
        std::thread::scope(|scope| {
            for writer in 0..4_u64 {
                let index = index.clone();
                scope.spawn(move || {
                    for n in 0..8 {
                        index.add(&[(id(writer * 100 + n), n)]).expect("the others are done in time");
                    }
                });
            }
        });
        assert_eq!(index.read().expect("it is whole").len(), 32);
    }

    #[test]
    fn a_damaged_entry_is_left_out() {
        let whole = encoded(&id(1), 4711);
        assert_eq!(decoded(id(1).as_bytes(), &whole), Some((id(1), 4711)));
        for bit in 0..ENTRY_LEN * 8 {
            let mut damaged = whole;
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(decoded(id(1).as_bytes(), &damaged), None, "bit {bit}");
        }
        assert_eq!(decoded(id(2).as_bytes(), &whole), None, "it is that of another content");
    }

    #[test]
    fn no_damage_to_the_file_gives_a_wrong_length() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let index = LengthIndex::in_folder(folder.path());
        let all: Vec<_> = (0..200).map(|n| (id(n), n * 1000)).collect();
        index.add(&all).expect("the folder is ours");
        let whole = std::fs::read(&index.path).expect("it is there");
        let step = whole.len() / 300;
        for at in (0..whole.len()).step_by(step.max(1)) {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x55;
            std::fs::write(&index.path, damaged).expect("the folder is ours");
            let read = index.read().expect("damage is no failure");
            assert!(read.iter().all(|entry| all.contains(entry)), "byte {at}");
        }
    }
}
