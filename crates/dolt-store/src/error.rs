//! What can go wrong in the files of a store, with the file and the chunk.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::address::Address;
use crate::message::MessageError;

/// What kind of failure an error is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// A file or a chunk is not there.
    Missing,
    /// The bytes are not what they should be.
    Damaged,
    /// The bytes have a form that this crate does not read.
    Unsupported,
    /// The operating system fails, or what contains the store does; trying again may help.
    Io,
}

/// A failure to read a store.
///
/// The fields `file`, `store` and `place` say where the failure is, `address` which chunk, `object` what that is or
/// should be (`commit`, `table`), `action` what was being done (`open`, `read`), `container` what contains the store
/// (`git repository`), and `source` why it failed. A `problem` is a clause; for what is unsupported, it completes a
/// sentence.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum StoreError {
    /// The operating system fails to open, list or read a file or folder.
    #[error("cannot {action} {}", shown(file))]
    Io { file: PathBuf, action: &'static str, source: io::Error },
    /// A file is not what its name or place promises.
    #[error("{} is damaged: {problem}", shown(file))]
    DamagedFile { file: PathBuf, problem: String },
    /// A file has a form that this crate does not read.
    #[error("{} {problem}", shown(file))]
    UnsupportedFile { file: PathBuf, problem: String },
    /// An implementation of [`StoreFiles`](crate::files::StoreFiles) other than a folder fails.
    #[error("{container} {}: cannot {action}", shown(place))]
    Container {
        container: &'static str,
        place: PathBuf,
        kind: ErrorKind,
        action: String,
        source: Box<dyn Error + Send + Sync>,
    },
    /// The bytes of a chunk are not those that were written.
    #[error("chunk {address} in {} is damaged: {problem}", shown(file))]
    DamagedChunk { address: Address, file: PathBuf, problem: String },
    /// No file of the store holds the chunk: garbage collection took it, or a file is missing.
    #[error("chunk {address} is not in the store {}", shown(store))]
    MissingChunk { address: Address, store: PathBuf },
    /// No readable file of the store holds the chunk, but a file that is missing, damaged or unreadable may hold it.
    #[error("chunk {address} is in no file that can be read")]
    HiddenChunk { address: Address, source: Arc<StoreError> },
    /// A chunk is whole, but it is not the object that it should be.
    #[error("chunk {address} is no readable {object}")]
    Object { address: Address, object: &'static str, source: MessageError },
    /// An object uses something that this crate does not know.
    #[error("{object} {address} {problem}")]
    UnsupportedObject { address: Address, object: &'static str, problem: String },
}

impl StoreError {
    /// A failure of the operating system at a file.
    pub fn io(file: &Path, action: &'static str, source: io::Error) -> Self {
        Self::Io { file: file.to_owned(), action, source }
    }

    /// A file that is not what it should be.
    pub fn damaged(file: &Path, problem: impl Into<String>) -> Self {
        Self::DamagedFile { file: file.to_owned(), problem: problem.into() }
    }

    /// What kind of failure it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Io { source, .. } => match source.kind() {
                io::ErrorKind::NotFound => ErrorKind::Missing,
                io::ErrorKind::UnexpectedEof => ErrorKind::Damaged,
                _ => ErrorKind::Io,
            },
            Self::DamagedFile { .. } | Self::DamagedChunk { .. } | Self::Object { .. } => ErrorKind::Damaged,
            Self::UnsupportedFile { .. } | Self::UnsupportedObject { .. } => ErrorKind::Unsupported,
            Self::MissingChunk { .. } => ErrorKind::Missing,
            Self::Container { kind, .. } => *kind,
            Self::HiddenChunk { source, .. } => source.kind(),
        }
    }
}

/// The text of an error and its causes on one line, joined by `: `. Leaves out a cause that the text before it repeats.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let said = cause.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        next = cause.source();
    }
    text
}

/// Adds to a [`MessageError`] which chunk the message was read from.
pub trait InChunk<T> {
    /// Adds the chunk's address and what it should be.
    fn in_chunk(self, address: &Address, object: &'static str) -> Result<T, StoreError>;
}

impl<T> InChunk<T> for Result<T, MessageError> {
    fn in_chunk(self, address: &Address, object: &'static str) -> Result<T, StoreError> {
        self.map_err(|source| StoreError::Object { address: *address, object, source })
    }
}

/// Shows a path, with bytes that are not UTF-8 as `\xff`, so that no two paths look alike.
fn shown(path: &Path) -> impl fmt::Display {
    let mut text = String::new();
    for chunk in path.as_os_str().as_encoded_bytes().utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}")));
    }
    text
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    #[test]
    fn every_byte_shows() {
        let path = Path::new(OsStr::from_bytes(b"/a\xff/\xc3\xa9"));
        assert_eq!(shown(path).to_string(), "/a\\xff/é");
    }
}
