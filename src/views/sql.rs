//! `sql/<name>.sql`: a whole snapshot as SQL, for any name or time.

use std::sync::Arc;

use async_trait::async_trait;

use super::context::ViewContext;
use super::error::ViewError;
use super::view::{Item, Ttl, View, ViewFolder, ViewRequest};
use crate::catalog::{Database, SnapshotKey, SnapshotOrLive};
use crate::content::FileEntry;
use crate::model::access::Access;

const ENDING: &str = ".sql";

/// It lists nothing: a mirror would read the whole database once for each snapshot.
pub(super) struct SqlView;

#[async_trait]
impl View for SqlView {
    fn name(&self) -> &'static str {
        "sql"
    }

    fn open(&self, _context: &ViewContext, database: &Arc<Database>) -> Option<Item> {
        let mut keys = database.snapshots().iter().map(|snapshot| &snapshot.key);
        keys.any(|key| dumps(database, key)).then(|| Item::Folder(ViewFolder::default()))
    }

    async fn lookup(&self, request: ViewRequest<'_>, name: &str) -> Result<Item, ViewError> {
        let text = name.strip_suffix(ENDING).ok_or(ViewError::NotFound)?;
        let (database, key) = request.context.any_snapshot(request.database, text).await?;
        if !dumps(&database, &key) {
            return Err(ViewError::NotFound);
        }
        let view = database.view(key.slot).ok_or(ViewError::Stale)?;
        let dump = view.database.sql_dump(&key.id).await.map_err(Arc::new)?.ok_or(ViewError::NotFound)?;
        // It holds the rows of all tables.
        let files = request.context.files(&database, &SnapshotOrLive::Snapshot(key)).await?;
        let is_secret = files.iter().any(|file| file.access.is_secret);
        let access = Access { is_secret, ..dump.access };
        Ok(Item::File(FileEntry { access, ..dump }))
    }

    fn ttl(&self, _folder: &ViewFolder, _item: &Item) -> Ttl {
        Ttl::Short
    }
}

/// Whether the source of a snapshot gives it out as SQL.
fn dumps(database: &Database, key: &SnapshotKey) -> bool {
    database.view(key.slot).is_some_and(|view| view.database.dumps_sql(&key.id))
}
