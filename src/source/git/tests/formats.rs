//! Dumps, tars, zips and packed files in commits, against the programs that made them.

use super::*;
use crate::content::ErrorKind;

/// A dump that a real server's `pg_dump` wrote.
const DUMP: &[u8] = include_bytes!("../../../format/tests/archives/pg16-gzip.dump");

/// Runs a shell script in the work tree.
fn shell(repo: &Repo, script: &str) -> Vec<u8> {
    let done =
        Command::new("bash").args(["-euc", script]).current_dir(&repo.path).env("LC_ALL", "C.UTF-8").output();
    let done = done.expect("bash is installed");
    assert!(done.status.success(), "{script}: {done:?}");
    done.stdout
}

async fn bytes(database: &Arc<dyn Database>, commit: &str, path: &str) -> Vec<u8> {
    let content = file(database, commit, path).await.content;
    read(&content).await.unwrap_or_else(|error| panic!("{path}: {}", error.chain()))
}

/// Paths and bytes of the files below a folder, without the folder.
async fn below(
    database: &Arc<dyn Database>,
    commit: &str,
    folder: &str,
) -> BTreeMap<String, (FileKind, Vec<u8>)> {
    let mut found = BTreeMap::new();
    for file in files(database, commit).await {
        if let Some(path) = file.path.strip_prefix(folder).and_then(|path| path.strip_prefix('/')) {
            let bytes = read(&file.content).await.unwrap_or_else(|error| panic!("{path}: {}", error.chain()));
            found.insert(path.to_owned(), (file.kind, bytes));
        }
    }
    found
}

async fn paths(database: &Arc<dyn Database>, commit: &str) -> Vec<String> {
    files(database, commit).await.iter().map(|file| file.path.to_string()).collect()
}

/// One of each format, plain and packed.
fn varied() -> Repo {
    let repo = Repo::new();
    repo.write("backup/db.dump", DUMP);
    repo.sqlite("state.db", "CREATE TABLE t(id INTEGER PRIMARY KEY, s TEXT); INSERT INTO t VALUES (1,'one')");
    let make = "mkdir -p in/sub; echo a >in/sub/a.txt; ln -s a.txt in/sub/link; seq 1000 >in/many; chmod +x in/many
        cp state.db in/inner.db
        tar -cf plain.tar -C in .; tar -czf packed.tgz -C in .; tar -cJf packed.tar.xz -C in .; (cd in; zip -qry ../z.zip .)
        echo 'SELECT 1;' | gzip >old.sql.gz; zstd -q -c backup/db.dump >db.dump.zst; xz -c state.db >state.db.xz
        printf '{\"id\":1}\\n' | gzip >rows.jsonl.gz; rm -r in";
    shell(&repo, make);
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
        assert_eq!(members["many"], (FileKind::Executable, shell(&repo, "tar -xOf plain.tar ./many")));
        assert_eq!(members["sub/link"], (FileKind::Symlink, b"a.txt".to_vec()));
        for name in ["packed.tgz", "packed.tar.xz"] {
            assert_eq!(below(&one, &commit, &format!("{name}.members")).await, members, "{name}");
        }
        let mut zipped = below(&one, &commit, "z.zip.members").await;
        let table = zipped.remove("inner.db.tables/t.jsonl").expect("a database within a zip has its tables");
        assert_eq!(table.1, b"{\"id\":1,\"s\":\"one\"}\n");
        assert!(zipped.remove("inner.db.tables/schema.sql").is_some());
        assert_eq!(zipped, members);

        assert_eq!(bytes(&one, &commit, "old.sql.gz.unpacked/old.sql").await, b"SELECT 1;\n");
        assert_eq!(bytes(&one, &commit, "rows.jsonl.gz.unpacked/rows.jsonl").await, b"{\"id\":1}\n");
        let database = below(&one, &commit, "state.db.tables").await;
        assert_eq!(below(&one, &commit, "state.db.xz.tables").await, database);
        assert_eq!(
            bytes(&one, &commit, "state.db.xz.unpacked/state.db").await,
            bytes(&one, &commit, "state.db").await
        );
    }
}

#[tokio::test]
async fn the_hash_of_the_blob_and_the_commit_that_brought_it_are_the_identity() {
    let repo = varied();
    let first = repo.commit("begin");
    let unrelated = repo.change("notes", "n\n");
    shell(&repo, "mkdir in; echo other >in/many; tar -cf plain.tar -C in .; rm -r in");
    let last = repo.commit("another tar");
    let clone = repo.folder.path().join("clone");
    repo.git(&["clone", "-q", &repo.place(), &clone.display().to_string()]);
    let one = database(&repo.open()).await;
    let other = database(&open(&clone.display().to_string())).await;
    for path in
        ["plain.tar.members/many", "backup/db.dump.tables/app/parent.jsonl", "old.sql.gz.unpacked/old.sql"]
    {
        let raw_path =
            path.split_once(".members/").or(path.split_once(".tables/")).or(path.split_once(".unpacked/"));
        for commit in [&first, &unrelated, &last] {
            let (shown, raw) =
                (file(&one, commit, path).await, file(&one, commit, raw_path.expect("a folder").0).await);
            assert_eq!((shown.changed, shown.links), (raw.changed, raw.links), "{path} in {commit}");
            assert_eq!(shown.id, file(&other, commit, path).await.id, "{path} in a clone");
        }
        let (a, b, c) = (
            file(&one, &first, path).await,
            file(&one, &unrelated, path).await,
            file(&one, &last, path).await,
        );
        assert_eq!(a.id, b.id, "{path}");
        assert_eq!(a.id == c.id, !path.starts_with("plain"), "{path}");
    }
}

/// Whatever a file is called: its first bytes decide, since names mean little in a repository.
#[tokio::test]
async fn what_only_has_the_name_is_shown_as_its_bytes() {
    let repo = Repo::new();
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 12345\n";
    for name in [
        "a.tar",
        "a.tgz",
        "a.tar.xz",
        "a.dump",
        "a.dump.gz",
        "a.sql.gz",
        "a.zip",
        "a.db",
        "a.db.zst",
        "a.jsonl.gz",
    ] {
        repo.write(name, pointer);
        repo.write(&format!("empty/{name}"), "");
    }
    repo.write("rows.jsonl", "{\"id\":1}\n");
    repo.write("script.sql", "SELECT 1;\n");
    repo.git(&["config", "core.symlinks", "true"]);
    shell(
        &repo,
        "mkdir in; echo a >in/a; tar -cf real.tar in; mkdir real.tar.members; echo own >real.tar.members/own
        echo own >other.tar.members; cp real.tar other.tar; ln -s real.tar link.tar; rm -r in",
    );
    let commit = repo.commit("begin");
    let one = database(&repo.open()).await;
    assert_is_tree(&repo, &one, &commit).await;
}

#[tokio::test]
async fn damage_costs_what_is_damaged() {
    let repo = Repo::new();
    shell(
        &repo,
        "mkdir in; seq 5000 >in/a; seq 9000 >in/b; tar -cf cut.tar -C in a b; truncate -s 40000 cut.tar
        tar -cf gone.tar -C in a; tar -czf torn.tgz -C in a b; head -c 200 torn.tgz >short.tgz; rm -r in",
    );
    let mut torn = std::fs::read(repo.path.join("torn.tgz")).expect("it was just made");
    let middle = torn.len() / 2;
    torn[middle] ^= 0xff;
    repo.write("torn.tgz", torn);
    repo.write("torn.dump", &DUMP[..200]);
    let commit = repo.commit("begin");
    let one = database(&repo.open()).await;
    let object = repo.loose(&repo.git(&["rev-parse", "HEAD:gone.tar"]));
    let kept = object.with_extension("kept");
    std::fs::rename(&object, &kept).expect("small blobs are loose");
    for (path, kind) in [
        ("cut.tar.members/b", ErrorKind::Damaged),
        ("torn.tgz.members", ErrorKind::Damaged),
        ("short.tgz.members", ErrorKind::Damaged),
        ("torn.dump.tables/toc.jsonl", ErrorKind::Damaged),
        ("gone.tar.members", ErrorKind::Missing),
    ] {
        let error = read(&file(&one, &commit, path).await.content).await.expect_err(path);
        assert_eq!(error.kind, kind, "{path}: {}", error.chain());
    }
    let a: Vec<u8> = (1..=5000).flat_map(|number| format!("{number}\n").into_bytes()).collect();
    assert_eq!(bytes(&one, &commit, "cut.tar.members/a").await, a);
    let broken = file(&one, &commit, "gone.tar.members").await.id;
    std::fs::rename(&kept, &object).expect("the folder is ours");
    assert_eq!(bytes(&one, &commit, "gone.tar.members/a").await, a);
    assert!(!paths(&one, &commit).await.contains(&"gone.tar.members".to_owned()));
    assert!(file(&one, &commit, "gone.tar.members/a").await.id != broken);
}

/// A commit may name any number of bombs: what it unpacks to counts, and others are listed all the same.
#[tokio::test]
async fn bombs_are_not_unpacked_to_their_end() {
    let repo = Repo::new();
    shell(
        &repo,
        "{ printf 'PGDMP\\001\\016\\000'; head -c 1200000000 /dev/zero; } | zstd -q -1 -c >bomb.dump.zst
        for i in 1 2 3; do cp bomb.dump.zst zomb-$i.dump.zst; done
        mkdir in; echo a >in/a; tar -czf before.tgz -C in a; rm -r in",
    );
    let commit = repo.commit("begin");
    let one = database(&repo.open()).await;
    assert_eq!(bytes(&one, &commit, "before.tgz.members/a").await, b"a\n");
    let error = read(&file(&one, &commit, "bomb.dump.zst.tables/toc.jsonl").await.content).await;
    let error = error.expect_err("it unpacks to too much");
    assert_eq!(error.kind, ErrorKind::Unsupported, "{}", error.chain());
    assert!(!paths(&one, &commit).await.contains(&"zomb-1.dump.zst.tables/toc.jsonl".to_owned()));
    assert_eq!(
        bytes(&one, &commit, "bomb.dump.zst").await,
        std::fs::read(repo.path.join("bomb.dump.zst")).expect("it is there")
    );
}
