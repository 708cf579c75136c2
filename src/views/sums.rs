//! `sums/<name>.sha256`: the output of `sha256sum` for all files of a snapshot.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use data_encoding::HEXLOWER;

use super::derived::{access_of_all, entry};
use super::error::ViewError;
use super::view::{Item, ListedFile, ListedItem, Ttl, View, ViewFolder, ViewRequest};
use crate::catalog::{Database, Snapshot, SnapshotOrLive};
use crate::content::{Content, FileEntry, FileKind, Sink, SourceError, Stream};
use crate::engine::Engine;
use crate::model::access::Audience;
use crate::model::content_id::ContentId;

const ENDING: &str = ".sha256";

/// The hex digits of a SHA-256, and the two blanks after them.
const HASH: usize = 64 + 2;

pub(super) struct SumsView;

#[async_trait]
impl View for SumsView {
    fn name(&self) -> &'static str {
        "sums"
    }

    async fn list(&self, request: ViewRequest<'_>) -> Result<Vec<ListedItem>, ViewError> {
        let database = request.database;
        let item = |snapshot: &Snapshot| {
            let file = ListedFile { id: id_of(database, snapshot), kind: FileKind::Regular };
            (format!("{}{ENDING}", snapshot.name).into(), Item::File(file))
        };
        Ok(database.snapshots().iter().map(item).collect())
    }

    async fn lookup(&self, request: ViewRequest<'_>, name: &str) -> Result<Item, ViewError> {
        let database = request.database;
        let snapshot = name.strip_suffix(ENDING).and_then(|name| database.snapshot(name));
        let snapshot = snapshot.ok_or(ViewError::NotFound)?;
        let (folder, changed) = (format!("asof/{}", snapshot.name), snapshot.meta.time);
        let of = SnapshotOrLive::Snapshot(snapshot.key.clone());
        let files = match request.context.files(database, &of).await {
            Ok(files) => Ok(files),
            // Its name stays listed, and reading it reports the reason. Who may read its files is not known.
            Err(ViewError::Source(why)) => Err(why),
            Err(error) => return Err(error),
        };
        let access = files.as_ref().map(|all| access_of_all(&**all).without_values());
        let access = access.unwrap_or(Audience::Owner.into());
        let content = SumsContent { engine: Arc::clone(&request.context.engine), folder, files };
        let id = id_of(database, snapshot);
        Ok(Item::File(entry(name.into(), id, changed, access, Content::stream(content))))
    }

    fn ttl(&self, _folder: &ViewFolder, _item: &Item) -> Ttl {
        Ttl::Short
    }
}

/// The content id of a snapshot's checksums, which is known without its files.
fn id_of(database: &Database, snapshot: &Snapshot) -> ContentId {
    ContentId::of(&[b"sums", snapshot.key.identity(&database.name, "").as_bytes()])
}

struct SumsContent {
    engine: Arc<Engine>,
    folder: String,
    files: Result<Arc<[FileEntry]>, Arc<SourceError>>,
}

impl SumsContent {
    /// The files except symlinks: `sha256sum` would follow them anywhere.
    fn regular(&self) -> impl Iterator<Item = &FileEntry> {
        let files = self.files.iter().flat_map(|files| files.iter());
        files.filter(|file| file.kind != FileKind::Symlink)
    }

    /// The name in a file's line, and whether the line starts with a backslash: coreutils then doubles each backslash
    /// in the name. (A path has no control characters.)
    fn name(&self, file: &FileEntry) -> (bool, String) {
        let name = format!("{}/{}", self.folder, file.path);
        (name.contains('\\'), name.replace('\\', "\\\\"))
    }
}

#[async_trait]
impl Stream for SumsContent {
    fn stated_len(&self) -> Option<u64> {
        let line = |file| {
            let (is_escaped, name) = self.name(file);
            (usize::from(is_escaped) + HASH + name.len() + 1) as u64
        };
        self.files.is_ok().then(|| self.regular().map(line).sum())
    }

    fn describe(&self) -> String {
        format!("the checksums of {}", self.folder)
    }

    async fn read(&self, mut sink: Sink) -> Result<(), SourceError> {
        let failed = |what: &str, why: &Arc<SourceError>| {
            let made = SourceError::new(why.kind, why.source_label.clone(), format!("cannot hash {what}"));
            made.because(why.chain())
        };
        if let Err(why) = &self.files {
            return Err(failed(&format!("the files of {}", self.folder), why));
        }
        for file in self.regular() {
            let digest = self.engine.digest(file.id, &file.content).await;
            let digest = digest.map_err(|why| failed(&file.path, &why))?;
            let (is_escaped, name) = self.name(file);
            let hash = HEXLOWER.encode(&digest.sha256);
            let line = format!("{}{hash}  {name}\n", if is_escaped { "\\" } else { "" });
            if sink.push(Bytes::from(line)).await.is_err() {
                return Ok(());
            }
        }
        Ok(())
    }
}
