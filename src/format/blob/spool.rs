//! Packed blobs, unpacked into temporary files, so that they can be read in any order.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::num::NonZeroUsize;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Arc, Mutex};

use lru::LruCache;

use super::Blob;
use super::opened::{Opened, seek_position};
use super::temporary::{Filling, explained, has_no_room};
use crate::format::error::invalid;
use crate::model::content_id::ContentId;
use crate::util::locks::lock;

/// How many unpacked blobs are kept for the next read of the same blob.
const KEPT: NonZeroUsize = NonZeroUsize::new(16).expect("not zero");

/// How many bytes they take at most, beside those that are being read.
const KEPT_BYTES: u64 = 1 << 30;

/// Recently used unpacked blobs.
pub(crate) struct Spools {
    kept: Mutex<LruCache<ContentId, Arc<SpoolSlot>>>,
}

/// Locked while a blob is unpacked, so that it is unpacked once.
type SpoolSlot = Mutex<Option<Arc<Spool>>>;

/// One unpacked blob, in a temporary file without a name. Dropping it removes the file.
pub(crate) struct Spool {
    file: File,
    len: u64,
}

impl Spool {
    /// Opens a file that was made in a temporary folder, whose name may then be removed.
    pub(crate) fn of(made: &Path) -> io::Result<Self> {
        let file = File::open(made)?;
        let len = file.metadata()?.len();
        Ok(Self { file, len })
    }

    /// Makes a file of the `needed` bytes that `write` writes into it, if there is room for temporary files.
    pub(crate) fn filled(
        needed: u64,
        write: impl FnOnce(&mut Filling) -> io::Result<u64>,
    ) -> io::Result<Self> {
        let made = tempfile::tempfile().and_then(|mut file| {
            let len = write(&mut Filling::new(&mut file))?;
            Ok(Self { file, len })
        });
        made.map_err(|error| explained(error, needed))
    }

    /// The file, for a library that reads files.
    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    /// A reader with its own position.
    pub(crate) fn open(self: Arc<Self>) -> Box<dyn Opened> {
        Box::new(SpoolReader { spool: self, position: 0 })
    }
}

impl Default for Spools {
    fn default() -> Self {
        Self { kept: Mutex::new(LruCache::new(KEPT)) }
    }
}

impl Spools {
    /// Unpacks and checks a blob, if there is room for temporary files. Reuses a recent copy. Blocks.
    pub(crate) fn unpacked(&self, stored: &dyn Blob) -> io::Result<Arc<Spool>> {
        // Some blobs are unpacked when they are read: reading one inside `filled` would wait for the slot that it
        // locks.
        stored.unpacked().unwrap_or_else(|| self.filled(stored.key(), || unpack(stored)))
    }

    /// The same as [`Self::made`], for a `make` that fills temporary files: if there is no room, forgets the kept
    /// copies and tries again.
    pub(crate) fn filled(
        &self,
        key: ContentId,
        make: impl Fn() -> io::Result<Spool>,
    ) -> io::Result<Arc<Spool>> {
        match self.made(key, &make) {
            Err(error) if has_no_room(&error) && self.forget() => self.made(key, &make),
            made => made,
        }
    }

    /// The spool that `make` makes of the bytes with this key. Reuses a recent copy. Blocks.
    pub(crate) fn made<E>(
        &self,
        key: ContentId,
        make: impl FnOnce() -> Result<Spool, E>,
    ) -> Result<Arc<Spool>, E> {
        let slot = Arc::clone(lock(&self.kept).get_or_insert_mut(key, Arc::default));
        let spool = {
            let mut slot = lock(&slot);
            match &*slot {
                Some(spool) => Arc::clone(spool),
                None => Arc::clone(slot.insert(Arc::new(make()?))),
            }
        };
        self.make_room();
        Ok(spool)
    }

    /// Forgets all copies that are complete, to make room. Returns false if there are none.
    fn forget(&self) -> bool {
        let mut kept = lock(&self.kept);
        let is_filled = |slot: &Arc<SpoolSlot>| slot.try_lock().is_ok_and(|slot| slot.is_some());
        let filled: Vec<ContentId> =
            kept.iter().filter(|(_, slot)| is_filled(slot)).map(|(key, _)| *key).collect();
        filled.iter().for_each(|key| drop(kept.pop(key)));
        !filled.is_empty()
    }

    /// Forgets the least recently used copies. Their files are removed when their last reader ends.
    fn make_room(&self) {
        let mut kept = lock(&self.kept);
        // A blob that is being unpacked counts when it is complete.
        let len = |slot: &Arc<SpoolSlot>| slot.try_lock().ok().and_then(|slot| slot.as_ref().map(|s| s.len));
        let mut total: u64 = kept.iter().filter_map(|(_, slot)| len(slot)).sum();
        while total > KEPT_BYTES && kept.len() > 1 {
            let Some((_, oldest)) = kept.pop_lru() else { break };
            total -= len(&oldest).unwrap_or(0);
        }
    }
}

fn unpack(stored: &dyn Blob) -> io::Result<Spool> {
    let spool = Spool::filled(stored.len(), |file| io::copy(&mut stored.read()?, file))?;
    if spool.len != stored.len() {
        return Err(invalid(format!("it states {} bytes and has {}", stored.len(), spool.len)));
    }
    Ok(spool)
}

struct SpoolReader {
    spool: Arc<Spool>,
    position: u64,
}

impl Read for SpoolReader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.spool.file.read_at(out, self.position)?;
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for SpoolReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.position = seek_position(to, self.spool.len, self.position)?;
        Ok(self.position)
    }
}

// No other process has the file, so there is nothing to check.
impl Opened for SpoolReader {}
