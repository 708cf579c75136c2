//! Segment lists on disk: the ids of the segments of a content, which are there too.

use crate::engine::disk::SegmentStore;
use crate::engine::pages::SegmentList;
use crate::engine::pages::builder::ListBuilder;
use crate::engine::pages::cache::Cache;
use crate::model::content_id::ContentId;
use crate::model::jsonl::line_key::KeyOrder;

const ID: usize = 16;

/// Puts the ids of a content's segments on disk. Does not block.
pub(crate) fn keep(disk: &SegmentStore, id: ContentId, list: &SegmentList) {
    let ids = list.segments().flat_map(|segment| *segment.id.as_bytes());
    disk.put(&list_id(id), &ids.collect());
}

/// The segment list of a content, where it is on disk with all of its segments. Each segment is checked against its id, which
/// is a hash of its bytes. Blocks.
pub(crate) fn list(cache: &Cache, id: ContentId, order: Option<&KeyOrder>) -> Option<SegmentList> {
    let disk = cache.disk()?;
    let ids = disk.get(&list_id(id))?;
    let (ids, rest) = ids.as_chunks::<ID>();
    if !rest.is_empty() {
        return None;
    }
    let mut list = ListBuilder::new(order, cache);
    for id in ids.iter().copied().map(ContentId::from_bytes) {
        list.push(&disk.get(&id)?);
        if list.last() != Some(id) {
            return None;
        }
    }
    Some(list.into_list())
}

fn list_id(id: ContentId) -> ContentId {
    ContentId::of(&[b"segments", id.as_bytes()])
}
