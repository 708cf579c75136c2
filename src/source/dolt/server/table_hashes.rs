//! Hashes of tables of the working set.

use super::answer_columns::text;
use super::fault::{Fault, QueryError};
use super::lease::Lease;
use super::sql::literal;

/// Tables per query for hashes.
const HASHES_PER_QUERY: usize = 200;

/// The hashes of tables, in their order; an empty one for a table that is not there.
pub async fn table_hashes<T: AsRef<str>>(lease: &mut Lease, tables: &[T]) -> Result<Vec<String>, QueryError> {
    let mut hashes = Vec::with_capacity(tables.len());
    for tables in tables.chunks(HASHES_PER_QUERY) {
        let call = |table: &T| format!("dolt_hashof_table({})", literal(table.as_ref()));
        let calls: Vec<_> = tables.iter().map(call).collect();
        let rows = lease.rows(&format!("SELECT {}", calls.join(", "))).await?;
        let row = rows.first().ok_or_else(|| Fault::Answer("no hashes of tables".to_owned()))?;
        for column in 0..tables.len() {
            hashes.push(text(row, column)?.unwrap_or_default());
        }
    }
    Ok(hashes)
}

/// Checks, inside a transaction, that tables still have the hashes that they were listed with; else [`Fault::Moved`].
pub async fn check_hashes(lease: &mut Lease, guard: &[(String, String)]) -> Result<(), QueryError> {
    let tables: Vec<_> = guard.iter().map(|(table, _)| table).collect();
    let hashes = table_hashes(lease, &tables).await?;
    let is_same = hashes.iter().zip(guard).all(|(hash, (_, listed))| hash == listed);
    if is_same { Ok(()) } else { Err(Fault::Moved.into()) }
}
