//! Inode numbers: derived from identity, so that they are the same after a remount.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use super::error::VfsError;
use super::node::Node;
use crate::content::FileEntry;
use crate::model::content_id::ContentId;
use crate::util::locks::lock;

/// The inodes that the kernel holds references to.
pub(super) struct Inodes {
    table: Mutex<HashMap<u64, Slot>>,
    root: u64,
}

struct Slot {
    identity: ContentId,
    node: Arc<Node>,
    references: u64,
}

impl Inodes {
    /// A table that holds the root for ever.
    pub fn new(node: Node, root: u64) -> Self {
        let slot = Slot { identity: node.identity(), node: Arc::new(node), references: 1 };
        Self { table: Mutex::new(HashMap::from([(root, slot)])), root }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Slot>> {
        lock(&self.table)
    }

    /// What an inode stands for.
    pub fn node(&self, ino: u64) -> Result<Arc<Node>, VfsError> {
        self.lock().get(&ino).map(|slot| slot.node.clone()).ok_or(VfsError::Stale)
    }

    /// The number of `node`, with one more reference, and what it stands for. The newest node of an identity is kept: its
    /// link count may have grown. But what is on this machine is read from there, also where a server has it, too. A content may have names that not the same users may read it under: as it has one mode,
    /// the strictest access holds as long as the inode is referenced.
    pub fn reference(&self, node: &Node) -> (u64, Arc<Node>) {
        let identity = node.identity();
        let mut table = self.lock();
        let ino = number_in(&table, &identity, self.root);
        let slot = table.entry(ino).or_insert_with(|| Slot {
            identity,
            node: Arc::new(node.clone()),
            references: 0,
        });
        if slot.references > 0 && ino != self.root {
            slot.node = Arc::new(match (&*slot.node, node) {
                (Node::File(known), Node::File(file)) => {
                    let is_here = known.content.received().is_none() && file.content.received().is_some();
                    let content = if is_here { &known.content } else { &file.content }.clone();
                    Node::File(FileEntry { access: known.access.and(file.access), content, ..file.clone() })
                }
                _ => node.clone(),
            });
        }
        slot.references += 1;
        (ino, Arc::clone(&slot.node))
    }

    /// The numbers that these identities have or would get, for listings.
    pub fn numbers<'a>(&self, identities: impl IntoIterator<Item = &'a ContentId>) -> Vec<u64> {
        let table = self.lock();
        identities.into_iter().map(|identity| number_in(&table, identity, self.root)).collect()
    }

    /// Drops `count` references.
    pub fn forget(&self, ino: u64, count: u64) {
        if ino == self.root {
            return;
        }
        let mut table = self.lock();
        if let Some(slot) = table.get_mut(&ino) {
            slot.references = slot.references.saturating_sub(count);
            if slot.references == 0 {
                table.remove(&ino);
            }
        }
    }
}

/// The first number from the one that `identity` derives which is free or already its own. Two identities meet in one
/// number about once in 2^63 pairs; the later one then gets the next number while both are in use.
fn number_in(table: &HashMap<u64, Slot>, identity: &ContentId, root: u64) -> u64 {
    let mut ino = derived(identity);
    loop {
        // 0 means "no inode" to the kernel and to readdir(3).
        if ino > root && table.get(&ino).is_none_or(|slot| slot.identity == *identity) {
            return ino;
        }
        ino = (ino + 1) & MASK;
    }
}

/// 63 bits: some programs keep inode numbers in signed integers.
const MASK: u64 = u64::MAX >> 1;

fn derived(identity: &ContentId) -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&identity.as_bytes()[..8]);
    u64::from_le_bytes(bytes) & MASK
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::{Content, FileKind, Sink, SourceError, Stream};
    use crate::model::access::Access;
    use crate::model::time::Timestamp;

    fn database(name: &str) -> Node {
        Node::Database { db: name.into() }
    }

    #[test]
    fn numbers_are_derived_and_live_as_long_as_they_are_referenced() {
        let (first, second) = (Inodes::new(Node::Root, 1), Inodes::new(Node::Root, 1));
        let (ino, _) = first.reference(&database("beads"));
        assert_eq!(second.reference(&database("beads")).0, ino, "another mount derives the same number");
        assert_eq!(first.reference(&database("beads")).0, ino);
        first.forget(ino, 1);
        assert!(first.node(ino).is_ok());
        first.forget(ino, 1);
        assert!(matches!(first.node(ino), Err(VfsError::Stale)));
        first.forget(1, 100);
        assert!(first.node(1).is_ok(), "the root stays");
    }

    /// A content over a server, or from this machine.
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
            Node::File(FileEntry { path, kind, id, changed, links: 1, access, content })
        };
        for order in [[true, false, true], [false, true, true]] {
            let inodes = Inodes::new(Node::Root, 1);
            let seen = order.map(|server| inodes.reference(&file(server)));
            assert_eq!((seen[0].0, seen[1].0), (seen[2].0, seen[2].0), "one content, one inode");
            let Node::File(kept) = &*seen[2].1 else { panic!("it is a file") };
            assert!(kept.content.received().is_none(), "{order:?}");
        }
    }

    #[test]
    fn two_identities_that_derive_one_number_get_two() {
        let inodes = Inodes::new(Node::Root, 1);
        let (mine, other) = (database("beads"), database("other"));
        let number = derived(&mine.identity());
        let squatter = Slot { identity: other.identity(), node: Arc::new(other.clone()), references: 1 };
        inodes.lock().insert(number, squatter);
        assert_eq!(inodes.reference(&mine).0, number + 1);
        assert!(
            matches!(&*inodes.node(number + 1).expect("just referenced"), Node::Database { db } if &**db == "beads")
        );
        assert_eq!(inodes.numbers([&mine.identity()]), [number + 1]);
    }
}
