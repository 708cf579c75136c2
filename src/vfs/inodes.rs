//! Inode numbers, derived from identities so that they survive a remount.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use super::error::VfsError;
use super::node::TreeNode;
use crate::content::FileEntry;
use crate::model::content_id::ContentId;
use crate::util::locks::lock;

/// The inodes that the kernel holds references to.
pub(super) struct Inodes {
    table: Mutex<HashMap<u64, Inode>>,
    root: u64,
}

struct Inode {
    identity: ContentId,
    node: Arc<TreeNode>,
    references: u64,
}

impl Inodes {
    /// A table that always holds the root.
    pub fn new(node: TreeNode, root: u64) -> Self {
        let slot = Inode { identity: node.identity(), node: Arc::new(node), references: 1 };
        Self { table: Mutex::new(HashMap::from([(root, slot)])), root }
    }

    /// What an inode stands for.
    pub fn node(&self, ino: u64) -> Result<Arc<TreeNode>, VfsError> {
        lock(&self.table).get(&ino).map(|slot| slot.node.clone()).ok_or(VfsError::Stale)
    }

    /// Counts one more reference to `node`. Returns its number, and what that stands for: the newest node of the
    /// identity, whose link count may have grown. A content that is on this machine is read from here, even if a
    /// server has it too. An inode has one mode: if users have different access to a content under its names, the
    /// strictest access applies while the inode is referenced.
    pub fn reference(&self, node: &TreeNode) -> (u64, Arc<TreeNode>) {
        let identity = node.identity();
        let mut table = lock(&self.table);
        let ino = number_in(&table, &identity, self.root);
        let slot = table.entry(ino).or_insert_with(|| Inode {
            identity,
            node: Arc::new(node.clone()),
            references: 0,
        });
        if slot.references > 0 && ino != self.root {
            slot.node = Arc::new(match (&*slot.node, node) {
                (TreeNode::File(known), TreeNode::File(file)) => {
                    let is_here = known.content.received().is_none() && file.content.received().is_some();
                    let content = if is_here { &known.content } else { &file.content }.clone();
                    let access = known.access.and(file.access);
                    TreeNode::File(FileEntry { access, content, ..file.clone() })
                }
                _ => node.clone(),
            });
        }
        slot.references += 1;
        (ino, Arc::clone(&slot.node))
    }

    /// The numbers that these identities have or would get.
    pub fn numbers<'a>(&self, identities: impl IntoIterator<Item = &'a ContentId>) -> Vec<u64> {
        let table = lock(&self.table);
        identities.into_iter().map(|identity| number_in(&table, identity, self.root)).collect()
    }

    /// Drops `count` references. Returns whether these were the last ones.
    pub fn forget(&self, ino: u64, count: u64) -> bool {
        if ino == self.root {
            return false;
        }
        let mut table = lock(&self.table);
        let Some(slot) = table.get_mut(&ino) else { return false };
        slot.references = slot.references.saturating_sub(count);
        let is_last = slot.references == 0;
        if is_last {
            table.remove(&ino);
        }
        is_last
    }
}

/// The first number, from the one derived from `identity` on, that is free or belongs to `identity` already. Two
/// identities share a number once in about 2^63 pairs; the second one gets the next number while both are in use.
fn number_in(table: &HashMap<u64, Inode>, identity: &ContentId, root: u64) -> u64 {
    let first = derived(identity);
    // 0 means "no inode" to the kernel and to readdir(3).
    let is_free = |ino: &u64| *ino > root && table.get(ino).is_none_or(|slot| slot.identity == *identity);
    (0..).map(|step| (first + step) & MASK).find(is_free).expect("no table has 2^63 inodes")
}

/// 63 bits: some programs keep inode numbers in signed integers.
const MASK: u64 = u64::MAX >> 1;

fn derived(identity: &ContentId) -> u64 {
    u64::from_le_bytes(*identity.as_bytes().first_chunk().expect("an id is longer")) & MASK
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::{Content, FileKind, Sink, SourceError, Stream};
    use crate::model::access::Access;
    use crate::model::time::Timestamp;

    fn database(name: &str) -> TreeNode {
        TreeNode::Database { db: name.into() }
    }

    #[test]
    fn the_root_stays_however_often_it_is_forgotten() {
        let inodes = Inodes::new(TreeNode::Root, 1);
        inodes.forget(1, 100);
        assert!(inodes.node(1).is_ok());
    }

    /// A content from a server, or from this machine.
    struct From {
        server: bool,
    }

    #[async_trait::async_trait]
    impl Stream for From {
        fn received(&self) -> Option<u64> {
            self.server.then_some(0)
        }

        fn describe(&self) -> String {
            "a file".to_owned()
        }

        async fn read(&self, _: Sink) -> Result<(), SourceError> {
            Ok(())
        }
    }

    #[test]
    fn what_is_on_this_machine_is_read_from_there_whichever_name_was_looked_up_last() {
        let file = |server| {
            let (path, id, content) =
                ("t.jsonl".into(), ContentId::of(&[b"t"]), Content::stream(From { server }));
            let (kind, changed, access) = (FileKind::Regular, Timestamp::UNIX_EPOCH, Access::default());
            TreeNode::File(FileEntry { path, kind, id, changed, links: 1, access, content })
        };
        for order in [[true, false, true], [false, true, true]] {
            let inodes = Inodes::new(TreeNode::Root, 1);
            let seen = order.map(|server| inodes.reference(&file(server)));
            assert_eq!((seen[0].0, seen[1].0), (seen[2].0, seen[2].0), "one content, one inode");
            let TreeNode::File(kept) = &*seen[2].1 else { panic!("it is a file") };
            assert!(kept.content.received().is_none(), "{order:?}");
        }
    }

    #[test]
    fn two_identities_that_derive_one_number_get_two() {
        let inodes = Inodes::new(TreeNode::Root, 1);
        let (mine, other) = (database("beads"), database("other"));
        let number = derived(&mine.identity());
        let squatter = Inode { identity: other.identity(), node: Arc::new(other.clone()), references: 1 };
        lock(&inodes.table).insert(number, squatter);
        assert_eq!(inodes.reference(&mine).0, number + 1);
        assert!(inodes.node(number + 1).expect("just referenced").identity() == mine.identity());
        assert_eq!(inodes.numbers([&mine.identity()]), [number + 1]);
    }
}
