//! Journals that are whole, torn, grown and damaged.

use super::record::CHECKSUM_LEN;
use super::*;
use crate::files::{JOURNAL, StdAccess};
use crate::testing::{address_of, chunk_record, record, root_record};

const ROOT: Address = Address::new([7; 20]);
const NEXT_ROOT: Address = Address::new([8; 20]);

struct JournalFolder(tempfile::TempDir);

impl JournalFolder {
    fn with(bytes: &[u8]) -> Self {
        let folder = Self(tempfile::tempdir().expect("a temporary folder"));
        folder.write(bytes);
        folder
    }

    fn path(&self) -> std::path::PathBuf {
        self.0.path().join(JOURNAL)
    }

    fn write(&self, bytes: &[u8]) {
        // In place, as Dolt writes it: the file stays the same.
        std::fs::write(self.path(), bytes).expect("the folder is ours");
    }

    fn try_open(&self) -> Result<Journal, StoreError> {
        Journal::open(StoreFile::open(&StdAccess, &self.path())?)
    }

    fn open(&self) -> Journal {
        self.try_open().expect("a journal")
    }
}

fn get(journal: &Journal, chunk: &[u8]) -> Option<Bytes> {
    journal.get(&address_of(chunk)).expect("it is whole")
}

fn sample() -> Vec<u8> {
    [chunk_record(b"one"), chunk_record(b"two"), root_record(&ROOT)].concat()
}

#[test]
fn what_is_appended_is_read_on() {
    assert_eq!(JournalFolder::with(b"").open().root(), None);
    let folder = JournalFolder::with(&[sample(), vec![0; 4096]].concat());
    let first = folder.open();
    assert!(first.damage().is_none());
    let torn = [sample(), chunk_record(b"three")[..9].to_vec()].concat();
    folder.write(&torn);
    let second = first.extended().expect("a journal");
    assert_eq!(get(&second, b"three"), None);
    folder.write(&[sample(), chunk_record(b"three"), root_record(&NEXT_ROOT)].concat());
    let third = second.extended().expect("a journal");
    assert_eq!((third.root(), get(&third, b"three").is_some()), (Some(NEXT_ROOT), true));
    assert_eq!((first.root(), get(&first, b"three")), (Some(ROOT), None), "the earlier one stays as it was");
}

#[test]
fn records_behind_damage_are_read() {
    let later = [chunk_record(b"three"), root_record(&NEXT_ROOT), chunk_record(b"four")].concat();
    let whole = [sample(), later.clone()].concat();
    let damaged_at = chunk_record(b"one").len();
    for at in damaged_at..damaged_at + chunk_record(b"two").len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        let journal = JournalFolder::with(&bytes).open();
        assert_eq!((journal.root(), get(&journal, b"two")), (Some(NEXT_ROOT), None), "byte {at}");
        let damage = journal.damage().expect("it is told").to_string();
        assert!(damage.contains(&format!("bytes at {damaged_at} are no records")), "{damage}");
        assert!(["one", "three", "four"].iter().all(|chunk| get(&journal, chunk.as_bytes()).is_some()));
    }
}

#[test]
fn a_lone_root_behind_rubbish_does_not_count() {
    let rubbish: Vec<u8> = (0..5000_u32).map(|number| (number * 7 + 1) as u8).collect();
    let journal = JournalFolder::with(&[sample(), rubbish, root_record(&NEXT_ROOT)].concat()).open();
    assert_eq!(journal.root(), Some(ROOT));
}

#[test]
fn a_journal_that_is_written_anew_gives_no_other_chunk() {
    let (one, two) = (chunk_record(b"one"), chunk_record(b"two"));
    assert_eq!(one.len(), two.len());
    let folder = JournalFolder::with(&[one.clone(), two.clone(), root_record(&ROOT)].concat());
    let journal = folder.open();
    assert_eq!(get(&journal, b"two").expect("it is there"), &b"two"[..]);
    // Writes as `dolt gc` does, except that the file stays the same, with whole records where others were.
    folder.write(&[two, one, root_record(&ROOT)].concat());
    for chunk in [&b"one"[..], b"two"] {
        let error = journal.get(&address_of(chunk)).expect_err("another chunk lies there");
        assert!(matches!(error, StoreError::DamagedChunk { .. }), "{error}");
    }
    folder.write(&root_record(&ROOT));
    assert!(journal.get(&address_of(b"one")).is_err(), "the file ends there, or a root follows");
}

#[test]
fn addresses_that_begin_alike_are_told_apart() {
    let with_last = |address: &Address, last: u8| {
        let mut bytes = *address.as_bytes();
        bytes[Address::LEN - 1] ^= last;
        let mut body = vec![1, 2, 2];
        body.extend(bytes);
        body.push(3);
        body.extend(crate::testing::snappy_block(&[last]));
        (Address::new(bytes), record(&body))
    };
    let start = address_of(b"one");
    let all: Vec<_> = (1..40).map(|last| with_last(&start, last)).collect();
    let journal =
        JournalFolder::with(&all.iter().flat_map(|(_, record)| record.clone()).collect::<Vec<_>>()).open();
    for (last, (address, _)) in (1..).zip(&all) {
        assert_eq!(journal.get(address).expect("it is whole").expect("it is there"), vec![last]);
    }
    assert!(journal.get(&start).is_err(), "there is none of this address");
    let addresses: Vec<_> = journal.addresses().collect::<Result<_, _>>().expect("all is whole");
    assert_eq!(addresses, all.iter().map(|(address, _)| *address).collect::<Vec<_>>());
}

#[test]
fn only_what_may_be_a_commit_is_named_as_such() {
    let message = |id: &str| [b"\x1b\0\0\0\x10\0\0\0", id.as_bytes(), b"and what it says"].concat();
    let (commit, blob) = (message("DCMT"), message("BLOB"));
    let folder =
        JournalFolder::with(&[chunk_record(&blob), chunk_record(&commit), root_record(&ROOT)].concat());
    let first = folder.open();
    let commits = |journal: &Journal, earlier| -> Vec<Address> {
        journal.possible_commits_since(earlier).collect::<Result<_, _>>().expect("all is whole")
    };
    assert_eq!((commits(&first, None), first.count_since(None)), (vec![address_of(&commit)], 2));
    assert_eq!((commits(&first, Some(&first)), first.count_since(Some(&first))), (vec![], 0));
}

#[test]
fn damage_anywhere_gives_no_wrong_chunk() {
    let whole = sample();
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        let Ok(journal) = JournalFolder::with(&bytes).try_open() else { continue };
        for chunk in [&b"one"[..], b"two"] {
            if let Ok(Some(found)) = journal.get(&address_of(chunk)) {
                assert_eq!(found, chunk, "byte {at}");
            }
        }
        assert!(journal.root().is_none_or(|root| root == ROOT));
    }
}

#[test]
fn records_of_a_later_version_are_refused() {
    let later = JournalFolder::with(&[sample(), record(&[1, 3, 2])].concat());
    let error = later.try_open().expect_err("kind 3");
    assert!(matches!(error, StoreError::UnsupportedFile { .. }), "{error}");
    assert!(error.to_string().contains("is of kind 3"), "{error}");
}

#[test]
fn what_follows_the_last_record_is_told_apart() {
    let tail = |bytes: &[u8]| {
        let journal = JournalFolder::with(&[&sample(), bytes].concat()).open();
        assert_eq!(journal.root(), Some(ROOT), "it does not count");
        journal.tail().expect("the folder is ours")
    };
    for zeros in [0, 7, 5000] {
        assert!(tail(&vec![0; zeros]).is_none(), "{zeros}");
    }
    let last = root_record(&NEXT_ROOT);
    for len in 1..last.len() {
        for zeros in [0, 5000] {
            let cut = [&last[..len], &vec![0; zeros]].concat();
            match tail(&cut) {
                None => assert!(last[..len].iter().all(|byte| *byte == 0), "{len}"),
                Some(FileFlaw::CutOff { offset, .. }) => assert_eq!(offset, sample().len() as u64),
                // Fewer bytes are missing than the four of its checksum.
                Some(FileFlaw::Damage(_)) => assert!(len + CHECKSUM_LEN > last.len(), "{len}"),
            }
        }
    }
    // A bit is flipped in what was written last: without a report, the loss of its root would go unnoticed.
    let written = [chunk_record(b"three"), last].concat();
    for bit in 0..written.len() * 8 {
        let mut flipped = written.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let journal = JournalFolder::with(&[sample(), flipped].concat()).open();
        assert!(journal.tail().expect("the folder is ours").is_some(), "bit {bit}");
    }
}

#[test]
fn content_that_its_record_does_not_belong_to_is_found() {
    let mut body = vec![1, 2, 2];
    body.extend(address_of(b"one").as_bytes());
    body.push(3);
    body.extend(crate::testing::snappy_block(b"two"));
    let journal = JournalFolder::with(&record(&body)).open();
    assert_eq!(get(&journal, b"one").expect("its record says so"), &b"two"[..]);
    let error = journal.get_verified(&address_of(b"one")).expect_err("its content is another");
    assert!(error.to_string().contains("another address"), "{error}");
    assert_eq!(journal.get_verified(&address_of(b"two")).expect("it is not there"), None);
}

#[test]
fn a_journal_that_was_written_over_is_told_from_one_that_grew() {
    let more = [chunk_record(b"three"), root_record(&NEXT_ROOT)].concat();
    let (long, short) = ([sample(), more.clone()].concat(), sample());
    let folder = JournalFolder::with(&long);
    let journal = folder.open();
    assert_eq!(journal.rewritten().expect("the folder is ours"), None);
    folder.write(&[&long[..], &chunk_record(b"four"), &[0; 100]].concat());
    assert_eq!(journal.rewritten().expect("the folder is ours"), None, "it grew");
    let another = [chunk_record(b"two"), chunk_record(b"one"), root_record(&ROOT), more.clone()].concat();
    let regrown =
        [short.clone(), chunk_record(b"another"), root_record(&ROOT), chunk_record(b"more"), more].concat();
    for (bytes, why) in [
        (short, "it ends at"),
        (Vec::new(), "it ends at 0"),
        (vec![0; long.len()], "another record"),
        (another, "another record stands at 0"),
        (regrown, "another record"),
    ] {
        folder.write(&bytes);
        let seen = journal.rewritten().expect("the folder is ours").expect("it is another one");
        assert!(seen.contains(why), "{seen}");
    }
    folder.write(&long);
    assert_eq!(journal.rewritten().expect("the folder is ours"), None, "it is back");
    folder.write(&vec![0; long.len()]);
    assert!(journal.get(&address_of(b"one")).is_err());
    folder.write(&long);
    assert!(
        journal.rewritten().expect("the folder is ours").is_some(),
        "a record was seen to be another one"
    );
}

#[test]
fn a_lone_root_counts_where_nothing_comes_before_it() {
    let journal = JournalFolder::with(&[vec![0; 5000], sample()].concat()).open();
    assert_eq!((journal.root(), get(&journal, b"two").is_some()), (Some(ROOT), true));
    let damage = journal.damage().expect("it is told").to_string();
    assert!(damage.contains("5000 bytes at 0 are no records"), "{damage}");
}

#[test]
fn a_journal_that_is_made_to_cost_time_is_given_up() {
    // Every eighth byte begins what looks like a record of 4 MiB. Reading each to its end would take hours.
    let hostile = [0, 0x40, 0, 3, 1, 2, 2, 0].repeat((12 << 20) / 8);
    let journal = JournalFolder::with(&[sample(), hostile.clone(), sample()].concat()).open();
    assert_eq!((journal.root(), journal.end), (Some(ROOT), sample().len() as u64));
    let damage = journal.damage().expect("it is told").to_string();
    assert!(damage.contains("too much of it looks like records"), "{damage}");
    assert!(matches!(journal.tail().expect("the folder is ours"), Some(FileFlaw::Damage(_))));
    // A few such places are no reason to give up.
    let journal =
        JournalFolder::with(&[sample(), hostile[..80].to_vec(), sample(), sample()].concat()).open();
    assert_eq!(journal.damage.len(), 1);
    assert_eq!(journal.unsearched, None);
}

#[test]
fn many_damaged_places_cost_one_pass() {
    let piece = [sample(), root_record(&NEXT_ROOT), vec![0xee; 7]].concat();
    let journal = JournalFolder::with(&[piece.repeat(20_000), sample(), root_record(&ROOT)].concat()).open();
    assert_eq!(journal.damage.len(), 20_000);
    let damage = journal.damage().expect("it is told").to_string();
    assert!(damage.contains("and in 19999 more places"), "{damage}");
    assert_eq!(journal.root(), Some(ROOT));
}

#[test]
fn only_the_newest_roots_are_kept() {
    let root = |number: u16| Address::new(std::array::from_fn(|at| number.to_le_bytes()[at % 2]));
    let folder =
        JournalFolder::with(&(1..1000).flat_map(|number| root_record(&root(number))).collect::<Vec<_>>());
    let roots: Vec<_> = folder.open().roots().copied().collect();
    assert_eq!(roots, (1000 - KEPT_ROOTS as u16..1000).rev().map(root).collect::<Vec<_>>());
}
