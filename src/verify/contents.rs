//! Reads one content and checks it.

use futures_util::future::join;

use super::lines::{Flaw, LineCheck};
use crate::content::{FileEntry, Sink, SourceError};
use crate::source::verify::Progress;

/// What was read of a content.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ReadContent {
    pub bytes: u64,
    /// Lines that are not blank, if it is a table.
    pub rows: u64,
    /// What is wrong with its lines, which should be JSON.
    pub flaw: Option<Flaw>,
}

/// What is wrong with a content.
#[derive(Debug)]
pub(super) enum ContentProblem {
    Source(SourceError),
    /// It can be read but is not what it should be.
    Content(String),
}

/// Reads a content from end to end. Checks its stated length, and that the lines of a `.jsonl` file are JSON.
pub(super) async fn read(file: &FileEntry, progress: &Progress) -> Result<ReadContent, ContentProblem> {
    let (sink, mut pieces) = Sink::new(4);
    let mut lines = file.path.ends_with(".jsonl").then(LineCheck::default);
    let check = async {
        let mut read = ReadContent::default();
        while let Some(piece) = pieces.recv().await {
            read.bytes += piece.len() as u64;
            progress.read(piece.len() as u64);
            if let Some(lines) = &mut lines {
                lines.take(&piece);
            }
        }
        read
    };
    let (outcome, mut read) = join(file.content.read(sink), check).await;
    outcome.map_err(ContentProblem::Source)?;
    if let Some(stated) = file.content.stated_len().filter(|stated| *stated != read.bytes) {
        return Err(ContentProblem::Content(format!(
            "its length is stated as {stated} bytes, it has {}",
            read.bytes
        )));
    }
    if let Some(mut lines) = lines {
        lines.end();
        (read.rows, read.flaw) = (lines.rows, lines.flaw);
    }
    Ok(read)
}
