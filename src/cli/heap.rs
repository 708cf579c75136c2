//! Settings of the C library's allocator for a mount, so that the process needs little more memory than the cache's budget.

/// Makes all threads share one heap. By default each thread may have its own, and memory that one thread frees there (the
/// cache drops what another has rendered) stays unused. Threads cache small blocks, so contention is rare.
pub(super) fn share_one() {
    #[cfg(target_env = "gnu")]
    for (option, value) in [
        (libc::M_ARENA_MAX, 1),
        // Larger blocks are mapped on their own and returned to the system when freed. What one read gives, 1 MiB at most,
        // stays below: half of the time of large reads went into mapping new pages.
        (libc::M_MMAP_THRESHOLD, (1 << 20) + (64 << 10)),
        // The least the heap grows by. If it grew page by page, each rendered segment would cost a system call.
        (libc::M_TOP_PAD, 1 << 20),
        // This much free memory at the end of the heap is returned to the system.
        (libc::M_TRIM_THRESHOLD, 8 << 20),
    ] {
        // SAFETY: it sets a number in the allocator, under the allocator's own lock, and touches no memory of ours.
        #[allow(unsafe_code)]
        let is_set = unsafe { libc::mallopt(option, value) } == 1;
        if !is_set {
            tracing::debug!(option, value, "the C library's allocator has no such setting");
        }
    }
}
