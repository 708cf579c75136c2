//! Decides which views can be shown: those whose rows depend on the file alone.
//!
//! SQLite reports what a view calls and reads through the authorizer, which it calls for each function and table when
//! it prepares a statement. Only what is listed here is allowed.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use sqlparser::ast::Statement;
use sqlparser::dialect::SQLiteDialect;
use sqlparser::parser::Parser;

use super::connection::Connected;
use super::relation::Relation;
use super::select::Select;
use crate::util::locks::lock;

/// Functions whose result depends only on their arguments, sorted. Those of dates are not among them: each reads the
/// clock if an argument, which may come from a row, is `now`.
#[rustfmt::skip]
const DETERMINISTIC: [&str; 98] = [
    "->", "->>", "abs", "avg", "bm25", "char", "coalesce", "concat", "concat_ws", "count", "cume_dist",
    "dense_rank", "first_value", "format", "glob", "group_concat", "hex", "highlight", "if", "ifnull",
    "iif", "instr", "json", "json_array", "json_array_insert", "json_array_length", "json_error_position",
    "json_extract", "json_group_array", "json_group_object", "json_insert", "json_object", "json_patch",
    "json_pretty", "json_quote", "json_remove", "json_replace", "json_set", "json_type", "json_valid",
    "jsonb", "jsonb_array", "jsonb_array_insert", "jsonb_extract", "jsonb_group_array",
    "jsonb_group_object", "jsonb_insert", "jsonb_object", "jsonb_patch", "jsonb_remove", "jsonb_replace",
    "jsonb_set", "lag", "last_value", "lead", "length", "like", "likelihood", "likely", "lower", "ltrim",
    "match", "matchinfo", "max", "median", "min", "nth_value", "ntile", "nullif", "octet_length", "offsets",
    "percent_rank", "percentile", "percentile_cont", "percentile_disc", "printf", "quote", "rank",
    "replace", "round", "row_number", "rtrim", "sign", "snippet", "soundex", "string_agg", "substr",
    "substring", "sum", "total", "trim", "typeof", "unhex", "unicode", "unistr", "unistr_quote", "unlikely",
    "upper",
];

/// Functions that return tables whose rows depend only on their arguments.
const TABLE_FUNCTIONS: [&str; 4] = ["json_each", "json_tree", "jsonb_each", "jsonb_tree"];

/// Checks that a view can be prepared, and that it calls and reads nothing but what decides its rows. `readable` are
/// the lower-case names of the tables and views that it may read. The error completes the sentence "the view ...".
pub(super) fn check(
    connected: &mut Connected,
    view: &Relation,
    readable: Arc<BTreeSet<String>>,
) -> Result<(), String> {
    // Its columns are read first: a view that cannot be prepared has none.
    let select = Select::new(connected, view).map_err(|problem| format!("cannot be read: {problem}"))?;
    let refused = Arc::new(Mutex::new(None::<String>));
    let told = Arc::clone(&refused);
    let ask = move |context: AuthContext<'_>| match why_not(&context.action, &readable) {
        None => Authorization::Allow,
        Some(reason) => {
            lock(&told).get_or_insert(reason);
            Authorization::Deny
        }
    };
    let connection = &mut connected.connection;
    let broken = |error: rusqlite::Error| format!("cannot be read: {error}");
    connection.authorizer(Some(ask)).map_err(broken)?;
    let prepared = connection.prepare(&select.sql).map(drop);
    connection.authorizer(None::<fn(AuthContext<'_>) -> Authorization>).map_err(broken)?;
    match lock(&refused).take() {
        Some(reason) => Err(reason),
        None => prepared.map_err(broken),
    }
}

fn why_not(action: &AuthAction<'_>, readable: &BTreeSet<String>) -> Option<String> {
    match action {
        AuthAction::Select | AuthAction::Recursive => None,
        AuthAction::Function { function_name } => {
            let name = function_name.to_ascii_lowercase();
            DETERMINISTIC.binary_search(&name.as_str()).is_err().then(|| format!("calls {name}"))
        }
        AuthAction::Read { table_name, .. } => {
            let name = table_name.to_ascii_lowercase();
            let is_fine = readable.contains(&name) || TABLE_FUNCTIONS.contains(&name.as_str());
            (!is_fine).then(|| format!("reads {table_name}, which is not shown"))
        }
        _ => Some("does more than read".to_owned()),
    }
}

/// Whether the outermost query of a `CREATE VIEW` says in which order the rows come. False if that cannot be told.
pub(super) fn is_ordered(definition: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(definition) else { return false };
    match Parser::parse_sql(&SQLiteDialect {}, text).as_deref() {
        Ok([Statement::CreateView(create)]) => create.query.order_by.is_some(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_functions_is_sorted_for_the_search() {
        assert!(DETERMINISTIC.is_sorted());
    }

    #[test]
    fn only_the_outermost_order_counts() {
        assert!(is_ordered(b"CREATE VIEW v AS SELECT a FROM t ORDER BY a LIMIT 3"));
        assert!(is_ordered(b"CREATE VIEW v(x) AS SELECT a FROM t UNION SELECT 2 ORDER BY 1"));
        assert!(!is_ordered(b"CREATE VIEW v AS SELECT a FROM (SELECT a FROM t ORDER BY a)"));
        assert!(!is_ordered(b"CREATE VIEW v AS SELECT 'ORDER BY a' FROM t"));
        assert!(!is_ordered(b"what is this"));
    }
}
