//! Where the symlinks lead.

use crate::model::number::to_usize;
use crate::model::time::Timestamp;
use bytes::Bytes;

use super::Vfs;
use super::error::VfsError;
use super::node::{Link, RefKind};
use crate::catalog::{Database, Target};
use crate::content::FileEntry;

/// Longest target of a symlink, in bytes (PATH_MAX counts the NUL at its end).
const LONGEST_TARGET: u64 = 4095;

impl Vfs {
    /// The target of a symlink that a source holds, byte for byte: it is never followed here.
    pub(super) async fn stored_target(&self, file: &FileEntry) -> Result<Bytes, VfsError> {
        let len = self.engine.len(file.id, &file.content).await?;
        if !(1..=LONGEST_TARGET).contains(&len) {
            return Err(VfsError::NotALink);
        }
        let reader = self.engine.open(file.id, &file.content).await?;
        let target = reader.read(0, to_usize(len)).await?;
        // The kernel would end it there.
        if target.contains(&0) { Err(VfsError::NotALink) } else { Ok(target) }
    }

    /// The target of a symlink, relative to the folder that it stands in.
    pub(super) fn link_target(&self, db: &str, link: &Link) -> Result<String, VfsError> {
        let database = self.database(db)?;
        let target = self.resolve_link(&database, link).ok_or(VfsError::NotFound)?;
        let (up, depth) = match link {
            Link::Latest => ("", 0),
            Link::Expression(_) | Link::Commit(_) | Link::Last(..) => ("../", 1),
            Link::Ref(_, path) => ("../", 1 + path.matches('/').count()),
        };
        Ok(match target {
            // A sibling: the shortest way.
            Target::Listed(name) if matches!(link, Link::Expression(_)) => name.to_string(),
            Target::Listed(name) => format!("{}asof/{name}", up.repeat(depth)),
            Target::Beside(hash) => format!("{}commits/{hash}", up.repeat(depth)),
            Target::Lost(hash) => format!("{}lost/{hash}", up.repeat(depth)),
        })
    }

    /// The time of the snapshot that a symlink leads to.
    pub(super) fn link_time(&self, db: &str, link: &Link) -> Option<Timestamp> {
        let database = self.database(db).ok()?;
        match self.resolve_link(&database, link)? {
            Target::Listed(name) => database.snapshot(&name).map(|s| s.meta.time),
            Target::Beside(hash) => Some(database.meta(database.commits().get(&hash)?)?.time),
            Target::Lost(hash) => Some(database.meta(database.lost()?.get(&hash)?)?.time),
        }
    }

    fn resolve_link(&self, database: &Database, link: &Link) -> Option<Target> {
        match link {
            Link::Latest => database.latest().map(|s| Target::Listed(s.name.clone())),
            Link::Expression(text) => database.resolve(text, &self.now()),
            Link::Ref(RefKind::Branches, path) => database.target(database.branch(path)?),
            Link::Ref(RefKind::Tags, path) => database.target(database.tag(path)?),
            Link::Commit(hash) => database.target(database.commits().get(hash)?),
            Link::Last(period, name) => {
                database.last_of(*period, name).map(|s| Target::Listed(s.name.clone()))
            }
        }
    }
}
