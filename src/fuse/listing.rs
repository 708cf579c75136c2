//! Listings with the attributes that are known (READDIRPLUS).

use std::sync::Arc;
use std::time::Duration;

use fuser::{INodeNo, ReplyDirectoryPlus};

use super::convert::{self, GENERATION, Owner};
use super::slot::ReplySlot;
use crate::vfs::{Listing, NodeKind, Vfs, VfsError};

/// The references that the entries of a reply hold. Dropping this returns them, unless [`Self::keep`] was called.
pub(super) struct Counted {
    vfs: Arc<Vfs>,
    inodes: Vec<u64>,
}

impl Counted {
    /// Leaves the references to the kernel, which has the reply.
    pub fn keep(mut self) {
        self.inodes.clear();
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.inodes.iter().for_each(|ino| self.vfs.forget(*ino, 1));
    }
}

/// Puts as much of a listing into a reply as fits. Every entry that is added counts one reference to its inode.
pub(super) async fn fill(
    reply: &ReplySlot<ReplyDirectoryPlus>,
    vfs: &Arc<Vfs>,
    owner: Owner,
    ino: INodeNo,
    listing: &Listing,
) -> Result<Counted, VfsError> {
    let mut counted = Counted { vfs: Arc::clone(vfs), inodes: Vec::new() };
    let here = owner.unknown(ino.0, NodeKind::Directory);
    for (next, name) in listing.dots() {
        let is_full = reply.add(|reply| reply.add(ino, next, name, &Duration::ZERO, &here, GENERATION));
        if is_full.unwrap_or(true) {
            return Ok(counted);
        }
    }
    for (next, entry) in listing.rest() {
        let listed = match vfs.entry(ino.0, &entry.name).await {
            Ok(listed) => listed,
            // It has left since the folder was listed.
            Err(VfsError::NotFound) => continue,
            Err(error) if counted.inodes.is_empty() => return Err(error),
            // The next request begins with this entry.
            Err(_) => return Ok(counted),
        };
        counted.inodes.push(listed.ino);
        let (attr, ttl) = match listed.found {
            // One ttl for the name and the attributes: the shorter one.
            Some(found) => (owner.attr(&found.attr), convert::ttl(found.name_ttl.min(found.attr.ttl))),
            None => (owner.unknown(listed.ino, entry.kind), Duration::ZERO),
        };
        let add =
            |reply: &mut ReplyDirectoryPlus| reply.add(attr.ino, next, &*entry.name, &ttl, &attr, GENERATION);
        if reply.add(add).unwrap_or(true) {
            counted.inodes.pop();
            vfs.forget(listed.ino, 1);
            return Ok(counted);
        }
    }
    Ok(counted)
}
