//! `commits/`: every commit by its hash. Those of the timeline are symlinks into `asof/`.

use std::sync::Arc;

use async_trait::async_trait;

use super::context::ViewContext;
use super::error::ViewError;
use super::view::{Item, ListedItem, View, ViewRequest};
use crate::catalog::{Database, SnapshotFolder, SnapshotKey, SnapshotOrLive};

pub(super) struct CommitsView;

fn item<F>(database: &Database, hash: &Arc<str>, key: &SnapshotKey) -> Item<F> {
    match database.folder_of(key) {
        Some(SnapshotFolder::Listed(_)) => Item::Link(hash.clone()),
        _ => Item::Snapshot(SnapshotOrLive::Snapshot(key.clone())),
    }
}

#[async_trait]
impl View for CommitsView {
    fn name(&self) -> &'static str {
        "commits"
    }

    async fn list(&self, request: ViewRequest<'_>) -> Result<Vec<ListedItem>, ViewError> {
        let commits = request.database.commits().iter();
        Ok(commits.map(|(hash, key)| (hash.clone(), item(request.database, hash, key))).collect())
    }

    // A commit may leave with the branch that led to it: its name is remembered for a short time.
    async fn lookup(&self, request: ViewRequest<'_>, name: &str) -> Result<Item, ViewError> {
        let (hash, key) = request.database.commits().get_key_value(name).ok_or(ViewError::NotFound)?;
        Ok(item(request.database, hash, key))
    }

    fn target(&self, _context: &ViewContext, database: &Database, path: &str) -> Option<SnapshotFolder> {
        database.folder_of(database.commits().get(path)?)
    }
}
