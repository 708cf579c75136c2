//! Lists the tables and views at one revision.

use std::sync::Arc;

use globset::GlobSet;

use super::answer_columns::{name, needed_text};
use super::fault::QueryError;
use super::lease::Lease;
use super::sql::Revision;
use crate::source::dolt::common::ident;
use crate::source::dolt::common::lineage::VIEWS;
use crate::source::dolt::common::listing::Listing;
use crate::source::dolt::common::views::StoredView;

/// Lists a database at a revision; `exclude` holds patterns for `table` and `db/table`.
pub async fn list(
    lease: &mut Lease,
    database: &str,
    revision: &Revision,
    exclude: &GlobSet,
) -> Result<Listing, QueryError> {
    // With AS OF it would name the views of now, whatever the time asked for.
    let rows = lease.rows(&format!("SHOW FULL TABLES FROM {}", revision.database(database))).await?;
    let mut listing = Listing::default();
    let mut has_views = false;
    for row in rows {
        let name: Arc<str> = name(&row, 0)?.into();
        if needed_text(&row, 1)? == "VIEW" {
            has_views = true;
        } else if exclude.is_match(&*name) || exclude.is_match(format!("{database}/{name}")) {
            listing.excluded.push(name);
        } else {
            listing.tables.push(name);
        }
    }
    listing.tables.sort();
    listing.excluded.sort();
    if has_views {
        listing.set_views(stored_views(lease, database, &revision.as_of()).await?, database, exclude);
    }
    Ok(listing)
}

async fn stored_views(lease: &mut Lease, database: &str, as_of: &str) -> Result<Vec<StoredView>, QueryError> {
    let query = format!("SELECT name, fragment FROM {}.{VIEWS}{as_of} WHERE type = 'view'", ident(database));
    let rows = lease.rows(&query).await?;
    let views = rows
        .iter()
        .map(|row| Ok(StoredView { name: name(row, 0)?.into(), definition: needed_text(row, 1)?.into() }));
    let mut views = views.collect::<Result<Vec<_>, QueryError>>()?;
    views.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(views)
}
