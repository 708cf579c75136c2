//! Files of rows as people's programs write them: blank lines, conflict markers, repeated ids and names.

use serde_json::{Value, json};

use crate::memory::{Memory, catalog, tree};
use crate::views::{find, memory, read, runtime};

const DIFF: &str = "db/diff/2026-01-01T000000Z..2026-01-01T010000Z";

/// A database whose table `t` has one version after the other.
fn series(versions: &[&str]) -> Memory {
    let files: Vec<[(&str, &str); 1]> = versions.iter().map(|text| [("t.jsonl", *text)]).collect();
    let snapshots: Vec<(i64, &[(&str, &str)])> = (0..).zip(files.iter().map(|files| &files[..])).collect();
    memory(&snapshots)
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
}

/// The lines of the difference of two contents.
fn difference(from: &str, to: &str) -> Vec<Value> {
    runtime().block_on(async {
        let vfs = tree(catalog(vec![vec![series(&[from, to])]]));
        let told = lines(&read(&vfs, &format!("{DIFF}/t.jsonl")).await);
        let summary: Value =
            serde_json::from_str(&read(&vfs, &format!("{DIFF}/summary.json")).await).expect("JSON");
        let counts = &summary["tables"]["t"];
        let count = |kind: &str| told.iter().filter(|line| line["change"] == kind).count();
        for kind in ["added", "removed", "modified"] {
            assert_eq!(counts[kind], count(kind), "{kind} of {from:?} and {to:?}");
        }
        told
    })
}

/// The changes of a row, each with the row that it led to.
fn history(versions: &[&str], key: &str) -> Vec<(String, Value)> {
    let told = |line: Value| (line["change"].as_str().expect("a text").to_owned(), line["row"].clone());
    runtime().block_on(async {
        let vfs = tree(catalog(vec![vec![series(versions)]]));
        let text = read(&vfs, &format!("db/history/t/{key}.jsonl")).await;
        lines(&text).into_iter().map(told).collect()
    })
}

fn row(id: &str, n: u64) -> (&'static str, Value) {
    ("", json!({ "id": id, "n": n }))
}

fn events(told: &[(&str, (&str, Value))]) -> Vec<(String, Value)> {
    told.iter().map(|(change, (_, row))| ((*change).to_owned(), row.clone())).collect()
}

#[test]
fn a_blank_line_is_no_row_and_takes_the_key_from_none() {
    let told = difference("{\"id\":\"b\",\"n\":1}\n", "{\"id\":\"b\",\"n\":2}\n\n   \n\r\n");
    assert_eq!(told, [json!({"change": "modified", "key": {"id": "b"}, "from": {"n": 1}, "to": {"n": 2}})]);
    let versions = ["{\"id\":\"b\",\"n\":1}\n", "\n{\"id\":\"b\",\"n\":2}\n\n", "{\"id\":\"b\",\"n\":3}\n"];
    let expected = [("added", row("b", 1)), ("modified", row("b", 2)), ("modified", row("b", 3))];
    assert_eq!(history(&versions, "b"), events(&expected));
}

#[test]
fn a_line_that_is_no_object_is_a_string_in_a_difference() {
    let before = "{\"id\":\"a\",\"n\":1}\n{\"id\":\"b\",\"n\":1}\n";
    let after = "{\"id\":\"a\",\"n\":1}\n<<<<<<< HEAD\n{\"id\":\"b\",\"n\":2}\n=======\n1\n\"x\"\nnull\n[{\"id\":\"b\"}]\n{\"id\":\"c\",\"n\":NaN}\n{\"id\":\"d\",\"ti";
    let told = difference(before, after);
    assert_eq!(
        told[0],
        json!({"change": "modified", "key": {"id": "b"}, "from": {"n": 1}, "to": {"n": 2}}),
        "the other lines take its key from no row"
    );
    let text = |line: &str| json!({"change": "added", "key": null, "from": null, "to": line, "line": "text"});
    let mut expected: Vec<Value> = after
        .lines()
        .filter(|line| !serde_json::from_str::<Value>(line).is_ok_and(|line| line.is_object()))
        .map(text)
        .collect();
    expected.sort_by_key(|line| line["to"].as_str().map(str::to_owned));
    let mut found = told[1..].to_vec();
    found.sort_by_key(|line| line["to"].as_str().map(str::to_owned));
    assert_eq!(found, expected);
    assert_eq!(difference(after, before).len(), told.len());
}

#[test]
fn ends_of_lines_and_what_stands_around_rows_are_no_change() {
    let plain = "{\"id\":1}\n{\"id\":2}\n";
    for same in
        ["{\"id\":1}\r\n{\"id\":2}\r\n", "\u{feff}{\"id\":1}\n{\"id\":2}", " {\"id\":1}\t\n\n{\"id\":2} \n"]
    {
        assert_eq!(difference(plain, same), [] as [Value; 0], "{same:?}");
        assert_eq!(history(&[plain, same], "1").len(), 1, "{same:?}");
    }
    // Rows without a key, too.
    assert_eq!(difference("{\"a\":1}\n", "{\"a\":1}\r\n"), [] as [Value; 0]);
}

#[test]
fn keys_are_judged_by_whole_contents() {
    // Both sides repeat the id `a`, so none of its rows has a key, although only one of them differs.
    let (before, after) = (
        "{\"id\":\"a\",\"n\":1}\n{\"id\":\"a\",\"n\":2}\n{\"id\":\"b\",\"n\":1}\n",
        "{\"id\":\"a\",\"n\":1}\n{\"id\":\"a\",\"n\":3}\n{\"id\":\"b\",\"n\":2}\n",
    );
    let expected = [
        json!({"change": "modified", "key": {"id": "b"}, "from": {"n": 1}, "to": {"n": 2}}),
        json!({"change": "removed", "key": null, "from": {"id": "a", "n": 2}, "to": null}),
        json!({"change": "added", "key": null, "from": null, "to": {"id": "a", "n": 3}}),
    ];
    assert_eq!(difference(before, after), expected);
    // Escapes hide no row, and a number has the same name as its text.
    for other in ["{\"id\":\"\\u0061\",\"n\":2}", "{\"n\":2,\"id\":\"a\"}"] {
        let (before, after) = (format!("{other}\n"), format!("{other}\n{{\"id\":\"a\",\"n\":1}}\n"));
        assert_eq!(difference(&before, &after)[0]["key"], Value::Null, "{other}");
    }
    let told = difference(
        "{\"id\":1,\"n\":1}\n{\"id\":\"1\",\"n\":2}\n",
        "{\"id\":1,\"n\":1}\n{\"id\":\"1\",\"n\":3}\n",
    );
    assert!(told.len() == 2 && told.iter().all(|line| line["key"].is_null()), "{told:?}");
}

#[test]
fn a_repeated_id_makes_no_row_removed_that_is_there() {
    let one = |n: u64| format!("{{\"id\":\"b\",\"n\":{n}}}\n");
    let versions = [one(1), one(2) + &one(3), one(3)];
    let versions: Vec<&str> = versions.iter().map(String::as_str).collect();
    assert_eq!(history(&versions, "b"), events(&[("added", row("b", 1)), ("modified", row("b", 3))]));
    let versions = [one(1) + &one(2), one(1) + &one(4), one(4), String::new(), one(5)];
    let versions: Vec<&str> = versions.iter().map(String::as_str).collect();
    let expected =
        [("added", row("b", 2)), ("modified", row("b", 4)), ("removed", row("b", 4)), ("added", row("b", 5))];
    assert_eq!(history(&versions, "b"), events(&expected));
    // With enough changes that each row is looked up on its own, and enough versions that an index is made.
    let many = |n: u64| {
        (0..60).map(|id| format!("{{\"id\":\"r{id}\",\"n\":{n}}}\n")).collect::<String>()
            + &one(n)
            + &one(n + 1)
    };
    let versions: Vec<String> = (0..20).map(many).collect();
    let versions: Vec<&str> = versions.iter().map(String::as_str).collect();
    let told = history(&versions, "b");
    assert_eq!(told.len(), 20);
    assert_eq!(told[19], ("modified".to_owned(), json!({"id": "b", "n": 20})));
    assert_eq!(history(&versions, "r7").len(), 20);
}

#[test]
fn of_a_repeated_name_the_last_value_is_compared() {
    let told = difference("{\"id\":\"a\",\"n\":1,\"n\":2}\n", "{\"id\":\"a\",\"n\":1,\"n\":3}\n");
    assert_eq!(told, [json!({"change": "modified", "key": {"id": "a"}, "from": {"n": 2}, "to": {"n": 3}})]);
    let told =
        history(&["{\"id\":\"a\",\"n\":1,\"n\":2}\n", "{\"n\":1,\"id\":\"x\",\"n\":3,\"id\":\"a\"}\n"], "a");
    assert_eq!(told[1], ("modified".to_owned(), json!({"id": "a", "n": 3})));
}

#[test]
fn values_are_compared_as_they_are_written_and_texts_by_what_they_say() {
    let told = difference(
        "{\"id\":1,\"t\":\"\\u00e9\",\"n\":1.10,\"big\":1e400}\n",
        "{\"id\":1,\"t\":\"é\",\"n\":1.1,\"big\":1e400}\n",
    );
    assert_eq!(told.len(), 1);
    assert_eq!(
        told[0]["from"].as_object().map(|from| from.keys().collect::<Vec<_>>()),
        Some(vec![&"n".to_owned()])
    );
    let told = difference("{\"id\":\"\\u0061\",\"n\":1}\n", "{\"n\":1,\"id\":\"a\"}\n");
    assert_eq!(told, [] as [Value; 0]);
}

#[test]
fn rows_without_an_id_take_the_key_from_no_other() {
    let told = difference(
        "{\"id\":\"a\",\"n\":1}\n{\"id\":null,\"n\":1}\n{\"n\":2}\n",
        "{\"id\":\"a\",\"n\":2}\n{\"id\":null,\"n\":1}\n{\"n\":3}\n",
    );
    let expected = [
        json!({"change": "modified", "key": {"id": "a"}, "from": {"n": 1}, "to": {"n": 2}}),
        json!({"change": "removed", "key": null, "from": {"n": 2}, "to": null}),
        json!({"change": "added", "key": null, "from": null, "to": {"n": 3}}),
    ];
    assert_eq!(told, expected);
}

#[test]
fn odd_texts_in_rows_are_written_as_they_were() {
    let deep = |end: &str| format!("{{\"id\":\"d\",\"v\":{}{end}{}}}\n", "[".repeat(3000), "]".repeat(3000));
    for (before, after) in [
        ("{\"id\":\"a\",\"t\":\"\\ud83d\"}\n".to_owned(), "{\"id\":\"a\",\"t\":\"\\ud83e\"}\n".to_owned()),
        ("{\"id\":\"a\",\"\\ud83d\":1}\n".to_owned(), "{\"id\":\"a\",\"\\ud83d\":2}\n".to_owned()),
        ("{\"id\":\"a\\ud83d\",\"t\":1}\n".to_owned(), "{\"id\":\"a\\ud83d\",\"t\":2}\n".to_owned()),
        (deep(""), deep("1")),
    ] {
        let told = runtime().block_on(async {
            let vfs = tree(catalog(vec![vec![series(&[&before, &after])]]));
            read(&vfs, &format!("{DIFF}/t.jsonl")).await
        });
        assert_eq!(told.lines().count(), 1, "{told}");
        assert!(told.starts_with("{\"change\":\"modified\",\"key\":{\"id\":"), "{told}");
        // JSON's grammar allows half of a surrogate pair, and programs may nest values deeply.
        assert!(serde_json::from_str::<serde::de::IgnoredAny>(&told).is_ok(), "{told}");
    }
}

#[test]
fn a_long_key_is_found_by_all_of_it_without_a_mount() {
    runtime().block_on(async {
        let key = "k".repeat(500);
        let text = format!("{{\"id\":\"{key}\"}}\n");
        let vfs = tree(catalog(vec![vec![series(&[&text])]]));
        let whole = read(&vfs, &format!("db/history/t/{key}.jsonl")).await;
        assert_eq!(whole.lines().count(), 1);
        assert!(vfs.lookup(find(&vfs, "db/history/t").await, &format!("{key}k.jsonl")).await.is_err());
    });
}
