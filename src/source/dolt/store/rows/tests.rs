//! Chunks that a server of version 1.88.1 wrote, whole and damaged.

use std::collections::HashMap;
use std::ops::{ControlFlow, Range};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use super::schema::{Place, Schema};
use super::schema_sql::{Moment, create_table};
use super::{RowRenderer, RowsError, ValueProblem};
use crate::content::ErrorKind;
use crate::source::dolt::store::address::Address;
use crate::source::dolt::store::chunks::Chunks;
use crate::source::dolt::store::error::StoreError;
use crate::source::dolt::store::message::Message;

/// All lines of a leaf.
const ALL: Range<u64> = 0..u64::MAX;

/// Schema of a table with columns of many types.
const SAMPLE_SCHEMA: &str = "\
    GwAGqBwAAABEU0NIAAAAAAAADgAYABAAFAAMAAgABgAOAAAAAAA1ARgAAABQAAAAWAEAABwBAAAAAAAAAAAAAAEAAAAQAAAAAAAK\
    ABAABAAIAA8ACgAAAAwAAAAQAAAAAAAAAQEAAABjAAAACgAAAChgaWRgID4gMCkAAAIAAAAgAAAAeAAAAAAAFgAYABQAEAAMAAgA\
    AAAAAAAAAAAEABYAAAAUAAAAGAAAACAAAAAkAAAAKAAAAAEAAAAFAAAAAwAAAAkAAQAAAAAAAQAAAAkAAAAAAAAAAAAAAAMAAABw\
    cmUAAAAWABwAGAAUABAADAAAAAAACwAAAAQAFgAAABgAAAAAAAABFAAAABwAAAAgAAAAJAAAAAAAAAADAAAAAgABAAAAAAABAAAA\
    AgAAAAAAAAAAAAAAAQAAAHUAEgAUAAAAAAAQAAwACAAHAAYAEgAAAAAAAQEMAAAAJAAAACAAAAALAAAAAgADAAQABQAGAAcACAAJ\
    AAoACwAMAAAAAgAAAAEAAAANAAAASAAAAKQAAAAQAQAAbAEAAMgBAAAcAgAAaAIAALwCAAAIAwAAdAMAAMADAAAkBAAAmAQAABQA\
    JAAgABwAGAAUAAAACAAHAAYAFAAAAAAAAQdTPQAAAAAAAAAAAAAwAAAAJAAAABAAAAAEAAAAAgAAAGlkAAADAAAAaW50AAAAAAAA\
    AAAAAAAAAAAAAAAAAAAAAAAAABQAJAAgABwAGAAUABIACAAHAAYAFAAAAAAAAYA8CgAAAAAAAAAAAQBUAAAASAAAABAAAAAEAAAA\
    AQAAAGsAAAAlAAAAdmFyY2hhcig5KSBDT0xMQVRFIHV0ZjhtYjRfMDkwMF9haV9jaQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\
    AN78//8AAAGCHwkAAAAAAAAAAAAAAAACAEAAAAAwAAAAEAAAAAQAAAABAAAAbgAAAA0AAABkZWNpbWFsKDEwLDIpAAAAAAAAAAAA\
    AAAEAAAAMS41MAAAAAAAAAAAAAAAAD79//8AAAET1zEAAAAAAAAAAAAAAAADAEAAAAA0AAAAEAAAAAQAAAABAAAAZQAAABEAAABl\
    bnVtKCdhJywnaXQnJ3MnKQAAAAAAAAAAAAAAAwAAACdhJwAAAAAAAAAAAFb+//8AAAEUXw8AAAAAAAAAAAQAPAAAADAAAAAQAAAA\
    BAAAAAEAAABzAAAADAAAAHNldCgneCcsJ3knKQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAACu/v//AAABEQY6AAAAAAAAAAAF\
    ADQAAAAoAAAAEAAAAAQAAAABAAAAdAAAAAcAAAB0aW1lKDYpAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAEb+//8AAAESWTsAAAAA\
    AAAAAAAAAAAGADgAAAAsAAAAEAAAAAQAAAABAAAAZAAAAAsAAABkYXRldGltZSgzKQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAABW\
    ////AAABEHk+AAAAAAAAAAAHADQAAAAoAAAAEAAAAAQAAAABAAAAeQAAAAQAAABkYXRlAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\
    AAAAAO7+//8AAAGB3jcAAAAAAAAAAAAAAAAIADwAAAAwAAAAEAAAAAQAAAABAAAAYgAAAAwAAAB2YXJiaW5hcnkoOSkAAAAAAAAA\
    AAAAAAAAAAAAAAAAAAAAAAAAABYAJAAgABwAGAAUABIACAAHAAAABgAWAAAAAAABFzY0AAAAAAAAAAAJADQAAAAoAAAAEAAAAAQA\
    AAACAAAAdHgAAAQAAAB0ZXh0AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAK7///8AAAEYry0AAAAAAAAAAAAAAAAKADQAAAAo\
    AAAAEAAAAAQAAAABAAAAagAAAAQAAABqc29uAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAWACgAJAAgABwAGAAWAAgABwAAAAYA\
    FgAAAAAAARpgOwAAAAAAAAAAAAAAAAsAPAAAADAAAAAQAAAABAAAAAEAAABwAAAADAAAAHBvaW50IFNSSUQgMAAAAAAAAAAAAAAA\
    AAAAAAAAAAAAAAAAAAAAAAAcACQAIAAcABgAFAASAAgABwAAAAYAAAAAAAUAHAAAAAABAQfrDwAAAAAAAAAADAA8AAAAJAAAABAA\
    AAAEAAAAAQAAAGcAAAADAAAAaW50AAAAAAAAAAAADAAAACgoYGlkYCArIDEpKQAAAAADAAAAZ2VuAA==\
    ";
/// Its only leaf: two rows, one of them of NULLs.
const SAMPLE_LEAF: &str = "\
    GwABKCQAAABUVVBNAAAAABgAJAAgABwABwAYABQABgAIAAAAAAAMABgAAAAAAAEBHAAAAAIAAAAAAAAAHAAAACQAAADEAAAAzAAA\
    AAMAAABWAEIALgAAAAMAAAAAAIQAngAAAJ4AAAD+/////wAAAAAAAABlAgADAAAAAAAAAOBCHnT1////AK6zznoSBgAfDM8HAP8A\
    mGojM0odSkBQKwiaKjXxnJ/WehXcv8FfPEJb75K8JqVjbUbS25+ytwFnfhMg67C5uHOFBe1oUNJLXm9LAgAAAA0ADwAXAB8AJwAr\
    AC4AQgBWAGoACwADAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAALAAAAAwAAAAAACgAUAAAAFAAAAGEAAQAAAAIAAgBCAAIAAAACAAIA\
    ";
/// The out-of-line values of that leaf: address and chunk.
const SAMPLE_VALUES: [(&str, &str); 3] = [
    (
        "05jns4p0teobje3jgk2uqq2gq95lsrqb",
        "GwAASBQAAABCTE9CDAAUABAAAAAAAAQADAAAAAEAAAAAAAAAAAAAAAQAAAAZAAAAAAAAAAEBAAAAAAAAAAAA8D8AAAAAAAAAwAAAAA==",
    ),
    (
        "rivs2nps89duv4ls4qim6ra6qbdpvcln",
        "GwAAQBQAAABCTE9CDAAQAAwAAAAAAAQADAAAAAEAAAAAAAAABAAAABYAAAB7ImEiOltudWxsLDEuNV0sImIiOjF9AAA=",
    ),
    (
        "j1l26cqa3l540k1b12d2kdfhjiftcugl",
        "GwAAMBQAAABCTE9CDAAQAAwAAAAAAAQADAAAAAEAAAAAAAAABAAAAAcAAAB0ZXh0IMOpAA==",
    ),
];
/// Schema of a table without a key.
const KEYLESS_SCHEMA: &str = "\
    GwAB2BgAAABEU0NIAAAOABgAEAAUAAwACAAGAA4AAAAAADUBGAAAABgAAABUAAAAKAAAAAAAAAAAAAAAAAAAAAAAAAAAABIAFAAA\
    AAAAEAAMAAgABwAGABIAAAAAAAEBDAAAABQAAAAQAAAAAwAAAAMAAAABAAAAAQAAAAIAAAAEAAAAKAAAAIQAAADYAAAAHAEAAAAA\
    FgAkACAAHAAYABQAAAAIAAcAAAAGABYAAAAAAAEH+Q4AAAAAAAAAAAAAMAAAACQAAAAQAAAABAAAAAEAAABhAAAAAwAAAGludAAA\
    AAAAAAAAAAAAAAAAAAAAAAAAAAAAFgAoACQAIAAcABgAFgAIAAcAAAAGABYAAAAAAAGA4hMAAAAAAAAAAAAAAAABADgAAAAsAAAA\
    EAAAAAQAAAABAAAAYgAAAAoAAAB2YXJjaGFyKDUpAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAADU////AAEBDogTAAAAAAgAAAD/\
    /wQAAAAPAAAAa2V5bGVzc19oYXNoX2lkABwAGAAUAAAAAAAAABIACAAHAAAAAAAAAAUABgAcAAAAAAEBCokTAAAAAAgAAAD//wQA\
    AAATAAAAa2V5bGVzc19jYXJkaW5hbGl0eQA=\
    ";
/// Its only leaf: one row three times, one once.
const KEYLESS_LEAF: &str = "\
    GwAAqCAAAABUVVBNGAAkACAAHAAHABgAFAAGAAAAAAAAAAgAGAAAAAAAAQECAAAAAAAAAAAAAAAQAAAAGAAAADgAAABAAAAAAwAA\
    AAAAFAAeAAAAHgAAAAMAAAAAAAAAAQAAAHgACAAMAAMAAQAAAAAAAAABAAAAAwAAAAAAEgAkAAAAJAAAAB/oC0W9GcR+t3hOvI5G\
    4ZoBAMB2cs4KrJSrXGWh0bfFak0BAA==\
    ";

/// What `SHOW CREATE TABLE` gave.
const SAMPLE_STATEMENT: &str = r#"CREATE TABLE `sample` (
  `id` int NOT NULL,
  `k` varchar(9) COLLATE utf8mb4_0900_ai_ci NOT NULL,
  `n` decimal(10,2) DEFAULT '1.5',
  `e` enum('a','it''s') DEFAULT '1',
  `s` set('x','y'),
  `t` time(6),
  `d` datetime(3),
  `y` date,
  `b` varbinary(9),
  `tx` text,
  `j` json,
  `p` point /*!80003 SRID 0 */,
  `g` int GENERATED ALWAYS AS ((`id` + 1)) STORED COMMENT 'gen',
  PRIMARY KEY (`k`,`id`),
  KEY `pre` (`tx`(5)),
  UNIQUE KEY `u` (`n`),
  CONSTRAINT `c` CHECK ((`id` > 0))
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_bin"#;

/// What the same rows gave over the server.
const SAMPLE_LINES: &str = r#"{"id":1,"k":"a","n":-1.01,"e":"it's","s":"x,y","t":"-12:34:56.5","d":"2024-02-29T01:02:03.456Z","y":"1999-12-31","b":"AP8=","tx":"text é","j":{"a":[null,1.5],"b":1},"p":"AAAAAAEBAAAAAAAAAAAA8D8AAAAAAAAAwA==","g":2}
{"id":2,"k":"B","n":null,"e":null,"s":null,"t":null,"d":null,"y":null,"b":null,"tx":null,"j":null,"p":null,"g":3}
"#;

/// The same for the table without a key.
const KEYLESS_LINES: &str = r#"{"a":1,"b":"x"}
{"a":1,"b":"x"}
{"a":1,"b":"x"}
{"a":null,"b":null}
"#;

#[derive(Default)]
struct Values(HashMap<Address, Bytes>);

impl Chunks for Values {
    fn chunk(&self, address: &Address) -> Result<Bytes, StoreError> {
        let missing = || StoreError::MissingChunk { address: *address, store: "values".into() };
        self.0.get(address).cloned().ok_or_else(missing)
    }
}

fn bytes(text: &str) -> Bytes {
    STANDARD.decode(text).expect("a constant").into()
}

fn values() -> Values {
    Values(SAMPLE_VALUES.map(|(address, chunk)| (address.parse().expect("an address"), bytes(chunk))).into())
}

fn message(bytes: Bytes) -> Message {
    Message::parse(bytes).expect("a message")
}

fn schema(text: &str) -> Schema {
    Schema::read("sample", &message(bytes(text))).expect("a schema")
}

fn render(schema: &Schema, leaf: &str, values: &Values) -> Result<String, RowsError> {
    let mut out = b"before\n".to_vec();
    let go_on = |_: &mut Vec<u8>| ControlFlow::Continue(());
    RowRenderer::new(schema)?.render(&message(bytes(leaf)), values, ALL, &mut out, go_on)?;
    let text = String::from_utf8(out).expect("lines are UTF-8");
    Ok(text.strip_prefix("before\n").expect("what stood there stays").to_owned())
}

#[test]
fn rows_and_statement_are_the_servers() {
    let sample = schema(SAMPLE_SCHEMA);
    assert_eq!(render(&sample, SAMPLE_LEAF, &values()).expect("it is whole"), SAMPLE_LINES);
    assert_eq!(create_table(&sample, Moment::Commit, 0, &[]).expect("it is known"), SAMPLE_STATEMENT);
    let counting = create_table(&sample, Moment::Commit, 7, &[]).expect("it is known");
    assert!(counting.contains(" ENGINE=InnoDB AUTO_INCREMENT=7 DEFAULT "), "{counting}");
}

#[test]
fn what_the_server_hides_of_the_past_and_of_computed_columns() {
    let mut sample = schema(SAMPLE_SCHEMA);
    sample.target_row_size = Some(900);
    sample.comment = "it's".to_owned();
    let statement = |sample: &Schema, moment| create_table(sample, moment, 0, &[]).expect("it is known");
    assert!(statement(&sample, Moment::Commit).ends_with(" COMMENT='it''s'"));
    assert!(statement(&sample, Moment::WorkingSet).ends_with(" COMMENT='it''s' TARGET_ROW_SIZE=900"));
    sample.columns[9].is_virtual = true;
    assert!(statement(&sample, Moment::WorkingSet).ends_with("utf8mb4_0900_bin TARGET_ROW_SIZE=900"));
}

#[test]
fn a_row_without_a_key_comes_as_often_as_it_occurs() {
    let keyless = schema(KEYLESS_SCHEMA);
    assert!(keyless.is_keyless && keyless.primary_key.is_empty() && keyless.columns.len() == 2);
    let lines = render(&keyless, KEYLESS_LEAF, &Values::default()).expect("it is whole");
    assert_eq!(lines, KEYLESS_LINES);
}

#[test]
fn any_lines_can_be_asked_for() {
    let renderer = RowRenderer::new(&schema(KEYLESS_SCHEMA)).expect("it is known");
    let leaf = message(bytes(KEYLESS_LEAF));
    let all: Vec<_> = KEYLESS_LINES.split_inclusive('\n').collect();
    for from in 0..=all.len() {
        for to in from..=all.len() + 1 {
            let mut out = Vec::new();
            let lines = from as u64..to as u64;
            let rendered =
                renderer.render(&leaf, &Values::default(), lines, &mut out, |_| ControlFlow::Continue(()));
            rendered.expect("it is whole");
            assert_eq!(String::from_utf8(out).expect("UTF-8"), all[from..to.min(all.len())].concat());
        }
    }
}

#[test]
fn keys_stand_in_their_own_order() {
    let sample = schema(SAMPLE_SCHEMA);
    let names: Vec<_> = sample.primary_key.iter().map(|&place| sample.columns[place].name.as_str()).collect();
    assert_eq!(names, ["k", "id"]);
    assert_eq!((sample.columns[0].place, sample.columns[1].place), (Place::Key(1), Place::Key(0)));
}

#[test]
fn lines_can_be_taken_away_as_they_come() {
    let renderer = RowRenderer::new(&schema(KEYLESS_SCHEMA)).expect("it is known");
    let leaf = message(bytes(KEYLESS_LEAF));
    let mut taken = Vec::new();
    let mut out = Vec::new();
    let all = renderer.render(&leaf, &Values::default(), ALL, &mut out, |out| {
        taken.append(out);
        ControlFlow::Continue(())
    });
    assert!(all.is_ok() && out.is_empty());
    assert_eq!(String::from_utf8(taken).expect("lines are UTF-8"), KEYLESS_LINES);
    let first = renderer.render(&leaf, &Values::default(), ALL, &mut out, |_| ControlFlow::Break(()));
    assert!(first.is_ok());
    assert_eq!(out.iter().filter(|&&byte| byte == b'\n').count(), 1);
}

#[test]
fn a_missing_value_names_its_column() {
    let error =
        render(&schema(SAMPLE_SCHEMA), SAMPLE_LEAF, &Values::default()).expect_err("nothing is there");
    assert_eq!(error.kind(), ErrorKind::Missing);
    let RowsError::Value { column, row, source, .. } = error else { panic!("{error}") };
    assert_eq!((column.as_str(), row), ("tx", 0));
    assert!(matches!(*source, ValueProblem::Store(_)), "{source}");
}

#[test]
fn what_is_not_known_names_table_and_column() {
    let mut unknown = schema(SAMPLE_SCHEMA);
    unknown.columns[9].encoding = 77;
    let mut mismatched = schema(SAMPLE_SCHEMA);
    mismatched.columns[9].encoding = 9;
    let mut computed = schema(SAMPLE_SCHEMA);
    computed.columns[9].place = Place::Nowhere;
    let mut untyped = schema(SAMPLE_SCHEMA);
    untyped.columns[9].sql_type = "text CHARACTER SET".to_owned();
    for schema in [unknown, mismatched, computed, untyped] {
        let error = RowRenderer::new(&schema).expect_err("not known");
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        let text = error.to_string();
        assert!(text.contains("\"tx\"") && text.contains("\"sample\""), "{text}");
        let shown = error.during("store", "cannot read");
        assert!(shown.hint.is_some_and(|hint| hint.contains("dolt://")));
    }
}

/// All that can be done with bytes which may be anything.
fn use_all(schema: Bytes, leaf: Bytes, values: &Values) {
    let Ok(schema) = Message::parse(schema) else { return };
    let Ok(schema) = Schema::read("sample", &schema) else { return };
    let _ = create_table(&schema, Moment::WorkingSet, 0, &[]);
    let Ok(renderer) = RowRenderer::new(&schema) else { return };
    let Ok(leaf) = Message::parse(leaf) else { return };
    let mut lines = 0;
    let _ = renderer.render(&leaf, values, ALL, &mut Vec::new(), |out| {
        out.clear();
        lines += 1;
        if lines < 100 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
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
    let values = values();
    for (schema, leaf) in [(SAMPLE_SCHEMA, SAMPLE_LEAF), (KEYLESS_SCHEMA, KEYLESS_LEAF)] {
        let (schema, leaf) = (bytes(schema), bytes(leaf));
        each_damage(&schema, |damaged| use_all(damaged, leaf.clone(), &values));
        each_damage(&leaf, |damaged| use_all(schema.clone(), damaged, &values));
    }
    for (address, chunk) in SAMPLE_VALUES {
        each_damage(&bytes(chunk), |damaged| {
            let mut values = self::values();
            values.0.insert(address.parse().expect("an address"), damaged);
            use_all(bytes(SAMPLE_SCHEMA), bytes(SAMPLE_LEAF), &values);
        });
    }
}

#[test]
fn a_count_that_never_ends_is_refused_in_time() {
    let renderer = RowRenderer::new(&schema(KEYLESS_SCHEMA)).expect("it is known");
    let mut lines = 0;
    // A count of 2^56 and more in either row.
    let leaf = bytes(KEYLESS_LEAF);
    let at =
        leaf.windows(8).position(|eight| eight == 3_u64.to_le_bytes()).expect("a row occurs three times");
    let mut damaged = leaf.to_vec();
    damaged[at + 7] = 1;
    let _ = renderer.render(&message(damaged.into()), &Values::default(), ALL, &mut Vec::new(), |out| {
        out.clear();
        lines += 1;
        if lines < 1000 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    assert_eq!(lines, 1000, "the reader decides when it has enough");
}
