//! Address maps: from names to addresses, as trees of any depth.
//!
//! | slot | field |
//! | --- | --- |
//! | 0, 1 | key bytes, offsets of the keys |
//! | 2 | addresses: values in a leaf, subtrees above |
//! | 3, 4 | counts of the subtrees, of all |
//! | 5 | level, 0 in a leaf |

use bytes::Bytes;

use crate::address::Address;
use crate::chunks::Chunks;
use crate::error::{InChunk, StoreError};
use crate::message::{Message, MessageError};

const ID: &[u8; 4] = b"ADRM";
const FIELDS: u16 = 6;
const OBJECT: &str = "address map";
/// The most nodes of a map. A map of a million names has some ten thousand. A map with more than this was made to keep
/// its reader busy: nodes with several parents double the work with every level.
const MAX_NODES: usize = 1 << 16;

/// All entries of a map, sorted by the bytes of their keys. The root of the map is `bytes`, a part of the chunk
/// `owner`.
pub fn entries(
    chunks: &dyn Chunks,
    owner: &Address,
    bytes: Bytes,
) -> Result<Vec<(String, Address)>, StoreError> {
    let mut found = Vec::new();
    let root = MapNode::parse(bytes).in_chunk(owner, OBJECT)?;
    let mut open = vec![(*owner, root)];
    let mut nodes = 1;
    while let Some((at, node)) = open.pop() {
        if node.level == 0 {
            for (key, value) in node.keys.into_iter().zip(node.addresses) {
                let key = String::from_utf8(key.into());
                let key = key.map_err(|_| MessageError::NotUtf8 { slot: 0 }).in_chunk(&at, OBJECT)?;
                found.push((key, value));
            }
            continue;
        }
        nodes += node.addresses.len();
        if nodes > MAX_NODES {
            let problem = format!("it has more than {MAX_NODES} nodes");
            return Err(MessageError::Invalid(problem)).in_chunk(&at, OBJECT);
        }
        // The last node is taken first, so that the keys come in order.
        for address in node.addresses.into_iter().rev() {
            let child = chunks.chunk(&address)?;
            let child = MapNode::parse(child).in_chunk(&address, OBJECT)?;
            if child.level >= node.level {
                let problem = format!("level {} below level {}", child.level, node.level);
                return Err(MessageError::Invalid(problem)).in_chunk(&address, OBJECT);
            }
            open.push((address, child));
        }
    }
    Ok(found)
}

struct MapNode {
    keys: Vec<Bytes>,
    addresses: Vec<Address>,
    level: u8,
}

impl MapNode {
    fn parse(bytes: Bytes) -> Result<Self, MessageError> {
        let message = Message::parse_as(bytes, ID)?;
        message.check_fields(FIELDS)?;
        let node =
            Self { keys: message.items(0, 1)?, addresses: message.addresses(2)?, level: message.u8(5)? };
        match node.keys.len() == node.addresses.len() {
            true => Ok(node),
            false => {
                let (keys, values) = (node.keys.len(), node.addresses.len());
                Err(MessageError::Invalid(format!("it has {keys} keys and {values} addresses")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Field, MemoryChunks, address_map, items, message};

    const OWNER: Address = Address::new([9; 20]);

    fn inner(keys: &[&[u8]], children: &[Address], level: u8) -> Bytes {
        let (keys, offsets) = items(keys);
        let children = children.iter().flat_map(|child| *child.as_bytes()).collect();
        message(b"ADRM", &[(0, keys), (1, offsets), (2, Field::Bytes(children)), (5, Field::U8(level))])
    }

    #[test]
    fn trees_of_any_depth_are_read_in_order() {
        let mut chunks = MemoryChunks::default();
        let value = |number| Address::new([number; 20]);
        let one = chunks.put(address_map(&[("a", value(1)), ("b", value(2))]));
        let two = chunks.put(address_map(&[("c", value(3))]));
        let below = chunks.put(inner(&[b"b", b"c"], &[one, two], 1));
        let three = chunks.put(address_map(&[("d", value(4))]));
        let beside = chunks.put(inner(&[b"d"], &[three], 1));
        let root = inner(&[b"c", b"d"], &[below, beside], 2);
        let expected =
            [("a", 1), ("b", 2), ("c", 3), ("d", 4)].map(|(name, at)| (name.to_owned(), value(at)));
        assert_eq!(entries(&chunks, &OWNER, root).expect("a map"), expected);
    }

    #[test]
    fn a_tree_that_doubles_with_every_level_is_refused() {
        let mut chunks = MemoryChunks::default();
        let mut child = chunks.put(address_map(&[]));
        for level in 1..60 {
            child = chunks.put(inner(&[b"a", b"b"], &[child, child], level));
        }
        let root = inner(&[b"a"], &[child], 60);
        let error = entries(&chunks, &OWNER, root).expect_err("2^59 leaves");
        assert!(crate::error::chain(&error).contains("more than"), "{error}");
    }

    #[test]
    fn a_tree_that_is_none_is_refused() {
        let mut chunks = MemoryChunks::default();
        let leaf = chunks.put(address_map(&[]));
        let flat = chunks.put(inner(&[b"a"], &[leaf], 1));
        let error = entries(&chunks, &OWNER, inner(&[b"a"], &[flat], 1)).expect_err("level 1 below level 1");
        assert!(matches!(error, StoreError::Object { address, .. } if address == flat), "{error}");
        let error = entries(&chunks, &OWNER, inner(&[b"a", b"b"], &[leaf], 1)).expect_err("a key too many");
        assert!(matches!(error, StoreError::Object { address: OWNER, .. }), "{error}");
    }
}
