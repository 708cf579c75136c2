//! The tree shows exactly what a source holds: a full walk equals a plain map of paths.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use asof::vfs::{NodeKind, ROOT, Vfs, VfsError};
use bytes::Bytes;
use futures_util::future::{BoxFuture, FutureExt};
use proptest::prelude::*;
use sha2::{Digest, Sha256};

use crate::memory::{Files, Memory, NOW, catalog, commit, tree, tree_with_cache};

/// What stands at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Shown {
    Dir,
    File(Vec<u8>),
    Link(String),
}

/// The tree's own links are UTF-8.
fn text(target: Bytes) -> String {
    String::from_utf8(target.into()).expect("names are UTF-8")
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// Everything below `ino`, by path. Reads each file in odd pieces and checks its size.
fn walk<'a>(
    vfs: &'a Vfs,
    ino: u64,
    path: String,
    found: &'a mut BTreeMap<String, Shown>,
) -> BoxFuture<'a, ()> {
    async move {
        let listing = vfs.list(ino, 0).await.expect("a folder lists");
        for (_, entry) in listing.rest() {
            let below = format!("{path}/{}", entry.name);
            let attr = vfs.lookup(ino, &entry.name).await.expect("a listed name is found").attr;
            assert_eq!((attr.ino, attr.kind), (entry.ino, entry.kind), "{below}");
            let shown = match attr.kind {
                NodeKind::Directory => {
                    walk(vfs, attr.ino, below.clone(), found).await;
                    Shown::Dir
                }
                NodeKind::Symlink => {
                    let target = text(vfs.readlink(attr.ino).await.expect("a listed link leads somewhere"));
                    assert_eq!(attr.size, target.len() as u64);
                    Shown::Link(target)
                }
                NodeKind::File | NodeKind::Executable => {
                    let bytes = read_all(vfs, attr.ino, 5).await;
                    assert_eq!(attr.size, bytes.len() as u64, "{below}");
                    assert_eq!(attr.blocks, attr.size.div_ceil(512));
                    Shown::File(bytes)
                }
            };
            vfs.forget(attr.ino, 1);
            assert!(found.insert(below.clone(), shown).is_none(), "{below} is listed twice");
        }
    }
    .boxed()
}

async fn read_all(vfs: &Vfs, ino: u64, step: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let piece = vfs.read(ino, bytes.len() as u64, step).await.expect("a file reads");
        if piece.is_empty() {
            break;
        }
        bytes.extend_from_slice(&piece);
    }
    bytes
}

/// Resolves `path` from the root, through symlinks that stay in one folder or lead up.
async fn resolve(vfs: &Vfs, path: &str) -> Result<u64, VfsError> {
    let mut at = vec![ROOT];
    let mut todo: Vec<String> = path.split('/').rev().map(str::to_owned).collect();
    while let Some(name) = todo.pop() {
        if name == ".." {
            at.pop();
            continue;
        }
        let attr = vfs.lookup(*at.last().expect("links stay below the root"), &name).await?.attr;
        if attr.kind == NodeKind::Symlink {
            todo.extend(text(vfs.readlink(attr.ino).await?).split('/').rev().map(str::to_owned));
        } else {
            at.push(attr.ino);
        }
    }
    Ok(*at.last().expect("the walk started at the root"))
}

/// Ten digits of a made-up commit hash, distinct in the first eight.
fn hash(n: usize) -> String {
    format!("{n:08}{}", "v".repeat(24))
}

/// One commit a minute, each with its files; the last ones are only on a branch.
fn linear(snapshots: &[Files], off: usize) -> Memory {
    let mut memory = Memory { name: "be ads".into(), ..Memory::default() };
    for (n, files) in snapshots.iter().enumerate() {
        let parents = n.checked_sub(1).map(hash);
        let parents: Vec<&str> = parents.iter().map(String::as_str).collect();
        let meta = commit(&hash(n), NOW - 86_400 + 60 * n as i64, &parents);
        if n + off >= snapshots.len() {
            memory.history.off_timeline.push(meta);
        } else {
            memory.history.timeline.insert(0, meta);
        }
        memory.history.branches.insert(format!("dev/b{n}"), hash(n).into());
        memory.files.insert(hash(n).into(), files.clone());
    }
    memory
}

/// The expected tree, made without any of its code.
fn expected(snapshots: &[Files], off: usize) -> BTreeMap<String, Shown> {
    let mut all = BTreeMap::new();
    let mut dir = |path: &str| drop(all.insert(path.to_owned(), Shown::Dir));
    let base = "/be ads";
    let folders =
        ["", "/asof", "/branches", "/commits", "/tags", "/sums", "/versions", "/diff", "/history", "/export"];
    folders.iter().for_each(|p| dir(&format!("{base}{p}")));
    let periods = [
        ("hourly", "2026-01-09T00"),
        ("daily", "2026-01-09"),
        ("weekly", "2026-W02"),
        ("monthly", "2026-01"),
        ("yearly", "2026"),
    ];
    periods.iter().for_each(|(folder, _)| dir(&format!("{base}/{folder}")));
    if !snapshots.is_empty() {
        dir(&format!("{base}/branches/dev"));
    }
    for (n, files) in snapshots.iter().enumerate() {
        let listed = n + off < snapshots.len();
        let (hours, minutes) = (n / 60, n % 60);
        let place = if listed {
            format!("asof/2026-01-09T{hours:02}{minutes:02}00Z")
        } else {
            format!("commits/{}", hash(n))
        };
        all.insert(format!("{base}/branches/dev/b{n}"), Shown::Link(format!("../../{place}")));
        if listed {
            all.insert(format!("{base}/commits/{}", hash(n)), Shown::Link(format!("../{place}")));
            all.insert(format!("{base}/latest"), Shown::Link(place.clone()));
            for (folder, period) in periods {
                all.insert(format!("{base}/{folder}/{period}"), Shown::Link(format!("../{place}")));
            }
            let name = place.strip_prefix("asof/").expect("it is listed");
            let line = |(path, text): (&String, &String)| {
                let hash: String = Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect();
                format!("{hash}  {place}/{path}\n")
            };
            let sums: String = files.iter().map(line).collect();
            all.insert(format!("{base}/sums/{name}.sha256"), Shown::File(sums.into_bytes()));
            let before = n.checked_sub(1).map(|before| &snapshots[before]);
            for (path, text) in files {
                let folder = path.strip_suffix(".jsonl").unwrap_or(path);
                let ending = path.rfind('.').filter(|_| !path.ends_with('h')).map_or("", |at| &path[at..]);
                let mut upto = format!("{base}/versions");
                for part in folder.split('/') {
                    upto = format!("{upto}/{part}");
                    all.insert(upto.clone(), Shown::Dir);
                }
                // The tree finds keys, but does not list them.
                if let Some(table) = path.strip_suffix(".jsonl") {
                    all.insert(format!("{base}/history/{table}"), Shown::Dir);
                }
                if before.is_none_or(|before| before.get(path) != Some(text)) {
                    all.insert(format!("{upto}/{name}{ending}"), Shown::File(text.as_bytes().to_vec()));
                }
            }
        }
        all.insert(format!("{base}/{place}"), Shown::Dir);
        for (path, text) in files {
            let mut upto = String::new();
            for folder in path.split('/').take(path.matches('/').count()) {
                upto = format!("{upto}/{folder}");
                all.insert(format!("{base}/{place}{upto}"), Shown::Dir);
            }
            all.insert(format!("{base}/{place}/{path}"), Shown::File(text.as_bytes().to_vec()));
        }
    }
    all
}

fn files() -> impl Strategy<Value = Files> {
    let path = prop::sample::select(vec!["a.jsonl", "b.jsonl", "d/x", "d/y", "d-e", "d.f/g/h", "ü"]);
    prop::collection::btree_map(path.prop_map(str::to_owned), "[a-c\n]{0,12}", 0..6)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_walk_shows_what_the_source_holds(
        snapshots in prop::collection::vec(files(), 0..6),
        off in 0usize..3,
        cache in prop::sample::select(vec![0u64, 300, 1 << 20]),
    ) {
        let off = off.min(snapshots.len());
        let vfs = tree_with_cache(catalog(vec![vec![linear(&snapshots, off)]]), cache);
        let mut found = BTreeMap::new();
        runtime().block_on(walk(&vfs, ROOT, String::new(), &mut found));
        let log = found.remove("/be ads/log.jsonl");
        prop_assert_eq!(&found, &expected(&snapshots, off));
        let Some(Shown::File(log)) = log else { panic!("log.jsonl is missing") };
        let paths: Vec<String> = std::str::from_utf8(&log).expect("UTF-8").lines().map(|line| {
            let line: serde_json::Value = serde_json::from_str(line).expect("a JSON line");
            line["path"].as_str().expect("a path").to_owned()
        }).collect();
        prop_assert_eq!(paths.len(), snapshots.len());
        for path in paths {
            prop_assert_eq!(&found[&format!("/be ads/{path}")], &Shown::Dir);
        }
    }

    #[test]
    fn equal_contents_share_an_inode_and_others_do_not(snapshots in prop::collection::vec(files(), 1..6)) {
        let (first, second) = (
            tree(catalog(vec![vec![linear(&snapshots, 0)]])),
            tree(catalog(vec![vec![linear(&snapshots, 0)]])),
        );
        runtime().block_on(async {
            let mut contents: HashMap<u64, (String, String)> = HashMap::new();
            let mut links: HashMap<u64, u32> = HashMap::new();
            for (n, files) in snapshots.iter().enumerate() {
                for (path, text) in files {
                    let place = format!("be ads/commits/{}/{path}", hash(n));
                    let ino = resolve(&first, &place).await.expect("a file of the snapshot");
                    assert_eq!(ino, resolve(&second, &place).await.expect("the same file"), "after a remount");
                    let content = (path.clone(), text.clone());
                    assert_eq!(contents.entry(ino).or_insert_with(|| content.clone()), &content);
                    *links.entry(ino).or_default() += 1;
                }
            }
            let distinct: std::collections::HashSet<_> = contents.values().collect();
            assert_eq!(distinct.len(), contents.len(), "one content has one inode");
            for (ino, count) in links {
                assert_eq!(first.getattr(ino).await.expect("a referenced inode").nlink, count);
            }
        });
    }
}

#[test]
fn listing_reads_no_content_and_one_content_is_read_once() {
    let snapshots: Vec<Files> = (0..5).map(|_| Files::from([("t.jsonl".into(), "same".into())])).collect();
    let memory = linear(&snapshots, 0);
    let reads = memory.reads.clone();
    let vfs = tree(catalog(vec![vec![memory]]));
    runtime().block_on(async {
        let timeline = resolve(&vfs, "be ads/asof").await.expect("asof");
        for (_, entry) in vfs.list(timeline, 0).await.expect("it lists").rest() {
            let snapshot = vfs.lookup(timeline, &entry.name).await.expect("a snapshot").attr.ino;
            vfs.list(snapshot, 0).await.expect("it lists");
        }
        assert_eq!(reads.load(Ordering::SeqCst), 0, "names and folders need no content");
        for n in 0..5 {
            let ino = resolve(&vfs, &format!("be ads/commits/{}/t.jsonl", hash(n))).await.expect("a file");
            assert_eq!(read_all(&vfs, ino, 100).await, b"same");
        }
        assert_eq!(reads.load(Ordering::SeqCst), 1);
    });
}

#[test]
fn a_broken_file_fails_alone() {
    let files = Files::from([("bad".into(), "broken".into()), ("good".into(), "fine".into())]);
    let vfs = tree(catalog(vec![vec![linear(&[files], 0)]]));
    runtime().block_on(async {
        let folder = resolve(&vfs, "be ads/latest").await.expect("the folder");
        assert!(matches!(vfs.lookup(folder, "bad").await, Err(VfsError::Source(_))));
        let good = vfs.lookup(folder, "good").await.expect("its neighbour").attr.ino;
        assert_eq!(read_all(&vfs, good, 100).await, b"fine");
    });
}

#[test]
fn wrong_operations_have_their_errors() {
    let vfs = tree(catalog(vec![vec![linear(&[Files::from([("t".into(), "x".into())])], 0)]]));
    runtime().block_on(async {
        let folder = resolve(&vfs, "be ads/latest").await.expect("the folder");
        let file = resolve(&vfs, "be ads/latest/t").await.expect("the file");
        assert!(matches!(vfs.read(folder, 0, 1).await, Err(VfsError::IsADirectory)));
        assert!(matches!(vfs.list(file, 0).await, Err(VfsError::NotADirectory)));
        assert!(matches!(vfs.lookup(file, "x").await, Err(VfsError::NotADirectory)));
        assert!(matches!(vfs.lookup(folder, "none").await, Err(VfsError::NotFound)));
        assert!(matches!(vfs.readlink(file).await, Err(VfsError::InvalidArgument)));
        assert!(matches!(vfs.getattr(12_345).await, Err(VfsError::Stale)));
        assert!(matches!(vfs.read(12_345, 0, 1).await, Err(VfsError::Stale)));
        assert!(vfs.read(file, u64::MAX, usize::MAX).await.expect("past the end").is_empty());
    });
}

#[test]
fn many_readers_at_random_offsets_see_one_content() {
    let text: String = (0..20_000).map(|n| format!("line {n}\n")).collect();
    let memory = linear(&[Files::from([("t".into(), text.clone())])], 0);
    let reads = memory.reads.clone();
    let vfs = Arc::new(tree(catalog(vec![vec![memory]])));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).build().expect("a runtime");
    runtime.block_on(async {
        let ino = resolve(&vfs, "be ads/latest/t").await.expect("the file");
        let text = Arc::new(text);
        let readers = (0..32u64).map(|reader| {
            let (vfs, text) = (vfs.clone(), text.clone());
            tokio::spawn(async move {
                let mut state = reader + 1;
                for _ in 0..200 {
                    state =
                        state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    let offset = (state >> 33) as usize % text.len();
                    let size = (state >> 20) as usize % 70_000;
                    let end = text.len().min(offset + size);
                    let got = vfs.read(ino, offset as u64, size).await.expect("reads");
                    assert_eq!(&got[..], &text.as_bytes()[offset..end]);
                }
            })
        });
        for reader in futures_util::future::join_all(readers).await {
            reader.expect("a reader that saw what it should");
        }
    });
    assert_eq!(reads.load(Ordering::SeqCst), 1);
}
