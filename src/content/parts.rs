//! Contents as trees of parts that one version shares with the next.
//!
//! A content that lies in a tree already (a Dolt table) need not be read from end to end: each of its nodes,
//! rendered, is the same run of whole lines in every version that holds it. Whoever knows the length of such
//! a run never has to make it again to find out where the next one starts.

use bytes::Bytes;

use super::{SourceError, Stream};
use crate::model::content_id::ContentId;
use crate::model::jsonl::RENDER_VERSION;

/// Length in bytes from which on a segment is not held in one piece.
pub const LONG: usize = 4 << 20;

/// A run of whole lines of a content, by what decides its bytes: equal parts have equal bytes, in whatever
/// content they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Part {
    /// The node of the tree, by the hash of its own bytes.
    pub node: [u8; 20],
    /// What else decides how it is rendered.
    pub rendering: Rendering,
    /// How far the node is above the leaves. A part of level 0 is a segment.
    pub level: u8,
    /// Which lines of the node; all of them unless it is a segment that was cut.
    pub lines: Lines,
}

impl Part {
    /// An id of what decides its bytes, for keeping them.
    pub fn id(&self) -> ContentId {
        let Lines { from, to } = self.lines;
        ContentId::of(&[
            b"part",
            &self.node,
            &self.rendering.0.to_le_bytes(),
            &[self.level],
            &from.to_le_bytes(),
            &to.to_le_bytes(),
        ])
    }
}

/// Names a way of rendering: that of one schema, at [`RENDER_VERSION`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rendering(u64);

impl Rendering {
    /// Derives the name from the 20 bytes of a strong hash over all that decides it.
    pub fn of(definition: &[u8; 20]) -> Self {
        let [a, b, c, d, e, f, g, h, ..] = *definition;
        // Multiplied, so that neighbouring versions of the rendering do not meet in neighbouring hashes.
        let version = u64::from(RENDER_VERSION).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Self(u64::from_le_bytes([a, b, c, d, e, f, g, h]) ^ version)
    }
}

/// Lines of a node, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Lines {
    /// The first one.
    pub from: u32,
    /// The one after the last.
    pub to: u32,
}

impl Lines {
    /// Every line of a node. (A node of 4 GiB or more is refused, so that none has as many lines.)
    pub const ALL: Self = Self { from: 0, to: u32::MAX };
}

/// What a segment turns out to be.
#[derive(Debug, Clone)]
pub enum Segment {
    /// Its bytes.
    Held(Bytes),
    /// It is longer than [`LONG`]: the segments that it is to be cut into, in order, each with its length in
    /// bytes.
    Cut(Vec<(Part, u64)>),
}

/// A content that can be opened as a tree.
pub trait Tree: Stream {
    /// The label of its source, whose work it is to open and to read it.
    fn source(&self) -> &str;

    /// Opens it. May block.
    ///
    /// # Errors
    /// What is wrong with the source or what it holds.
    fn open(&self) -> Result<Box<dyn Parts>, SourceError>;
}

/// A content as a tree. Every call may block, and is made from threads that may.
pub trait Parts: Send + Sync {
    /// The part that is the whole content; `None` for an empty one.
    fn whole(&self) -> Option<Part>;

    /// The parts below one of a level above 0, in order, all of the level below.
    ///
    /// # Errors
    /// What is wrong with the source or what it holds.
    fn below(&self, part: &Part) -> Result<Vec<Part>, SourceError>;

    /// The lines of a part of level 0.
    ///
    /// # Errors
    /// What is wrong with the source or what it holds.
    fn segment(&self, part: &Part) -> Result<Segment, SourceError>;

    /// The rows by their keys, where they have any.
    fn by_key(&self) -> Option<&dyn ByKey> {
        None
    }
}

/// A content as a tree whose rows are told apart by a key: which of them differ between two versions is found without
/// rendering any. Every call may block.
pub trait ByKey: Send + Sync {
    /// The columns of the key, in the key's order.
    fn columns(&self) -> &[String];

    /// The rows of a whole leaf, in order: one for each line.
    ///
    /// # Errors
    /// What is wrong with the source or what it holds.
    fn rows(&self, leaf: &Part) -> Result<Vec<RawRow>, SourceError>;

    /// A line, without its line feed, of the key's columns alone.
    ///
    /// # Errors
    /// What is wrong with the source or what it holds.
    fn key_line(&self, row: &RawRow) -> Result<Vec<u8>, SourceError>;

    /// The line of a row, without its line feed.
    ///
    /// # Errors
    /// What is wrong with the source or what it holds.
    fn line(&self, row: &RawRow) -> Result<Vec<u8>, SourceError>;
}

/// A row as its source keeps it. Of one rendering, rows of equal bytes have equal lines.
#[derive(Debug, Clone)]
pub struct RawRow {
    /// Which row of its leaf it is, from 0: for messages.
    pub place: usize,
    /// The columns of the key.
    pub key: Bytes,
    /// The other columns.
    pub value: Bytes,
}
