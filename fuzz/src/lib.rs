//! Code that the targets share.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// One file for all inputs of a process, in memory if possible.
static FILE: LazyLock<PathBuf> = LazyLock::new(|| {
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    folder.join(format!("asof-fuzz-{}", std::process::id()))
});

/// Calls `read` with the path of a file of these bytes.
pub fn with_file(bytes: &[u8], read: impl FnOnce(&Path)) {
    std::fs::write(&*FILE, bytes).expect("the folder for temporary files is writable");
    read(&FILE);
    let _ = std::fs::remove_file(&*FILE);
}
