//! The names under which snapshots are listed, and the promise that a name never changes.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use super::snapshot::SnapshotKey;
use crate::model::history::{SnapshotId, SnapshotMeta};
use crate::model::snapshot_name;

/// The names given out for one database. A snapshot keeps its name as long as the mount lives, whatever comes or goes.
#[derive(Default)]
pub(super) struct GivenNames {
    /// By source, and by the snapshot's stable name in it.
    by_key: HashMap<(usize, SnapshotId), Arc<str>>,
    taken: HashSet<Arc<str>>,
}

impl GivenNames {
    /// The name of a snapshot: its time, then `-<mark>` if it is marked. If another snapshot has that name, the first
    /// 8 digits of its hash follow, and then a number.
    ///
    /// Call it in listing order: of two snapshots of one instant, the first one gets the plain name.
    pub fn name(&mut self, key: &SnapshotKey, meta: &SnapshotMeta) -> Arc<str> {
        let known_as = (key.slot, meta.known_as.as_ref().unwrap_or(&key.id).clone());
        if let Some(name) = self.by_key.get(&known_as) {
            return name.clone();
        }
        let mut name = snapshot_name::snapshot_name(meta.time);
        if let Some(mark) = meta.mark {
            name = snapshot_name::with_suffix(&name, mark);
        }
        if self.taken.contains(name.as_str()) {
            name = self.another(&name, &known_as, meta);
        }
        let name: Arc<str> = name.into();
        self.taken.insert(name.clone());
        self.by_key.insert(known_as, name.clone());
        name
    }

    /// A free name, if the plain one is taken.
    fn another(&self, plain: &str, key: &(usize, SnapshotId), meta: &SnapshotMeta) -> String {
        let hash = meta.commit.as_deref().map_or_else(|| digest(key), str::to_owned);
        let hashed = snapshot_name::with_hash(plain, &hash);
        let numbered = (2u64..).map(|n| snapshot_name::with_suffix(&hashed, &n.to_string()));
        let mut names = std::iter::once(hashed.clone()).chain(numbered);
        let free = names.find(|name| !self.taken.contains(name.as_str()));
        free.expect("fewer names are taken than there are numbers")
    }
}

/// A substitute for a commit hash, if the source has none. Includes the source, because two sources may use one id.
fn digest((slot, id): &(usize, SnapshotId)) -> String {
    let hash = Sha256::new_with_prefix(slot.to_le_bytes()).chain_update(id.as_bytes()).finalize();
    HEXLOWER.encode(&hash)
}
