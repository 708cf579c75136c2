//! Listings with the attributes that are known (READDIRPLUS).

use std::sync::Arc;
use std::time::Duration;

use fuser::{FileHandle, INodeNo, ReplyDirectoryPlus};

use super::convert::{self, GENERATION, LASTING, Owner};
use super::slot::ReplySlot;
use crate::vfs::{NodeKind, Vfs, VfsError};

/// The references that the entries of a reply hold. Dropping them returns them, unless the reply was sent.
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

/// Adds `.`, `..` and the entries from `offset` on until the buffer is full, or another thread has answered. Offsets
/// are those of [`convert::fill`].
///
/// Each entry except the dots holds a reference to its inode. The kernel returns it, even if it does not use the
/// attributes.
pub(super) async fn fill(
    reply: &ReplySlot<ReplyDirectoryPlus>,
    vfs: &Arc<Vfs>,
    owner: Owner,
    ino: INodeNo,
    handle: FileHandle,
    offset: u64,
) -> Result<Counted, VfsError> {
    let mut counted = Counted { vfs: Arc::clone(vfs), inodes: Vec::new() };
    let entries = vfs.entries(handle.0)?;
    let from = usize::try_from(offset).unwrap_or(usize::MAX);
    let here = owner.unknown(ino.0, NodeKind::Directory);
    for (name, place) in convert::DOTS.into_iter().zip(1..).skip(from) {
        let is_full = reply.add(|reply| reply.add(ino, place, name, &Duration::ZERO, &here, GENERATION));
        if is_full.unwrap_or(true) {
            return Ok(counted);
        }
    }
    let first = from.saturating_sub(convert::DOTS.len());
    for (place, entry) in (first + convert::DOTS.len() + 1..).zip(entries.get(first..).unwrap_or_default()) {
        let listed = match vfs.entry(ino.0, &entry.name).await {
            Ok(listed) => listed,
            // It has left since the folder was opened.
            Err(VfsError::NotFound) => continue,
            Err(error) if counted.inodes.is_empty() => return Err(error),
            // The next request begins with it.
            Err(_) => return Ok(counted),
        };
        let (attr, ttl) = match listed.attr {
            Some(attr) => (owner.attr(&attr), LASTING),
            None => (owner.unknown(listed.ino, entry.kind), Duration::ZERO),
        };
        let add = |reply: &mut ReplyDirectoryPlus| {
            reply.add(attr.ino, place as u64, &*entry.name, &ttl, &attr, GENERATION)
        };
        if reply.add(add).unwrap_or(true) {
            vfs.forget(listed.ino, 1);
            return Ok(counted);
        }
        counted.inodes.push(listed.ino);
    }
    Ok(counted)
}
