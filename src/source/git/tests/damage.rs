//! Whatever byte is broken: never a wrong byte, never a panic, and the rest goes on.

use super::*;
use crate::source::ErrorKind;
use crate::source::git::objects;
use crate::source::git::refs::Refs;
use crate::source::git::state::State;

/// Files of a commit by path, or why they cannot be told.
type Truth = BTreeMap<String, BTreeMap<String, Vec<u8>>>;

/// A small history in which every kind of object is reached in several ways.
fn small() -> (Repo, Truth) {
    let repo = Repo::new();
    repo.write("a", "one\n".repeat(30));
    repo.write("dir/b", "b\n");
    repo.commit("begin");
    repo.write("a", "one\n".repeat(30) + "two\n");
    repo.commit("on");
    repo.write("dir/b", "c\n");
    repo.commit("and on");
    repo.git(&["tag", "-a", "-m", "t", "tag"]);
    let log = repo.git(&["log", "--format=%H"]);
    let files =
        |commit: &str| tree_of(&repo, commit).into_iter().map(|(path, (_, bytes))| (path, bytes)).collect();
    let truth = log.lines().map(|commit| (commit.to_owned(), files(commit))).collect();
    (repo, truth)
}

/// No failure may come of a panic.
fn fine(error: SourceError) {
    assert!(!error.chain().contains("broken off"), "{}", error.chain());
}

/// What the first look finds, on this thread: a panic fails the test.
fn look(repo: &Repo) -> Result<Vec<Arc<dyn Database>>, SourceError> {
    let place = GitPlace::parse(&repo.place())?;
    let label: Arc<str> = "git".into();
    let repository = objects::open(&place.repository, &label)?;
    let refs = Refs::read(&repository, &place, &label)?;
    State::new(None, None).look(repository, &refs, &place, &label)
}

/// Reads all that can be read, and checks it; gives how many files could be read and how much failed.
async fn check(repo: &Repo, truth: &Truth, what: &str) -> (usize, usize) {
    let found = match look(repo) {
        Ok(found) => found,
        Err(error) => {
            fine(error);
            return (0, 1);
        }
    };
    let (mut right, mut failed) = (0, 0);
    for database in found {
        for meta in database.history().snapshots() {
            let expected = truth.get(&*meta.id).unwrap_or_else(|| panic!("{what}: no commit {}", meta.id));
            let files = match database.files(&meta.id).await {
                Ok(files) => files,
                Err(error) => {
                    fine(error);
                    failed += 1;
                    continue;
                }
            };
            assert_eq!(
                files.iter().map(|file| &*file.path).collect::<Vec<_>>(),
                expected.keys().collect::<Vec<_>>(),
                "{what}"
            );
            for file in files.iter() {
                match read(&file.content).await {
                    Ok(bytes) => {
                        assert!(bytes == expected[&*file.path], "{what}: {} of {}", file.path, meta.id);
                        right += 1;
                    }
                    Err(error) => {
                        fine(error);
                        failed += 1;
                    }
                }
            }
        }
    }
    (right, failed)
}

/// Flips a bit of each byte of a file in turn, another one in each.
async fn flip_each(repo: &Repo, truth: &Truth, path: &Path) -> (usize, usize) {
    let whole = std::fs::read(path).expect("the file is there");
    let mut permissions = path.metadata().expect("the file is there").permissions();
    #[allow(clippy::permissions_set_readonly_false)]
    permissions.set_readonly(false);
    std::fs::set_permissions(path, permissions).expect("the file is ours");
    let (mut right, mut failed) = (0, 0);
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        std::fs::write(path, bytes).expect("the file is ours");
        let (more_right, more_failed) = check(repo, truth, &format!("byte {at}")).await;
        right += more_right;
        failed += more_failed;
    }
    for len in (0..whole.len()).step_by(11) {
        std::fs::write(path, &whole[..len]).expect("the file is ours");
        let (_, more_failed) = check(repo, truth, &format!("cut to {len}")).await;
        failed += more_failed;
    }
    std::fs::write(path, whole).expect("the file is ours");
    assert_eq!(check(repo, truth, "mended").await.1, 0);
    (right, failed)
}

#[tokio::test]
async fn no_flipped_byte_of_a_loose_object_gives_wrong_bytes() {
    let (repo, truth) = small();
    let all: usize = truth.values().map(BTreeMap::len).sum();
    assert_eq!(check(&repo, &truth, "whole").await, (all, 0));
    for object in ["HEAD:a", "HEAD:dir", "HEAD~1^{tree}", "HEAD~1", "tag"] {
        let id = repo.git(&["rev-parse", object]);
        let (right, failed) = flip_each(&repo, &truth, &repo.loose(&id)).await;
        assert!(right > 0, "{object}: the rest goes on");
        // A tag that cannot be read is left out.
        assert!(failed > 0 || object == "HEAD~1" || object == "tag", "{object}");
    }
}

#[tokio::test]
async fn no_flipped_byte_of_a_pack_gives_wrong_bytes() {
    let (repo, truth) = small();
    repo.git(&["gc", "-q", "--prune=now", "--aggressive"]);
    let packs = std::fs::read_dir(repo.path.join(".git/objects/pack")).expect("gc makes one").flatten();
    for file in packs.map(|file| file.path()).filter(|path| path.extension().is_some_and(|end| end != "rev"))
    {
        let (right, failed) = flip_each(&repo, &truth, &file).await;
        assert!(right > 0 && failed > 0, "{}: {right} right, {failed} failed", file.display());
    }
}

#[tokio::test]
async fn a_damaged_or_missing_blob_fails_for_its_file_only_and_is_named() {
    let (repo, truth) = small();
    let head = repo.git(&["rev-parse", "HEAD"]);
    let id = repo.git(&["rev-parse", "HEAD:a"]);
    let whole = std::fs::read(repo.loose(&id)).expect("it is loose");
    let other = std::fs::read(repo.loose(&repo.git(&["rev-parse", "HEAD:dir/b"]))).expect("it is loose");
    let replace = |bytes: &[u8]| {
        std::fs::remove_file(repo.loose(&id)).expect("the repository is ours");
        std::fs::write(repo.loose(&id), bytes).expect("the repository is ours");
    };
    // Another blob's file, whole by itself, in its place.
    replace(&other);
    let database = database(&repo.open()).await;
    let error = read(&file(&database, &head, "a").await.content).await.expect_err("those are other bytes");
    assert_eq!(error.kind, ErrorKind::Damaged);
    assert!(error.chain().contains(&id) && error.hint.is_some(), "{}", error.chain());
    assert_eq!(
        read(&file(&database, &head, "dir/b").await.content).await.expect("whole"),
        truth[&head]["dir/b"]
    );

    std::fs::remove_file(repo.loose(&id)).expect("the repository is ours");
    let error = read(&file(&database, &head, "a").await.content).await.expect_err("it is gone");
    assert_eq!(error.kind, ErrorKind::Missing);
    std::fs::write(repo.loose(&id), whole).expect("the repository is ours");
    let fresh = super::database(&repo.open()).await;
    assert_eq!(read(&file(&fresh, &head, "a").await.content).await.expect("mended"), truth[&head]["a"]);
}

#[tokio::test]
async fn a_history_ends_at_a_commit_that_cannot_be_read_until_it_can() {
    let (repo, truth) = small();
    let log = repo.git(&["log", "--format=%H"]);
    let log: Vec<String> = log.lines().map(str::to_owned).collect();
    let whole = std::fs::read(repo.loose(&log[1])).expect("it is loose");
    std::fs::remove_file(repo.loose(&log[1])).expect("the repository is ours");
    let source = repo.open();
    let cut = database(&source).await;
    assert_eq!(ids(&cut.history().timeline), [log[0].clone()]);
    std::fs::write(repo.loose(&log[1]), whole).expect("the repository is ours");
    repo.git(&["branch", "news"]);
    let mended = database(&source).await;
    assert_eq!(ids(&mended.history().timeline), log);
    let direct = database(&repo.open()).await;
    for commit in truth.keys() {
        let facts =
            |files: &[FileEntry]| -> Vec<_> { files.iter().map(|f| (f.id, f.changed, f.links)).collect() };
        assert_eq!(facts(&files(&mended, commit).await), facts(&files(&direct, commit).await));
    }

    std::fs::remove_file(repo.loose(&log[0])).expect("the repository is ours");
    let error = repo.open().poll().await.err().expect("the newest commit is missing");
    assert!(error.chain().contains(&log[0]) && error.hint.is_some(), "{}", error.chain());
}

#[tokio::test]
async fn a_large_blob_is_read_in_pieces_loose_and_packed() {
    let repo = Repo::new();
    let bytes: Vec<u8> =
        (0..1_500_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    repo.write("large", &bytes);
    let commit = repo.commit("begin");
    for packed in [false, true] {
        if packed {
            repo.git(&["gc", "-q", "--prune=now"]);
        }
        let database = database(&repo.open()).await;
        let large = file(&database, &commit, "large").await;
        assert_eq!(large.content.stated_len(), Some(6_000_000));
        let (sink, mut pieces) = Sink::new(1);
        let gather = async move {
            let mut read = Vec::new();
            while let Some(piece) = pieces.recv().await {
                assert!(piece.len() <= 256 * 1024);
                read.extend_from_slice(&piece);
            }
            read
        };
        let (outcome, read) = tokio::join!(large.content.read(sink), gather);
        assert!(outcome.is_ok() && read == bytes);
    }
}
