//! Dumps, tars and packed SQL as snapshots, and databases within zips.

use super::*;
use crate::content::FileKind;

#[tokio::test]
async fn artefacts_of_one_tag_and_time_are_one_snapshot() {
    let folder = Folder::new();
    folder.copy(DUMP, "v0.1.0_20250910_143000.dump");
    folder.shell(
        "mkdir -p data/sub; echo a >data/sub/a.txt; ln -s a.txt data/sub/link; seq 1000 >data/many
         tar -czf v0.1.0_20250910_143000_minio.tar.gz data
         echo 'SELECT 1;' | gzip >v0.1.0_20250911_143000.sql.gz
         echo 'SELECT 2;' | gzip >v0.2.0_20250911_143000.sql.gz
         sha256sum v0.1.0_20250910_143000.dump >v0.1.0_20250910_143000.dump.sha256
         rm -r data",
    );
    let database = database(&folder.open()).await;
    assert_eq!(database.name(), "beads");
    let (newest, second, first) =
        ("v0.2.0 2025-09-11T14:30:00Z", "v0.1.0 2025-09-11T14:30:00Z", "v0.1.0 2025-09-10T14:30:00Z");
    assert_eq!(ids(&database), [newest, second, first]);
    let (timeline, tags) = (&database.history().timeline, &database.history().tags);
    assert_eq!(tags.keys().collect::<Vec<_>>(), ["v0.1.0", "v0.2.0"]);
    assert_eq!((&tags["v0.1.0"], &tags["v0.2.0"]), (&timeline[1].id, &timeline[0].id), "the newest counts");
    assert_eq!(timeline[2].message, "v0.1.0_20250910_143000.dump, v0.1.0_20250910_143000_minio.tar.gz");

    let listed = paths(&database, first).await;
    for path in ["app/parent.jsonl", "minio.tar.gz", "minio/data/sub/a.txt", "schema.sql", "toc.jsonl"] {
        assert!(listed.iter().any(|listed| listed == path), "{path}: {listed:?}");
    }
    assert_eq!(bytes(&database, first, "beads.dump").await, fs::read(DUMP).unwrap());
    let many = folder.shell("tar -xOzf v0.1.0_20250910_143000_minio.tar.gz data/many");
    assert_eq!(bytes(&database, first, "minio/data/many").await, many);
    let link = file(&database, first, "minio/data/sub/link").await;
    assert_eq!((link.kind, read(&link.content).await), (FileKind::Symlink, b"a.txt".to_vec()));
    assert_eq!(paths(&database, newest).await, ["beads.sql", "beads.sql.gz"]);
    assert_eq!(text(&database, newest, "beads.sql").await, "SELECT 2;\n");
}

#[tokio::test]
async fn what_cannot_be_opened_is_shown_by_its_bytes_and_says_so() {
    let folder = Folder::new();
    folder.write("a_20250910_143000.dump", &fs::read(DUMP).unwrap()[..60]);
    folder.write("b_20250910_143000.tar.gz", b"\x1f\x8b\x08\0broken");
    folder.write("c_20250910_143000.dump", "another program's");
    let expected = [("a.dump", Some("toc.jsonl")), ("b.tar.gz", Some("b")), ("c.dump", None)];
    for (database, (raw, broken)) in databases(&folder.open()).await.values().zip(expected) {
        let listed = paths(database, NEWEST).await;
        assert_eq!(listed.len(), 1 + usize::from(broken.is_some()), "{listed:?}");
        bytes(database, NEWEST, raw).await;
        if let Some(path) = broken {
            let error = failure(database, NEWEST, path).await;
            assert_says(&error, ErrorKind::Damaged, &[]);
            assert_hints(&error, &[]);
        }
    }
}

#[tokio::test]
async fn databases_within_zips_show_their_tables_beside_them() {
    let folder = Folder::new();
    folder.shell(
        "mkdir -p x/deep
         sqlite3 x/deep/state.db \"CREATE TABLE t(id INTEGER PRIMARY KEY, s TEXT); INSERT INTO t VALUES (1,'one')\"
         echo no database >x/fake.db
         sqlite3 x/taken.db 'CREATE TABLE t(a)'
         mkdir x/taken.db.tables; echo own >x/taken.db.tables/t.jsonl
         (cd x; zip -q -D -r ../2026-01-01T000000.zip .)
         rm -r x; cp 2026-01-01T000000.zip 2026-01-02T000000.zip",
    );
    let database = database(&folder.open()).await;
    let (first, second) = ("2026-01-01T000000.zip", "2026-01-02T000000.zip");
    assert_eq!(
        paths(&database, first).await,
        [
            "deep/state.db",
            "deep/state.db.tables/schema.sql",
            "deep/state.db.tables/t.jsonl",
            "fake.db",
            "taken.db",
            "taken.db.tables/t.jsonl"
        ]
    );
    assert_eq!(text(&database, first, "deep/state.db.tables/t.jsonl").await, "{\"id\":1,\"s\":\"one\"}\n");
    let own = text(&database, first, "taken.db.tables/t.jsonl").await;
    assert_eq!(own, "own\n", "never hidden by what we make");
    let schema = text(&database, first, "deep/state.db.tables/schema.sql").await;
    assert!(schema.contains("CREATE TABLE t(id INTEGER PRIMARY KEY, s TEXT);"), "{schema}");
    let said = folder.shell("unzip -p 2026-01-01T000000.zip deep/state.db");
    assert_eq!(bytes(&database, first, "deep/state.db").await, said);
    for (one, other) in files(&database, first).await.iter().zip(&*files(&database, second).await) {
        assert_eq!((one.id, one.links), (other.id, 2), "{}", one.path);
    }
}

/// More databases than copies of them are kept: the first one is unpacked once more when it is read.
#[tokio::test]
async fn a_database_within_a_zip_is_read_after_its_copy_was_dropped() {
    let folder = Folder::new();
    let days: Vec<String> = (1..=20).map(|day| format!("2026-01-{day:02}T000000.zip")).collect();
    for (number, name) in days.iter().enumerate() {
        let path = folder.path(&format!("{number}.db"));
        sqlite(&path, &format!("CREATE TABLE t(a); INSERT INTO t VALUES({number});"));
        folder.zip(name, &[], &[("state.db", &fs::read(&path).unwrap())]);
    }
    let database = database(&folder.open()).await;
    let mut tables = Vec::new();
    for name in &days {
        tables.push(file(&database, name, "state.db.tables/t.jsonl").await);
    }
    for (number, table) in tables.iter().enumerate() {
        assert_eq!(read(&table.content).await, format!("{{\"a\":{number}}}\n").into_bytes());
    }
}

/// pgAdmin's users call a dump in the custom format a tar: its first bytes say what it is.
#[tokio::test]
async fn a_dump_that_is_called_a_tar_shows_its_tables() {
    let folder = Folder::new();
    folder.copy(DUMP, "plain_20250910_143000.tar");
    folder.copy(DUMP, "packed_20250910_143000.tar");
    folder.shell("gzip packed_20250910_143000.tar");
    let databases = databases(&folder.open()).await;
    for name in ["plain", "packed"] {
        for path in ["app/parent.jsonl", "schema.sql"] {
            bytes(&databases[name], NEWEST, path).await;
        }
    }
}
