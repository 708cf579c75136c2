//! `asof find` for people.

use crate::cli::output::{Output, Style};
use crate::cli::snapshot_meta::{author, short_hash};
use crate::model::terminal;
use crate::query::{FoundRow, SourceFindings, table_name};

/// The longest part of a line that is shown, in characters.
const LONGEST_SHOWN: usize = 400;

/// The lines of a row: its key, its versions and its last snapshot.
pub(super) fn row(out: &Output, findings: &SourceFindings, row: &FoundRow) -> String {
    let key: Vec<String> = row.key.iter().map(|(column, value)| format!("{column}={value}")).collect();
    let name = format!("{}/{} {}", findings.database.name, table_name(&row.path), key.join(" "));
    let mut text = out.styled(Style::Name, &terminal::line(name.trim_end()));
    if findings.database.views().len() > 1 {
        text.push_str(&format!(" ({})", terminal::line(&findings.view.label)));
    }
    text.push('\n');
    for (number, version) in row.lines.iter().enumerate() {
        let (style, word) = if number == 0 { (Style::Added, "from") } else { (Style::Changed, "then") };
        text.push_str(&format!("  {} {}\n", out.styled(style, word), snapshot(findings, version.at)));
        text.push_str(&format!("       {}\n", shortened(&version.line)));
    }
    let last = findings.name(findings.last_step(row));
    match row.gone {
        Some(gone) => {
            text.push_str(&format!("  {}  {last}\n", out.styled(Style::Removed, "to ")));
            text.push_str(&format!(
                "  {} {}\n",
                out.styled(Style::Removed, "gone"),
                snapshot(findings, gone)
            ));
        }
        None => text.push_str(&format!("  {} in {last}\n", out.styled(Style::Added, "still there"))),
    }
    text
}

/// A snapshot: its name, its commit, its author, and the first line of the message.
fn snapshot(findings: &SourceFindings, at: usize) -> String {
    let meta = &findings.line[at];
    let message = meta.message.lines().next().unwrap_or_default();
    let parts = [findings.name(at), short_hash(meta).to_owned(), author(meta), message.to_owned()];
    let parts: Vec<_> =
        parts.iter().filter(|part| !part.is_empty()).map(|part| terminal::line(part)).collect();
    parts.join("  ")
}

fn shortened(line: &[u8]) -> String {
    let line = String::from_utf8_lossy(line);
    let line = terminal::json(&line);
    match line.char_indices().nth(LONGEST_SHOWN) {
        Some((end, _)) => format!("{}... (--json shows all of it)", &line[..end]),
        None => line.into_owned(),
    }
}
