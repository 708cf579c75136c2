//! Opening and reading contents, and the ways to get a missing segment.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use tokio::runtime::Handle;

use crate::content::Content;
use crate::content::blocking::broken_off;
use crate::content::shared_load::SharedResult;
use crate::memory::Cancel;
use crate::util::tasks::{self, in_place};

pub(crate) mod lists;
mod reader;
pub(crate) mod segments;
mod source_read;
pub(crate) mod tree;

pub(crate) use reader::Missing;
pub use reader::Reader;

/// Runs blocking work on a content that its source keeps as a tree, as work of that source.
pub(crate) async fn blocking<T>(
    content: &Content,
    work: impl FnOnce() -> SharedResult<T>,
) -> SharedResult<T> {
    let tree = content.tree().expect("what blocks is a tree");
    in_place(tree.source(), work, |why| Arc::new(broken_off(&content.describe(), why))).await
}

/// The same for work that may take long, as a task of its own, which is cancelled when nobody waits for it any more.
pub(crate) async fn cancellable<T: Send + 'static>(
    content: &Content,
    work: impl FnOnce(&Cancel) -> SharedResult<T> + Send + 'static,
) -> SharedResult<T> {
    let (content, cancel) = (content.clone(), Cancel::default());
    let _wanted = cancel.on_drop();
    tasks::spawn(&Handle::current(), async move { blocking(&content, || work(&cancel)).await }).await
}

/// Joins pieces; without copying if there is only one.
fn joined(mut pieces: Vec<Bytes>) -> Bytes {
    if pieces.len() <= 1 {
        return pieces.pop().unwrap_or_default();
    }
    let mut joined = BytesMut::with_capacity(pieces.iter().map(Bytes::len).sum());
    for piece in &pieces {
        joined.extend_from_slice(piece);
    }
    joined.freeze()
}
