//! Extended attributes: what is known of a file or of a snapshot beside its bytes (xattr(7)).
//!
//! They are asked for by inode. A file's inode is one content, which many snapshots show: what a snapshot is
//! stands at its folder, and not at the files in it.

use std::borrow::Cow;
use std::sync::Arc;

use data_encoding::HEXLOWER;

use super::Vfs;
use super::error::VfsError;
use super::node::Node;
use crate::catalog::SnapKey;
use crate::content::{FileEntry, FileKind};
use crate::views::row_count;

/// How all of them begin. `user.` is the only namespace that is there for everybody.
const PREFIX: &str = "user.asof.";

/// Longest value in bytes: ext4 has one block of 4 KiB for all of a file's, and a copy should have them too.
const LONGEST: usize = 2048;

/// Stands at the end of what was cut.
const CUT: &str = "…";

/// Of a file.
const OF_FILES: [FileFact; 3] = [FileFact::Key, FileFact::Sha256, FileFact::Rows];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FileFact {
    Key,
    Sha256,
    Rows,
}

impl FileFact {
    fn name(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Sha256 => "sha256",
            Self::Rows => "rows",
        }
    }

    /// Whether a file has it. Rows are lines of JSON.
    fn is_of(self, file: &FileEntry) -> bool {
        self != Self::Rows || file.path.ends_with(".jsonl")
    }
}

impl Vfs {
    /// The full names of an inode's extended attributes.
    ///
    /// # Errors
    /// [`VfsError::Stale`] for an inode that nobody holds.
    pub fn xattr_names(&self, ino: u64) -> Result<Vec<String>, VfsError> {
        let names: Vec<&str> = match &*self.inodes.node(ino)? {
            // The kernel lets symlinks have none of the kind.
            Node::File(file) if file.kind == FileKind::Symlink => Vec::new(),
            Node::File(file) => {
                OF_FILES.into_iter().filter(|fact| fact.is_of(file)).map(FileFact::name).collect()
            }
            Node::Snapshot { db, key, path } if path.is_empty() => {
                self.snapshot_facts(db, key)?.into_iter().map(|(name, _)| name).collect()
            }
            _ => Vec::new(),
        };
        Ok(names.into_iter().map(|name| format!("{PREFIX}{name}")).collect())
    }

    /// The value of one, by its full name. What only the bytes can tell takes reading all of them once.
    ///
    /// # Errors
    /// [`VfsError::NoAttribute`] and what the source says.
    pub async fn xattr(&self, ino: u64, name: &str) -> Result<Vec<u8>, VfsError> {
        if !name.starts_with("user.") {
            return Err(VfsError::NotSupported);
        }
        let name = name.strip_prefix(PREFIX).ok_or(VfsError::NoAttribute)?;
        match &*self.inodes.node(ino)? {
            Node::File(file) => self.file_fact(file, name).await,
            Node::Snapshot { db, key, path } if path.is_empty() => {
                let facts = self.snapshot_facts(db, key)?;
                let fact = facts.into_iter().find(|(known, _)| *known == name);
                fact.map(|(_, value)| value.into_bytes()).ok_or(VfsError::NoAttribute)
            }
            _ => Err(VfsError::NoAttribute),
        }
    }

    async fn file_fact(&self, file: &FileEntry, name: &str) -> Result<Vec<u8>, VfsError> {
        let named = |fact: &FileFact| fact.name() == name && fact.is_of(file);
        let fact = OF_FILES.into_iter().find(named).ok_or(VfsError::NoAttribute)?;
        let value = match fact {
            FileFact::Key => HEXLOWER.encode(file.id.as_bytes()),
            FileFact::Sha256 => HEXLOWER.encode(&self.engine.digest(file.id, &file.content).await?.sha256),
            FileFact::Rows => row_count(&self.engine, file).await?.to_string(),
        };
        Ok(value.into_bytes())
    }

    /// What its sources say about a snapshot; nothing for what they do not.
    fn snapshot_facts(&self, db: &Arc<str>, key: &SnapKey) -> Result<Vec<(&'static str, String)>, VfsError> {
        let database = self.database(db)?;
        let meta = database.meta(key).ok_or(VfsError::Stale)?;
        let committer = match (&*meta.author, &*meta.email) {
            (author, "") => author.to_owned(),
            (author, email) => format!("{author} <{email}>"),
        };
        let facts = [
            ("time", meta.time.to_string()),
            ("commit", meta.commit.as_deref().unwrap_or_default().to_owned()),
            ("committer", committer),
            ("message", meta.message.clone()),
            ("source", database.view(key.slot).map_or_else(String::new, |view| view.label.to_string())),
        ];
        let told = facts.into_iter().filter(|(_, value)| !value.is_empty());
        Ok(told.map(|(name, value)| (name, cut(&value).into_owned())).collect())
    }
}

/// The value, or as much of it as an attribute may hold.
fn cut(value: &str) -> Cow<'_, str> {
    if value.len() <= LONGEST {
        return Cow::Borrowed(value);
    }
    let end = value.floor_char_boundary(LONGEST - CUT.len());
    Cow::Owned(format!("{}{CUT}", &value[..end]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_values_are_cut_between_characters_and_say_so() {
        assert_eq!(cut("short"), "short");
        assert_eq!(cut(&"x".repeat(LONGEST)), "x".repeat(LONGEST));
        assert_eq!(cut(&"x".repeat(LONGEST + 1)), "x".repeat(LONGEST - 3) + "…");
        let long = cut(&"é".repeat(5000)).into_owned();
        assert!(long.len() <= LONGEST && long.ends_with("é…"), "{} bytes", long.len());
    }
}
