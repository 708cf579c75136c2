//! The server's password: from a file or from the environment, kept from other users.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

use rustix::process::{DumpableBehavior, Resource, Rlimit};

use super::failure::Failure;
use super::password_pipe;
use super::user_folders::absolute;
use super::wire::{Password, ReadAgain, read_small_file};
use crate::model::shell;
use crate::model::terminal::ShowPath;

/// Environment variable with the server's password.
pub(super) const VARIABLE: &str = "ASOF_DOLT_PASSWORD";

/// Largest password file, in bytes.
const LARGEST_FILE: u64 = 64 * 1024;

/// The password from `file`, or else the one that the program was started with.
pub(super) fn password(file: Option<&Path>) -> Result<Option<Password>, Failure> {
    let Some(path) = file else {
        let Some(given) = password_pipe::given() else { return Ok(None) };
        let password = std::str::from_utf8(given).map_err(|_| {
            Failure::new(format!("the password in {VARIABLE} is not UTF-8"))
                .hint("Dolt takes passwords as UTF-8; set it in a UTF-8 terminal")
        })?;
        return Ok(Some(password.into()));
    };
    keep_from_dumps();
    let shown = path.shown();
    let check = |file: &std::fs::Metadata| check_is_private(path, file);
    let bytes = read_small_file(path, LARGEST_FILE, check).map_err(|error| match error {
        FileError::Refused(failure) => failure,
        FileError::Io(error) => {
            Failure::new(format!("cannot read the password file {shown}")).because(&error).hint(format!(
                "the file must contain only the password and be readable by you; or set {VARIABLE}"
            ))
        }
    })?;
    let text = std::str::from_utf8(&bytes)
        .map_err(|_| Failure::new(format!("the password file {shown} is not UTF-8")))?;
    Ok(Some(text.trim_end_matches(['\n', '\r']).into()))
}

/// Reads the password from `file` again when the server refuses the old one.
pub(super) fn read_again(file: &Path) -> ReadAgain {
    let file = absolute(file);
    Arc::new(move || match password(Some(&file)) {
        Ok(password) => password,
        Err(failure) => {
            let (reason, _) = failure.into_parts();
            tracing::warn!("the server refuses the password, and asof cannot read it again: {reason}");
            None
        }
    })
}

/// Why a password file is not used.
enum FileError {
    Io(io::Error),
    Refused(Failure),
}

impl From<io::Error> for FileError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Refuses a file that others may read or that belongs to another user.
fn check_is_private(path: &Path, file: &std::fs::Metadata) -> Result<(), FileError> {
    const GROUP: u32 = 0o070;
    const OTHERS: u32 = 0o007;
    let shown = path.shown();
    let own = rustix::process::geteuid().as_raw();
    if file.uid() != own && file.uid() != 0 {
        let failure = Failure::new(format!("the password file {shown} belongs to another user"));
        return Err(FileError::Refused(failure.hint("it must belong to you or root")));
    }
    let open = if file.gid() == 0 { OTHERS } else { OTHERS | GROUP };
    if file.mode() & open != 0 {
        let mode = file.mode() & 0o7777;
        let failure =
            Failure::new(format!("others may use the password file {shown} (its mode is {mode:04o})"));
        return Err(FileError::Refused(failure.hint(shell::command("chmod 600", path))));
    }
    Ok(())
}

/// Keeps this process's memory out of core dumps and hides it from other processes. A failure is only logged.
pub(super) fn keep_from_dumps() {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    let limited = rustix::process::setrlimit(Resource::Core, none);
    let hidden = rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable);
    if let Err(error) = limited.and(hidden) {
        tracing::debug!(%error, "a crash may leave the password in a core dump");
    }
}
