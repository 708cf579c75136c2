//! Lost commits: folders below lost/, found by hash, and never an answer for a time.

use std::sync::Arc;

use asof::catalog::{Catalog, SnapshotFolder};
use asof::model::time_expr::Clock;
use asof::vfs::{NodeKind, ROOT, Ttl, Vfs, VfsError};
use asof::views::lost_log_lines;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::memory::{Files, Memory, NOW, catalog, commit, show, tree};

fn hash(letter: char) -> String {
    letter.to_string().repeat(32)
}

/// A timeline of one commit `a`, and the lost commits `b` (whose parent is `a`) and `c` (whose parent is `b`).
fn flattened() -> Memory {
    let (a, b, c) = (hash('a'), hash('b'), hash('c'));
    let mut memory = Memory { name: "db".into(), ..Memory::default() };
    memory.history.timeline = vec![commit(&a, NOW - 100, &[])];
    memory.history.lost = Some(vec![commit(&c, NOW - 10, &[&b]), commit(&b, NOW - 20, &[&a])]);
    for (id, text) in [(&a, "same"), (&b, "same"), (&c, "changed")] {
        let files = Files::from([("t.jsonl".into(), text.into()), ("d/u.jsonl".into(), "below".into())]);
        memory.files.insert(id.as_str().into(), files);
    }
    memory
}

fn resolved(catalog: &Catalog, expr: &str) -> Option<SnapshotFolder> {
    let now = Timestamp::from_second(NOW).expect("a time within jiff's range");
    catalog.state().database("db")?.resolve(expr, &Clock { now, zone: &TimeZone::UTC })
}

async fn find(vfs: &Vfs, path: &str) -> Result<u64, VfsError> {
    let mut at = ROOT;
    for name in path.split('/') {
        at = vfs.lookup(at, name).await?.attr.ino;
    }
    Ok(at)
}

async fn names(vfs: &Vfs, path: &str) -> Vec<(String, NodeKind)> {
    let listing = vfs.list(find(vfs, path).await.expect("a folder"), 0).await.expect("it lists");
    listing.rest().map(|(_, entry)| (entry.name.to_string(), entry.kind)).collect()
}

async fn text(vfs: &Vfs, path: &str) -> String {
    let file = find(vfs, path).await.expect("a file");
    let bytes = vfs.read(file, 0, 1 << 20).await.expect("it reads");
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(work)
}

#[test]
fn a_lost_commit_is_a_folder_like_any_other() {
    let vfs = tree(catalog(vec![vec![flattened()]]));
    block_on(async {
        let listed: Vec<_> = names(&vfs, "db").await.into_iter().map(|(name, _)| name).collect();
        let own = ["asof", "branches", "commits", "latest", "log.jsonl", "lost", "tags"];
        assert!(own.iter().all(|name| listed.contains(&(*name).to_owned())), "{listed:?}");
        let [b, c] = ['b', 'c'].map(|letter| (hash(letter), NodeKind::Directory));
        assert_eq!(names(&vfs, "db/lost").await, [b, c, ("log.jsonl".into(), NodeKind::File)]);
        assert_eq!(names(&vfs, "db/commits").await, [(hash('a'), NodeKind::Symlink)]);
        assert_eq!(names(&vfs, "db/asof").await.len(), 1);
        assert_eq!(text(&vfs, &format!("db/lost/{}/t.jsonl", hash('c'))).await, "changed");
        assert_eq!(text(&vfs, &format!("db/lost/{}/d/u.jsonl", hash('c'))).await, "below");
        let shared = find(&vfs, &format!("db/lost/{}/t.jsonl", hash('b'))).await.expect("a file");
        assert_eq!(find(&vfs, "db/asof/2026-01-09T235820Z/t.jsonl").await.expect("a file"), shared);
        for missing in ["db/lost/none", "db/lost/aaaaaaaa", &format!("db/lost/{}", hash('a'))] {
            assert!(matches!(find(&vfs, missing).await, Err(VfsError::NotFound)), "{missing}");
        }
        let lost = find(&vfs, "db/lost").await.expect("the folder");
        let found = vfs.lookup(lost, &hash('c')).await.expect("a lost commit");
        assert!(found.name_ttl == Ttl::None, "what is collected has to leave at once");
        assert_eq!(found.attr.mtime.as_second(), NOW - 10);
    });
}

#[test]
fn its_log_tells_what_is_known_of_each() {
    let vfs = tree(catalog(vec![vec![flattened()]]));
    let (log, main_log) =
        block_on(async { (text(&vfs, "db/lost/log.jsonl").await, text(&vfs, "db/log.jsonl").await) });
    let [a, b, c] = ['a', 'b', 'c'].map(hash);
    let line = |hash: &str, time: &str, parent: &str| {
        format!(
            r#"{{"name":"{hash}","path":"lost/{hash}","time":"{time}","commit":"{hash}","author":"someone","email":"someone@example.org","message":"message of {hash}","source":"memory 0","branches":[],"tags":[],"parents":["{parent}"]}}"#
        )
    };
    let expected = [line(&b, "2026-01-09T23:59:40Z", &a), line(&c, "2026-01-09T23:59:50Z", &b)];
    assert_eq!(log.lines().collect::<Vec<_>>(), expected);
    assert_eq!(main_log.lines().count(), 1, "{main_log}");
    assert!(!main_log.contains("parents"), "{main_log}");
}

#[test]
fn hashes_find_lost_commits_and_times_do_not() {
    let catalog = catalog(vec![vec![flattened()]]);
    let listed = Some(SnapshotFolder::Listed("2026-01-09T235820Z".into()));
    let lost = |letter| Some(SnapshotFolder::Lost(hash(letter).into()));
    for (expr, expected) in [
        ("now", listed.clone()),
        ("2026-01-09T23:59:55Z", listed.clone()),
        ("HEAD", listed.clone()),
        (&hash('c'), lost('c')),
        ("cccccccc", lost('c')),
        ("ccccccc", None),
        ("cccccccc~1", lost('b')),
        ("cccccccc~2", listed),
        ("cccccccc~3", None),
    ] {
        assert_eq!(resolved(&catalog, expr), expected, "{expr}");
    }
    let vfs = tree(catalog);
    block_on(async {
        let link = find(&vfs, &format!("db/asof/{}", hash('c'))).await.expect("a hash is a name");
        assert_eq!(vfs.readlink(link).await.expect("it is a link"), format!("../lost/{}", hash('c')));
        let by_ref = vfs.getattr(link).await.expect("it is there");
        assert_eq!((by_ref.kind, by_ref.mtime.as_second()), (NodeKind::Symlink, NOW - 10));
    });
}

#[test]
fn a_prefix_means_what_a_name_reaches_before_what_is_lost() {
    let mut memory = flattened();
    let near = format!("cccccccc{}", "d".repeat(24));
    memory.history.off_timeline = vec![commit(&near, NOW - 5, &[])];
    let catalog = catalog(vec![vec![memory]]);
    assert_eq!(resolved(&catalog, "cccccccc"), Some(SnapshotFolder::Beside(near.into())));
    assert_eq!(resolved(&catalog, "ccccccccc"), Some(SnapshotFolder::Lost(hash('c').into())));
}

#[test]
fn what_another_source_reaches_is_not_lost() {
    let mut backup = Memory { name: "db".into(), ..Memory::default() };
    backup.history.timeline = vec![commit(&hash('b'), NOW - 20, &[])];
    let catalog = catalog(vec![vec![flattened()], vec![backup]]);
    let state = catalog.state();
    let lost = state.database("db").and_then(|db| db.lost()).expect("a source can know of lost commits");
    assert_eq!(lost.keys().map(|hash| &**hash).collect::<Vec<_>>(), [hash('c')]);
}

#[test]
fn what_was_collected_is_stale() {
    let catalog = catalog(vec![vec![flattened()]]);
    let vfs = tree(Arc::clone(&catalog));
    block_on(async {
        let folder = find(&vfs, &format!("db/lost/{}", hash('c'))).await.expect("a folder");
        // The source still answers for what it no longer shows.
        let mut collected = flattened();
        collected.history.lost = Some(vec![]);
        show(&catalog, 0, vec![collected]);
        assert!(matches!(vfs.lookup(folder, "t.jsonl").await, Err(VfsError::Stale)));
        assert!(matches!(vfs.list(folder, 0).await, Err(VfsError::Stale)));
        let again = find(&vfs, &format!("db/lost/{}", hash('c'))).await;
        assert!(matches!(again, Err(VfsError::NotFound)));
        assert_eq!(names(&vfs, "db/lost").await, [("log.jsonl".into(), NodeKind::File)]);
        assert_eq!(text(&vfs, "db/lost/log.jsonl").await, "");
    });
    assert_eq!(lost_log_lines(catalog.state().database("db").expect("shown")), b"");
}

#[test]
fn a_source_without_lost_commits_has_no_folder_for_them() {
    let mut memory = flattened();
    memory.history.lost = None;
    let vfs = tree(catalog(vec![vec![memory]]));
    block_on(async {
        assert!(matches!(find(&vfs, "db/lost").await, Err(VfsError::NotFound)));
        assert!(names(&vfs, "db").await.iter().all(|(name, _)| name != "lost"));
    });
}

#[test]
fn a_commit_beside_the_timeline_leaves_with_its_branch() {
    let mut memory = flattened();
    memory.history.off_timeline = vec![commit(&hash('d'), NOW - 5, &[])];
    memory.files.insert(hash('d').into(), Files::new());
    let catalog = catalog(vec![vec![memory]]);
    let vfs = tree(Arc::clone(&catalog));
    block_on(async {
        let commits = find(&vfs, "db/commits").await.expect("the folder");
        let found = vfs.lookup(commits, &hash('d')).await.expect("a branch leads to it");
        assert!(found.name_ttl == Ttl::Short, "stat must not find for a minute what ls does not");
        show(&catalog, 0, vec![flattened()]);
        assert!(matches!(vfs.lookup(commits, &hash('d')).await, Err(VfsError::NotFound)));
    });
}
