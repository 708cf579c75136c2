//! Commits that the store still holds although no branch, tag or remote's branch reaches them: those of a history that
//! was flattened, amended, reset, pushed over or rebased, and those of deleted branches.
//!
//! | file | concern |
//! | --- | --- |
//! | `found` | the commits found so far, and which of them are lost |
//! | `scan` | searching the chunks of a store |
//! | `scanner` | the thread on which that happens |

mod found;
mod scan;
mod scanner;
#[cfg(test)]
mod tests;

pub use found::FoundCommits;
pub use scanner::CommitScanner;
