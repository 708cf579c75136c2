//! `asof/`: every snapshot of the timeline by its name, and a symlink for any expression that means one.

use async_trait::async_trait;

use super::context::ViewContext;
use super::error::ViewError;
use super::view::{Item, ListedItem, Ttl, View, ViewFolder, ViewRequest};
use crate::catalog::{Database, SnapshotFolder, SnapshotOrLive};

pub(super) struct AsOfView;

#[async_trait]
impl View for AsOfView {
    fn name(&self) -> &'static str {
        "asof"
    }

    async fn list(&self, request: ViewRequest<'_>) -> Result<Vec<ListedItem>, ViewError> {
        let snapshots = request.database.snapshots().iter();
        let item = |key| Item::Snapshot(SnapshotOrLive::Snapshot(key));
        Ok(snapshots.map(|snapshot| (snapshot.name.clone(), item(snapshot.key.clone()))).collect())
    }

    async fn lookup(&self, request: ViewRequest<'_>, name: &str) -> Result<Item, ViewError> {
        if let Some(snapshot) = request.database.snapshot(name) {
            return Ok(Item::Snapshot(SnapshotOrLive::Snapshot(snapshot.key.clone())));
        }
        let target = self.target(request.context, request.database, name);
        target.map(|_| Item::Link(name.into())).ok_or(ViewError::NotFound)
    }

    fn target(&self, context: &ViewContext, database: &Database, path: &str) -> Option<SnapshotFolder> {
        database.resolve(path, &context.now())
    }

    fn ttl(&self, _folder: &ViewFolder, item: &Item) -> Ttl {
        if matches!(item, Item::Snapshot(_)) { Ttl::Long } else { Ttl::None }
    }

    fn keeps_listing(&self) -> bool {
        true
    }
}
