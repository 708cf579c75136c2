//! File attributes.

use super::error::VfsError;
use super::node::{NodeKind, NodeTree, TreeNode};
use crate::catalog::SnapshotOrLive;
use crate::model::access::{Access, Audience};
use crate::model::time::Timestamp;
use crate::views::Ttl;

/// Unit of `st_blocks` (stat(2)).
const BLOCK: u64 = 512;

/// The attributes of one inode. The front end decides owner and permission bits, within what `access` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attr {
    /// Inode number.
    pub ino: u64,
    /// Kind of file.
    pub kind: NodeKind,
    /// Exact length in bytes; of a symlink, that of its target; 0 for folders.
    pub size: u64,
    /// Blocks of 512 bytes.
    pub blocks: u64,
    /// When the content last changed.
    pub mtime: Timestamp,
    /// How long the kernel may remember all this.
    pub ttl: Ttl,
    /// The number of names. 1 for folders, which tells `find` and others that subfolders are not counted.
    pub nlink: u32,
    /// Who may read it, or see which names a folder has.
    pub access: Access,
}

impl NodeTree {
    /// The exact size, which may need to read the content once.
    pub async fn size(&self, node: &TreeNode) -> Result<u64, VfsError> {
        match node {
            TreeNode::File(file) => Ok(self.context.engine.len(file.id, &file.content).await?),
            TreeNode::Link { db, view, path } => Ok(self.link_target(db, &**view, path)?.len() as u64),
            _ => Ok(0),
        }
    }

    /// The exact size of a node, if it is known without reading.
    pub fn known_size(&self, node: &TreeNode) -> Option<u64> {
        match node {
            TreeNode::File(file) => self.context.engine.known_len(file.id, &file.content),
            TreeNode::Link { db, view, path } => {
                self.link_target(db, &**view, path).ok().map(|target| target.len() as u64)
            }
            _ => Some(0),
        }
    }

    pub fn attr(&self, ino: u64, node: &TreeNode, size: u64) -> Attr {
        let nlink = if let TreeNode::File(file) = node { file.links } else { 1 };
        Attr {
            ino,
            kind: node.kind(),
            size,
            blocks: size.div_ceil(BLOCK),
            mtime: self.mtime(node).unwrap_or(self.mounted),
            ttl: match node.attr_ttl() {
                // Its snapshot may be replaced, and with it the time and the mode.
                Ttl::Long if self.may_be_replaced(node) => Ttl::Short,
                ttl => ttl,
            },
            nlink,
            access: self.access(node),
        }
    }

    /// Who may read a file, or see the names in a folder: for a database's folders, those who may read something in it.
    /// Only the owner may read what is no longer there.
    fn access(&self, node: &TreeNode) -> Access {
        let db = match node {
            TreeNode::File(file) => return file.access,
            TreeNode::Root | TreeNode::Link { .. } => return Audience::Everyone.into(),
            TreeNode::Status => return Audience::Owner.into(),
            TreeNode::Database { db } | TreeNode::View { db, .. } | TreeNode::Snapshot { db, .. } => db,
        };
        let Ok(database) = self.context.database(db) else { return Audience::Owner.into() };
        match node {
            TreeNode::View { view, folder, .. } => view.access(&self.context, &database, folder),
            TreeNode::Snapshot { of, .. } => database.audience_of(of).into(),
            _ => database.audiences().widest.into(),
        }
    }

    /// When a node last changed; `None` if it is no longer there.
    fn mtime(&self, node: &TreeNode) -> Option<Timestamp> {
        match node {
            TreeNode::Root => self.context.databases().databases().map(|db| db.newest_time()).max(),
            TreeNode::File(file) => Some(file.changed),
            TreeNode::Status => None,
            TreeNode::Snapshot { db, of: SnapshotOrLive::Snapshot(key), .. } => {
                Some(self.context.database(db).ok()?.meta(key)?.time)
            }
            TreeNode::Link { db, view, path } => self.link_time(db, &**view, path),
            TreeNode::Database { db } | TreeNode::View { db, .. } | TreeNode::Snapshot { db, .. } => {
                Some(self.context.database(db).ok()?.newest_time())
            }
        }
    }
}
