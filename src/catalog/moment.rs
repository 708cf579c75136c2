//! What can be compared: any snapshot, or what is not yet committed.

use super::database::{Database, SnapKey};
use super::resolve::Target;
use crate::model::time_expr::Clock;

/// What stands between two names that are compared.
const BETWEEN: &str = "..";

/// The newest snapshot's name beside `asof/`.
const LATEST: &str = "latest";

/// The working set's name beside `asof/`.
const LIVE: &str = "live";

/// One side of a comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Moment {
    /// A snapshot.
    Snapshot(SnapKey),
    /// The working set, which changes while it is looked at.
    Live,
}

impl Database {
    /// The snapshot that a text means: any that may stand under `asof/`.
    pub fn snapshot_of(&self, text: &str, clock: &Clock) -> Option<SnapKey> {
        if let Some(listed) = self.snapshot(text) {
            return Some(listed.key.clone());
        }
        match self.resolve(text, clock)? {
            Target::Listed(name) => self.snapshot(&name).map(|snapshot| snapshot.key.clone()),
            Target::Beside(hash) => self.commits().get(&hash).cloned(),
            Target::Lost(hash) => self.lost()?.get(&hash).cloned(),
        }
    }

    /// The snapshot that a text means where none is found by `latest/`: what may stand under `asof/`, then `latest`.
    pub fn snapshot_or_latest(&self, text: &str, clock: &Clock) -> Option<SnapKey> {
        let latest = || self.latest().filter(|_| text == LATEST).map(|snapshot| snapshot.key.clone());
        self.snapshot_of(text, clock).or_else(latest)
    }

    /// What a text means that may be compared: what may stand under `asof/` comes first, then `latest` and `live`.
    pub fn moment(&self, text: &str, clock: &Clock) -> Option<Moment> {
        let live = || self.live_view().filter(|_| text == LIVE).map(|_| Moment::Live);
        self.snapshot_or_latest(text, clock).map(Moment::Snapshot).or_else(live)
    }

    /// Where the tree shows a moment, below the database's folder; `None` for a snapshot that has left.
    pub fn moment_path(&self, moment: &Moment) -> Option<String> {
        let Moment::Snapshot(key) = moment else { return Some(LIVE.to_owned()) };
        Some(match self.target(key)? {
            Target::Listed(name) => format!("asof/{name}"),
            Target::Beside(hash) => format!("commits/{hash}"),
            Target::Lost(hash) => format!("lost/{hash}"),
        })
    }

    /// The name of a moment where it is compared: of a snapshot that listed under `asof/`, or its commit's hash.
    pub fn moment_name(&self, moment: &Moment) -> Option<String> {
        let path = self.moment_path(moment)?;
        Some(path.split_once('/').map_or(path.as_str(), |(_, name)| name).to_owned())
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
