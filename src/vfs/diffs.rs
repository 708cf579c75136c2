//! `diff/<from>..<to>/`: what differs between any two snapshots.

use std::sync::Arc;

use super::Vfs;
use super::error::VfsError;
use super::node::Node;
use crate::catalog::{Database, SnapKey, Target};
use crate::derived::{DiffSides, diff_files};
use crate::model::snapshot_name;
use crate::model::time_expr::Clock;
use crate::source::FileEntry;

/// What stands between the two names.
const BETWEEN: &str = "..";

impl Vfs {
    /// `<from>..<to>`, each a name of a snapshot, a time, a branch, a tag or a commit. Names may hold dots themselves: the
    /// first place counts at which both sides mean something.
    pub(super) fn in_diffs(&self, db: &Arc<str>, name: &str) -> Result<Node, VfsError> {
        let database = self.database(db)?;
        let key = |text: &str| self.snapshot_of(&database, text);
        let pair = name
            .match_indices(BETWEEN)
            .find_map(|(at, _)| Some((key(&name[..at])?, key(&name[at + BETWEEN.len()..])?)));
        let (from, to) = pair.ok_or(VfsError::NotFound)?;
        Ok(Node::Diff { db: db.clone(), from, to, path: "".into() })
    }

    /// The files of a difference.
    pub(super) async fn diff_entries(
        &self,
        db: &Arc<str>,
        from: &SnapKey,
        to: &SnapKey,
    ) -> Result<Vec<FileEntry>, VfsError> {
        let database = self.database(db)?;
        let name = |key: &SnapKey| -> Result<String, VfsError> {
            if let Some(listed) = database.listed(key) {
                return Ok(listed.name.to_string());
            }
            let meta = database.meta(key).ok_or(VfsError::Stale)?;
            let commit = meta.commit.as_deref().map(str::to_owned);
            Ok(commit.unwrap_or_else(|| snapshot_name::snapshot_name(meta.time)))
        };
        let sides = DiffSides { from: name(from)?, to: name(to)? };
        let before = self.snapshot_files(db, from).await?;
        let after = self.snapshot_files(db, to).await?;
        Ok(diff_files(&self.engine, &sides, &before, &after))
    }

    /// The snapshot that a text means: any that may stand under `asof/`.
    pub(super) fn snapshot_of(&self, database: &Database, text: &str) -> Option<SnapKey> {
        if let Some(listed) = database.snapshot(text) {
            return Some(listed.key.clone());
        }
        let clock = Clock { now: (self.clock)(), zone: &self.zone };
        match database.resolve(text, &clock)? {
            Target::Listed(name) => database.snapshot(&name).map(|snapshot| snapshot.key.clone()),
            Target::Beside(hash) => database.commits().get(&hash).cloned(),
            Target::Lost(hash) => database.lost()?.get(&hash).cloned(),
        }
    }
}
