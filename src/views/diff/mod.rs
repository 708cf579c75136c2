//! `diff/<from>..<to>/`: what differs between any two snapshots, a file for each table and one with the numbers.

use async_trait::async_trait;

use self::files::diff_files;
use super::error::ViewError;
use super::paths::{self, PathKind};
use super::view::{Item, ListedItem, Ttl, View, ViewFolder, ViewRequest};
use crate::catalog::{Database, SnapshotOrLive, may_be_hash, pairs};
use crate::content::FileEntry;

mod files;

/// It lists no pair: there are too many.
pub(super) struct DiffView;

#[async_trait]
impl View for DiffView {
    fn name(&self) -> &'static str {
        "diff"
    }

    async fn list(&self, request: ViewRequest<'_>) -> Result<Vec<ListedItem>, ViewError> {
        let Some(files) = files_of(request).await? else { return Ok(Vec::new()) };
        let item = |(name, file): (&str, Option<&FileEntry>)| match file {
            Some(file) => (name.into(), Item::File(file.into())),
            None => (name.into(), Item::Folder(request.folder.child(name))),
        };
        Ok(paths::children(&files, &request.folder.path).into_iter().map(item).collect())
    }

    async fn lookup(&self, request: ViewRequest<'_>, name: &str) -> Result<Item, ViewError> {
        let Some(files) = files_of(request).await? else {
            return pair(request, name).await;
        };
        match paths::find(&files, &request.folder.join(name)) {
            Some(PathKind::File(file)) => Ok(Item::File(file.clone())),
            Some(PathKind::Folder) => Ok(Item::Folder(request.folder.child(name))),
            None => Err(ViewError::NotFound),
        }
    }

    fn ttl(&self, folder: &ViewFolder, _item: &Item) -> Ttl {
        // The name of a pair may hold a time expression that moves on.
        if folder.of.is_empty() || folder.is_live() { Ttl::None } else { Ttl::Short }
    }
}

/// The folder `<from>..<to>`, each a name of a snapshot, a time, a branch, a tag or a commit, `latest` or `live`. Names
/// may hold dots themselves: the name is split at the first `..` where both sides mean something.
async fn pair(request: ViewRequest<'_>, name: &str) -> Result<Item, ViewError> {
    let ViewRequest { context, database, .. } = request;
    let find = |database: &Database| {
        let side = |text: &str| database.snapshot_or_live(text, &context.now());
        pairs(name).find_map(|(from, to)| Some(vec![side(from)?, side(to)?]))
    };
    let may_be_lost = || pairs(name).any(|(from, to)| may_be_hash(from) || may_be_hash(to));
    let (_, of) = context.find_with_lost(database, find, may_be_lost).await?;
    Ok(Item::Folder(ViewFolder { path: "".into(), of }))
}

/// The files of a difference, sorted by path; `None` for the folder `diff/` itself.
async fn files_of(request: ViewRequest<'_>) -> Result<Option<Vec<FileEntry>>, ViewError> {
    let ViewRequest { context, database, folder } = request;
    let [from, to] = &folder.of[..] else { return Ok(None) };
    let name = |of: &SnapshotOrLive| database.name_of(of).ok_or(ViewError::Stale);
    let names = [name(from)?, name(to)?];
    let (before, after) = (context.files(database, from).await?, context.files(database, to).await?);
    Ok(Some(diff_files(&context.engine, names, &before, &after)))
}
