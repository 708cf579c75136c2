//! Folders with one file for each snapshot, made of it: `sums/`, and `sql/` where any name or time leads to one.

use std::sync::Arc;

use super::Vfs;
use super::error::VfsError;
use super::node::{Node, PerSnapshot, snapshot_identity};
use crate::catalog::{Database, Snapshot};
use crate::derived::{no_sums, sums};
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
        let text = name.strip_suffix(kind.suffix()).ok_or(VfsError::NotFound)?;
        let snapshot = match kind {
            PerSnapshot::Sums => database.snapshot(text),
            PerSnapshot::Sql => self.snapshot_of(&database, text).and_then(|key| database.listed(&key)),
        };
        let snapshot = snapshot.filter(|s| has(&database, kind, s)).ok_or(VfsError::NotFound)?;
        Ok(Node::File(match kind {
            PerSnapshot::Sums => {
                let (id, folder) =
                    (snapshot_identity(db, &snapshot.key, ""), format!("asof/{}", snapshot.name));
                match self.snapshot_files(db, &snapshot.key).await {
                    Ok(files) => sums(&self.engine, id, folder, files, snapshot.meta.time),
                    // The others are there all the same.
                    Err(VfsError::Source(why)) => no_sums(id, folder, snapshot.meta.time, why),
                    Err(error) => return Err(error),
                }
            }
            PerSnapshot::Sql => self.sql_of(&database, snapshot).await?,
        }))
    }

    /// Names and identities of the files of such a folder.
    pub(super) fn per_snapshot_entries(
        &self,
        db: &Arc<str>,
        kind: PerSnapshot,
    ) -> Result<Vec<(Arc<str>, ContentId)>, VfsError> {
        let database = self.database(db)?;
        if kind == PerSnapshot::Sql {
            // Any snapshot's may be asked for: a mirror of the tree would take the whole database once for each.
            return Ok(Vec::new());
        }
        let entry = |snapshot: &Snapshot| {
            (format!("{}{}", snapshot.name, kind.suffix()).into(), sums_identity(db, snapshot))
        };
        Ok(database.snapshots().iter().map(entry).collect())
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
