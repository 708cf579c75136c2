//! Reads all seeds of fuzzing and everything that it ever found: see the part on fuzzing in docs/ARCHITECTURE.md.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use asof::format::{probe as formats, zip};
use asof::source::{archive, git};
use dolt_store::message::Message;
use dolt_store::objects::{StoredTable, TreeNode};
use dolt_store::{Address, Chunks, Store, probe};

use crate::support::command::run;
use crate::support::server::{Dolt, Server};
use crate::support::{histories, temp_dir};

/// The kind of input that a target takes.
enum Read {
    Bytes(fn(&[u8])),
    File(fn(&Path)),
}

/// All targets of `fuzz/Cargo.toml`.
const TARGETS: [(&str, Read); 16] = [
    ("manifest", Read::Bytes(probe::manifest)),
    ("journal", Read::File(probe::journal)),
    ("table_file", Read::File(probe::table_file)),
    ("archive", Read::File(probe::archive)),
    ("object", Read::Bytes(probe::object)),
    ("rows", Read::Bytes(probe::rows)),
    ("pg_dump", Read::Bytes(formats::pg_dump)),
    ("copy_text", Read::Bytes(formats::copy_text)),
    ("tar", Read::Bytes(formats::tar)),
    ("packed", Read::Bytes(formats::packed)),
    ("sha256sum", Read::Bytes(formats::sha256sum)),
    ("archive_name", Read::Bytes(archive::probe::archive_name)),
    ("thrum_manifest", Read::Bytes(archive::probe::thrum_manifest)),
    ("export", Read::Bytes(formats::export)),
    ("zip", Read::Bytes(zip::probe::zip)),
    ("commit", Read::Bytes(git::probe::commit)),
];
/// The number of seed objects of one kind, and their greatest length.
const OBJECTS_PER_KIND: usize = 3;
const OBJECT_LEN: usize = 4 << 10;
/// Cuts a journal here, for an input that is quick to read.
const TORN_LEN: usize = 6_000;

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

#[test]
fn nothing_in_the_corpus_breaks_the_reader() {
    let manifest = fs::read_to_string(fuzz().join("Cargo.toml")).expect("there are fuzz targets");
    assert_eq!(manifest.matches("[[bin]]").count(), TARGETS.len(), "every target is replayed");
    for (target, read) in TARGETS {
        let folder = fuzz().join("corpus").join(target);
        let inputs = fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
        let inputs: Vec<_> = inputs.map(|entry| entry.expect("the corpus can be listed").path()).collect();
        assert!(inputs.len() > 1, "the corpus of {target} is empty");
        for input in inputs {
            // A panic names its position in the code, this line the input.
            eprintln!("{}", input.display());
            match read {
                Read::Bytes(read) => read(&fs::read(&input).expect("the corpus is readable")),
                Read::File(read) => read(&input),
            }
        }
    }
}

/// Rebuilds the corpus from small stores: `cargo test --test dolt_store make_the_corpus -- --ignored`. Keeps the
/// findings (`crash-*`, `oom-*`, `timeout-*`, ...).
#[test]
#[ignore = "writes into fuzz/corpus"]
fn make_the_corpus() {
    let mut server = Server::start();
    let mut client = server.client();
    histories::every_type(&mut client, "types");
    histories::evolving(&mut client, "evolving");
    histories::branching(&mut client, "branching");
    client.run(&[
        "CREATE TABLE child (id int PRIMARY KEY, p int, CHECK (p > 1), FOREIGN KEY (p) REFERENCES t(id))",
        "CREATE TABLE large (id int PRIMARY KEY, t longtext, j json)",
        "INSERT INTO large VALUES (1, repeat('é text ', 3000), json_object('a', repeat('json', 5000)))",
    ]);
    client.commit("more", "2026-05-06T00:00:00");
    histories::bare(&mut client, "files");
    client.run(&["CREATE TABLE t (id int PRIMARY KEY, v text)", "INSERT INTO t VALUES (1,'one'),(2,null)"]);
    for number in 0..12 {
        client.run(&[&format!("REPLACE INTO t VALUES ({number}, 'number {number}')")]);
        client.commit("a number", "2026-05-06T00:00:00");
    }
    let noms = |database: &str| server.data().join(database).join(".dolt/noms");
    seed_objects(&["types", "evolving", "branching"].map(noms));
    let files = noms("files");
    seed("manifest", "journal", &fs::read(files.join("manifest")).expect("a database has one"));
    let journal = fs::read(files.join("v".repeat(32))).expect("a database has one");
    seed("journal", "whole", &journal);
    seed("journal", "torn", &journal[..TORN_LEN]);
    client.run(&["CALL DOLT_GC('--archive-level', '0')"]);
    server.kill();
    let old = files.join("oldgen");
    seed("manifest", "generations", &fs::read(files.join("manifest")).expect("a database has one"));
    seed("manifest", "oldgen", &fs::read(old.join("manifest")).expect("it was collected"));
    seed_files(&files, "table_file", "newgen", 32);
    seed_files(&old, "table_file", "oldgen", 32);
    let home = temp_dir();
    let folder = server.data().join("files");
    let dolt = |args: &[&str]| {
        run(Dolt::Pinned.program()).args(args).dir(&folder).env("DOLT_ROOT_PATH", home.path()).ok()
    };
    dolt(&["archive", "--purge"]);
    seed_files(&old, "archive", "dictionary", 37);
    dolt(&["gc", "--full", "--archive-level", "1"]);
    seed_files(&old, "archive", "plain", 37);
}

/// Every file of a folder with a name of this length.
fn seed_files(folder: &Path, target: &str, name: &str, name_len: usize) {
    let mut files: Vec<_> = fs::read_dir(folder)
        .expect("it was collected")
        .map(|entry| entry.expect("the folder is ours").path())
        .filter(|path| path.file_name().is_some_and(|name| name.len() == name_len))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{} has no file for {target}", folder.display());
    for (number, file) in files.iter().enumerate() {
        seed(target, &format!("{name}-{number}"), &fs::read(file).expect("the folder is ours"));
    }
}

/// The smallest objects of every kind, and the leaves of every table with its schema.
fn seed_objects(stores: &[PathBuf]) {
    let mut kinds: BTreeMap<String, Vec<Vec<u8>>> = BTreeMap::new();
    let mut rows = Vec::new();
    for folder in stores {
        let store = Store::open(folder).expect("the server made it");
        let mut addresses: Vec<_> = store.addresses().flatten().collect();
        addresses.sort();
        for address in addresses {
            let chunk = store.chunk(&address).expect("it is whole");
            let Some(id) = Message::id_of(&chunk) else { continue };
            if id == *b"DTBL" {
                rows.extend(rows_of(&store, &address));
            }
            if chunk.len() <= OBJECT_LEN {
                kinds.entry(String::from_utf8_lossy(&id).into_owned()).or_default().push(chunk.to_vec());
            }
        }
    }
    for (kind, mut chunks) in kinds {
        chunks.sort_by_key(Vec::len);
        // The smallest, the largest, and the middle one.
        let places = [0, chunks.len() - 1, chunks.len() / 2];
        for (number, &place) in places.iter().take(OBJECTS_PER_KIND.min(chunks.len())).enumerate() {
            seed("object", &format!("{kind}-{number}"), &chunks[place]);
        }
    }
    rows.sort();
    rows.dedup();
    for (number, input) in rows.iter().filter(|input| input.len() <= 2 * OBJECT_LEN).enumerate() {
        seed("rows", &format!("table-{number}"), input);
    }
}

/// A table's schema with its first leaf, and a chunk for its out-of-line values.
fn rows_of(store: &Store, address: &Address) -> Option<Vec<u8>> {
    let table = StoredTable::read(store, address).expect("it is whole");
    let schema = store.chunk(&table.schema).expect("it is whole");
    let mut node = TreeNode::within(address, table.primary_index.clone()).expect("it is whole");
    let mut leaf = table.primary_index;
    while node.level > 0 {
        let child = *node.children(address).expect("it is whole").first()?;
        node = TreeNode::read(store, &child, node.level - 1).expect("it is whole");
        leaf = store.chunk(&child).expect("it is whole");
    }
    let mut values = store.addresses().flatten().filter_map(|address| store.chunk(&address).ok());
    let value = values.find(|chunk| Message::id_of(chunk) == Some(*b"BLOB") && chunk.len() < OBJECT_LEN);
    Some(probe::rows_input(&schema, &leaf, value.as_deref().unwrap_or_default()))
}

fn seed(target: &str, name: &str, bytes: &[u8]) {
    let folder = fuzz().join("corpus").join(target);
    fs::create_dir_all(&folder).expect("the source tree is writable");
    fs::write(folder.join(name), bytes).expect("the source tree is writable");
}
