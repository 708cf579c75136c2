//! Checks of repositories, compared with those of git.

use std::collections::BTreeSet;

use super::*;
use crate::memory::unpacking;
use crate::source::verify::{Finding, Severity};

/// Every object that git reaches from its names.
fn objects(repo: &Repo) -> BTreeSet<String> {
    let listed = repo.git(&["rev-list", "--objects", "--all", "HEAD"]);
    listed.lines().map(|line| line.split(' ').next().expect("a hash").to_owned()).collect()
}

/// Whether git finds nothing wrong.
fn is_sound(repo: &Repo) -> bool {
    let fsck = Command::new("git").args(["fsck", "--full"]).current_dir(&repo.path).output();
    fsck.expect("git is installed").status.success()
}

/// Every kind of object, reached in every way.
fn varied() -> Repo {
    let repo = Repo::new();
    repo.write("a", "one\n".repeat(30));
    repo.write("dir/b", "b\n");
    repo.write("large", vec![7; 5 << 20]);
    repo.commit("begin");
    repo.git(&["checkout", "-q", "-b", "side"]);
    repo.change("dir/side", "side\n");
    repo.git(&["checkout", "-q", "main"]);
    repo.change("a", "two\n");
    repo.git(&["merge", "-q", "--no-ff", "-m", "merge", "side"]);
    repo.git(&["branch", "-q", "-D", "side"]);
    repo.change("empty", "");
    repo.git(&["update-ref", "refs/remotes/origin/main", "HEAD~1"]);
    repo.git(&["checkout", "-q", "-b", "gone"]);
    repo.change("tagged", "only by a tag\n");
    repo.git(&["tag", "-a", "-m", "t", "of-commit"]);
    repo.git(&["checkout", "-q", "main"]);
    repo.git(&["branch", "-q", "-D", "gone"]);
    let blob = repo.blob("of a tag alone\n");
    repo.git(&["tag", "-a", "-m", "b", "of-blob", &blob]);
    repo.git(&["tag", "-a", "-m", "t", "of-tag", "of-blob"]);
    let tree = repo.git_with(&["mktree"], format!("100644 blob {blob}\tin a tree\n").as_bytes());
    repo.git(&["tag", "of-tree", &tree]);
    repo
}

#[tokio::test]
async fn as_many_objects_are_checked_as_git_reaches() {
    let repo = varied();
    for packed in [false, true] {
        if packed {
            repo.pack();
        }
        let verdict = verdict(&database(&repo.open()).await).await;
        assert_eq!(verdict.findings, []);
        assert_eq!(verdict.checked, [format!("{} objects", objects(&repo).len())]);
    }
    assert!(is_sound(&repo));
}

/// The only finding.
async fn finding(database: &Arc<dyn Database>, what: &str) -> Finding {
    let mut findings = verdict(database).await.findings;
    assert_eq!(findings.len(), 1, "{what}: {findings:#?}");
    findings.remove(0)
}

/// Checks the only finding.
async fn assert_finds(database: &Arc<dyn Database>, severity: Severity, problem: &str) -> Finding {
    let finding = finding(database, problem).await;
    assert_eq!(finding.severity, severity, "{finding:?}");
    assert!(finding.problem.contains(problem), "{problem}: {finding:?}");
    finding
}

#[tokio::test]
async fn whichever_object_is_missing_or_another_is_found_wrong_as_by_git() {
    let repo = varied();
    let database = database(&repo.open()).await;
    let other = fs::read(repo.loose(&repo.blob("x"))).expect("loose");
    for id in objects(&repo) {
        let give = repo.take(&id);
        for bytes in [None, Some(&other)] {
            if let Some(bytes) = bytes {
                fs::write(repo.loose(&id), bytes).unwrap();
            }
            let finding = assert_finds(&database, Severity::Wrong, &id).await;
            assert!(!is_sound(&repo), "git finds it as well: {id}");
            let hint = finding.hint.as_deref().expect("it says what to do");
            assert!(hint.contains("`git fsck`"), "{hint}");
        }
        fs::remove_file(repo.loose(&id)).unwrap();
        give();
    }
    assert_eq!(verdict(&database).await.findings, []);
}

#[tokio::test]
async fn a_flipped_byte_of_a_large_blob_is_found() {
    let repo = varied();
    let id = repo.id("HEAD:large");
    let mut bytes = fs::read(repo.loose(&id)).expect("it is loose");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    fs::remove_file(repo.loose(&id)).unwrap();
    fs::write(repo.loose(&id), bytes).unwrap();
    let finding = assert_finds(&database(&repo.open()).await, Severity::Wrong, &id).await;
    assert!(finding.place.ends_with(":large"), "{finding:?}");
}

#[tokio::test]
async fn a_finding_says_where() {
    let repo = varied();
    let database = database(&repo.open()).await;
    let head = repo.id("HEAD");
    for (object, place, problem) in [
        ("HEAD:dir/b", format!("commit {head}:dir/b"), "is not in the repository"),
        ("HEAD:dir", format!("commit {head}:dir"), "cannot read tree"),
        ("HEAD^{tree}", format!("commit {head}"), "cannot read tree"),
        ("HEAD~2", format!("commit {}", repo.id("HEAD~1")), "the history that is shown ends there"),
        ("of-commit", "refs/tags/of-commit".to_owned(), "is not in the repository"),
        ("of-commit:tagged", format!("commit {}:tagged", repo.id("of-commit^{}")), "cannot read blob"),
    ] {
        let give = repo.take(&repo.id(object));
        let finding = finding(&database, object).await;
        assert_eq!(finding.place, place, "{object}");
        assert!(finding.problem.contains(problem), "{object}: {finding:?}");
        give();
    }
    // What only cannot be read now may be whole.
    let path = repo.loose(&repo.id("HEAD:dir"));
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert_finds(&database, Severity::Unchecked, "").await;
}

#[tokio::test]
async fn what_a_clone_left_behind_is_not_wrong() {
    let repo = varied();
    repo.git(&["config", "uploadpack.allowFilter", "true"]);
    for (name, options, severity, problem) in [
        ("shallow", ["-q", "--depth=2"], Severity::Note, "shallow clone"),
        (
            "blobless",
            ["--bare", "--filter=blob:none"],
            Severity::Unchecked,
            " not fetched: it is a partial clone",
        ),
        (
            "treeless",
            ["--bare", "--filter=tree:1"],
            Severity::Unchecked,
            " not fetched: it is a partial clone",
        ),
    ] {
        let clone = database(&open(&repo.cloned(&options, name))).await;
        let finding = assert_finds(&clone, severity, problem).await;
        if name == "shallow" {
            assert_eq!(finding.hint.as_deref(), Some("`git fetch --unshallow` brings what is before"));
        }
    }
}

#[tokio::test]
async fn what_is_replaced_may_be_missing() {
    let repo = varied();
    let (blob, other) = (repo.id("HEAD:a"), repo.blob("other bytes\n"));
    repo.git(&["replace", &blob, &other]);
    fs::remove_file(repo.loose(&blob)).unwrap();
    let database = database(&repo.open()).await;
    assert_finds(&database, Severity::Note, "something else is shown in its place").await;
    fs::remove_file(repo.loose(&other)).unwrap();
    let severities: Vec<_> = verdict(&database).await.findings.iter().map(|f| f.severity).collect();
    assert_eq!(severities, [Severity::Note, Severity::Wrong]);
}

#[tokio::test]
async fn submodules_and_damaged_names_are_told_apart() {
    let repo = Repo::new();
    let commit = repo.change("a", "a\n");
    repo.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{},sub", "1".repeat(40))]);
    repo.git(&["commit", "-q", "-m", "a submodule"]);
    let database = database(&repo.open()).await;
    assert_eq!(verdict(&database).await.findings, [], "{commit}");
    repo.write(".git/refs/heads/broken", "no hash\n");
    assert_finds(&database, Severity::Wrong, "broken").await;
    fs::remove_file(repo.path.join(".git/refs/heads/broken")).unwrap();
    repo.git(&["symbolic-ref", "refs/heads/alias", "refs/heads/none"]);
    assert_eq!(assert_finds(&database, Severity::Note, "").await.place, "refs/heads/alias");
}

#[tokio::test]
async fn several_databases_share_one_check() {
    for files in [["beads.jsonl", "hq.jsonl"], ["beads-20260101-000000.jsonl", "hq-20260101-000000.jsonl"]] {
        let repo = Repo::new();
        for name in files {
            repo.change(name, &format!("{{\"n\":\"{name}\"}}\n"));
        }
        fs::remove_file(repo.loose(&repo.id(&format!("HEAD:{}", files[1])))).unwrap();
        let found = databases(&repo.open()).await;
        assert_eq!(found.keys().collect::<Vec<_>>(), ["beads", "hq"]);
        let first = verdict(&found["beads"]).await;
        assert_eq!((first.checked, first.findings.len()), (vec!["5 objects".to_owned()], 1));
        let second = verdict(&found["hq"]).await;
        assert_eq!((second.checked, second.findings), (vec![], vec![]));
        assert_eq!(verdict(&found["beads"]).await.findings.len(), 1, "it stays with the first");
    }
}

/// An object in a pack is unpacked in one piece: what takes more memory than there is for all is refused before it is allocated.
#[tokio::test]
async fn a_packed_object_that_takes_too_much_memory_is_not_checked() {
    let repo = Repo::new();
    let len = usize::try_from(unpacking::most() / 2 + 1).expect("it fits");
    repo.write("huge", vec![0; len]);
    repo.write("small", "hello\n");
    let commit = repo.commit("begin");
    repo.pack();
    let database = database(&repo.open()).await;
    let error = failure(&database, &commit, "huge").await;
    assert_says(&error, ErrorKind::Unsupported, &["--cache-size"]);
    assert_eq!(text(&database, &commit, "small").await, "hello\n");
    assert_finds(&database, Severity::Unchecked, "").await;
}
