//! Lists folders. Reads no row: names and inode numbers are derived from what is known.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use super::error::VfsError;
use super::inodes::Inodes;
use super::node::{NodeKind, NodeTree, TreeNode, file_identity, listed_identity};
use super::open::{OpenListing, SETTLED};
use super::status;
use crate::catalog::{Database, SnapshotOrLive};
use crate::content::FileEntry;
use crate::content::unlisted::is_passing;
use crate::model::content_id::ContentId;
use crate::util::locks::lock;
use crate::views::{View, ViewRequest, join, paths};

/// One name in a folder.
#[derive(Debug, Clone)]
pub struct DirEntry {
    /// The name.
    pub name: Arc<str>,
    /// Its inode number.
    pub ino: u64,
    /// Its kind.
    pub kind: NodeKind,
}

/// A folder's names, from some place on.
pub struct Listing {
    number: u32,
    listing: OpenListing,
    from: usize,
}

impl Listing {
    pub(super) fn new(number: u32, listing: OpenListing, from: u32) -> Self {
        Self { number, listing, from: from as usize }
    }

    /// The end of a listing, which tells the reader that nothing follows.
    pub(super) fn end(number: u32) -> Self {
        let listing = OpenListing { entries: Arc::default(), is_settled: number == SETTLED };
        Self { number, listing, from: END as usize }
    }

    /// The number of the listing that a cookie belongs to, and the place in it: [`END`] after the last name.
    pub(super) fn place_of(cookie: u64) -> (u32, u32) {
        let [a, b, c, d, place @ ..] = cookie.to_be_bytes();
        (u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes(place))
    }

    /// The cookie of a place: the next part begins there.
    fn cookie(&self, place: usize) -> u64 {
        let is_end = place >= self.listing.entries.len() + DOTS.len();
        u64::from(self.number) << 32 | if is_end { u64::from(END) } else { place as u64 }
    }

    /// Whether the folder lists these names and no others as long as it exists.
    pub fn is_settled(&self) -> bool {
        self.listing.is_settled
    }

    /// How many of [`DOTS`] the reader has not had yet, each with the cookie after it.
    pub fn dots(&self) -> impl Iterator<Item = (u64, &'static str)> {
        DOTS.into_iter().enumerate().skip(self.from).map(|(place, name)| (self.cookie(place + 1), name))
    }

    /// The other names that the reader has not had yet, each with the cookie after it.
    pub fn rest(&self) -> impl Iterator<Item = (u64, &DirEntry)> {
        let entries = self.listing.entries.iter().enumerate().skip(self.from.saturating_sub(DOTS.len()));
        entries.map(|(place, entry)| (self.cookie(place + DOTS.len() + 1), entry))
    }
}

/// The place after the last name. It stays known when the listing is dropped, as a reader may ask for it again.
pub(super) const END: u32 = u32::MAX;

/// The names that a listing begins with in a front end that wants them: this folder and the one above.
pub const DOTS: [&str; 2] = [".", ".."];

/// Listings of views that only change with their database, each with the state of the database that it shows. They are kept
/// because there may be 100,000 snapshots.
#[derive(Default)]
pub(super) struct KeptListings {
    by_view: Mutex<HashMap<ListingKey, KeptListing>>,
}

type ListingKey = (Arc<str>, &'static str);
type KeptListing = (Arc<Database>, Arc<[DirEntry]>);

/// A name without its inode number: with the identity that the number is derived from, and the kind.
type Unnumbered = (Arc<str>, (ContentId, NodeKind));

impl NodeTree {
    /// The names in a folder, as of now, and whether it lists the same ones as long as it exists.
    async fn names(&self, node: &TreeNode) -> Result<(Vec<Unnumbered>, bool), VfsError> {
        let of_node = |name: Arc<str>, node: TreeNode| (name, (node.identity(), node.kind()));
        let names = match node {
            TreeNode::Root => {
                let databases = self.context.databases();
                let names = databases.databases().map(|database| database.name.clone());
                names.map(|name| of_node(name.clone(), TreeNode::Database { db: name })).collect()
            }
            TreeNode::Status => {
                let file = |name: &str| Some(of_node(name.into(), TreeNode::File(self.status.file(name)?)));
                status::FILES.into_iter().filter_map(file).collect()
            }
            TreeNode::Database { db } => {
                let database = self.context.database(db)?;
                let open = |view: &Arc<dyn View>| {
                    let item = view.open(&self.context, &database)?;
                    Some(of_node(view.name().into(), TreeNode::of(db, view, item)))
                };
                let mut names: Vec<_> = self.views.iter().filter_map(open).collect();
                names.sort_by(|(a, _), (b, _)| a.cmp(b));
                names
            }
            TreeNode::View { db, view, folder } => {
                let database = self.context.database(db)?;
                let request = ViewRequest { context: &self.context, database: &database, folder };
                let name = |(name, item)| (name, listed_identity(db, &**view, &item));
                view.list(request).await?.into_iter().map(name).collect()
            }
            TreeNode::Snapshot { db, of, path } => {
                let files = self.files_of(db, of).await?;
                let child = |(name, file): (&str, Option<&FileEntry>)| match file {
                    Some(file) => (name.into(), (file_identity(file.id), file.kind.into())),
                    None => (name.into(), (of.identity(db, &join(path, name)), NodeKind::Directory)),
                };
                let names = paths::children(&files, path).into_iter().map(child).collect();
                let is_fixed = *of != SnapshotOrLive::Live && !self.may_be_replaced(node);
                return Ok((names, is_fixed && !is_passing(&files)));
            }
            TreeNode::Link { .. } | TreeNode::File(_) => return Err(VfsError::NotADirectory),
        };
        Ok((names, false))
    }
}

impl KeptListings {
    /// The entries of a folder, as of now, and whether they stay the same as long as it exists.
    pub async fn list(
        &self,
        tree: &NodeTree,
        inodes: &Inodes,
        node: &TreeNode,
    ) -> Result<(Arc<[DirEntry]>, bool), VfsError> {
        let (key, of) = match node {
            TreeNode::View { db, view, folder } if view.keeps_listing() && folder.path.is_empty() => {
                ((db.clone(), view.name()), tree.context.database(db)?)
            }
            _ => {
                let (names, is_settled) = tree.names(node).await?;
                return Ok((numbered(inodes, names), is_settled));
            }
        };
        if let Some((shown, entries)) = lock(&self.by_view).get(&key)
            && Arc::ptr_eq(shown, &of)
        {
            return Ok((entries.clone(), false));
        }
        let entries = numbered(inodes, tree.names(node).await?.0);
        lock(&self.by_view).insert(key, (of, entries.clone()));
        Ok((entries, false))
    }
}

fn numbered(inodes: &Inodes, names: Vec<Unnumbered>) -> Arc<[DirEntry]> {
    let numbers = inodes.numbers(names.iter().map(|(_, (identity, _))| identity));
    let entry = |((name, (_, kind)), ino)| DirEntry { name, ino, kind };
    names.into_iter().zip(numbers).map(entry).collect()
}
