//! Helpers for the whole program: clock, cores, locks, tasks, record files, private folders.

pub mod clock;
pub(crate) mod common;
pub(crate) mod cores;
pub(crate) mod locks;
pub(crate) mod private;
pub(crate) mod records;
pub(crate) mod repeats;
pub(crate) mod tasks;
