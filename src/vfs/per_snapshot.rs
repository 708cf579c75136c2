//! Folders with one file for each snapshot, made of it: `sums/` and `sql/`.

use std::sync::Arc;

use super::Vfs;
use super::error::VfsError;
use super::node::{Node, PerSnapshot, snapshot_identity};
use crate::catalog::{Database, Snapshot};
use crate::derived::sums;
use crate::model::content_id::ContentId;
use crate::source::FileEntry;

impl Vfs {
    /// The file `name` of such a folder.
    pub(super) async fn in_per_snapshot(
        &self,
        db: &Arc<str>,
        kind: PerSnapshot,
        name: &str,
    ) -> Result<Node, VfsError> {
        let database = self.database(db)?;
        let snapshot = name.strip_suffix(kind.suffix()).and_then(|name| database.snapshot(name));
        let snapshot = snapshot.filter(|s| has(&database, kind, s)).ok_or(VfsError::NotFound)?;
        Ok(Node::File(match kind {
            PerSnapshot::Sums => {
                let files = self.snapshot_files(db, &snapshot.key).await?;
                let (id, folder) =
                    (snapshot_identity(db, &snapshot.key, ""), format!("asof/{}", snapshot.name));
                sums(&self.engine, id, folder, files, snapshot.meta.time)
            }
            PerSnapshot::Sql => self.sql_of(&database, snapshot).await?,
        }))
    }

    /// Names and identities of the files of such a folder.
    pub(super) async fn per_snapshot_entries(
        &self,
        db: &Arc<str>,
        kind: PerSnapshot,
    ) -> Result<Vec<(Arc<str>, ContentId)>, VfsError> {
        let database = self.database(db)?;
        let mut entries = Vec::new();
        for snapshot in database.snapshots().iter().filter(|s| has(&database, kind, s)) {
            let identity = match kind {
                PerSnapshot::Sums => sums_identity(db, snapshot),
                // Of one that cannot be looked at there is no better one; whoever looks it up is told why.
                PerSnapshot::Sql => self
                    .sql_of(&database, snapshot)
                    .await
                    .map_or_else(|_| sums_identity(db, snapshot), |file| Node::File(file).identity()),
            };
            entries.push((format!("{}{}", snapshot.name, kind.suffix()).into(), identity));
        }
        Ok(entries)
    }

    async fn sql_of(&self, database: &Database, snapshot: &Snapshot) -> Result<FileEntry, VfsError> {
        let view = database.view(snapshot.key.slot).ok_or(VfsError::Stale)?;
        let dump = view.database.sql_dump(&snapshot.key.id).await.map_err(Arc::new)?;
        dump.ok_or(VfsError::NotFound)
    }
}

/// Whether a folder of this kind has a file of the snapshot.
fn has(database: &Database, kind: PerSnapshot, snapshot: &Snapshot) -> bool {
    match kind {
        PerSnapshot::Sums => true,
        PerSnapshot::Sql => {
            database.view(snapshot.key.slot).is_some_and(|view| view.database.dumps_sql(&snapshot.key.id))
        }
    }
}

/// Whether a database has a folder of this kind.
pub(super) fn is_shown(database: &Database, kind: PerSnapshot) -> bool {
    kind == PerSnapshot::Sums || database.snapshots().iter().any(|snapshot| has(database, kind, snapshot))
}

/// The identity of the checksums of a snapshot, which is known without its files.
fn sums_identity(db: &str, snapshot: &Snapshot) -> ContentId {
    let id = ContentId::of(&[b"sums", snapshot_identity(db, &snapshot.key, "").as_bytes()]);
    super::node::identity_of_file(id)
}
