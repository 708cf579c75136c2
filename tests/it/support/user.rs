//! Other users of the machine, by their numbers, without accounts. Only root can act as one.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;

use super::command::{Outcome, run};
use super::mount::Mount;

/// A user without a name, in their own group and optionally in another one.
#[derive(Debug, Clone, Copy)]
pub struct User {
    id: u32,
    group: Option<u32>,
}

/// The result of reading a file.
#[derive(Debug, PartialEq, Eq)]
pub enum Read {
    Bytes(String),
    /// EACCES, on the file or on a folder in its path.
    Refused,
}

impl User {
    pub const fn new(id: u32) -> Self {
        Self { id, group: None }
    }

    pub const fn in_group(self, group: u32) -> Self {
        Self { group: Some(group), ..self }
    }

    /// Runs a program as this user in a folder that root enters first, so that the folders above do not matter.
    pub fn run(&self, folder: &Path, program: &str, args: &[&str]) -> Outcome {
        let id = self.id.to_string();
        let groups = self.group.map_or("--clear-groups".to_owned(), |group| format!("--groups={group}"));
        let who = run("setpriv").args(["--reuid", &id, "--regid", &id, &groups, "--"]);
        who.arg(program).args(args).dir(folder).outcome()
    }

    /// Reads a file of a mount.
    #[track_caller]
    pub fn read(&self, mount: &Mount, path: &str) -> Read {
        let outcome = self.run(mount.root(), "cat", &["--", path]);
        if outcome.status.success() {
            return Read::Bytes(outcome.text());
        }
        assert!(outcome.stderr.contains("Permission denied"), "{path}: {}", outcome.stderr);
        Read::Refused
    }

    #[track_caller]
    pub fn reads(&self, mount: &Mount, path: &str) {
        let read = self.read(mount, path);
        assert!(matches!(read, Read::Bytes(_)), "{self:?} may read {path}\n{}", mount.log());
    }

    #[track_caller]
    pub fn is_refused(&self, mount: &Mount, path: &str) {
        assert_eq!(self.read(mount, path), Read::Refused, "{self:?} may not read {path}");
    }
}

/// Whether the tests run as root; if not, prints that this one does not run.
pub fn can_be_others(test: &str) -> bool {
    let can = rustix::process::getuid().is_root();
    if !can {
        super::tell(&format!("NOT RUN: {test}: only root can act as other users"));
    }
    can
}

/// A new temporary folder that all users may enter, like those above it.
pub fn public_dir() -> tempfile::TempDir {
    let dir = super::temp_dir();
    set_mode(dir.path(), 0o755);
    for folder in dir.path().ancestors() {
        let mode = folder.metadata().expect("it is there").permissions().mode();
        assert_eq!(mode & 0o011, 0o011, "{} has to let all users pass for these tests", folder.display());
    }
    dir
}

pub fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode))
        .unwrap_or_else(|e| panic!("{}: {e}", path.display()));
}

pub fn set_group(path: &Path, group: u32) {
    chown(path, None, Some(group)).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
}

/// Lets everybody read everything below a folder.
pub fn open_all(folder: &Path) {
    run("chmod").args(["-R", "a+rX"]).arg(folder).ok();
}
