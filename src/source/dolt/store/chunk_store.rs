//! The store of a database, renewed when its files change.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use arc_swap::ArcSwap;
use bytes::Bytes;
use dolt_store::{Address, Chunks, Store, StoreError};

use super::files::{OpenedFiles, StorePlace};
use crate::content::chain;
#[cfg(test)]
use crate::files::root::{Links, SourcePath};
use crate::model::access::Audience;
use crate::model::terminal::ShowPath;
use crate::util::locks::lock;

/// An open store, and what it held at the newest look at its files. Nothing in its folder is locked or written.
pub struct ChunkStore {
    place: StorePlace,
    files: OpenedFiles,
    newest: ArcSwap<Store>,
    /// Held while the store is renewed.
    renewing: Mutex<()>,
    was_rewritten: AtomicBool,
}

impl ChunkStore {
    pub fn open(place: &StorePlace) -> Result<Self, StoreError> {
        let files = OpenedFiles::open(place)?;
        let store = Store::open_files(files.files())?;
        log_problems(&store, None);
        Ok(Self {
            place: place.clone(),
            files,
            newest: ArcSwap::from_pointee(store),
            renewing: Mutex::default(),
            was_rewritten: AtomicBool::new(false),
        })
    }

    /// Opens the store in a folder of a test.
    #[cfg(test)]
    pub fn of_folder(folder: &Path) -> Self {
        let folder = SourcePath::of_folder(folder, Links::Beneath).expect("the folder is ours");
        Self::open(&StorePlace::Folder(folder)).expect("a store")
    }

    /// The folder of the store, or of the git repository that it is in.
    pub fn folder(&self) -> &Path {
        self.place.path()
    }

    /// Who may read the files now.
    pub fn audience(&self) -> Audience {
        self.files.audience()
    }

    /// What the store held at the newest look.
    pub fn newest(&self) -> Arc<Store> {
        self.newest.load_full()
    }

    /// The address of the store's root, as of the newest look.
    pub fn root(&self) -> Address {
        self.newest.load().root()
    }

    /// The branch that is checked out now, where that is known.
    pub fn checked_out(&self) -> Result<Option<String>, StoreError> {
        self.newest.load().files().checked_out()
    }

    /// Looks at the files again. Returns whether the root is another one. After an error the store stays as it was.
    pub fn refresh(&self) -> Result<bool, StoreError> {
        let _renewing = lock(&self.renewing);
        let current = self.newest.load_full();
        let Some(store) = current.renewed()? else { return Ok(false) };
        log_problems(&store, Some(&current));
        if let Some(seen) = store.rewritten() {
            let folder = self.folder().shown();
            tracing::warn!(store = %folder, "the files were written over, all is read from the start: {seen}");
            self.was_rewritten.store(true, Ordering::Relaxed);
        }
        let is_moved = store.root() != current.root();
        self.newest.store(Arc::new(store));
        Ok(is_moved)
    }

    /// Whether files that only grow, or never change, were written over since the store was opened: as when a backup is
    /// copied back. What was found out before may not hold any more.
    pub fn was_rewritten(&self) -> bool {
        self.was_rewritten.load(Ordering::Relaxed)
    }

    /// Whether a shallow clone left this chunk behind on purpose.
    pub fn is_ghost(&self, address: &Address) -> bool {
        self.newest.load().is_ghost(address)
    }
}

impl Chunks for ChunkStore {
    fn chunk(&self, address: &Address) -> Result<Bytes, StoreError> {
        self.newest.load().chunk(address)
    }

    fn chunk_in<'r>(&self, address: &Address, room: &'r mut Vec<u8>) -> Result<&'r [u8], StoreError> {
        self.newest.load().chunk_in(address, room)
    }
}

/// Logs what is wrong with the files and was not wrong with them at an earlier look.
fn log_problems(store: &Store, earlier: Option<&Store>) {
    let of = |store: &Store| {
        let broken = store
            .broken()
            .map(|error| format!("{}; only what needs its chunks cannot be read", chain(error)));
        let damage = store.journal_damage().map(|error| format!("{error}; the records after that are read"));
        broken.chain(store.repairs().map(|error| error.to_string())).chain(damage).collect::<Vec<_>>()
    };
    let known = earlier.map(of).unwrap_or_default();
    for problem in of(store).iter().filter(|problem| !known.contains(problem)) {
        tracing::warn!("{problem}");
    }
}
