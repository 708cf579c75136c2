//! `toc.jsonl`: the table of contents, one entry per line, with the file that shows its data.

use std::collections::BTreeMap;

use super::toc::{Toc, TocEntry};
use crate::model::jsonl::{LineLayout, RenderError, Value};

const COLUMNS: [&str; 14] = [
    "dump_id",
    "type",
    "schema",
    "name",
    "owner",
    "section",
    "tablespace",
    "access_method",
    "relkind",
    "dependencies",
    "data_offset",
    "data_length",
    "file",
    "note",
];

/// Renders the file, unless a text is not UTF-8. `files` has the path of each table that is shown, by its place among
/// the entries.
pub(super) fn toc_jsonl(toc: &Toc, files: &BTreeMap<usize, String>) -> Result<Vec<u8>, String> {
    let layout = LineLayout::new(COLUMNS);
    let mut out = Vec::new();
    for (place, entry) in toc.entries.iter().enumerate() {
        let data = entry.noted_offset().zip(toc.block_len(entry));
        let file = files.get(&place).map(String::as_str);
        line(&layout, entry, data, file, &note(toc, entry, file.is_some()), &mut out)
            .map_err(|problem| format!("entry {}: {problem}", entry.dump_id))?;
    }
    Ok(out)
}

/// What a person should know of an entry whose data is not, or not readably, shown.
fn note(toc: &Toc, entry: &TocEntry, is_shown: bool) -> Option<String> {
    if entry.is("BLOBS") {
        return Some("large objects are only in the raw file".into());
    }
    if !entry.is("TABLE DATA") {
        return None;
    }
    if !is_shown {
        return Some("data that is not the text of COPY is only in the raw file".into());
    }
    toc.text.is_err().then(|| format!("its text is in {}, of which no rows are shown", toc.encoding))
}

fn line(
    layout: &LineLayout,
    entry: &TocEntry,
    data: Option<(u64, u64)>,
    file: Option<&str>,
    note: &Option<String>,
    out: &mut Vec<u8>,
) -> Result<(), String> {
    let text = |bytes: &'_ [u8]| match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.to_owned()),
        Err(_) => Err("its text is not UTF-8".to_owned()),
    };
    let optional = |bytes: &Option<Box<[u8]>>| bytes.as_deref().map(text).transpose();
    let (kind, name) = (text(&entry.kind)?, text(&entry.tag)?);
    let (schema, owner) = (optional(&entry.schema)?, optional(&entry.owner)?);
    let (tablespace, method) = (optional(&entry.tablespace)?, optional(&entry.access_method)?);
    let relkind = entry.relkind.filter(|&kind| kind != 0).map(|kind| char::from(kind).to_string());
    let ids: Vec<String> = entry.dependencies.iter().map(i64::to_string).collect();
    let dependencies = format!("[{}]", ids.join(","));
    let values = [
        Value::Int(entry.dump_id),
        Value::Text(&kind),
        text_or_null(schema.as_deref()),
        Value::Text(&name),
        text_or_null(owner.as_deref()),
        Value::Text(entry.section),
        text_or_null(tablespace.as_deref()),
        text_or_null(method.as_deref()),
        text_or_null(relkind.as_deref()),
        Value::Json(&dependencies),
        data.map_or(Value::Null, |(offset, _)| Value::UInt(offset)),
        data.map_or(Value::Null, |(_, len)| Value::UInt(len)),
        text_or_null(file),
        text_or_null(note.as_deref()),
    ];
    let mut line = layout.line(out);
    let written = values.iter().try_for_each(|value| line.value(value)).and_then(|()| line.end());
    written.map_err(|error: RenderError| error.to_string())
}

fn text_or_null(text: Option<&str>) -> Value<'_> {
    text.map_or(Value::Null, Value::Text)
}
