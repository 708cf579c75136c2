//! What is within the files of a commit: the tables of databases, the bytes of exports.

use super::*;
use crate::content::ErrorKind;

const TABLES: &str = "CREATE TABLE tasks(id INTEGER PRIMARY KEY, title TEXT);
    INSERT INTO tasks VALUES (1,'one'),(2,'two'); CREATE VIEW titles AS SELECT title FROM tasks;";

/// The rows of `tasks`, as `sqlite3` writes them.
fn rows(repo: &Repo, path: &str) -> String {
    repo.sqlite(path, "SELECT json_object('id', id, 'title', title) FROM tasks ORDER BY id")
}

async fn text(database: &Arc<dyn Database>, commit: &str, path: &str) -> String {
    let bytes = read(&file(database, commit, path).await.content).await;
    String::from_utf8(bytes.unwrap_or_else(|error| panic!("{path}: {}", error.chain()))).expect("text")
}

async fn paths(database: &Arc<dyn Database>, commit: &str) -> Vec<String> {
    files(database, commit).await.iter().map(|file| file.path.to_string()).collect()
}

#[tokio::test]
async fn a_database_has_its_tables_beside_it_loose_and_packed() {
    let repo = Repo::new();
    repo.sqlite("a/state.db", TABLES);
    repo.write("a/Thumbs.DB", "no database\n");
    repo.write("empty.sqlite", "");
    let first = repo.commit("begin");
    let before = rows(&repo, "a/state.db");
    let unrelated = repo.change("notes", "n\n");
    repo.sqlite("a/state.db", "INSERT INTO tasks VALUES (3,'three')");
    let last = repo.commit("a row");
    for packing in [&["count-objects"][..], &["gc", "-q"]] {
        repo.git(packing);
        let one = database(&repo.open()).await;
        let tables =
            ["schema.sql", "tasks.jsonl", "titles.jsonl"].map(|name| format!("a/state.db.tables/{name}"));
        let expected = [&["a/Thumbs.DB".to_owned(), "a/state.db".to_owned()][..], &tables].concat();
        assert_eq!(paths(&one, &first).await, [&expected[..], &["empty.sqlite".to_owned()]].concat());
        assert_eq!(text(&one, &first, &tables[1]).await, before);
        assert_eq!(text(&one, &unrelated, &tables[1]).await, before);
        assert_eq!(text(&one, &last, &tables[1]).await, rows(&repo, "a/state.db"));
        assert!(text(&one, &last, &tables[0]).await.contains("CREATE TABLE tasks"));
        // Since when, and in how many snapshots: as the database.
        for commit in [&first, &unrelated, &last] {
            let raw = file(&one, commit, "a/state.db").await;
            for table in &tables {
                let table = file(&one, commit, table).await;
                assert_eq!((table.changed, table.links), (raw.changed, raw.links), "{commit}");
            }
        }
        let ids = [&first, &unrelated, &last].map(|commit| file(&one, commit, &tables[1]));
        let [a, b, c] = ids;
        let (a, b, c) = (a.await.id, b.await.id, c.await.id);
        assert!(a == b && b != c);
    }
    // The file alone.
    let alone = database(&open(&format!("{}/a/state.db", repo.place()))).await;
    assert_eq!(text(&alone, &last, "state.db.tables/tasks.jsonl").await, rows(&repo, "a/state.db"));
}

#[tokio::test]
async fn files_of_the_repository_win() {
    let repo = Repo::new();
    repo.sqlite("x.db", TABLES);
    repo.sqlite("y.db", TABLES);
    repo.write("x.db.tables/own/file", "own\n");
    repo.write("y.db.tables", "own\n");
    repo.git(&["config", "core.symlinks", "true"]);
    std::os::unix::fs::symlink("x.db", repo.path.join("z.db")).expect("the folder is ours");
    let commit = repo.commit("begin");
    let one = database(&repo.open()).await;
    assert_is_tree(&repo, &one, &commit).await;
}

#[tokio::test]
async fn a_log_beside_a_database_counts() {
    let repo = Repo::new();
    repo.copy_with_log(TABLES, "copy.db");
    let expected = rows(&repo, "live.db");
    std::fs::remove_file(repo.path.join("live.db")).expect("it is there");
    let wal = repo.path.join("copy.db-wal");
    let log = std::fs::read(&wal).expect("sqlite3 left a log");
    std::fs::remove_file(&wal).expect("it is there");
    let without = repo.commit("without the log");
    std::fs::write(&wal, log).expect("the folder is ours");
    let with = repo.commit("with the log");
    let one = database(&repo.open()).await;
    assert!(expected.contains("in the log"));
    assert_eq!(text(&one, &with, "copy.db.tables/tasks.jsonl").await, expected);
    assert!(!text(&one, &without, "copy.db.tables/tasks.jsonl").await.contains("in the log"));
    let table = |commit: String| file(&one, commit.leak(), "copy.db.tables/tasks.jsonl");
    let (before, after) = (table(without).await, table(with).await);
    assert!(before.id != after.id && before.changed < after.changed);
    assert_eq!((before.links, after.links), (1, 1));
}

#[tokio::test]
async fn what_cannot_be_read_fails_alone_and_recovers() {
    let repo = Repo::new();
    repo.sqlite("gone.db", TABLES);
    repo.sqlite("fine.db", &format!("{TABLES} INSERT INTO tasks VALUES (9,'nine')"));
    // A header that is whole, and a schema that is not.
    let mut bytes = std::fs::read(repo.path.join("fine.db")).expect("sqlite3 made it");
    bytes[100..200].fill(0xff);
    repo.write("torn.db", bytes);
    let commit = repo.commit("begin");
    let one = database(&repo.open()).await;
    let object = repo.loose(&repo.git(&["rev-parse", "HEAD:gone.db"]));
    let kept = object.with_extension("kept");
    std::fs::rename(&object, &kept).expect("small blobs are loose");
    let shown = paths(&one, &commit).await;
    assert!(!shown.contains(&"gone.db.tables/tasks.jsonl".to_owned()), "{shown:?}");
    assert_eq!(text(&one, &commit, "fine.db.tables/tasks.jsonl").await, rows(&repo, "fine.db"));
    for (path, kind) in [("gone.db", ErrorKind::Missing), ("torn.db", ErrorKind::Damaged)] {
        let schema = file(&one, &commit, &format!("{path}.tables/schema.sql")).await;
        let error = read(&schema.content).await.expect_err(path);
        assert_eq!(error.kind, kind, "{}", error.chain());
    }
    let broken = file(&one, &commit, "gone.db.tables/schema.sql").await.id;
    std::fs::rename(&kept, &object).expect("the folder is ours");
    assert_eq!(text(&one, &commit, "gone.db.tables/tasks.jsonl").await, rows(&repo, "gone.db"));
    assert!(file(&one, &commit, "gone.db.tables/schema.sql").await.id != broken);
}
