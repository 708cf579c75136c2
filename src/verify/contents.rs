//! Reading one content, and looking at what it says.

use bytes::Bytes;
use futures_util::future::join;
use serde::de::IgnoredAny;

use crate::source::verify::Progress;
use crate::source::{FileEntry, Sink, SourceError};

/// A line of this many bytes is held whole to be checked; longer ones are checked by their source alone.
const LONGEST_LINE: usize = 256 << 20;

/// What a content had.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Read {
    pub bytes: u64,
    /// Lines, where it is a table.
    pub rows: u64,
}

/// What is wrong with a content.
#[derive(Debug)]
pub(super) enum Problem {
    Source(SourceError),
    /// It can be read, and is not what it should be.
    Content(String),
}

/// Reads a content from end to end. Each line of a `.jsonl` file has to be JSON; its length has to be the one stated.
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
        read.rows = lines.count;
        if let Some(problem) = lines.problem {
            return Err(Problem::Content(problem));
        }
    }
    Ok(read)
}

/// Lines that come in pieces.
#[derive(Default)]
struct Lines {
    count: u64,
    /// The beginning of a line whose end is to come.
    begun: Vec<u8>,
    /// Whether the present line is longer than can be held.
    is_long: bool,
    /// The first thing wrong.
    problem: Option<String>,
}

impl Lines {
    fn take(&mut self, piece: &Bytes) {
        let mut rest = &piece[..];
        while let Some(end) = memchr::memchr(b'\n', rest) {
            let (line, after) = rest.split_at(end);
            if self.begun.is_empty() && !self.is_long {
                self.check(line);
            } else {
                self.begin(line);
                self.end_of_begun();
            }
            rest = &after[1..];
        }
        self.begin(rest);
    }

    fn begin(&mut self, part: &[u8]) {
        if self.is_long || self.begun.len() + part.len() > LONGEST_LINE {
            self.is_long = true;
            self.begun = Vec::new();
        } else {
            self.begun.extend_from_slice(part);
        }
    }

    fn end_of_begun(&mut self) {
        if std::mem::take(&mut self.is_long) {
            self.count += 1;
        } else {
            let line = std::mem::take(&mut self.begun);
            self.check(&line);
            self.begun = line;
            self.begun.clear();
        }
    }

    /// A last line without its line feed.
    fn end(&mut self) {
        if self.is_long || !self.begun.is_empty() {
            self.end_of_begun();
        }
    }

    fn check(&mut self, line: &[u8]) {
        self.count += 1;
        if self.problem.is_some() || line.trim_ascii().is_empty() {
            return;
        }
        let wrong = match std::str::from_utf8(line) {
            Err(error) => Some(format!("not UTF-8 from byte {} on", error.valid_up_to() + 1)),
            Ok(text) => serde_json::from_str::<IgnoredAny>(text).err().map(|error| error.to_string()),
        };
        self.problem = wrong.map(|why| format!("line {} is no JSON: {why}", self.count));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &[u8], cut: usize) -> (u64, Option<String>) {
        let mut lines = Lines::default();
        text.chunks(cut).for_each(|piece| lines.take(&Bytes::copy_from_slice(piece)));
        lines.end();
        (lines.count, lines.problem)
    }

    #[test]
    fn lines_are_checked_however_they_are_cut() {
        for (text, count, problem) in [
            (&b""[..], 0, None),
            (b"{}\n", 1, None),
            (b"{}\n[1,2]\n", 2, None),
            (b"{}\n\n{\"a\":\"\xc3\xa9\"}", 3, None),
            (b"{}\n{\n{}\n", 3, Some("line 2 is no JSON")),
            (b"{}\n{\"a\":", 2, Some("line 2 is no JSON")),
            (b"{\"a\":\"\xff\"}\n", 1, Some("line 1 is no JSON: not UTF-8 from byte 7 on")),
        ] {
            for cut in 1..=text.len().max(1) {
                let (found, why) = lines(text, cut);
                assert_eq!(found, count, "{text:?} cut at {cut}");
                match problem {
                    None => assert_eq!(why, None, "{text:?} cut at {cut}"),
                    Some(problem) => assert!(why.is_some_and(|why| why.starts_with(problem)), "{text:?}"),
                }
            }
        }
    }
}
