//! Stores whose files are damaged in every way: nothing panics, nothing hangs, no byte is wrong, and only what needs
//! the damaged chunk fails, with an error that names the chunk or the file.

pub mod check;
pub mod stores;
mod truth;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use asof::source::dolt::store::{DoltStoreOptions, DoltStoreSource};
use asof::source::{Database, Source};

use crate::support::notice::tell;
use crate::support::random::Random;
use crate::support::wait;
use check::{Outcome, Tally, read};
use stores::{Sample, samples};

/// The number of bytes to flip, one at a time.
const FLIPS: u64 = 5_000;
/// A short run tries one in this many.
const SHARE: u64 = 5;
/// Repeats a failing run.
const SEED: u64 = 20_260_104;

pub static SAMPLES: LazyLock<Vec<Arc<Sample>>> =
    LazyLock::new(|| samples().into_iter().map(Arc::new).collect());

/// Whether to run everything, however long it takes.
fn is_long() -> bool {
    std::env::var_os("ASOF_LONG_TESTS").is_some_and(|value| value == "1")
}

/// A sample's own copy, to be damaged.
pub struct Copy {
    pub sample: Arc<Sample>,
    folder: tempfile::TempDir,
    /// Its files below the folder, with their undamaged bytes.
    pub files: Vec<(PathBuf, Vec<u8>)>,
}

impl Copy {
    pub fn new(sample: &Arc<Sample>) -> Self {
        let folder = crate::support::temp_dir();
        stores::copy(sample.folder.path(), folder.path());
        let mut files = stores::files(folder.path());
        // An empty file cannot be damaged, and the journal's index is not read.
        files.retain(|(path, bytes)| !bytes.is_empty() && !path.ends_with("journal.idx"));
        Self { sample: Arc::clone(sample), folder, files }
    }

    pub fn database(&self) -> PathBuf {
        self.folder.path().join(stores::NAME)
    }

    /// Damages the files, checks everything that can still be read, and restores the files.
    fn try_with(&self, what: &str, harmed: &[&Path], damage: impl FnOnce()) -> Outcome {
        damage();
        let outcome = check::check(&self.sample, &self.database(), what, harmed);
        for (path, whole) in self.files.iter().filter(|(path, _)| harmed.contains(&path.as_path())) {
            fs::write(path, whole).expect("the folder is ours");
        }
        outcome
    }

    /// A random offset in any file; small files get their share too.
    fn place(&self, random: &mut Random) -> (&Path, &[u8], usize) {
        let total: usize = self.files.iter().map(|(_, bytes)| bytes.len()).sum();
        let mut at = random.below(total as u64) as usize;
        let mut chosen = &self.files[0];
        if random.below(8) == 0 {
            chosen = random.one_of(&self.files);
            at = random.below(chosen.1.len() as u64) as usize;
        } else {
            for file in &self.files {
                chosen = file;
                match at.checked_sub(file.1.len()) {
                    Some(beyond) => at = beyond,
                    None => break,
                }
            }
        }
        let (path, bytes) = chosen;
        (path, bytes, at)
    }
}

#[test]
fn every_flipped_byte() {
    let is_long = is_long();
    let turns: Vec<u64> = (0..FLIPS).filter(|turn| is_long || turn % SHARE == 0).collect();
    if !is_long {
        let left = FLIPS as usize - turns.len();
        tell(&format!("NOT RUN: {left} of {FLIPS} flipped bytes: ASOF_LONG_TESTS=1 tries all"));
    }
    eprintln!("flips: seed {SEED}");
    let workers = 2;
    let tallies: Vec<Tally> = std::thread::scope(|scope| {
        let run = |worker: usize| {
            let turns = turns.iter().skip(worker).step_by(workers).copied().collect::<Vec<_>>();
            scope.spawn(move || flip(&turns))
        };
        let running: Vec<_> = (0..workers).map(run).collect();
        running.into_iter().map(|thread| thread.join().expect("no flip breaks the reader")).collect()
    });
    let tally = tallies.into_iter().fold(Tally::default(), Tally::and);
    eprintln!("flips: {tally:?}");
    assert_eq!(tally.all(), turns.len());
    assert!(tally.unopened * 10 < tally.all(), "{tally:?}: few bytes matter to all of a store");
    assert!(tally.partly > 0 && tally.unharmed > 0, "{tally:?}");
}

fn flip(turns: &[u64]) -> Tally {
    let copies: Vec<_> = SAMPLES.iter().map(Copy::new).collect();
    let mut tally = Tally::default();
    for &turn in turns {
        let mut random = Random::new(SEED + turn);
        let copy = &copies[turn as usize / SHARE as usize % copies.len()];
        let (path, whole, at) = copy.place(&mut random);
        let mut bytes = whole.to_vec();
        bytes[at] ^= 1 << random.below(8);
        let what = format!("flip {turn}: byte {at} of {}", path.display());
        let outcome = copy.try_with(&what, &[path], || fs::write(path, bytes).expect("the folder is ours"));
        assert!(outcome.chunks <= 1 || !stores::is_one_chunk(path, whole, at), "{what}: {outcome:?}");
        tally.add(&outcome);
    }
    tally
}

#[test]
fn truncated_files_and_zeroed_ranges() {
    eprintln!("truncated, zeroed: seed {SEED}");
    let mut random = Random::new(SEED);
    let rounds = if is_long() { 500 } else { 50 };
    let mut tally = Tally::default();
    for copy in SAMPLES.iter().map(Copy::new) {
        for round in 0..rounds {
            let (path, whole, at) = copy.place(&mut random);
            let len = (random.below(300) as usize + 1).min(whole.len() - at);
            let (cut, mut zeroed) = (&whole[..at], whole.to_vec());
            zeroed[at..at + len].fill(0);
            let (what, bytes) = match round % 2 {
                0 => (format!("cut at {at}: {}", path.display()), cut),
                _ => (format!("zeros at {at}..{}: {}", at + len, path.display()), zeroed.as_slice()),
            };
            tally.add(&copy.try_with(&what, &[path], || fs::write(path, bytes).expect("the folder is ours")));
        }
    }
    eprintln!("truncated, zeroed: {tally:?}");
    assert!(tally.partly > 0, "{tally:?}");
}

#[test]
fn removed_and_swapped_files() {
    let mut tally = Tally::default();
    for copy in SAMPLES.iter().map(Copy::new) {
        for (at, (path, whole)) in copy.files.iter().enumerate() {
            let what = format!("removed: {}", path.display());
            tally.add(&copy.try_with(&what, &[path], || fs::remove_file(path).expect("the folder is ours")));
            for (other, other_whole) in &copy.files[at + 1..] {
                let what = format!("swapped: {} and {}", path.display(), other.display());
                tally.add(&copy.try_with(&what, &[path, other], || {
                    fs::write(path, other_whole).expect("the folder is ours");
                    fs::write(other, whole).expect("the folder is ours");
                }));
            }
        }
    }
    eprintln!("removed, swapped: {tally:?}");
    assert!(tally.partly > 0 && tally.unopened > 0, "{tally:?}");
}

#[test]
fn a_mended_file_brings_its_commits_back() {
    let copy = Copy::new(&SAMPLES[1]);
    let whole = read(&copy.database()).unwrap_or_else(|error| panic!("{}", error.chain()));
    let old =
        copy.files.iter().filter(|(path, _)| path.parent().is_some_and(|folder| folder.ends_with("oldgen")));
    let (file, bytes) = old.max_by_key(|(_, bytes)| bytes.len()).expect("the sample was collected");
    fs::write(file, &bytes[..bytes.len() - 1]).expect("the folder is ours");
    let source = DoltStoreSource::open(&copy.database(), DoltStoreOptions::default()).expect("it is there");
    let timeline =
        |found: Option<Vec<Arc<dyn Database>>>| found.map(|found| found[0].history().timeline.clone());
    let poll = || wait(source.poll()).unwrap_or_else(|error| panic!("{}", error.chain()));
    let shown = timeline(poll()).expect("the first poll lists");
    assert!(!shown.is_empty() && shown.len() < whole.history.timeline.len(), "{} commits", shown.len());
    fs::write(file, bytes).expect("the folder is ours");
    assert_eq!(timeline(poll()).expect("it is news"), whole.history.timeline);
    assert!(poll().is_none(), "nothing changed since");
}
