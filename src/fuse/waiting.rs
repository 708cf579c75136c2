//! Requests that wait. Each one is answered in the end, even if its task never ends.
//!
//! One thread watches all of them while there are any. It answers a request whose caller leaves (EINTR), one whose
//! server sends next to nothing, and one that waits too long (EIO), even if the task of that request hangs in a
//! system call.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_task::Task;
use fuser::Errno;
use tokio::runtime::Handle;

use super::caller::{Caller, CallerState};
use super::slot::{Refuse, ReplySlot};
use crate::util::locks::lock;
use crate::util::tasks;
use crate::vfs::LEAST_RATE;

const TICK: Duration = Duration::from_millis(20);

/// The longest time between two checks of one request, and so the longest time until a stopped caller gets EINTR.
const LONGEST_PAUSE: Duration = Duration::from_millis(1500);

/// How long a request may wait for a server that sends nothing: the time for a connection and a query.
const PATIENCE: Duration = Duration::from_secs(35);

/// How long any request may take.
const LONGEST: Duration = Duration::from_secs(300);

/// After this many checks in a row without a request, the thread ends.
const QUIET_LOOKS: u32 = 50;

/// How many bytes the server that a request waits for has sent so far; `None` where it waits for none.
pub(super) type Received = Box<dyn Fn() -> Option<u64> + Send>;

#[derive(Default)]
pub(super) struct WaitingRequests(Arc<Mutex<RequestTable>>);

#[derive(Default)]
struct RequestTable {
    requests: HashMap<u64, WaitingRequest>,
    last: u64,
    is_watched: bool,
}

struct WaitingRequest {
    clock: WaitClock,
    received: Received,
    refuse: Box<dyn FnOnce(Errno) + Send>,
    task: Task<()>,
}

/// When a request started to wait, for which caller, and when to check it next.
struct WaitClock {
    caller: Caller,
    was_seen: bool,
    begun: Instant,
    received_before: Option<u64>,
    next_look: Instant,
    pause: Duration,
}

/// Why a request is answered without its result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WaitEnd {
    Left,
    SlowServer,
    /// It takes too long. Its work continues, so that a later request may find it done.
    TooLong,
}

impl WaitingRequests {
    /// Adds a request whose task was polled once. Either the task or the watching thread sends the reply in `slot`.
    pub fn add(
        &self,
        runtime: &Handle,
        caller: Caller,
        slot: ReplySlot<impl Refuse>,
        received: Received,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        let clock = WaitClock::start(caller, received(), Instant::now());
        let refuse = Box::new(move |errno| {
            if let Some(reply) = slot.take() {
                reply.refuse(errno);
            }
        });
        let mut table = lock(&self.0);
        table.last += 1;
        let leaves = Leaves { table: Arc::clone(&self.0), number: table.last };
        let task = tasks::spawn(runtime, async move {
            let _leaves = leaves;
            task.await;
        });
        let number = table.last;
        table.requests.insert(number, WaitingRequest { clock, received, refuse, task });
        if !table.is_watched {
            let requests = Arc::clone(&self.0);
            let watch =
                std::thread::Builder::new().name("waiting".to_owned()).spawn(move || watch(&requests));
            table.is_watched = watch.is_ok();
        }
    }
}

/// Removes a request when its task ends.
struct Leaves {
    table: Arc<Mutex<RequestTable>>,
    number: u64,
}

impl Drop for Leaves {
    fn drop(&mut self) {
        let request = lock(&self.table).requests.remove(&self.number);
        if let Some(request) = request {
            request.task.detach();
        }
    }
}

/// Watches requests until there are none for a while.
fn watch(table: &Mutex<RequestTable>) {
    let mut quiet = 0;
    loop {
        std::thread::sleep(TICK);
        look(table, Instant::now(), Caller::state);
        let mut table = lock(table);
        quiet = if table.requests.is_empty() { quiet + 1 } else { 0 };
        if quiet > QUIET_LOOKS {
            // Cleared under the lock, so that the next request starts another thread.
            table.is_watched = false;
            return;
        }
    }
}

/// Checks the requests that are due, and answers those that must not wait any longer.
fn look(table: &Mutex<RequestTable>, now: Instant, state: impl Fn(Caller) -> CallerState) {
    let requests = lock(table);
    let due = requests.requests.iter().filter(|(_, request)| request.clock.next_look <= now);
    let due: Vec<(u64, Caller)> = due.map(|(number, request)| (*number, request.clock.caller)).collect();
    drop(requests);
    let mut slow = 0;
    for (number, caller) in due {
        let state = state(caller);
        let mut requests = lock(table);
        let Some(request) = requests.requests.get_mut(&number) else { continue };
        let Some(end) = request.clock.look(now, state, &request.received) else { continue };
        let request = requests.requests.remove(&number);
        drop(requests);
        if let Some(request) = request {
            slow += u32::from(end == WaitEnd::SlowServer);
            request.end(end);
        }
    }
    if slow > 0 {
        let (seconds, rate) = (PATIENCE.as_secs(), LEAST_RATE >> 10);
        tracing::warn!(
            "{slow} requests failed: a server sent less than {rate} KiB a second for more than {seconds} s"
        );
    }
}

impl WaitingRequest {
    fn end(self, end: WaitEnd) {
        match end {
            WaitEnd::Left => (self.refuse)(Errno::EINTR),
            WaitEnd::SlowServer => (self.refuse)(Errno::EIO),
            WaitEnd::TooLong => {
                (self.refuse)(Errno::EIO);
                let seconds = LONGEST.as_secs();
                tracing::warn!("a request failed after {seconds} s; its work continues");
                self.task.detach();
            }
        }
    }
}

impl WaitClock {
    fn start(caller: Caller, received: Option<u64>, now: Instant) -> Self {
        let (next_look, pause) = (now + TICK, TICK);
        Self { caller, was_seen: false, begun: now, received_before: received, next_look, pause }
    }

    /// Decides by the state of its caller whether to end the request; otherwise sets the time of the next check.
    fn look(&mut self, now: Instant, state: CallerState, received: &Received) -> Option<WaitEnd> {
        let waited = now.saturating_duration_since(self.begun);
        match state {
            CallerState::Leaves => return Some(WaitEnd::Left),
            // Some systems hide processes of other users: only a caller that was visible can have left.
            CallerState::Unknown if self.was_seen => return Some(WaitEnd::Left),
            CallerState::Unknown => {}
            CallerState::Waits => self.was_seen = true,
        }
        if waited > LONGEST {
            return Some(WaitEnd::TooLong);
        }
        if waited > PATIENCE
            && let (Some(before), Some(after)) = (self.received_before, received())
            && waited > PATIENCE + Duration::from_secs(after.saturating_sub(before) / LEAST_RATE)
        {
            return Some(WaitEnd::SlowServer);
        }
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        self.next_look = now + self.pause;
        None
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    const NONE: [i32; 0] = [];

    /// A reply that records how it was sent.
    struct Noted(Arc<Mutex<Vec<i32>>>);

    impl Refuse for Noted {
        fn refuse(self, errno: Errno) {
            lock(&self.0).push(errno.code());
        }
    }

    /// Requests that nothing answers, and a server that has sent `received` bytes.
    struct Stage {
        waiting: WaitingRequests,
        given: Arc<Mutex<Vec<i32>>>,
        received: Arc<AtomicU64>,
        begun: Instant,
    }

    impl Stage {
        fn new() -> Self {
            let waiting = WaitingRequests::default();
            // The tests run the checks themselves, at chosen times.
            lock(&waiting.0).is_watched = true;
            Self { waiting, given: Arc::default(), received: Arc::default(), begun: Instant::now() }
        }

        fn add(&self, caller: u32, asks_server: bool) {
            let received = Arc::clone(&self.received);
            let received: Received = Box::new(move || asks_server.then(|| received.load(Ordering::SeqCst)));
            let slot = ReplySlot::new(Noted(Arc::clone(&self.given)));
            self.waiting.add(&Handle::current(), Caller(caller), slot, received, std::future::pending());
        }

        fn look(&self, after: Duration, state: impl Fn(Caller) -> CallerState) -> Vec<i32> {
            look(&self.waiting.0, self.begun + after, state);
            std::mem::take(&mut *lock(&self.given))
        }

        fn count(&self) -> usize {
            lock(&self.waiting.0).requests.len()
        }
    }

    #[tokio::test]
    async fn who_leaves_is_answered_at_the_next_look() {
        let stage = Stage::new();
        (1..=3).for_each(|caller| stage.add(caller, false));
        assert_eq!(stage.look(Duration::from_secs(1), |_| CallerState::Waits), NONE);
        let one_leaves = |caller| if caller == Caller(2) { CallerState::Leaves } else { CallerState::Waits };
        assert_eq!(stage.look(Duration::from_secs(2), one_leaves), [libc::EINTR]);
        assert_eq!(stage.count(), 2);
        let left = stage.look(Duration::from_secs(4), |_| CallerState::Unknown);
        assert_eq!(left, [libc::EINTR; 2], "they were seen");
    }

    #[tokio::test]
    async fn who_was_never_seen_is_waited_for() {
        let stage = Stage::new();
        stage.add(1, false);
        for second in 1..60 {
            assert_eq!(stage.look(Duration::from_secs(second), |_| CallerState::Unknown), NONE);
        }
    }

    #[tokio::test]
    async fn a_server_has_to_bring_something() {
        let stage = Stage::new();
        stage.add(1, true);
        stage.add(2, false);
        let seconds = Duration::from_secs;
        assert_eq!(stage.look(PATIENCE, |_| CallerState::Waits), NONE);
        stage.received.store(100 * LEAST_RATE, Ordering::SeqCst);
        assert_eq!(stage.look(PATIENCE + seconds(100), |_| CallerState::Waits), NONE, "it brings enough");
        assert_eq!(stage.look(PATIENCE + seconds(102), |_| CallerState::Waits), [libc::EIO]);
        assert_eq!(stage.count(), 1, "the one that asks no server goes on waiting");
        let last = stage.look(LONGEST + seconds(1), |_| CallerState::Waits);
        assert_eq!(last, [libc::EIO], "nothing waits for ever");
    }

    #[tokio::test]
    async fn what_takes_too_long_goes_on_and_what_nobody_waits_for_ends() {
        for (state, after, goes_on) in
            [(CallerState::Waits, LONGEST * 2, true), (CallerState::Leaves, PATIENCE, false)]
        {
            let stage = Stage::new();
            let (begin, begun) = tokio::sync::oneshot::channel::<()>();
            let (done, is_done) = tokio::sync::oneshot::channel::<()>();
            let slot = ReplySlot::new(Noted(Arc::clone(&stage.given)));
            let task = async move {
                let _ = begun.await;
                let _ = done.send(());
            };
            stage.waiting.add(&Handle::current(), Caller(1), slot, Box::new(|| None), task);
            assert_eq!(stage.look(after, |_| state).len(), 1);
            let _ = begin.send(());
            assert_eq!(is_done.await.is_ok(), goes_on);
        }
    }

    #[tokio::test]
    async fn a_request_that_is_answered_leaves_the_table() {
        let stage = Stage::new();
        let (answer, answered) = tokio::sync::oneshot::channel::<()>();
        let slot = ReplySlot::new(Noted(Arc::clone(&stage.given)));
        let task = async move {
            let _ = answered.await;
        };
        stage.waiting.add(&Handle::current(), Caller(1), slot, Box::new(|| None), task);
        assert_eq!(stage.count(), 1);
        let _ = answer.send(());
        while stage.count() > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(stage.look(LONGEST * 2, |_| CallerState::Leaves), NONE);
    }
}
