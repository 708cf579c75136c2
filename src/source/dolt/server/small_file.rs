//! Reads small files that a user names, but no file without an end.

use crate::model::number::to_usize;
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use zeroize::Zeroizing;

/// Reads a regular file of at most `most` bytes, unless `check` refuses its metadata.
///
/// # Errors
/// Errors of the system or of `check`; [`io::ErrorKind::InvalidInput`] for anything but a regular file, and
/// [`io::ErrorKind::FileTooLarge`] for a larger one.
pub fn read_small_file<E: From<io::Error>>(
    path: &Path,
    most: u64,
    check: impl FnOnce(&Metadata) -> Result<(), E>,
) -> Result<Zeroizing<Vec<u8>>, E> {
    // Without O_NONBLOCK, opening a FIFO would wait for a writer.
    let flags = (rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY).bits();
    let file = File::options().read(true).custom_flags(flags.cast_signed()).open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file").into());
    }
    check(&metadata)?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(to_usize(metadata.len().min(most).saturating_add(1))));
    file.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        let text = format!("it has more than {most} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, text).into());
    }
    Ok(bytes)
}
