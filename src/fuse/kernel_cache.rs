//! What the kernel keeps of a mount beyond our answers, and how it is made to drop it.
//!
//! Without OPENDIR the kernel keeps each listing that was read to its end, for as long as it has memory
//! (`fuse_readdir_cached` in fs/fuse/readdir.c). A listing that may change is dropped as soon as the kernel has it:
//! after each part, the kernel is made to drop the parts that it has. The notification after the last part drops all of
//! them, so the next reader finds the beginning missing, and the kernel asks again.

use std::sync::OnceLock;

use fuser::{INodeNo, Notifier};

use crate::vfs::Listing;

/// The channel for notifications to the kernel, once the tree is mounted.
#[derive(Default)]
pub(super) struct KernelCache(OnceLock<Notifier>);

impl KernelCache {
    pub fn connect(&self, notifier: Notifier) {
        let _ = self.0.set(notifier);
    }

    /// Called after the kernel got a part of a listing. Waits for readers of the listing to leave the page that they copy.
    /// The folder's attributes are dropped too, so that the next access to it asks for its mode.
    pub fn after(&self, ino: INodeNo, listing: &Listing) {
        let Some(notifier) = self.0.get().filter(|_| !listing.is_settled()) else { return };
        // Drops all pages. Fails if the kernel has dropped the inode, and with it the whole listing.
        if let Err(error) = notifier.inval_inode(ino, 0, 0) {
            tracing::debug!(ino = ino.0, %error, "the kernel drops nothing");
        }
    }
}
