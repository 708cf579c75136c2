//! A source that holds its databases in memory.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use asof::catalog::Catalog;
use asof::content::{Content, ErrorKind, FileEntry, FileKind, Sink, SourceError, Stream};
use asof::engine::Engine;
use asof::model::access::Access;
use asof::model::content_id::ContentId;
use asof::model::history::{History, SnapshotId, SnapshotMeta};
use asof::source::{Capabilities, Database};
use asof::vfs::Vfs;
use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Files of one snapshot: path to text.
pub type Files = BTreeMap<String, String>;

/// A database whose snapshots are plain maps.
#[derive(Default)]
pub struct Memory {
    pub name: String,
    pub history: History,
    pub files: BTreeMap<SnapshotId, Files>,
    pub live: Files,
    pub reads: Arc<AtomicUsize>,
}

pub fn commit(id: &str, seconds: i64, parents: &[&str]) -> Arc<SnapshotMeta> {
    Arc::new(SnapshotMeta { commit: Some(id.into()), ..archive(id, seconds, parents) })
}

pub fn archive(id: &str, seconds: i64, parents: &[&str]) -> SnapshotMeta {
    SnapshotMeta {
        known_as: None,
        id: id.into(),
        time: asof::model::time::Timestamp::from_second(seconds),
        commit: None,
        parents: parents.iter().map(|p| SnapshotId::from(*p)).collect(),
        author: "someone".into(),
        email: "someone@example.org".into(),
        message: format!("message of {id}"),
        mark: None,
    }
}

impl Memory {
    fn entries(&self, files: &Files) -> Arc<[FileEntry]> {
        let links = |path: &str, text: &str| {
            let same = |f: &&Files| f.get(path).is_some_and(|t| t == text);
            u32::try_from(self.files.values().filter(same).count().max(1)).expect("few snapshots")
        };
        files
            .iter()
            .map(|(path, text)| FileEntry {
                path: path.as_str().into(),
                // A file with this ending is a symlink: its text is the target.
                kind: if path.ends_with(".link") { FileKind::Symlink } else { FileKind::Regular },
                id: ContentId::of(&[b"memory", self.name.as_bytes(), path.as_bytes(), text.as_bytes()]),
                changed: asof::model::time::Timestamp::UNIX_EPOCH,
                links: links(path, text),
                access: Access::default(),
                content: Content::stream(Text {
                    text: text.clone(),
                    key: key(files),
                    reads: self.reads.clone(),
                }),
            })
            .collect()
    }
}

#[async_trait]
impl Database for Memory {
    fn name(&self) -> &str {
        &self.name
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { working_set: self.history.has_live, ..Capabilities::default() }
    }

    fn history(&self) -> &History {
        &self.history
    }

    async fn files(&self, snapshot: &SnapshotId) -> Result<Arc<[FileEntry]>, SourceError> {
        let files = self.files.get(snapshot).ok_or_else(|| {
            SourceError::new(ErrorKind::Missing, "memory", format!("no snapshot {snapshot}"))
        })?;
        Ok(self.entries(files))
    }

    async fn live_files(&self) -> Result<Arc<[FileEntry]>, SourceError> {
        Ok(self.entries(&self.live))
    }
}

/// The key that a schema beside a table declares; none if there is no schema.
fn key(files: &Files) -> Option<Vec<String>> {
    let schema = files.get("schema.sql")?;
    Some(if schema.contains("PRIMARY KEY (`id`)") { vec!["id".to_owned()] } else { Vec::new() })
}

struct Text {
    text: String,
    key: Option<Vec<String>>,
    reads: Arc<AtomicUsize>,
}

#[async_trait]
impl Stream for Text {
    fn describe(&self) -> String {
        "a text in memory".into()
    }

    async fn key(&self) -> Result<Option<Vec<String>>, SourceError> {
        Ok(self.key.clone())
    }

    async fn read(&self, mut sink: Sink) -> Result<(), SourceError> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        if self.text == "broken" {
            return Err(SourceError::new(ErrorKind::Damaged, "memory", "broken on purpose"));
        }
        // The pieces are small, but never millions of them.
        for piece in self.text.as_bytes().chunks((self.text.len() >> 12).max(3)) {
            if sink.push(Bytes::copy_from_slice(piece)).await.is_err() {
                break;
            }
        }
        Ok(())
    }
}

/// A catalog with one source per given list of databases.
pub fn catalog(sources: Vec<Vec<Memory>>) -> Arc<Catalog> {
    let catalog = Catalog::new((0..sources.len()).map(|n| format!("memory {n}")), now);
    for (slot, databases) in sources.into_iter().enumerate() {
        show(&catalog, slot, databases);
    }
    Arc::new(catalog)
}

/// Replaces what the source in `slot` shows.
pub fn show(catalog: &Catalog, slot: usize, databases: Vec<Memory>) {
    let databases = databases.into_iter().map(|d| Arc::new(d) as Arc<dyn Database>).collect();
    catalog.update(slot, databases);
}

/// 2026-01-10T00:00:00Z: the `now` of these tests.
pub const NOW: i64 = 1_768_003_200;

fn now() -> Timestamp {
    Timestamp::from_second(NOW).expect("a time within jiff's range")
}

/// A tree over `catalog` whose clock stands still at [`NOW`].
pub fn tree(catalog: Arc<Catalog>) -> Vfs {
    tree_with_cache(catalog, 1 << 20)
}

/// Like [`tree`], with another cache size.
pub fn tree_with_cache(catalog: Arc<Catalog>, cache_size: u64) -> Vfs {
    Vfs::new(catalog, Engine::new(cache_size), Arc::default(), TimeZone::UTC, now)
}
