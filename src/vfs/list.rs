//! Listing folders. Nothing here reads a row: names and inode numbers come from what is known.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use super::Vfs;
use super::attr::Kind;
use super::child::{join, ref_paths};
use super::error::VfsError;
use super::log_content::LOG;
use super::node::{Link, Node, PerSnapshot, RefKind};
use super::per_snapshot;
use super::snapshot_dir;
use crate::catalog::{Database, Target};
use crate::content::FileEntry;
use crate::model::content_id::ContentId;
use crate::model::period::Period;
use crate::util::locks::lock;
use crate::vfs::log_content;
use crate::vfs::node;

/// One name in a folder.
#[derive(Debug, Clone)]
pub struct DirEntry {
    /// The name.
    pub name: Arc<str>,
    /// Its inode number.
    pub ino: u64,
    /// Its kind.
    pub kind: Kind,
}

/// The listings of `asof/`, kept until their database changes: 100,000 snapshots are worth it.
#[derive(Default)]
pub(super) struct TimelineEntries {
    by_database: Mutex<HashMap<Arc<str>, TimelineListing>>,
}

/// A listing of `asof/`, and the state of the database that it shows.
struct TimelineListing {
    of: Arc<Database>,
    entries: Arc<[DirEntry]>,
}

/// A name on its way into a listing.
pub(super) struct Named {
    pub(super) name: Arc<str>,
    pub(super) identity: ContentId,
    pub(super) kind: Kind,
}

impl Named {
    pub(super) fn of(name: impl Into<Arc<str>>, node: &Node) -> Self {
        let kind = match node {
            Node::File(file) => file.kind.into(),
            Node::Link { .. } => Kind::Symlink,
            _ => Kind::Directory,
        };
        Self { name: name.into(), identity: node.identity(), kind }
    }
}

impl Vfs {
    /// The entries of a folder, as of now.
    pub(super) async fn list(&self, node: &Node) -> Result<Arc<[DirEntry]>, VfsError> {
        let named = match node {
            Node::Root => self
                .state()
                .databases()
                .map(|d| Named::of(d.name.clone(), &Node::Database { db: d.name.clone() }))
                .collect(),
            Node::Database { db } => self.database_entries(db)?,
            Node::Timeline { db } => return self.timeline_entries(db),
            Node::Commits { db } => self.commit_entries(db)?,
            Node::Lost { db } => {
                self.all_lost(db).await?;
                self.lost_entries(db)?
            }
            Node::Periods { db, period } => self.period_entries(db, *period)?,
            Node::PerSnapshot { db, kind } => {
                let entries = self.per_snapshot_entries(db, *kind)?;
                entries
                    .into_iter()
                    .map(|(name, identity)| Named { name, identity, kind: Kind::File })
                    .collect()
            }
            Node::Versions { db, path } => {
                let nodes = self.version_nodes(db, path).await?;
                nodes.iter().map(|(name, node)| Named::of(name.clone(), node)).collect()
            }
            Node::Histories { db, path } => self.history_entries(db, path).await?,
            // Any two names may be asked for: there are too many pairs to be listed.
            Node::Diffs { .. } => Vec::new(),
            Node::Diff { db, from, to, path } => {
                let files = self.diff_entries(db, from, to).await?;
                file_entries(&files, path, |below| node::diff_identity(db, from, to, below))
            }
            Node::Refs { db, kind, path } => self.ref_entries(db, *kind, path)?,
            Node::Snapshot { db, key, path } => {
                let files = self.snapshot_files(db, key).await?;
                file_entries(&files, path, |below| node::snapshot_identity(db, key, below))
            }
            Node::Live { db, path } => {
                let files = self.live_files(db).await?;
                file_entries(&files, path, |below| {
                    Node::Live { db: db.clone(), path: below.into() }.identity()
                })
            }
            Node::Link { .. } | Node::File(_) => return Err(VfsError::NotADirectory),
        };
        Ok(self.numbered(named))
    }

    fn numbered(&self, named: Vec<Named>) -> Arc<[DirEntry]> {
        let numbers = self.inodes.numbers(named.iter().map(|n| &n.identity));
        named.into_iter().zip(numbers).map(|(n, ino)| DirEntry { name: n.name, ino, kind: n.kind }).collect()
    }

    fn database_entries(&self, db: &Arc<str>) -> Result<Vec<Named>, VfsError> {
        let database = self.database(db)?;
        let (db, root) = (db.clone(), Arc::<str>::from(""));
        let refs = |kind| Node::Refs { db: db.clone(), kind, path: root.clone() };
        let mut named = vec![
            Named::of("asof", &Node::Timeline { db: db.clone() }),
            Named::of("branches", &refs(RefKind::Branches)),
            Named::of("commits", &Node::Commits { db: db.clone() }),
        ];
        if database.latest().is_some() {
            named.push(Named::of("latest", &Node::Link { db: db.clone(), link: Link::Latest }));
        }
        if database.live_view().is_some() {
            named.push(Named::of("live", &Node::Live { db: db.clone(), path: root.clone() }));
        }
        named.push(Named::of(LOG, &Node::File(log_content::entry(&self.engine, &database))));
        if database.lost().is_some() {
            named.push(Named::of("lost", &Node::Lost { db: db.clone() }));
        }
        for period in Period::ALL {
            named.push(Named::of(period.folder(), &Node::Periods { db: db.clone(), period }));
        }
        for kind in PerSnapshot::ALL.into_iter().filter(|kind| per_snapshot::is_shown(&database, *kind)) {
            named.push(Named::of(kind.folder(), &Node::PerSnapshot { db: db.clone(), kind }));
        }
        named.push(Named::of("tags", &refs(RefKind::Tags)));
        named.push(Named::of("diff", &Node::Diffs { db: db.clone() }));
        named.push(Named::of("history", &Node::Histories { db: db.clone(), path: root.clone() }));
        named.push(Named::of("versions", &Node::Versions { db: db.clone(), path: root.clone() }));
        named.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(named)
    }

    fn period_entries(&self, db: &Arc<str>, period: Period) -> Result<Vec<Named>, VfsError> {
        let database = self.database(db)?;
        let link = |name: &Arc<str>| Node::Link { db: db.clone(), link: Link::Last(period, name.clone()) };
        Ok(database.periods(period).map(|(name, _)| Named::of(name.clone(), &link(name))).collect())
    }

    fn timeline_entries(&self, db: &Arc<str>) -> Result<Arc<[DirEntry]>, VfsError> {
        let database = self.database(db)?;
        let lock = || lock(&self.timeline_entries.by_database);
        if let Some(listing) = lock().get(db)
            && Arc::ptr_eq(&listing.of, &database)
        {
            return Ok(listing.entries.clone());
        }
        let named = database.snapshots().iter().map(|s| Named {
            name: s.name.clone(),
            identity: node::snapshot_identity(db, &s.key, ""),
            kind: Kind::Directory,
        });
        let entries = self.numbered(named.collect());
        lock().insert(db.clone(), TimelineListing { of: database, entries: entries.clone() });
        Ok(entries)
    }

    fn commit_entries(&self, db: &Arc<str>) -> Result<Vec<Named>, VfsError> {
        let database = self.database(db)?;
        let entry = |(hash, key): (&Arc<str>, &crate::catalog::SnapKey)| {
            let node = match database.target(key) {
                Some(Target::Listed(_)) => Node::Link { db: db.clone(), link: Link::Commit(hash.clone()) },
                _ => Node::Snapshot { db: db.clone(), key: key.clone(), path: "".into() },
            };
            Named::of(hash.clone(), &node)
        };
        Ok(database.commits().iter().map(entry).collect())
    }

    fn lost_entries(&self, db: &Arc<str>) -> Result<Vec<Named>, VfsError> {
        let database = self.database(db)?;
        let commits = database.lost().ok_or(VfsError::NotFound)?.iter().map(|(hash, key)| Named {
            name: hash.clone(),
            identity: node::snapshot_identity(db, key, ""),
            kind: Kind::Directory,
        });
        let log = Named::of(LOG, &Node::File(log_content::lost_entry(&self.engine, &database)));
        Ok(commits.chain([log]).collect())
    }

    fn ref_entries(&self, db: &Arc<str>, kind: RefKind, path: &str) -> Result<Vec<Named>, VfsError> {
        let database = self.database(db)?;
        let prefix = if path.is_empty() { String::new() } else { format!("{path}/") };
        let mut named: Vec<Named> = Vec::new();
        for rest in ref_paths(&database, kind).filter_map(|p| p.strip_prefix(&*prefix)) {
            let (name, deeper) = rest.split_once('/').map_or((rest, false), |(folder, _)| (folder, true));
            // Paths come sorted, so those of one folder stand side by side.
            if named.last().is_some_and(|n| *n.name == *name) {
                continue;
            }
            let below = join(path, name);
            let node = if deeper {
                Node::Refs { db: db.clone(), kind, path: below }
            } else {
                Node::Link { db: db.clone(), link: Link::Ref(kind, below) }
            };
            named.push(Named::of(name, &node));
        }
        Ok(named)
    }
}

fn file_entries(files: &[FileEntry], path: &str, dir_identity: impl Fn(&str) -> ContentId) -> Vec<Named> {
    let entry = |(name, file): (&str, Option<&FileEntry>)| match file {
        Some(file) => {
            Named { name: name.into(), identity: node::file_identity(file), kind: file.kind.into() }
        }
        None => Named { name: name.into(), identity: dir_identity(&join(path, name)), kind: Kind::Directory },
    };
    snapshot_dir::children(files, path).into_iter().map(entry).collect()
}
