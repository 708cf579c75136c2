//! One limit for everything in memory, and temporary files beyond it (ADR 4).

use std::fs;
use std::thread;

use crate::support::archives::write_zip;
use crate::support::files::{errno, read};
use crate::support::mount::Mount;
use crate::support::temp_dir;

const ROWS: usize = 30_000;
const SNAPSHOTS: [&str; 3] = ["2026-01-01T000000Z", "2026-01-02T000000Z", "2026-01-03T000000Z"];

/// The smallest budget, and the program's other memory, in KiB.
const BUDGET: u64 = 8 << 10;
const BESIDE: u64 = 64 << 10;

/// A table of 20 MB; the salt changes every row.
fn table(salt: usize) -> Vec<u8> {
    let text = "Lorem ipsum dolor sit amet, consectetur elit. ".repeat(13);
    let line = |at: usize| format!("{{\"id\":\"bd-{at:06}\",\"salt\":{salt},\"text\":\"{text}{at}\"}}\n");
    // Not sorted by id.
    (0..ROWS).map(|at| line(at * 7919 % ROWS)).collect::<String>().into_bytes()
}

/// A folder of three zips with such a table, and a small one.
fn zips() -> tempfile::TempDir {
    let dir = temp_dir();
    for (salt, name) in SNAPSHOTS.iter().enumerate() {
        let small = format!("{{\"id\":1,\"salt\":{salt}}}\n");
        let members: [(&str, &[u8]); 2] = [("issues.jsonl", &table(salt)), ("small.jsonl", small.as_bytes())];
        write_zip(&dir.path().join(format!("{}.zip", name.trim_end_matches('Z'))), &members);
    }
    dir
}

fn source(dir: &tempfile::TempDir) -> String {
    format!("m={}", dir.path().display())
}

/// The peak memory of a process, in KiB.
fn peak_memory(id: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{id}/status")).expect("the program runs");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
    peak.and_then(|peak| peak.parse().ok()).expect("the kernel tells it")
}

#[test]
fn differences_of_whole_tables_at_once_stay_within_the_limit() {
    let dir = zips();
    let mount = Mount::with(&["--cache-size", "8M", "--timezone", "UTC"], &[source(&dir)]);
    let pairs = [(0, 1), (1, 2), (0, 2), (2, 0)];
    thread::scope(|scope| {
        for (from, to) in pairs {
            let mount = &mount;
            scope.spawn(move || {
                let path = format!("m/diff/{}..{}/issues.jsonl", SNAPSHOTS[from], SNAPSHOTS[to]);
                let text = String::from_utf8(read(mount.path(&path))).expect("JSON is UTF-8");
                let mut count = 0;
                for (at, line) in text.lines().enumerate() {
                    let expected = format!(
                        "{{\"change\":\"modified\",\"key\":{{\"id\":\"bd-{at:06}\"}},\"from\":{{\"salt\":{from}}},\"to\":{{\"salt\":{to}}}}}"
                    );
                    assert_eq!(line, expected);
                    count += 1;
                }
                assert_eq!(count, ROWS, "{path}");
            });
        }
        for snapshot in SNAPSHOTS {
            let mount = &mount;
            scope.spawn(move || {
                let salt = SNAPSHOTS.iter().position(|other| *other == snapshot).expect("it is one");
                assert!(read(mount.path(&format!("m/asof/{snapshot}/issues.jsonl"))) == table(salt));
            });
        }
    });
    let peak = peak_memory(mount.pid());
    assert!(peak <= BUDGET + BESIDE, "{peak} KiB");
}

#[test]
fn without_temporary_files_only_what_needs_them_fails() {
    let dir = zips();
    let starter = ["env".to_owned(), "TMPDIR=/nonexistent".to_owned()];
    let mount = Mount::under(&starter, &["--cache-size", "8M", "--timezone", "UTC"], &[source(&dir)]);
    let diff = format!("m/diff/{}..{}", SNAPSHOTS[0], SNAPSHOTS[1]);
    assert_eq!(errno(fs::read(mount.path(&format!("{diff}/issues.jsonl")))), libc::EIO);
    let log = mount.log();
    assert!(log.contains("/nonexistent") && log.contains("TMPDIR"), "{log}");
    let small = read(mount.path(&format!("{diff}/small.jsonl")));
    let expected = "{\"change\":\"modified\",\"key\":{\"id\":1},\"from\":{\"salt\":0},\"to\":{\"salt\":1}}\n";
    assert_eq!(String::from_utf8_lossy(&small), expected);
    assert!(read(mount.path(&format!("m/asof/{}/issues.jsonl", SNAPSHOTS[2]))) == table(2));
}
