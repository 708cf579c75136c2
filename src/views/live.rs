//! `live/`: the working set, where a source has one.

use std::sync::Arc;

use async_trait::async_trait;

use super::context::ViewContext;
use super::view::{Item, View};
use crate::catalog::{Database, SnapshotOrLive};

pub(super) struct LiveView;

#[async_trait]
impl View for LiveView {
    fn name(&self) -> &'static str {
        "live"
    }

    fn open(&self, _context: &ViewContext, database: &Arc<Database>) -> Option<Item> {
        database.live_view().map(|_| Item::Snapshot(SnapshotOrLive::Live))
    }
}
