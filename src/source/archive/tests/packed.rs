//! Files that are packed as a whole, and tars that are damaged, as snapshots.

use super::*;
use crate::source::verify::Severity;

#[tokio::test]
async fn packed_exports_dumps_and_databases_show_what_is_in_them() {
    for (pack, end) in [("gzip", "gz"), ("bzip2", "bz2"), ("xz", "xz"), ("zstd", "zst")] {
        let folder = Folder::new();
        folder.copy(DUMP, "shop");
        folder.shell(&format!(
            "printf '%s\\n' '{{\"id\":1}}' '{{\"id\":2}}' | {pack} -c >a-20260101-0000.jsonl.{end}
             printf '%s' '{{\"rows\":[{{\"id\":1}}]}}' | {pack} -c >b-20260101-0000.jsonl.{end}
             {pack} -c <shop >c-20260101-0000.dump.{end}; rm shop
             sqlite3 x \"CREATE TABLE t(id INTEGER PRIMARY KEY, s TEXT); INSERT INTO t VALUES (1,'one')\"
             {pack} -c <x >d-20260101-0000.db.{end}; rm x
             echo no database | {pack} -c >e-20260101-0000.db.{end}"
        ));
        let databases = databases(&folder.open()).await;
        assert_eq!(names(&databases), ["a", "b", "c", "d", "e"]);
        let [a, b, c, d, e] = ["a", "b", "c", "d", "e"].map(|name| &databases[name]);
        assert_eq!(paths(a, NEWEST).await, [&*format!("a.jsonl.{end}"), "issues.jsonl"]);
        assert_eq!(text(a, NEWEST, "issues.jsonl").await, "{\"id\":1}\n{\"id\":2}\n");
        assert_eq!(text(b, NEWEST, "issues.jsonl").await, "{\"id\":1}\n");
        let packed = fs::read(folder.at(&format!("b-20260101-0000.jsonl.{end}"))).unwrap();
        assert_eq!(bytes(b, NEWEST, &format!("b.jsonl.{end}")).await, packed);
        assert!(paths(c, NEWEST).await.iter().any(|path| path == "schema.sql"));
        assert!(!text(c, NEWEST, "toc.jsonl").await.is_empty());
        assert!(!text(c, NEWEST, "app/parent.jsonl").await.is_empty());
        assert_eq!(bytes(c, NEWEST, "c.dump").await, fs::read(DUMP).unwrap());
        assert_eq!(paths(d, NEWEST).await, ["d.db", &*format!("d.db.{end}"), "schema.sql", "t.jsonl"]);
        assert_eq!(text(d, NEWEST, "t.jsonl").await, "{\"id\":1,\"s\":\"one\"}\n");
        assert!(bytes(d, NEWEST, "d.db").await.starts_with(b"SQLite format 3\0"));
        assert_eq!(paths(e, NEWEST).await, ["e.db", &*format!("e.db.{end}")]);
    }
}

#[tokio::test]
async fn damaged_packed_files_say_so_in_the_place_of_what_is_in_them() {
    let folder = Folder::new();
    folder.shell(
        "seq 1000 | sed 's/.*/{\"id\":&}/' | gzip -c | head -c 1000 >a-20260101-0000.jsonl.gz
         seq 1000 | gzip -c | head -c 1000 >b-20260101-0000.dump.gz
         seq 1000 | gzip -c | head -c 1000 >c-20260101-0000.db.gz",
    );
    let broken = [&["issues.jsonl"][..], &["b.dump", "toc.jsonl"], &["c.db", "schema.sql"]];
    for (database, broken) in databases(&folder.open()).await.values().zip(broken) {
        let files = files(database, NEWEST).await;
        for file in files.iter() {
            let kind = try_read(&file.content).await.err().map(|error| error.kind);
            let expected = broken.contains(&&*file.path).then_some(ErrorKind::Damaged);
            assert_eq!(kind, expected, "{}", file.path);
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
    for (database, path) in databases(&folder.open()).await.values().zip(["a", "b.sql", "c"]) {
        assert_says(&failure(database, NEWEST, path).await, ErrorKind::Unsupported, &["not read"]);
    }
}

/// Members before the damage are there, and something that cannot be read: a mirror must not take the rest for deleted.
#[tokio::test]
async fn a_damaged_tar_shows_what_is_before_the_damage() {
    let folder = Folder::new();
    folder.shell(
        "echo one >a; head -c 3000 /dev/zero >b; echo two >c; tar -b 1 -cf whole a b c
         (head -c 4608 whole; printf x; tail -c +4610 whole) >d-20260101-0000.tar
         head -c 2000 whole >e-20260101-0000.tar; rm a b c whole",
    );
    let expected = [
        (&["d.tar", "d/%damaged", "d/a", "d/b"][..], "d/a", "d/%damaged"),
        (&["e.tar", "e/a", "e/b"], "e/a", "e/b"),
    ];
    for (database, (listed, whole, broken)) in databases(&folder.open()).await.values().zip(expected) {
        assert_eq!(paths(database, NEWEST).await, listed);
        assert_eq!(text(database, NEWEST, whole).await, "one\n");
        assert_says(&failure(database, NEWEST, broken).await, ErrorKind::Damaged, &[]);
    }
}

#[tokio::test]
async fn a_check_of_a_tar_says_what_is_not_proven() {
    for (script, expected) in [
        ("tar -cf $F a", None),
        ("tar -cf - a | head -c 1024 >$F", Some((Severity::Unchecked, "no end mark"))),
        ("tar -cf $F a; cat $F $F >x; mv x $F", Some((Severity::Note, "bytes after the end"))),
        ("mkfifo p; tar -cf $F p a", Some((Severity::Note, "a named pipe"))),
        ("tar -cf - a | gzip -c >$F; echo junk >>$F", Some((Severity::Unchecked, "not packed follow"))),
    ] {
        let folder = Folder::new();
        folder.shell(&format!("F=x-20260101-0000.tar; echo one >a; {script}; rm a; rm -f p"));
        let findings = verdict(&database(&folder.open()).await).await.findings;
        assert_eq!(findings.len(), usize::from(expected.is_some()), "{script}: {findings:?}");
        for (finding, (severity, problem)) in findings.iter().zip(expected) {
            assert!(
                finding.severity == severity && finding.problem.contains(problem),
                "{script}: {finding:?}"
            );
        }
    }
}
