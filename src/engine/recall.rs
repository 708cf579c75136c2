//! Versions on disk: a list of the segments of a content, which are there too.

use super::cache::Cache;
use super::disk::SegmentStore;
use super::load::SegmentList;
use super::version::Version;
use crate::model::content_id::ContentId;
use crate::model::jsonl::line_key::KeyOrder;

/// Length of a segment's id.
const ID: usize = 16;

/// Puts on disk which segments a content has. Does not block.
pub(super) fn keep(disk: &SegmentStore, id: ContentId, version: &Version) {
    let ids = (0..version.count()).flat_map(|number| *version.segment(number).id.as_bytes());
    disk.put(&list_id(id), &ids.collect());
}

/// The version of a content whose segments are all on disk, or in memory. Each is known by a hash of its bytes, so
/// that whatever is there is what was put there. Blocks.
pub(super) fn version(cache: &Cache, id: ContentId, order: Option<&KeyOrder>) -> Option<Version> {
    let disk = cache.disk()?;
    let ids = disk.get(&list_id(id))?;
    let (ids, rest) = ids.as_chunks::<ID>();
    if !rest.is_empty() {
        return None;
    }
    let mut list = SegmentList::new(order, cache);
    for id in ids.iter().copied().map(ContentId::from_bytes) {
        list.push(&disk.get(&id)?);
        if list.last() != Some(id) {
            return None;
        }
    }
    Some(list.into_version())
}

fn list_id(id: ContentId) -> ContentId {
    ContentId::of(&[b"segments", id.as_bytes()])
}
