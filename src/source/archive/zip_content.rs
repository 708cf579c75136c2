//! The bytes of one zip member.

use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use zip::CompressionMethod;
use zip::result::ZipError;

use super::zip_directory::ZipDirectory;
use super::zip_problem::zip_error;
use crate::model::content_id::ContentId;
use crate::model::terminal::ShowPath;
use crate::source::blocking::on_blocking_thread;
use crate::source::stored::{Opened, PIECE, Spool, Spools, Stored, read_full};
use crate::source::stored::{io_kind, stored_error};
use crate::source::{Content, ErrorKind, Sink, SourceError};

/// Members of at most this many bytes are read whatever their ratio.
pub(super) const BOMB_LEN: u64 = 1 << 30;

/// Larger members are refused when they unpack to more than this many times their packed size. Deflate itself
/// reaches 1032 at most, on runs of one byte.
pub(super) const BOMB_RATIO: u64 = 1000;

/// One member of one zip.
pub(super) struct ZipContent {
    pub(super) label: Arc<str>,
    pub(super) directory: Arc<ZipDirectory>,
    /// Its place in the central directory.
    pub(super) index: usize,
    /// Unpacked length in bytes, as the directory states it.
    pub(super) len: u64,
    /// Whether its data lies within that of another one.
    pub(super) overlaps: bool,
}

#[async_trait]
impl Content for ZipContent {
    fn stated_len(&self) -> Option<u64> {
        Some(self.len)
    }

    fn describe(&self) -> String {
        describe_member(&self.directory, self.index)
    }

    async fn read(&self, sink: Sink) -> Result<(), SourceError> {
        let (label, directory, index) = (Arc::clone(&self.label), Arc::clone(&self.directory), self.index);
        if self.overlaps {
            return Err(SourceError::new(
                ErrorKind::Unsupported,
                &*label,
                format!("cannot read {}", self.describe()),
            )
            .because("its data lies within that of another member, which looks like a zip bomb")
            .with_hint("if it is real, take it out with `unzip`"));
        }
        on_blocking_thread(&self.label, move || {
            read_member(&label, &directory, index, sink)
                .map_err(|error| changed_rather(error, &label, &directory))
        })
        .await
    }
}

fn describe_member(directory: &ZipDirectory, index: usize) -> String {
    let archive = directory.reader();
    let name = archive.name_for_index(index).and_then(Result::ok).unwrap_or_default();
    format!("member {} of {}", name.escape_debug(), directory.file.path.shown())
}

/// One member of one zip, for what reads a format within it: unpacked into a temporary file, and checked, first.
pub(super) struct ZipStored {
    directory: Arc<ZipDirectory>,
    index: usize,
    len: u64,
    spools: Arc<Spools>,
}

impl ZipStored {
    /// The member at a place of the central directory, of `len` bytes.
    pub(super) fn new(directory: &Arc<ZipDirectory>, index: usize, len: u64, spools: &Arc<Spools>) -> Self {
        Self { directory: Arc::clone(directory), index, len, spools: Arc::clone(spools) }
    }

    fn unpacked(&self) -> io::Result<Arc<Spool>> {
        let unpack = |file: &mut File| {
            let mut archive = self.directory.reader();
            let mut member = archive.by_index(self.index)?;
            let count = io::copy(&mut member.by_ref().take(self.len.saturating_add(1)), file)?;
            drop(member);
            if count != self.len {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "its length is not the one stated"));
            }
            archive.into_inner().check()?;
            Ok(count)
        };
        self.spools.made(self.key(), || Spool::filled(unpack))
    }
}

impl Stored for ZipStored {
    fn describe(&self) -> String {
        describe_member(&self.directory, self.index)
    }

    fn key(&self) -> ContentId {
        let index = (self.index as u64).to_le_bytes();
        ContentId::of(&[b"member", self.directory.file.key().as_bytes(), &index])
    }

    fn len(&self) -> u64 {
        self.len
    }

    fn read(&self) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(self.unpacked()?.open()))
    }

    fn open(&self) -> io::Result<Box<dyn Opened>> {
        Ok(self.unpacked()?.open())
    }

    fn check(&self) -> io::Result<()> {
        self.directory.file.open().map(drop)
    }
}

/// Unpacks a member piece by piece. The `zip` crate checks the CRC at the end of the data; the length is
/// checked here.
fn read_member(
    label: &str,
    directory: &ZipDirectory,
    index: usize,
    mut sink: Sink,
) -> Result<(), SourceError> {
    let path = &directory.file.path;
    let operation = || format!("cannot read {}", describe_member(directory, index));
    let fail = |error: ZipError| zip_error(label, operation(), path, error);
    let mut archive = directory.reader();
    let mut member = archive.by_index(index).map_err(fail)?;
    let (stated, packed) = (member.size(), member.compressed_size());
    if stated > BOMB_LEN && stated / BOMB_RATIO > packed {
        return Err(SourceError::new(ErrorKind::Unsupported, label, operation())
            .because(format!("{packed} bytes claim to unpack to {stated}, which looks like a zip bomb"))
            .with_hint("if it is real, take it out with `unzip`"));
    }
    if member.compression() == CompressionMethod::Stored && stated != packed {
        return Err(wrong_length(label, operation(), stated, packed));
    }
    let mut total = 0;
    loop {
        // One byte more than is left, so that the end, where the CRC is checked, comes with the last piece.
        let room = (stated - total).saturating_add(1).min(PIECE as u64);
        let mut piece = vec![0; usize::try_from(room).expect("at most PIECE")];
        let count = read_full(&mut member, &mut piece).map_err(|error| fail(error.into()))?;
        piece.truncate(count);
        total += count as u64;
        if total > stated {
            return Err(wrong_length(label, operation(), stated, total));
        }
        let is_last = (count as u64) < room;
        if count > 0 && sink.push_blocking(Bytes::from(piece)).is_err() {
            return Ok(());
        }
        if is_last {
            break;
        }
    }
    if total != stated {
        return Err(wrong_length(label, operation(), stated, total));
    }
    drop(member);
    archive.into_inner().check().map_err(|error| fail(error.into()))
}

/// A zip that is written to while it is read looks damaged: that it changed is the better answer.
fn changed_rather(error: SourceError, label: &str, directory: &ZipDirectory) -> SourceError {
    match directory.file.open() {
        Err(why) if error.kind == ErrorKind::Damaged && io_kind(&why) == ErrorKind::Changed => {
            stored_error(label, error.operation, &directory.file.path.shown(), why)
        }
        _ => error,
    }
}

fn wrong_length(label: &str, operation: String, stated: u64, found: u64) -> SourceError {
    SourceError::new(ErrorKind::Damaged, label, operation)
        .because(format!("the zip's directory states {stated} bytes, its data holds {found}"))
        .with_hint("bring the archive back from another copy")
}
