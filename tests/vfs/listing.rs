//! What a listing says besides names: only what is known, without a read.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use asof::model::history::{History, SnapshotId};
use asof::vfs::{DOTS, Listing, ROOT, Ttl, Vfs, VfsError};

use crate::memory::{Files, Memory, catalog, commit, tree};

const ID: &str = "0123456789abcdefghijklmnopqrstuv";

/// One snapshot with a table and a folder in it, a working set, and a branch.
fn one_snapshot(reads: &Arc<AtomicUsize>) -> Vfs {
    let files: Files = [("t.jsonl", "{}\n"), ("views/v.jsonl", "{\"a\":1}\n")]
        .map(|(path, text)| (path.to_owned(), text.to_owned()))
        .into();
    let timeline = vec![commit(ID, 0, &[])];
    let history = History { timeline, is_primary: true, has_live: true, ..History::default() };
    tree(catalog(vec![vec![Memory {
        name: "db".into(),
        history,
        files: BTreeMap::from([(SnapshotId::from(ID), files.clone())]),
        live: files,
        reads: reads.clone(),
    }]]))
}

async fn walk(tree: &Vfs, path: &[&str]) -> u64 {
    let mut ino = ROOT;
    for name in path {
        ino = tree.lookup(ino, name).await.expect("it is there").attr.ino;
    }
    ino
}

#[tokio::test]
async fn a_listing_tells_sizes_that_are_known_and_reads_nothing() {
    let reads = Arc::new(AtomicUsize::new(0));
    let tree = one_snapshot(&reads);
    let asof = walk(&tree, &["db", "asof"]).await;
    let told = tree.entry(asof, "1970-01-01T000000Z").await.expect("it is listed");
    let folder = told.found.expect("a folder has no size to measure").attr;
    assert_eq!((folder.ino, folder.size), (told.ino, 0));

    let unknown = tree.entry(told.ino, "t.jsonl").await.expect("it is listed");
    assert!(unknown.found.is_none(), "nobody has measured it");
    assert!(tree.entry(told.ino, "views").await.expect("it is listed").found.is_some());
    assert_eq!(reads.load(Ordering::SeqCst), 0);

    let found = tree.lookup(told.ino, "t.jsonl").await.expect("it is there");
    assert_eq!(reads.load(Ordering::SeqCst), 1);
    let known = tree.entry(told.ino, "t.jsonl").await.expect("it is listed");
    assert_eq!(known.found, Some(found));
    assert_eq!((known.ino, unknown.ino), (found.attr.ino, found.attr.ino));
    assert_eq!(reads.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_listing_finds_what_a_look_up_finds() {
    let tree = one_snapshot(&Arc::default());
    let database = walk(&tree, &["db"]).await;
    for name in ["asof", "branches", "commits", "latest", "live", "log.jsonl", "tags"] {
        let found = tree.lookup(database, name).await.expect("it is there");
        assert_ne!(found.name_ttl, Ttl::Long, "{name} moves");
        let told = tree.entry(database, name).await.expect("it is listed");
        assert_eq!((told.ino, told.found), (found.attr.ino, Some(found)), "{name}");
    }
    let live = walk(&tree, &["db", "live"]).await;
    walk(&tree, &["db", "live", "t.jsonl"]).await;
    let table = tree.entry(live, "t.jsonl").await.expect("it is listed").found.expect("it was measured");
    assert_eq!(table.name_ttl, Ttl::None);
    assert!(matches!(tree.entry(live, "gone.jsonl").await, Err(VfsError::NotFound)));
}

#[tokio::test]
async fn a_listing_goes_on_where_it_was_and_says_whether_it_can_change() {
    let tree = one_snapshot(&Arc::default());
    for (path, is_settled) in
        [(&["db"][..], false), (&["db", "asof"], false), (&["db", "asof", "1970-01-01T000000Z"], true)]
    {
        let folder = walk(&tree, path).await;
        let whole = tree.list(folder, 0).await.expect("it lists");
        assert_eq!(whole.is_settled(), is_settled, "{path:?}");
        assert_eq!(whole.dots().map(|(_, name)| name).collect::<Vec<_>>(), DOTS);
        let names = |listing: &Listing| listing.rest().map(|(_, e)| e.name.to_string()).collect::<Vec<_>>();
        let all = names(&whole);
        for (place, (cookie, _)) in whole.rest().enumerate() {
            let rest = tree.list(folder, cookie).await.expect("it goes on");
            assert_eq!(
                (rest.dots().count(), names(&rest)),
                (0, all[place + 1..].to_vec()),
                "{path:?} {place}"
            );
        }
    }
}

#[tokio::test]
async fn a_listing_that_had_to_be_dropped_goes_on_only_if_it_cannot_have_changed() {
    let tree = one_snapshot(&Arc::default());
    let cookies = |listing: &Listing| listing.rest().map(|(cookie, _)| cookie).collect::<Vec<_>>();
    let database = walk(&tree, &["db"]).await;
    let snapshot = walk(&tree, &["db", "asof", "1970-01-01T000000Z"]).await;
    let settled = cookies(&tree.list(snapshot, 0).await.expect("it lists"));
    let moving = cookies(&tree.list(database, 0).await.expect("it lists"));
    for _ in 0..2000 {
        tree.list(database, 0).await.expect("it lists");
    }
    assert!(matches!(tree.list(database, moving[0]).await, Err(VfsError::Stale)));
    let rest = cookies(&tree.list(snapshot, settled[0]).await.expect("it goes on"));
    assert_eq!(rest, settled[1..], "all readers get the same cookies");
    for (folder, cookies) in [(database, moving), (snapshot, settled)] {
        for _ in 0..2 {
            let end = tree.list(folder, *cookies.last().expect("it has names")).await.expect("it ends");
            assert_eq!((end.dots().count(), end.rest().count()), (0, 0));
            assert_eq!(end.is_settled(), folder == snapshot);
        }
    }
}

#[tokio::test]
async fn each_entry_is_one_reference() {
    let tree = one_snapshot(&Arc::default());
    let snapshot = walk(&tree, &["db", "asof", "1970-01-01T000000Z"]).await;
    let ino = tree.entry(snapshot, "t.jsonl").await.expect("it is listed").ino;
    tree.entry(snapshot, "t.jsonl").await.expect("it is listed");
    tree.forget(ino, 1);
    assert!(tree.getattr(ino).await.is_ok(), "one is left");
    tree.forget(ino, 1);
    assert!(matches!(tree.getattr(ino).await, Err(VfsError::Stale)));
}

/// The age is by the clock of the catalog alone.
#[tokio::test]
async fn a_log_is_as_old_as_the_first_look_at_its_state() {
    let tree = one_snapshot(&Arc::default());
    let database = walk(&tree, &["db"]).await;
    let log = tree.lookup(database, "log.jsonl").await.expect("it is there").attr;
    assert_eq!(log.mtime.as_nanosecond(), i128::from(crate::memory::NOW) * 1_000_000_000);
}
