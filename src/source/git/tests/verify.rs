//! Checks of repositories, compared with those of git.

use std::collections::BTreeSet;

use super::*;
use crate::content::ErrorKind;
use crate::memory::unpacking;
use crate::source::verify::{Contents, Finding, Progress, Severity, Verdict};

async fn verdict(database: &Arc<dyn Database>) -> Verdict {
    let progress = Progress::default();
    let verdict = database.verify(&progress).await.unwrap_or_else(|error| panic!("{}", error.chain()));
    let (done, total, _) = progress.now();
    assert_eq!(done, total, "what was to be done is done");
    assert_eq!(verdict.contents, Contents::All);
    verdict
}

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
    let blob = repo.git_with(&["hash-object", "-w", "--stdin"], b"of a tag alone\n");
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
            repo.git(&["gc", "-q", "--prune=now"]);
        }
        let verdict = verdict(&database(&repo.open()).await).await;
        assert_eq!(verdict.findings, []);
        assert_eq!(verdict.checked, [format!("{} objects", objects(&repo).len())]);
    }
    assert!(is_sound(&repo));
}

/// The only finding.
async fn only(database: &Arc<dyn Database>, what: &str) -> Finding {
    let mut findings = verdict(database).await.findings;
    assert_eq!(findings.len(), 1, "{what}: {findings:#?}");
    findings.remove(0)
}

#[tokio::test]
async fn whichever_object_is_missing_or_another_is_found_wrong_as_by_git() {
    let repo = varied();
    let database = database(&repo.open()).await;
    let other =
        std::fs::read(repo.loose(&repo.git_with(&["hash-object", "-w", "--stdin"], b"x"))).expect("loose");
    for id in objects(&repo) {
        let path = repo.loose(&id);
        let whole = std::fs::read(&path).expect("it is loose");
        std::fs::remove_file(&path).expect("the repository is ours");
        for bytes in [None, Some(&other)] {
            if let Some(bytes) = bytes {
                std::fs::write(&path, bytes).expect("the repository is ours");
            }
            let finding = only(&database, &id).await;
            assert!(!is_sound(&repo), "git finds it as well: {id}");
            assert_eq!(finding.severity, Severity::Wrong, "{finding:?}");
            assert!(finding.problem.contains(&id), "{finding:?}");
            let hint = finding.hint.as_deref().expect("it says what to do");
            assert!(hint.contains("`git fsck`"), "{hint}");
        }
        std::fs::remove_file(&path).expect("the repository is ours");
        std::fs::write(&path, whole).expect("the repository is ours");
    }
    assert_eq!(verdict(&database).await.findings, []);
}

#[tokio::test]
async fn a_flipped_byte_of_a_large_blob_is_found() {
    let repo = varied();
    let id = repo.git(&["rev-parse", "HEAD:large"]);
    let path = repo.loose(&id);
    let mut bytes = std::fs::read(&path).expect("it is loose");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    std::fs::remove_file(&path).expect("the repository is ours");
    std::fs::write(&path, bytes).expect("the repository is ours");
    let finding = only(&database(&repo.open()).await, "large").await;
    assert_eq!(finding.severity, Severity::Wrong, "{finding:?}");
    assert!(finding.place.ends_with(":large") && finding.problem.contains(&id), "{finding:?}");
}

#[tokio::test]
async fn a_finding_says_where() {
    let repo = varied();
    let database = database(&repo.open()).await;
    let head = repo.git(&["rev-parse", "HEAD"]);
    let name = |object: &str| repo.git(&["rev-parse", object]);
    for (object, place, problem) in [
        ("HEAD:dir/b", format!("commit {head}:dir/b"), "is not in the repository"),
        ("HEAD:dir", format!("commit {head}:dir"), "cannot read tree"),
        ("HEAD^{tree}", format!("commit {head}"), "cannot read tree"),
        ("HEAD~2", format!("commit {}", name("HEAD~1")), "the history that is shown ends there"),
        ("of-commit", "refs/tags/of-commit".to_owned(), "is not in the repository"),
        ("of-commit:tagged", format!("commit {}:tagged", name("of-commit^{}")), "cannot read blob"),
    ] {
        let path = repo.loose(&name(object));
        let away = repo.folder.path().join("away");
        std::fs::rename(&path, &away).expect("the repository is ours");
        let finding = only(&database, object).await;
        assert_eq!(finding.place, place, "{object}");
        assert!(finding.problem.contains(problem), "{object}: {finding:?}");
        std::fs::rename(&away, &path).expect("the repository is ours");
    }
    // What only cannot be read now may be whole.
    let path = repo.loose(&name("HEAD:dir"));
    std::fs::remove_file(&path).expect("the repository is ours");
    std::fs::create_dir(&path).expect("the repository is ours");
    assert_eq!(only(&database, "a failure of the system").await.severity, Severity::Unchecked);
}

#[tokio::test]
async fn what_a_clone_left_behind_is_not_wrong() {
    let repo = varied();
    repo.git(&["config", "uploadpack.allowFilter", "true"]);
    let top = repo.folder.path();
    let from = format!("file://{}", repo.place());
    repo.git_in(top, &["clone", "-q", "--depth=2", &from, "shallow"], b"");
    let shallow = database(&open(&top.join("shallow").display().to_string())).await;
    let finding = only(&shallow, "shallow").await;
    assert_eq!(finding.severity, Severity::Note);
    assert!(finding.problem.contains("shallow clone"), "{finding:?}");
    assert_eq!(finding.hint.as_deref(), Some("`git fetch --unshallow` brings what is before"));

    for filter in ["blob:none", "tree:1"] {
        let name = filter.replace(':', "-");
        let args = ["clone", "-q", "--bare", &format!("--filter={filter}"), &from, &name];
        repo.git_in(top, &args, b"");
        let partial = database(&open(&top.join(&name).display().to_string())).await;
        let finding = only(&partial, filter).await;
        assert_eq!(finding.severity, Severity::Unchecked, "{filter}");
        assert!(finding.problem.contains(" not fetched: it is a partial clone"), "{finding:?}");
    }
}

#[tokio::test]
async fn what_is_replaced_may_be_missing() {
    let repo = varied();
    let blob = repo.git(&["rev-parse", "HEAD:a"]);
    let other = repo.git_with(&["hash-object", "-w", "--stdin"], b"other bytes\n");
    repo.git(&["replace", &blob, &other]);
    std::fs::remove_file(repo.loose(&blob)).expect("the repository is ours");
    let database = database(&repo.open()).await;
    let finding = only(&database, "replaced").await;
    assert_eq!(finding.severity, Severity::Note);
    assert!(finding.problem.contains("something else is shown in its place"), "{finding:?}");
    std::fs::remove_file(repo.loose(&other)).expect("the repository is ours");
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
    let finding = only(&database, "broken").await;
    assert_eq!(finding.severity, Severity::Wrong);
    assert!(finding.problem.contains("broken"), "{finding:?}");
    std::fs::remove_file(repo.path.join(".git/refs/heads/broken")).expect("the repository is ours");
    repo.git(&["symbolic-ref", "refs/heads/alias", "refs/heads/none"]);
    let finding = only(&database, "alias").await;
    assert_eq!((finding.severity, &*finding.place), (Severity::Note, "refs/heads/alias"));
}

#[tokio::test]
async fn several_databases_share_one_check() {
    let repo = Repo::new();
    repo.write("hq.jsonl", "{}\n");
    repo.change("beads.jsonl", "{\"a\":1}\n");
    std::fs::remove_file(repo.loose(&repo.git(&["rev-parse", "HEAD:hq.jsonl"])))
        .expect("the repository is ours");
    let found = databases(&repo.open()).await;
    assert_eq!(found.len(), 2);
    let first = verdict(&found["beads"]).await;
    assert_eq!((first.checked, first.findings.len()), (vec!["3 objects".to_owned()], 1));
    let second = verdict(&found["hq"]).await;
    assert_eq!((second.checked, second.findings), (vec![], vec![]));
    assert_eq!(verdict(&found["beads"]).await.findings.len(), 1, "it stays with the first");
}

#[tokio::test]
async fn copies_share_one_check_too() {
    let repo = Repo::new();
    for name in ["a-20260101-000000.jsonl", "b-20260101-000000.jsonl"] {
        repo.change(name, &format!("{{\"n\":\"{name}\"}}\n"));
    }
    let found = databases(&repo.open()).await;
    assert_eq!(found.keys().collect::<Vec<_>>(), ["a", "b"]);
    std::fs::remove_file(repo.loose(&repo.git(&["rev-parse", "HEAD:b-20260101-000000.jsonl"])))
        .expect("it is ours");
    let first = verdict(&found["a"]).await;
    assert_eq!((first.checked, first.findings.len()), (vec!["5 objects".to_owned()], 1));
    let second = verdict(&found["b"]).await;
    assert_eq!((second.checked, second.findings), (vec![], vec![]));
}

/// An object in a pack is unpacked in one piece: what takes more memory than there is for all is refused before it is allocated.
#[tokio::test]
async fn a_packed_object_that_takes_too_much_memory_is_not_checked() {
    let repo = Repo::new();
    let len = usize::try_from(unpacking::most() / 2 + 1).expect("it fits");
    repo.write("huge", vec![0; len]);
    repo.write("small", "hello\n");
    let commit = repo.commit("begin");
    repo.git(&["gc", "-q", "--prune=now"]);
    let database = database(&repo.open()).await;
    let error = read(&file(&database, &commit, "huge").await.content).await.expect_err("it is too large");
    assert_eq!(error.kind, ErrorKind::Unsupported, "{}", error.chain());
    assert!(error.chain().contains("--cache-size"), "{}", error.chain());
    assert_eq!(
        read(&file(&database, &commit, "small").await.content).await.expect("it is there"),
        b"hello\n"
    );
    let findings = verdict(&database).await.findings;
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!(findings[0].severity, Severity::Unchecked, "{findings:?}");
}
