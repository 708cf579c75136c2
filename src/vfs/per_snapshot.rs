//! Folders with one file for each snapshot, made of it: `sums/`, and `sql/` and `export/` where any name or time leads to
//! one.

use std::sync::Arc;

use super::Vfs;
use super::error::VfsError;
use super::node::{Node, PerSnapshot, snapshot_identity};
use crate::catalog::{Database, SnapKey, Snapshot};
use crate::content::FileEntry;
use crate::model::access::Access;
use crate::model::content_id::ContentId;
use crate::views::{beads_export, no_sums, sums};

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
        match kind {
            PerSnapshot::Sums => self.sums_of(db, database.snapshot(text).ok_or(VfsError::NotFound)?).await,
            PerSnapshot::Sql => {
                let (database, key) = self.any_snapshot(db, text).await?;
                self.sql_of(db, &database, &key).await
            }
            PerSnapshot::Export => {
                let (_, key) = self.any_snapshot(db, text).await?;
                let files = self.snapshot_files(db, &key).await?;
                beads_export(&self.engine, &self.secrets, &files).await?.ok_or(VfsError::NotFound)
            }
        }
        .map(Node::File)
    }

    async fn sums_of(&self, db: &Arc<str>, snapshot: &Snapshot) -> Result<FileEntry, VfsError> {
        let (id, folder) = (snapshot_identity(db, &snapshot.key, ""), format!("asof/{}", snapshot.name));
        match self.snapshot_files(db, &snapshot.key).await {
            Ok(files) => Ok(sums(&self.engine, id, folder, files, snapshot.meta.time)),
            // The others are there all the same.
            Err(VfsError::Source(why)) => Ok(no_sums(id, folder, snapshot.meta.time, why)),
            Err(error) => Err(error),
        }
    }

    /// Names and identities of the files of such a folder.
    pub(super) fn per_snapshot_entries(
        &self,
        db: &Arc<str>,
        kind: PerSnapshot,
    ) -> Result<Vec<(Arc<str>, ContentId)>, VfsError> {
        let database = self.database(db)?;
        if kind != PerSnapshot::Sums {
            // Any snapshot's may be asked for: a mirror of the tree would take the whole database once for each.
            return Ok(Vec::new());
        }
        let entry = |snapshot: &Snapshot| {
            (format!("{}{}", snapshot.name, kind.suffix()).into(), sums_identity(db, snapshot))
        };
        Ok(database.snapshots().iter().map(entry).collect())
    }

    async fn sql_of(&self, db: &Arc<str>, database: &Database, key: &SnapKey) -> Result<FileEntry, VfsError> {
        let view = database.view(key.slot).ok_or(VfsError::Stale)?;
        if !view.database.dumps_sql(&key.id) {
            return Err(VfsError::NotFound);
        }
        let dump = view.database.sql_dump(&key.id).await.map_err(Arc::new)?;
        let dump = dump.ok_or(VfsError::NotFound)?;
        // It holds the rows of all tables.
        let files = self.snapshot_files(db, key).await?;
        let is_secret = files.iter().any(|file| file.access.is_secret);
        let access = Access { is_secret, ..dump.access };
        Ok(FileEntry { access, ..dump })
    }
}

/// Whether a database has a folder of this kind.
pub(super) fn is_shown(database: &Database, kind: PerSnapshot) -> bool {
    let dumps = |snapshot: &Snapshot| {
        database.view(snapshot.key.slot).is_some_and(|view| view.database.dumps_sql(&snapshot.key.id))
    };
    // Which tables a snapshot has its source would have to be asked, and a listing does not wait for that.
    kind != PerSnapshot::Sql || database.snapshots().iter().any(dumps)
}

/// The identity of the checksums of a snapshot, which is known without its files.
fn sums_identity(db: &str, snapshot: &Snapshot) -> ContentId {
    let id = ContentId::of(&[b"sums", snapshot_identity(db, &snapshot.key, "").as_bytes()]);
    super::node::identity_of_file(id)
}
