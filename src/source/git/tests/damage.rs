//! Whatever byte is broken: never a wrong byte, never a panic, and the rest goes on.

use std::io::Read;

use super::*;
use crate::format::tests::pieces_of;
use crate::model::access::Audience;
use crate::source::git::objects::cannot_open;
use crate::source::git::refs::Refs;
use crate::source::git::state::GitState;
use crate::source::repository::Repository;

/// The files of each commit.
type Truth = BTreeMap<String, BTreeMap<String, (FileKind, Vec<u8>)>>;

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
    let of = |commit: String| {
        let files = tree_of(&repo, &commit);
        (commit, files)
    };
    let truth = repo.log(&[]).into_iter().map(of).collect();
    (repo, truth)
}

/// No failure may come of a panic.
fn fine(error: SourceError) {
    assert!(!error.chain().contains("broken off"), "{}", error.chain());
}

/// What the first look finds, on this thread: a panic fails the test.
fn look(repo: &Repo) -> Result<Vec<Arc<dyn Database>>, SourceError> {
    let place = GitPlace::parse(OsStr::new(&repo.place()))?;
    let label: Arc<str> = "git".into();
    let repository = Repository::open(&place.repository, Links::Beneath)
        .map_err(|failure| cannot_open(&label, failure))?;
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
                match try_read(&file.content).await {
                    Ok(bytes) => {
                        assert!(bytes == expected[&*file.path].1, "{what}: {} of {}", file.path, meta.id);
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
    let whole = fs::read(path).expect("the file is there");
    let mut permissions = path.metadata().expect("the file is there").permissions();
    #[allow(clippy::permissions_set_readonly_false)]
    permissions.set_readonly(false);
    fs::set_permissions(path, permissions).unwrap();
    let flips = (0..whole.len()).map(|at| {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        (format!("byte {at}"), bytes)
    });
    let cuts = (0..whole.len()).step_by(11).map(|len| (format!("cut to {len}"), whole[..len].to_vec()));
    let mut outcomes = Vec::new();
    for (what, bytes) in cuts.chain(flips) {
        fs::write(path, &bytes).unwrap();
        let outcome = check(repo, truth, &what).await;
        outcomes.push((what, bytes, outcome));
    }
    fs::write(path, whole).unwrap();
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
        let id = repo.id(object);
        let whole = fs::read(repo.loose(&id)).expect("it is loose");
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
    let packs = fs::read_dir(repo.path.join(".git/objects/pack")).expect("gc makes one").flatten();
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
    let (head, id) = (repo.id("HEAD"), repo.id("HEAD:a"));
    let other = fs::read(repo.loose(&repo.id("HEAD:dir/b"))).expect("it is loose");
    let give = repo.take(&id);
    // Another blob's file, whole by itself, in its place.
    fs::write(repo.loose(&id), other).unwrap();
    let damaged = database(&repo.open()).await;
    let error = failure(&damaged, &head, "a").await;
    assert_says(&error, ErrorKind::Damaged, &[&id]);
    assert_hints(&error, &[]);
    assert_eq!(bytes(&damaged, &head, "dir/b").await, truth[&head]["dir/b"].1);

    fs::remove_file(repo.loose(&id)).unwrap();
    assert_says(&failure(&damaged, &head, "a").await, ErrorKind::Missing, &[]);
    give();
    assert_eq!(bytes(&database(&repo.open()).await, &head, "a").await, truth[&head]["a"].1);
}

#[tokio::test]
async fn a_history_ends_at_a_commit_that_cannot_be_read_until_it_can() {
    let (repo, _) = small();
    let log = repo.log(&[]);
    let give = repo.take(&log[1]);
    let source = repo.open();
    assert_eq!(ids(&database(&source).await), log[..1]);
    assert!(news(&source).await.is_none(), "nothing came back");
    give();
    let mended = only(awaited(&source).await);
    assert_eq!(ids(&mended), log);
    let direct = database(&repo.open()).await;
    for commit in &log {
        assert_eq!(facts(&files(&mended, commit).await), facts(&files(&direct, commit).await));
    }

    fs::remove_file(repo.loose(&log[0])).unwrap();
    let error = refused(&repo.place(), None).await;
    assert_says(&error, error.kind, &[&log[0]]);
    assert_hints(&error, &[]);
}

#[tokio::test]
async fn whatever_was_missing_is_shown_once_it_is_there_though_no_name_moves() {
    let (repo, _) = small();
    let tags = |database: &Arc<dyn Database>| database.history().tags.keys().cloned().collect::<Vec<_>>();
    let give = repo.take(&repo.id("tag"));
    let source = repo.open();
    assert!(tags(&database(&source).await).is_empty());
    give();
    assert_eq!(tags(&awaited(&source).await["work"]), ["tag"]);

    // What tells which of several databases a commit touched.
    let several = Repo::new();
    several.change("hq.jsonl", "{}\n");
    several.change("beads.jsonl", "{}\n");
    several.change("beads.jsonl", "{}\n{}\n");
    // What leads to the chosen path, and that.
    for (repo, below, name, count) in [(&repo, "dir/b", "b", 2), (&several, "", "hq", 1)] {
        let expected = ids(&databases(&repo.open_at(below)).await[name]);
        assert_eq!(expected.len(), count);
        let give = repo.take(&repo.id("HEAD~1^{tree}"));
        let source = repo.open_at(below);
        assert_eq!(ids(&databases(&source).await[name]).len(), 3, "it may have touched it");
        give();
        assert_eq!(ids(&awaited(&source).await[name]), expected);
    }
}

#[tokio::test]
async fn a_failure_of_the_system_is_no_damage() {
    let (repo, truth) = small();
    for object in ["HEAD~1", "tag"] {
        let source = repo.open();
        let id = repo.id(object);
        let give = repo.take(&id);
        // It opens, and the kernel reads it for nobody.
        fs::create_dir(repo.loose(&id)).unwrap();
        let error = source.poll().await.err().unwrap_or_else(|| panic!("{object} cannot be read"));
        assert_says(&error, ErrorKind::Unavailable, &[&id]);
        fs::remove_dir(repo.loose(&id)).unwrap();
        give();
        let whole = database(&source).await;
        assert_eq!((ids(&whole).len(), whole.history().tags.len()), (truth.len(), 1));
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
            repo.pack();
        }
        let database = database(&repo.open()).await;
        let large = file(&database, &commit, "large").await;
        assert_eq!(large.content.stated_len(), Some(6_000_000));
        let pieces = pieces_of(&*large.content).await.expect("it is whole");
        assert!(pieces.iter().all(|piece| piece.len() <= 256 * 1024));
        assert!(pieces.concat() == bytes);
    }
}
