//! Conversions of numbers.

/// A length or an offset in memory. A number beyond the address space becomes the last one, which nothing can allocate:
/// it fails instead of being taken for a smaller one.
pub fn to_usize(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
