//! Files of a source: opened beneath its folder only, watched for changes, and read by those who may.

pub(crate) mod access;
pub mod root;
pub(crate) mod watch;
