//! What stored bytes are shown as: as they are, or as the tables that they hold.

mod broken;
mod export;
mod raw;

pub(in crate::source) use broken::Broken;
pub(in crate::source) use export::{Export, Form, HEAD, LONGEST_ROW, form_of};
pub(in crate::source) use raw::Raw;
