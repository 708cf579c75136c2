//! Memory for unpacking: one account for the windows, dictionaries and models of all decoders (ADR 4).
//!
//! Packed data states how much memory its decoder needs, up to 4 GiB, and may be hostile. So a decoder asks here before
//! it allocates. One that needs more than all decoders may have is refused at once; the others wait for each other.

use std::io;
use std::sync::{Arc, Condvar, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::{Budget, CACHE_PART, Held, limit_for, usable};
use crate::util::locks::lock;

/// The budget if none is set: that of a mount without `--cache-size`.
const USUAL: u64 = 256 << 20;

/// One part in this many of the budget is always for decoders.
const OWN_PART: u64 = 4;

/// Decoders get this many bytes under any budget: enough for files that `xz -6`, `zstd -19` or `bzip2` packed.
const LEAST: u64 = 16 << 20;

/// How long a decoder waits for memory that others hold.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often a waiting decoder checks whether work gave memory back.
const LOOK: Duration = Duration::from_millis(50);

static ACCOUNT: LazyLock<Arc<Account>> = LazyLock::new(|| Account::new(Budget::new(usable(USUAL)), PATIENCE));

/// From now on all decoders of this process use `budget`.
pub fn draw_on(budget: &Arc<Budget>) {
    lock(&ACCOUNT.state).budget = Arc::clone(budget);
}

pub fn most() -> u64 {
    lock(&ACCOUNT.state).most()
}

/// Takes `bytes` for a decoder. Blocks while others hold them.
pub fn window(bytes: u64) -> Result<Window, Refused> {
    ACCOUNT.take(bytes)
}

/// Why a decoder gets no memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It asks for more than there is.
    #[error(
        "unpacking it takes {} MiB of memory, and may take {} MiB; --cache-size {}M would be enough",
        mib(*.asked), .most >> 20, mib(enough(*.asked))
    )]
    TooLarge { asked: u64, most: u64 },
    /// Others hold it.
    #[error(
        "unpacking it takes {} MiB of memory, which other readers held for {} seconds; try again, or give a larger --cache-size",
        mib(*.asked), PATIENCE.as_secs()
    )]
    Taken { asked: u64 },
}

fn mib(bytes: u64) -> u64 {
    bytes.div_ceil(1 << 20)
}

/// The `--cache-size` with which decoders get `bytes`.
fn enough(bytes: u64) -> u64 {
    limit_for(bytes.saturating_add(bytes.div_ceil(CACHE_PART - 1)))
}

impl From<Refused> for io::Error {
    fn from(refused: Refused) -> Self {
        let kind = match refused {
            Refused::TooLarge { .. } => io::ErrorKind::Unsupported,
            Refused::Taken { .. } => io::ErrorKind::OutOfMemory,
        };
        Self::new(kind, refused)
    }
}

/// Memory that a decoder holds until this is dropped.
#[derive(Default)]
pub struct Window(Option<Taken>);

struct Taken {
    account: Arc<Account>,
    held: Held,
}

impl Window {
    /// Gives back what it holds and takes `bytes` instead, so that no decoder holds memory while it waits.
    pub fn resize(&mut self, bytes: u64) -> Result<(), Refused> {
        self.0 = None;
        *self = window(bytes)?;
        Ok(())
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        lock(&self.account.state).taken -= self.held.bytes();
        self.account.freed.notify_all();
    }
}

struct Account {
    state: Mutex<AccountState>,
    freed: Condvar,
    patience: Duration,
}

struct AccountState {
    budget: Arc<Budget>,
    taken: u64,
    /// Tickets of those that wait, in the order in which they came.
    queue: Vec<u64>,
}

impl AccountState {
    fn leave_queue(&mut self, ticket: u64) {
        self.queue.retain(|&waiting| waiting != ticket);
    }

    fn most(&self) -> u64 {
        (self.budget.total() - self.budget.part(CACHE_PART)).max(LEAST)
    }

    /// Whether `bytes` more fit beside what work holds. A part is always for decoders, as work may wait for what they
    /// unpack.
    fn fits(&self, bytes: u64) -> bool {
        let left_by_work = self.budget.total().saturating_sub(self.budget.taken_by_work());
        let most = self.most().min(left_by_work.max(self.budget.part(OWN_PART)).max(LEAST));
        self.taken.saturating_add(bytes) <= most
    }
}

impl Account {
    fn new(budget: Arc<Budget>, patience: Duration) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(AccountState { budget, taken: 0, queue: Vec::new() }),
            freed: Condvar::new(),
            patience,
        })
    }

    fn take(self: &Arc<Self>, bytes: u64) -> Result<Window, Refused> {
        let mut state = lock(&self.state);
        let most = state.most();
        if bytes > most {
            return Err(Refused::TooLarge { asked: bytes, most });
        }
        let begun = Instant::now();
        let ticket = state.queue.last().map_or(0, |last| last + 1);
        state.queue.push(ticket);
        // First come, first served: small requests must not keep a large one waiting.
        while state.queue.first() != Some(&ticket) || !state.fits(bytes) {
            if begun.elapsed() >= self.patience {
                state.leave_queue(ticket);
                self.freed.notify_all();
                return Err(Refused::Taken { asked: bytes });
            }
            let look = LOOK.min(self.patience);
            (state, _) = self.freed.wait_timeout(state, look).unwrap_or_else(PoisonError::into_inner);
        }
        state.leave_queue(ticket);
        state.taken += bytes;
        let budget = Arc::clone(&state.budget);
        drop(state);
        self.freed.notify_all();
        let held = budget.hold(bytes);
        Ok(Window(Some(Taken { account: Arc::clone(self), held })))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn account(total: u64, patience: Duration) -> (Arc<Budget>, Arc<Account>) {
        let budget = Budget::new(total);
        (Arc::clone(&budget), Account::new(budget, patience))
    }

    #[test]
    fn what_a_decoder_takes_counts_until_it_is_dropped() {
        let (budget, account) = account(80 * MIB, PATIENCE);
        let window = account.take(64 * MIB).expect("it fits");
        assert_eq!(budget.left_for_cache(), 16 * MIB);
        drop(window);
        assert_eq!(budget.left_for_cache(), 80 * MIB);
        assert_eq!(lock(&account.state).taken, 0);
    }

    #[test]
    fn a_window_larger_than_what_there_is_for_all_is_refused_with_what_would_be_enough() {
        let (_, account) = account(80 * MIB, PATIENCE);
        let refused = account.take(71 * MIB).err().expect("70 MiB are there");
        assert_eq!(refused, Refused::TooLarge { asked: 71 * MIB, most: 70 * MIB });
        let said = refused.to_string();
        assert!(said.contains("--cache-size 91M"), "{said}");
        let (_, enough) = self::account(usable(91 * MIB), PATIENCE);
        assert!(enough.take(71 * MIB).is_ok());
    }

    #[test]
    fn decoders_wait_for_each_other_and_not_for_ever() {
        let (_, account) = account(80 * MIB, Duration::ZERO);
        let first = account.take(40 * MIB).expect("it fits");
        let refused = account.take(40 * MIB).err();
        assert_eq!(refused, Some(Refused::Taken { asked: 40 * MIB }));
        drop(first);
        let (_, patient) = self::account(80 * MIB, PATIENCE);
        let first = patient.take(40 * MIB).expect("it fits");
        std::thread::scope(|scope| {
            let second = scope.spawn(|| patient.take(40 * MIB).is_ok());
            drop(first);
            assert!(second.join().expect("no panic"));
        });
    }

    #[tokio::test]
    async fn a_part_is_for_decoders_whatever_work_takes() {
        let (budget, account) = account(80 * MIB, Duration::ZERO);
        let work = budget.work(u64::MAX).await;
        let left = (80 * MIB - budget.taken_by_work()).max(20 * MIB);
        assert!(account.take(left + MIB).is_err());
        assert!(account.take(left).is_ok());
        drop(work);
        assert!(account.take(50 * MIB).is_ok());
    }

    #[test]
    fn what_usual_packers_made_is_unpacked_under_any_budget() {
        let (_, account) = account(MIB, Duration::ZERO);
        let window = account.take(10 * MIB);
        assert!(window.is_ok());
        assert!(account.take(10 * MIB).is_err(), "one after the other");
    }
}
