//! Where symlinks lead.

use bytes::Bytes;

use super::error::VfsError;
use super::node::NodeTree;
use crate::catalog::SnapshotFolder;
use crate::content::FileEntry;
use crate::model::number::to_usize;
use crate::model::time::Timestamp;
use crate::views::View;

/// Longest target of a symlink, in bytes (PATH_MAX counts the NUL at its end).
const LONGEST_TARGET: u64 = 4095;

impl NodeTree {
    /// The target of a source's symlink, byte for byte. It is never followed here.
    pub async fn stored_target(&self, file: &FileEntry) -> Result<Bytes, VfsError> {
        let engine = &self.context.engine;
        let len = engine.len(file.id, &file.content).await?;
        if !(1..=LONGEST_TARGET).contains(&len) {
            return Err(VfsError::NotALink);
        }
        let reader = engine.open(file.id, &file.content).await?;
        let target = reader.read(0, to_usize(len)).await?;
        // The kernel would end the target there.
        if target.contains(&0) { Err(VfsError::NotALink) } else { Ok(target) }
    }

    /// The target of a view's symlink, relative to its folder.
    pub fn link_target(&self, db: &str, view: &dyn View, path: &str) -> Result<String, VfsError> {
        let target = self.snapshot_folder(db, view, path).ok_or(VfsError::NotFound)?;
        let link = if path.is_empty() { view.name().to_owned() } else { format!("{}/{path}", view.name()) };
        Ok(relative(&link, &target.path()))
    }

    /// The time of the snapshot that a view's symlink leads to.
    pub fn link_time(&self, db: &str, view: &dyn View, path: &str) -> Option<Timestamp> {
        let target = self.snapshot_folder(db, view, path)?;
        let database = self.context.database(db).ok()?;
        Some(database.meta(database.key_in(&target)?)?.time)
    }

    fn snapshot_folder(&self, db: &str, view: &dyn View, path: &str) -> Option<SnapshotFolder> {
        view.target(&self.context, &*self.context.database(db).ok()?, path)
    }
}

/// The relative path from a symlink to its target, both below the same folder.
fn relative(link: &str, target: &str) -> String {
    let (mut from, mut to) = (link, target);
    while let (Some((folder, link)), Some((other, target))) = (from.split_once('/'), to.split_once('/'))
        && folder == other
    {
        (from, to) = (link, target);
    }
    format!("{}{to}", "../".repeat(from.matches('/').count()))
}

#[cfg(test)]
mod tests {
    use super::relative;

    #[test]
    fn links_lead_the_shortest_way() {
        for (link, target, way) in [
            ("latest", "asof/a", "asof/a"),
            ("asof/yesterday", "asof/a", "a"),
            ("asof/h", "commits/h", "../commits/h"),
            ("branches/x/y", "asof/a", "../../asof/a"),
            ("branches/asof/y", "asof/a", "../../asof/a"),
        ] {
            assert_eq!(relative(link, target), way);
        }
    }
}
