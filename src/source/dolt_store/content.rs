//! The rows of one table as a file: each leaf of its tree, rendered, is a segment that other versions share.

use std::ops::ControlFlow;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use super::address::Address;
use super::objects::prolly::Node;
use super::objects::table::Table;
use super::rows::{RowRenderer, RowsError};
use super::shared::{ReadError, Shared, blocking};
use crate::source::parts::{InParts, LONG, Lines, Part, Parts, Rendering, Segment};
use crate::source::{Content, Sink, SourceError};

/// The rows of a table.
#[derive(Clone)]
pub struct TableContent {
    /// The database's store.
    pub shared: Arc<Shared>,
    /// The table's name.
    pub name: Arc<str>,
    /// The table's chunk.
    pub table: Address,
    /// At which moment: `at <hash>`, `in the working set`.
    pub when: String,
}

impl TableContent {
    /// Opens the table's tree.
    ///
    /// # Errors
    /// What is wrong with which chunk, or what of the schema is not known.
    pub fn rows(&self) -> Result<TableRows, ReadError> {
        let table = Table::read(&self.shared.store, &self.table)?;
        let renderer = self.shared.renderer(&self.name, &table.schema)?;
        let root = Node::within(&self.table, table.primary_index)?;
        let rendering = Rendering::of(table.schema.as_bytes());
        Ok(TableRows { content: self.clone(), root, rendering, renderer })
    }

    fn failed(&self, error: ReadError) -> SourceError {
        let operation = format!("cannot read table {} of {} {}", self.name, self.shared.database, self.when);
        error.during(&self.shared.label, operation)
    }
}

impl InParts for TableContent {
    fn open(&self) -> Result<Box<dyn Parts>, SourceError> {
        Ok(Box::new(self.rows().map_err(|error| self.failed(error))?))
    }
}

#[async_trait]
impl Content for TableContent {
    fn describe(&self) -> String {
        format!("table {} of {} {} in {}", self.name, self.shared.database, self.when, self.shared.label)
    }

    fn in_parts(&self) -> Option<&dyn InParts> {
        Some(self)
    }

    async fn read(&self, mut sink: Sink) -> Result<(), SourceError> {
        let content = self.clone();
        blocking(&self.shared.label, move || {
            let push = |lines| match sink.push_blocking(lines) {
                Ok(()) => ControlFlow::Continue(()),
                // Nobody wants the rest, which is no failure.
                Err(_) => ControlFlow::Break(()),
            };
            let read = content.rows().and_then(|rows| rows.each_segment(push));
            read.map_err(|error| content.failed(error))
        })
        .await
    }
}

/// The tree of a table's rows.
pub struct TableRows {
    content: TableContent,
    /// Lies within the chunk of the table, so that the table's address is its name as well.
    root: Node,
    rendering: Rendering,
    renderer: Arc<RowRenderer>,
}

impl TableRows {
    /// Hands over all lines in order, in segments, until it is told to stop.
    ///
    /// # Errors
    /// What is wrong with which chunk.
    pub fn each_segment(&self, mut take: impl FnMut(Bytes) -> ControlFlow<()>) -> Result<(), ReadError> {
        let mut open: Vec<Part> = self.all().into_iter().collect();
        while let Some(part) = open.pop() {
            if part.level > 0 {
                // The last one is put first, so that it is taken last.
                open.extend(self.below(&part)?.into_iter().rev());
                continue;
            }
            match self.lines(&part)? {
                Segment::Held(lines) => {
                    if take(lines).is_break() {
                        return Ok(());
                    }
                }
                Segment::Cut(cut) => open.extend(cut.into_iter().map(|(part, _)| part).rev()),
            }
        }
        Ok(())
    }

    fn all(&self) -> Option<Part> {
        (self.root.rows > 0).then(|| self.part(&self.content.table, self.root.level))
    }

    fn part(&self, node: &Address, level: u8) -> Part {
        Part { node: *node.as_bytes(), rendering: self.rendering, level, lines: Lines::ALL }
    }

    fn below(&self, part: &Part) -> Result<Vec<Part>, ReadError> {
        let address = Address::new(part.node);
        let children = match address == self.content.table {
            true => self.root.children(&address)?,
            false => Node::read(&self.content.shared.store, &address, part.level)?.children(&address)?,
        };
        let level = part.level.saturating_sub(1);
        Ok(children.iter().map(|child| self.part(child, level)).collect())
    }

    fn lines(&self, part: &Part) -> Result<Segment, ReadError> {
        let address = Address::new(part.node);
        let chunks = &self.content.shared.store;
        let node;
        let leaf = match address == self.content.table {
            true => &self.root,
            false => {
                node = Node::read(chunks, &address, 0)?;
                &node
            }
        };
        let mut cutter = Cutter::new(*part);
        let mut out = Vec::new();
        let lines = part.lines.from.into()..match part.lines {
            Lines::ALL => u64::MAX,
            Lines { to, .. } => to.into(),
        };
        let rendered = self.renderer.render(&leaf.message, chunks, lines, &mut out, |out| cutter.line(out));
        let in_leaf = |source| ReadError::Leaf { leaf: address, source };
        rendered.map_err(in_leaf)?;
        cutter.finish(out).ok_or_else(|| {
            in_leaf(RowsError::DamagedRow {
                table: self.content.name.to_string(),
                row: 0,
                problem: "with the rows after it, it is longer than 4 GiB".to_owned(),
            })
        })
    }
}

impl Parts for TableRows {
    fn whole(&self) -> Option<Part> {
        self.all()
    }

    fn below(&self, part: &Part) -> Result<Vec<Part>, SourceError> {
        self.below(part).map_err(|error| self.content.failed(error))
    }

    fn segment(&self, part: &Part) -> Result<Segment, SourceError> {
        self.lines(part).map_err(|error| self.content.failed(error))
    }
}

/// Cuts the lines of a leaf that turns out to be long.
struct Cutter {
    leaf: Part,
    /// The parts cut off so far, with their lengths.
    cut: Vec<(Part, u64)>,
    next_line: u64,
    /// Bytes in all.
    len: u64,
}

impl Cutter {
    fn new(leaf: Part) -> Self {
        Self { leaf, cut: Vec::new(), next_line: leaf.lines.from.into(), len: 0 }
    }

    /// Takes note of one more line at the end of `out`, and takes the lines away if they are enough for a part.
    fn line(&mut self, out: &mut Vec<u8>) -> ControlFlow<()> {
        self.next_line += 1;
        let is_too_long = self.len + out.len() as u64 > u32::MAX.into();
        if is_too_long {
            self.len = u64::MAX;
            return ControlFlow::Break(());
        }
        // What was cut already is rendered as it is.
        if out.len() >= LONG && self.leaf.lines == Lines::ALL {
            self.cut_off(out);
        }
        ControlFlow::Continue(())
    }

    fn cut_off(&mut self, out: &mut Vec<u8>) {
        let from = self.cut.last().map_or(0, |(before, _)| before.lines.to);
        // Each line has three bytes at least, and all of them fewer than 4 GiB.
        let to = u32::try_from(self.next_line).unwrap_or(u32::MAX);
        self.cut.push((Part { lines: Lines { from, to }, ..self.leaf }, out.len() as u64));
        self.len += out.len() as u64;
        out.clear();
    }

    /// The segment, or `None` if it has 4 GiB or more.
    fn finish(mut self, mut out: Vec<u8>) -> Option<Segment> {
        if self.len == u64::MAX {
            return None;
        }
        if self.cut.is_empty() {
            // What is held for long must not take more than it is counted for.
            out.shrink_to_fit();
            return Some(Segment::Held(out.into()));
        }
        if !out.is_empty() {
            self.cut_off(&mut out);
        }
        Some(Segment::Cut(self.cut))
    }
}
