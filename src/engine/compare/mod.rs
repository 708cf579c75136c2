//! Comparing two contents without reading what they share.

pub(crate) mod merged;
pub(crate) mod named;
pub(crate) mod pieces;
pub(crate) mod rows;
pub(crate) mod runs;
