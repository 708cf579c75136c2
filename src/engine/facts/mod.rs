//! Facts about contents that outlive a mount: lengths, digests and times.

pub(crate) mod digest;
pub(crate) mod index;

use std::collections::HashMap;

use crate::model::content_id::ContentId;

/// Facts by content id, and which of them are not on disk yet. None is ever dropped.
pub(crate) struct PersistentMap<V> {
    known: HashMap<ContentId, V>,
    dirty: Vec<(ContentId, V)>,
}

impl<V> Default for PersistentMap<V> {
    fn default() -> Self {
        Self { known: HashMap::new(), dirty: Vec::new() }
    }
}

impl<V: Copy> PersistentMap<V> {
    pub fn get(&self, id: ContentId) -> Option<V> {
        self.known.get(&id).copied()
    }

    /// Keeps a fact. It is to be saved if `is_dirty`, which gets the fact that was known before.
    pub fn keep(&mut self, id: ContentId, fact: V, is_dirty: impl FnOnce(Option<V>) -> bool) {
        let before = self.known.insert(id, fact);
        if is_dirty(before) {
            self.dirty.push((id, fact));
        }
    }

    /// Takes over facts that were saved. The later of two counts.
    pub fn recall(&mut self, facts: impl IntoIterator<Item = (ContentId, V)>) {
        self.known.extend(facts);
    }

    /// The facts that are not saved yet; they count as saved from now on.
    pub fn drain_dirty(&mut self) -> Vec<(ContentId, V)> {
        std::mem::take(&mut self.dirty)
    }

    pub fn return_dirty(&mut self, dirty: Vec<(ContentId, V)>) {
        self.dirty.extend(dirty);
    }
}
