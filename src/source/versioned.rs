//! Contents that are versions of one table: each can be told from another by the lines that differ.
//!
//! A server tells what changed from one version to another for the price of the changes. Whoever holds one
//! version needs no more than that to have the next, and to know how long it is.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use super::{Content, Sink, SourceError};
use crate::model::content_id::ContentId;
use crate::model::jsonl::line_key::{KeyOrder, LineKey};

/// A version of a table. Its lines are the same as those that [`super::Content::read`] gives.
#[async_trait]
pub trait Versioned: Send + Sync {
    /// What all versions of the table have in common for as long as its definition stays: only within one
    /// family one version can be told from another.
    ///
    /// # Errors
    /// What the source says.
    async fn family(&self) -> Result<Arc<Family>, SourceError>;

    /// Which version it is, as its source names it.
    fn version(&self) -> &str;

    /// How many versions of the table this one is from another one: those on the way back from both, along first
    /// parents, to the newest version that both come of. 0 for the same one. Asks nothing of the source. `None` where
    /// that is not known, or too far to count.
    fn distance(&self, _version: &str) -> Option<u32> {
        None
    }

    /// Pushes the lines from the one at `from` on up to before the one at `to`, or to the end, in order.
    /// Only for a family with an order.
    ///
    /// # Errors
    /// What the source says.
    async fn read_between(&self, from: &LineKey, to: Option<&LineKey>, sink: Sink)
    -> Result<(), SourceError>;

    /// How this version differs from another one of its family, in no order; `None` where that cannot be
    /// told, or comes to more than `limit` bytes of lines.
    ///
    /// # Errors
    /// What the source says.
    async fn changes_since(&self, version: &str, limit: u64) -> Result<Option<Vec<LineChange>>, SourceError>;

    /// How the lengths of versions near this one differ from those that they were made from: up to about
    /// `count` steps, first those to this version and later ones. None where that cannot be told.
    ///
    /// # Errors
    /// What the source says.
    async fn steps(&self, count: usize) -> Result<Vec<Step>, SourceError>;

    /// The row with a key of this name ([`crate::model::row::key_name`]) in some versions of the table, all of them in the
    /// history of the commit `newest`: its line without the line feed, `None` where there is no such row. A version for
    /// which the source has no quick answer is left out.
    ///
    /// # Errors
    /// What the source says.
    async fn rows_named(
        &self,
        _name: &str,
        _newest: &str,
        _versions: &[&str],
    ) -> Result<HashMap<String, Option<Bytes>>, SourceError> {
        Ok(HashMap::new())
    }
}

/// Versions of one table with one definition.
#[derive(Debug)]
pub struct Family {
    /// Its name.
    pub id: ContentId,
    /// In which order the lines stand, where that can be told from their keys exactly.
    pub order: Option<KeyOrder>,
}

/// How one line differs. At least one of both is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineChange {
    /// The line that was, with its line feed; none for one that was added.
    pub from: Option<Bytes>,
    /// The line that is; none for one that was removed.
    pub to: Option<Bytes>,
}

/// How the lengths of two versions differ.
#[derive(Clone)]
pub struct Step {
    /// The earlier version.
    pub from: ContentId,
    /// The later one.
    pub to: ContentId,
    /// The content of the later one.
    pub content: Arc<dyn Content>,
    /// Bytes of the lines of `to` that are not in `from`.
    pub added: u64,
    /// Bytes of the lines of `from` that are not in `to`.
    pub removed: u64,
}
