//! The nodes of the tree: what a name means, what a folder lists, where a symlink leads. No inode numbers, no handles.

use std::sync::Arc;

use super::error::VfsError;
use crate::catalog::{Database, SnapshotOrLive};
use crate::content::FileEntry;
use crate::model::time::Timestamp;
use crate::views::{View, ViewContext};

/// The tree of a catalog: its databases, and the views of each.
pub(super) struct NodeTree {
    pub context: ViewContext,
    pub views: Vec<Arc<dyn View>>,
    /// The time of nodes that have no other.
    pub mounted: Timestamp,
}

impl NodeTree {
    pub fn database(&self, name: &str) -> Result<Arc<Database>, VfsError> {
        Ok(self.context.database(name)?)
    }

    pub async fn files_of(&self, db: &str, of: &SnapshotOrLive) -> Result<Arc<[FileEntry]>, VfsError> {
        let gone = if *of == SnapshotOrLive::Live { VfsError::NotFound } else { VfsError::Stale };
        let database = self.database(db).map_err(|_| gone)?;
        Ok(self.context.files(&database, of).await?)
    }
}
