//! The tree of a table's rows: which leaves it has, and what they say.

use std::borrow::Cow;
use std::cell::RefCell;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::thread::LocalKey;

use bytes::Bytes;
use dolt_store::objects::{StoredTable, TreeNode};
use dolt_store::{Address, RowsError};

use super::content::TableContent;
use super::cutter::Cutter;
use super::named_row::SearchedTable;
use super::renderer::RowRenderer;
use super::shared::{ReadError, Renderers};
use crate::content::SourceError;
use crate::content::tree::{
    KeyedRows, LONG, Leaf, LineRange, LookedUp, Nodes, PageId, RawRow, Rendering, SoughtRow,
};
use crate::model::jsonl::{Out, Tally};

pub struct TableRows {
    content: TableContent,
    /// Lies within the chunk of the table, so that the table's address is its name as well.
    root: TreeNode,
    rendering: Rendering,
    renderers: Arc<Renderers>,
}

impl TableRows {
    pub fn open(content: &TableContent) -> Result<Self, ReadError> {
        let table = StoredTable::read(&content.shared.store, &content.table)?;
        let renderers = content.shared.renderers(&content.name, &table.schema)?;
        let root = TreeNode::within(&content.table, table.primary_index)?;
        let rendering = Rendering::of(table.schema.as_bytes());
        Ok(Self { content: content.clone(), root, rendering, renderers })
    }

    /// Hands all lines to `take` in order, in segments, until it breaks off.
    pub fn each_segment(&self, mut take: impl FnMut(Bytes) -> ControlFlow<()>) -> Result<(), ReadError> {
        let mut open: Vec<PageId> = self.all().into_iter().collect();
        while let Some(part) = open.pop() {
            if part.level > 0 {
                // The last one is put first, so that it is taken last.
                open.extend(self.below(&part)?.into_iter().rev());
                continue;
            }
            match self.lines(&part)? {
                Leaf::Whole(lines) => {
                    if take(lines).is_break() {
                        return Ok(());
                    }
                }
                Leaf::Cut(cut) => open.extend(cut.into_iter().map(|(part, _)| part).rev()),
            }
        }
        Ok(())
    }

    fn all(&self) -> Option<PageId> {
        (self.root.rows > 0).then(|| self.part(&self.content.table, self.root.level))
    }

    fn part(&self, node: &Address, level: u8) -> PageId {
        PageId { node: *node.as_bytes(), rendering: self.rendering, level, lines: LineRange::ALL }
    }

    fn below(&self, part: &PageId) -> Result<Vec<PageId>, ReadError> {
        let address = Address::new(part.node);
        let children = self.node(&address, part.level)?.children(&address)?;
        let level = part.level.saturating_sub(1);
        Ok(children.iter().map(|child| self.part(child, level)).collect())
    }

    /// The node at an address, of this level.
    fn node(&self, address: &Address, level: u8) -> Result<Cow<'_, TreeNode>, ReadError> {
        Ok(match *address == self.content.table {
            true => Cow::Borrowed(&self.root),
            false => Cow::Owned(TreeNode::read(&self.content.shared.store, address, level)?),
        })
    }

    fn line_by(&self, renderer: &RowRenderer, row: &RawRow) -> Result<Vec<u8>, SourceError> {
        // The two lines of a row that changed share most of its long values.
        let values = self.content.shared.values.before(&self.content.shared.store);
        let line = with_scratch(&LINES, |line| {
            renderer.line(row, &values, line)?;
            Ok(line.strip_suffix(b"\n").unwrap_or(line).to_vec())
        });
        line.map_err(|error: RowsError| self.content.failed(error.into()))
    }

    fn lines(&self, part: &PageId) -> Result<Leaf, ReadError> {
        with_scratch(&LINES, |out| {
            let cut = self.render(part, out)?;
            Ok(match cut.is_empty() {
                true => Leaf::Whole(Bytes::copy_from_slice(out)),
                false => Leaf::Cut(cut),
            })
        })
    }

    fn count(&self, part: &PageId) -> Result<u64, ReadError> {
        let mut whole = Tally::default();
        let cut = self.render(part, &mut whole)?;
        Ok(whole.written() as u64 + cut.iter().map(|(_, len)| len).sum::<u64>())
    }

    /// Renders a leaf. Returns the parts that it is cut into, none where it stays whole in `out`.
    fn render(&self, part: &PageId, out: &mut impl Out) -> Result<Vec<(PageId, u64)>, ReadError> {
        let address = Address::new(part.node);
        let chunks = &self.content.shared.store;
        let values = self.content.shared.values.before(chunks);
        let mut cutter = Cutter::new(*part);
        let lines = part.lines.from.into()..match part.lines {
            LineRange::ALL => u64::MAX,
            LineRange { to, .. } => to.into(),
        };
        let in_leaf = |source| ReadError::Leaf { leaf: address, source };
        with_scratch(&CHUNK, |room| {
            let leaf = match address == self.content.table {
                true => self.root.message.as_slices(),
                false => TreeNode::read_in(chunks, &address, 0, room)?.message,
            };
            let rendered = self.renderers.rows.render(&leaf, &values, lines, out, |out| cutter.line(out));
            rendered.map_err(in_leaf)
        })?;
        cutter.finish(out).ok_or_else(|| {
            in_leaf(RowsError::DamagedRow {
                table: self.content.name.to_string(),
                row: 0,
                problem: "with the rows after it, it is longer than 4 GiB".to_owned(),
            })
        })
    }
}

thread_local! {
    /// Where segments are rendered before they are copied to a place of their own size: growing a new place
    /// line by line takes memory from the system several times over.
    static LINES: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };

    /// Where the chunks of leaves are unpacked: all threads wait for each other where each leaf takes new memory.
    static CHUNK: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Lends an empty buffer.
fn with_scratch<T>(scratch: &'static LocalKey<RefCell<Vec<u8>>>, work: impl FnOnce(&mut Vec<u8>) -> T) -> T {
    let mut out = scratch.take();
    out.clear();
    let done = work(&mut out);
    // One very long line must not keep its memory in every thread.
    if out.capacity() <= LONG / 4 {
        scratch.set(out);
    }
    done
}

impl Nodes for TableRows {
    fn root(&self) -> Option<PageId> {
        self.all()
    }

    fn below(&self, part: &PageId) -> Result<Vec<PageId>, SourceError> {
        self.below(part).map_err(|error| self.content.failed(error))
    }

    fn leaf(&self, part: &PageId) -> Result<Leaf, SourceError> {
        self.lines(part).map_err(|error| self.content.failed(error))
    }

    fn len_of_leaf(&self, part: &PageId) -> Result<u64, SourceError> {
        self.count(part).map_err(|error| self.content.failed(error))
    }

    fn by_key(&self) -> Option<&dyn KeyedRows> {
        (!self.renderers.key_columns.is_empty()).then_some(self)
    }

    fn look_up(&self, sought: &mut SoughtRow) -> Result<LookedUp, SourceError> {
        let shared = &self.content.shared;
        let table = SearchedTable {
            chunks: &shared.values.before(&shared.store),
            name: &self.content.name,
            renderers: &self.renderers,
            root: self.all(),
            node: &|address, level| self.node(address, level),
        };
        table.look_up(sought).map_err(|error| self.content.failed(error))
    }
}

impl KeyedRows for TableRows {
    fn columns(&self) -> &[String] {
        &self.renderers.key_columns
    }

    fn rows(&self, leaf: &PageId) -> Result<Vec<RawRow>, SourceError> {
        let address = Address::new(leaf.node);
        let rows = self.node(&address, 0).and_then(|leaf| {
            // Checks here that every value has one reading: rows of equal bytes are not read again.
            let shared = &self.content.shared;
            let rows = self.renderers.rows.raw_rows(&leaf.message, &shared.values.before(&shared.store));
            rows.map_err(|source| ReadError::Leaf { leaf: address, source })
        });
        rows.map_err(|error| self.content.failed(error))
    }

    fn key_line(&self, row: &RawRow) -> Result<Vec<u8>, SourceError> {
        self.line_by(&self.renderers.key, row)
    }

    fn line(&self, row: &RawRow) -> Result<Vec<u8>, SourceError> {
        self.line_by(&self.renderers.rows, row)
    }
}
