//! A file whose whole text is known when it is listed.

use async_trait::async_trait;
use bytes::Bytes;

use super::{Sink, SourceError, Stream};

/// A content that is its own text: `schema.sql` of a working set, whose content id is made from its text.
pub struct TextContent {
    /// The text.
    pub text: Bytes,
    /// What it is, for log lines.
    pub what: String,
}

#[async_trait]
impl Stream for TextContent {
    fn stated_len(&self) -> Option<u64> {
        Some(self.text.len() as u64)
    }

    fn describe(&self) -> String {
        self.what.clone()
    }

    async fn read(&self, mut sink: Sink) -> Result<(), SourceError> {
        if !self.text.is_empty() {
            // A closed sink means that nobody wants the text, which is no failure.
            let _ = sink.push(self.text.clone()).await;
        }
        Ok(())
    }
}
