//! Rows of whole contents by their ids.

use std::collections::HashMap;

use regex::bytes::Regex;

use super::DerivedError;
use super::key::id_of;
use super::lines::each_line;
use crate::content::FileEntry;
use crate::engine::Engine;
use crate::model::row::{Row, trimmed};

/// Up to so many ids, of so many bytes, are looked for as texts, so that most lines need not be taken apart.
pub(super) const FEW: usize = 64;
pub(super) const FEW_BYTES: usize = 4 << 10;

/// The last row of a content that has each of some ids.
///
/// # Errors
/// Why it cannot be read.
pub(super) async fn last_rows(
    engine: &Engine,
    file: &FileEntry,
    ids: impl Iterator<Item = String>,
) -> Result<HashMap<String, Option<Vec<u8>>>, DerivedError> {
    let mut rows: HashMap<String, Option<Vec<u8>>> = ids.map(|id| (id, None)).collect();
    each_with_id(engine, file, &mut rows, |row, line| *row = Some(trimmed(line).to_vec())).await?;
    Ok(rows)
}

/// Calls `take` for each row that has one of the ids, with what belongs to the id and the line.
async fn each_with_id<T>(
    engine: &Engine,
    file: &FileEntry,
    by_id: &mut HashMap<String, T>,
    mut take: impl FnMut(&mut T, &[u8]),
) -> Result<(), DerivedError> {
    let may_have = texts(by_id.keys());
    let reader = engine.open(file.id, &file.content).await?;
    each_line(&reader, |line| {
        if may_have.as_ref().is_none_or(|texts| texts.is_match(line))
            && let Some(id) = Row::parse(line).as_ref().and_then(id_of)
            && let Some(known) = by_id.get_mut(&id)
        {
            take(known, line);
        }
        Ok(())
    })
    .await
}

/// What a line holds that has one of these ids: the id as JSON writes it by default, or an escape that it need not use.
/// `None` where these are too many.
pub(super) fn texts<'i>(ids: impl Iterator<Item = &'i String> + Clone) -> Option<Regex> {
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
