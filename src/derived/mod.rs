//! Files that are made from the contents of snapshots: checksums, versions of tables, differences.
//!
//! They stand between the engine, which gives the bytes of contents, and the tree, which shows them under names.

mod sums;
mod versions;

pub use sums::sums;
pub use versions::{Version, VersionIndex, Versions};
