//! Paths are resolved as the kernel does, and never out of the tree.

use std::collections::BTreeMap;

use asof::model::history::{History, SnapshotId};
use asof::vfs::{NodeKind, PathError, Vfs, VfsError};

use crate::memory::{Files, Memory, catalog, commit, tree};

const ID: &str = "0123456789abcdefghijklmnopqrstuv";
const SNAPSHOT: &str = "db/asof/1970-01-01T000000Z";

fn one_snapshot() -> Vfs {
    let files: Files = [
        ("t.jsonl", "{}\n"),
        ("sub/up.link", "../t.jsonl"),
        ("sub/here.link", "."),
        ("away.link", "../../../../etc/passwd"),
        ("root.link", "/etc/passwd"),
        ("circle.link", "circle.link"),
        ("dead.link", "nowhere/at/all"),
        ("empty.link", ""),
    ]
    .map(|(path, text)| (path.to_owned(), text.to_owned()))
    .into();
    let history = History {
        timeline: vec![commit(ID, 0, &[])],
        branches: BTreeMap::from([("a/b".to_owned(), SnapshotId::from(ID))]),
        has_live: true,
        ..History::default()
    };
    tree(catalog(vec![vec![Memory {
        name: "db".into(),
        history,
        files: BTreeMap::from([(SnapshotId::from(ID), files.clone())]),
        live: files,
        ..Memory::default()
    }]]))
}

#[tokio::test]
async fn paths_lead_where_the_kernel_would_go() {
    let tree = one_snapshot();
    let table = format!("{SNAPSHOT}/t.jsonl");
    for (path, follows, found) in [
        ("", true, ""),
        ("/", true, ""),
        ("db", true, "db"),
        ("//db/./asof/..", true, "db"),
        ("db/latest", false, "db/latest"),
        ("db/latest", true, SNAPSHOT),
        ("db/latest/", false, SNAPSHOT),
        ("db/latest/.", false, SNAPSHOT),
        ("db/asof/now/t.jsonl", true, &*table),
        ("db/branches/a/b/t.jsonl", false, &*table),
        (&*format!("db/commits/{ID}/sub/up.link"), true, &*table),
        (&*format!("{SNAPSHOT}/sub/here.link/here.link/up.link"), false, &*format!("{SNAPSHOT}/sub/up.link")),
        ("db/live/sub/up.link", true, "db/live/t.jsonl"),
    ] {
        let place = tree.walk(path, follows).await.unwrap_or_else(|error| panic!("{path}: {error}"));
        assert_eq!(place.path, found, "{path}");
        assert_eq!(tree.getattr(place.ino).await.expect("it is held").kind, place.kind, "{path}");
        tree.forget(place.ino, 1);
        if !found.is_empty() {
            assert!(
                matches!(tree.getattr(place.ino).await, Err(VfsError::Stale)),
                "{path}: nothing else holds it"
            );
        }
    }
}

#[tokio::test]
async fn nothing_leads_out_of_the_tree() {
    let tree = one_snapshot();
    for path in ["..", "db/../..", "db/latest/away.link", "db/latest/root.link", "db/latest/root.link/x"] {
        let error = tree.walk(path, true).await.expect_err(path);
        assert!(matches!(error, PathError::LeadsOut), "{path}: {error:?}");
    }
    let circle = tree.walk("db/latest/circle.link", true).await.expect_err("it has no end");
    assert!(matches!(circle, PathError::TooManyLinks), "{circle:?}");
    let as_it_is = tree.walk("db/latest/circle.link", false).await.expect("a symlink may lead anywhere");
    assert_eq!(as_it_is.kind, NodeKind::Symlink);
}

#[tokio::test]
async fn what_is_missing_is_told_with_the_last_folder() {
    let tree = one_snapshot();
    let nowhere = format!("{SNAPSHOT}/dead.link");
    for (path, folder, name) in [
        ("nope/x", "", "nope"),
        ("db/latest/nope/x/y", SNAPSHOT, "nope"),
        ("db/asof/1960-01-01/t.jsonl", "db/asof", "1960-01-01"),
        (&*nowhere, SNAPSHOT, "nowhere"),
    ] {
        match tree.walk(path, true).await.expect_err(path) {
            PathError::Name { folder: told, name: missing, error: VfsError::NotFound } => {
                assert_eq!((&*told, &*missing), (folder, name), "{path}");
            }
            error => panic!("{path}: {error:?}"),
        }
    }
    for path in ["db/latest/t.jsonl/", "db/latest/t.jsonl/x", "db/latest/t.jsonl/..", "db/log.jsonl/."] {
        let error = tree.walk(path, true).await.expect_err(path);
        assert!(matches!(error, PathError::Name { error: VfsError::NotADirectory, .. }), "{path}: {error:?}");
    }
    let empty = tree.walk("db/latest/empty.link", true).await.expect_err("it leads nowhere");
    assert!(matches!(empty, PathError::Name { error: VfsError::NotALink, .. }), "{empty:?}");
}
