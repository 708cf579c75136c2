//! Finds one row of a table by the name of its key: down the tree, one chunk for each level.
//!
//! Each key above the leaves is the last one below a child. The keys of a node are searched by halves: each that is looked
//! at is rendered, and its place in the order read from its line ([`KeyPlaces`]).

use std::borrow::Cow;
use std::cmp::Ordering;
use std::ops::Range;

use dolt_store::message::MessageError;
use dolt_store::objects::TreeNode;
use dolt_store::rows::NodeKeys;
use dolt_store::{Address, Chunks, InChunk, RowsError};

use super::key_order::{KeyPlaces, NamePlace};
use super::renderer::RowRenderer;
use super::shared::{ReadError, Renderers};
use crate::content::tree::{LookedUp, NamedRow, PageId, SoughtRow};
use crate::model::jsonl::line_key::LineKey;
use crate::model::row::{Row, is_shortened, key_name, key_texts};

const OBJECT: &str = "node of a table's rows";

/// A look-up that goes to more pages is given up: more than a few hold the key only in a damaged tree.
const MOST_PAGES: usize = 64;

/// Reads the node at an address, which has this level.
type ReadNode<'t> = dyn Fn(&Address, u8) -> Result<Cow<'t, TreeNode>, ReadError> + 't;

/// A version of a table.
pub struct SearchedTable<'t> {
    /// What values are read from that are out of line.
    pub chunks: &'t dyn Chunks,
    pub name: &'t str,
    pub renderers: &'t Renderers,
    /// The page that is all of it; `None` for an empty table.
    pub root: Option<PageId>,
    /// Reads a node.
    pub node: &'t ReadNode<'t>,
}

impl SearchedTable<'_> {
    /// Looks for a row.
    pub fn look_up(&self, sought: &mut SoughtRow) -> Result<LookedUp, ReadError> {
        if self.renderers.key_columns.is_empty() {
            return Ok(Some(None));
        }
        let Some(places) = &self.renderers.key_places else { return Ok(None) };
        let Some(texts) = key_texts(&sought.name) else {
            // The key of a shortened name is not known. Any other such name is that of no key.
            return Ok((!is_shortened(&sought.name)).then_some(None));
        };
        let wanted = match places.place_of(texts) {
            NamePlace::At(wanted) => wanted,
            NamePlace::Nowhere => return Ok(Some(None)),
            NamePlace::Unclear => return Ok(None),
        };
        let Some(root) = self.root else { return Ok(Some(None)) };
        let (line, key) = (Vec::new(), Vec::new());
        let mut search = KeySearch { table: self, places, wanted, sought, pages: 0, line, key };
        Ok(match search.below(&root)? {
            NamedRow::Absent => Some(None),
            NamedRow::Line(line) => Some(Some(line)),
            NamedRow::Untold => None,
        })
    }
}

struct KeySearch<'s, 't> {
    table: &'s SearchedTable<'t>,
    places: &'s KeyPlaces,
    wanted: LineKey,
    sought: &'s mut SoughtRow,
    /// How many pages were looked at.
    pages: usize,
    /// The key looked at last: its line, and its place in the order.
    line: Vec<u8>,
    key: Vec<u8>,
}

impl KeySearch<'_, '_> {
    fn below(&mut self, page: &PageId) -> Result<NamedRow, ReadError> {
        if let Some(known) = self.sought.known(page) {
            return Ok(known);
        }
        self.pages += 1;
        if self.pages > MOST_PAGES {
            return Ok(NamedRow::Untold);
        }
        let address = Address::new(page.node);
        let node = (self.table.node)(&address, page.level)?;
        let keys = NodeKeys::read(&node.message).in_chunk(&address, OBJECT)?;
        let found = match self.equal(&address, &keys)? {
            None => NamedRow::Untold,
            Some(equal) if page.level == 0 => self.in_leaf(&address, &node, &keys, equal)?,
            Some(equal) => self.in_children(page, &node, &keys, equal)?,
        };
        self.sought.note(*page, found.clone());
        Ok(found)
    }

    /// The keys that compare as the wanted one; an empty range stands where it would be. `None` where a key does not show
    /// its place in the order.
    fn equal(&mut self, node: &Address, keys: &NodeKeys) -> Result<Option<Range<usize>>, ReadError> {
        let (mut start, mut end) = (0, keys.len());
        while start < end {
            let middle = usize::midpoint(start, end);
            match self.compare(node, keys, middle)? {
                Some(Ordering::Less) => start = middle + 1,
                Some(_) => end = middle,
                None => return Ok(None),
            }
        }
        while end < keys.len() {
            match self.compare(node, keys, end)? {
                Some(Ordering::Equal) => end += 1,
                Some(_) => break,
                None => return Ok(None),
            }
        }
        Ok(Some(start..end))
    }

    /// How a key compares with the wanted one.
    fn compare(&mut self, node: &Address, keys: &NodeKeys, at: usize) -> Result<Option<Ordering>, ReadError> {
        self.render_key(&self.places.renderer, node, keys, at)?;
        let told = self.places.order.write_key(&self.line, &mut self.key);
        Ok(told.map(|()| self.key[..].cmp(self.wanted.as_bytes())))
    }

    fn render_key(
        &mut self,
        renderer: &RowRenderer,
        node: &Address,
        keys: &NodeKeys,
        at: usize,
    ) -> Result<(), ReadError> {
        self.line.clear();
        let SearchedTable { chunks, name, .. } = *self.table;
        let lost = || RowsError::DamagedRow {
            table: name.to_owned(),
            row: at,
            problem: "its key lies outside of the node".to_owned(),
        };
        let key = keys.get(at).ok_or_else(lost);
        let rendered = key.and_then(|key| renderer.key_line(at, key, chunks, &mut self.line));
        rendered.map_err(|source| ReadError::Leaf { leaf: *node, source })
    }

    fn in_leaf(
        &mut self,
        address: &Address,
        leaf: &TreeNode,
        keys: &NodeKeys,
        equal: Range<usize>,
    ) -> Result<NamedRow, ReadError> {
        let SearchedTable { chunks, renderers, .. } = *self.table;
        let mut found = NamedRow::Absent;
        for at in equal {
            self.render_key(&renderers.key, address, keys, at)?;
            let Some(row) = Row::parse(&self.line) else { return Ok(NamedRow::Untold) };
            // Keys of several spellings compare as equal: 1.0 and 1.00.
            if key_name(&row.values(&renderers.key_columns)) != self.sought.name {
                continue;
            }
            if found != NamedRow::Absent {
                return Ok(NamedRow::Untold);
            }
            let mut line = Vec::new();
            let row = renderers.rows.raw_row(&leaf.message, at, chunks);
            row.and_then(|row| renderers.rows.line(&row, chunks, &mut line))
                .map_err(|source| ReadError::Leaf { leaf: *address, source })?;
            line.truncate(line.len() - usize::from(line.ends_with(b"\n")));
            found = NamedRow::Line(line.into());
        }
        Ok(found)
    }

    fn in_children(
        &mut self,
        page: &PageId,
        node: &TreeNode,
        keys: &NodeKeys,
        equal: Range<usize>,
    ) -> Result<NamedRow, ReadError> {
        let address = Address::new(page.node);
        let children = node.children(&address)?;
        if children.len() != keys.len() {
            let problem = format!("it has {} children and {} keys", children.len(), keys.len());
            return Err(MessageError::Invalid(problem)).in_chunk(&address, OBJECT).map_err(ReadError::from);
        }
        let mut found = NamedRow::Absent;
        // The child after those that end with the key may begin with another of the same place in the order.
        for child in &children[equal.start..children.len().min(equal.end + 1)] {
            let below = PageId { node: *child.as_bytes(), level: page.level.saturating_sub(1), ..*page };
            found = match (found, self.below(&below)?) {
                (NamedRow::Absent, other) | (other, NamedRow::Absent) => other,
                _ => return Ok(NamedRow::Untold),
            };
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use dolt_store::schema::{Column, Schema, Storage};
    use dolt_store::testing::{Field, MemoryChunks, items, message};

    use super::*;
    use crate::content::tree::{LineRange, Rendering};

    /// What a table `t (id datetime PRIMARY KEY, v int)` is rendered by.
    fn renderers() -> Renderers {
        let column = |name: &str, sql_type: &str, encoding, storage| {
            let (name, sql_type) = (name.to_owned(), sql_type.to_owned());
            Column { name, sql_type, encoding, storage, ..Column::default() }
        };
        let columns =
            vec![column("id", "datetime", 18, Storage::Key(0)), column("v", "tinyint", 1, Storage::Value(0))];
        let schema = Schema { table: "t".to_owned(), columns, primary_key: vec![0], ..Schema::default() };
        Renderers {
            rows: RowRenderer::new(&schema).expect("it is known"),
            key: RowRenderer::of_key(&schema).expect("it is known"),
            key_columns: vec!["id".to_owned()],
            key_places: KeyPlaces::of(&schema).expect("it is known"),
        }
    }

    fn tuple(field: &[u8]) -> Vec<u8> {
        [field, &[1, 0]].concat()
    }

    /// Keys are microseconds since 1970, of which a DATETIME shows whole seconds.
    fn leaf(rows: &[(i64, u8)]) -> Bytes {
        let keys: Vec<_> = rows.iter().map(|(key, _)| tuple(&key.to_le_bytes())).collect();
        let values: Vec<_> = rows.iter().map(|(_, value)| tuple(&[*value])).collect();
        let (keys, key_offsets) = items(&keys.iter().map(Vec::as_slice).collect::<Vec<_>>());
        let (values, value_offsets) = items(&values.iter().map(Vec::as_slice).collect::<Vec<_>>());
        let fields = [
            (0, keys),
            (1, key_offsets),
            (3, values),
            (4, value_offsets),
            (9, Field::U64(rows.len() as u64)),
            (10, Field::U8(0)),
        ];
        message(b"TUPM", &fields)
    }

    /// A node above children, each of which has one row, and these last keys.
    fn inner(level: u8, keys: &[i64], children: &[Address]) -> Bytes {
        let keys: Vec<_> = keys.iter().map(|key| tuple(&key.to_le_bytes())).collect();
        let (keys, key_offsets) = items(&keys.iter().map(Vec::as_slice).collect::<Vec<_>>());
        // The first count is 1, and each one after it is the same.
        let counts = (0..children.len()).map(|at| if at == 0 { 2 } else { 0 }).collect();
        let fields = [
            (0, keys),
            (1, key_offsets),
            (7, Field::Bytes(children.iter().flat_map(|child| *child.as_bytes()).collect())),
            (8, Field::Bytes(counts)),
            (9, Field::U64(children.len() as u64)),
            (10, Field::U8(level)),
        ];
        message(b"TUPM", &fields)
    }

    fn look_up(chunks: &MemoryChunks, root: Address, level: u8, name: &str) -> Result<LookedUp, ReadError> {
        let renderers = renderers();
        let rendering = Rendering::of(&[1; 20]);
        let root = PageId { node: *root.as_bytes(), rendering, level, lines: LineRange::ALL };
        let node = |address: &Address, level| Ok(Cow::Owned(TreeNode::read(chunks, address, level)?));
        let table = SearchedTable { chunks, name: "t", renderers: &renderers, root: Some(root), node: &node };
        table.look_up(&mut SoughtRow::of(name))
    }

    const SECOND: i64 = 1_000_000;

    #[test]
    fn a_row_is_told_only_if_no_other_has_its_name() {
        let mut chunks = MemoryChunks::default();
        let leaves = [
            &[(0, 1), (SECOND, 2)][..],
            &[(2 * SECOND, 3), (2 * SECOND + 5, 4)],
            &[(3 * SECOND, 5)],
            // The same second as the end of the leaf before it.
            &[(3 * SECOND + 7, 6), (4 * SECOND, 7)],
        ];
        let leaves = leaves.map(|rows| chunks.put(leaf(rows)));
        let last = [SECOND, 2 * SECOND + 5, 3 * SECOND, 4 * SECOND];
        let root = chunks.put(inner(1, &last, &leaves));
        let found = |second: u8| {
            let found = look_up(&chunks, root, 1, &format!("1970-01-01T00:00:0{second}Z"));
            found
                .expect("all is there")
                .map(|row| row.map(|line| String::from_utf8(line.into()).expect("a line")))
        };
        assert_eq!(found(0), Some(Some(r#"{"id":"1970-01-01T00:00:00Z","v":1}"#.to_owned())));
        assert_eq!(found(1), Some(Some(r#"{"id":"1970-01-01T00:00:01Z","v":2}"#.to_owned())));
        assert_eq!((found(2), found(3), found(5)), (None, None, Some(None)));
        assert_eq!(found(4), Some(Some(r#"{"id":"1970-01-01T00:00:04Z","v":7}"#.to_owned())));
    }

    #[test]
    fn a_tree_that_contradicts_itself_is_an_error_or_cannot_tell() {
        let mut chunks = MemoryChunks::default();
        let bottom = chunks.put(leaf(&[(SECOND, 1)]));
        let unequal = chunks.put(inner(1, &[0, SECOND], &[bottom]));
        assert!(look_up(&chunks, unequal, 1, "1970-01-01T00:00:01Z").is_err(), "two keys and one child");
        // All nodes say that their children end with the key, and no leaf has it.
        let mut nodes: Vec<_> = (0..128).map(|at| chunks.put(leaf(&[(-at, 1)]))).collect();
        for level in 1..=7 {
            nodes = nodes.chunks(2).map(|pair| chunks.put(inner(level, &[SECOND; 2], pair))).collect();
        }
        let found = look_up(&chunks, nodes[0], 7, "1970-01-01T00:00:01Z");
        assert_eq!(found.expect("all is there"), None);
    }
}
