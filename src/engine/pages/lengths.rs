//! The length table: lengths of contents, which are also kept on disk, and of pages of trees.

use std::sync::{Arc, Mutex};

use super::recent_lengths::RecentLengths;
use crate::content::{ErrorKind, SourceError, Stream};
use crate::engine::facts::PersistentMap;
use crate::engine::report;
use crate::memory::Budget;
use crate::model::content_id::ContentId;
use crate::util::locks::lock;

pub(crate) struct Lengths {
    contents: Mutex<PersistentMap<KnownLength>>,
    /// Lengths of pages of trees: the next version of a tree is measured by its new pages.
    pub pages: RecentLengths,
}

#[derive(Clone, Copy)]
struct KnownLength {
    len: u64,
    /// Whether this mount has read the content to its end. Otherwise an earlier mount has, or the length was derived
    /// from those of other versions.
    is_checked: bool,
}

impl Lengths {
    /// An empty table. Pages get a part of `budget`.
    pub fn new(budget: &Arc<Budget>) -> Self {
        Self { contents: Mutex::default(), pages: RecentLengths::within(budget) }
    }

    pub fn get(&self, id: ContentId) -> Option<u64> {
        lock(&self.contents).get(id).map(|known| known.len)
    }

    /// Whether this mount has read the content to its end.
    pub fn is_checked(&self, id: ContentId) -> bool {
        lock(&self.contents).get(id).is_some_and(|known| known.is_checked)
    }

    /// Keeps the length that a content was found to have. Fails if another length was returned before, because a
    /// program may have copied the content by that length.
    pub fn remember(&self, id: ContentId, len: u64, content: &dyn Stream) -> Result<(), SourceError> {
        let (stated, known) = (content.stated_len(), lock(&self.contents).get(id));
        let is_firm = stated.is_some() || known.is_some_and(|known| known.is_checked);
        let given = stated.or(known.map(|known| known.len)).unwrap_or(len);
        if given == len || !is_firm {
            let is_dirty = |before: Option<KnownLength>| {
                content.is_immutable_by_id() && before.is_none_or(|before| before.len != len)
            };
            lock(&self.contents).keep(id, KnownLength { len, is_checked: true }, is_dirty);
        }
        if given == len {
            return Ok(());
        }
        let hint = match is_firm {
            true => "the source gave two answers to one question; mount again to ask it again",
            false => "what was known before was wrong and is dropped; read it again",
        };
        let operation = format!("cannot show {len} bytes of what was {given} bytes long before");
        let error = SourceError::new(ErrorKind::Damaged, content.describe(), operation).with_hint(hint);
        report::cannot_read(content, &error);
        Err(error)
    }

    /// Takes over derived lengths, of contents with this `is_immutable_by_id`.
    pub fn derive(&self, lengths: impl IntoIterator<Item = (ContentId, u64)>, is_immutable_by_id: bool) {
        let mut table = lock(&self.contents);
        for (id, len) in lengths {
            if table.get(id).is_none() {
                table.keep(id, KnownLength { len, is_checked: false }, |_| is_immutable_by_id);
            }
        }
    }

    /// Takes over the lengths that earlier mounts saved. The later of two counts.
    pub fn recall(&self, lengths: impl IntoIterator<Item = (ContentId, u64)>) {
        lock(&self.contents).recall(lengths.into_iter().map(unchecked));
    }

    /// The lengths that are not saved yet, of contents that are immutable by their ids.
    pub fn drain_dirty(&self) -> Vec<(ContentId, u64)> {
        let dirty = lock(&self.contents).drain_dirty();
        dirty.into_iter().map(|(id, known)| (id, known.len)).collect()
    }

    pub fn return_dirty(&self, dirty: Vec<(ContentId, u64)>) {
        lock(&self.contents).return_dirty(dirty.into_iter().map(unchecked).collect());
    }
}

fn unchecked((id, len): (ContentId, u64)) -> (ContentId, KnownLength) {
    (id, KnownLength { len, is_checked: false })
}
