//! Tries what was of no use less and less often.

/// At most this many versions are skipped in a row.
const MOST: u32 = 64;

/// After each failure twice as many versions are skipped, up to [`MOST`].
#[derive(Default)]
pub(super) struct Backoff {
    left: u32,
    last: u32,
}

impl Backoff {
    /// Whether to try again for this version.
    pub fn is_due(&mut self) -> bool {
        let rest = self.left.checked_sub(1);
        self.left = rest.unwrap_or(0);
        rest.is_none()
    }

    pub fn was_of_use(&mut self) {
        self.last = 0;
    }

    pub fn was_of_no_use(&mut self) {
        self.last = (self.last * 2).clamp(1, MOST);
        self.left = self.last;
    }
}
