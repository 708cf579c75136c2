//! `latest`: a symlink to the newest snapshot; and `live/`: the working set, where a source has one.

use std::sync::Arc;

use async_trait::async_trait;

use super::context::ViewContext;
use super::view::{Item, View};
use crate::catalog::{Database, SnapshotFolder, SnapshotOrLive};

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
