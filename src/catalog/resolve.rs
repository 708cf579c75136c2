//! Which snapshot a name or time expression means.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use crate::model::time::Timestamp;

use super::database::Database;
use super::database_view::DatabaseView;
use super::snapshot::{Snapshot, SnapshotKey};
use crate::model::history::SnapshotMeta;
use crate::model::time_expr::{self, Clock, TimeExpr};

/// The shortest prefix of a commit hash that is accepted.
const SHORTEST_PREFIX: usize = 8;

/// The folder in which the tree shows a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SnapshotFolder {
    /// `asof/<name>`: a snapshot of the timeline.
    Listed(Arc<str>),
    /// `commits/<hash>`: a commit beside the timeline.
    Beside(Arc<str>),
    /// `lost/<hash>`: a commit that no name reaches.
    Lost(Arc<str>),
}

impl SnapshotFolder {
    /// Its path below the database's folder.
    pub fn path(&self) -> String {
        match self {
            Self::Listed(name) => format!("asof/{name}"),
            Self::Beside(hash) => format!("commits/{hash}"),
            Self::Lost(hash) => format!("lost/{hash}"),
        }
    }

    /// Its name: a listed one, or the full hash of a commit.
    pub fn name(&self) -> &Arc<str> {
        let (Self::Listed(name) | Self::Beside(name) | Self::Lost(name)) = self;
        name
    }
}

impl Database {
    /// What `expr` means: a time expression, `HEAD~n`, a branch, a tag, or a commit hash or its unique prefix of 8
    /// digits or more, in this order; lost commits come last. `None` if there was no snapshot at that time, or no such
    /// name.
    pub fn resolve(&self, expr: &str, clock: &Clock) -> Option<SnapshotFolder> {
        self.folder_of(&self.key_of(expr, clock)?)
    }

    fn key_of(&self, expr: &str, clock: &Clock) -> Option<SnapshotKey> {
        match time_expr::parse(expr, clock) {
            TimeExpr::At(time) => self.as_of(time).map(|s| s.key.clone()),
            // Each step removes a suffix, and an expression is one path component: 255 bytes at most.
            TimeExpr::Ancestor { of, generations } => self.ancestor(self.key_of(&of, clock)?, generations),
            TimeExpr::Name(name) => self.named(&name),
        }
    }

    /// The snapshot in force at `time`: the newest that any source has then; of equally new ones, the running
    /// database's.
    pub fn as_of(&self, time: Timestamp) -> Option<&Snapshot> {
        self.best(|view| view.as_of(time))
    }

    /// The newest snapshot of all.
    pub fn latest(&self) -> Option<&Snapshot> {
        self.best(DatabaseView::newest)
    }

    fn best<'a>(
        &'a self,
        candidate: impl Fn(&'a DatabaseView) -> Option<&'a Arc<SnapshotMeta>>,
    ) -> Option<&'a Snapshot> {
        let candidates = self.views().iter().filter_map(|view| Some((view, candidate(view)?)));
        // The views are in the order in which they win ties, so only a newer one replaces.
        let (view, meta) =
            candidates.reduce(|best, next| if next.1.time > best.1.time { next } else { best })?;
        self.listed(&SnapshotKey { slot: view.slot, id: meta.id.clone() })
    }

    /// The folder in which the tree shows a snapshot.
    pub fn folder_of(&self, key: &SnapshotKey) -> Option<SnapshotFolder> {
        if let Some(snapshot) = self.listed(key) {
            return Some(SnapshotFolder::Listed(snapshot.name.clone()));
        }
        let commit = self.meta(key)?.commit.clone()?;
        let Some(shown) = self.commits().get(&commit) else {
            return self.lost()?.contains_key(&commit).then_some(SnapshotFolder::Lost(commit));
        };
        let listed = self.listed(shown).map(|snapshot| SnapshotFolder::Listed(snapshot.name.clone()));
        Some(listed.unwrap_or(SnapshotFolder::Beside(commit)))
    }

    /// The snapshot that a folder shows.
    pub fn key_in(&self, folder: &SnapshotFolder) -> Option<&SnapshotKey> {
        match folder {
            SnapshotFolder::Listed(name) => self.snapshot(name).map(|snapshot| &snapshot.key),
            SnapshotFolder::Beside(hash) => self.commits().get(hash),
            SnapshotFolder::Lost(hash) => self.lost()?.get(hash),
        }
    }

    fn named(&self, name: &str) -> Option<SnapshotKey> {
        if name == "HEAD" {
            return self.head();
        }
        self.named_ref(name).cloned().or_else(|| self.commit_prefix(name))
    }

    /// The newest snapshot of the first source that has any: what `HEAD` means to a user of that database.
    fn head(&self) -> Option<SnapshotKey> {
        self.views().iter().find_map(|view| {
            let id = view.newest()?.id.clone();
            Some(SnapshotKey { slot: view.slot, id })
        })
    }

    fn ancestor(&self, start: SnapshotKey, generations: u32) -> Option<SnapshotKey> {
        let id = self.view(start.slot)?.ancestor(&start.id, generations)?.id.clone();
        Some(SnapshotKey { slot: start.slot, id })
    }

    fn commit_prefix(&self, prefix: &str) -> Option<SnapshotKey> {
        if prefix.len() < SHORTEST_PREFIX {
            return None;
        }
        // Other commits win over lost ones, so that a prefix keeps its meaning when a lost commit shares it.
        let found = matching(self.commits(), prefix).next().is_some();
        let mut matching = matching(if found { self.commits() } else { self.lost()? }, prefix);
        let key = matching.next()?;
        matching.next().is_none().then(|| key.clone())
    }
}

/// Whether a text could be a commit hash, or a prefix that is long enough.
pub fn may_be_hash(text: &str) -> bool {
    text.len() >= SHORTEST_PREFIX
        && text.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_lowercase())
}

/// The commits whose hash starts with `prefix`.
fn matching<'c>(
    commits: &'c BTreeMap<Arc<str>, SnapshotKey>,
    prefix: &'c str,
) -> impl Iterator<Item = &'c SnapshotKey> {
    let from = (Bound::Included(prefix), Bound::Unbounded);
    let matching = commits.range::<str, _>(from).take_while(move |(commit, _)| commit.starts_with(prefix));
    matching.map(|(_, key)| key)
}
