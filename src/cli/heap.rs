//! What the C library's allocator is told for a process that stays: memory stays within the cache's budget and a
//! little.

/// Blocks from this length on are memory of their own, which goes back to the system as soon as they are freed. The pieces of
/// 256 KiB that reads are made of stay below it: for them that took a fifth more time.
#[cfg(target_env = "gnu")]
const OWN: libc::c_int = 384 << 10;
/// How much the heap grows by at least; by pages alone, each segment that is rendered is a call to the system.
#[cfg(target_env = "gnu")]
const STEP: libc::c_int = 1 << 20;
/// How much of the heap's end has to be free until it goes back to the system.
#[cfg(target_env = "gnu")]
const SPARE: libc::c_int = 8 << 20;

/// Has all threads share one heap. By default each thread may have one of its own, and what one of them frees (the
/// cache drops what another has rendered) stays unused in that of the other. Small blocks are kept by the
/// thread that freed them, so that threads rarely meet.
pub(super) fn share_one() {
    #[cfg(target_env = "gnu")]
    for (option, value) in [
        (libc::M_ARENA_MAX, 1),
        (libc::M_MMAP_THRESHOLD, OWN),
        (libc::M_TOP_PAD, STEP),
        (libc::M_TRIM_THRESHOLD, SPARE),
    ] {
        // SAFETY: it sets a number in the allocator, under the allocator's own lock, and touches no memory of ours.
        #[allow(unsafe_code)]
        let is_set = unsafe { libc::mallopt(option, value) } == 1;
        if !is_set {
            tracing::debug!(option, value, "the C library's allocator has no such setting");
        }
    }
}
