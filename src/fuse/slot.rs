//! The reply to a request, which is sent once: by the request's task, or by the thread that watches waiting requests.

use std::sync::{Arc, Mutex};

use fuser::{Errno, ReplyAttr, ReplyData, ReplyDirectory, ReplyDirectoryPlus, ReplyEntry, ReplyXattr};

use crate::util::locks::lock;

/// A reply that is not sent yet, shared by those who may send it.
pub(super) struct ReplySlot<R>(Arc<Mutex<Option<R>>>);

impl<R> Clone for ReplySlot<R> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<R> ReplySlot<R> {
    pub fn new(reply: R) -> Self {
        Self(Arc::new(Mutex::new(Some(reply))))
    }

    /// Takes the reply in order to send it; `None` if it was sent.
    pub fn take(&self) -> Option<R> {
        lock(&self.0).take()
    }

    /// Adds to a reply that is sent later; `None` if it was sent.
    pub fn add<T>(&self, add: impl FnOnce(&mut R) -> T) -> Option<T> {
        lock(&self.0).as_mut().map(add)
    }
}

pub(super) trait Refuse: Send + 'static {
    fn refuse(self, errno: Errno);
}

macro_rules! refuse {
    ($($reply:ty),*) => {$(
        impl Refuse for $reply {
            fn refuse(self, errno: Errno) {
                self.error(errno);
            }
        }
    )*};
}

refuse!(ReplyAttr, ReplyData, ReplyDirectory, ReplyDirectoryPlus, ReplyEntry, ReplyXattr);
