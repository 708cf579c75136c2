//! File attributes.

use crate::model::time::Timestamp;

use super::Vfs;
use super::error::VfsError;
use super::histories::TABLE;
use super::node::{Node, Stays};
use crate::catalog::{Moment, SnapKey};
use crate::content::FileKind;
use crate::model::access::{Access, Audience};

/// Unit of `st_blocks` (stat(2)).
const BLOCK: u64 = 512;

/// What kind of file it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A folder.
    Directory,
    /// A regular file.
    File,
    /// A regular file that may be run.
    Executable,
    /// A symbolic link.
    Symlink,
}

impl From<FileKind> for Kind {
    fn from(kind: FileKind) -> Self {
        match kind {
            FileKind::Regular => Self::File,
            FileKind::Executable => Self::Executable,
            FileKind::Symlink => Self::Symlink,
        }
    }
}

/// The attributes of one inode. Owner and permission bits are for the mount to decide, within what `access` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attr {
    /// Inode number.
    pub ino: u64,
    /// Kind of file.
    pub kind: Kind,
    /// Exact length in bytes; of a symlink, that of its target; 0 for folders.
    pub size: u64,
    /// Blocks of 512 bytes.
    pub blocks: u64,
    /// When the content last changed.
    pub mtime: Timestamp,
    /// How long all this stays true.
    pub stays: Stays,
    /// Number of names. 1 for folders, which tells `find` and others that it does not count their subfolders.
    pub nlink: u32,
    /// Who may read it, or see which names a folder has.
    pub access: Access,
}

impl Vfs {
    /// The exact size, which may need to read the content once.
    pub(super) async fn size(&self, node: &Node) -> Result<u64, VfsError> {
        match node {
            Node::File(file) => Ok(self.engine.len(file.id, &file.content).await?),
            Node::Link { db, link } => Ok(self.link_target(db, link)?.len() as u64),
            _ => Ok(0),
        }
    }

    /// The exact size of what stays for good, where nothing has to be read for it.
    pub(super) fn known_size(&self, node: &Node) -> Option<u64> {
        match node {
            Node::File(file) => self.engine.known_len(file.id, &file.content),
            Node::Snapshot { .. } => Some(0),
            _ => None,
        }
    }

    pub(super) fn attr(&self, ino: u64, node: &Node, size: u64) -> Attr {
        let (kind, nlink) = match node {
            Node::File(file) => (file.kind.into(), file.links),
            Node::Link { .. } => (Kind::Symlink, 1),
            _ => (Kind::Directory, 1),
        };
        let (blocks, mtime, stays) = (size.div_ceil(BLOCK), self.mtime(node), node.attributes_stay());
        let access = self.access(node);
        Attr { ino, kind, size, blocks, mtime, stays, nlink, access }
    }

    /// Who may read a file, or see the names in a folder: of a database's folders, those who may read some of it. What is
    /// not there any more is nobody else's.
    fn access(&self, node: &Node) -> Access {
        let of_database = |db: &str| self.database(db).map_or(Audience::Owner, |d| d.audiences().widest);
        let of_snapshot = |db: &str, key: &SnapKey| {
            let database = self.database(db).ok();
            let view = database.as_ref().and_then(|database| database.view(key.slot));
            view.map_or(Audience::Owner, |view| view.database.audience_of(&key.id))
        };
        let of_live = |db: &str| {
            let database = self.database(db).ok();
            let view = database.as_ref().and_then(|database| database.live_view());
            view.map_or(Audience::Owner, |view| view.database.audiences().widest)
        };
        let of_moment = |db: &str, moment: &Moment| match moment {
            Moment::Snapshot(key) => of_snapshot(db, key),
            Moment::Live => of_live(db),
        };
        match node {
            Node::File(file) => return file.access,
            // A look-up in it says whether a table ever had a row with that key.
            Node::Histories { db, path } if !path.is_empty() => {
                let audience = self.database(db).map_or(Audience::Owner, |d| d.audiences().narrowest);
                return Access { audience, is_secret: self.secrets.of(&format!("{path}{TABLE}")).is_some() };
            }
            Node::Root | Node::Link { .. } => Audience::Everyone,
            Node::Snapshot { db, key, .. } => of_snapshot(db, key),
            Node::Diff { db, from, to, .. } => of_moment(db, from).and(of_moment(db, to)),
            Node::Live { db, .. } => of_live(db),
            Node::Database { db }
            | Node::Timeline { db }
            | Node::Commits { db }
            | Node::Lost { db }
            | Node::Periods { db, .. }
            | Node::PerSnapshot { db, .. }
            | Node::Versions { db, .. }
            | Node::Histories { db, .. }
            | Node::Diffs { db }
            | Node::Refs { db, .. } => of_database(db),
        }
        .into()
    }

    fn mtime(&self, node: &Node) -> Timestamp {
        let newest = |db: &str| self.database(db).map_or(self.mounted, |d| d.newest_time());
        match node {
            Node::Root => self.state().databases().map(|d| d.newest_time()).max().unwrap_or(self.mounted),
            Node::File(file) => file.changed,
            Node::Snapshot { db, key, .. } => {
                self.database(db).ok().and_then(|d| d.meta(key).map(|meta| meta.time)).unwrap_or(self.mounted)
            }
            Node::Link { db, link } => self.link_time(db, link).unwrap_or(self.mounted),
            Node::Database { db }
            | Node::Timeline { db }
            | Node::Commits { db }
            | Node::Lost { db }
            | Node::Periods { db, .. }
            | Node::PerSnapshot { db, .. }
            | Node::Versions { db, .. }
            | Node::Histories { db, .. }
            | Node::Diffs { db }
            | Node::Diff { db, .. }
            | Node::Refs { db, .. }
            | Node::Live { db, .. } => newest(db),
        }
    }
}
