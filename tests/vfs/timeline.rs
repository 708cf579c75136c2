//! Which snapshot a time means, with one source and with several, compared with a naive scan.

use std::sync::Arc;

use asof::catalog::{Catalog, SnapshotFolder};
use asof::model::history::{History, SnapshotMeta};
use asof::model::time::Timestamp;
use asof::model::time_expr::Clock;
use jiff::tz::TimeZone;
use proptest::prelude::*;

use crate::memory::{Memory, NOW, archive, catalog, commit, show};

fn time(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds)
}

fn database(timeline: Vec<Arc<SnapshotMeta>>, is_primary: bool) -> Memory {
    let history = History { timeline, is_primary, ..History::default() };
    Memory { name: "db".into(), history, ..Memory::default() }
}

/// The id of the snapshot that the catalog returns for a time.
fn answer(catalog: &Catalog, at: Timestamp) -> Option<String> {
    let state = catalog.state();
    state.database("db")?.as_of(at).map(|s| s.key.id.to_string())
}

fn resolved(catalog: &Catalog, expr: &str) -> Option<SnapshotFolder> {
    let clock = Clock { now: time(NOW).nearest(), zone: &TimeZone::UTC };
    catalog.state().database("db")?.resolve(expr, &clock)
}

fn listed(name: &str) -> Option<SnapshotFolder> {
    Some(SnapshotFolder::Listed(name.into()))
}

proptest! {
    /// Times run forwards and backwards, repeat, and come from up to three sources.
    #[test]
    fn the_first_commit_in_order_at_or_before_a_time(
        sources in prop::collection::vec(prop::collection::vec(0i64..40, 0..12), 1..4),
        primary in 0usize..4,
        asked in -2i64..45,
    ) {
        let id = |source: usize, n: usize| format!("{source:08}{n:08}{}", "0".repeat(16));
        let made = sources.iter().enumerate().map(|(s, times)| {
            let metas = times.iter().enumerate().map(|(n, t)| commit(&id(s, n), *t, &[]));
            vec![database(metas.collect(), s == primary)]
        });
        let catalog = catalog(made.collect());
        let mut best: Option<(i64, bool, usize, String)> = None;
        for (s, times) in sources.iter().enumerate() {
            if let Some(n) = times.iter().position(|t| *t <= asked) {
                let candidate = (times[n], s == primary, s, id(s, n));
                let wins = best.as_ref().is_none_or(|b| {
                    candidate.0 > b.0 || (candidate.0 == b.0 && candidate.1 && !b.1)
                });
                if wins {
                    best = Some(candidate);
                }
            }
        }
        prop_assert_eq!(answer(&catalog, time(asked)), best.map(|b| b.3));
    }

    /// Every snapshot has a name of its own, listed by time.
    #[test]
    fn names_are_unique_and_in_order(times in prop::collection::vec(0i64..5, 1..12)) {
        let metas = times.iter().enumerate().map(|(n, t)| commit(&format!("{n:032}"), *t, &[]));
        let catalog = catalog(vec![vec![database(metas.collect(), true)]]);
        let state = catalog.state();
        let snapshots = state.database("db").expect("shown").snapshots();
        let names: std::collections::HashSet<_> = snapshots.iter().map(|s| s.name.clone()).collect();
        prop_assert_eq!(names.len(), times.len());
        prop_assert!(snapshots.is_sorted_by_key(|s| s.meta.time));
    }
}

#[test]
fn a_back_dated_head_answers_for_every_later_time() {
    let timeline = vec![
        commit(&"c".repeat(32), 10, &[]),
        commit(&"b".repeat(32), 30, &[]),
        commit(&"a".repeat(32), 5, &[]),
    ];
    let catalog = catalog(vec![vec![database(timeline, true)]]);
    for (asked, expected) in [(4, None), (5, Some("a")), (9, Some("a")), (10, Some("c")), (99, Some("c"))] {
        let expected = expected.map(|e| e.repeat(32));
        assert_eq!(answer(&catalog, time(asked)), expected, "at {asked}");
    }
}

#[test]
fn archives_fill_what_a_flattened_history_lost() {
    let flattened = database(vec![commit(&"f".repeat(32), NOW, &[])], true);
    let archives =
        vec![Arc::new(archive("b.zip", NOW - 50, &[])), Arc::new(archive("a.zip", NOW - 100, &[]))];
    let catalog = catalog(vec![vec![flattened], vec![database(archives, false)]]);
    assert_eq!(answer(&catalog, time(NOW - 60)).as_deref(), Some("a.zip"));
    assert_eq!(answer(&catalog, time(NOW - 1)).as_deref(), Some("b.zip"));
    assert_eq!(answer(&catalog, time(NOW)), Some("f".repeat(32)));
    assert_eq!(answer(&catalog, time(NOW - 101)), None);
}

#[test]
fn a_marked_snapshot_is_listed_and_never_answers() {
    let marked = SnapshotMeta { mark: Some("pre-restore"), ..archive("p.zip", NOW - 10, &[]) };
    let timeline = vec![Arc::new(marked), Arc::new(archive("a.zip", NOW - 20, &[]))];
    let catalog = catalog(vec![vec![database(timeline, false)]]);
    assert_eq!(answer(&catalog, time(NOW)).as_deref(), Some("a.zip"));
    let state = catalog.state();
    let names: Vec<_> = state.database("db").expect("shown").snapshots().iter().map(|s| &*s.name).collect();
    assert_eq!(names, ["2026-01-09T235940Z", "2026-01-09T235950Z-pre-restore"]);
}

#[test]
fn expressions_refs_hashes_and_generations() {
    let (a, b, c) = ("a".repeat(32), "b".repeat(32), "abcdefgh".repeat(4));
    let mut memory = database(vec![commit(&b, NOW - 3600, &[&a]), commit(&a, NOW - 90_000, &[])], true);
    memory.history.off_timeline.push(commit(&c, NOW - 50, &[&a]));
    memory.history.branches.extend([("main".into(), b.as_str().into()), ("dev".into(), c.as_str().into())]);
    memory.history.tags.insert("v1".into(), a.as_str().into());
    let catalog = catalog(vec![vec![memory]]);
    let (first, second) = (listed("2026-01-08T230000Z"), listed("2026-01-09T230000Z"));
    let beside = Some(SnapshotFolder::Beside(c.as_str().into()));
    for (expr, expected) in [
        ("now", second.clone()),
        ("yesterday", first.clone()),
        ("2026-01-09", first.clone()),
        ("2026-01-09T23:00", second.clone()),
        ("2026-01-08", None),
        ("HEAD", second.clone()),
        ("HEAD~1", first.clone()),
        ("HEAD~2", None),
        ("2026-01-09T23:30~1", first.clone()),
        ("HEAD~1~0", first.clone()),
        ("main", second.clone()),
        ("v1", first.clone()),
        ("dev", beside.clone()),
        ("dev~1", first.clone()),
        ("bbbbbbbb", second),
        ("bbbbbbb", None),
        ("abcdefgh", beside),
        (a.as_str(), first),
        ("nonsense", None),
    ] {
        assert_eq!(resolved(&catalog, expr), expected, "{expr}");
    }
}

#[test]
fn an_ambiguous_prefix_means_nothing() {
    let (a, b) = (format!("12345678{}", "a".repeat(24)), format!("12345678{}", "b".repeat(24)));
    let catalog = catalog(vec![vec![database(vec![commit(&b, 2, &[]), commit(&a, 1, &[])], true)]]);
    assert_eq!(resolved(&catalog, "12345678"), None);
    assert_eq!(resolved(&catalog, "12345678b"), listed("1970-01-01T000002Z"));
}

#[test]
fn a_name_stays_with_its_snapshot_whatever_arrives() {
    let (a, b) = ("a".repeat(32), "b".repeat(32));
    let catalog = catalog(vec![vec![database(vec![commit(&b, 7, &[])], true)]]);
    let names = |catalog: &Catalog| -> Vec<(String, String)> {
        let state = catalog.state();
        let snapshots = state.database("db").expect("shown").snapshots().iter();
        snapshots.map(|s| (s.key.id.to_string(), s.name.to_string())).collect()
    };
    assert_eq!(names(&catalog), [(b.clone(), "1970-01-01T000007Z".into())]);
    // An older commit of the same instant arrives through a merge: it would come first by order.
    show(&catalog, 0, vec![database(vec![commit(&b, 7, &[]), commit(&a, 7, &[])], true)]);
    let both = names(&catalog);
    assert!(both.contains(&(b, "1970-01-01T000007Z".into())), "{both:?}");
    assert!(both.contains(&(a, "1970-01-01T000007Z-aaaaaaaa".into())), "{both:?}");
}

#[test]
fn a_commit_that_two_sources_hold_is_listed_once() {
    let (a, b) = ("a".repeat(32), "b".repeat(32));
    let live = database(vec![commit(&b, 2, &[&a]), commit(&a, 1, &[])], true);
    let backup = database(vec![commit(&a, 1, &[])], false);
    let catalog = catalog(vec![vec![backup], vec![live]]);
    let state = catalog.state();
    let db = state.database("db").expect("shown");
    assert_eq!(db.snapshots().len(), 2);
    assert!(db.snapshots().iter().all(|s| s.key.slot == 1), "the running database answers");
    assert_eq!(db.commits().len(), 2);
}

#[test]
fn databases_come_and_go_and_hostile_names_are_escaped() {
    let mut hostile = database(vec![commit(&"a".repeat(32), 1, &[])], true);
    hostile.name = "../x".into();
    let catalog = catalog(vec![vec![hostile]]);
    let state = catalog.state();
    let names: Vec<_> = state.databases().map(|d| d.name.to_string()).collect();
    assert_eq!(names, ["..%2Fx"]);
    show(&catalog, 0, vec![]);
    assert_eq!(catalog.state().databases().count(), 0);
}

#[test]
fn mirrors_of_one_archive_are_listed_each_under_a_name_of_its_own() {
    let mirror = || vec![database(vec![Arc::new(archive("beads-20260110-0000.jsonl", NOW, &[]))], false)];
    let catalog = catalog((0..5).map(|_| mirror()).collect());
    let state = catalog.state();
    let db = state.database("db").expect("shown");
    let names: std::collections::HashSet<_> = db.snapshots().iter().map(|s| s.name.clone()).collect();
    assert_eq!(names.len(), 5, "{names:?}");
    for snapshot in db.snapshots() {
        assert_eq!(db.snapshot(&snapshot.name).expect("listed").key, snapshot.key);
    }
}

#[test]
fn the_log_names_refs_of_a_commit_that_another_source_shows() {
    let a = "a".repeat(32);
    let live = database(vec![commit(&a, 1, &[])], true);
    let mut clone = database(vec![commit(&a, 1, &[])], false);
    clone.history.tags.insert("only-here".into(), a.as_str().into());
    let catalog = catalog(vec![vec![live], vec![clone]]);
    let log = asof::views::log_lines(catalog.state().database("db").expect("shown"));
    assert!(String::from_utf8(log).expect("UTF-8").contains(r#""tags":["only-here"]"#));
}

#[test]
fn a_time_after_the_last_day_of_the_calendar_is_told_apart() {
    let never = 253_402_300_799;
    let timeline = vec![
        commit(&"c".repeat(32), 1_000, &[]),
        commit(&"b".repeat(32), never, &[]),
        commit(&"a".repeat(32), 10, &[]),
    ];
    let catalog = catalog(vec![vec![database(timeline, true)]]);
    for (asked, expected) in
        [(5, None), (10, Some("a")), (999, Some("a")), (1_000, Some("c")), (never, Some("c"))]
    {
        assert_eq!(answer(&catalog, time(asked)), expected.map(|digit| digit.repeat(32)), "at {asked}");
    }
    assert_eq!(
        resolved(&catalog, "9999-12-31T23:59:59"),
        listed("1970-01-01T001640Z"),
        "the newest that is not later"
    );
    let state = catalog.state();
    let never =
        state.database("db").expect("it is there").snapshot("9999-12-31T235959Z").expect("it is listed");
    assert_eq!(*never.key.id, "b".repeat(32));
}
