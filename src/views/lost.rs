//! `lost/`: commits that no name reaches any more, which are found after the rest of the tree is there.

use std::sync::Arc;

use async_trait::async_trait;

use super::context::ViewContext;
use super::error::ViewError;
use super::log::{LOG, lost_log};
use super::view::{Item, ListedItem, Ttl, View, ViewFolder, ViewRequest};
use crate::catalog::{Database, SnapshotKey, SnapshotOrLive};

pub(super) struct LostView;

#[async_trait]
impl View for LostView {
    fn name(&self) -> &'static str {
        "lost"
    }

    fn open(&self, _context: &ViewContext, database: &Arc<Database>) -> Option<Item> {
        database.lost().map(|_| Item::Folder(ViewFolder::default()))
    }

    async fn list(&self, request: ViewRequest<'_>) -> Result<Vec<ListedItem>, ViewError> {
        let database = request.context.with_all_lost(&request.database.name).await?;
        let lost = database.lost().ok_or(ViewError::NotFound)?.iter();
        let item = |key: &SnapshotKey| Item::Snapshot(SnapshotOrLive::Snapshot(key.clone()));
        let log = (LOG.into(), Item::File((&lost_log(request.context, &database)).into()));
        Ok(lost.map(|(hash, key)| (hash.clone(), item(key))).chain([log]).collect())
    }

    async fn lookup(&self, request: ViewRequest<'_>, name: &str) -> Result<Item, ViewError> {
        let database = request.context.with_all_lost(&request.database.name).await?;
        let lost = database.lost().ok_or(ViewError::NotFound)?;
        if name == LOG {
            return Ok(Item::File(lost_log(request.context, &database)));
        }
        let key = lost.get(name).ok_or(ViewError::NotFound)?;
        Ok(Item::Snapshot(SnapshotOrLive::Snapshot(key.clone())))
    }

    // A commit that is collected has to leave at once.
    fn ttl(&self, _folder: &ViewFolder, _item: &Item) -> Ttl {
        Ttl::None
    }
}
