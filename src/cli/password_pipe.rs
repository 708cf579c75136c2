//! Takes the password out of the environment and hands it to child processes through a pipe.
//!
//! `/proc` shows the environment that a process was started with as long as it runs, and its children inherit it. So a
//! program that finds the password there starts itself again without it, and passes it over stdin (ADR 12).

use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use zeroize::Zeroizing;

use super::failure::Failure;
use super::password::{VARIABLE, keep_from_dumps};

/// Set in the environment of a process that gets the password over its stdin.
const OVER_STDIN: &str = "ASOF_PASSWORD_OVER_STDIN";

/// Longest password, in bytes: half of what a pipe holds before anybody reads it.
const LONGEST: usize = 32 * 1024;

/// The password that this process was started with.
static GIVEN: OnceLock<Zeroizing<Vec<u8>>> = OnceLock::new();

pub(super) fn given() -> Option<&'static [u8]> {
    GIVEN.get().map(|password| password.as_slice())
}

/// Takes the password out of the environment; to do so, the program starts itself again. Must be called first.
pub(super) fn take_from_environment() -> Result<(), Failure> {
    if let Some(password) = std::env::var_os(VARIABLE) {
        let password = Zeroizing::new(password.into_encoded_bytes());
        let cannot = |error: io::Error| {
            Failure::new(format!("cannot restart without {VARIABLE} in the environment")).because(&error)
        };
        let mut again = Command::new(std::env::current_exe().map_err(cannot)?);
        let mut arguments = std::env::args_os();
        if let Some(name) = arguments.next() {
            again.arg0(name);
        }
        again.args(arguments).env_remove(VARIABLE);
        pass(&password, &mut again)?;
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

/// Passes the password of this process, if it has one, to another process of this program. Its stdin carries nothing else.
pub(super) fn pass_on(command: &mut Command) -> Result<(), Failure> {
    match given() {
        Some(password) => pass(password, command),
        None => {
            command.stdin(Stdio::null()).env_remove(OVER_STDIN);
            Ok(())
        }
    }
}

fn pass(password: &[u8], command: &mut Command) -> Result<(), Failure> {
    if password.len() > LONGEST {
        return Err(Failure::new(format!("the password in {VARIABLE} is longer than {LONGEST} bytes")));
    }
    let cannot = |error: io::Error| Failure::new("cannot pass on the password").because(&error);
    let (reader, mut writer) = io::pipe().map_err(cannot)?;
    // Does not block: the pipe holds this much.
    writer.write_all(password).map_err(cannot)?;
    command.stdin(reader).env(OVER_STDIN, "1");
    Ok(())
}

/// Reads stdin to its end, without the standard library's buffer, which would keep a copy.
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
