//! One limit for everything that holds bytes of contents (ADR 4).
//!
//! Five kinds of holders share a [`Budget`]. None of them can wait for another in a circle:
//!
//! - *In flight* ([`Held`]): pieces between a source and its reader. They are counted and never wait, as a holder of
//!   memory may have to read a content to continue.
//! - *Work* ([`Work`]): sorting and pairing rows. It waits in a fair queue for the least that it needs, before it holds
//!   anything else. After that it only tries for more, and writes to a temporary file what does not fit.
//! - *Decoders* ([`unpacking`]): windows and dictionaries, which wait for each other and for part of what work holds.
//! - *Kept* ([`Held`], within a bound that its holder derives from [`Budget::total`]): listings, indexes of rows.
//! - *The cache* gets what is left, and gives it up at once.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::model::number::to_usize;

pub mod cancel;
mod heap;
pub mod lookup;
mod recent;
mod runs;
pub mod sort;
mod temporary;
pub mod unpacking;

pub use cancel::Cancel;
pub use lookup::Lookup;
pub use recent::Recent;
pub use sort::{Sorted, Sorter};
pub use temporary::{folder as temporary_folder, unnamed_file};

/// Work is counted in units of this many bytes.
const UNIT: u64 = 4 << 10;

/// The least share of all work together, in bytes: one comparison must be possible under any budget.
const LEAST_WORK: u64 = 4 << 20;

/// The cache always keeps one part in this many of the budget.
const CACHE_PART: u64 = 8;

/// Work gets up to this many eighths of the budget.
const WORK_PARTS: u64 = 5;

/// One piece of work tries for up to one part in this many of the share of all work.
const ONE_PART: u64 = 4;

/// Work that did not wait tries for up to this many bytes.
const MOST_OF_LITTLE: u64 = 8 << 20;

/// One part in this many of what a process may hold is lost between the blocks of the allocator (`benches/rows/busy.sh`
/// measures it).
const LOST_PART: u64 = 10;

/// How many bytes of `limit` can be handed out so that the process stays within `limit` and a constant.
pub const fn usable(limit: u64) -> u64 {
    limit - limit / LOST_PART
}

/// The limit of which `bytes` can be handed out.
const fn limit_for(bytes: u64) -> u64 {
    bytes.saturating_add(bytes.div_ceil(LOST_PART - 1))
}

/// Once the cache has dropped this many bytes, they are given back to the system.
const GIVEN_BACK: u64 = 8 << 20;

/// A holder that gives memory back when asked.
pub trait GivesWay: Send + Sync {
    /// Drops what is held beyond `bytes`; returns how many bytes that was.
    fn shrink_to(&self, bytes: u64) -> u64;
}

/// How many bytes may be held, and how many are.
pub struct Budget {
    total: u64,
    /// Bytes of all work together.
    work: u64,
    free: Arc<Semaphore>,
    in_flight: AtomicU64,
    cache: OnceLock<Weak<dyn GivesWay>>,
    /// Bytes that the cache has dropped and that were not given back to the system yet.
    dropped: AtomicU64,
}

impl Budget {
    pub fn new(total: u64) -> Arc<Self> {
        let work = (total / 8).saturating_mul(WORK_PARTS);
        let units = (work.max(LEAST_WORK) / UNIT).min(u64::from(u32::MAX >> 4));
        Arc::new(Self {
            total,
            work: units * UNIT,
            free: Arc::new(Semaphore::new(to_usize(units))),
            in_flight: AtomicU64::new(0),
            cache: OnceLock::new(),
            dropped: AtomicU64::new(0),
        })
    }

    pub fn total(&self) -> u64 {
        self.total
    }

    /// One part in `parts` of the budget, in bytes: the bound of one of several holders.
    pub fn part(&self, parts: u64) -> u64 {
        self.total / parts
    }

    /// Makes `cache` give way from now on. Only the first call counts.
    pub fn serve_cache(&self, cache: Weak<dyn GivesWay>) {
        let _ = self.cache.set(cache);
    }

    /// How many bytes the cache may hold now.
    pub fn left_for_cache(&self) -> u64 {
        self.total.saturating_sub(self.taken()).max(self.total / CACHE_PART)
    }

    fn taken_by_work(&self) -> u64 {
        self.work.saturating_sub(self.free.available_permits() as u64 * UNIT)
    }

    /// Bytes of all holders except the cache.
    fn taken(&self) -> u64 {
        self.taken_by_work().saturating_add(self.in_flight.load(Ordering::Relaxed))
    }

    /// Whether holders other than the cache hold more than half of the budget: then callers that can do with less
    /// should.
    pub fn is_short(&self) -> bool {
        self.taken() > self.total / 2
    }

    /// Counts bytes that are held in any case.
    pub fn hold(self: &Arc<Self>, bytes: u64) -> Held {
        let mut held = Held { budget: Arc::clone(self), bytes: 0 };
        held.resize(bytes);
        held
    }

    /// Waits for the least that a piece of work needs, in bytes; callers are served in their order. A holder of
    /// [`Work`] must not call it. A request for more than the share of all work is cut to that share.
    pub async fn work(self: &Arc<Self>, least: u64) -> Work {
        let units = least.clamp(UNIT, self.work).div_ceil(UNIT).min(self.work / UNIT);
        let free = Arc::clone(&self.free);
        let permit = free.acquire_many_owned(u32::try_from(units).expect("no budget has 2^28 units")).await;
        let permit = permit.expect("nothing closes it");
        self.make_room();
        Work { budget: Arc::clone(self), most: (self.work / ONE_PART).max(units * UNIT), permit, fixed: None }
    }

    /// Work that does not wait, for a content that other work reads: it gets `bytes` at once, and only tries for more.
    pub fn little_work(self: &Arc<Self>, bytes: u64) -> Work {
        let permit = Arc::clone(&self.free).try_acquire_many_owned(0);
        let permit = permit.expect("nothing closes it, and none is taken");
        let most = (self.work / ONE_PART).min(MOST_OF_LITTLE);
        Work { budget: Arc::clone(self), most, permit, fixed: Some(self.hold(bytes)) }
    }

    fn make_room(&self) {
        if let Some(cache) = self.cache.get().and_then(Weak::upgrade) {
            let dropped = cache.shrink_to(self.left_for_cache());
            let all = self.dropped.fetch_add(dropped, Ordering::Relaxed) + dropped;
            if all > GIVEN_BACK && self.dropped.swap(0, Ordering::Relaxed) > 0 {
                heap::give_back();
            }
        }
    }
}

/// Bytes that are counted for as long as this lives.
pub struct Held {
    budget: Arc<Budget>,
    bytes: u64,
}

impl Held {
    /// Counts another number of bytes from now on.
    pub fn resize(&mut self, bytes: u64) {
        let in_flight = &self.budget.in_flight;
        if bytes > self.bytes {
            in_flight.fetch_add(bytes - self.bytes, Ordering::Relaxed);
            self.budget.make_room();
        } else {
            in_flight.fetch_sub(self.bytes - bytes, Ordering::Relaxed);
        }
        self.bytes = bytes;
    }

    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.budget.in_flight.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// The memory of a piece of work. Dropping this gives the memory back.
pub struct Work {
    budget: Arc<Budget>,
    permit: OwnedSemaphorePermit,
    /// The most that it tries for.
    most: u64,
    /// The part that it got without waiting.
    fixed: Option<Held>,
}

impl Work {
    pub fn bytes(&self) -> u64 {
        self.permit.num_permits() as u64 * UNIT + self.fixed.as_ref().map_or(0, Held::bytes)
    }

    pub fn budget(&self) -> &Arc<Budget> {
        &self.budget
    }

    /// Tries for `bytes` more. Never waits.
    pub fn grow(&mut self, bytes: u64) -> bool {
        let units = bytes.div_ceil(UNIT);
        let more = units.saturating_mul(UNIT);
        let budget = &self.budget;
        let is_over = budget.taken().saturating_add(more) > budget.total - budget.total / CACHE_PART;
        if is_over || self.bytes().saturating_add(more) > self.most {
            return false;
        }
        let Ok(units) = u32::try_from(units) else { return false };
        let Ok(permit) = Arc::clone(&budget.free).try_acquire_many_owned(units) else { return false };
        self.permit.merge(permit);
        self.budget.make_room();
        true
    }

    pub fn shrink_to(&mut self, bytes: u64) {
        let fixed = self.fixed.as_ref().map_or(0, Held::bytes);
        let keep = to_usize(bytes.saturating_sub(fixed).div_ceil(UNIT));
        drop(self.permit.split(self.permit.num_permits().saturating_sub(keep)));
    }

    /// Splits off one half, for work that does two things at once.
    pub fn halve(&mut self) -> Self {
        let half = self.permit.num_permits() / 2;
        let permit = self.permit.split(half).expect("it has as many");
        Self { budget: Arc::clone(&self.budget), permit, most: self.most, fixed: None }
    }
}

#[cfg(test)]
mod tests;
