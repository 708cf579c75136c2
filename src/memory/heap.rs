//! Giving memory that was freed back to the system.

/// Has the C library's allocator give back all whole pages that nothing lies in. By itself it does so at the end of its heap alone: where
/// the cache has given way, the pages between what it still holds would stay. Takes some milliseconds.
pub(super) fn give_back() {
    #[cfg(target_env = "gnu")]
    {
        // SAFETY: it takes the allocator's own locks, and touches no memory that is in use.
        #[allow(unsafe_code)]
        let released = unsafe { libc::malloc_trim(0) } == 1;
        tracing::trace!(released, "memory was given back");
    }
}
