//! The bytes of a file of a commit.

use std::io::{self, Cursor, Read};
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use gix::ObjectId;
use gix::objs::Kind;

use super::objects::Objects;
use crate::content::blocking::on_blocking_thread;
use crate::content::{ErrorKind, Sink, SourceError, Stream};
use crate::format::blob::{Blob, Opened, Spools};
use crate::format::decoders::Counted;
use crate::format::raw::Raw;
use crate::model::content_id::ContentId;

/// A blob, named by the hash of its bytes.
pub(super) struct GitBlob {
    pub(super) objects: Arc<Objects>,
    /// The object that is read, whatever it stands for.
    pub(super) id: ObjectId,
    /// Its path in the commit that it was found in.
    pub(super) path: Arc<str>,
    pub(super) spools: Arc<Spools>,
    pub(super) len: OnceLock<u64>,
}

impl GitBlob {
    /// Its length, where its header can be read.
    pub(super) fn known_len(&self) -> Option<u64> {
        self.len.get().copied().or_else(|| {
            let (kind, len) = self.objects.reader().header(self.id)?;
            (kind == Kind::Blob).then(|| *self.len.get_or_init(|| len))
        })
    }

    /// Whether it is a file of its own, which is read in pieces.
    pub(super) fn is_loose(&self) -> bool {
        self.objects.loose(self.id).is_some()
    }

    fn whole(&self) -> Result<Counted<Cursor<Vec<u8>>>, SourceError> {
        let what = format!("{} from blob", self.path);
        let mut reader = self.objects.reader();
        let memory = reader.memory_for(self.id, self.len())?;
        reader.read(self.id, Kind::Blob, &what)?;
        Ok(Counted::with(memory, Cursor::new(reader.into_bytes())))
    }

    fn without_len(&self) -> SourceError {
        match self.whole() {
            Ok(_) => {
                let operation = format!("cannot read {}", self.describe());
                SourceError::new(ErrorKind::Unavailable, &*self.objects.label, operation)
                    .because("it could not be read a moment ago")
            }
            Err(error) => error,
        }
    }
}

fn as_io(error: SourceError) -> io::Error {
    let kind = match error.kind {
        ErrorKind::Missing => io::ErrorKind::NotFound,
        ErrorKind::Refused => io::ErrorKind::PermissionDenied,
        ErrorKind::Unsupported => io::ErrorKind::Unsupported,
        // Memory, which other readers hold.
        ErrorKind::Unavailable => io::ErrorKind::OutOfMemory,
        _ => io::ErrorKind::InvalidData,
    };
    io::Error::new(kind, error.chain())
}

impl Blob for GitBlob {
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
        if let Some(loose) = self.objects.loose(self.id) {
            if (loose.kind, loose.len) != (Kind::Blob, len) {
                let problem = "the object has another header than it had before";
                return Err(io::Error::new(io::ErrorKind::InvalidData, problem));
            }
            return Ok(Box::new(loose));
        }
        Ok(Box::new(self.whole().map_err(as_io)?))
    }

    fn open(&self) -> io::Result<Box<dyn Opened>> {
        Ok(self.spools.unpacked(self)?.open())
    }
}

pub(super) struct BlobContent {
    raw: Raw,
    blob: Arc<GitBlob>,
}

impl BlobContent {
    pub(super) fn new(blob: Arc<GitBlob>) -> Self {
        let label = Arc::clone(&blob.objects.label);
        Self { raw: Raw { label, blob: Arc::clone(&blob) as Arc<dyn Blob> }, blob }
    }
}

#[async_trait]
impl Stream for BlobContent {
    fn stated_len(&self) -> Option<u64> {
        self.blob.known_len()
    }

    fn is_immutable_by_id(&self) -> bool {
        true
    }

    fn describe(&self) -> String {
        self.blob.describe()
    }

    async fn read(&self, sink: Sink) -> Result<(), SourceError> {
        let blob = Arc::clone(&self.blob);
        let known = move || blob.known_len().map(drop).ok_or_else(|| blob.without_len());
        on_blocking_thread(&self.blob.objects.label, known).await?;
        self.raw.read(sink).await
    }
}
