//! Differences of contents in memory, against a naive comparison of all lines.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

use async_trait::async_trait;
use jiff::Timestamp;

use super::*;
use crate::content::versioned::LineChange;
use crate::content::{Content, Sink, SourceError, Stream};
use crate::model::access::Access;
use crate::model::content_id::ContentId;
use crate::model::row::{NULL, Row, compare_keys, text_of};
use crate::views::derived::entry;

mod keyed;

use keyed::{keyed_file, reported};

/// Rows in memory; their source may know a key.
struct RowsInMemory {
    text: String,
    key: Option<Vec<String>>,
}

#[async_trait]
impl Stream for RowsInMemory {
    fn describe(&self) -> String {
        "rows in memory".into()
    }

    async fn key(&self) -> Result<Option<Vec<String>>, SourceError> {
        Ok(self.key.clone())
    }

    async fn read(&self, mut sink: Sink) -> Result<(), SourceError> {
        for piece in self.text.as_bytes().chunks(200_000) {
            if sink.push(Bytes::copy_from_slice(piece)).await.is_err() {
                break;
            }
        }
        Ok(())
    }
}

fn file(text: &str, key: Option<&[&str]>) -> FileEntry {
    let key = key.map(|key| key.iter().map(|column| (*column).to_owned()).collect());
    let id = ContentId::of(&[text.as_bytes(), format!("{key:?}").as_bytes()]);
    let content = Content::stream(RowsInMemory { text: text.to_owned(), key });
    entry("t.jsonl".into(), id, Timestamp::UNIX_EPOCH.into(), Access::default(), content)
}

/// What differs, found with this many bytes of memory.
async fn found(from: Option<&FileEntry>, to: Option<&FileEntry>, memory: u64) -> (Vec<RowChange>, RowCounts) {
    let engine = Engine::new(memory);
    let mut found = diff(&engine, from, to).await.expect("both can be read");
    let (counts, mut all) = (found.counts(), Vec::new());
    while let Some(some) = found.next().await.expect("it can be read") {
        all.extend(some);
    }
    (all, counts)
}

/// What identifies a row, and its place among the others.
fn key_of(line: &str, key: Option<&[&str]>) -> Option<(Vec<String>, Vec<String>)> {
    let row = Row::parse(line.as_bytes())?;
    match key {
        None => {
            let id = row.get("id").filter(|id| *id != NULL)?;
            Some((vec![text_of(id)], vec![id.to_owned()]))
        }
        Some(key) => {
            let values = key.iter().map(|column| row.get(column).expect("all have it").to_owned());
            Some((values.clone().collect(), values.collect()))
        }
    }
}

fn counted<T: Eq + Hash>(all: impl Iterator<Item = T>) -> HashMap<T, usize> {
    let mut counts = HashMap::new();
    all.for_each(|one| *counts.entry(one).or_default() += 1);
    counts
}

/// What differs, by comparing all lines with all others.
fn naive(from: &str, to: &str, key: Option<&[&str]>) -> Vec<RowChange> {
    let lines = |text: &str| -> Vec<String> {
        let lines = text.split('\n').map(|line| line.trim_matches([' ', '\t', '\r']));
        lines.filter(|line| !line.is_empty()).map(str::to_owned).collect()
    };
    let (all_from, all_to) = (lines(from), lines(to));
    // Leaves out each line that both have, as often as both have it.
    let without = |lines: &[String], mut others: HashMap<String, usize>| -> Vec<String> {
        let mut left = Vec::new();
        for line in lines {
            match others.get_mut(line) {
                Some(count) if *count > 0 => *count -= 1,
                _ => left.push(line.clone()),
            }
        }
        left
    };
    let removed = without(&all_from, counted(all_to.iter().cloned()));
    let added = without(&all_to, counted(all_from.iter().cloned()));
    let ids = |lines: &[String]| counted(lines.iter().filter_map(|line| Some(key_of(line, key)?.0)));
    let (before, after) = (ids(&all_from), ids(&all_to));
    let is_repeated = |id: &Vec<String>| {
        key.is_none() && [&before, &after].iter().any(|counts| counts.get(id).is_some_and(|count| *count > 1))
    };
    let mut changes: Vec<(Vec<String>, RowChange)> = Vec::new();
    let mut by_key: BTreeMap<Vec<String>, usize> = BTreeMap::new();
    for (is_later, line) in
        removed.iter().map(|line| (false, line)).chain(added.iter().map(|line| (true, line)))
    {
        let bytes = line.clone().into_bytes();
        let (id, place) = match key_of(line, key) {
            Some((id, place)) => (Some(id).filter(|id| !is_repeated(id)), place),
            None => (None, vec![line.clone()]),
        };
        let has_key = id.is_some();
        let partner = id.as_ref().and_then(|id| by_key.remove(id));
        if let Some(at) = partner.filter(|_| is_later) {
            changes[at].1.to = Some(bytes);
            continue;
        }
        by_key.extend(id.filter(|_| !is_later).map(|id| (id, changes.len())));
        let [from, to] = if is_later { [None, Some(bytes)] } else { [Some(bytes), None] };
        changes.push((place, RowChange { from, to, has_key }));
    }
    changes.sort_by(|(a, one), (b, other)| {
        let [x, y] = [a, b].map(|place| place.iter().map(String::as_str).collect::<Vec<_>>());
        other.has_key.cmp(&one.has_key).then_with(|| compare_keys(&x, &y)).then_with(|| a.cmp(b))
    });
    changes.into_iter().map(|(_, change)| change).collect()
}

/// Pseudo-random numbers, the same each time.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

/// Two versions of a table. Those of an export also have ids that occur twice, and lines that are not rows.
fn versions(random: &mut Random, count: u64, is_export: bool) -> [String; 2] {
    let mut sides = [String::new(), String::new()];
    for at in 0..count {
        let id = if at % 3 == 0 { format!("{}", at * 7) } else { format!("\"k{at}\"") };
        let text = "x".repeat(random.below(600) as usize);
        let row = |version: u64| format!("{{\"id\":{id},\"text\":\"{text}\",\"version\":{version}}}\n");
        let version = random.below(4);
        match random.below(10) {
            0 => sides[0] += &row(version),
            1 => sides[1] += &row(version),
            2..=5 => {
                sides[0] += &row(version);
                sides[1] += &row(version + 1);
            }
            _ => sides.iter_mut().for_each(|side| *side += &row(version)),
        }
        if is_export && random.below(40) == 0 {
            let side = &mut sides[random.below(2) as usize];
            match random.below(5) {
                0 => *side += &row(9),
                1 => *side += "no row\n",
                2 => *side += "  \r\n",
                3 => *side += &format!("{{\"text\":\"without an id {at}\"}}\n"),
                _ => *side += &format!("{{\"id\":\"{}\",\"text\":\"as a text\"}}\n", at * 7),
            }
        }
    }
    sides
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn differences_are_the_same_in_memory_and_in_temporary_files_and_for_a_naive_comparison() {
    let mut random = Random(7);
    for (round, count) in [3, 40, 400, 6000].into_iter().enumerate() {
        for key in [None, Some(&["id"][..])] {
            let [from, to] = versions(&mut random, count, key.is_none());
            let expected = naive(&from, &to, key);
            let [from, to] = [&from, &to].map(|text| file(text, key));
            for memory in [0, 64 << 20] {
                let (changes, counts) = found(Some(&from), Some(&to), memory).await;
                assert_eq!(changes.len(), expected.len(), "round {round} with {memory} bytes, {key:?}");
                let other = changes.iter().zip(&expected).find(|(one, other)| one != other);
                assert_eq!(other, None, "round {round} with {memory} bytes, {key:?}");
                assert_eq!(counts, RowCounts::of(&expected));
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_that_is_new_or_gone_has_all_its_rows_in_order() {
    let [text, _] = versions(&mut Random(1), 3000, true);
    let table = file(&text, None);
    for memory in [0, 64 << 20] {
        assert_eq!(found(None, Some(&table), memory).await.0, naive("", &text, None));
        assert_eq!(found(Some(&table), None, memory).await.0, naive(&text, "", None));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_counts_only_if_all_rows_that_differ_have_its_columns() {
    let (from, to) = ("{\"a\":1,\"v\":1}\n{\"a\":2,\"v\":1}\n", "{\"a\":1,\"v\":2}\n{\"b\":2}\n");
    let key = Some(&["a"][..]);
    let (changes, counts) = found(Some(&file(from, key)), Some(&file(to, key)), 0).await;
    assert_eq!((counts.added, counts.removed, counts.modified), (2, 2, 0));
    assert!(changes.iter().all(|change| !change.has_key));
    let (changes, _) = found(Some(&file(from, key)), Some(&file("{\"a\":1,\"v\":2}\n", key)), 0).await;
    assert!(changes.iter().all(|change| change.has_key) && changes.len() == 2);
}

/// The same lines in the order of a difference.
fn in_order(text: &str) -> String {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_by_key(|line| {
        let mut place = Vec::new();
        let row = Row::parse(line.as_bytes()).expect("a row");
        crate::views::rows::order::write_place(&[row.get("id").expect("all have it")], &mut place);
        place
    });
    lines.iter().map(|line| format!("{line}\n")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_come_by_their_keys_differ_as_for_a_naive_comparison_in_whatever_order_they_come() {
    let mut random = Random(11);
    for (round, count) in [3, 40, 400, 1500].into_iter().enumerate() {
        let [from, to] = versions(&mut random, count, false);
        let expected = naive(&from, &to, Some(&["id"]));
        for is_ordered in [true, false] {
            let [from, to] = [&from, &to].map(|text| if is_ordered { in_order(text) } else { text.clone() });
            let mut changes = reported(&from, &to);
            if is_ordered {
                // `reported` puts the rows that only the later content has at the end.
                let lines: String = changes.iter().map(text_of_change).collect();
                let ordered = in_order(&lines);
                let places: HashMap<&str, usize> = ordered.lines().zip(0..).collect();
                changes.sort_by_key(|change| places[text_of_change(change).trim_end()]);
            }
            let pairs = [
                [keyed_file(&from, None), keyed_file(&to, None)],
                [keyed_file(&from, Some(Vec::new())), keyed_file(&to, Some(changes))],
            ];
            for [from, to] in pairs {
                for memory in [0, 64 << 20] {
                    let (changes, counts) = found(Some(&from), Some(&to), memory).await;
                    let other = changes.iter().zip(&expected).find(|(one, other)| one != other);
                    assert_eq!(other, None, "round {round} with {memory} bytes, ordered: {is_ordered}");
                    assert_eq!(counts, RowCounts::of(&expected));
                    assert_eq!(changes.len(), expected.len());
                }
            }
        }
        for side in [&from, &to] {
            let table = keyed_file(side, None);
            assert_eq!(found(None, Some(&table), 0).await.0, naive("", side, Some(&["id"])));
            assert_eq!(found(Some(&table), None, 0).await.0, naive(side, "", Some(&["id"])));
        }
    }
}

fn text_of_change(change: &LineChange) -> String {
    let line = change.from.as_ref().or(change.to.as_ref()).expect("one is there");
    String::from_utf8_lossy(line).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_are_those_that_one_change_after_the_other_gives() {
    let [from, to] = versions(&mut Random(5), 2000, false).map(|text| in_order(&text));
    let engine = Engine::new(64 << 20);
    let mut expected = Vec::new();
    for change in naive(&from, &to, Some(&["id"])) {
        write_change(&["id".to_owned()], change.borrowed(), None, &mut expected);
    }
    let [from, to] = [&from, &to].map(|text| keyed_file(text, None));
    let mut found = diff(&engine, Some(&from), Some(&to)).await.expect("both can be read");
    let mut lines = Vec::new();
    while let Some(some) = found.next_lines().await.expect("it can be read") {
        some.iter().for_each(|some| lines.extend_from_slice(some));
    }
    assert!(lines == expected);
}
