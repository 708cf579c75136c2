//! Makes the segment list of a version from that of another one and the lines that differ.

use std::sync::Arc;

use super::family::{KnownFamily, KnownVersion};
use super::patch::patched;
use super::steps;
use crate::content::chain;
use crate::content::shared_load::SharedResult;
use crate::content::versioned::{Family, LineChange, Versioned};
use crate::engine::pages::SegmentList;
use crate::engine::pages::cache::Cache;
use crate::engine::read::segments::SegmentReader;
use crate::engine::report::changes_do_not_fit;
use crate::model::content_id::ContentId;
use crate::model::jsonl::line_key::KeyOrder;

/// Changes that are larger than one part in this many of a version are not worth having.
const WORTH_CHANGING: u64 = 2;

/// Bytes of changes that are held at a time for one version, beside the cache.
const MOST_CHANGES: u64 = 8 << 20;

/// The same limit for the changes of several versions that are asked for at once.
const MOST_AHEAD: u64 = 1 << 20;

/// The list of a version, made from a version in memory. `None` if there is no such version, or if making the list is
/// not worth it or fails. The version is then read as a whole; if that fails too, its error says why. A version that is
/// on this machine is not made from one for which a server may have to be asked.
pub(crate) async fn list(
    versioned: &dyn Versioned,
    id: ContentId,
    is_local: bool,
    family: &Family,
    known: &KnownFamily,
    cache: &Arc<Cache>,
) -> Option<SegmentList> {
    let order = family.order.as_ref()?;
    let in_memory = |base: KnownVersion| {
        // The list of a version that was read while its keys were not known cannot say where a line belongs.
        let list = cache.list(base.id).filter(|list| list.is_ordered())?;
        let distance = base.content.versioned().and_then(|from| versioned.distance(from.version()));
        Some((distance.unwrap_or(u32::MAX), base, list))
    };
    // Reading a version of one segment is as quick as asking for changes.
    let is_worth_it = |(_, _, list): &(u32, KnownVersion, Arc<SegmentList>)| list.count() > 1;
    // The first of those that are equally far away is the one that was used last.
    let bases = known.bases().into_iter().filter(|base| !is_local || base.content.received().is_none());
    let nearest = bases.filter_map(in_memory).min_by_key(|(distance, ..)| *distance);
    let (distance, base, list) = nearest.filter(is_worth_it)?;
    let most_ahead = if distance == 1 { MOST_AHEAD.min(list.len()) } else { 0 };
    let made = async {
        let changes = match most_ahead {
            0 => None,
            most => steps::changes(versioned, id, base.id, most, known, cache).await?,
        };
        changed(versioned, order, &base, list, changes, cache).await
    };
    let made = made.await.inspect_err(|error| {
        tracing::debug!(reason = chain(&**error), "a version is read as a whole instead");
    });
    let made = made.ok().flatten();
    known.note_changes(made.is_some());
    made
}

async fn changed(
    versioned: &dyn Versioned,
    order: &KeyOrder,
    base: &KnownVersion,
    list: Arc<SegmentList>,
    changes: Option<Vec<LineChange>>,
    cache: &Arc<Cache>,
) -> SharedResult<Option<SegmentList>> {
    let changes = match (changes, base.content.versioned()) {
        (Some(changes), _) => Some(changes),
        (None, Some(from)) => {
            let limit = MOST_CHANGES.min(list.len() / WORTH_CHANGING);
            versioned.changes_since(from.version(), limit).await.map_err(Arc::new)?
        }
        (None, None) => None,
    };
    let Some(changes) = changes else { return Ok(None) };
    let reader = SegmentReader::new(base.id, &base.content, list, cache);
    let made = patched(&reader, order, changes, cache).await?;
    if made.is_none() {
        changes_do_not_fit(&*base.content);
    }
    Ok(made)
}
