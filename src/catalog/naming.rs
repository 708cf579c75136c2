//! The names under which snapshots are listed, and the promise that a name never changes.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::SnapKey;
use crate::model::history::SnapshotMeta;
use crate::model::snapshot_name;

/// Names already given out for one database; they stay with their snapshots while the mount lives, whatever
/// arrives or leaves.
#[derive(Default)]
pub(super) struct GivenNames {
    by_key: HashMap<SnapKey, Arc<str>>,
    taken: HashSet<Arc<str>>,
}

impl GivenNames {
    /// The name of a snapshot: its time, then `-<mark>` where it is marked; where that is taken by another, with the
    /// first 8 digits of its hash, and with all of them should that be taken too.
    ///
    /// Ask in listing order: of two snapshots of one instant the one asked for first gets the plain name.
    pub fn name(&mut self, key: &SnapKey, meta: &SnapshotMeta) -> Arc<str> {
        if let Some(name) = self.by_key.get(key) {
            return name.clone();
        }
        let plain = snapshot_name::snapshot_name(meta.time);
        let plain = meta.mark.map_or(plain.clone(), |mark| format!("{plain}-{mark}"));
        let name: Arc<str> = if self.taken.contains(plain.as_str()) {
            let hash = meta.commit.as_deref().map_or_else(|| digest(&meta.id), str::to_owned);
            let short = format!("{plain}-{}", hash.get(..8).unwrap_or(&hash));
            if self.taken.contains(short.as_str()) { format!("{plain}-{hash}").into() } else { short.into() }
        } else {
            plain.into()
        };
        self.taken.insert(name.clone());
        self.by_key.insert(key.clone(), name.clone());
        name
    }
}

/// A stand-in for a commit hash where the source has none.
fn digest(id: &str) -> String {
    Sha256::digest(id.as_bytes()).iter().map(|b| format!("{b:02x}")).collect()
}
