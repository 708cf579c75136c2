//! The bytes of a file of a commit.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use gix::ObjectId;
use gix::objs::Kind;
use gix::zlib::{Decompress, FlushDecompress, Status};

use super::objects::Objects;
use crate::model::content_id::ContentId;
use crate::source::blocking::on_blocking_thread;
use crate::source::form::Raw;
use crate::source::stored::{Opened, Spools, Stored};
use crate::source::{Content, ErrorKind, Sink, SourceError};

/// Longest header of a loose object: `commit`, a blank, 20 digits and a NUL.
const LONGEST_HEADER: usize = 28;

/// A blob, named by the hash of its bytes.
pub(super) struct Blob {
    pub(super) objects: Arc<Objects>,
    /// The object that is read, whatever it stands for.
    pub(super) id: ObjectId,
    /// Its path in the commit that it was found in.
    pub(super) path: Arc<str>,
    pub(super) spools: Arc<Spools>,
    pub(super) len: OnceLock<u64>,
}

impl Blob {
    /// Its length, where its header can be read.
    pub(super) fn known_len(&self) -> Option<u64> {
        if let Some(len) = self.len.get() {
            return Some(*len);
        }
        let (kind, len) = self.objects.reader().header(self.id)?;
        (kind == Kind::Blob).then(|| *self.len.get_or_init(|| len))
    }

    /// Where it lies as a file of its own, if it does.
    fn loose_file(&self) -> Option<File> {
        let digits = self.id.to_hex().to_string();
        let (folder, name) = digits.split_at(2);
        let path = |objects: PathBuf| objects.join(folder).join(name);
        self.objects.folders().into_iter().find_map(|objects| File::open(path(objects)).ok())
    }

    /// Whether it lies in a file of its own, and is read in pieces.
    pub(super) fn is_loose(&self) -> bool {
        self.loose_file().is_some()
    }

    /// All of it in memory.
    fn whole(&self) -> Result<Vec<u8>, SourceError> {
        let what = format!("{} from blob", self.path);
        Ok(self.objects.reader().read(self.id, Kind::Blob, &what)?.to_vec())
    }

    /// Why its length is not known.
    fn without_len(&self) -> SourceError {
        match self.whole() {
            Ok(_) => {
                let operation = format!("cannot read {}", self.describe());
                SourceError::new(ErrorKind::Unavailable, &**self.objects.label(), operation)
                    .because("it could not be read a moment ago")
            }
            Err(error) => error,
        }
    }
}

/// The failure as one of those that readers know.
fn as_io(error: SourceError) -> io::Error {
    let kind = match error.kind {
        ErrorKind::Missing => io::ErrorKind::NotFound,
        ErrorKind::Refused => io::ErrorKind::PermissionDenied,
        _ => io::ErrorKind::InvalidData,
    };
    io::Error::new(kind, error.chain())
}

impl Stored for Blob {
    fn describe(&self) -> String {
        format!("blob {} ({})", self.id, self.path)
    }

    fn key(&self) -> ContentId {
        ContentId::of(&[b"git-blob", self.id.as_slice()])
    }

    /// 0 for one that cannot be read.
    fn len(&self) -> u64 {
        self.known_len().unwrap_or(0)
    }

    fn read(&self) -> io::Result<Box<dyn Read + Send>> {
        let len = self.known_len().ok_or_else(|| as_io(self.without_len()))?;
        // A pack may hold it as well, but from there it would come in one piece.
        if let Some(file) = self.loose_file() {
            return Ok(Box::new(Loose::open(file, self.id, len)?));
        }
        Ok(Box::new(Cursor::new(self.whole().map_err(as_io)?)))
    }

    fn open(&self) -> io::Result<Box<dyn Opened>> {
        Ok(self.spools.unpacked(self)?.open())
    }
}

/// A blob as a file of a snapshot.
pub(super) struct BlobContent {
    raw: Raw,
    blob: Arc<Blob>,
}

impl BlobContent {
    pub(super) fn new(blob: Arc<Blob>) -> Self {
        let label = Arc::clone(blob.objects.label());
        Self { raw: Raw { label, stored: Arc::clone(&blob) as Arc<dyn Stored> }, blob }
    }
}

#[async_trait]
impl Content for BlobContent {
    fn stated_len(&self) -> Option<u64> {
        self.blob.known_len()
    }

    fn is_for_good(&self) -> bool {
        true
    }

    fn describe(&self) -> String {
        self.blob.describe()
    }

    async fn read(&self, sink: Sink) -> Result<(), SourceError> {
        let blob = Arc::clone(&self.blob);
        let known = move || blob.known_len().map(drop).ok_or_else(|| blob.without_len());
        on_blocking_thread(self.blob.objects.label(), known).await?;
        self.raw.read(sink).await
    }
}

/// An object in a file of its own, unpacked as it is read, and checked in the place of the end.
struct Loose {
    file: BufReader<File>,
    inflate: Decompress,
    hash: gix::hash::Hasher,
    id: ObjectId,
    left: u64,
    is_checked: bool,
}

fn damaged(what: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.into())
}

impl Loose {
    fn open(file: File, id: ObjectId, len: u64) -> io::Result<Self> {
        let (inflate, hash) = (Decompress::new(), gix::hash::hasher(id.kind()));
        let mut this = Self { file: BufReader::new(file), inflate, hash, id, left: len, is_checked: false };
        let mut header = Vec::new();
        while header.last() != Some(&0) {
            let mut byte = [0];
            if header.len() == LONGEST_HEADER || this.inflated(&mut byte)? == 0 {
                return Err(damaged("the object has no header"));
            }
            header.push(byte[0]);
        }
        // What its hash covers begins with this.
        match header == format!("blob {len}\0").into_bytes() {
            true => Ok(this),
            false => Err(damaged("the object has another header than it had before")),
        }
    }

    /// Unpacks the next bytes; 0 at the end of the stream.
    fn inflated(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            let input = self.file.fill_buf()?;
            let is_end = input.is_empty();
            let flush = if is_end { FlushDecompress::Finish } else { FlushDecompress::None };
            let before = (self.inflate.total_in(), self.inflate.total_out());
            let status = self.inflate.decompress(input, out, flush);
            let status = status.map_err(|error| damaged(format!("the packed bytes are broken: {error}")))?;
            let consumed = usize::try_from(self.inflate.total_in() - before.0).map_err(io::Error::other)?;
            let written = usize::try_from(self.inflate.total_out() - before.1).map_err(io::Error::other)?;
            self.file.consume(consumed);
            if written > 0 {
                self.hash.update(&out[..written]);
                return Ok(written);
            }
            match status {
                Status::StreamEnd => return Ok(0),
                _ if is_end || consumed == 0 => return Err(damaged("the packed bytes end too early")),
                _ => {}
            }
        }
    }

    /// Whether what was read is what the hash names, and all of it.
    fn check(&mut self) -> io::Result<()> {
        if self.is_checked {
            return Ok(());
        }
        if self.inflated(&mut [0])? != 0 {
            return Err(damaged("the object is longer than it states"));
        }
        let hash = std::mem::replace(&mut self.hash, gix::hash::hasher(self.id.kind()));
        match hash.try_finalize() {
            Ok(id) if id == self.id => {
                self.is_checked = true;
                Ok(())
            }
            _ => Err(damaged(format!("its bytes are not those that the hash {} names", self.id))),
        }
    }
}

impl Read for Loose {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        if self.left == 0 {
            self.check()?;
            return Ok(0);
        }
        let room = out.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let count = self.inflated(&mut out[..room])?;
        if count == 0 {
            return Err(damaged("the object is shorter than it states"));
        }
        self.left -= count as u64;
        Ok(count)
    }
}
