//! Locks over what no panic leaves half-done.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks a mutex, also one that another thread held when it panicked. Nothing in this program is between two states under a
/// lock: it is put in place whole, or only grows. So a reader that fails does not take the data of the others with it.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
