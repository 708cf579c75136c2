//! The length of each content that was ever read to its end.

use std::collections::HashMap;
use std::sync::Mutex;

use super::lock;
use super::report::cannot_read;
use crate::model::content_id::ContentId;
use crate::source::{Content, ErrorKind, SourceError};

/// Lengths in bytes, kept for good. A length in here also says that the content passed its source's checks.
#[derive(Default)]
pub(super) struct Lengths {
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    known: HashMap<ContentId, u64>,
    /// What was learned since it was last asked for.
    news: Vec<(ContentId, u64)>,
}

impl Lengths {
    pub fn get(&self, id: ContentId) -> Option<u64> {
        lock(&self.table).known.get(&id).copied()
    }

    /// Keeps the length that a content turned out to have.
    ///
    /// # Errors
    /// [`ErrorKind::Damaged`] when it was told to be another: somebody may have copied by the first.
    pub fn remember(&self, id: ContentId, len: u64, content: &dyn Content) -> Result<(), SourceError> {
        let told = match content.stated_len() {
            Some(stated) => stated,
            None => lock(&self.table).known.get(&id).copied().unwrap_or(len),
        };
        if told == len {
            let mut table = lock(&self.table);
            // What a source states it states again, and its checks are for this mount to make.
            if table.known.insert(id, len).is_none() && content.stated_len().is_none() {
                table.news.push((id, len));
            }
            return Ok(());
        }
        let operation = format!("cannot show {len} bytes of what was {told} bytes long before");
        let error = SourceError::new(ErrorKind::Damaged, content.describe(), operation)
            .with_hint("the source gave two answers to one question; mount again to ask anew");
        cannot_read(content, &error);
        Err(error)
    }

    /// Takes over what an earlier mount learned.
    pub fn recall(&self, lengths: impl IntoIterator<Item = (ContentId, u64)>) {
        let mut table = lock(&self.table);
        for (id, len) in lengths {
            table.known.entry(id).or_insert(len);
        }
    }

    /// What was learned since the last call: contents whose sources do not state their lengths.
    pub fn take_news(&self) -> Vec<(ContentId, u64)> {
        std::mem::take(&mut lock(&self.table).news)
    }

    /// Gives back what could not be passed on, for the next call of [`Self::take_news`].
    pub fn return_news(&self, news: Vec<(ContentId, u64)>) {
        lock(&self.table).news.extend(news);
    }
}
