//! Since when a file has had its content, and in how many snapshots: what inode, mtime and nlink come from.
//!
//! A *run* is a row of neighbouring archives, oldest first, in which a path has one content. All files of a
//! run share one identity, named after the archive that the run starts in.
//!
//! # What counts as equal
//! Never more than what is: two zip members are equal when method, both sizes and the CRC agree *and* the
//! packed bytes have one SHA-256; two plain files when their lengths and their SHA-256 agree. Contents packed
//! in different ways count as different.
//!
//! # What it costs
//! Members whose directory entries differ cost nothing. Members that seem equal have their packed bytes read,
//! once, nothing is unpacked. To bound that, history is cut into blocks that no run crosses: an archive
//! starts a block with a chance that grows with its size, so that a block holds about [`BLOCK_COST`] bytes.
//! The draw depends on the archive alone (a hash of its name), so blocks, and with them inodes and mtimes,
//! stay the same when archives are added or pruned elsewhere and after a remount. A listing reads at most the
//! block that its snapshot lies in; folders of less than some ten megabytes are nearly always one block.

use std::io::{self, Read};
use std::sync::{Arc, Mutex};

use lru::LruCache;
use sha2::{Digest, Sha256};
use zip::result::ZipError;
use zip::{CompressionMethod, ZipArchive};

use super::database::path_of_single_file;
use super::naming::Format;
use super::scan::Archive;
use super::zip_directory::{ZipDirectory, ZipMember};
use crate::source::ErrorKind;
use crate::source::stored::io_kind;
use crate::source::stored::{FileReader, FileVersion, Opened, PIECE, read_full};

/// What a block costs to compare, on average, in bytes read; the other costs are expressed in bytes.
const BLOCK_COST: u64 = 256 * 1024 * 1024;

/// Opening an archive.
const COST_PER_ARCHIVE: u64 = 64 * 1024;

/// Reading one entry of a zip's central directory.
const COST_PER_MEMBER: u64 = 1024;

/// How many blocks are remembered. One takes 4 bytes per member and archive.
const REMEMBERED_BLOCKS: std::num::NonZeroUsize = std::num::NonZeroUsize::new(8).expect("not zero");

/// A row of archives in which one path has one content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    /// The archive that it starts in, counted within the block.
    pub(super) start: usize,
    /// How many archives it spans.
    pub(super) len: u32,
}

/// The runs of one block of archives.
#[derive(Debug, Default)]
pub(super) struct Block {
    runs: Vec<Run>,
    /// Per archive the run of each of its files, in the order of their paths.
    of_archive: Vec<Vec<u32>>,
    /// Whether every archive could be read, or is known to be damaged: trying again would change nothing.
    is_final: bool,
}

impl Block {
    /// The runs of one archive's files, in the order of their paths; empty for one that could not be read.
    pub(super) fn runs_of(&self, archive: usize) -> impl ExactSizeIterator<Item = Run> {
        self.of_archive[archive].iter().map(|&run| self.runs[run as usize])
    }
}

/// Whether a block starts with this archive.
fn starts_block(archive: &Archive) -> bool {
    let cost = archive.file.stamp.len.saturating_add(COST_PER_ARCHIVE);
    let cost = cost.saturating_add((archive.members as u64).saturating_mul(COST_PER_MEMBER));
    let digest = Sha256::digest(archive.name.as_bytes());
    let draw = digest[..4].iter().fold(0, |number, &byte| number << 8 | u64::from(byte));
    // draw / 2^32 < cost / BLOCK_COST, in whole numbers.
    u128::from(draw) * u128::from(BLOCK_COST) < u128::from(cost) << 32
}

/// The block that archive `index` of `archives` (sorted by time) lies in.
pub(super) fn block_around(archives: &[Arc<Archive>], index: usize) -> std::ops::Range<usize> {
    let start = (1..=index).rev().find(|&at| starts_block(&archives[at])).unwrap_or(0);
    let end = (index + 1..archives.len()).find(|&at| starts_block(&archives[at])).unwrap_or(archives.len());
    start..end
}

/// Blocks that were computed already.
#[derive(Debug)]
pub(super) struct BlockMemo {
    slots: Mutex<LruCache<BlockKey, Arc<BlockSlot>>>,
}

type BlockKey = Vec<Arc<FileVersion>>;

/// Locked while its block is computed.
type BlockSlot = Mutex<Option<Arc<Block>>>;

impl BlockMemo {
    pub(super) fn new() -> Self {
        Self { slots: Mutex::new(LruCache::new(REMEMBERED_BLOCKS)) }
    }

    /// The runs of these archives, which are a whole block. Several callers wait for one computation. Blocks.
    pub(super) fn block(&self, archives: &[Arc<Archive>]) -> Arc<Block> {
        let key: BlockKey = archives.iter().map(|archive| Arc::clone(&archive.file)).collect();
        let slot = Arc::clone(lock(&self.slots).get_or_insert_mut(key, Arc::default));
        let mut slot = lock(&slot);
        if let Some(block) = &*slot {
            return Arc::clone(block);
        }
        let block = Arc::new(compute(archives));
        if block.is_final {
            *slot = Some(Arc::clone(&block));
        }
        block
    }
}

/// Locks a mutex whose data no panic can leave half-changed.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn compute(archives: &[Arc<Archive>]) -> Block {
    let mut block = Block { is_final: true, ..Block::default() };
    let mut before: Option<Table> = None;
    for (position, archive) in archives.iter().enumerate() {
        let mut table = Table::read(archive, &mut block.is_final);
        let same = match &mut before {
            Some(before) => equal_files(before, &mut table, &mut block.is_final),
            None => vec![None; table.files.len()],
        };
        let runs = same.into_iter().map(|earlier| match earlier {
            Some(file) => {
                let run = block.of_archive[position - 1][file];
                block.runs[run as usize].len += 1;
                run
            }
            None => {
                block.runs.push(Run { start: position, len: 1 });
                u32::try_from(block.runs.len() - 1).expect("fewer than 4 billion members fit into memory")
            }
        });
        let runs = runs.collect();
        block.of_archive.push(runs);
        before = Some(table);
    }
    block
}

/// What one archive holds, as far as comparing needs it.
struct Table {
    archive: Arc<Archive>,
    /// For a zip that can be read.
    directory: Option<ZipDirectory>,
    /// Sorted by path.
    files: Vec<TableFile>,
}

struct TableFile {
    path: Arc<str>,
    key: QuickKey,
    /// The place in the zip's directory.
    index: usize,
    /// Where in the archive the data lies: they are read in this order.
    offset: u64,
    /// SHA-256 of the stored bytes, once it was needed.
    digest: Option<[u8; 32]>,
}

/// What differs for most contents that differ, known without reading them.
#[derive(PartialEq, Eq)]
enum QuickKey {
    Member { method: CompressionMethod, crc: u32, len: u64, packed: u64 },
    Plain { format: Format, len: u64 },
}

impl Table {
    /// Lists an archive's files; none for an archive that cannot be read. Clears `is_final` where that may
    /// be different next time.
    fn read(archive: &Arc<Archive>, is_final: &mut bool) -> Self {
        let mut table = Self { archive: Arc::clone(archive), directory: None, files: Vec::new() };
        if archive.format != Format::Zip {
            let key = QuickKey::Plain { format: archive.format, len: archive.file.stamp.len };
            table.files = vec![TableFile {
                path: path_of_single_file(archive),
                key,
                index: 0,
                offset: 0,
                digest: None,
            }];
            return table;
        }
        match ZipDirectory::read(&archive.file) {
            Ok(directory) => {
                table.files = member_files(&directory);
                table.directory = Some(directory);
            }
            Err(ZipError::Io(error)) if io_kind(&error) != ErrorKind::Damaged => *is_final = false,
            Err(_) => {}
        }
        table
    }

    /// Fills in the digests of some of the files.
    fn digest(&mut self, wanted: impl Iterator<Item = usize>, is_final: &mut bool) {
        let mut wanted: Vec<usize> = wanted.filter(|&file| self.files[file].digest.is_none()).collect();
        wanted.sort_unstable_by_key(|&file| self.files[file].offset);
        let mut zip = self.directory.as_ref().map(ZipDirectory::reader);
        for &file in &wanted {
            let digest = match &mut zip {
                Some(zip) => packed_digest(zip, self.files[file].index),
                None => whole_digest(&self.archive.file),
            };
            match digest {
                Ok(digest) => self.files[file].digest = Some(digest),
                Err(error) => *is_final &= io_kind(&error) == ErrorKind::Damaged,
            }
        }
        if zip.is_some_and(|zip| zip.into_inner().check().is_err()) {
            *is_final = false;
            for file in wanted {
                self.files[file].digest = None;
            }
        }
    }
}

fn member_files(directory: &ZipDirectory) -> Vec<TableFile> {
    let reader = directory.reader();
    let file = |member: &ZipMember| {
        let entry = reader.by_index_data(member.index).ok()?;
        let key = QuickKey::Member {
            method: entry.compression(),
            crc: entry.crc32(),
            len: entry.size(),
            packed: entry.compressed_size(),
        };
        let path = Arc::clone(&member.path);
        Some(TableFile { path, key, index: member.index, offset: entry.header_start(), digest: None })
    };
    directory.members.iter().filter_map(file).collect()
}

/// For each file of `after`, the file of `before` with the same path and the same content.
fn equal_files(before: &mut Table, after: &mut Table, is_final: &mut bool) -> Vec<Option<usize>> {
    let pairs = similar_files(before, after);
    before.digest(pairs.iter().map(|pair| pair.0), is_final);
    after.digest(pairs.iter().map(|pair| pair.1), is_final);
    let mut equal = vec![None; after.files.len()];
    for (earlier, later) in pairs {
        let digests = (before.files[earlier].digest, after.files[later].digest);
        if let (Some(a), Some(b)) = digests
            && a == b
        {
            equal[later] = Some(earlier);
        }
    }
    equal
}

/// The files of both tables that have one path and one quick key.
fn similar_files(before: &Table, after: &Table) -> Vec<(usize, usize)> {
    let mut pairs = Vec::new();
    let mut earlier = 0;
    for (later, file) in after.files.iter().enumerate() {
        while before.files.get(earlier).is_some_and(|other| other.path < file.path) {
            earlier += 1;
        }
        match before.files.get(earlier) {
            Some(other) if other.path == file.path && other.key == file.key => pairs.push((earlier, later)),
            Some(_) => {}
            None => break,
        }
    }
    pairs
}

fn packed_digest(zip: &mut ZipArchive<FileReader>, index: usize) -> io::Result<[u8; 32]> {
    digest_of(zip.by_index_raw(index)?)
}

fn whole_digest(version: &FileVersion) -> io::Result<[u8; 32]> {
    let file = version.open()?;
    let digest = digest_of(&file)?;
    version.check(&file)?;
    Ok(digest)
}

fn digest_of(mut data: impl Read) -> io::Result<[u8; 32]> {
    let mut hash = Sha256::new();
    let mut piece = vec![0; PIECE];
    loop {
        match read_full(&mut data, &mut piece)? {
            0 => return Ok(hash.finalize().into()),
            count => hash.update(&piece[..count]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::stored::FileStamp;

    fn archive(name: &str, len: u64, members: usize) -> Arc<Archive> {
        let stamp = FileStamp { len, mtime_ns: 0, ctime_ns: 0, inode: 1 };
        let file = Arc::new(FileVersion { path: name.into(), stamp });
        let (format, database, time) = (Format::Zip, "db".into(), jiff::Timestamp::UNIX_EPOCH);
        Arc::new(Archive { file, name: name.into(), format, database, time, mark: None, members })
    }

    #[test]
    fn blocks_are_bounded_and_stay_when_others_are_pruned() {
        let all: Vec<_> = (0..10_000).map(|i| archive(&format!("{i}.zip"), 14_000_000, 100)).collect();
        let mut starts = Vec::new();
        let mut at = 0;
        while at < all.len() {
            let block = block_around(&all, at);
            assert_eq!(block.start, at);
            assert!(block.len() < 300, "{block:?}");
            assert_eq!(block_around(&all, block.end - 1), block);
            starts.push(all[at].name.clone());
            at = block.end;
        }
        assert!((300..1_000).contains(&starts.len()), "{} blocks", starts.len());

        let block = block_around(&all[1_234..], 5_000);
        assert!(starts.contains(&all[1_234 + block.start].name));
    }

    #[test]
    fn a_small_folder_is_one_block() {
        let all: Vec<_> =
            (0..30).map(|i| archive(&format!("2026-01-{i:02}T000000.zip"), 10_000, 20)).collect();
        assert_eq!(block_around(&all, 17), 0..30);
    }
}
