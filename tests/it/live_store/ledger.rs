//! The server's answers about each commit, the readers' observations, and the commits that may be gone.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

/// The files of a commit by name, as the server has them.
type Files = BTreeMap<String, Vec<u8>>;

#[derive(Default)]
pub struct Ledger {
    truth: Mutex<HashMap<String, Files>>,
    seen: Mutex<HashMap<(String, String), Vec<u8>>>,
    doomed: Mutex<HashSet<String>>,
    tally: Mutex<Tally>,
    /// Locked while a session asks the server about a commit: a collection would end the session.
    asking: RwLock<()>,
}

#[derive(Debug, Default, Clone, Copy)]
pub struct Tally {
    pub commits: usize,
    pub rewritten: usize,
    pub branches_deleted: usize,
    pub collections: usize,
    /// The files read, and how many of them through the server.
    pub reads: usize,
    pub served: usize,
    /// The longest of these reads, including failed ones.
    pub longest: Duration,
    /// Reads that failed while the server could not be reached.
    pub failed: usize,
    /// Files and folders that were gone, as is allowed.
    pub gone: usize,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A thread that failed has said why; the others still end normally.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Ledger {
    /// Holds up collections.
    pub fn ask(&self) -> RwLockReadGuard<'_, ()> {
        self.asking.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until no session asks.
    pub fn collect(&self) -> RwLockWriteGuard<'_, ()> {
        self.asking.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records what the server says about a commit, and checks what readers saw of it before.
    pub fn record(&self, commit: &str, files: Files) {
        let mut truth = lock(&self.truth);
        for ((_, name), bytes) in lock(&self.seen).iter().filter(|((seen, _), _)| seen == commit) {
            compare(commit, name, bytes, &files);
        }
        truth.insert(commit.to_owned(), files);
        drop(truth);
        self.count(|tally| tally.commits += 1);
    }

    /// Whether the server has been asked about a commit.
    pub fn knows(&self, commit: &str) -> bool {
        lock(&self.truth).contains_key(commit)
    }

    /// The names of all files of a commit, if the server has been asked about it.
    pub fn names(&self, commit: &str) -> Option<Vec<String>> {
        lock(&self.truth).get(commit).map(|files| files.keys().cloned().collect())
    }

    /// Records what a reader saw, and checks it if the server has been asked before.
    pub fn saw(&self, commit: &str, name: &str, bytes: Vec<u8>) {
        self.count(|tally| tally.reads += 1);
        let truth = lock(&self.truth);
        if let Some(files) = truth.get(commit) {
            compare(commit, name, &bytes, files);
        }
        let mut seen = lock(&self.seen);
        let before = seen.entry((commit.to_owned(), name.to_owned())).or_insert_with(|| bytes.clone());
        assert!(
            *before == bytes,
            "{name} at {commit} changed from {} to {} bytes",
            before.len(),
            bytes.len()
        );
    }

    /// Records that from now on no ref may reach these commits.
    pub fn doom(&self, commits: impl IntoIterator<Item = String>) {
        lock(&self.doomed).extend(commits);
    }

    /// Whether a commit may be gone.
    pub fn is_doomed(&self, commit: &str) -> bool {
        lock(&self.doomed).contains(commit)
    }

    pub fn count(&self, change: impl FnOnce(&mut Tally)) {
        change(&mut lock(&self.tally));
    }

    pub fn tally(&self) -> Tally {
        *lock(&self.tally)
    }
}

/// The server is not asked for the statements of `schema.sql`; they only have to stay the same.
fn compare(commit: &str, name: &str, bytes: &[u8], truth: &Files) {
    if name == "schema.sql" {
        return;
    }
    let expected = truth.get(name).unwrap_or_else(|| panic!("the server has no {name} at {commit}"));
    crate::support::files::assert_same(&format!("{name} at {commit}"), bytes, expected);
}
