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
    std::fs::set_permissions(repo.path.join("renamed.txt"), std::fs::Permissions::from_mode(0o755))
        .expect("the file is ours");
    repo.commit("may be run");
    symlink("dir/b.txt", repo.path.join("link")).expect("the folder is ours");
    symlink("/etc/passwd", repo.path.join("outside")).expect("the folder is ours");
    repo.commit("links\n\nwith more\nto say");
    std::fs::remove_dir_all(repo.path.join("dir")).expect("the folder is ours");
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
    let target = repo.git(&["rev-parse", "main~3"]);
    let signed = format!(
        "object {target}\ntype commit\ntag signed\ntagger A <a@example.org> 1700000000 +0000\n\nmessage\n\
         -----BEGIN PGP SIGNATURE-----\n\niQ==\n-----END PGP SIGNATURE-----\n"
    );
    let signed = repo.git_with(&["hash-object", "-t", "tag", "-w", "--stdin"], signed.as_bytes());
    repo.git(&["update-ref", "refs/tags/signed", &signed]);
    repo
}

/// The commits that `git log` lists, newest first. It never lists an empty commit for a path.
fn log(repo: &Repo, args: &[&str]) -> Vec<String> {
    let log = repo.git(&[&["log", "--format=%H"], args].concat());
    log.lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn the_timeline_is_what_git_log_lists_along_first_parents() {
    let repo = tour();
    for (below, path) in [
        ("", "."),
        ("/dir", "dir"),
        ("/dir/b.txt", "dir/b.txt"),
        ("/dir/deep", "dir/deep"),
        ("/link", "link"),
    ] {
        let source = open(&format!("{}{below}", repo.place()));
        let database = database(&source).await;
        let expected = log(&repo, &["--first-parent", "main", "--", path]);
        assert_eq!(ids(&database.history().timeline), expected, "{path}");
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
    let timeline = ids(&database.history().timeline);
    let mut beside = ids(&database.history().off_timeline);
    // Of each commit, whether its tree is that of its first parent.
    let all = log(&repo, &["--branches", "--tags"]);
    let empty_tree = repo.git_with(&["mktree"], b"");
    let tree = |commit: &str| repo.git(&["rev-parse", &format!("{commit}^{{tree}}")]);
    let before = |commit: &str| match repo.git(&["log", "-1", "--format=%P", commit]).split(' ').next() {
        Some(parent) if !parent.is_empty() => tree(parent),
        _ => empty_tree.clone(),
    };
    let mut expected: Vec<String> = all
        .into_iter()
        .filter(|commit| tree(commit) != before(commit) && !timeline.contains(commit))
        .collect();
    expected.sort();
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
    let source = open(&format!("{}/dir", repo.place()));
    let database = database(&source).await;
    assert_eq!(database.name(), "dir");
    for meta in database.history().snapshots() {
        let whole = tree_of(&repo, &meta.id);
        let expected: Vec<_> =
            whole.iter().filter_map(|(path, file)| Some((path.strip_prefix("dir/")?, &file.1))).collect();
        let mut shown = Vec::new();
        for file in files(&database, &meta.id).await {
            shown.push((file.path.to_string(), read(&file.content).await.expect("it is whole")));
        }
        let shown: Vec<_> = shown.iter().map(|(path, bytes)| (path.as_str(), bytes)).collect();
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
        let tree = |name: &str| repo.git(&["rev-parse", &format!("{name}^{{tree}}")]);
        assert_eq!(tree(id), tree(name), "{name}");
        // The newest of that content along first parents.
        let first = log(&repo, &["-1", "--first-parent", &format!("{name}^{{commit}}"), "--", "."]);
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
        for file in files(&database, &meta.id).await {
            let path = file.path.to_string();
            let last = log(&repo, &["-1", "--first-parent", &meta.id, "--", &path]);
            let time: i64 = repo.git(&["show", "-s", "--format=%ct", &last[0]]).parse().expect("seconds");
            assert_eq!(file.changed.as_second(), time, "{path} in {}", meta.id);
            let bytes = read(&file.content).await.expect("it is whole");
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
    repo.git_in(repo.folder.path(), &["clone", "-q", "--bare", "work", "copy.git"], b"");
    let copy = open(&repo.folder.path().join("copy.git").display().to_string());
    let (ours, theirs) = (database(&repo.open()).await, database(&copy).await);
    assert_eq!(theirs.name(), "copy");
    assert_eq!(ids(&ours.history().timeline), ids(&theirs.history().timeline));
    for meta in &ours.history().timeline {
        let (ours, theirs) = (files(&ours, &meta.id).await, files(&theirs, &meta.id).await);
        let facts = |files: &[FileEntry]| -> Vec<_> {
            files.iter().map(|file| (file.path.clone(), file.id, file.changed, file.links)).collect()
        };
        assert_eq!(facts(&ours), facts(&theirs));
    }
}
