//! What is known of the versions of one table: which of them are in memory, and which deltas are worth asking for.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use super::backoff::Backoff;
use super::steps::StepsAhead;
use crate::content::shared_load::SharedResult;
use crate::content::versioned::{Family, Versioned};
use crate::content::{Content, ErrorKind, SourceError, chain};
use crate::model::content_id::ContentId;
use crate::util::locks::lock;

/// How many versions of one table are kept to start from: each of several readers may be at a different one.
const RECENT: usize = 16;

/// After changes were of no use, this many versions are read as a whole before changes are tried again.
const TRY_AGAIN: u32 = 16;

/// How many length deltas are asked for at first. Each success doubles the number, up to [`MOST_DELTAS`].
const FIRST_DELTAS: usize = 16;
const MOST_DELTAS: usize = 4096;

/// A version of a table, and its family. `None` if its source cannot name the family, as Dolt cannot print every table
/// definition that it holds. The version may still be readable.
pub(crate) async fn family_of(content: &Content) -> Option<(&dyn Versioned, Arc<Family>)> {
    let versioned = content.versioned()?;
    let family = versioned.family().await;
    let family = family.inspect_err(|error| tracing::debug!(reason = chain(error), "it is read alone"));
    Some((versioned, family.ok()?))
}

/// The versions of one table with one definition.
#[derive(Default)]
pub(crate) struct KnownFamily {
    versions: Mutex<KnownVersions>,
    /// How lengths are learned. Locked while they are asked for.
    pub deltas: tokio::sync::Mutex<LengthLearning>,
    /// The steps that are asked for ahead.
    pub ahead: Mutex<StepsAhead>,
    /// Whether a version was opened since a length was last asked for.
    is_opened: AtomicBool,
    /// How often the source did not answer for lengths.
    failures: AtomicU64,
}

#[derive(Default)]
struct KnownVersions {
    /// The newest first.
    recent: VecDeque<KnownVersion>,
    /// Whether lines were found not to stand in the order of their keys.
    is_unordered: bool,
    /// Whether the last changes were of no use, and how many versions were read as a whole since.
    is_in_vain: bool,
    since_tried: u32,
}

/// A version that was in memory not long ago.
#[derive(Clone)]
pub(crate) struct KnownVersion {
    pub id: ContentId,
    pub content: Content,
}

impl KnownFamily {
    /// Versions to start from, the last used first; empty if changes are not worth asking for.
    pub fn bases(&self) -> Vec<KnownVersion> {
        let mut versions = lock(&self.versions);
        if versions.is_unordered {
            return Vec::new();
        }
        if versions.is_in_vain {
            versions.since_tried += 1;
            if versions.since_tried < TRY_AGAIN {
                return Vec::new();
            }
        }
        versions.since_tried = 0;
        versions.recent.iter().cloned().collect()
    }

    pub fn note(&self, id: ContentId, content: &Content) {
        let mut versions = lock(&self.versions);
        versions.recent.retain(|recent| recent.id != id);
        versions.recent.push_front(KnownVersion { id, content: content.clone() });
        versions.recent.truncate(RECENT);
    }

    /// Notes whether the lines of a version that was read as a whole stand in the order of their keys.
    pub fn note_whole(&self, is_ordered: bool) {
        lock(&self.versions).is_unordered |= !is_ordered;
    }

    pub fn note_changes(&self, are_of_use: bool) {
        lock(&self.versions).is_in_vain = !are_of_use;
    }

    /// Notes that a version is read.
    pub fn note_opened(&self) {
        self.is_opened.store(true, Ordering::Relaxed);
    }

    /// Whether a version was opened since the last call.
    pub fn was_opened(&self) -> bool {
        self.is_opened.swap(false, Ordering::Relaxed)
    }

    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::SeqCst)
    }

    /// Notes that lengths could not be had or could not be checked. Fails if the source does not answer, because a
    /// caller that asked again would wait just as long. After any other failure a version may still be readable.
    pub fn failed<T>(
        &self,
        learning: &mut LengthLearning,
        error: Arc<SourceError>,
    ) -> SharedResult<Option<T>> {
        if error.kind == ErrorKind::TimedOut {
            self.failures.fetch_add(1, Ordering::SeqCst);
            learning.failure = Some(Arc::clone(&error));
            return Err(error);
        }
        tracing::debug!(reason = chain(&*error), "lengths do not follow from others");
        learning.were_of_no_use();
        Ok(None)
    }

    /// Returns the last failure if there was one since `before`, so that queued callers fail together instead of timing out
    /// one by one.
    pub fn failure_since(&self, before: u64, learning: &LengthLearning) -> SharedResult<()> {
        match &learning.failure {
            Some(error) if self.failures() > before => Err(Arc::clone(error)),
            _ => Ok(()),
        }
    }
}

/// How lengths are learned without reading.
pub(crate) struct LengthLearning {
    /// Whether the length of any version was asked for before.
    was_asked: bool,
    /// How many length deltas to ask for next; none once they turned out to be wrong.
    count: Option<usize>,
    backoff: Backoff,
    /// Whether derived lengths were once found right by reading a version as a whole.
    pub are_proven: bool,
    failure: Option<Arc<SourceError>>,
}

impl Default for LengthLearning {
    fn default() -> Self {
        let (count, backoff) = (Some(FIRST_DELTAS), Backoff::default());
        Self { was_asked: false, count, backoff, are_proven: false, failure: None }
    }
}

impl LengthLearning {
    /// How many length deltas to ask for when the length of one more version is wanted. `None` if that version has to
    /// be read or made instead: if it is the first of all, if length deltas are wrong or were of no use lately, or if
    /// the last version was opened, because then this one will be opened too and has to be made anyway.
    pub fn worth_asking(&mut self, was_opened: bool) -> Option<usize> {
        if !std::mem::replace(&mut self.was_asked, true) || was_opened {
            return None;
        }
        if self.backoff.is_due() { self.count } else { None }
    }

    /// Asks for more next time.
    pub fn went_well(&mut self) {
        self.are_proven = true;
        self.count = self.count.map(|count| (count * 2).min(MOST_DELTAS));
        self.backoff.was_of_use();
    }

    /// Asks less often.
    pub fn were_of_no_use(&mut self) {
        self.backoff.was_of_no_use();
    }

    /// Asks no more.
    pub fn are_wrong(&mut self) {
        self.count = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn useless_length_deltas_are_asked_for_less_and_less() {
        let mut learning = LengthLearning::default();
        assert_eq!(learning.worth_asking(false), None, "the first version is read");
        assert_eq!(learning.worth_asking(true), None, "and the one after it that is opened");
        let mut asked = 0;
        for _ in 0..1000 {
            if learning.worth_asking(false).is_some() {
                asked += 1;
                learning.were_of_no_use();
            }
        }
        assert!((10..30).contains(&asked), "{asked}");
        while learning.worth_asking(false).is_none() {}
        learning.went_well();
        assert_eq!(learning.worth_asking(false), Some(FIRST_DELTAS * 2));
        learning.are_wrong();
        assert_eq!(learning.worth_asking(false), None);
    }

    #[test]
    fn changes_that_were_in_vain_are_tried_now_and_then() {
        let known = KnownFamily::default();
        let text = crate::content::text::TextContent { text: bytes::Bytes::new(), what: String::new() };
        let content = Content::stream(text);
        for number in 0..20_u8 {
            known.note(ContentId::of(&[&[number]]), &content);
        }
        let newest: Vec<_> = known.bases().iter().map(|base| base.id).collect();
        let expected: Vec<_> = (4..20_u8).rev().map(|number| ContentId::of(&[&[number]])).collect();
        assert_eq!(newest, expected);
        known.note_whole(true);
        known.note_changes(false);
        let tried = (0..160).filter(|_| !known.bases().is_empty()).count();
        assert_eq!(tried, 10);
        known.note_changes(true);
        assert!(!known.bases().is_empty());
        known.note_whole(false);
        assert!(known.bases().is_empty(), "no order, no changes");
    }
}
