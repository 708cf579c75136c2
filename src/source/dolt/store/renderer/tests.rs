//! Leaves that a server of version 1.88.1 wrote, rendered as the server renders them.

use std::ops::{ControlFlow, Range};

use dolt_store::message::Message;
use dolt_store::schema::{Schema, SchemaOf, Storage, create_table};
use dolt_store::testing::{MemoryChunks, Sample};
use dolt_store::{RowsError, ValueProblem};

use super::RowRenderer;
use crate::content::ErrorKind;
use crate::model::jsonl::{Out, Tally};
use crate::source::dolt::store::error::IntoSourceError;

const ALL: Range<u64> = 0..u64::MAX;

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

fn render(schema: &Schema, leaf: &Message, values: &MemoryChunks) -> Result<String, RowsError> {
    let mut out = b"before\n".to_vec();
    let renderer = RowRenderer::new(schema)?;
    let rendered = renderer.render(leaf, values, ALL, &mut out, |_| ControlFlow::Continue(()));
    let (mut tally, slices) = (Tally::default(), leaf.as_slices());
    let counted = renderer.render(&slices, values, ALL, &mut tally, |_| ControlFlow::Continue(()));
    assert_eq!((counted.is_ok(), tally.written()), (rendered.is_ok(), out.len() - "before\n".len()));
    rendered?;
    let text = String::from_utf8(out).expect("lines are UTF-8");
    Ok(text.strip_prefix("before\n").expect("what stood there stays").to_owned())
}

#[test]
fn rows_and_statement_are_the_servers() {
    let Sample { schema, leaf, values } = Sample::of_many_types();
    assert_eq!(render(&schema, &leaf, &values).expect("it is whole"), SAMPLE_LINES);
    assert_eq!(create_table(&schema, SchemaOf::Commit, 0, &[]).expect("it is known"), SAMPLE_STATEMENT);
    let counting = create_table(&schema, SchemaOf::Commit, 7, &[]).expect("it is known");
    assert!(counting.contains(" ENGINE=InnoDB AUTO_INCREMENT=7 DEFAULT "), "{counting}");
}

#[test]
fn a_row_without_a_key_comes_as_often_as_it_occurs() {
    let Sample { schema, leaf, values } = Sample::without_key();
    assert!(schema.is_keyless && schema.primary_key.is_empty() && schema.columns.len() == 2);
    let lines = render(&schema, &leaf, &values).expect("it is whole");
    assert_eq!(lines, KEYLESS_LINES);
}

#[test]
fn any_lines_can_be_asked_for() {
    let Sample { schema, leaf, values } = Sample::without_key();
    let renderer = RowRenderer::new(&schema).expect("it is known");
    let all: Vec<_> = KEYLESS_LINES.split_inclusive('\n').collect();
    for from in 0..=all.len() {
        for to in from..=all.len() + 1 {
            let mut out = Vec::new();
            let lines = from as u64..to as u64;
            let rendered = renderer.render(&leaf, &values, lines, &mut out, |_| ControlFlow::Continue(()));
            rendered.expect("it is whole");
            assert_eq!(String::from_utf8(out).expect("UTF-8"), all[from..to.min(all.len())].concat());
        }
    }
}

#[test]
fn lines_can_be_taken_away_as_they_come() {
    let Sample { schema, leaf, values } = Sample::without_key();
    let renderer = RowRenderer::new(&schema).expect("it is known");
    let mut taken = Vec::new();
    let mut out = Vec::new();
    let all = renderer.render(&leaf, &values, ALL, &mut out, |out| {
        taken.append(out);
        ControlFlow::Continue(())
    });
    assert!(all.is_ok() && out.is_empty());
    assert_eq!(String::from_utf8(taken).expect("lines are UTF-8"), KEYLESS_LINES);
    let first = renderer.render(&leaf, &values, ALL, &mut out, |_| ControlFlow::Break(()));
    assert!(first.is_ok());
    assert_eq!(out.iter().filter(|&&byte| byte == b'\n').count(), 1);
}

#[test]
fn a_missing_value_names_its_column() {
    let Sample { schema, leaf, .. } = Sample::of_many_types();
    let error = render(&schema, &leaf, &MemoryChunks::default()).expect_err("nothing is there");
    assert_eq!(error.kind(), dolt_store::ErrorKind::Missing);
    let RowsError::Value { column, row, source, .. } = error else { panic!("{error}") };
    assert_eq!((column.as_str(), row), ("tx", 0));
    assert!(matches!(*source, ValueProblem::Store(_)), "{source}");
}

#[test]
fn what_is_not_known_names_table_and_column() {
    let mut unknown = Sample::of_many_types().schema;
    unknown.columns[9].encoding = 77;
    let mut mismatched = Sample::of_many_types().schema;
    mismatched.columns[9].encoding = 9;
    let mut computed = Sample::of_many_types().schema;
    computed.columns[9].storage = Storage::Nowhere;
    let mut untyped = Sample::of_many_types().schema;
    untyped.columns[9].sql_type = "text CHARACTER SET".to_owned();
    for schema in [unknown, mismatched, computed, untyped] {
        let error = RowRenderer::new(&schema).expect_err("not known");
        let text = error.to_string();
        assert!(text.contains("\"tx\"") && text.contains("\"sample\""), "{text}");
        let shown = error.during("store", "cannot read");
        assert_eq!(shown.kind, ErrorKind::Unsupported);
        assert!(shown.hint.is_some_and(|hint| hint.contains("dolt://")));
    }
}

#[test]
fn a_count_that_never_ends_is_refused_in_time() {
    let renderer = RowRenderer::new(&Sample::without_key().schema).expect("it is known");
    let mut lines = 0;
    // A count of 2^56 and more in either row.
    let mut damaged = Sample::KEYLESS_LEAF.to_vec();
    let at =
        damaged.windows(8).position(|eight| eight == 3_u64.to_le_bytes()).expect("a row occurs three times");
    damaged[at + 7] = 1;
    let damaged = Message::parse(bytes::Bytes::from(damaged)).expect("a message");
    let _ = renderer.render(&damaged, &MemoryChunks::default(), ALL, &mut Vec::new(), |out| {
        out.clear();
        lines += 1;
        if lines < 1000 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    assert_eq!(lines, 1000, "the reader decides when it has enough");
}
