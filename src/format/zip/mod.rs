//! Zip archives: which members one holds, and their bytes.
//!
//! Follows PKWARE's APPNOTE.TXT, and Info-ZIP's `unzip`, 7-Zip and Python's `zipfile` if a zip is odd (ADR 7).
//!
//! ```text
//! format     zips as a format
//! zip_file   a blob with its directory
//! content    a member as a file, and as a blob
//! problem    what goes wrong
//! end        finds end records, and proves one by the directory that it leads to
//! prefix     whether the bytes before such a zip show that it is a member of another one
//! central    the headers of the central directory
//! directory  the members by these headers
//! member_offsets  where members begin: writers count from different things
//! names      what members are called in the tree, which depends on the system that packed them
//! data       the bytes of one member, checked
//! unpack     the methods by which members are packed
//! legacy     methods from before Deflate
//! ```

use std::io;

use super::decoders::GaveUp;
use crate::memory::unpacking::Refused;

mod bytes;
mod central;
mod content;
mod data;
mod directory;
mod end;
mod extra;
mod format;
mod legacy;
mod member_offsets;
mod names;
mod prefix;
pub mod probe;
pub(crate) mod problem;
mod records;
#[cfg(test)]
pub(crate) mod tests;
mod unpack;
mod zip_file;

#[cfg(test)]
pub(crate) use data::contradiction;
pub(crate) use data::unpacked;
pub(crate) use directory::{Directory, ZipMember};
pub(crate) use format::ZIP;
pub(crate) use zip_file::ZipFile;

/// Why a zip or one of its members cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ZipError {
    /// The bytes could not be read.
    #[error(transparent)]
    Io(io::Error),
    /// The bytes contradict each other, or are not all there.
    #[error("{0}")]
    Damaged(String),
    /// The end is missing, and the end that is found belongs to a member that is a zip: programs take that for the
    /// whole.
    #[error("{0}")]
    CutOff(String),
    /// A form that is not read.
    #[error("{reason}")]
    Unsupported { reason: String, remedy: Remedy },
}

/// What reading a zip gives.
pub(crate) type Result<T, E = ZipError> = std::result::Result<T, E>;

/// What helps with a zip that is not read here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Remedy {
    /// The parts of a split zip have to be joined.
    Join,
    /// Two zips that are one file have to be cut apart at this byte.
    CutAt(u64),
    /// A program that asks for the password: 7-Zip or `unzip`.
    Password,
    /// 7-Zip, which asks for the password. `unzip` knows no AES.
    SevenZipPassword,
    /// Another program may read it: 7-Zip.
    SevenZip,
    /// The program that packed it.
    Packer,
}

impl ZipError {
    fn damaged(reason: impl Into<String>) -> Self {
        Self::Damaged(reason.into())
    }

    fn unsupported(reason: impl Into<String>, remedy: Remedy) -> Self {
        Self::Unsupported { reason: reason.into(), remedy }
    }
}

/// Unwraps a [`ZipError`] that went through an I/O error.
impl From<io::Error> for ZipError {
    fn from(error: io::Error) -> Self {
        error.downcast::<Self>().unwrap_or_else(|error| {
            let cause = error.get_ref();
            let is_limit = cause.is_some_and(|cause| {
                matches!(cause.downcast_ref(), Some(GaveUp::Bomb { .. }))
                    || matches!(cause.downcast_ref(), Some(Refused::TooLarge { .. }))
            });
            match is_limit {
                true => Self::unsupported(error.to_string(), Remedy::SevenZip),
                false => Self::Io(error),
            }
        })
    }
}

impl From<ZipError> for io::Error {
    fn from(error: ZipError) -> Self {
        match error {
            ZipError::Io(error) => error,
            other => io::Error::new(io::ErrorKind::InvalidData, other),
        }
    }
}
