//! Reads files as a user's tools do.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

#[track_caller]
pub fn names(dir: impl AsRef<Path>) -> Vec<String> {
    let dir = dir.as_ref();
    let entries = fs::read_dir(dir).unwrap_or_else(|e| panic!("cannot list {}: {e}", dir.display()));
    let name = |entry: std::io::Result<fs::DirEntry>| {
        let entry = entry.unwrap_or_else(|e| panic!("cannot list {}: {e}", dir.display()));
        entry.file_name().into_string().unwrap_or_else(|n| panic!("not UTF-8: {n:?}"))
    };
    let mut names: Vec<String> = entries.map(name).collect();
    names.sort();
    let all = names.len();
    names.dedup();
    assert_eq!(all, names.len(), "a name is listed twice in {}", dir.display());
    names
}

/// A file's bytes; checks that `stat` before and after reports exactly their number.
#[track_caller]
pub fn read(path: impl AsRef<Path>) -> Vec<u8> {
    let path = path.as_ref();
    let size = || fs::metadata(path).unwrap_or_else(|e| panic!("cannot stat {}: {e}", path.display()));
    let before = size();
    let bytes = fs::read(path).unwrap_or_else(|e| panic!("cannot read {}: {e}", path.display()));
    assert_eq!(before.len(), bytes.len() as u64, "stat and read disagree on {}", path.display());
    assert_eq!(size().len(), before.len(), "the size of {} changed", path.display());
    assert_eq!(before.blocks(), before.len().div_ceil(512), "st_blocks of {}", path.display());
    bytes
}

#[track_caller]
pub fn read_text(path: impl AsRef<Path>) -> String {
    String::from_utf8(read(path)).expect("JSONL and SQL are UTF-8")
}

/// Every file in a folder (and below), by path relative to it.
#[track_caller]
pub fn read_all(dir: impl AsRef<Path>) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    collect(dir.as_ref(), "", &mut all);
    all
}

#[track_caller]
fn collect(dir: &Path, prefix: &str, all: &mut BTreeMap<String, Vec<u8>>) {
    for name in names(dir) {
        let path = dir.join(&name);
        if fs::symlink_metadata(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display())).is_dir() {
            collect(&path, &format!("{prefix}{name}/"), all);
        } else {
            all.insert(format!("{prefix}{name}"), read(&path));
        }
    }
}

#[track_caller]
pub fn link(path: impl AsRef<Path>) -> String {
    let path = path.as_ref();
    let target = fs::read_link(path).unwrap_or_else(|e| panic!("{} is no symlink: {e}", path.display()));
    target.into_os_string().into_string().expect("targets are UTF-8")
}

/// The errno that an operation fails with.
#[track_caller]
pub fn errno<T>(result: std::io::Result<T>) -> i32 {
    match result {
        Ok(_) => panic!("this was to fail"),
        Err(error) => error.raw_os_error().unwrap_or_else(|| panic!("no errno: {error}")),
    }
}

/// Fails with the first line in which two contents differ, rather than with both in full.
#[track_caller]
pub fn assert_same(what: &str, got: &[u8], want: &[u8]) {
    if got == want {
        return;
    }
    let lines = |bytes: &[u8]| bytes.split(|&b| b == b'\n').map(<[u8]>::to_vec).collect::<Vec<_>>();
    let (got_lines, want_lines) = (lines(got), lines(want));
    let at = got_lines.iter().zip(&want_lines).position(|(a, b)| a != b);
    let at = at.unwrap_or(got_lines.len().min(want_lines.len()));
    let show = |lines: &[Vec<u8>]| {
        lines
            .get(at)
            .map_or("(nothing)".into(), |l| String::from_utf8_lossy(l).chars().take(1500).collect::<String>())
    };
    panic!(
        "{what}: {} bytes, {} lines expected; {} bytes, {} lines found; line {}:\nexpected {}\nfound    {}",
        want.len(),
        want_lines.len() - 1,
        got.len(),
        got_lines.len() - 1,
        at + 1,
        show(&want_lines),
        show(&got_lines)
    );
}
