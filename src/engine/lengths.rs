//! The length of each content that was ever read to its end.

use std::collections::HashMap;
use std::sync::Mutex;

use super::{lock, report};
use crate::model::content_id::ContentId;
use crate::source::{Content, ErrorKind, SourceError};

/// Lengths in bytes, kept for good. A length in here also says that the content passed its source's checks.
#[derive(Default)]
pub(super) struct Lengths {
    known: Mutex<HashMap<ContentId, u64>>,
}

impl Lengths {
    pub fn get(&self, id: ContentId) -> Option<u64> {
        lock(&self.known).get(&id).copied()
    }

    /// Keeps the length that a content turned out to have.
    ///
    /// # Errors
    /// [`ErrorKind::Damaged`] when it was told to be another: somebody may have copied by the first.
    pub fn remember(&self, id: ContentId, len: u64, content: &dyn Content) -> Result<(), SourceError> {
        let told = match content.stated_len() {
            Some(stated) => stated,
            None => *lock(&self.known).entry(id).or_insert(len),
        };
        if told == len {
            lock(&self.known).insert(id, len);
            return Ok(());
        }
        let operation = format!("cannot show {len} bytes of what was {told} bytes long before");
        let error = SourceError::new(ErrorKind::Damaged, content.describe(), operation)
            .with_hint("the source gave two answers to one question; mount again to ask anew");
        report(content, &error);
        Err(error)
    }
}
