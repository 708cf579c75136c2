//! What git's own commands would not make, and a repository may hold all the same.

use std::collections::HashSet;

use data_encoding::HEXLOWER;

use super::*;
use crate::model::names::unescape;

impl Repo {
    /// A tree as it would lie there: mode, name and object of each entry.
    fn tree(&self, entries: &[(&str, &[u8], &str)]) -> String {
        let mut bytes = Vec::new();
        for (mode, name, id) in entries {
            bytes.extend([mode.as_bytes(), b" ", name, b"\0"].concat());
            bytes.extend(HEXLOWER.decode(id.as_bytes()).expect("hex"));
        }
        self.literal("tree", &bytes)
    }

    /// Makes a tree the newest commit of `main`.
    fn commit_tree(&self, tree: &str) -> String {
        self.clock.set(self.clock.get() + 600);
        let commit = self.git(&["commit-tree", "-m", "by hand", tree]);
        self.advance(&commit);
        commit
    }
}

#[tokio::test]
async fn no_name_leads_out_of_the_snapshot_and_each_can_be_told() {
    let repo = Repo::new();
    let names: [&[u8]; 12] = [
        b".",
        b"..",
        b".git",
        b"A",
        b"a",
        b"a\nb",
        b"caf\xe9",
        b"con\x1b[2J",
        b"per%cent",
        b"we/ird",
        b"\xc3\xa4",
        &[b'x'; 300],
    ];
    let blobs: Vec<String> = (0..names.len()).map(|at| repo.blob(at.to_string())).collect();
    let entries: Vec<_> =
        names.iter().zip(&blobs).map(|(name, blob)| ("100644", *name, blob.as_str())).collect();
    let inner = repo.tree(&entries);
    let commit = repo.commit_tree(&repo.tree(&[("40000", b"..", &inner), ("40000", b"dir", &inner)]));
    let shown = texts(&database(&repo.open()).await, &commit).await;
    assert_eq!(shown.len(), 2 * names.len());
    assert_eq!(shown.iter().map(|(path, _)| path).collect::<HashSet<_>>().len(), shown.len());
    for (path, text) in &shown {
        let is_safe = |part: &str| !matches!(part, "" | "." | "..") && part.len() <= 255;
        assert!(path.split('/').all(is_safe) && !path.contains(char::is_control), "{path}");
        let last = path.rsplit('/').next().expect("a name");
        let at: usize = text.parse().expect("a number");
        match unescape(last) {
            // `we/ird` in `dir` is told from `ird` in `dir/we` by nobody.
            Some(name) => assert!(name == names[at] || names[at] == b"we/ird", "{last}"),
            None => assert_eq!(at, 11, "only the long one is cut: {last}"),
        }
    }
}

#[tokio::test]
async fn of_entries_of_one_name_the_first_counts() {
    let repo = Repo::new();
    let (first, second, below) = (repo.blob("first\n"), repo.blob("second\n"), repo.blob("below\n"));
    let folder = repo.tree(&[("100644", b"b", &below)]);
    let commit = repo.commit_tree(&repo.tree(&[
        ("100644", b"a", &first),
        ("100644", b"a", &second),
        ("40000", b"a", &folder),
        ("100644", b"z", &second),
        ("100644", b"m", &second),
    ]));
    let expected = [("a", "first\n"), ("a%2Fb", "below\n"), ("m", "second\n"), ("z", "second\n")];
    let shown = texts(&database(&repo.open()).await, &commit).await;
    assert_eq!(shown, expected.map(|(path, text)| (path.to_owned(), text.to_owned())));
}

#[tokio::test]
async fn a_bomb_of_trees_is_refused_and_its_history_is_not() {
    let repo = Repo::new();
    let good = repo.change("a", "good\n");
    let mut tree = repo.tree(&[("100644", b"leaf", &repo.blob("x"))]);
    for _ in 0..10 {
        let names: [[u8; 1]; 10] = std::array::from_fn(|at| [b'0' + at as u8]);
        tree = repo.tree(&names.each_ref().map(|name| ("40000", &name[..], &*tree)));
    }
    let bomb = repo.git(&["commit-tree", "-m", "bomb", "-p", &good, &tree]);
    repo.advance(&bomb);
    let database = database(&repo.open()).await;
    let error = list(&database, &bomb).await.err().expect("there is no room for it");
    assert_says(&error, ErrorKind::Unsupported, &[]);
    assert_eq!(text(&database, &good, "a").await, "good\n");
}

#[tokio::test]
async fn very_deep_folders_are_listed() {
    let repo = Repo::new();
    let mut tree = repo.tree(&[("100644", b"leaf", &repo.blob("deep\n"))]);
    for _ in 0..300 {
        tree = repo.tree(&[("40000", b"down", &tree)]);
    }
    let commit = repo.commit_tree(&tree);
    let shown = texts(&database(&repo.open()).await, &commit).await;
    assert_eq!((shown.len(), &*shown[0].1), (1, "deep\n"));
}

#[tokio::test]
async fn submodules_are_left_out_and_old_modes_are_files() {
    let repo = Repo::new();
    let (text, commit) = (repo.blob("text\n"), repo.change("seed", "seed\n"));
    let made = repo.commit_tree(&repo.tree(&[
        ("160000", b"module", &commit),
        ("100664", b"old", &text),
        ("100755", b"run", &text),
        ("120000", b"to", &text),
    ]));
    let database = database(&repo.open()).await;
    let files = files(&database, &made).await;
    let shown: Vec<_> = files.iter().map(|file| (&*file.path, file.kind)).collect();
    let expected = [("old", FileKind::Regular), ("run", FileKind::Executable), ("to", FileKind::Symlink)];
    assert_eq!(shown, expected);
}

/// Git itself takes what it cannot read of a commit's head for nothing.
#[tokio::test]
async fn odd_commits_are_snapshots() {
    let repo = Repo::new();
    let good = repo.change("a", "good\n");
    let tree = repo.id("HEAD^{tree}");
    let other = repo.tree(&[("100644", b"b", &repo.blob("b\n"))]);
    let make = |parent: &str, tree: &str, people: &str, message: &[u8]| {
        let head = format!("tree {tree}\nparent {parent}\n{people}\n\n");
        repo.literal("commit", &[head.as_bytes(), message].concat())
    };
    let people = "author A <a> 99999999999999 +0000\ncommitter A <a> 99999999999999 +0000";
    let far = make(&good, &other, people, b"far");
    let none = make(&far, &tree, "author A <a@b>\ncommitter A <a@b>", b"no time");
    let people = "author \u{e4} <a@b> 1700000000 +0000\ncommitter A <a@b> -5 +0000\nencoding ISO-8859-1";
    let latin = make(&none, &other, people, b"\xe4\n");
    repo.advance(&latin);
    let database = database(&repo.open()).await;
    assert_eq!(ids(&database), [latin, none, far, good]);
    let timeline = &database.history().timeline;
    assert_eq!(timeline[1].time.as_second(), 0);
    assert_eq!(timeline[2].time, Timestamp::from_second(99_999_999_999_999));
    for meta in timeline {
        assert_is_tree(&repo, &database, &meta.id).await;
    }
}
