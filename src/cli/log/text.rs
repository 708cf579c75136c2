//! `asof log` for people.

use super::entry::LogEntry;
use crate::cli::changed_files;
use crate::cli::failure::Failure;
use crate::cli::output::{Output, Style};
use crate::cli::snapshot_meta::{author, short_hash};
use crate::model::terminal;

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
                text.push_str(&format!("\n{}", changed_files::lines(out, &changes.files)));
            }
        }
        Ok(None) => text.push_str("\n its parent is not in the source: its changes are not known\n"),
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
    let hash = if is_verbose { meta.commit.as_deref().unwrap_or_default() } else { short_hash(meta) };
    field("Commit:", hash);
    field("Author:", &author(meta));
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
