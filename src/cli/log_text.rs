//! `asof log` for people.

use super::Failure;
use super::log::LogEntry;
use super::output::{Output, Style};
use crate::content::chain;
use crate::model::number::to_usize;
use crate::model::terminal;
use crate::query::{ChangeSize, CountedChange, table_name};
use crate::views::RowCounts;

/// The longest bar, in characters.
const LONGEST_BAR: u64 = 40;

/// How much of a hash tells it from others, in characters.
const SHORT_HASH: usize = 8;

/// Writes a snapshot, with an empty line before it unless it `is_first`.
pub(super) fn write(
    out: &mut Output,
    entry: &LogEntry,
    is_verbose: bool,
    is_first: bool,
) -> Result<(), Failure> {
    let mut text = if is_first { String::new() } else { "\n".to_owned() };
    text.push_str(&head(out, entry, is_verbose));
    match &entry.changes {
        Ok(Some(changes)) => {
            if changes.lacks_parent {
                text.push_str("\n its parent is not in the source: compared with the snapshot before it\n");
            }
            if !changes.files.is_empty() {
                text.push_str(&format!("\n{}", counted(out, &changes.files)));
            }
        }
        Ok(None) => text.push_str("\n its parent is not in the source: what it changed is not known\n"),
        Err(error) => text.push_str(&format!("\n cannot be listed: {}\n", terminal::line(&error.chain()))),
    }
    out.text(&text)
}

fn head(out: &Output, entry: &LogEntry, is_verbose: bool) -> String {
    let meta = &entry.snapshot.meta;
    let path = format!("{}/asof/{}", entry.database.name, entry.snapshot.name);
    let mut text = format!("snapshot {}", out.styled(Style::Name, &terminal::line(&path)));
    if !entry.names.is_empty() {
        text.push_str(&out.styled(Style::Name, &format!(" ({})", terminal::line(&entry.names.join(", ")))));
    }
    text.push('\n');
    let mut field = |name: &str, value: &str| {
        if !value.is_empty() {
            text.push_str(&format!("{name:<8}{}\n", terminal::line(value)));
        }
    };
    let hash = meta.commit.as_deref().unwrap_or_default();
    field("Commit:", if is_verbose { hash } else { hash.get(..SHORT_HASH).unwrap_or(hash) });
    field("Author:", &author(&meta.author, &meta.email));
    field("Date:", &meta.time.to_string());
    if is_verbose || entry.database.views().len() > 1 {
        field("Source:", entry.database.view(entry.snapshot.key.slot).map_or("", |view| &view.label));
    }
    let lines = meta.message.trim_end().lines().take(if is_verbose { usize::MAX } else { 1 });
    let message: String = lines.map(|line| format!("    {}\n", terminal::lines(line))).collect();
    if !message.is_empty() {
        text.push('\n');
        text.push_str(&message);
    }
    text
}

/// `Name <address>`, as far as both are known.
pub(super) fn author(name: &str, email: &str) -> String {
    match (name, email) {
        (name, "") => name.to_owned(),
        ("", email) => format!("<{email}>"),
        (name, email) => format!("{name} <{email}>"),
    }
}

/// A line for each file.
pub(super) fn counted(out: &Output, changes: &[CountedChange]) -> String {
    let mut text = String::new();
    let name = |change: &CountedChange| terminal::line(table_name(&change.file.path)).into_owned();
    let names = changes.iter().map(|change| name(change).chars().count()).max().unwrap_or(0);
    let counts = |change: &CountedChange| match change.size {
        ChangeSize::Rows(counts) => counts,
        ChangeSize::Binary | ChangeSize::NotCounted | ChangeSize::Failed(_) => RowCounts::default(),
    };
    let most = changes.iter().map(|change| all(counts(change))).max().unwrap_or(0);
    let numbers = changes.iter().map(|change| told(counts(change)).chars().count()).max().unwrap_or(0);
    for change in changes {
        text.push_str(&format!(" {:<names$} | ", name(change)));
        match &change.size {
            ChangeSize::Rows(counts) => {
                text.push_str(&format!("{:<numbers$} {}", told(*counts), bar(out, *counts, most)));
            }
            ChangeSize::Binary => text.push_str("no text"),
            ChangeSize::NotCounted => text.push_str("changed"),
            ChangeSize::Failed(error) => {
                text.push_str(&format!("cannot be read: {}", terminal::line(&chain(error))))
            }
        }
        match (&change.file.before, &change.file.after) {
            (None, _) => text.push_str(&out.styled(Style::Faint, " (new)")),
            (_, None) => text.push_str(&out.styled(Style::Faint, " (gone)")),
            _ => {}
        }
        // The bar of nothing leaves a blank.
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text
}

fn all(counts: RowCounts) -> u64 {
    counts.added + counts.removed + counts.modified
}

/// `+2 -1 ~3`, without what is 0.
fn told(counts: RowCounts) -> String {
    let parts = [('+', counts.added), ('-', counts.removed), ('~', counts.modified)];
    let told: Vec<String> =
        parts.iter().filter(|(_, count)| *count > 0).map(|(sign, count)| format!("{sign}{count}")).collect();
    if told.is_empty() { "0".to_owned() } else { told.join(" ") }
}

/// A sign for each row, or for as many rows as make the longest bar fit; one at least for what there is.
fn bar(out: &Output, counts: RowCounts, most: u64) -> String {
    let scaled = |count: u64| match most {
        0..=LONGEST_BAR => to_usize(count),
        // No count is more than the most, so none is scaled to more than the longest bar.
        _ => {
            let scaled = (u128::from(count) * u128::from(LONGEST_BAR)).div_ceil(u128::from(most));
            usize::try_from(scaled).expect("it is as long as the longest bar at most")
        }
    };
    let part = |style, sign: &str, count| out.styled(style, &sign.repeat(scaled(count)));
    part(Style::Added, "+", counts.added)
        + &part(Style::Removed, "-", counts.removed)
        + &part(Style::Changed, "~", counts.modified)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_long_as_what_changed_or_fit() {
        let out = Output::plain();
        let counts = |added, removed, modified| RowCounts { added, removed, modified };
        assert_eq!(bar(&out, counts(2, 1, 3), 6), "++-~~~");
        assert_eq!(bar(&out, counts(0, 0, 0), 0), "");
        let long = bar(&out, counts(1_000_000, 1, 0), 1_000_001);
        assert_eq!((long.matches('+').count(), long.matches('-').count()), (40, 1));
        assert_eq!(told(counts(2, 0, 3)), "+2 ~3");
        assert_eq!(told(counts(0, 0, 0)), "0");
    }
}
