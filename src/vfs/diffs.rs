//! `diff/<from>..<to>/`: what differs between any two snapshots.

use std::sync::Arc;

use super::Vfs;
use super::error::VfsError;
use super::node::Node;
use crate::catalog::{Database, Moment, may_be_hash, pairs};
use crate::content::FileEntry;
use crate::model::time_expr::Clock;
use crate::views::{DiffSides, diff_files};

impl Vfs {
    /// `<from>..<to>`, each a name of a snapshot, a time, a branch, a tag or a commit, `latest` or `live`. Names may hold
    /// dots themselves: the first place counts at which both sides mean something. All lost commits are waited for before
    /// it is said that a hash means nothing.
    pub(super) async fn in_diffs(&self, db: &Arc<str>, name: &str) -> Result<Node, VfsError> {
        let database = self.database(db)?;
        let mut pair = self.moments(&database, name);
        let may_be_lost = || pairs(name).any(|(from, to)| may_be_hash(from) || may_be_hash(to));
        if pair.is_none() && database.is_lost_partial() && may_be_lost() {
            self.all_lost(db).await?;
            pair = self.moments(&*self.database(db)?, name);
        }
        let (from, to) = pair.ok_or(VfsError::NotFound)?;
        Ok(Node::Diff { db: db.clone(), from, to, path: "".into() })
    }

    fn moments(&self, database: &Database, name: &str) -> Option<(Moment, Moment)> {
        let clock = self.now();
        let moment = |text: &str| database.moment(text, &clock);
        pairs(name).find_map(|(from, to)| Some((moment(from)?, moment(to)?)))
    }

    /// The files of a difference.
    pub(super) async fn diff_entries(
        &self,
        db: &Arc<str>,
        from: &Moment,
        to: &Moment,
    ) -> Result<Vec<FileEntry>, VfsError> {
        let database = self.database(db)?;
        let name = |moment: &Moment| database.moment_name(moment).ok_or(VfsError::Stale);
        let sides = DiffSides { from: name(from)?, to: name(to)? };
        let before = self.moment_files(db, from).await?;
        let after = self.moment_files(db, to).await?;
        Ok(diff_files(&self.engine, &sides, &before, &after))
    }

    async fn moment_files(&self, db: &str, moment: &Moment) -> Result<Arc<[FileEntry]>, VfsError> {
        match moment {
            Moment::Snapshot(key) => self.snapshot_files(db, key).await,
            Moment::Live => self.live_files(db).await,
        }
    }

    /// What time expressions are read by.
    pub(super) fn now(&self) -> Clock<'_> {
        Clock { now: self.clock.now(), zone: &self.zone }
    }
}
