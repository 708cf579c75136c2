//! What happened to the rows of a database: which tables a snapshot changed and by how much, and since when a text
//! is there.
//!
//! Only what differs from one content to the next is looked at ([`crate::engine::differing`]).

mod changes;
mod count;
mod matcher;
mod search;

pub use changes::{ChangedFile, Changes, changed_files, compared};
pub use count::count;
pub use matcher::{Matcher, Pattern};
pub use search::{Found, Seen, Step, Unread, Wanted, main_line, search};

use crate::content::FileEntry;

/// The ending of files that hold one row per line.
pub const ROWS: &str = ".jsonl";

/// A file of a sorted listing.
fn file<'f>(files: &'f [FileEntry], path: &str) -> Option<&'f FileEntry> {
    files.binary_search_by(|file| (*file.path).cmp(path)).ok().map(|at| &files[at])
}
