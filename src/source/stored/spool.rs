//! Packed pieces, unpacked into temporary files, so that they can be read in any order.

use std::io::{self, Read, Seek, SeekFrom};
use std::num::NonZeroUsize;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Arc, Mutex};

use lru::LruCache;
use tempfile::NamedTempFile;

use super::{Opened, Stored};
use crate::locks::lock;
use crate::model::content_id::ContentId;

/// How many unpacked pieces are kept, for whoever reads the next table of the same one.
const KEPT: NonZeroUsize = NonZeroUsize::new(16).expect("not zero");

/// How many bytes they take at most, beside those that are being read.
const KEPT_BYTES: u64 = 1 << 30;

/// Unpacked pieces that were asked for lately.
pub(in crate::source) struct Spools {
    kept: Mutex<LruCache<ContentId, Arc<Slot>>>,
}

/// Locked while its piece is unpacked, so that it is unpacked once.
type Slot = Mutex<Option<Arc<Spool>>>;

/// One unpacked piece, in a temporary file that nobody else may read. The file goes with this.
pub(in crate::source) struct Spool {
    file: NamedTempFile,
    len: u64,
}

impl Spool {
    /// Takes a file over that was made in a private folder within that of temporary files.
    ///
    /// # Errors
    /// What the operating system said.
    pub(in crate::source) fn of(made: &Path) -> io::Result<Self> {
        let path = prefixed().tempfile()?.into_temp_path();
        std::fs::rename(made, &path)?;
        let file = std::fs::File::open(&path)?;
        let len = file.metadata()?.len();
        Ok(Self { file: NamedTempFile::from_parts(file, path), len })
    }

    /// A file with what `write` writes into it.
    ///
    /// # Errors
    /// Those of `write`; when there is no room for temporary files.
    pub(in crate::source) fn filled(
        write: impl FnOnce(&mut std::fs::File) -> io::Result<u64>,
    ) -> io::Result<Self> {
        let mut file = prefixed().tempfile()?;
        let len = write(file.as_file_mut())?;
        Ok(Self { file, len })
    }

    /// The file, for a library that reads files by itself.
    pub(in crate::source) fn file(&self) -> &std::fs::File {
        self.file.as_file()
    }

    /// A reader of it with a place of its own.
    pub(in crate::source) fn open(self: Arc<Self>) -> Box<dyn Opened> {
        Box::new(SpoolReader { spool: self, position: 0 })
    }
}

impl Default for Spools {
    fn default() -> Self {
        Self { kept: Mutex::new(LruCache::new(KEPT)) }
    }
}

impl Spools {
    /// A packed piece unpacked, and checked: anew unless that was done lately. Blocks.
    ///
    /// # Errors
    /// Those of [`Stored::read`]; when there is no room for temporary files.
    pub(in crate::source) fn unpacked(&self, stored: &dyn Stored) -> io::Result<Arc<Spool>> {
        self.made(stored.key(), || unpack(stored))
    }

    /// What `make` makes of bytes with this key: anew unless that was done lately. Blocks.
    ///
    /// # Errors
    /// Those of `make`.
    pub(in crate::source) fn made<E>(
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

    /// Forgets those not asked for longest. Their files go when nobody reads them any more.
    fn make_room(&self) {
        let mut kept = lock(&self.kept);
        // One that is being unpacked counts when it is done.
        let len = |slot: &Arc<Slot>| slot.try_lock().ok().and_then(|slot| slot.as_ref().map(|s| s.len));
        let mut total: u64 = kept.iter().filter_map(|(_, slot)| len(slot)).sum();
        while total > KEPT_BYTES && kept.len() > 1 {
            let Some((_, oldest)) = kept.pop_lru() else { break };
            total -= len(&oldest).unwrap_or(0);
        }
    }
}

fn unpack(stored: &dyn Stored) -> io::Result<Spool> {
    let spool = Spool::filled(|file| io::copy(&mut stored.read()?, file))?;
    if spool.len != stored.len() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("it states {} bytes and has {}", stored.len(), spool.len),
        ));
    }
    Ok(spool)
}

fn prefixed() -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    builder.prefix("asof-");
    builder
}

/// One reader of an unpacked piece, with a place of its own.
struct SpoolReader {
    spool: Arc<Spool>,
    position: u64,
}

impl Read for SpoolReader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.spool.file.as_file().read_at(out, self.position)?;
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for SpoolReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::End(offset) => self.spool.len.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = target.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.position)
    }
}

impl Opened for SpoolReader {
    fn check(&self) -> io::Result<()> {
        // Nobody else has the file.
        Ok(())
    }
}
