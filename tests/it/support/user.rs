//! Other users of the machine, by their numbers: no account is made for them. Only root can act as one.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;

use super::command::{Outcome, run};
use super::mount::Mount;

/// A user without a name, in a group of their own and perhaps in another one.
#[derive(Debug, Clone, Copy)]
pub struct User {
    id: u32,
    group: Option<u32>,
}

/// What came of reading a file.
#[derive(Debug, PartialEq, Eq)]
pub enum Read {
    Bytes(String),
    /// EACCES, of the file or of a folder on the way.
    Refused,
}

impl User {
    pub const fn new(id: u32) -> Self {
        Self { id, group: None }
    }

    pub const fn in_group(self, group: u32) -> Self {
        Self { group: Some(group), ..self }
    }

    /// Runs a program as this user in a folder, which root enters before: what is above it is not asked.
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

/// Whether the tests run as root; says that this one does not run where they do not.
pub fn can_be_others(test: &str) -> bool {
    let can = rustix::process::getuid().is_root();
    if !can {
        super::tell(&format!("NOT RUN: {test}: only root can act as other users"));
    }
    can
}

/// A new temporary folder that all users may pass, as may those above it.
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

/// Lets everybody read all that is below a folder.
pub fn open_all(folder: &Path) {
    run("chmod").args(["-R", "a+rX"]).arg(folder).ok();
}
