//! Recently used values, as many as a bound on their cost allows.

use std::borrow::Borrow;
use std::hash::Hash;
use std::num::NonZeroUsize;

use lru::LruCache;

/// Values with their costs, in any unit. The least recently used goes first.
pub struct Recent<K: Hash + Eq, V> {
    entries: LruCache<K, (V, u64)>,
    cost: u64,
}

impl<K: Hash + Eq, V> Default for Recent<K, V> {
    fn default() -> Self {
        Self { entries: LruCache::unbounded(), cost: 0 }
    }
}

impl<K: Hash + Eq, V> Recent<K, V> {
    /// Keeps at most `count` values, whatever they cost.
    pub fn of_at_most(count: NonZeroUsize) -> Self {
        Self { entries: LruCache::new(count), cost: 0 }
    }

    /// What all values cost together.
    pub fn cost(&self) -> u64 {
        self.cost
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// A value, which counts as used now.
    pub fn get<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.entries.get(key).map(|(value, _)| value)
    }

    /// Keeps a value, in place of an earlier one with its key.
    pub fn put(&mut self, key: K, value: V, cost: u64) {
        self.cost += cost;
        let replaced = self.entries.push(key, (value, cost));
        self.cost -= replaced.map_or(0, |(_, (_, cost))| cost);
    }

    pub fn remove<Q: Hash + Eq + ?Sized>(&mut self, key: &Q)
    where
        K: Borrow<Q>,
    {
        self.cost -= self.entries.pop(key).map_or(0, |(_, cost)| cost);
    }

    /// Drops the longest unused values until the others cost no more than `most`.
    pub fn shrink_to(&mut self, most: u64) {
        while self.cost > most && self.drop_oldest() {}
    }

    /// Drops the longest unused value, if there is one.
    pub fn drop_oldest(&mut self) -> bool {
        let dropped = self.entries.pop_lru();
        self.cost -= dropped.as_ref().map_or(0, |(_, (_, cost))| *cost);
        dropped.is_some()
    }
}
