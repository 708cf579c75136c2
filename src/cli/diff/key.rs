//! What to say of a `KEY` that finds no row.

use crate::cli::Failure;
use crate::cli::place::{alike, listed};
use crate::query::table_name;

/// What to say of a key that no row has.
pub(super) fn unknown(table: &str, key: &str, names: &[String]) -> Failure {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let table = table_name(table);
    let hint = match alike(key, &names) {
        _ if names.is_empty() => format!("{table} has no row on either side"),
        found if found.is_empty() => format!("its rows are {}", listed(&names)),
        found => format!("did you mean {}?", found.join(" or ")),
    };
    Failure::new(format!("neither side has a row `{key}` in {table}")).hint(hint)
}

/// What to say where rows have no key.
pub(super) fn none(table: &str) -> Failure {
    Failure::new(format!("the rows of {} have no key", table_name(table)))
        .hint("leave the KEY out, and look for the row with grep")
}
