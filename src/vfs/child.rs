//! Looking up one name in a folder.

use super::error::VfsError;
use super::node::{NodeTree, TreeNode};
use super::status::STATUS_FOLDER;
use crate::catalog::SnapshotOrLive;
use crate::content::ErrorKind;
use crate::views::paths::{self, PathKind};
use crate::views::{Ttl, ViewRequest, join};

/// How often to try a file if it changes while it is read.
const TRIES: usize = 8;

/// What a name means, and for how long.
pub(super) struct Child {
    pub node: TreeNode,
    pub ttl: Ttl,
}

impl NodeTree {
    /// What `name` means in the folder `parent`. Reads no content, unless a view needs one to answer.
    pub async fn child(&self, parent: &TreeNode, name: &str) -> Result<Child, VfsError> {
        let (node, ttl) = match parent {
            TreeNode::Root => match self.context.database(name) {
                Ok(database) => (TreeNode::Database { db: database.name.clone() }, Ttl::Short),
                Err(_) if name == STATUS_FOLDER => (TreeNode::Status, Ttl::Short),
                Err(error) => return Err(error.into()),
            },
            TreeNode::Status => {
                (TreeNode::File(self.status.file(name).ok_or(VfsError::NotFound)?), Ttl::None)
            }
            TreeNode::Database { db } => {
                let database = self.context.database(db)?;
                let view = self.views.iter().find(|view| view.name() == name).ok_or(VfsError::NotFound)?;
                let item = view.open(&self.context, &database).ok_or(VfsError::NotFound)?;
                let node = TreeNode::of(db, view, item);
                let ttl = if matches!(node, TreeNode::File(_)) { Ttl::None } else { Ttl::Short };
                (node, ttl)
            }
            TreeNode::View { db, view, folder } => {
                let database = self.context.database(db)?;
                let request = ViewRequest { context: &self.context, database: &database, folder };
                let item = view.lookup(request, name).await?;
                let ttl = view.ttl(folder, &item);
                (TreeNode::of(db, view, item), ttl)
            }
            TreeNode::Snapshot { db, of, path } => {
                let files = self.files_of(db, of).await?;
                let below = join(path, name);
                let node = match paths::find(&files, &below).ok_or(VfsError::NotFound)? {
                    PathKind::File(file) => TreeNode::File(file.clone()),
                    PathKind::Folder => TreeNode::Snapshot { db: db.clone(), of: of.clone(), path: below },
                };
                (node, if parent.is_live() { Ttl::None } else { Ttl::Long })
            }
            TreeNode::Link { .. } | TreeNode::File(_) => return Err(VfsError::NotADirectory),
        };
        let ttl = match &node {
            TreeNode::Link { .. } => Ttl::None,
            _ if ttl == Ttl::Long && (self.may_be_replaced(parent) || self.may_be_replaced(&node)) => {
                Ttl::Short
            }
            _ => ttl,
        };
        Ok(Child { node, ttl })
    }

    /// The same, so that it can be read. The inode of a live file stands for one state of it: if that state has
    /// changed before its content could be read, this returns the newer one.
    pub async fn settled_child(&self, parent: &TreeNode, name: &str) -> Result<Child, VfsError> {
        let mut child = self.child(parent, name).await?;
        let Some(db) = parent.database().filter(|_| parent.is_live()) else { return Ok(child) };
        for _ in 1..TRIES {
            match self.size(&child.node).await {
                Err(VfsError::Source(error)) if error.kind == ErrorKind::Changed => {
                    if let Some(view) = self.context.database(db)?.live_view() {
                        self.context.listings.forget_live(view);
                    }
                    child = self.child(parent, name).await?;
                }
                _ => break,
            }
        }
        Ok(child)
    }

    /// Whether another snapshot may get the same name: an archive can be replaced.
    pub fn may_be_replaced(&self, node: &TreeNode) -> bool {
        let TreeNode::Snapshot { db, of: SnapshotOrLive::Snapshot(key), .. } = node else { return false };
        self.context.database(db).ok().and_then(|d| d.meta(key).map(|m| m.known_as.is_some())).unwrap_or(true)
    }
}
