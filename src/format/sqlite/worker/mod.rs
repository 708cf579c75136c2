//! Runs queries that the file defines in a process of their own, which can be killed.
//!
//! Within a process, nothing ends a function of SQLite that runs for hours, or takes its memory back. So `asof` starts
//! itself again for each such query, with the database as standard input and a socket as standard output. The process
//! limits itself ([`process`]), and is killed when nobody waits for its answer.

use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::limits::Limits;
use super::problem::{Result, SqliteProblem};
use super::query::Query;
use super::ran_out::RanOut;
use super::rows::Take;
use crate::content::Wanted;

mod exit;
mod frame;
mod process;

use frame::{Frame, Request};

pub use process::answer_one;

/// The first argument of a process that answers one query.
pub const ARGUMENT: &str = "--answer-sqlite-query";

/// Time between two checks whether anybody waits.
const LOOK: Duration = Duration::from_millis(200);

/// How long a process may be silent beyond the time that its query may run. It should have ended itself by then.
const GRACE: Duration = Duration::from_secs(10);

/// Whether this program handles [`ARGUMENT`].
static HAS_PROCESSES: AtomicBool = AtomicBool::new(false);

/// Declares that this program calls [`answer_one`] when its first argument is [`ARGUMENT`]. Without it, as in a program
/// that only uses the library, queries run in a thread, with a limited number of steps.
pub fn use_processes() {
    HAS_PROCESSES.store(true, Ordering::Relaxed);
}

/// Asks the database in `file`.
pub(super) fn ask(query: &Query, file: &File, wanted: &Wanted, take: Take<'_>) -> Result<()> {
    let limits = Limits::of(query, file.metadata()?.len());
    let request = Request { query: query.clone(), limits };
    let (ours, theirs) = UnixStream::pair()?;
    ours.set_read_timeout(Some(LOOK))?;
    let file = file.try_clone()?;
    let mut running = Running::start(file, theirs)?;
    let request = serde_json::to_vec(&request).map_err(std::io::Error::other)?;
    // If the process has ended already, its answer shows that.
    let _ = frame::write(&mut &ours, Frame::Request, &request).and_then(|()| (&ours).flush());
    let mut heard = Instant::now();
    loop {
        let patience = || {
            if !wanted.is_wanted() {
                return Err(SqliteProblem::Closed);
            }
            let is_late = heard.elapsed() > limits.running + GRACE;
            if is_late { Err(SqliteProblem::RanOut(RanOut::Time(limits.running))) } else { Ok(()) }
        };
        match frame::read(&ours, limits.memory, patience)? {
            Some((Frame::Piece, piece)) => take(piece.into()).map_err(|_| SqliteProblem::Closed)?,
            Some((Frame::Done, _)) => return Ok(()),
            Some((Frame::Problem, report)) => {
                let report = serde_json::from_slice(&report).map_err(std::io::Error::other)?;
                return Err(SqliteProblem::Reported(report));
            }
            Some((Frame::OutOfMemory, _)) => {
                return Err(SqliteProblem::RanOut(RanOut::Memory(limits.memory)));
            }
            Some((Frame::Request, _)) | None => {
                return Err(SqliteProblem::RanOut(running.how_it_ended(&limits)));
            }
        }
        heard = Instant::now();
    }
}

/// A running query, which is ended when this is dropped.
enum Running {
    Process(Child),
    Thread,
}

impl Running {
    fn start(file: File, socket: UnixStream) -> std::io::Result<Self> {
        if !HAS_PROCESSES.load(Ordering::Relaxed) {
            let answer = move || process::answer_in_thread(&file, socket);
            std::thread::Builder::new().name("sqlite".to_owned()).spawn(answer)?;
            return Ok(Self::Thread);
        }
        let mut command = Command::new("/proc/self/exe");
        command.arg0("asof").arg(ARGUMENT).current_dir("/").env_clear();
        // Where SQLite puts temporary files.
        for name in ["SQLITE_TMPDIR", "TMPDIR"] {
            command.envs(std::env::var_os(name).map(|value| (name, value)));
        }
        command.stdin(file).stdout(OwnedFd::from(socket)).stderr(Stdio::null());
        command.spawn().map(Self::Process)
    }

    /// Why it ended without an answer.
    fn how_it_ended(&mut self, limits: &Limits) -> RanOut {
        match self {
            Self::Process(child) => match child.wait() {
                Ok(status) => exit::meaning(status, limits),
                Err(error) => RanOut::Ended(error.to_string()),
            },
            Self::Thread => RanOut::Ended("it panicked".to_owned()),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Self::Process(child) = self {
            // Both fail only if it has ended and was waited for.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
