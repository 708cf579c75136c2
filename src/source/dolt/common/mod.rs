//! What both ways to a Dolt database share: over a server, and from its files.
//!
//! | file | concern |
//! | --- | --- |
//! | `lineage` | which commit last changed which table: the identity of contents |
//! | `listing`, `views` | the tables and views of one revision |
//! | `schema_sql` | `schema.sql` from its statements |
//! | `create_table`, `sql_dump` | a whole commit as SQL, around its rows |
//! | `programs` | its views, triggers, events and procedures, in an order in which these can be made |

use std::collections::BTreeMap;

use crate::content::SourceError;
use crate::source::verify::Finding;

pub mod create_table;
pub mod lineage;
pub mod listing;
pub mod programs;
pub mod schema_sql;
pub mod sql_dump;
pub mod views;

pub use dolt_store::sql::ident;

/// What the tests of Beads and Gas Town call their databases.
const PREFIXES: [&str; 2] = ["testdb_", "doctest_"];

/// Whether a database is one that a test run left on a developer's machine.
pub fn is_left_by_tests(name: &str) -> bool {
    let name = name.to_lowercase();
    PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// Notes why a database cannot be read; logs it, unless that was the reason last time, too.
pub fn complain(complaints: &mut BTreeMap<String, Finding>, name: &str, error: &SourceError) {
    let finding = Finding::of(name, error);
    if complaints.get(name) != Some(&finding) {
        tracing::warn!(database = name, hint = error.hint.as_deref(), "{}", finding.problem);
        complaints.insert(name.to_owned(), finding);
    }
}
