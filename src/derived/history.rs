//! `history/<table>/<key>.jsonl`: every version of one row, oldest first.

use std::collections::HashMap;
use std::sync::Arc;

use super::diff::{changed_columns, write_object};
use super::key::known_key;
use super::lines::each_line;
use super::{DerivedError, VersionIndex};
use crate::catalog::{Database, Snapshot};
use crate::engine::Engine;
use crate::model::content_id::ContentId;
use crate::model::row::{Row, key_name};
use crate::source::blocking::on_blocking_thread;
use crate::source::parts::{Part, Parts, Segment};
use crate::source::{FileEntry, SourceError};

/// The rows of a table by which its keys are listed: the column that rows go by where no source knows of a key.
const ID: &str = "id";

/// What became of a row.
struct Event<'a> {
    snapshot: &'a Snapshot,
    change: &'static str,
    /// The row as it is from then on; of one that was removed, as it was.
    line: Vec<u8>,
    changed: Vec<String>,
}

/// The columns of the key of one content of a table; `id` where its source knows of none.
///
/// # Errors
/// What the source says.
pub async fn key_columns(file: &FileEntry) -> Result<Vec<String>, DerivedError> {
    Ok(known_key(file).await?.unwrap_or_else(|| vec![ID.to_owned()]))
}

/// The names of the keys in one content of a table, in its order; each once.
///
/// # Errors
/// Why it cannot be read.
pub async fn key_names(engine: &Engine, file: &FileEntry) -> Result<Vec<String>, DerivedError> {
    let key = key_columns(file).await?;
    let mut names: Vec<String> = Vec::new();
    if key.is_empty() {
        return Ok(names);
    }
    each_line(engine, file, |line| {
        names.extend(name_of(line, &key));
        Ok(())
    })
    .await?;
    names.sort_unstable();
    names.dedup();
    Ok(names)
}

/// All that became of the row with a key of this name, as lines; empty where no version of the table had it.
///
/// # Errors
/// Why a version cannot be read.
pub async fn history(
    engine: &Arc<Engine>,
    database: &Database,
    index: &VersionIndex,
    path: &str,
    name: &str,
) -> Result<Vec<u8>, DerivedError> {
    let mut finder = Finder { name: name.to_owned(), parts: HashMap::new(), contents: HashMap::new() };
    let mut events: Vec<Event> = Vec::new();
    for version in index.of(path) {
        let before = finder.find_in(engine, version.before.as_ref()).await?;
        let now = finder.find_in(engine, version.file.as_ref()).await?;
        events.extend(event(&database.snapshots()[version.at], before.as_deref(), now.as_deref()));
    }
    let mut out = Vec::new();
    events.iter().for_each(|event| event.write(database, &mut out));
    Ok(out)
}

fn event<'a>(snapshot: &'a Snapshot, before: Option<&[u8]>, now: Option<&[u8]>) -> Option<Event<'a>> {
    let (change, line, changed) = match (before, now) {
        (None, None) => return None,
        (None, Some(now)) => ("added", now, Vec::new()),
        (Some(before), None) => ("removed", before, Vec::new()),
        (Some(before), Some(now)) if before == now => return None,
        (Some(before), Some(now)) => {
            let (from, to) = (Row::parse(before)?, Row::parse(now)?);
            let changed: Vec<String> = changed_columns(&from, &to).into_iter().map(str::to_owned).collect();
            if changed.is_empty() {
                // A column without a value came or went.
                return None;
            }
            ("modified", now, changed)
        }
    };
    Some(Event { snapshot, change, line: line.to_vec(), changed })
}

impl Event<'_> {
    fn write(&self, database: &Database, out: &mut Vec<u8>) {
        let meta = &self.snapshot.meta;
        let committer = match (&*meta.author, &*meta.email) {
            (author, "") => author.to_owned(),
            (author, email) => format!("{author} <{email}>"),
        };
        let source = database.view(self.snapshot.key.slot).map_or("", |view| &view.label);
        let columns = [
            ("time", json(&meta.time.to_string())),
            ("commit", json(&meta.commit.as_deref())),
            ("committer", json(&committer)),
            ("message", json(&meta.message)),
            ("source", json(source)),
            ("change", json(self.change)),
            ("row", String::from_utf8_lossy(&self.line).into_owned()),
            ("changed", json(&self.changed)),
        ];
        write_object(columns.iter().map(|(name, value)| (*name, value.as_str())), out);
        out.push(b'\n');
    }
}

fn json(value: &(impl serde::Serialize + ?Sized)) -> String {
    serde_json::to_string(value).expect("plain strings always serialise into memory")
}

fn name_of(line: &[u8], key: &[String]) -> Option<String> {
    Some(key_name(&Row::parse(line)?.values(key)))
}

/// Looks for one row in one version after the other.
struct Finder {
    name: String,
    /// Of parts that were looked through, the row: versions share most of them.
    parts: HashMap<Part, Option<Vec<u8>>>,
    /// The same of whole contents.
    contents: HashMap<ContentId, Option<Vec<u8>>>,
}

impl Finder {
    /// The line of the row in a file that may not be there.
    async fn find_in(
        &mut self,
        engine: &Engine,
        file: Option<&FileEntry>,
    ) -> Result<Option<Vec<u8>>, DerivedError> {
        let Some(file) = file else { return Ok(None) };
        if let Some(known) = self.contents.get(&file.id) {
            return Ok(known.clone());
        }
        let found = self.find(engine, file).await?;
        self.contents.insert(file.id, found.clone());
        Ok(found)
    }

    /// The line of the row in a version.
    async fn find(&mut self, engine: &Engine, file: &FileEntry) -> Result<Option<Vec<u8>>, DerivedError> {
        let key = key_columns(file).await?;
        if key.is_empty() {
            return Ok(None);
        }
        if file.content.in_parts().is_some() {
            let (content, name) = (Arc::clone(&file.content), self.name.clone());
            let mut known = std::mem::take(&mut self.parts);
            let look = move || {
                let Some(parts) = content.in_parts() else { return Ok((None, known)) };
                let parts = parts.open()?;
                let found = match parts.whole() {
                    Some(whole) => within(&*parts, &whole, &name, &key, &mut known)?,
                    None => None,
                };
                Ok((found, known))
            };
            let looked = on_blocking_thread(&file.content.describe(), look).await;
            let (found, known) = looked.map_err(|error| DerivedError::Source(Arc::new(error)))?;
            self.parts = known;
            return Ok(found);
        }
        let mut found = None;
        each_line(engine, file, |line| {
            if found.is_none() && name_of(line, &key).is_some_and(|name| name == self.name) {
                found = Some(line.to_vec());
            }
            Ok(())
        })
        .await?;
        Ok(found)
    }
}

/// The row within a part of a tree. Trees are as deep as their levels say, ten at most.
fn within(
    parts: &dyn Parts,
    part: &Part,
    name: &str,
    key: &[String],
    known: &mut HashMap<Part, Option<Vec<u8>>>,
) -> Result<Option<Vec<u8>>, SourceError> {
    if let Some(known) = known.get(part) {
        return Ok(known.clone());
    }
    let below = if part.level > 0 {
        parts.below(part)?
    } else {
        match parts.segment(part)? {
            Segment::Held(lines) => {
                let mut each = lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
                let found = each.find(|line| name_of(line, key).is_some_and(|found| found == name));
                let found = found.map(<[u8]>::to_vec);
                known.insert(*part, found.clone());
                return Ok(found);
            }
            Segment::Cut(pieces) => pieces.into_iter().map(|(piece, _)| piece).collect(),
        }
    };
    let mut found = None;
    for part in &below {
        found = within(parts, part, name, key, known)?;
        if found.is_some() {
            break;
        }
    }
    known.insert(*part, found.clone());
    Ok(found)
}
