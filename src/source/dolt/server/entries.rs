//! The files of one commit: their names, their identities and what reads them.

use std::sync::Arc;

use super::fault::{Fault, QueryError};
use super::rows::RowsContent;
use super::schema_file::CommitSchema;
use super::server_database::ServerDatabase;
use super::sql::Revision;
use super::table_version::TableVersion;
use crate::content::{Content, FileEntry, FileKind};
use crate::model::access::Access;
use crate::model::content_id::ContentId;
use crate::model::history::SnapshotId;
use crate::source::dolt::common::ident;
use crate::source::dolt::common::lineage::{Lineage, Origin, SCHEMA, VIEWS};
use crate::source::dolt::common::listing::{Listing, rows_path, table_id};
use crate::source::dolt::common::schema_sql::{SCHEMA_FILE, schema_id};
use crate::source::dolt::common::views::ShownView;

pub struct CommitEntries<'e> {
    pub database: &'e Arc<ServerDatabase>,
    /// Which commit changed which table.
    pub lineage: &'e mut Lineage,
    pub commit: &'e SnapshotId,
    /// The newest commit, whose files `live/` shows as well.
    pub head: Option<&'e str>,
}

impl CommitEntries<'_> {
    pub fn table(&mut self, table: &Arc<str>) -> Result<FileEntry, QueryError> {
        let (origin, links) = self.origin(&[table])?;
        let database = self.database;
        let made_by = Arc::clone(&origin.commits[0]);
        let id = table_id(&database.identity, table, &made_by);
        let (database, table) = (Arc::clone(database), Arc::clone(table));
        let version = TableVersion { database, table, commit: made_by, shown_at: Arc::clone(self.commit) };
        Ok(entry(rows_path(&version.table), id, &origin, links, Content::Versioned(Arc::new(version))))
    }

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
        let content = RowsContent::new(Arc::clone(database), place, what);
        let content = RowsContent { is_sorted_here: !view.is_ordered, ..content };
        Ok(entry(rows_path(&view.name), ContentId::of(&parts), &origin, links, Content::stream(content)))
    }

    pub fn schema(&mut self, listing: &Arc<Listing>) -> Result<FileEntry, QueryError> {
        let (origin, links) = self.origin(&[SCHEMA])?;
        let excluded = listing.excluded.iter().map(|table| &**table);
        let id = schema_id(&self.database.identity, &origin.commits[0], excluded);
        let (database, listing) = (Arc::clone(self.database), Arc::clone(listing));
        let content = CommitSchema { database, commit: Arc::clone(self.commit), listing };
        Ok(entry(SCHEMA_FILE.into(), id, &origin, links, Content::stream(content)))
    }

    fn origin(&mut self, tables: &[&str]) -> Result<(Origin, u32), QueryError> {
        self.lineage.shown_origin(self.commit, tables, self.head).ok_or_else(|| Fault::NoCommit.into())
    }
}

fn entry(path: Arc<str>, id: ContentId, origin: &Origin, links: u32, content: Content) -> FileEntry {
    // No file lies behind it: who mounts it for others lets them read what the server lets the mount read.
    let (kind, changed, access) = (FileKind::Regular, origin.changed, Access::default());
    FileEntry { path, kind, id, changed, links, access, content }
}
