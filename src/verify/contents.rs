//! Reading one content, and looking at what it says.

use futures_util::future::join;

use super::lines::{Flaw, Lines};
use crate::content::{FileEntry, Sink, SourceError};
use crate::source::verify::Progress;

/// What a content had.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Read {
    pub bytes: u64,
    /// Lines that are not blank, where it is a table.
    pub rows: u64,
    /// What its lines are that should be JSON.
    pub flaw: Option<Flaw>,
}

/// What is wrong with a content.
#[derive(Debug)]
pub(super) enum Problem {
    Source(SourceError),
    /// It can be read, and is not what it should be.
    Content(String),
}

/// Reads a content from end to end. Each line of a `.jsonl` file should be JSON; its length has to be the one stated.
pub(super) async fn read(file: &FileEntry, progress: &Progress) -> Result<Read, Problem> {
    let (sink, mut pieces) = Sink::new(4);
    let mut lines = file.path.ends_with(".jsonl").then(Lines::default);
    let check = async {
        let mut read = Read::default();
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
    outcome.map_err(Problem::Source)?;
    if let Some(stated) = file.content.stated_len().filter(|stated| *stated != read.bytes) {
        return Err(Problem::Content(format!(
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
