//! Noticing what is new: one query over all databases.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use mysql_async::Row;

use super::fault::{Fault, QueryError};
use super::history::Heads;
use super::pool::{Pool, needed_text, text};
use super::sql::{ident, literal};

/// Databases that are the server's own.
const SYSTEM: [&str; 5] = ["information_schema", "mysql", "performance_schema", "sys", "dolt_cluster"];
/// What the tests of Beads and Gas Town leave on a developer's server.
const TEST_PREFIXES: [&str; 2] = ["testdb_", "doctest_"];

const BRANCH: &str = "b";
const TAG: &str = "t";
const DATABASE: &str = "d";

/// What one poll saw.
#[derive(Debug, Default)]
pub struct Polled {
    /// Each database with its branches and tags.
    pub heads: BTreeMap<String, Heads>,
    /// Databases that are there and did not answer, with the reason.
    pub broken: Vec<(String, QueryError)>,
}

/// Asks all databases for their branches and tags.
///
/// `expected` are the databases that answered last time, so that one query does while none comes or goes; `only`
/// restricts it all to one database.
///
/// # Errors
/// What the connection said. An error of one database is in [`Polled::broken`].
pub async fn poll(
    pool: &Arc<Pool>,
    expected: &BTreeSet<String>,
    only: Option<&str>,
) -> Result<Polled, QueryError> {
    if !expected.is_empty() {
        match pool.rows(None, &query(expected, only.is_none())).await {
            Ok(rows) => {
                let (names, heads) = sort_rows(&rows)?;
                let is_complete = only.is_some() || names == *expected;
                if is_complete {
                    return Ok(Polled { heads: with_empty(heads, expected), broken: Vec::new() });
                }
            }
            Err(error) if error.is_answer() => {}
            Err(error) => return Err(error),
        }
    }
    poll_each(pool, only).await
}

/// The long way: which databases there are, then each by itself, so that a broken one does not hide the rest.
async fn poll_each(pool: &Arc<Pool>, only: Option<&str>) -> Result<Polled, QueryError> {
    let there = databases(pool).await?;
    let mut polled = Polled::default();
    for name in there.into_iter().filter(|name| only.map_or_else(|| is_shown(name), |only| name == only)) {
        let one = BTreeSet::from([name.clone()]);
        match pool.rows(None, &query(&one, false)).await {
            Ok(rows) => polled.heads.extend(with_empty(sort_rows(&rows)?.1, &one)),
            Err(error) if error.is_answer() => polled.broken.push((name, error)),
            Err(error) => return Err(error),
        }
    }
    Ok(polled)
}

/// All databases of the server, the system's own included.
///
/// # Errors
/// What the server or the connection said.
pub async fn databases(pool: &Arc<Pool>) -> Result<Vec<String>, QueryError> {
    let rows = pool.rows(None, "SHOW DATABASES").await?;
    rows.iter().map(|row| needed_text(row, 0)).collect()
}

/// Whether a database is one that a user made. Names with a slash are revisions (`db/branch`).
pub fn is_shown(name: &str) -> bool {
    let name = name.to_lowercase();
    !SYSTEM.contains(&name.as_str())
        && !TEST_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        && !name.contains('/')
}

fn query(databases: &BTreeSet<String>, with_names: bool) -> String {
    let mut selects = Vec::with_capacity(databases.len() * 2 + 1);
    for name in databases {
        let (text, name) = (literal(name), ident(name));
        selects.push(format!("SELECT {text}, '{BRANCH}', name, hash FROM {name}.dolt_branches"));
        selects.push(format!("SELECT {text}, '{TAG}', tag_name, tag_hash FROM {name}.dolt_tags"));
    }
    if with_names {
        selects.push(format!("SELECT schema_name, '{DATABASE}', NULL, NULL FROM information_schema.schemata"));
    }
    selects.join(" UNION ALL ")
}

/// The databases named, and the branches and tags of each.
fn sort_rows(rows: &[Row]) -> Result<(BTreeSet<String>, BTreeMap<String, Heads>), QueryError> {
    let mut names = BTreeSet::new();
    let mut all = BTreeMap::<String, Heads>::new();
    for row in rows {
        let (database, kind) = (needed_text(row, 0)?, needed_text(row, 1)?);
        if kind == DATABASE {
            if is_shown(&database) {
                names.insert(database);
            }
            continue;
        }
        let name = text(row, 2)?.unwrap_or_default();
        let hash: Arc<str> = needed_text(row, 3)?.into();
        let heads = all.entry(database).or_default();
        match kind.as_str() {
            BRANCH => heads.branches.insert(name, hash),
            TAG => heads.tags.insert(name, hash),
            other => return Err(Fault::Answer(format!("{other:?} is neither branch nor tag")).into()),
        };
    }
    Ok((names, all))
}

fn with_empty(mut heads: BTreeMap<String, Heads>, databases: &BTreeSet<String>) -> BTreeMap<String, Heads> {
    for name in databases {
        heads.entry(name.clone()).or_default();
    }
    heads
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_and_test_databases_are_left_out() {
        for name in ["mysql", "Information_Schema", "testdb_42", "doctest_x", "beads/main"] {
            assert!(!is_shown(name), "{name}");
        }
        for name in ["beads", "we-ird db'q", "my_testdb_", "sys2"] {
            assert!(is_shown(name), "{name}");
        }
    }

    #[test]
    fn one_query_names_every_database_quoted() {
        let query = query(&BTreeSet::from(["a`b'c".to_owned(), "d".to_owned()]), true);
        assert!(query.contains("SELECT 'a`b''c', 'b', name, hash FROM `a``b'c`.dolt_branches UNION ALL"), "{query}");
        assert_eq!(query.matches("UNION ALL").count(), 4);
    }
}
