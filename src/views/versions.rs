//! `versions/`: each file only as of the snapshots in which it changed.

use async_trait::async_trait;

use super::error::ViewError;
use super::paths;
use super::view::{Item, ListedItem, Ttl, View, ViewFolder, ViewRequest};

pub(super) struct VersionsView;

#[async_trait]
impl View for VersionsView {
    fn name(&self) -> &'static str {
        "versions"
    }

    async fn list(&self, request: ViewRequest<'_>) -> Result<Vec<ListedItem>, ViewError> {
        let ViewRequest { context, database, folder } = request;
        let index = context.change_index(database).await?;
        let folders = index.folders().map(|(folder, path)| (&**folder, path));
        let names = paths::names_in(folders, &folder.path).into_keys();
        let mut items: Vec<ListedItem> =
            names.map(|name| (name.into(), Item::Folder(folder.child(name)))).collect();
        if let Some(path) = index.path_of(&folder.path) {
            for change in index.of(path) {
                let name = format!("{}{}", database.snapshots()[change.at].name, ending(path));
                let file = change.file.after.as_ref();
                items.extend(file.map(|file| (name.into(), Item::File(file.into()))));
            }
        }
        Ok(items)
    }

    async fn lookup(&self, request: ViewRequest<'_>, name: &str) -> Result<Item, ViewError> {
        let ViewRequest { context, database, folder } = request;
        let index = context.change_index(database).await?;
        let below = folder.join(name);
        if index.path_of(&below).is_some() || paths::is_folder(index.folders().map(|(f, _)| &**f), &below) {
            return Ok(Item::Folder(ViewFolder::at(below)));
        }
        let find = || {
            let path = index.path_of(&folder.path)?;
            let snapshot = database.snapshot(name.strip_suffix(ending(path))?)?;
            let at = database.place(&snapshot.key)?;
            index.of(path).iter().find(|change| change.at == at)?.file.after.clone()
        };
        find().map(Item::File).ok_or(ViewError::NotFound)
    }

    fn ttl(&self, _folder: &ViewFolder, _item: &Item) -> Ttl {
        Ttl::Short
    }
}

/// The ending of a file's name, with its dot; nothing for a name without one.
fn ending(path: &str) -> &str {
    let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
    name.rfind('.').filter(|at| *at > 0).map_or("", |at| &name[at..])
}
