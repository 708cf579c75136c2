//! Checks that versions made and measured by deltas are those that their source gives, and that the source is asked as
//! seldom as possible.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use proptest::prelude::*;

use super::test_table::{TestRows, TestTable, history, id, line};
use crate::content::{Content, ErrorKind, Sink, SourceError, Stream};
use crate::engine::Engine;
use crate::engine::pages::cache::CacheKey;
use crate::util::locks::lock;

async fn read(engine: &Engine, table: &Arc<TestTable>, number: usize) -> Vec<u8> {
    let content = table.content(number);
    let len = engine.len(id(number), &content).await.expect("it can be measured");
    let reader = engine.open(id(number), &content).await.expect("it opens");
    let mut all = Vec::new();
    loop {
        let piece = reader.read(all.len() as u64, 7_777).await.expect("it reads");
        if piece.is_empty() {
            break;
        }
        all.extend_from_slice(&piece);
    }
    assert_eq!(all.len() as u64, len);
    all
}

/// Asserts that the lengths of versions are those of what the source gives.
async fn check_lengths(engine: &Engine, table: &Arc<TestTable>, numbers: impl IntoIterator<Item = usize>) {
    for number in numbers {
        let len = engine.len(id(number), &table.content(number)).await.expect("it can be measured");
        assert_eq!(len, table.bytes(number).len() as u64, "version {number}");
    }
}

/// Asserts that versions read as the source gives them.
async fn check_bytes(engine: &Engine, table: &Arc<TestTable>, numbers: impl IntoIterator<Item = usize>) {
    for number in numbers {
        assert!(read(engine, table, number).await == table.bytes(number), "version {number}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn versions_made_from_others_are_those_that_the_source_gives(
        rows in prop_oneof![Just(0_u64), Just(1), 2_u64..600],
        edits in prop::collection::vec(
            prop::collection::vec((0_u64..6100, prop_oneof![Just(0_usize), 1_usize..3000, Just(90_000)]), 0..12),
            1..12,
        ),
        cache in prop_oneof![Just(0_u64), Just(20_000), Just(200_000), Just(50_000_000)],
        order in prop::collection::vec(any::<prop::sample::Index>(), 1..20),
    ) {
        let table = history(rows, &edits);
        let engine = Engine::new(cache);
        let numbers = order.into_iter().map(|at| at.index(edits.len() + 1));
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        runtime.expect("a runtime").block_on(check_bytes(&engine, &table, numbers));
    }
}

fn small_changes(count: u64) -> Vec<Vec<(u64, usize)>> {
    (0..count).map(|n| vec![((n * 997) % 3000, 50 + n as usize % 20)]).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_walk_reads_two_versions_as_a_whole_and_measures_the_others_by_length_deltas() {
    let table = history(3000, &small_changes(200));
    let engine = Engine::new(50_000_000);
    check_lengths(&engine, &table, 0..=200).await;
    assert_eq!(table.whole_reads.load(Ordering::SeqCst), 2, "the first, and the first that was told");
    assert!(table.changes.load(Ordering::SeqCst) < 10, "{:?}", table.changes);
    check_bytes(&engine, &table, 0..=200).await;
    assert!(table.whole_reads.load(Ordering::SeqCst) < 20, "{:?}", table.whole_reads);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_of_one_version_after_another_gets_the_changes_of_many_at_once() {
    let table = history(3000, &small_changes(200));
    let engine = Engine::new(50_000_000);
    check_bytes(&engine, &table, 0..=200).await;
    assert_eq!(table.whole_reads.load(Ordering::SeqCst), 1, "the first one");
    assert_eq!(table.changes.load(Ordering::SeqCst), 0, "no two versions are compared alone");
    // A step that was asked for ahead also leads back to the version before it.
    engine.pages.cache.forget(&CacheKey::List(id(198)));
    check_bytes(&engine, &table, [198]).await;
    assert_eq!(table.whole_reads.load(Ordering::SeqCst), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_cache_dropped_is_asked_for_by_ranges() {
    let table = history(5000, &[vec![(20_000, 100)]]);
    let engine = Engine::new(60_000);
    let content = table.content(0);
    let reader = engine.open(id(0), &content).await.expect("it opens");
    let all = table.bytes(0);
    for offset in (0..all.len()).step_by(100_003).rev() {
        let got = reader.read(offset as u64, 5000).await.expect("it reads");
        assert!(got == all[offset..all.len().min(offset + 5000)], "at {offset}");
    }
    assert!(table.whole_reads.load(Ordering::SeqCst) <= 2, "{:?}", table.whole_reads);
    assert!(table.ranges.load(Ordering::SeqCst) > 5, "{:?}", table.ranges);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_that_do_not_fit_are_not_believed() {
    let honest = history(300, &small_changes(30));
    let versions = lock(&honest.versions).clone();
    let table = Arc::new(TestTable { versions: Mutex::new(versions), lies: true, ..TestTable::default() });
    let engine = Engine::new(50_000_000);
    check_lengths(&engine, &table, 0..=30).await;
    check_bytes(&engine, &table, 0..=30).await;
    assert_eq!(table.whole_reads.load(Ordering::SeqCst), 31);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_that_was_read_without_its_keys_is_no_base() {
    let table = history(300, &[vec![(5, 100)], vec![(2995, 100)]]);
    let engine = Engine::new(50_000_000);
    // Version 0 is noted as one to start from, dropped, and read again while its keys are not known.
    check_bytes(&engine, &table, [0]).await;
    engine.pages.cache.forget(&CacheKey::List(id(0)));
    table.is_silent.store(true, Ordering::SeqCst);
    check_bytes(&engine, &table, [0]).await;
    table.is_silent.store(false, Ordering::SeqCst);
    check_bytes(&engine, &table, [1, 2]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_at_different_places_each_go_on_from_where_they_are() {
    let table = history(2000, &small_changes(300));
    let engine = Engine::new(200_000_000);
    for place in [0, 100, 200] {
        engine.open(id(place), &table.content(place)).await.expect("it opens");
    }
    for count in [&table.farthest, &table.changes, &table.whole_reads] {
        count.store(0, Ordering::SeqCst);
    }
    for step in 1..20 {
        for place in [0, 100, 200] {
            engine.open(id(place + step), &table.content(place + step)).await.expect("it opens");
        }
    }
    let asked =
        [&table.farthest, &table.changes, &table.whole_reads].map(|count| count.load(Ordering::SeqCst));
    assert_eq!(
        asked,
        [0, 0, 0],
        "each version is made from the one before by the steps that were asked for ahead"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_is_told_and_does_not_end_length_deltas() {
    let table = history(300, &small_changes(60));
    let engine = Engine::new(50_000_000);
    check_lengths(&engine, &table, [0]).await;
    table.is_down.store(true, Ordering::SeqCst);
    let error = engine.len(id(1), &table.content(1)).await.expect_err("it does not answer");
    assert_eq!(error.kind, ErrorKind::TimedOut);
    table.is_down.store(false, Ordering::SeqCst);
    check_lengths(&engine, &table, 0..=60).await;
    assert!(table.whole_reads.load(Ordering::SeqCst) < 10, "{:?}", table.whole_reads);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_that_several_exports_have_are_held_once() {
    let table = history(3000, &small_changes(20));
    let engine = Engine::new(500_000_000);
    let mut used = Vec::new();
    for number in 0..=20 {
        let text = Bytes::from(table.bytes(number));
        let what = format!("export {number}");
        let export = Content::stream(crate::content::text::TextContent { text, what });
        engine.open(id(number), &export).await.expect("it opens");
        used.push(engine.pages.cache.used());
    }
    let more = used[20] - used[0];
    assert!(more < used[0], "20 more exports take {more} bytes, and one {}", used[0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_length_that_is_given_twice_must_be_the_same() {
    struct Growing(AtomicUsize);
    #[async_trait]
    impl Stream for Growing {
        fn describe(&self) -> String {
            "a growing content".into()
        }

        async fn read(&self, mut sink: Sink) -> Result<(), SourceError> {
            let len = self.0.fetch_add(1000, Ordering::SeqCst);
            let _ = sink.push(vec![b'x'; len].into()).await;
            Ok(())
        }
    }
    let (engine, content) = (Engine::new(0), Content::stream(Growing(AtomicUsize::new(1000))));
    assert_eq!(engine.len(id(0), &content).await.expect("the first answer counts"), 1000);
    let second = engine.open(id(0), &content).await;
    assert_eq!(second.err().map(|e| e.kind), Some(ErrorKind::Damaged));
    assert_eq!(engine.len(id(0), &content).await.expect("what was told stays"), 1000);
}

/// A store and its server hold the same contents. A version that is read from the store must not wait for the server.
#[tokio::test]
async fn who_reads_from_this_machine_does_not_wait_for_a_stopped_server() {
    let engine = Engine::new(1 << 20);
    let rows = || Mutex::new(vec![TestRows::from([(1, "one".to_owned())])]);
    let served = TestTable { versions: rows(), is_remote: true, is_stopped: true, ..TestTable::default() };
    let stored = TestTable { versions: rows(), ..TestTable::default() };
    let (served, stored) = (Arc::new(served).content(0), Arc::new(stored).content(0));
    let mut waiting = Box::pin(engine.lists.get(id(0), &served));
    assert!(futures_util::poll!(waiting.as_mut()).is_pending(), "the server is stopped");
    let version = engine.lists.get(id(0), &stored).await.expect("the store is there");
    assert_eq!(version.len(), line(1, "one").len() as u64);
    let digest = engine.digest(id(0), &stored).await.expect("the store is there");
    assert_eq!(digest.rows, 1);
    assert!(futures_util::poll!(waiting.as_mut()).is_pending(), "the server is stopped");
}
