//! Every form in which a repository comes.

use std::os::unix::fs::symlink;

use super::*;
use crate::content::ErrorKind;

/// Three commits on `main`.
fn plain(options: &[&str]) -> Repo {
    let repo = Repo::with(options);
    repo.write("a", "first\n".repeat(100));
    repo.write("dir/b", "b\n");
    repo.commit("begin");
    repo.change("a", &"second\n".repeat(100));
    repo.change("dir/b", "b again\n");
    repo
}

/// A snapshot: its id, and its files by path.
type Shown = (String, Vec<(String, Vec<u8>)>);

/// What a source shows: the name of the database, and its snapshots.
async fn shown(place: &str) -> (String, Vec<Shown>) {
    shown_with(place, Links::Beneath).await
}

async fn shown_with(place: &str, links: Links) -> (String, Vec<Shown>) {
    let source =
        try_open_with(place, None, links).unwrap_or_else(|error| panic!("{place}: {}", error.chain()));
    let database = database(&source).await;
    let mut snapshots = Vec::new();
    for meta in &database.history().timeline {
        let mut found = Vec::new();
        for file in files(&database, &meta.id).await {
            let bytes = read(&file.content).await.unwrap_or_else(|error| panic!("{}", error.chain()));
            found.push((file.path.to_string(), bytes));
        }
        snapshots.push((meta.id.to_string(), found));
    }
    (database.name().to_owned(), snapshots)
}

async fn problem(place: &str) -> SourceError {
    match try_open(place, None) {
        Err(error) => error,
        Ok(source) => source.poll().await.err().unwrap_or_else(|| panic!("{place} opens")),
    }
}

#[tokio::test]
async fn every_form_of_a_repository_shows_the_same() {
    let repo = plain(&[]);
    let top = repo.folder.path();
    let at = |name: &str| top.join(name).display().to_string();
    let (name, expected) = shown(&repo.place()).await;
    assert_eq!((name.as_str(), expected.len()), ("work", 3));
    repo.git(&["worktree", "add", "-q", &at("linked"), "-b", "linked"]);
    repo.git_in(top, &["clone", "-q", "--bare", "work", "bare.git"], b"");
    repo.git_in(top, &["clone", "-q", "--shared", "--bare", "work", "shared.git"], b"");
    repo.git_in(top, &["clone", "-q", "work", "cloned"], b"");
    symlink(&repo.path, top.join("by-link")).expect("the folder is ours");
    for (place, name) in [
        (".git", "work"),
        ("../linked", "linked"),
        ("../bare.git", "bare"),
        ("../cloned", "cloned"),
        ("../by-link", "by-link"),
        ("../bare.git?ref=main", "bare"),
        ("../bare.git?ref=refs/heads/main", "bare"),
        ("../cloned?ref=origin/main", "cloned"),
    ] {
        assert_eq!(
            shown(&format!("{}/{place}", repo.place())).await,
            (name.to_owned(), expected.clone()),
            "{place}"
        );
    }
    let shared = at("shared.git");
    assert_eq!(shown_with(&shared, Links::Owned).await, ("shared".to_owned(), expected.clone()));
    repo.git(&["checkout", "-q", "--detach"]);
    assert_eq!(shown(&repo.place()).await.1, expected, "a detached HEAD");
    repo.git(&["pack-refs", "--all"]);
    repo.git(&["gc", "-q", "--prune=now"]);
    assert_eq!(shown(&repo.place()).await.1, expected, "all packed");
    repo.git(&["repack", "-q", "-adf", "--depth=50"]);
    repo.git(&["commit-graph", "write", "--reachable"]);
    repo.git(&["multi-pack-index", "write"]);
    assert_eq!(shown(&repo.place()).await.1, expected, "with a commit-graph and an index over packs");
}

#[tokio::test]
async fn sha256_repositories_are_read_and_checked() {
    let repo = plain(&["--object-format=sha256"]);
    let (_, loose) = shown(&repo.place()).await;
    assert_eq!(loose.len(), 3);
    assert_eq!(loose[0].0.len(), 64);
    let database = database(&repo.open()).await;
    assert_is_tree(&repo, &database, &loose[1].0).await;
    repo.git(&["gc", "-q", "--prune=now"]);
    assert_eq!(shown(&repo.place()).await.1, loose);
}

#[tokio::test]
async fn remote_branches_are_branches() {
    let repo = plain(&[]);
    repo.git(&["branch", "topic/x", "HEAD~1"]);
    let top = repo.folder.path();
    repo.git_in(top, &["clone", "-q", "work", "cloned"], b"");
    let database = database(&open(&top.join("cloned").display().to_string())).await;
    let branches: Vec<_> = database.history().branches.iter().map(|(name, id)| (&**name, &**id)).collect();
    let (head, before) = (repo.git(&["rev-parse", "HEAD"]), repo.git(&["rev-parse", "HEAD~1"]));
    assert_eq!(branches, [("main", &*head), ("origin/main", &head), ("origin/topic/x", &before)]);
}

#[tokio::test]
async fn the_history_of_a_shallow_clone_ends_where_it_was_cut() {
    let repo = plain(&[]);
    let top = repo.folder.path();
    let from = format!("file://{}", repo.place());
    repo.git_in(top, &["clone", "-q", "--depth=2", &from, "shallow"], b"");
    let place = top.join("shallow");
    let source = open(&place.display().to_string());
    let first = database(&source).await;
    let expected = repo.git(&["log", "--format=%H", "-2"]);
    assert_eq!(ids(&first.history().timeline), expected.lines().collect::<Vec<_>>());
    assert_is_tree(&repo, &first, expected.lines().last().expect("two")).await;
    assert!(first.history().timeline[1].parents.is_empty());
    // More of it comes.
    repo.git_in(&place, &["fetch", "-q", "--unshallow"], b"");
    let whole = database(&source).await;
    assert_eq!(whole.history().timeline.len(), 3);
    let oldest = files(&whole, &whole.history().timeline[1].id).await;
    let direct = files(&database(&repo.open()).await, &whole.history().timeline[1].id).await;
    let facts =
        |files: &[FileEntry]| -> Vec<_> { files.iter().map(|f| (f.id, f.changed, f.links)).collect() };
    assert_eq!(facts(&oldest), facts(&direct), "as if it had been whole from the beginning");
}

#[tokio::test]
async fn what_a_partial_clone_left_behind_is_named() {
    let repo = plain(&[]);
    repo.git(&["config", "uploadpack.allowFilter", "true"]);
    let top = repo.folder.path();
    let from = format!("file://{}", repo.place());
    repo.git_in(top, &["clone", "-q", "--bare", "--filter=blob:none", &from, "partial.git"], b"");
    let database = database(&open(&top.join("partial.git").display().to_string())).await;
    let newest = &database.history().timeline[0].id;
    let entry = file(&database, newest, "a").await;
    assert_eq!(entry.content.stated_len(), None);
    let error = read(&entry.content).await.expect_err("it was not fetched");
    assert_eq!(error.kind, ErrorKind::Missing);
    let blob = repo.git(&["rev-parse", "HEAD:a"]);
    assert!(error.chain().contains("partial clone") && error.chain().contains(&blob), "{}", error.chain());
    let hint = error.hint.expect("it says what to do");
    assert!(hint.contains(&format!("git cat-file -t {blob}")), "{hint}");
    // And that it helps.
    repo.git_in(&top.join("partial.git"), &["cat-file", "-t", &blob], b"");
    assert_eq!(read(&entry.content).await.expect("it is there now"), "second\n".repeat(100).as_bytes());
}

#[tokio::test]
async fn replaced_objects_show_what_git_shows() {
    let repo = plain(&[]);
    let (blob, commit) = (repo.git(&["rev-parse", "HEAD:a"]), repo.git(&["rev-parse", "HEAD~1"]));
    let source = repo.open();
    let before = database(&source).await;
    let newest = before.history().timeline[0].id.clone();
    let old = file(&before, &newest, "a").await;
    let other = repo.git_with(&["hash-object", "-w", "--stdin"], b"other bytes\n");
    repo.git(&["replace", &blob, &other]);
    let tree = repo.git(&["rev-parse", "HEAD~2^{tree}"]);
    let parent = repo.git(&["rev-parse", "HEAD~2"]);
    let stands_in = repo.git(&["commit-tree", &tree, "-p", &parent, "-m", "in its place"]);
    repo.git(&["replace", &commit, &stands_in]);
    let after = database(&source).await;
    assert_eq!(
        ids(&after.history().timeline),
        repo.git(&["log", "--format=%H", "--", "."]).lines().collect::<Vec<_>>()
    );
    let new = file(&after, &newest, "a").await;
    assert_ne!(new.id, old.id, "other bytes are another content");
    assert_eq!(read(&new.content).await.expect("it is whole"), repo.git_bytes(&["show", "HEAD:a"]));
    assert_eq!(read(&new.content).await.expect("it is whole"), b"other bytes\n");
    assert_eq!(read(&old.content).await.expect("the old one goes on"), "second\n".repeat(100).as_bytes());

    repo.git(&["config", "core.useReplaceRefs", "false"]);
    let unreplaced = database(&source).await;
    assert_eq!(file(&unreplaced, &newest, "a").await.id, old.id);
}

#[tokio::test]
async fn what_cannot_be_opened_says_why_and_what_to_do() {
    let unborn = Repo::new();
    let error = problem(&unborn.place()).await;
    assert_eq!(error.kind, ErrorKind::Invalid, "{}", error.chain());
    assert!(error.chain().contains("`main`") && error.hint.is_some(), "{}", error.chain());

    let repo = plain(&[]);
    let error = problem(&format!("{}?ref=none", repo.place())).await;
    assert_eq!(error.kind, ErrorKind::Missing);
    assert!(error.chain().contains("`none`"), "{}", error.chain());

    let error = problem(&format!("{}/no/such/path", repo.place())).await;
    assert_eq!(error.kind, ErrorKind::Missing);
    assert!(error.chain().contains("no/such/path"), "{}", error.chain());

    repo.git(&["tag", "tree", "HEAD^{tree}"]);
    let error = problem(&format!("{}?ref=tree", repo.place())).await;
    assert_eq!(error.kind, ErrorKind::Invalid, "{}", error.chain());

    // No git of today's makes one: what gives them away is the setting.
    repo.git(&["config", "core.repositoryFormatVersion", "1"]);
    repo.git(&["config", "extensions.refStorage", "reftable"]);
    let error = problem(&repo.place()).await;
    assert_eq!(error.kind, ErrorKind::Unsupported, "{}", error.chain());
    assert!(error.chain().contains("`reftable`, which is not read"), "{}", error.chain());
    assert_eq!(error.hint.as_deref(), Some("`git refs migrate --ref-format=files` makes them files"));
}

#[tokio::test]
async fn a_path_that_is_only_in_history_is_shown() {
    let repo = plain(&[]);
    repo.git(&["rm", "-q", "-r", "dir"]);
    let removed = repo.commit("remove");
    repo.change("a", "and on\n");
    let database = database(&open(&format!("{}/dir/b", repo.place()))).await;
    assert_eq!(database.name(), "b");
    let timeline = ids(&database.history().timeline);
    assert_eq!(timeline.len(), 3);
    assert_eq!(timeline[0], removed, "the commit that removed it touched it");
    assert!(files(&database, &removed).await.is_empty());
    assert_eq!(read(&file(&database, &timeline[1], "b").await.content).await.expect("whole"), b"b again\n");
}
