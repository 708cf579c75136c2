//! The log's lines about what cannot be read. Programs try again and again: `grep -r` over a hundred
//! snapshots that share a broken table, an editor that polls. One line tells it, and now and then one more
//! that it goes on.

use std::num::NonZeroUsize;
use std::sync::{LazyLock, Mutex};
use std::time::{Duration, Instant};

use crate::catalog::DatabaseView;
use crate::content::{SourceError, Stream, chain};
use crate::model::content_id::ContentId;
use crate::util::locks::lock;
use lru::LruCache;

/// How long a line is not repeated.
const SILENCE: Duration = Duration::from_secs(600);

/// Lines remembered, some 100 bytes each.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(4096).expect("it is not 0");

/// There is one log, and so one memory of what it was told.
static TOLD: LazyLock<Mutex<Told>> = LazyLock::new(Mutex::default);

/// Logs a content that cannot be read: which one, why, and what to do.
pub fn cannot_read(content: &dyn Stream, error: &SourceError) {
    let (what, reason) = (content.describe(), error.chain());
    let hint = error.hint.as_deref().unwrap_or_default();
    // What is broken is the same thing in however many snapshots it occurs.
    let cause = std::error::Error::source(error).map_or_else(|| reason.clone(), chain);
    if let Some(repeated) = lock(&TOLD).news(&[b"read", cause.as_bytes()], Instant::now()) {
        tracing::warn!(%what, %reason, hint, repeated, "cannot read");
    }
}

/// Logs that a source tells changes since a version which that version does not bear out.
pub fn changes_do_not_fit(since: &dyn Stream) {
    let what = since.describe();
    if let Some(repeated) = lock(&TOLD).news(&[b"changes"], Instant::now()) {
        tracing::warn!(%what, repeated, "the changes since do not fit; the next version is read as a whole");
    }
}

/// Logs that the length which follows from a source's changes is not that of the version itself.
pub fn steps_are_wrong(content: &dyn Stream, told: u64) {
    let what = content.describe();
    if let Some(repeated) = lock(&TOLD).news(&[b"steps"], Instant::now()) {
        tracing::warn!(%what, told, repeated, "changes do not tell its length; every version of it is read");
    }
}

/// Logs a snapshot that cannot be listed: of which database, why, and what to do.
pub fn cannot_list(view: &DatabaseView, error: &SourceError) {
    let (source, database) = (&*view.label, view.database.name());
    let (reason, hint) = (error.chain(), error.hint.as_deref().unwrap_or_default());
    let line: [&[u8]; 4] = [b"list", source.as_bytes(), database.as_bytes(), reason.as_bytes()];
    if let Some(repeated) = lock(&TOLD).news(&line, Instant::now()) {
        tracing::warn!(source, database, %reason, hint, repeated, "cannot list");
    }
}

/// When each line was written last, and how often it was not since.
struct Told(LruCache<ContentId, (Instant, u64)>);

impl Default for Told {
    fn default() -> Self {
        Self(LruCache::new(REMEMBERED))
    }
}

impl Told {
    /// Whether a line is to be written: then, how often it was not since it was written last; none the first
    /// time.
    fn news(&mut self, line: &[&[u8]], now: Instant) -> Option<Option<u64>> {
        let key = ContentId::of(line);
        let Some((last, kept_back)) = self.0.get_mut(&key) else {
            self.0.put(key, (now, 0));
            return Some(None);
        };
        if now.duration_since(*last) < SILENCE {
            *kept_back += 1;
            return None;
        }
        *last = now;
        Some(Some(std::mem::take(kept_back) + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_written_once_in_a_while() {
        let (mut told, start) = (Told::default(), Instant::now());
        let mut news =
            |line: &str, seconds| told.news(&[line.as_bytes()], start + Duration::from_secs(seconds));
        assert_eq!(news("broken", 0), Some(None));
        assert_eq!(news("broken", 1), None);
        assert_eq!(news("broken otherwise", 2), Some(None));
        assert_eq!(news("broken", 599), None);
        assert_eq!(news("broken", 600), Some(Some(3)), "the two before, and this one");
        assert_eq!(news("broken", 601), None);
        assert_eq!(news("broken", 1200), Some(Some(2)));
    }
}
