//! Who makes a request, and whether they still wait for the answer.
//!
//! The kernel says with each request which thread makes it. One that is killed meanwhile stays until it is answered, and
//! keeps its mount busy: no signal gets through to us, as fuser answers FUSE_INTERRUPT by itself.

use std::sync::LazyLock;

use fuser::Request;

/// The thread that makes a request, by the number that it has here; 0 where it has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Caller(pub u32);

/// What is known of a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// It waits for the answer.
    Waits,
    /// It has ended, or ends or handles a signal as soon as it is answered.
    Leaves,
    /// It cannot be seen.
    Unknown,
}

impl Caller {
    pub fn of(request: &Request) -> Self {
        Self(request.pid())
    }

    /// What the kernel says of the thread.
    pub fn state(self) -> State {
        if self.0 == 0 {
            return State::Unknown;
        }
        match std::fs::read_to_string(format!("/proc/{}/status", self.0)) {
            Ok(status) => state_of(&status),
            // Where the processes of others are hidden (`hidepid`), so is one that waits.
            Err(_) if *SEES_OTHERS => State::Leaves,
            Err(_) => State::Unknown,
        }
    }
}

/// Whether the processes of other users can be seen here.
static SEES_OTHERS: LazyLock<bool> = LazyLock::new(|| std::fs::read("/proc/1/status").is_ok());

/// Signals by which somebody stops a program, or it stops itself. A program that handles them waits for a read to end, too.
const STOPS: u64 =
    bit(libc::SIGINT) | bit(libc::SIGQUIT) | bit(libc::SIGTERM) | bit(libc::SIGHUP) | bit(libc::SIGALRM);

const fn bit(signal: i32) -> u64 {
    1 << (signal - 1)
}

/// The state in `/proc/PID/status` (proc_pid_status(5)). The kernel makes a signal that ends a process SIGKILL for each of
/// its threads, which stays pending in one that waits for us; not so one that is handled, or that dumps core.
fn state_of(status: &str) -> State {
    let value = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let set = |name| value(name).and_then(|set| u64::from_str_radix(set, 16).ok()).unwrap_or(0);
    let pending = set("SigPnd:") | set("ShdPnd:");
    let is_dead = value("State:").is_some_and(|state| state.starts_with(['Z', 'X']));
    let acts_on = pending & (bit(libc::SIGKILL) | STOPS & !set("SigBlk:") & !set("SigIgn:"));
    if is_dead || acts_on != 0 { State::Leaves } else { State::Waits }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(state: &str, own: u64, shared: u64, blocked: u64, ignored: u64) -> State {
        state_of(&format!(
            "Name:\tcat\nState:\t{state}\nSigPnd:\t{own:016x}\nShdPnd:\t{shared:016x}\nSigBlk:\t{blocked:016x}\n\
             SigIgn:\t{ignored:016x}\nSigCgt:\t0000000000000002\n"
        ))
    }

    #[test]
    fn a_thread_leaves_when_a_signal_is_pending_that_stops_it() {
        let (kill, int, child) = (bit(libc::SIGKILL), bit(libc::SIGINT), bit(libc::SIGCHLD));
        assert_eq!(status("D (disk sleep)", 0, 0, 0, 0), State::Waits);
        assert_eq!(status("D (disk sleep)", kill, 0, 0, 0), State::Leaves);
        assert_eq!(status("D (disk sleep)", 0, kill | child, 0, 0), State::Leaves);
        assert_eq!(status("D (disk sleep)", 0, int, 0, 0), State::Leaves, "handled, once it is answered");
        assert_eq!(status("D (disk sleep)", 0, bit(libc::SIGQUIT), 0, 0), State::Leaves);
        assert_eq!(status("D (disk sleep)", 0, int, int, 0), State::Waits, "blocked");
        assert_eq!(status("D (disk sleep)", 0, int, 0, int), State::Waits, "ignored");
        assert_eq!(status("D (disk sleep)", child, child, 0, 0), State::Waits, "no reason to stop reading");
        assert_eq!(status("Z (zombie)", 0, 0, 0, 0), State::Leaves);
        assert_eq!(state_of("what is this"), State::Waits);
    }

    #[test]
    fn threads_are_seen_from_their_begin_to_their_end() {
        let mut child = std::process::Command::new("sleep").arg("100").spawn().expect("coreutils");
        let caller = Caller(child.id());
        assert_eq!(caller.state(), State::Waits);
        child.kill().expect("it is ours");
        child.wait().expect("it is ours");
        assert_eq!(caller.state(), State::Leaves);
        assert_eq!(Caller(0).state(), State::Unknown, "a thread that has no number here");
    }
}
