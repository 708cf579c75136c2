//! Contents that their source keeps as trees, of which one version shares most pages with the next.
//!
//! Such a content (a table of a Dolt store) need not be read from end to end. Each of its nodes, rendered, is the same run of
//! whole lines in every version that holds it. Once the length of such a run is known, it need not be made again to find out
//! where the next one starts.

use std::num::NonZeroUsize;

use bytes::Bytes;

use super::{SourceError, Stream};
use crate::memory::Recent;
use crate::model::content_id::ContentId;
use crate::model::jsonl::RENDER_VERSION;

/// A segment of this length in bytes or more is cut.
pub const LONG: usize = 4 << 20;

/// For so many pages it is known what they say of a row: those on the way to it in the last versions.
const KNOWN_PAGES: NonZeroUsize = NonZeroUsize::new(64).expect("64 is not 0");

/// The bytes of the row's lines that are known for that, at most.
const KNOWN_LINES: u64 = 8 << 20;

/// The name of a page: what decides its bytes. Pages of one name have the same bytes, in whatever content they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PageId {
    /// The node of the tree, by the hash of its own bytes.
    pub node: [u8; 20],
    /// What else decides how it is rendered.
    pub rendering: Rendering,
    /// How far the node is above the leaves. A page of level 0 is a segment.
    pub level: u8,
    /// Which lines of the node; all of them unless it is a segment that was cut.
    pub lines: LineRange,
}

impl PageId {
    /// A content id of its bytes, for keeping them.
    pub fn id(&self) -> ContentId {
        let LineRange { from, to } = self.lines;
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
        // Multiplied, so that the next version of the rendering does not turn one hash into a neighbouring one.
        let version = u64::from(RENDER_VERSION).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Self(u64::from_le_bytes([a, b, c, d, e, f, g, h]) ^ version)
    }
}

/// Lines of a node, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LineRange {
    /// The first one.
    pub from: u32,
    /// The one after the last.
    pub to: u32,
}

impl LineRange {
    /// Every line of a node. (A node of 4 GiB or more is refused, so that none has as many lines.)
    pub const ALL: Self = Self { from: 0, to: u32::MAX };
}

/// The lines of a leaf.
#[derive(Debug, Clone)]
pub enum Leaf {
    /// Its bytes.
    Whole(Bytes),
    /// It is [`LONG`]: the segments that it is to be cut into, in order, each with its length in bytes.
    Cut(Vec<(PageId, u64)>),
}

/// A content that its source keeps as a tree.
pub trait Tree: Stream {
    /// The label of its source. Opening and reading the tree count as that source's work.
    fn source(&self) -> &str;

    /// Opens it. May block.
    fn open(&self) -> Result<Box<dyn Nodes>, SourceError>;
}

/// An open tree. Every call may block, and is made from threads that may.
pub trait Nodes: Send + Sync {
    /// The page that is the whole content; `None` for an empty one.
    fn root(&self) -> Option<PageId>;

    /// The children of a page of a level above 0, in order, all of the level below.
    fn below(&self, page: &PageId) -> Result<Vec<PageId>, SourceError>;

    /// The lines of a page of level 0.
    fn leaf(&self, page: &PageId) -> Result<Leaf, SourceError>;

    /// The length in bytes of the lines of a page of level 0, which need not be made for that.
    fn len_of_leaf(&self, page: &PageId) -> Result<u64, SourceError> {
        Ok(match self.leaf(page)? {
            Leaf::Whole(bytes) => bytes.len() as u64,
            Leaf::Cut(parts) => parts.iter().map(|(_, len)| len).sum(),
        })
    }

    /// The rows by their keys, where they have any.
    fn by_key(&self) -> Option<&dyn KeyedRows> {
        None
    }

    /// The row that is looked for, as a line without its line feed; `None` where it can only be found among all rows.
    fn look_up(&self, _sought: &mut SoughtRow) -> Result<LookedUp, SourceError> {
        Ok(None)
    }
}

/// What a look-up by name found: `None` where it cannot tell, `Some(None)` where there is no such row.
pub type LookedUp = Option<Option<Bytes>>;

/// The rows of a tree that have a key: those that differ between two versions are found without rendering any.
/// Every call may block.
pub trait KeyedRows: Send + Sync {
    /// The columns of the key, in the key's order.
    fn columns(&self) -> &[String];

    /// The rows of a whole leaf, in order: one for each line.
    fn rows(&self, leaf: &PageId) -> Result<Vec<RawRow>, SourceError>;

    /// A line, without its line feed, of the key's columns alone.
    fn key_line(&self, row: &RawRow) -> Result<Vec<u8>, SourceError>;

    /// The line of a row, without its line feed.
    fn line(&self, row: &RawRow) -> Result<Vec<u8>, SourceError>;
}

/// A row as its source keeps it. Rows of equal bytes and one rendering have equal lines.
#[derive(Debug, Clone)]
pub struct RawRow {
    /// Which row of its leaf it is, from 0: for messages.
    pub place: usize,
    /// The columns of the key.
    pub key: Bytes,
    /// The other columns.
    pub value: Bytes,
}

/// A row that is looked for by the name of its key in versions of one table, and what pages say of it: versions share
/// most of their pages.
pub struct SoughtRow {
    /// As [`crate::model::row::key_name`] makes it.
    pub name: String,
    known: Recent<PageId, NamedRow>,
}

/// What a page says of a row that is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NamedRow {
    /// It is not below it.
    Absent,
    /// Its line, without its line feed.
    Line(Bytes),
    /// That the page cannot tell: several rows may be meant.
    Untold,
}

impl SoughtRow {
    /// A row of which nothing is known.
    pub fn of(name: &str) -> Self {
        Self { name: name.to_owned(), known: Recent::of_at_most(KNOWN_PAGES) }
    }

    /// What is known of it below a page.
    pub fn known(&mut self, page: &PageId) -> Option<NamedRow> {
        self.known.get(page).cloned()
    }

    /// Notes what a page says of it.
    pub fn note(&mut self, page: PageId, found: NamedRow) {
        let line = if let NamedRow::Line(line) = &found { line.len() as u64 } else { 0 };
        self.known.put(page, found, line);
        self.known.shrink_to(KNOWN_LINES);
    }
}
