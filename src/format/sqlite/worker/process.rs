//! The process that answers one query: it limits itself before it opens the file.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use rusqlite::ErrorCode;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{
    Resource, Rlimit, Signal, getrlimit, set_parent_process_death_signal, setpriority_process, setrlimit,
};
use rustix::stdio;

use super::super::connection::{Bound, Connected};
use super::super::limits::Limits;
use super::super::problem::{Result, SqliteProblem};
use super::exit;
use super::frame::{self, Frame, Request};
use crate::content::{Closed, Wanted};

/// Longest request, in bytes: a name in a schema is shorter.
const LONGEST_REQUEST: u64 = 16 << 20;

/// Time between two checks of what was taken, in nanoseconds.
const LOOK: i64 = 50_000_000;

/// The niceness of a query that may take long (nice(1)).
const NICENESS: i32 = 15;

/// Most open files: the database, the socket, and the temporary files that SQLite sorts with.
const OPEN_FILES: u64 = 128;

/// Answers one query: the database is standard input, and the socket on which the query comes and the answer goes is
/// standard output. Fails if standard output is no socket: only asof itself starts this.
pub fn answer_one() -> io::Result<()> {
    let file = File::from(stdio::stdin().try_clone_to_owned()?);
    let socket = UnixStream::from(stdio::stdout().try_clone_to_owned()?);
    // Anything else is no socket.
    socket.peer_addr()?;
    // What goes wrong after this is sent as the answer, or nobody is left to be answered.
    let _ = limited(&file, socket);
    Ok(())
}

fn limited(file: &File, socket: UnixStream) -> Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL)).map_err(io::Error::from)?;
    let Some(request) = request(&socket)? else { return Ok(()) };
    let limits = request.limits;
    if !request.query.is_short() {
        // It fails if this user's programs have a higher niceness already.
        let _ = setpriority_process(None, NICENESS);
    }
    for (resource, most) in [
        (Resource::Core, 0),
        (Resource::Data, limits.memory),
        (Resource::Fsize, limits.temporary),
        (Resource::Nofile, OPEN_FILES),
        // In case the watch below fails.
        (Resource::Cpu, limits.running.as_secs().saturating_add(5)),
    ] {
        // The limits that asof was started with may be lower.
        let most = getrlimit(resource).maximum.map_or(most, |maximum| most.min(maximum));
        setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) }).map_err(io::Error::from)?;
    }
    let clock: &'static QueryClock = Box::leak(Box::new(QueryClock::start()));
    let watched = socket.try_clone()?;
    let database = file.metadata()?;
    let database = (database.dev(), database.ino());
    std::thread::Builder::new()
        .name("watch".to_owned())
        .stack_size(256 << 10)
        .spawn(move || watch(&watched, clock, &limits, database))?;
    answer(file, &socket, &request, Bound::Process { heap: limits.heap }, clock)
}

/// The same in a thread of this process, limited only by the number of steps.
pub(super) fn answer_in_thread(file: &File, socket: UnixStream) {
    let answered = request(&socket).and_then(|request| match request {
        Some(request) => {
            answer(file, &socket, &request, Bound::Steps(Wanted::default()), &QueryClock::start())
        }
        None => Ok(()),
    });
    if let Err(error) = answered {
        tracing::debug!(%error, "a query is not answered");
    }
}

fn request(socket: &UnixStream) -> Result<Option<Request>> {
    let Some((Frame::Request, request)) = frame::read(socket, LONGEST_REQUEST, || Ok(()))? else {
        return Ok(None);
    };
    Ok(Some(serde_json::from_slice(&request).map_err(io::Error::other)?))
}

fn answer(
    file: &File,
    mut socket: &UnixStream,
    request: &Request,
    bound: Bound,
    clock: &QueryClock,
) -> Result<()> {
    let mut take =
        |piece: Bytes| clock.wait_for(|| frame::write(&mut socket, Frame::Piece, &piece)).map_err(|_| Closed);
    let answered = Connected::open(file, bound)
        .and_then(|mut connected| request.query.answer(&mut connected, &mut take));
    let (frame, bytes) = match answered {
        Ok(()) => (Frame::Done, Vec::new()),
        Err(SqliteProblem::Closed) => return Ok(()),
        Err(SqliteProblem::Sqlite(error)) if error.sqlite_error_code() == Some(ErrorCode::OutOfMemory) => {
            (Frame::OutOfMemory, Vec::new())
        }
        Err(problem) => (Frame::Problem, serde_json::to_vec(&problem.report()).map_err(io::Error::other)?),
    };
    Ok(clock.wait_for(|| frame::write(&mut socket, frame, &bytes))?)
}

/// For how long a query has run, and has waited for its reader.
struct QueryClock {
    begun: Instant,
    /// Nanoseconds in which it waited.
    waited: AtomicU64,
    /// Since when it waits, in nanoseconds since it began; 0 while it does not wait.
    waits_since: AtomicU64,
}

impl QueryClock {
    fn start() -> Self {
        Self { begun: Instant::now(), waited: AtomicU64::new(0), waits_since: AtomicU64::new(0) }
    }

    fn elapsed(&self) -> u64 {
        // A process lives for less than 584 years.
        u64::try_from(self.begun.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    fn wait_for<T>(&self, reader: impl FnOnce() -> T) -> T {
        let since = self.elapsed().max(1);
        self.waits_since.store(since, Ordering::SeqCst);
        let done = reader();
        self.waits_since.store(0, Ordering::SeqCst);
        self.waited.fetch_add(self.elapsed().saturating_sub(since), Ordering::SeqCst);
        done
    }

    /// For how long it has run and waited.
    fn times(&self) -> (Duration, Duration) {
        let (elapsed, since) = (self.elapsed(), self.waits_since.load(Ordering::SeqCst));
        let waits = if since == 0 { 0 } else { elapsed.saturating_sub(since) };
        let waited = self.waited.load(Ordering::SeqCst) + waits;
        (Duration::from_nanos(elapsed.saturating_sub(waited)), Duration::from_nanos(waited))
    }
}

/// Ends the process when nobody is left to be answered, or when it has taken more than it may.
fn watch(socket: &UnixStream, clock: &QueryClock, limits: &Limits, database: (u64, u64)) {
    loop {
        let look = Timespec { tv_sec: 0, tv_nsec: LOOK };
        let mut asker = [PollFd::new(socket, PollFlags::IN)];
        // No further request ever comes: what there is to read is the end.
        if poll(&mut asker, Some(&look)).is_ok_and(|ready| ready > 0) {
            std::process::exit(0);
        }
        let (running, waiting) = clock.times();
        if running > limits.running {
            std::process::exit(exit::TIME);
        }
        if waiting > limits.waiting {
            std::process::exit(exit::READER);
        }
        if temporary(database) > limits.temporary {
            std::process::exit(exit::TEMPORARY);
        }
    }
}

/// Bytes in the files that this process has open, except the database.
fn temporary(database: (u64, u64)) -> u64 {
    let Ok(open) = std::fs::read_dir("/proc/self/fd") else { return 0 };
    let files = open.flatten().filter_map(|entry| std::fs::metadata(entry.path()).ok());
    files.filter(|file| file.is_file() && (file.dev(), file.ino()) != database).map(|file| file.len()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_for_the_reader_is_not_running() {
        let clock = QueryClock::start();
        clock.wait_for(|| std::thread::sleep(Duration::from_millis(300)));
        let (running, waiting) = clock.times();
        assert!(waiting >= Duration::from_millis(300), "{waiting:?}");
        assert!(running + waiting <= clock.begun.elapsed());
        clock.wait_for(|| {
            std::thread::sleep(Duration::from_millis(50));
            assert!(clock.times().1 >= Duration::from_millis(350), "it counts while it lasts");
        });
    }
}
