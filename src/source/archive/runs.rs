//! Since when a file has had its content, and in how many snapshots: the origin of inode, mtime and nlink.
//!
//! A *run* is a series of neighbouring archives, oldest first, in which a path has one content. All files of a
//! run share one content id, which the first archive of the run gives.
//!
//! # What counts as equal
//! Only what is equal: two zip members are equal when method, both sizes and the CRC agree *and* the
//! packed bytes have one SHA-256; two plain files when their lengths and their SHA-256 agree; two tables when
//! the stored bytes that they are rendered from do. Contents packed in different ways count as different.
//!
//! # What it costs
//! Members whose directory entries differ cost nothing. Members that seem equal have their packed bytes read,
//! once, nothing is unpacked. To bound that, history is cut into blocks that no run crosses: an archive
//! starts a block with a chance that grows with its size, so that a block holds about [`BLOCK_COST`] bytes.
//! The draw depends on the archive alone (a hash of its name), so blocks, and with them inodes and mtimes,
//! stay the same when archives are added or pruned elsewhere and after a remount. A listing reads at most the
//! block of its snapshot; folders of less than about ten megabytes are nearly always one block.

use std::sync::{Arc, Mutex};

use lru::LruCache;
use sha2::{Digest, Sha256};

use super::found::{Archive, Artefact};
use super::pieces::{Piece, pieces};
use crate::format::blob::FileVersion;
use crate::format::input::FormatContext;
use crate::util::locks::lock;

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
    pub(super) artefact: usize,
    pub(super) len: u32,
}

#[derive(Debug, Default)]
pub(super) struct RunBlock {
    runs: Vec<Run>,
    /// Per archive the run of each of its files, in the order of their paths.
    of_archive: Vec<Vec<u32>>,
    /// Whether every archive could be read, or is known to be damaged: trying again would change nothing.
    is_final: bool,
}

impl RunBlock {
    /// The runs of one archive's files, in the order of their paths; empty for one that could not be read.
    pub(super) fn runs_of(&self, archive: usize) -> impl ExactSizeIterator<Item = Run> {
        self.of_archive[archive].iter().map(|&run| self.runs[run as usize])
    }
}

fn starts_block(archive: &Archive) -> bool {
    let cost = archive.len().saturating_add(COST_PER_ARCHIVE);
    let cost = cost.saturating_add((archive.members() as u64).saturating_mul(COST_PER_MEMBER));
    let digest = Sha256::digest(archive.artefacts.first().map_or(&*archive.id, |first| &*first.name));
    let draw = digest[..4].iter().fold(0, |number, &byte| number << 8 | u64::from(byte));
    // draw / 2^32 < cost / BLOCK_COST, in whole numbers.
    u128::from(draw) * u128::from(BLOCK_COST) < u128::from(cost) << 32
}

/// The block of archive `index` of `archives`, which are sorted by time.
pub(super) fn block_around(archives: &[Arc<Archive>], index: usize) -> std::ops::Range<usize> {
    let start = (1..=index).rev().find(|&at| starts_block(&archives[at])).unwrap_or(0);
    let end = (index + 1..archives.len()).find(|&at| starts_block(&archives[at])).unwrap_or(archives.len());
    start..end
}

/// Blocks that were computed already.
#[derive(Debug)]
pub(super) struct BlockMemo(Mutex<LruCache<BlockKey, Arc<BlockSlot>>>);

type BlockKey = Vec<Arc<FileVersion>>;

/// Locked while its block is computed.
type BlockSlot = Mutex<Option<Arc<RunBlock>>>;

impl Default for BlockMemo {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(REMEMBERED_BLOCKS)))
    }
}

impl BlockMemo {
    /// The runs of these archives, which are a whole block. Several callers wait for one computation. Blocks.
    pub(super) fn block(&self, context: &FormatContext, archives: &[Arc<Archive>]) -> Arc<RunBlock> {
        let artefacts = archives.iter().flat_map(|archive| &archive.artefacts);
        let key: BlockKey = artefacts.flat_map(Artefact::files).cloned().collect();
        let slot = Arc::clone(lock(&self.0).get_or_insert_mut(key, Arc::default));
        let mut slot = lock(&slot);
        if let Some(block) = &*slot {
            return Arc::clone(block);
        }
        let block = Arc::new(compute(context, archives));
        if block.is_final {
            *slot = Some(Arc::clone(&block));
        }
        block
    }
}

fn compute(context: &FormatContext, archives: &[Arc<Archive>]) -> RunBlock {
    let mut block = RunBlock { is_final: true, ..RunBlock::default() };
    let mut before: Option<ArchiveFiles> = None;
    for (position, archive) in archives.iter().enumerate() {
        let mut files = ArchiveFiles::read(context, archive, &mut block.is_final);
        let same = match &mut before {
            Some(before) => equal_files(before, &mut files, &mut block.is_final),
            None => vec![None; files.pieces.len()],
        };
        let artefacts = files.pieces.iter().map(|piece| piece.artefact);
        let runs = same.into_iter().zip(artefacts).map(|(earlier, artefact)| match earlier {
            Some(file) => {
                let run = block.of_archive[position - 1][file];
                block.runs[run as usize].len += 1;
                run
            }
            None => {
                block.runs.push(Run { start: position, artefact, len: 1 });
                u32::try_from(block.runs.len() - 1).expect("fewer than 4 billion members fit into memory")
            }
        });
        let runs = runs.collect();
        block.of_archive.push(runs);
        before = Some(files);
    }
    block
}

/// The files of one archive, for comparing them with the next.
struct ArchiveFiles {
    /// Sorted by path.
    pieces: Vec<Piece>,
    /// Of each, the digest once it was needed.
    digests: Vec<Option<[u8; 32]>>,
}

impl ArchiveFiles {
    /// Lists an archive's files; none for an archive that cannot be read. Clears `is_final` where that may
    /// be different next time.
    fn read(context: &FormatContext, archive: &Archive, is_final: &mut bool) -> Self {
        let pieces = pieces(context, archive).unwrap_or_else(|error| {
            *is_final &= error.kind.is_lasting();
            Vec::new()
        });
        *is_final &= !pieces.iter().any(|piece| piece.content.is_stand_in());
        Self { digests: vec![None; pieces.len()], pieces }
    }

    fn digest(&mut self, wanted: impl Iterator<Item = usize>, is_final: &mut bool) {
        let mut wanted: Vec<usize> = wanted.filter(|&file| self.digests[file].is_none()).collect();
        wanted.sort_unstable_by_key(|&file| {
            (self.pieces[file].artefact, self.pieces[file].fingerprint.offset())
        });
        for file in wanted {
            match self.pieces[file].fingerprint.digest() {
                Ok(digest) => self.digests[file] = Some(digest),
                Err(kind) => *is_final &= kind.is_lasting(),
            }
        }
    }
}

/// For each file of `after`, the file of `before` with the same path and the same content.
fn equal_files(
    before: &mut ArchiveFiles,
    after: &mut ArchiveFiles,
    is_final: &mut bool,
) -> Vec<Option<usize>> {
    let pairs = similar_files(before, after);
    before.digest(pairs.iter().map(|pair| pair.0), is_final);
    after.digest(pairs.iter().map(|pair| pair.1), is_final);
    let mut equal = vec![None; after.pieces.len()];
    for (earlier, later) in pairs {
        let digest = before.digests[earlier];
        equal[later] = (digest.is_some() && digest == after.digests[later]).then_some(earlier);
    }
    equal
}

/// The files of both tables that have one path and are alike.
fn similar_files(before: &ArchiveFiles, after: &ArchiveFiles) -> Vec<(usize, usize)> {
    let mut pairs = Vec::new();
    let mut others = before.pieces.iter().enumerate().peekable();
    for (later, file) in after.pieces.iter().enumerate() {
        while others.next_if(|(_, other)| other.path < file.path).is_some() {}
        let is_alike = |other: &Piece| {
            other.path == file.path && other.fingerprint.likeness() == file.fingerprint.likeness()
        };
        if let Some((earlier, _)) = others.peek().filter(|(_, other)| is_alike(other)) {
            pairs.push((*earlier, later));
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::files::root::{Links, Root};
    use crate::format::blob::FileStamp;
    use crate::format::{FileFormat, ZIP};
    use crate::model::access::Audience;

    fn archive(name: &str, len: u64, members: usize) -> Arc<Archive> {
        let stamp = FileStamp { len, mtime_ns: 0, ctime_ns: 0, inode: 1, ..FileStamp::UNKNOWN };
        let file = Arc::new(FileVersion {
            root: Root::new(Path::new("/"), Links::Beneath).expect("it is there"),
            path: name.into(),
            stamp,
        });
        let artefact = Artefact {
            file,
            wal: None,
            journal: None,
            name: name.into(),
            format: FileFormat::plain(ZIP),
            part: "".into(),
            members,
            audience: Audience::Everyone,
            way: Audience::Everyone,
        };
        let (id, database, time) = (name.into(), "db".into(), crate::model::time::Timestamp::UNIX_EPOCH);
        let artefacts = vec![artefact];
        Arc::new(Archive { id, database, time, is_by_mtime: false, mark: None, tag: None, artefacts })
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
            starts.push(all[at].id.clone());
            at = block.end;
        }
        assert!((300..1_000).contains(&starts.len()), "{} blocks", starts.len());

        let block = block_around(&all[1_234..], 5_000);
        assert!(starts.contains(&all[1_234 + block.start].id));
    }

    #[test]
    fn a_small_folder_is_one_block() {
        let all: Vec<_> =
            (0..30).map(|i| archive(&format!("2026-01-{i:02}T000000.zip"), 10_000, 20)).collect();
        assert_eq!(block_around(&all, 17), 0..30);
    }
}
