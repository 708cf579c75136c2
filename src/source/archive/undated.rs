//! Archives whose names hold no time.

use std::path::Path;

use crate::files::root::Root;
use crate::source::dated_names::without_latest;

/// What becomes of archives whose names hold no time that is sure (`--undated`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Undated {
    /// They are left out, and counted.
    #[default]
    Skip,
    /// Each is a snapshot of the time at which its file was last changed.
    Mtime,
}

impl std::str::FromStr for Undated {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "skip" => Ok(Self::Skip),
            "mtime" => Ok(Self::Mtime),
            _ => Err(format!(
                "`{text}` is neither skip (leave archives out whose names hold no time) nor mtime (take the time at which \
                 the file was last changed)"
            )),
        }
    }
}

/// What is said of so many archives without a time.
pub(super) fn left_out(count: usize) -> String {
    let archives = if count == 1 { "1 archive is" } else { &format!("{count} archives are") };
    format!(
        "{archives} left out: no time that is sure in the name; --undated=mtime shows such files at the time of their last \
         change"
    )
}

/// Whether a file without a time is another name of an archive beside it: `backup-latest.zip`, or a link to a file of the same
/// folder.
pub(super) fn is_other_name(root: &Root, path: &Path, stem: &str) -> bool {
    if without_latest(stem).is_some() {
        return true;
    }
    let Ok(target) = root.link_target(path) else { return false };
    target.file_name().is_some()
        && target.parent().is_none_or(|folder| folder == Path::new("") || Some(folder) == path.parent())
}
