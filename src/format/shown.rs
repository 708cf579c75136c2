//! A file that a blob is shown as, beside its bytes.

use std::sync::Arc;

use crate::content::{Content, ErrorKind, FileKind, SourceError, Stream};
use crate::model::content_id::ContentId;

use super::broken::Broken;

/// One file that a format makes of a blob.
#[derive(Clone)]
pub(crate) struct ShownFile {
    /// Which of the folders beside the blob it belongs to.
    pub(crate) group: FileGroup,
    /// Its path in that folder: safe components joined by `/`, none of which is a file. Empty if this file stands for
    /// the folder. For unpacked bytes: the ending of their name.
    pub(crate) path: Arc<str>,
    pub(crate) kind: FileKind,
    pub(crate) content: Content,
    /// What distinguishes its bytes from others without rendering them. `None`: only all bytes of the blob do.
    pub(crate) fingerprint: Option<Arc<dyn Fingerprint>>,
    /// Whether it only says why something cannot be shown.
    pub(crate) is_broken: bool,
}

/// What the files of a blob are. In a tree, each group has a folder of its own beside the blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum FileGroup {
    /// Tables, and what describes them.
    Tables,
    /// Files that were packed together.
    Members,
    /// The bytes of a file that is packed as a whole.
    Unpacked,
}

impl FileGroup {
    /// What is added to the name of a blob for the folder of these files.
    pub(crate) fn suffix(self) -> &'static str {
        match self {
            Self::Tables => ".tables",
            Self::Members => ".members",
            Self::Unpacked => ".unpacked",
        }
    }
}

/// Contents of equal likeness and equal digest are equal under one rendering version.
pub(crate) trait Fingerprint: Send + Sync {
    /// Differs for most contents that differ, and is known without reading them. Covers the kind of the file.
    fn likeness(&self) -> ContentId;

    /// Where in the blob the data begins. Reading in this order is fast.
    fn offset(&self) -> u64 {
        0
    }

    /// SHA-256 over all that decides the bytes, or the kind of failure. Reads packed data where necessary. Blocks.
    fn digest(&self) -> Result<[u8; 32], ErrorKind>;
}

impl ShownFile {
    /// A regular file that depends on all bytes of the blob.
    pub(crate) fn of_blob(group: FileGroup, path: impl Into<Arc<str>>, content: Content) -> Self {
        let (path, kind) = (path.into(), FileKind::Regular);
        Self { group, path, kind, content, fingerprint: None, is_broken: false }
    }

    pub(crate) fn of_part<C: Stream + Fingerprint + 'static>(
        group: FileGroup,
        path: impl Into<Arc<str>>,
        content: Arc<C>,
    ) -> Self {
        let fingerprint: Arc<dyn Fingerprint> = Arc::clone(&content) as _;
        Self { fingerprint: Some(fingerprint), ..Self::of_blob(group, path, Content::Stream(content)) }
    }

    /// Stands for files of `what` that cannot be shown.
    pub(crate) fn broken((group, path): (FileGroup, &str), what: String, error: &SourceError) -> Self {
        tracing::warn!("{}: only its bytes are shown", error.chain());
        Self { is_broken: true, ..Self::of_blob(group, path, Broken::content(what, error)) }
    }
}
