//! Extended attributes: facts about a file or a snapshot (xattr(7)).
//!
//! They belong to inodes. A file's inode is one content, which many snapshots show, so facts about a snapshot are at
//! its folder and not at its files.

use std::sync::Arc;

use data_encoding::HEXLOWER;

use super::Vfs;
use super::error::VfsError;
use super::node::TreeNode;
use crate::catalog::{SnapshotKey, SnapshotOrLive};
use crate::content::{FileEntry, FileKind};
use crate::views::{committer, row_count};

/// The prefix of all names. `user.` is the only namespace for all users.
const PREFIX: &str = "user.asof.";

/// The longest value in bytes: ext4 has one block of 4 KiB for all attributes of a file, and a copy should keep them.
const LONGEST: usize = 2048;

/// Marks a value that was cut.
const CUT: &str = "…";

/// The names of facts about a file.
const KEY: &str = "key";
const SHA256: &str = "sha256";
/// Only tables have rows.
const ROWS: &str = "rows";

fn names_for(file: &FileEntry) -> &'static [&'static str] {
    if file.path.ends_with(".jsonl") { &[KEY, SHA256, ROWS] } else { &[KEY, SHA256] }
}

impl Vfs {
    /// The full names of an inode's extended attributes.
    pub fn xattr_names(&self, ino: u64) -> Result<Vec<String>, VfsError> {
        let names: Vec<&str> = match &*self.inodes.node(ino)? {
            // Linux allows no such attribute on a symlink.
            TreeNode::File(file) if file.kind == FileKind::Symlink => Vec::new(),
            TreeNode::File(file) => names_for(file).to_vec(),
            TreeNode::Snapshot { db, of: SnapshotOrLive::Snapshot(key), path } if path.is_empty() => {
                self.snapshot_facts(db, key)?.into_iter().map(|(name, _)| name).collect()
            }
            _ => Vec::new(),
        };
        Ok(names.into_iter().map(|name| format!("{PREFIX}{name}")).collect())
    }

    /// The value of one, by its full name. Some values need a full read of the content, once.
    pub async fn xattr(&self, ino: u64, name: &str) -> Result<Vec<u8>, VfsError> {
        if !name.starts_with("user.") {
            return Err(VfsError::NotSupported);
        }
        let name = name.strip_prefix(PREFIX).ok_or(VfsError::NoAttribute)?;
        match &*self.inodes.node(ino)? {
            TreeNode::File(file) => self.file_fact(file, name).await,
            TreeNode::Snapshot { db, of: SnapshotOrLive::Snapshot(key), path } if path.is_empty() => {
                let facts = self.snapshot_facts(db, key)?;
                let fact = facts.into_iter().find(|(known, _)| *known == name);
                fact.map(|(_, value)| value.into_bytes()).ok_or(VfsError::NoAttribute)
            }
            _ => Err(VfsError::NoAttribute),
        }
    }

    async fn file_fact(&self, file: &FileEntry, name: &str) -> Result<Vec<u8>, VfsError> {
        let engine = &self.tree.context.engine;
        let value = match name {
            KEY => HEXLOWER.encode(file.id.as_bytes()),
            SHA256 => HEXLOWER.encode(&engine.digest(file.id, &file.content).await?.sha256),
            ROWS if names_for(file).contains(&ROWS) => row_count(engine, file).await?.to_string(),
            _ => return Err(VfsError::NoAttribute),
        };
        Ok(value.into_bytes())
    }

    /// The facts that its source knows about a snapshot.
    fn snapshot_facts(
        &self,
        db: &Arc<str>,
        key: &SnapshotKey,
    ) -> Result<Vec<(&'static str, String)>, VfsError> {
        let database = self.tree.context.database(db)?;
        let meta = database.meta(key).ok_or(VfsError::Stale)?;
        let facts = [
            ("time", meta.time.to_string()),
            ("commit", meta.commit.as_deref().unwrap_or_default().to_owned()),
            ("committer", committer(meta)),
            ("message", meta.message.clone()),
            ("source", database.view(key.slot).map_or_else(String::new, |view| view.label.to_string())),
        ];
        let known = facts.into_iter().filter(|(_, value)| !value.is_empty());
        Ok(known.map(|(name, value)| (name, cut(value))).collect())
    }
}

/// The value, or as much of it as an attribute may hold.
fn cut(mut value: String) -> String {
    if value.len() > LONGEST {
        value.truncate(value.floor_char_boundary(LONGEST - CUT.len()));
        value.push_str(CUT);
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_values_are_cut_between_characters_and_say_so() {
        assert_eq!(cut("x".repeat(LONGEST)), "x".repeat(LONGEST));
        assert_eq!(cut("x".repeat(LONGEST + 1)), "x".repeat(LONGEST - 3) + "…");
        let long = cut("é".repeat(5000));
        assert!(long.len() <= LONGEST && long.ends_with("é…"), "{} bytes", long.len());
    }
}
