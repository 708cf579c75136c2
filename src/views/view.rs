//! What a view is: something that the tree shows in the folder of each database.
//!
//! A view decides what its names mean; the tree gives out inodes and attributes and reads files.

use std::sync::Arc;

use async_trait::async_trait;

use super::context::ViewContext;
use super::error::ViewError;
use crate::catalog::{Database, SnapshotFolder, SnapshotOrLive};
use crate::content::{FileEntry, FileKind};
use crate::model::access::Access;
use crate::model::content_id::ContentId;

/// A view of a database: a folder, or a single file or symlink.
///
/// To add a view, add a file in this folder that implements this trait, and a line in [`super::all`].
#[async_trait]
pub trait View: Send + Sync {
    /// Its name in the folder of a database.
    fn name(&self) -> &'static str;

    /// What stands under that name: a folder, unless the view says otherwise. `None` where the database has no such view.
    fn open(&self, _context: &ViewContext, _database: &Arc<Database>) -> Option<Item> {
        Some(Item::Folder(ViewFolder::default()))
    }

    /// The entries of one of its folders. Reads no content. The content id of a file is the one that [`View::lookup`] gives it.
    async fn list(&self, _request: ViewRequest<'_>) -> Result<Vec<ListedItem>, ViewError> {
        Ok(Vec::new())
    }

    /// What `name` means in one of its folders. It may find more than [`View::list`] lists.
    async fn lookup(&self, _request: ViewRequest<'_>, _name: &str) -> Result<Item, ViewError> {
        Err(ViewError::NotFound)
    }

    /// The snapshot that the symlink at `path` below the view leads to. Called each time the symlink is read.
    fn target(&self, _context: &ViewContext, _database: &Database, _path: &str) -> Option<SnapshotFolder> {
        None
    }

    /// How long the kernel may remember what a name in `folder` means. A symlink is looked up each time, whatever this
    /// returns.
    fn ttl(&self, _folder: &ViewFolder, item: &Item) -> Ttl {
        if matches!(item, Item::File(_)) { Ttl::None } else { Ttl::Short }
    }

    /// Who may see the names in `folder`: those who may read something of the database, or of all snapshots that the folder
    /// stands for.
    fn access(&self, _context: &ViewContext, database: &Database, folder: &ViewFolder) -> Access {
        let each = folder.of.iter().map(|of| database.audience_of(of));
        each.reduce(|a, b| a.and(b)).unwrap_or_else(|| database.audiences().widest).into()
    }

    /// Whether its own folder lists the same names until the database changes, and so many that the listing is worth keeping.
    fn keeps_listing(&self) -> bool {
        false
    }
}

/// The folder of a view that a question is about, and what answers are made from.
#[derive(Clone, Copy)]
pub struct ViewRequest<'r> {
    /// Databases, engine and clock.
    pub context: &'r ViewContext,
    /// The database, as of now.
    pub database: &'r Arc<Database>,
    /// The folder.
    pub folder: &'r ViewFolder,
}

/// What a name in a view stands for. `F` is what is known of a file.
#[derive(Clone)]
pub enum Item<F = FileEntry> {
    /// A folder of the view.
    Folder(ViewFolder),
    /// The folder of a snapshot or of the working set.
    Snapshot(SnapshotOrLive),
    /// A symlink to a snapshot, by its path below the view.
    Link(Arc<str>),
    /// A file.
    File(F),
}

/// A name in a listing, and what it stands for.
pub type ListedItem = (Arc<str>, Item<ListedFile>);

/// What a listing says of a file.
#[derive(Debug, Clone, Copy)]
pub struct ListedFile {
    /// Its content id.
    pub id: ContentId,
    /// What kind of file it is.
    pub kind: FileKind,
}

impl From<&FileEntry> for ListedFile {
    fn from(file: &FileEntry) -> Self {
        Self { id: file.id, kind: file.kind }
    }
}

/// A folder of a view.
#[derive(Clone, Default)]
pub struct ViewFolder {
    /// Its path below the view; empty for the view itself.
    pub path: Arc<str>,
    /// The snapshots that it compares, as they were when it was looked up.
    pub of: Vec<SnapshotOrLive>,
}

impl ViewFolder {
    /// The folder `path` of a view.
    pub fn at(path: impl Into<Arc<str>>) -> Self {
        Self { path: path.into(), of: Vec::new() }
    }

    /// The path of `name` in it.
    pub fn join(&self, name: &str) -> Arc<str> {
        join(&self.path, name)
    }

    /// The folder `name` in it.
    pub fn child(&self, name: &str) -> Self {
        Self { path: self.join(name), of: self.of.clone() }
    }

    /// Whether what it shows may change while it is looked at.
    pub fn is_live(&self) -> bool {
        self.of.contains(&SnapshotOrLive::Live)
    }
}

/// `name` below `path`, where the empty path is the folder itself.
pub fn join(path: &str, name: &str) -> Arc<str> {
    if path.is_empty() { name.into() } else { format!("{path}/{name}").into() }
}

/// How long something may be remembered, the shortest time first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ttl {
    /// Not at all.
    None,
    /// It changes with its database, and may be a moment old.
    Short,
    /// It does not change, except for link counts and rewritten histories.
    Long,
}
