//! Which commits are snapshots of a database, and how they hang together.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use gix::ObjectId;

use super::graph::{At, CommitNumber, Graph, Unread, is_of_data};
use super::layout::{self, Shape};
use super::objects::CachedReader;
use super::refs::Refs;
use super::tree;
use crate::content::{SourceError, chain};
use crate::model::history::{History, SnapshotId, SnapshotMeta};

/// The commits that touched a database, among all that names reach.
pub(super) struct Lineage {
    /// By place: the nearest commit along first parents that touched it, itself included.
    nearest: Vec<Option<CommitNumber>>,
}

impl Lineage {
    /// `order` has parents before children.
    pub(super) fn new(graph: &Graph, order: &[CommitNumber], touched: impl Fn(CommitNumber) -> bool) -> Self {
        let mut nearest: Vec<Option<CommitNumber>> = vec![None; graph.len()];
        for &place in order {
            nearest[place as usize] = match touched(place) {
                true => Some(place),
                false => graph.first_parent(place).and_then(|parent| nearest[parent as usize]),
            };
        }
        Self { nearest }
    }

    /// The commit that shows what the database was at this one.
    pub(super) fn nearest(&self, place: CommitNumber) -> Option<CommitNumber> {
        self.nearest[place as usize]
    }

    pub(super) fn is_snapshot(&self, place: CommitNumber) -> bool {
        self.nearest(place) == Some(place)
    }
}

/// Whether a commit has at the chosen path what its first parent does not.
pub(super) fn is_touched(graph: &Graph, place: CommitNumber) -> bool {
    graph.commit(place).at != graph.before(place)
}

pub(super) struct Kept {
    pub(super) shapes: BTreeMap<Vec<u8>, Shape>,
    /// The commits that touched each name.
    pub(super) touched: HashMap<Vec<u8>, HashSet<CommitNumber>>,
    pub(super) unread: Vec<Unread>,
}

/// Which names in the chosen folder each commit touched; kept, as looking costs two trees each.
#[derive(Default)]
pub(super) struct Children {
    touched: HashMap<ObjectId, Box<[Vec<u8>]>>,
    shapes: BTreeMap<Vec<u8>, Shape>,
}

impl Children {
    /// The databases ever seen in the folder, and the commits that touched each.
    pub(super) fn look(
        &mut self,
        graph: &Graph,
        order: &[CommitNumber],
        reader: &mut CachedReader<'_>,
    ) -> Result<Kept, SourceError> {
        let mut by_name: HashMap<Vec<u8>, HashSet<CommitNumber>> = HashMap::new();
        // What cannot be read may have touched any of them.
        let (mut touch_all, mut unread) = (Vec::new(), Vec::new());
        for &place in order.iter().filter(|place| is_touched(graph, **place)) {
            let id = graph.commit(place).object;
            if !self.touched.contains_key(&id) {
                match self.compare(graph, place, reader) {
                    Ok(names) => drop(self.touched.insert(id, names)),
                    Err(NotCompared::Unread(what)) => {
                        unread.extend(what);
                        touch_all.push(place);
                        continue;
                    }
                    Err(NotCompared::Failed(error)) => return Err(error),
                }
            }
            for name in &self.touched[&id] {
                by_name.entry(name.clone()).or_default().insert(place);
            }
        }
        for places in by_name.values_mut() {
            places.extend(&touch_all);
        }
        Ok(Kept { shapes: self.shapes.clone(), touched: by_name, unread })
    }

    fn compare(
        &mut self,
        graph: &Graph,
        place: CommitNumber,
        reader: &mut CachedReader<'_>,
    ) -> Result<Box<[Vec<u8>]>, NotCompared> {
        let mut entries = |at: At| match at {
            At::Known(None) => Ok(Arc::default()),
            At::Known(Some(entry)) if !entry.is_tree() => Ok(Arc::default()),
            At::Known(Some(entry)) => {
                tree::entries(reader, entry.id).map_err(|error| NotCompared::of(entry.id, error))
            }
            // It is on the list.
            At::Unreadable(_) => Err(NotCompared::Unread(None)),
        };
        let (before, after) = (entries(graph.before(place))?, entries(graph.commit(place).at)?);
        let mut names = Vec::new();
        for (name, _, new) in tree::differing(&before, &after) {
            if !layout::is_told(name) {
                continue;
            }
            if let Some(new) = new.filter(|_| !self.shapes.contains_key(name)) {
                let shape = layout::shape_of(reader, name, new);
                match shape.map_err(|error| NotCompared::of(new.id, error))? {
                    Some(shape) => drop(self.shapes.insert(name.to_vec(), shape)),
                    None => {
                        let (source, name) = (&*reader.objects.label, String::from_utf8_lossy(name));
                        tracing::debug!(source, %name, "a file beside the exports is left out: it is not an export");
                    }
                }
            }
            names.push(name.to_vec());
        }
        Ok(names.into())
    }
}

/// Why it is not known what a commit touched.
enum NotCompared {
    /// Something cannot be read: this, unless it is known.
    Unread(Option<Unread>),
    Failed(SourceError),
}

impl NotCompared {
    fn of(tree: ObjectId, error: SourceError) -> Self {
        if is_of_data(&error) {
            tracing::debug!("a commit cannot be looked into: {}", chain(&error));
            return Self::Unread(Some(Unread::Folder(tree)));
        }
        Self::Failed(error)
    }
}

/// What a database's history is: those commits of `order` that are snapshots in `lineage`.
pub(super) fn history(
    graph: &Graph,
    order: &[CommitNumber],
    lineage: &Lineage,
    refs: &Refs,
    peeled: impl Fn(&ObjectId) -> Option<ObjectId>,
) -> History {
    let shown = |id: &ObjectId| lineage.nearest(graph.place(&peeled(id)?)?);
    let metas: HashMap<CommitNumber, Arc<SnapshotMeta>> = order
        .iter()
        .filter(|place| lineage.is_snapshot(**place))
        .map(|place| (*place, Arc::new(meta(graph, lineage, *place))))
        .collect();
    let mut timeline = Vec::new();
    let mut on_timeline = HashSet::new();
    let mut next = peeled(&refs.tip).and_then(|tip| graph.place(&tip));
    while let Some(place) = next {
        if let Some(meta) = metas.get(&place) {
            timeline.push(Arc::clone(meta));
            on_timeline.insert(place);
        }
        next = graph.first_parent(place);
    }
    let beside = order.iter().rev().filter(|place| !on_timeline.contains(place));
    let off_timeline: Vec<_> = beside.filter_map(|place| metas.get(place)).map(Arc::clone).collect();
    let named = |names: &BTreeMap<String, ObjectId>| -> BTreeMap<String, SnapshotId> {
        let target =
            |(name, id): (&String, &ObjectId)| Some((name.clone(), Arc::clone(&graph.commit(shown(id)?).id)));
        names.iter().filter_map(target).collect()
    };
    History {
        timeline,
        off_timeline,
        branches: named(&refs.branches),
        tags: named(&refs.tags),
        odd_names: refs.odd_names.clone(),
        ..History::default()
    }
}

fn meta(graph: &Graph, lineage: &Lineage, place: CommitNumber) -> SnapshotMeta {
    let commit = graph.commit(place);
    let mut parents: Vec<SnapshotId> = Vec::new();
    for parent in &commit.text.parents {
        let shown = graph.place(parent).and_then(|parent| lineage.nearest(parent));
        if let Some(shown) = shown.map(|shown| &graph.commit(shown).id).filter(|id| !parents.contains(id)) {
            parents.push(Arc::clone(shown));
        }
    }
    commit.meta(parents)
}
