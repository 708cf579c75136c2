//! Facts on disk: the next mount knows what this one has found out about contents.
//!
//! The files are named after the version of the program, because another version may render differently. Several mounts
//! share them (ADR 4).

use std::io;
use std::path::Path;

use jiff::Timestamp;

use super::digest::Digest;
use crate::model::content_id::ContentId;
use crate::model::jsonl::RENDER_VERSION;
use crate::model::terminal::ShowPath;
use crate::util::clock::WallClock;
use crate::util::records::{Kind, RecordFile, RecordInForce, later};

/// A content id, and the length in bytes, little-endian.
const LENGTH: usize = 16 + 8;

/// A content id, its length, its SHA-256, and its number of rows.
const DIGEST: usize = 16 + 8 + 32 + 8;

/// The id of a state, and microseconds since 1970.
const SEEN: usize = 16 + 8;

/// Facts about contents in a folder.
#[derive(Debug, Clone)]
pub struct FactsIndex {
    lengths: RecordFile<LENGTH>,
    digests: RecordFile<DIGEST>,
    seen: RecordFile<SEEN>,
}

/// What is known about contents.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    /// Lengths in bytes.
    pub lengths: Vec<(ContentId, u64)>,
    pub digests: Vec<(ContentId, Digest)>,
    /// When states of logs were first seen.
    pub seen: Vec<(ContentId, Timestamp)>,
}

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {path}")]
pub struct IndexError {
    action: &'static str,
    path: String,
    source: io::Error,
}

impl FactsIndex {
    /// The index in a folder. The folder is made when something is added.
    pub fn in_folder(folder: &Path, clock: &WallClock) -> Self {
        Self {
            lengths: RecordFile::new(folder, Kind::Lengths, RENDER_VERSION, later, clock.clone()),
            digests: RecordFile::new(folder, Kind::Digests, RENDER_VERSION, later, clock.clone()),
            seen: RecordFile::new(folder, Kind::Seen, RENDER_VERSION, first_seen, clock.clone()),
        }
    }

    /// All facts. The later of two lengths or digests counts, and the earlier of two times. Damaged records are left out.
    pub(crate) fn read(&self) -> Result<Facts, IndexError> {
        Ok(Facts {
            lengths: read(&self.lengths)?.iter().map(|record| (id(record), number(record, 16))).collect(),
            digests: read(&self.digests)?.iter().map(|record| (id(record), digest(record))).collect(),
            seen: read(&self.seen)?.iter().filter_map(decoded_time).collect(),
        })
    }

    /// Adds facts; on failure, perhaps some of them. Once this returns, they survive this process; a crash of the
    /// machine may lose those of the last half minute.
    pub(crate) fn add(&self, facts: &Facts) -> Result<(), IndexError> {
        self.lengths.note_use();
        self.digests.note_use();
        self.seen.note_use();
        add(
            &self.lengths,
            facts.lengths.iter().map(|(id, len)| record(&[id.as_bytes(), &len.to_le_bytes()])),
        )?;
        let digests = facts.digests.iter().map(|(id, Digest { len, sha256, rows })| {
            record(&[id.as_bytes(), &len.to_le_bytes(), sha256, &rows.to_le_bytes()])
        });
        add(&self.digests, digests)?;
        let seen = facts.seen.iter();
        add(&self.seen, seen.map(|(id, time)| record(&[id.as_bytes(), &time.as_microsecond().to_le_bytes()])))
    }
}

fn read<const N: usize>(file: &RecordFile<N>) -> Result<Vec<[u8; N]>, IndexError> {
    file.read().map_err(|error| failed("read", file.path(), error))
}

fn add<const N: usize>(
    file: &RecordFile<N>,
    records: impl ExactSizeIterator<Item = [u8; N]>,
) -> Result<(), IndexError> {
    if records.len() == 0 {
        return Ok(());
    }
    file.add(records).map_err(|error| failed("write", file.path(), error))
}

fn failed(action: &'static str, path: &Path, source: io::Error) -> IndexError {
    IndexError { action, path: path.shown().to_string(), source }
}

fn digest(record: &[u8; DIGEST]) -> Digest {
    Digest { len: number(record, 16), sha256: field(record, 24), rows: number(record, 56) }
}

fn id<const N: usize>(record: &[u8; N]) -> ContentId {
    ContentId::from_bytes(field(record, 0))
}

/// The earlier of two times counts; a record without a valid time does not.
fn first_seen(earlier: &[u8; SEEN], later: &[u8; SEEN]) -> RecordInForce {
    match (decoded_time(earlier), decoded_time(later)) {
        (Some((_, earlier)), Some((_, later))) if later < earlier => RecordInForce::Later,
        (None, _) => RecordInForce::Later,
        _ => RecordInForce::Earlier,
    }
}

fn decoded_time(record: &[u8; SEEN]) -> Option<(ContentId, Timestamp)> {
    let time = Timestamp::from_microsecond(i64::from_le_bytes(field(record, 16))).ok()?;
    Some((id(record), time))
}

/// The record of these fields.
fn record<const N: usize>(fields: &[&[u8]]) -> [u8; N] {
    fields.concat().try_into().expect("the fields are as long as the record")
}

/// `LEN` bytes of a record, from `at` on.
fn field<const N: usize, const LEN: usize>(record: &[u8; N], at: usize) -> [u8; LEN] {
    *record[at..].first_chunk().expect("it is within the record")
}

fn number<const N: usize>(record: &[u8; N], at: usize) -> u64 {
    u64::from_le_bytes(field(record, at))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u64) -> ContentId {
        ContentId::of(&[&number.to_le_bytes()])
    }

    #[test]
    fn what_was_added_is_there_the_next_time() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let index = FactsIndex::in_folder(&folder.path().join("not/there/yet"), &WallClock::system());
        assert_eq!(index.read().expect("there is nothing"), Facts::default());
        let digest = Digest { len: 10, sha256: [7; 32], rows: u64::MAX };
        let time = Timestamp::from_microsecond(-1_234_567).expect("a time");
        let seen = vec![(id(7), time)];
        let facts = Facts { lengths: vec![(id(1), 10), (id(2), 0)], digests: vec![(id(1), digest)], seen };
        index.add(&facts).expect("the folder is ours");
        let more = Facts { lengths: vec![(id(3), u64::MAX)], ..Facts::default() };
        index.add(&more).expect("it still is");
        let read = FactsIndex::in_folder(&folder.path().join("not/there/yet"), &WallClock::system())
            .read()
            .expect("it is whole");
        assert_eq!(read.lengths, [(id(1), 10), (id(2), 0), (id(3), u64::MAX)]);
        assert_eq!((read.digests, read.seen), (facts.digests, facts.seen));
    }

    #[test]
    fn the_later_length_counts_and_the_earlier_time() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let index = FactsIndex::in_folder(folder.path(), &WallClock::system());
        let time = |second| Timestamp::from_second(second).expect("a time");
        for (len, second) in [(3, 20), (5, 10), (4, 30)] {
            let facts =
                Facts { lengths: vec![(id(1), len)], seen: vec![(id(1), time(second))], ..Facts::default() };
            index.add(&facts).expect("the folder is ours");
        }
        let read = index.read().expect("it is whole");
        assert_eq!((read.lengths, read.seen), (vec![(id(1), 4)], vec![(id(1), time(10))]));
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_told_with_its_path() {
        let index = FactsIndex::in_folder(Path::new("/proc/self/nowhere"), &WallClock::system());
        let facts = Facts { lengths: vec![(id(1), 10)], ..Facts::default() };
        let error = index.add(&facts).expect_err("nobody can write there");
        assert!(error.to_string().starts_with("cannot write /proc/self/nowhere/lengths-"), "{error}");
    }
}
