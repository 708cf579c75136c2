//! What is in the files of a snapshot: tables, members, unpacked bytes; and the bytes of an export beside its rows.

use std::collections::BTreeSet;
use std::sync::Arc;

use gix::ObjectId;

use super::{GitView, SnapshotFile};
use crate::content::{Content, FileEntry, FileKind};
use crate::format::FileFormat;
use crate::format::beside::{may_have_files, path_beside};
use crate::format::export::RAW_EXPORT;
use crate::format::shown::{FileGroup, ShownFile};
use crate::model::content_id::ContentId;
use crate::source::git::blob::{BlobContent, GitBlob};
use crate::source::git::changes::SnapshotIndex;
use crate::source::git::shown::{BESIDE, BlobGroup, is_whole_export, state_of};
use crate::util::locks::lock;

/// How many bytes of blobs are read and unpacked for one listing at most. A small tree can name one blob many times.
const MOST_READ: u64 = 1 << 30;

/// How many files within the files of one snapshot are shown.
const MOST_FILES: usize = 1_000_000;

impl GitView {
    /// The files in the files of a snapshot, and whether all of these could be read. Blocks.
    pub(super) fn files_in_blobs(
        &self,
        index: SnapshotIndex,
        found: &[SnapshotFile],
    ) -> (Vec<FileEntry>, bool) {
        let mut candidates = found.iter().filter_map(candidate).peekable();
        let (mut shown, mut is_whole, mut cost) = (Vec::new(), true, 0);
        if candidates.peek().is_none() {
            return (shown, is_whole);
        }
        let taken: BTreeSet<&str> = found.iter().map(|file| &*file.path).collect();
        for (file, stem, format) in candidates {
            let group = self.blob_group(found, file);
            let files = self.shared.shown.files_beside(&self.objects, &group, format);
            cost += files.cost;
            if cost > MOST_READ || shown.len() + files.files.len() > MOST_FILES {
                let source = &*self.objects.label;
                tracing::info!(source, "what is in some files is not shown: there is too much");
                break;
            }
            is_whole &= files.is_whole;
            let placed = files.files.iter().filter_map(|shown| {
                let path = path_beside(&file.path, stem, shown, &taken)?;
                Some(self.derived(index, file, &group, (path, shown)))
            });
            shown.extend(placed);
        }
        (shown, is_whole)
    }

    /// A file with what SQLite left beside it.
    fn blob_group(&self, found: &[SnapshotFile], file: &SnapshotFile) -> BlobGroup {
        let beside = BESIDE.map(|end| Some(self.objects.effective(beside(found, file, end)?)));
        BlobGroup { path: Arc::clone(&file.path), id: self.objects.effective(file.entry.id), beside }
    }

    /// A file of a blob: the same since the last commit that changed the blob, or a file that SQLite left beside it.
    fn derived(
        &self,
        index: SnapshotIndex,
        file: &SnapshotFile,
        group: &BlobGroup,
        (path, shown): (String, &ShownFile),
    ) -> FileEntry {
        let own = &file.own;
        let [wal, journal] = BESIDE.map(|end| [own, end].concat());
        let kind: &[u8] = match shown.group {
            FileGroup::Tables => b"git-tables",
            FileGroup::Members => b"git-members",
            FileGroup::Unpacked => b"git-unpacked",
        };
        let at = self.location.path.join(&b'/');
        let fixed: [&[u8]; 5] = [kind, &at, own, shown.path.as_bytes(), state_of(shown)];
        let id = |begin: &ObjectId| ContentId::of(&[&fixed[..], &group.ids(), &[begin.as_slice()]].concat());
        let shown = (path.into(), shown.kind, shown.content.clone());
        self.entry(index, &[own, &wal, &journal], shown, id)
    }

    /// The bytes of an export beside its rows, where they are not the same; and whether that could be told. Blocks.
    pub(super) fn raw_export(&self, index: SnapshotIndex, file: &SnapshotFile) -> (Option<FileEntry>, bool) {
        let id = self.objects.effective(file.entry.id);
        let blob = self.blob(&file.path, id);
        let known = lock(&self.shared.is_whole_export).get(&id).copied();
        let is_whole = known.or_else(|| {
            let is_whole = is_whole_export(&blob)?;
            lock(&self.shared.is_whole_export).put(id, is_whole);
            Some(is_whole)
        });
        // Of what cannot be read, both say why: a folder that lacked one would look as if it had been deleted.
        if is_whole == Some(true) {
            return (None, true);
        }
        let kind = FileKind::Regular;
        let shown = (RAW_EXPORT.into(), kind, Content::stream(BlobContent::new(blob)));
        let identity = |begin: &ObjectId| self.identity(b"export", &file.own, kind, id, begin);
        (Some(self.entry(index, &[&file.own], shown, identity)), is_whole.is_some())
    }

    pub(super) fn blob(&self, path: &Arc<str>, id: ObjectId) -> Arc<GitBlob> {
        self.shared.shown.blob(&self.objects, path, id)
    }
}

/// A file that may have others in it, by its name.
fn candidate(file: &SnapshotFile) -> Option<(&SnapshotFile, &str, FileFormat)> {
    let name = file.path.rsplit('/').next().unwrap_or(&file.path);
    let (stem, format) = FileFormat::of_name(name)?;
    let may_have_files = may_have_files(format.format()?, format.packing());
    (is_file(file) && may_have_files).then_some((file, stem, format))
}

fn is_file(file: &SnapshotFile) -> bool {
    file.entry.file_kind().is_some_and(|kind| kind != FileKind::Symlink)
}

/// The object of the file whose name is that of a database and `end`. `found` is sorted by git's own path.
fn beside(found: &[SnapshotFile], file: &SnapshotFile, end: &[u8]) -> Option<ObjectId> {
    let own = [&file.own, end].concat();
    let at = found.binary_search_by(|known| known.own.cmp(&own)).ok()?;
    is_file(&found[at]).then(|| found[at].entry.id)
}
