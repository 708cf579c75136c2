//! Tables whose rows have keys: as trees, and as versions whose source reports the changes.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;

use crate::content::tree::{KeyedRows, Leaf, LineRange, Nodes, PageId, RawRow, Rendering, Tree};
use crate::content::versioned::{ChangeBatch, ChangeSink, Family, LengthDelta, LineChange, Versioned};
use crate::content::{Content, ErrorKind, FileEntry, Sink, SourceError, Stream};
use crate::model::access::Access;
use crate::model::content_id::ContentId;
use crate::model::jsonl::line_key::LineKey;
use crate::model::row::Row;
use crate::views::derived::entry;

/// Lines with a column `id`, which is their key.
#[derive(Clone)]
pub struct KeyedTable {
    lines: Arc<Vec<String>>,
    /// The changes to this version, if a source reports them.
    changes: Option<Arc<Vec<LineChange>>>,
    key: Vec<String>,
}

/// A file of these lines: a tree, or a version to which these changes lead.
pub fn keyed_file(text: &str, changes: Option<Vec<LineChange>>) -> FileEntry {
    let lines = text.lines().map(str::to_owned).collect();
    let table = KeyedTable { lines: Arc::new(lines), changes: changes.map(Arc::new), key: vec!["id".into()] };
    let id = ContentId::of(&[b"keyed", text.as_bytes(), &[u8::from(table.changes.is_some())]]);
    let content = match table.changes {
        Some(_) => Content::Versioned(Arc::new(table)),
        None => Content::Tree(Arc::new(table)),
    };
    entry("t.jsonl".into(), id, Timestamp::UNIX_EPOCH.into(), Access::default(), content)
}

#[async_trait]
impl Stream for KeyedTable {
    fn describe(&self) -> String {
        "rows with keys".into()
    }

    async fn key(&self) -> Result<Option<Vec<String>>, SourceError> {
        Ok(Some(self.key.clone()))
    }

    async fn read(&self, mut sink: Sink) -> Result<(), SourceError> {
        let _ = sink.push((self.lines.join("\n") + "\n").into()).await;
        Ok(())
    }
}

impl Tree for KeyedTable {
    fn source(&self) -> &str {
        "memory"
    }

    fn open(&self) -> Result<Box<dyn Nodes>, SourceError> {
        Ok(Box::new(OpenTable::of(self)))
    }
}

/// Leaves of some lines each, cut by the lines' own bytes, so that two versions share most leaves.
struct OpenTable {
    key: Vec<String>,
    leaves: Vec<PageId>,
    lines: HashMap<[u8; 20], Vec<String>>,
}

impl OpenTable {
    fn of(table: &KeyedTable) -> Self {
        let mut open = Self { key: table.key.clone(), leaves: Vec::new(), lines: HashMap::new() };
        let is_last = |line: &String| ContentId::of(&[line.as_bytes()]).as_bytes()[0].is_multiple_of(8);
        for lines in table.lines.split_inclusive(is_last) {
            let node = node(lines.concat().as_bytes());
            open.leaves.push(page(node, 0));
            open.lines.insert(node, lines.to_vec());
        }
        open
    }

    fn line(&self, row: &RawRow) -> Result<Vec<u8>, SourceError> {
        let [id, rest] = [&row.key, &row.value].map(|bytes| String::from_utf8_lossy(bytes));
        Ok(format!("{{\"id\":{id},{rest}").into_bytes())
    }
}

fn node(bytes: &[u8]) -> [u8; 20] {
    let mut node = [0; 20];
    node[..16].copy_from_slice(ContentId::of(&[bytes]).as_bytes());
    node
}

fn page(node: [u8; 20], level: u8) -> PageId {
    PageId { node, rendering: Rendering::of(&[0; 20]), level, lines: LineRange::ALL }
}

impl Nodes for OpenTable {
    fn root(&self) -> Option<PageId> {
        let all: Vec<u8> = self.leaves.iter().flat_map(|leaf| leaf.node).collect();
        (!self.leaves.is_empty()).then(|| page(node(&all), 1))
    }

    fn below(&self, _: &PageId) -> Result<Vec<PageId>, SourceError> {
        Ok(self.leaves.clone())
    }

    fn leaf(&self, page: &PageId) -> Result<Leaf, SourceError> {
        Ok(Leaf::Whole((self.lines[&page.node].join("\n") + "\n").into()))
    }

    fn by_key(&self) -> Option<&dyn KeyedRows> {
        Some(self)
    }
}

impl KeyedRows for OpenTable {
    fn columns(&self) -> &[String] {
        &self.key
    }

    fn rows(&self, leaf: &PageId) -> Result<Vec<RawRow>, SourceError> {
        let row = |(place, line): (usize, &String)| {
            let id = Row::parse(line.as_bytes()).expect("a row").get("id").expect("all have it").to_owned();
            let value = line[format!("{{\"id\":{id},").len()..].to_owned();
            RawRow { place, key: id.into(), value: value.into() }
        };
        Ok(self.lines[&leaf.node].iter().enumerate().map(row).collect())
    }

    fn key_line(&self, row: &RawRow) -> Result<Vec<u8>, SourceError> {
        Ok([b"{\"id\":", &*row.key, b"}"].concat())
    }

    fn line(&self, row: &RawRow) -> Result<Vec<u8>, SourceError> {
        self.line(row)
    }
}

#[async_trait]
impl Versioned for KeyedTable {
    async fn family(&self) -> Result<Arc<Family>, SourceError> {
        Ok(self.known_family().expect("it is known"))
    }

    fn known_family(&self) -> Option<Arc<Family>> {
        Some(Arc::new(Family { id: ContentId::of(&[b"family"]), order: None }))
    }

    fn version(&self) -> &str {
        "any"
    }

    async fn read_between(&self, _: &LineKey, _: Option<&LineKey>, _: Sink) -> Result<(), SourceError> {
        Err(SourceError::new(ErrorKind::Unsupported, "memory", "its rows have no order"))
    }

    async fn push_changes(&self, _: &str, _: u64, sink: ChangeSink) -> Result<bool, SourceError> {
        for changes in self.changes.iter().flat_map(|changes| changes.chunks(100)) {
            let mut batch = ChangeBatch::default();
            changes.iter().for_each(|change| batch.add(change.clone()));
            let _ = sink.push(&mut batch).await;
        }
        Ok(true)
    }

    async fn length_deltas(&self, _: usize, _: Option<u64>) -> Result<Vec<LengthDelta>, SourceError> {
        Ok(Vec::new())
    }
}

/// The changes from some lines to others, row by row, as a source reports them: in the order of the lines, with line feeds.
pub fn reported(from: &str, to: &str) -> Vec<LineChange> {
    let line = |line: Option<&&str>| line.map(|line| Bytes::from(format!("{line}\n")));
    let id = |line: &str| {
        Row::parse(line.as_bytes()).and_then(|row| row.get("id")).expect("all have it").to_owned()
    };
    let [old, new] =
        [from, to].map(|text| text.lines().map(|line| (id(line), line)).collect::<HashMap<_, _>>());
    let mut changes = Vec::new();
    let later = to.lines().filter(|line| !old.contains_key(&id(line)));
    for id in from.lines().chain(later).map(id) {
        let (from, to) = (old.get(&id), new.get(&id));
        if from != to {
            changes.push(LineChange { from: line(from), to: line(to) });
        }
    }
    changes
}
