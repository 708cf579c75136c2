//! Listings with the attributes that are at hand (READDIRPLUS).

use std::time::Duration;

use fuser::{FileHandle, INodeNo, ReplyDirectoryPlus};

use super::convert::{self, Owner};
use super::{GENERATION, LASTING};
use crate::vfs::{Kind, Vfs, VfsError};

/// Adds `.`, `..` and the entries from `offset` on until the buffer is full; offsets are those of [`convert::fill`].
///
/// Each entry but the dots carries a reference to its inode, which the kernel gives back, also where it makes nothing of
/// the attributes.
///
/// # Errors
/// What the tree says of the first entry that cannot be told; later ones end the reply.
pub(super) async fn fill(
    reply: &mut ReplyDirectoryPlus,
    vfs: &Vfs,
    owner: Owner,
    ino: INodeNo,
    handle: FileHandle,
    offset: u64,
) -> Result<(), VfsError> {
    let entries = vfs.entries(handle.0)?;
    let from = usize::try_from(offset).unwrap_or(usize::MAX);
    let here = owner.unknown(ino.0, Kind::Directory);
    for (name, place) in convert::DOTS.into_iter().zip(1..).skip(from) {
        if reply.add(ino, place, name, &Duration::ZERO, &here, GENERATION) {
            return Ok(());
        }
    }
    let first = from.saturating_sub(convert::DOTS.len());
    let mut added = false;
    for (place, entry) in (first + convert::DOTS.len() + 1..).zip(entries.get(first..).unwrap_or_default()) {
        let listed = match vfs.entry(ino.0, &entry.name).await {
            Ok(listed) => listed,
            // It has left since the folder was opened.
            Err(VfsError::NotFound) => continue,
            Err(error) if !added => return Err(error),
            // The next request begins with it.
            Err(_) => return Ok(()),
        };
        let (attr, stays) = match listed.attr {
            Some(attr) => (owner.attr(&attr), LASTING),
            None => (owner.unknown(listed.ino, entry.kind), Duration::ZERO),
        };
        if reply.add(attr.ino, place as u64, &*entry.name, &stays, &attr, GENERATION) {
            vfs.forget(listed.ino, 1);
            return Ok(());
        }
        added = true;
    }
    Ok(())
}
