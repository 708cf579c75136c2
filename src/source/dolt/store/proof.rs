//! Whether a root leads to something: asked of roots that no whole manifest vouches for.

use super::address::Address;
use super::chunks::{Chunks, Place};
use super::error::StoreError;
use super::history::main_branch;
use super::objects::commit::Commit;
use super::objects::root_value::RootValue;
use super::objects::store_root::Refs;

/// Reads from a root of a store what has to be there for its main branch to be shown: where its names point, the newest
/// commit, and the list of its tables.
///
/// # Errors
/// What is missing or damaged.
pub fn prove(place: &Place, chunks: &dyn Chunks, root: &Address) -> Result<(), StoreError> {
    let refs = Refs::read(chunks, root)?;
    let head = main_branch(place, &refs.branches)?.and_then(|branch| refs.branches.get(branch));
    let head = head.ok_or_else(|| StoreError::DamagedChunk {
        address: *root,
        file: place.path().to_owned(),
        problem: "it is a root that names no branch".to_owned(),
    })?;
    let commit = Commit::read(chunks, head)?;
    RootValue::read(chunks, &commit.root)?;
    Ok(())
}
