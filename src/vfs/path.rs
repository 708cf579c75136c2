//! Resolves paths as the kernel does: through symlinks, but never out of the tree.

use super::Vfs;
use super::error::VfsError;
use super::node::{NodeKind, TreeNode};

/// At most this many symlinks of a path are followed, as in Linux (path_resolution(7)).
const MOST_LINKS: usize = 40;

/// Where a path leads.
#[derive(Debug)]
pub struct ResolvedPath {
    /// Its inode number, with one more reference to it: pair it with a [`Vfs::forget`].
    pub ino: u64,
    /// What it is.
    pub kind: NodeKind,
    /// Its path without symlinks; empty for the root.
    pub path: String,
}

/// Why a path cannot be resolved.
#[derive(Debug, thiserror::Error)]
pub enum PathError {
    /// One of its names does not exist, or cannot be looked up.
    #[error("{error}")]
    Name {
        /// The last folder that was reached (or the file that was taken for one), without symlinks.
        folder: String,
        /// The name that was looked up in it.
        name: String,
        /// Why that failed.
        #[source]
        error: VfsError,
    },
    /// It leaves the tree, by `..` or by a symlink of a source.
    #[error("it leads out of the tree")]
    LeadsOut,
    /// Too many symlinks, perhaps in a circle.
    #[error("too many levels of symbolic links")]
    TooManyLinks,
}

/// A path that is being resolved.
struct PathWalk {
    /// The folders from the root to the current one, with their names; empty at the root.
    above: Vec<(String, TreeNode)>,
    /// The remaining names, the next one last.
    to_come: Vec<String>,
    links: usize,
}

impl PathWalk {
    fn here(&self) -> &TreeNode {
        self.above.last().map_or(&TreeNode::Root, |(_, node)| node)
    }

    fn path(&self) -> String {
        self.above.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join("/")
    }

    fn go_on_along(&mut self, path: &str) {
        self.to_come.extend(path.split('/').rev().map(str::to_owned));
    }

    fn failed(&self, name: &str, error: VfsError) -> PathError {
        PathError::Name { folder: self.path(), name: name.to_owned(), error }
    }
}

impl Vfs {
    /// Resolves `path`, which starts at the root with or without a `/`. A symlink at its end is followed if `follows`
    /// is set or a `/` comes after it. Reads only the contents of symlinks, and of files that change in `live/`.
    pub async fn walk(&self, path: &str, follows: bool) -> Result<ResolvedPath, PathError> {
        let mut walk = PathWalk { above: Vec::new(), to_come: Vec::new(), links: 0 };
        walk.go_on_along(path.trim_start_matches('/'));
        while let Some(name) = walk.to_come.pop() {
            self.step(&mut walk, name, follows).await?;
        }
        let node = walk.here();
        Ok(ResolvedPath { ino: self.inodes.reference(node).0, kind: node.kind(), path: walk.path() })
    }

    async fn step(&self, walk: &mut PathWalk, name: String, follows: bool) -> Result<(), PathError> {
        match &*name {
            "" | "." | ".." if walk.here().kind() != NodeKind::Directory => {
                return Err(walk.failed(&name, VfsError::NotADirectory));
            }
            "" | "." => return Ok(()),
            ".." => return walk.above.pop().map(drop).ok_or(PathError::LeadsOut),
            _ => {}
        }
        let found = self.tree.settled_child(walk.here(), &name).await;
        let node = found.map_err(|error| walk.failed(&name, error))?.node;
        if node.kind() != NodeKind::Symlink || !follows && walk.to_come.is_empty() {
            walk.above.push((name, node));
            return Ok(());
        }
        walk.links += 1;
        if walk.links > MOST_LINKS {
            return Err(PathError::TooManyLinks);
        }
        let target = self.target(&node).await.map_err(|error| walk.failed(&name, error))?;
        if target.starts_with('/') {
            return Err(PathError::LeadsOut);
        }
        walk.go_on_along(&target);
        Ok(())
    }

    /// The target of a symlink. Every name of the tree is UTF-8.
    async fn target(&self, node: &TreeNode) -> Result<String, VfsError> {
        match node {
            TreeNode::Link { db, view, path } => self.tree.link_target(db, &**view, path),
            TreeNode::File(file) => {
                let target = self.tree.stored_target(file).await?;
                String::from_utf8(target.to_vec()).map_err(|_| VfsError::NotFound)
            }
            _ => Err(VfsError::InvalidArgument),
        }
    }
}
