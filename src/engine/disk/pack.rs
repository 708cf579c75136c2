//! A pack: segments one after the other in one file, and their places in a second one.
//!
//! `<name>.bytes` holds, for each segment, a CRC-32C over its id and its packed bytes (4 bytes, little-endian), and
//! these bytes (Snappy, raw format). `<name>.keys` holds records ([`crate::util::records`]) of its id (16 bytes),
//! where it starts and how many packed bytes it has (4 each, little-endian). Both only grow. The holder of the lock
//! on `<name>.keys` may add to them, or remove them.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;

use crate::model::content_id::ContentId;
use crate::util::clock::WallClock;
use crate::util::records;

/// Length of the checksum before the packed bytes of a segment.
const SUM: usize = 4;

/// Length of a record in `.keys`.
const KEY: usize = 16 + 4 + 4;

/// Longest segment that is kept, in bytes.
pub(super) const LONGEST: usize = 4 << 20;

/// The rows of a database are for its user alone.
const OURS: u32 = 0o600;

/// How exactly the last use of a pack is noted.
const USE_NOTED: Duration = Duration::from_secs(60);

/// Where a segment is in its pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PackPlace {
    pub at: u32,
    pub len: u32,
}

/// The two files of a pack, by their common beginning.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct PackFiles(PathBuf);

impl PackFiles {
    /// New files in a folder, for programs of this `version`.
    pub fn new_in(folder: &Path, version: &str, now: SystemTime) -> Self {
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        Self(folder.join(format!("{version}-{now:x}-{:x}", std::process::id())))
    }

    /// The files of a pack by the path of one of them.
    pub fn of(path: &Path) -> Option<Self> {
        let name = path.to_str()?;
        let stem = name.strip_suffix(".keys").or_else(|| name.strip_suffix(".bytes"))?;
        Some(Self(stem.into()))
    }

    pub fn is_of(&self, version: &str) -> bool {
        let name = self.0.file_name().unwrap_or_default().to_string_lossy();
        name.strip_prefix(version).is_some_and(|rest| rest.starts_with('-'))
    }

    fn bytes(&self) -> PathBuf {
        self.0.with_added_extension("bytes")
    }

    fn keys(&self) -> PathBuf {
        self.0.with_added_extension("keys")
    }

    /// The size of both in bytes, and when the pack was last used.
    pub fn size_and_use(&self) -> (u64, SystemTime) {
        let metas = [self.bytes(), self.keys()].map(|path| fs::metadata(path).ok());
        let size = metas.iter().flatten().map(fs::Metadata::len).sum();
        let used = metas.iter().flatten().filter_map(|meta| meta.modified().ok()).max();
        (size, used.unwrap_or(UNIX_EPOCH))
    }

    /// Locks them; `None` where somebody writes to them, or they are gone.
    pub fn lock(&self) -> Option<File> {
        let keys = OpenOptions::new().read(true).append(true).open(self.keys()).ok()?;
        keys.try_lock().ok()?;
        // The last holder of the lock may have removed them.
        (keys.metadata().ok()?.nlink() > 0).then_some(keys)
    }

    /// Removes them, unless another mount writes to them; returns whether they are gone.
    pub fn remove(&self) -> bool {
        let lock = self.lock();
        if lock.is_none() && self.keys().exists() {
            return false;
        }
        // The bytes first: keys without bytes are useless, and are removed the next time.
        let gone = |path: PathBuf| match fs::remove_file(path) {
            Ok(()) => true,
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        };
        gone(self.bytes()) && gone(self.keys())
    }
}

pub(super) struct Pack {
    pub files: PackFiles,
    bytes: File,
    /// Seconds since 1970 when its use was last noted.
    noted: AtomicU64,
    clock: WallClock,
}

impl Pack {
    pub fn open(files: &PackFiles, clock: &WallClock) -> io::Result<Self> {
        let bytes = File::open(files.bytes())?;
        Ok(Self { files: files.clone(), bytes, noted: AtomicU64::new(0), clock: clock.clone() })
    }

    pub fn keys(&self) -> io::Result<Vec<(ContentId, PackPlace)>> {
        let bytes = fs::read(self.files.keys())?;
        Ok(records::sound::<KEY>(&bytes).map(|record| decoded(&record)).collect())
    }

    pub fn is_gone(&self) -> bool {
        self.bytes.metadata().is_ok_and(|meta| meta.nlink() == 0)
    }

    /// The segment at `place`; `None` if it is not what was put there.
    pub fn read(&self, id: &ContentId, place: PackPlace) -> Option<Bytes> {
        let len = place.len as usize;
        // A checksum may miss a wrong record, which must not take more memory.
        if len > snap::raw::max_compress_len(LONGEST) {
            return None;
        }
        let mut entry = vec![0; SUM + len];
        self.bytes.read_exact_at(&mut entry, u64::from(place.at)).ok()?;
        let (told, packed) = entry.split_at(SUM);
        if told != sum(id, packed) || snap::raw::decompress_len(packed).ok()? > LONGEST {
            return None;
        }
        let lines = snap::raw::Decoder::new().decompress_vec(packed).ok()?;
        self.note_use();
        Some(lines.into())
    }

    /// Notes when the pack is used: the pack unused for longest is removed first.
    fn note_use(&self) {
        let now = self.clock.system_time();
        let seconds = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let before = self.noted.load(Ordering::Relaxed);
        if seconds >= before + USE_NOTED.as_secs() {
            self.noted.store(seconds, Ordering::Relaxed);
            // In a folder that is read-only to us we remove nothing either.
            let _ = self.bytes.set_modified(now);
        }
    }
}

/// A pack that is added to, by us alone.
pub(super) struct Writer {
    pub files: PackFiles,
    bytes: File,
    /// Locked.
    keys: File,
}

impl Writer {
    /// Continues a pack; `None` if another mount does, or if it has `limit` bytes or more.
    pub fn go_on(files: &PackFiles, limit: u64) -> Option<Self> {
        let keys = files.lock()?;
        let bytes = OpenOptions::new().append(true).open(files.bytes()).ok()?;
        (bytes.metadata().ok()?.len() < limit).then(|| Self { files: files.clone(), bytes, keys })
    }

    pub fn start(files: PackFiles) -> io::Result<Self> {
        let keys = OpenOptions::new().append(true).create_new(true).mode(OURS).open(files.keys())?;
        keys.try_lock()?;
        if keys.metadata()?.nlink() == 0 {
            return Err(io::Error::other("another mount made room at the same moment"));
        }
        let bytes = OpenOptions::new().append(true).create_new(true).mode(OURS).open(files.bytes())?;
        Ok(Self { files, bytes, keys })
    }

    /// Its length in bytes; `None` if its files were removed.
    pub fn len(&self) -> io::Result<Option<u64>> {
        let meta = self.bytes.metadata()?;
        Ok((meta.nlink() > 0).then_some(meta.len()))
    }

    /// Adds segments that end below 4 GiB, the bytes before the keys; returns their places.
    pub fn add(&mut self, segments: &[(ContentId, Bytes)]) -> io::Result<Vec<(ContentId, PackPlace)>> {
        let start = self.bytes.metadata()?.len();
        let (mut entries, mut places) = (Vec::new(), Vec::with_capacity(segments.len()));
        let mut packer = snap::raw::Encoder::new();
        for (id, lines) in segments {
            let packed = packer.compress_vec(lines).map_err(io::Error::other)?;
            let at = u32::try_from(start + entries.len() as u64).map_err(io::Error::other)?;
            let len = u32::try_from(packed.len()).map_err(io::Error::other)?;
            entries.extend_from_slice(&sum(id, &packed));
            entries.extend_from_slice(&packed);
            places.push((*id, PackPlace { at, len }));
        }
        self.bytes.write_all(&entries)?;
        records::append(&mut self.keys, places.iter().map(encoded))?;
        Ok(places)
    }
}

/// The checksum. It covers the id, so that a segment at the place of another one does not pass.
fn sum(id: &ContentId, packed: &[u8]) -> [u8; SUM] {
    crc32c::crc32c_append(crc32c::crc32c(id.as_bytes()), packed).to_le_bytes()
}

fn encoded((id, place): &(ContentId, PackPlace)) -> [u8; KEY] {
    let fields: [&[u8]; 3] = [id.as_bytes(), &place.at.to_le_bytes(), &place.len.to_le_bytes()];
    fields.concat().try_into().expect("the fields are as long as the record")
}

fn decoded(record: &[u8; KEY]) -> (ContentId, PackPlace) {
    let (id, place) = record.split_first_chunk().expect("it is longer than an id");
    let [at, len] =
        [0, 4].map(|at| u32::from_le_bytes(*place[at..].first_chunk().expect("it holds two numbers")));
    (ContentId::from_bytes(*id), PackPlace { at, len })
}
