//! Readers of the mounted databases.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::ledger::Ledger;
use crate::support::mount::Mount;
use crate::support::random::Random;

/// The pause between two folders, since other tests need the machine too.
const PAUSE: Duration = Duration::from_millis(80);

/// Reads one of the two databases of the mount.
pub struct Reader<'t> {
    root: PathBuf,
    ledger: &'t Ledger,
    /// Whether it is read through the server, which is not always reachable.
    is_served: bool,
}

impl<'t> Reader<'t> {
    pub fn of_files(mount: &Mount, ledger: &'t Ledger) -> Self {
        Self { root: root(mount, "live"), ledger, is_served: false }
    }

    pub fn of_server(mount: &Mount, ledger: &'t Ledger) -> Self {
        Self { root: root(mount, "served"), ledger, is_served: true }
    }

    /// Reads folders of commits by all their names until it is over.
    pub fn read(&self, seed: u64, is_over: &AtomicBool) {
        let mut random = Random::new(seed);
        let mut commits = HashMap::new();
        while !is_over.load(Ordering::Relaxed) {
            let path = choose(&self.root, &mut random);
            match path.and_then(fs::canonicalize) {
                Ok(folder) => self.read_folder(&folder, &mut commits),
                Err(error) if self.cannot_be_reached(&error) => {}
                // The name was deleted after it was listed.
                Err(error) => {
                    assert_eq!(error.raw_os_error(), Some(libc::ENOENT), "a name does not resolve");
                    self.ledger.count(|tally| tally.gone += 1);
                }
            }
            self.read_live();
            std::thread::sleep(PAUSE);
        }
    }

    /// Whether an error is allowed because the connection to the server fails now and then. Counts it.
    fn cannot_be_reached(&self, error: &io::Error) -> bool {
        let is_right = self.is_served && matches!(error.raw_os_error(), Some(libc::EIO | libc::ETIMEDOUT));
        if is_right {
            self.ledger.count(|tally| tally.failed += 1);
        }
        is_right
    }

    /// Reads all files of a commit's folder. Other errors are allowed only if the commit may be gone.
    fn read_folder(&self, folder: &Path, commits: &mut HashMap<PathBuf, String>) {
        let ledger = self.ledger;
        let Some(commit) = commit_of(&self.root, folder, commits) else {
            // It left the tree between the look-up and the log.
            ledger.count(|tally| tally.gone += 1);
            return;
        };
        let may_be_gone = |what: &Path, error: &io::Error| {
            if self.cannot_be_reached(error) {
                return;
            }
            let is_right = matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ESTALE | libc::EIO));
            assert!(is_right && ledger.is_doomed(&commit), "{} of {commit}: {error}", what.display());
            ledger.count(|tally| tally.gone += 1);
        };
        // Keeps the folder open: when its commit leaves the timeline, the name becomes a link to that time's
        // snapshot.
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
                    match self.read_whole(&within.join(&name)) {
                        Ok(bytes) => ledger.saw(&commit, name.to_str().expect("names are UTF-8"), bytes),
                        Err(error) => may_be_gone(&folder.join(&name), &error),
                    }
                }
            }
        }
    }

    /// A file's bytes; checks its size before, while open and after against their number.
    fn read_whole(&self, path: &Path) -> io::Result<Vec<u8>> {
        let begun = Instant::now();
        let read = || {
            let before = fs::metadata(path)?.len();
            let mut file = File::open(path)?;
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            let sizes = [before, file.metadata()?.len()];
            assert_eq!(sizes, [bytes.len() as u64; 2], "stat and read disagree on {}", path.display());
            Ok(bytes)
        };
        let read = read();
        self.ledger.count(|tally| {
            tally.longest = tally.longest.max(begun.elapsed());
            tally.served += usize::from(self.is_served && read.is_ok());
        });
        read
    }

    /// The working set changes all the time, but an open file is one content.
    fn read_live(&self) {
        let read = |path: PathBuf| -> io::Result<()> {
            let mut file = File::open(&path)?;
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            let size = file.metadata()?.len();
            assert_eq!(size, bytes.len() as u64, "stat and read disagree on {}", path.display());
            assert!(bytes.is_empty() || bytes.ends_with(b"\n"), "{} is cut", path.display());
            Ok(())
        };
        if let Err(error) = read(self.root.join("live/issues.jsonl"))
            && !self.cannot_be_reached(&error)
        {
            // Each state of it lasts only an instant, and may be collected before it is read.
            let is_right = matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ESTALE | libc::EIO));
            assert!(is_right, "live/: {error}");
            self.ledger.count(|tally| tally.gone += 1);
        }
    }

    /// Checks all files of a commit that must exist.
    #[track_caller]
    pub fn check_commit(&self, commit: &str) {
        let folder = self.root.join("commits").join(commit);
        let names = self.ledger.names(commit);
        let names = names.unwrap_or_else(|| panic!("the server was never asked about {commit}"));
        for name in names {
            let bytes = self.read_whole(&folder.join(&name));
            let bytes =
                bytes.unwrap_or_else(|error| panic!("{name} of {commit}, which a branch reaches: {error}"));
            self.ledger.saw(commit, &name, bytes);
        }
    }
}

fn root(mount: &Mount, database: &str) -> PathBuf {
    fs::canonicalize(mount.path(database)).expect("the database is mounted")
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

/// The commit of a folder, from its name or from the log.
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
