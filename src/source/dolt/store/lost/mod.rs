//! Commits that the store still holds although no branch, tag or remote's branch reaches them: those of a history that
//! was flattened, amended, reset, pushed over or rebased, and those of deleted branches.
//!
//! | file | concern |
//! | --- | --- |
//! | `found` | the commits found so far, and which of them are lost |
//! | `scan` | searching the chunks of stores, on a thread of its own |

mod found;
mod scan;
#[cfg(test)]
mod tests;

pub use found::FoundCommits;
pub use scan::CommitScanner;
