//! Reads a file in each way that its content offers.

use std::sync::Arc;

use asof::content::tree::{Leaf, Nodes, PageId};
use asof::content::{Content, FileEntry, Sink, SourceError};
use asof::engine::Engine;
use asof::source::Database;

use crate::fixture::{files, timeline};
use crate::support::wait;

/// Whether a content is more than a stream.
pub fn is_versioned(file: &FileEntry) -> bool {
    matches!(file.content, Content::Tree(_) | Content::Versioned(_))
}

/// The length that the source states.
pub fn stated_len(file: &FileEntry) -> Option<u64> {
    file.content.stated_len()
}

/// The columns of a table's key.
pub fn key(file: &FileEntry) -> Option<Vec<String>> {
    wait(file.content.key()).unwrap_or_else(|error| panic!("{}", error.chain()))
}

/// All bytes, from end to end.
pub fn whole(file: &FileEntry) -> Result<Vec<u8>, SourceError> {
    wait(stream(&file.content))
}

/// All bytes as a text.
#[track_caller]
pub fn text(file: &FileEntry) -> String {
    let bytes = whole(file).unwrap_or_else(|error| panic!("{}: {}", file.path, error.chain()));
    String::from_utf8(bytes).expect("it is UTF-8")
}

async fn stream(content: &Content) -> Result<Vec<u8>, SourceError> {
    let (sink, mut pieces) = Sink::new(2);
    let gather = async {
        let mut bytes = Vec::new();
        while let Some(piece) = pieces.recv().await {
            bytes.extend_from_slice(&piece);
        }
        bytes
    };
    let (outcome, bytes) = tokio::join!(content.read(sink), gather);
    outcome.map(|()| bytes)
}

/// Reads so many pieces, then drops the receiver.
pub async fn leave(file: &FileEntry, pieces: usize) -> Result<(), SourceError> {
    let (sink, mut receiver) = Sink::new(1);
    let take = async {
        for _ in 0..pieces {
            receiver.recv().await;
        }
        drop(receiver);
    };
    tokio::join!(file.content.read(sink), take).0
}

/// The bytes of a file in every other way than from end to end: as an engine reads it in pieces, as a tree, and made
/// from its other versions.
pub fn every_way(database: &Arc<dyn Database>, file: &FileEntry) -> Vec<(&'static str, Vec<u8>)> {
    let mut ways = vec![("through an engine", by_engine(file))];
    if let Some(tree) = file.content.tree() {
        ways.push(("as a tree", walk(&*tree.open().expect("it opens"))));
    }
    ways.extend(other_versions(database, file).map(|bytes| ("from another version", bytes)));
    ways
}

fn by_engine(file: &FileEntry) -> Vec<u8> {
    let engine = Engine::new(1 << 20);
    let read = async {
        let len = engine.len(file.id, &file.content).await?;
        let reader = engine.open(file.id, &file.content).await?;
        let mut all = Vec::new();
        while (all.len() as u64) < len {
            let piece = reader.read(all.len() as u64, 99_991).await?;
            assert!(!piece.is_empty(), "{} of {len} bytes", all.len());
            all.extend_from_slice(&piece);
        }
        Ok::<_, Arc<SourceError>>(all)
    };
    wait(read).unwrap_or_else(|error| panic!("{}: {}", file.path, error.chain()))
}

fn walk(tree: &dyn Nodes) -> Vec<u8> {
    fn add(tree: &dyn Nodes, page: &PageId, all: &mut Vec<u8>) {
        if page.level > 0 {
            let below = tree.below(page).expect("it is sound");
            return below.iter().for_each(|page| add(tree, page, all));
        }
        match tree.leaf(page).expect("it is sound") {
            Leaf::Whole(bytes) => all.extend_from_slice(&bytes),
            Leaf::Cut(cut) => cut.iter().for_each(|(page, _)| add(tree, page, all)),
        }
    }
    let mut all = Vec::new();
    tree.root().iter().for_each(|root| add(tree, root, &mut all));
    all
}

/// The file made from each other version of it, if the source says what differs.
fn other_versions<'f>(
    database: &'f Arc<dyn Database>,
    file: &'f FileEntry,
) -> impl Iterator<Item = Vec<u8>> + 'f {
    let others = timeline(database).into_iter().flat_map(|snapshot| files(database, &snapshot.id).to_vec());
    let others = others.filter(|other| other.path == file.path && other.id != file.id);
    others.filter_map(|other| {
        let (versioned, base) = (file.content.versioned()?, other.content.versioned()?);
        let changes = wait(versioned.changes_since(base.version(), u64::MAX)).expect("it is sound")?;
        let whole = whole(&other).expect("it is sound");
        let mut lines: Vec<&[u8]> = whole.split_inclusive(|byte| *byte == b'\n').collect();
        for change in &changes {
            if let Some(from) = &change.from {
                let at = lines.iter().position(|line| *line == &from[..]).expect("the line is there");
                lines.remove(at);
            }
        }
        lines.extend(changes.iter().filter_map(|change| change.to.as_deref()));
        lines.sort_by_key(|line| id(line));
        Some(lines.concat())
    })
}

/// The number in `{"id":7,...}`, which is the key.
fn id(line: &[u8]) -> u64 {
    let digits: String =
        line.iter().map(|byte| char::from(*byte)).skip(6).take_while(char::is_ascii_digit).collect();
    digits.parse().expect("a line of a table begins with its id")
}
