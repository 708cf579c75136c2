//! Work trees of real git, as sources.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;

use super::git::git;
use super::mount::Mount;
use super::temp_dir;

/// A work tree that real git made.
pub struct Work {
    pub folder: tempfile::TempDir,
    pub path: PathBuf,
}

impl Work {
    pub fn new() -> Self {
        let folder = temp_dir();
        let path = folder.path().join("code");
        fs::create_dir(&path).expect("the folder is ours");
        git(&path).args(["init", "-q", "-b", "main"]).ok();
        Self { folder, path }
    }

    /// Runs git there and returns its output.
    pub fn git(&self, args: &[&str]) -> String {
        git(&self.path).args(args).ok().trim_end_matches('\n').to_owned()
    }

    pub fn write(&self, path: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path.join(path);
        fs::create_dir_all(path.parent().expect("below the folder")).expect("the folder is ours");
        fs::write(path, bytes).expect("the folder is ours");
    }

    /// Commits everything at a time in January 2026.
    pub fn commit(&self, message: &str, time: &str) -> String {
        self.git(&["add", "-A"]);
        let date = format!("2026-01-{time}Z");
        let commit = git(&self.path).args(["commit", "-q", "--allow-empty", "-m", message]);
        commit.env("GIT_AUTHOR_DATE", &date).env("GIT_COMMITTER_DATE", &date).ok();
        self.git(&["rev-parse", "HEAD"])
    }

    #[track_caller]
    pub fn mount(&self) -> Mount {
        Mount::new(&[self.path.display().to_string()])
    }
}

/// Three commits with a script, links that stay inside and links that do not, and a tag.
pub fn tour() -> Work {
    let work = Work::new();
    work.write("README.md", "read me\n");
    work.write("src/main.rs", "fn main() {}\n");
    work.commit("begin", "01T12:00:00");
    work.write("bin/run", "#!/bin/sh\necho run\n");
    fs::set_permissions(work.path.join("bin/run"), fs::Permissions::from_mode(0o755)).expect("it is ours");
    symlink("../src/main.rs", work.path.join("bin/main")).expect("the folder is ours");
    symlink("/etc/hostname", work.path.join("outside")).expect("the folder is ours");
    symlink("nowhere", work.path.join("dangling")).expect("the folder is ours");
    work.commit("scripts and links", "02T12:00:00");
    work.git(&["tag", "-a", "-m", "first", "v1/first"]);
    work.write("src/main.rs", "fn main() { println!(\"2\") }\n");
    work.commit("say 2", "03T12:00:00");
    work
}
