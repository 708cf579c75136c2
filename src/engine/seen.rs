//! When each state of a log was first seen: no time of a snapshot says when a branch or a tag was moved.

use std::sync::Mutex;

use jiff::Timestamp;

use super::learned::Learned;
use crate::model::content_id::ContentId;
use crate::util::locks::lock;

/// Times by what was seen then: to the microsecond, as they are kept on disk.
#[derive(Default)]
pub(super) struct FirstSeen {
    pub table: Mutex<Learned<Timestamp>>,
}

impl FirstSeen {
    /// When something was first seen, which is `now` if it never was.
    pub fn at(&self, id: ContentId, now: Timestamp) -> Timestamp {
        let mut table = lock(&self.table);
        if let Some(known) = table.get(id) {
            return known;
        }
        let now = Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now);
        table.keep(id, now, |_| true);
        now
    }

    /// Takes over what earlier mounts saw.
    pub fn recall(&self, times: Vec<(ContentId, Timestamp)>) {
        lock(&self.table).recall(times);
    }
}
