//! SQLite files as snapshots.

use super::*;

const TABLES: &str = "CREATE TABLE tasks(id INTEGER PRIMARY KEY, title TEXT); CREATE TABLE agents(name TEXT);
    INSERT INTO tasks VALUES (1,'one'),(2,'two'); INSERT INTO agents VALUES ('a');";

const NAME: &str = "state-2026-01-21-200000.db";

#[tokio::test]
async fn a_database_is_its_tables_its_schema_and_its_bytes() {
    let folder = Folder::new();
    sqlite(&folder.at(NAME), TABLES);
    let database = database(&folder.open()).await;
    assert_eq!(database.name(), "state");
    assert_eq!(paths(&database, NAME).await, ["agents.jsonl", "schema.sql", "state.db", "tasks.jsonl"]);
    let rows = text(&database, NAME, "tasks.jsonl").await;
    assert_eq!(rows, "{\"id\":1,\"title\":\"one\"}\n{\"id\":2,\"title\":\"two\"}\n");
    assert!(text(&database, NAME, "schema.sql").await.contains("CREATE TABLE tasks"));
    assert_eq!(bytes(&database, NAME, "state.db").await, fs::read(folder.at(NAME)).unwrap());
}

#[tokio::test]
async fn rows_that_are_still_in_the_write_ahead_log_count() {
    let folder = Folder::new();
    copy_in_use(TABLES, &folder.path("live.db"), &folder.at(NAME));
    let source = folder.open();
    let with_log = file(&database(&source).await, NAME, "tasks.jsonl").await;
    assert!(String::from_utf8(read(&with_log.content).await).unwrap().contains("in the log"));
    fs::remove_file(folder.at(&format!("{NAME}-wal"))).unwrap();
    let without = file(&database(&source).await, NAME, "tasks.jsonl").await;
    let rows = String::from_utf8(read(&without.content).await).unwrap();
    assert!(!rows.contains("in the log"), "the rows of the log are gone with the log");
    assert_ne!(with_log.id, without.id);
    assert_eq!(folder.shell("ls -A"), format!("{NAME}\n").as_bytes(), "nothing is created beside it");
}

#[tokio::test]
async fn a_damaged_database_shows_its_bytes_and_says_what_is_wrong() {
    let folder = Folder::new();
    sqlite(&folder.at(NAME), TABLES);
    let mut damaged = fs::read(folder.at(NAME)).unwrap();
    damaged[100..200].fill(0xff);
    folder.write(NAME, &damaged);
    let database = database(&folder.open()).await;
    assert_eq!(paths(&database, NAME).await, ["schema.sql", "state.db"]);
    let error = failure(&database, NAME, "schema.sql").await;
    assert_says(&error, ErrorKind::Damaged, &[]);
    assert_hints(&error, &[]);
    assert_eq!(bytes(&database, NAME, "state.db").await, damaged);
}

#[tokio::test]
async fn a_file_that_is_only_named_like_a_database_is_shown_as_its_bytes() {
    let folder = Folder::new();
    folder.write(NAME, "no database at all");
    assert_eq!(text(&database(&folder.open()).await, NAME, "state.db").await, "no database at all");
}

#[tokio::test]
async fn a_database_that_is_one_file_has_a_dump() {
    let folder = Folder::new();
    let (second, third) = ("state-2026-01-22-200000.db", "state-2026-01-23-200000.db");
    sqlite(&folder.at(NAME), TABLES);
    folder.copy(folder.at(NAME), second);
    folder.copy(folder.at(NAME), third);
    sqlite(&folder.at(third), "INSERT INTO tasks VALUES (3,'three')");
    folder.write("notes-2026-01-21-200000.jsonl", "{\"a\":1}\n");
    let databases = databases(&folder.open()).await;
    let (notes, state) = (&databases["notes"], &databases["state"]);
    let id = &notes.history().timeline[0].id;
    assert!(!notes.dumps_sql(id) && notes.sql_dump(id).await.unwrap().is_none());
    let mut dumps = Vec::new();
    for meta in state.history().timeline.iter().rev() {
        assert!(state.dumps_sql(&meta.id));
        dumps.push(state.sql_dump(&meta.id).await.unwrap().expect("it is one SQLite file"));
    }
    assert_eq!((dumps[0].id, dumps[0].changed, dumps[0].links), (dumps[1].id, dumps[1].changed, 2));
    assert_ne!(dumps[0].id, dumps[2].id);
    assert!(dumps[2].changed > dumps[0].changed);
    let dump = String::from_utf8(read(&dumps[2].content).await).unwrap();
    assert!(dump.contains("INSERT INTO \"tasks\" VALUES(3,'three');\n"), "{dump}");
}
