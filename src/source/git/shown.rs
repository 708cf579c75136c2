//! What blobs are shown as beside their bytes, and what is remembered of that.

use std::io;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, OnceLock};

use gix::ObjectId;

use super::blob::GitBlob;
use super::objects::Objects;
use crate::content::SourceError;
use crate::format::beside::{LARGEST_BLOB, files_beside};
use crate::format::blob::{Blob, Spools};
use crate::format::export::is_whole;
use crate::format::input::{FormatContext, FormatInput};
use crate::format::shown::{FileGroup, ShownFile};
use crate::format::{FileFormat, Format};
use crate::memory::Recent;
use crate::util::locks::lock;

/// What SQLite adds to the name of a database for the files beside it.
pub(super) const BESIDE: [&[u8]; 2] = [b"-wal", b"-journal"];

/// To how many bytes a packed blob may unpack while a commit is listed.
const MOST_UNPACKED: u64 = 512 << 20;

/// A blob costs at least this much.
const LEAST_COST: u64 = 1 << 20;

/// Of how many blobs it is remembered what they are shown as, and how many files these have.
const REMEMBERED_BLOBS: NonZeroUsize = NonZeroUsize::new(4096).expect("not zero");
const REMEMBERED_FILES: u64 = 200_000;

/// A blob with the files that SQLite left beside it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct BlobGroup {
    pub(super) path: Arc<str>,
    /// The object that is read, whatever it stands for.
    pub(super) id: ObjectId,
    /// The same of the files beside it, in the order of [`BESIDE`].
    pub(super) beside: [Option<ObjectId>; 2],
}

impl BlobGroup {
    /// The parts that they have in an identity.
    pub(super) fn ids(&self) -> [&[u8]; 3] {
        let [wal, journal] = self.beside.each_ref();
        [Some(&self.id), wal.as_ref(), journal.as_ref()].map(|id| id.map_or(&b""[..], |id| id.as_slice()))
    }
}

/// The part of an identity by which what stands for files that cannot be read gives way to them when they can.
pub(super) fn state_of(shown: &ShownFile) -> &'static [u8] {
    if shown.is_broken { b"broken" } else { b"whole" }
}

/// What a blob is shown as beside its bytes.
#[derive(Clone, Default)]
pub(super) struct FilesOfBlob {
    pub(super) files: Arc<[ShownFile]>,
    /// How many bytes were read and unpacked to find them.
    pub(super) cost: u64,
    /// Whether there is nothing that may be read another time.
    pub(super) is_whole: bool,
}

/// What blobs are shown as; the views of one database share it.
pub(super) struct ShownMemory {
    spools: Arc<Spools>,
    known: Mutex<Recent<BlobGroup, FilesOfBlob>>,
}

impl Default for ShownMemory {
    fn default() -> Self {
        Self { spools: Arc::default(), known: Mutex::new(Recent::of_at_most(REMEMBERED_BLOBS)) }
    }
}

impl ShownMemory {
    pub(super) fn blob(&self, objects: &Arc<Objects>, path: &Arc<str>, id: ObjectId) -> Arc<GitBlob> {
        let (objects, spools, path) = (Arc::clone(objects), Arc::clone(&self.spools), Arc::clone(path));
        Arc::new(GitBlob { objects, id, path, spools, len: OnceLock::new() })
    }

    pub(super) fn context(&self, objects: &Objects) -> FormatContext {
        FormatContext::new(&objects.label, &self.spools).for_proven_blobs(MOST_UNPACKED)
    }

    /// The same as the input of its format.
    pub(super) fn input<'c>(
        &self,
        context: &'c FormatContext,
        objects: &Arc<Objects>,
        group: &BlobGroup,
        format: FileFormat,
    ) -> FormatInput<'c> {
        let blob = |id: ObjectId| self.blob(objects, &group.path, id) as Arc<dyn Blob>;
        let beside = group.beside.map(|id| id.map(blob));
        FormatInput::new(context, blob(group.id), format.packing()).with_beside(beside)
    }

    /// The files beside a blob in the tree of a commit. Blocks.
    pub(super) fn files_beside(
        &self,
        objects: &Arc<Objects>,
        group: &BlobGroup,
        format: FileFormat,
    ) -> FilesOfBlob {
        if let Some(known) = lock(&self.known).get(group) {
            return known.clone();
        }
        let context = self.context(objects);
        let input = self.input(&context, objects, group, format);
        let mut blobs = std::iter::once(&input.blob).chain(input.beside.iter().flatten());
        let checked = blobs.try_for_each(|blob| check(&**blob));
        let is_sound = checked.is_ok();
        let found = match (format.format(), checked) {
            (None, _) => Vec::new(),
            (Some(format), Ok(())) => or_stand_in(format, &input, files_beside),
            (Some(format), Err(error)) => {
                or_stand_in(format, &input, |_, input| Err(input.fail("read", error)))
            }
        };
        let is_whole = is_sound && !found.iter().any(|file| file.content.is_stand_in());
        let cost = input.blob.len().max(LEAST_COST) + context.unpacked();
        let found = FilesOfBlob { files: found.into(), cost, is_whole };
        if is_whole {
            let mut known = lock(&self.known);
            known.put(group.clone(), found.clone(), found.files.len() as u64);
            known.shrink_to(REMEMBERED_FILES);
        }
        found
    }
}

/// Checks that the bytes of a blob are those that its hash names. Then what is wrong with its files is wrong in every
/// reading; otherwise a fetch may bring the right bytes.
fn check(blob: &dyn Blob) -> io::Result<()> {
    if blob.len() <= LARGEST_BLOB {
        io::copy(&mut blob.read()?, &mut io::sink())?;
    }
    Ok(())
}

/// The files that `find` finds; where it fails, one that says why.
pub(super) fn or_stand_in(
    format: &'static dyn Format,
    input: &FormatInput<'_>,
    find: impl FnOnce(&'static dyn Format, &FormatInput<'_>) -> Result<Vec<ShownFile>, SourceError>,
) -> Vec<ShownFile> {
    find(format, input).unwrap_or_else(|error| {
        let place = format.stand_in().unwrap_or((FileGroup::Members, ""));
        vec![ShownFile::broken(place, format!("what is in {}", input.blob.describe()), &error)]
    })
}

/// Whether all bytes of an export are its rows; `None` if it cannot be read. Blocks.
pub(super) fn is_whole_export(blob: &GitBlob) -> Option<bool> {
    blob.known_len()?;
    is_whole(blob).ok()
}
