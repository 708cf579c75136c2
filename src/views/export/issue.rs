//! An issue as `bd export` writes it.

use jiff::Timestamp;

use super::cells::{Cells, unset_time};
use super::json::{ObjectWriter, push_json, quoted};
use super::related::Related;
use crate::views::error::DerivedError;

/// How a column becomes a field, and when the field is omitted.
#[derive(Clone, Copy)]
enum FieldForm {
    /// A text, always written.
    Always,
    /// A text, unless it is empty.
    Text,
    /// A text, unless the column has no value.
    Given,
    /// A whole number, unless it is 0.
    Whole,
    /// A whole number, always written.
    Rank,
    /// A whole number, unless the column has no value.
    GivenWhole,
    /// A time, always written: 1970 if it is unset (`sanitizeZeroTime`).
    Stamp,
    /// A time, unless the column has no value.
    Time,
    /// True, or omitted.
    Flag,
    /// JSON, unless it is `{}`.
    Json,
    /// A text that holds a list of texts, unless the list is empty.
    Texts,
    /// The position of labels, dependencies and comments.
    Lists,
}

/// The fields of `types.Issue` in order: name, column, form. Fields that are not exported, and columns that `bd` does
/// not read (`closed_by_session`), are missing. The list serves versions 0.62 to 1.1: a column that a version lacks
/// has no value.
const FIELDS: &[(&str, &str, FieldForm)] = &[
    ("id", "id", FieldForm::Always),
    ("title", "title", FieldForm::Always),
    ("description", "description", FieldForm::Text),
    ("design", "design", FieldForm::Text),
    ("acceptance_criteria", "acceptance_criteria", FieldForm::Text),
    ("notes", "notes", FieldForm::Text),
    ("spec_id", "spec_id", FieldForm::Text),
    ("status", "status", FieldForm::Text),
    ("priority", "priority", FieldForm::Rank),
    ("issue_type", "issue_type", FieldForm::Text),
    ("assignee", "assignee", FieldForm::Text),
    ("owner", "owner", FieldForm::Text),
    ("estimated_minutes", "estimated_minutes", FieldForm::GivenWhole),
    ("created_at", "created_at", FieldForm::Stamp),
    ("created_by", "created_by", FieldForm::Text),
    ("updated_at", "updated_at", FieldForm::Stamp),
    ("started_at", "started_at", FieldForm::Time),
    ("closed_at", "closed_at", FieldForm::Time),
    ("close_reason", "close_reason", FieldForm::Text),
    ("due_at", "due_at", FieldForm::Time),
    ("defer_until", "defer_until", FieldForm::Time),
    ("external_ref", "external_ref", FieldForm::Given),
    ("source_system", "source_system", FieldForm::Text),
    ("metadata", "metadata", FieldForm::Json),
    ("compaction_level", "compaction_level", FieldForm::Whole),
    ("compacted_at", "compacted_at", FieldForm::Time),
    ("compacted_at_commit", "compacted_at_commit", FieldForm::Given),
    ("original_size", "original_size", FieldForm::Whole),
    ("", "", FieldForm::Lists),
    ("sender", "sender", FieldForm::Text),
    ("ephemeral", "ephemeral", FieldForm::Flag),
    ("no_history", "no_history", FieldForm::Flag),
    ("wisp_type", "wisp_type", FieldForm::Text),
    ("pinned", "pinned", FieldForm::Flag),
    ("is_template", "is_template", FieldForm::Flag),
    ("await_type", "await_type", FieldForm::Text),
    ("await_id", "await_id", FieldForm::Text),
    ("timeout", "timeout_ns", FieldForm::Whole),
    ("waiters", "waiters", FieldForm::Texts),
    ("mol_type", "mol_type", FieldForm::Text),
    ("work_type", "work_type", FieldForm::Text),
    ("event_kind", "event_kind", FieldForm::Text),
    ("actor", "actor", FieldForm::Text),
    ("target", "target", FieldForm::Text),
    ("payload", "payload", FieldForm::Text),
];

/// Writes a row of `issues` as a line; `dependents` is how many issues depend on it.
pub fn write_issue(
    cells: &Cells<'_>,
    related: &Related,
    dependents: u64,
    out: &mut Vec<u8>,
) -> Result<(), DerivedError> {
    let mut object = ObjectWriter::begin(out);
    object.text("_type", "issue");
    for &(name, column, form) in FIELDS {
        match form {
            FieldForm::Always => object.text(name, &cells.must(column)?),
            FieldForm::Text => object.text_if_any(name, cells.text(column).as_deref()),
            FieldForm::Given => {
                if let Some(text) = cells.text(column) {
                    object.text(name, &text);
                }
            }
            FieldForm::Whole => {
                object.shown_if_any(name, cells.whole(column)?.filter(|number| *number != 0));
            }
            FieldForm::Rank => object.shown(name, cells.whole(column)?.unwrap_or_default()),
            FieldForm::GivenWhole => object.shown_if_any(name, cells.whole(column)?),
            FieldForm::Stamp => {
                let time = cells.time(column)?.filter(|time| *time != unset_time());
                object.text(name, &time.unwrap_or(Timestamp::UNIX_EPOCH).to_string());
            }
            FieldForm::Time => {
                object.text_if_any(name, cells.time(column)?.map(|time| time.to_string()).as_deref());
            }
            FieldForm::Flag => object.shown_if_any(name, cells.flag(column)?.then_some(true)),
            FieldForm::Json => {
                if let Some(json) = cells.json(column).filter(|json| json != "{}") {
                    push_json(json.as_bytes(), object.field(name));
                }
            }
            FieldForm::Texts => {
                object.list_if_any(name, cells.texts(column).iter().map(|text| quoted(text)));
            }
            FieldForm::Lists => related.write_lists(&mut object),
        }
    }
    related.write_counts(dependents, &mut object);
    object.end();
    out.push(b'\n');
    Ok(())
}
