//! Limits lines of the log that would repeat. Programs try again and again: `grep -r` over a hundred snapshots that
//! share a broken table, an editor that polls. One line reports it; later lines say now and then that it goes on.

use std::num::NonZeroUsize;
use std::sync::{LazyLock, Mutex};
use std::time::{Duration, Instant};

use lru::LruCache;

use crate::model::content_id::ContentId;
use crate::util::locks::lock;

/// For how long a line is not repeated.
const SILENCE: Duration = Duration::from_secs(600);

/// Lines remembered, some 100 bytes each.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(4096).expect("it is not 0");

/// There is one log, and so one memory of its lines.
static WRITTEN: LazyLock<Mutex<Written>> = LazyLock::new(Mutex::default);

/// How often a line that is due came since it was last written, this time included; `Some(None)` for the first time.
/// `None` if the line is not due.
pub fn due(line: &[&[u8]]) -> Option<Option<u64>> {
    lock(&WRITTEN).due(line, Instant::now())
}

/// When each line was written last, and how often it was left out since.
struct Written(LruCache<ContentId, (Instant, u64)>);

impl Default for Written {
    fn default() -> Self {
        Self(LruCache::new(REMEMBERED))
    }
}

impl Written {
    fn due(&mut self, line: &[&[u8]], now: Instant) -> Option<Option<u64>> {
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
        let (mut written, start) = (Written::default(), Instant::now());
        let mut due =
            |line: &str, seconds| written.due(&[line.as_bytes()], start + Duration::from_secs(seconds));
        assert_eq!(due("broken", 0), Some(None));
        assert_eq!(due("broken", 1), None);
        assert_eq!(due("broken otherwise", 2), Some(None));
        assert_eq!(due("broken", 599), None);
        assert_eq!(due("broken", 600), Some(Some(3)), "the two before, and this one");
        assert_eq!(due("broken", 601), None);
        assert_eq!(due("broken", 1200), Some(Some(2)));
    }
}
