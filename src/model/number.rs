//! Number conversions that no value can make wrong (clippy refuses casts that could), and numbers for people.

/// Converts a length or an offset in memory. A number beyond the address space becomes the largest address: no slice
/// has it and nothing can allocate it, so its use fails and it is never mistaken for a smaller number.
pub fn to_usize(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// `1 chunk`, `2,130 chunks`: a number of things for people.
pub fn counted(count: u64, one: &str) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    let plural = if count == 1 { "" } else { "s" };
    format!("{text} {one}{plural}")
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

    #[test]
    fn one_is_one() {
        assert_eq!(counted(1, "chunk"), "1 chunk");
        assert_eq!(counted(0, "chunk"), "0 chunks");
        assert_eq!(counted(130, "chunk"), "130 chunks");
        assert_eq!(counted(2130, "chunk"), "2,130 chunks");
        assert_eq!(counted(1_002_130, "chunk"), "1,002,130 chunks");
    }
}
