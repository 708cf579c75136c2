//! The store's root: where branches, tags and working sets point.

use std::collections::BTreeMap;

use crate::source::dolt::store::address::Address;
use crate::source::dolt::store::chunks::Chunks;
use crate::source::dolt::store::error::{InChunk, StoreError};
use crate::source::dolt::store::message::Message;
use crate::source::dolt::store::objects::address_map;

const ID: &[u8; 4] = b"STRT";
const FIELDS: u16 = 1;
const REFS: u16 = 0;

const BRANCHES: &str = "refs/heads/";
const TAGS: &str = "refs/tags/";
const REMOTES: &str = "refs/remotes/";
const WORKING_SETS: &str = "workingSets/heads/";

/// The refs of a store; others than these (stashes, statistics, internal ones) are no part of the history.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Refs {
    /// Branch to commit.
    pub branches: BTreeMap<String, Address>,
    /// Tag to tag object.
    pub tags: BTreeMap<String, Address>,
    /// `<remote>/<branch>` to commit, as of the last fetch.
    pub remotes: BTreeMap<String, Address>,
    /// Branch to working set.
    pub working_sets: BTreeMap<String, Address>,
}

impl Refs {
    /// Reads the refs of the store with this root, which is empty in a store where nothing was ever written.
    ///
    /// # Errors
    /// What is wrong with which chunk.
    pub fn read(chunks: &dyn Chunks, root: &Address) -> Result<Self, StoreError> {
        let mut refs = Self::default();
        if root.is_empty() {
            return Ok(refs);
        }
        let object = "store root";
        let message = Message::parse_as(chunks.chunk(root)?, ID).in_chunk(root, object)?;
        message.check_fields(FIELDS).in_chunk(root, object)?;
        let map = message.bytes(REFS).in_chunk(root, object)?;
        for (name, address) in address_map::entries(chunks, root, map)? {
            let kinds = [
                (BRANCHES, &mut refs.branches),
                (TAGS, &mut refs.tags),
                (REMOTES, &mut refs.remotes),
                (WORKING_SETS, &mut refs.working_sets),
            ];
            for (prefix, entries) in kinds {
                if let Some(name) = name.strip_prefix(prefix) {
                    entries.insert(name.to_owned(), address);
                }
            }
        }
        Ok(refs)
    }
}
