//! The reader of an open content.

use std::sync::Arc;

use bytes::Bytes;

use super::blocking;
use super::segments::SegmentReader;
use super::tree::TreeReader;
use crate::content::Content;
use crate::content::shared_load::SharedResult;
use crate::engine::report::cannot_read;

/// An open content: its bytes stay readable while this lives.
#[derive(Clone)]
pub struct Reader {
    pub(crate) content: Content,
    pub(crate) missing: Missing,
}

/// Where a segment that is not in memory comes from.
#[derive(Clone)]
pub(crate) enum Missing {
    /// From its node: the source keeps the content as a tree.
    ByNode(Arc<TreeReader>),
    /// From the stream, read from a place before the segment.
    ByStream(Arc<SegmentReader>),
}

impl Reader {
    /// The tree, of a content that its source keeps as one.
    pub(crate) fn tree(&self) -> Option<&Arc<TreeReader>> {
        match &self.missing {
            Missing::ByNode(tree) => Some(tree),
            Missing::ByStream(_) => None,
        }
    }

    /// The length in bytes of a streamed content.
    pub(crate) fn stream_len(&self) -> Option<u64> {
        match &self.missing {
            Missing::ByStream(segments) => Some(segments.list().len()),
            Missing::ByNode(_) => None,
        }
    }

    /// Bytes that it keeps in memory beside the cache.
    pub(crate) fn cost(&self) -> u64 {
        match &self.missing {
            Missing::ByStream(segments) => segments.list().cost(),
            Missing::ByNode(_) => 0,
        }
    }

    /// Up to `size` bytes from `offset`: shorter only at the end of the content, empty past it.
    pub async fn read(&self, offset: u64, size: usize) -> SharedResult<Bytes> {
        let read = match &self.missing {
            Missing::ByStream(segments) => segments.read(offset, size).await,
            Missing::ByNode(tree) => match tree.read_from_memory(offset, size) {
                Some(bytes) => Ok(bytes),
                None => {
                    let tree = Arc::clone(tree);
                    blocking(&self.content, move || tree.read(offset, size)).await
                }
            },
        };
        read.inspect_err(|error| cannot_read(&*self.content, error))
    }
}
