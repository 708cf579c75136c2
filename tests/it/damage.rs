//! A mounted store with a broken file: EIO for data in the broken part, chunk and file in the log, all else
//! unchanged.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::files::{errno, names, read_all, read_text};
use crate::support::mount::Mount;
use crate::support::random::Random;
use crate::support::server::Server;
use crate::support::{histories, temp_dir};

/// The content of every file of every snapshot, or the errno.
fn everything(mount: &Mount) -> BTreeMap<PathBuf, Result<Vec<u8>, i32>> {
    let asof = mount.path("tour/asof");
    let mut all = BTreeMap::new();
    for snapshot in names(&asof) {
        for name in names(asof.join(&snapshot)) {
            let path = Path::new(&snapshot).join(name);
            let bytes = fs::read(asof.join(&path)).map_err(|error| error.raw_os_error().unwrap_or_default());
            all.insert(path, bytes);
        }
    }
    all
}

/// A text that compression does not change, so that the test finds it in a file.
fn noise() -> String {
    let mut random = Random::new(7);
    (0..300).map(|_| format!("{:016x}", random.next())).collect()
}

/// The file of a store that contains these bytes, and their offset.
fn find(store: &Path, text: &[u8]) -> (PathBuf, usize) {
    let mut open = vec![store.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).expect("the store is ours") {
            let path = entry.expect("the store is ours").path();
            if path.is_dir() {
                open.push(path);
                continue;
            }
            let bytes = fs::read(&path).expect("the store is ours");
            if let Some(at) = bytes.windows(text.len()).position(|window| window == text) {
                return (path, at);
            }
        }
    }
    panic!("no file of {} holds the text as it is", store.display());
}

fn flip(file: &Path, at: usize) {
    let mut bytes = fs::read(file).expect("the store is ours");
    bytes[at] ^= 1;
    fs::write(file, bytes).expect("the store is ours");
}

/// Whether a log line reports a broken chunk by its address.
fn names_a_chunk(line: &str) -> bool {
    let is_digit = |c: &char| matches!(c, '0'..='9' | 'a'..='v');
    line.split("chunk ").skip(1).any(|rest| rest.chars().take_while(is_digit).count() == 32)
}

#[test]
fn a_broken_chunk_fails_only_the_files_that_need_it() {
    for is_collected in [false, true] {
        let mut server = Server::start();
        let mut client = server.client();
        histories::tour(&mut client, "tour");
        client.run(&["CREATE TABLE notes (id int PRIMARY KEY, body longtext)"]);
        let row = format!("INSERT INTO notes VALUES (1,'short'),(2,'{}')", noise());
        client.run(&[&row]);
        client.commit("notes", "2026-02-01T00:00:00");
        client.run(&["UPDATE issues SET status = 'later'"]);
        client.commit("issues again", "2026-02-02T00:00:00");
        if is_collected {
            client.run(&["CALL DOLT_GC('--archive-level', '0')"]);
        }
        server.kill();
        let store = server.data().join("tour");
        let whole = everything(&Mount::new(&[store.display().to_string()]));
        assert!(whole.values().all(Result::is_ok));

        let text = noise();
        let (file, at) = find(&store, &text.as_bytes()[100..1100]);
        flip(&file, at + 500);
        let mount = Mount::new(&[store.display().to_string()]);
        let harmed = everything(&mount);
        assert!(harmed.keys().eq(whole.keys()), "the listing needs nothing of it");
        for (path, bytes) in &harmed {
            match path.ends_with("notes.jsonl") {
                true => assert_eq!(*bytes, Err(libc::EIO), "{}", path.display()),
                false => assert!(*bytes == whole[path], "{}", path.display()),
            }
        }
        assert_eq!(harmed.values().filter(|bytes| bytes.is_err()).count(), 2);
        let failed = mount.path("tour/latest/notes.jsonl");
        assert_eq!(errno(fs::metadata(failed)), libc::EIO, "no size is better than a wrong one");
        let log = mount.log();
        let file = file.display().to_string();
        let tells = |line: &str| line.contains("notes") && line.contains(&file) && names_a_chunk(line);
        assert!(log.lines().any(tells), "the log does not name {file} and the chunk:\n{log}");
    }
}

#[test]
fn a_file_without_its_end_leaves_the_others() {
    let mut server = Server::start();
    let mut client = server.client();
    histories::tour(&mut client, "tour");
    client.run(&["CALL DOLT_GC('--archive-level', '0')"]);
    // A garbage collection ends every session on the server.
    client = server.client();
    client.use_database("tour");
    client.run(&["CREATE TABLE fresh (id int PRIMARY KEY)", "INSERT INTO fresh VALUES (1)"]);
    client.commit("a new table", "2026-02-01T00:00:00");
    server.kill();
    let store = server.data().join("tour");
    let old = store.join(".dolt/noms/oldgen");
    let is_table_file = |path: &PathBuf| path.file_name().is_some_and(|name| name.len() == 32);
    let entries = fs::read_dir(&old).expect("it was collected");
    let mut files = entries.map(|entry| entry.expect("the store is ours").path()).filter(is_table_file);
    let file = files.next().expect("the old generation has a file");
    let bytes = fs::read(&file).expect("the store is ours");
    fs::write(&file, &bytes[..bytes.len() - 7]).expect("the store is ours");

    let other = temp_dir();
    fs::write(other.path().join("t-20260101-1200.jsonl"), "{\"a\":1}\n").expect("the folder is ours");
    let mount = Mount::new(&[store.display().to_string(), format!("other={}", other.path().display())]);
    assert_eq!(read_text(mount.path("tour/latest/fresh.jsonl")), "{\"id\":1}\n");
    assert_eq!(errno(fs::read(mount.path("tour/latest/issues.jsonl"))), libc::EIO);
    assert_eq!(read_all(mount.path("other/asof")).len(), 1);
    let log = mount.log();
    let file = file.display().to_string();
    assert!(log.lines().any(|line| line.contains("WARN") && line.contains(&file)), "{log}");
    let tells = |line: &str| line.contains("issues") && line.contains(&file) && names_a_chunk(line);
    assert!(log.lines().any(tells), "the log does not name {file} and the chunk:\n{log}");
}
