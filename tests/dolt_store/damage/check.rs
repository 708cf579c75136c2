//! Reads a whole store and compares it with the truth.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use asof::content::{ErrorKind, FileEntry, SourceError};
use asof::engine::Engine;
use asof::model::content_id::ContentId;
use asof::model::history::{History, SnapshotId, SnapshotMeta};
use asof::source::Source;
use asof::source::dolt::store::{DoltStoreOptions, DoltStoreSource};

use super::stores::Sample;
use super::truth::Refs;
use crate::support::{reading, wait};

/// The time limit for reading a whole small store.
const LIMIT: Duration = Duration::from_secs(20);
/// The memory for contents, in bytes: so little that segments are evicted and made again.
const CACHE: u64 = 64 << 10;

/// The bytes of a file, or the errors of each way to read it.
type Bytes = Result<Vec<u8>, Vec<Arc<SourceError>>>;

/// Everything that could be read from a store.
pub struct Reading {
    pub history: History,
    pub files: HashMap<(SnapshotId, Arc<str>), Bytes>,
    pub live: HashMap<Arc<str>, Bytes>,
    /// The errors of listings and contents.
    pub failures: Vec<Arc<SourceError>>,
}

impl Reading {
    pub fn commits(&self) -> impl Iterator<Item = &Arc<SnapshotMeta>> {
        self.history.timeline.iter().chain(&self.history.off_timeline)
    }
}

/// Reads a whole database, each content once, like a mount.
pub fn read(database: &Path) -> Result<Reading, SourceError> {
    let source = DoltStoreSource::open(database, DoltStoreOptions::default())?;
    wait(async { tokio::time::timeout(LIMIT, read_all(&source)).await }).expect("nothing hangs")
}

async fn read_all(source: &DoltStoreSource) -> Result<Reading, SourceError> {
    let mut databases = source.poll().await?.expect("the first poll lists");
    let database = databases.pop().expect("the folder holds one");
    let history = database.history().clone();
    let mut reading = Reading { history, files: HashMap::new(), live: HashMap::new(), failures: Vec::new() };
    let (engine, mut contents) = (Engine::new(CACHE), HashMap::new());
    let ids: Vec<_> = reading.commits().map(|commit| Arc::clone(&commit.id)).collect();
    for id in ids {
        match database.files(&id).await {
            Err(error) => reading.failures.push(error.into()),
            Ok(files) => {
                for file in files.iter() {
                    let bytes = content(file, &engine, &mut contents, &mut reading.failures).await;
                    reading.files.insert((Arc::clone(&id), Arc::clone(&file.path)), bytes);
                }
            }
        }
    }
    if database.capabilities().working_set {
        match database.live_files().await {
            Err(error) => reading.failures.push(error.into()),
            Ok(files) => {
                for file in files.iter() {
                    let bytes = content(file, &engine, &mut contents, &mut reading.failures).await;
                    reading.live.insert(Arc::clone(&file.path), bytes);
                }
            }
        }
    }
    Ok(reading)
}

async fn content(
    file: &FileEntry,
    engine: &Engine,
    known: &mut HashMap<ContentId, Bytes>,
    failures: &mut Vec<Arc<SourceError>>,
) -> Bytes {
    if let Some(bytes) = known.get(&file.id) {
        return bytes.clone();
    }
    let bytes = reading::checked(engine, file.id, &file.content).await;
    failures.extend(bytes.as_ref().err().into_iter().flatten().cloned());
    known.insert(file.id, bytes.clone());
    bytes
}

/// The outcome for a damaged store.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Whether its history could be read.
    pub is_open: bool,
    /// Whether everything in the whole store could be read.
    pub is_whole: bool,
    /// The number of different chunks that the errors name.
    pub chunks: usize,
}

/// The number of stores by outcome.
#[derive(Debug, Default)]
pub struct Tally {
    pub unharmed: usize,
    pub partly: usize,
    pub unopened: usize,
}

impl Tally {
    pub fn add(&mut self, outcome: &Outcome) {
        match (outcome.is_open, outcome.is_whole) {
            (false, _) => self.unopened += 1,
            (true, true) => self.unharmed += 1,
            (true, false) => self.partly += 1,
        }
    }

    pub fn and(self, other: Self) -> Self {
        Self {
            unharmed: self.unharmed + other.unharmed,
            partly: self.partly + other.partly,
            unopened: self.unopened + other.unopened,
        }
    }

    pub fn all(&self) -> usize {
        self.unharmed + self.partly + self.unopened
    }
}

/// Reads a damaged store and checks that nothing it shows is wrong. `harmed` are the damaged files.
pub fn check(sample: &Sample, database: &Path, what: &str, harmed: &[&Path]) -> Outcome {
    let reading = match read(database) {
        Ok(reading) => reading,
        Err(error) => {
            check_error(&error, database, what, harmed);
            return Outcome::default();
        }
    };
    check_history(sample, &reading, what);
    let truth = &sample.truth;
    let mut right = 0;
    for (place, bytes) in &reading.files {
        let expected = truth.files.get(place).unwrap_or_else(|| panic!("{what}: {place:?} never was"));
        if let Ok(bytes) = bytes {
            assert!(**expected == **bytes, "{what}: wrong bytes in {place:?}");
            right += 1;
        }
    }
    for (path, bytes) in &reading.live {
        let expected = truth.live.get(path).unwrap_or_else(|| panic!("{what}: {path} never was in live/"));
        if let Ok(bytes) = bytes {
            assert!(expected.contains(bytes.as_slice()), "{what}: wrong bytes in live/{path}");
        }
    }
    for error in &reading.failures {
        check_error(error, database, what, harmed);
    }
    let chunks: BTreeSet<_> = reading.failures.iter().filter_map(|error| chunk_of(&error.chain())).collect();
    Outcome { is_open: true, is_whole: right == truth.whole, chunks: chunks.len() }
}

/// Checks that the history existed once, except for commits that cannot be read.
fn check_history(sample: &Sample, reading: &Reading, what: &str) {
    let truth = &sample.truth;
    for commit in reading.commits() {
        assert_eq!(truth.commits.get(&commit.id), Some(&**commit), "{what}");
    }
    let shown: BTreeSet<_> = reading.commits().map(|commit| &commit.id).collect();
    let refs = Refs::of(&reading.history);
    // A branch is missing if its commit cannot be read, a tag if the tag itself cannot be.
    let is_state = |state: &Refs| {
        let mut left_out = state.branches.iter().filter(|(name, _)| !refs.branches.contains_key(*name));
        refs.branches.iter().all(|(name, id)| state.branches.get(name) == Some(id))
            && refs.tags.iter().all(|(name, id)| state.tags.get(name) == Some(id))
            && left_out.all(|(_, id)| !shown.contains(id))
    };
    let is_nothing = refs.branches.is_empty() && shown.is_empty();
    assert!(is_nothing || truth.refs.iter().any(is_state), "{what}: {refs:?} never was");
}

/// Checks that an error reports damage and names the chunk or file.
fn check_error(error: &SourceError, database: &Path, what: &str, harmed: &[&Path]) {
    let story = error.chain();
    let is_of_damage = matches!(error.kind, ErrorKind::Damaged | ErrorKind::Missing | ErrorKind::Unsupported);
    let is_no_store = error.kind == ErrorKind::Invalid && story.contains("there is no Dolt database");
    assert!(is_of_damage || is_no_store, "{what}: {:?}: {story}", error.kind);
    let names_file = harmed.iter().any(|path| story.contains(&*path.to_string_lossy()));
    let names_chunk = chunk_of(&story).is_some() && story.contains(&*database.to_string_lossy());
    assert!(
        names_file || names_chunk || is_no_store,
        "{what}: the error names neither chunk nor file: {story}"
    );
}

/// The address of the chunk that an error names.
fn chunk_of(story: &str) -> Option<String> {
    let (_, rest) = story.rsplit_once("chunk ")?;
    let address: String = rest.chars().take_while(char::is_ascii_alphanumeric).collect();
    (address.len() == 32).then_some(address)
}
