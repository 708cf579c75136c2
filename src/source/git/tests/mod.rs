//! Against real git: whatever it says of a repository, the source has to show.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use jiff::tz::TimeZone;

use super::{GitPlace, GitSource};
use crate::content::{ErrorKind, FileEntry, FileKind, SourceError};
use crate::files::root::Links;
use crate::model::content_id::ContentId;
use crate::model::time::Timestamp;
use crate::source::testing::*;
use crate::source::{Database, Source};

mod agreement;
mod confined;
mod copies;
mod damage;
mod formats;
mod hostile;
mod layouts;
mod people;
mod polling;
mod shapes;
mod verify;
mod within;

/// A repository made by real git.
struct Repo {
    folder: tempfile::TempDir,
    path: PathBuf,
    /// Seconds since 1970 of the last commit.
    clock: std::cell::Cell<i64>,
}

impl Repo {
    fn new() -> Self {
        Self::with(&[])
    }

    fn with(options: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("work");
        fs::create_dir(&path).unwrap();
        let repo = Self { folder, path, clock: std::cell::Cell::new(1_700_000_000) };
        repo.git(&[&["init", "-q", "-b", "main"], options].concat());
        repo
    }

    /// What git says, without the line feed at its end.
    fn git(&self, args: &[&str]) -> String {
        self.git_with(args, b"")
    }

    fn git_with(&self, args: &[&str], input: &[u8]) -> String {
        let out = String::from_utf8(self.git_in(&self.path, args, input)).expect("git speaks UTF-8 here");
        out.trim_end_matches('\n').to_owned()
    }

    fn git_bytes(&self, args: &[&str]) -> Vec<u8> {
        self.git_in(&self.path, args, b"")
    }

    fn git_in(&self, folder: &Path, args: &[&str], input: &[u8]) -> Vec<u8> {
        let date = format!("{} +0200", self.clock.get());
        let mut child = Command::new("git")
            .args(["-c", "user.name=Someone", "-c", "user.email=someone@example.org"])
            .args(["-c", "protocol.file.allow=always", "-c", "gc.auto=0", "-c", "maintenance.auto=false"])
            .args(args)
            .current_dir(folder)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_SYSTEM", "/dev/null")
            .env("GIT_AUTHOR_DATE", &date)
            .env("GIT_COMMITTER_DATE", &date)
            .env("LC_ALL", "C.UTF-8")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("git is installed");
        // Git may not want it.
        let _ = child.stdin.take().expect("it is piped").write_all(input);
        let done = child.wait_with_output().expect("git ends");
        assert!(done.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&done.stderr));
        done.stdout
    }

    /// The hash of what a name stands for.
    fn id(&self, name: &str) -> String {
        self.git(&["rev-parse", name])
    }

    /// The commits that `git log` lists, newest first. It never lists an empty commit for a path.
    fn log(&self, args: &[&str]) -> Vec<String> {
        self.git(&[&["log", "--format=%H"], args].concat()).lines().map(str::to_owned).collect()
    }

    fn blob(&self, bytes: impl AsRef<[u8]>) -> String {
        self.git_with(&["hash-object", "-w", "--stdin"], bytes.as_ref())
    }

    /// An object of these bytes, whether git would make it or not.
    fn literal(&self, kind: &str, bytes: &[u8]) -> String {
        self.git_with(&["hash-object", "-t", kind, "-w", "--stdin", "--literally"], bytes)
    }

    /// Makes a commit the newest one of `main`.
    fn advance(&self, commit: &str) {
        self.git(&["update-ref", "refs/heads/main", commit]);
    }

    /// Puts all objects into packs.
    fn pack(&self) {
        self.git(&["gc", "-q", "--prune=now"]);
    }

    /// The place of a clone beside it.
    fn cloned(&self, options: &[&str], name: &str) -> String {
        let from = format!("file://{}", self.place());
        self.git_in(self.folder.path(), &[&["clone", "-q"], options, &[&from, name]].concat(), b"");
        self.beside(name)
    }

    fn beside(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn write(&self, path: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path.join(path);
        fs::create_dir_all(path.parent().expect("below the folder")).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// Commits all files, ten minutes after the last commit.
    fn commit(&self, message: &str) -> String {
        self.clock.set(self.clock.get() + 600);
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", message]);
        self.id("HEAD")
    }

    /// Writes one file and commits it.
    fn change(&self, path: &str, text: &str) -> String {
        self.write(path, text);
        self.commit(&format!("change {path}"))
    }

    fn place(&self) -> String {
        self.path.display().to_string()
    }

    fn open(&self) -> GitSource {
        open(&self.place())
    }

    /// Opens a path in it.
    fn open_at(&self, path: &str) -> GitSource {
        open(&format!("{}/{path}", self.place()))
    }

    /// What `sqlite3` says to some SQL on a file of the work tree.
    fn sqlite(&self, path: &str, sql: &str) -> String {
        let path = self.path.join(path);
        fs::create_dir_all(path.parent().expect("below the folder")).unwrap();
        sqlite(&path, sql)
    }

    fn shell(&self, script: &str) -> Vec<u8> {
        shell(&self.path, script)
    }

    /// The file of a loose object.
    fn loose(&self, id: &str) -> PathBuf {
        self.path.join(".git/objects").join(&id[..2]).join(&id[2..])
    }

    /// Takes an object away, and gives it back when it is called.
    fn take(&self, id: &str) -> impl FnOnce() + use<> {
        let path = self.loose(id);
        let whole = fs::read(&path).expect("it is loose");
        fs::remove_file(&path).unwrap();
        move || fs::write(&path, whole).unwrap()
    }
}

fn open(place: &str) -> GitSource {
    try_open(place, None).unwrap_or_else(|error| panic!("{place}: {}", error.chain()))
}

fn try_open(place: &str, name: Option<&str>) -> Result<GitSource, SourceError> {
    try_open_with(place, name, Links::Beneath)
}

fn try_open_with(place: &str, name: Option<&str>, links: Links) -> Result<GitSource, SourceError> {
    let place = GitPlace::parse(OsStr::new(place))?;
    GitSource::open(place, name.map(str::to_owned), Some(TimeZone::UTC), links)
}

/// Why a place cannot be opened, or not be looked at.
async fn refused(place: &str, name: Option<&str>) -> SourceError {
    match try_open(place, name) {
        Err(error) => error,
        Ok(source) => source.poll().await.err().unwrap_or_else(|| panic!("{place} opens")),
    }
}

/// What is known of files beside their bytes.
fn facts(files: &[FileEntry]) -> Vec<(Arc<str>, ContentId, Timestamp, u32)> {
    files.iter().map(|file| (Arc::clone(&file.path), file.id, file.changed, file.links)).collect()
}

/// What git has at a commit, by path: mode and bytes.
fn tree_of(repo: &Repo, commit: &str) -> BTreeMap<String, (FileKind, Vec<u8>)> {
    let listing = repo.git(&["ls-tree", "-r", "-z", commit]);
    let file = |entry: &str| {
        let (facts, path) = entry.split_once('\t')?;
        let facts: Vec<&str> = facts.split(' ').collect();
        let kind = match facts[0] {
            "100644" => FileKind::Regular,
            "100755" => FileKind::Executable,
            "120000" => FileKind::Symlink,
            _ => return None,
        };
        Some((path.to_owned(), (kind, repo.git_bytes(&["cat-file", "blob", facts[2]]))))
    };
    listing.split('\0').filter_map(file).collect()
}

/// All files of a snapshot, as [`tree_of`] has them.
async fn shown(database: &Arc<dyn Database>, commit: &str) -> BTreeMap<String, (FileKind, Vec<u8>)> {
    let mut shown = BTreeMap::new();
    for file in files(database, commit).await.iter() {
        let bytes = read(&file.content).await;
        assert_eq!(file.content.stated_len(), Some(bytes.len() as u64), "{}", file.path);
        shown.insert(file.path.to_string(), (file.kind, bytes));
    }
    shown
}

/// Checks that every file of a snapshot is what git has there.
async fn assert_is_tree(repo: &Repo, database: &Arc<dyn Database>, commit: &str) {
    assert_eq!(shown(database, commit).await, tree_of(repo, commit), "{commit}");
}
