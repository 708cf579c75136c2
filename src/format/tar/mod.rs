//! tar archives, plain or packed, as folders of their members.
//!
//! One pass over the archive notes where each member is. In a plain `.tar` it goes from header to header, and a member
//! is read from its place. A packed archive is unpacked to its end, which proves all of it. The pass notes the checksum
//! of each member, which proves the member when it is read again; that costs unpacking all before it.

use std::io;
use std::sync::{Arc, OnceLock};

use super::api::Format;
use super::blob::{Blob, io_kind};
use super::error::FormatError;
use super::flaw::{Flaw, Weight};
use super::hasher::sha256_of;
use super::head::head;
use super::input::{FormatContext, FormatInput};
use super::packed::Packing;
use super::pg_dump::{self, PG_DUMP};
use super::raw::Raw;
use super::shown::{FileGroup, Fingerprint, ShownFile};
use crate::content::{Content, ErrorKind, FileKind, SourceError};
use crate::model::content_id::ContentId;

mod forward;
mod header;
mod index;
mod member;
mod pax;
mod sparse;
mod walk;

use header::{BLOCK, TarBlock};
use index::TarIndex;
use member::{TarBlob, TarMember};

/// Stands for the members after damage. No member is shown under this name: a `%` in a name is escaped.
const DAMAGED: &str = "%damaged";

/// How many of the members that are left out the check names.
const MOST_NOTES: usize = 20;

pub(crate) static TAR: &dyn Format = &Tar;

struct Tar;

impl Format for Tar {
    fn endings(&self) -> &'static [&'static str] {
        &["tar"]
    }

    fn shows_unpacked(&self) -> bool {
        false
    }

    fn head_test(&self) -> Option<fn(&[u8]) -> bool> {
        Some(|head| begins_with_header(head) || pg_dump::is_archive(head))
    }

    fn files(&self, input: &FormatInput<'_>) -> Result<Vec<ShownFile>, SourceError> {
        let tar = TarArchive::open(input.context, &input.blob, input.packing)?;
        for left_out in tar.left_out() {
            let name = String::from_utf8_lossy(&left_out.name).escape_debug().to_string();
            tracing::info!("{}: {name} is left out: {}", input.blob.describe(), left_out.reason);
        }
        let mut files = tar.files();
        if let Some(error) = tar.damage() {
            let path = if files.is_empty() { "" } else { DAMAGED };
            let what = format!("what is in {}", input.blob.describe());
            files.push(ShownFile::broken((FileGroup::Members, path), what, &error));
        }
        Ok(files)
    }

    fn stand_in(&self) -> Option<(FileGroup, &'static str)> {
        Some((FileGroup::Members, ""))
    }

    /// Users of pgAdmin name dumps in the custom format `.tar`.
    fn in_truth(&self, input: &FormatInput<'_>) -> Option<&'static dyn Format> {
        input.head().is_ok_and(pg_dump::is_archive).then_some(PG_DUMP)
    }

    fn check(&self, input: &FormatInput<'_>) -> Option<Vec<Flaw>> {
        let tar = TarArchive::open(input.context, &input.blob, input.packing).ok()?;
        let doubts = tar.doubts().iter().map(|doubt| Flaw::new(Weight::Unchecked, *doubt));
        let left_out = tar.left_out().iter().map(|left_out| {
            let problem = match &*left_out.name {
                b"" => left_out.reason.to_owned(),
                name => format!("{} is left out: {}", name.escape_ascii(), left_out.reason),
            };
            Flaw::new(Weight::Note, problem)
        });
        Some(doubts.chain(left_out.take(MOST_NOTES)).collect())
    }

    fn counted_as(&self) -> Option<&'static str> {
        Some("tar")
    }
}

/// A member that is not shown, with the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LeftOutMember {
    /// Its name as the archive has it; empty for what is no member.
    pub(crate) name: Vec<u8>,
    pub(crate) reason: &'static str,
}

/// One tar archive, whose members were found.
pub(crate) struct TarArchive {
    label: Arc<str>,
    archive: Arc<TarBlob>,
    index: TarIndex,
}

impl TarArchive {
    /// Finds the members: reads the headers of a plain archive, all of a packed one. The first bytes say how it is
    /// packed, or else its name. Damage before the end of the first member, or anywhere in the packed bytes, is an
    /// error. Blocks.
    pub(crate) fn open(
        context: &FormatContext,
        blob: &Arc<dyn Blob>,
        packing: Packing,
    ) -> Result<Self, SourceError> {
        let what = blob.describe();
        let fail = |error: FormatError| {
            // A file that is being written looks damaged: report that it changed instead.
            let error = blob.check().err().map_or(error, FormatError::from);
            error.at(&context.label, format!("cannot list the archive {what}"), &what)
        };
        let packing = real_packing(&**blob, packing).map_err(|error| fail(error.into()))?;
        let (blob, spools) = (Arc::clone(blob), Arc::clone(&context.spools));
        let archive = Arc::new(TarBlob { blob, packing, spools, len: OnceLock::new() });
        let index = TarIndex::read(context, &archive).map_err(fail)?;
        Ok(Self { label: Arc::clone(&context.label), archive, index })
    }

    /// What is wrong after the last member that is shown. The members before the damage are intact.
    pub(crate) fn damage(&self) -> Option<SourceError> {
        let what = self.archive.blob.describe();
        let problem = FormatError::Damaged(self.index.damage.clone()?);
        Some(problem.at(&self.label, format!("cannot list all of the archive {what}"), &what))
    }

    /// Why it is not certain that the archive is whole.
    pub(crate) fn doubts(&self) -> &[&'static str] {
        &self.index.doubts
    }

    /// The files it is shown as, sorted by path. Reads nothing.
    pub(crate) fn files(&self) -> Vec<ShownFile> {
        let file = |(path, kind, member): (Arc<str>, FileKind, Arc<TarMember>)| {
            let content = Content::stream(Raw { label: Arc::clone(&self.label), blob: member.clone() });
            let fingerprint: Option<Arc<dyn Fingerprint>> = Some(Arc::new(TarFingerprint { kind, member }));
            ShownFile { kind, fingerprint, ..ShownFile::of_blob(FileGroup::Members, path, content) }
        };
        self.members().map(file).collect()
    }

    /// The same members as blobs, for a caller that reads a format within them.
    pub(crate) fn members(&self) -> impl Iterator<Item = (Arc<str>, FileKind, Arc<TarMember>)> {
        self.index.members.iter().map(|indexed| {
            let member = TarMember { archive: Arc::clone(&self.archive), data: indexed.data.clone() };
            (Arc::clone(&indexed.path), indexed.kind, Arc::new(member))
        })
    }

    /// What is not shown, in the order of the archive.
    pub(crate) fn left_out(&self) -> &[LeftOutMember] {
        &self.index.left_out
    }
}

/// How an archive is packed, by its first bytes: names are wrong at times, and tar ignores them.
fn real_packing(blob: &dyn Blob, named: Packing) -> io::Result<Packing> {
    let head = head(blob.read()?)?;
    if begins_with_header(&head) { Ok(Packing::Plain) } else { Ok(Packing::of_head(&head)?.unwrap_or(named)) }
}

/// Whether bytes begin with the header of a member.
fn begins_with_header(head: &[u8]) -> bool {
    head.get(..BLOCK).is_some_and(|block| matches!(TarBlock::of(block), TarBlock::Header(_)))
}

/// What decides the bytes of a member; of a symbolic link, its target.
struct TarFingerprint {
    kind: FileKind,
    member: Arc<TarMember>,
}

impl Fingerprint for TarFingerprint {
    fn likeness(&self) -> ContentId {
        let kind = match self.kind {
            FileKind::Regular => b"file",
            FileKind::Executable => b"exec",
            FileKind::Symlink => b"link",
        };
        let sha256 = self.member.data.sha256();
        let sha256 = sha256.as_ref().map_or(&[][..], |sha256| sha256);
        ContentId::of(&[b"tar member", kind, &self.member.len().to_le_bytes(), sha256])
    }

    fn offset(&self) -> u64 {
        self.member.data.offset()
    }

    /// The digest of the member's own bytes. In a packed archive it is known already.
    fn digest(&self) -> Result<[u8; 32], ErrorKind> {
        if let Some(sha256) = self.member.data.sha256() {
            return Ok(sha256);
        }
        let digest = self.member.read().and_then(|bytes| sha256_of(bytes, &mut |_| {}));
        digest.map_err(|error| io_kind(&error))
    }
}
