//! How `asof log` and `asof diff` show changed files.

use super::output::{Output, Style};
use crate::catalog::FileChange;
use crate::content::chain;
use crate::model::number::to_usize;
use crate::model::terminal;
use crate::query::{ChangeSize, CountedChange, table_name};
use crate::views::RowCounts;

/// The longest bar, in characters.
const LONGEST_BAR: u64 = 40;

/// The kind of a change: the word in JSON, and the note for people.
fn kind(file: &FileChange) -> (&'static str, &'static str) {
    match (&file.before, &file.after) {
        (None, _) => ("added", " (new)"),
        (_, None) => ("removed", " (gone)"),
        _ => ("modified", ""),
    }
}

pub(super) fn word(file: &FileChange) -> &'static str {
    kind(file).0
}

/// A note that a file is new or gone.
pub(super) fn note(out: &Output, file: &FileChange) -> String {
    out.styled(Style::Faint, kind(file).1)
}

/// The counts that are not 0, with their signs.
pub(super) fn signed(counts: RowCounts) -> impl Iterator<Item = (Style, char, u64)> {
    let all = [
        (Style::Added, '+', counts.added),
        (Style::Removed, '-', counts.removed),
        (Style::Changed, '~', counts.modified),
    ];
    all.into_iter().filter(|(.., count)| *count > 0)
}

/// A line for each file, with counts and a bar.
pub(super) fn lines(out: &Output, changes: &[CountedChange]) -> String {
    let mut text = String::new();
    let name = |change: &CountedChange| terminal::line(table_name(&change.file.path)).into_owned();
    let names = changes.iter().map(|change| name(change).chars().count()).max().unwrap_or(0);
    let counts = |change: &CountedChange| match change.size {
        ChangeSize::Rows(counts) => counts,
        ChangeSize::Binary | ChangeSize::NotCounted | ChangeSize::Failed(_) => RowCounts::default(),
    };
    let most = changes.iter().map(|change| counts(change).total()).max().unwrap_or(0);
    let numbers = changes.iter().map(|change| numbers(counts(change)).len()).max().unwrap_or(0);
    for change in changes {
        let size = match &change.size {
            ChangeSize::Rows(counts) => {
                format!("{:<numbers$} {}", self::numbers(*counts), bar(out, *counts, most))
            }
            ChangeSize::Binary => "not text".to_owned(),
            ChangeSize::NotCounted => "changed".to_owned(),
            ChangeSize::Failed(error) => format!("cannot be read: {}", terminal::line(&chain(error))),
        };
        let line = format!(" {:<names$} | {size}{}", name(change), note(out, &change.file));
        // An empty bar leaves a blank.
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// `+2 -1 ~3`, without counts of 0.
fn numbers(counts: RowCounts) -> String {
    let numbers: Vec<String> = signed(counts).map(|(_, sign, count)| format!("{sign}{count}")).collect();
    if numbers.is_empty() { "0".to_owned() } else { numbers.join(" ") }
}

/// A sign for each row, scaled so that the longest bar fits; at least one for each count that is not 0.
fn bar(out: &Output, counts: RowCounts, most: u64) -> String {
    let scaled = |count: u64| match most {
        0..=LONGEST_BAR => to_usize(count),
        _ => {
            let scaled = (u128::from(count) * u128::from(LONGEST_BAR)).div_ceil(u128::from(most));
            usize::try_from(scaled).expect("no count exceeds `most`, so no bar exceeds the longest")
        }
    };
    signed(counts)
        .map(|(style, sign, count)| out.styled(style, &sign.to_string().repeat(scaled(count))))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_have_one_sign_per_row_or_are_scaled_to_fit() {
        let out = Output::plain();
        let counts = |added, removed, modified| RowCounts { added, removed, modified };
        assert_eq!(bar(&out, counts(2, 1, 3), 6), "++-~~~");
        assert_eq!(bar(&out, counts(0, 0, 0), 0), "");
        let long = bar(&out, counts(1_000_000, 1, 0), 1_000_001);
        assert_eq!((long.matches('+').count(), long.matches('-').count()), (40, 1));
        assert_eq!(numbers(counts(2, 0, 3)), "+2 ~3");
        assert_eq!(numbers(counts(0, 0, 0)), "0");
    }
}
