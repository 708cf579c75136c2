//! The lengths of contents that were read, or that follow from those.

use std::sync::Mutex;

use super::learned::Learned;
use super::report;
use crate::content::{ErrorKind, SourceError, Stream};
use crate::model::content_id::ContentId;
use crate::util::locks::lock;

/// Lengths in bytes, kept for good.
#[derive(Default)]
pub(super) struct Lengths {
    table: Mutex<Learned<Known>>,
}

#[derive(Clone, Copy)]
struct Known {
    len: u64,
    /// Whether the content was had as a whole by this mount; else an earlier mount says so, or it follows from
    /// the lengths of other versions.
    is_checked: bool,
}

impl Lengths {
    pub fn get(&self, id: ContentId) -> Option<u64> {
        lock(&self.table).get(id).map(|known| known.len)
    }

    /// Whether this mount has read the content to its end.
    pub fn is_checked(&self, id: ContentId) -> bool {
        lock(&self.table).get(id).is_some_and(|known| known.is_checked)
    }

    /// Keeps the length that a content turned out to have.
    ///
    /// # Errors
    /// [`ErrorKind::Damaged`] when it was told to be another: somebody may have copied by the first.
    pub fn remember(&self, id: ContentId, len: u64, content: &dyn Stream) -> Result<(), SourceError> {
        let (told, hint) = match (content.stated_len(), lock(&self.table).get(id)) {
            (Some(stated), _) => {
                (stated, "the source gave two answers to one question; mount again to ask anew")
            }
            (None, Some(known)) if known.is_checked => {
                (known.len, "the source gave two answers to one question; mount again to ask anew")
            }
            (None, Some(known)) => {
                (known.len, "what was known before was wrong and is dropped; read it again")
            }
            (None, None) => (len, ""),
        };
        if told == len || content.stated_len().is_none() && !self.is_checked(id) {
            self.keep(id, len, content);
        }
        if told == len {
            return Ok(());
        }
        let operation = format!("cannot show {len} bytes of what was {told} bytes long before");
        let error = SourceError::new(ErrorKind::Damaged, content.describe(), operation).with_hint(hint);
        report::cannot_read(content, &error);
        Err(error)
    }

    fn keep(&self, id: ContentId, len: u64, content: &dyn Stream) {
        let is_news = |before: Option<Known>| {
            content.is_immutable_by_id() && before.is_none_or(|before| before.len != len)
        };
        lock(&self.table).keep(id, Known { len, is_checked: true }, is_news);
    }

    /// Takes over what follows from lengths that are known; `is_immutable_by_id` is that of the contents.
    pub fn derive(&self, lengths: impl IntoIterator<Item = (ContentId, u64)>, is_immutable_by_id: bool) {
        let mut table = lock(&self.table);
        for (id, len) in lengths {
            if table.get(id).is_none() {
                table.keep(id, Known { len, is_checked: false }, |_| is_immutable_by_id);
            }
        }
    }

    /// Takes over what earlier mounts learned, before this one learns anything; the later of two answers counts.
    pub fn recall(&self, lengths: impl IntoIterator<Item = (ContentId, u64)>) {
        lock(&self.table).recall(lengths.into_iter().map(unchecked));
    }

    /// What was learned since the last call of contents whose ids decide their bytes.
    pub fn take_news(&self) -> Vec<(ContentId, u64)> {
        let news = lock(&self.table).take_news();
        news.into_iter().map(|(id, known)| (id, known.len)).collect()
    }

    /// Gives back what could not be passed on, for the next call of [`Self::take_news`].
    pub fn return_news(&self, news: Vec<(ContentId, u64)>) {
        lock(&self.table).return_news(news.into_iter().map(unchecked).collect());
    }
}

fn unchecked((id, len): (ContentId, u64)) -> (ContentId, Known) {
    (id, Known { len, is_checked: false })
}
