//! Steps: how each version differs from the one that it was made from. A reader that goes from version to version will
//! want the next steps, and many of them cost the source hardly more than one. So they are asked for ahead, and wait in
//! the cache.

use std::sync::Arc;

use super::backoff::Backoff;
use super::family::KnownFamily;
use crate::content::shared_load::SharedResult;
use crate::content::versioned::{LineChange, Versioned};
use crate::engine::pages::cache::{Cache, CacheKey, Cached, Step};
use crate::model::content_id::ContentId;
use crate::util::locks::lock;

/// Steps that are asked for at first, and most.
const FEWEST: usize = 8;
const MOST: usize = 128;

/// How many steps are asked for next.
#[derive(Default)]
pub(crate) struct StepsAhead {
    /// How many were asked for last, and how many of them were used.
    asked: usize,
    used: usize,
    backoff: Backoff,
}

impl StepsAhead {
    /// How many to ask for; `None` if the last ones were of no use.
    fn worth_asking(&mut self) -> Option<usize> {
        if !self.backoff.is_due() {
            return None;
        }
        let is_walk = self.asked > 0 && self.used * 2 >= self.asked;
        self.asked = if is_walk { (self.asked * 4).min(MOST) } else { FEWEST };
        self.used = 0;
        Some(self.asked)
    }

    fn was_of_use(&mut self, is_of_use: bool) {
        if is_of_use {
            self.used += 1;
            self.backoff.was_of_use();
        } else {
            self.backoff.was_of_no_use();
        }
    }
}

/// The changes that turn `base` into a neighbouring version, if the source returns them with those of other versions.
/// `most` limits the bytes of all of them together.
pub(super) async fn changes(
    versioned: &dyn Versioned,
    id: ContentId,
    base: ContentId,
    most: u64,
    known: &KnownFamily,
    cache: &Cache,
) -> SharedResult<Option<Vec<LineChange>>> {
    if let Some(changes) = in_cache(cache, base, id) {
        lock(&known.ahead).was_of_use(true);
        return Ok(Some(changes));
    }
    let Some(count) = lock(&known.ahead).worth_asking() else { return Ok(None) };
    let deltas = versioned.length_deltas(count, Some(most)).await.map_err(Arc::new)?;
    // The next one last, as what was put first is dropped first.
    for delta in deltas.into_iter().rev() {
        let step = Step { from: delta.from, changes: delta.changes };
        cache.put(CacheKey::Step(delta.to), Cached::Step(Arc::new(step)));
    }
    let changes = in_cache(cache, base, id);
    lock(&known.ahead).was_of_use(changes.is_some());
    Ok(changes)
}

/// The changes from one version to another that was made from it, or the other way round.
fn in_cache(cache: &Cache, from: ContentId, to: ContentId) -> Option<Vec<LineChange>> {
    if let Some(step) = cache.step(to).filter(|step| step.from == from) {
        return Some(step.changes.clone());
    }
    let step = cache.step(from).filter(|step| step.from == to)?;
    let back = |change: &LineChange| LineChange { from: change.to.clone(), to: change.from.clone() };
    Some(step.changes.iter().map(back).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_asks_for_more_and_what_is_of_no_use_is_asked_for_less_and_less() {
        let mut ahead = StepsAhead::default();
        for expected in [8, 32, 128, 128] {
            assert_eq!(ahead.worth_asking(), Some(expected));
            (0..expected).for_each(|_| ahead.was_of_use(true));
        }
        assert_eq!(ahead.worth_asking(), Some(128));
        ahead.was_of_use(true);
        assert_eq!(ahead.worth_asking(), Some(8), "only one of 128 was used");
        let mut asked = 0;
        for _ in 0..1000 {
            if ahead.worth_asking().is_some() {
                asked += 1;
                ahead.was_of_use(false);
            }
        }
        assert!((10..30).contains(&asked), "{asked}");
    }
}
