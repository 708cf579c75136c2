//! The objects in chunks, from the root of the store down to the rows.
//!
//! ```text
//! store root -> refs -> commit -> root value -> table -> leaves -> rows
//!                 \-> tag, working set -^          \-> schema
//! ```

mod address_map;
mod commit;
mod commit_queue;
mod prolly;
mod references;
mod refs;
mod root_value;
mod table;

pub use address_map::entries as address_map_entries;
pub use commit::{Commit, tagged_commit, working_root};
pub use commit_queue::{CommitQueue, CommitRank, QueuedCommit};
pub use prolly::TreeNode;
pub use references::{ReferenceField, References, references};
pub use refs::Refs;
pub use root_value::{ForeignKeyParts, RootValue, foreign_key_parts};
pub use table::{Leaves, StoredTable};
