//! The store's root: where branches, tags and working sets point.

use std::collections::BTreeMap;

use crate::address::Address;
use crate::chunks::Chunks;
use crate::error::{InChunk, StoreError};
use crate::message::Message;
use crate::objects::address_map;

const ID: &[u8; 4] = b"STRT";
const FIELDS: u16 = 1;
const REFS: u16 = 0;

const BRANCHES: &str = "refs/heads/";
const TAGS: &str = "refs/tags/";
const REMOTES: &str = "refs/remotes/";
const WORKING_SETS: &str = "workingSets/heads/";

/// The refs of a store that belong to its history, without stashes, statistics and internal refs.
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

    /// The branch that a new session gets on a server over this store: the one checked out, else the first of `main`,
    /// `master` and the other branches by name.
    pub fn main_branch(&self, checked_out: Option<&str>) -> Option<&str> {
        let wanted = [checked_out, Some("main"), Some("master")];
        let found = wanted.into_iter().flatten().find_map(|wanted| self.branches.get_key_value(wanted));
        found.or_else(|| self.branches.first_key_value()).map(|(name, _)| name.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_main_branch_is_the_one_checked_out_or_the_usual_one() {
        for (names, checked_out, expected) in [
            (&["a", "main", "x"][..], None, Some("main")),
            (&["a", "master"], None, Some("master")),
            (&["b", "a"], None, Some("a")),
            (&[], None, None),
            (&["a", "main", "x"], Some("x"), Some("x")),
            (&["a", "main"], Some("x"), Some("main")),
        ] {
            let branches = names.iter().map(|&name| (name.to_owned(), Address::default())).collect();
            let refs = Refs { branches, ..Refs::default() };
            assert_eq!(refs.main_branch(checked_out), expected, "{names:?} {checked_out:?}");
        }
    }
}
