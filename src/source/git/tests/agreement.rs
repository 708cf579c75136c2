//! What is shown is what `git log`, `git ls-tree` and `git cat-file` say.

use std::collections::HashMap;
use std::os::unix::fs::{PermissionsExt, symlink};

use super::*;

/// A history with what histories have: merges, renames, removals, modes, symlinks, empty commits, an orphan branch.
fn tour() -> Repo {
    let repo = Repo::new();
    repo.write("a.txt", "one\n");
    repo.write("dir/b.txt", "b\n");
    repo.write("dir/deep/c.txt", "c\n");
    repo.commit("begin");
    repo.change("a.txt", "two\n");
    repo.git(&["branch", "old"]);
    repo.commit("empty");
    repo.git(&["checkout", "-q", "-b", "side/nested"]);
    repo.change("dir/side.txt", "side\n");
    repo.change("dir/side.txt", "side again\n");
    repo.git(&["checkout", "-q", "main"]);
    repo.change("dir/b.txt", "b on main\n");
    repo.clock.set(repo.clock.get() + 600);
    repo.git(&["merge", "-q", "--no-ff", "-m", "merge side", "side/nested"]);
    // A merge that changes nothing on the main line.
    repo.git(&["checkout", "-q", "-b", "ours", "HEAD~1"]);
    repo.change("a.txt", "not taken\n");
    repo.git(&["checkout", "-q", "main"]);
    repo.clock.set(repo.clock.get() + 600);
    repo.git(&["merge", "-q", "-s", "ours", "-m", "merge ours", "ours"]);
    repo.git(&["mv", "a.txt", "renamed.txt"]);
    repo.commit("rename");
    fs::set_permissions(repo.path.join("renamed.txt"), fs::Permissions::from_mode(0o755)).unwrap();
    repo.commit("may be run");
    symlink("dir/b.txt", repo.path.join("link")).unwrap();
    symlink("/etc/passwd", repo.path.join("outside")).unwrap();
    repo.commit("links\n\nwith more\nto say");
    fs::remove_dir_all(repo.path.join("dir")).unwrap();
    repo.commit("remove dir");
    repo.change("dir/b.txt", "b on main\n");
    repo.git(&["checkout", "-q", "--orphan", "orphan"]);
    repo.git(&["rm", "-q", "-r", "-f", "."]);
    repo.change("alone.txt", "alone\n");
    repo.git(&["checkout", "-q", "main"]);
    repo.git(&["tag", "light", "main~2"]);
    repo.git(&["tag", "-a", "-m", "annotated", "deep/annotated", "main~1"]);
    repo.git(&["tag", "-a", "-m", "of a tag", "of-tag", "deep/annotated"]);
    repo.git(&["tag", "of-tree", "main^{tree}"]);
    repo.git(&["tag", "-a", "-m", "blob", "of-blob", "main:renamed.txt"]);
    let target = repo.id("main~3");
    let signed = format!(
        "object {target}\ntype commit\ntag signed\ntagger A <a@example.org> 1700000000 +0000\n\nmessage\n\
         -----BEGIN PGP SIGNATURE-----\n\niQ==\n-----END PGP SIGNATURE-----\n"
    );
    let signed = repo.literal("tag", signed.as_bytes());
    repo.git(&["update-ref", "refs/tags/signed", &signed]);
    repo
}

#[tokio::test]
async fn the_timeline_is_what_git_log_lists_along_first_parents() {
    let repo = tour();
    for path in [".", "dir", "dir/b.txt", "dir/deep", "link"] {
        let database = database(&repo.open_at(path)).await;
        let expected = repo.log(&["--first-parent", "main", "--", path]);
        assert_eq!(ids(&database), expected, "{path}");
        assert!(!expected.is_empty());
    }
}

#[tokio::test]
async fn facts_of_commits_are_those_that_git_tells() {
    let repo = tour();
    let database = database(&repo.open()).await;
    let history = database.history();
    assert!(!history.off_timeline.is_empty() && history.timeline.len() > 6);
    for meta in history.snapshots() {
        let told = repo.git(&["show", "-s", "--format=%ct%n%an%n%ae%n%B", &meta.id]);
        let shown = format!("{}\n{}\n{}\n{}", meta.time.as_second(), meta.author, meta.email, meta.message);
        assert_eq!(shown.trim_end(), told.trim_end());
        assert_eq!(meta.commit.as_ref(), Some(&meta.id));
    }
}

#[tokio::test]
async fn every_commit_beside_the_timeline_that_touched_something_is_there() {
    let repo = tour();
    let database = database(&repo.open()).await;
    let timeline = ids(&database);
    // Of each commit, whether its tree is that of its first parent.
    let empty_tree = repo.git_with(&["mktree"], b"");
    let tree = |commit: &str| repo.id(&format!("{commit}^{{tree}}"));
    let before = |commit: &str| match repo.git(&["log", "-1", "--format=%P", commit]).split(' ').next() {
        Some(parent) if !parent.is_empty() => tree(parent),
        _ => empty_tree.clone(),
    };
    let mut expected = repo.log(&["--branches", "--tags"]);
    expected.retain(|commit| tree(commit) != before(commit) && !timeline.contains(commit));
    expected.sort();
    let mut beside: Vec<_> = database.history().off_timeline.iter().map(|meta| meta.id.to_string()).collect();
    beside.sort();
    assert_eq!(beside, expected);
}

#[tokio::test]
async fn every_snapshot_holds_what_git_has_there() {
    let repo = tour();
    let database = database(&repo.open()).await;
    for meta in database.history().snapshots() {
        assert_is_tree(&repo, &database, &meta.id).await;
    }
}

#[tokio::test]
async fn a_chosen_folder_is_shown_as_git_has_it() {
    let repo = tour();
    let database = database(&repo.open_at("dir")).await;
    assert_eq!(database.name(), "dir");
    for meta in database.history().snapshots() {
        let mut expected = tree_of(&repo, &meta.id);
        expected.retain(|path, _| path.starts_with("dir/"));
        let shown = shown(&database, &meta.id).await;
        let shown: BTreeMap<_, _> =
            shown.into_iter().map(|(path, file)| (format!("dir/{path}"), file)).collect();
        assert_eq!(shown, expected, "{}", meta.id);
    }
}

#[tokio::test]
async fn names_lead_to_the_commit_with_their_content() {
    let repo = tour();
    let database = database(&repo.open()).await;
    let history = database.history();
    let branches = ["main", "old", "orphan", "ours", "side/nested"];
    assert_eq!(history.branches.keys().collect::<Vec<_>>(), branches);
    assert_eq!(history.tags.keys().collect::<Vec<_>>(), ["deep/annotated", "light", "of-tag", "signed"]);
    for (name, id) in history.branches.iter().chain(&history.tags) {
        let tree = |name: &str| repo.id(&format!("{name}^{{tree}}"));
        assert_eq!(tree(id), tree(name), "{name}");
        // The newest of that content along first parents.
        let first = repo.log(&["-1", "--first-parent", &format!("{name}^{{commit}}"), "--", "."]);
        assert_eq!([id.to_string()], first[..], "{name}");
    }
}

/// The time of a file is that of the commit that made it what it is; its links, how many snapshots show it.
#[tokio::test]
async fn times_and_links_are_those_of_the_run() {
    let repo = tour();
    let database = database(&repo.open()).await;
    let history = database.history();
    let mut shown: HashMap<_, Vec<_>> = HashMap::new();
    for meta in history.snapshots() {
        for file in files(&database, &meta.id).await.iter() {
            let path = file.path.to_string();
            let last = repo.log(&["-1", "--first-parent", &meta.id, "--", &path]);
            let time: i64 = repo.git(&["show", "-s", "--format=%ct", &last[0]]).parse().expect("seconds");
            assert_eq!(file.changed.as_second(), time, "{path} in {}", meta.id);
            let bytes = read(&file.content).await;
            shown.entry(file.id).or_default().push((path, bytes, file.kind, file.links, file.changed));
        }
    }
    for files in shown.values() {
        assert!(files.iter().all(|file| *file == files[0]), "one id is one content: {files:?}");
        assert_eq!(files[0].3 as usize, files.len(), "{}", files[0].0);
    }
    assert!(shown.values().any(|files| files.len() > 3));
}

#[tokio::test]
async fn the_same_history_gives_the_same_identity_in_a_clone() {
    let repo = tour();
    let copy = open(&repo.cloned(&["--bare"], "copy.git"));
    let (ours, theirs) = (database(&repo.open()).await, database(&copy).await);
    assert_eq!(theirs.name(), "copy");
    assert_eq!(ids(&ours), ids(&theirs));
    for commit in ids(&ours) {
        assert_eq!(facts(&files(&ours, &commit).await), facts(&files(&theirs, &commit).await));
    }
}
