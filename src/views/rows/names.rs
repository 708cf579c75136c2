//! The names, the ids and the number of a table's rows, found in whole contents.

use std::collections::HashMap;

use regex::bytes::Regex;

use super::key::{ID, id_of, is_table, known_key, name_in};
use super::lines::each_line;
use crate::content::FileEntry;
use crate::engine::Engine;
use crate::model::row::{Row, trimmed};
use crate::views::error::DerivedError;

/// At most this many ids, and bytes of ids, are searched for as text before lines are parsed.
pub const FEW: usize = 64;
pub const FEW_BYTES: usize = 4 << 10;

/// For each id, the last row of a content that has it.
pub async fn last_rows(
    engine: &Engine,
    file: &FileEntry,
    ids: impl Iterator<Item = String>,
) -> Result<HashMap<String, Option<Vec<u8>>>, DerivedError> {
    let mut rows: HashMap<String, Option<Vec<u8>>> = ids.map(|id| (id, None)).collect();
    let may_have = texts(rows.keys());
    let reader = engine.open(file.id, &file.content).await?;
    each_line(&reader, |line| {
        if may_have.as_ref().is_none_or(|texts| texts.is_match(line))
            && let Some(id) = Row::parse(line).as_ref().and_then(id_of)
            && let Some(last) = rows.get_mut(&id)
        {
            *last = Some(trimmed(line).to_vec());
        }
    })
    .await?;
    Ok(rows)
}

/// Matches lines that may have one of these ids: the id as JSON usually writes it, or an escape that JSON does not
/// require. `None` if there are too many ids.
pub fn texts<'i>(ids: impl Iterator<Item = &'i String> + Clone) -> Option<Regex> {
    let (count, bytes) = ids.clone().fold((0, 0), |(count, bytes), id| (count + 1, bytes + id.len()));
    if count > FEW || bytes > FEW_BYTES {
        return None;
    }
    let text = |id: &String| {
        let quoted = serde_json::Value::from(id.as_str()).to_string();
        format!("{}|{}", regex::escape(id), regex::escape(&quoted[1..quoted.len() - 1]))
    };
    let mut texts: Vec<String> = ids.map(text).collect();
    texts.push(r"\\[u/]".to_owned());
    Regex::new(&texts.join("|")).ok()
}

/// Calls `take` with the name of each row of a table, as in `history/`, in the table's order. Returns false if its
/// rows have no key.
pub async fn each_row_name(
    engine: &Engine,
    file: &FileEntry,
    mut take: impl FnMut(String),
) -> Result<bool, DerivedError> {
    let key = known_key(file).await?.unwrap_or_else(|| vec![ID.to_owned()]);
    if key.is_empty() {
        return Ok(false);
    }
    let reader = engine.open(file.id, &file.content).await?;
    each_line(&reader, |line| {
        if let Some(name) = Row::parse(line).and_then(|row| name_in(&row, &key)) {
            take(name);
        }
    })
    .await?;
    Ok(true)
}

/// The number of rows of a table, including lines that are not objects; for another file, the number of its lines.
pub async fn row_count(engine: &Engine, file: &FileEntry) -> Result<u64, DerivedError> {
    // A rendered table has no blank lines.
    if !is_table(&file.path) || known_key(file).await?.is_some() {
        return Ok(engine.digest(file.id, &file.content).await?.rows);
    }
    let reader = engine.open(file.id, &file.content).await?;
    let mut count = 0;
    each_line(&reader, |line| count += u64::from(!trimmed(line).is_empty())).await?;
    Ok(count)
}
