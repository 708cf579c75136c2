//! What the kernel keeps of a mount beyond our answers, and how it is made to drop it.
//!
//! Without OPENDIR the kernel keeps each listing that was read to its end, for as long as it has memory. It uses it again
//! as long as the folder's time stays the same, which it asks for if the folder's attributes are no longer valid
//! (`fuse_readdir_cached` in fs/fuse/readdir.c). So after a listing that may change, the attributes are made invalid, and the
//! question for them drops the listing.

use std::sync::{Arc, OnceLock};

use fuser::{INodeNo, Notifier};

use crate::vfs::{Attr, Listing, NodeKind, Vfs};

/// The way to a mount's kernel side, once it is mounted.
pub(super) struct KernelCache {
    vfs: Arc<Vfs>,
    notifier: Arc<OnceLock<Notifier>>,
}

impl KernelCache {
    pub fn new(vfs: Arc<Vfs>, notifier: Arc<OnceLock<Notifier>>) -> Self {
        Self { vfs, notifier }
    }

    /// Called before the kernel gets the attributes of an inode, which make a kept listing valid. Waits for readers of that
    /// listing to leave the page that they copy.
    pub fn before(&self, attr: &Attr) {
        if attr.kind == NodeKind::Directory && self.vfs.take_listed(attr.ino) {
            self.invalidate(INodeNo(attr.ino), 0);
        }
    }

    /// Called after the kernel got a part of a listing: it must ask for the folder's attributes before it uses the listing
    /// again.
    pub fn after(&self, ino: INodeNo, listing: &Listing) {
        if !listing.is_settled() {
            self.invalidate(ino, -1);
        }
    }

    /// Drops attributes, and the pages from an offset on if that is not negative.
    fn invalidate(&self, ino: INodeNo, offset: i64) {
        let Some(notifier) = self.notifier.get() else { return };
        // It fails if the kernel has dropped the inode, and with it all of this.
        if let Err(error) = notifier.inval_inode(ino, offset, 0) {
            tracing::debug!(ino = ino.0, %error, "the kernel drops nothing");
        }
    }
}
