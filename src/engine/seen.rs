//! When each state of a log was first seen: no time of a snapshot says when a branch or a tag was moved.

use std::collections::HashMap;
use std::sync::Mutex;

use jiff::Timestamp;

use super::lock;
use crate::model::content_id::ContentId;

/// Times by what was seen then, kept for good: to the microsecond, as they are kept on disk.
#[derive(Default)]
pub(super) struct FirstSeen {
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    known: HashMap<ContentId, Timestamp>,
    /// What was learned since it was last asked for.
    news: Vec<(ContentId, Timestamp)>,
}

impl FirstSeen {
    /// When something was first seen, which is `now` if it never was.
    pub fn at(&self, id: ContentId, now: Timestamp) -> Timestamp {
        let mut table = lock(&self.table);
        if let Some(known) = table.known.get(&id) {
            return *known;
        }
        let now = Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now);
        table.known.insert(id, now);
        table.news.push((id, now));
        now
    }

    /// Takes over what earlier mounts saw; of two times the first one counts.
    pub fn recall(&self, times: impl IntoIterator<Item = (ContentId, Timestamp)>) {
        let mut table = lock(&self.table);
        for (id, time) in times {
            let known = table.known.entry(id).or_insert(time);
            *known = time.min(*known);
        }
    }

    /// What was learned since the last call.
    pub fn take_news(&self) -> Vec<(ContentId, Timestamp)> {
        std::mem::take(&mut lock(&self.table).news)
    }

    /// Gives back what could not be passed on, for the next call of [`Self::take_news`].
    pub fn return_news(&self, news: Vec<(ContentId, Timestamp)>) {
        lock(&self.table).news.extend(news);
    }
}
