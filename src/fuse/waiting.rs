//! Requests that wait: each one is answered in the end, also where its task is not.
//!
//! One thread looks after all of them while there are any. It answers for a request whose caller leaves (EINTR), one that
//! waits for a server that brings next to nothing, and one that waits for very long (EIO), also where the task of that request
//! hangs in a system call.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_task::Task;
use fuser::Errno;
use tokio::runtime::Handle;

use super::caller::{Caller, State};
use super::slot::{Refuse, Slot};
use crate::util::locks::lock;
use crate::util::tasks;
use crate::vfs::LEAST_RATE;

/// Time between two looks at those that have to be looked at.
const TICK: Duration = Duration::from_millis(20);

/// Longest time between two looks at one request: so long may a caller that was stopped wait for its EINTR.
const LONGEST_PAUSE: Duration = Duration::from_millis(1500);

/// How long a request to a server may take that brings nothing: as long as a connection and a question.
const PATIENCE: Duration = Duration::from_secs(35);

/// How long any request may take.
const LONGEST: Duration = Duration::from_secs(300);

/// Looks in a row that find no request, after which the thread ends.
const QUIET_LOOKS: u32 = 50;

/// How many bytes the server that a request waits for has sent so far; `None` where it waits for none.
pub(super) type Received = Box<dyn Fn() -> Option<u64> + Send>;

/// The requests that wait.
#[derive(Default)]
pub(super) struct Waiting(Arc<Mutex<Table>>);

#[derive(Default)]
struct Table {
    requests: HashMap<u64, Request>,
    last: u64,
    is_watched: bool,
}

struct Request {
    clock: Clock,
    received: Received,
    refuse: Box<dyn FnOnce(Errno) + Send>,
    task: Task<()>,
}

/// Since when a request waits, for whom, and when to look at it next.
struct Clock {
    caller: Caller,
    was_seen: bool,
    begun: Instant,
    received_before: Option<u64>,
    next_look: Instant,
    pause: Duration,
}

/// Why a request is not waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// Its caller leaves.
    Left,
    /// The server brings next to nothing.
    SlowServer,
    /// It takes too long. What it waits for goes on, so that a later request may find it done.
    TooLong,
}

impl Waiting {
    /// Has a request wait whose task was looked at once. The reply in `slot` may be given by either.
    pub fn add(
        &self,
        runtime: &Handle,
        caller: Caller,
        slot: Slot<impl Refuse>,
        received: Received,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        let clock = Clock::start(caller, received(), Instant::now());
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
        table.requests.insert(number, Request { clock, received, refuse, task });
        if !table.is_watched {
            let requests = Arc::clone(&self.0);
            let watch =
                std::thread::Builder::new().name("waiting".to_owned()).spawn(move || watch(&requests));
            table.is_watched = watch.is_ok();
        }
    }
}

/// Takes a request off the table when its task ends.
struct Leaves {
    table: Arc<Mutex<Table>>,
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

/// Looks after requests until there are none for a while.
fn watch(table: &Mutex<Table>) {
    let mut quiet = 0;
    loop {
        std::thread::sleep(TICK);
        look(table, Instant::now(), Caller::state);
        let mut table = lock(table);
        quiet = if table.requests.is_empty() { quiet + 1 } else { 0 };
        if quiet > QUIET_LOOKS {
            // Under the lock: the next request starts another thread.
            table.is_watched = false;
            return;
        }
    }
}

/// Looks at the requests whose turn it is, and answers those that are not to wait any longer.
fn look(table: &Mutex<Table>, now: Instant, state: impl Fn(Caller) -> State) {
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
            slow += u32::from(end == End::SlowServer);
            request.end(end);
        }
    }
    if slow > 0 {
        let (seconds, rate) = (PATIENCE.as_secs(), LEAST_RATE >> 10);
        tracing::warn!(
            "{slow} requests failed: for more than {seconds} s, a server has brought less than {rate} KiB a second"
        );
    }
}

impl Request {
    fn end(self, end: End) {
        match end {
            End::Left => (self.refuse)(Errno::EINTR),
            End::SlowServer => (self.refuse)(Errno::EIO),
            End::TooLong => {
                (self.refuse)(Errno::EIO);
                let seconds = LONGEST.as_secs();
                tracing::warn!("a request has waited for {seconds} s: it failed, and its work goes on");
                self.task.detach();
            }
        }
    }
}

impl Clock {
    fn start(caller: Caller, received: Option<u64>, now: Instant) -> Self {
        let (next_look, pause) = (now + TICK, TICK);
        Self { caller, was_seen: false, begun: now, received_before: received, next_look, pause }
    }

    /// Whether to end the request, by what is known of its caller; else when to look again.
    fn look(&mut self, now: Instant, state: State, received: &Received) -> Option<End> {
        let waited = now.saturating_duration_since(self.begun);
        match state {
            State::Leaves => return Some(End::Left),
            // Some systems hide the processes of others: only who was there can have left.
            State::Unknown if self.was_seen => return Some(End::Left),
            State::Unknown => {}
            State::Waits => self.was_seen = true,
        }
        if waited > LONGEST {
            return Some(End::TooLong);
        }
        if waited > PATIENCE
            && let (Some(before), Some(after)) = (self.received_before, received())
            && waited > PATIENCE + Duration::from_secs(after.saturating_sub(before) / LEAST_RATE)
        {
            return Some(End::SlowServer);
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

    /// A reply that notes how it was given.
    struct Noted(Arc<Mutex<Vec<i32>>>);

    impl Refuse for Noted {
        fn refuse(self, errno: Errno) {
            lock(&self.0).push(errno.code());
        }
    }

    /// Requests of three callers that nothing answers, and a server that sends as many bytes as `received` says.
    struct Stage {
        waiting: Waiting,
        given: Arc<Mutex<Vec<i32>>>,
        received: Arc<AtomicU64>,
        begun: Instant,
    }

    impl Stage {
        fn new() -> Self {
            let waiting = Waiting::default();
            // The tests look themselves, at times of their own.
            lock(&waiting.0).is_watched = true;
            Self { waiting, given: Arc::default(), received: Arc::default(), begun: Instant::now() }
        }

        fn add(&self, caller: u32, asks_server: bool) {
            let received = Arc::clone(&self.received);
            let received: Received = Box::new(move || asks_server.then(|| received.load(Ordering::SeqCst)));
            let slot = Slot::new(Noted(Arc::clone(&self.given)));
            self.waiting.add(&Handle::current(), Caller(caller), slot, received, std::future::pending());
        }

        fn look(&self, after: Duration, state: impl Fn(Caller) -> State) -> Vec<i32> {
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
        assert_eq!(stage.look(Duration::from_secs(1), |_| State::Waits), NONE);
        let one_leaves = |caller| if caller == Caller(2) { State::Leaves } else { State::Waits };
        assert_eq!(stage.look(Duration::from_secs(2), one_leaves), [libc::EINTR]);
        assert_eq!(stage.count(), 2);
        assert_eq!(
            stage.look(Duration::from_secs(4), |_| State::Unknown),
            [libc::EINTR; 2],
            "they were seen"
        );
    }

    #[tokio::test]
    async fn who_was_never_seen_is_waited_for() {
        let stage = Stage::new();
        stage.add(1, false);
        for second in 1..60 {
            assert_eq!(stage.look(Duration::from_secs(second), |_| State::Unknown), NONE);
        }
    }

    #[tokio::test]
    async fn a_server_has_to_bring_something() {
        let stage = Stage::new();
        stage.add(1, true);
        stage.add(2, false);
        let seconds = Duration::from_secs;
        assert_eq!(stage.look(PATIENCE, |_| State::Waits), NONE);
        stage.received.store(100 * LEAST_RATE, Ordering::SeqCst);
        assert_eq!(stage.look(PATIENCE + seconds(100), |_| State::Waits), NONE, "it brings enough");
        assert_eq!(stage.look(PATIENCE + seconds(102), |_| State::Waits), [libc::EIO]);
        assert_eq!(stage.count(), 1, "the one that asks no server goes on waiting");
        assert_eq!(stage.look(LONGEST + seconds(1), |_| State::Waits), [libc::EIO], "nothing waits for ever");
    }

    #[tokio::test]
    async fn what_takes_too_long_goes_on_and_what_nobody_waits_for_ends() {
        for (state, after, goes_on) in [(State::Waits, LONGEST * 2, true), (State::Leaves, PATIENCE, false)] {
            let stage = Stage::new();
            let (begin, begun) = tokio::sync::oneshot::channel::<()>();
            let (done, is_done) = tokio::sync::oneshot::channel::<()>();
            let slot = Slot::new(Noted(Arc::clone(&stage.given)));
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
        let slot = Slot::new(Noted(Arc::clone(&stage.given)));
        let task = async move {
            let _ = answered.await;
        };
        stage.waiting.add(&Handle::current(), Caller(1), slot, Box::new(|| None), task);
        assert_eq!(stage.count(), 1);
        let _ = answer.send(());
        while stage.count() > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(stage.look(LONGEST * 2, |_| State::Leaves), NONE);
    }
}
