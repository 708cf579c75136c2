//! One limit for everything that holds bytes of contents (ADR 49).
//!
//! Five kinds of holders draw on a [`Budget`], and none of them can wait for another in a circle:
//!
//! - *In flight* ([`Held`]): pieces between a source and its reader. They are counted and never wait, as whatever holds
//!   memory may have to read a content to go on.
//! - *Work* ([`Work`]): sorting and pairing rows. It waits in a fair queue for the least that it needs, before it holds
//!   anything else; from there on it only tries for more, and writes to a temporary file what does not fit.
//! - *Decoders* ([`unpacking`]): windows and dictionaries, which wait for each other and for part of what work holds.
//! - *Kept* ([`Held`], made within a bound that its holder chooses from [`Budget::total`]): listings, indexes of rows.
//! - *The cache* gets what is left, and gives way at once.

use crate::model::number::to_usize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

pub mod cancel;
mod heap;
pub mod lookup;
mod runs;
pub mod sort;
mod temporary;
pub mod unpacking;

pub use cancel::Cancel;
pub use lookup::Lookup;
pub use sort::{Sorted, Sorter};
pub use temporary::{folder as temporary_folder, unnamed_file};

/// Work is counted in units of so many bytes.
const UNIT: u64 = 4 << 10;

/// The least share of all work together, in bytes: one comparison has to go on under any budget.
const LEAST_WORK: u64 = 4 << 20;

/// What the cache keeps of the budget in any case: one part in so many.
const CACHE_PART: u64 = 8;

/// Work gets up to so many parts of eight.
const WORK_PARTS: u64 = 5;

/// One piece of work tries for up to one part in so many of what all work may have.
const ONE_PART: u64 = 4;

/// What work that did not wait tries for, in bytes.
const MOST_OF_LITTLE: u64 = 8 << 20;

/// Of what a process may hold, one part in so many is lost between the allocator's blocks (`benches/rows/busy.sh` measures it).
const LOST_PART: u64 = 10;

/// How many bytes of `limit` can be handed out, so that the memory of the process stays within it and a constant.
pub const fn usable(limit: u64) -> u64 {
    limit - limit / LOST_PART
}

/// The limit of which `bytes` can be handed out.
const fn limit_for(bytes: u64) -> u64 {
    bytes.saturating_add(bytes.div_ceil(LOST_PART - 1))
}

/// After so many bytes that the cache gave way by they go back to the system.
const GIVEN_BACK: u64 = 8 << 20;

/// Gives memory back when it is asked to.
pub trait GivesWay: Send + Sync {
    /// Drops what is held beyond `bytes`; says how many bytes that was.
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
    /// Bytes that the cache gave way by and that the system does not have back.
    dropped: AtomicU64,
}

impl Budget {
    /// A budget of `total` bytes.
    pub fn new(total: u64) -> Arc<Self> {
        Self::with_work(total, (total / 8).saturating_mul(WORK_PARTS))
    }

    /// The same with so many bytes for work.
    fn with_work(total: u64, work: u64) -> Arc<Self> {
        let units = (work.max(LEAST_WORK) / UNIT).min(u64::from(u32::MAX >> 4));
        let free = Arc::new(Semaphore::new(to_usize(units)));
        Arc::new(Self {
            total,
            work: units * UNIT,
            free,
            in_flight: AtomicU64::new(0),
            cache: OnceLock::new(),
            dropped: AtomicU64::new(0),
        })
    }

    /// All of it, in bytes.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The part of it that one of several holders may keep, in bytes: one in `parts`.
    pub fn part(&self, parts: u64) -> u64 {
        self.total / parts
    }

    /// Has `cache` give way from now on. Only the first call counts.
    pub fn serve_cache(&self, cache: Weak<dyn GivesWay>) {
        let _ = self.cache.set(cache);
    }

    /// How many bytes the cache may hold now.
    pub fn left_for_cache(&self) -> u64 {
        self.total.saturating_sub(self.taken()).max(self.total / CACHE_PART)
    }

    /// Bytes that work holds.
    fn taken_by_work(&self) -> u64 {
        self.work.saturating_sub(self.free.available_permits() as u64 * UNIT)
    }

    /// Bytes that work holds and that are in flight, kept or with decoders.
    fn taken(&self) -> u64 {
        self.taken_by_work().saturating_add(self.in_flight.load(Ordering::Relaxed))
    }

    /// Whether more than half of the budget is taken by others than the cache: then whoever can do with less should.
    pub fn is_short(&self) -> bool {
        self.taken() > self.total / 2
    }

    /// Counts bytes that are held anyway.
    pub fn hold(self: &Arc<Self>, bytes: u64) -> Held {
        let mut held = Held { budget: Arc::clone(self), bytes: 0 };
        held.resize(bytes);
        held
    }

    /// Waits for the least that a piece of work needs, in bytes, in the order in which it was asked for. Must not be called by
    /// what holds [`Work`] already. More than all work may have is cut to that.
    pub async fn work(self: &Arc<Self>, least: u64) -> Work {
        let units = least.clamp(UNIT, self.work).div_ceil(UNIT).min(self.work / UNIT);
        let free = Arc::clone(&self.free);
        let units_of_budget = u32::try_from(units).expect("no budget has 2^28 units");
        let permit = free.acquire_many_owned(units_of_budget).await.expect("nothing closes it");
        self.make_room();
        Work { budget: Arc::clone(self), most: (self.work / ONE_PART).max(units * UNIT), permit, fixed: None }
    }

    /// A little work that does not wait, for what others work for meanwhile: more than this it only tries for.
    pub fn little_work(self: &Arc<Self>, bytes: u64) -> Work {
        let permit =
            Arc::clone(&self.free).try_acquire_many_owned(0).expect("nothing closes it, and none is taken");
        Work {
            budget: Arc::clone(self),
            most: (self.work / ONE_PART).min(MOST_OF_LITTLE),
            permit,
            fixed: Some(self.hold(bytes)),
        }
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

    /// How many they are.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.budget.in_flight.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// What a piece of work may hold; it is given back when this is dropped.
pub struct Work {
    budget: Arc<Budget>,
    permit: OwnedSemaphorePermit,
    /// It never tries for more.
    most: u64,
    /// What it holds without having waited for it.
    fixed: Option<Held>,
}

impl Work {
    /// How many bytes it may hold.
    pub fn bytes(&self) -> u64 {
        self.permit.num_permits() as u64 * UNIT + self.fixed.as_ref().map_or(0, Held::bytes)
    }

    /// The budget that it is of.
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

    /// Gives back what is beyond `bytes`.
    pub fn shrink_to(&mut self, bytes: u64) {
        let fixed = self.fixed.as_ref().map_or(0, Held::bytes);
        let keep = to_usize(bytes.saturating_sub(fixed).div_ceil(UNIT));
        drop(self.permit.split(self.permit.num_permits().saturating_sub(keep)));
    }

    /// Halves it: for work that does two things at once.
    pub fn halve(&mut self) -> Self {
        let half = self.permit.num_permits() / 2;
        let permit = self.permit.split(half).expect("it has as many");
        Self { budget: Arc::clone(&self.budget), permit, most: self.most, fixed: None }
    }
}

#[cfg(test)]
mod tests;
