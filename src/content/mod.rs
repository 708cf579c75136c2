//! What can be read: the bytes of one immutable file, as a stream, as a tree of pages or as a version of a table.
//!
//! Formats and sources make contents; the engine reads them. Nothing here knows of snapshots, caches or FUSE.

use std::ops::Deref;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::mpsc;

use crate::memory::sort::LEAST;
use crate::memory::{Budget, Cancel, Sorter};
use crate::model::access::Access;
use crate::model::content_id::ContentId;
use crate::model::time::Timestamp;

pub mod blocking;
pub mod error;
pub mod parts;
pub mod text;
pub mod unlisted;
pub mod versioned;

pub use error::{ErrorKind, SourceError, chain};
use parts::Tree;
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
    /// Identity of the content.
    pub id: ContentId,
    /// When this content last changed, as of the snapshot.
    pub changed: Timestamp,
    /// How many snapshots of the source show this very content under this path; at least 1.
    pub links: u32,
    /// Who may read it. Neither part of the identity: where two names of one content differ, the stricter one holds.
    pub access: Access,
    /// Where the bytes come from.
    pub content: Content,
}

/// The bytes of one immutable file, by what can be done with them beside reading them from end to end.
#[derive(Clone)]
pub enum Content {
    /// Can only be read from end to end.
    Stream(Arc<dyn Stream>),
    /// Says why something cannot be read now, which may be read another time. Stands for all that would be listed in its
    /// folder.
    StandIn(Arc<dyn Stream>),
    /// A tree of parts that others share. It is read by the parts that are wanted.
    Tree(Arc<dyn Tree>),
    /// A version of a table of which there are others.
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

    /// The content as a tree, where it is one.
    pub fn tree(&self) -> Option<&dyn Tree> {
        match self {
            Self::Tree(tree) => Some(&**tree),
            _ => None,
        }
    }

    /// The content as a version of a table, where it is one.
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

/// What every content can do.
#[async_trait]
pub trait Stream: Send + Sync {
    /// Length in bytes where the source states it without reading the content. It is a promise:
    /// [`Stream::read`] fails rather than produce another length.
    fn stated_len(&self) -> Option<u64> {
        None
    }

    /// Whether its id alone decides its bytes, in this and in every later mount: then its length and its bytes may be kept
    /// on disk. Not so for what a server words (`schema.sql`) or computes (views): its next version may do it otherwise.
    fn is_immutable_by_id(&self) -> bool {
        false
    }

    /// The columns of the key by which the rows of a table are told apart, in the key's order: none for a table without
    /// one. `None` where the source does not know, and for what is no table.
    ///
    /// # Errors
    /// What the source says.
    async fn key(&self) -> Result<Option<Vec<String>>, SourceError> {
        Ok(None)
    }

    /// How many bytes the server behind it has sent so far; `None` where it comes from this machine.
    fn received(&self) -> Option<u64> {
        None
    }

    /// What this is, for log lines: which source, which snapshot, which table or member.
    fn describe(&self) -> String;

    /// Pushes the whole content, in order, into `sink`, and checks what the source can check (checksums,
    /// lengths, syntax): success means that every pushed byte is right.
    ///
    /// Pieces may have any size; around 256 KiB is good. Stops with `Ok` when the sink is closed.
    async fn read(&self, sink: Sink) -> Result<(), SourceError>;
}

/// The receiving end of a content being read. Slow receivers hold the producer back.
pub struct Sink {
    pieces: mpsc::Sender<Bytes>,
    /// What the reader draws on; none for one that has no limit of its own.
    budget: Option<Arc<Budget>>,
}

/// Tells whether anybody still waits for what is read, also while there is no piece to hand over.
#[derive(Clone, Default)]
pub struct Wanted(Option<mpsc::Sender<Bytes>>);

impl Wanted {
    /// Whether the receiver is still there. Always, for what no sink takes.
    pub fn is_wanted(&self) -> bool {
        self.0.as_ref().is_none_or(|pieces| !pieces.is_closed())
    }
}

/// The receiver has gone away: nobody wants the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closed;

impl Sink {
    /// Makes a sink that holds up to `depth` pieces, and the receiver of its pieces.
    pub fn new(depth: usize) -> (Self, mpsc::Receiver<Bytes>) {
        let (pieces, receiver) = mpsc::channel(depth);
        (Self { pieces, budget: None }, receiver)
    }

    /// The same for a reader that draws on a budget.
    pub(crate) fn within(depth: usize, budget: &Arc<Budget>) -> (Self, mpsc::Receiver<Bytes>) {
        let (sink, receiver) = Self::new(depth);
        (Self { budget: Some(Arc::clone(budget)), ..sink }, receiver)
    }

    /// Sorts records within the reader's memory, and in a temporary file beyond it: for what has to be handed over in another
    /// order than it comes in.
    pub(crate) fn sorter(&self) -> Sorter {
        let budget = self.budget.clone().unwrap_or_else(|| Budget::new(0));
        // It may be read by work that holds memory already, and so must not wait for any.
        Sorter::new(budget.little_work(LEAST), &Cancel::default())
    }

    /// Tells whether the receiver is still there. Drop it with the sink: the receiver waits for both.
    pub fn wanted(&self) -> Wanted {
        Wanted(Some(self.pieces.clone()))
    }

    /// Hands over the next piece; waits while the receiver is behind.
    ///
    /// # Errors
    /// [`Closed`] when the receiver is gone; stop reading then.
    pub async fn push(&mut self, piece: Bytes) -> Result<(), Closed> {
        self.pieces.send(piece).await.map_err(|_| Closed)
    }

    /// The same from a thread that may block.
    ///
    /// # Errors
    /// [`Closed`] when the receiver is gone; stop reading then.
    pub fn push_blocking(&mut self, piece: Bytes) -> Result<(), Closed> {
        self.pieces.blocking_send(piece).map_err(|_| Closed)
    }
}
