//! Reading contents as the engine does.

use super::*;
use crate::content::{ErrorKind, Sink, Stream};
use crate::format::blob::{InMemory, PIECE};
use crate::format::tests::pieces_of;

async fn read(content: &dyn Stream) -> Result<Vec<u8>, SourceError> {
    let pieces = pieces_of(content).await?;
    assert!(pieces.iter().all(|piece| piece.len() < 2 * PIECE), "a piece is too long");
    Ok(pieces.concat())
}

fn many_rows(folder: &SqliteFolder) -> PathBuf {
    folder.made(
        "many.db",
        "CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT, c REAL); CREATE TABLE k(a TEXT PRIMARY KEY, b);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30000)
         INSERT INTO t SELECT i, 'row ' || i, i / 8.0 FROM n; INSERT INTO k SELECT i * 7919 % 30011 || 'k', b FROM
         (SELECT a AS i, b FROM t);",
    )
}

#[tokio::test]
async fn rows_come_in_pieces_and_the_digest_is_that_of_all() {
    let folder = SqliteFolder::new();
    let path = many_rows(&folder);
    let file = open(&path);
    for (name, columns) in [("t", &["a", "b", "c"][..]), ("k", &["a", "b"])] {
        let relation = relation(&file, name);
        let bytes = read(&file.rows(&relation)).await.expect("it is sound");
        let digest = file.digest(&relation).expect("it is sound");
        assert_eq!(digest[..], Sha256::digest(&bytes)[..]);
        assert!(bytes.len() > 2 * PIECE);
        oracle::agrees(&path, name, columns, &format!("{name} ORDER BY a"));
    }
    let content = file.rows(&relation(&file, "t"));
    assert_eq!(content.describe(), format!("table t of {}", path.display()));
    assert!(content.is_immutable_by_id());
}

#[tokio::test]
async fn a_reader_that_goes_away_ends_the_read() {
    let folder = SqliteFolder::new();
    let file = open(&many_rows(&folder));
    let (sink, mut pieces) = Sink::new(1);
    let content = file.rows(&relation(&file, "t"));
    let leave = async {
        pieces.recv().await.expect("a piece");
        drop(pieces);
    };
    let (outcome, ()) = tokio::join!(content.read(sink), leave);
    outcome.expect("that is no failure");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_read_at_once() {
    let folder = SqliteFolder::new();
    let file = open(&many_rows(&folder));
    let relations = ["t", "k"].map(|name| relation(&file, name));
    let readers = (0..16).map(|number| {
        let content = file.rows(&relations[number % 2]);
        tokio::spawn(async move { read(&content).await.expect("it is sound") })
    });
    let readers: Vec<_> = readers.collect();
    let mut texts = Vec::new();
    for reader in readers {
        texts.push(reader.await.expect("it ran"));
    }
    assert!(texts.iter().enumerate().all(|(number, text)| *text == texts[number % 2]));
    assert_ne!(texts[0], texts[1]);
}

#[tokio::test]
async fn a_file_that_was_replaced_is_not_read() {
    let folder = SqliteFolder::new();
    let path = many_rows(&folder);
    let file = open(&path);
    let content = file.rows(&relation(&file, "t"));
    let other = folder.made("other.db", "CREATE TABLE t(a); INSERT INTO t VALUES('other');");
    std::fs::rename(other, &path).expect("the folder is ours");
    let error = read(&content).await.expect_err("it is another file");
    assert_eq!(error.kind, ErrorKind::Changed);
}

#[test]
fn equal_rows_have_equal_digests_wherever_they_lie() {
    let folder = SqliteFolder::new();
    let path = many_rows(&folder);
    let copy = folder.path("copy.db");
    std::fs::copy(&path, &copy).expect("the folder is ours");
    let digest = |path: &Path, name: &str| {
        let file = open(path);
        file.digest(&relation(&file, name)).expect("it is sound")
    };
    sqlite3(&copy, "UPDATE k SET b = 'other' WHERE rowid = 29999; VACUUM;");
    assert_eq!(digest(&path, "t"), digest(&copy, "t"));
    assert_ne!(digest(&path, "k"), digest(&copy, "k"));
}

#[test]
fn packed_files_are_unpacked() {
    let (_folder, path) = made_by("CREATE TABLE t(a); INSERT INTO t VALUES(1);");
    let bytes = std::fs::read(&path).expect("it is there");
    let packed = Arc::new(InMemory::new(&bytes));
    let file = Arc::new(SqliteFile::new("test".into(), packed, [None, None], Arc::default()));
    assert_eq!(rows(&file, "t"), "{\"a\":1}\n");
    let what = format!("table t of {} bytes in memory", bytes.len());
    assert_eq!(file.rows(&relation(&file, "t")).describe(), what);
}
