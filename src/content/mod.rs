//! What can be read: the bytes of one immutable file, as a stream, as a tree of pages or as a version of a table.
//!
//! Formats and sources make contents; the engine reads them. Nothing here knows of snapshots, caches or FUSE.

use std::ops::Deref;
use std::sync::Arc;

use crate::model::access::Access;
use crate::model::content_id::ContentId;
use crate::model::time::Timestamp;

pub mod blocking;
pub mod error;
pub mod shared_load;
mod stream;
pub mod text;
pub mod tree;
pub mod unlisted;
pub mod versioned;

pub use error::{ErrorKind, SourceError, chain};
pub use stream::{Closed, Sink, Stream, Wanted};

use tree::Tree;
use versioned::Versioned;

/// What kind of file it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// Bytes.
    Regular,
    /// Bytes that may be run.
    Executable,
    /// A symbolic link, whose content is its target.
    Symlink,
}

/// One file of a snapshot.
#[derive(Clone)]
pub struct FileEntry {
    /// Relative path below the snapshot's folder: components made safe by [`crate::model::names`] and
    /// joined by `/`. No path is a folder of another.
    pub path: Arc<str>,
    /// What kind of file it is. Equal ids are of one kind.
    pub kind: FileKind,
    /// The id of the content.
    pub id: ContentId,
    /// When this content last changed, as of the snapshot.
    pub changed: Timestamp,
    /// How many snapshots of the source show this very content under this path; at least 1.
    pub links: u32,
    /// Who may read it. Not part of the id: if two names of one content differ, the stricter access holds.
    pub access: Access,
    /// Where the bytes come from.
    pub content: Content,
}

/// The bytes of one immutable file, by what can be done with them besides reading them from end to end.
#[derive(Clone)]
pub enum Content {
    /// Can only be read from end to end.
    Stream(Arc<dyn Stream>),
    /// Says why something cannot be read now, although it may be readable later. Stands for all that would be listed in
    /// its folder.
    StandIn(Arc<dyn Stream>),
    /// A tree that shares pages with other trees. Only the pages that are wanted are read.
    Tree(Arc<dyn Tree>),
    /// A version of a table that has other versions.
    Versioned(Arc<dyn Versioned>),
}

impl Content {
    /// A content that can only be read from end to end.
    pub fn stream(stream: impl Stream + 'static) -> Self {
        Self::Stream(Arc::new(stream))
    }

    /// Whether it only says why something cannot be read now.
    pub fn is_stand_in(&self) -> bool {
        matches!(self, Self::StandIn(_))
    }

    /// The content as a tree, if it is one.
    pub fn tree(&self) -> Option<&dyn Tree> {
        match self {
            Self::Tree(tree) => Some(&**tree),
            _ => None,
        }
    }

    /// The content as a version of a table, if it is one.
    pub fn versioned(&self) -> Option<&dyn Versioned> {
        match self {
            Self::Versioned(version) => Some(&**version),
            _ => None,
        }
    }
}

impl Deref for Content {
    type Target = dyn Stream;

    fn deref(&self) -> &Self::Target {
        match self {
            Self::Stream(stream) | Self::StandIn(stream) => &**stream,
            Self::Tree(tree) => &**tree,
            Self::Versioned(version) => &**version,
        }
    }
}
