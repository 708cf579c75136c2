//! Compares the verification of a store with Dolt's: it counts the chunks that a full garbage collection keeps, and
//! finds everything that `dolt fsck` finds in reachable chunks.

pub mod oracle;
mod shapes;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use asof::content::ErrorKind;
use asof::source::Source;
use asof::source::dolt::store::{DoltStoreOptions, DoltStoreSource};
use asof::source::verify::{Contents, Finding, Progress, Severity};

use crate::damage::{Copy, SAMPLES, check, stores};
use crate::support::notice::tell;
use crate::support::random::Random;
use crate::support::wait;
use oracle::{addresses_in, collect, fsck};

/// Repeats a failing run.
const SEED: u64 = 20_260_406;
/// The number of bytes to flip, one at a time; every `TO_FSCK`th is shown to `dolt fsck` too.
const FLIPS: u64 = 600;
const TO_FSCK: u64 = 12;
/// A short run tries one in this many.
const SHARE: u64 = 3;
/// The time limit for verifying a small store.
const LIMIT: Duration = Duration::from_secs(20);

/// The result of a verification.
#[derive(Debug)]
pub struct Said {
    /// The number of sound chunks; None if not even the history could be read.
    pub chunks: Option<usize>,
    pub findings: Vec<Finding>,
}

impl Said {
    fn worst(&self) -> Option<Severity> {
        self.findings.iter().map(|finding| finding.severity).max()
    }

    #[track_caller]
    pub fn expect_nothing(&self) -> usize {
        assert!(self.findings.is_empty(), "{:?}", self.findings);
        self.chunks.expect("it was checked")
    }
}

/// Verifies the one database at a path.
pub fn verify(path: &Path) -> Said {
    let work = async {
        let found = async {
            let source = DoltStoreSource::open(path, DoltStoreOptions::default())?;
            let databases = source.poll().await?.expect("the first poll lists");
            databases[0].verify(&Progress::default()).await
        };
        tokio::time::timeout(LIMIT, found).await.expect("nothing hangs")
    };
    match wait(work) {
        Ok(verdict) => {
            assert_eq!(verdict.contents, Contents::Newest);
            let (chunks, _) = verdict.checked[0].split_once(" chunk").expect("it says how many");
            let chunks = chunks.replace(',', "").parse().expect("a number");
            Said { chunks: Some(chunks), findings: verdict.findings }
        }
        Err(error) => {
            assert!(
                matches!(
                    error.kind,
                    ErrorKind::Damaged | ErrorKind::Missing | ErrorKind::Unsupported | ErrorKind::Invalid
                ),
                "{:?}: {}",
                error.kind,
                error.chain()
            );
            Said { chunks: None, findings: vec![Finding::of("the store", &error)] }
        }
    }
}

/// The store's own files.
fn store_files(copy: &Copy) -> Vec<&(PathBuf, Vec<u8>)> {
    copy.files.iter().filter(|(path, _)| path.components().any(|part| part.as_os_str() == "noms")).collect()
}

#[test]
fn a_whole_store_has_as_many_chunks_as_a_full_collection_keeps() {
    for copy in SAMPLES.iter().map(Copy::new) {
        let chunks = verify(&copy.database()).expect_nothing();
        let (is_content, said) = fsck(copy.sample.dolt, &copy.database()).expect("it ends for a whole store");
        assert!(is_content, "{said}");
        let kept = collect(copy.sample.dolt, &copy.database());
        assert_eq!(chunks, kept.len(), "before the collection");
        assert_eq!(verify(&copy.database()).expect_nothing(), kept.len(), "after the collection");
    }
}

#[test]
fn every_flipped_byte_that_matters_is_found() {
    let is_long = std::env::var_os("ASOF_LONG_TESTS").is_some_and(|value| value == "1");
    if !is_long {
        tell(&format!("NOT RUN: two thirds of {FLIPS} checks of flipped bytes: ASOF_LONG_TESTS=1 tries all"));
    }
    eprintln!("checked flips: seed {SEED}");
    let (mut found, mut harmless, mut by_fsck, mut no_verdict) = (0, 0, 0, 0);
    for (at, sample) in SAMPLES.iter().enumerate() {
        let copy = Copy::new(sample);
        let pristine = Copy::new(sample);
        let alive = collect(sample.dolt, &pristine.database());
        for turn in (at as u64..FLIPS).step_by(SAMPLES.len()) {
            let round = turn / SAMPLES.len() as u64;
            if !is_long && !round.is_multiple_of(SHARE) {
                continue;
            }
            let mut random = Random::new(SEED + turn);
            let files = store_files(&copy);
            let (path, whole) = random.one_of(&files);
            let place = random.below(whole.len() as u64) as usize;
            let mut bytes = whole.clone();
            bytes[place] ^= 1 << random.below(8);
            fs::write(path, &bytes).expect("the folder is ours");
            let what = format!("flip {turn}: byte {place} of {}", path.display());
            let said = verify(&copy.database());
            match said.findings.is_empty() {
                true => {
                    harmless += 1;
                    assert_eq!(said.chunks, Some(alive.len()), "{what}: all of it is there");
                    let read = check::read(&copy.database())
                        .unwrap_or_else(|error| panic!("{what}: {}", error.chain()));
                    assert!(
                        read.failures.is_empty() && read.files.len() == copy.sample.truth.whole,
                        "{what}"
                    );
                }
                false => found += 1,
            }
            if round.is_multiple_of(TO_FSCK) {
                let Some((is_content, words)) = fsck(copy.sample.dolt, &copy.database()) else {
                    no_verdict += 1;
                    fs::write(path, whole).expect("the folder is ours");
                    continue;
                };
                let bad = addresses_in(&words);
                if !is_content && bad.iter().any(|address| alive.contains(address)) {
                    by_fsck += 1;
                    assert!(!said.findings.is_empty(), "{what}: {words}");
                }
            }
            fs::write(path, whole).expect("the folder is ours");
        }
    }
    if no_verdict > 0 {
        tell(&format!("NOT COMPARED: {no_verdict} flips of which `dolt fsck` said nothing within its time"));
    }
    eprintln!("checked flips: {found} found, {harmless} harmless, {by_fsck} that fsck finds as well");
    assert!(found > 20 && harmless > 0 && by_fsck > 0, "{found} {harmless} {by_fsck}");
}

#[test]
fn a_file_that_is_gone_or_cut_is_named() {
    for copy in SAMPLES.iter().map(Copy::new) {
        for (path, whole) in store_files(&copy) {
            let name = path.file_stem().and_then(|name| name.to_str()).expect("names are ASCII");
            for half in [false, true] {
                match half {
                    true => fs::write(path, &whole[..whole.len() / 2]),
                    false => fs::remove_file(path),
                }
                .expect("the folder is ours");
                let said = verify(&copy.database());
                let is_content = said.worst() == Some(Severity::Note)
                    && fsck(copy.sample.dolt, &copy.database()).is_none_or(|(is_content, _)| is_content);
                let what = format!("{} {}: {said:?}", if half { "half" } else { "none" }, path.display());
                fs::write(path, whole).expect("the folder is ours");
                let says = |words: &str| {
                    let has =
                        |finding: &Finding| finding.place.contains(words) || finding.problem.contains(words);
                    said.findings.iter().any(has)
                };
                // A file that the manifest no longer names is missing; without a manifest there is no store.
                let is_told = || says("is not in the store") || says("there is no Dolt database");
                assert!(says(name) || name == "manifest" && is_told(), "{what}");
                if said.worst() == Some(Severity::Note) {
                    // A cut journal looks like an earlier state of it: only a broken last record shows the loss.
                    assert!(half && name == "v".repeat(32) && is_content, "{what}");
                } else {
                    assert_eq!(said.worst(), Some(Severity::Wrong), "{what}");
                }
            }
        }
    }
}

#[test]
fn what_is_lost_is_said_in_words() {
    // The old generation has table files with one block after the other.
    let copy = Copy::new(&Arc::clone(&SAMPLES[1]));
    let old = |path: &Path| {
        path.parent().is_some_and(|folder| folder.ends_with("oldgen")) && !path.ends_with("manifest")
    };
    let (path, whole) = copy
        .files
        .iter()
        .filter(|(path, _)| old(path))
        .max_by_key(|(_, whole)| whole.len())
        .expect("it was collected");
    let mut words = Vec::new();
    for place in (40..whole.len()).step_by(whole.len() / 60) {
        if !stores::is_one_chunk(path, whole, place) {
            break;
        }
        let mut bytes = whole.clone();
        bytes[place] ^= 0x10;
        fs::write(path, &bytes).expect("the folder is ours");
        let said = verify(&copy.database());
        if said.chunks.is_some() {
            assert_eq!(said.findings.len(), 1, "one chunk at {place}: {said:?}");
            let finding = &said.findings[0];
            assert!(finding.problem.contains(&*path.to_string_lossy()), "{finding:?}");
            assert!(
                finding.problem.contains("at byte ") && finding.problem.contains(" refers to it"),
                "{finding:?}"
            );
            words.push(finding.place.clone());
        }
    }
    let has = |parts: &[&str]| words.iter().any(|place| parts.iter().all(|part| place.contains(part)));
    assert!(has(&["branch ", "commit ", " of 20", "table issues", "its rows"]), "{words:#?}");
    assert!(has(&["table issues", "a long value"]), "{words:#?}");
}
