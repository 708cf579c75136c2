//! What is within the files of a commit: the tables of databases, the bytes of exports.

use super::*;

const TABLES: &str = "CREATE TABLE tasks(id INTEGER PRIMARY KEY, title TEXT);
    INSERT INTO tasks VALUES (1,'one'),(2,'two'); CREATE VIEW titles AS SELECT title FROM tasks;";

/// The rows of `tasks`, as `sqlite3` writes them.
fn rows(repo: &Repo, path: &str) -> String {
    repo.sqlite(path, "SELECT json_object('id', id, 'title', title) FROM tasks ORDER BY id")
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
    let after = rows(&repo, "a/state.db");
    for packing in [&["count-objects"][..], &["gc", "-q"]] {
        repo.git(packing);
        let one = database(&repo.open()).await;
        let tables =
            ["schema.sql", "tasks.jsonl", "titles.jsonl"].map(|name| format!("a/state.db.tables/{name}"));
        let expected = ["a/Thumbs.DB", "a/state.db", &tables[0], &tables[1], &tables[2], "empty.sqlite"];
        assert_eq!(paths(&one, &first).await, expected);
        assert!(text(&one, &last, &tables[0]).await.contains("CREATE TABLE tasks"));
        let mut ids = Vec::new();
        for (commit, rows) in [(&first, &before), (&unrelated, &before), (&last, &after)] {
            assert_eq!(text(&one, commit, &tables[1]).await, *rows);
            ids.push(file(&one, commit, &tables[1]).await.id);
            // Since when, and in how many snapshots: as the database.
            let raw = file(&one, commit, "a/state.db").await;
            for table in &tables {
                let table = file(&one, commit, table).await;
                assert_eq!((table.changed, table.links), (raw.changed, raw.links), "{commit}");
            }
        }
        assert!(ids[0] == ids[1] && ids[1] != ids[2]);
    }
    let alone = database(&repo.open_at("a/state.db")).await;
    assert_eq!(text(&alone, &last, "state.db.tables/tasks.jsonl").await, after);
}

#[tokio::test]
async fn files_of_the_repository_win() {
    let repo = Repo::new();
    repo.sqlite("x.db", TABLES);
    repo.sqlite("y.db", TABLES);
    repo.write("x.db.tables/own/file", "own\n");
    repo.write("y.db.tables", "own\n");
    repo.git(&["config", "core.symlinks", "true"]);
    std::os::unix::fs::symlink("x.db", repo.path.join("z.db")).unwrap();
    let commit = repo.commit("begin");
    assert_is_tree(&repo, &database(&repo.open()).await, &commit).await;
}

#[tokio::test]
async fn a_log_beside_a_database_counts() {
    let repo = Repo::new();
    let live = repo.folder.path().join("live.db");
    copy_in_use(TABLES, &live, &repo.path.join("copy.db"));
    let expected = sqlite(&live, "SELECT json_object('id', id, 'title', title) FROM tasks ORDER BY id");
    let wal = repo.path.join("copy.db-wal");
    let log = fs::read(&wal).expect("sqlite3 left a log");
    fs::remove_file(&wal).unwrap();
    let without = repo.commit("without the log");
    fs::write(&wal, log).unwrap();
    let with = repo.commit("with the log");
    let one = database(&repo.open()).await;
    let path = "copy.db.tables/tasks.jsonl";
    assert!(expected.contains("in the log"));
    assert_eq!(text(&one, &with, path).await, expected);
    assert!(!text(&one, &without, path).await.contains("in the log"));
    let (before, after) = (file(&one, &without, path).await, file(&one, &with, path).await);
    assert!(before.id != after.id && before.changed < after.changed);
    assert_eq!((before.links, after.links), (1, 1));
}
