//! Opens files beneath their source's folder only, watches folders for changes, and finds out who may read a file.

pub(crate) mod access;
pub mod root;
pub(crate) mod watch;
