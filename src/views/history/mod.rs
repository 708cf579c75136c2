//! `history/<table>/<key>.jsonl`: every version of one row.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use self::row_history::RowHistories;
use super::change_index::ChangeIndex;
use super::context::ViewContext;
use super::derived::{TABLE, access_of_all, entry};
use super::error::ViewError;
use super::paths;
use super::view::{Item, ListedItem, View, ViewFolder, ViewRequest};
use crate::catalog::Database;
use crate::content::{Content, Sink, SourceError, Stream};
use crate::engine::Engine;
use crate::model::access::Access;
use crate::model::content_id::ContentId;
use crate::model::row::short_name;
use crate::model::time::Timestamp;

mod row_changes;
mod row_history;
mod row_index;

/// It lists tables but not keys: a mirror or `grep -r` would ask for the history of each row of all tables.
pub(super) struct HistoryView {
    rows: Arc<RowHistories>,
}

impl HistoryView {
    pub fn new(engine: &Engine) -> Self {
        Self { rows: Arc::new(RowHistories::of(engine)) }
    }
}

#[async_trait]
impl View for HistoryView {
    fn name(&self) -> &'static str {
        "history"
    }

    async fn list(&self, request: ViewRequest<'_>) -> Result<Vec<ListedItem>, ViewError> {
        let ViewRequest { context, database, folder } = request;
        let index = context.change_index(database).await?;
        let names = paths::names_in(tables(&index).map(|table| (table, ())), &folder.path).into_keys();
        Ok(names.map(|name| (name.into(), Item::Folder(folder.child(name)))).collect())
    }

    /// Whether there was a row with this key is only known from its history, which is therefore made here.
    async fn lookup(&self, request: ViewRequest<'_>, name: &str) -> Result<Item, ViewError> {
        let ViewRequest { context, database, folder } = request;
        let index = context.change_index(database).await?;
        let below = folder.join(name);
        if table_of(&index, &below).is_some() || paths::is_folder(tables(&index), &below) {
            return Ok(Item::Folder(ViewFolder::at(below)));
        }
        let table = table_of(&index, &folder.path).ok_or(ViewError::NotFound)?;
        let key = short_name(name.strip_suffix(TABLE).ok_or(ViewError::NotFound)?).into_owned();
        // Its identity changes with every version of the table.
        let (state, changed) = index.state_of(&table).unwrap_or((ContentId::of(&[]), Timestamp::UNIX_EPOCH));
        let id = ContentId::of(&[b"history", database.name.as_bytes(), state.as_bytes(), key.as_bytes()]);
        // Which versions had the row is only known when it is read, so only those who may read all of them may read it.
        let access = access_of_all(index.of(&table).iter().flat_map(|change| change.file.sides()).flatten());
        let path = format!("{key}{TABLE}").into();
        let (engine, rows, database) = (context.engine.clone(), self.rows.clone(), database.clone());
        let content = Content::stream(HistoryContent { engine, rows, database, index, table, key });
        match context.engine.len(id, &content).await? {
            0 => Err(ViewError::NotFound),
            _ => Ok(Item::File(entry(path, id, changed, access, content))),
        }
    }

    fn access(&self, context: &ViewContext, database: &Database, folder: &ViewFolder) -> Access {
        let audiences = database.audiences();
        if folder.path.is_empty() {
            return audiences.widest.into();
        }
        // A look-up in it reveals whether a table ever had a row with that key.
        let is_secret = context.secrets.of(&format!("{}{TABLE}", folder.path)).is_some();
        Access { audience: audiences.narrowest, is_secret }
    }
}

/// The folders of tables, sorted.
fn tables(index: &ChangeIndex) -> impl Iterator<Item = &str> {
    index.folders().filter(|(_, file)| file.ends_with(TABLE)).map(|(folder, _)| &**folder)
}

fn table_of(index: &ChangeIndex, folder: &str) -> Option<Arc<str>> {
    index.path_of(folder).filter(|file| file.ends_with(TABLE)).cloned()
}

struct HistoryContent {
    engine: Arc<Engine>,
    rows: Arc<RowHistories>,
    database: Arc<Database>,
    index: Arc<ChangeIndex>,
    table: Arc<str>,
    key: String,
}

#[async_trait]
impl Stream for HistoryContent {
    fn describe(&self) -> String {
        format!("the history of {} in {}", self.key, self.table)
    }

    async fn read(&self, mut sink: Sink) -> Result<(), SourceError> {
        let made = self.rows.history(&self.engine, &self.database, &self.index, &self.table, &self.key).await;
        let text = made.map_err(|error| error.of(&self.describe()))?;
        let _ = sink.push(Bytes::from(text)).await;
        Ok(())
    }
}
