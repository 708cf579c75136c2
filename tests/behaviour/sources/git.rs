//! A git repository whose commits hold the tables as files.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use asof::files::root::Links;
use asof::source::git::{GitPlace, GitSource};
use asof::source::{Capabilities, Source};

use super::{all_files, damage_needle, restrict};
use crate::fixture::{Calendar, Fixture, HOSTILE, Tables, lines};
use crate::support::git::git;
use crate::support::temp_dir;

/// A repository with a work tree.
pub struct Repository {
    folder: tempfile::TempDir,
    calendar: Calendar,
}

impl Repository {
    fn write(&self, tables: &Tables) {
        for (name, rows) in tables.each() {
            fs::write(self.folder.path().join(format!("{name}.jsonl")), lines(rows))
                .expect("the folder is ours");
        }
    }

    fn git(&self, args: &[&str]) -> String {
        git(self.folder.path()).args(args).ok()
    }

    fn commit_all(&mut self) {
        let date = self.calendar.next("%Y-%m-%dT%H:%M:%SZ");
        self.git(&["add", "-A"]);
        let commit = git(self.folder.path()).env("GIT_COMMITTER_DATE", &date).env("GIT_AUTHOR_DATE", &date);
        commit.args(["commit", "-q", "-m", "a commit"]).ok();
    }
}

impl Fixture for Repository {
    fn new() -> Self {
        let folder = temp_dir();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("the folder is ours");
        let repository = Self { folder, calendar: Calendar::default() };
        repository.git(&["init", "-q", "-b", "main"]);
        // Blobs are stored without compression, so that a text in them can be found and damaged.
        repository.git(&["config", "core.compression", "0"]);
        repository
    }

    fn expected(&self) -> Capabilities {
        Capabilities {
            commits: true,
            branches: true,
            tags: true,
            permissions: true,
            ..Capabilities::default()
        }
    }

    fn open(&self) -> Arc<dyn Source> {
        let place = GitPlace::whole(self.folder.path()).expect("a repository");
        let source = GitSource::open(place, None, None, Links::Beneath);
        Arc::new(source.unwrap_or_else(|error| panic!("{}", error.chain())))
    }

    fn commit(&mut self, tables: &Tables) {
        self.write(tables);
        self.commit_all();
    }

    fn path(&self, table: &str) -> Option<String> {
        Some(format!("{table}.jsonl"))
    }

    fn key(&self) -> Option<Vec<String>> {
        None
    }

    fn tag(&mut self) {
        self.git(&["tag", "v1.0"]);
    }

    fn branch(&mut self) {
        self.git(&["branch", "other"]);
    }

    fn restrict(&mut self) {
        restrict(self.folder.path());
    }

    fn damage(&mut self) -> bool {
        let objects = all_files(&self.folder.path().join(".git/objects"));
        let damaged = objects.iter().filter(|object| damage_needle(object)).count();
        assert_eq!(damaged, 1, "one blob has the needle");
        true
    }

    fn commit_hostile(&mut self, tables: &Tables) -> usize {
        self.write(tables);
        // A work tree cannot hold the others.
        let held = HOSTILE.iter().filter(|name| !name.contains('/') && **name != "..");
        for name in held.clone() {
            fs::write(self.folder.path().join(Path::new(name)), name).expect("the folder is ours");
        }
        self.commit_all();
        held.count()
    }
}
