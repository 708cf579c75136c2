//! The lines of the log about contents that cannot be read.

use crate::content::{SourceError, Stream, chain};
use crate::util::repeats;

/// Logs a content that cannot be read: which one, why, and what to do.
pub fn cannot_read(content: &dyn Stream, error: &SourceError) {
    let (what, reason) = (content.describe(), error.chain());
    let hint = error.hint.as_deref().unwrap_or_default();
    // One broken thing may be in many snapshots.
    let cause = std::error::Error::source(error).map_or_else(|| reason.clone(), chain);
    if let Some(repeated) = repeats::due(&[b"read", cause.as_bytes()]) {
        tracing::warn!(%what, %reason, hint, repeated, "cannot read");
    }
}

/// Logs that the changes since a version do not fit that version.
pub fn changes_do_not_fit(since: &dyn Stream) {
    let what = since.describe();
    if let Some(repeated) = repeats::due(&[b"changes"]) {
        tracing::warn!(%what, repeated, "the changes since do not fit; the next version is read as a whole");
    }
}

/// Logs that a version does not have the length that follows from its source's length deltas.
pub fn length_deltas_are_wrong(content: &dyn Stream, expected: u64) {
    let what = content.describe();
    if let Some(repeated) = repeats::due(&[b"length deltas"]) {
        tracing::warn!(%what, expected, repeated, "length deltas do not fit; every version of the table is read");
    }
}
