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
    content: Content,
    missing: Missing,
}

/// How a segment that is not in memory is had.
#[derive(Clone)]
enum Missing {
    /// By its node, of a source that keeps the content as a tree.
    ByNode(Arc<TreeReader>),
    /// By reading the stream from a place before it.
    ByStream(Arc<SegmentReader>),
}

impl Reader {
    /// A reader of a content that its source keeps as a tree.
    pub(crate) fn of_tree(content: &Content, tree: Arc<TreeReader>) -> Self {
        Self { content: content.clone(), missing: Missing::ByNode(tree) }
    }

    /// A reader of a content that comes from end to end.
    pub(crate) fn of_segments(content: &Content, segments: Arc<SegmentReader>) -> Self {
        Self { content: content.clone(), missing: Missing::ByStream(segments) }
    }

    /// What is read.
    pub(crate) fn content(&self) -> &Content {
        &self.content
    }

    /// The tree, of a content that its source keeps as one.
    pub(crate) fn tree(&self) -> Option<&Arc<TreeReader>> {
        match &self.missing {
            Missing::ByNode(tree) => Some(tree),
            Missing::ByStream(_) => None,
        }
    }

    /// The segments, of a content that comes from end to end.
    pub(crate) fn segments(&self) -> Option<&Arc<SegmentReader>> {
        match &self.missing {
            Missing::ByNode(_) => None,
            Missing::ByStream(segments) => Some(segments),
        }
    }

    /// Up to `size` bytes from `offset`: shorter only at the end of the content, empty past it.
    ///
    /// # Errors
    /// What the source says when the content can no longer be read.
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
