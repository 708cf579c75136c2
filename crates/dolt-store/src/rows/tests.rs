//! Leaves that a server of version 1.88.1 wrote, whole and damaged.

use bytes::Bytes;

use crate::probe;
use crate::probe::rows_under;
use crate::schema::{Schema, SchemaOf, Storage, create_table};
use crate::testing::{MemoryChunks, Sample, address_of};

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

fn each_damage(whole: &[u8], mut use_it: impl FnMut(Bytes)) {
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
        each_damage(schema, |damaged| {
            probe::object(&damaged);
            rows_under(&damaged, leaf, &values);
        });
        each_damage(leaf, |damaged| rows_under(schema, &damaged, &values));
    }
    let (schema, leaf) = (Sample::MANY_TYPES_SCHEMA, Sample::MANY_TYPES_LEAF);
    for chunk in Sample::MANY_TYPES_VALUES {
        each_damage(chunk, |damaged| {
            let mut values = Sample::of_many_types().values;
            values.replace(&address_of(chunk), damaged);
            rows_under(schema, leaf, &values);
        });
    }
}
