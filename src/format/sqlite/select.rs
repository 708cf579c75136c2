//! The query for the rows of a table or view.

use super::connection::{Connected, TextEncoding};
use super::problem::{Result, SqliteProblem};
use super::relation::{Relation, RelationKind};
use super::schema::{columns, primary_key};
use super::stand_ins;
use crate::model::jsonl::LineLayout;

/// Most columns of a result: what SQLite is built with.
const MOST_COLUMNS: usize = 2000;

pub(super) struct Select {
    pub(super) sql: String,
    /// A query for the rowids of a table, as they are stored, if it has them and they have a name. If its rows are to
    /// be sorted, the lengths of their values follow.
    pub(super) rowids: Option<String>,
    /// Whether there are columns that an expression makes.
    pub(super) is_computed: bool,
    pub(super) layout: LineLayout,
    pub(super) columns: Vec<String>,
}

impl Select {
    /// The query for `relation`. Rows of a table come in the order of its primary key, as the key is declared: with its
    /// collations and directions; rows whose keys are equal (only NULL can be in two rows), and rows of a table whose
    /// key is the rowid or that has none, by rowid. Where only the program that made the file has a collation of the
    /// key, rows come as they are stored: by rowid, or `WITHOUT ROWID` in the order that the program gave them. Those
    /// of a virtual table come by rowid, those of a view as it gives them.
    pub(super) fn new(connected: &Connected, relation: &Relation) -> Result<Self> {
        let connection = &connected.connection;
        let columns = columns(connection, &relation.name)?;
        let is_computed = columns.iter().any(|column| column.is_generated);
        let columns: Vec<_> = columns.into_iter().map(|column| column.name).collect();
        if columns.is_empty() {
            return Err(SqliteProblem::NoSuchTable);
        }
        let is_utf16 = connected.encoding != TextEncoding::Utf8;
        if is_utf16 && columns.len() * 2 > MOST_COLUMNS {
            return Err(SqliteProblem::TooManyColumns(columns.len()));
        }
        let value = if is_utf16 { utf16_value } else { utf8_value };
        let values: Vec<_> = columns.iter().map(|column| value(&quoted(column))).collect();
        // Without indexes the rows are those of the table, even if a damaged index lacks some.
        let (from, order) = match relation.kind {
            RelationKind::Table => (" NOT INDEXED", table_order(connected, relation, &columns, is_computed)?),
            RelationKind::VirtualTable => ("", rowid(&columns).into_iter().map(str::to_owned).collect()),
            RelationKind::View { .. } => ("", Vec::new()),
        };
        let mut sql = format!("SELECT {} FROM main.{} AS t{from}", values.join(","), quoted(&relation.name));
        if !order.is_empty() {
            sql.push_str(" ORDER BY ");
            sql.push_str(&order.join(","));
        }
        let has_rowids = relation.kind == RelationKind::Table && !relation.is_without_rowid;
        let rowids = rowid(&columns).filter(|_| has_rowids).map(|rowid| {
            let mut query = format!("SELECT {rowid}");
            if order.len() > 1 {
                query.extend(columns.iter().map(|column| format!(",octet_length({})", quoted(column))));
            }
            query + " FROM main." + &quoted(&relation.name) + " NOT INDEXED"
        });
        Ok(Self { sql, rowids, is_computed, layout: LineLayout::new(&columns), columns })
    }
}

fn table_order(
    connected: &Connected,
    relation: &Relation,
    columns: &[String],
    is_computed: bool,
) -> Result<Vec<String>> {
    let mut key = primary_key(&connected.connection, &relation.name)?;
    // The expression of a computed column could call a stand-in.
    if !is_computed && stand_ins::for_table(&connected.connection, &relation.name)? {
        key.clear();
    }
    let mut order: Vec<_> = key
        .iter()
        .map(|column| {
            let direction = if column.is_descending { "DESC" } else { "ASC" };
            format!("t.{} COLLATE {} {direction}", quoted(&column.name), quoted(&column.collation))
        })
        .collect();
    if !relation.is_without_rowid {
        order.extend(rowid(columns).map(str::to_owned));
    }
    Ok(order)
}

/// The name of the rowid. None if columns have all its names: rows still come by it, as a table is stored in that
/// order.
pub(super) fn rowid(columns: &[String]) -> Option<&'static str> {
    let is_free = |name: &&str| !columns.iter().any(|column| column.eq_ignore_ascii_case(name));
    ["rowid", "_rowid_", "oid"].into_iter().find(is_free)
}

fn utf8_value(column: &str) -> String {
    format!("t.{column}")
}

/// The type of a value, and the value, a text as its stored bytes: SQLite's own conversion to UTF-8 accepts any bytes.
pub(super) fn utf16_value(column: &str) -> String {
    format!(
        "typeof(t.{column}),CASE typeof(t.{column}) WHEN 'text' THEN CAST(t.{column} AS BLOB) ELSE t.{column} END"
    )
}

/// A name, quoted for SQL.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
