//! How many requests the kernel sends for a walk. The count does not depend on the machine, as times do.

use std::fs;
use std::path::Path;

use crate::support::command::run;
use crate::support::mount::Mount;
use crate::support::server::Server;
use crate::support::temp_dir;

const SNAPSHOTS: usize = 100;
const TABLES: usize = 4;

/// What a walk may take besides the folders of snapshots: the folders on the way, and the listing of the snapshots.
const ON_THE_WAY: usize = 20;

fn mount(server: &Server, trace: &Path, cache: &Path) -> Mount {
    let trace = trace.to_str().expect("temporary folders are UTF-8");
    let tracer = ["strace", "-D", "-f", "-y", "--seccomp-bpf", "-e", "trace=read", "-o", trace];
    let cache = cache.to_str().expect("temporary folders are UTF-8");
    let store = server.data().join("walk").display().to_string();
    Mount::under(&tracer.map(str::to_owned), &["--cache-dir", cache], &[store])
}

/// The requests so far: successful reads from the kernel's device.
fn requests(trace: &Path) -> usize {
    let text = fs::read_to_string(trace).expect("strace writes it");
    text.lines().filter(|line| line.contains("</dev/fuse>") && !line.contains("= -1 ")).count()
}

/// Asks for the size of every file of every snapshot. Returns how many files there are, and how many requests that took.
fn walk(mount: &Mount, trace: &Path) -> (usize, usize) {
    let before = requests(trace);
    let found = run("find").arg(mount.path("walk/asof")).args(["-type", "f", "-size", "+0"]).ok();
    (found.lines().count(), requests(trace) - before)
}

#[test]
fn a_walk_takes_two_requests_a_folder_and_the_next_one_none() {
    let server = Server::start();
    let mut client = server.client();
    client.run(&["CREATE DATABASE walk"]);
    client.use_database("walk");
    for table in 0..TABLES {
        client.run(&[&format!("CREATE TABLE t{table} (id int PRIMARY KEY, v int)")]);
    }
    for commit in 0..SNAPSHOTS {
        for table in 0..TABLES {
            client.run(&[&format!("REPLACE INTO t{table} VALUES (1, {commit})")]);
        }
        let (hour, minute) = (commit / 60, commit % 60);
        client.commit("a step", &format!("2026-01-01T{hour:02}:{minute:02}:00"));
    }
    // The commit that Dolt makes with a database has no table.
    let dir = temp_dir();
    let (trace, cache) = (dir.path().join("trace"), dir.path().join("cache"));
    let first = mount(&server, &trace, &cache);
    let (files, _) = walk(&first, &trace);
    assert!(files >= SNAPSHOTS * TABLES, "{files} files");
    first.unmount();

    let trace = dir.path().join("again");
    let again = mount(&server, &trace, &cache);
    let ((known, cold), (kept, warm)) = (walk(&again, &trace), walk(&again, &trace));
    assert_eq!((known, kept), (files, files));
    let folders = SNAPSHOTS + 1;
    assert!(cold <= 2 * folders + ON_THE_WAY, "{cold} requests for {folders} folders");
    assert!(warm <= ON_THE_WAY, "{warm} requests for folders that the kernel knows");
    again.unmount();
}
