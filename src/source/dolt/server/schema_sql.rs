//! Loads the statements of `schema.sql`.

use super::answer_columns::needed_text;
use super::fault::QueryError;
use super::lease::Lease;
use super::sql::Revision;
use crate::source::dolt::common::identifier::ident;
use crate::source::dolt::common::listing::Listing;
use crate::source::dolt::common::schema_sql::compose;

/// Writes the file: tables by name, then views, each after those that it reads. Excluded tables are in it, too:
/// they are left out for what their rows hold. `AUTO_INCREMENT=` stays as the server says it, so that a restored
/// table goes on counting where this one was.
pub async fn write(
    lease: &mut Lease,
    database: &str,
    revision: &Revision,
    listing: &Listing,
) -> Result<String, QueryError> {
    let mut names: Vec<_> = listing.tables.iter().chain(&listing.excluded).collect();
    names.sort();
    let mut statements = Vec::with_capacity(names.len());
    for name in names {
        statements.push(create_table(lease, database, name, revision).await?);
    }
    Ok(compose(&statements, listing))
}

/// The statement that makes a table.
pub async fn create_table(
    lease: &mut Lease,
    database: &str,
    table: &str,
    revision: &Revision,
) -> Result<String, QueryError> {
    let query = format!("SHOW CREATE TABLE {}.{}{}", ident(database), ident(table), revision.as_of());
    let rows = lease.rows(&query).await?;
    let statement = rows.first().map(|row| needed_text(row, 1)).transpose();
    Ok(statement.map_err(|error| error.in_query(&query))?.unwrap_or_default())
}
