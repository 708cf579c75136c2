//! Temporary files without a name: they vanish with their last handle, however the program ends.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// The variable in which the user chooses a folder for temporary files.
const CHOICE: &str = "TMPDIR";
/// The folder for large temporary files: `/tmp` is memory on many machines.
const FOLDER: &str = "/var/tmp";

/// The folder in which large temporary files are made.
pub fn folder() -> PathBuf {
    let chosen = std::env::var_os(CHOICE).map(PathBuf::from).filter(|folder| folder.is_absolute());
    let usual = || Some(PathBuf::from(FOLDER)).filter(|folder| Path::is_dir(folder));
    chosen.or_else(usual).unwrap_or_else(std::env::temp_dir)
}

/// A new, empty file without a name in [`folder`].
pub fn unnamed_file() -> io::Result<File> {
    tempfile::tempfile_in(folder())
}
