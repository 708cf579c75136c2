//! `sums/<name>.sha256`: what `sha256sum` would say of every file of a snapshot.

use std::sync::Arc;

use crate::model::time::Timestamp;
use async_trait::async_trait;
use bytes::Bytes;
use data_encoding::HEXLOWER;

use super::files::entry;
use crate::content::{Content, FileEntry, FileKind, Sink, SourceError, Stream};
use crate::engine::Engine;
use crate::model::access::{Access, Audience};
use crate::model::content_id::ContentId;

/// The path of the file by itself, which does not count.
const SUMS: &str = "sums";

/// Hex digits of a SHA-256, and the two blanks behind them.
const HASH: usize = 64 + 2;

/// The checksums of `files`, which lie in `folder` below the one in which `sha256sum -c` is to be run. `id` names the
/// snapshot.
pub fn sums(
    engine: &Arc<Engine>,
    id: ContentId,
    folder: String,
    files: Arc<[FileEntry]>,
    changed: Timestamp,
) -> FileEntry {
    let access = files.iter().map(|file| file.access).fold(Access::default(), Access::and).without_values();
    let content = Sums { engine: Arc::clone(engine), folder, files };
    entry(SUMS.into(), sums_id(id), changed, access, Content::stream(content))
}

/// The same for a snapshot whose files cannot be listed: reading it says why. Its name stays listed.
pub fn no_sums(id: ContentId, folder: String, changed: Timestamp, why: Arc<SourceError>) -> FileEntry {
    // Whom its files would let in is not known.
    entry(SUMS.into(), sums_id(id), changed, Audience::Owner.into(), Content::stream(NoSums { folder, why }))
}

/// The id of the checksums of a snapshot.
fn sums_id(snapshot: ContentId) -> ContentId {
    ContentId::of(&[b"sums", snapshot.as_bytes()])
}

struct NoSums {
    folder: String,
    why: Arc<SourceError>,
}

#[async_trait]
impl Stream for NoSums {
    fn describe(&self) -> String {
        format!("the checksums of {}", self.folder)
    }

    async fn read(&self, _sink: Sink) -> Result<(), SourceError> {
        let operation = format!("cannot hash the files of {}", self.folder);
        Err(SourceError::new(self.why.kind, self.why.source_label.clone(), operation)
            .because(self.why.chain()))
    }
}

struct Sums {
    engine: Arc<Engine>,
    folder: String,
    files: Arc<[FileEntry]>,
}

impl Sums {
    /// The files that have bytes of their own; `sha256sum` follows symlinks, which may lead anywhere.
    fn regular(&self) -> impl Iterator<Item = &FileEntry> {
        self.files.iter().filter(|file| file.kind != FileKind::Symlink)
    }

    /// The end of a file's line, and whether the line begins with a backslash: as coreutils has it, a name with one has
    /// it doubled. (Control characters cannot be in a path.)
    fn name(&self, file: &FileEntry) -> (bool, String) {
        let name = format!("{}/{}", self.folder, file.path);
        match name.contains('\\') {
            true => (true, name.replace('\\', "\\\\")),
            false => (false, name),
        }
    }
}

#[async_trait]
impl Stream for Sums {
    fn stated_len(&self) -> Option<u64> {
        let line = |file| {
            let (is_escaped, name) = self.name(file);
            (usize::from(is_escaped) + HASH + name.len() + 1) as u64
        };
        Some(self.regular().map(line).sum())
    }

    fn describe(&self) -> String {
        format!("the checksums of {}", self.folder)
    }

    async fn read(&self, mut sink: Sink) -> Result<(), SourceError> {
        for file in self.regular() {
            let digest = self.engine.digest(file.id, &file.content).await.map_err(|error| {
                SourceError::new(error.kind, error.source_label.clone(), format!("cannot hash {}", file.path))
                    .because(error.chain())
            })?;
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
