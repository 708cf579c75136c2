//! The server's password: where it comes from, and that nobody else gets to see it.
//!
//! The environment that a process was started with can be read in `/proc` for as long as it runs, and its children
//! inherit it. So a program that finds the password in its environment starts itself again without it and hands it over
//! through a pipe (ADR 39).

use std::io;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, OnceLock};

use rustix::process::{DumpableBehavior, Resource, Rlimit};
use zeroize::Zeroizing;

use super::Failure;
use crate::model::shell;
use crate::model::terminal::ShowPath;
use crate::source::dolt::server::{Password, ReadAgain, read_small_file};

/// Environment variable with the server's password.
const VARIABLE: &str = "ASOF_DOLT_PASSWORD";

/// Set in the environment of a process that gets the password over its stdin.
const OVER_STDIN: &str = "ASOF_PASSWORD_OVER_STDIN";

/// Largest password file, in bytes.
const LARGEST_FILE: u64 = 64 * 1024;

/// Longest password that is handed over, in bytes: half of what a pipe holds before somebody reads it.
const LONGEST: usize = 32 * 1024;

/// The password that this process was started with.
static GIVEN: OnceLock<Zeroizing<Vec<u8>>> = OnceLock::new();

/// Takes the password out of the environment, for which the program starts itself again. To be called before anything
/// else is done.
pub(super) fn take_from_environment() -> Result<(), Failure> {
    if let Some(password) = std::env::var_os(VARIABLE) {
        let password = Zeroizing::new(password.into_encoded_bytes());
        let cannot = |error: io::Error| {
            Failure::new(format!("cannot start again without the password in {VARIABLE}")).because(&error)
        };
        let mut again = Command::new(std::env::current_exe().map_err(cannot)?);
        let mut arguments = std::env::args_os();
        if let Some(name) = arguments.next() {
            again.arg0(name);
        }
        again.args(arguments).env_remove(VARIABLE);
        hand(&password, &mut again)?;
        return Err(cannot(again.exec()));
    }
    if std::env::var_os(OVER_STDIN).is_some() {
        let cannot = |error: io::Error| Failure::new("cannot read the password over stdin").because(&error);
        // Before the password is in memory.
        keep_from_dumps();
        let _ = GIVEN.set(read_stdin().map_err(cannot)?);
        let null = std::fs::File::open("/dev/null").map_err(cannot)?;
        rustix::stdio::dup2_stdin(&null).map_err(|error| cannot(error.into()))?;
    }
    Ok(())
}

/// Hands the password that this process was started with to another one of this program, which gets nothing else on its
/// stdin.
pub(super) fn hand_to(command: &mut Command) -> Result<(), Failure> {
    match GIVEN.get() {
        Some(password) => hand(password, command),
        None => {
            command.stdin(Stdio::null()).env_remove(OVER_STDIN);
            Ok(())
        }
    }
}

fn hand(password: &[u8], command: &mut Command) -> Result<(), Failure> {
    if password.len() > LONGEST {
        return Err(Failure::new(format!("the password in {VARIABLE} is longer than {LONGEST} bytes")));
    }
    let cannot = |error: io::Error| Failure::new("cannot hand over the password").because(&error);
    let (reader, mut writer) = io::pipe().map_err(cannot)?;
    // A pipe holds this much before anybody reads.
    io::Write::write_all(&mut writer, password).map_err(cannot)?;
    command.stdin(reader).env(OVER_STDIN, "1");
    Ok(())
}

/// Reads stdin to its end, not through the standard library's buffer, which would keep a copy.
fn read_stdin() -> io::Result<Zeroizing<Vec<u8>>> {
    let mut password = Zeroizing::new(vec![0; LONGEST + 1]);
    let mut length = 0;
    while length < password.len() {
        match rustix::io::read(rustix::stdio::stdin(), &mut password[length..]) {
            Ok(0) => break,
            Ok(more) => length += more,
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    password.truncate(length);
    Ok(password)
}

/// The password from `file` if one is named, else the one that the program was started with.
pub(super) fn password(file: Option<&Path>) -> Result<Option<Password>, Failure> {
    let Some(path) = file else {
        let Some(given) = GIVEN.get() else { return Ok(None) };
        let password = std::str::from_utf8(given).map_err(|_| {
            Failure::new(format!("the password in {VARIABLE} is not UTF-8"))
                .hint("Dolt takes passwords as UTF-8; set it in a UTF-8 terminal")
        })?;
        return Ok(Some(password.into()));
    };
    keep_from_dumps();
    let shown = path.shown();
    let bytes =
        read_small_file(path, LARGEST_FILE, |file| private(path, file)).map_err(|unread| match unread {
            Unread::Refused(failure) => failure,
            Unread::Io(error) => Failure::new(format!("cannot read the password file {shown}"))
                .because(&error)
                .hint(format!("the file holds the password alone and is yours to read; or set {VARIABLE}")),
        })?;
    let text = std::str::from_utf8(&bytes)
        .map_err(|_| Failure::new(format!("the password file {shown} is not UTF-8")))?;
    Ok(Some(text.trim_end_matches(['\n', '\r']).into()))
}

/// How to read the password from `file` again.
pub(super) fn read_again(file: PathBuf) -> ReadAgain {
    // The process in the background works in another folder.
    let file = std::path::absolute(&file).unwrap_or(file);
    Arc::new(move || match password(Some(&file)) {
        Ok(password) => password,
        Err(failure) => {
            tracing::warn!(
                "the server refuses the password, and it cannot be read again: {}",
                failure.message()
            );
            None
        }
    })
}

enum Unread {
    Io(io::Error),
    Refused(Failure),
}

impl From<io::Error> for Unread {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Refuses a file that others may read or that is somebody else's.
fn private(path: &Path, file: &std::fs::Metadata) -> Result<(), Unread> {
    const GROUP: u32 = 0o070;
    const OTHERS: u32 = 0o007;
    let shown = path.shown();
    let own = rustix::process::geteuid().as_raw();
    if file.uid() != own && file.uid() != 0 {
        let failure = Failure::new(format!("the password file {shown} belongs to another user"));
        return Err(Unread::Refused(failure.hint("it has to be yours or root's")));
    }
    let open = if file.gid() == 0 { OTHERS } else { OTHERS | GROUP };
    if file.mode() & open != 0 {
        let mode = file.mode() & 0o7777;
        let failure =
            Failure::new(format!("others may use the password file {shown} (its mode is {mode:04o})"));
        return Err(Unread::Refused(failure.hint(shell::command("chmod 600", path))));
    }
    Ok(())
}

/// Keeps this process's memory out of core dumps, and other processes of the same user from reading it. What fails is no
/// reason not to work.
fn keep_from_dumps() {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    let limited = rustix::process::setrlimit(Resource::Core, none);
    let hidden = rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable);
    if let Err(error) = limited.and(hidden) {
        tracing::debug!(%error, "a crash may leave the password in a core dump");
    }
}
