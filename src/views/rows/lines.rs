//! Reads contents line by line.

use bytes::Bytes;

use crate::engine::{Reader, Run};
use crate::views::error::DerivedError;

/// How many bytes are read at once.
const PIECE: usize = 256 << 10;

/// The lines of a content, or of some runs of it, in blocks of whole lines.
pub struct LineBlocks<'r> {
    reader: &'r Reader,
    runs: std::vec::IntoIter<Run>,
    offset: u64,
    end: u64,
    /// The start of a line whose end was not read yet.
    begun: Vec<u8>,
}

impl<'r> LineBlocks<'r> {
    pub fn of_runs(reader: &'r Reader, runs: Vec<Run>) -> Self {
        Self { reader, runs: runs.into_iter(), offset: 0, end: 0, begun: Vec::new() }
    }

    pub fn from(reader: &'r Reader, offset: u64) -> Self {
        Self { reader, runs: Vec::new().into_iter(), offset, end: u64::MAX, begun: Vec::new() }
    }

    /// The next lines: about 256 KiB, or one longer line. The last one may lack its line feed.
    pub async fn next(&mut self) -> Result<Option<Bytes>, DerivedError> {
        loop {
            if self.offset >= self.end {
                if !self.begun.is_empty() {
                    return Ok(Some(std::mem::take(&mut self.begun).into()));
                }
                let Some(run) = self.runs.next() else { return Ok(None) };
                (self.offset, self.end) = (run.offset, run.offset.saturating_add(run.len));
                continue;
            }
            let size = usize::try_from(self.end - self.offset).map_or(PIECE, |left| left.min(PIECE));
            let piece: Bytes = self.reader.read(self.offset, size).await?;
            if piece.is_empty() {
                self.end = self.offset;
                continue;
            }
            self.offset += piece.len() as u64;
            let Some(last) = memchr::memrchr(b'\n', &piece) else {
                self.begun.extend_from_slice(&piece);
                continue;
            };
            let lines = piece.slice(..=last);
            let rest = &piece[last + 1..];
            if self.begun.is_empty() {
                self.begun.extend_from_slice(rest);
                return Ok(Some(lines));
            }
            let mut begun = std::mem::replace(&mut self.begun, rest.to_vec());
            begun.extend_from_slice(&lines);
            return Ok(Some(begun.into()));
        }
    }
}

/// The lines of a block, without their line feeds.
pub fn lines_of(block: &[u8]) -> impl Iterator<Item = &[u8]> {
    let block = block.strip_suffix(b"\n").unwrap_or(block);
    let ends = memchr::memchr_iter(b'\n', block).chain([block.len()]);
    ends.scan(0, move |start, end| Some(&block[std::mem::replace(start, end + 1)..end]))
}

/// Calls `take` with each line of a whole content, without its line feed.
pub async fn each_line(reader: &Reader, mut take: impl FnMut(&[u8])) -> Result<(), DerivedError> {
    let mut blocks = LineBlocks::from(reader, 0);
    while let Some(block) = blocks.next().await? {
        lines_of(&block).for_each(&mut take);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_has_the_lines_that_a_split_gives() {
        for text in ["a", "a\n", "a\nb", "a\n\nb\n", "\n", "\n\n"] {
            let lines: Vec<&[u8]> = lines_of(text.as_bytes()).collect();
            let expected: Vec<&[u8]> = text.split_terminator('\n').map(str::as_bytes).collect();
            assert_eq!(lines, expected, "{text:?}");
        }
    }
}
