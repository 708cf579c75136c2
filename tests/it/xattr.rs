//! Extended attributes, as getfattr, rsync and programs see them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::support::command::{run, shell};
use crate::support::files::{self, names};
use crate::support::mount::Mount;
use crate::support::server::Server;
use crate::support::{archives, histories, temp_dir, tree};

const DATABASE: &str = "evolving";

/// The attributes of a file as getfattr prints them.
fn attributes(path: &Path) -> BTreeMap<String, String> {
    let text = run("getfattr").args(["-d", "--absolute-names", "-e", "text"]).arg(path).ok();
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let pair = |line: &str| {
        let (name, value) = line.split_once('=').unwrap_or_else(|| panic!("getfattr: {line}"));
        let value = value.strip_prefix('"').and_then(|v| v.strip_suffix('"'));
        (name.to_owned(), value.unwrap_or_else(|| panic!("getfattr: {line}")).to_owned())
    };
    lines.map(pair).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn history() -> Server {
    let server = Server::start();
    histories::evolving(&mut server.client(), DATABASE);
    server
}

/// The attributes that every file below a snapshot must have.
fn files_tell_what_they_hold(snapshot: &Path) {
    for name in names(snapshot) {
        let path = snapshot.join(&name);
        let (bytes, told) = (fs::read(&path).expect("it can be read"), attributes(&path));
        let of = |name: &str| told.get(&format!("user.asof.{name}")).map(String::as_str);
        assert_eq!(of("sha256"), Some(&*hex(&Sha256::digest(&bytes))), "{}", path.display());
        let lines = bytes.iter().filter(|byte| **byte == b'\n').count().to_string();
        assert_eq!(of("rows"), name.ends_with(".jsonl").then_some(&*lines), "{}", path.display());
        let key = of("key").unwrap_or_default();
        assert!(key.len() == 32 && key.bytes().all(|b| b.is_ascii_hexdigit()), "{}: {key}", path.display());
        assert_eq!(told.len(), if name.ends_with(".jsonl") { 3 } else { 2 }, "{told:?}");
    }
}

#[test]
fn files_tell_their_hash_and_their_rows() {
    let server = history();
    let dir = temp_dir();
    let zips = dir.path().join("zips");
    fs::create_dir(&zips).expect("the folder is ours");
    let lines = archives::lines(300, 7);
    archives::thrum_folder(&zips, &[("2026-01-05-120000", "2026-01-05T12:00:00Z", &lines)]);
    let store = server.data().join(DATABASE).display().to_string();
    for source in [server.url(DATABASE), store, zips.display().to_string()] {
        let mount = Mount::new(&[source]);
        let database = mount.path(&names(mount.root())[0]);
        let log = tree::log(&database);
        for snapshot in [&log[0], &log[log.len() / 2], &log[log.len() - 1]] {
            files_tell_what_they_hold(&database.join("asof").join(&snapshot.name));
        }
        assert!(attributes(&database.join("log.jsonl")).contains_key("user.asof.sha256"));
        mount.unmount();
    }
}

#[test]
fn snapshots_tell_what_log_jsonl_tells() {
    let server = history();
    let mut client = server.client();
    client.use_database(DATABASE);
    client.run(&["CREATE TABLE long_message (id int PRIMARY KEY)"]);
    let long = "é".repeat(3000);
    client.commit(&long, "2026-09-01T00:00:00");
    let mount = Mount::new(&[server.url(DATABASE)]);
    let database = mount.path(DATABASE);
    let log = tree::log(&database);
    assert!(log.len() > 5);
    for snapshot in &log {
        let told = attributes(&database.join(&snapshot.path));
        let line = |name: &str| snapshot.line[name].as_str().unwrap_or_default().to_owned();
        let message = told["user.asof.message"].replace("\\012", "\n");
        match line("message") == long {
            true => assert!(message.len() <= 2048 && message.ends_with("é…"), "{message}"),
            false => assert_eq!(message, line("message")),
        }
        assert_eq!(told["user.asof.time"], line("time"));
        assert_eq!(told["user.asof.commit"], line("commit"));
        assert_eq!(told["user.asof.committer"], format!("{} <{}>", line("author"), line("email")));
        assert_eq!(told["user.asof.source"], line("source"));
        assert_eq!(told.len(), 5, "{told:?}");
    }
    for place in ["", DATABASE, "evolving/asof", "evolving/live"] {
        assert_eq!(attributes(&mount.path(place)), BTreeMap::new(), "{place:?} is no snapshot");
    }
}

#[test]
fn what_is_not_there_and_what_does_not_fit_have_their_errors() {
    use rustix::fs::{XattrFlags, getxattr, getxattr_query, listxattr, listxattr_query, setxattr};
    use rustix::io::Errno;

    let server = history();
    let mount = Mount::new(&[server.url(DATABASE)]);
    let latest = mount.path(DATABASE).join("latest");
    let snapshot = fs::canonicalize(&latest).expect("it leads to a snapshot");
    let table = names(&snapshot).into_iter().find(|name| name.ends_with(".jsonl")).expect("it has tables");
    let table = snapshot.join(table);
    for (path, name) in [
        (&table, "user.asof.message"),
        (&table, "user.asof.nothing"),
        (&table, "user.other"),
        (&snapshot, "user.asof.sha256"),
        (&snapshot.join("schema.sql"), "user.asof.rows"),
    ] {
        assert_eq!(getxattr(path, name, &mut [0_u8; 100]), Err(Errno::NODATA), "{name}");
    }
    assert_eq!(getxattr(&table, "trusted.asof", &mut [0_u8; 100]), Err(Errno::OPNOTSUPP));
    assert_eq!(getxattr(&table, "security.selinux", &mut [0_u8; 100]), Err(Errno::OPNOTSUPP));
    assert_eq!(getxattr_query(&table, "user.asof.sha256"), Ok(64));
    assert_eq!(getxattr(&table, "user.asof.sha256", &mut [0_u8; 63]), Err(Errno::RANGE));
    assert_eq!(getxattr(&table, "user.asof.sha256", &mut [0_u8; 64]), Ok(64));
    let len = listxattr_query(&table).expect("it has some");
    assert_eq!(listxattr(&table, &mut vec![0_u8; len - 1][..]), Err(Errno::RANGE));
    let mut list = vec![0_u8; len];
    assert_eq!(listxattr(&table, &mut list[..]), Ok(len));
    assert_eq!(String::from_utf8_lossy(&list), "user.asof.key\0user.asof.sha256\0user.asof.rows\0");
    let set = setxattr(&table, "user.asof.key", b"x", XattrFlags::empty());
    assert_eq!(set, Err(Errno::ROFS));
}

#[test]
fn a_copy_by_rsync_has_them_and_a_second_one_sends_nothing() {
    let server = history();
    let mount = Mount::new(&[server.url(DATABASE)]);
    let dir = temp_dir();
    let from = format!("{}/", mount.path("evolving/asof").display());
    let rsync = || run("rsync").args(["-aHX", "--itemize-changes", &from]).arg(dir.path().join("copy")).ok();
    assert!(rsync().lines().count() > 20);
    assert_eq!(rsync(), "");
    for snapshot in names(&from) {
        let copy = dir.path().join("copy").join(&snapshot);
        assert_eq!(attributes(&copy), attributes(&Path::new(&from).join(&snapshot)));
        files_tell_what_they_hold(&copy);
    }
}

/// The statements that read rows of a table.
fn row_reads(server: &Server) -> usize {
    server.statements().iter().filter(|sql| sql.starts_with("SELECT * FROM `")).count()
}

#[test]
fn a_listing_hashes_nothing_and_a_hash_is_kept_for_the_next_mount() {
    let server = history();
    let cache = temp_dir();
    let args = ["--cache-dir", cache.path().to_str().expect("a plain name")];
    let mount = || Mount::with(&args, &[server.url(DATABASE)]);
    let has_digests = || names(cache.path()).iter().any(|name| name.starts_with("digests-"));
    let copy = temp_dir();
    let first = mount();
    let asof = first.path("evolving/asof");
    for command in
        ["ls -lR . >/dev/null", "find . -ls >/dev/null", "rsync -a . \"$TO\"", "tar cf - . | wc -c"]
    {
        shell(command).dir(&asof).env("TO", copy.path()).ok();
    }
    first.unmount();
    assert!(!has_digests(), "nobody asked for a hash");
    let told =
        |mount: &Mount| attributes(&mount.path("evolving/latest/folded.jsonl"))["user.asof.sha256"].clone();
    let second = mount();
    let hash = told(&second);
    second.unmount();
    assert!(has_digests());
    let reads = row_reads(&server);
    let third = mount();
    assert_eq!(told(&third), hash);
    assert_eq!(row_reads(&server), reads, "it is known");
    assert_eq!(hash, hex(&Sha256::digest(files::read(third.path("evolving/latest/folded.jsonl")))));
    third.unmount();
}
