//! Conversions between types of numbers that no value can make wrong: clippy refuses casts that could.

/// A length or a place in memory. What has more than memory has addresses becomes the last of them, which no slice has and
/// nothing can allocate: it fails, and is never taken for a smaller number.
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
