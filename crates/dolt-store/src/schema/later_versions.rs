//! Fields that later versions of Dolt add to schemas, known and unknown.

use super::{ForeignKey, Schema, SchemaOf, create_table};
use crate::address::Address;
use crate::error::ErrorKind;
use crate::message::{FOREIGN_KEYS_ID, Message, MessageError};
use crate::objects::{RootValue, foreign_key_parts};
use crate::rows_error::RowsError;
use crate::testing::{Field, Fields, MemoryChunks, address_map, message, root_value};

fn text(text: &str) -> Field {
    Field::Bytes(text.as_bytes().to_vec())
}

/// The schema of a table with two columns, an index and a CHECK; the last two have these additional fields.
fn schema(of_index: Fields, of_check: Fields) -> Result<Schema, RowsError> {
    let column = |name, is_key| {
        vec![
            (0, text(name)),
            (1, text("int")),
            (5, Field::U64(7)),
            (6, Field::U8(7)),
            (7, Field::U8(is_key)),
            (8, Field::U8(1 - is_key)),
        ]
    };
    let primary = vec![(3, Field::U16s(vec![0])), (4, Field::U16s(vec![1]))];
    let mut index = vec![(0, text("by_v")), (2, Field::U16s(vec![1])), (6, Field::U8(1))];
    index.extend(of_index);
    let mut check = vec![(0, text("low")), (1, text("(`v` < 5)")), (2, Field::U8(1))];
    check.extend(of_check);
    let schema = message(
        b"DSCH",
        &[
            (0, Field::Tables(vec![column("id", 1), column("v", 0)])),
            (1, Field::Table(primary)),
            (2, Field::Tables(vec![index])),
            (3, Field::Tables(vec![check])),
        ],
    );
    Schema::read("t", &Message::parse(schema).expect("a message"))
}

fn statement(schema: Result<Schema, RowsError>) -> String {
    let schema = schema.unwrap_or_else(|error| panic!("{error}"));
    create_table(&schema, SchemaOf::Commit, 0, &[]).expect("it is known")
}

fn key(more: Fields) -> Fields {
    let mut key = vec![
        (0, text("of_p")),
        (1, text("t")),
        (4, text("p")),
        (9, Field::Strings(vec!["v"])),
        (10, Field::Strings(vec!["id"])),
    ];
    key.extend(more);
    key
}

fn keys(key: Fields) -> bytes::Bytes {
    message(&FOREIGN_KEYS_ID, &[(0, Field::Tables(vec![key]))])
}

/// `SHOW CREATE TABLE` of 2.2.0 prints none of it.
#[test]
fn the_condition_of_an_index_and_not_valid_are_known_and_not_printed() {
    let plain = statement(schema(vec![], vec![]));
    assert!(plain.contains("  UNIQUE KEY `by_v` (`v`),\n  CONSTRAINT `low` CHECK ((`v` < 5))\n"), "{plain}");
    let partial = schema(vec![(14, text("(`v` > 2)"))], vec![(3, Field::U8(1))]);
    assert_eq!(statement(partial), plain);
    let read = |more| ForeignKey::read_all(&Message::parse(keys(key(more))).expect("a message"));
    let clause = |more| {
        let keys = read(more).unwrap_or_else(|error| panic!("{error}"));
        keys[0].clause(&schema(vec![], vec![]).expect("it is known"), None).expect("it has names")
    };
    assert_eq!(clause(vec![(13, Field::U8(1)), (14, Field::U8(1))]), clause(vec![]));
}

#[test]
fn a_field_that_is_not_known_is_said_and_no_damage() {
    for later in [schema(vec![(15, Field::U8(1))], vec![]), schema(vec![], vec![(4, Field::U8(1))])] {
        let error = later.expect_err("it is not known");
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    }
    let later = Message::parse(keys(key(vec![(15, Field::U8(1))]))).expect("a message");
    assert!(matches!(ForeignKey::read_all(&later), Err(MessageError::UnknownFields { known: 15, .. })));
}

/// All parts of a foreign key decide whether the definition of its table changed.
#[test]
fn a_foreign_key_that_becomes_valid_is_another_one() {
    let parts = |more| {
        let mut chunks = MemoryChunks::default();
        let address = chunks.put(keys(key(more)));
        let root = RootValue { tables: Default::default(), foreign_keys: Some(address), collation: 0 };
        foreign_key_parts(&chunks, &root).expect("they are whole")
    };
    let all = [vec![], vec![(13, Field::U8(1))], vec![(14, Field::U8(1))]].map(parts);
    assert!(all[0] != all[1] && all[1] != all[2] && all[0] != all[2]);
    assert_eq!(parts(vec![(14, Field::U8(0))]), all[0]);
}

/// The version of features that Dolt writes does not matter: each object says itself whether it is known.
#[test]
fn a_root_value_of_a_later_feature_version_is_read() {
    let mut chunks = MemoryChunks::default();
    let known = chunks.put(root_value(&[("t", Address::new([1; 20]))], 0));
    let (tables, collation) = {
        let root = RootValue::read(&chunks, &known).expect("it is known");
        (root.tables, root.collation)
    };
    let map = address_map(&[("t", Address::new([1; 20]))]);
    let fields = [(0, Field::U64(1000)), (1, Field::Bytes(map.to_vec())), (3, Field::U16(0))];
    let later = chunks.put(message(b"RTVL", &fields));
    let root = RootValue::read(&chunks, &later).expect("all of it is known");
    assert_eq!((root.tables, root.collation), (tables, collation));
}
