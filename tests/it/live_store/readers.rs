//! What is read meanwhile.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value;

use super::ledger::Ledger;
use crate::support::mount::Mount;
use crate::support::random::Random;

/// Between two folders: the tests beside this one need the machine, too.
const PAUSE: Duration = Duration::from_millis(80);

/// Reads folders of commits by all their names until it is over.
pub fn read(mount: &Mount, ledger: &Ledger, seed: u64, is_over: &AtomicBool) {
    let mut random = Random::new(seed);
    let root = fs::canonicalize(mount.path("live")).expect("the database is mounted");
    let mut commits = HashMap::new();
    while !is_over.load(Ordering::Relaxed) {
        let path = choose(&root, &mut random);
        match path.and_then(fs::canonicalize) {
            Ok(folder) => read_folder(&root, &folder, ledger, &mut commits),
            // A name that was deleted since it was listed.
            Err(error) => {
                assert_eq!(error.raw_os_error(), Some(libc::ENOENT), "a name does not resolve");
                ledger.count(|tally| tally.gone += 1);
            }
        }
        read_live(&root, ledger);
        std::thread::sleep(PAUSE);
    }
}

/// A name of a commit's folder: the newest, or any snapshot, commit or branch.
fn choose(root: &Path, random: &mut Random) -> io::Result<PathBuf> {
    let list = match random.below(5) {
        0 => return Ok(root.join("latest")),
        1 => "commits",
        2 => "branches/side",
        _ => "asof",
    };
    let folder = root.join(list);
    let mut names: Vec<_> =
        fs::read_dir(&folder)?.map(|entry| Ok(entry?.file_name())).collect::<io::Result<_>>()?;
    if names.is_empty() {
        return Ok(root.join("latest"));
    }
    names.sort();
    // Half of the time one of the newest, which are rewritten and deleted.
    let from = if random.below(2) == 0 { names.len().saturating_sub(6) } else { 0 };
    let name = names.swap_remove(from + random.below((names.len() - from) as u64) as usize);
    Ok(folder.join(name))
}

/// Reads all files of a commit's folder. Errors are right only where the commit may be gone.
fn read_folder(root: &Path, folder: &Path, ledger: &Ledger, commits: &mut HashMap<PathBuf, String>) {
    let Some(commit) = commit_of(root, folder, commits) else {
        // It left the tree between the look-up and the log.
        ledger.count(|tally| tally.gone += 1);
        return;
    };
    let may_be_gone = |what: &Path, error: &io::Error| {
        let is_right = matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ESTALE | libc::EIO));
        assert!(is_right && ledger.is_doomed(&commit), "{} of {commit}: {error}", what.display());
        ledger.count(|tally| tally.gone += 1);
    };
    // The folder itself is held: once its commit has left the timeline, the name of the folder is a time like
    // any other, a link to the snapshot in force then.
    let held = File::options().read(true).custom_flags(libc::O_DIRECTORY | libc::O_NOFOLLOW).open(folder);
    let held = match held {
        Ok(held) => held,
        Err(error) if error.raw_os_error() == Some(libc::ENOTDIR) => {
            assert!(ledger.is_doomed(&commit), "{} of {commit} became a link", folder.display());
            return ledger.count(|tally| tally.gone += 1);
        }
        Err(error) => return may_be_gone(folder, &error),
    };
    let within = PathBuf::from(format!("/proc/self/fd/{}", held.as_raw_fd()));
    let names = fs::read_dir(&within)
        .and_then(|entries| entries.map(|entry| Ok(entry?.file_name())).collect::<io::Result<Vec<_>>>());
    match names {
        Err(error) => may_be_gone(folder, &error),
        Ok(names) => {
            for name in names {
                match read_whole(&within.join(&name)) {
                    Ok(bytes) => ledger.saw(&commit, name.to_str().expect("names are UTF-8"), bytes),
                    Err(error) => may_be_gone(&folder.join(&name), &error),
                }
            }
        }
    }
}

/// A file's bytes; its size before, while open and after is how many there are.
fn read_whole(path: &Path) -> io::Result<Vec<u8>> {
    let before = fs::metadata(path)?.len();
    let mut file = File::open(path)?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let sizes = [before, file.metadata()?.len()];
    assert_eq!(sizes, [bytes.len() as u64; 2], "stat and read disagree on {}", path.display());
    Ok(bytes)
}

/// Which commit a folder is of: its name says so, or the log.
fn commit_of(root: &Path, folder: &Path, known: &mut HashMap<PathBuf, String>) -> Option<String> {
    let relative = folder.strip_prefix(root).expect("links stay within the database");
    if let Ok(commit) = relative.strip_prefix("commits") {
        return commit.to_str().map(str::to_owned);
    }
    if !known.contains_key(relative) {
        let log = fs::read_to_string(root.join("log.jsonl")).expect("the log reads");
        for line in log.lines() {
            let line: Value = serde_json::from_str(line).expect("the log is JSONL");
            let text = |field: &str| line[field].as_str().expect("the log has it").to_owned();
            let commit = text("commit");
            // A name is never given to another commit.
            let before = known.insert(text("path").into(), commit.clone());
            assert!(before.is_none_or(|before| before == commit), "{} was another commit", text("path"));
        }
    }
    known.get(relative).cloned()
}

/// The working set moves all the time; what is opened of it is one content.
fn read_live(root: &Path, ledger: &Ledger) {
    let read = |path: PathBuf| -> io::Result<()> {
        let mut file = File::open(&path)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        assert_eq!(
            file.metadata()?.len(),
            bytes.len() as u64,
            "stat and read disagree on {}",
            path.display()
        );
        assert!(bytes.is_empty() || bytes.ends_with(b"\n"), "{} is cut", path.display());
        Ok(())
    };
    if let Err(error) = read(root.join("live/issues.jsonl")) {
        // Each state of it lasts for an instant only, and may be collected before it was read.
        let is_right = matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ESTALE | libc::EIO));
        assert!(is_right, "live/: {error}");
        ledger.count(|tally| tally.gone += 1);
    }
}

/// Checks all files of a commit that has to be there.
#[track_caller]
pub fn check_commit(mount: &Mount, ledger: &Ledger, commit: &str) {
    let folder = mount.path(&format!("live/commits/{commit}"));
    let names = ledger.names(commit).unwrap_or_else(|| panic!("the server was never asked about {commit}"));
    for name in names {
        let bytes = read_whole(&folder.join(&name));
        let bytes =
            bytes.unwrap_or_else(|error| panic!("{name} of {commit}, which a branch reaches: {error}"));
        ledger.saw(commit, &name, bytes);
    }
}
