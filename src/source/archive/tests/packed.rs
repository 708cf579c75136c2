//! Files that are packed as a whole, and tars that are damaged, as snapshots.

use super::*;
use crate::content::ErrorKind;
use crate::source::verify::{Progress, Severity};

/// A dump that a real server's `pg_dump` wrote.
const DUMP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/format/tests/archives/pg16-gzip.dump");

fn paths(files: &[FileEntry]) -> Vec<&str> {
    files.iter().map(|file| &*file.path).collect()
}

async fn bytes(files: &[FileEntry], path: &str) -> Vec<u8> {
    let file = files.iter().find(|file| &*file.path == path).unwrap_or_else(|| panic!("no {path}"));
    read(&file.content).await.unwrap_or_else(|error| panic!("{path}: {}", error.chain()))
}

fn shell(folder: &Folder, script: &str) {
    let output = run(Command::new("sh").args(["-ec", script]).current_dir(folder.archives()));
    assert!(output.status.success(), "{output:?}");
}

/// Severities and problems of all that a check of the only database finds.
async fn found(source: &ArchiveSource) -> Vec<(Severity, String)> {
    let database = database(source).await;
    let verdict =
        database.verify(&Progress::default()).await.unwrap_or_else(|error| panic!("{}", error.chain()));
    verdict.findings.into_iter().map(|finding| (finding.severity, finding.problem)).collect()
}

#[tokio::test]
async fn packed_exports_dumps_and_databases_show_what_is_in_them() {
    for (pack, end) in [("gzip", "gz"), ("bzip2", "bz2"), ("xz", "xz"), ("zstd", "zst")] {
        let folder = Folder::new();
        fs::copy(DUMP, folder.archives().join("shop")).unwrap();
        shell(
            &folder,
            &format!(
                "printf '%s\\n' '{{\"id\":1}}' '{{\"id\":2}}' | {pack} -c >a-20260101-0000.jsonl.{end}
                 printf '%s' '{{\"rows\":[{{\"id\":1}}]}}' | {pack} -c >b-20260101-0000.jsonl.{end}
                 {pack} -c <shop >c-20260101-0000.dump.{end}; rm shop
                 sqlite3 x \"CREATE TABLE t(id INTEGER PRIMARY KEY, s TEXT); INSERT INTO t VALUES (1,'one')\"
                 {pack} -c <x >d-20260101-0000.db.{end}; rm x
                 echo no database | {pack} -c >e-20260101-0000.db.{end}"
            ),
        );
        let databases = databases(&folder.open()).await;
        assert_eq!(names(&databases), ["a", "b", "c", "d", "e"]);
        let mut all = Vec::new();
        for database in &databases {
            all.push(files(database, ids(database)[0]).await.unwrap());
        }
        let [a, b, c, d, e] = &all[..] else { panic!("five databases") };
        assert_eq!(paths(a), [&*format!("a.jsonl.{end}"), "issues.jsonl"]);
        assert_eq!(bytes(a, "issues.jsonl").await, b"{\"id\":1}\n{\"id\":2}\n");
        assert_eq!(bytes(b, "issues.jsonl").await, b"{\"id\":1}\n");
        let packed = bytes(b, &format!("b.jsonl.{end}")).await;
        assert_eq!(packed, fs::read(folder.archives().join(format!("b-20260101-0000.jsonl.{end}"))).unwrap());
        assert!(paths(c).contains(&"schema.sql") && paths(c).contains(&"toc.jsonl"), "{:?}", paths(c));
        assert_eq!(bytes(c, "c.dump").await, fs::read(DUMP).unwrap());
        assert!(!bytes(c, "app/parent.jsonl").await.is_empty());
        assert_eq!(paths(d), ["d.db", &*format!("d.db.{end}"), "schema.sql", "t.jsonl"]);
        assert_eq!(bytes(d, "t.jsonl").await, b"{\"id\":1,\"s\":\"one\"}\n");
        assert!(bytes(d, "d.db").await.starts_with(b"SQLite format 3\0"));
        assert_eq!(paths(e), ["e.db", &*format!("e.db.{end}")]);
    }
}

#[tokio::test]
async fn damaged_packed_files_say_so_in_the_place_of_what_is_in_them() {
    let folder = Folder::new();
    shell(
        &folder,
        "seq 1000 | sed 's/.*/{\"id\":&}/' | gzip -c | head -c 1000 >a-20260101-0000.jsonl.gz
         seq 1000 | gzip -c | head -c 1000 >b-20260101-0000.dump.gz
         seq 1000 | gzip -c | head -c 1000 >c-20260101-0000.db.gz",
    );
    for (database, broken) in databases(&folder.open()).await.iter().zip([
        &["issues.jsonl"][..],
        &["b.dump", "toc.jsonl"],
        &["c.db", "schema.sql"],
    ]) {
        let files = files(database, ids(database)[0]).await.unwrap();
        for file in files.iter() {
            let outcome = read(&file.content).await;
            assert_eq!(outcome.is_err(), broken.contains(&&*file.path), "{}", file.path);
            let kind = outcome.err().map(|error| error.kind);
            assert!(kind.is_none_or(|kind| kind == ErrorKind::Damaged), "{}: {kind:?}", file.path);
        }
        assert_eq!(files.len(), broken.len() + 1);
    }
}

/// What is packed in a way that is not read may be sound.
#[tokio::test]
async fn what_cannot_be_unpacked_is_no_damage() {
    let folder = Folder::new();
    folder.write("a-20260101-0000.tar.Z", b"\x1f\x9d\x90and so on");
    folder.write("b-20260101-0000.sql.z", b"\x1f\x9d\x90and so on");
    folder.write("c-20260101-0000.tar", b"\x89LZO\0\r\n\x1a\nand so on");
    for (database, path) in databases(&folder.open()).await.iter().zip(["a", "b.sql", "c"]) {
        let files = files(database, ids(database)[0]).await.unwrap();
        let file =
            files.iter().find(|file| &*file.path == path).unwrap_or_else(|| panic!("{:?}", paths(&files)));
        let error = read(&file.content).await.expect_err("no crate unpacks it");
        assert_eq!(error.kind, ErrorKind::Unsupported, "{}", error.chain());
        assert!(error.chain().contains("not read"), "{}", error.chain());
    }
}

/// Members before the damage are there, and something that cannot be read: a mirror must not take the rest for deleted.
#[tokio::test]
async fn a_damaged_tar_shows_what_is_before_the_damage() {
    let folder = Folder::new();
    shell(
        &folder,
        "echo one >a; head -c 3000 /dev/zero >b; echo two >c; tar -b 1 -cf whole a b c
         (head -c 4608 whole; printf x; tail -c +4610 whole) >d-20260101-0000.tar
         head -c 2000 whole >e-20260101-0000.tar; rm a b c whole",
    );
    for (database, expected) in databases(&folder.open())
        .await
        .iter()
        .zip([&["d.tar", "d/%damaged", "d/a", "d/b"][..], &["e.tar", "e/a", "e/b"]])
    {
        let files = files(database, ids(database)[0]).await.unwrap();
        assert_eq!(paths(&files), expected);
        assert_eq!(bytes(&files, expected[expected.len() - 2]).await, b"one\n");
        let broken = if expected.len() == 4 { "d/%damaged" } else { "e/b" };
        let broken = files.iter().find(|file| &*file.path == broken).expect("it is listed");
        let error = read(&broken.content).await.expect_err("it is damaged");
        assert_eq!(error.kind, ErrorKind::Damaged, "{}", error.chain());
    }
}

#[tokio::test]
async fn a_check_of_a_tar_says_what_is_not_proven() {
    for (script, expected) in [
        ("tar -cf $F a", vec![]),
        ("tar -cf - a | head -c 1024 >$F", vec![(Severity::Unchecked, "no end mark")]),
        ("tar -cf $F a; cat $F $F >x; mv x $F", vec![(Severity::Note, "bytes after the end")]),
        ("mkfifo p; tar -cf $F p a", vec![(Severity::Note, "a named pipe")]),
        ("tar -cf - a | gzip -c >$F; echo junk >>$F", vec![(Severity::Unchecked, "not packed follow")]),
    ] {
        let folder = Folder::new();
        shell(&folder, &format!("F=x-20260101-0000.tar; echo one >a; {script}; rm a; rm -f p"));
        let findings = found(&folder.open()).await;
        assert_eq!(findings.len(), expected.len(), "{script}: {findings:?}");
        for ((severity, problem), (expected, part)) in findings.into_iter().zip(expected) {
            assert!(severity == expected && problem.contains(part), "{script}: {severity:?} {problem}");
        }
    }
}
