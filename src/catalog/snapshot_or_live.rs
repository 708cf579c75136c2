//! What can be compared: any snapshot, or the working set.

use super::database::Database;
use super::snapshot::SnapshotKey;
use crate::model::access::Audience;
use crate::model::content_id::ContentId;
use crate::model::time_expr::Clock;

/// Separates the two names of a comparison.
const BETWEEN: &str = "..";

/// The name of the newest snapshot, beside `asof/`.
const LATEST: &str = "latest";

/// The name of the working set, beside `asof/`.
const LIVE: &str = "live";

/// One side of a comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SnapshotOrLive {
    /// A snapshot.
    Snapshot(SnapshotKey),
    /// The working set, which changes while it is looked at.
    Live,
}

impl SnapshotOrLive {
    /// The content id of the folder `path` on this side, or of the whole side if the path is empty. `db` is the shown
    /// name of the database.
    pub fn identity(&self, db: &str, path: &str) -> ContentId {
        match self {
            Self::Snapshot(key) => key.identity(db, path),
            Self::Live => ContentId::of(&[b"live", db.as_bytes(), path.as_bytes()]),
        }
    }
}

impl Database {
    /// The snapshot that a text means as a name under `asof/`.
    pub fn snapshot_of(&self, text: &str, clock: &Clock) -> Option<SnapshotKey> {
        match self.snapshot(text) {
            Some(listed) => Some(listed.key.clone()),
            None => self.key_in(&self.resolve(text, clock)?).cloned(),
        }
    }

    /// The snapshot that a text means in a view that has no symlink `latest`: a name under `asof/`, or else `latest`.
    pub fn snapshot_or_latest(&self, text: &str, clock: &Clock) -> Option<SnapshotKey> {
        let latest = || self.latest().filter(|_| text == LATEST).map(|snapshot| snapshot.key.clone());
        self.snapshot_of(text, clock).or_else(latest)
    }

    /// What a text means in a comparison: a name under `asof/`, or else `latest` or `live`.
    pub fn snapshot_or_live(&self, text: &str, clock: &Clock) -> Option<SnapshotOrLive> {
        let live = || self.live_view().filter(|_| text == LIVE).map(|_| SnapshotOrLive::Live);
        self.snapshot_or_latest(text, clock).map(SnapshotOrLive::Snapshot).or_else(live)
    }

    /// The path of a side's folder below the database's folder; `None` for a snapshot that no longer exists.
    pub fn path_of(&self, of: &SnapshotOrLive) -> Option<String> {
        match of {
            SnapshotOrLive::Snapshot(key) => self.folder_of(key).map(|folder| folder.path()),
            SnapshotOrLive::Live => Some(LIVE.to_owned()),
        }
    }

    /// The name of a side in a comparison: its name under `asof/`, the hash of its commit, or `live`; `None` for a
    /// snapshot that no longer exists.
    pub fn name_of(&self, of: &SnapshotOrLive) -> Option<String> {
        match of {
            SnapshotOrLive::Snapshot(key) => self.folder_of(key).map(|folder| folder.name().to_string()),
            SnapshotOrLive::Live => Some(LIVE.to_owned()),
        }
    }

    /// Who may see which files a side has; the owner alone if the snapshot no longer exists.
    pub fn audience_of(&self, of: &SnapshotOrLive) -> Audience {
        let audience = match of {
            SnapshotOrLive::Snapshot(key) => {
                self.view(key.slot).map(|view| view.database.audience_of(&key.id))
            }
            SnapshotOrLive::Live => self.live_view().map(|view| view.database.audiences().widest),
        };
        audience.unwrap_or(Audience::Owner)
    }
}

/// The ways to split `<from>..<to>`, from the left: names may contain dots themselves.
pub fn pairs(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.match_indices(BETWEEN).map(|(at, _)| (&text[..at], &text[at + BETWEEN.len()..]))
}

#[cfg(test)]
mod tests {
    use super::pairs;

    #[test]
    fn a_text_is_split_at_every_pair_of_dots() {
        assert_eq!(pairs("a..b").collect::<Vec<_>>(), [("a", "b")]);
        assert_eq!(pairs("a..b..c").collect::<Vec<_>>(), [("a", "b..c"), ("a..b", "c")]);
        assert_eq!(pairs("a..").collect::<Vec<_>>(), [("a", "")]);
        assert_eq!(pairs("a.b").count(), 0);
    }
}
