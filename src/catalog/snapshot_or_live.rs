//! What can be compared: any snapshot, or the working set.

use super::database::Database;
use super::snapshot::SnapshotKey;
use crate::model::access::Audience;
use crate::model::content_id::ContentId;
use crate::model::time_expr::Clock;

/// Separates the two names of a comparison.
const BETWEEN: &str = "..";

/// The newest snapshot's name beside `asof/`.
const LATEST: &str = "latest";

/// The working set's name beside `asof/`.
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
    /// The identity of the folder `path` in it, or of all of it for an empty path. `db` is the database's shown name.
    pub fn identity(&self, db: &str, path: &str) -> ContentId {
        match self {
            Self::Snapshot(key) => key.identity(db, path),
            Self::Live => ContentId::of(&[b"live", db.as_bytes(), path.as_bytes()]),
        }
    }
}

impl Database {
    /// The snapshot that a text means: any that may stand under `asof/`.
    pub fn snapshot_of(&self, text: &str, clock: &Clock) -> Option<SnapshotKey> {
        match self.snapshot(text) {
            Some(listed) => Some(listed.key.clone()),
            None => self.key_in(&self.resolve(text, clock)?).cloned(),
        }
    }

    /// What a text means in a view without the symlink `latest`: what may stand under `asof/`, then `latest`.
    pub fn snapshot_or_latest(&self, text: &str, clock: &Clock) -> Option<SnapshotKey> {
        let latest = || self.latest().filter(|_| text == LATEST).map(|snapshot| snapshot.key.clone());
        self.snapshot_of(text, clock).or_else(latest)
    }

    /// What a text means in a comparison: what may stand under `asof/`, then `latest` and `live`.
    pub fn snapshot_or_live(&self, text: &str, clock: &Clock) -> Option<SnapshotOrLive> {
        let live = || self.live_view().filter(|_| text == LIVE).map(|_| SnapshotOrLive::Live);
        self.snapshot_or_latest(text, clock).map(SnapshotOrLive::Snapshot).or_else(live)
    }

    /// The path of its folder below the database's folder; `None` for a snapshot that has left.
    pub fn path_of(&self, of: &SnapshotOrLive) -> Option<String> {
        match of {
            SnapshotOrLive::Snapshot(key) => self.folder_of(key).map(|folder| folder.path()),
            SnapshotOrLive::Live => Some(LIVE.to_owned()),
        }
    }

    /// Its name in a comparison: that under `asof/`, or its commit's hash; `None` for a snapshot that has left.
    pub fn name_of(&self, of: &SnapshotOrLive) -> Option<String> {
        match of {
            SnapshotOrLive::Snapshot(key) => self.folder_of(key).map(|folder| folder.name().to_string()),
            SnapshotOrLive::Live => Some(LIVE.to_owned()),
        }
    }

    /// Who may see which files it has; the owner alone where it has left.
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

/// The ways to read `<from>..<to>`, from the left: names may hold dots themselves.
pub fn pairs(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.match_indices(BETWEEN).map(|(at, _)| (&text[..at], &text[at + BETWEEN.len()..]))
}

#[cfg(test)]
mod tests {
    use super::pairs;

    #[test]
    fn pairs_are_read_at_every_place() {
        assert_eq!(pairs("a..b").collect::<Vec<_>>(), [("a", "b")]);
        assert_eq!(pairs("a..b..c").collect::<Vec<_>>(), [("a", "b..c"), ("a..b", "c")]);
        assert_eq!(pairs("a..").collect::<Vec<_>>(), [("a", "")]);
        assert_eq!(pairs("a.b").count(), 0);
    }
}
