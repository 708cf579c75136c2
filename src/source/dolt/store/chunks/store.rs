//! A store in a folder or a git repository: the newest view of its files, renewed when they change.

use std::collections::HashSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use arc_swap::ArcSwap;
use bytes::Bytes;

use super::Chunks;
use super::block;
use super::journal::JOURNAL;
use super::manifest::MANIFEST;
use super::place::{Files, OLD_GENERATION, Place};
use super::view::View;
use crate::files::root::SourcePath;
use crate::model::access::Audience;
use crate::model::terminal::ShowPath;
use crate::source::dolt::store::address::Address;
use crate::source::dolt::store::error::StoreError;
use crate::util::locks::lock;

/// Where a database folder keeps its store.
const NOMS: &str = ".dolt/noms";
/// Lists what a shallow clone left behind.
const GHOSTS: &str = "ghostObjects.txt";

/// An open store. Nothing in its folder is locked or written.
pub struct ChunkStore {
    place: Place,
    files: Files,
    view: ArcSwap<View>,
    /// Held while the view is renewed.
    renewing: Mutex<()>,
    was_rewritten: AtomicBool,
    ghosts: HashSet<Address>,
}

impl ChunkStore {
    /// The folder of the store that `path` is or holds: a database folder, a `.dolt/noms`, a backup, the
    /// folder of a `file://` remote. `None` where there is none.
    pub fn locate(folder: &SourcePath) -> Option<SourcePath> {
        // One whose manifest is lost is a store all the same: its journal says what it holds.
        let is_store =
            |folder: &SourcePath| [MANIFEST, JOURNAL].iter().any(|name| folder.join(name).is_file());
        [Self::within(folder), folder.clone()].into_iter().find(is_store)
    }

    /// Where the folder of a database has its store.
    pub fn within(database: &SourcePath) -> SourcePath {
        database.join(NOMS)
    }

    /// Where the folder of a store has its old generation.
    pub fn old_generation(store: &SourcePath) -> SourcePath {
        store.join(OLD_GENERATION)
    }

    /// Opens the store at a place, which is a folder that [`Self::locate`] gave, or a git repository.
    ///
    /// # Errors
    /// What is wrong with which file.
    pub fn open(place: &Place) -> Result<Self, StoreError> {
        let files = Files::open(place)?;
        let view = View::load(place, &files, None)?.ok_or_else(|| {
            // Without an earlier view there is always a new one.
            StoreError::damaged(place.path(), "its files changed all the time")
        })?;
        let ghosts = read_ghosts(&files)?;
        Ok(Self {
            place: place.clone(),
            files,
            view: ArcSwap::from_pointee(view),
            renewing: Mutex::default(),
            was_rewritten: AtomicBool::new(false),
            ghosts,
        })
    }

    /// The place of the store.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// The folder of the store, or of the git repository that it is in.
    pub fn folder(&self) -> &Path {
        self.place.path()
    }

    /// Whom the files let read them now.
    pub fn audience(&self) -> Audience {
        self.files.audience()
    }

    /// The newest view.
    pub fn view(&self) -> Arc<View> {
        self.view.load_full()
    }

    /// The address of the store's root, as of the newest view.
    pub fn root(&self) -> Address {
        self.view.load().root()
    }

    /// Looks whether the files changed, and takes the new ones if so. Cheap where nothing changed (three
    /// `stat`, or a ref), and where a journal grew (only its new part is read). Gives whether the root is
    /// another one.
    ///
    /// # Errors
    /// What is wrong with which file; the view stays as it was then.
    pub fn refresh(&self) -> Result<bool, StoreError> {
        let _renewing = lock(&self.renewing);
        let current = self.view.load_full();
        let Some(view) = View::load(&self.place, &self.files, Some(&current))? else { return Ok(false) };
        if let Some(seen) = view.rewritten() {
            let store = self.folder().shown();
            tracing::warn!(%store, "the files were written over, all is read from the start: {seen}");
            self.was_rewritten.store(true, Ordering::Relaxed);
        }
        let is_moved = view.root() != current.root();
        self.view.store(Arc::new(view));
        Ok(is_moved)
    }

    /// Whether files that only grow, or never change, were found to be written over since the store was opened: as when a
    /// backup is copied back. What was found out before may not hold any more.
    pub fn was_rewritten(&self) -> bool {
        self.was_rewritten.load(Ordering::Relaxed)
    }

    /// Whether a shallow clone left this chunk behind on purpose.
    pub fn is_ghost(&self, address: &Address) -> bool {
        self.ghosts.contains(address)
    }

    /// Reads a chunk and checks that it is the one of its address, whatever file it is in.
    ///
    /// # Errors
    /// As [`Chunks::chunk`]; [`StoreError::DamagedChunk`] for another chunk.
    pub fn verify_address(&self, address: &Address) -> Result<(), StoreError> {
        let chunk = self.chunk(address)?;
        block::check_address(address, &chunk).map_err(|problem| StoreError::DamagedChunk {
            address: *address,
            file: self.folder().to_owned(),
            problem,
        })
    }
}

impl Chunks for ChunkStore {
    fn chunk(&self, address: &Address) -> Result<Bytes, StoreError> {
        let view = self.view.load();
        view.get(address)?.ok_or_else(|| view.absent(address, self.folder()))
    }
}

fn read_ghosts(files: &Files) -> Result<HashSet<Address>, StoreError> {
    let now = files.at(&files.state()?)?;
    let Some(bytes) = now.read(GHOSTS)? else { return Ok(HashSet::new()) };
    let damaged = |problem: String| StoreError::damaged(&now.path(GHOSTS), problem);
    let text = String::from_utf8(bytes).map_err(|_| damaged("it is not text".to_owned()))?;
    let ghosts = text.lines().map(str::parse::<Address>).collect::<Result<_, _>>();
    ghosts.map_err(|error| damaged(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::{ErrorKind, chain};
    use crate::source::dolt::store::testing::{
        address_of, archive, chunk_record, manifest, root_record, table_file, write_store,
    };

    fn write(folder: &Path, name: &str, bytes: impl AsRef<[u8]>) {
        std::fs::write(folder.join(name), bytes).expect("the folder is ours");
    }

    #[test]
    fn all_kinds_of_files_make_up_a_store() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let folder = folder.path();
        let old = folder.join("oldgen");
        std::fs::create_dir(&old).expect("the folder is ours");
        let (table, packed) = (Address::new([1; 20]), Address::new([2; 20]));
        let root = address_of(b"two");
        write(folder, &table.to_string(), table_file(&[b"one"]));
        write(&old, &format!("{packed}.darc"), archive(&[b"two", b"three"], 3));
        write(folder, MANIFEST, manifest(&root, &[(table, 1)]));
        write(&old, MANIFEST, manifest(&root, &[(packed, 2)]));
        let store = ChunkStore::open(&Place::folder(folder).expect("the folder is ours")).expect("a store");
        for chunk in ["one", "two", "three"] {
            let address = address_of(chunk.as_bytes());
            assert_eq!(store.chunk(&address).expect("it is there"), chunk);
            assert!(store.verify_address(&address).is_ok());
        }
        assert!(matches!(store.chunk(&address_of(b"four")), Err(StoreError::MissingChunk { .. })));
        assert_eq!((store.root(), store.view().count_since(None)), (root, 3));
    }

    #[test]
    fn a_refresh_takes_what_was_appended() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let folder = folder.path();
        write_store(folder, &[Bytes::from("one")], &address_of(b"one"));
        let store = ChunkStore::open(&Place::folder(folder).expect("the folder is ours")).expect("a store");
        assert!(!store.refresh().expect("nothing is wrong"));
        let journal = folder.join("v".repeat(32));
        let mut bytes = std::fs::read(&journal).expect("it is there");
        bytes.extend(chunk_record(b"two"));
        bytes.extend(root_record(&address_of(b"two")));
        std::fs::write(&journal, bytes).expect("the folder is ours");
        assert!(store.refresh().expect("nothing is wrong"));
        assert_eq!(store.root(), address_of(b"two"));
        assert_eq!(store.chunk(&address_of(b"two")).expect("it is there"), "two");
    }

    #[test]
    fn an_old_view_outlives_garbage_collection() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let folder = folder.path();
        write_store(folder, &[Bytes::from("one"), Bytes::from("two")], &address_of(b"one"));
        let store = ChunkStore::open(&Place::folder(folder).expect("the folder is ours")).expect("a store");
        let before = store.view();
        let table = Address::new([1; 20]);
        write(folder, &table.to_string(), table_file(&[b"two"]));
        write(folder, "new", manifest(&address_of(b"two"), &[(table, 1)]));
        std::fs::rename(folder.join("new"), folder.join(MANIFEST)).expect("the folder is ours");
        std::fs::remove_file(folder.join("v".repeat(32))).expect("the folder is ours");
        assert!(store.refresh().expect("nothing is wrong"));
        assert!(matches!(store.chunk(&address_of(b"one")), Err(StoreError::MissingChunk { .. })));
        assert_eq!(before.get(&address_of(b"one")).expect("it is whole").expect("it is there"), "one");
    }

    #[test]
    fn one_broken_file_hides_its_own_chunks_only_until_it_is_mended() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let folder = folder.path();
        let (table, packed) = (Address::new([1; 20]), Address::new([2; 20]));
        let archive_name = format!("{packed}.darc");
        let whole = archive(&[b"two", b"three"], 3);
        write(folder, &table.to_string(), table_file(&[b"one"]));
        write(folder, &archive_name, &whole[..whole.len() - 1]);
        write(folder, MANIFEST, manifest(&address_of(b"one"), &[(packed, 2), (table, 1)]));
        let store =
            ChunkStore::open(&Place::folder(folder).expect("the folder is ours")).expect("the root is whole");
        assert_eq!(store.chunk(&address_of(b"one")).expect("it is there"), "one");
        let error = store.chunk(&address_of(b"two")).expect_err("its file is broken");
        assert_eq!(error.kind(), ErrorKind::Damaged);
        let story = chain(&error);
        assert!(story.contains(&address_of(b"two").to_string()) && story.contains(&archive_name), "{story}");
        write(folder, &archive_name, whole);
        store.refresh().expect("nothing is wrong");
        assert_eq!(store.chunk(&address_of(b"two")).expect("it is mended"), "two");
        assert!(matches!(store.chunk(&address_of(b"four")), Err(StoreError::MissingChunk { .. })));
    }

    #[test]
    fn without_the_file_that_may_hold_the_root_nothing_opens() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let table = Address::new([1; 20]);
        write(folder.path(), &table.to_string(), "no table file, though long enough");
        write(folder.path(), MANIFEST, manifest(&address_of(b"one"), &[(table, 1)]));
        let error = ChunkStore::open(&Place::folder(folder.path()).expect("the folder is ours"))
            .err()
            .expect("its only file is broken");
        let story = chain(&error);
        assert!(story.contains("does not end as a table file does"), "{story}");
        assert!(story.contains(&table.to_string()) && story.contains(&address_of(b"one").to_string()));
    }

    #[test]
    fn what_is_no_store_is_said() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let place = SourcePath::of_folder(folder.path(), crate::files::root::Links::Beneath)
            .expect("the folder is ours");
        assert_eq!(ChunkStore::locate(&place), None);
        let error = ChunkStore::open(&Place::folder(folder.path()).expect("the folder is ours"))
            .err()
            .expect("there is none");
        assert!(error.to_string().contains("manifest"), "{error}");
        let missing = Address::new([1; 20]);
        write(folder.path(), MANIFEST, manifest(&missing, &[(missing, 1)]));
        let error = ChunkStore::open(&Place::folder(folder.path()).expect("the folder is ours"))
            .err()
            .expect("its file is missing");
        assert_eq!(error.kind(), ErrorKind::Missing);
        assert!(chain(&error).contains(&missing.to_string()), "{error}");
    }
}
