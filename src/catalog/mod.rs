//! Databases, their snapshots over several sources, and which snapshot a time means.
//!
//! The catalog is a chain of immutable states: a poll that finds something builds the next [`Databases`] and swaps it
//! in. So a reader never waits for a source, and never sees half an update.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use arc_swap::ArcSwap;
use jiff::Timestamp;

use crate::content::SourceError;
use crate::model::names;
use crate::source;
use crate::util::clock::WallClock;
use crate::util::locks::lock;

mod ancestry;
mod database;
mod database_view;
mod file_changes;
mod listings;
mod naming;
mod periods;
mod resolve;
mod snapshot;
mod snapshot_or_live;
mod source_state;
mod watch;

pub use ancestry::{Ancestry, Base};
pub use database::Database;
pub use database_view::DatabaseView;
pub use file_changes::{FileChange, file_changes, listed_changes};
pub use listings::Listings;
pub use resolve::{SnapshotFolder, may_be_hash};
pub use snapshot::{Snapshot, SnapshotKey};
pub use snapshot_or_live::{SnapshotOrLive, pairs};
pub use source_state::{SourceFailure, SourceState};
pub use watch::Watcher;

use naming::GivenNames;

/// All databases at one time, by the name they are shown under.
#[derive(Default)]
pub struct Databases {
    databases: BTreeMap<Arc<str>, Arc<Database>>,
}

impl Databases {
    /// The databases, sorted by shown name.
    pub fn databases(&self) -> impl Iterator<Item = &Arc<Database>> {
        self.databases.values()
    }

    /// The database shown as `name` (an escaped, single path component).
    pub fn database(&self, name: &str) -> Option<&Arc<Database>> {
        self.databases.get(name)
    }
}

/// A source: its label, and the databases it last reported.
struct SourceSlot {
    label: Arc<str>,
    views: Vec<Arc<DatabaseView>>,
}

/// The shared, changing list of databases.
pub struct Catalog {
    state: ArcSwap<Databases>,
    building: Mutex<Building>,
    sources: Mutex<Vec<SourceState>>,
    versions: AtomicU64,
    clock: WallClock,
}

/// What is needed to build the next state. Guarded, because two sources may report at once.
struct Building {
    slots: Vec<SourceSlot>,
    given: HashMap<Arc<str>, GivenNames>,
}

impl Catalog {
    /// A catalog of sources with these labels, without databases yet. The index of a label is the source's slot. Of two
    /// equal snapshots, a running database's wins, then that of the earlier slot.
    pub fn new(labels: impl IntoIterator<Item = String>, clock: impl Into<WallClock>) -> Self {
        let slots: Vec<SourceSlot> =
            labels.into_iter().map(|l| SourceSlot { label: l.into(), views: Vec::new() }).collect();
        let sources = slots.iter().map(|slot| SourceState::new(Arc::clone(&slot.label))).collect();
        Self {
            state: ArcSwap::default(),
            building: Mutex::new(Building { slots, given: HashMap::new() }),
            sources: Mutex::new(sources),
            versions: AtomicU64::new(1),
            clock: clock.into(),
        }
    }

    /// The state as of now.
    pub fn state(&self) -> Arc<Databases> {
        self.state.load_full()
    }

    /// Whether each source answers, in the order given.
    pub fn sources(&self) -> Vec<SourceState> {
        lock(&self.sources).clone()
    }

    /// Notes that the source in `slot` answers.
    fn answers(&self, slot: usize) {
        if let Some(source) = lock(&self.sources).get_mut(slot) {
            source.answers(self.clock.now());
        }
    }

    /// Notes that the source in `slot` fails. Returns whether it answered before.
    fn fails(&self, slot: usize, error: &SourceError) -> bool {
        lock(&self.sources).get_mut(slot).is_some_and(|source| source.fails(error, self.clock.now()))
    }

    /// Takes what the source in `slot` reports, and shows it.
    pub fn update(&self, slot: usize, databases: Vec<Arc<dyn source::Database>>) {
        let mut building = lock(&self.building);
        let Some(current) = building.slots.get(slot) else { return };
        let label = current.label.clone();
        let views =
            databases.into_iter().map(|database| self.view(slot, &label, &current.views, database)).collect();
        building.slots[slot].views = views;
        let next = Self::build(&self.state.load(), &mut building, self.clock.now());
        self.state.store(Arc::new(next));
    }

    /// The view of `database`: the previous one if the source returned the same object again.
    fn view(
        &self,
        slot: usize,
        label: &Arc<str>,
        former: &[Arc<DatabaseView>],
        database: Arc<dyn source::Database>,
    ) -> Arc<DatabaseView> {
        if let Some(same) = former.iter().find(|v| Arc::ptr_eq(&v.database, &database)) {
            return same.clone();
        }
        let version = self.versions.fetch_add(1, Ordering::Relaxed);
        Arc::new(DatabaseView::new(slot, version, label.clone(), database))
    }

    fn build(former: &Databases, building: &mut Building, now: Timestamp) -> Databases {
        let mut grouped: BTreeMap<Arc<str>, Vec<Arc<DatabaseView>>> = BTreeMap::new();
        for view in building.slots.iter().flat_map(|s| &s.views) {
            let shown: Arc<str> = names::escape(view.database.name()).into();
            grouped.entry(shown).or_default().push(view.clone());
        }
        let databases = grouped.into_iter().map(|(name, views)| {
            let unchanged = former.databases.get(&name).filter(|d| d.is_made_of(&views));
            let database = unchanged.cloned().unwrap_or_else(|| {
                let given = building.given.entry(name.clone()).or_default();
                Arc::new(Database::merge(name.clone(), views, given, now))
            });
            (name, database)
        });
        Databases { databases: databases.collect() }
    }
}
