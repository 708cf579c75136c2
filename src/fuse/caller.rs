//! The thread that makes a request, and whether it still waits for the answer.
//!
//! The kernel names the thread with each request. A thread that is killed stays until it is answered, and keeps its
//! mount busy. No signal reaches us, because fuser itself answers FUSE_INTERRUPT.

use std::sync::LazyLock;

/// The number of the thread that makes a request; 0 if it has none here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Caller(pub u32);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CallerState {
    Waits,
    /// It has ended, or ends or handles a signal as soon as it is answered.
    Leaves,
    /// It is not visible here.
    Unknown,
}

impl Caller {
    pub fn state(self) -> CallerState {
        if self.0 == 0 {
            return CallerState::Unknown;
        }
        match std::fs::read_to_string(format!("/proc/{}/status", self.0)) {
            Ok(status) => state_of(&status),
            // If processes of other users are hidden (`hidepid`), a waiting one is too.
            Err(_) if *SEES_OTHERS => CallerState::Leaves,
            Err(_) => CallerState::Unknown,
        }
    }
}

static SEES_OTHERS: LazyLock<bool> = LazyLock::new(|| std::fs::read("/proc/1/status").is_ok());

/// The signals that stop a program. A program that handles them also waits for a read to end.
const STOPS: u64 =
    bit(libc::SIGINT) | bit(libc::SIGQUIT) | bit(libc::SIGTERM) | bit(libc::SIGHUP) | bit(libc::SIGALRM);

const fn bit(signal: i32) -> u64 {
    1 << (signal - 1)
}

/// The state in `/proc/PID/status` (proc_pid_status(5)). A signal that ends a process becomes a SIGKILL for each of
/// its threads, and stays pending in one that waits for us. A signal that is handled, or that dumps core, does not.
fn state_of(status: &str) -> CallerState {
    let value = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let set = |name| value(name).and_then(|set| u64::from_str_radix(set, 16).ok()).unwrap_or(0);
    let pending = set("SigPnd:") | set("ShdPnd:");
    let is_dead = value("State:").is_some_and(|state| state.starts_with(['Z', 'X']));
    let acts_on = pending & (bit(libc::SIGKILL) | STOPS & !set("SigBlk:") & !set("SigIgn:"));
    if is_dead || acts_on != 0 { CallerState::Leaves } else { CallerState::Waits }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(state: &str, [own, shared, blocked, ignored]: [u64; 4]) -> CallerState {
        state_of(&format!(
            "Name:\tcat\nState:\t{state}\nSigPnd:\t{own:016x}\nShdPnd:\t{shared:016x}\nSigBlk:\t{blocked:016x}\n\
             SigIgn:\t{ignored:016x}\nSigCgt:\t0000000000000002\n"
        ))
    }

    #[test]
    fn a_thread_leaves_when_a_signal_is_pending_that_stops_it() {
        use CallerState::{Leaves, Waits};
        let [kill, int, quit, child] = [libc::SIGKILL, libc::SIGINT, libc::SIGQUIT, libc::SIGCHLD].map(bit);
        for (case, signals, expected) in [
            ("none", [0; 4], Waits),
            ("killed alone", [kill, 0, 0, 0], Leaves),
            ("killed with all threads", [0, kill | child, 0, 0], Leaves),
            ("handled, once it is answered", [0, int, 0, 0], Leaves),
            ("dumps core", [0, quit, 0, 0], Leaves),
            ("blocked", [0, int, int, 0], Waits),
            ("ignored", [0, int, 0, int], Waits),
            ("no reason to stop reading", [child, child, 0, 0], Waits),
        ] {
            assert_eq!(status("D (disk sleep)", signals), expected, "{case}");
        }
        assert_eq!(status("Z (zombie)", [0; 4]), Leaves);
        assert_eq!(state_of("what is this"), Waits);
    }

    #[test]
    fn threads_are_seen_from_their_begin_to_their_end() {
        let mut child = std::process::Command::new("sleep").arg("100").spawn().expect("coreutils");
        let caller = Caller(child.id());
        assert_eq!(caller.state(), CallerState::Waits);
        child.kill().expect("it is ours");
        child.wait().expect("it is ours");
        assert_eq!(caller.state(), CallerState::Leaves);
        assert_eq!(Caller(0).state(), CallerState::Unknown, "a thread that has no number here");
    }
}
