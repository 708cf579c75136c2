//! `live/`: the working set, which changes while it is looked at.

use std::sync::Arc;

use super::Vfs;
use super::error::VfsError;
use super::node::Node;
use crate::catalog::Moment;
use crate::content::{ErrorKind, FileEntry};

/// How often a file that changes while it is read is tried before the caller gets an error.
const TRIES: usize = 8;

impl Vfs {
    /// The files of a database's working set.
    pub(super) async fn live_files(&self, db: &str) -> Result<Arc<[FileEntry]>, VfsError> {
        let database = self.database(db)?;
        let view = database.live_view().ok_or(VfsError::NotFound)?;
        Ok(self.listings.live_files(view).await?)
    }

    /// A live file's inode stands for one state of it. Where that state was overtaken before its content
    /// could be read, this goes on to the newer state, so that what is found can be read.
    pub(super) async fn settle_live(&self, parent: &Node, name: &str, found: Node) -> Result<Node, VfsError> {
        let (Node::Live { db, .. }
        | Node::Diff { db, from: Moment::Live, .. }
        | Node::Diff { db, to: Moment::Live, .. }) = parent
        else {
            return Ok(found);
        };
        let mut node = found;
        for _ in 1..TRIES {
            match self.size(&node).await {
                Err(VfsError::Source(error)) if error.kind == ErrorKind::Changed => {
                    let database = self.database(db)?;
                    if let Some(view) = database.live_view() {
                        self.listings.forget_live(view);
                    }
                    node = self.child(parent, name).await?;
                }
                _ => break,
            }
        }
        Ok(node)
    }
}
