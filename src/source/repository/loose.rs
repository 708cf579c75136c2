//! Objects in files of their own: packed, named by the hash of what they hold.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};

use gix::objs::Kind;
use gix::zlib::{Decompress, FlushDecompress, Status};
use gix::{ObjectId, oid};

use super::failure::{Failure, if_there};
use crate::content::ErrorKind;
use crate::files::root::SourcePath;

/// Longest header of an object: `commit`, a blank, 20 digits and a NUL.
const LONGEST_HEADER: usize = 28;

pub(super) fn path_in(objects: &SourcePath, id: &oid) -> SourcePath {
    let digits = id.to_hex().to_string();
    let (folder, name) = digits.split_at(2);
    objects.join(folder).join(name)
}

/// Opens the file of an object; `None` if there is no such file.
pub(super) fn open(objects: &SourcePath, id: &oid) -> Result<Option<File>, Failure> {
    if_there(path_in(objects, id).open(), "open its file")
}

/// An object in a file of its own, unpacked as it is read, and checked at the end.
pub(crate) struct Loose {
    file: BufReader<File>,
    inflate: Decompress,
    hash: gix::hash::Hasher,
    id: ObjectId,
    /// The kind that its header states.
    pub(crate) kind: Kind,
    /// The length that its header states. Reading fails rather than give another one.
    pub(crate) len: u64,
    left: u64,
    is_checked: bool,
}

fn damaged(what: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.into())
}

impl Loose {
    pub(super) fn new(file: File, id: &oid) -> io::Result<Self> {
        let mut this = Self {
            file: BufReader::new(file),
            inflate: Decompress::new(),
            hash: gix::hash::hasher(id.kind()),
            id: id.to_owned(),
            kind: Kind::Blob,
            len: 0,
            left: 0,
            is_checked: false,
        };
        // What its hash covers begins with this.
        let mut header = Vec::new();
        while header.last() != Some(&0) {
            let mut byte = [0];
            if header.len() == LONGEST_HEADER || this.inflated(&mut byte)? == 0 {
                return Err(damaged("the object has no header"));
            }
            header.push(byte[0]);
        }
        let fields = header.strip_suffix(&[0]).and_then(|text| {
            let at = text.iter().position(|byte| *byte == b' ')?;
            let kind = Kind::from_bytes(&text[..at]).ok()?;
            let len = std::str::from_utf8(&text[at + 1..]).ok()?.parse().ok()?;
            Some((kind, len))
        });
        let (kind, len) = fields.ok_or_else(|| damaged("the object has no valid header"))?;
        (this.kind, this.len, this.left) = (kind, len, len);
        Ok(this)
    }

    /// Reads it into `buffer`, if it has at most `limit` bytes.
    pub(super) fn read_whole(&mut self, buffer: &mut Vec<u8>, limit: u64) -> Result<Kind, Failure> {
        if self.len > limit {
            let problem = format!("it has {} bytes, and only {} MiB are read", self.len, limit >> 20);
            return Err(Failure::new(ErrorKind::Unsupported, problem));
        }
        buffer.clear();
        self.read_to_end(buffer).map_err(|error| Failure::io("unpack it", error))?;
        Ok(self.kind)
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
        self.is_checked = hash.try_finalize().is_ok_and(|id| id == self.id);
        if !self.is_checked {
            return Err(damaged(format!("its bytes are not those that the hash {} names", self.id)));
        }
        Ok(())
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
