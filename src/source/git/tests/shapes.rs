//! Every form in which a repository comes.

use std::os::unix::fs::symlink;

use super::*;

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

/// What a source shows: the name of the database, and its snapshots with their files.
async fn shown(source: &GitSource) -> (String, Vec<(String, Vec<(String, String)>)>) {
    let database = database(source).await;
    let mut snapshots = Vec::new();
    for id in ids(&database) {
        let files = texts(&database, &id).await;
        snapshots.push((id, files));
    }
    (database.name().to_owned(), snapshots)
}

#[tokio::test]
async fn every_form_of_a_repository_shows_the_same() {
    let repo = plain(&[]);
    let (name, expected) = shown(&repo.open()).await;
    assert_eq!((name.as_str(), expected.len()), ("work", 3));
    repo.git(&["worktree", "add", "-q", &repo.beside("linked"), "-b", "linked"]);
    repo.cloned(&["--bare"], "bare.git");
    repo.cloned(&[], "cloned");
    symlink(&repo.path, repo.beside("by-link")).unwrap();
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
        assert_eq!(shown(&repo.open_at(place)).await, (name.to_owned(), expected.clone()), "{place}");
    }
    let shared = repo.beside("shared.git");
    repo.git(&["clone", "-q", "--shared", "--bare", ".", &shared]);
    let shared = try_open_with(&shared, None, Links::Owned).expect("it opens");
    assert_eq!(shown(&shared).await, ("shared".to_owned(), expected.clone()));
    for (what, command) in [
        ("a detached HEAD", &["checkout", "-q", "--detach"][..]),
        ("packed names", &["pack-refs", "--all"]),
        ("all packed", &["gc", "-q", "--prune=now"]),
        ("packed again", &["repack", "-q", "-adf", "--depth=50"]),
        ("with a commit-graph", &["commit-graph", "write", "--reachable"]),
        ("with an index over packs", &["multi-pack-index", "write"]),
    ] {
        repo.git(command);
        assert_eq!(shown(&repo.open()).await.1, expected, "{what}");
    }
}

#[tokio::test]
async fn sha256_repositories_are_read_and_checked() {
    let repo = plain(&["--object-format=sha256"]);
    let (_, loose) = shown(&repo.open()).await;
    assert_eq!((loose.len(), loose[0].0.len()), (3, 64));
    assert_is_tree(&repo, &database(&repo.open()).await, &loose[1].0).await;
    repo.pack();
    assert_eq!(shown(&repo.open()).await.1, loose);
}

#[tokio::test]
async fn remote_branches_are_branches() {
    let repo = plain(&[]);
    repo.git(&["branch", "topic/x", "HEAD~1"]);
    let database = database(&open(&repo.cloned(&[], "cloned"))).await;
    let branches: Vec<_> = database.history().branches.iter().map(|(name, id)| (&**name, &**id)).collect();
    let (head, before) = (repo.id("HEAD"), repo.id("HEAD~1"));
    assert_eq!(branches, [("main", &*head), ("origin/main", &head), ("origin/topic/x", &before)]);
}

#[tokio::test]
async fn the_history_of_a_shallow_clone_ends_where_it_was_cut() {
    let repo = plain(&[]);
    let place = repo.cloned(&["--depth=2"], "shallow");
    let source = open(&place);
    let first = database(&source).await;
    let expected = repo.log(&["-2"]);
    assert_eq!(ids(&first), expected);
    assert_is_tree(&repo, &first, &expected[1]).await;
    assert!(first.history().timeline[1].parents.is_empty());
    // More of it comes.
    repo.git_in(Path::new(&place), &["fetch", "-q", "--unshallow"], b"");
    let whole = database(&source).await;
    assert_eq!(ids(&whole).len(), 3);
    let direct = files(&database(&repo.open()).await, &expected[1]).await;
    let oldest = files(&whole, &expected[1]).await;
    assert_eq!(facts(&oldest), facts(&direct), "as if it had been whole from the beginning");
}

#[tokio::test]
async fn what_a_partial_clone_left_behind_is_named() {
    let repo = plain(&[]);
    repo.git(&["config", "uploadpack.allowFilter", "true"]);
    let place = repo.cloned(&["--bare", "--filter=blob:none"], "partial.git");
    let database = database(&open(&place)).await;
    let entry = file(&database, NEWEST, "a").await;
    assert_eq!(entry.content.stated_len(), None);
    let blob = repo.id("HEAD:a");
    let error = try_read(&entry.content).await.expect_err("it was not fetched");
    assert_says(&error, ErrorKind::Missing, &["partial clone", &blob]);
    assert_hints(&error, &[&format!("git cat-file -t {blob}")]);
    // And that it helps.
    repo.git_in(Path::new(&place), &["cat-file", "-t", &blob], b"");
    assert_eq!(read(&entry.content).await, "second\n".repeat(100).as_bytes());
}

#[tokio::test]
async fn replaced_objects_show_what_git_shows() {
    let repo = plain(&[]);
    let (head, commit, blob) = (repo.id("HEAD"), repo.id("HEAD~1"), repo.id("HEAD:a"));
    let source = repo.open();
    let old = file(&database(&source).await, &head, "a").await;
    repo.git(&["replace", &blob, &repo.blob("other bytes\n")]);
    let (tree, parent) = (repo.id("HEAD~2^{tree}"), repo.id("HEAD~2"));
    let stands_in = repo.git(&["commit-tree", &tree, "-p", &parent, "-m", "in its place"]);
    repo.git(&["replace", &commit, &stands_in]);
    let after = database(&source).await;
    assert_eq!(ids(&after), repo.log(&["--", "."]));
    let new = file(&after, &head, "a").await;
    assert_ne!(new.id, old.id, "other bytes are another content");
    assert_eq!(read(&new.content).await, repo.git_bytes(&["show", "HEAD:a"]));
    assert_eq!(read(&new.content).await, b"other bytes\n");
    assert_eq!(read(&old.content).await, "second\n".repeat(100).as_bytes(), "the old one goes on");

    repo.git(&["config", "core.useReplaceRefs", "false"]);
    assert_eq!(file(&database(&source).await, &head, "a").await.id, old.id);
}

#[tokio::test]
async fn what_cannot_be_opened_says_why_and_what_to_do() {
    let error = refused(&Repo::new().place(), None).await;
    assert_says(&error, ErrorKind::Invalid, &["`main`"]);
    assert_hints(&error, &[]);

    let repo = plain(&[]);
    repo.git(&["tag", "tree", "HEAD^{tree}"]);
    for (below, kind, said) in [
        ("?ref=none", ErrorKind::Missing, "`none`"),
        ("/no/such/path", ErrorKind::Missing, "no/such/path"),
        ("?ref=tree", ErrorKind::Invalid, "it is a tree"),
    ] {
        assert_says(&refused(&format!("{}{below}", repo.place()), None).await, kind, &[said]);
    }

    // No git of today's makes one: what gives them away is the setting.
    repo.git(&["config", "core.repositoryFormatVersion", "1"]);
    repo.git(&["config", "extensions.refStorage", "reftable"]);
    let error = refused(&repo.place(), None).await;
    assert_says(&error, ErrorKind::Unsupported, &["`reftable`, which is not read"]);
    assert_eq!(error.hint.as_deref(), Some("`git refs migrate --ref-format=files` makes them files"));
}

#[tokio::test]
async fn a_path_that_is_only_in_history_is_shown() {
    let repo = plain(&[]);
    repo.git(&["rm", "-q", "-r", "dir"]);
    let removed = repo.commit("remove");
    repo.change("a", "and on\n");
    let database = database(&repo.open_at("dir/b")).await;
    assert_eq!(database.name(), "b");
    let timeline = ids(&database);
    assert_eq!((timeline.len(), &timeline[0]), (3, &removed), "the commit that removed it touched it");
    assert!(files(&database, &removed).await.is_empty());
    assert_eq!(text(&database, &timeline[1], "b").await, "b again\n");
}
