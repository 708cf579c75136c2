//! Whatever byte is broken: never a wrong byte, never a panic, and the rest goes on.

use std::io::Read;

use super::*;
use crate::content::ErrorKind;
use crate::model::access::Audience;

use crate::source::git::objects::{CANNOT_OPEN, failed};
use crate::source::git::refs::Refs;
use crate::source::git::state::GitState;
use crate::source::repository::Repository;

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
    let place = GitPlace::parse(std::ffi::OsStr::new(&repo.place()))?;
    let label: Arc<str> = "git".into();
    let repository = Repository::open(&place.repository, Links::Beneath)
        .map_err(|failure| failed(&label, CANNOT_OPEN.to_owned(), failure))?;
    let refs = Refs::read(&repository.state(), &place, &label)?;
    GitState::new(None, None).look(&Arc::new(repository), (&refs, Audience::Owner), &place, &label)
}

/// How much of a repository could be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Outcome {
    /// Files.
    right: usize,
    /// Listings, and files of other ones.
    failed: usize,
    tags: usize,
}

/// All of [`small`].
const WHOLE: Outcome = Outcome { right: 6, failed: 0, tags: 1 };

/// Reads all that can be read, and checks it.
async fn check(repo: &Repo, truth: &Truth, what: &str) -> Outcome {
    let mut outcome = Outcome { right: 0, failed: 0, tags: 0 };
    let found = match look(repo) {
        Ok(found) => found,
        Err(error) => {
            fine(error);
            return Outcome { failed: 1, ..outcome };
        }
    };
    for database in found {
        outcome.tags += database.history().tags.len();
        for meta in database.history().snapshots() {
            let expected = truth.get(&*meta.id).unwrap_or_else(|| panic!("{what}: no commit {}", meta.id));
            let files = match database.files(&meta.id).await {
                Ok(files) => files,
                Err(error) => {
                    fine(error);
                    outcome.failed += 1;
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
                        outcome.right += 1;
                    }
                    Err(error) => {
                        fine(error);
                        outcome.failed += 1;
                    }
                }
            }
        }
    }
    outcome
}

/// What the bytes of a loose object hold, up to a length: whatever follows it, and their checksum.
fn inflated(bytes: &[u8], len: usize) -> Option<Vec<u8>> {
    let mut found = vec![0; len];
    flate2::read::DeflateDecoder::new(bytes.get(2..)?).read_exact(&mut found).ok()?;
    Some(found)
}

/// Cuts a file short, and flips a bit of each of its bytes in turn, another one in each. What each does.
async fn flip_each(repo: &Repo, truth: &Truth, path: &Path) -> Vec<(String, Vec<u8>, Outcome)> {
    let whole = std::fs::read(path).expect("the file is there");
    let mut permissions = path.metadata().expect("the file is there").permissions();
    #[allow(clippy::permissions_set_readonly_false)]
    permissions.set_readonly(false);
    std::fs::set_permissions(path, permissions).expect("the file is ours");
    let flips = (0..whole.len()).map(|at| {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        (format!("byte {at}"), bytes)
    });
    let cuts = (0..whole.len()).step_by(11).map(|len| (format!("cut to {len}"), whole[..len].to_vec()));
    let mut outcomes = Vec::new();
    for (what, bytes) in cuts.chain(flips) {
        std::fs::write(path, &bytes).expect("the file is ours");
        let outcome = check(repo, truth, &what).await;
        outcomes.push((what, bytes, outcome));
    }
    std::fs::write(path, whole).expect("the file is ours");
    assert_eq!(check(repo, truth, "mended").await, WHOLE);
    outcomes
}

#[tokio::test]
async fn no_flipped_byte_of_a_loose_object_gives_wrong_bytes() {
    let (repo, truth) = small();
    assert_eq!(check(&repo, &truth, "whole").await, WHOLE);
    let harms = [
        // A file of two commits.
        ("HEAD:a", Outcome { right: 4, failed: 2, tags: 1 }),
        // What lists one of them.
        ("HEAD:dir", Outcome { right: 4, failed: 1, tags: 1 }),
        ("HEAD~1^{tree}", Outcome { right: 4, failed: 1, tags: 1 }),
        // The history ends after it.
        ("HEAD~1", Outcome { right: 2, failed: 0, tags: 1 }),
        // It is left out.
        ("tag", Outcome { right: 6, failed: 0, tags: 0 }),
    ];
    for (object, harm) in harms {
        let id = repo.git(&["rev-parse", object]);
        let whole = std::fs::read(repo.loose(&id)).expect("it is loose");
        let mut data = Vec::new();
        let mut decoder = flate2::read::ZlibDecoder::new(&*whole);
        decoder.read_to_end(&mut data).expect("git wrote it");
        for (what, bytes, outcome) in flip_each(&repo, &truth, &repo.loose(&id)).await {
            // A few bits say the same in another way, or say where it ends, which its header says; the checksum says
            // what the hash says.
            let says_the_same = bytes[..bytes.len().min(2)] == whole[..2]
                && inflated(&bytes, data.len()).is_some_and(|found| found == data);
            let right = if says_the_same { vec![harm, WHOLE] } else { vec![harm] };
            assert!(right.contains(&outcome), "{object}: {what}: {outcome:?}");
        }
    }
}

#[tokio::test]
async fn no_flipped_byte_of_a_pack_gives_wrong_bytes() {
    let (repo, truth) = small();
    repo.git(&["gc", "-q", "--prune=now", "--aggressive"]);
    let packs = std::fs::read_dir(repo.path.join(".git/objects/pack")).expect("gc makes one").flatten();
    for file in packs.map(|file| file.path()).filter(|path| path.extension().is_some_and(|end| end != "rev"))
    {
        let outcomes = flip_each(&repo, &truth, &file).await;
        let is_any = |wanted: fn(&Outcome) -> bool| outcomes.iter().any(|(_, _, outcome)| wanted(outcome));
        assert!(is_any(|outcome| outcome.right > 0), "{}: nothing can be read", file.display());
        assert!(is_any(|outcome| outcome.failed > 0), "{}: nothing fails", file.display());
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
    assert!(source.poll().await.expect("it can be looked at").is_none(), "nothing came back");
    std::fs::write(repo.loose(&log[1]), whole).expect("the repository is ours");
    let mended = awaited(&source).await.remove("work").expect("it is the one");
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

/// Takes an object away, and gives it back when it is called.
fn take(repo: &Repo, id: &str) -> impl FnOnce() + use<> {
    let path = repo.loose(id);
    let whole = std::fs::read(&path).expect("it is loose");
    std::fs::remove_file(&path).expect("the repository is ours");
    move || std::fs::write(&path, whole).expect("the repository is ours")
}

#[tokio::test]
async fn whatever_was_missing_is_shown_once_it_is_there_though_no_name_moves() {
    let (repo, _) = small();
    let tags = |database: &Arc<dyn Database>| database.history().tags.keys().cloned().collect::<Vec<_>>();
    let give = take(&repo, &repo.git(&["rev-parse", "tag"]));
    let source = repo.open();
    assert!(tags(&database(&source).await).is_empty());
    give();
    assert_eq!(tags(&awaited(&source).await["work"]), ["tag"]);

    // What leads to the chosen path.
    let place = format!("{}/dir/b", repo.place());
    let expected = ids(&database(&open(&place)).await.history().timeline);
    assert_eq!(expected.len(), 2);
    let give = take(&repo, &repo.git(&["rev-parse", "HEAD~1^{tree}"]));
    let source = open(&place);
    assert_eq!(ids(&database(&source).await.history().timeline).len(), 3, "it may have touched it");
    give();
    assert_eq!(ids(&awaited(&source).await["b"].history().timeline), expected);

    // What tells which of several databases a commit touched.
    let repo = Repo::new();
    repo.change("hq.jsonl", "{}\n");
    repo.change("beads.jsonl", "{}\n");
    repo.change("beads.jsonl", "{}\n{}\n");
    let expected = ids(&databases(&repo.open()).await["hq"].history().timeline);
    assert_eq!(expected.len(), 1);
    let give = take(&repo, &repo.git(&["rev-parse", "HEAD~1^{tree}"]));
    let source = repo.open();
    assert_eq!(databases(&source).await["hq"].history().timeline.len(), 3, "both may have touched it");
    give();
    assert_eq!(ids(&awaited(&source).await["hq"].history().timeline), expected);
}

#[tokio::test]
async fn a_failure_of_the_system_is_no_damage() {
    let (repo, truth) = small();
    for object in ["HEAD~1", "tag"] {
        let source = repo.open();
        let id = repo.git(&["rev-parse", object]);
        let give = take(&repo, &id);
        // It opens, and the kernel reads it for nobody.
        std::fs::create_dir(repo.loose(&id)).expect("the repository is ours");
        let error = source.poll().await.err().unwrap_or_else(|| panic!("{object} cannot be read"));
        assert_eq!(error.kind, ErrorKind::Unavailable, "{}", error.chain());
        assert!(error.chain().contains(&id), "{}", error.chain());
        std::fs::remove_dir(repo.loose(&id)).expect("it is ours");
        give();
        let whole = database(&source).await;
        assert_eq!(whole.history().timeline.len(), truth.len());
        assert_eq!(whole.history().tags.len(), 1);
    }
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
