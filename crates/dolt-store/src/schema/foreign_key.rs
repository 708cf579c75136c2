//! Foreign keys: the `DFKC` message of a root value (`serial/foreign_key.fbs`).

use super::Schema;
use crate::message::{FOREIGN_KEYS_ID, Message, MessageError, MessageTable};
use crate::rows_error::RowsError;
use crate::sql::{ident, idents};

/// A foreign key of one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignKey {
    /// Its name.
    pub name: String,
    /// The table that declares it.
    pub child_table: String,
    /// The table that it refers to.
    pub parent_table: String,
    child_columns: KeyColumns,
    parent_columns: KeyColumns,
    on_update: u8,
    on_delete: u8,
    match_type: u8,
}

/// The columns of one side of a foreign key.
#[derive(Debug, Clone, PartialEq, Eq)]
enum KeyColumns {
    /// By name. Version 1.88.1 always writes these, and keeps them right when a column is renamed.
    Names(Vec<String>),
    /// By tag: keys of versions that wrote names only while a table was missing.
    Tags(Vec<u64>),
}

impl ForeignKey {
    /// All foreign keys of a root value, by name.
    pub fn read_all(message: &Message) -> Result<Vec<Self>, MessageError> {
        if message.id != FOREIGN_KEYS_ID {
            return Err(MessageError::WrongId { found: message.id, wanted: FOREIGN_KEYS_ID });
        }
        message.check_fields(1)?;
        let mut keys = message.tables(0)?.iter().map(Self::read).collect::<Result<Vec<_>, _>>()?;
        keys.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(keys)
    }

    fn read(table: &MessageTable) -> Result<Self, MessageError> {
        // See [`foreign_key_parts`](crate::objects::foreign_key_parts) for all fields. Whether it is NOT VALID is not
        // printed by `SHOW CREATE TABLE`.
        table.check_fields(15)?;
        let (child, parent) = (table.strings(9)?, table.strings(10)?);
        let (child_columns, parent_columns) = match child.is_empty() || parent.is_empty() {
            true => (KeyColumns::Tags(table.u64s(3)?), KeyColumns::Tags(table.u64s(6)?)),
            false => (KeyColumns::Names(child), KeyColumns::Names(parent)),
        };
        Ok(Self {
            name: table.string(0)?,
            child_table: table.string(1)?,
            parent_table: table.string(4)?,
            child_columns,
            parent_columns,
            on_update: table.u8(7)?,
            on_delete: table.u8(8)?,
            match_type: table.u8(14)?,
        })
    }

    /// Whether the table declares it. Names of tables are compared without regard to case, as Dolt does.
    pub fn is_of(&self, table: &str) -> bool {
        self.child_table.to_lowercase() == table.to_lowercase()
    }

    /// Its line in `CREATE TABLE`. `parent` is the schema of [`Self::parent_table`], if that table exists.
    pub fn clause(&self, child: &Schema, parent: Option<&Schema>) -> Result<String, RowsError> {
        let child_columns = self.child_columns.names(Some(child));
        let parent_columns = self.parent_columns.names(parent);
        let (Some(child_columns), Some(parent_columns)) = (child_columns, parent_columns) else {
            let problem =
                format!("has a foreign key {:?} over columns that are not in their tables", self.name);
            return Err(RowsError::DamagedSchema { table: child.table.clone(), problem });
        };
        let mut clause = format!(
            "  CONSTRAINT {} FOREIGN KEY ({}) REFERENCES {} ({})",
            ident(&self.name),
            idents(&child_columns),
            ident(&self.parent_table),
            idents(&parent_columns),
        );
        let unsupported = |what: String| RowsError::UnsupportedTable {
            table: child.table.clone(),
            problem: format!("has a foreign key {:?} with an unknown {what}", self.name),
        };
        // SIMPLE, FULL and PARTIAL: `SHOW CREATE TABLE` prints none of them.
        if self.match_type > 2 {
            return Err(unsupported(format!("MATCH type, number {}", self.match_type)));
        }
        for (event, number) in [("DELETE", self.on_delete), ("UPDATE", self.on_update)] {
            let action = action(number).ok_or_else(|| unsupported(format!("action, number {number}")))?;
            if !action.is_empty() {
                clause.push_str(&format!(" ON {event} {action}"));
            }
        }
        Ok(clause)
    }
}

impl KeyColumns {
    fn names(&self, schema: Option<&Schema>) -> Option<Vec<String>> {
        match self {
            Self::Names(names) => Some(names.clone()),
            Self::Tags(tags) => {
                let columns = &schema?.columns;
                let name =
                    |tag| columns.iter().find(|column| column.tag == tag).map(|column| column.name.clone());
                tags.iter().map(|&tag| name(tag)).collect()
            }
        }
    }
}

/// What a referential action is called; nothing where none was stated.
fn action(number: u8) -> Option<&'static str> {
    ["", "CASCADE", "NO ACTION", "RESTRICT", "SET NULL", "SET DEFAULT"].get(usize::from(number)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a server of version 1.88.1 wrote: one key over two columns, and one whose parent table does not exist.
    const KEYS: &[u8] = include_bytes!("../testing/foreign_keys.bin");
    /// Schema of the table that declares the first key.
    const CHILD: &[u8] = include_bytes!("../testing/foreign_child.bin");
    /// Schema of the table that the first key refers to.
    const PARENT: &[u8] = include_bytes!("../testing/foreign_parent.bin");
    /// Schema of the table that declares the second key.
    const LONE: &[u8] = include_bytes!("../testing/foreign_lone.bin");

    fn message(bytes: &'static [u8]) -> Message {
        Message::parse(bytes::Bytes::from_static(bytes)).expect("a message")
    }

    fn schema(table: &str, bytes: &'static [u8]) -> Schema {
        Schema::read(table, &message(bytes)).expect("a schema")
    }

    #[test]
    fn clauses_are_the_servers() {
        let keys = ForeignKey::read_all(&message(KEYS)).expect("it is whole");
        let [one, two] = keys.as_slice() else { panic!("{keys:?}") };
        assert!(one.is_of("DOWN") && two.is_of("lone") && !one.is_of("lone"));
        let (child, parent) = (schema("down", CHILD), schema("up", PARENT));
        assert_eq!(
            one.clause(&child, Some(&parent)).expect("both are there"),
            "  CONSTRAINT `one` FOREIGN KEY (`y`,`z`) REFERENCES `up` (`a`,`b`) ON DELETE CASCADE ON UPDATE SET NULL"
        );
        assert_eq!(
            two.clause(&schema("lone", LONE), None).expect("it has names"),
            "  CONSTRAINT `two` FOREIGN KEY (`x`) REFERENCES `nowhere` (`n`)"
        );
    }

    #[test]
    fn columns_are_found_by_tag_too() {
        let mut one = ForeignKey::read_all(&message(KEYS)).expect("it is whole").swap_remove(0);
        let (child, parent) = (schema("down", CHILD), schema("up", PARENT));
        let by_name = one.clause(&child, Some(&parent)).expect("both are there");
        one.child_columns = KeyColumns::Tags(vec![child.columns[1].tag, child.columns[2].tag]);
        one.parent_columns = KeyColumns::Tags(vec![parent.columns[0].tag, parent.columns[1].tag]);
        assert_eq!(one.clause(&child, Some(&parent)).expect("both are there"), by_name);
        assert!(matches!(one.clause(&child, None), Err(RowsError::DamagedSchema { .. })));
        assert!(matches!(one.clause(&parent, Some(&parent)), Err(RowsError::DamagedSchema { .. })));
    }

    #[test]
    fn a_way_to_match_is_not_printed_and_an_unknown_one_or_action_is_an_error() {
        let mut one = ForeignKey::read_all(&message(KEYS)).expect("it is whole").swap_remove(0);
        let clause = |key: &ForeignKey| key.clause(&schema("down", CHILD), None);
        let simple = clause(&one).expect("it has names");
        one.match_type = 1;
        assert_eq!(clause(&one).expect("MATCH FULL is known"), simple);
        let unknown_match = ForeignKey { match_type: 3, ..one.clone() };
        for unknown in [unknown_match, ForeignKey { on_delete: 9, ..one }] {
            assert!(matches!(clause(&unknown), Err(RowsError::UnsupportedTable { .. })), "{unknown:?}");
        }
    }
}
