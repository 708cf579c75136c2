//! A file in the place of what cannot be read.

use std::sync::Arc;

use async_trait::async_trait;

use crate::content::{Content, ErrorKind, Sink, SourceError, Stream};

/// Stands for files that should be there: reading it says why they are missing. Without it, a mirror would take them
/// for deleted.
pub(crate) struct Broken {
    what: String,
    kind: ErrorKind,
    label: String,
    problem: String,
    hint: Option<String>,
}

impl Broken {
    /// A content that stands for `what`, which cannot be read because of `error`.
    pub(crate) fn content(what: String, error: &SourceError) -> Content {
        let (kind, label, hint) = (error.kind, error.source_label.clone(), error.hint.clone());
        let broken = Self { what, kind, label, problem: error.chain(), hint };
        if kind.is_lasting() { Content::stream(broken) } else { Content::StandIn(Arc::new(broken)) }
    }
}

#[async_trait]
impl Stream for Broken {
    fn describe(&self) -> String {
        self.what.clone()
    }

    async fn read(&self, _sink: Sink) -> Result<(), SourceError> {
        let error = SourceError::new(self.kind, self.label.clone(), format!("cannot read {}", self.what))
            .because(self.problem.clone());
        Err(match &self.hint {
            Some(hint) => error.with_hint(hint.clone()),
            None => error,
        })
    }
}
