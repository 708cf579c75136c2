//! The budget, and sorting within it.

use std::sync::Mutex;
use std::task::{Context, Waker};

use proptest::prelude::*;

use super::*;
use crate::util::locks::lock;

/// Runs a future that never has to wait.
fn now<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        std::task::Poll::Ready(value) => value,
        std::task::Poll::Pending => panic!("it waits"),
    }
}

#[derive(Default)]
struct Cache(Mutex<Vec<u64>>);

impl GivesWay for Cache {
    fn shrink_to(&self, bytes: u64) -> u64 {
        lock(&self.0).push(bytes);
        0
    }
}

const MIB: u64 = 1 << 20;

#[test]
fn the_cache_gives_way_to_work_and_to_what_is_in_flight() {
    let budget = Budget::new(64 * MIB);
    let cache = Arc::new(Cache::default());
    budget.serve_cache(Arc::downgrade(&cache) as Weak<dyn GivesWay>);
    assert_eq!(budget.left_for_cache(), 64 * MIB);
    let mut held = budget.hold(3 * MIB);
    let mut work = now(budget.work(5 * MIB));
    assert_eq!(*lock(&cache.0), [61 * MIB, 56 * MIB]);
    held.resize(MIB);
    assert!(work.grow(2 * MIB));
    assert_eq!(budget.left_for_cache(), 56 * MIB);
    let half = work.halve();
    assert_eq!(work.bytes() + half.bytes(), 7 * MIB);
    drop((work, half, held));
    assert_eq!(budget.left_for_cache(), 64 * MIB);
    // Whatever is taken, the cache keeps a part.
    let _all = budget.hold(1 << 40);
    assert_eq!(budget.left_for_cache(), 8 * MIB);
}

#[test]
fn work_waits_in_order_and_a_first_one_always_goes_on() {
    let budget = Budget::new(16 * MIB);
    let mut context = Context::from_waker(Waker::noop());
    let mut first = now(budget.work(1 << 50));
    assert_eq!(first.bytes(), 10 * MIB, "all that there is for work");
    let mut large = Box::pin(budget.work(8 * MIB));
    let mut small = Box::pin(budget.work(MIB));
    assert!(large.as_mut().poll(&mut context).is_pending());
    assert!(small.as_mut().poll(&mut context).is_pending());
    first.shrink_to(8 * MIB);
    assert!(small.as_mut().poll(&mut context).is_pending(), "another one came before it");
    assert!(!first.grow(MIB), "a waiter comes before a holder that wants more");
    // A request that is dropped leaves the queue.
    drop(large);
    assert!(small.as_mut().poll(&mut context).is_ready());
    drop(small);
    drop(first);
    assert_eq!(now(budget.work(MIB)).bytes(), MIB);
}

#[test]
fn the_least_is_there_under_any_budget_and_more_only_within_it() {
    for total in [0, 1, MIB] {
        let budget = Budget::new(total);
        let mut work = now(budget.work(LEAST_WORK));
        assert_eq!(work.bytes(), LEAST_WORK);
        assert!(!work.grow(1), "{total}");
    }
    let budget = Budget::new(64 * MIB);
    let mut work = now(budget.work(MIB));
    assert!(!work.grow(48 * MIB), "others need some, too");
    assert!(work.grow(8 * MIB));
    let _flying = budget.hold(52 * MIB);
    assert!(!work.grow(MIB), "the budget is taken");
}

/// A key and a value.
type Record = (Vec<u8>, Vec<u8>);

/// Sorts with a sorter that has this many bytes.
fn sorted(records: &[Record], memory: u64) -> (Vec<Record>, Sorted) {
    let budget = Budget::new(0);
    let mut work = now(budget.work(memory));
    work.shrink_to(memory);
    let mut sorter = Sorter::new(work, &Cancel::default());
    for (key, value) in records {
        sorter.push(key, value).expect("there is room");
    }
    let mut sorted = sorter.finish(u64::MAX).expect("there is room");
    let mut all = Vec::new();
    while let Some((key, value)) = sorted.next().expect("it can be read") {
        all.push((key.to_vec(), value.to_vec()));
    }
    (all, sorted)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// The least memory holds so few records that runs are merged in several passes.
    #[test]
    fn records_are_sorted_in_memory_and_in_files_as_a_list_is(
        seeds in prop::collection::vec((0_u16..300, 0_usize..40, any::<bool>()), 0..1500),
        memory in prop::sample::select(vec![4 << 10, 32 << 10, MIB]),
        // How many records come in order: they are not sorted, and form one run.
        ordered in prop::sample::select(vec![0, 700, 1500]),
    ) {
        let mut records: Vec<_> = seeds
            .iter()
            .enumerate()
            .map(|(at, (key, len, is_long))| {
                // Some keys are a prefix of others, some records are longer than all memory.
                let key = format!("{}{}", "k".repeat(usize::from(key % 20)), key / 20).into_bytes();
                let long = if *is_long && at % 97 == 0 { 50_000 } else { 0 };
                (key, format!("{at} {}", "v".repeat(len + long)).into_bytes())
            })
            .collect();
        let ordered = records.len().min(ordered);
        records[..ordered].sort_by(|a, b| a.0.cmp(&b.0));
        let mut expected = records.clone();
        expected.sort_by(|a, b| a.0.cmp(&b.0));
        let (found, mut again) = sorted(&records, memory);
        prop_assert!(found == expected, "{} records with {memory} bytes", records.len());
        again.rewind().expect("it can be read");
        let mut count = 0;
        while let Some((key, value)) = again.next().expect("it can be read") {
            prop_assert!((key, value) == (&*expected[count].0, &*expected[count].1));
            count += 1;
        }
        prop_assert_eq!(count, expected.len());
    }
}

#[test]
fn a_cancelled_merge_ends() {
    let budget = Budget::new(0);
    let cancel = Cancel::default();
    let mut sorter = Sorter::new(now(budget.work(4096)), &cancel);
    for n in 0..5000_u32 {
        sorter.push(&n.to_be_bytes(), &[0; 100]).expect("there is room");
    }
    let mut sorted = sorter.finish(u64::MAX).expect("there is room");
    assert!(sorted.next().expect("it goes on").is_some());
    drop(cancel.on_drop());
    let ended = (0..5000).find_map(|_| sorted.next().map(|_| ()).err());
    assert_eq!(ended.map(|error| error.kind()), Some(std::io::ErrorKind::Interrupted));
}
