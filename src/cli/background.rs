//! Going to the background: the command starts a second process of this program and waits until it reports that the tree
//! answers. Unlike a fork, this is safe after threads have started.

use std::io::{self, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};

use super::failure::Failure;
use super::{logging, password_pipe};
use crate::model::terminal::ShowPath;

/// What the background process writes to its stdout, a pipe to the waiting command, when the tree answers.
const READY: &[u8] = b"ready\n";

/// Set in the environment of the background process.
const IN_BACKGROUND: &str = "ASOF_IN_BACKGROUND";

/// How often the background process checks that the command still waits.
const ABANDONED_CHECK: Duration = Duration::from_millis(200);

pub(super) fn is_here() -> bool {
    std::env::var_os(IN_BACKGROUND).is_some()
}

/// Starts the background process with the same arguments, and waits until it is ready or has failed.
pub(super) fn start(log_file: &Path) -> Result<(), Failure> {
    let cannot = |error: io::Error| Failure::new("cannot start the background process").because(&error);
    let program = std::env::current_exe().map_err(cannot)?;
    keep_descriptors_from_children().map_err(cannot)?;
    let mut command = Command::new(program);
    command.args(std::env::args_os().skip(1)).env(IN_BACKGROUND, "1").stdout(Stdio::piped());
    password_pipe::pass_on(&mut command)?;
    let mut child = command.spawn().map_err(cannot)?;
    // Closes this end of the pipe with the password.
    drop(command);
    let mut reported = Vec::new();
    if let Some(mut stdout) = child.stdout.take() {
        stdout.read_to_end(&mut reported).map_err(cannot)?;
    }
    if reported == READY {
        return Ok(());
    }
    // It has printed the reason on stderr, unless it was killed.
    let status = child.wait().map_err(cannot)?;
    match status.code() {
        Some(code) => std::process::exit(code.max(1)),
        None => Err(Failure::new(format!("the background process ended: {status}"))
            .hint(format!("its log: {}", log_file.shown()))),
    }
}

/// Marks all descriptors except the standard three as close-on-exec. Otherwise the mount would hold locks and pipes of the
/// caller open as long as it lives.
fn keep_descriptors_from_children() -> io::Result<()> {
    let (first, last, flags) = (3, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC);
    // SAFETY: with CLOSE_RANGE_CLOEXEC the call closes nothing and touches no memory; it sets a flag on
    // descriptors that take effect at exec, and this process goes on using none but the standard three and its own.
    #[allow(unsafe_code)]
    let outcome = unsafe { libc::syscall(libc::SYS_close_range, first, last, flags) };
    match io::Error::last_os_error() {
        _ if outcome == 0 => Ok(()),
        // Kernels before 5.11 do not know the flag: the descriptors stay open, and the mount works all the same.
        error if matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EINVAL)) => Ok(()),
        error => Err(error),
    }
}

/// In the background process: leaves the terminal's session, whose end then does not end the mount, and logs.
pub(super) fn detach(log_file: &Path) -> Result<(), Failure> {
    // Fails only for the leader of a process group, which is detached enough.
    let _ = rustix::process::setsid();
    logging::to_file(log_file)
}

/// In the background process, before it is ready: returns once the waiting command has ended (^C, say).
#[allow(clippy::disallowed_methods, reason = "the pipe to the waiting command, not a terminal")]
pub(super) async fn abandoned() {
    loop {
        tokio::time::sleep(ABANDONED_CHECK).await;
        let stdout = io::stdout();
        let mut pipe = [PollFd::new(&stdout, PollFlags::empty())];
        // The write end of a pipe reports an error once its last reader is gone (poll(2)).
        let polled = rustix::event::poll(&mut pipe, Some(&Timespec::default()));
        if polled.is_ok() && pipe[0].revents().contains(PollFlags::ERR) {
            return;
        }
    }
}

/// Reports to the waiting command that the tree answers, and releases its terminal.
#[allow(clippy::disallowed_methods, reason = "the pipe to the waiting command, not a terminal")]
pub(super) fn report_ready() -> Result<(), Failure> {
    let cannot = |error: io::Error| Failure::new("cannot go to the background").because(&error);
    // Keeps the caller's working folder free to be unmounted or removed.
    std::env::set_current_dir("/").map_err(cannot)?;
    let null = std::fs::File::options().read(true).write(true).open("/dev/null").map_err(cannot)?;
    let mut stdout = io::stdout();
    stdout.write_all(READY).and_then(|()| stdout.flush()).map_err(cannot)?;
    rustix::stdio::dup2_stderr(&null).map_err(|e| cannot(e.into()))?;
    // Last, because the command returns when this pipe is closed.
    rustix::stdio::dup2_stdout(&null).map_err(|e| cannot(e.into()))
}
