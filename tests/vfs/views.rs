//! Views: periods, versions, checksums, differences, histories.

use std::collections::BTreeMap;
use std::sync::Arc;

use asof::model::history::History;
use asof::vfs::{ROOT, Vfs};

use crate::memory::{Memory, catalog, commit, tree};

/// 2026-01-01T00:00:00Z.
const START: i64 = 1_767_225_600;
const HOUR: i64 = 3_600;

/// Snapshots `c0`, `c1`, ... with their hours after the start and their files.
pub fn memory(snapshots: &[(i64, &[(&str, &str)])]) -> Memory {
    let id = |at: usize| format!("c{at}");
    let timeline =
        (0..snapshots.len()).rev().map(|at| commit(&id(at), START + snapshots[at].0 * HOUR, &[])).collect();
    let files = snapshots.iter().enumerate().map(|(at, (_, files))| {
        let files = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
        (Arc::from(id(at)), files)
    });
    Memory {
        name: "db".into(),
        history: History { timeline, ..History::default() },
        files: files.collect::<BTreeMap<_, _>>(),
        ..Memory::default()
    }
}

pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

pub async fn find(vfs: &Vfs, path: &str) -> u64 {
    let mut ino = ROOT;
    for name in path.split('/') {
        ino = vfs.lookup(ino, name).await.unwrap_or_else(|e| panic!("{path}: {name}: {e}")).attr.ino;
    }
    ino
}

pub async fn names(vfs: &Vfs, path: &str) -> Vec<String> {
    let listing = vfs.list(find(vfs, path).await, 0).await.expect("it is a folder");
    for (_, entry) in listing.rest() {
        let found = vfs.lookup(find(vfs, path).await, &entry.name).await.expect("what is listed is there");
        assert_eq!((found.attr.ino, found.attr.kind), (entry.ino, entry.kind), "{path}/{}", entry.name);
    }
    listing.rest().map(|(_, entry)| entry.name.to_string()).collect()
}

pub async fn read(vfs: &Vfs, path: &str) -> String {
    let ino = find(vfs, path).await;
    let size = vfs.getattr(ino).await.expect("it has attributes").size;
    let bytes = vfs.read(ino, 0, 1 << 20).await.expect("it can be read");
    assert_eq!(bytes.len() as u64, size, "{path}");
    String::from_utf8(bytes.into()).expect("it is text")
}

#[test]
fn periods_lead_to_their_last_snapshots() {
    runtime().block_on(async {
        let files: &[(&str, &str)] = &[("t.jsonl", "{}\n")];
        let vfs = tree(catalog(vec![vec![memory(&[
            (0, files),
            (1, files),
            (23, files),
            (25, files),
            (24 * 4, files),
            (24 * 31, files),
        ])]]));
        assert_eq!(names(&vfs, "db/daily").await, ["2026-01-01", "2026-01-02", "2026-01-05", "2026-02-01"]);
        assert_eq!(names(&vfs, "db/weekly").await, ["2026-W01", "2026-W02", "2026-W05"]);
        assert_eq!(names(&vfs, "db/monthly").await, ["2026-01", "2026-02"]);
        assert_eq!(names(&vfs, "db/yearly").await, ["2026"]);
        assert_eq!(names(&vfs, "db/hourly").await.len(), 6);
        for (path, target) in [
            ("db/daily/2026-01-01", "../asof/2026-01-01T230000Z"),
            ("db/weekly/2026-W01", "../asof/2026-01-02T010000Z"),
            ("db/monthly/2026-01", "../asof/2026-01-05T000000Z"),
            ("db/yearly/2026", "../asof/2026-02-01T000000Z"),
        ] {
            let found = vfs.readlink(find(&vfs, path).await).await.expect("it is a link");
            assert_eq!(found, target.as_bytes(), "{path}");
        }
        assert!(vfs.lookup(find(&vfs, "db/daily").await, "2026-01-03").await.is_err());
    });
}

#[test]
fn versions_are_where_a_file_changed() {
    runtime().block_on(async {
        let vfs = tree(catalog(vec![vec![memory(&[
            (0, &[("a.jsonl", "1\n"), ("deep/b.jsonl", "x\n"), ("schema.sql", "s")]),
            (1, &[("a.jsonl", "1\n"), ("deep/b.jsonl", "y\n"), ("schema.sql", "s")]),
            (2, &[("a.jsonl", "2\n"), ("deep/b.jsonl", "y\n"), ("schema.sql", "s")]),
            (3, &[("deep/b.jsonl", "y\n"), ("schema.sql", "s")]),
            (4, &[("a.jsonl", "2\n"), ("deep/b.jsonl", "x\n"), ("schema.sql", "s"), ("a", "no table")]),
        ])]]));
        assert_eq!(names(&vfs, "db/versions").await, ["a", "a.jsonl", "deep", "schema.sql"]);
        let of_a = ["2026-01-01T000000Z.jsonl", "2026-01-01T020000Z.jsonl", "2026-01-01T040000Z.jsonl"];
        assert_eq!(names(&vfs, "db/versions/a.jsonl").await, of_a, "it went and came again");
        assert_eq!(names(&vfs, "db/versions/deep").await, ["b"]);
        let of_b = ["2026-01-01T000000Z.jsonl", "2026-01-01T010000Z.jsonl", "2026-01-01T040000Z.jsonl"];
        assert_eq!(names(&vfs, "db/versions/deep/b").await, of_b);
        assert_eq!(names(&vfs, "db/versions/schema.sql").await, ["2026-01-01T000000Z.sql"]);
        assert_eq!(names(&vfs, "db/versions/a").await, ["2026-01-01T040000Z"], "a file without an ending");
        assert_eq!(read(&vfs, "db/versions/a.jsonl/2026-01-01T020000Z.jsonl").await, "2\n");
        let (version, snapshot) =
            ("db/versions/deep/b/2026-01-01T010000Z.jsonl", "db/asof/2026-01-01T010000Z/deep/b.jsonl");
        assert_eq!(find(&vfs, version).await, find(&vfs, snapshot).await, "it is the same file");
        assert!(
            vfs.lookup(find(&vfs, "db/versions/deep/b").await, "2026-01-01T020000Z.jsonl").await.is_err()
        );
    });
}

#[test]
fn versions_follow_new_snapshots() {
    runtime().block_on(async {
        let first: &[(&str, &str)] = &[("a.jsonl", "1\n")];
        let second: &[(&str, &str)] = &[("a.jsonl", "2\n")];
        let catalog = catalog(vec![vec![memory(&[(0, first), (1, first)])]]);
        let vfs = tree(Arc::clone(&catalog));
        assert_eq!(names(&vfs, "db/versions/a").await.len(), 1);
        crate::memory::show(&catalog, 0, vec![memory(&[(0, first), (1, first), (2, second), (3, second)])]);
        assert_eq!(
            names(&vfs, "db/versions/a").await,
            ["2026-01-01T000000Z.jsonl", "2026-01-01T020000Z.jsonl"]
        );
        crate::memory::show(&catalog, 0, vec![memory(&[(0, second), (1, first)])]);
        assert_eq!(
            names(&vfs, "db/versions/a").await,
            ["2026-01-01T000000Z.jsonl", "2026-01-01T010000Z.jsonl"],
            "a history that was rewritten"
        );
    });
}

#[test]
fn sums_are_in_the_form_of_sha256sum() {
    runtime().block_on(async {
        let vfs = tree(catalog(vec![vec![memory(&[(0, &[("b\\c.jsonl", ""), ("d/e", "{}\n{}\n")])])]]));
        assert_eq!(names(&vfs, "db/sums").await, ["2026-01-01T000000Z.sha256"]);
        let expected = "\\e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  asof/2026-01-01T000000Z/b\\\\c.jsonl\n\
                        3b00ba5361676a0a8152642a6edaf54a222bd409b5774b5b461ac8d1cee09cb4  asof/2026-01-01T000000Z/d/e\n";
        assert_eq!(read(&vfs, "db/sums/2026-01-01T000000Z.sha256").await, expected);
    });
}

const A: &str = "{\"id\":1,\"s\":\"one\"}\n";
const B: &str = "{\"id\":2,\"s\":\"two\",\"n\":1.50}\n";
const B2: &str = "{\"id\":2,\"s\":\"zwei\",\"n\":1.50}\n";
const TEN: &str = "{\"id\":10,\"s\":\"ten\",\"n\":null}\n";

#[test]
fn differences_are_told_by_row_and_column() {
    runtime().block_on(async {
        let (first, second, third) = (format!("{A}{B}"), format!("{A}{B2}{TEN}"), format!("{B2}{TEN}"));
        let vfs = tree(catalog(vec![vec![memory(&[
            (0, &[("t.jsonl", &first), ("same.jsonl", A), ("x", "no table")]),
            (1, &[("t.jsonl", &second), ("same.jsonl", A), ("x", "changed")]),
            (2, &[("t.jsonl", &third), ("same.jsonl", A), ("new.jsonl", A)]),
        ])]]));
        assert!(names(&vfs, "db/diff").await.is_empty());
        let pair = "db/diff/2026-01-01T000000Z..2026-01-01T010000Z";
        assert_eq!(names(&vfs, pair).await, ["summary.json", "t.jsonl"]);
        let expected = "{\"change\":\"modified\",\"key\":{\"id\":2},\"from\":{\"s\":\"two\"},\"to\":{\"s\":\"zwei\"}}\n\
                        {\"change\":\"added\",\"key\":{\"id\":10},\"from\":null,\"to\":{\"id\":10,\"s\":\"ten\",\"n\":null}}\n";
        assert_eq!(read(&vfs, &format!("{pair}/t.jsonl")).await, expected);
        let summary: serde_json::Value = serde_json::from_str(&read(&vfs, &format!("{pair}/summary.json")).await).expect("JSON");
        assert_eq!(summary["tables"], serde_json::json!({"t": {"added": 1, "removed": 0, "modified": 1}}));
        assert_eq!(summary["from"], "2026-01-01T000000Z");
        // Revisions may be times, and in either order.
        let back = "db/diff/2026-01-01T02:30..2026-01-01T00:30";
        assert_eq!(names(&vfs, back).await, ["new.jsonl", "summary.json", "t.jsonl"]);
        let removed = read(&vfs, &format!("{back}/new.jsonl")).await;
        assert_eq!(removed, format!("{{\"change\":\"removed\",\"key\":{{\"id\":1}},\"from\":{},\"to\":null}}\n", A.trim_end()));
        assert!(vfs.lookup(find(&vfs, "db/diff").await, "2025-01-01..2026-01-02").await.is_err());
        assert!(vfs.lookup(find(&vfs, "db/diff").await, "2026-01-02").await.is_err());
        assert_eq!(names(&vfs, "db/diff/2026-01-01T01:30..2026-01-01T01:45").await, ["summary.json"]);
    });
}

#[test]
fn the_newest_snapshot_and_the_working_set_can_be_compared() {
    runtime().block_on(async {
        let mut memory = memory(&[(0, &[("t.jsonl", A)]), (1, &[("t.jsonl", B)])]);
        memory.history.has_live = true;
        memory.live = [("t.jsonl".to_owned(), format!("{B}{TEN}"))].into();
        let without = Memory { name: "plain".into(), ..self::memory(&[(0, &[("t.jsonl", A)])]) };
        let vfs = tree(catalog(vec![vec![memory, without]]));
        let told = read(&vfs, "db/diff/latest..live/t.jsonl").await;
        let ten = "\"key\":{\"id\":10},\"from\":null,\"to\":{\"id\":10,\"s\":\"ten\",\"n\":null}}";
        assert_eq!(told, format!("{{\"change\":\"added\",{ten}\n"));
        let summary = read(&vfs, "db/diff/live..latest/summary.json").await;
        let counts = "{\"t\":{\"added\":0,\"removed\":1,\"modified\":0}}";
        let wanted = format!("{{\"from\":\"live\",\"to\":\"2026-01-01T010000Z\",\"tables\":{counts}}}\n");
        assert_eq!(summary, wanted);
        assert_eq!(names(&vfs, "plain/diff/latest..latest").await, ["summary.json"]);
        assert!(vfs.lookup(find(&vfs, "plain/diff").await, "latest..live").await.is_err());
    });
}

#[test]
fn a_branch_is_meant_before_the_newest_snapshot_of_its_name() {
    runtime().block_on(async {
        let mut memory = memory(&[(0, &[("t.jsonl", A)]), (1, &[("t.jsonl", B)])]);
        memory.history.branches.insert("latest".into(), "c0".into());
        let vfs = tree(catalog(vec![vec![memory]]));
        let pair = "db/diff/latest..2026-01-01T010000Z/summary.json";
        assert!(read(&vfs, pair).await.starts_with("{\"from\":\"2026-01-01T000000Z\""));
    });
}

#[test]
fn a_column_that_came_without_a_value_changes_no_row() {
    runtime().block_on(async {
        let after = "{\"id\":1,\"s\":\"one\",\"new\":null}\n{\"id\":2,\"s\":\"two\",\"new\":3}\n";
        let before = "{\"id\":1,\"s\":\"one\"}\n{\"id\":2,\"s\":\"two\"}\n";
        let vfs =
            tree(catalog(vec![vec![memory(&[(0, &[("t.jsonl", before)]), (1, &[("t.jsonl", after)])])]]));
        let told = read(&vfs, "db/diff/2026-01-01T000000Z..2026-01-01T010000Z/t.jsonl").await;
        assert_eq!(
            told,
            "{\"change\":\"modified\",\"key\":{\"id\":2},\"from\":{\"new\":null},\"to\":{\"new\":3}}\n"
        );
    });
}

/// dolt-archive writes each number as a text. The row is still the same, however many change with it.
#[test]
fn a_key_that_became_a_text_is_one_row() {
    runtime().block_on(async {
        let numbers: String = (0..50).map(|id| format!("{{\"id\":{id},\"s\":\"x\"}}\n")).collect();
        let texts: String = (0..50).map(|id| format!("{{\"id\":\"{id}\",\"s\":\"x\"}}\n")).collect();
        let few = |rows: &str| rows.lines().take(3).map(|line| format!("{line}\n")).collect::<String>();
        for (before, after) in [(few(&numbers), few(&texts)), (numbers, texts)] {
            let vfs = tree(catalog(vec![vec![memory(&[
                (0, &[("t.jsonl", &before)]),
                (1, &[("t.jsonl", &after)]),
            ])]]));
            let history = read(&vfs, "db/history/t/2.jsonl").await;
            let line = |line: &str| -> serde_json::Value { serde_json::from_str(line).expect("JSON") };
            let told: Vec<_> = history.lines().map(line).collect();
            assert_eq!(told.len(), 2, "{history}");
            assert_eq!((&told[0]["change"], &told[1]["change"]), (&"added".into(), &"modified".into()));
            assert_eq!((&told[0]["row"]["id"], &told[1]["row"]["id"]), (&2.into(), &"2".into()));
            assert_eq!(told[1]["changed"], serde_json::json!(["id"]));
        }
    });
}

#[test]
fn a_row_has_its_history() {
    runtime().block_on(async {
        let (first, second, third) = (format!("{A}{B}"), format!("{A}{B2}{TEN}"), format!("{A}{TEN}"));
        let vfs = tree(catalog(vec![vec![memory(&[
            (0, &[("t.jsonl", &first)]),
            (1, &[("t.jsonl", &first)]),
            (2, &[("t.jsonl", &second)]),
            (3, &[("t.jsonl", &third)]),
            (4, &[]),
            (5, &[("t.jsonl", &first)]),
        ])]]));
        assert_eq!(names(&vfs, "db/history").await, ["t"]);
        assert!(
            names(&vfs, "db/history/t").await.is_empty(),
            "a mirror would ask for the history of each row"
        );
        let told = |text: &str| -> Vec<(String, String, serde_json::Value)> {
            let line = |line: &str| {
                let line: serde_json::Value = serde_json::from_str(line).expect("a line is JSON");
                let text = |name: &str| line[name].as_str().expect("a string").to_owned();
                (text("time"), text("change"), line["changed"].clone())
            };
            text.lines().map(line).collect()
        };
        let time = |hour: u8| format!("2026-01-01T{hour:02}:00:00Z");
        let none = serde_json::json!([]);
        let of_two = read(&vfs, "db/history/t/2.jsonl").await;
        assert_eq!(
            told(&of_two),
            [
                (time(0), "added".to_owned(), none.clone()),
                (time(2), "modified".to_owned(), serde_json::json!(["s"])),
                (time(3), "removed".to_owned(), none.clone()),
                (time(5), "added".to_owned(), none.clone()),
            ]
        );
        let first: serde_json::Value =
            serde_json::from_str(of_two.lines().next().expect("a line")).expect("JSON");
        let keys: Vec<&String> = first.as_object().expect("an object").keys().collect();
        assert_eq!(keys.len(), 8, "{keys:?}");
        assert_eq!(
            (&first["commit"], &first["committer"]),
            (&"c0".into(), &"someone <someone@example.org>".into())
        );
        assert_eq!(first["row"]["n"], 1.5);
        assert!(of_two.contains("\"n\":1.50"), "digits stay as they are");
        // The history of a row that the newest version no longer has.
        let of_ten = read(&vfs, "db/history/t/10.jsonl").await;
        assert_eq!(told(&of_ten).iter().map(|e| &*e.1).collect::<Vec<_>>(), ["added", "removed"]);
        assert!(vfs.lookup(find(&vfs, "db/history/t").await, "3.jsonl").await.is_err());
        assert!(vfs.lookup(find(&vfs, "db/history/t").await, "2").await.is_err());
    });
}
