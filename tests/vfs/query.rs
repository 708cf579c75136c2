//! What queries answer, compared with naive scans of every snapshot.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use asof::engine::Engine;
use asof::model::history::{History, SnapshotId, SnapshotMeta};
use asof::query::{FoundRow, Matcher, Pattern, WantedText, count, main_line, search};
use asof::source::verify::Progress;
use asof::views::RowCounts;
use proptest::prelude::*;

use crate::memory::{Files, Memory, catalog, commit};

const PATH: &str = "t.jsonl";

/// A row: key and value. A table: its rows, and whether it has a key; `None` if there is no table.
type Table = Option<(Vec<(u8, u8)>, bool)>;

/// All lines that match, even secret ones.
fn wanted(matcher: &Matcher) -> WantedText<'_> {
    WantedText { matcher, secrets: None }
}

fn line((key, value): (u8, u8)) -> String {
    // Long, so that a table is several segments.
    format!("{{\"id\":{key},\"v\":\"v{value}.\",\"t\":\"{}\"}}", "x".repeat(3000))
}

fn files(table: &Table) -> Files {
    let Some((rows, has_key)) = table else { return Files::new() };
    let text: String = rows.iter().map(|row| line(*row) + "\n").collect();
    let key = if *has_key { ",\n  PRIMARY KEY (`id`)" } else { "" };
    let schema = format!("CREATE TABLE `t` (\n  `id` int,\n  `v` text{key}\n);\n");
    Files::from([(PATH.to_owned(), text), ("schema.sql".to_owned(), schema)])
}

fn database(tables: &[Table], reads: &Arc<AtomicUsize>) -> Memory {
    let id = |at: usize| format!("{at:032}");
    let meta = |at: usize| {
        let parent = at.checked_sub(1).map(id);
        commit(&id(at), at as i64, &parent.as_deref().into_iter().collect::<Vec<_>>())
    };
    let timeline = (0..tables.len()).rev().map(meta).collect();
    let files = tables.iter().enumerate().map(|(at, t)| (SnapshotId::from(id(at)), files(t))).collect();
    Memory {
        name: "db".into(),
        history: History { timeline, is_primary: true, ..History::default() },
        files,
        reads: reads.clone(),
        ..Memory::default()
    }
}

/// Rows with distinct keys in order, if there is a key; otherwise any rows, in the order of their lines.
fn table() -> impl Strategy<Value = Table> {
    let keyed = prop::collection::btree_map(0_u8..12, 0_u8..4, 0..12)
        .prop_map(|rows| (rows.into_iter().collect(), true));
    let loose = prop::collection::vec((0_u8..4, 0_u8..3), 0..10).prop_map(|mut rows| {
        rows.sort_unstable();
        (rows, false)
    });
    prop_oneof![6 => keyed.prop_map(Some), 2 => loose.prop_map(Some), 1 => Just(None)]
}

fn rows(table: &Table) -> &[(u8, u8)] {
    table.as_ref().map_or(&[], |(rows, _)| rows)
}

/// Each snapshot, by its number, in which a row holds the text, with its line.
fn told(found: &[FoundRow], steps: usize) -> Vec<(usize, String)> {
    let mut all = Vec::new();
    for row in found {
        let end = row.gone.unwrap_or(steps);
        for (at, seen) in row.lines.iter().enumerate() {
            let until = row.lines.get(at + 1).map_or(end, |next| next.at);
            assert!(seen.at < until, "each line is there for a while: {row:?}");
            let line = String::from_utf8(seen.line.to_vec()).expect("lines are text");
            all.extend((seen.at..until).map(|step| (step, line.clone())));
        }
    }
    all.sort();
    all
}

async fn check(tables: Vec<Table>) {
    let reads = Arc::new(AtomicUsize::new(0));
    let catalog = catalog(vec![vec![database(&tables, &reads)]]);
    let database = catalog.state().database("db").expect("it is there").clone();
    let engine = Engine::new(64 << 20);
    let view = &database.views()[0];
    let steps = main_line(view);
    assert_eq!(steps.len(), tables.len());
    let matcher = Matcher::new(Pattern::Text("v1."), false).expect("it is well formed");
    let (found, unread) =
        search(view, &steps, |path| path == PATH, wanted(&matcher), &engine, &Progress::default()).await;
    assert!(unread.is_empty(), "{unread:?}");
    let has_text = |row: &&(u8, u8)| row.1 == 1;
    let mut wanted: Vec<(usize, String)> = Vec::new();
    for (at, table) in tables.iter().enumerate() {
        wanted.extend(rows(table).iter().filter(has_text).map(|row| (at, line(*row))));
    }
    wanted.sort();
    assert_eq!(told(&found, tables.len()), wanted, "{tables:?}");
    let mut versions = BTreeSet::new();
    tables.iter().for_each(|table| versions.extend(files(table).into_values()));
    assert!(reads.load(Ordering::SeqCst) <= versions.len(), "each version is read once");
    counts(&tables, &steps, view, &engine).await;
}

async fn counts(
    tables: &[Table],
    steps: &[Arc<SnapshotMeta>],
    view: &asof::catalog::DatabaseView,
    engine: &Engine,
) {
    for at in 1..tables.len() {
        let of = async |at: usize| {
            let files = view.database.files(&steps[at].id).await.expect("it is in memory");
            files.iter().find(|file| &*file.path == PATH).cloned()
        };
        let (before, after) = (of(at - 1).await, of(at).await);
        let (old, new) = (rows(&tables[at - 1]), rows(&tables[at]));
        let has_key = |table: &Table| table.as_ref().is_some_and(|(_, has_key)| *has_key);
        let both = tables[at - 1].is_some() && tables[at].is_some();
        let by_key = both && (has_key(&tables[at - 1]) || has_key(&tables[at]));
        let counted = count(engine, before.as_ref(), after.as_ref()).await;
        let counted = counted.expect("it is in memory").expect("it is text");
        assert_eq!(counted, naive(old, new, by_key), "{old:?} to {new:?}");
    }
}

/// The rows without those that both sides have, paired by key if either side has one.
fn naive(old: &[(u8, u8)], new: &[(u8, u8)], by_key: bool) -> RowCounts {
    let (added, removed) = (left(new, old), left(old, new));
    let with = |rows: &[(u8, u8)], key: u8| rows.iter().filter(|row| row.0 == key).count();
    let pairs = (0..=u8::MAX).map(|key| with(&added, key).min(with(&removed, key))).sum::<usize>();
    let modified = if by_key { pairs as u64 } else { 0 };
    RowCounts { added: added.len() as u64 - modified, removed: removed.len() as u64 - modified, modified }
}

fn left(from: &[(u8, u8)], other: &[(u8, u8)]) -> Vec<(u8, u8)> {
    let mut other = other.to_vec();
    let is_left = |row: &(u8, u8)| match other.iter().position(|o| o == row) {
        Some(at) => {
            other.remove(at);
            false
        }
        None => true,
    };
    from.iter().copied().filter(is_left).collect()
}

/// Lines longer than a segment are still searched as a whole, and so are their neighbours.
#[tokio::test]
async fn lines_of_any_length() {
    let long = |end: &str| format!("{{\"id\":5,\"v\":\"{}{end}\"}}", "y".repeat(5 << 20));
    let text = |end: &str| format!("{{\"id\":4}}\n{}\n{{\"id\":6,\"v\":\"needle\"}}\n", long(end));
    let texts = [text("first"), text("needle"), text("needle").replace("{\"id\":4}\n", "")];
    let mut memory = database(&[None, None, None], &Arc::default());
    for (at, text) in texts.into_iter().enumerate() {
        let files = Files::from([(PATH.to_owned(), text), ("binary".to_owned(), "needle\0".to_owned())]);
        memory.files.insert(format!("{at:032}").as_str().into(), files);
    }
    let catalog = catalog(vec![vec![memory]]);
    let database = catalog.state().database("db").expect("it is there").clone();
    let (engine, view) = (Engine::new(64 << 20), &database.views()[0]);
    let matcher = Matcher::new(Pattern::Text("needle"), false).expect("it is well formed");
    let steps = main_line(view);
    let (found, unread) =
        search(view, &steps, |_| true, wanted(&matcher), &engine, &Progress::default()).await;
    assert!(unread.is_empty());
    let told: Vec<_> =
        found.iter().map(|row| (&*row.key[0].1, row.lines.len(), row.lines[0].at, row.gone)).collect();
    assert_eq!(told, [("6", 1, 0, None), ("5", 1, 1, None)], "what is no text is not looked at");
    assert_eq!(found[1].lines[0].line, long("needle").as_bytes());
    let of = async |at: usize| view.database.files(&steps[at].id).await.expect("it is in memory").to_vec();
    let (first, second, third) = (of(0).await, of(1).await, of(2).await);
    let counted = async |a, b| count(&engine, a, b).await.expect("it is in memory");
    let changed = |added, removed, modified| Some(RowCounts { added, removed, modified });
    assert_eq!(counted(Some(&first[1]), Some(&second[1])).await, changed(0, 0, 1));
    assert_eq!(counted(Some(&second[1]), Some(&third[1])).await, changed(0, 1, 0));
    assert_eq!(counted(None, Some(&first[0])).await, None, "it is binary");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]
    #[test]
    fn what_is_told_is_what_every_snapshot_shows(tables in prop::collection::vec(table(), 1..9)) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        runtime.expect("threads can be started").block_on(check(tables));
    }
}
