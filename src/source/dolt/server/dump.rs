//! A whole commit as SQL: one query per table, each row written as it arrives.

use std::sync::Arc;

use async_trait::async_trait;
use mysql_common::row::Row;

use super::answer_columns::{needed_text, text};
use super::fault::{Fault, QueryError};
use super::lease::Lease;
use super::lines::{CopyEnd, CopyLines, LineWriter, copy_lines};
use super::row_reader::RowReader;
use super::schema_file::create_table;
use super::server_database::ServerDatabase;
use super::sql::{ALL_ROWS, Revision};
use crate::content::{Sink, SourceError, Stream};
use crate::source::dolt::common::ident;
use crate::source::dolt::common::lineage::{PROCEDURES, VIEWS};
use crate::source::dolt::common::listing::Listing;
use crate::source::dolt::common::programs::{Programs, StoredProgram};
use crate::source::dolt::common::sql_dump::{DumpedTable, Subject, TAIL};

pub struct CommitDump {
    pub database: Arc<ServerDatabase>,
    /// The commit that it is read at.
    pub commit: Arc<str>,
    pub listing: Arc<Listing>,
    /// What the dump is of, for its head.
    pub subject: Subject,
}

#[async_trait]
impl Stream for CommitDump {
    fn received(&self) -> Option<u64> {
        Some(self.database.pool.received())
    }

    fn describe(&self) -> String {
        format!("dump of {} {} over {}", self.database.name, self.revision().describe(), self.database.label)
    }

    async fn read(&self, mut sink: Sink) -> Result<(), SourceError> {
        let copied = copy_lines(&self.database, self, &mut sink).await;
        copied.map_err(|error| {
            let operation = format!("cannot dump {} {}", self.database.name, self.revision().describe());
            error.during(&self.database.label, operation)
        })
    }
}

impl CopyLines for CommitDump {
    async fn copy(&self, lease: &mut Lease, lines: &mut LineWriter<'_>) -> Result<CopyEnd, QueryError> {
        lines.add(self.subject.head().as_bytes());
        let mut names: Vec<_> = self.listing.tables.iter().chain(&self.listing.excluded).collect();
        names.sort();
        for name in &names {
            let shown = create_table(lease, &self.database.name, name, &self.revision()).await?;
            let unread = || Fault::Answer(format!("the CREATE TABLE of {name} has an unknown form: {shown}"));
            let table = DumpedTable::new(name, &shown).ok_or_else(unread)?;
            let is_shown = self.listing.tables.binary_search(name).is_ok();
            if self.table(lease, table, name, is_shown, lines).await? == CopyEnd::Closed {
                return Ok(CopyEnd::Closed);
            }
        }
        let programs = self.programs(lease).await?;
        lines.add(programs.statements(names.iter().map(|name| &***name)).as_bytes());
        lines.add(b"\n");
        lines.add(TAIL.as_bytes());
        Ok(lines.push().await)
    }
}

impl CommitDump {
    fn revision(&self) -> Revision {
        Revision::Commit(Arc::clone(&self.commit))
    }

    async fn table(
        &self,
        lease: &mut Lease,
        mut table: DumpedTable,
        name: &str,
        has_rows: bool,
        lines: &mut LineWriter<'_>,
    ) -> Result<CopyEnd, QueryError> {
        lines.add(self.subject.table_head(name).as_bytes());
        lines.add(table.begin().as_bytes());
        if has_rows {
            let query = format!(
                "SELECT {} FROM {}.{}{}{ALL_ROWS}",
                table.selected(),
                ident(&self.database.name),
                ident(name),
                self.revision().as_of()
            );
            let layout = table.layout();
            let mut answer = lease.start(&query).await?;
            let reader = RowReader::new(answer.columns()).map_err(Fault::from)?;
            let mut literals = Vec::new();
            while let Some(row) = answer.next().await? {
                literals.clear();
                reader.literals(&row, &layout, &mut literals).map_err(Fault::from)?;
                table.row(&literals, lines.buffer());
                if lines.is_full() && lines.push().await == CopyEnd::Closed {
                    return Ok(CopyEnd::Closed);
                }
            }
        }
        table.end(lines.buffer());
        Ok(CopyEnd::Whole)
    }

    async fn programs(&self, lease: &mut Lease) -> Result<Programs, QueryError> {
        let schemas = self.kept(lease, VIEWS).await?;
        Ok(Programs::new(schemas, self.kept(lease, PROCEDURES).await?))
    }

    /// The rows of a system table, which need not exist.
    async fn kept(&self, lease: &mut Lease, table: &str) -> Result<Vec<StoredProgram>, QueryError> {
        let query = format!(
            "SELECT * FROM {}.{table}{}{ALL_ROWS}",
            ident(&self.database.name),
            self.revision().as_of()
        );
        match lease.rows(&query).await {
            Ok(rows) => rows.iter().map(|row| read(row).map_err(|error| error.in_query(&query))).collect(),
            Err(error) if error.is_no_such_table() => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }
}

/// Reads a row by the names of its columns.
fn read(row: &Row) -> Result<StoredProgram, QueryError> {
    let mut kept = StoredProgram::default();
    for (at, column) in row.columns_ref().iter().enumerate() {
        match &*column.name_str() {
            "type" => kept.r#type = text(row, at)?,
            "name" => kept.name = needed_text(row, at)?,
            "fragment" => kept.fragment = text(row, at)?,
            "create_stmt" => kept.create_stmt = text(row, at)?,
            "sql_mode" => kept.sql_mode = text(row, at)?,
            "extra" => {
                let extra = text(row, at)?.map(|json| serde_json::from_str(&json)).transpose();
                kept.extra = extra.map_err(|error| Fault::Answer(format!("column extra: {error}")))?;
            }
            _ => {}
        }
    }
    Ok(kept)
}
