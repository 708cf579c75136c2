//! From a path to a place in the tree, as the kernel would go: through symlinks, but never out of the tree.

use super::Vfs;
use super::attr::Kind;
use super::error::VfsError;
use super::node::Node;

/// Symlinks that are followed on one way at most: as many as Linux follows (path_resolution(7)).
const MOST_LINKS: usize = 40;

/// Where a path leads.
#[derive(Debug)]
pub struct Place {
    /// Its inode number, with one more reference to it: pair it with a [`Vfs::forget`].
    pub ino: u64,
    /// What it is.
    pub kind: Kind,
    /// Where it stands when all symlinks on the way are followed; empty for the root.
    pub path: String,
}

/// Why a path leads nowhere.
#[derive(Debug, thiserror::Error)]
pub enum PathError {
    /// One of its names is not there, or cannot be looked up.
    #[error("{error}")]
    Name {
        /// The last folder on the way (or the file that was taken for one), after all symlinks.
        folder: String,
        /// What was looked for in it.
        name: String,
        /// What came of it.
        #[source]
        error: VfsError,
    },
    /// It leaves the tree: by `..`, or by a symlink that a source holds.
    #[error("it leads out of the tree")]
    LeadsOut,
    /// Symlinks lead to symlinks, perhaps in a circle.
    #[error("too many levels of symbolic links")]
    TooManyLinks,
}

/// The folders from the root down to where a walk is.
struct Walk {
    /// Each with its name; nothing at the root.
    above: Vec<(String, Node)>,
    /// The names that are still to come, the next one last.
    to_come: Vec<String>,
    links: usize,
}

impl Walk {
    fn here(&self) -> &Node {
        self.above.last().map_or(&Node::Root, |(_, node)| node)
    }

    fn path(&self) -> String {
        let names: Vec<&str> = self.above.iter().map(|(name, _)| name.as_str()).collect();
        names.join("/")
    }

    fn go_on_along(&mut self, path: &str) {
        self.to_come.extend(path.split('/').rev().map(str::to_owned));
    }

    fn failed(&self, name: &str, error: VfsError) -> PathError {
        PathError::Name { folder: self.path(), name: name.to_owned(), error }
    }
}

impl Vfs {
    /// Goes along `path`, which starts at the root with or without a `/`. A symlink at its end is followed if
    /// `follows` says so, or a `/` comes after it. No content is read on the way, but that of symlinks, and of what
    /// changes in `live/`.
    ///
    /// # Errors
    /// [`PathError`]; what a source says, within it.
    pub async fn walk(&self, path: &str, follows: bool) -> Result<Place, PathError> {
        let mut walk = Walk { above: Vec::new(), to_come: Vec::new(), links: 0 };
        walk.go_on_along(path.trim_start_matches('/'));
        while let Some(name) = walk.to_come.pop() {
            self.step(&mut walk, name, follows).await?;
        }
        let node = walk.here();
        Ok(Place { ino: self.inodes.reference(node).0, kind: kind(node), path: walk.path() })
    }

    async fn step(&self, walk: &mut Walk, name: String, follows: bool) -> Result<(), PathError> {
        match &*name {
            "" | "." | ".." if kind(walk.here()) != Kind::Directory => {
                return Err(walk.failed(&name, VfsError::NotADirectory));
            }
            "" | "." => return Ok(()),
            ".." => return walk.above.pop().map(drop).ok_or(PathError::LeadsOut),
            _ => {}
        }
        let found = async {
            let node = self.child(walk.here(), &name).await?;
            self.settle_live(walk.here(), &name, node).await
        };
        let node = found.await.map_err(|error| walk.failed(&name, error))?;
        if kind(&node) != Kind::Symlink || !follows && walk.to_come.is_empty() {
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

    /// Where a symlink leads. Every name of the tree is UTF-8.
    async fn target(&self, node: &Node) -> Result<String, VfsError> {
        match node {
            Node::Link { db, link } => self.link_target(db, link),
            Node::File(file) => {
                let target = self.stored_target(file).await?;
                String::from_utf8(target.to_vec()).map_err(|_| VfsError::NotFound)
            }
            _ => Err(VfsError::InvalidArgument),
        }
    }
}

fn kind(node: &Node) -> Kind {
    match node {
        Node::File(file) => file.kind.into(),
        Node::Link { .. } => Kind::Symlink,
        _ => Kind::Directory,
    }
}
