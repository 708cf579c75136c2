//! Facts about contents that outlive a mount: lengths, digests and times.

pub(crate) mod digest;
pub(crate) mod index;
pub(crate) mod persistent_map;
