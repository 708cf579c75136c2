//! One rule decides what a snapshot is compared with: `versions/`, `history/` and `asof log` agree.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use asof::catalog::Listings;
use asof::model::history::{History, SnapshotMeta};
use asof::query::DatabaseLog;
use asof::views::ChangeIndexes;

use crate::memory::{Files, Memory, archive, catalog, commit};
use crate::views::runtime;

/// A database of these snapshots, oldest first. Each has a file of its own, and a value in the file that all have.
fn database(timeline: Vec<Arc<SnapshotMeta>>, values: &[(&str, u8)]) -> Memory {
    let files = timeline.iter().zip(values).map(|(meta, (own, value))| {
        let files =
            [("all.jsonl".to_owned(), format!("{{\"id\":{value}}}\n")), ((*own).to_owned(), "x".to_owned())];
        (meta.id.clone(), Files::from(files))
    });
    let files = files.collect::<BTreeMap<_, _>>();
    let timeline = timeline.into_iter().rev().collect();
    Memory {
        name: "db".into(),
        history: History { timeline, ..History::default() },
        files,
        ..Memory::default()
    }
}

/// The files that each snapshot changed, by `asof log` and by `versions/`.
async fn told(memory: Memory) -> [Vec<(String, BTreeSet<String>)>; 2] {
    let catalog = catalog(vec![vec![memory]]);
    let database = Arc::clone(catalog.state().database("db").expect("it is there"));
    let listings = Listings::default();
    let log = DatabaseLog::of(&database);
    let index = ChangeIndexes::default().of(&database, &listings).await.expect("all can be listed");
    let mut by_log = Vec::new();
    for snapshot in database.snapshots() {
        let changed = log.changes(snapshot, &listings, |_| true).await.expect("all can be listed");
        let files = changed.map(|changed| changed.files.iter().map(|file| file.path.to_string()).collect());
        by_log.push((snapshot.meta.id.to_string(), files.unwrap_or_default()));
    }
    let mut by_versions: Vec<(String, BTreeSet<String>)> =
        database.snapshots().iter().map(|snapshot| (snapshot.meta.id.to_string(), BTreeSet::new())).collect();
    for (_, path) in index.folders() {
        for change in index.of(path) {
            by_versions[change.at].1.insert(path.to_string());
        }
    }
    [by_log, by_versions]
}

#[test]
fn log_and_versions_compare_a_snapshot_with_the_same_one() {
    let all = ["all.jsonl", "own"];
    runtime().block_on(async {
        // A history whose commits have their parents, with a merge.
        let parents = [&[][..], &["c0"], &["c0"], &["c1", "c2"]];
        let timeline = (0..4).map(|at| commit(&format!("c{at}"), at as i64, parents[at])).collect();
        let [log, versions] =
            told(database(timeline, &[("own", 0), ("own", 1), ("own", 0), ("own", 2)])).await;
        assert_eq!(log, versions);
        let changed = |at: usize| log[at].1.iter().map(String::as_str).collect::<Vec<_>>();
        assert_eq!([changed(0), changed(1), changed(2), changed(3)], [&all[..], &all[..1], &[], &all[..1]]);

        // Roots in the middle, and commits whose parents a shallow clone left behind.
        let parents = [&[][..], &[], &["gone"], &["c2"]];
        let timeline = (0..4).map(|at| commit(&format!("c{at}"), at as i64, parents[at])).collect();
        let [log, versions] =
            told(database(timeline, &[("own", 0), ("own", 1), ("other", 1), ("other", 1)])).await;
        assert_eq!(log, versions);
        let changed = |at: usize| log[at].1.iter().map(String::as_str).collect::<Vec<_>>();
        assert_eq!([changed(1), changed(2), changed(3)], [&all[..1], &["other", "own"], &[]]);

        // Archives, one of them a marked copy.
        let marked = |meta: SnapshotMeta| SnapshotMeta { mark: Some("pre-restore"), ..meta };
        let archives = ["a0", "a1", "a2"].into_iter().zip(0..).map(|(id, at)| archive(id, at, &[]));
        let timeline = archives.map(|meta| if &*meta.id == "a1" { marked(meta) } else { meta }).map(Arc::new);
        let [log, versions] = told(database(timeline.collect(), &[("own", 0), ("own", 1), ("own", 0)])).await;
        assert_eq!(log[2], versions[2]);
        assert!(log[2].1.is_empty(), "the copy is nobody's base: {log:?}");
    });
}

#[test]
fn the_first_commit_of_a_shallow_clone_has_all_its_files_and_log_says_that_it_cannot_know() {
    runtime().block_on(async {
        let timeline = vec![commit("c0", 0, &["gone"]), commit("c1", 1, &["c0"])];
        let [log, versions] = told(database(timeline, &[("own", 0), ("own", 1)])).await;
        assert_eq!((log[0].1.len(), versions[0].1.len()), (0, 2));
        assert_eq!(log[1], versions[1]);
    });
}
