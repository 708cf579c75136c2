//! Finds an address in a sorted list, by its first 8 bytes.

use std::cmp::Ordering;
use std::ops::Range;

/// How many guesses are made before the list is halved: among a million evenly spread addresses, four or five guesses
/// find one.
const GUESSES: usize = 8;

/// The entries whose prefix is `wanted`, in a list that is sorted by `prefix_of`.
///
/// Looks first near the place that an even spread of addresses gives, which takes a few steps where halving takes
/// twenty. Then halves what is left, in case the spread is not even.
pub fn find<T>(sorted: &[T], wanted: u64, prefix_of: impl Fn(&T) -> u64) -> Range<usize> {
    let (mut rest, mut least, mut most) = (0..sorted.len(), 0, u64::MAX);
    for _ in 0..GUESSES {
        let (Some(last), Some(ahead)) = (rest.len().checked_sub(1), wanted.checked_sub(least)) else {
            return 0..0;
        };
        // The upper halves of the differences are precise enough, and their product fits.
        let (ahead, span) = (ahead >> 32, (most.saturating_sub(least) >> 32).max(1));
        let guess = ahead.saturating_mul(last as u64) / span;
        let guess = usize::try_from(guess).map_or(last, |guess| guess.min(last));
        let at = rest.start + guess;
        let prefix = prefix_of(&sorted[at]);
        match prefix.cmp(&wanted) {
            Ordering::Equal => return around(sorted, at, wanted, prefix_of),
            Ordering::Less => (rest.start, least) = (at + 1, prefix),
            Ordering::Greater => (rest.end, most) = (at, prefix),
        }
    }
    let found = sorted[rest.clone()].binary_search_by_key(&wanted, &prefix_of);
    found.map_or(0..0, |at| around(sorted, rest.start + at, wanted, prefix_of))
}

/// All entries with the prefix of the one at `at`.
fn around<T>(sorted: &[T], at: usize, wanted: u64, prefix_of: impl Fn(&T) -> u64) -> Range<usize> {
    let is_same = |entry: &&T| prefix_of(entry) == wanted;
    let before = sorted[..at].iter().rev().take_while(is_same).count();
    at - before..at + sorted[at..].iter().take_while(is_same).count()
}
