//! Number conversions that no value can make wrong: clippy refuses casts that could.

/// Converts a length or an offset in memory. A number beyond the address space becomes the largest address: no slice
/// has it and nothing can allocate it, so its use fails and it is never mistaken for a smaller number.
pub fn to_usize(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_what_they_are_or_become_the_last() {
        for number in [0, 1, u64::from(u32::MAX), u64::from(u32::MAX) + 1, u64::MAX] {
            assert_eq!(to_usize(number) as u64, number.min(usize::MAX as u64));
        }
    }
}
