//! Which snapshot a name or time expression means.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use crate::model::time::Timestamp;

use super::database::{Database, SnapKey, Snapshot};
use super::view::View;
use crate::model::history::SnapshotMeta;
use crate::model::time_expr::{self, Clock, TimeExpr};

/// Fewest digits of a commit hash that are taken for one.
const SHORTEST_PREFIX: usize = 8;

/// Where an expression leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A snapshot of the timeline, by its listed name.
    Listed(Arc<str>),
    /// A commit beside the timeline, by its full hash.
    Beside(Arc<str>),
    /// A lost commit, by its full hash.
    Lost(Arc<str>),
}

impl Database {
    /// What `expr` means: any time expression first, then `HEAD~n`, a branch, a tag, a commit hash or a
    /// unique prefix of 8 digits or more, at last a lost commit's. `None` where nothing was in force at that
    /// time and no such name exists.
    pub fn resolve(&self, expr: &str, clock: &Clock) -> Option<Target> {
        self.target(&self.key_of(expr, clock)?)
    }

    fn key_of(&self, expr: &str, clock: &Clock) -> Option<SnapKey> {
        match time_expr::parse(expr, clock) {
            TimeExpr::At(time) => self.as_of(time).map(|s| s.key.clone()),
            // Each step takes a suffix off, and an expression is one path component: 255 bytes at most.
            TimeExpr::Ancestor { of, generations } => self.ancestor(self.key_of(&of, clock)?, generations),
            TimeExpr::Name(name) => self.named(&name),
        }
    }

    /// The snapshot in force at `time`: each source names its own candidate, the newest candidate wins, and
    /// of equally new ones the running database's.
    pub fn as_of(&self, time: Timestamp) -> Option<&Snapshot> {
        self.best(|view| view.as_of(time))
    }

    /// The newest snapshot of all.
    pub fn latest(&self) -> Option<&Snapshot> {
        self.best(View::newest)
    }

    fn best<'a>(
        &'a self,
        candidate: impl Fn(&'a View) -> Option<&'a Arc<SnapshotMeta>>,
    ) -> Option<&'a Snapshot> {
        let mut best: Option<(&View, &Arc<SnapshotMeta>)> = None;
        for view in self.views() {
            // The views stand in the order in which they win ties, so only a newer one replaces.
            if let Some(meta) = candidate(view)
                && best.is_none_or(|(_, b)| meta.time > b.time)
            {
                best = Some((view, meta));
            }
        }
        let (view, meta) = best?;
        self.listed(&SnapKey { slot: view.slot, id: meta.id.clone() })
    }

    /// How the tree shows a snapshot: listed, or beside the timeline or among the lost under its commit hash.
    pub fn target(&self, key: &SnapKey) -> Option<Target> {
        if let Some(snapshot) = self.listed(key) {
            return Some(Target::Listed(snapshot.name.clone()));
        }
        let commit = self.meta(key)?.commit.clone()?;
        let Some(shown) = self.commits().get(&commit) else {
            return self.lost()?.contains_key(&commit).then_some(Target::Lost(commit));
        };
        Some(self.listed(shown).map_or(Target::Beside(commit), |s| Target::Listed(s.name.clone())))
    }

    fn named(&self, name: &str) -> Option<SnapKey> {
        if name == "HEAD" {
            return self.head();
        }
        self.named_ref(name).cloned().or_else(|| self.commit_prefix(name))
    }

    /// The head of the first source's timeline: what `HEAD` means to a user of that database.
    fn head(&self) -> Option<SnapKey> {
        self.views().iter().find_map(|view| {
            let id = view.newest()?.id.clone();
            Some(SnapKey { slot: view.slot, id })
        })
    }

    fn ancestor(&self, start: SnapKey, generations: u32) -> Option<SnapKey> {
        let id = self.view(start.slot)?.ancestor(&start.id, generations)?.id.clone();
        Some(SnapKey { slot: start.slot, id })
    }

    fn commit_prefix(&self, prefix: &str) -> Option<SnapKey> {
        if prefix.len() < SHORTEST_PREFIX {
            return None;
        }
        // Lost commits stand back, so that a prefix does not lose its meaning to one that nobody sees.
        let mut matching = matching(self.commits(), prefix);
        match (matching.next(), matching.next()) {
            (Some(key), None) => Some(key.clone()),
            (Some(_), Some(_)) => None,
            (None, _) => self.lost_prefix(prefix),
        }
    }

    fn lost_prefix(&self, prefix: &str) -> Option<SnapKey> {
        let mut matching = matching(self.lost()?, prefix);
        let key = matching.next()?;
        matching.next().is_none().then(|| key.clone())
    }
}

/// Whether a text could be the hash of a commit, or the shortest beginning of one that is taken.
pub fn may_be_hash(text: &str) -> bool {
    text.len() >= SHORTEST_PREFIX
        && text.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_lowercase())
}

/// The commits whose hash begins so.
fn matching<'c>(
    commits: &'c BTreeMap<Arc<str>, SnapKey>,
    prefix: &'c str,
) -> impl Iterator<Item = &'c SnapKey> {
    let from = (Bound::Included(prefix), Bound::Unbounded);
    let matching = commits.range::<str, _>(from).take_while(move |(commit, _)| commit.starts_with(prefix));
    matching.map(|(_, key)| key)
}
