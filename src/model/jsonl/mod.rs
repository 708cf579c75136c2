//! Renders rows as JSON lines: the rendering contract (docs/SEMANTICS.md).
//!
//! One row per line, compact, keys in column order, every column present. Equal values always yield equal bytes,
//! because sizes, inodes, caches and checksums depend on them. So any change to the bytes of a value requires a new
//! [`RENDER_VERSION`].
//!
//! Rendering allocates nothing per value, except to grow the output buffer.

mod brackets;
mod compact;
mod line;
pub mod line_key;
mod number;
mod out;
mod scalar;
mod string;
mod value;

pub use compact::{JsonError, compact_json, compact_json_with_halves};
pub use line::{LineLayout, LineWriter, RenderError};
pub(in crate::model) use out::AsWriter;
pub use out::{Out, Tally};
pub use string::json_string;
pub(super) use string::plain_prefix;
pub use value::{Value, ValueError};
pub(super) use value::{is_clock, is_date};

/// The version of the rendering; part of every [`ContentId`](super::content_id::ContentId).
pub const RENDER_VERSION: u32 = 1;
