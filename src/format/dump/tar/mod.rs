//! tar archives, plain or packed, as folders of their members.
//!
//! One pass over the archive notes where each member lies. In a plain `.tar` it goes from header to header, and a
//! member is read from its place. A packed one is unpacked to its end, which proves all of it; the checksums of the
//! members that are noted on the way prove each one when it is read again, which costs unpacking all that is before
//! it.

use std::io;
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;

use super::error::DumpError;
use super::packed::Packing;
use super::{DumpContent, DumpFile, Hasher};
use crate::content::{FileKind, Sink, SourceError, Stream};
use crate::format::blob::{Spools, Stored};
use crate::format::form::{Raw, head};
use crate::model::content_id::ContentId;

mod forward;
mod header;
mod index;
mod member;
mod pax;
pub(super) mod probe;
mod sparse;
mod walk;

use header::{BLOCK, Block};
use index::Index;
use member::{Archive, Member};

/// A member that is not shown, with the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LeftOut {
    /// Its name as the archive has it; empty for what is no member.
    pub(crate) name: Vec<u8>,
    /// Why it is not shown.
    pub(crate) reason: &'static str,
}

/// One tar archive, its members found.
pub(crate) struct TarArchive {
    label: Arc<str>,
    archive: Arc<Archive>,
    index: Index,
}

impl TarArchive {
    /// Finds the members: reads the headers of a plain archive, all of a packed one. How it is packed is what its first
    /// bytes say, or else its name. Blocks.
    ///
    /// # Errors
    /// Where it cannot be read, is no tar archive, or is damaged before the end of its first member; where what it is
    /// packed with is damaged.
    pub(crate) fn open(
        label: &Arc<str>,
        stored: Arc<dyn Stored>,
        packing: Packing,
        spools: &Arc<Spools>,
    ) -> Result<Self, SourceError> {
        let fail = |stored: &dyn Stored, error: DumpError| {
            let what = stored.describe();
            // What is being written looks damaged: that it changed is the better answer.
            let error = stored.check().err().map_or(error, DumpError::from);
            error.at(label, format!("cannot list the archive {what}"), &what)
        };
        let packing = real_packing(&*stored, packing).map_err(|error| fail(&*stored, error.into()))?;
        let archive = Arc::new(Archive { stored, packing, spools: Arc::clone(spools), len: OnceLock::new() });
        let index = Index::read(&archive).map_err(|error| fail(&*archive.stored, error))?;
        Ok(Self { label: Arc::clone(label), archive, index })
    }

    /// What is wrong behind the last member that is shown. Those before it are what they were.
    pub(crate) fn damage(&self) -> Option<SourceError> {
        let what = self.archive.stored.describe();
        let problem = DumpError::Damaged(self.index.damage.clone()?);
        Some(problem.at(&self.label, format!("cannot list all of the archive {what}"), &what))
    }

    /// What keeps it from being known to be whole.
    pub(crate) fn doubts(&self) -> &[&'static str] {
        &self.index.doubts
    }

    /// The files it is shown as, sorted by path. Reads nothing.
    pub(crate) fn files(&self) -> Vec<DumpFile> {
        let file = |(path, kind, stored): (Arc<str>, FileKind, Arc<Member>)| {
            let label = Arc::clone(&self.label);
            DumpFile { path, kind, content: Arc::new(TarContent { label, kind, stored }) }
        };
        self.members().map(file).collect()
    }

    /// The same members as pieces of bytes, for what reads a format within them.
    pub(crate) fn members(&self) -> impl Iterator<Item = (Arc<str>, FileKind, Arc<Member>)> {
        self.index.members.iter().map(|indexed| {
            let member = Member { archive: Arc::clone(&self.archive), data: indexed.data.clone() };
            (Arc::clone(&indexed.path), indexed.kind, Arc::new(member))
        })
    }

    /// What is not shown, in the order of the archive.
    pub(crate) fn left_out(&self) -> &[LeftOut] {
        &self.index.left_out
    }
}

/// How an archive is packed, by what it begins with: names are wrong at times, and tar does not ask them.
fn real_packing(stored: &dyn Stored, named: Packing) -> io::Result<Packing> {
    let head = head(stored.read()?)?;
    if head.get(..BLOCK).is_some_and(|block| matches!(Block::of(block), Block::Header(_))) {
        return Ok(Packing::Plain);
    }
    Ok(Packing::of_head(&head)?.unwrap_or(named))
}

/// The bytes of a member; of a symbolic link, its target.
struct TarContent {
    label: Arc<str>,
    kind: FileKind,
    stored: Arc<Member>,
}

#[async_trait]
impl Stream for TarContent {
    fn stated_len(&self) -> Option<u64> {
        Some(self.stored.len())
    }

    fn describe(&self) -> String {
        self.stored.describe()
    }

    async fn read(&self, sink: Sink) -> Result<(), SourceError> {
        let (label, stored) = (Arc::clone(&self.label), Arc::clone(&self.stored));
        Raw { label, stored }.read(sink).await
    }
}

impl DumpContent for TarContent {
    fn likeness(&self) -> ContentId {
        let kind = match self.kind {
            FileKind::Regular => b"file",
            FileKind::Executable => b"exec",
            FileKind::Symlink => b"link",
        };
        let sha256 = self.stored.data.sha256();
        let sha256 = sha256.as_ref().map_or(&[][..], |sha256| sha256);
        ContentId::of(&[b"tar member", kind, &self.stored.len().to_le_bytes(), sha256])
    }

    fn place(&self) -> u64 {
        self.stored.data.offset()
    }

    /// That of the member's own bytes. In a packed archive it is known already.
    fn digest(&self) -> io::Result<[u8; 32]> {
        match self.stored.data.sha256() {
            Some(sha256) => Ok(sha256),
            None => {
                let mut hash = Hasher::plain();
                io::copy(&mut self.stored.read()?, &mut hash)?;
                Ok(hash.digest())
            }
        }
    }
}
