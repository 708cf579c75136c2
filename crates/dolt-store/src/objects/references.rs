//! The chunks that an object refers to. Only references that Dolt's garbage collection follows are here: the targets of
//! others may rightly be gone.

use crate::address::Address;
use crate::message::{Message, MessageError, MessageTable};

/// A key of a commit closure: the commit's height and its address.
const CLOSURE_KEY_LEN: usize = 8 + Address::LEN;

/// How an object refers to a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReferenceField<'c> {
    /// The entry with this key in a map of refs, tables or stashes.
    Entry(&'c [u8]),
    /// The secondary index of this name.
    Index(&'c [u8]),
    /// A node of the same tree, or of the rows of a table.
    Child,
    /// A node of the map of a table's secondary indexes.
    IndexMap,
    /// A value too long for its row.
    LongValue,
    /// The root value of a commit, a working set or a stash.
    Root,
    /// What a working set has staged.
    Staged,
    /// The root value from before a merge.
    BeforeMerge,
    /// The commit that a tag, a stash or a merge names.
    Commit,
    /// A parent of a commit.
    Parent,
    /// The tree of all ancestors of a commit.
    Closure,
    /// A commit in such a tree.
    Ancestor,
    /// The schema of a table.
    Schema,
    /// The foreign keys of a root value.
    ForeignKeys,
    /// Conflicts and violations that a merge left.
    Artifacts,
    /// What statistics are made of.
    Statistics,
}

/// What an object refers to.
#[derive(Debug, Default)]
pub struct References<'c> {
    /// The chunks, each with how the object refers to it. A chunk may occur several times.
    pub all: Vec<(ReferenceField<'c>, Address)>,
    /// Why there may be more references; completes a sentence about the chunk.
    pub unknown: Option<String>,
}

/// A table of a message whose parts cost nothing.
type Object<'c> = MessageTable<&'c [u8]>;

/// How many fields of an object are known; `None` for an unknown kind.
fn known_fields(id: &[u8; 4]) -> Option<u16> {
    Some(match id {
        b"STRT" | b"SLST" | b"STAT" => 1,
        b"STSH" | b"RTVL" | b"CMCL" | b"BLOB" => 5,
        b"DTAG" | b"ADRM" => 6,
        b"DTBL" => 7,
        b"WRST" => 8,
        b"ARTM" => 9,
        b"IVFF" => 10,
        b"TUPM" => 11,
        b"DCMT" => 12,
        // These refer to nothing.
        b"DSCH" | b"DFKC" | b"TUPL" => u16::MAX,
        _ => return None,
    })
}

/// Reads what a chunk refers to.
pub fn references(chunk: &[u8]) -> Result<References<'_>, MessageError> {
    let mut found = References::default();
    if Message::id_of(chunk).is_none() {
        found.unknown = Some("is of a form that is not known".to_owned());
        return Ok(found);
    }
    let message = Message::parse(chunk)?;
    found.check_kind(&message);
    found.of_object(&message.id, &message)?;
    found.all.retain(|(_, address)| !address.is_empty());
    Ok(found)
}

impl<'c> References<'c> {
    /// Notes if the kind of an object, or a field of it, is not known.
    fn check_kind(&mut self, object: &Message<&'c [u8]>) {
        let why = match known_fields(&object.id) {
            None => Some(format!("is a {} object, which is not known", object.id.escape_ascii())),
            Some(fields) => {
                object.check_fields(fields).err().map(|later| format!("is not known in full: {later}"))
            }
        };
        self.unknown = self.unknown.take().or(why);
    }

    fn of_object(&mut self, id: &[u8; 4], object: &Object<'c>) -> Result<(), MessageError> {
        match id {
            b"STRT" | b"SLST" => self.within(object.bytes(0)?),
            b"DTAG" => self.one(object, 0, ReferenceField::Commit),
            b"STAT" => self.one(object, 0, ReferenceField::Statistics),
            b"STSH" => {
                self.one(object, 0, ReferenceField::Root)?;
                self.one(object, 1, ReferenceField::Commit)
            }
            b"WRST" => self.of_working_set(object),
            b"DCMT" => {
                self.one(object, 0, ReferenceField::Root)?;
                self.several(object, 2, ReferenceField::Parent)?;
                self.one(object, 3, ReferenceField::Closure)
            }
            b"RTVL" => {
                self.within(object.bytes(1)?)?;
                self.one(object, 2, ReferenceField::ForeignKeys)
            }
            b"DTBL" => self.of_table(object),
            _ => self.of_node(id, object),
        }
    }

    /// Adds the references of a node of a tree.
    fn of_node(&mut self, id: &[u8; 4], node: &Object<'c>) -> Result<(), MessageError> {
        match id {
            b"TUPM" => {
                self.several(node, 7, ReferenceField::Child)?;
                self.at_offsets(node.bytes(3)?, &node.u16s(6)?)
            }
            b"ARTM" => {
                self.several(node, 5, ReferenceField::Child)?;
                self.at_offsets(node.bytes(0)?, &node.u16s(2)?)
            }
            b"ADRM" if node.u8(5)? == 0 => self.of_map(node),
            b"ADRM" => self.several(node, 2, ReferenceField::Child),
            b"CMCL" => self.of_closure(node),
            b"BLOB" => self.several(node, 1, ReferenceField::Child),
            // Its keys name vectors that belong to the rows.
            b"IVFF" => self.several(node, 4, ReferenceField::Child),
            _ => Ok(()),
        }
    }

    fn of_map(&mut self, leaf: &Object<'c>) -> Result<(), MessageError> {
        let (keys, addresses) = (leaf.items(0, 1)?, leaf.addresses(2)?);
        if keys.len() != addresses.len() {
            let problem = format!("it has {} keys and {} addresses", keys.len(), addresses.len());
            return Err(MessageError::Invalid(problem));
        }
        self.all.extend(keys.into_iter().map(ReferenceField::Entry).zip(addresses));
        Ok(())
    }

    fn of_working_set(&mut self, object: &Object<'c>) -> Result<(), MessageError> {
        self.one(object, 0, ReferenceField::Root)?;
        self.one(object, 1, ReferenceField::Staged)?;
        // Dolt does not keep alive what a rebase (slot 7) refers to.
        if let Some(merge) = object.table(6)? {
            self.one(&merge, 0, ReferenceField::BeforeMerge)?;
            self.one(&merge, 1, ReferenceField::Commit)?;
        }
        Ok(())
    }

    fn of_table(&mut self, object: &Object<'c>) -> Result<(), MessageError> {
        self.one(object, 0, ReferenceField::Schema)?;
        self.within(object.bytes(1)?)?;
        let rows = self.all.len();
        self.within(object.bytes(2)?)?;
        for (field, _) in &mut self.all[rows..] {
            *field = match field {
                ReferenceField::Entry(name) => ReferenceField::Index(name),
                _ => ReferenceField::IndexMap,
            };
        }
        if let Some(conflicts) = object.table(4)? {
            for slot in 0..4 {
                self.one(&conflicts, slot, ReferenceField::Artifacts)?;
            }
        }
        self.one(object, 5, ReferenceField::Artifacts)?;
        self.one(object, 6, ReferenceField::Artifacts)
    }

    fn of_closure(&mut self, node: &Object<'c>) -> Result<(), MessageError> {
        self.several(node, 1, ReferenceField::Child)?;
        if node.u8(4)? == 0 {
            let keys = node.bytes(0)?;
            if keys.len() % CLOSURE_KEY_LEN != 0 {
                return Err(MessageError::Invalid(format!("its {} bytes of keys are no keys", keys.len())));
            }
            let commits = keys.chunks_exact(CLOSURE_KEY_LEN).filter_map(|key| Address::from_slice(&key[8..]));
            self.all.extend(commits.map(|commit| (ReferenceField::Ancestor, commit)));
        }
        Ok(())
    }

    /// The address in a slot.
    fn one(&mut self, object: &Object<'c>, slot: u16, field: ReferenceField<'c>) -> Result<(), MessageError> {
        self.all.extend(object.address(slot)?.map(|address| (field, address)));
        Ok(())
    }

    /// The addresses in a slot.
    fn several(
        &mut self,
        node: &Object<'c>,
        slot: u16,
        field: ReferenceField<'c>,
    ) -> Result<(), MessageError> {
        self.all.extend(node.addresses(slot)?.into_iter().map(|address| (field, address)));
        Ok(())
    }

    /// Addresses among other things, at these offsets.
    fn at_offsets(&mut self, items: &'c [u8], offsets: &[u16]) -> Result<(), MessageError> {
        for &offset in offsets {
            let start = usize::from(offset);
            let address = items.get(start..start + Address::LEN).and_then(Address::from_slice);
            let outside = || MessageError::OutOfBounds { what: format!("the address at {offset}") };
            self.all.push((ReferenceField::LongValue, address.ok_or_else(outside)?));
        }
        Ok(())
    }

    /// Adds the references of a tree whose root is part of an object.
    fn within(&mut self, node: &'c [u8]) -> Result<(), MessageError> {
        if node.is_empty() {
            return Ok(());
        }
        let node = Message::parse(node)?;
        self.check_kind(&node);
        self.of_node(&node.id, &node)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Field as Slot, address_map, message, store_root};

    fn address(number: u8) -> Address {
        Address::new([number; 20])
    }

    fn slot(numbers: &[u8]) -> Slot {
        Slot::Bytes(numbers.iter().flat_map(|number| [*number; 20]).collect())
    }

    #[test]
    fn each_kind_refers_to_all_that_it_keeps_alive() {
        use ReferenceField::*;
        let leaf = |address: u8| {
            message(
                b"TUPM",
                &[(3, Slot::Bytes([&[7; 3][..], &[address; 20]].concat())), (6, Slot::U16s(vec![3]))],
            )
        };
        let table = [
            (0, slot(&[1])),
            (1, Slot::Bytes(leaf(2).to_vec())),
            (2, Slot::Bytes(address_map(&[("by_w", address(4))]).to_vec())),
            (6, slot(&[5])),
        ];
        let commit = [(0, slot(&[1])), (2, slot(&[2, 3])), (3, slot(&[4]))];
        let node = [(7, slot(&[1, 2])), (10, Slot::U8(1))];
        let key = [&[0; 8][..], &[6; 20]].concat();
        let main = "refs/heads/main";
        let objects = [
            (store_root(&[(main, address(1))]), vec![(Entry(main.as_bytes()), 1)]),
            (message(b"DCMT", &commit), vec![(Root, 1), (Parent, 2), (Parent, 3), (Closure, 4)]),
            (
                message(b"DTBL", &table),
                vec![(Schema, 1), (LongValue, 2), (Index(b"by_w"), 4), (Artifacts, 5)],
            ),
            (leaf(9), vec![(LongValue, 9)]),
            (message(b"TUPM", &node), vec![(Child, 1), (Child, 2)]),
            (message(b"CMCL", &[(0, Slot::Bytes(key))]), vec![(Ancestor, 6)]),
            (message(b"WRST", &[(0, slot(&[1])), (1, slot(&[0]))]), vec![(Root, 1)]),
            (message(b"DSCH", &[(40, Slot::U8(1))]), vec![]),
        ];
        for (chunk, expected) in objects {
            let found = references(&chunk).expect("it is whole");
            let expected: Vec<_> = expected.into_iter().map(|(field, to)| (field, address(to))).collect();
            assert_eq!(found.all, expected);
            assert_eq!(found.unknown, None);
        }
    }

    #[test]
    fn what_is_not_known_is_said_and_what_is_known_is_followed() {
        let unknown =
            |chunk: &[u8]| references(chunk).expect("it is whole").unknown.expect("it is not known");
        assert!(unknown(b"rubbish").contains("form"));
        assert!(unknown(&message(b"NEWS", &[(0, slot(&[1]))])).contains("NEWS"));
        let later = message(b"DTAG", &[(0, slot(&[1])), (6, Slot::U8(1))]);
        assert_eq!(references(&later).expect("it is whole").all, [(ReferenceField::Commit, address(1))]);
        assert!(unknown(&later).contains("later version"));
    }

    #[test]
    fn what_points_out_of_an_object_is_refused() {
        let leaf = message(b"TUPM", &[(3, Slot::Bytes(vec![1; 22])), (6, Slot::U16s(vec![3]))]);
        assert!(references(&leaf).is_err());
        assert!(references(&message(b"CMCL", &[(0, Slot::Bytes(vec![1; 27]))])).is_err());
        assert!(references(&message(b"DTAG", &[(0, Slot::Bytes(vec![1; 21]))])).is_err());
    }
}
