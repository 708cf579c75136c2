//! How `asof log` and `asof find` show a snapshot's metadata.

use serde::Serialize;

use crate::model::history::SnapshotMeta;
use crate::model::time::Timestamp;

/// How many characters of a hash identify it for people.
const SHORT_HASH: usize = 8;

/// The metadata in JSON; the field order is the order in the line.
#[derive(Serialize)]
pub(super) struct MetaJson<'m> {
    time: Timestamp,
    commit: Option<&'m str>,
    author: &'m str,
    email: &'m str,
    message: &'m str,
}

impl<'m> From<&'m SnapshotMeta> for MetaJson<'m> {
    fn from(meta: &'m SnapshotMeta) -> Self {
        let SnapshotMeta { time, commit, author, email, message, .. } = meta;
        Self { time: *time, commit: commit.as_deref(), author, email, message }
    }
}

/// `Name <address>`, or the one that is known.
pub(super) fn author(meta: &SnapshotMeta) -> String {
    match (&*meta.author, &*meta.email) {
        (name, "") => name.to_owned(),
        ("", email) => format!("<{email}>"),
        (name, email) => format!("{name} <{email}>"),
    }
}

/// The first digits of the commit hash; empty if there is none.
pub(super) fn short_hash(meta: &SnapshotMeta) -> &str {
    let hash = meta.commit.as_deref().unwrap_or_default();
    hash.get(..SHORT_HASH).unwrap_or(hash)
}
