//! What every part of the program may use: the clock, locks, tasks, files of records, private folders.

pub mod clock;
pub(crate) mod locks;
pub(crate) mod private;
pub(crate) mod records;
pub(crate) mod tasks;
