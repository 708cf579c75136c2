//! What is within the files of a snapshot: the tables of SQLite databases, and the bytes of an export beside its rows.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use super::{Found, View};
use crate::content::{Content, FileEntry, FileKind};
use crate::format::blob::Stored;
use crate::format::form::{LARGEST_DATABASE, RAW_EXPORT, TableFile, folder_beside, is_free};
use crate::format::sqlite::is_database_name;
use crate::model::content_id::ContentId;
use crate::source::git::blob::{Blob, BlobContent};
use crate::source::git::changes::Index;
use crate::source::git::tables::{BESIDE, DatabaseBlobs, is_lines};
use crate::source::git::tree::Entry;
use crate::util::locks::lock;

/// How many bytes of databases are unpacked for one listing at most. A small tree can name one blob many times.
const MOST_UNPACKED: u64 = 1 << 30;

/// A database counts as at least this many bytes.
const LEAST_COST: u64 = 1 << 20;

/// A database, with what lies beside it.
struct Parts<'f> {
    file: &'f Found,
    beside: [Option<Entry>; 2],
}

impl View {
    /// The tables of the databases among the files of a snapshot, and whether all of these could be read. Blocks.
    pub(super) fn tables(&self, index: Index, found: &[Found]) -> (Vec<FileEntry>, bool) {
        let (mut shown, mut is_whole, mut unpacked) = (Vec::new(), true, 0);
        let is_file = |file: &&Found| file.entry.file_kind().is_some_and(|kind| kind != FileKind::Symlink);
        let mut databases =
            found.iter().filter(|file| is_database_name(&file.path)).filter(is_file).peekable();
        if databases.peek().is_none() {
            return (shown, is_whole);
        }
        let taken: BTreeSet<&str> = found.iter().map(|file| &*file.path).collect();
        for file in databases {
            let Some(folder) = folder_beside(&file.path).filter(|folder| is_free(&taken, folder)) else {
                continue;
            };
            let blob = self.blob(&file.path, self.objects.effective(file.entry.id));
            unpacked += blob.len().max(LEAST_COST);
            if unpacked > MOST_UNPACKED {
                let source = &**self.objects.label();
                tracing::info!(source, "the tables of some databases are not shown: there are too many");
                break;
            }
            let parts = Parts { file, beside: BESIDE.map(|end| beside(found, file, end)) };
            let blobs = DatabaseBlobs {
                database: blob,
                beside: parts
                    .beside
                    .map(|entry| Some(self.blob(&file.path, self.objects.effective(entry?.id)))),
            };
            for table in blobs.tables(1..=LARGEST_DATABASE, &self.shared.spools) {
                is_whole &= !table.is_broken;
                shown.push(self.derived(index, &parts, &folder, table));
            }
        }
        (shown, is_whole)
    }

    /// A file that the blobs of a database make: the same since the commit that changed one of them last.
    fn derived(&self, index: Index, parts: &Parts<'_>, folder: &str, table: TableFile) -> FileEntry {
        let own = &parts.file.own;
        let [wal, journal] = BESIDE.map(|end| [own, end].concat());
        let origin = self.origin(&[own, &wal, &journal], index);
        let begin = &self.nodes[origin.index as usize];
        let at = self.location.path.join(&b'/');
        let ids = [Some(parts.file.entry), parts.beside[0], parts.beside[1]];
        let ids = ids.map(|entry| entry.map(|entry| self.objects.effective(entry.id)));
        let bytes = |at: usize| ids[at].as_ref().map_or(&b""[..], |id| id.as_slice());
        // What stands for tables that cannot be read gives way to them when they can.
        let state: &[u8] = if table.is_broken { b"broken" } else { b"whole" };
        let name = table.name.as_bytes();
        let fixed: [&[u8]; 5] = [b"git-tables", &at, own, name, state];
        let id =
            ContentId::of(&[&fixed[..], &[bytes(0), bytes(1), bytes(2), begin.commit.as_slice()]].concat());
        FileEntry {
            path: format!("{folder}/{}", table.name).into(),
            kind: FileKind::Regular,
            id,
            changed: begin.time,
            links: origin.links,
            access: self.objects.audience().into(),
            content: table.content,
        }
    }

    /// The bytes of an export beside its rows, where it is no JSONL; and whether that could be told. Blocks.
    pub(super) fn raw_export(&self, index: Index, file: &Found) -> (Option<FileEntry>, bool) {
        let id = self.objects.effective(file.entry.id);
        let blob = self.blob(&file.path, id);
        let known = lock(&self.shared.is_lines).get(&id).copied();
        let is_lines = known.or_else(|| {
            let is_lines = is_lines(&blob)?;
            lock(&self.shared.is_lines).put(id, is_lines);
            Some(is_lines)
        });
        // Of what cannot be read, both say why: a folder that lacked one would look as if it had been deleted.
        if is_lines == Some(true) {
            return (None, true);
        }
        let origin = self.origin(&[&file.own], index);
        let begin = &self.nodes[origin.index as usize];
        let entry = FileEntry {
            path: RAW_EXPORT.into(),
            kind: FileKind::Regular,
            id: self.identity(b"export", &file.own, FileKind::Regular, id, &begin.commit),
            changed: begin.time,
            links: origin.links,
            access: self.objects.audience().into(),
            content: Content::stream(BlobContent::new(blob)),
        };
        (Some(entry), is_lines.is_some())
    }

    pub(super) fn blob(&self, path: &Arc<str>, id: gix::ObjectId) -> Arc<Blob> {
        let (objects, spools) = (Arc::clone(&self.objects), Arc::clone(&self.shared.spools));
        Arc::new(Blob { objects, id, path: Arc::clone(path), spools, len: OnceLock::new() })
    }
}

/// The file whose name is that of a database and `end`. `found` is sorted by git's own path.
fn beside(found: &[Found], file: &Found, end: &[u8]) -> Option<Entry> {
    let own = [&file.own, end].concat();
    let at = found.binary_search_by(|known| known.own.cmp(&own)).ok()?;
    let entry = found[at].entry;
    entry.file_kind().filter(|kind| *kind != FileKind::Symlink).map(|_| entry)
}
