//! An issue as `bd export` writes it.

use jiff::Timestamp;

use super::cells::{Cells, unset_time};
use super::json::{Object, push_json, quoted};
use super::related::Related;
use crate::views::DerivedError;

/// How a column becomes a field, and when the field is left out.
#[derive(Clone, Copy)]
enum Form {
    /// A text that is always there.
    Always,
    /// A text, unless it is empty.
    Text,
    /// A text, unless the column has no value.
    Given,
    /// A whole number, unless it is 0.
    Whole,
    /// A whole number that is always there.
    Rank,
    /// A whole number, unless the column has no value.
    GivenWhole,
    /// A time that is always there: 1970 where it is not set (`sanitizeZeroTime`).
    Stamp,
    /// A time, unless the column has no value.
    Time,
    /// True, or left out.
    Flag,
    /// JSON, unless it is `{}`.
    Json,
    /// A text that holds a list of texts, unless there is none in it.
    Texts,
    /// Labels, dependencies and comments stand here.
    Lists,
}

/// The fields of `types.Issue` in their order: name, column, form. Those that it keeps to itself, and those of which `bd` does not
/// read the columns (`closed_by_session`), are not among them. The same for all versions from 0.62 to 1.1: a column that a
/// version does not have has no value.
const FIELDS: &[(&str, &str, Form)] = &[
    ("id", "id", Form::Always),
    ("title", "title", Form::Always),
    ("description", "description", Form::Text),
    ("design", "design", Form::Text),
    ("acceptance_criteria", "acceptance_criteria", Form::Text),
    ("notes", "notes", Form::Text),
    ("spec_id", "spec_id", Form::Text),
    ("status", "status", Form::Text),
    ("priority", "priority", Form::Rank),
    ("issue_type", "issue_type", Form::Text),
    ("assignee", "assignee", Form::Text),
    ("owner", "owner", Form::Text),
    ("estimated_minutes", "estimated_minutes", Form::GivenWhole),
    ("created_at", "created_at", Form::Stamp),
    ("created_by", "created_by", Form::Text),
    ("updated_at", "updated_at", Form::Stamp),
    ("started_at", "started_at", Form::Time),
    ("closed_at", "closed_at", Form::Time),
    ("close_reason", "close_reason", Form::Text),
    ("due_at", "due_at", Form::Time),
    ("defer_until", "defer_until", Form::Time),
    ("external_ref", "external_ref", Form::Given),
    ("source_system", "source_system", Form::Text),
    ("metadata", "metadata", Form::Json),
    ("compaction_level", "compaction_level", Form::Whole),
    ("compacted_at", "compacted_at", Form::Time),
    ("compacted_at_commit", "compacted_at_commit", Form::Given),
    ("original_size", "original_size", Form::Whole),
    ("", "", Form::Lists),
    ("sender", "sender", Form::Text),
    ("ephemeral", "ephemeral", Form::Flag),
    ("no_history", "no_history", Form::Flag),
    ("wisp_type", "wisp_type", Form::Text),
    ("pinned", "pinned", Form::Flag),
    ("is_template", "is_template", Form::Flag),
    ("await_type", "await_type", Form::Text),
    ("await_id", "await_id", Form::Text),
    ("timeout", "timeout_ns", Form::Whole),
    ("waiters", "waiters", Form::Texts),
    ("mol_type", "mol_type", Form::Text),
    ("work_type", "work_type", Form::Text),
    ("event_kind", "event_kind", Form::Text),
    ("actor", "actor", Form::Text),
    ("target", "target", Form::Text),
    ("payload", "payload", Form::Text),
];

/// Writes a row of `issues` as a line; `dependents` is how many issues wait for this one.
///
/// # Errors
/// [`DerivedError::Unfit`] for a value that does not fit its column.
pub fn write_issue(
    cells: &Cells<'_>,
    related: &Related,
    dependents: u64,
    out: &mut Vec<u8>,
) -> Result<(), DerivedError> {
    let mut object = Object::begin(out);
    object.text("_type", "issue");
    for (name, column, form) in FIELDS {
        match form {
            Form::Lists => related.write_lists(&mut object),
            _ => write_field(name, column, *form, cells, &mut object)?,
        }
    }
    related.write_counts(dependents, &mut object);
    object.end();
    out.push(b'\n');
    Ok(())
}

fn write_field(
    name: &str,
    column: &str,
    form: Form,
    cells: &Cells<'_>,
    object: &mut Object<'_>,
) -> Result<(), DerivedError> {
    match form {
        Form::Always => object.text(name, &cells.must(column)?),
        Form::Text => object.text_if_any(name, &cells.text(column).unwrap_or_default()),
        Form::Given => {
            if let Some(text) = cells.text(column) {
                object.text(name, &text);
            }
        }
        Form::Whole => {
            if let Some(number) = cells.whole(column)?.filter(|number| *number != 0) {
                object.shown(name, number);
            }
        }
        Form::Rank => object.shown(name, cells.whole(column)?.unwrap_or_default()),
        Form::GivenWhole => {
            if let Some(number) = cells.whole(column)? {
                object.shown(name, number);
            }
        }
        Form::Stamp => {
            let time = cells.time(column)?.filter(|time| *time != unset_time());
            object.text(name, &time.unwrap_or(Timestamp::UNIX_EPOCH).to_string());
        }
        Form::Time => {
            if let Some(time) = cells.time(column)? {
                object.text(name, &time.to_string());
            }
        }
        Form::Flag => {
            if cells.flag(column)? {
                object.shown(name, true);
            }
        }
        Form::Json => {
            if let Some(json) = cells.json(column).filter(|json| json != "{}") {
                push_json(json.as_bytes(), object.field(name));
            }
        }
        Form::Texts => {
            let texts: Vec<Vec<u8>> = cells.texts(column).iter().map(|text| quoted(text)).collect();
            if !texts.is_empty() {
                object.list(name, texts.iter().map(Vec::as_slice));
            }
        }
        Form::Lists => {}
    }
    Ok(())
}
