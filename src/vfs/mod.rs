//! The tree that a user sees, as plain functions: look-up, attributes, listing, reading. It uses no type of a front
//! end.

use std::sync::Arc;

use bytes::Bytes;
use jiff::tz::TimeZone;

use crate::catalog::{Catalog, SnapshotOrLive};
use crate::content::FileKind;
use crate::engine::{Engine, IndexError, Reader};
use crate::model::secrets::Secrets;
use crate::util::clock::WallClock;
use crate::views::{self, ViewContext};

mod ahead;
mod attr;
mod child;
mod error;
mod inodes;
mod link;
mod list;
mod node;
mod open;
mod path;
mod status;
mod xattr;

pub use crate::views::Ttl;
pub use attr::Attr;
pub use error::VfsError;
pub use list::{DOTS, DirEntry, Listing};
pub use node::NodeKind;
pub use path::{PathError, ResolvedPath};
pub use status::{STATUS_FILE, STATUS_FOLDER};

use child::Child;
use inodes::Inodes;
use node::{NodeTree, TreeNode};
use open::{OpenFiles, OpenListing, OpenListings, SETTLED};
use status::Status;

/// A request does not wait for a server that sends fewer bytes a second than this.
pub const LEAST_RATE: u64 = crate::source::LEAST_RATE;

/// Number of the root folder's inode.
pub const ROOT: u64 = 1;

/// A catalog as a file system.
pub struct Vfs {
    tree: NodeTree,
    walks: ahead::Walks,
    inodes: Inodes,
    listings: list::KeptListings,
    open_files: OpenFiles,
    open_listings: OpenListings,
}

/// The result of a look-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FoundName {
    /// Its attributes.
    pub attr: Attr,
    /// How long the kernel may remember that the name means this inode.
    pub name_ttl: Ttl,
}

/// What a listing says about a name.
#[derive(Debug, Clone, Copy)]
pub struct ListedName {
    /// Its inode number.
    pub ino: u64,
    /// What a look-up would find, if that needs no content to be read.
    pub found: Option<FoundName>,
}

impl Vfs {
    /// A tree over `catalog`, whose contents `engine` reads. `secrets` says what is secret, `zone` is the time zone of
    /// time expressions that name none, and `clock` says what `now` is.
    pub fn new(
        catalog: Arc<Catalog>,
        engine: Engine,
        secrets: Arc<Secrets>,
        zone: TimeZone,
        clock: impl Into<WallClock>,
    ) -> Self {
        let clock = clock.into();
        let (views, mounted) = (views::all(&engine), clock.now().into());
        let status = Status::new(Arc::clone(&catalog), Arc::clone(engine.budget()), clock.clone());
        let context = ViewContext::new(catalog, engine, secrets, zone, clock);
        Self {
            tree: NodeTree { context, views, status, mounted },
            walks: ahead::Walks::default(),
            inodes: Inodes::new(TreeNode::Root, ROOT),
            listings: list::KeptListings::default(),
            open_files: OpenFiles::default(),
            open_listings: OpenListings::default(),
        }
    }

    /// Sets the arguments that the status of the mount shows as names of its sources; `None` for one that is not UTF-8.
    pub fn name_sources(&mut self, arguments: Vec<Option<String>>) {
        self.tree.status.name_sources(arguments);
    }

    /// Finds `name` in the folder `parent`, and counts one more reference to its inode: pair each success with a
    /// [`Vfs::forget`]. Sizes are exact, so this renders a table whose length is not known yet.
    pub async fn lookup(&self, parent: u64, name: &str) -> Result<FoundName, VfsError> {
        let found = self.look_up(parent, name).await;
        self.tree.status.counters.look_up(&found);
        found
    }

    async fn look_up(&self, parent: u64, name: &str) -> Result<FoundName, VfsError> {
        let parent = self.inodes.node(parent)?;
        let Child { node, ttl } = self.tree.settled_child(&parent, name).await?;
        self.walks.measure_ahead(&self.tree, &parent, &node);
        let size = self.tree.size(&node).await?;
        let (ino, node) = self.inodes.reference(&node);
        Ok(FoundName { attr: self.tree.attr(ino, &node, size), name_ttl: ttl })
    }

    /// Reads contents.
    pub fn engine(&self) -> &Engine {
        &self.tree.context.engine
    }

    /// Saves the facts about contents, if there is a folder for them. Blocks.
    pub fn save(&self) -> Result<(), IndexError> {
        self.tree.context.engine.save()
    }

    /// Drops `count` references to an inode.
    pub fn forget(&self, ino: u64, count: u64) {
        if self.inodes.forget(ino, count) {
            self.open_files.remove(ino);
        }
    }

    /// The attributes of an inode.
    pub async fn getattr(&self, ino: u64) -> Result<Attr, VfsError> {
        let node = self.inodes.node(ino)?;
        let size = self.tree.size(&node).await?;
        Ok(self.tree.attr(ino, &node, size))
    }

    /// The target of a symlink: relative for the tree's own symlinks, unchanged for those of a source.
    pub async fn readlink(&self, ino: u64) -> Result<Bytes, VfsError> {
        match &*self.inodes.node(ino)? {
            TreeNode::Link { db, view, path } => {
                Ok(self.tree.link_target(db, &**view, path)?.into_bytes().into())
            }
            TreeNode::File(file) if file.kind == FileKind::Symlink => self.tree.stored_target(file).await,
            _ => Err(VfsError::InvalidArgument),
        }
    }

    /// Reads `size` bytes of a file from `offset`: fewer only at its end. A file needs no opening, because an inode is one
    /// content.
    pub async fn read(&self, ino: u64, offset: u64, size: usize) -> Result<Bytes, VfsError> {
        let read = self.read_part(ino, offset, size).await;
        self.tree.status.counters.read(&read);
        read
    }

    async fn read_part(&self, ino: u64, offset: u64, size: usize) -> Result<Bytes, VfsError> {
        let reader = match self.open_files.get(ino) {
            Some(reader) => reader,
            None => self.open(ino).await?,
        };
        let read = reader.read(offset, size).await;
        if read.is_err() {
            // The next read may find the content elsewhere.
            self.open_files.remove(ino);
        }
        Ok(read?)
    }

    async fn open(&self, ino: u64) -> Result<Reader, VfsError> {
        match &*self.inodes.node(ino)? {
            TreeNode::File(file) if file.kind != FileKind::Symlink => {
                let reader = self.tree.context.engine.open(file.id, &file.content).await?;
                self.open_files.put(ino, reader.clone());
                Ok(reader)
            }
            TreeNode::Link { .. } | TreeNode::File(_) => Err(VfsError::InvalidArgument),
            _ => Err(VfsError::IsADirectory),
        }
    }

    /// Lists a folder from `cookie` on, which is 0 or one of [`Listing::rest`]. All consecutive parts of a listing show
    /// the folder as of the beginning of the listing. Returns [`VfsError::Stale`] if so many other listings began
    /// meanwhile that this one was dropped, and names may have come or gone.
    pub async fn list(&self, ino: u64, cookie: u64) -> Result<Listing, VfsError> {
        let listing = self.list_part(ino, cookie).await;
        self.tree.status.counters.listing(&listing);
        listing
    }

    async fn list_part(&self, ino: u64, cookie: u64) -> Result<Listing, VfsError> {
        let (number, from) = Listing::place_of(cookie);
        if from == list::END {
            self.open_listings.remove(ino, number);
            return Ok(Listing::end(number));
        }
        match self.open_listings.get(ino, number).filter(|_| from > 0) {
            Some(listing) => Ok(Listing::new(number, listing, from)),
            None if number != SETTLED => Err(VfsError::Stale),
            None => {
                let node = self.inodes.node(ino)?;
                let (entries, is_settled) = self.listings.list(&self.tree, &self.inodes, &node).await?;
                if from == 0 {
                    self.walks.list_ahead(&self.tree, &node).await?;
                }
                let listing = OpenListing { entries, is_settled };
                Ok(Listing::new(self.open_listings.add(ino, listing.clone()), listing, from))
            }
        }
    }

    /// Describes a name that the folder `parent` lists, without reading anything. Counts one more
    /// reference to its inode: pair each success with a [`Vfs::forget`].
    pub async fn entry(&self, parent: u64, name: &str) -> Result<ListedName, VfsError> {
        let parent = self.inodes.node(parent)?;
        let Child { node, ttl } = self.tree.child(&parent, name).await?;
        let (ino, node) = self.inodes.reference(&node);
        let size = self.tree.known_size(&node);
        if size.is_some() {
            self.walks.pass_by(&self.tree, &parent, &node);
        }
        let found = size.map(|size| FoundName { attr: self.tree.attr(ino, &node, size), name_ttl: ttl });
        Ok(ListedName { ino, found })
    }

    /// How many bytes the servers behind an inode have sent so far; `None` if other sources are behind it too.
    pub fn received(&self, ino: u64) -> Option<u64> {
        match &*self.inodes.node(ino).ok()? {
            TreeNode::File(file) => file.content.received(),
            TreeNode::Snapshot { db, of: SnapshotOrLive::Snapshot(key), .. } => {
                self.tree.context.database(db).ok()?.view(key.slot)?.database.received()
            }
            node => self.tree.context.database(node.database()?).ok()?.received(),
        }
    }
}
