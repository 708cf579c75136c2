//! The bytes of one zip member.

use std::io::{self, Read};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use super::problem::zip_error;
use super::zip_file::ZipFile;
use super::{ZipError, ZipMember, unpacked};
use crate::content::blocking::on_blocking_thread;
use crate::content::{ErrorKind, Sink, SourceError, Stream};
use crate::format::blob::{Blob, Filling, Opened, PIECE, Spool, Spools, blob_error, io_kind, read_full};
use crate::format::decoders::{BOMB_LEN, BOMB_RATIO};
use crate::model::content_id::ContentId;
use crate::model::shell;

pub(super) struct ZipContent {
    pub(super) label: Arc<str>,
    pub(super) zip: Arc<ZipFile>,
    /// Its place among the members.
    pub(super) at: usize,
}

#[async_trait]
impl Stream for ZipContent {
    fn stated_len(&self) -> Option<u64> {
        Some(self.zip.member(self.at).len)
    }

    fn describe(&self) -> String {
        self.zip.describe(self.at)
    }

    async fn read(&self, sink: Sink) -> Result<(), SourceError> {
        let (label, zip, at) = (Arc::clone(&self.label), Arc::clone(&self.zip), self.at);
        on_blocking_thread(&self.label, move || {
            read_member(&label, &zip, at, sink).map_err(|error| changed_rather(error, &label, &zip))
        })
        .await
    }
}

/// One member of one zip, for a format that is read from it: the member is first unpacked into a temporary file, and
/// checked.
pub(super) struct ZipMemberBlob {
    pub(super) zip: Arc<ZipFile>,
    pub(super) at: usize,
    pub(super) spools: Arc<Spools>,
}

impl ZipMemberBlob {
    fn spool(&self) -> io::Result<Arc<Spool>> {
        let unpack = |file: &mut Filling| {
            let mut data = unpacked(&self.zip.directory, self.zip.member(self.at), self.zip.open()?)?;
            let count = io::copy(&mut data, file)?;
            self.zip.blob.check()?;
            Ok(count)
        };
        self.spools.filled(self.key(), || Spool::filled(self.len(), unpack))
    }
}

impl Blob for ZipMemberBlob {
    fn describe(&self) -> String {
        self.zip.describe(self.at)
    }

    fn key(&self) -> ContentId {
        let index = (self.zip.member(self.at).index as u64).to_le_bytes();
        ContentId::of(&[b"member", self.zip.blob.key().as_bytes(), &index])
    }

    fn len(&self) -> u64 {
        self.zip.member(self.at).len
    }

    fn read(&self) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(self.spool()?.open()))
    }

    fn open(&self) -> io::Result<Box<dyn Opened>> {
        Ok(self.spool()?.open())
    }

    fn check(&self) -> io::Result<()> {
        self.zip.blob.check()
    }

    fn unpacked(&self) -> Option<io::Result<Arc<Spool>>> {
        Some(self.spool())
    }
}

/// Unpacks a member piece by piece. Its checks are made when its end is read.
fn read_member(label: &str, zip: &ZipFile, at: usize, mut sink: Sink) -> Result<(), SourceError> {
    let operation = || format!("cannot read {}", zip.describe(at));
    let member = zip.member(at);
    let fail = |error: ZipError| zip_error(label, operation(), &*zip.blob, error);
    let refused = |reason: String| {
        let hint = match zip.blob.as_file() {
            Some(file) => {
                format!("if it is real, take it out with `{}`", shell::command("7z x", &*file.path))
            }
            None => "if it is real, take it out with 7-Zip".to_owned(),
        };
        Err(SourceError::new(ErrorKind::Unsupported, label, operation()).because(reason).with_hint(hint))
    };
    if member.overlaps {
        return refused(
            "its data lies within that of another member, which looks like a zip bomb".to_owned(),
        );
    }
    let ZipMember { len, packed, .. } = *member;
    if len > BOMB_LEN && len / BOMB_RATIO > packed {
        return refused(format!("{packed} bytes claim to unpack to {len}, which looks like a zip bomb"));
    }
    let mut data =
        zip.open().and_then(|zip_reader| unpacked(&zip.directory, member, zip_reader)).map_err(fail)?;
    let mut total = 0;
    loop {
        // Room for one byte more than is left, so that the end, where the checks are made, comes with the last piece.
        let room = (len - total).saturating_add(1).min(PIECE as u64);
        let mut piece = vec![0; usize::try_from(room).expect("at most PIECE")];
        let count = read_full(&mut data, &mut piece).map_err(|error| fail(error.into()))?;
        piece.truncate(count);
        total += count as u64;
        let is_last = (count as u64) < room;
        if count > 0 && sink.push_blocking(Bytes::from(piece)).is_err() {
            return Ok(());
        }
        if is_last {
            break;
        }
    }
    zip.blob.check().map_err(|error| fail(error.into()))
}

/// A zip that is written to while it is read looks damaged: returns the error that it changed instead.
fn changed_rather(error: SourceError, label: &str, zip: &ZipFile) -> SourceError {
    match zip.blob.check() {
        Err(why) if error.kind == ErrorKind::Damaged && io_kind(&why) == ErrorKind::Changed => {
            blob_error(label, error.operation, &zip.blob.describe(), why)
        }
        _ => error,
    }
}
