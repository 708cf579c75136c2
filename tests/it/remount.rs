//! A mount reuses the measurements of an earlier one, even after a crash, and never wrong ones.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{DirEntryExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::support::command::shell;
use crate::support::files;
use crate::support::histories;
use crate::support::mount::Mount;
use crate::support::server::Server;
use crate::support::{eventually, temp_dir};

const DATABASE: &str = "evolving";

/// Sizes of all table files under `asof/`, by path below it.
fn sizes(mount: &Mount) -> BTreeMap<String, u64> {
    let root = mount.path(&format!("{DATABASE}/asof"));
    let mut sizes = BTreeMap::new();
    for snapshot in fs::read_dir(&root).expect("the mount answers") {
        let snapshot = snapshot.expect("the mount answers").path();
        for file in fs::read_dir(&snapshot).expect("a snapshot is a folder") {
            let file = file.expect("the mount answers");
            let path = file.path();
            let name = path.strip_prefix(&root).expect("it is below it").display().to_string();
            let attributes = fs::metadata(&path).expect("a file");
            assert_eq!(
                attributes.ino(),
                file.ino(),
                "{name}: one number in the listing and in the attributes"
            );
            sizes.insert(name, attributes.len());
        }
    }
    sizes
}

/// The number of statements that read all rows of a table at a commit. (A view's rows may change with the server's
/// version, so each mount measures them.)
fn row_reads(server: &Server) -> usize {
    let statements = server.statements();
    statements.iter().filter(|sql| sql.starts_with("SELECT * FROM `") && sql.contains(" AS OF ")).count()
}

/// The file with the lengths, once it exists: it is written every two seconds.
fn index(folder: &Path) -> PathBuf {
    eventually("lengths are kept", Duration::from_secs(20), || {
        let files = fs::read_dir(folder).into_iter().flatten().flatten();
        files.map(|file| file.path()).find(|path| path.display().to_string().contains("/lengths-"))
    })
}

fn history() -> (Server, tempfile::TempDir) {
    let server = Server::start();
    histories::evolving(&mut server.client(), DATABASE);
    (server, temp_dir())
}

#[test]
fn sizes_of_an_earlier_mount_need_no_row_and_are_right() {
    let (server, cache) = history();
    let folder = cache.path().join("made/by/the/mount");
    let args = ["--cache-dir", folder.to_str().expect("a plain name")];
    let mount = |args: &[&str]| Mount::with(args, &[server.url(DATABASE)]);
    let first = mount(&args);
    let measured = sizes(&first);
    assert!(measured.len() > 20, "{measured:?}");
    let reads = row_reads(&server);
    assert!(reads > 5, "it took rows to measure: {reads}");
    first.unmount();
    let second = mount(&args);
    assert_eq!(sizes(&second), measured);
    assert_eq!(row_reads(&server), reads, "nothing is read again");
    for (name, size) in &measured {
        let path = second.path(&format!("{DATABASE}/asof/{name}"));
        assert_eq!(files::read(&path).len() as u64, *size, "{name}");
    }
    second.unmount();
    let reads = row_reads(&server);
    assert_eq!(sizes(&mount(&["--cache-dir", ""])), measured);
    assert!(row_reads(&server) > reads, "without a place for it nothing is known");
}

/// The statements among these that read rows of the tables of [`histories::tour`].
fn reads_of_tour(statements: &[String]) -> Vec<String> {
    let reads_rows = |sql: &&String| {
        let is_of_table = ["issues", "labels"].iter().any(|table| sql.contains(&format!("`{table}`")));
        sql.starts_with("SELECT") && is_of_table || sql.contains("dolt_diff(") || sql.contains("dolt_diff_")
    };
    statements.iter().filter(reads_rows).cloned().collect()
}

/// In a mount that knows the sizes, `ls -lR` makes the server read no row of a table.
#[test]
fn ls_of_everything_reads_no_row_after_a_remount() {
    let (server, cache) = (Server::start(), temp_dir());
    histories::tour(&mut server.client(), "tour");
    let args = ["--cache-dir", cache.path().to_str().expect("a plain name")];
    let listed = |mount: &Mount| {
        let before = server.statements().len();
        let listing = shell("ls -lR --time-style=full-iso tour/asof tour/live").dir(mount.root()).ok();
        (listing, server.statements().split_off(before))
    };
    let first = Mount::with(&args, &[server.url("tour")]);
    let (listing, statements) = listed(&first);
    assert!(reads_of_tour(&statements).len() >= 2, "sizes are measured by reading: {statements:#?}");
    first.unmount();
    let second = Mount::with(&args, &[server.url("tour")]);
    let (again, statements) = listed(&second);
    assert_eq!(again, listing);
    assert_eq!(reads_of_tour(&statements), Vec::<String>::new(), "all: {statements:#?}");
    second.unmount();
}

/// Over `dolt://` a content is measured as a whole; from a store's files, by the segments that it shares with others.
#[test]
fn sizes_of_a_store_s_files_are_right_in_the_next_mount() {
    let (server, cache) = history();
    let mut client = server.client();
    client.use_database(DATABASE);
    // More than one segment; each commit changes some of them.
    let title = "a title of which a part holds a few dozen ".repeat(3);
    let rows =
        |from: usize| (from..from + 1_000).map(|id| format!("({id},'{title}{id}')")).collect::<Vec<_>>();
    client.run(&["CREATE TABLE long_one (id int PRIMARY KEY, title varchar(200))"]);
    for part in 0..4_usize {
        client.run(&[
            &format!("INSERT INTO long_one VALUES {}", rows(part * 1_000).join(",")),
            &format!("UPDATE long_one SET title = 'short' WHERE id = {}", part * 700),
        ]);
        client.commit("longer", &format!("2026-08-0{}T00:00:00", part + 1));
    }
    let source = [server.data().join(DATABASE).display().to_string()];
    let args = ["--cache-dir", cache.path().to_str().expect("a plain name")];
    let first = Mount::with(&args, &source);
    let measured = sizes(&first);
    assert!(measured.values().any(|size| *size > 500_000), "{measured:?}");
    first.unmount();
    index(cache.path());
    let second = Mount::with(&args, &source);
    assert_eq!(sizes(&second), measured);
    for (name, size) in &measured {
        let path = second.path(&format!("{DATABASE}/asof/{name}"));
        assert_eq!(files::read(&path).len() as u64, *size, "{name}");
    }
    second.unmount();
}

#[test]
fn a_damaged_index_is_made_anew() {
    let (server, cache) = history();
    let args = ["--cache-dir", cache.path().to_str().expect("a plain name")];
    let mount = || Mount::with(&args, &[server.url(DATABASE)]);
    let first = mount();
    let measured = sizes(&first);
    first.unmount();
    let index = index(cache.path());
    let whole = fs::read(&index).expect("it is there");
    for damaged in [whole[..whole.len() / 2].to_vec(), vec![0x5a; 10_000], Vec::new()] {
        fs::write(&index, damaged).expect("the folder is ours");
        let next = mount();
        assert_eq!(sizes(&next), measured);
        next.unmount();
    }
    let reads = row_reads(&server);
    let last = mount();
    assert_eq!(sizes(&last), measured);
    assert_eq!(row_reads(&server), reads, "it was rebuilt");
    last.unmount();
}

#[test]
fn a_mount_that_is_killed_leaves_what_it_had_saved() {
    let (server, cache) = history();
    let args = ["--cache-dir", cache.path().to_str().expect("a plain name")];
    let mount = || Mount::with(&args, &[server.url(DATABASE)]);
    let mut measured = None;
    // Killed at once, while it writes, and after.
    for pause in [0, 300, 1_900, 2_000, 2_050, 4_000] {
        let next = mount();
        let sizes = sizes(&next);
        assert_eq!(*measured.get_or_insert_with(|| sizes.clone()), sizes);
        std::thread::sleep(Duration::from_millis(pause));
        next.kill();
    }
    index(cache.path());
    let reads = row_reads(&server);
    let last = mount();
    assert_eq!(Some(sizes(&last)), measured);
    assert_eq!(row_reads(&server), reads, "what was saved is known");
    last.unmount();
}
