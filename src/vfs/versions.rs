//! `versions/`: each file only as of the snapshots in which it changed.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Vfs;
use super::child::join;
use super::error::VfsError;
use super::node::Node;
use crate::catalog::Database;
use crate::views::{Version, VersionIndex};

impl Vfs {
    /// What `name` is in the folder `path` of `versions/`.
    pub(super) async fn in_versions(&self, db: &Arc<str>, path: &str, name: &str) -> Result<Node, VfsError> {
        let (database, index) = self.version_index(db).await?;
        let below = join(path, name);
        if is_folder(&index, &below) {
            return Ok(Node::Versions { db: db.clone(), path: below });
        }
        let file = index.path_of(path).ok_or(VfsError::NotFound)?;
        let snapshot = name.strip_suffix(suffix(file)).ok_or(VfsError::NotFound)?;
        let key = &database.snapshot(snapshot).ok_or(VfsError::NotFound)?.key;
        let at = database.place(key).ok_or(VfsError::NotFound)?;
        let version = index.of(file).iter().find(|version| version.at == at);
        version.and_then(|version| version.file.clone()).map(Node::File).ok_or(VfsError::NotFound)
    }

    /// The entries of a folder of `versions/`.
    pub(super) async fn version_nodes(
        &self,
        db: &Arc<str>,
        path: &str,
    ) -> Result<Vec<(Arc<str>, Node)>, VfsError> {
        let (database, index) = self.version_index(db).await?;
        let prefix = if path.is_empty() { String::new() } else { format!("{path}/") };
        // Names with a hyphen or a dot stand between those of a folder's own and those below it.
        let firsts: BTreeSet<&str> = index
            .folders()
            .filter_map(|(folder, _)| folder.strip_prefix(&*prefix))
            .map(|rest| rest.split_once('/').map_or(rest, |(first, _)| first))
            .collect();
        let folder = |name| Node::Versions { db: db.clone(), path: join(path, name) };
        let mut nodes: Vec<(Arc<str>, Node)> =
            firsts.into_iter().map(|name| (name.into(), folder(name))).collect();
        if let Some(file) = index.path_of(path) {
            let suffix = suffix(file);
            let node = |version: &Version| {
                let name = &database.snapshots()[version.at].name;
                let file = version.file.clone()?;
                Some((format!("{name}{suffix}").into(), Node::File(file)))
            };
            nodes.extend(index.of(file).iter().filter_map(node));
        }
        Ok(nodes)
    }

    pub(super) async fn version_index(
        &self,
        db: &str,
    ) -> Result<(Arc<Database>, Arc<VersionIndex>), VfsError> {
        let database = self.database(db)?;
        let index = self.versions.of(&database, &self.listings).await?;
        Ok((database, index))
    }
}

fn is_folder(index: &VersionIndex, path: &str) -> bool {
    let below = format!("{path}/");
    index.path_of(path).is_some() || index.folders().any(|(folder, _)| folder.starts_with(&below))
}

/// The ending of a file's name, with its dot; nothing for a name without one.
fn suffix(path: &str) -> &str {
    let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
    name.rfind('.').filter(|at| *at > 0).map_or("", |at| &name[at..])
}
