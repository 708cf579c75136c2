//! Dumps, tars, zips and packed files in commits, against the programs that made them.

use super::*;

/// A dump that a real server's `pg_dump` wrote.
const DUMP: &[u8] = include_bytes!("../../../format/tests/archives/pg16-gzip.dump");

/// Paths and bytes of the files below a folder, without the folder.
async fn below(
    database: &Arc<dyn Database>,
    commit: &str,
    folder: &str,
) -> BTreeMap<String, (FileKind, Vec<u8>)> {
    let mut found = BTreeMap::new();
    for file in files(database, commit).await.iter() {
        if let Some(path) = file.path.strip_prefix(folder).and_then(|path| path.strip_prefix('/')) {
            found.insert(path.to_owned(), (file.kind, read(&file.content).await));
        }
    }
    found
}

/// One of each format, plain and packed.
fn varied() -> Repo {
    let repo = Repo::new();
    repo.write("backup/db.dump", DUMP);
    repo.sqlite("state.db", "CREATE TABLE t(id INTEGER PRIMARY KEY, s TEXT); INSERT INTO t VALUES (1,'one')");
    repo.shell(
        "mkdir -p in/sub; echo a >in/sub/a.txt; ln -s a.txt in/sub/link; seq 1000 >in/many; chmod +x in/many
        cp state.db in/inner.db
        tar -cf plain.tar -C in .; tar -czf packed.tgz -C in .; tar -cJf packed.tar.xz -C in .; (cd in; zip -qry ../z.zip .)
        echo 'SELECT 1;' | gzip >old.sql.gz; zstd -q -c backup/db.dump >db.dump.zst; xz -c state.db >state.db.xz
        printf '{\"id\":1}\\n' | gzip >rows.jsonl.gz; rm -r in",
    );
    repo
}

#[tokio::test]
async fn what_is_in_a_file_is_shown_beside_it_loose_and_packed() {
    let repo = varied();
    let commit = repo.commit("begin");
    for packing in [&["count-objects"][..], &["gc", "-q"]] {
        repo.git(packing);
        let one = database(&repo.open()).await;
        let tables = below(&one, &commit, "backup/db.dump.tables").await;
        for path in ["app/parent.jsonl", "schema.sql", "toc.jsonl"] {
            assert!(tables.contains_key(path), "{path}: {:?}", tables.keys());
        }
        assert_eq!(below(&one, &commit, "db.dump.zst.tables").await, tables);
        assert_eq!(bytes(&one, &commit, "db.dump.zst.unpacked/db.dump").await, DUMP);

        let members = below(&one, &commit, "plain.tar.members").await;
        assert_eq!(members.keys().collect::<Vec<_>>(), ["inner.db", "many", "sub/a.txt", "sub/link"]);
        assert_eq!(members["many"], (FileKind::Executable, repo.shell("tar -xOf plain.tar ./many")));
        assert_eq!(members["sub/link"], (FileKind::Symlink, b"a.txt".to_vec()));
        for name in ["packed.tgz", "packed.tar.xz"] {
            assert_eq!(below(&one, &commit, &format!("{name}.members")).await, members, "{name}");
        }
        let mut zipped = below(&one, &commit, "z.zip.members").await;
        let table = zipped.remove("inner.db.tables/t.jsonl").expect("a database within a zip has its tables");
        assert_eq!(table.1, b"{\"id\":1,\"s\":\"one\"}\n");
        assert!(zipped.remove("inner.db.tables/schema.sql").is_some());
        assert_eq!(zipped, members);

        assert_eq!(text(&one, &commit, "old.sql.gz.unpacked/old.sql").await, "SELECT 1;\n");
        assert_eq!(text(&one, &commit, "rows.jsonl.gz.unpacked/rows.jsonl").await, "{\"id\":1}\n");
        let database = below(&one, &commit, "state.db.tables").await;
        assert_eq!(below(&one, &commit, "state.db.xz.tables").await, database);
        let unpacked = bytes(&one, &commit, "state.db.xz.unpacked/state.db").await;
        assert_eq!(unpacked, bytes(&one, &commit, "state.db").await);
    }
}

#[tokio::test]
async fn the_hash_of_the_blob_and_the_commit_that_brought_it_are_the_identity() {
    let repo = varied();
    let first = repo.commit("begin");
    let unrelated = repo.change("notes", "n\n");
    repo.shell("mkdir in; echo other >in/many; tar -cf plain.tar -C in .; rm -r in");
    let last = repo.commit("another tar");
    let one = database(&repo.open()).await;
    let other = database(&open(&repo.cloned(&[], "clone"))).await;
    for (raw, folder) in [
        ("plain.tar", "members/many"),
        ("backup/db.dump", "tables/app/parent.jsonl"),
        ("old.sql.gz", "unpacked/old.sql"),
    ] {
        let path = format!("{raw}.{folder}");
        let mut ids = Vec::new();
        for commit in [&first, &unrelated, &last] {
            let (shown, raw) = (file(&one, commit, &path).await, file(&one, commit, raw).await);
            assert_eq!((shown.changed, shown.links), (raw.changed, raw.links), "{path} in {commit}");
            assert_eq!(shown.id, file(&other, commit, &path).await.id, "{path} in a clone");
            ids.push(shown.id);
        }
        assert_eq!(ids[0], ids[1], "{path}");
        assert_eq!(ids[0] == ids[2], raw != "plain.tar", "{path}");
    }
}

/// Whatever a file is called: its first bytes decide, since names mean little in a repository.
#[tokio::test]
async fn what_only_has_the_name_is_shown_as_its_bytes() {
    let repo = Repo::new();
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 12345\n";
    for end in ["tar", "tgz", "tar.xz", "dump", "dump.gz", "sql.gz", "zip", "db", "db.zst", "jsonl.gz"] {
        repo.write(&format!("a.{end}"), pointer);
        repo.write(&format!("empty/a.{end}"), "");
    }
    repo.write("rows.jsonl", "{\"id\":1}\n");
    repo.write("script.sql", "SELECT 1;\n");
    repo.git(&["config", "core.symlinks", "true"]);
    repo.shell(
        "mkdir in; echo a >in/a; tar -cf real.tar in; mkdir real.tar.members; echo own >real.tar.members/own
        echo own >other.tar.members; cp real.tar other.tar; ln -s real.tar link.tar; rm -r in",
    );
    let commit = repo.commit("begin");
    assert_is_tree(&repo, &database(&repo.open()).await, &commit).await;
}

#[tokio::test]
async fn damage_costs_what_is_damaged() {
    let repo = Repo::new();
    repo.shell(
        "mkdir in; seq 5000 >in/a; seq 9000 >in/b; tar -cf cut.tar -C in a b; truncate -s 40000 cut.tar
        tar -cf gone.tar -C in a; tar -czf torn.tgz -C in a b; head -c 200 torn.tgz >short.tgz; rm -r in",
    );
    let mut torn = fs::read(repo.path.join("torn.tgz")).expect("it was just made");
    let middle = torn.len() / 2;
    torn[middle] ^= 0xff;
    repo.write("torn.tgz", torn);
    repo.write("torn.dump", &DUMP[..200]);
    repo.sqlite("fine.db", "CREATE TABLE t(a); INSERT INTO t VALUES (1)");
    repo.sqlite("gone.db", "CREATE TABLE t(a); INSERT INTO t VALUES (2)");
    // A header that is whole, and a schema that is not.
    let mut torn = fs::read(repo.path.join("fine.db")).expect("it was just made");
    torn[100..200].fill(0xff);
    repo.write("torn.db", torn);
    let commit = repo.commit("begin");
    let one = database(&repo.open()).await;
    let give = ["gone.tar", "gone.db"].map(|name| repo.take(&repo.id(&format!("HEAD:{name}"))));
    for (path, kind) in [
        ("cut.tar.members/b", ErrorKind::Damaged),
        ("torn.tgz.members", ErrorKind::Damaged),
        ("short.tgz.members", ErrorKind::Damaged),
        ("torn.dump.tables/toc.jsonl", ErrorKind::Damaged),
        ("torn.db.tables/schema.sql", ErrorKind::Damaged),
        ("gone.tar.members", ErrorKind::Missing),
        ("gone.db.tables/schema.sql", ErrorKind::Missing),
    ] {
        assert_says(&failure(&one, &commit, path).await, kind, &[]);
    }
    let a: String = (1..=5000).map(|number| format!("{number}\n")).collect();
    assert_eq!(text(&one, &commit, "cut.tar.members/a").await, a);
    assert_eq!(text(&one, &commit, "fine.db.tables/t.jsonl").await, "{\"a\":1}\n");
    assert!(!paths(&one, &commit).await.contains(&"gone.db.tables/t.jsonl".to_owned()));
    let broken = file(&one, &commit, "gone.tar.members").await.id;
    let schema = file(&one, &commit, "gone.db.tables/schema.sql").await.id;
    give.into_iter().for_each(|give| give());
    assert_eq!(text(&one, &commit, "gone.tar.members/a").await, a);
    assert_eq!(text(&one, &commit, "gone.db.tables/t.jsonl").await, "{\"a\":2}\n");
    assert!(!paths(&one, &commit).await.contains(&"gone.tar.members".to_owned()));
    assert_ne!(file(&one, &commit, "gone.tar.members/a").await.id, broken);
    assert_ne!(file(&one, &commit, "gone.db.tables/schema.sql").await.id, schema);
}

/// A commit may name any number of bombs: what it unpacks to counts, and others are listed all the same.
#[tokio::test]
async fn bombs_are_not_unpacked_to_their_end() {
    let repo = Repo::new();
    repo.shell(
        "{ printf 'PGDMP\\001\\016\\000'; head -c 1200000000 /dev/zero; } | zstd -q -1 -c >bomb.dump.zst
        for i in 1 2 3; do cp bomb.dump.zst zomb-$i.dump.zst; done
        mkdir in; echo a >in/a; tar -czf before.tgz -C in a; rm -r in",
    );
    let commit = repo.commit("begin");
    let one = database(&repo.open()).await;
    assert_eq!(text(&one, &commit, "before.tgz.members/a").await, "a\n");
    let error = failure(&one, &commit, "bomb.dump.zst.tables/toc.jsonl").await;
    assert_says(&error, ErrorKind::Unsupported, &[]);
    assert!(!paths(&one, &commit).await.contains(&"zomb-1.dump.zst.tables/toc.jsonl".to_owned()));
    let bomb = fs::read(repo.path.join("bomb.dump.zst")).expect("it is there");
    assert_eq!(bytes(&one, &commit, "bomb.dump.zst").await, bomb);
}
