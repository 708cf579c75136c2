//! Who could have put something where it is found.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::util::private::is_trusted;

/// The owners of a file: of itself, and of the symlink that may stand for it. `None` if it is not there.
pub fn owners(path: &Path) -> Option<[u32; 2]> {
    Some([std::fs::symlink_metadata(path).ok()?.uid(), std::fs::metadata(path).ok()?.uid()])
}

/// Whether a file below a folder, each folder on the way and each symlink among them belong to the user or to root.
pub fn is_ours_below(folder: &Path, file: &Path) -> bool {
    let mut way = file.ancestors().take_while(|path| path.starts_with(folder));
    way.all(|path| owners(path).is_some_and(|owners| owners.into_iter().all(is_trusted)))
}
