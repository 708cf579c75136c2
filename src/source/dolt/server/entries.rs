//! The files of one commit: their names, their identities and what reads them.

use std::sync::Arc;

use super::fault::{Fault, QueryError};
use super::rows::RowsContent;
use super::schema_file::{CommitSchema, SCHEMA_FILE};
use super::server_database::ServerDatabase;
use super::sql::Revision;
use super::table_version::TableVersion;
use crate::content::{Content, FileEntry, FileKind};
use crate::model::access::Access;
use crate::model::content_id::ContentId;
use crate::model::history::SnapshotId;
use crate::model::names::escape_with_suffix;
use crate::source::dolt::common::identifier::ident;
use crate::source::dolt::common::lineage::{Lineage, Origin, SCHEMA, VIEWS};
use crate::source::dolt::common::listing::Listing;
use crate::source::dolt::common::schema_sql::SCHEMA_IDENTITY;
use crate::source::dolt::common::views::ShownView;

/// Makes the entries of one commit.
pub struct CommitEntries<'e> {
    pub database: &'e Arc<ServerDatabase>,
    /// Which commit changed which table.
    pub lineage: &'e mut Lineage,
    pub commit: &'e SnapshotId,
    /// The newest commit, whose files `live/` shows as well.
    pub head: Option<&'e str>,
}

impl CommitEntries<'_> {
    /// The rows of a table.
    pub fn table(&mut self, table: &Arc<str>) -> Result<FileEntry, QueryError> {
        let (origin, links) = self.origin(&[table])?;
        let database = self.database;
        let made_by = Arc::clone(&origin.commits[0]);
        let id = table_id(&database.identity, table, &made_by);
        let (database, table) = (Arc::clone(database), Arc::clone(table));
        let version = TableVersion { database, table, commit: made_by, shown_at: Arc::clone(self.commit) };
        Ok(entry(rows_path(&version.table), id, &origin, links, Content::Versioned(Arc::new(version))))
    }

    /// The rows of a view.
    pub fn view(&mut self, view: &ShownView) -> Result<FileEntry, QueryError> {
        let mut tables = vec![VIEWS];
        tables.extend(view.tables.iter().map(|table| &**table));
        let (origin, links) = self.origin(&tables)?;
        let database = self.database;
        let revision = Revision::Commit(Arc::clone(self.commit));
        let place = format!("{}.{}", revision.database(&database.name), ident(&view.name));
        let mut parts: Vec<&[u8]> = vec![b"dolt-view", database.identity.as_bytes(), view.name.as_bytes()];
        parts.extend(origin.commits.iter().map(|commit| commit.as_bytes()));
        let what = format!("view {} of {} {}", view.name, database.name, revision.describe());
        let content = RowsContent {
            database: Arc::clone(database),
            place,
            is_table: false,
            guard: Vec::new(),
            working_table: None,
            is_sorted_here: !view.is_ordered,
            what,
        };
        Ok(entry(rows_path(&view.name), ContentId::of(&parts), &origin, links, Content::stream(content)))
    }

    /// `schema.sql`.
    pub fn schema(&mut self, listing: &Arc<Listing>) -> Result<FileEntry, QueryError> {
        let (origin, links) = self.origin(&[SCHEMA])?;
        let database = self.database;
        let mut parts: Vec<&[u8]> =
            vec![SCHEMA_IDENTITY, database.identity.as_bytes(), origin.commits[0].as_bytes()];
        // What is left out is said in the file.
        parts.extend(listing.excluded.iter().map(|table| table.as_bytes()));
        let content = CommitSchema {
            database: Arc::clone(database),
            commit: Arc::clone(self.commit),
            listing: Arc::clone(listing),
        };
        Ok(entry(SCHEMA_FILE.into(), ContentId::of(&parts), &origin, links, Content::stream(content)))
    }

    /// The origin, and in how many places its content is shown: once per commit, and once more below `live/`
    /// where it is that of the head.
    fn origin(&mut self, tables: &[&str]) -> Result<(Origin, u32), QueryError> {
        let origin = self.lineage.origin(self.commit, tables).ok_or(Fault::NoCommit)?;
        let head = self.head.and_then(|head| self.lineage.origin(head, tables));
        let is_live = head.is_some_and(|head| head.commits == origin.commits);
        let links = origin.commits_alike.saturating_add(u32::from(is_live));
        Ok((origin, links))
    }
}

/// The identity of a table's content: the version that `origin` made. `database` is [`ServerDatabase::identity`].
pub fn table_id(database: &str, table: &str, origin: &str) -> ContentId {
    ContentId::of(&[b"dolt", database.as_bytes(), table.as_bytes(), origin.as_bytes()])
}

/// The file name of a table or view.
pub fn rows_path(name: &str) -> Arc<str> {
    escape_with_suffix(name, ".jsonl").into()
}

fn entry(path: Arc<str>, id: ContentId, origin: &Origin, links: u32, content: Content) -> FileEntry {
    // No file lies behind it: who mounts it for others lets them read what the server lets the mount read.
    let (kind, changed, access) = (FileKind::Regular, origin.changed, Access::default());
    FileEntry { path, kind, id, changed, links, access, content }
}
