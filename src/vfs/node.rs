//! What an inode stands for, and the tree of all nodes. No inode numbers, no handles.

use std::sync::Arc;

use super::error::VfsError;
use super::status::Status;
use crate::catalog::SnapshotOrLive;
use crate::content::{FileEntry, FileKind};
use crate::model::content_id::ContentId;
use crate::model::time::Timestamp;
use crate::views::{Item, ListedFile, Ttl, View, ViewContext, ViewFolder};

/// What kind of file it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeKind {
    /// A folder.
    Directory,
    /// A regular file.
    File,
    /// A regular file that may be run.
    Executable,
    /// A symbolic link.
    Symlink,
}

impl From<FileKind> for NodeKind {
    fn from(kind: FileKind) -> Self {
        match kind {
            FileKind::Regular => Self::File,
            FileKind::Executable => Self::Executable,
            FileKind::Symlink => Self::Symlink,
        }
    }
}

/// A folder or symlink of the tree, or one content wherever it is shown. `db` is a database's shown name.
#[derive(Clone)]
pub(super) enum TreeNode {
    Root,
    /// The folder with the state of the mount.
    Status,
    Database {
        db: Arc<str>,
    },
    View {
        db: Arc<str>,
        view: Arc<dyn View>,
        folder: ViewFolder,
    },
    /// The folder of a snapshot or of the working set, or the folder `path` in it.
    Snapshot {
        db: Arc<str>,
        of: SnapshotOrLive,
        path: Arc<str>,
    },
    /// The symlink `path` of a view. Its target is resolved each time, because `latest` and `yesterday` move on.
    Link {
        db: Arc<str>,
        view: Arc<dyn View>,
        path: Arc<str>,
    },
    File(FileEntry),
}

impl TreeNode {
    /// What an item of a view is in the tree.
    pub fn of(db: &Arc<str>, view: &Arc<dyn View>, item: Item) -> Self {
        let (db, view) = (Arc::clone(db), Arc::clone(view));
        match item {
            Item::Folder(folder) => Self::View { db, view, folder },
            Item::Snapshot(of) => Self::Snapshot { db, of, path: "".into() },
            Item::Link(path) => Self::Link { db, view, path },
            Item::File(file) => Self::File(file),
        }
    }

    /// What the inode number is derived from: equal for equal nodes, and the same after a remount.
    pub fn identity(&self) -> ContentId {
        match self {
            Self::Root => ContentId::of(&[b"root"]),
            Self::Status => ContentId::of(&[b"status"]),
            Self::Database { db } => ContentId::of(&[b"database", db.as_bytes()]),
            Self::View { db, view, folder } => folder_identity(db, view.name(), folder),
            Self::Snapshot { db, of, path } => of.identity(db, path),
            Self::Link { db, view, path } => link_identity(db, view.name(), path),
            Self::File(file) => file_identity(file.id),
        }
    }

    /// What kind of file it is.
    pub fn kind(&self) -> NodeKind {
        match self {
            Self::File(file) => file.kind.into(),
            Self::Link { .. } => NodeKind::Symlink,
            _ => NodeKind::Directory,
        }
    }

    /// The database that it belongs to, unless it is a file.
    pub fn database(&self) -> Option<&Arc<str>> {
        match self {
            Self::Root | Self::Status | Self::File(_) => None,
            Self::Database { db }
            | Self::View { db, .. }
            | Self::Snapshot { db, .. }
            | Self::Link { db, .. } => Some(db),
        }
    }

    /// How long the kernel may remember the attributes.
    pub fn attr_ttl(&self) -> Ttl {
        match self {
            Self::File(_) | Self::Snapshot { of: SnapshotOrLive::Snapshot(_), .. } => Ttl::Long,
            Self::Link { .. } => Ttl::None,
            // Their times change with each commit.
            _ => Ttl::Short,
        }
    }

    /// Whether what it shows may change while it is looked at.
    pub fn is_live(&self) -> bool {
        match self {
            Self::Snapshot { of, .. } => *of == SnapshotOrLive::Live,
            Self::View { folder, .. } => folder.is_live(),
            _ => false,
        }
    }
}

/// [`TreeNode::identity`] and kind of a listed item.
pub(super) fn listed_identity(db: &str, view: &dyn View, item: &Item<ListedFile>) -> (ContentId, NodeKind) {
    match item {
        Item::Folder(folder) => (folder_identity(db, view.name(), folder), NodeKind::Directory),
        Item::Snapshot(of) => (of.identity(db, ""), NodeKind::Directory),
        Item::Link(path) => (link_identity(db, view.name(), path), NodeKind::Symlink),
        Item::File(file) => (file_identity(file.id), file.kind.into()),
    }
}

/// [`TreeNode::identity`] of a file, by the id of its content.
pub(super) fn file_identity(id: ContentId) -> ContentId {
    ContentId::of(&[b"file", id.as_bytes()])
}

fn folder_identity(db: &str, view: &str, folder: &ViewFolder) -> ContentId {
    let of: Vec<ContentId> = folder.of.iter().map(|of| of.identity(db, "")).collect();
    let mut parts: Vec<&[u8]> = vec![b"view", db.as_bytes(), view.as_bytes(), folder.path.as_bytes()];
    parts.extend(of.iter().map(|id| &id.as_bytes()[..]));
    ContentId::of(&parts)
}

fn link_identity(db: &str, view: &str, path: &str) -> ContentId {
    ContentId::of(&[b"link", db.as_bytes(), view.as_bytes(), path.as_bytes()])
}

/// The tree of a catalog: its databases, and the views of each.
pub(super) struct NodeTree {
    pub context: ViewContext,
    pub views: Vec<Arc<dyn View>>,
    pub status: Status,
    /// The time of nodes that have no other.
    pub mounted: Timestamp,
}

impl NodeTree {
    pub async fn files_of(&self, db: &str, of: &SnapshotOrLive) -> Result<Arc<[FileEntry]>, VfsError> {
        let gone = if *of == SnapshotOrLive::Live { VfsError::NotFound } else { VfsError::Stale };
        let database = self.context.database(db).map_err(|_| gone)?;
        Ok(self.context.files(&database, of).await?)
    }
}
