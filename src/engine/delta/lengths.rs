//! Derives the lengths of versions that are not read from those of other versions.

use std::sync::Arc;

use tokio::runtime::Handle;

use super::derive::derive;
use super::family::{KnownFamily, family_of};
use crate::content::shared_load::SharedResult;
use crate::content::versioned::Family;
use crate::content::{Content, chain};
use crate::engine::read::lists::SegmentLists;
use crate::engine::report::length_deltas_are_wrong;
use crate::model::content_id::ContentId;
use crate::util::tasks;

/// A caller that got this many lengths at once is probably on a walk through all versions, and will want the next ones soon.
const WALK: usize = 32;

/// For fewer versions than this, it is cheaper to make each from the one before than to read one as a whole. The first
/// derived lengths have to be checked by such a full read.
const WORTH_PROVING: usize = 8;

enum Learned {
    Nothing,
    /// The derived lengths are not those of the versions.
    Wrong,
    /// This many lengths, the last of them that of this content.
    UpTo(Content, usize),
}

/// A table, represented by one of its versions.
struct TableVersion {
    content: Content,
    family: Arc<Family>,
    known: Arc<KnownFamily>,
}

/// Derives the length of a version from those of others. `None` for the first version of a table that is asked for, and
/// if no length can be derived. If the source does not answer, the callers that waited for the one that asked it fail
/// too.
pub(crate) async fn len(
    lists: &Arc<SegmentLists>,
    id: ContentId,
    content: &Content,
) -> SharedResult<Option<u64>> {
    let Some((_, family)) = family_of(content).await else { return Ok(None) };
    let known = lists.family(family.id);
    let failures = known.failures();
    // Callers that ask meanwhile find what this one learns.
    let mut learning = known.deltas.lock().await;
    if let Some(len) = lists.pages.lengths.get(id) {
        return Ok(Some(len));
    }
    known.failure_since(failures, &learning)?;
    let Some(count) = learning.worth_asking(known.was_opened()) else { return Ok(None) };
    let table = TableVersion { content: content.clone(), family, known: Arc::clone(&known) };
    match learn(lists, &table, Some(id), count, learning.are_proven).await {
        Ok(Learned::Nothing) => learning.were_of_no_use(),
        Ok(Learned::Wrong) => learning.are_wrong(),
        Ok(Learned::UpTo(content, count)) => {
            learning.went_well();
            if count >= WALK {
                go_on(lists, TableVersion { content, ..table });
            }
            return Ok(lists.pages.lengths.get(id));
        }
        Err(error) => return known.failed(&mut learning, error),
    }
    Ok(None)
}

/// Learns the next lengths while the caller uses those that were learned.
fn go_on(lists: &Arc<SegmentLists>, table: TableVersion) {
    let lists = Arc::clone(lists);
    let learn_ahead = tasks::spawn(&Handle::current(), async move {
        let mut learning = table.known.deltas.lock().await;
        let Some(count) = learning.worth_asking(false) else { return };
        match learn(&lists, &table, None, count, learning.are_proven).await {
            Ok(Learned::UpTo(..)) => learning.went_well(),
            Ok(Learned::Wrong) => learning.are_wrong(),
            // There are no further versions to learn of.
            Ok(Learned::Nothing) => {}
            // The next caller that needs a length asks again, and gets the reason.
            Err(error) => tracing::debug!(reason = chain(&*error), "lengths are not learned ahead"),
        }
    });
    learn_ahead.detach();
}

/// Asks for length deltas around a version, and checks the farthest version that they lead to. If `id` is given, the
/// length of `id` has to be among those that lead there.
async fn learn(
    lists: &Arc<SegmentLists>,
    table: &TableVersion,
    id: Option<ContentId>,
    count: usize,
    are_proven: bool,
) -> SharedResult<Learned> {
    let Some(versioned) = table.content.versioned() else { return Ok(Learned::Nothing) };
    let deltas = versioned.length_deltas(count, None).await.map_err(Arc::new)?;
    let derived = derive(&deltas, |id| lists.pages.lengths.get(id));
    let contents = |of| match Some(of) == id {
        true => Some(&table.content),
        false => deltas.iter().find(|delta| delta.to == of).map(|delta| &delta.content),
    };
    let way = derived.way_by(id, |end| contents(end).is_some());
    // Reading a single version is as quick as checking it.
    let fewest = if are_proven { 2 } else { WORTH_PROVING };
    let Some(&(end, len)) = way.last().filter(|_| way.len() >= fewest) else { return Ok(Learned::Nothing) };
    let Some(content) = contents(end) else { return Ok(Learned::Nothing) };
    let read = match are_proven {
        true => lists.get(end, content).await?,
        // The deltas must not be checked by a version that was itself made from deltas.
        false => lists.read_version(end, content, &table.family, &table.known).await?,
    };
    if read.len() != len {
        length_deltas_are_wrong(&**content, len);
        return Ok(Learned::Wrong);
    }
    let learned = Learned::UpTo(content.clone(), way.len());
    lists.pages.lengths.derive(way, content.is_immutable_by_id());
    Ok(learned)
}
