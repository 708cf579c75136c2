//! Stores in every place where they occur, and one that is being written to.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use asof::source::verify::Severity;

use super::oracle::{collect, dolt, fsck};
use super::{check, verify};
use crate::support::git;
use crate::support::server::{Dolt, Server};
use crate::support::{database, temp_dir, wait};

/// A database with a history, and a table whose index has many nodes.
fn make(folder: &Path) {
    dolt(Dolt::Pinned, folder, &["init"]).expect_status(0);
    let rows: Vec<String> = (0..4000).map(|id| format!("({id}, sha1({id}))")).collect();
    let statements = [
        "CREATE TABLE t (id int PRIMARY KEY, w varchar(60), KEY by_w (w))".to_owned(),
        format!("INSERT INTO t VALUES {}", rows.join(",")),
        "CALL DOLT_COMMIT('-Am', 'one')".to_owned(),
        "UPDATE t SET w = 'x' WHERE id = 1000".to_owned(),
        "CALL DOLT_COMMIT('-Am', 'two')".to_owned(),
        "CALL DOLT_TAG('v1', 'HEAD')".to_owned(),
        "INSERT INTO t VALUES (9999, 'not committed')".to_owned(),
    ];
    dolt(Dolt::Pinned, folder, &["sql", "-q", &statements.join(";\n")]).expect_status(0);
}

/// A stash, a merge with conflicts, staged changes, foreign keys, indexes of every kind, long values.
const EVERYTHING: &str = "
CREATE TABLE t (id int PRIMARY KEY, w varchar(60), b longtext, j json, KEY by_w (w), FULLTEXT KEY f (b));
INSERT INTO t VALUES (1,'a',repeat('long words ',3000),json_object('a',repeat('json ',3000))),(2,'b',null,null);
CREATE TABLE v (id int PRIMARY KEY, e json NOT NULL, VECTOR INDEX near (e));
INSERT INTO v VALUES (1,'[1.0,2.0]'),(2,'[2.0,3.5]'),(3,'[9.0,1.0]');
CREATE TABLE child (id int PRIMARY KEY, p int, FOREIGN KEY (p) REFERENCES t(id));
CALL DOLT_COMMIT('-Am','one');
UPDATE t SET w='stashed' WHERE id=2;
CALL DOLT_STASH('push','mine');
CALL DOLT_BRANCH('other');
UPDATE t SET w='ours' WHERE id=1;
CALL DOLT_COMMIT('-am','ours');
CALL DOLT_CHECKOUT('other');
UPDATE t SET w='theirs' WHERE id=1;
CALL DOLT_COMMIT('-am','theirs');
CALL DOLT_CHECKOUT('main');
ANALYZE TABLE t;
SET @@dolt_allow_commit_conflicts=1;
CALL DOLT_MERGE('other');
CALL DOLT_TAG('v1','HEAD');
INSERT INTO v VALUES (4,'[7.0,2.0]');
CALL DOLT_ADD('v');";

#[test]
fn everything_that_keeps_chunks_alive_is_followed() {
    for by in Dolt::EVERY {
        let folder = temp_dir();
        dolt(by, folder.path(), &["init"]).expect_status(0);
        dolt(by, folder.path(), &["sql", "-q", EVERYTHING]).expect_status(0);
        let status = dolt(by, folder.path(), &["status"]).text();
        assert!(status.contains("both modified") && status.contains("Changes to be committed"), "{status}");
        let count = ["sql", "-r", "csv", "-q", "SELECT count(*) FROM dolt_stashes"];
        let stashes = dolt(by, folder.path(), &count).text();
        assert!(stashes.trim().ends_with('1'), "{stashes}");
        let chunks = verify(folder.path()).expect_nothing();
        assert_eq!(chunks, collect(by, folder.path()).len(), "{by:?}");
        assert_eq!(verify(folder.path()).expect_nothing(), chunks);
    }
}

#[test]
fn an_index_that_no_reading_looks_at_is_checked() {
    let folder = temp_dir();
    make(folder.path());
    dolt(Dolt::Pinned, folder.path(), &["gc", "--archive-level", "0"]).expect_status(0);
    verify(folder.path()).expect_nothing();
    let old = folder.path().join(".dolt/noms/oldgen");
    let files =
        fs::read_dir(&old).expect("it was collected").map(|entry| entry.expect("the folder is ours").path());
    let file = files
        .max_by_key(|path| path.metadata().map_or(0, |metadata| metadata.len()))
        .expect("it holds files");
    let whole = fs::read(&file).expect("the folder is ours");
    let mut of_index = 0;
    for place in (0..whole.len()).step_by(1500) {
        let mut bytes = whole.clone();
        bytes[place] ^= 1;
        fs::write(&file, &bytes).expect("the folder is ours");
        let said = verify(folder.path());
        assert_eq!(said.worst(), Some(Severity::Wrong), "{said:?}");
        if said.findings.iter().any(|finding| finding.place.contains("table t, index by_w")) {
            of_index += 1;
            let read = check::read(folder.path()).unwrap_or_else(|error| panic!("{}", error.chain()));
            assert!(read.failures.is_empty(), "rendering does not read it: {:?}", read.failures);
            assert!(
                of_index > 1 || fsck(Dolt::Pinned, folder.path()).is_none_or(|(is_content, _)| !is_content),
                "Dolt finds it, too"
            );
        }
    }
    assert!(of_index > 5, "{of_index}");
}

#[test]
fn a_clone_that_is_shallow_lacks_nothing() {
    let (folder, remote, clones) = (temp_dir(), temp_dir(), temp_dir());
    make(folder.path());
    let url = format!("file://{}", remote.path().display());
    dolt(Dolt::Pinned, folder.path(), &["remote", "add", "origin", &url]).expect_status(0);
    dolt(Dolt::Pinned, folder.path(), &["push", "origin", "main"]).expect_status(0);
    verify(remote.path()).expect_nothing();
    dolt(Dolt::Pinned, clones.path(), &["clone", "--depth", "1", &url, "copy"]).expect_status(0);
    let copy = clones.path().join("copy");
    assert!(copy.join(".dolt/noms/ghostObjects.txt").exists(), "it is shallow");
    verify(&copy).expect_nothing();
}

#[test]
fn a_store_in_a_git_repository() {
    let (folder, repository) = (temp_dir(), temp_dir());
    make(folder.path());
    let bare = git::bare(&repository.path().join("r.git"));
    let url = format!("git+file://{}", bare.display());
    dolt(Dolt::Pinned, folder.path(), &["remote", "add", "origin", &url]).expect_status(0);
    dolt(Dolt::Pinned, folder.path(), &["push", "origin", "main"]).expect_status(0);
    let chunks = verify(&bare).expect_nothing();
    assert!(chunks > 100, "{chunks}");
    flip_in_git(&bare);
    let said = verify(&bare);
    assert_eq!(said.worst(), Some(Severity::Wrong), "{said:?}");
    assert!(said.findings.iter().any(|finding| finding.problem.contains("refs/dolt/data:")), "{said:?}");
}

/// Adds a commit in which the largest file has another byte.
fn flip_in_git(repository: &Path) {
    let blob = |object: &str| {
        git::git(repository).args(["cat-file", "blob", object]).outcome().expect_status(0).stdout
    };
    let files: Vec<_> =
        git::files(repository).into_iter().map(|(name, object)| (name, blob(&object))).collect();
    let largest = files.iter().map(|(_, bytes)| bytes.len()).max().expect("it holds files");
    let mut entries = String::new();
    for (name, mut bytes) in files {
        if bytes.len() == largest {
            bytes[largest / 3] ^= 1;
        }
        let object = git::git(repository).args(["hash-object", "-w", "--stdin"]).input(bytes).ok();
        entries += &format!("100644 blob {}\t{name}\n", object.trim());
    }
    let tree = git::git(repository).arg("mktree").input(entries).ok();
    let commit = git::git(repository).args(["commit-tree", "-m", "flipped", tree.trim()]).ok();
    git::git(repository).args(["update-ref", "refs/dolt/data", commit.trim()]).ok();
}

#[test]
fn a_store_that_is_written_to_and_collected_gives_no_alarm() {
    let server = Server::start();
    let mut client = server.client();
    client.new_database("busy");
    client.run(&[
        "CREATE TABLE t (id int PRIMARY KEY AUTO_INCREMENT, w varchar(60), KEY by_w (w))",
        "CALL DOLT_COMMIT('-Am', 'a table')",
    ]);
    let path = server.data().join("busy");
    let is_over = AtomicBool::new(false);
    let checks = std::thread::scope(|scope| {
        scope.spawn(|| {
            for round in 0..60 {
                if is_over.load(Ordering::Relaxed) {
                    break;
                }
                client.run(&[
                    "INSERT INTO t (w) SELECT uuid() FROM t LIMIT 500",
                    "INSERT INTO t (w) VALUES (uuid())",
                ]);
                client.run(&["CALL DOLT_COMMIT('-Am', 'more')"]);
                if round % 10 == 9 {
                    client.run(&["CALL DOLT_GC()"]);
                    client = server.client();
                    client.use_database("busy");
                }
            }
            is_over.store(true, Ordering::Relaxed);
        });
        let mut checks = 0;
        while !is_over.load(Ordering::Relaxed) {
            let said = verify(&path);
            assert_ne!(said.worst(), Some(Severity::Wrong), "{said:?}");
            checks += 1;
        }
        checks
    });
    assert!(checks > 3, "{checks} checks");
    verify(&path).expect_nothing();
}

#[test]
fn over_a_server_it_is_said_what_is_not_checked() {
    let server = Server::start();
    let mut client = server.client();
    client.new_database("db");
    let database = database(&server.url("db"));
    let verdict =
        wait(database.verify(&Default::default())).unwrap_or_else(|error| panic!("{}", error.chain()));
    assert_eq!(verdict.findings.iter().map(|finding| finding.severity).collect::<Vec<_>>(), [Severity::Note]);
    assert!(verdict.findings[0].hint.as_deref().is_some_and(|hint| hint.contains("data folder")));
    assert_eq!(verdict.contents, asof::source::verify::Contents::Newest);
}
