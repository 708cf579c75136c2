//! The lengths of contents that were read, or that follow from those.

use std::collections::HashMap;
use std::sync::Mutex;

use super::{lock, report};
use crate::model::content_id::ContentId;
use crate::source::{Content, ErrorKind, SourceError};

/// Lengths in bytes, kept for good.
#[derive(Default)]
pub(super) struct Lengths {
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    known: HashMap<ContentId, Known>,
    /// What was learned since it was last asked for.
    news: Vec<(ContentId, u64)>,
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
        lock(&self.table).known.get(&id).map(|known| known.len)
    }

    /// Whether this mount has read the content to its end.
    pub fn is_checked(&self, id: ContentId) -> bool {
        lock(&self.table).known.get(&id).is_some_and(|known| known.is_checked)
    }

    /// Keeps the length that a content turned out to have.
    ///
    /// # Errors
    /// [`ErrorKind::Damaged`] when it was told to be another: somebody may have copied by the first.
    pub fn remember(&self, id: ContentId, len: u64, content: &dyn Content) -> Result<(), SourceError> {
        let (told, hint) = match (content.stated_len(), lock(&self.table).known.get(&id)) {
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

    fn keep(&self, id: ContentId, len: u64, content: &dyn Content) {
        let mut table = lock(&self.table);
        let before = table.known.insert(id, Known { len, is_checked: true });
        if content.is_for_good() && before.is_none_or(|before| before.len != len) {
            table.news.push((id, len));
        }
    }

    /// Takes over what follows from lengths that are known; `is_for_good` is that of the contents.
    pub fn derive(&self, lengths: impl IntoIterator<Item = (ContentId, u64)>, is_for_good: bool) {
        let mut table = lock(&self.table);
        for (id, len) in lengths {
            if table.known.contains_key(&id) {
                continue;
            }
            table.known.insert(id, Known { len, is_checked: false });
            if is_for_good {
                table.news.push((id, len));
            }
        }
    }

    /// Takes over what earlier mounts learned, before this one learns anything; the later of two answers counts.
    pub fn recall(&self, lengths: impl IntoIterator<Item = (ContentId, u64)>) {
        let known = lengths.into_iter().map(|(id, len)| (id, Known { len, is_checked: false }));
        lock(&self.table).known.extend(known);
    }

    /// What was learned since the last call of contents whose ids decide their bytes.
    pub fn take_news(&self) -> Vec<(ContentId, u64)> {
        std::mem::take(&mut lock(&self.table).news)
    }

    /// Gives back what could not be passed on, for the next call of [`Self::take_news`].
    pub fn return_news(&self, news: Vec<(ContentId, u64)>) {
        lock(&self.table).news.extend(news);
    }
}
