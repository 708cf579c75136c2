//! What is found out about contents, and what of it the disk does not have yet.

use std::collections::HashMap;

use crate::model::content_id::ContentId;

/// Facts by content id, kept for good.
pub(super) struct Learned<V> {
    known: HashMap<ContentId, V>,
    /// What was learned since it was last asked for.
    news: Vec<(ContentId, V)>,
}

impl<V> Default for Learned<V> {
    fn default() -> Self {
        Self { known: HashMap::new(), news: Vec::new() }
    }
}

impl<V: Copy> Learned<V> {
    /// What is known, if anything.
    pub fn get(&self, id: ContentId) -> Option<V> {
        self.known.get(&id).copied()
    }

    /// Keeps a fact, for the disk too if it is news beside what was known before.
    pub fn keep(&mut self, id: ContentId, fact: V, is_news: impl FnOnce(Option<V>) -> bool) {
        let before = self.known.insert(id, fact);
        if is_news(before) {
            self.news.push((id, fact));
        }
    }

    /// Takes over what earlier mounts learned; the later of two answers counts.
    pub fn recall(&mut self, facts: impl IntoIterator<Item = (ContentId, V)>) {
        self.known.extend(facts);
    }

    /// What was learned since the last call.
    pub fn take_news(&mut self) -> Vec<(ContentId, V)> {
        std::mem::take(&mut self.news)
    }

    /// Gives back what could not be passed on, for the next call of [`Self::take_news`].
    pub fn return_news(&mut self, news: Vec<(ContentId, V)>) {
        self.news.extend(news);
    }
}
