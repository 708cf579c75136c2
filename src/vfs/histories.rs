//! `history/<table>/<key>.jsonl`: what became of each row.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Vfs;
use super::child::join;
use super::error::VfsError;
use super::list::Named;
use super::node::Node;
use crate::model::row::short_name;
use crate::views::{VersionIndex, history_file};

/// What the names of tables' files, and of histories, end in.
pub(super) const TABLE: &str = ".jsonl";

impl Vfs {
    /// What `name` is in the folder `path` of `history/`. A key that no version of the table ever had has no file, and
    /// nothing tells whether there was such a row but looking for it.
    pub(super) async fn in_histories(&self, db: &Arc<str>, path: &str, name: &str) -> Result<Node, VfsError> {
        let (database, index) = self.version_index(db).await?;
        let below = join(path, name);
        if is_folder(&index, &below) {
            return Ok(Node::Histories { db: db.clone(), path: below });
        }
        let table = table_of(&index, path).ok_or(VfsError::NotFound)?;
        let key = short_name(name.strip_suffix(TABLE).ok_or(VfsError::NotFound)?);
        let file = history_file(&self.engine, &self.rows, &database, &index, &table, &key);
        match self.engine.len(file.id, &file.content).await? {
            0 => Err(VfsError::NotFound),
            _ => Ok(Node::File(file)),
        }
    }

    /// The entries of a folder of `history/`: the tables. Keys are not listed: whatever walks the tree (a mirror, `grep -r`)
    /// would ask for the history of each row of all tables.
    pub(super) async fn history_entries(&self, db: &Arc<str>, path: &str) -> Result<Vec<Named>, VfsError> {
        let (_, index) = self.version_index(db).await?;
        let prefix = if path.is_empty() { String::new() } else { format!("{path}/") };
        let tables = index.folders().filter(|(_, file)| file.ends_with(TABLE));
        let firsts: BTreeSet<&str> = tables
            .filter_map(|(folder, _)| folder.strip_prefix(&*prefix))
            .map(|rest| rest.split_once('/').map_or(rest, |(first, _)| first))
            .collect();
        let folder = |name: &str| Node::Histories { db: db.clone(), path: join(path, name) };
        Ok(firsts.into_iter().map(|name| Named::of(name, &folder(name))).collect())
    }
}

fn is_folder(index: &VersionIndex, path: &str) -> bool {
    let below = format!("{path}/");
    table_of(index, path).is_some()
        || index.folders().any(|(folder, file)| folder.starts_with(&below) && file.ends_with(TABLE))
}

/// The path of the table whose folder this is.
fn table_of(index: &VersionIndex, folder: &str) -> Option<Arc<str>> {
    index.path_of(folder).filter(|file| file.ends_with(TABLE)).cloned()
}
