//! Contents that their source keeps as trees. Successive versions share most pages.
//!
//! Such a content (a table of a Dolt store) need not be read from end to end. Each of its nodes, rendered, gives the
//! same whole lines in every version that holds it. Once the length of those lines is known, they need not be rendered
//! again to find where the next ones start.

use std::num::NonZeroUsize;

use bytes::Bytes;

use super::{SourceError, Stream};
use crate::memory::Recent;
use crate::model::content_id::ContentId;
use crate::model::jsonl::RENDER_VERSION;

/// A segment of this length or longer, in bytes, is cut.
pub const LONG: usize = 4 << 20;

/// For how many pages it is remembered what they say of a row: those on the way to it in the last versions.
const KNOWN_PAGES: NonZeroUsize = NonZeroUsize::new(64).expect("64 is not 0");

/// The most bytes of the row's lines that are remembered for that.
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
    /// Which lines of the node: all, unless the page is a segment that was cut.
    pub lines: LineRange,
}

impl PageId {
    /// The content id of its bytes, for keeping them.
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

/// Names a way of rendering: that of one schema under [`RENDER_VERSION`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rendering(u64);

impl Rendering {
    /// Derives the name from the 20 bytes of a strong hash over all that decides the rendering.
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
    /// Every line of a node. (A node of 4 GiB or more is refused, so no node has that many lines.)
    pub const ALL: Self = Self { from: 0, to: u32::MAX };
}

/// The lines of a leaf.
#[derive(Debug, Clone)]
pub enum Leaf {
    /// Its bytes.
    Whole(Bytes),
    /// It is [`LONG`]: the segments to cut it into, in order, each with its length in bytes.
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

    /// The children of a page above level 0, in order; all are one level below it.
    fn below(&self, page: &PageId) -> Result<Vec<PageId>, SourceError>;

    /// The lines of a page of level 0.
    fn leaf(&self, page: &PageId) -> Result<Leaf, SourceError>;

    /// The length in bytes of the lines of a page of level 0. The lines need not be rendered for that.
    fn len_of_leaf(&self, page: &PageId) -> Result<u64, SourceError> {
        Ok(match self.leaf(page)? {
            Leaf::Whole(bytes) => bytes.len() as u64,
            Leaf::Cut(parts) => parts.iter().map(|(_, len)| len).sum(),
        })
    }

    /// The rows by their keys, if they have any.
    fn by_key(&self) -> Option<&dyn KeyedRows> {
        None
    }

    /// The line of the row that is looked for, without its line feed; `None` if the row can only be found among all
    /// rows.
    fn look_up(&self, _sought: &mut SoughtRow) -> Result<LookedUp, SourceError> {
        Ok(None)
    }
}

/// What a look-up by name found: `None` if it cannot tell, `Some(None)` if there is no such row.
pub type LookedUp = Option<Option<Bytes>>;

/// The rows of a tree that have a key: rows that differ between two versions are found without rendering any. Every
/// call may block.
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

/// A row that is looked for by the name of its key in versions of one table, and what pages say of it. Pages are
/// remembered because versions share most of them.
pub struct SoughtRow {
    /// As [`crate::model::row::key_name`] makes it.
    pub name: String,
    known: Recent<PageId, NamedRow>,
}

/// What a page says of a row that is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NamedRow {
    /// The row is not below the page.
    Absent,
    /// Its line, without its line feed.
    Line(Bytes),
    /// The page cannot tell: several rows may be meant.
    Untold,
}

impl SoughtRow {
    /// A row of which nothing is known.
    pub fn of(name: &str) -> Self {
        Self { name: name.to_owned(), known: Recent::of_at_most(KNOWN_PAGES) }
    }

    /// What is known of the row below a page.
    pub fn known(&mut self, page: &PageId) -> Option<NamedRow> {
        self.known.get(page).cloned()
    }

    /// Notes what a page says of the row.
    pub fn note(&mut self, page: PageId, found: NamedRow) {
        let line = if let NamedRow::Line(line) = &found { line.len() as u64 } else { 0 };
        self.known.put(page, found, line);
        self.known.shrink_to(KNOWN_LINES);
    }
}
