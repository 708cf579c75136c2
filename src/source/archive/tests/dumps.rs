//! Dumps, tars and packed SQL as snapshots, and databases within zips.

use super::*;

/// A dump that a real server's `pg_dump` wrote.
const DUMP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/format/tests/archives/pg16-gzip.dump");

fn paths(files: &[FileEntry]) -> Vec<&str> {
    files.iter().map(|file| &*file.path).collect()
}

async fn bytes(files: &[FileEntry], path: &str) -> Vec<u8> {
    let file = files.iter().find(|file| &*file.path == path).unwrap_or_else(|| panic!("no {path}"));
    read(&file.content).await.unwrap()
}

/// Runs a shell script in the folder of archives.
fn shell(folder: &Folder, script: &str) -> Vec<u8> {
    let output = run(Command::new("sh").args(["-ec", script]).current_dir(folder.archives()));
    assert!(output.status.success(), "{output:?}");
    output.stdout
}

#[tokio::test]
async fn artefacts_of_one_tag_and_time_are_one_snapshot() {
    let folder = Folder::new();
    fs::copy(DUMP, folder.archives().join("v0.1.0_20250910_143000.dump")).unwrap();
    shell(
        &folder,
        "mkdir -p data/sub; echo a >data/sub/a.txt; ln -s a.txt data/sub/link; seq 1000 >data/many
         tar -czf v0.1.0_20250910_143000_minio.tar.gz data
         echo 'SELECT 1;' | gzip >v0.1.0_20250911_143000.sql.gz
         echo 'SELECT 2;' | gzip >v0.2.0_20250911_143000.sql.gz
         sha256sum v0.1.0_20250910_143000.dump >v0.1.0_20250910_143000.dump.sha256
         rm -r data",
    );
    let database = database(&folder.open()).await;
    assert_eq!(database.name(), "beads");
    let first = "v0.1.0 2025-09-10T14:30:00Z";
    assert_eq!(ids(&database), ["v0.2.0 2025-09-11T14:30:00Z", "v0.1.0 2025-09-11T14:30:00Z", first]);
    let known_as = |id: &_| {
        let found = database.history().timeline.iter().find(|snapshot| snapshot.id == *id);
        found.and_then(|snapshot| snapshot.known_as.clone()).expect("a tag leads to a snapshot")
    };
    let tags: Vec<_> =
        database.history().tags.iter().map(|(tag, id)| (tag.as_str(), known_as(id).to_string())).collect();
    let expected = [("v0.1.0", "v0.1.0 2025-09-11T14:30:00Z"), ("v0.2.0", "v0.2.0 2025-09-11T14:30:00Z")];
    assert_eq!(tags, expected.map(|(tag, id)| (tag, id.to_owned())), "of one tag the newest counts");
    let message = &database.history().timeline[2].message;
    assert_eq!(message, "v0.1.0_20250910_143000.dump, v0.1.0_20250910_143000_minio.tar.gz");

    let files = files(&database, first).await.unwrap();
    let listed = paths(&files);
    for path in
        ["beads.dump", "minio.tar.gz", "minio/data/many", "minio/data/sub/a.txt", "schema.sql", "toc.jsonl"]
    {
        assert!(listed.contains(&path), "{path}: {listed:?}");
    }
    assert!(listed.contains(&"app/parent.jsonl"), "{listed:?}");
    assert_eq!(bytes(&files, "beads.dump").await, fs::read(DUMP).unwrap());
    let many = shell(&folder, "tar -xOzf v0.1.0_20250910_143000_minio.tar.gz data/many");
    assert_eq!(bytes(&files, "minio/data/many").await, many);
    let link = files.iter().find(|file| &*file.path == "minio/data/sub/link").expect("it is listed");
    assert_eq!(
        (link.kind, read(&link.content).await.unwrap()),
        (crate::content::FileKind::Symlink, b"a.txt".to_vec())
    );
    let later = self::files(&database, "v0.2.0 2025-09-11T14:30:00Z").await.unwrap();
    assert_eq!(paths(&later), ["beads.sql", "beads.sql.gz"]);
    assert_eq!(bytes(&later, "beads.sql").await, b"SELECT 2;\n");
}

#[tokio::test]
async fn what_cannot_be_opened_is_shown_by_its_bytes_and_says_so() {
    let folder = Folder::new();
    let dump = fs::read(DUMP).unwrap();
    folder.write("a_20250910_143000.dump", &dump[..60]);
    folder.write("b_20250910_143000.tar.gz", b"\x1f\x8b\x08\0broken");
    folder.write("c_20250910_143000.dump", "another program's");
    let databases = databases(&folder.open()).await;
    for (database, expected) in
        databases.iter().zip([&["a.dump", "toc.jsonl"][..], &["b", "b.tar.gz"], &["c.dump"]])
    {
        let files = files(database, ids(database)[0]).await.unwrap();
        assert_eq!(paths(&files), expected);
        for file in files.iter() {
            let is_raw = file.path.contains(".dump") || file.path.contains(".tar");
            let outcome = read(&file.content).await;
            assert_eq!(outcome.is_ok(), is_raw, "{}", file.path);
            if let Err(error) = outcome {
                assert_eq!(error.kind, crate::content::ErrorKind::Damaged, "{}", error.chain());
                assert!(error.hint.is_some());
            }
        }
    }
}

#[tokio::test]
async fn databases_within_zips_show_their_tables_beside_them() {
    let folder = Folder::new();
    shell(
        &folder,
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
    let (before, after) = (files(&database, first).await.unwrap(), files(&database, second).await.unwrap());
    assert_eq!(
        paths(&before),
        [
            "deep/state.db",
            "deep/state.db.tables/schema.sql",
            "deep/state.db.tables/t.jsonl",
            "fake.db",
            "taken.db",
            "taken.db.tables/t.jsonl"
        ]
    );
    assert_eq!(bytes(&before, "deep/state.db.tables/t.jsonl").await, b"{\"id\":1,\"s\":\"one\"}\n");
    assert_eq!(bytes(&before, "taken.db.tables/t.jsonl").await, b"own\n", "never hidden by what we make");
    let schema = String::from_utf8(bytes(&before, "deep/state.db.tables/schema.sql").await).unwrap();
    assert!(schema.contains("CREATE TABLE t(id INTEGER PRIMARY KEY, s TEXT);"), "{schema}");
    let said = shell(&folder, "unzip -p 2026-01-01T000000.zip deep/state.db");
    assert_eq!(bytes(&before, "deep/state.db").await, said);
    for (one, other) in before.iter().zip(after.iter()) {
        assert_eq!((one.id, one.links), (other.id, 2), "{}", one.path);
    }
}

/// More databases than copies of them are kept: the first one is unpacked once more when it is read.
#[tokio::test]
async fn a_database_within_a_zip_is_read_after_its_copy_was_dropped() {
    let folder = Folder::new();
    let days: Vec<String> = (1..=20).map(|day| format!("2026-01-{day:02}T000000.zip")).collect();
    for (number, name) in days.iter().enumerate() {
        let path = folder.path("state.db");
        let _ = fs::remove_file(&path);
        let script = format!("CREATE TABLE t(a); INSERT INTO t VALUES({number});");
        let output = run(Command::new("sqlite3").arg("-bail").arg(&path).arg(script));
        assert!(output.status.success(), "{output:?}");
        folder.zip(name, &[], &[("state.db", &fs::read(&path).unwrap())]);
    }
    let database = database(&folder.open()).await;
    let mut tables = Vec::new();
    for name in &days {
        let files = files(&database, name).await.unwrap();
        tables.push(files.iter().find(|file| &*file.path == "state.db.tables/t.jsonl").unwrap().clone());
    }
    for (number, table) in tables.iter().enumerate() {
        assert_eq!(read(&table.content).await.unwrap(), format!("{{\"a\":{number}}}\n").into_bytes());
    }
}

/// pgAdmin's users call a dump in the custom format a tar: its first bytes say what it is.
#[tokio::test]
async fn a_dump_that_is_called_a_tar_shows_its_tables() {
    let folder = Folder::new();
    fs::copy(DUMP, folder.archives().join("plain_20250910_143000.tar")).unwrap();
    fs::copy(DUMP, folder.archives().join("packed_20250910_143000.tar")).unwrap();
    shell(&folder, "gzip packed_20250910_143000.tar");
    for name in ["plain", "packed"] {
        let found = databases(&folder.open()).await;
        let database = found.into_iter().find(|database| database.name() == name).expect("it is there");
        let id = database.history().timeline[0].id.clone();
        let files = database.files(&id).await.unwrap();
        let listed = paths(&files);
        assert!(listed.contains(&"app/parent.jsonl") && listed.contains(&"schema.sql"), "{listed:?}");
    }
}
