//! Looks for news: one query over all databases.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use mysql_common::row::Row;

use super::answer_columns::{name, needed_text};
use super::fault::{Fault, QueryError};
use super::history::Heads;
use super::pool::Pool;
use super::sql::literal;
use crate::source::dolt::common::ident;
use crate::source::dolt::common::is_left_by_tests;

/// Databases that are the server's own.
const SYSTEM: [&str; 5] = ["information_schema", "mysql", "performance_schema", "sys", "dolt_cluster"];

const BRANCH: &str = "b";
const TAG: &str = "t";
const DATABASE: &str = "d";

/// Databases per query: the server plans a long UNION in quadratic time (32 databases 60 ms, 8 of them 5 ms).
const DATABASES_PER_QUERY: usize = 16;

/// What the previous poll saw.
#[derive(Debug, Default)]
pub struct Expected {
    /// Databases that answered.
    pub answering: BTreeSet<String>,
    /// Databases that did not answer and need not be asked again now.
    pub silent: BTreeSet<String>,
}

/// What one poll saw.
#[derive(Debug, Default)]
pub struct Polled {
    /// Each database with its branches and tags.
    pub heads: BTreeMap<String, Heads>,
    /// Databases that exist and do not answer.
    pub silent: BTreeSet<String>,
    /// Why, for those that were asked.
    pub failures: Vec<(String, QueryError)>,
    /// Databases left out for their names, where the URL names none.
    pub left_out: BTreeSet<String>,
}

/// Asks all databases for their branches and tags: in one query as long as no database comes, goes or fails. `only`
/// restricts it to one database.
pub async fn poll(pool: &Arc<Pool>, expected: Expected, only: Option<&str>) -> Result<Polled, QueryError> {
    match poll_expected(pool, &expected.answering, only).await {
        Ok((names, heads)) if is_as_expected(&names, &expected, only) => {
            Ok(Polled { heads, silent: expected.silent, ..Polled::default() })
        }
        Ok(_) => poll_each(pool, only).await,
        Err(error) if error.is_answer() => poll_each(pool, only).await,
        Err(error) => Err(error),
    }
}

fn is_as_expected(names: &BTreeSet<String>, expected: &Expected, only: Option<&str>) -> bool {
    let asked = !expected.answering.is_empty();
    asked && (only.is_some() || names.iter().eq(expected.answering.union(&expected.silent)))
}

/// The names of all databases (unless there is only one), and the heads of those expected to answer.
async fn poll_expected(
    pool: &Arc<Pool>,
    databases: &BTreeSet<String>,
    only: Option<&str>,
) -> Result<(BTreeSet<String>, BTreeMap<String, Heads>), QueryError> {
    let databases: Vec<_> = databases.iter().map(String::as_str).collect();
    let (mut names, mut heads) = (BTreeSet::new(), BTreeMap::new());
    for (at, chunk) in databases.chunks(DATABASES_PER_QUERY).enumerate() {
        let rows = pool.rows(None, &query(chunk, at == 0 && only.is_none())).await?;
        names.extend(sort_rows(&rows, chunk, &mut heads)?);
    }
    Ok((names, heads))
}

/// Asks for the databases, then each one separately, so that a broken one does not hide the rest.
async fn poll_each(pool: &Arc<Pool>, only: Option<&str>) -> Result<Polled, QueryError> {
    let there = databases(pool).await?;
    let mut polled = Polled::default();
    if only.is_none() {
        polled.left_out = there.iter().filter(|name| is_left_by_tests(name)).cloned().collect();
    }
    for name in there.into_iter().filter(|name| only.map_or_else(|| is_shown(name), |only| name == only)) {
        match pool.rows(None, &query(&[&name], false)).await {
            Ok(rows) => {
                sort_rows(&rows, &[&name], &mut polled.heads)?;
            }
            Err(error) if error.is_answer() => {
                polled.silent.insert(name.clone());
                polled.failures.push((name, error));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(polled)
}

/// All databases of the server, its system databases included.
pub async fn databases(pool: &Arc<Pool>) -> Result<Vec<String>, QueryError> {
    let rows = pool.rows(None, "SHOW DATABASES").await?;
    rows.iter().map(|row| name(row, 0)).collect()
}

/// Whether a user made the database. Names with a slash are revisions (`db/branch`).
pub fn is_shown(name: &str) -> bool {
    !SYSTEM.contains(&name.to_lowercase().as_str()) && !is_left_by_tests(name) && !name.contains('/')
}

fn query(databases: &[&str], with_names: bool) -> String {
    let mut selects = Vec::with_capacity(databases.len() * 2 + 1);
    for name in databases {
        let (text, name) = (literal(name), ident(name));
        selects.push(format!("SELECT {text}, '{BRANCH}', name, hash FROM {name}.dolt_branches"));
        selects.push(format!("SELECT {text}, '{TAG}', tag_name, tag_hash FROM {name}.dolt_tags"));
    }
    if with_names {
        selects
            .push(format!("SELECT schema_name, '{DATABASE}', NULL, NULL FROM information_schema.schemata"));
    }
    selects.join(" UNION ALL ")
}

/// Sorts branches and tags into `all`, with an entry for each database that was asked; returns the databases named.
fn sort_rows(
    rows: &[Row],
    asked: &[&str],
    all: &mut BTreeMap<String, Heads>,
) -> Result<BTreeSet<String>, QueryError> {
    all.extend(asked.iter().map(|&name| (name.to_owned(), Heads::default())));
    let mut names = BTreeSet::new();
    for row in rows {
        let (database, kind) = (name(row, 0)?, needed_text(row, 1)?);
        if kind == DATABASE {
            names.extend(Some(database).filter(|name| is_shown(name)));
            continue;
        }
        let name = name(row, 2)?;
        let hash: Arc<str> = needed_text(row, 3)?.into();
        let heads = all.entry(database).or_default();
        match kind.as_str() {
            BRANCH => heads.branches.insert(name, hash),
            TAG => heads.tags.insert(name, hash),
            other => return Err(Fault::Answer(format!("{other:?} is neither branch nor tag")).into()),
        };
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_and_test_databases_are_left_out() {
        for name in ["mysql", "Information_Schema", "testdb_42", "DocTest_x", "beads/main"] {
            assert!(!is_shown(name), "{name}");
        }
        for name in ["beads", "we-ird db'q", "my_testdb_1", "testdb", "sys2"] {
            assert!(is_shown(name), "{name}");
        }
    }

    #[test]
    fn one_query_names_every_database_quoted() {
        let query = query(&["a`b'c", "d"], true);
        assert!(
            query.contains("SELECT 'a`b''c', 'b', name, hash FROM `a``b'c`.dolt_branches UNION ALL"),
            "{query}"
        );
        assert_eq!(query.matches("UNION ALL").count(), 4);
    }

    #[test]
    fn a_silent_database_is_expected_to_be_silent() {
        let set = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<BTreeSet<_>>();
        let expected = Expected { answering: set(&["a", "c"]), silent: set(&["b"]) };
        assert!(is_as_expected(&set(&["a", "b", "c"]), &expected, None));
        assert!(!is_as_expected(&set(&["a", "c"]), &expected, None));
        assert!(!is_as_expected(&set(&["a", "b", "c", "d"]), &expected, None));
        assert!(!is_as_expected(&set(&[]), &Expected::default(), None), "nothing was asked yet");
        assert!(!is_as_expected(&set(&[]), &Expected::default(), Some("a")), "nothing was asked yet");
    }
}
