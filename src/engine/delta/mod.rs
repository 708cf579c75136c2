//! Deltas: how a version of a table, and its length, follow from another version.
//!
//! All of this is optional: without it each version is read as a whole. It decides by counts of bytes and versions, never by
//! the time that something took, so that what it does can be tested.

mod backoff;
pub(crate) mod by_changes;
mod derive;
pub(crate) mod family;
pub(crate) mod lengths;
mod patch;
mod steps;

#[cfg(test)]
mod test_table;
#[cfg(test)]
mod tests;
