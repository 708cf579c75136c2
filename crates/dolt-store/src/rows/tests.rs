//! Leaves that a server of version 1.88.1 wrote, whole and damaged.

use bytes::Bytes;

use super::{RowReader, Value, ValueRoom};
use crate::message::Message;
use crate::rows_error::RowsError;
use crate::schema::{Schema, SchemaOf, Storage, create_table};
use crate::testing::{MemoryChunks, Sample, address_of};

/// The values of all rows of a sample as text, one row a line.
fn text(sample: &Sample) -> String {
    let reader = RowReader::new(&sample.schema).expect("it is known");
    let leaf = reader.leaf(&sample.leaf).expect("a leaf");
    let (mut text, mut room) = (String::new(), ValueRoom::default());
    for number in 0..leaf.len() {
        let row = reader.row(&leaf, number).expect("it is whole");
        text.push_str(&format!("{} x", reader.times(&row).expect("it is whole")));
        let read = reader.each_value(&row, &sample.values, &mut room, |value: Value<'_>| {
            text.push_str(&format!(" {value:?}"));
            Ok::<(), RowsError>(())
        });
        read.expect("all is there");
        text.push('\n');
    }
    text
}

#[test]
fn values_have_the_types_of_their_columns() {
    let geometry = "[0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 240, 63, 0, 0, 0, 0, 0, 0, 0, 192]";
    let first = [
        r#"1 x Int(1) Text("a") Decimal("-1.01") Text("it's") Text("x,y")"#,
        "Time { negative: true, hours: 12, minutes: 34, seconds: 56, micros: 500000 }",
        "DateTime { year: 2024, month: 2, day: 29, hour: 1, minute: 2, second: 3, micros: 456000 }",
        "Date { year: 1999, month: 12, day: 31 }",
        r#"Bytes([0, 255]) Text("text é") Json("{\"a\":[null,1.5],\"b\":1}")"#,
        &format!("Geometry({geometry}) Int(2)"),
    ];
    let second = format!("1 x Int(2) Text(\"B\") {}Int(3)", "Null ".repeat(10));
    assert_eq!(text(&Sample::of_many_types()), format!("{}\n{second}\n", first.join(" ")));
}

#[test]
fn a_table_without_a_key_counts_equal_rows() {
    let text = text(&Sample::without_key());
    let mut rows: Vec<_> = text.lines().collect();
    rows.sort();
    assert_eq!(rows, ["1 x Null Null", r#"3 x Int(1) Text("x")"#]);
}

#[test]
fn what_the_server_hides_of_the_past_and_of_computed_columns() {
    let mut sample = Sample::of_many_types().schema;
    sample.target_row_size = Some(900);
    sample.comment = "it's".to_owned();
    let statement = |sample: &Schema, moment| create_table(sample, moment, 0, &[]).expect("it is known");
    assert!(statement(&sample, SchemaOf::Commit).ends_with(" COMMENT='it''s'"));
    assert!(statement(&sample, SchemaOf::WorkingSet).ends_with(" COMMENT='it''s' TARGET_ROW_SIZE=900"));
    sample.columns[9].is_virtual = true;
    assert!(statement(&sample, SchemaOf::WorkingSet).ends_with("utf8mb4_0900_bin TARGET_ROW_SIZE=900"));
}

#[test]
fn keys_stand_in_their_own_order() {
    let sample = Sample::of_many_types().schema;
    let names: Vec<_> = sample.primary_key.iter().map(|&place| sample.columns[place].name.as_str()).collect();
    assert_eq!(names, ["k", "id"]);
    assert_eq!((sample.columns[0].storage, sample.columns[1].storage), (Storage::Key(1), Storage::Key(0)));
}

/// Does all that can be done with bytes which may be anything.
fn use_all(schema: Bytes, leaf: Bytes, values: &MemoryChunks) {
    let Ok(schema) = Message::parse(schema) else { return };
    let Ok(schema) = Schema::read("sample", &schema) else { return };
    let _ = create_table(&schema, SchemaOf::WorkingSet, 0, &[]);
    let Ok(reader) = RowReader::new(&schema) else { return };
    let Ok(leaf) = Message::parse(leaf) else { return };
    let Ok(leaf) = reader.leaf(&leaf) else { return };
    let _ = reader.check_addresses(&leaf, values);
    let mut room = ValueRoom::default();
    for number in 0..leaf.len() {
        let Ok(row) = reader.row(&leaf, number) else { continue };
        let _ = reader.times(&row);
        let _ = reader.each_value(&row, values, &mut room, |_| Ok::<(), RowsError>(()));
    }
}

fn each_damage(whole: &Bytes, mut use_it: impl FnMut(Bytes)) {
    for at in 0..whole.len() {
        for mask in [0x01, 0x80, 0xff] {
            let mut damaged = whole.to_vec();
            damaged[at] ^= mask;
            use_it(damaged.into());
        }
        // Cut, with a prefix that states the new length.
        let mut cut = whole[..at].to_vec();
        if let (Some(prefix), Ok(len)) = (cut.get_mut(1..4), u32::try_from(at.saturating_sub(4))) {
            prefix.copy_from_slice(&len.to_be_bytes()[1..]);
        }
        use_it(cut.into());
    }
}

#[test]
fn no_damage_makes_it_panic() {
    let whole = [
        (Sample::MANY_TYPES_SCHEMA, Sample::MANY_TYPES_LEAF, Sample::of_many_types().values),
        (Sample::KEYLESS_SCHEMA, Sample::KEYLESS_LEAF, MemoryChunks::default()),
    ];
    for (schema, leaf, values) in whole {
        let (schema, leaf) = (Bytes::from_static(schema), Bytes::from_static(leaf));
        each_damage(&schema, |damaged| use_all(damaged, leaf.clone(), &values));
        each_damage(&leaf, |damaged| use_all(schema.clone(), damaged, &values));
    }
    let (schema, leaf) = (Sample::MANY_TYPES_SCHEMA, Sample::MANY_TYPES_LEAF);
    for chunk in Sample::MANY_TYPES_VALUES.map(Bytes::from_static) {
        each_damage(&chunk, |damaged| {
            let mut values = Sample::of_many_types().values;
            values.replace(&address_of(&chunk), damaged);
            use_all(Bytes::from_static(schema), Bytes::from_static(leaf), &values);
        });
    }
}
