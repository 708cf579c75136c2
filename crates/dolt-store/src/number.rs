//! Conversions of numbers.

/// Converts a length or an offset in memory. A number beyond the address space becomes the largest address, which
/// nothing can allocate: its use fails, and it is never mistaken for a smaller number.
pub fn to_usize(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
