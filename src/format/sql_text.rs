//! SQL as text: shown as it is, and unpacked if it is packed as a whole.

use super::api::Format;
use super::input::FormatInput;
use super::shown::ShownFile;
use crate::content::SourceError;

pub(crate) static SQL_TEXT: &dyn Format = &SqlText;

struct SqlText;

impl Format for SqlText {
    fn endings(&self) -> &'static [&'static str] {
        &["sql"]
    }

    fn files(&self, _input: &FormatInput<'_>) -> Result<Vec<ShownFile>, SourceError> {
        Ok(Vec::new())
    }
}
