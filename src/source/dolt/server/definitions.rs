//! How a table is defined at a commit: what decides whether two versions can be compared.

use std::sync::Arc;

use mysql_common::row::Row;

use super::answer_columns::{needed_text, text};
use super::fault::{Fault, QueryError};
use super::lease::Lease;
use super::sql::Revision;
use crate::content::versioned::Family;
use crate::model::content_id::ContentId;
use crate::model::jsonl::line_key::{KeyColumn, KeyKind, KeyOrder};
use crate::source::dolt::common::ident;

/// Where the last line of a `CREATE TABLE` begins.
const LAST_LINE: &str = "\n) ENGINE=InnoDB";
/// What Dolt appends for a table with a counter.
const COUNTER: &str = " AUTO_INCREMENT=";

/// A definition of a table.
#[derive(Debug)]
pub struct TableDefinition {
    pub family: Arc<Family>,
    /// The columns, in the order in which they are shown.
    pub columns: Vec<String>,
    /// The columns of the primary key, in the key's order; none for a table without one.
    pub key: Vec<String>,
    /// Whether `dolt_diff` reports every difference between two versions that a full read shows.
    pub is_told: bool,
}

/// The `CREATE TABLE` at a revision, without the counter of AUTO_INCREMENT; none where there is no such table.
pub async fn statement(
    lease: &mut Lease,
    database: &str,
    table: &str,
    revision: &Revision,
) -> Result<Option<String>, QueryError> {
    let query = format!("SHOW CREATE TABLE {}.{}{}", ident(database), ident(table), revision.as_of());
    match lease.rows(&query).await {
        Ok(rows) => match rows.first() {
            Some(row) => Ok(Some(without_counter(needed_text(row, 1)?))),
            None => Err(QueryError::from(Fault::Answer("no row".to_owned())).in_query(&query)),
        },
        Err(error) if error.is_no_such_table() => Ok(None),
        Err(error) => Err(error),
    }
}

/// Removes the AUTO_INCREMENT counter, which every insert moves and which changes no row.
///
/// Comments and defaults may hold anything, so the counter is removed only where nothing else can look like it.
fn without_counter(statement: String) -> String {
    let Some((columns, options)) = statement.split_once(LAST_LINE) else { return statement };
    let Some(counter) = options.strip_prefix(COUNTER).filter(|_| !options.contains(LAST_LINE)) else {
        return statement;
    };
    let rest = counter.trim_start_matches(|digit: char| digit.is_ascii_digit());
    format!("{columns}{LAST_LINE}{rest}")
}

/// Loads the columns and the key. The source's label is part of the family's id: two servers may have databases of one
/// name.
pub async fn load(
    lease: &mut Lease,
    label: &str,
    database: &str,
    table: &str,
    revision: &Revision,
    statement: &str,
) -> Result<TableDefinition, QueryError> {
    // Columns and keys are queried, not parsed from the statement, so that no name can be mistaken.
    let place = format!("{}.{}", revision.database(database), ident(table));
    let columns = lease.rows(&format!("SHOW FULL COLUMNS FROM {place}")).await?;
    let columns = columns.iter().map(DefinedColumn::read).collect::<Result<Vec<_>, _>>()?;
    let key = key_columns(lease, database, table, revision).await?;
    let parts = ["dolt-family", label, database, table, statement].map(str::as_bytes);
    let family = Family { id: ContentId::of(&parts), order: order(&columns, &key) };
    let is_told = is_told(statement, &columns, &key);
    let columns = columns.into_iter().map(|column| column.name).collect();
    Ok(TableDefinition { family: Arc::new(family), columns, key, is_told })
}

/// The columns of a table's primary key, in the key's order; none for a table without one.
pub async fn key_columns(
    lease: &mut Lease,
    database: &str,
    table: &str,
    revision: &Revision,
) -> Result<Vec<String>, QueryError> {
    let place = format!("{}.{}", revision.database(database), ident(table));
    let mut key = Vec::new();
    for row in lease.rows(&format!("SHOW INDEX FROM {place}")).await? {
        if needed_text(&row, 2)? == "PRIMARY" {
            let at = needed_text(&row, 3)?;
            let at: usize = at.parse().map_err(|_| Fault::Answer(format!("{at:?} is no place in a key")))?;
            key.push((at, needed_text(&row, 4)?));
        }
    }
    key.sort();
    Ok(key.into_iter().map(|(_, name)| name).collect())
}

/// Whether `dolt_diff` reports every difference. It does not
///
/// - where a column is generated and not stored: it gives NULL, and mistakes the columns of a table without a key.
///   (`SHOW COLUMNS` does not say which are. A table whose comments say that it has one is left out, too.)
/// - where different keys compare as equal (`a` and `A`, 0 and -0): it has one key for the old row and the new one;
/// - where a column is called as what it adds, so that its own cannot be named any more.
fn is_told(statement: &str, columns: &[DefinedColumn], key: &[String]) -> bool {
    const ADDED: [&str; 2] = ["commit", "commit_date"];
    let is_added = |column: &DefinedColumn| ADDED.iter().any(|name| column.name.eq_ignore_ascii_case(name));
    let is_exact = |name: &String| columns.iter().any(|column| column.name == *name && column.is_exact_key());
    !statement.to_ascii_uppercase().contains("GENERATED ALWAYS")
        && !columns.iter().any(is_added)
        && key.iter().all(is_exact)
}

/// One row of `SHOW FULL COLUMNS`.
struct DefinedColumn {
    name: String,
    /// As SQL writes it: `int unsigned`, `varchar(20)`.
    kind: String,
    /// None for what is no text.
    collation: Option<String>,
}

impl DefinedColumn {
    fn read(row: &Row) -> Result<Self, QueryError> {
        Ok(Self { name: needed_text(row, 0)?, kind: needed_text(row, 1)?, collation: text(row, 2)? })
    }

    /// The type without what follows: `int`, `varchar`.
    fn type_name(&self) -> String {
        let end = self.kind.find(['(', ' ']).unwrap_or(self.kind.len());
        self.kind[..end].to_ascii_lowercase()
    }

    /// Whether values that compare as equal are equal.
    fn is_exact_key(&self) -> bool {
        self.key_kind().is_some() || matches!(self.type_name().as_str(), "bit" | "enum" | "set")
    }

    /// How its values compare; `None` where the rendered line does not show it: FLOAT and DOUBLE, BIT, ENUM, SET, texts out
    /// of line, and strings that do not compare by their bytes.
    fn key_kind(&self) -> Option<KeyKind> {
        Some(match self.type_name().as_str() {
            "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "year" => KeyKind::Integer,
            "decimal" => KeyKind::Decimal,
            "binary" | "varbinary" => KeyKind::Binary,
            "date" | "datetime" | "timestamp" => KeyKind::DateTime,
            "time" => KeyKind::Time,
            "char" | "varchar" if self.compares_by_bytes() => KeyKind::Text,
            _ => return None,
        })
    }

    /// Whether it is a string in one of the two collations that order by code points, and so by bytes. (Dolt pads none.
    /// Other binary collations have weights for some code points only.)
    ///
    /// Dolt writes a collation other than `utf8mb4_0900_bin` behind the type, and says `utf8mb4_0900_bin` of every
    /// column (1.88.1); MySQL has it the other way round. Both have to agree.
    fn compares_by_bytes(&self) -> bool {
        let stated = self.kind.split_once(')').map(|(_, rest)| rest);
        matches!(stated, Some("" | " COLLATE utf8mb4_bin" | " COLLATE utf8mb4_0900_bin"))
            && matches!(self.collation.as_deref(), Some("utf8mb4_0900_bin" | "utf8mb4_bin"))
    }
}

fn order(columns: &[DefinedColumn], key: &[String]) -> Option<KeyOrder> {
    let column = |name: &String| {
        let place = columns.iter().position(|column| column.name == *name)?;
        Some(KeyColumn { place, kind: columns[place].key_kind()? })
    };
    KeyOrder::new(key.iter().map(column).collect::<Option<Vec<_>>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_counter_is_taken_out() {
        let end = "\n) ENGINE=InnoDB AUTO_INCREMENT=12 DEFAULT CHARSET=utf8mb4";
        let without = "\n) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4";
        let take = |text: &str| without_counter(text.to_owned());
        assert_eq!(take(&format!("CREATE TABLE `t` ({end}")), format!("CREATE TABLE `t` ({without}"));
        for left in [
            format!("CREATE TABLE `t` ({without} COMMENT='AUTO_INCREMENT=5'"),
            format!("CREATE TABLE `t` (`e` enum('{end}'){without}"),
            format!("CREATE TABLE `t` ({end} COMMENT='{end}'"),
            "CREATE VIEW".to_owned(),
        ] {
            assert_eq!(take(&left), left);
        }
    }

    /// The tests over servers ask for keys of every type (`versions::keys`).
    #[test]
    fn texts_are_ordered_only_where_the_type_and_the_collation_agree() {
        for (kind, collation, expected) in [
            ("varchar(20)", Some("utf8mb4_bin"), Some(KeyKind::Text)),
            ("varchar(20)", Some("utf8mb4_0900_ai_ci"), None),
            ("varchar(20)", Some("latin1_bin"), None),
            ("varchar(20)", None, None),
            ("varchar(20) CHARACTER SET latin1 COLLATE latin1_bin", Some("utf8mb4_0900_bin"), None),
            ("text", Some("utf8mb4_0900_bin"), None),
            ("json", None, None),
            ("point", None, None),
        ] {
            let (name, collation) = ("c".to_owned(), collation.map(str::to_owned));
            let column = DefinedColumn { name, kind: kind.to_owned(), collation };
            assert_eq!(column.key_kind(), expected, "{kind}");
        }
    }
}
