//! What an inode stands for.

use std::sync::Arc;

use crate::catalog::{Moment, SnapKey};
use crate::content::FileEntry;
use crate::model::content_id::ContentId;
use crate::model::period::Period;

/// Branches or tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RefKind {
    Branches,
    Tags,
}

impl RefKind {
    /// The folder's name.
    pub fn folder(self) -> &'static str {
        match self {
            Self::Branches => "branches",
            Self::Tags => "tags",
        }
    }
}

/// What is made of each snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PerSnapshot {
    /// `sums/<name>.sha256`.
    Sums,
    /// `sql/<name>.sql`.
    Sql,
    /// `export/<name>.jsonl`.
    Export,
}

impl PerSnapshot {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Export, Self::Sql, Self::Sums];

    /// The folder's name.
    pub fn folder(self) -> &'static str {
        match self {
            Self::Sums => "sums",
            Self::Sql => "sql",
            Self::Export => "export",
        }
    }

    /// What the names of its files end in.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Sums => ".sha256",
            Self::Sql => ".sql",
            Self::Export => ".jsonl",
        }
    }
}

/// What a symlink names. Its target is worked out each time it is read, as `latest` and `yesterday` move on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Link {
    /// `latest`.
    Latest,
    /// `asof/<expression>`.
    Expression(Arc<str>),
    /// `branches/<path>` or `tags/<path>`.
    Ref(RefKind, Arc<str>),
    /// `commits/<hash>` of a commit on the timeline.
    Commit(Arc<str>),
    /// `hourly/<hour>`, `daily/<day>` and so on.
    Last(Period, Arc<str>),
}

/// One place of the tree, or (for files) one content wherever it is shown. `db` is a database's shown name, `path` a path
/// below a snapshot's folder, empty for the folder itself.
#[derive(Clone)]
pub(super) enum Node {
    Root,
    Database {
        db: Arc<str>,
    },
    Timeline {
        db: Arc<str>,
    },
    Commits {
        db: Arc<str>,
    },
    Lost {
        db: Arc<str>,
    },
    Periods {
        db: Arc<str>,
        period: Period,
    },
    /// One file per snapshot, made of it.
    PerSnapshot {
        db: Arc<str>,
        kind: PerSnapshot,
    },
    /// `versions/`, the folder of a table in it, or a folder on the way to one.
    Versions {
        db: Arc<str>,
        path: Arc<str>,
    },
    /// `history/`, the folder of a table in it, or a folder on the way to one.
    Histories {
        db: Arc<str>,
        path: Arc<str>,
    },
    /// `diff/`.
    Diffs {
        db: Arc<str>,
    },
    /// `diff/<from>..<to>`, or a folder in it.
    Diff {
        db: Arc<str>,
        from: Moment,
        to: Moment,
        path: Arc<str>,
    },
    Refs {
        db: Arc<str>,
        kind: RefKind,
        path: Arc<str>,
    },
    Live {
        db: Arc<str>,
        path: Arc<str>,
    },
    Snapshot {
        db: Arc<str>,
        key: SnapKey,
        path: Arc<str>,
    },
    Link {
        db: Arc<str>,
        link: Link,
    },
    File(FileEntry),
}

impl Node {
    /// What the inode number hangs on: equal for equal nodes, the same after a remount.
    pub fn identity(&self) -> ContentId {
        let of = ContentId::of;
        match self {
            Self::Root => of(&[b"root"]),
            Self::Database { db } => of(&[b"database", db.as_bytes()]),
            Self::Timeline { db } => of(&[b"asof", db.as_bytes()]),
            Self::Commits { db } => of(&[b"commits", db.as_bytes()]),
            Self::Lost { db } => of(&[b"lost", db.as_bytes()]),
            Self::Periods { db, period } => of(&[b"periods", db.as_bytes(), period.folder().as_bytes()]),
            Self::PerSnapshot { db, kind } => of(&[b"per snapshot", db.as_bytes(), kind.folder().as_bytes()]),
            Self::Versions { db, path } => of(&[b"versions", db.as_bytes(), path.as_bytes()]),
            Self::Histories { db, path } => of(&[b"histories", db.as_bytes(), path.as_bytes()]),
            Self::Diffs { db } => of(&[b"diffs", db.as_bytes()]),
            Self::Diff { db, from, to, path } => diff_identity(db, from, to, path),
            Self::Refs { db, kind, path } => {
                of(&[b"refs", db.as_bytes(), kind.folder().as_bytes(), path.as_bytes()])
            }
            Self::Live { db, path } => of(&[b"live", db.as_bytes(), path.as_bytes()]),
            Self::Snapshot { db, key, path } => snapshot_identity(db, key, path),
            Self::Link { db, link } => match link {
                Link::Latest => of(&[b"latest", db.as_bytes()]),
                Link::Expression(text) => of(&[b"expression", db.as_bytes(), text.as_bytes()]),
                Link::Ref(kind, path) => {
                    of(&[b"ref", db.as_bytes(), kind.folder().as_bytes(), path.as_bytes()])
                }
                Link::Commit(hash) => of(&[b"commit", db.as_bytes(), hash.as_bytes()]),
                Link::Last(period, name) => {
                    of(&[b"last", db.as_bytes(), period.folder().as_bytes(), name.as_bytes()])
                }
            },
            Self::File(file) => file_identity(file),
        }
    }

    /// The database that it belongs to, where it is no file.
    pub fn database(&self) -> Option<&Arc<str>> {
        match self {
            Self::Root | Self::File(_) => None,
            Self::Database { db }
            | Self::Timeline { db }
            | Self::Commits { db }
            | Self::Lost { db }
            | Self::Periods { db, .. }
            | Self::PerSnapshot { db, .. }
            | Self::Versions { db, .. }
            | Self::Histories { db, .. }
            | Self::Diffs { db }
            | Self::Diff { db, .. }
            | Self::Refs { db, .. }
            | Self::Live { db, .. }
            | Self::Snapshot { db, .. }
            | Self::Link { db, .. } => Some(db),
        }
    }

    /// How long the name under which this was found in `parent` will go on to mean this inode. What is in `lost/` may be
    /// collected, and then has to leave at once.
    pub fn name_stays(&self, parent: &Self) -> Stays {
        match (parent, self) {
            (_, Self::Link { .. }) | (Self::Lost { .. } | Self::Live { .. }, _) => Stays::Unsure,
            (Self::Snapshot { .. }, _) => Stays::ForGood,
            (Self::Timeline { .. }, Self::Snapshot { .. }) => Stays::ForGood,
            // It may leave with the branch that led to it.
            (Self::Commits { .. }, Self::Snapshot { .. }) => Stays::ForNow,
            (Self::Versions { .. } | Self::PerSnapshot { .. }, Self::File(_)) => Stays::ForNow,
            // Its name may be a time that goes on.
            (Self::Diffs { .. }, _) => Stays::Unsure,
            (Self::Diff { from: Moment::Live, .. } | Self::Diff { to: Moment::Live, .. }, _) => Stays::Unsure,
            (Self::Diff { .. }, _) => Stays::ForNow,
            (_, Self::File(_)) => Stays::Unsure,
            // The folders on the way to a snapshot. Every path leads through them.
            _ => Stays::ForNow,
        }
    }

    /// How long the attributes stay as they are.
    pub fn attributes_stay(&self) -> Stays {
        match self {
            Self::File(_) | Self::Snapshot { .. } => Stays::ForGood,
            Self::Link { .. } => Stays::Unsure,
            // Their times move on with each commit.
            _ => Stays::ForNow,
        }
    }
}

/// How long something that was told is true.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stays {
    /// It does not change, but for link counts, and for histories that are rewritten.
    ForGood,
    /// It changes with news of its database, and nobody minds to see these a moment later.
    ForNow,
    /// It has to be asked for each time.
    Unsure,
}

/// [`Node::identity`] of a snapshot's folder, without a node at hand: listings need many of them.
pub(super) fn snapshot_identity(db: &str, key: &SnapKey, path: &str) -> ContentId {
    let slot = (key.slot as u64).to_le_bytes();
    ContentId::of(&[b"snapshot", db.as_bytes(), &slot, key.id.as_bytes(), path.as_bytes()])
}

/// [`Node::identity`] of a folder of differences, without a node at hand.
pub(super) fn diff_identity(db: &str, from: &Moment, to: &Moment, path: &str) -> ContentId {
    let identity = |moment: &Moment| match moment {
        Moment::Snapshot(key) => snapshot_identity(db, key, ""),
        Moment::Live => ContentId::of(&[b"live", db.as_bytes(), b""]),
    };
    let (from, to) = (identity(from), identity(to));
    ContentId::of(&[b"diff", from.as_bytes(), to.as_bytes(), path.as_bytes()])
}

/// [`Node::identity`] of a file, without a node at hand.
pub(super) fn file_identity(file: &FileEntry) -> ContentId {
    identity_of_file(file.id)
}

/// [`file_identity`] by the id of the file's content.
pub(super) fn identity_of_file(id: ContentId) -> ContentId {
    ContentId::of(&[b"file", id.as_bytes()])
}
