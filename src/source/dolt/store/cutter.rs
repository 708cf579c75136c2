//! Cuts a long leaf into runs of lines.

use std::ops::ControlFlow;

use crate::content::tree::{LONG, LineRange, PageId};
use crate::model::jsonl::Out;

/// Watches the lines of a leaf as they are rendered.
pub struct Cutter {
    leaf: PageId,
    /// The parts cut off so far, with their lengths.
    cut: Vec<(PageId, u64)>,
    next_line: u64,
    /// Bytes in all.
    len: u64,
}

impl Cutter {
    pub fn new(leaf: PageId) -> Self {
        Self { leaf, cut: Vec::new(), next_line: leaf.lines.from.into(), len: 0 }
    }

    /// Notes one more line at the end of `out`, and takes the lines away if they are enough for a part.
    pub fn line(&mut self, out: &mut impl Out) -> ControlFlow<()> {
        self.next_line += 1;
        let is_too_long = self.len + out.written() as u64 > u32::MAX.into();
        if is_too_long {
            self.len = u64::MAX;
            return ControlFlow::Break(());
        }
        // What was cut already is rendered as it is.
        if out.written() >= LONG && self.leaf.lines == LineRange::ALL {
            self.cut_off(out);
        }
        ControlFlow::Continue(())
    }

    fn cut_off(&mut self, out: &mut impl Out) {
        let from = self.cut.last().map_or(0, |(before, _)| before.lines.to);
        // Each line has three bytes at least, and all of them fewer than 4 GiB.
        let to = u32::try_from(self.next_line).unwrap_or(u32::MAX);
        self.cut.push((PageId { lines: LineRange { from, to }, ..self.leaf }, out.written() as u64));
        self.len += out.written() as u64;
        out.cut_back(0);
    }

    /// The parts, none for a leaf that stays whole in `out`; `None` if it has 4 GiB or more.
    pub fn finish(mut self, out: &mut impl Out) -> Option<Vec<(PageId, u64)>> {
        if self.len == u64::MAX {
            return None;
        }
        if !self.cut.is_empty() && out.written() > 0 {
            self.cut_off(out);
        }
        Some(self.cut)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::tree::Rendering;

    fn leaf(lines: LineRange) -> PageId {
        PageId { node: [1; 20], rendering: Rendering::of(&[2; 20]), level: 0, lines }
    }

    /// The parts of lines with these lengths, and how many bytes stay whole.
    fn cut(lines: LineRange, lens: &[usize]) -> (Vec<(PageId, u64)>, usize) {
        let (mut cutter, mut out) = (Cutter::new(leaf(lines)), Vec::new());
        for (n, len) in lens.iter().enumerate() {
            out.extend(vec![n as u8; *len]);
            assert!(cutter.line(&mut out).is_continue());
        }
        (cutter.finish(&mut out).expect("it is not too long"), out.len())
    }

    #[test]
    fn short_leaves_stay_whole_and_so_does_what_was_cut() {
        for (lines, lens) in
            [(LineRange::ALL, vec![1, LONG - 2]), (LineRange { from: 3, to: 5 }, vec![LONG, LONG])]
        {
            assert_eq!(cut(lines, &lens), (vec![], lens.iter().sum()), "{lens:?}");
        }
        assert_eq!(cut(LineRange::ALL, &[]), (vec![], 0));
    }

    #[test]
    fn a_long_leaf_is_cut_into_runs_of_lines_that_follow_each_other() {
        let (parts, whole) = cut(LineRange::ALL, &[LONG - 1, 1, 5, LONG, 2 * LONG, 7]);
        assert_eq!(whole, 0, "it is long");
        let found: Vec<_> = parts.iter().map(|(part, len)| (part.lines.from, part.lines.to, *len)).collect();
        let long = LONG as u64;
        assert_eq!(found, [(0, 2, long), (2, 4, long + 5), (4, 5, 2 * long), (5, 6, 7)]);
        assert!(
            parts.iter().all(|(part, _)| PageId { lines: LineRange::ALL, ..*part } == leaf(LineRange::ALL))
        );
    }

    #[test]
    fn a_leaf_of_four_gib_is_refused() {
        let mut cutter = Cutter::new(leaf(LineRange::ALL));
        let mut out = Vec::new();
        // Rows of a table without a key that state a very high count: the same line over and over.
        let line = vec![b'x'; 64 << 20];
        let ends = (0..64).position(|_| {
            out.extend_from_slice(&line);
            cutter.line(&mut out).is_break()
        });
        assert_eq!(ends, Some(63));
        assert!(cutter.finish(&mut out).is_none());
    }
}
