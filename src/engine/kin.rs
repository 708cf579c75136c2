//! What is known of the versions of one table: which are at hand, and what it cost to get them.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::content::{Content, ErrorKind, SourceError, chain};
use crate::model::content_id::ContentId;
use crate::util::locks::lock;
use lru::LruCache;

/// Families remembered, of some KiB each.
const FAMILIES: NonZeroUsize = NonZeroUsize::new(4096).expect("it is not 0");

/// How many versions of one table there are to start from: several readers may each be at another one.
const RECENT: usize = 16;

/// After so many versions that were read as a whole because that was cheaper, changes are tried again.
const TRY_AGAIN: u32 = 16;

/// How many steps are asked for at first; each time twice as many, up to [`MOST_STEPS`].
const FIRST_STEPS: usize = 16;
const MOST_STEPS: usize = 4096;

/// For how many versions steps are not asked for at most, after they told nothing.
const MOST_SKIPPED: u32 = 64;

/// All families.
pub(super) struct Families {
    known: Mutex<LruCache<ContentId, Arc<Kin>>>,
}

impl Default for Families {
    fn default() -> Self {
        Self { known: Mutex::new(LruCache::new(FAMILIES)) }
    }
}

impl Families {
    /// What is known of a family.
    pub fn kin(&self, family: ContentId) -> Arc<Kin> {
        Arc::clone(lock(&self.known).get_or_insert(family, Arc::default))
    }
}

/// The versions of one table with one definition.
#[derive(Default)]
pub(super) struct Kin {
    seen: Mutex<Seen>,
    /// How many steps to ask for next. Held while they are asked for.
    pub steps: tokio::sync::Mutex<Steps>,
}

/// How lengths are learned without reading.
pub(super) struct Steps {
    /// Whether the length of any version was asked for before.
    was_asked: bool,
    /// How many steps to ask for next; none once they turned out not to be right.
    count: Option<usize>,
    /// For how many versions they are not asked for, as those before told nothing.
    skipped: u32,
    /// How many versions are skipped the next time.
    skip_next: u32,
    /// Whether lengths that followed were once those of a version that was read as a whole.
    are_proven: bool,
    /// When and why the source last did not answer.
    failure: Option<(Instant, Arc<SourceError>)>,
}

impl Default for Steps {
    fn default() -> Self {
        Self {
            was_asked: false,
            count: Some(FIRST_STEPS),
            skipped: 0,
            skip_next: 1,
            are_proven: false,
            failure: None,
        }
    }
}

impl Steps {
    /// How many steps to ask for when the length of one more version is wanted; `None` where that version is to be
    /// read: the first of all, and now and then where steps tell nothing.
    pub fn worth_asking(&mut self) -> Option<usize> {
        if !std::mem::replace(&mut self.was_asked, true) {
            return None;
        }
        match self.skipped.checked_sub(1) {
            Some(rest) => {
                self.skipped = rest;
                None
            }
            None => self.count,
        }
    }

    /// Whether lengths that followed were once found to be right.
    pub fn are_proven(&self) -> bool {
        self.are_proven
    }

    /// What who has waited since `begun` would be told, too: were each to ask for itself, its time-out would follow
    /// all those before it.
    ///
    /// # Errors
    /// The failure, if there was one since.
    pub fn failure_since(&self, begun: Instant) -> Result<(), Arc<SourceError>> {
        match &self.failure {
            Some((at, error)) if *at >= begun => Err(Arc::clone(error)),
            _ => Ok(()),
        }
    }

    /// Notes that lengths could not be had, or not be checked. Where a source is silent for too long, whoever asks again
    /// waits as long again; after any other failure a version may be readable by itself.
    ///
    /// # Errors
    /// The failure, where the source is silent.
    pub fn failed<T>(&mut self, error: Arc<SourceError>) -> Result<Option<T>, Arc<SourceError>> {
        if error.kind == ErrorKind::TimedOut {
            self.failure = Some((Instant::now(), Arc::clone(&error)));
            return Err(error);
        }
        tracing::debug!(reason = chain(&*error), "lengths do not follow from others");
        self.told_nothing();
        Ok(None)
    }

    /// Asks for more the next time.
    pub fn went_well(&mut self) {
        self.are_proven = true;
        self.count = self.count.map(|count| (count * 2).min(MOST_STEPS));
        self.skip_next = 1;
    }

    /// Asks less often.
    pub fn told_nothing(&mut self) {
        self.skipped = self.skip_next;
        self.skip_next = (self.skip_next * 2).min(MOST_SKIPPED);
    }

    /// Asks no more.
    pub fn are_wrong(&mut self) {
        self.count = None;
    }
}

#[derive(Default)]
struct Seen {
    /// The newest first.
    recent: VecDeque<Recent>,
    /// Whether lines were found not to stand in the order of their keys.
    is_unordered: bool,
    /// What it took last time to read a version as a whole, and to make one by changes.
    whole: Option<Duration>,
    by_changes: Option<Duration>,
    /// Versions read as a whole since changes were tried.
    since_tried: u32,
}

/// A version that was at hand not long ago.
#[derive(Clone)]
pub(super) struct Recent {
    /// Its content's id.
    pub id: ContentId,
    /// Its content.
    pub content: Content,
}

impl Kin {
    /// Versions to start from, the last used first; none where changes are not worth asking for.
    pub fn bases(&self) -> Vec<Recent> {
        let mut seen = lock(&self.seen);
        if seen.is_unordered {
            return Vec::new();
        }
        let is_dearer = seen.by_changes > seen.whole && seen.whole.is_some();
        if is_dearer {
            seen.since_tried += 1;
            if seen.since_tried < TRY_AGAIN {
                return Vec::new();
            }
        }
        seen.since_tried = 0;
        seen.recent.iter().cloned().collect()
    }

    /// Notes a version that is at hand.
    pub fn note(&self, id: ContentId, content: &Content) {
        let mut seen = lock(&self.seen);
        seen.recent.retain(|recent| recent.id != id);
        seen.recent.push_front(Recent { id, content: content.clone() });
        seen.recent.truncate(RECENT);
    }

    /// Notes what it took to read a version as a whole, and whether its lines stand in the order of their keys.
    pub fn note_whole(&self, took: Duration, is_ordered: bool) {
        let mut seen = lock(&self.seen);
        seen.whole = Some(took);
        seen.is_unordered |= !is_ordered;
    }

    /// Notes what it took to make a version by changes.
    pub fn note_changes(&self, took: Duration) {
        lock(&self.seen).by_changes = Some(took);
    }

    /// Notes what it took to find out that a version has to be read as a whole, which comes on top of that.
    pub fn note_vain_changes(&self, took: Duration) {
        let mut seen = lock(&self.seen);
        seen.by_changes = Some(took + seen.whole.unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_that_tell_nothing_are_asked_for_less_and_less() {
        let mut steps = Steps::default();
        assert_eq!(steps.worth_asking(), None, "the first version is read");
        let mut asked = 0;
        for _ in 0..1000 {
            if steps.worth_asking().is_some() {
                asked += 1;
                steps.told_nothing();
            }
        }
        assert!((10..30).contains(&asked), "{asked}");
        while steps.worth_asking().is_none() {}
        steps.went_well();
        assert_eq!(steps.worth_asking(), Some(FIRST_STEPS * 2));
        steps.are_wrong();
        assert_eq!(steps.worth_asking(), None);
    }

    #[test]
    fn changes_that_are_dearer_than_a_full_read_are_tried_now_and_then() {
        let kin = Kin::default();
        let content: Content = Content::stream(crate::content::text::TextContent {
            text: bytes::Bytes::new(),
            what: String::new(),
        });
        for number in 0..20_u8 {
            kin.note(ContentId::of(&[&[number]]), &content);
        }
        let newest: Vec<_> = kin.bases().iter().map(|base| base.id).collect();
        let expected: Vec<_> = (4..20_u8).rev().map(|number| ContentId::of(&[&[number]])).collect();
        assert_eq!(newest, expected);
        kin.note_whole(Duration::from_millis(10), true);
        kin.note_changes(Duration::from_millis(20));
        let tried = (0..160).filter(|_| !kin.bases().is_empty()).count();
        assert_eq!(tried, 10);
        kin.note_changes(Duration::from_millis(5));
        assert!(!kin.bases().is_empty());
        kin.note_whole(Duration::from_millis(10), false);
        assert!(kin.bases().is_empty(), "no order, no changes");
    }
}
