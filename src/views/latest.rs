//! `latest`: a symlink to the newest snapshot.

use std::sync::Arc;

use async_trait::async_trait;

use super::context::ViewContext;
use super::view::{Item, View};
use crate::catalog::{Database, SnapshotFolder};

pub(super) struct LatestView;

#[async_trait]
impl View for LatestView {
    fn name(&self) -> &'static str {
        "latest"
    }

    fn open(&self, _context: &ViewContext, database: &Arc<Database>) -> Option<Item> {
        database.latest().map(|_| Item::Link("".into()))
    }

    fn target(&self, _context: &ViewContext, database: &Database, _path: &str) -> Option<SnapshotFolder> {
        database.latest().map(|snapshot| SnapshotFolder::Listed(snapshot.name.clone()))
    }
}
