//! `hourly/` to `yearly/`: a symlink to the last snapshot of each period.

use async_trait::async_trait;

use super::context::ViewContext;
use super::error::ViewError;
use super::view::{Item, ListedItem, View, ViewRequest};
use crate::catalog::{Database, SnapshotFolder};
use crate::model::period::Period;

pub(super) struct PeriodsView(pub Period);

#[async_trait]
impl View for PeriodsView {
    fn name(&self) -> &'static str {
        self.0.folder()
    }

    async fn list(&self, request: ViewRequest<'_>) -> Result<Vec<ListedItem>, ViewError> {
        let periods = request.database.periods(self.0);
        Ok(periods.map(|(name, _)| (name.clone(), Item::Link(name.clone()))).collect())
    }

    async fn lookup(&self, request: ViewRequest<'_>, name: &str) -> Result<Item, ViewError> {
        request.database.last_of(self.0, name).map(|_| Item::Link(name.into())).ok_or(ViewError::NotFound)
    }

    fn target(&self, _context: &ViewContext, database: &Database, path: &str) -> Option<SnapshotFolder> {
        database.last_of(self.0, path).map(|snapshot| SnapshotFolder::Listed(snapshot.name.clone()))
    }
}
