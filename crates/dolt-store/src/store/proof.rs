//! Proves a root that no whole manifest names.

use std::path::Path;

use crate::address::Address;
use crate::chunks::Chunks;
use crate::error::StoreError;
use crate::objects::{Commit, Refs, RootValue};

/// Reads what must be there for the main branch of a root to be shown: the refs, the newest commit, and the list of its
/// tables.
pub fn prove(
    store: &Path,
    checked_out: Option<&str>,
    chunks: &dyn Chunks,
    root: &Address,
) -> Result<(), StoreError> {
    let refs = Refs::read(chunks, root)?;
    let head = refs.main_branch(checked_out).and_then(|branch| refs.branches.get(branch));
    let head = head.ok_or_else(|| StoreError::DamagedChunk {
        address: *root,
        file: store.to_owned(),
        problem: "it is a root that names no branch".to_owned(),
    })?;
    let commit = Commit::read(chunks, head)?;
    RootValue::read(chunks, &commit.root)?;
    Ok(())
}
