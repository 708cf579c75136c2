//! `.asof/` in the root: what a mount says of itself.
//!
//! The folder is not listed, so that a copy of the tree does not hold it. Only its owner may read it, because it names sources
//! and databases whatever their own permissions.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, Weak};

use async_trait::async_trait;
use bytes::Bytes;

use crate::catalog::Catalog;
use crate::content::{Content, ErrorKind, FileEntry, FileKind, Sink, SourceError, Stream};
use crate::memory::{Budget, Recent};
use crate::model::access::Audience;
use crate::model::content_id::ContentId;
use crate::model::time::Timestamp;
use crate::util::clock::WallClock;
use crate::util::locks::lock;

mod counters;
mod json;
mod metrics;
mod process;

pub(super) use counters::Counters;

/// The folder's name.
pub const STATUS_FOLDER: &str = ".asof";

/// The file for programs and for `asof status`. Changes only when something happens.
pub const STATUS_FILE: &str = "status.json";

/// The file for Prometheus.
const METRICS: &str = "metrics";

pub(super) const FILES: [&str; 2] = [METRICS, STATUS_FILE];

/// How many texts are kept for readers that opened a file a moment ago. An inode is one content, and a text that is read again
/// and again is mostly new each time.
const KEPT: NonZeroUsize = NonZeroUsize::new(32).expect("not zero");

/// What a mount says of itself.
pub(super) struct Status {
    catalog: Arc<Catalog>,
    budget: Arc<Budget>,
    clock: WallClock,
    /// When the tree was made.
    started: Timestamp,
    /// The arguments that name the sources, where they can be written.
    arguments: Vec<Option<String>>,
    pub counters: Counters,
    recent: Mutex<Recent<ContentId, Arc<Bytes>>>,
}

impl Status {
    pub fn new(catalog: Arc<Catalog>, budget: Arc<Budget>, clock: WallClock) -> Self {
        Self {
            catalog,
            budget,
            started: clock.now().into(),
            clock,
            arguments: Vec::new(),
            counters: Counters::default(),
            recent: Mutex::new(Recent::of_at_most(KEPT)),
        }
    }

    pub fn name_sources(&mut self, arguments: Vec<Option<String>>) {
        self.arguments = arguments;
    }

    /// One of [`FILES`], as of now.
    pub fn file(&self, name: &str) -> Option<FileEntry> {
        let text = match name {
            STATUS_FILE => json::text(&self.catalog, &self.arguments, self.started),
            METRICS => metrics::text(&self.catalog, &self.counters, &self.budget, self.started),
            _ => return None,
        };
        let id = ContentId::of(&[b"status", name.as_bytes(), &text]);
        let len = text.len() as u64;
        let mut recent = lock(&self.recent);
        let kept = match recent.get(&id) {
            Some(kept) => Arc::clone(kept),
            None => {
                let made = Arc::new(Bytes::from(text));
                recent.put(id, Arc::clone(&made), len);
                made
            }
        };
        Some(FileEntry {
            path: name.into(),
            kind: FileKind::Regular,
            id,
            changed: self.clock.now().into(),
            // The kernel forgets an inode without links as soon as its name means another one, so that a mount that is asked
            // for its state every few seconds does not grow.
            links: 0,
            access: Audience::Owner.into(),
            content: Content::stream(StatusText { len, text: Arc::downgrade(&kept) }),
        })
    }
}

/// A text that is kept for a while.
struct StatusText {
    len: u64,
    text: Weak<Bytes>,
}

#[async_trait]
impl Stream for StatusText {
    fn stated_len(&self) -> Option<u64> {
        Some(self.len)
    }

    fn describe(&self) -> String {
        "the state of the mount".to_owned()
    }

    async fn read(&self, mut sink: Sink) -> Result<(), SourceError> {
        let text = self.text.upgrade().ok_or_else(|| {
            SourceError::new(ErrorKind::Changed, "asof", "cannot read an older state of the mount")
                .with_hint("open the file again")
        })?;
        // A closed sink means that nobody wants the text, which is no failure.
        let _ = sink.push(Bytes::clone(&text)).await;
        Ok(())
    }
}
