//! How files are opened.

use std::ffi::OsString;
use std::fs::{File, Metadata};
use std::io;
use std::path::Path;
use std::time::SystemTime;

/// Opens files and lists folders. Implement it to confine paths to a folder or to set the clock in a test.
pub trait FileAccess: Send + Sync {
    /// Opens what is at a path for reading.
    fn open(&self, path: &Path) -> io::Result<File>;

    /// The metadata of what is at a path; follows links.
    fn metadata(&self, path: &Path) -> io::Result<Metadata>;

    /// The names of the entries of a folder.
    fn names(&self, folder: &Path) -> io::Result<Vec<OsString>>;

    /// The present, with which the times of files are compared.
    fn now(&self) -> SystemTime;
}

/// Opens files by [`std::fs`].
#[derive(Debug, Clone, Copy, Default)]
pub struct StdAccess;

impl FileAccess for StdAccess {
    fn open(&self, path: &Path) -> io::Result<File> {
        // A pipe in the place of a file must not block.
        match path.metadata()?.is_file() {
            true => File::open(path),
            false => Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file")),
        }
    }

    fn metadata(&self, path: &Path) -> io::Result<Metadata> {
        path.metadata()
    }

    fn names(&self, folder: &Path) -> io::Result<Vec<OsString>> {
        folder.read_dir()?.map(|entry| Ok(entry?.file_name())).collect()
    }

    fn now(&self) -> SystemTime {
        SystemTime::now()
    }
}
