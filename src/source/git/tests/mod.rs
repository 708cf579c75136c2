//! Against real git: whatever it says of a repository, the source has to show.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use super::{GitPlace, GitSource};
use crate::content::{Content, FileEntry, FileKind, Sink, SourceError};
use crate::files::root::Links;
use crate::model::history::SnapshotMeta;
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
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("work");
        std::fs::create_dir(&path).expect("the folder is ours");
        let repo = Self { folder, path, clock: std::cell::Cell::new(1_700_000_000) };
        repo.git(&[&["init", "-q", "-b", "main"], options].concat());
        repo
    }

    /// What git says, without the line feed at its end.
    fn git(&self, args: &[&str]) -> String {
        let out = self.git_in(&self.path, args, b"");
        String::from_utf8(out).expect("git speaks UTF-8 here").trim_end_matches('\n').to_owned()
    }

    fn git_with(&self, args: &[&str], input: &[u8]) -> String {
        let out = self.git_in(&self.path, args, input);
        String::from_utf8(out).expect("git speaks UTF-8 here").trim_end_matches('\n').to_owned()
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
        let mut stdin = child.stdin.take().expect("it is piped");
        // Git may not want it.
        let _ = stdin.write_all(input);
        drop(stdin);
        let done = child.wait_with_output().expect("git ends");
        assert!(done.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&done.stderr));
        done.stdout
    }

    fn write(&self, path: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path.join(path);
        std::fs::create_dir_all(path.parent().expect("below the folder")).expect("the folder is ours");
        std::fs::write(path, bytes).expect("the folder is ours");
    }

    /// Commits all files, ten minutes after the last commit.
    fn commit(&self, message: &str) -> String {
        self.clock.set(self.clock.get() + 600);
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", message]);
        self.git(&["rev-parse", "HEAD"])
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

    /// What `sqlite3` says to some SQL on a file of the work tree.
    fn sqlite(&self, path: &str, sql: &str) -> String {
        let path = self.path.join(path);
        std::fs::create_dir_all(path.parent().expect("below the folder")).expect("the folder is ours");
        let done = Command::new("sqlite3").arg("-bail").arg(path).arg(sql).output();
        let done = done.expect("sqlite3 is installed");
        assert!(done.status.success(), "{done:?}");
        String::from_utf8(done.stdout).expect("text")
    }

    /// Makes `live.db` with a row that is in its log alone, and copies both while they are in use.
    fn copy_with_log(&self, tables: &str, copy: &str) {
        let script = format!(
            "PRAGMA journal_mode=wal;\n{tables}\nPRAGMA wal_checkpoint(truncate);\n\
             INSERT INTO tasks VALUES (3,'in the log');\n\
             .shell cp live.db {copy} && cp live.db-wal {copy}-wal\n"
        );
        let mut child = Command::new("sqlite3")
            .args(["-bail", "live.db"])
            .current_dir(&self.path)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("sqlite3 is installed");
        let mut stdin = child.stdin.take().expect("it is piped");
        stdin.write_all(script.as_bytes()).expect("sqlite3 reads");
        drop(stdin);
        assert!(child.wait().expect("sqlite3 ends").success());
    }

    /// The file of a loose object.
    fn loose(&self, id: &str) -> PathBuf {
        self.path.join(".git/objects").join(&id[..2]).join(&id[2..])
    }
}

fn open(place: &str) -> GitSource {
    try_open(place, None).unwrap_or_else(|error| panic!("{place}: {}", error.chain()))
}

fn try_open(place: &str, name: Option<&str>) -> Result<GitSource, SourceError> {
    try_open_with(place, name, Links::Beneath)
}

fn try_open_with(place: &str, name: Option<&str>, links: Links) -> Result<GitSource, SourceError> {
    let zone = Some(jiff::tz::TimeZone::UTC);
    GitSource::open(GitPlace::parse(std::ffi::OsStr::new(place))?, name.map(str::to_owned), zone, links)
}

async fn databases(source: &GitSource) -> BTreeMap<String, Arc<dyn Database>> {
    let found = source.poll().await.unwrap_or_else(|error| panic!("{}", error.chain()));
    let found = found.expect("the first look always finds");
    found.into_iter().map(|database| (database.name().to_owned(), database)).collect()
}

/// The only database.
async fn database(source: &GitSource) -> Arc<dyn Database> {
    let found = databases(source).await;
    assert_eq!(found.len(), 1, "{:?}", found.keys());
    found.into_values().next().expect("there is one")
}

/// What a source finds as soon as there is news. Some of it is only found by trying again.
async fn awaited(source: &GitSource) -> BTreeMap<String, Arc<dyn Database>> {
    for _ in 0..600 {
        if let Some(found) = source.poll().await.unwrap_or_else(|error| panic!("{}", error.chain())) {
            return found.into_iter().map(|database| (database.name().to_owned(), database)).collect();
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("no news in a minute");
}

fn ids(metas: &[Arc<SnapshotMeta>]) -> Vec<String> {
    metas.iter().map(|meta| meta.id.to_string()).collect()
}

async fn files(database: &Arc<dyn Database>, commit: &str) -> Vec<FileEntry> {
    let found = database.files(&commit.into()).await;
    found.unwrap_or_else(|error| panic!("{commit}: {}", error.chain())).to_vec()
}

async fn file(database: &Arc<dyn Database>, commit: &str, path: &str) -> FileEntry {
    let found = files(database, commit).await.into_iter().find(|file| &*file.path == path);
    found.unwrap_or_else(|| panic!("no {path} in {commit}"))
}

async fn read(content: &Content) -> Result<Vec<u8>, SourceError> {
    let (sink, mut pieces) = Sink::new(4);
    let gather = async move {
        let mut bytes = Vec::new();
        while let Some(piece) = pieces.recv().await {
            bytes.extend_from_slice(&piece);
        }
        bytes
    };
    let stated = content.stated_len();
    let (outcome, bytes) = tokio::join!(content.read(sink), gather);
    outcome?;
    assert!(stated.is_none_or(|len| len == bytes.len() as u64), "{}", content.describe());
    Ok(bytes)
}

/// What git has at a commit, by path: mode and bytes.
fn tree_of(repo: &Repo, commit: &str) -> BTreeMap<String, (FileKind, Vec<u8>)> {
    let listing = repo.git_bytes(&["ls-tree", "-r", "-z", commit]);
    let entries = listing.split(|byte| *byte == 0).filter(|entry| !entry.is_empty());
    let file = |entry: &[u8]| {
        let entry = String::from_utf8(entry.to_vec()).expect("names are UTF-8 in these repositories");
        let (facts, path) = entry.split_once('\t').expect("a tab stands before the path");
        let facts: Vec<&str> = facts.split(' ').collect();
        let kind = match facts[0] {
            "100644" => FileKind::Regular,
            "100755" => FileKind::Executable,
            "120000" => FileKind::Symlink,
            _ => return None,
        };
        Some((path.to_owned(), (kind, repo.git_bytes(&["cat-file", "blob", facts[2]]))))
    };
    entries.filter_map(file).collect()
}

/// Checks that every file of a snapshot is what git has there.
async fn assert_is_tree(repo: &Repo, database: &Arc<dyn Database>, commit: &str) {
    let mut shown = BTreeMap::new();
    for file in files(database, commit).await {
        let bytes = read(&file.content).await.unwrap_or_else(|error| panic!("{}", error.chain()));
        assert_eq!(file.content.stated_len(), Some(bytes.len() as u64), "{}", file.path);
        shown.insert(file.path.to_string(), (file.kind, bytes));
    }
    assert_eq!(shown, tree_of(repo, commit), "{commit}");
}
