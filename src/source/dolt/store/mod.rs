//! A Dolt store's own files, read without Dolt: no server, no lock, nothing written.
//!
//! | file | concern |
//! | --- | --- |
//! | `error` | errors of the crate `dolt-store`, which reads the files, as those of a source |
//! | `files`, `chunk_store`, `recent_chunks` | where the files are; an open store; chunks that were read last |
//! | `renderer` | leaves as JSON lines or SQL |
//! | `graph`, `walk`, `history` | commits; their order; branches and tags |
//! | `lineage` | which commit last changed which table: the identity of contents |
//! | `lost` | commits that no name reaches any more |
//! | `discover` | which databases a folder holds |
//! | `shared`, `database`, `known` | what views of a database share; one view; what is kept between polls |
//! | `content`, `table_rows`, `cutter` | the rows of a table; their tree; cutting long leaves |
//! | `named_row`, `key_order` | one row by its key; the order of keys |
//! | `schema_file`, `live` | `schema.sql`; the working set |
//! | `verify` | whether every chunk is whole that the root reaches |

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use globset::GlobSet;

mod chunk_store;
mod content;
mod cutter;
mod database;
mod discover;
mod dump;
mod error;
mod files;
mod graph;
mod history;
mod key_order;
mod known;
mod lineage;
mod live;
mod live_memory;
mod lost;
mod named_row;
mod recent_chunks;
mod renderer;
mod schema_file;
mod shared;
mod table_rows;
mod verify;
mod walk;

use dolt_store::StoreError;

use crate::content::blocking::on_blocking_thread;
use crate::content::{ErrorKind, SourceError, chain};
use crate::files::root::{LEADS_OUTSIDE_HINT, Links, SourcePath};
use crate::files::watch::FolderWatch;
use crate::model::terminal::ShowPath;
use crate::source::dolt::common::complain;
use crate::source::verify::Finding;
use crate::source::{Database, POLL_INTERVAL, Source};
use crate::util::clock::WallClock;
use crate::util::locks::lock;
use chunk_store::ChunkStore;
use discover::Named;
use error::IntoSourceError;
use files::{StoreInGit, StorePlace};
use known::KnownDatabase;
use lost::CommitScanner;
use recent_chunks::RecentChunks;
use shared::SharedDatabase;

/// Time between two looks at folders whose changes the kernel reports. It does not report a file system that is mounted
/// over one, nor the replacement of a folder above.
const SAFETY_NET: Duration = Duration::from_secs(5);

/// How to read stores.
#[derive(Debug, Clone, Default)]
pub struct DoltStoreOptions {
    /// The name to show instead of the database's own (`NAME=` before the source); only for a folder with one
    /// database.
    pub name: Option<String>,
    /// Tables to leave out: patterns for `table` and for `db/table`.
    pub exclude: GlobSet,
    /// Which links are followed (`--follow-links`).
    pub links: Links,
    /// The full name of the ref that holds the data in a git repository, where it was chosen.
    pub reference: Option<String>,
    /// What time it is.
    pub clock: WallClock,
}

/// A folder with Dolt stores as a source of databases.
#[derive(Clone)]
pub struct DoltStoreSource {
    inner: Arc<StoreSourceInner>,
}

struct StoreSourceInner {
    named: Named,
    /// The database in a git repository, which never has another one; `None` for folders, whose databases come and go.
    in_git: Option<(String, StorePlace)>,
    label: Arc<str>,
    options: DoltStoreOptions,
    values: Arc<RecentChunks>,
    watch: FolderWatch,
    known: Mutex<KnownDatabases>,
    scanner: CommitScanner,
}

/// What the last poll left.
#[derive(Default)]
struct KnownDatabases {
    databases: BTreeMap<String, KnownDatabase>,
    /// Why databases could not be read, so that each reason is logged once.
    complaints: BTreeMap<String, Finding>,
    was_listed: bool,
}

impl DoltStoreSource {
    /// Whether a folder is or holds Dolt databases in one of the ways that [`Self::open`] reads.
    pub fn is_at(path: &Path, links: Links) -> bool {
        Named::new(path, links, WallClock::system())
            .and_then(|named| named.places())
            .is_ok_and(|found| !found.is_empty())
    }

    /// Why there is no Dolt database in a git repository; `None` for what is no git repository, or holds one.
    pub fn missing_in_git(path: &Path, links: Links) -> Option<String> {
        discover::look_into_git(path, links)?.err().map(|error| chain(&error))
    }

    /// The branches of a git repository that hold Dolt databases.
    pub fn branches_in_git(path: &Path, links: Links) -> Vec<String> {
        StoreInGit::branches(path, links).unwrap_or_default()
    }

    /// The full name of a branch, tag or ref of a git repository, if it holds a Dolt database.
    pub fn named_in_git(path: &Path, links: Links, name: &str) -> Option<String> {
        StoreInGit::named(path, links, name)
    }

    /// A source for a folder: a data folder with databases, one database, a `.dolt/noms`, a backup, a
    /// `file://` remote, that of Beads, or a git repository that `dolt push` was made to.
    ///
    /// # Errors
    /// [`ErrorKind::Missing`] for a folder that is not there, [`ErrorKind::Invalid`] for one without
    /// databases, and for a name that could be for several.
    pub fn open(path: &Path, options: DoltStoreOptions) -> Result<Self, SourceError> {
        let label: Arc<str> = path.shown().to_string().into();
        let fail = |kind, operation: &str| SourceError::new(kind, &*label, operation);
        let look = |error: StoreError| error.during(&label, "cannot look for databases");
        // A program that goes to the background leaves the folder that a relative path starts from.
        let absolute =
            std::path::absolute(path).map_err(|error| look(StoreError::io(path, "open", error)))?;
        let named = Named::new(&absolute, options.links, options.clock.clone()).map_err(look)?;
        let there = match &options.reference {
            Some(reference) => Ok([discover::in_git(&absolute, options.links, reference.clone())].into()),
            None => named.places(),
        }
        .map_err(look)?;
        if there.is_empty() {
            let hint = "Name a Dolt database, a folder of these, a backup, the folder of a file:// remote, or a git \
                        repository that `dolt push` was made to.";
            return Err(fail(ErrorKind::Invalid, "there is no Dolt database in this folder").with_hint(hint));
        }
        if let Some(name) = options.name.as_ref().filter(|_| there.len() > 1) {
            let names: Vec<_> = there.keys().map(String::as_str).collect();
            let hint = format!("It holds {}; name one of these folders.", names.join(", "));
            let operation = format!("cannot show several databases as {name}");
            return Err(fail(ErrorKind::Invalid, &operation).with_hint(hint));
        }
        let refused = named.refused().unwrap_or_default();
        if !refused.is_empty() {
            let (names, hint) = (refused.join(", "), LEADS_OUTSIDE_HINT);
            tracing::warn!(
                source = &*label,
                hint,
                "links that lead out of the source are not followed: {names}"
            );
        }
        let in_git = there.into_iter().find(|(_, place)| matches!(place, StorePlace::Git(..)));
        let (values, watch) = (Arc::default(), FolderWatch::new(Arc::clone(&label)));
        let (known, scanner) = (Mutex::default(), CommitScanner::default());
        let inner = StoreSourceInner { named, in_git, label, options, values, watch, known, scanner };
        Ok(Self { inner: Arc::new(inner) })
    }
}

impl StoreSourceInner {
    fn poll(&self) -> Result<Option<Vec<Arc<dyn Database>>>, SourceError> {
        let there = self.places().map_err(|error| error.during(&self.label, "cannot look for databases"))?;
        let mut known = lock(&self.known);
        let before = known.databases.len();
        let absent = self.absent(&known, &there)?;
        known.databases.retain(|name, known| match there.get(name) {
            Some(place) => *place == known.place,
            None => absent.contains(name),
        });
        known.complaints.retain(|name, _| there.contains_key(name) || absent.contains(name));
        for name in &absent {
            complain(&mut known.complaints, name, &self.store_is_gone(name));
        }
        let mut has_news = known.databases.len() != before;
        let is_only = there.len() == 1;
        for (name, place) in there {
            match self.renew(&mut known, &name, &place) {
                Ok(is_new) => {
                    known.complaints.remove(&name);
                    has_news |= is_new;
                }
                Err(error) => {
                    let error = error.during(&self.label, format!("cannot read the history of {name}"));
                    if is_only {
                        return Err(error);
                    }
                    complain(&mut known.complaints, &name, &error);
                }
            }
        }
        // Only now, so that it takes nothing from those who wait for the history.
        known.databases.values().for_each(|known| self.scanner.look(&known.shared));
        let is_first = !std::mem::replace(&mut known.was_listed, true);
        Ok((has_news || is_first).then(|| known.views()))
    }

    /// Where the databases are now.
    fn places(&self) -> Result<BTreeMap<String, StorePlace>, StoreError> {
        match &self.in_git {
            Some((name, place)) => Ok([(name.clone(), place.clone())].into()),
            None => {
                self.watch.renew(|| self.named.watched());
                self.named.places()
            }
        }
    }

    /// Databases whose stores are missing although they were not dropped: `DROP DATABASE` takes away the whole folder of the
    /// database and leaves the folder above. They stay as they were last seen, because programs that mirror the
    /// tree take what leaves it for deleted.
    ///
    /// # Errors
    /// [`ErrorKind::Missing`] where the folder of the source is gone or empty, as after a disk was unmounted.
    fn absent(
        &self,
        known: &KnownDatabases,
        there: &BTreeMap<String, StorePlace>,
    ) -> Result<BTreeSet<String>, SourceError> {
        let missing = known.databases.iter().filter(|(name, _)| !there.contains_key(*name));
        let mut absent = BTreeSet::new();
        for (name, database) in missing {
            let folder = &self.named.folder;
            let is_source_empty = || {
                folder.read_dir().and_then(|open| open.entries()).is_ok_and(|mut all| all.next().is_none())
            };
            if !folder.exists() || is_source_empty() {
                return Err(self.store_is_gone(name));
            }
            if is_folder_there(&database.place) {
                absent.insert(name.clone());
            }
        }
        match absent.len() == known.databases.len() {
            true => absent.first().map_or(Ok(BTreeSet::new()), |name| Err(self.store_is_gone(name))),
            false => Ok(absent),
        }
    }

    fn store_is_gone(&self, name: &str) -> SourceError {
        let operation = format!("the store of {name} is not there any more");
        SourceError::new(ErrorKind::Missing, &*self.label, operation)
            .with_hint("What was seen of it stays until it is back; unmount if it will not come back.")
    }

    /// Whether the kernel reports every change, so that the next look can wait. A git repository is not watched: a look at it
    /// reads one ref.
    fn is_told(&self) -> bool {
        let known = lock(&self.known);
        // What could not be read may be readable without anything being written.
        self.in_git.is_none()
            && known.complaints.is_empty()
            && self.watch.is_complete(known.databases.values().map(|database| database.place.path()))
    }

    /// Makes a new view of a database if its history changed; returns whether it did.
    fn renew(&self, known: &mut KnownDatabases, name: &str, place: &StorePlace) -> Result<bool, StoreError> {
        if !known.databases.contains_key(name) {
            known.databases.insert(name.to_owned(), self.open(name, place)?);
        }
        let Some(database) = known.databases.get_mut(name) else { return Ok(false) };
        let shown_name = self.options.name.as_deref().unwrap_or(name);
        database.shared.store.refresh()?;
        if database.shared.store.was_rewritten() {
            // What was found out of the former files may not hold any more. Until the new ones are read, it is shown.
            let mut another = self.open(name, place)?;
            another.look(shown_name)?;
            *database = another;
            return Ok(true);
        }
        database.look(shown_name)
    }

    fn open(&self, name: &str, place: &StorePlace) -> Result<KnownDatabase, StoreError> {
        let store = ChunkStore::open(place)?;
        let DoltStoreOptions { exclude, clock, .. } = self.options.clone();
        let (values, label) = (Arc::clone(&self.values), Arc::clone(&self.label));
        let shared = SharedDatabase::new(store, values, label, name.to_owned(), exclude, clock);
        Ok(KnownDatabase::new(place.clone(), Arc::new(shared)))
    }
}

/// Whether the folder of a database is there, with or without its store.
fn is_folder_there(place: &StorePlace) -> bool {
    match place {
        StorePlace::Folder(store) => {
            let folder = discover::folder_of(store.path());
            folder.starts_with(store.root().folder())
                && SourcePath::new(store.root(), folder.to_owned()).exists()
        }
        StorePlace::Git(folder, ..) => folder.exists(),
    }
}

impl KnownDatabases {
    fn views(&self) -> Vec<Arc<dyn Database>> {
        let views = self.databases.values().filter_map(|known| known.view.as_ref());
        views.map(|view| Arc::clone(view) as Arc<dyn Database>).collect()
    }
}

#[async_trait]
impl Source for DoltStoreSource {
    fn label(&self) -> &str {
        &self.inner.label
    }

    async fn poll(&self) -> Result<Option<Vec<Arc<dyn Database>>>, SourceError> {
        let inner = Arc::clone(&self.inner);
        on_blocking_thread(&self.inner.label, move || inner.poll()).await
    }

    async fn unread(&self) -> Vec<Finding> {
        lock(&self.inner.known).complaints.values().cloned().collect()
    }

    fn is_watched(&self) -> bool {
        self.inner.in_git.is_none()
    }

    async fn news(&self) {
        let is_told = self.inner.is_told();
        let longest = if is_told { SAFETY_NET } else { POLL_INTERVAL };
        tokio::select! {
            () = self.inner.watch.next(longest) => {}
            () = self.inner.scanner.ended() => {}
        }
    }
}
