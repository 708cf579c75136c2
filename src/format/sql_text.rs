//! SQL as text: shown as it is, and unpacked where it is packed as a whole.

use super::api::Format;
use super::input::FormatInput;
use super::shown::{FileGroup, ShownFile};
use crate::content::SourceError;

/// SQL as text.
pub(crate) static SQL_TEXT: &dyn Format = &SqlText;

struct SqlText;

impl Format for SqlText {
    fn endings(&self) -> &'static [&'static str] {
        &["sql"]
    }

    fn head_test(&self) -> Option<fn(&[u8]) -> bool> {
        None
    }

    fn files(&self, _input: &FormatInput<'_>) -> Result<Vec<ShownFile>, SourceError> {
        Ok(Vec::new())
    }

    fn stand_in(&self) -> Option<(FileGroup, &'static str)> {
        None
    }
}
