//! The open brackets of a JSON text.

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Bracket {
    Array,
    Object,
}

impl Bracket {
    pub(super) fn closing(self) -> u8 {
        match self {
            Self::Array => b']',
            Self::Object => b'}',
        }
    }
}

/// The open brackets, one bit each. The innermost 64 are in one word, so that ordinary values allocate nothing.
#[derive(Default)]
pub(super) struct Brackets {
    depth: usize,
    /// The innermost bracket is the lowest bit; set for an object.
    inner: u64,
    outer: Vec<u64>,
}

impl Brackets {
    pub(super) fn push(&mut self, bracket: Bracket) {
        if self.depth > 0 && self.depth.is_multiple_of(64) {
            self.outer.push(self.inner);
        }
        self.inner = self.inner << 1 | u64::from(bracket == Bracket::Object);
        self.depth += 1;
    }

    pub(super) fn pop(&mut self) {
        self.depth -= 1;
        self.inner >>= 1;
        if self.depth > 0
            && self.depth.is_multiple_of(64)
            && let Some(inner) = self.outer.pop()
        {
            self.inner = inner;
        }
    }

    pub(super) fn innermost(&self) -> Option<Bracket> {
        match self.depth {
            0 => None,
            _ if self.inner & 1 == 1 => Some(Bracket::Object),
            _ => Some(Bracket::Array),
        }
    }
}
