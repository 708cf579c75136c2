//! What two lists have in common.

use std::collections::HashMap;
use std::hash::Hash;

/// Removes from both lists what they have in common; of equal items, as many as both lists have.
pub fn drop_common<T, K: Eq + Hash>(before: &mut Vec<T>, after: &mut Vec<T>, key: impl Fn(&T) -> K) {
    // Successive versions have nearly everything in the same places, and comparing is cheaper than hashing.
    let same = |(one, other): &(&T, &T)| key(one) == key(other);
    let behind = before.iter().rev().zip(after.iter().rev()).take_while(same).count();
    before.truncate(before.len() - behind);
    after.truncate(after.len() - behind);
    let ahead = before.iter().zip(after.iter()).take_while(same).count();
    before.drain(..ahead);
    after.drain(..ahead);
    if before.is_empty() || after.is_empty() {
        return;
    }
    let mut common: HashMap<K, usize> = HashMap::with_capacity(before.len());
    for one in &*before {
        *common.entry(key(one)).or_default() += 1;
    }
    let take = |left: &mut HashMap<K, usize>, one: &T| match left.get_mut(&key(one)) {
        Some(left) if *left > 0 => {
            *left -= 1;
            true
        }
        _ => false,
    };
    let mut met: HashMap<K, usize> = HashMap::new();
    after.retain(|one| {
        let is_common = take(&mut common, one);
        if is_common {
            *met.entry(key(one)).or_default() += 1;
        }
        !is_common
    });
    before.retain(|one| !take(&mut met, one));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_left_of_two_lists_has_nothing_in_common(
            before in prop::collection::vec(0_u8..6, 0..20), after in prop::collection::vec(0_u8..6, 0..20),
        ) {
            let (mut old, mut new) = (before.clone(), after.clone());
            drop_common(&mut old, &mut new, |one| *one);
            for one in 0..6 {
                let count = |list: &[u8]| list.iter().filter(|other| **other == one).count();
                let common = count(&before).min(count(&after));
                prop_assert_eq!(count(&old), count(&before) - common);
                prop_assert_eq!(count(&new), count(&after) - common);
            }
        }
    }
}
