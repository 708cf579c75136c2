//! Who waits for an answer, and whether they still do.
//!
//! The kernel says with each request which process makes it. One that is killed meanwhile stays until it is answered,
//! with its mount busy: no signal gets through to us, as fuser answers FUSE_INTERRUPT by itself.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use fuser::Request;

use crate::vfs::VfsError;

/// Time until the first look at a caller, and between two looks.
const FIRST_LOOK: Duration = Duration::from_millis(100);
const LOOK: Duration = Duration::from_millis(500);

/// The thread that makes a request, by the number that it has here; 0 where it has none.
#[derive(Debug, Clone, Copy)]
pub(super) struct Caller(u32);

/// What is known of a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Lives,
    IsKilled,
    Unknown,
}

impl Caller {
    pub fn of(request: &Request) -> Self {
        Self(request.pid())
    }

    /// Waits for an answer for as long as the caller does.
    ///
    /// # Errors
    /// Those of `answer`; [`VfsError::Interrupted`] when the caller was killed.
    pub async fn waits_for<T>(
        self,
        answer: impl Future<Output = Result<T, VfsError>>,
    ) -> Result<T, VfsError> {
        let (mut answer, mut leaves) = (pin!(answer), pin!(self.leaves()));
        poll_fn(|context| match answer.as_mut().poll(context) {
            Poll::Ready(answer) => Poll::Ready(answer),
            Poll::Pending => leaves.as_mut().poll(context).map(|()| Err(VfsError::Interrupted)),
        })
        .await
    }

    /// Returns when the caller has been killed, or has left.
    async fn leaves(self) {
        let (mut was_seen, mut pause) = (false, FIRST_LOOK);
        loop {
            tokio::time::sleep(pause).await;
            pause = LOOK;
            match state(self.0) {
                State::Lives => was_seen = true,
                State::IsKilled => return,
                // Some systems hide the processes of others: only who was there can have left.
                State::Unknown if was_seen => return,
                State::Unknown => {}
            }
        }
    }
}

/// What the kernel says of a thread.
fn state(thread: u32) -> State {
    match std::fs::read_to_string(format!("/proc/{thread}/status")) {
        Ok(status) if thread > 0 => state_of(&status),
        _ => State::Unknown,
    }
}

/// The state in `/proc/PID/status` (proc_pid_status(5)). A signal that ends a process is made SIGKILL for each of its
/// threads, which stays pending in one that waits for us.
fn state_of(status: &str) -> State {
    let value = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let is_killed = |name| {
        let pending = value(name).and_then(|set| u64::from_str_radix(set, 16).ok());
        pending.is_some_and(|set| set & (1 << (libc::SIGKILL - 1)) != 0)
    };
    let is_dead = value("State:").is_some_and(|state| state.starts_with(['Z', 'X']));
    if is_dead || is_killed("SigPnd:") || is_killed("ShdPnd:") { State::IsKilled } else { State::Lives }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pending_sigkill_is_told_from_other_signals() {
        let status = |state: &str, own: &str, shared: &str| {
            state_of(&format!("Name:\tcat\nState:\t{state}\nSigPnd:\t{own}\nShdPnd:\t{shared}\n"))
        };
        let none = "0000000000000000";
        assert_eq!(status("D (disk sleep)", none, none), State::Lives);
        assert_eq!(status("D (disk sleep)", "0000000000000100", none), State::IsKilled);
        assert_eq!(status("D (disk sleep)", none, "0000000000004100"), State::IsKilled);
        assert_eq!(
            status("S (sleeping)", none, "0000000000004002"),
            State::Lives,
            "SIGTERM and SIGINT, handled"
        );
        assert_eq!(status("Z (zombie)", none, none), State::IsKilled);
        assert_eq!(state_of("what is this"), State::Lives);
    }

    #[tokio::test]
    async fn who_has_left_is_not_waited_for() {
        let mut child = std::process::Command::new("sleep").arg("100").spawn().expect("coreutils");
        let caller = Caller(child.id());
        let answer = std::future::pending::<Result<(), VfsError>>();
        let waiting = tokio::spawn(caller.waits_for(answer));
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert!(!waiting.is_finished(), "it is there");
        child.kill().expect("it is ours");
        child.wait().expect("it is ours");
        let answered = waiting.await.expect("no panic");
        assert!(matches!(answered, Err(VfsError::Interrupted)));
    }
}
