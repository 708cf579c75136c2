//! `asof diff` for people.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use super::value;
use crate::catalog::FileChange;
use crate::cli::changed_files;
use crate::cli::output::{Output, Style};
use crate::model::row::{NULL, Row, key_name};
use crate::model::secrets::TableSecrets;
use crate::model::terminal::{self, ShowPath};
use crate::query::{FileSizes, table_name};
use crate::views::{RowChange, RowCounts, changed_columns};

/// The line that names both sides.
pub(super) fn sides(out: &Output, from: &str, to: &str) -> String {
    format!("{}\n", out.styled(Style::Name, &format!("diff {} {}", terminal::json(from), terminal::json(to))))
}

/// The line of a table, with its row counts.
pub(super) fn table(out: &Output, file: &FileChange, counts: RowCounts) -> String {
    let name = out.styled(Style::Strong, &format!("table {}:", terminal::json(table_name(&file.path))));
    let numbers: String = changed_files::signed(counts)
        .map(|(style, sign, count)| format!(" {}", out.styled(style, &format!("{sign}{count}"))))
        .collect();
    format!("{name}{numbers}{}\n", changed_files::note(out, file))
}

/// The line of a file that is not a table, with its sizes.
pub(super) fn file(out: &Output, path: &str, sizes: FileSizes) -> String {
    let name = out.styled(Style::Strong, &format!("file {}:", terminal::json(path)));
    let bytes = |count: u64| if count == 1 { "1 byte".to_owned() } else { format!("{count} bytes") };
    let change = match (sizes.before, sizes.after) {
        (Some(before), Some(after)) if before == after => format!("other content, {}", bytes(after)),
        (Some(before), Some(after)) => format!("{} -> {}", bytes(before), bytes(after)),
        (Some(before), None) => format!("gone, {}", bytes(before)),
        (None, after) => format!("new, {}", bytes(after.unwrap_or(0))),
    };
    format!("{name} {change}\n")
}

/// A changed row: its key and changed columns, secrets masked. A row of one side takes one line, unless it `is_alone`.
pub(super) fn row(
    out: &Output,
    key: &[String],
    change: &RowChange,
    is_alone: bool,
    secrets: Option<&TableSecrets<'_>>,
) -> String {
    let whole = if is_alone { all_of } else { on_one_line };
    let key: &[String] = if change.has_key { key } else { &[] };
    let changed = match (&change.from, &change.to) {
        (Some(from), Some(to)) => Row::parse(from).zip(Row::parse(to)),
        _ => None,
    };
    let changed = changed.as_ref().map(|(from, to)| changed_columns(from, to));
    let shown = |line: &'_ Option<Vec<u8>>| -> Option<Vec<u8>> {
        let line = line.as_deref()?;
        Some(secrets.map_or(Cow::Borrowed(line), |secrets| secrets.mask(line)).into_owned())
    };
    let (from, to) = (shown(&change.from), shown(&change.to));
    let (from, to) = (from.as_deref(), to.as_deref());
    let (before, after) = (from.and_then(Row::parse), to.and_then(Row::parse));
    match (before, after, from.or(to)) {
        (Some(before), Some(after), _) => {
            // Computed before masking, which makes different values equal.
            let columns = changed.unwrap_or_default().into_iter();
            let value = |row: &Row, column: &str| row.get(column).unwrap_or(NULL).to_owned();
            let columns: String = columns
                .map(|column| value::change(out, column, &value(&before, column), &value(&after, column)))
                .collect();
            format!("{}\n{columns}", head(out, Style::Changed, '~', key, &after))
        }
        (None, Some(row), _) => whole(out, Style::Added, '+', key, &row),
        (Some(row), None, _) => whole(out, Style::Removed, '-', key, &row),
        // A line of an export that is not an object.
        (None, None, line) => {
            let (style, sign) = if from.is_some() { (Style::Removed, "-") } else { (Style::Added, "+") };
            let line = OsStr::from_bytes(line.unwrap_or_default()).shown().to_string();
            format!("{}\n", out.styled(style, &format!("{sign} {}", terminal::json(&line))))
        }
    }
}

fn head(out: &Output, style: Style, sign: char, key: &[String], row: &Row) -> String {
    let name = if key.is_empty() { String::new() } else { key_name(&row.values(key)) };
    out.styled(style, format!("{sign} {}", terminal::json(&name)).trim_end())
}

/// A row on one side only, without its empty columns.
fn on_one_line(out: &Output, style: Style, sign: char, key: &[String], row: &Row) -> String {
    let columns: Vec<String> = row
        .columns()
        .filter(|column| says_something(key, *column))
        .map(|(name, value)| {
            format!(
                "{} {}",
                out.styled(Style::Strong, &format!("{}:", terminal::json(name))),
                value::short(value)
            )
        })
        .collect();
    let columns = if columns.is_empty() { String::new() } else { format!("  {}", columns.join(", ")) };
    format!("{}{columns}\n", head(out, style, sign, key, row))
}

/// The same, with each column on its own line.
fn all_of(out: &Output, style: Style, sign: char, key: &[String], row: &Row) -> String {
    let columns = row.columns().filter(|column| says_something(key, *column));
    let columns: String = columns.map(|(name, value)| value::whole(out, name, value)).collect();
    format!("{}\n{columns}", head(out, style, sign, key, row))
}

fn says_something(key: &[String], (name, value): (&str, &str)) -> bool {
    !value::is_empty(value) && !key.iter().any(|column| column == name)
}
