//! `branches/` and `tags/`: symlinks, nested where a name has slashes.

use async_trait::async_trait;

use super::context::ViewContext;
use super::error::ViewError;
use super::paths;
use super::view::{Item, ListedItem, View, ViewFolder, ViewRequest};
use crate::catalog::{Database, SnapshotFolder, SnapshotKey};

pub(super) enum RefsView {
    Branches,
    Tags,
}

impl RefsView {
    fn key<'d>(&self, database: &'d Database, path: &str) -> Option<&'d SnapshotKey> {
        match self {
            Self::Branches => database.branch(path),
            Self::Tags => database.tag(path),
        }
    }

    /// The shown paths, sorted.
    fn paths<'d>(&self, database: &'d Database) -> Vec<&'d str> {
        match self {
            Self::Branches => database.branches().map(|(path, _)| path).collect(),
            Self::Tags => database.tags().map(|(path, _)| path).collect(),
        }
    }
}

#[async_trait]
impl View for RefsView {
    fn name(&self) -> &'static str {
        match self {
            Self::Branches => "branches",
            Self::Tags => "tags",
        }
    }

    async fn list(&self, request: ViewRequest<'_>) -> Result<Vec<ListedItem>, ViewError> {
        let refs = self.paths(request.database).into_iter().map(|path| (path, ()));
        let item = |(name, at): (&str, Option<()>)| match at {
            Some(()) => (name.into(), Item::Link(request.folder.join(name))),
            None => (name.into(), Item::Folder(request.folder.child(name))),
        };
        Ok(paths::names_in(refs, &request.folder.path).into_iter().map(item).collect())
    }

    async fn lookup(&self, request: ViewRequest<'_>, name: &str) -> Result<Item, ViewError> {
        let path = request.folder.join(name);
        if self.key(request.database, &path).is_some() {
            return Ok(Item::Link(path));
        }
        let is_folder = paths::is_folder(self.paths(request.database).into_iter(), &path);
        if is_folder { Ok(Item::Folder(ViewFolder::at(path))) } else { Err(ViewError::NotFound) }
    }

    fn target(&self, _context: &ViewContext, database: &Database, path: &str) -> Option<SnapshotFolder> {
        database.folder_of(self.key(database, path)?)
    }
}
