//! The tree that a user sees, as plain functions: look-up, attributes, listing, reading. No FUSE type here.

use std::sync::Arc;

use bytes::Bytes;
use jiff::tz::TimeZone;

use crate::catalog::Catalog;
use crate::content::FileKind;
use crate::engine::{Engine, IndexError, Listings};
use crate::model::secrets::Secrets;
use crate::util::clock::WallClock;
use crate::views::{RowIndexes, Versions};

mod ahead;
mod attr;
mod child;
mod diffs;
mod error;
mod handles;
mod histories;
mod inodes;
mod link;
mod list;
mod live;
mod log_content;
mod lost;
mod node;
mod path;
mod per_snapshot;
mod snapshot_dir;
mod versions;
mod xattr;

pub use crate::source::LEAST_RATE;
pub use attr::{Attr, Kind};
pub use error::VfsError;
pub use list::DirEntry;
pub use node::Stays;
pub use path::{PathError, Place};

use handles::Handles;
use inodes::Inodes;
use node::Node;

/// Number of the root folder's inode.
pub const ROOT: u64 = 1;

/// The file system: a catalog seen through inodes.
pub struct Vfs {
    catalog: Arc<Catalog>,
    engine: Arc<Engine>,
    secrets: Arc<Secrets>,
    listings: Arc<Listings>,
    versions: Versions,
    rows: Arc<RowIndexes>,
    walks: ahead::Walks,
    inodes: Inodes,
    handles: Handles,
    timeline_entries: list::TimelineEntries,
    zone: TimeZone,
    clock: WallClock,
    mounted: crate::model::time::Timestamp,
}

/// What a look-up found.
#[derive(Debug, Clone, Copy)]
pub struct Found {
    /// Its attributes.
    pub attr: Attr,
    /// How long the name will mean the same inode: so long may the kernel remember it.
    pub name_stays: Stays,
}

/// What a listing tells of an entry.
#[derive(Debug, Clone, Copy)]
pub struct Listed {
    /// Its inode number.
    pub ino: u64,
    /// Its attributes, where they are at hand and stay for good, like its name.
    pub attr: Option<Attr>,
}

impl Vfs {
    /// A tree over `catalog`, whose contents `engine` reads; `zone` is how time expressions without a zone
    /// are read; `clock` says what `now` is.
    pub fn new(catalog: Arc<Catalog>, engine: Engine, zone: TimeZone, clock: impl Into<WallClock>) -> Self {
        let clock = clock.into();
        Self {
            catalog,
            secrets: Arc::default(),
            listings: Arc::new(Listings::new(Arc::default(), engine.budget())),
            rows: Arc::new(RowIndexes::of(&engine)),
            engine: Arc::new(engine),
            versions: Versions::default(),
            walks: ahead::Walks::default(),
            inodes: Inodes::new(Node::Root, ROOT),
            handles: Handles::default(),
            timeline_entries: list::TimelineEntries::default(),
            zone,
            mounted: clock.now().into(),
            clock,
        }
    }

    /// The same with other rules for what is secret than the built-in ones.
    #[must_use]
    pub fn with_secrets(self, secrets: Arc<Secrets>) -> Self {
        let listings = Arc::new(Listings::new(Arc::clone(&secrets), self.engine.budget()));
        Self { listings, secrets, ..self }
    }

    /// Finds `name` in the folder `parent`, and counts one more reference to its inode: pair each success
    /// with a [`Vfs::forget`]. The size of a table file is exact, so this renders the table when its length
    /// is not known yet.
    ///
    /// # Errors
    /// [`VfsError::NotFound`] and what the source says.
    pub async fn lookup(&self, parent: u64, name: &str) -> Result<Found, VfsError> {
        let parent = self.inodes.node(parent)?;
        let node = self.child(&parent, name).await?;
        let node = self.settle_live(&parent, name, node).await?;
        self.measure_ahead(&parent, &node);
        let size = self.size(&node).await?;
        let name_stays = self.name_stays(&parent, &node);
        let (ino, node) = self.inodes.reference(&node);
        Ok(Found { attr: self.attr(ino, &node, size), name_stays })
    }

    /// Puts on disk what was learned of contents, where there is a place for it. Blocks.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn save(&self) -> Result<(), IndexError> {
        self.engine.save()
    }

    /// Waits until the segments that were made are on disk, where they are kept, or for some seconds. Blocks.
    pub fn flush(&self) {
        self.engine.flush_segments();
    }

    /// Drops `count` references to an inode.
    pub fn forget(&self, ino: u64, count: u64) {
        self.inodes.forget(ino, count);
    }

    /// The attributes of an inode.
    ///
    /// # Errors
    /// [`VfsError::Stale`] for an inode that nobody holds, and what the source says.
    pub async fn getattr(&self, ino: u64) -> Result<Attr, VfsError> {
        let node = self.inodes.node(ino)?;
        let size = self.size(&node).await?;
        Ok(self.attr(ino, &node, size))
    }

    /// Where a symlink leads: the tree's own, relative to its folder; one that a source holds, as it says.
    ///
    /// # Errors
    /// [`VfsError::NotFound`] when what it named is no longer there; [`VfsError::NotALink`] for one that no system call
    /// could give; what the source says.
    pub async fn readlink(&self, ino: u64) -> Result<Bytes, VfsError> {
        match &*self.inodes.node(ino)? {
            Node::Link { db, link } => Ok(self.link_target(db, link)?.into_bytes().into()),
            Node::File(file) if file.kind == FileKind::Symlink => self.stored_target(file).await,
            _ => Err(VfsError::InvalidArgument),
        }
    }

    /// Opens a file; the handle keeps its content readable until [`Vfs::release`].
    ///
    /// # Errors
    /// What the source says when the content cannot be read.
    pub async fn open(&self, ino: u64) -> Result<u64, VfsError> {
        match &*self.inodes.node(ino)? {
            Node::File(file) if file.kind != FileKind::Symlink => {
                let reader = self.engine.open(file.id, &file.content).await?;
                Ok(self.handles.add_file(reader))
            }
            Node::Link { .. } | Node::File(_) => Err(VfsError::InvalidArgument),
            _ => Err(VfsError::IsADirectory),
        }
    }

    /// Up to `size` bytes from `offset`: fewer only at the end of the file.
    ///
    /// # Errors
    /// [`VfsError::BadHandle`], and what the source says.
    pub async fn read(&self, handle: u64, offset: u64, size: usize) -> Result<Bytes, VfsError> {
        let reader = self.handles.file(handle)?;
        Ok(reader.read(offset, size).await?)
    }

    /// Opens a folder: the handle holds its listing as of now, in a lasting order.
    ///
    /// # Errors
    /// What the source says when the folder cannot be listed.
    pub async fn opendir(&self, ino: u64) -> Result<u64, VfsError> {
        let node = self.inodes.node(ino)?;
        let entries = self.list(&node).await?;
        self.list_ahead(&node).await?;
        Ok(self.handles.add_dir(entries))
    }

    /// The entries of an open folder, without `.` and `..`.
    ///
    /// # Errors
    /// [`VfsError::BadHandle`].
    pub fn entries(&self, handle: u64) -> Result<Arc<[DirEntry]>, VfsError> {
        self.handles.dir(handle)
    }

    /// What a listing may tell of one of the [`Vfs::entries`] of the folder `parent`. Nothing is read for it. It
    /// counts one more reference to the entry's inode: pair each success with a [`Vfs::forget`].
    ///
    /// # Errors
    /// [`VfsError::NotFound`] when the name has left since, and what the source says.
    pub async fn entry(&self, parent: u64, name: &str) -> Result<Listed, VfsError> {
        let parent = self.inodes.node(parent)?;
        let node = self.child(&parent, name).await?;
        let (ino, node) = self.inodes.reference(&node);
        let lasts =
            self.name_stays(&parent, &node) == Stays::ForGood && node.attributes_stay() == Stays::ForGood;
        let size = if lasts { self.known_size(&node) } else { None };
        if size.is_some() {
            self.walks_past(&parent, &node);
        }
        Ok(Listed { ino, attr: size.map(|size| self.attr(ino, &node, size)) })
    }

    /// How many bytes the servers that an inode leads to have sent so far; `None` where it leads to other sources, too.
    pub fn received(&self, ino: u64) -> Option<u64> {
        match &*self.inodes.node(ino).ok()? {
            Node::File(file) => file.content.received(),
            Node::Snapshot { db, key, .. } => self.database(db).ok()?.view(key.slot)?.database.received(),
            node => self.database(node.database()?).ok()?.received(),
        }
    }

    /// Closes a handle of a file or a folder.
    pub fn release(&self, handle: u64) {
        self.handles.remove(handle);
    }

    /// How long a name will mean this inode. An archive may be replaced by another one of its name.
    fn name_stays(&self, parent: &Node, node: &Node) -> Stays {
        let stays = node.name_stays(parent);
        let snapshot = [parent, node].into_iter().find_map(|node| match node {
            Node::Snapshot { db, key, .. } => Some((db, key)),
            _ => None,
        });
        let may_be_replaced = snapshot.is_some_and(|(db, key)| {
            self.database(db).ok().and_then(|d| d.meta(key).map(|m| m.known_as.is_some())).unwrap_or(true)
        });
        if stays == Stays::ForGood && may_be_replaced { Stays::ForNow } else { stays }
    }

    fn state(&self) -> Arc<crate::catalog::State> {
        self.catalog.state()
    }

    fn database(&self, name: &str) -> Result<Arc<crate::catalog::Database>, VfsError> {
        self.state().database(name).cloned().ok_or(VfsError::NotFound)
    }
}
