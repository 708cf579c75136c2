//! Compares two texts, word by word.

use imara_diff::{Algorithm, Diff, InternedInput};
use unicode_segmentation::UnicodeSegmentation;

/// The most words, or lines, that are compared. The time may grow with the square; this many take about 0.1 s.
const MOST: usize = 10_000;

/// Texts that share less than this part of the shorter one, in percent, must share long stretches, in bytes. Otherwise one text
/// has replaced the other, and marking the few words that both contain would make them unreadable.
const LEAST_SHARED: usize = 40;
const LONG_STRETCH: usize = 30;

/// A longer text without blanks is not a word, but a hash, an address or packed bytes. In bytes.
const LONG_WORD: usize = 64;

/// A stretch of two texts that were compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TextPiece<'t> {
    /// In both.
    Same(&'t str),
    /// Only in the earlier one.
    Removed(&'t str),
    /// Only in the later one.
    Added(&'t str),
}

/// Where two texts differ: a byte range of each.
#[derive(Debug, Clone, Copy)]
struct ChangedRange {
    before: (usize, usize),
    after: (usize, usize),
}

impl ChangedRange {
    /// The same range in texts that contain these from the given bytes on.
    fn after(self, before: usize, after: usize) -> Self {
        let moved = |(start, end), by| (start + by, end + by);
        Self { before: moved(self.before, before), after: moved(self.after, after) }
    }
}

/// The pieces of two texts, none empty: same and removed ones form the first text, same and added ones the second.
pub(super) fn compare<'t>(before: &'t str, after: &'t str) -> Vec<TextPiece<'t>> {
    let mut changes = joined(changes(before, after), before);
    let changed: usize = changes.iter().map(|change| change.before.1 - change.before.0).sum();
    let shared = before.len() - changed;
    let is_little = shared * 100 < before.len().min(after.len()) * LEAST_SHARED;
    if is_little && shared < changes.len() * LONG_STRETCH {
        changes = vec![all_of(before, after)];
    }
    let mut pieces = Vec::new();
    let mut at = 0;
    for change in changes.into_iter().map(|change| narrowed(change, before, after)) {
        pieces.push(TextPiece::Same(&before[at..change.before.0]));
        pieces.push(TextPiece::Removed(&before[change.before.0..change.before.1]));
        pieces.push(TextPiece::Added(&after[change.after.0..change.after.1]));
        at = change.before.1;
    }
    pieces.push(TextPiece::Same(&before[at..]));
    pieces.retain(|piece| {
        !matches!(piece, TextPiece::Same("") | TextPiece::Removed("") | TextPiece::Added(""))
    });
    pieces
}

/// The changes by whole words; in very long texts, only by words of changed lines.
fn changes(before: &str, after: &str) -> Vec<ChangedRange> {
    if let Some(changes) = of_words(before, after) {
        return changes;
    }
    let lines = |text| -> Vec<&str> { str::split_inclusive(text, '\n').collect() };
    let Some(changes) = of(&lines(before), &lines(after)) else { return vec![all_of(before, after)] };
    let within = |line: &ChangedRange| -> Vec<ChangedRange> {
        let (old, new) = (&before[line.before.0..line.before.1], &after[line.after.0..line.after.1]);
        let words = of_words(old, new).unwrap_or_else(|| vec![all_of(old, new)]);
        words.into_iter().map(|word| word.after(line.before.0, line.after.0)).collect()
    };
    changes.iter().flat_map(within).collect()
}

fn all_of(before: &str, after: &str) -> ChangedRange {
    ChangedRange { before: (0, before.len()), after: (0, after.len()) }
}

/// The changes by whole words (Unicode Standard Annex 29); `None` if there are too many.
fn of_words(before: &str, after: &str) -> Option<Vec<ChangedRange>> {
    let words = |text: &'_ str| text.split_word_bounds().take(MOST + 1).count();
    if words(before).max(words(after)) > MOST {
        return None;
    }
    let words = |text| -> Vec<&str> { UnicodeSegmentation::split_word_bounds(text).collect() };
    of(&words(before), &words(after))
}

/// The changes between two texts in units, in order; `None` if there are too many units.
fn of(before: &[&str], after: &[&str]) -> Option<Vec<ChangedRange>> {
    if before.len().max(after.len()) > MOST {
        return None;
    }
    let mut input = InternedInput::default();
    input.update_before(before.iter().copied());
    input.update_after(after.iter().copied());
    let mut diff = Diff::compute(Algorithm::Histogram, &input);
    diff.postprocess_no_heuristic(&input);
    let (starts_before, starts_after) = (starts(before), starts(after));
    let range = |starts: &[usize], units: std::ops::Range<u32>| {
        (starts[units.start as usize], starts[units.end as usize])
    };
    let change = |hunk: imara_diff::Hunk| ChangedRange {
        before: range(&starts_before, hunk.before),
        after: range(&starts_after, hunk.after),
    };
    Some(diff.hunks().map(change).collect())
}

/// The start of each unit of a text, and the end of the text.
fn starts(units: &[&str]) -> Vec<usize> {
    let mut starts = vec![0];
    starts.extend(units.iter().scan(0, |end, unit| {
        *end += unit.len();
        Some(*end)
    }));
    starts
}

/// Joins changes with only blanks or punctuation of one line between them.
fn joined(changes: Vec<ChangedRange>, before: &str) -> Vec<ChangedRange> {
    let mut joined: Vec<ChangedRange> = Vec::with_capacity(changes.len());
    for change in changes {
        match joined.last_mut() {
            Some(last) if says_nothing(&before[last.before.1..change.before.0]) => {
                last.before.1 = change.before.1;
                last.after.1 = change.after.1;
            }
            _ => joined.push(change),
        }
    }
    joined
}

fn says_nothing(between: &str) -> bool {
    !between.contains(|c: char| c.is_alphanumeric() || c == '\n')
}

/// Narrows the change of a long word to the part that differs.
fn narrowed(change: ChangedRange, before: &str, after: &str) -> ChangedRange {
    let (old, new) = (&before[change.before.0..change.before.1], &after[change.after.0..change.after.1]);
    let is_word = |text: &str| text.len() > LONG_WORD && !text.contains(char::is_whitespace);
    if !is_word(old) || !is_word(new) {
        return change;
    }
    let same = |pairs: &mut dyn Iterator<Item = (char, char)>| -> usize {
        pairs.take_while(|(old, new)| old == new).map(|(old, _)| old.len_utf8()).sum()
    };
    let head = same(&mut old.chars().zip(new.chars()));
    let tail = same(&mut old[head..].chars().rev().zip(new[head..].chars().rev()));
    ChangedRange {
        before: (change.before.0 + head, change.before.1 - tail),
        after: (change.after.0 + head, change.after.1 - tail),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::TextPiece::{Added, Removed, Same};
    use super::*;

    fn sides(pieces: &[TextPiece]) -> (String, String) {
        let (mut before, mut after) = (String::new(), String::new());
        for piece in pieces {
            match piece {
                Same(text) => {
                    before.push_str(text);
                    after.push_str(text);
                }
                Removed(text) => before.push_str(text),
                Added(text) => after.push_str(text),
            }
        }
        (before, after)
    }

    #[test]
    fn words_that_changed_stand_out() {
        let pieces = compare("the cat sat on the mat, then left", "the dog sat on the mat, then left");
        assert_eq!(pieces, [Same("the "), Removed("cat"), Added("dog"), Same(" sat on the mat, then left")]);
        let pieces = compare("fix the old pump in hall 3", "fix the pump in hall 3");
        assert_eq!(pieces, [Same("fix the "), Removed("old "), Same("pump in hall 3")]);
        assert_eq!(compare("", "new"), [Added("new")]);
        assert_eq!(compare("same", "same"), [Same("same")]);
        // Two words with a blank between them are one change.
        let pieces = compare("it is closed now, says the mayor", "it was opened now, says the mayor");
        assert_eq!(pieces[1..3], [Removed("is closed"), Added("was opened")]);
        // Words of other languages.
        let pieces = compare("das Gerät läuft täglich weiter", "das Gerät lief täglich weiter");
        assert_eq!(pieces[1..3], [Removed("läuft"), Added("lief")]);
    }

    #[test]
    fn a_text_that_replaced_another_is_shown_whole() {
        let (before, after) =
            ("the pump in the hall is broken", "order a new one at the shop, the cheap one");
        assert_eq!(compare(before, after), [Removed(before), Added(after)]);
        // A whole paragraph in both is no coincidence.
        let kept = "Nobody has looked at it until now, as the key is lost.";
        let (old, new) = (format!("{before}. {kept} {before}"), format!("{after}. {kept} {after}"));
        assert!(compare(&old, &new).iter().any(|piece| matches!(piece, Same(text) if text.contains(kept))));
    }

    #[test]
    fn only_the_part_of_a_long_word_that_differs_counts() {
        let word = |middle: &str| format!("{}{middle}{}", "A".repeat(500), "B".repeat(500));
        let (before, after) = (word("x"), word("yy"));
        let (head, tail) = ("A".repeat(500), "B".repeat(500));
        assert_eq!(compare(&before, &after), [Same(&head), Removed("x"), Added("yy"), Same(&tail)]);
    }

    #[test]
    fn texts_without_end_are_compared_in_no_time() {
        // The worst cases for quadratic time: nothing is the same, or everything.
        let numbers = |from: u32| (from..from + 200_000).map(|n| format!("{n} ")).collect::<String>();
        let (before, after) = (numbers(0), numbers(1_000_000));
        assert_eq!(sides(&compare(&before, &after)), (before, after));
        let (before, after) = ("a b ".repeat(100_000), "b a ".repeat(100_000));
        assert_eq!(sides(&compare(&before, &after)), (before, after));
        // In long texts, changed lines are compared by their words.
        let lines = |of: &str| (0..9_000).map(|n| format!("line {n} of {of}\n")).collect::<String>();
        let before = lines("many");
        let after = before
            .replace("line 77 of many", "line 77 of some")
            .replace("line 500 of", "line five hundred of");
        let changed: Vec<TextPiece> =
            compare(&before, &after).into_iter().filter(|p| !matches!(p, Same(_))).collect();
        assert_eq!(changed, [Removed("many"), Added("some"), Removed("500"), Added("five hundred")]);
    }

    proptest! {
        #[test]
        fn the_pieces_are_both_texts(before in "([abé,\n]{0,3} ){0,12}", after in "([abé,\n]{0,3} ){0,12}") {
            let pieces = compare(&before, &after);
            prop_assert_eq!(sides(&pieces), (before.clone(), after.clone()));
            prop_assert!(!pieces.iter().any(|p| matches!(p, Same("") | Removed("") | Added(""))));
            prop_assert_eq!(pieces, compare(&before, &after));
        }
    }
}
