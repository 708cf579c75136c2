//! The contents of a store at each step of its history: everything that damage may let be read.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use asof::model::history::{History, SnapshotId, SnapshotMeta};

use super::check::{Reading, read};

#[derive(Clone, Default)]
pub struct Truth {
    /// By commit.
    pub commits: HashMap<SnapshotId, SnapshotMeta>,
    /// By commit and path.
    pub files: HashMap<(SnapshotId, Arc<str>), Arc<[u8]>>,
    /// Everything that the working set ever held, by path.
    pub live: HashMap<Arc<str>, HashSet<Arc<[u8]>>>,
    /// The branches and tags of each state.
    pub refs: Vec<Refs>,
    /// The number of commits' files that an undamaged store shows.
    pub whole: usize,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refs {
    pub branches: BTreeMap<String, SnapshotId>,
    pub tags: BTreeMap<String, SnapshotId>,
}

impl Refs {
    pub fn of(history: &History) -> Self {
        Self { branches: history.branches.clone(), tags: history.tags.clone() }
    }
}

impl Truth {
    /// Adds the present contents of the database in a folder.
    pub fn note(&mut self, database: &Path) {
        let reading = whole(database);
        let refs = Refs::of(&reading.history);
        if self.refs.last() != Some(&refs) {
            self.refs.push(refs);
        }
        for commit in reading.commits() {
            let known = self.commits.entry(Arc::clone(&commit.id)).or_insert_with(|| (**commit).clone());
            assert_eq!(*known, **commit, "commits do not change");
        }
        for (place, bytes) in reading.files {
            let bytes: Arc<[u8]> = bytes.expect("nothing is damaged").into();
            let known = self.files.entry(place).or_insert_with(|| Arc::clone(&bytes));
            assert!(*known == bytes, "contents do not change");
        }
        for (path, bytes) in reading.live {
            let bytes = bytes.expect("nothing is damaged");
            self.live.entry(path).or_default().insert(bytes.into());
        }
    }

    /// Records the final number of files, from a copy of the database.
    pub fn settle(&mut self, database: &Path) {
        let reading = whole(database);
        assert_eq!(self.refs.last(), Some(&Refs::of(&reading.history)));
        self.whole = reading.files.len();
    }
}

fn whole(database: &Path) -> Reading {
    let reading = read(database).unwrap_or_else(|error| panic!("{}", error.chain()));
    assert!(reading.failures.is_empty(), "{:?}", reading.failures);
    reading
}
