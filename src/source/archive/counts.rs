//! What the manifest of a Thrum backup says it holds, and what it does hold.

use std::sync::Arc;

use serde::Deserialize;

use super::found::Archive;
use super::pieces::{Piece, pieces};
use super::thrum::MANIFEST;
use crate::content::blocking::on_blocking_thread;
use crate::content::{Content, Sink, SourceError};
use crate::format::input::FormatContext;
use crate::source::verify::Finding;

/// Where a Thrum backup keeps its events.
const EVENTS: &str = "events.jsonl";

/// The counts of a manifest. Those that one does not have are not checked.
#[derive(Debug, Deserialize)]
struct Counts {
    /// Lines of `events.jsonl`.
    events: Option<u64>,
    /// Files in `messages/`.
    message_files: Option<u64>,
    /// Files in `local/`.
    local_tables: Option<u64>,
    /// Files below `config/`.
    config_files: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct Manifest {
    counts: Option<Counts>,
}

/// Compares an archive with the counts of its manifest; `None` if it has none.
pub(super) async fn check(
    context: &FormatContext,
    archive: &Arc<Archive>,
) -> Result<Option<Vec<Finding>>, SourceError> {
    let (own_context, own_archive) = (context.clone(), Arc::clone(archive));
    let files = on_blocking_thread(&context.label, move || pieces(&own_context, &own_archive)).await?;
    let find = |path: &str| files.iter().find(|piece| &*piece.path == path);
    let Some(manifest) = find(MANIFEST) else { return Ok(None) };
    let place = manifest.content.describe();
    let counts = match serde_json::from_slice::<Manifest>(&all_of(&manifest.content).await?) {
        Ok(Manifest { counts: Some(counts) }) => counts,
        Ok(Manifest { counts: None }) => return Ok(None),
        Err(error) => return Ok(Some(vec![Finding::wrong(place, format!("it is no manifest: {error}"))])),
    };
    // The tables of databases are ours: the backup holds the database.
    let is_own = |path: &str| !path.split('/').any(|part| part.ends_with(".tables"));
    let in_folder = |folder: &str| {
        files.iter().filter(|piece| piece.path.starts_with(folder) && is_own(&piece.path)).count() as u64
    };
    let mut events = 0;
    if let Some(piece) = find(EVENTS) {
        events = lines_of(piece).await?;
    }
    let counted = [
        ("events", counts.events, events),
        ("message files", counts.message_files, in_folder("messages/")),
        ("local tables", counts.local_tables, in_folder("local/")),
        ("config files", counts.config_files, in_folder("config/")),
    ];
    let wrong = counted.into_iter().filter_map(|(what, said, found)| {
        let said = said.filter(|said| *said != found)?;
        let problem = format!("it says {said} {what}, there are {found}");
        let hint = "the backup is not complete, or was changed after it was made: use another one";
        Some(Finding::wrong(place.clone(), problem).with_hint(hint))
    });
    Ok(Some(wrong.collect()))
}

async fn all_of(content: &Content) -> Result<Vec<u8>, SourceError> {
    let mut bytes = Vec::new();
    each_piece(content, |piece| bytes.extend_from_slice(piece)).await?;
    Ok(bytes)
}

/// How many lines there are; a last one without a line feed counts.
async fn lines_of(piece: &Piece) -> Result<u64, SourceError> {
    let (mut lines, mut last) = (0, b'\n');
    each_piece(&piece.content, |bytes| {
        lines += memchr::memchr_iter(b'\n', bytes).count() as u64;
        last = bytes.last().copied().unwrap_or(last);
    })
    .await?;
    Ok(lines + u64::from(last != b'\n'))
}

async fn each_piece(content: &Content, mut take: impl FnMut(&[u8])) -> Result<(), SourceError> {
    let (sink, mut pieces) = Sink::new(4);
    let gather = async {
        while let Some(piece) = pieces.recv().await {
            take(&piece);
        }
    };
    futures_util::future::join(content.read(sink), gather).await.0
}
