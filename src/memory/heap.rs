//! Giving freed memory back to the system.

/// Makes the allocator of the C library give back all empty pages. Without this call it does so only at the end of its
/// heap, and keeps the pages between others that the cache has emptied. Takes some milliseconds.
pub(super) fn give_back() {
    #[cfg(target_env = "gnu")]
    {
        // SAFETY: it takes the allocator's own locks, and touches no memory that is in use.
        #[allow(unsafe_code)]
        let released = unsafe { libc::malloc_trim(0) } == 1;
        tracing::trace!(released, "memory was given back");
    }
}
