//! Looking up one name in a folder.

use std::sync::Arc;

use super::Vfs;
use super::error::VfsError;
use super::log_content::LOG;
use super::node::{Link, Node, PerSnapshot, RefKind};
use super::per_snapshot;
use super::snapshot_dir::Entry;
use crate::catalog::{Database, Target};
use crate::model::period::Period;
use crate::vfs::log_content;
use crate::vfs::snapshot_dir;

impl Vfs {
    /// What `name` means in the folder `parent`, on the way to nothing but names: no content is read but for a history,
    /// which is there only if it says something.
    pub(super) async fn child(&self, parent: &Node, name: &str) -> Result<Node, VfsError> {
        match parent {
            Node::Root => {
                let database = self.database(name)?;
                Ok(Node::Database { db: database.name.clone() })
            }
            Node::Database { db } => self.in_database(db, name),
            Node::Timeline { db } => self.in_timeline(db, name),
            Node::Commits { db } => self.in_commits(db, name),
            Node::Lost { db } => {
                self.all_lost(db).await?;
                self.in_lost(db, name)
            }
            Node::Periods { db, period } => self.in_periods(db, *period, name),
            Node::PerSnapshot { db, kind } => self.in_per_snapshot(db, *kind, name).await,
            Node::Versions { db, path } => self.in_versions(db, path, name).await,
            Node::Histories { db, path } => self.in_histories(db, path, name).await,
            Node::Diffs { db } => self.in_diffs(db, name).await,
            Node::Diff { db, from, to, path } => {
                let files = self.diff_entries(db, from, to).await?;
                let below = join(path, name);
                match snapshot_dir::find(&files, &below) {
                    Some(Entry::File(file)) => Ok(Node::File(file.clone())),
                    Some(Entry::Dir) => {
                        Ok(Node::Diff { db: db.clone(), from: from.clone(), to: to.clone(), path: below })
                    }
                    None => Err(VfsError::NotFound),
                }
            }
            Node::Refs { db, kind, path } => self.in_refs(db, *kind, path, name),
            Node::Snapshot { db, key, path } => {
                let files = self.snapshot_files(db, key).await?;
                let below = join(path, name);
                match snapshot_dir::find(&files, &below) {
                    Some(Entry::File(file)) => Ok(Node::File(file.clone())),
                    Some(Entry::Dir) => Ok(Node::Snapshot { db: db.clone(), key: key.clone(), path: below }),
                    None => Err(VfsError::NotFound),
                }
            }
            Node::Live { db, path } => {
                let files = self.live_files(db).await?;
                let below = join(path, name);
                match snapshot_dir::find(&files, &below) {
                    Some(Entry::File(file)) => Ok(Node::File(file.clone())),
                    Some(Entry::Dir) => Ok(Node::Live { db: db.clone(), path: below }),
                    None => Err(VfsError::NotFound),
                }
            }
            Node::Link { .. } | Node::File(_) => Err(VfsError::NotADirectory),
        }
    }

    fn in_database(&self, db: &Arc<str>, name: &str) -> Result<Node, VfsError> {
        let database = self.database(db)?;
        let (db, root) = (db.clone(), Arc::from(""));
        match name {
            "latest" if database.latest().is_some() => Ok(Node::Link { db, link: Link::Latest }),
            "asof" => Ok(Node::Timeline { db }),
            "commits" => Ok(Node::Commits { db }),
            "branches" => Ok(Node::Refs { db, kind: RefKind::Branches, path: root }),
            "tags" => Ok(Node::Refs { db, kind: RefKind::Tags, path: root }),
            "live" if database.live_view().is_some() => Ok(Node::Live { db, path: root }),
            LOG => Ok(Node::File(log_content::entry(&self.engine, &database))),
            "lost" if database.lost().is_some() => Ok(Node::Lost { db }),
            "versions" => Ok(Node::Versions { db, path: root }),
            "history" => Ok(Node::Histories { db, path: root }),
            "diff" => Ok(Node::Diffs { db }),
            _ => {
                if let Some(period) = Period::of_folder(name) {
                    return Ok(Node::Periods { db, period });
                }
                let kind = PerSnapshot::ALL.into_iter().find(|kind| kind.folder() == name);
                let kind = kind.filter(|kind| per_snapshot::is_shown(&database, *kind));
                kind.map(|kind| Node::PerSnapshot { db, kind }).ok_or(VfsError::NotFound)
            }
        }
    }

    fn in_periods(&self, db: &Arc<str>, period: Period, name: &str) -> Result<Node, VfsError> {
        let database = self.database(db)?;
        database.last_of(period, name).ok_or(VfsError::NotFound)?;
        Ok(Node::Link { db: db.clone(), link: Link::Last(period, name.into()) })
    }

    /// A listed snapshot, or any expression that means one.
    fn in_timeline(&self, db: &Arc<str>, name: &str) -> Result<Node, VfsError> {
        let database = self.database(db)?;
        if let Some(snapshot) = database.snapshot(name) {
            return Ok(Node::Snapshot { db: db.clone(), key: snapshot.key.clone(), path: "".into() });
        }
        let link = Link::Expression(name.into());
        self.link_target(db, &link).map(|_| Node::Link { db: db.clone(), link })
    }

    fn in_commits(&self, db: &Arc<str>, name: &str) -> Result<Node, VfsError> {
        let database = self.database(db)?;
        let (hash, key) = database.commits().get_key_value(name).ok_or(VfsError::NotFound)?;
        match database.target(key) {
            Some(Target::Listed(_)) => Ok(Node::Link { db: db.clone(), link: Link::Commit(hash.clone()) }),
            _ => Ok(Node::Snapshot { db: db.clone(), key: key.clone(), path: "".into() }),
        }
    }

    fn in_lost(&self, db: &Arc<str>, name: &str) -> Result<Node, VfsError> {
        let database = self.database(db)?;
        let lost = database.lost().ok_or(VfsError::NotFound)?;
        if name == LOG {
            return Ok(Node::File(log_content::lost_entry(&self.engine, &database)));
        }
        let key = lost.get(name).ok_or(VfsError::NotFound)?;
        Ok(Node::Snapshot { db: db.clone(), key: key.clone(), path: "".into() })
    }

    fn in_refs(&self, db: &Arc<str>, kind: RefKind, path: &str, name: &str) -> Result<Node, VfsError> {
        let database = self.database(db)?;
        let below = join(path, name);
        let exact = match kind {
            RefKind::Branches => database.branch(&below),
            RefKind::Tags => database.tag(&below),
        };
        if exact.is_some() {
            return Ok(Node::Link { db: db.clone(), link: Link::Ref(kind, below) });
        }
        let folder = format!("{below}/");
        let is_folder = ref_paths(&database, kind).any(|p| p.starts_with(&folder));
        if is_folder { Ok(Node::Refs { db: db.clone(), kind, path: below }) } else { Err(VfsError::NotFound) }
    }
}

/// The shown paths of branches or tags, sorted.
pub(super) fn ref_paths(database: &Database, kind: RefKind) -> Box<dyn Iterator<Item = &str> + '_> {
    match kind {
        RefKind::Branches => Box::new(database.branches().map(|(path, _)| path)),
        RefKind::Tags => Box::new(database.tags().map(|(path, _)| path)),
    }
}

/// `name` below `path`, where the empty path is the folder itself.
pub(super) fn join(path: &str, name: &str) -> Arc<str> {
    if path.is_empty() { name.into() } else { format!("{path}/{name}").into() }
}
