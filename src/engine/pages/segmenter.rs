//! Cuts a content into segments by its own bytes, so that its next version is cut in the same way except where it
//! differs.

/// The shortest segment in bytes, except for the last one of a content.
pub(crate) const SHORTEST: usize = 4 << 10;
/// How long segments are on average, in bytes.
const AVERAGE: u64 = 16 << 10;
/// A segment that has reached this length in bytes ends with its current line.
const LONG: usize = 64 << 10;
/// A segment ends at this length in bytes even within a line, because memory is allocated by segments.
pub(crate) const LONGEST: usize = 4 << 20;

/// Cuts bytes that come in pieces of any size.
#[derive(Default)]
pub(crate) struct Segmenter {
    /// Bytes that are in no segment yet.
    open: Vec<u8>,
    /// Where the line that is not complete yet begins.
    line: usize,
}

impl Segmenter {
    /// Takes the next bytes; hands each segment that they complete to `take`.
    pub fn push(&mut self, piece: &[u8], mut take: impl FnMut(&[u8])) {
        let mut searched = self.open.len();
        self.open.extend_from_slice(piece);
        let mut start = 0;
        loop {
            let found = memchr::memchr(b'\n', &self.open[searched..]).map(|at| searched + at + 1);
            let end = found.unwrap_or(self.open.len());
            // The line does not fit into the longest segment, as it is or because it goes on.
            while end - start > LONGEST || found.is_none() && end - start == LONGEST {
                take(&self.open[start..start + LONGEST]);
                start += LONGEST;
                self.line = start;
            }
            if found.is_none() {
                break;
            }
            if is_end(&self.open[self.line..end], end - start) {
                take(&self.open[start..end]);
                start = end;
            }
            (self.line, searched) = (end, end);
        }
        self.open.drain(..start);
        self.line -= start;
    }

    pub fn finish(self, take: impl FnOnce(&[u8])) {
        if !self.open.is_empty() {
            take(&self.open);
        }
    }
}

/// Whether a segment of `len` bytes ends with this line. A line's own bytes decide that: the chance that its checksum
/// is low enough is proportional to its length, so that segments have the average length, whatever the length of lines.
fn is_end(line: &[u8], len: usize) -> bool {
    let chance = (line.len() as u64).saturating_mul(u64::from(u32::MAX)) / AVERAGE;
    len >= LONG || len >= SHORTEST && u64::from(crc32c::crc32c(line)) < chance
}

/// The lines of some bytes, each with its line feed.
pub(crate) fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut start = 0;
    let ends = memchr::memchr_iter(b'\n', bytes).map(|at| at + 1);
    let last = (!bytes.is_empty() && !bytes.ends_with(b"\n")).then_some(bytes.len());
    ends.chain(last).map(move |end| &bytes[std::mem::replace(&mut start, end)..end])
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn cut(bytes: &[u8], step: usize) -> Vec<Vec<u8>> {
        let (mut segmenter, mut segments) = (Segmenter::default(), Vec::new());
        for piece in bytes.chunks(step) {
            segmenter.push(piece, |segment| segments.push(segment.to_vec()));
        }
        segmenter.finish(|segment| segments.push(segment.to_vec()));
        segments
    }

    fn lines(count: u32) -> Vec<String> {
        let line = |n: u32| {
            let text = "x".repeat((n.wrapping_mul(2_654_435_761) >> 24) as usize);
            format!("{{\"id\":{n},\"text\":\"{text}\"}}\n")
        };
        (0..count).map(line).collect()
    }

    #[test]
    fn segments_are_whole_lines_of_some_kib_wherever_pieces_end() {
        let all = lines(5000).concat().into_bytes();
        let segments = cut(&all, 100_000);
        assert_eq!(segments.concat(), all);
        assert!(segments.iter().all(|segment| segment.ends_with(b"\n")));
        let average = all.len() / segments.len();
        assert!((8 << 10..32 << 10).contains(&average), "{average}");
        for step in [1, 77, 65_536, all.len()] {
            assert_eq!(cut(&all, step), segments, "in pieces of {step}");
        }
    }

    #[test]
    fn lines_are_those_of_the_standard_library() {
        for text in ["", "\n", "a", "a\n", "\n\na\nb", "ab\nc\n\n"] {
            let expected: Vec<_> = text.split_inclusive('\n').map(str::as_bytes).collect();
            assert_eq!(super::lines(text.as_bytes()).collect::<Vec<_>>(), expected, "{text:?}");
        }
    }

    #[test]
    fn an_inserted_line_moves_its_neighbours_only() {
        let mut lines = lines(5000);
        let before: HashSet<_> = cut(lines.concat().as_bytes(), 50_000).into_iter().collect();
        lines.insert(2500, "{\"id\":\"new\"}\n".to_owned());
        let after = cut(lines.concat().as_bytes(), 50_000);
        let new = after.iter().filter(|segment| !before.contains(*segment)).count();
        assert!(new <= 2, "{new} of {} are new", after.len());
    }

    #[test]
    fn what_has_no_lines_is_cut_all_the_same() {
        let mut all = vec![7; 2 * LONGEST + 5];
        for step in [1_000_000, LONGEST, all.len()] {
            let lens: Vec<_> = cut(&all, step).iter().map(Vec::len).collect();
            assert_eq!(lens, [LONGEST, LONGEST, 5], "in pieces of {step}");
        }
        // Wherever a long line ends, the sizes of pieces do not change where it is cut.
        for end in [LONGEST - 1, LONGEST, LONGEST + 1, 2 * LONGEST - 1] {
            all.fill(7);
            all[end] = b'\n';
            let segments = cut(&all, all.len());
            assert!(segments.iter().all(|segment| segment.len() <= LONGEST), "a line to {end}");
            for step in [LONGEST - 1, LONGEST, 999_999] {
                assert_eq!(cut(&all, step), segments, "a line to {end}, in pieces of {step}");
            }
        }
        assert!(cut(b"", 1).is_empty());
    }
}
