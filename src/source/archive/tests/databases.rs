//! SQLite files as snapshots.

use super::*;

/// Runs SQL by the `sqlite3` program on a file of the folder.
fn sqlite(folder: &Folder, name: &str, sql: &str) {
    let output = run(Command::new("sqlite3").arg("-bail").arg(folder.archives().join(name)).arg(sql));
    assert!(output.status.success(), "{output:?}");
}

const TABLES: &str = "CREATE TABLE tasks(id INTEGER PRIMARY KEY, title TEXT); CREATE TABLE agents(name TEXT);
    INSERT INTO tasks VALUES (1,'one'),(2,'two'); INSERT INTO agents VALUES ('a');";

fn paths(files: &[FileEntry]) -> Vec<&str> {
    files.iter().map(|file| &*file.path).collect()
}

async fn text(files: &[FileEntry], path: &str) -> String {
    let file = files.iter().find(|file| &*file.path == path).unwrap_or_else(|| panic!("no {path}"));
    String::from_utf8(read(&file.content).await.unwrap()).unwrap()
}

#[tokio::test]
async fn a_database_is_its_tables_its_schema_and_its_bytes() {
    let folder = Folder::new();
    let name = "state-2026-01-21-200000.db";
    sqlite(&folder, name, TABLES);
    let database = database(&folder.open()).await;
    assert_eq!(database.name(), "state");
    let files = files(&database, name).await.unwrap();
    assert_eq!(paths(&files), ["agents.jsonl", "schema.sql", "state.db", "tasks.jsonl"]);
    assert_eq!(
        text(&files, "tasks.jsonl").await,
        "{\"id\":1,\"title\":\"one\"}\n{\"id\":2,\"title\":\"two\"}\n"
    );
    assert!(text(&files, "schema.sql").await.contains("CREATE TABLE tasks"));
    let raw = fs::read(folder.archives().join(name)).unwrap();
    assert_eq!(read(&files[2].content).await.unwrap(), raw);
}

#[tokio::test]
async fn a_table_that_did_not_change_is_one_file_in_both_snapshots() {
    let folder = Folder::new();
    let (first, second) = ("state-2026-01-21-200000.db", "state-2026-01-22-200000.db");
    sqlite(&folder, first, TABLES);
    fs::copy(folder.archives().join(first), folder.archives().join(second)).unwrap();
    sqlite(&folder, second, "INSERT INTO tasks VALUES (3,'three')");
    let database = database(&folder.open()).await;
    let (before, after) = (files(&database, first).await.unwrap(), files(&database, second).await.unwrap());
    let ids = |files: &[FileEntry]| {
        files.iter().map(|f| (f.path.to_string(), (f.id, f.changed, f.links))).collect::<Vec<_>>()
    };
    for (one, other) in ids(&before).into_iter().zip(ids(&after)) {
        let is_same = matches!(&*one.0, "agents.jsonl" | "schema.sql");
        assert_eq!(one == other, is_same, "{one:?} {other:?}");
        assert_eq!(one.1.2, if is_same { 2 } else { 1 }, "{one:?}");
    }
}

#[tokio::test]
async fn rows_that_are_still_in_the_log_beside_it_count() {
    let folder = Folder::new();
    let name = "state-2026-01-21-200000.db";
    let live = folder.path("live.db");
    let script = format!(
        "PRAGMA journal_mode=WAL; {TABLES} PRAGMA wal_checkpoint(TRUNCATE); INSERT INTO tasks VALUES (3,'in the log');\n\
         .system cp {0} {1}\n\
         .system cp {0}-wal {1}-wal\n",
        live.display(),
        folder.archives().join(name).display()
    );
    let mut shell = Command::new("sqlite3");
    shell.arg(&live).stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::null());
    let mut child = shell.spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), script.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());

    let source = folder.open();
    let with_log = database(&source).await;
    let before = files(&with_log, name).await.unwrap();
    assert!(text(&before, "tasks.jsonl").await.contains("in the log"));
    fs::remove_file(folder.archives().join(format!("{name}-wal"))).unwrap();
    let without = database(&source).await;
    let after = files(&without, name).await.unwrap();
    assert!(
        !text(&after, "tasks.jsonl").await.contains("in the log"),
        "the log is gone, and its rows with it"
    );
    let id = |files: &[FileEntry]| files.iter().find(|f| &*f.path == "tasks.jsonl").unwrap().id;
    assert_ne!(id(&before), id(&after));
    let mut left: Vec<_> = fs::read_dir(folder.archives()).unwrap().map(|e| e.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, [name], "nothing is made beside it");
}

#[tokio::test]
async fn a_damaged_database_shows_its_bytes_and_says_what_is_wrong() {
    let folder = Folder::new();
    let name = "state-2026-01-21-200000.db";
    sqlite(&folder, name, TABLES);
    let path = folder.archives().join(name);
    let mut bytes = fs::read(&path).unwrap();
    bytes[100..200].fill(0xff);
    fs::write(&path, &bytes).unwrap();
    let database = database(&folder.open()).await;
    let files = files(&database, name).await.unwrap();
    assert_eq!(paths(&files), ["schema.sql", "state.db"]);
    let error = read(&files[0].content).await.unwrap_err();
    assert_eq!(error.kind, crate::content::ErrorKind::Damaged, "{}", error.chain());
    assert!(error.hint.is_some());
    assert_eq!(read(&files[1].content).await.unwrap(), bytes);
}

#[tokio::test]
async fn what_only_is_called_a_database_is_shown_as_it_is() {
    let folder = Folder::new();
    folder.write("state-2026-01-21-200000.db", "no database at all");
    assert_eq!(read_newest(&folder.open(), "state.db").await.unwrap(), b"no database at all");
}

#[tokio::test]
async fn a_database_that_is_one_file_has_a_dump() {
    let folder = Folder::new();
    let (first, second, third) =
        ("state-2026-01-21-200000.db", "state-2026-01-22-200000.db", "state-2026-01-23-200000.db");
    sqlite(&folder, first, TABLES);
    fs::copy(folder.archives().join(first), folder.archives().join(second)).unwrap();
    fs::copy(folder.archives().join(first), folder.archives().join(third)).unwrap();
    sqlite(&folder, third, "INSERT INTO tasks VALUES (3,'three')");
    folder.write("notes-2026-01-21-200000.jsonl", "{\"a\":1}\n");
    let databases = folder.open().poll().await.unwrap().unwrap();
    let named = |name: &str| databases.iter().find(|database| database.name() == name).unwrap();
    let notes = id_of(named("notes"), "notes-2026-01-21-200000.jsonl");
    assert!(!named("notes").dumps_sql(&notes) && named("notes").sql_dump(&notes).await.unwrap().is_none());
    let mut dumps = Vec::new();
    for name in [first, second, third] {
        let id = id_of(named("state"), name);
        assert!(named("state").dumps_sql(&id));
        dumps.push(named("state").sql_dump(&id).await.unwrap().expect("it is one SQLite file"));
    }
    assert_eq!((dumps[0].id, dumps[0].changed, dumps[0].links), (dumps[1].id, dumps[1].changed, 2));
    assert_ne!(dumps[0].id, dumps[2].id);
    assert!(dumps[2].changed > dumps[0].changed);
    let text = String::from_utf8(read(&dumps[2].content).await.unwrap()).unwrap();
    assert!(text.contains("INSERT INTO \"tasks\" VALUES(3,'three');\n"), "{text}");
}
