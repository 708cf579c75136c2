//! A way to open files that notes which were opened.

use std::ffi::OsString;
use std::fs::{File, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::SystemTime;

use crate::files::{FileAccess, StdAccess};

/// Opens files as `std` does, with a clock of its own, and notes which were opened.
pub struct NotedAccess {
    /// The time that the clock shows.
    pub now: SystemTime,
    /// The files, in the order in which they were opened.
    pub opened: Mutex<Vec<PathBuf>>,
}

impl NotedAccess {
    /// With a clock that shows this time.
    pub fn at(now: SystemTime) -> Self {
        Self { now, opened: Mutex::default() }
    }
}

impl FileAccess for NotedAccess {
    fn open(&self, path: &Path) -> io::Result<File> {
        self.opened.lock().expect("no test panics here").push(path.to_owned());
        StdAccess.open(path)
    }

    fn metadata(&self, path: &Path) -> io::Result<Metadata> {
        StdAccess.metadata(path)
    }

    fn names(&self, folder: &Path) -> io::Result<Vec<OsString>> {
        StdAccess.names(folder)
    }

    fn now(&self) -> SystemTime {
        self.now
    }
}
